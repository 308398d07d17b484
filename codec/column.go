// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"

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

// encodeInPlace hands the cells of a side over as they lie in the slab, when they are what goes out: one plain column of
// the tag for all rows, and no text with surrogates, which Java writes as question marks. It reports whether it did.
func encodeInPlace(b *batch.Batch, side batch.Side, tag batch.Tag) bool {
	p := b.Side(side)
	if len(p.Variants) != 1 || p.Variants[0].Rows != nil || !b.AllAlive() {
		return false
	}
	v := p.Variants[0].Root
	if v.N != b.N || v.N == 0 || v.Const || v.Tags != nil || cellTag(v, 0) != tag {
		return false
	}
	// 0xED starts a surrogate, and characters from U+D000 on, which take the other way with them.
	if tag == batch.TagString && bytes.IndexByte(b.Slab.Buf(), 0xED) >= 0 {
		return false
	}
	out := b.Out.Side(side, b.N)
	for i, w := range v.W[:v.N] {
		if !v.IsNull(i) {
			out[i] = batch.View(w)
		}
	}
	b.Out.SideInSlab(side)
	return true
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
