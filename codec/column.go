// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"github.com/penstock-io/penstock/batch"
)

// decodeColumn fills a side with one typed column: cell turns the bytes of a row that is not null into a cell, and may
// append to the slab. A null stays a null under the schema, as these converters do in Java.
func decodeColumn(b *batch.Batch, side batch.Side, s *batch.Schema, cell func(v batch.View) (uint64, error)) error {
	column := b.NewColumn(s)
	for row, v := range views(b, side)[:b.N] {
		if v.IsNull() || b.IsDead(row) {
			column.PushNull()
			continue
		}
		word, err := cell(v)
		if err != nil {
			b.Fail(row, batch.ConverterStage(side), err)
			column.PushNull()
			continue
		}
		column.Push(word)
	}
	if b.N > 0 {
		b.Side(side).Set(s, column)
	}
	return nil
}

// encodeRows writes the live rows of a side. fast appends the cell of a row that is not null and reports true, or
// reports false for what is better done value by value, by c.
func encodeRows(b *batch.Batch, side batch.Side, c single, fast func(dst []byte, v *batch.Vec, i int) ([]byte, bool)) error {
	p, out := b.Side(side), b.Out.Side(side, b.N)
	for k := range p.Variants {
		v := &p.Variants[k]
		for pos := range v.Root.N {
			row := v.Row(pos)
			if b.IsDead(row) {
				continue
			}
			start := len(b.Out.Buf)
			buf, ok := b.Out.Buf, false
			if !v.Root.IsNull(pos) {
				buf, ok = fast(buf, v.Root, pos)
			}
			if !ok {
				text, err := c.fromConnect(v.Schema, b.Read(v.Root, pos))
				if err != nil {
					b.Fail(row, batch.ConverterStage(side), err)
					continue
				}
				if text == nil {
					continue
				}
				buf = append(b.Out.Buf[:start], text...)
			}
			b.Out.Buf = buf
			out[row] = batch.MakeView(start, len(buf)-start)
		}
	}
	return nil
}

// cellTag is the tag of row i of a leaf, typed or dynamic, whose value is plain: no logical type. Else TagMissing.
func cellTag(v *batch.Vec, i int) batch.Tag {
	switch {
	case v.Kind == batch.KindDyn:
		return v.TagAt(i)
	case v.Kind == batch.KindWords && v.Schema.Logical() == batch.NotLogical:
		return batch.TagOf(v.Schema.Type)
	}
	return batch.TagMissing
}
