// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

const filterClass = "org.apache.kafka.connect.transforms.Filter"

func init() {
	Register(filterClass, Plugin{Def: config.Def{}, New: func(config.Values) (Transform, error) { return Filter{}, nil }})
}

// Filter drops every row that it sees: it is meant to stand behind a predicate.
type Filter struct{}

// Apply drops the live rows.
func (Filter) Apply(b *batch.Batch) error {
	for row := range b.N {
		b.Drop(row)
	}
	return nil
}
