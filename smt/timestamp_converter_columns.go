// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/jsontext"
)

func (t *TimestampConverter) wholeColumn(b *batch.Batch, v *batch.Variant) bool {
	switch {
	case v.Root.Kind == batch.KindDyn && v.Schema == nil:
		v.Root = t.convertDyn(b, v, v.Root)
		return true
	case v.Root.Kind != batch.KindWords:
		return false
	}
	form, ok := timestampColumnForm(v.Schema)
	if !ok {
		return false
	}
	s := t.target.schema(v.Schema.Optional)
	v.Root = t.convertWords(b, v, nil, v.Root, form, s)
	v.Schema = s
	return true
}

// timestampColumnForm is timestampFormOf for a column whose cells fit its schema.
func timestampColumnForm(s *batch.Schema) (timestampForm, bool) {
	form, err := timestampFormOf(s)
	if err != nil || form >= formDate && s.Logical() == batch.NotLogical {
		return 0, false
	}
	return form, true
}

func (t *TimestampConverter) structColumns(b *batch.Batch, v *batch.Variant) bool {
	root := v.Root
	plan := t.plans.get(root.Schema, t.plan)
	if plan.err != nil || !sound(root, t.fill) {
		return false
	}
	var form timestampForm
	at := root.Schema.Field(t.field)
	if at >= 0 {
		var ok bool
		if form, ok = timestampColumnForm(root.Schema.Fields[at].Schema); !ok || root.Kids[at].Kind != batch.KindWords {
			return false
		}
	}
	out := b.NewVec()
	out.Kind, out.Schema, out.N = batch.KindStruct, plan.schema, root.N
	nulls := hasNulls(root, nil)
	for i := 0; nulls && i < root.N; i++ {
		if root.IsNull(i) {
			out.SetNull(i)
		}
	}
	for i, kid := range root.Kids {
		if t.fill {
			kid = filled(b, kid, root.Schema.Fields[i].Schema)
		}
		if i == at {
			kid = t.convertWords(b, v, root, kid, form, plan.schema.Fields[i].Schema)
		}
		out.Kids = append(out.Kids, kid)
	}
	v.Schema, v.Root = plan.schema, out
	return true
}

func (t *TimestampConverter) objectColumns(b *batch.Batch, p *batch.Payload, k int) bool {
	if kid, _ := p.Variants[k].Root.Kid(t.field); kid != nil && kid.Kind != batch.KindDyn {
		return false
	}
	if !splitNulls(b, p, k) {
		return true
	}
	v := &p.Variants[k]
	out := b.NewVec()
	out.Kind, out.N = batch.KindObject, v.Root.N
	copyKeys(b, out, v.Root, copiedTable)
	kid, _ := out.Kid(t.field)
	if kid == nil {
		kid = b.NewConstDyn(batch.TagNull, 0, out.N)
	} else {
		kid = t.convertDyn(b, v, kid)
	}
	out.SetKid(t.field, kid)
	v.Root = out
	return true
}

// convertWords converts a typed column. Rows that are null in parent (if there is one) have no value.
func (t *TimestampConverter) convertWords(b *batch.Batch, v *batch.Variant, parent, kid *batch.Vec, form timestampForm, s *batch.Schema) *batch.Vec {
	nulls := hasNulls(kid, nil) || parent != nil && hasNulls(parent, nil)
	if kid.Const && nulls {
		return b.NewNulls(s, kid.N)
	}
	out := b.NewVec()
	out.Schema, out.N, out.Const = s, kid.N, kid.Const
	for i, cell := range kid.W {
		if nulls && (kid.IsNull(i) || parent != nil && parent.IsNull(i)) {
			out.W = append(out.W, 0)
			out.SetNull(i)
			continue
		}
		cell, err := t.convertCell(b, form, cell)
		if err != nil {
			castFail(b, v, kid, i, err)
		}
		out.W = append(out.W, cell)
	}
	return out
}

// convertDyn converts a schemaless column: missing becomes null, text is decoded as it comes.
func (t *TimestampConverter) convertDyn(b *batch.Batch, v *batch.Variant, kid *batch.Vec) *batch.Vec {
	out := b.NewVec()
	out.Kind = batch.KindDyn
	to := t.target.tag()
	done := 0
	if kid.Tags == nil && kid.Tag == batch.TagJSON {
		done = t.convertIntegers(b, out, kid.W)
	}
	for i := done; i < len(kid.W); i++ {
		tag, cell := kid.TagAt(i), kid.W[i]
		if tag == batch.TagJSON {
			tag, cell = b.ResolveCell(cell)
		}
		var err error
		switch tag {
		case batch.TagMissing, batch.TagNull:
			out.PushTag(batch.TagNull, 0)
			continue
		case batch.TagInt64:
			cell, err = t.convertCell(b, formUnix, cell)
		case batch.TagString:
			cell, err = t.convertCell(b, formString, cell)
		case batch.TagDate:
			cell, err = t.convertCell(b, formTimestamp, cell)
		case batch.TagJSONObject: // JsonConverter makes a HashMap
			err = batch.DataFault("TimestampConverter does not support class java.util.HashMap objects as timestamps")
		default:
			_, err = t.convertAny(b.ReadTagged(tag, cell))
		}
		if err != nil {
			castFail(b, v, kid, i, err)
			out.PushTag(batch.TagNull, 0)
			continue
		}
		out.PushTag(to, cell)
	}
	if kid.Const {
		out.Const, out.N = true, kid.N
	}
	return out
}

// convertIntegers converts undecoded text as long as it is integers, and returns how many they were.
func (t *TimestampConverter) convertIntegers(b *batch.Batch, out *batch.Vec, cells []uint64) int {
	for i, cell := range cells {
		text := b.Slab.Bytes(batch.View(cell))
		if text[0] != '-' && text[0]-'0' > 9 {
			return i
		}
		n, ok := jsontext.Int(text)
		if !ok {
			return i
		}
		cell, err := t.convertCell(b, formUnix, uint64(n))
		if err != nil {
			return i
		}
		out.PushTag(t.target.tag(), cell)
	}
	return len(cells)
}

// convertCell converts a cell that is not null.
func (t *TimestampConverter) convertCell(b *batch.Batch, from timestampForm, cell uint64) (uint64, error) {
	ms := int64(cell)
	switch from {
	case formString:
		p := b.Slab.Bytes(batch.View(cell))
		var err error
		if ms, err = t.parse(unsafe.String(unsafe.SliceData(p), len(p))); err != nil {
			return 0, err
		}
	case formUnix:
		ms = t.fromUnix(ms)
	}
	switch t.target {
	case formString:
		buf := b.Slab.Buf()
		start := len(buf)
		buf = t.memo.append(buf, t.format, ms)
		b.Slab.SetBuf(buf)
		return uint64(batch.MakeView(start, len(buf)-start)), nil
	case formUnix:
		return batch.IntCell(t.toUnix(ms)), nil
	}
	return batch.IntCell(t.target.cut(ms)), nil
}
