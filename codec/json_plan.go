// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/jackson"
	"github.com/penstock-io/penstock/internal/jsontext"
	"github.com/penstock-io/penstock/internal/values"
)

// planKind says how the text of a value becomes a cell.
type planKind uint8

const (
	planNone planKind = iota // only valueReader knows
	planText
	planBool
	planInt8
	planInt16
	planInt32
	planInt64
	planFloat32
	planFloat64
	planBytes
	planDecimal
	planDate
	planTime
	planTimestamp
	planStruct
	planArray
	planMap
)

// plan is a schema made ready for decoding text straight into columns. It belongs to one task: column is that of the
// batch at work.
type plan struct {
	kind   planKind
	column *batch.Vec
	schema *batch.Schema
	scale  uint32 // of a Decimal
	fill   bool   // a null becomes the schema's default

	keys  []key // of a struct, in the order of its fields, which is the order expected
	kids  []plan
	index keyIndex
}

var planKinds = map[batch.Type]planKind{
	batch.Int8: planInt8, batch.Int16: planInt16, batch.Int32: planInt32, batch.Int64: planInt64, batch.Float32: planFloat32,
	batch.Float64: planFloat64, batch.Boolean: planBool, batch.String: planText, batch.Bytes: planBytes, batch.Array: planArray,
	batch.Map: planMap, batch.Struct: planStruct,
}

// newPlan compiles a schema whose columns can hold every value that it lets through (isDirect).
func newPlan(s *batch.Schema, replaceNull bool) plan {
	if s == nil {
		return plan{}
	}
	p := plan{kind: planKinds[s.Type], schema: s, fill: s.HasDefault && replaceNull}
	switch s.Logical() {
	case batch.LogicalDecimal:
		scale, err := values.Scale(s)
		if err != nil {
			return plan{schema: s}
		}
		p.kind, p.scale = planDecimal, uint32(scale)
	case batch.LogicalDate:
		p.kind = planDate
	case batch.LogicalTime:
		p.kind = planTime
	case batch.LogicalTimestamp:
		p.kind = planTimestamp
	}
	switch p.kind {
	case planStruct:
		for _, f := range s.Fields {
			p.keys = append(p.keys, newKey(string(append(jackson.AppendString(nil, f.Name), ':'))))
			p.kids = append(p.kids, newPlan(f.Schema, replaceNull))
		}
	case planArray:
		p.kids = []plan{newPlan(s.ValueSchema, replaceNull)}
	case planMap:
		if s.KeySchema == nil || s.KeySchema.Type != batch.String {
			return plan{schema: s}
		}
		p.kids = []plan{newPlan(s.KeySchema, replaceNull), newPlan(s.ValueSchema, replaceNull)}
	}
	return p
}

// bind gives the plan the columns of a batch, of which v is the k-th of its parent. rows is how many cells a column outside
// of lists gets at most.
func (p *plan) bind(v *batch.Vec, rows, k int) {
	p.column = v
	switch p.kind {
	case planArray, planMap:
		rows = 0
	case planNone, planStruct:
	default:
		if cap(v.W) < rows {
			v.W = makeCells(rows, k)
		}
	}
	for k := range p.kids {
		p.kids[k].bind(v.Kids[k], rows, k)
	}
}

// find looks for a key that is not the one predicted. It returns the field, -1 for one that the struct lacks, and the
// index after the colon, -1 when the text is not plain.
func (p *plan) find(f *filler, i, next int) (field, after int) {
	base, end := f.base, f.end
	for k := next + 1; k < len(p.keys) && k <= next+lookAhead; k++ {
		if p.keys[k].matches(base, i, end) {
			return k, i + len(p.keys[k].quoted)
		}
	}
	if n := quotedAt(base, i, end); n > 0 {
		at := p.index.slot(unsafe.Add(base, i), n)
		if k := int(*at) - 1; k >= 0 && len(p.keys[k].quoted) == n && p.keys[k].matches(base, i, end) {
			return k, i + n
		}
		k := p.schema.Field(string(f.buf[i+1 : i+n-2]))
		if k >= 0 {
			*at = int32(k + 1)
		}
		return k, i + n
	}
	if byteAt(base, i) != '"' {
		return -1, -1
	}
	stop, ok := jsontext.StringEnd(f.buf[:end], i)
	if !ok || stop-i > jsontext.MaxNameBytes {
		return -1, -1
	}
	colon := jsontext.Space(f.buf[:end], stop)
	if colon >= end || f.buf[colon] != ':' {
		return -1, -1
	}
	f.scratch = jsontext.AppendUnquoted(f.scratch[:0], f.buf[i:stop])
	return p.schema.Field(string(f.scratch)), colon + 1
}
