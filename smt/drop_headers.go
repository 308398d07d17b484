// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

const dropHeadersClass = "org.apache.kafka.connect.transforms.DropHeaders"

func init() {
	Register(dropHeadersClass, Plugin{Def: dropHeadersConfig, New: func(v config.Values) (Transform, error) {
		return &DropHeaders{names: v.List("headers")}, nil
	}})
}

var dropHeadersConfig = config.Def{
	config.List("headers").Required().High().Validate(config.ValidList{}).Doc("The name of the headers to be removed."),
}

// DropHeaders removes all headers of some names. It looks at keys only.
type DropHeaders struct{ names []string }

// Apply removes the headers from the live rows.
func (t *DropHeaders) Apply(b *batch.Batch) error {
	if !b.Headers.Any() {
		return nil
	}
	for row := range b.N {
		hs := b.Headers.Of(row)
		if len(hs) == 0 || b.IsDead(row) {
			continue
		}
		kept := hs[:0]
		for _, h := range hs {
			if !slices.Contains(t.names, h.Key) {
				kept = append(kept, h)
			}
		}
		clear(hs[len(kept):])
		b.Headers.Set(row, b.N, kept)
	}
	return nil
}
