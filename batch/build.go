// SPDX-License-Identifier: Apache-2.0

package batch

import "math/big"

// AppendNull appends a null to any column, and to the kids of a struct.
func (b *Batch) AppendNull(v *Vec) {
	switch v.Kind {
	case KindDyn:
		v.PushTag(TagNull, 0)
		return
	case KindStruct:
		for _, kid := range v.Kids {
			b.AppendNull(kid)
		}
	}
	v.PushNull()
}

// Append appends one value to a column made by NewColumn, the slow, general way. It reports false, leaving the column
// as it was, when the value does not fit the column's schema.
func (b *Batch) Append(v *Vec, x any) bool {
	if v.Kind == KindDyn {
		v.PushTag(b.tagged(x))
		return true
	}
	if x == nil {
		b.AppendNull(v)
		return true
	}
	if !Fits(v.Schema, x) {
		return false
	}
	b.append(v, x)
	return true
}

func (b *Batch) append(v *Vec, x any) {
	if v.Kind == KindDyn {
		v.PushTag(b.tagged(x))
		return
	}
	if x == nil {
		b.AppendNull(v)
		return
	}
	switch v.Kind {
	case KindStruct:
		for k, kid := range v.Kids {
			b.append(kid, x.(*StructValue).Vals[k])
		}
		v.PushValid()
	case KindArray:
		for _, e := range x.([]any) {
			b.append(v.Kids[0], e)
		}
		v.PushValid()
	case KindMap:
		for _, e := range x.(*MapValue).Entries {
			b.append(v.Kids[0], e.Key)
			b.append(v.Kids[1], e.Value)
		}
		v.PushValid()
	default:
		_, cell := b.tagged(x)
		v.Push(cell)
	}
}

// Fits reports whether a value's Java class is one that the schema's cells can hold. Nulls fit everywhere: what is
// required is not judged here. A ByteBuffer is held as bytes.
func Fits(s *Schema, x any) bool {
	if x == nil || s == nil {
		return true
	}
	switch s.Type {
	case Struct:
		sv, ok := x.(*StructValue)
		if !ok || sv.Schema != s && !sv.Schema.Equal(s) {
			return false
		}
		for i, f := range s.Fields {
			if !Fits(f.Schema, sv.Vals[i]) {
				return false
			}
		}
		return true
	case Array:
		list, ok := x.([]any)
		if !ok {
			return false
		}
		for _, e := range list {
			if !Fits(s.ValueSchema, e) {
				return false
			}
		}
		return true
	case Map:
		m, ok := x.(*MapValue)
		if !ok {
			return false
		}
		for _, e := range m.Entries {
			if !Fits(s.KeySchema, e.Key) || !Fits(s.ValueSchema, e.Value) {
				return false
			}
		}
		return true
	}
	t := tagOfValue(x)
	return t == TagOfSchema(s)
}

func tagOfValue(x any) Tag {
	switch x.(type) {
	case nil:
		return TagNull
	case bool:
		return TagBool
	case int8:
		return TagInt8
	case int16:
		return TagInt16
	case int32:
		return TagInt32
	case int64:
		return TagInt64
	case float32:
		return TagFloat32
	case float64:
		return TagFloat64
	case string:
		return TagString
	case []byte:
		return TagBytes
	case Decimal:
		return TagDecimal
	case Date:
		return TagDate
	}
	return TagBoxed
}

// Tagged turns a value into a cell with its tag, boxing what has no cell form.
func (b *Batch) Tagged(x any) (Tag, uint64) { return b.tagged(x) }

func (b *Batch) tagged(x any) (Tag, uint64) {
	switch y := x.(type) {
	case nil:
		return TagNull, 0
	case bool:
		return TagBool, BoolCell(y)
	case int8:
		return TagInt8, IntCell(int64(y))
	case int16:
		return TagInt16, IntCell(int64(y))
	case int32:
		return TagInt32, IntCell(int64(y))
	case int64:
		return TagInt64, IntCell(y)
	case float32:
		return TagFloat32, Float32Cell(y)
	case float64:
		return TagFloat64, Float64Cell(y)
	case string:
		return TagString, uint64(b.Slab.AppendText(y))
	case []byte:
		return TagBytes, uint64(b.Slab.Append(y))
	case Decimal:
		return TagDecimal, uint64(b.Slab.AppendDecimal(y.Scale, BigIntBytes(nil, y.Unscaled)))
	case Date:
		return TagDate, IntCell(int64(y))
	case int:
		return TagInt64, IntCell(int64(y))
	case *big.Int:
		return TagBoxed, b.Box(y)
	}
	return TagBoxed, b.Box(x)
}

// Builder fills one payload of a batch value by value: the slow, general way, for tests, schemaless oddities and
// connectors whose rows are few. Rows must be given in order; call Done at the end.
type Builder struct {
	b       *Batch
	p       *Payload
	typed   map[*Schema]int
	object  map[int32]int // Table -> variant of schemaless maps with string keys
	dynamic int           // 1 + variant of every other schemaless value
	loose   map[*Schema]int
}

// NewBuilder starts filling a side of b, which must be empty.
func NewBuilder(b *Batch, side Side) *Builder {
	return newBuilder(b, b.Side(side))
}

func newBuilder(b *Batch, p *Payload) *Builder {
	return &Builder{b: b, p: p, typed: map[*Schema]int{}, loose: map[*Schema]int{}}
}

// Add gives a row its schema and value.
func (w *Builder) Add(row int, s *Schema, x any) {
	switch {
	case s == nil && x == nil:
		w.b.AssignNull(w.p, row)
	case s == nil:
		w.addSchemaless(row, x)
	case Fits(s, x):
		k, ok := w.typed[s]
		if !ok {
			k = w.p.Add(s, w.b.NewColumn(s))
			w.typed[s] = k
		}
		w.b.append(w.p.Variants[k].Root, x)
		w.p.Assign(k, row)
	default:
		k, ok := w.loose[s]
		if !ok {
			root := w.b.NewVec()
			root.Kind, root.Schema = KindDyn, s
			k = w.p.Add(s, root)
			w.loose[s] = k
		}
		w.p.Variants[k].Root.PushTag(TagBoxed, w.b.Box(x))
		w.p.Assign(k, row)
	}
}

func (w *Builder) addSchemaless(row int, x any) {
	m, ok := x.(*MapValue)
	if !ok || !stringKeys(m) {
		if w.dynamic == 0 {
			w.dynamic = w.p.Add(nil, w.b.NewColumn(nil)) + 1
		}
		w.p.Variants[w.dynamic-1].Root.PushTag(w.b.tagged(x))
		w.p.Assign(w.dynamic-1, row)
		return
	}
	object, ok := w.object[m.Table]
	if !ok {
		root := w.b.NewVec()
		root.Kind, root.Table = KindObject, m.Table
		object = w.p.Add(nil, root)
		if w.object == nil {
			w.object = map[int32]int{}
		}
		w.object[m.Table] = object
	}
	root := w.p.Variants[object].Root
	for _, e := range m.Entries {
		kid, _ := root.Kid(e.Key.(string))
		if kid == nil {
			kid = w.b.NewColumn(nil)
			for range root.N {
				kid.PushTag(TagMissing, 0)
			}
			root.SetKid(e.Key.(string), kid)
		}
		if kid.N == root.N { // a map has a key once
			kid.PushTag(w.b.tagged(e.Value))
		}
	}
	root.N++
	for _, kid := range root.Kids {
		if kid.N < root.N {
			kid.PushTag(TagMissing, 0)
		}
	}
	w.p.Assign(object, row)
}

func stringKeys(m *MapValue) bool {
	for _, e := range m.Entries {
		if _, ok := e.Key.(string); !ok {
			return false
		}
	}
	return true
}

// Done seals the payload; b.N must be set.
func (w *Builder) Done() { w.p.Seal(w.b.N) }
