// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"reflect"
	"testing"

	"github.com/penstock-io/penstock/config/kafkadefs"
)

// TestDefsAreKafkas compares the definitions with those recorded from Kafka Connect's classes, docs aside.
func TestDefsAreKafkas(t *testing.T) {
	for _, class := range Transforms.Names() {
		want, ok := kafkadefs.Get(class)
		if !ok {
			continue
		}
		plugin, _, _ := Transforms.Lookup(class)
		if !reflect.DeepEqual(plugin.Def.Names(), want.Names()) {
			t.Errorf("%s: keys %v, want %v", class, plugin.Def.Names(), want.Names())
			continue
		}
		for _, name := range want.Names() {
			g, _ := plugin.Def.Find(name)
			w, _ := want.Find(name)
			gv, wv := "", ""
			if g.Validator != nil {
				gv = g.Validator.String()
			}
			if w.Validator != nil {
				wv = w.Validator.String()
			}
			if gv != wv {
				t.Errorf("%s %s: validator %q, want %q", class, name, gv, wv)
			}
			g.Doc, w.Doc, g.Validator, w.Validator = "", "", nil, nil
			if !reflect.DeepEqual(g, w) {
				t.Errorf("%s %s:\ngot  %+v\nwant %+v", class, name, g, w)
			}
		}
	}
}
