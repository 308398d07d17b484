// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math/big"
	"reflect"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/values"
)

// celRow offers one row's variables to CEL. Only what the expression names is read.
type celRow struct {
	prog *celProgram
	b    *batch.Batch
	row  int
}

// Parent is nil: there are no other variables.
func (r *celRow) Parent() interpreter.Activation { return nil }

// ResolveName finds a variable.
func (r *celRow) ResolveName(name string) (any, bool) {
	switch name {
	case "value":
		return r.side(&r.b.Value), true
	case "key":
		return r.side(&r.b.Key), true
	case "valueSchema":
		return r.schema(&r.b.Value), true
	case "keySchema":
		return r.schema(&r.b.Key), true
	case "topic":
		return types.String(r.b.Topics.At(r.row)), true
	case "partition":
		return celPartition(r.b, r.row), true
	case "timestamp":
		return celTimestamp(r.b, r.row), true
	case "header", "headers":
		return r.headers(), true
	}
	return nil, false
}

func (r *celRow) side(p *batch.Payload) ref.Val {
	if len(p.Variants) == 0 {
		return types.NullValue
	}
	v, pos := p.Locate(r.row)
	return celCell(r.b, v.Root, pos)
}

func (r *celRow) schema(p *batch.Payload) ref.Val {
	if len(p.Variants) == 0 {
		return types.NullValue
	}
	v, _ := p.Locate(r.row)
	if v.Schema == nil {
		return types.NullValue
	}
	return r.prog.schemas.get(v.Schema, celSchema)
}

func (r *celRow) headers() ref.Val {
	m := map[ref.Val]ref.Val{}
	for _, h := range r.b.Headers.Of(r.row) {
		s := ref.Val(types.NullValue)
		if h.Schema != nil {
			s = r.prog.schemas.get(h.Schema, celSchema)
		}
		m[types.String(h.Key)] = celMapOf(map[ref.Val]ref.Val{types.String("value"): celValue(r.b.HeaderValue(&h)), types.String("schema"): s})
	}
	return celMapOf(m)
}

func celPartition(b *batch.Batch, row int) ref.Val {
	if p := b.PartitionAt(row); p != batch.NoPartition {
		return types.Int(p)
	}
	return types.NullValue
}

func celTimestamp(b *batch.Batch, row int) ref.Val {
	if ts := b.TimestampAt(row); ts != batch.NoTimestamp {
		return types.Int(ts)
	}
	return types.NullValue
}

func celMapOf(m map[ref.Val]ref.Val) ref.Val { return types.NewRefValMap(types.DefaultTypeAdapter, m) }

// celSchema is a schema as scripts see it: type, name, version, doc, optional, parameters, fields by name.
func celSchema(s *batch.Schema) ref.Val {
	if s == nil {
		return types.NullValue
	}
	m := map[ref.Val]ref.Val{
		types.String("type"): types.String(s.Type.String()), types.String("optional"): types.Bool(s.Optional),
		types.String("name"): types.NullValue, types.String("version"): types.NullValue, types.String("doc"): types.NullValue,
	}
	if s.Name != nil {
		m[types.String("name")] = types.String(*s.Name)
	}
	if s.Version != nil {
		m[types.String("version")] = types.Int(*s.Version)
	}
	if s.Doc != nil {
		m[types.String("doc")] = types.String(*s.Doc)
	}
	params := map[ref.Val]ref.Val{}
	for _, p := range s.Params {
		params[types.String(p.Key)] = types.String(p.Value)
	}
	m[types.String("parameters")] = celMapOf(params)
	fields := map[ref.Val]ref.Val{}
	for _, f := range s.Fields {
		fields[types.String(f.Name)] = celSchema(f.Schema)
	}
	m[types.String("fields")] = celMapOf(fields)
	return celMapOf(m)
}

// celCell is row i of a column. Maps and structs are read as far as the expression goes into them.
func celCell(b *batch.Batch, v *batch.Vec, i int) ref.Val {
	switch v.Kind {
	case batch.KindStruct, batch.KindObject:
		if v.IsNull(i) {
			return celDefault(v.Schema)
		}
		return &celMap{b: b, v: v, i: i}
	case batch.KindDyn:
		switch tag := v.TagAt(i); tag {
		case batch.TagJSON, batch.TagJSONObject:
			if text := b.Slab.Bytes(v.View(i)); text[0] == '{' {
				return &celMap{b: b, text: text}
			}
		}
		return celValue(b.ReadTagged(v.TagAt(i), v.Cell(i)))
	}
	if v.IsNull(i) {
		return celDefault(v.Schema)
	}
	return celTyped(v.Schema, b.Read(v, i))
}

// celDefault stands for a null under a schema, as Struct.get has it.
func celDefault(s *batch.Schema) ref.Val {
	if s != nil && s.HasDefault {
		return celTyped(s, s.Default)
	}
	return types.NullValue
}

// celTyped is celValue, but times of day are durations.
func celTyped(s *batch.Schema, x any) ref.Val {
	if d, ok := x.(batch.Date); ok && s.Logical() == batch.LogicalTime {
		return types.Duration{Duration: time.Duration(d) * time.Millisecond}
	}
	return celValue(x)
}

// celValue is a Connect value as CEL's. Decimals are doubles; dates are timestamps.
func celValue(x any) ref.Val {
	switch y := x.(type) {
	case nil:
		return types.NullValue
	case bool:
		return types.Bool(y)
	case int8:
		return types.Int(y)
	case int16:
		return types.Int(y)
	case int32:
		return types.Int(y)
	case int64:
		return types.Int(y)
	case float32:
		return types.Double(y)
	case float64:
		return types.Double(y)
	case string:
		return types.String(y)
	case []byte:
		return types.Bytes(y)
	case batch.ByteBuffer:
		return types.Bytes(y)
	case batch.Date:
		return types.Timestamp{Time: time.UnixMilli(int64(y)).UTC()}
	case batch.Decimal:
		return types.Double(values.Number(y).Float64())
	case *big.Int:
		f, _ := new(big.Float).SetInt(y).Float64()
		return types.Double(f)
	}
	return celNested(x)
}

func celNested(x any) ref.Val {
	switch y := x.(type) {
	case []any:
		list := make([]ref.Val, len(y))
		for i, e := range y {
			list[i] = celValue(e)
		}
		return types.NewRefValList(types.DefaultTypeAdapter, list)
	case *batch.MapValue:
		m := make(map[ref.Val]ref.Val, len(y.Entries))
		for _, e := range y.Entries {
			m[celKey(e.Key)] = celValue(e.Value)
		}
		return celMapOf(m)
	case *batch.StructValue:
		m := make(map[ref.Val]ref.Val, len(y.Vals))
		for i, f := range y.Schema.Fields {
			if y.Vals[i] == nil {
				m[types.String(f.Name)] = celDefault(f.Schema)
				continue
			}
			m[types.String(f.Name)] = celTyped(f.Schema, y.Vals[i])
		}
		return celMapOf(m)
	}
	return types.String(values.String(x))
}

// celKey is a map's key: what CEL cannot have as one becomes its text.
func celKey(x any) ref.Val {
	switch v := celValue(x).(type) {
	case types.Bool, types.Int, types.String:
		return v
	}
	return types.String(values.String(x))
}

// celMap is a map or struct that is read field by field: a row of columns, or the text of a JSON object.
type celMap struct {
	b    *batch.Batch
	v    *batch.Vec // KindStruct or KindObject
	i    int
	text []byte // v is nil: an object
}

// Find is the value of a field.
func (m *celMap) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	if m.v == nil {
		text := memberText(m.text, string(name))
		if text == nil {
			return nil, false
		}
		if text[0] == '{' {
			return &celMap{b: m.b, text: text}, true
		}
		return celText(text), true
	}
	kid, _ := m.v.Kid(string(name))
	if kid == nil || kid.Kind == batch.KindDyn && kid.TagAt(m.i) == batch.TagMissing {
		return nil, false
	}
	return celCell(m.b, kid, m.i), true
}

// celText reads the text of a JSON value.
func celText(text []byte) ref.Val {
	switch c := textScalar(text); c.tag {
	case batch.TagNull:
		return types.NullValue
	case batch.TagBool:
		return types.Bool(c.cell != 0)
	case batch.TagInt64:
		return types.Int(batch.Int(c.cell))
	case batch.TagFloat64:
		return types.Double(batch.CellFloat64(c.cell))
	case batch.TagString:
		return types.String(c.text)
	}
	b := batch.New()
	return celValue(b.ReadTagged(batch.TagJSON, uint64(b.Slab.Append(text))))
}

// all reads the whole of it.
func (m *celMap) all() traits.Mapper {
	var x ref.Val
	if m.v == nil {
		x = celText(m.text)
	} else {
		x = celValue(m.b.Read(m.v, m.i))
	}
	return x.(traits.Mapper)
}

// Get is Find, or an error.
func (m *celMap) Get(key ref.Val) ref.Val {
	if v, ok := m.Find(key); ok {
		return v
	}
	return types.NewErr("no such key: %v", key)
}

// Contains reports whether there is a field of a name.
func (m *celMap) Contains(key ref.Val) ref.Val {
	_, ok := m.Find(key)
	return types.Bool(ok)
}

// ConvertToNative converts the whole map.
func (m *celMap) ConvertToNative(t reflect.Type) (any, error) { return m.all().ConvertToNative(t) }

// ConvertToType converts the whole map.
func (m *celMap) ConvertToType(t ref.Type) ref.Val { return m.all().ConvertToType(t) }

// Equal compares the whole map.
func (m *celMap) Equal(other ref.Val) ref.Val { return m.all().Equal(other) }

// Iterator walks the keys.
func (m *celMap) Iterator() traits.Iterator { return m.all().Iterator() }

// Size is the number of fields.
func (m *celMap) Size() ref.Val { return m.all().Size() }

// Type is CEL's map.
func (m *celMap) Type() ref.Type { return types.MapType }

// Value is the whole map.
func (m *celMap) Value() any { return m.all().Value() }
