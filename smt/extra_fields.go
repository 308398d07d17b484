// SPDX-License-Identifier: Apache-2.0

package smt

import "github.com/penstock-io/penstock/batch"

// fieldState says what fieldAt found.
type fieldState uint8

const (
	fieldFound  fieldState = iota // the value may be null
	fieldNone                     // no such field
	fieldNoRow                    // the row is null
	fieldNoType                   // the row is neither a struct nor a map
)

// fieldAt reads one field of one row and leaves the others alone. Defaults stand for nulls, as in Struct.get. The
// schema is the field's, nil in maps.
func fieldAt(b *batch.Batch, v *batch.Variant, pos int, name string) (x any, s *batch.Schema, state fieldState) {
	root := v.Root
	switch root.Kind {
	case batch.KindStruct, batch.KindObject:
		if root.IsNull(pos) {
			return nil, nil, fieldNoRow
		}
		kid, i := root.Kid(name)
		if i < 0 || kid.Kind == batch.KindDyn && kid.TagAt(pos) == batch.TagMissing {
			return nil, nil, fieldNone
		}
		x = b.Read(kid, pos)
		if root.Kind == batch.KindStruct {
			if s = root.Schema.Fields[i].Schema; x == nil && s.HasDefault {
				x = s.Default
			}
		}
		return x, s, fieldFound
	case batch.KindDyn:
		tag, cell := root.TagAt(pos), root.View(pos)
		if tag == batch.TagJSON || tag == batch.TagJSONObject {
			if text := b.Slab.Bytes(cell); text[0] == '{' {
				start, end, ok := jsonMember(text, name)
				if !ok {
					return nil, nil, fieldNone
				}
				return b.ReadTagged(batch.TagJSON, uint64(batch.MakeView(cell.Off()+start, end-start))), nil, fieldFound
			}
		}
	}
	return fieldOf(b.Read(root, pos), name)
}

// fieldOf is fieldAt for a value.
func fieldOf(row any, name string) (x any, s *batch.Schema, state fieldState) {
	switch y := row.(type) {
	case nil:
		return nil, nil, fieldNoRow
	case *batch.StructValue:
		i := y.Schema.Field(name)
		if i < 0 {
			return nil, nil, fieldNone
		}
		return y.Get(name), y.Schema.Fields[i].Schema, fieldFound
	case *batch.MapValue:
		x, ok := y.Get(name)
		if !ok {
			return nil, nil, fieldNone
		}
		return x, nil, fieldFound
	}
	return nil, nil, fieldNoType
}

// eachRow calls f for every live row of a payload that no predicate keeps away; an error fails the row.
func eachRow(b *batch.Batch, side batch.Side, f func(v *batch.Variant, pos, row int) error) {
	p := b.Side(side)
	for k := range p.Variants {
		v := &p.Variants[k]
		if v.Frozen {
			continue
		}
		for pos := range v.Root.N {
			row := v.Row(pos)
			if b.IsDead(row) {
				continue
			}
			if err := f(v, pos, row); err != nil {
				b.Fail(row, batch.Transformation, err)
			}
		}
	}
}

// rewriteRows is applyRows for transforms whose messages tell the record: f gets the row.
func rewriteRows(b *batch.Batch, p *batch.Payload, k int, f func(row int, s *batch.Schema, x any) (*batch.Schema, any, error)) {
	b.Rewrite(p, k, func(row int, s *batch.Schema, x any) (*batch.Schema, any, bool) {
		s, x, err := f(row, s, x)
		if err != nil {
			b.Fail(row, batch.Transformation, err)
			return nil, nil, false
		}
		return s, x, true
	})
}

// editStrings makes a column in which every text of col went through edit, which appends to dst. It returns nil when
// some cell is neither text nor null; missing cells stay so.
func editStrings(b *batch.Batch, col *batch.Vec, edit func(dst, text []byte) []byte) *batch.Vec {
	dyn := col.Kind == batch.KindDyn
	switch {
	case dyn:
		b.Resolve(col)
		for i := range cells(col) {
			if t := col.TagAt(i); t > batch.TagNull && t != batch.TagString {
				return nil
			}
		}
	case col.Kind != batch.KindWords || col.Schema.Type != batch.String:
		return nil
	}
	out := b.NewVec()
	out.Schema, out.Kind, out.Const, out.Tag = col.Schema, col.Kind, col.Const, col.Tag
	for i := range cells(col) {
		if col.IsNull(i) {
			if dyn {
				out.PushTag(col.TagAt(i), 0)
			} else {
				out.PushNull()
			}
			continue
		}
		text := b.Slab.Bytes(col.View(i))
		buf := b.Slab.Buf()
		start := len(buf)
		buf = edit(buf, text)
		b.Slab.SetBuf(buf)
		cell := uint64(batch.MakeView(start, len(buf)-start))
		if dyn {
			out.PushTag(batch.TagString, cell)
		} else {
			out.Push(cell)
		}
	}
	out.N = col.N
	return out
}

// cells is how many cells a leaf has.
func cells(v *batch.Vec) int {
	if v.Const {
		return min(v.N, 1)
	}
	return v.N
}

// withKid is a copy of a struct or object column with one kid replaced.
func withKid(b *batch.Batch, root *batch.Vec, i int, kid *batch.Vec) *batch.Vec {
	out := b.NewVec()
	out.Kind, out.Schema, out.N = root.Kind, root.Schema, root.N
	if root.Valid != nil {
		out.Valid = append(out.Valid, root.Valid...)
	}
	out.Names = append(out.Names, root.Names...)
	out.Kids = append(out.Kids, root.Kids...)
	out.Kids[i] = kid
	return out
}
