// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/values"
)

func (t *Cast) wholeColumn(b *batch.Batch, p *batch.Payload, k int) bool {
	v := &p.Variants[k]
	switch v.Root.Kind {
	case batch.KindDyn:
		if v.Schema != nil {
			return false
		}
		b.Resolve(v.Root)
		if !splitNulls(b, p, k) {
			return true
		}
		v = &p.Variants[k]
		v.Root = castDyn(b, v, v.Root, t.target)
		return true
	case batch.KindWords:
		plan := t.plans.get(v.Schema, t.plan)
		if plan.err != nil || values.LogicalName(plan.schema) != batch.NotLogical {
			return false // a logical name that stays asks for another class than the type's
		}
		if !splitNulls(b, p, k) {
			return true
		}
		v = &p.Variants[k]
		v.Root = castWords(b, v, v.Root, v.Schema, plan.schema)
		v.Schema = plan.schema
		return true
	}
	return false
}

func (t *Cast) structColumns(b *batch.Batch, p *batch.Payload, k int) bool {
	root := p.Variants[k].Root
	plan := t.plans.get(root.Schema, t.plan)
	if plan.err != nil || !sound(root, t.fill) {
		return false
	}
	for i, f := range root.Schema.Fields {
		if plan.schema.Fields[i].Schema != f.Schema && root.Kids[i].Kind != batch.KindWords {
			return false
		}
	}
	if !splitNulls(b, p, k) {
		return true
	}
	v := &p.Variants[k]
	out := b.NewVec()
	out.Kind, out.Schema, out.N = batch.KindStruct, plan.schema, v.Root.N
	for i, kid := range v.Root.Kids {
		from, to := v.Schema.Fields[i].Schema, plan.schema.Fields[i].Schema
		if t.fill {
			kid = filled(b, kid, from)
		}
		if from != to {
			kid = castWords(b, v, kid, from, to)
		}
		out.Kids = append(out.Kids, kid)
	}
	v.Schema, v.Root = plan.schema, out
	return true
}

func (t *Cast) objectColumns(b *batch.Batch, p *batch.Payload, k int) bool {
	root := p.Variants[k].Root
	for _, f := range t.fields {
		if kid, _ := root.Kid(f); kid != nil && kid.Kind != batch.KindDyn {
			return false
		}
	}
	if !splitNulls(b, p, k) {
		return true
	}
	v := &p.Variants[k]
	out := b.NewVec()
	out.Kind, out.N = batch.KindObject, v.Root.N
	copyKeys(b, out, v.Root, copiedTable)
	for _, f := range t.fields {
		kid, _ := out.Kid(f)
		if kid == nil {
			out.SetKid(f, b.NewConstDyn(batch.TagNull, 0, out.N))
			continue
		}
		out.SetKid(f, castDyn(b, v, kid, t.casts[f]))
	}
	v.Root = out
	return true
}

// castWords casts a typed column; rows that cannot be cast fail. kid has a primitive schema.
func castWords(b *batch.Batch, v *batch.Variant, kid *batch.Vec, from, to *batch.Schema) *batch.Vec {
	out := b.NewVec()
	out.Schema, out.N, out.Const = to, kid.N, kid.Const
	tag := batch.TagOfSchema(from)
	n := len(kid.W)
	nulls := hasNulls(kid, nil)
	if kid.Const && nulls {
		return b.NewNulls(to, kid.N)
	}
	if widens(tag, to.Type) && !nulls {
		out.W = append(out.W, kid.W...)
		return out
	}
	for i := range n {
		if nulls && !kid.Valid.Get(i) {
			out.W = append(out.W, 0)
			out.SetNull(i)
			continue
		}
		cell, err := castCell(b, tag, kid.W[i], from, to.Type)
		if err != nil {
			castFail(b, v, kid, i, err)
		}
		out.W = append(out.W, cell)
	}
	return out
}

// widens reports a cast that leaves every cell as it is.
func widens(tag batch.Tag, to batch.Type) bool {
	switch to {
	case batch.Int8:
		return tag == batch.TagInt8 || tag == batch.TagBool
	case batch.Int16:
		return tag == batch.TagBool || tag >= batch.TagInt8 && tag <= batch.TagInt16
	case batch.Int32:
		return tag == batch.TagBool || tag >= batch.TagInt8 && tag <= batch.TagInt32
	case batch.Int64:
		return tag == batch.TagBool || tag >= batch.TagInt8 && tag <= batch.TagInt64
	}
	return tag == batch.TagOf(to)
}

// castFail fails the row of cell i of a column, or all rows when the column is constant.
func castFail(b *batch.Batch, v *batch.Variant, kid *batch.Vec, i int, err error) {
	if !kid.Const {
		b.Fail(v.Row(i), batch.Transformation, err)
		return
	}
	for pos := range kid.N {
		b.Fail(v.Row(pos), batch.Transformation, err)
	}
}

// castDyn casts a schemaless column: a cell that is missing becomes null, text is decoded as it comes.
func castDyn(b *batch.Batch, v *batch.Variant, kid *batch.Vec, target batch.Type) *batch.Vec {
	out := b.NewVec()
	out.Kind = batch.KindDyn
	to := batch.TagOf(target)
	for i, cell := range kid.W {
		tag := kid.TagAt(i)
		if tag == batch.TagJSON {
			tag, cell = b.ResolveCell(cell)
		}
		if tag <= batch.TagNull {
			out.PushTag(batch.TagNull, 0)
			continue
		}
		var err error
		if tag >= batch.TagDecimal {
			cell, err = castOdd(b, tag, cell, target)
		} else if tag != to {
			cell, err = castCell(b, tag, cell, nil, target)
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

// castOdd casts cells of the tags that have no schemaless Connect type, or that hold something nested: mostly errors.
func castOdd(b *batch.Batch, tag batch.Tag, cell uint64, target batch.Type) (uint64, error) {
	switch tag {
	case batch.TagJSONObject:
		return 0, castFromFault(batch.Map)
	case batch.TagJSONArray:
		return 0, castFromFault(batch.Array)
	}
	x, err := castValue(nil, b.ReadTagged(tag, cell), target)
	if err != nil {
		return 0, err
	}
	_, cell = b.Tagged(x)
	return cell, nil
}

// castCell casts one cell that is not null: castValue without boxes for everything that is common.
func castCell(b *batch.Batch, tag batch.Tag, cell uint64, from *batch.Schema, target batch.Type) (uint64, error) {
	switch tag {
	case batch.TagInt8, batch.TagInt16, batch.TagInt32, batch.TagInt64:
		return castInt(b, int64(cell), target), nil
	case batch.TagFloat64:
		return castDouble(b, batch.CellFloat64(cell), target), nil
	case batch.TagString:
		return castString(b, batch.View(cell), target)
	case batch.TagBool:
		if target == batch.String {
			return castAppend(b, func(dst []byte) []byte { return strconv.AppendBool(dst, cell != 0) }), nil
		}
		if target == batch.Boolean {
			return cell, nil
		}
		return castInt(b, int64(cell), target), nil
	case batch.TagBytes:
		if target == batch.String {
			p := b.Slab.Bytes(batch.View(cell))
			return castAppend(b, func(dst []byte) []byte { return base64.StdEncoding.AppendEncode(dst, p) }), nil
		}
	case batch.TagDate:
		if target == batch.String {
			ms := int64(cell)
			return castAppend(b, func(dst []byte) []byte { return dateFormatFor(ms).AppendFormat(dst, ms) }), nil
		}
		if from.Logical() == batch.LogicalTimestamp {
			return castInt(b, int64(cell), target), nil
		}
	}
	x, err := castValue(from, b.ReadTagged(tag, cell), target)
	if err != nil {
		return 0, err
	}
	_, cell = b.Tagged(x)
	return cell, nil
}

// castAppend puts a text into the slab. The closure does not escape.
func castAppend(b *batch.Batch, text func(dst []byte) []byte) uint64 {
	buf := b.Slab.Buf()
	start := len(buf)
	buf = text(buf)
	b.Slab.SetBuf(buf)
	return uint64(batch.MakeView(start, len(buf)-start))
}

func castInt(b *batch.Batch, n int64, target batch.Type) uint64 {
	switch target {
	case batch.Int8:
		return batch.IntCell(int64(int8(n)))
	case batch.Int16:
		return batch.IntCell(int64(int16(n)))
	case batch.Int32:
		return batch.IntCell(int64(int32(n)))
	case batch.Float32:
		return batch.Float32Cell(float32(n))
	case batch.Float64:
		return batch.Float64Cell(float64(n))
	case batch.Boolean:
		return batch.BoolCell(n != 0)
	case batch.String:
		return castAppend(b, func(dst []byte) []byte { return strconv.AppendInt(dst, n, 10) })
	}
	return batch.IntCell(n)
}

func castDouble(b *batch.Batch, v float64, target batch.Type) uint64 {
	switch target {
	case batch.Int8:
		return batch.IntCell(int64(number.DoubleToByte(v)))
	case batch.Int16:
		return batch.IntCell(int64(number.DoubleToShort(v)))
	case batch.Int32:
		return batch.IntCell(int64(number.DoubleToInt(v)))
	case batch.Int64:
		return batch.IntCell(number.DoubleToLong(v))
	case batch.Float32:
		return batch.Float32Cell(float32(v))
	case batch.Boolean:
		return batch.BoolCell(number.DoubleToLong(v) != 0)
	case batch.String:
		return castAppend(b, func(dst []byte) []byte { return number.AppendDouble(dst, v) })
	}
	return batch.Float64Cell(v)
}

func castString(b *batch.Batch, view batch.View, target batch.Type) (cell uint64, err error) {
	p := b.Slab.Bytes(view)
	// Borrowed: the parsers keep nothing of it, and what they put into errors is a copy.
	s := unsafe.String(unsafe.SliceData(p), len(p))
	switch target {
	case batch.String:
		return uint64(view), nil
	case batch.Boolean:
		return batch.BoolCell(strings.EqualFold(s, "true")), nil
	case batch.Int8:
		var n int8
		n, err = number.ParseByte(s)
		cell = batch.IntCell(int64(n))
	case batch.Int16:
		var n int16
		n, err = number.ParseShort(s)
		cell = batch.IntCell(int64(n))
	case batch.Int32:
		var n int32
		n, err = number.ParseInt(s)
		cell = batch.IntCell(int64(n))
	case batch.Int64:
		var n int64
		n, err = number.ParseLong(s)
		cell = batch.IntCell(n)
	case batch.Float32:
		var v float32
		v, err = number.ParseFloat(s)
		cell = batch.Float32Cell(v)
	case batch.Float64:
		var v float64
		v, err = number.ParseDouble(s)
		cell = batch.Float64Cell(v)
	}
	if err != nil {
		return 0, castRangeFault(string(p), err)
	}
	return cell, nil
}
