// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/values"
)

const insertHeaderClass = "org.apache.kafka.connect.transforms.InsertHeader"

func init() {
	Register(insertHeaderClass, Plugin{Def: insertHeaderConfig, New: newInsertHeader})
}

var insertHeaderConfig = config.Def{
	config.String("header").Required().High().Validate(config.NonNull).Doc("The name of the header."),
	config.String("value.literal").Required().High().Validate(config.NonNull).
		Doc("The literal value that is to be set as the header value on all records."),
}

// InsertHeader adds a header to every record, after those that it has. The type of its value is guessed from the text,
// as Connect's Values.parseString does: 42 is an INT8, true a BOOLEAN, [1,2] a list.
type InsertHeader struct {
	header batch.Header
	err    error // what ConnectHeaders.add says of the value, for every record
}

func newInsertHeader(v config.Values) (Transform, error) {
	t := &InsertHeader{header: batch.Header{Key: v.String("header"), Decoded: true, Raw: batch.NullView}}
	if literal := values.Parse(v.String("value.literal")); literal != nil {
		t.header.Schema, t.header.Value = literal.Schema, literal.Value
	}
	if t.header.Schema != nil {
		t.err = headerFault(t.header.Schema, t.header.Value)
	}
	return t, nil
}

// UsesHeaders reports that headers are written as values.
func (t *InsertHeader) UsesHeaders() bool { return true }

// Apply adds the header to the live rows. Rows without headers get theirs from one array; the value is shared.
func (t *InsertHeader) Apply(b *batch.Batch) error {
	var fresh []batch.Header
	for row := range b.N {
		if b.IsDead(row) {
			continue
		}
		if t.err != nil {
			b.Fail(row, batch.Transformation, t.err)
			continue
		}
		hs := b.Headers.Of(row)
		if len(hs) > 0 {
			b.Headers.Set(row, b.N, append(slices.Clip(hs), t.header))
			continue
		}
		if fresh == nil {
			fresh = make([]batch.Header, b.N)
		}
		fresh[row] = t.header
		b.Headers.Set(row, b.N, fresh[row:row+1:row+1])
	}
	return nil
}
