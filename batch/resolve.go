// SPDX-License-Identifier: Apache-2.0

package batch

import "github.com/penstock-io/penstock/internal/jsontext"

// Resolve looks at the undecoded JSON cells of a KindDyn column, in place: afterwards no tag is TagJSON. Scalars get
// the type that JsonConverter gives them without schemas (integers INT64, reals FLOAT64), nested text keeps its view.
func (b *Batch) Resolve(v *Vec) {
	if v.Kind != KindDyn {
		return
	}
	n := v.N
	if v.Const {
		n = 1
	}
	if v.Tags == nil {
		if v.Tag != TagJSON || n == 0 {
			return
		}
		v.expandTags(n)
	}
	for i, t := range v.Tags[:n] {
		if t == TagJSON {
			v.Tags[i], v.W[i] = b.ResolveCell(v.W[i])
		}
	}
}

// ResolveCell is Resolve for the cell of one TagJSON value.
func (b *Batch) ResolveCell(cell uint64) (Tag, uint64) {
	view := View(cell)
	text := b.Slab.Bytes(view)
	switch text[0] {
	case '{':
		return TagJSONObject, cell
	case '[':
		return TagJSONArray, cell
	case '"':
		if !jsontext.Escaped(text) {
			return TagString, uint64(MakeView(view.Off()+1, len(text)-2))
		}
		buf := b.Slab.Buf()
		start := len(buf)
		buf = jsontext.AppendUnquoted(buf, text)
		b.Slab.SetBuf(buf)
		return TagString, uint64(MakeView(start, len(buf)-start))
	case 't':
		return TagBool, 1
	case 'f':
		return TagBool, 0
	case 'n':
		return TagNull, 0
	}
	if n, ok := jsontext.Int(text); ok {
		return TagInt64, IntCell(n)
	}
	return TagFloat64, Float64Cell(jsontext.Float(text))
}
