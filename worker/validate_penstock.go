// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/engine"
)

// penstock checks the penstock.* keys of a connector. The answer has those alone that are wrong: for every configuration
// that Connect knows it stays Connect's.
func (v *validation) penstock() []config.Value {
	props := config.Props{}
	for _, name := range engine.ConnectorDef.Names() {
		if text, ok := v.props[name]; ok && text != nil {
			props[name] = text
		}
	}
	if len(props) == 0 {
		return nil
	}
	var wrong []config.Value
	for _, x := range engine.ConnectorDef.ValidateWith(props, v.o) {
		if len(x.Errors) > 0 {
			wrong = append(wrong, x)
		}
	}
	return wrong
}
