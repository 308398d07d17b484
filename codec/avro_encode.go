// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
)

// avroOp is what a step of the encoder or decoder does.
type avroOp uint8

const (
	opInt avroOp = iota
	opFloat
	opDouble
	opBool
	opString
	opBytes
	opDecimal
	opDate
	opTime
	opTimestamp
	opEnum
	opArray
	opMap
	opEntries // a map as an array of entries
	opRecord
	opUnion    // a struct with a field per branch
	opNullable // decoder: one branch, or null
	opAnything // encoder: a value without schema
)

// avroEnc is a step of the encoder, made for a Connect schema and the Avro schema that it is written as.
type avroEnc struct {
	op      avroOp
	schema  *batch.Schema
	size    int // fixed: its size, else -1
	at      int // place of the value in its union, -1 for no union
	null    int // place of null in that union, -1 for none
	kids    []*avroEnc
	from    []int // opRecord: the field of the struct that a kid takes
	symbols []string
}

var errAvroNull = batch.DataFault("Found null value for non-optional schema")

// newAvroEnc makes the encoder of a schema. at is -1 but for branches of a union that is a struct.
func (o avroOptions) newAvroEnc(s *batch.Schema, a *avroSchema) (*avroEnc, error) {
	e := &avroEnc{schema: s, size: -1, at: -1, null: -1}
	if s == nil {
		e.op = opAnything
		return e, nil
	}
	if a.kind == avroUnion {
		e.null = slices.IndexFunc(a.branches, func(b *avroSchema) bool { return b.kind == avroNull })
		if s.Type == batch.Struct && o.union(s) {
			return o.unionEnc(e, s, a)
		}
		e.at = slices.IndexFunc(a.branches, func(b *avroSchema) bool { return b.kind != avroNull })
		if e.at < 0 {
			return nil, errAvroShape(s, a)
		}
		a = a.branches[e.at]
	}
	want, err := o.shape(s)
	if err != nil || a.kind != want && !(a.kind == avroFixed && want == avroBytes) && !(a.kind == avroEnum && want == avroString) {
		return nil, errAvroShape(s, a)
	}
	if a.kind == avroFixed {
		e.size = a.size
	}
	return e, o.fillEnc(e, s, a)
}

func errAvroShape(s *batch.Schema, a *avroSchema) error {
	return batch.DataFault("Connect schema of type " + s.Type.String() + " cannot be written as Avro " + avroTypeNames[a.kind])
}

// shape is the Avro type that a Connect type is written as.
func (o avroOptions) shape(s *batch.Schema) (avroType, error) {
	switch s.Type {
	case batch.Int8, batch.Int16, batch.Int32:
		return avroInt, nil
	case batch.Int64:
		return avroLong, nil
	case batch.Float32:
		return avroFloat, nil
	case batch.Float64:
		return avroDouble, nil
	case batch.Boolean:
		return avroBoolean, nil
	case batch.String:
		return avroString, nil
	case batch.Bytes:
		return avroBytes, nil
	case batch.Array:
		return avroArray, nil
	case batch.Struct:
		return avroRecord, nil
	}
	if s.KeySchema != nil && s.KeySchema.Type == batch.String && !s.KeySchema.Optional {
		return avroMap, nil
	}
	return avroArray, nil
}

func (o avroOptions) fillEnc(e *avroEnc, s *batch.Schema, a *avroSchema) error {
	e.op = leafOp(s)
	add := func(s *batch.Schema, a *avroSchema) error {
		kid, err := o.newAvroEnc(s, a)
		e.kids = append(e.kids, kid)
		return err
	}
	switch {
	case a.kind == avroEnum:
		e.op, e.symbols = opEnum, a.symbols
	case s.Type == batch.Array:
		e.op = opArray
		return add(s.ValueSchema, a.items)
	case a.kind == avroMap:
		e.op = opMap
		return add(s.ValueSchema, a.items)
	case s.Type == batch.Map:
		e.op = opEntries
		if a.items.kind != avroRecord || len(a.items.fields) != 2 {
			return errAvroShape(s, a.items)
		}
		if err := add(s.KeySchema, a.items.fields[0].schema); err != nil {
			return err
		}
		return add(s.ValueSchema, a.items.fields[1].schema)
	case s.Type == batch.Struct:
		e.op = opRecord
		for _, f := range a.fields {
			i := slices.IndexFunc(s.Fields, func(g batch.Field) bool {
				return g.Name == f.name || o.scrub && scrubAvroName(g.Name) == f.name
			})
			if i < 0 {
				return batch.DataFault("The Avro schema has field " + f.name + ", which the data lack")
			}
			e.from = append(e.from, i)
			if err := add(s.Fields[i].Schema, f.schema); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o avroOptions) unionEnc(e *avroEnc, s *batch.Schema, a *avroSchema) (*avroEnc, error) {
	e.op = opUnion
	next := 0
	for _, f := range s.Fields {
		if next == e.null {
			next++
		}
		if next >= len(a.branches) {
			return nil, errAvroShape(s, a)
		}
		kid, err := o.newAvroEnc(f.Schema, a.branches[next])
		if err != nil {
			return nil, err
		}
		kid.at, kid.null = next, -1
		e.kids = append(e.kids, kid)
		next++
	}
	return e, nil
}

// leafOp is the step for a type that is no container.
func leafOp(s *batch.Schema) avroOp {
	switch s.Logical() {
	case batch.LogicalDecimal:
		return opDecimal
	case batch.LogicalDate:
		return opDate
	case batch.LogicalTime:
		return opTime
	case batch.LogicalTimestamp:
		return opTimestamp
	}
	switch s.Type {
	case batch.Float32:
		return opFloat
	case batch.Float64:
		return opDouble
	case batch.Boolean:
		return opBool
	case batch.String:
		return opString
	case batch.Bytes:
		return opBytes
	}
	return opInt
}

// appendZigzag is Avro's int and long.
func appendZigzag(dst []byte, n int64) []byte {
	return binary.AppendUvarint(dst, uint64(n<<1)^uint64(n>>63))
}

func appendAvroBytes(dst, p []byte) []byte { return append(appendZigzag(dst, int64(len(p))), p...) }

// value appends a single value: the general path.
func (e *avroEnc) value(dst []byte, x any) (_ []byte, err error) {
	if e.op == opAnything {
		return appendAnything(dst, x)
	}
	if x == nil {
		return e.appendNull(dst)
	}
	if e.op != opUnion && e.at >= 0 {
		dst = appendZigzag(dst, int64(e.at))
	}
	switch e.op {
	case opArray:
		list, ok := x.([]any)
		if !ok {
			return dst, e.mismatch(x)
		}
		if len(list) > 0 {
			dst = appendZigzag(dst, int64(len(list)))
			for _, y := range list {
				if dst, err = e.kids[0].value(dst, y); err != nil {
					return dst, err
				}
			}
		}
		return append(dst, 0), nil
	case opMap, opEntries:
		return e.mapValue(dst, x)
	case opRecord, opUnion:
		s, ok := x.(*batch.StructValue)
		if !ok {
			return dst, e.mismatch(x)
		}
		if s.Schema != e.schema && !s.Schema.Equal(e.schema) {
			return dst, batch.DataFault("Mismatching struct schema")
		}
		return e.structValue(dst, s)
	}
	if n, ok := x.(batch.ByteBuffer); ok {
		x = []byte(n)
	}
	if !batch.Fits(e.schema, x) {
		return dst, e.mismatch(x)
	}
	return e.scalar(dst, x)
}

func (e *avroEnc) mismatch(x any) error {
	return batch.DataFault("Invalid type for " + e.schema.Type.String() + ": " + values.Class(x))
}

func (e *avroEnc) appendNull(dst []byte) ([]byte, error) {
	if e.null < 0 || !e.schema.Optional {
		return dst, errAvroNull
	}
	return appendZigzag(dst, int64(e.null)), nil
}

func (e *avroEnc) structValue(dst []byte, s *batch.StructValue) (_ []byte, err error) {
	if e.op == opUnion {
		for i, kid := range e.kids {
			if s.Vals[i] != nil {
				return kid.value(dst, s.Vals[i])
			}
		}
		return e.appendNull(dst)
	}
	for k, kid := range e.kids {
		y := s.Vals[e.from[k]]
		if y == nil && kid.schema != nil {
			y = kid.schema.Default
		}
		if dst, err = kid.value(dst, y); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (e *avroEnc) mapValue(dst []byte, x any) (_ []byte, err error) {
	m, ok := x.(*batch.MapValue)
	if !ok {
		return dst, e.mismatch(x)
	}
	if len(m.Entries) > 0 {
		dst = appendZigzag(dst, int64(len(m.Entries)))
	}
	for _, y := range e.ordered(m.Entries) {
		if e.op == opMap {
			k, ok := y.Key.(string)
			if !ok {
				return dst, batch.DataFault("Invalid type for STRING: " + values.Class(y.Key))
			}
			dst = appendAvroText(dst, k)
		} else if dst, err = e.kids[0].value(dst, y.Key); err != nil {
			return dst, err
		}
		if dst, err = e.kids[len(e.kids)-1].value(dst, y.Value); err != nil {
			return dst, err
		}
	}
	return append(dst, 0), nil
}

// ordered puts the entries of a map in the order of the Java map that AvroData copies them to. Maps that are arrays of
// entries stay as they are.
func (e *avroEnc) ordered(entries []batch.Entry) []batch.Entry {
	if e.op != opMap || len(entries) < 2 {
		return entries
	}
	keys := make([]string, len(entries))
	for i, y := range entries {
		keys[i], _ = y.Key.(string)
	}
	out := make([]batch.Entry, len(entries))
	for i, k := range text.HashOrder(keys) {
		out[i] = entries[k]
	}
	return out
}

func appendAvroText(dst []byte, s string) []byte {
	if strings.IndexByte(s, 0xED) >= 0 { // perhaps a surrogate, which Java writes as a question mark
		return appendAvroBytes(dst, []byte(text.ToUTF8(s)))
	}
	return append(appendZigzag(dst, int64(len(s))), s...)
}

func (e *avroEnc) scalar(dst []byte, x any) ([]byte, error) {
	switch y := x.(type) {
	case bool:
		return append(dst, byte(batch.BoolCell(y))), nil
	case int8:
		return appendZigzag(dst, int64(y)), nil
	case int16:
		return appendZigzag(dst, int64(y)), nil
	case int32:
		return appendZigzag(dst, int64(y)), nil
	case int64:
		return appendZigzag(dst, y), nil
	case float32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(y)), nil
	case float64:
		return appendAvroDouble(dst, math.Float64bits(y)), nil
	case string:
		if e.op == opEnum {
			return e.symbol(dst, y)
		}
		return appendAvroText(dst, y), nil
	case []byte:
		return e.binary(dst, y)
	case batch.Decimal:
		p, err := values.DecimalToBytes(e.schema, y)
		if err != nil {
			return dst, err
		}
		return e.binary(dst, p)
	case batch.Date:
		return e.date(dst, y)
	}
	return dst, e.mismatch(x)
}

// appendAvroDouble writes a double. The NaN that Go makes is not the one that Java makes.
func appendAvroDouble(dst []byte, bits uint64) []byte {
	if bits == avroGoNaN {
		bits = avroNaN
	}
	return binary.LittleEndian.AppendUint64(dst, bits)
}

const (
	avroGoNaN = 0x7FF8000000000001
	avroNaN   = 0x7FF8000000000000
)

func (e *avroEnc) symbol(dst []byte, s string) ([]byte, error) {
	i := slices.Index(e.symbols, s)
	if i < 0 {
		return dst, batch.NewFault("org.apache.avro.AvroTypeException", "value "+s+" (a org.apache.avro.generic.GenericData.EnumSymbol) is not a "+
			"symbol of the enum")
	}
	return appendZigzag(dst, int64(i)), nil
}

func (e *avroEnc) binary(dst, p []byte) ([]byte, error) {
	if e.size < 0 {
		return appendAvroBytes(dst, p), nil
	}
	if len(p) != e.size {
		return dst, batch.NewFault("org.apache.avro.AvroRuntimeException", "the bytes are not as many as the fixed type has")
	}
	return append(dst, p...), nil
}

func (e *avroEnc) date(dst []byte, d batch.Date) ([]byte, error) {
	n := int64(d)
	switch e.op {
	case opDate:
		days, err := values.DateToDays(d)
		if err != nil {
			return dst, err
		}
		n = int64(days)
	case opTime:
		ms, err := values.TimeToMillis(d)
		if err != nil {
			return dst, err
		}
		n = int64(ms)
	}
	return appendZigzag(dst, n), nil
}

// appendAnything writes a value without schema: a record of which one field is not null.
func appendAnything(dst []byte, x any) (_ []byte, err error) {
	field := -1
	e := avroEnc{size: -1}
	switch y := x.(type) {
	case nil:
	case bool:
		field = 0
	case batch.ByteBuffer:
		field, x = 1, []byte(y)
	case float64:
		field = 2
	case float32:
		field = 3
	case int8, int16, int32:
		field = 4
	case int64:
		field = 5
	case string:
		field = 6
	case []any:
		field = 7
	case *batch.MapValue:
		field = 8
	default:
		return dst, batch.DataFault("Unknown Java type for schemaless data: " + values.Class(x))
	}
	for i := range len(anythingSchema.fields) {
		if i != field {
			dst = append(dst, 0)
			continue
		}
		dst = append(dst, 2)
		switch y := x.(type) {
		case []any:
			dst, err = appendAnythings(dst, len(y), func(i int) (any, any) { return y[i], nil }, false)
		case *batch.MapValue:
			dst, err = appendAnythings(dst, len(y.Entries), func(i int) (any, any) { return y.Entries[i].Key, y.Entries[i].Value }, true)
		default:
			dst, err = e.scalar(dst, x)
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func appendAnythings(dst []byte, n int, at func(i int) (any, any), pairs bool) (_ []byte, err error) {
	if n > 0 {
		dst = appendZigzag(dst, int64(n))
	}
	for i := range n {
		k, v := at(i)
		if dst, err = appendAnything(dst, k); err != nil {
			return dst, err
		}
		if !pairs {
			continue
		}
		if dst, err = appendAnything(dst, v); err != nil {
			return dst, err
		}
	}
	return append(dst, 0), nil
}
