// SPDX-License-Identifier: Apache-2.0

package smt

import "github.com/penstock-io/penstock/batch"

// maskSamples are values of the class that a tag stands for.
var maskSamples = [...]any{
	batch.TagBool: false, batch.TagInt8: int8(0), batch.TagInt16: int16(0), batch.TagInt32: int32(0), batch.TagInt64: int64(0),
	batch.TagFloat32: float32(0), batch.TagFloat64: float64(0), batch.TagString: "", batch.TagDecimal: batch.Decimal{},
	batch.TagDate: batch.Date(0),
}

// constant is what cells of a tag become; ok is false where that is an error or has no cell of the same tag.
func (t *MaskField) constant(tag batch.Tag) (value any, ok bool) {
	if int(tag) >= len(maskSamples) || maskSamples[tag] == nil {
		return nil, false
	}
	r := &t.byTag[tag]
	if !r.known {
		r.known = true
		r.value, r.err = t.mask(maskSamples[tag])
	}
	return r.value, r.err == nil
}

// cell puts the masked value of a tag into the batch. Objects and arrays become empty ones.
func (t *MaskField) cell(b *batch.Batch, tag batch.Tag) (cell uint64, ok bool) {
	switch {
	case tag <= batch.TagNull:
		return 0, true
	case tag == batch.TagJSONObject && t.replacement == nil:
		return uint64(b.Slab.AppendText("{}")), true
	case tag == batch.TagJSONArray && t.replacement == nil:
		return uint64(b.Slab.AppendText("[]")), true
	}
	v, ok := t.constant(tag)
	if ok {
		_, cell = b.Tagged(v)
	}
	return cell, ok
}

func (t *MaskField) plan(s *batch.Schema) *maskPlan {
	p := &maskPlan{}
	for i, f := range s.Fields {
		if !t.masked[f.Name] {
			continue
		}
		p.fields = append(p.fields, i)
		if !f.Schema.Type.Primitive() {
			p.slow = true
		} else if _, ok := t.constant(batch.TagOfSchema(f.Schema)); !ok {
			p.slow = true
		}
	}
	return p
}

func (t *MaskField) structColumns(b *batch.Batch, v *batch.Variant) bool {
	root := v.Root
	plan := t.plans.get(root.Schema, t.plan)
	if plan.slow || hasNulls(root, nil) || !sound(root, t.fill) {
		return false
	}
	out := b.NewVec()
	out.Kind, out.Schema, out.N = batch.KindStruct, root.Schema, root.N
	next := 0
	for i, kid := range root.Kids {
		s := root.Schema.Fields[i].Schema
		masked := next < len(plan.fields) && plan.fields[next] == i
		switch {
		case masked:
			next++
			kid = t.maskWords(b, kid, s)
		case t.fill:
			kid = filled(b, kid, s)
		}
		out.Kids = append(out.Kids, kid)
	}
	v.Root = out
	return true
}

func (t *MaskField) maskWords(b *batch.Batch, kid *batch.Vec, s *batch.Schema) *batch.Vec {
	cell, _ := t.cell(b, batch.TagOfSchema(s))
	if t.fill && s.HasDefault || !hasNulls(kid, nil) {
		return b.NewConst(s, cell, kid.N)
	}
	if kid.Const {
		return b.NewNulls(s, kid.N)
	}
	out := b.NewVec()
	out.Schema, out.N = s, kid.N
	for i := range kid.N {
		out.W = append(out.W, cell)
		if !kid.Valid.Get(i) {
			out.SetNull(i)
		}
	}
	return out
}

func (t *MaskField) objectColumns(b *batch.Batch, v *batch.Variant) bool {
	root := v.Root
	if hasNulls(root, nil) {
		return false
	}
	out := b.NewVec()
	out.Kind, out.N = batch.KindObject, root.N
	copyKeys(b, out, root, copiedTable)
	for _, f := range t.fields {
		kid, _ := root.Kid(f)
		if kid = t.maskDyn(b, kid, root.N); kid == nil {
			return false
		}
		out.SetKid(f, kid)
	}
	v.Root = out
	return true
}

// maskDyn masks a schemaless column; kid is nil where no row has the key. It returns nil when some cell needs the slow
// path. Text is masked without being decoded: its first bytes tell the type.
func (t *MaskField) maskDyn(b *batch.Batch, kid *batch.Vec, n int) *batch.Vec {
	switch {
	case kid == nil || n == 0:
		return b.NewConstDyn(batch.TagNull, 0, n)
	case kid.Kind == batch.KindObject && t.replacement == nil && !hasNulls(kid, nil):
		return b.NewConstDyn(batch.TagJSONObject, uint64(b.Slab.AppendText("{}")), n)
	case kid.Kind != batch.KindDyn:
		return nil
	}
	var cells [batch.TagBoxed + 1]uint64
	var have [batch.TagBoxed + 1]bool
	first, i := maskTag(b, kid, 0), 1
	if kid.Const || kid.Tags == nil && kid.Tag != batch.TagJSON {
		i = n
	}
	for i < n && maskTag(b, kid, i) == first {
		i++
	}
	cell, ok := t.cell(b, first)
	if !ok {
		return nil
	}
	if i == n {
		return b.NewConstDyn(first, cell, n)
	}
	cells[first], have[first] = cell, true
	out := b.NewVec()
	out.Kind = batch.KindDyn
	for range i {
		out.PushTag(first, cell)
	}
	for ; i < n; i++ {
		tag := maskTag(b, kid, i)
		if !have[tag] {
			if cells[tag], ok = t.cell(b, tag); !ok {
				return nil
			}
			have[tag] = true
		}
		out.PushTag(tag, cells[tag])
	}
	return out
}

// maskTag is the tag of a cell after masking: missing becomes null, undecoded text shows its type.
func maskTag(b *batch.Batch, kid *batch.Vec, i int) batch.Tag {
	tag := kid.TagAt(i)
	switch tag {
	case batch.TagMissing:
		return batch.TagNull
	case batch.TagJSON:
		return jsonTag(b.Slab.Bytes(kid.View(i)))
	}
	return tag
}

// jsonTag is the tag that Batch.Resolve would give to a validated JSON value.
func jsonTag(text []byte) batch.Tag {
	switch text[0] {
	case '"':
		return batch.TagString
	case '{':
		return batch.TagJSONObject
	case '[':
		return batch.TagJSONArray
	case 't', 'f':
		return batch.TagBool
	case 'n':
		return batch.TagNull
	}
	for _, c := range text {
		if c == '.' || c == 'e' || c == 'E' {
			return batch.TagFloat64
		}
	}
	return batch.TagInt64
}
