// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/values"
)

// toConnect maps Avro schemas to Connect's (AvroData.toConnectSchema).
type toConnect struct {
	avroOptions
	open []*avroSchema // records around the one at work
}

// toConnectSchema maps a whole schema.
func (o avroOptions) toConnectSchema(a *avroSchema) (*batch.Schema, error) {
	t := toConnect{avroOptions: o}
	return t.schema(a, false, nil, false)
}

// isNullUnion finds the one branch of a union of it and null.
func (s *avroSchema) isNullUnion() (branch *avroSchema, ok bool) {
	if s.kind != avroUnion || len(s.branches) != 2 {
		return nil, false
	}
	for i, b := range s.branches {
		if b.kind == avroNull {
			return s.branches[1-i], true
		}
	}
	return nil, false
}

// schema maps a schema with the default of the field it is of, if that has one.
func (t *toConnect) schema(a *avroSchema, optional bool, def any, hasDefault bool) (*batch.Schema, error) {
	if b, ok := a.isNullUnion(); ok {
		return t.schema(b, true, nil, false)
	}
	if slices.Contains(t.open, a) {
		return nil, batch.DataFault("Recursive Avro schemas are not supported: " + a.fullName() + " contains itself")
	}
	t.open = append(t.open, a)
	defer func() { t.open = t.open[:len(t.open)-1] }()
	s := batch.Schema{Optional: optional}
	if err := t.base(&s, a); err != nil {
		return nil, err
	}
	if err := t.attributes(&s, a); err != nil {
		return nil, err
	}
	if !hasDefault {
		def, hasDefault = a.props.get("connect.default")
	} else if t.meta {
		s.Params = setParam(s.Params, avroFieldDefault, "true")
	}
	if hasDefault && def != nil {
		v, err := t.defaultValue(batch.NewSchema(s), a, def)
		if err != nil {
			return nil, err
		}
		s.Default, s.HasDefault = v, v != nil
	}
	return batch.NewSchema(s), nil
}

func setParam(params []batch.Param, key, value string) []batch.Param {
	for i := range params {
		if params[i].Key == key {
			params[i].Value = value
			return params
		}
	}
	return append(params, batch.Param{Key: key, Value: value})
}

func (t *toConnect) base(s *batch.Schema, a *avroSchema) (err error) {
	logical, _ := a.prop("logicalType")
	switch a.kind {
	case avroNull:
		return batch.DataFault("Standalone null schemas are not supported by this converter")
	case avroBoolean:
		s.Type = batch.Boolean
	case avroInt:
		return t.int(s, a, logical)
	case avroLong:
		s.Type = batch.Int64
		if logical == "timestamp-millis" {
			logicalSchema(s, batch.TimestampName)
		}
	case avroFloat:
		s.Type = batch.Float32
	case avroDouble:
		s.Type = batch.Float64
	case avroBytes, avroFixed:
		return t.bytes(s, a, logical)
	case avroString:
		s.Type = batch.String
	case avroEnum:
		t.enum(s, a)
	case avroArray:
		return t.array(s, a)
	case avroMap:
		s.Type, s.KeySchema = batch.Map, batch.StringSchema
		s.ValueSchema, err = t.schema(a.items, false, nil, false)
	case avroRecord:
		return t.record(s, a)
	case avroUnion:
		return t.union(s, a)
	}
	return err
}

func logicalSchema(s *batch.Schema, name string) {
	one := int32(1)
	s.Name, s.Version = &name, &one
}

func (t *toConnect) int(s *batch.Schema, a *avroSchema, logical string) error {
	s.Type = batch.Int32
	kind, typed := a.prop("connect.type")
	switch {
	case logical == "date":
		logicalSchema(s, batch.DateName)
	case logical == "time-millis":
		logicalSchema(s, batch.TimeName)
	case logical != "" || !typed:
	case kind == "int8":
		s.Type = batch.Int8
	case kind == "int16":
		s.Type = batch.Int16
	default:
		return batch.DataFault("Connect type annotation for Avro int field is null")
	}
	return nil
}

func (t *toConnect) bytes(s *batch.Schema, a *avroSchema, logical string) error {
	s.Type = batch.Bytes
	if strings.EqualFold(logical, "decimal") {
		logicalSchema(s, batch.DecimalName)
		scale := "0"
		if v, ok := a.props.get("scale"); ok {
			if n, ok := v.(json.Number); ok {
				scale = string(n)
			}
		}
		s.Params = setParam(s.Params, "scale", scale)
		if v, ok := a.props.get("precision"); ok {
			n, ok := v.(json.Number)
			if !ok {
				return batch.DataFault("precision property must be a JSON Integer. https://avro.apache.org/docs/1.9.1/spec.html#Decimal")
			}
			if n != "64" {
				s.Params = setParam(s.Params, avroPrecision, string(n))
			}
		}
	}
	if a.kind == avroFixed {
		s.Params = setParam(s.Params, avroFixedSize, strconv.Itoa(a.size))
	}
	return nil
}

func (t *toConnect) enum(s *batch.Schema, a *avroSchema) {
	s.Type = batch.String
	param := t.enumParam()
	if t.meta {
		if a.doc != nil {
			s.Params = setParam(s.Params, avroEnumDoc+a.name, *a.doc)
		}
		if a.fallback != nil {
			s.Params = setParam(s.Params, avroEnumDefault+a.name, *a.fallback)
		}
	}
	s.Params = setParam(s.Params, param, a.fullName())
	for i, symbol := range a.symbols {
		value := symbol
		if t.sum {
			value = strconv.Itoa(i)
		}
		s.Params = setParam(s.Params, param+"."+symbol, value)
	}
}

// isMapEntry says whether an array of these is a map.
func (s *avroSchema) isMapEntry() bool {
	if s.kind != avroRecord {
		return false
	}
	if s.space == avroSpace && s.name == avroMapEntry {
		return true
	}
	kind, _ := s.prop(avroInternalType)
	return kind == avroMapEntry
}

func (t *toConnect) array(s *batch.Schema, a *avroSchema) (err error) {
	if !a.items.isMapEntry() {
		s.Type = batch.Array
		s.ValueSchema, err = t.schema(a.items, false, nil, false)
		return err
	}
	s.Type = batch.Map
	f := a.items.fields
	if len(f) != 2 || f[0].name != "key" || f[1].name != "value" {
		return batch.DataFault("Found map encoded as array of key-value pairs, but array elements do not match the expected format.")
	}
	if s.KeySchema, err = t.schema(f[0].schema, false, nil, false); err != nil {
		return err
	}
	s.ValueSchema, err = t.schema(f[1].schema, false, nil, false)
	return err
}

func (t *toConnect) record(s *batch.Schema, a *avroSchema) error {
	s.Type = batch.Struct
	s.Fields = []batch.Field{}
	if t.meta && a.doc != nil {
		s.Params = setParam(s.Params, avroRecordDoc, *a.doc)
	}
	for _, f := range a.fields {
		if t.meta && f.doc != nil {
			s.Params = setParam(s.Params, avroFieldDoc+f.name, *f.doc)
		}
		fs, err := t.schema(f.schema, false, f.def, f.hasDefault)
		if err != nil {
			return err
		}
		s.Fields = append(s.Fields, batch.Field{Name: f.name, Schema: fs})
	}
	return nil
}

func (t *toConnect) union(s *batch.Schema, a *avroSchema) error {
	name := avroUnionName
	if t.sum {
		name = avroSumName
	}
	s.Type, s.Name, s.Fields = batch.Struct, &name, []batch.Field{}
	for _, b := range a.branches {
		if b.kind == avroNull {
			s.Optional = true
			continue
		}
		fs, err := t.schema(b, true, nil, false)
		if err != nil {
			return err
		}
		field := b.fullName()
		switch {
		case t.sum:
			field = avroSumBranch + strconv.Itoa(len(s.Fields))
		case b.kind >= avroRecord && b.kind <= avroFixed && !t.enhanced:
			field = b.name
		}
		if slices.ContainsFunc(s.Fields, func(f batch.Field) bool { return f.Name == field }) {
			return batch.DataFault("Multiple union schemas map to the Connect union field name")
		}
		s.Fields = append(s.Fields, batch.Field{Name: field, Schema: fs})
	}
	return nil
}

// attributes applies what fromConnect.describe left in the schema.
func (t *toConnect) attributes(s *batch.Schema, a *avroSchema) error {
	if doc, ok := a.prop("connect.doc"); ok && t.meta {
		s.Doc = &doc
	}
	if v, ok := a.props.get("connect.version"); ok {
		number, _ := v.(json.Number)
		n, err := strconv.ParseInt(string(number), 10, 32)
		if err != nil {
			return batch.DataFault("Invalid Connect version found: " + string(appendOrdered(nil, v)))
		}
		version := int32(n)
		s.Version = &version
	}
	if v, ok := a.props.get("connect.parameters"); ok && t.meta {
		params, ok := v.(jsonObject)
		if !ok {
			return batch.DataFault("Expected JSON object for schema parameters but found: " + string(appendOrdered(nil, v)))
		}
		for _, m := range params {
			value, ok := m.value.(string)
			if !ok {
				return batch.DataFault("Expected schema parameter values to be strings but found: " + string(appendOrdered(nil, m.value)))
			}
			s.Params = setParam(s.Params, m.name, value)
		}
	}
	return t.name(s, a)
}

func (t *toConnect) name(s *batch.Schema, a *avroSchema) error {
	name := ""
	if v, ok := a.props.get("connect.name"); ok {
		if name, ok = v.(string); !ok {
			return batch.DataFault("Invalid schema name: " + string(appendOrdered(nil, v)))
		}
	} else if a.kind >= avroRecord && a.kind <= avroFixed {
		name = a.fullName()
	}
	switch {
	case name == "" || name == avroSpace+"."+avroDefaultName:
	case s.Name == nil:
		s.Name = &name
	case *s.Name != name:
		return batch.DataFault("Mismatched names: name already added to SchemaBuilder (" + *s.Name + ") differs from name in source schema (" + name + ")")
	}
	return nil
}

// defaultValue reads a default (AvroData.defaultValueFromAvro).
func (t *toConnect) defaultValue(s *batch.Schema, a *avroSchema, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	if b, ok := a.isNullUnion(); ok {
		a = b
	}
	if a.kind == avroUnion && len(a.branches) > 0 && s.Type == batch.Struct {
		if a.branches[0].kind == avroNull || len(s.Fields) == 0 {
			return nil, nil
		}
		x := &batch.StructValue{Schema: s, Vals: make([]any, len(s.Fields))}
		var err error
		x.Vals[0], err = t.defaultValue(s.Fields[0].Schema, a.branches[0], v)
		return x, err
	}
	wrong := batch.DataFault("Invalid default value " + string(appendOrdered(nil, v)) + " for " + s.Type.String())
	switch s.Type {
	case batch.Array:
		list, ok := v.([]any)
		if !ok {
			return nil, wrong
		}
		out := []any{}
		for _, e := range list {
			x, err := t.defaultValue(s.ValueSchema, a.items, e)
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
		return out, nil
	case batch.Map:
		o, ok := v.(jsonObject)
		if !ok || a.kind != avroMap {
			return nil, wrong
		}
		m := &batch.MapValue{}
		for _, e := range o {
			x, err := t.defaultValue(s.ValueSchema, a.items, e.value)
			if err != nil {
				return nil, err
			}
			m.Put(e.name, x)
		}
		return m, nil
	case batch.Struct:
		o, ok := v.(jsonObject)
		if !ok {
			return nil, wrong
		}
		x := &batch.StructValue{Schema: s, Vals: make([]any, len(s.Fields))}
		for i, f := range a.fields {
			e, ok := o.get(f.name)
			if !ok {
				e = f.def
			}
			y, err := t.defaultValue(s.Fields[i].Schema, f.schema, e)
			if err != nil {
				return nil, err
			}
			x.Vals[i] = y
		}
		return x, nil
	}
	if x, ok := leafDefault(s, v); ok {
		return x, nil
	}
	return nil, wrong
}

func leafDefault(s *batch.Schema, v any) (any, bool) {
	switch x := v.(type) {
	case bool:
		return x, s.Type == batch.Boolean
	case string:
		switch s.Type {
		case batch.String:
			return x, true
		case batch.Float32, batch.Float64:
			return numberDefault(s, strings.TrimSuffix(x, "inity"))
		case batch.Bytes:
			p := []byte{}
			for _, c := range x {
				p = append(p, byte(c))
			}
			if s.Logical() == batch.LogicalDecimal {
				d, err := values.BytesToDecimal(s, p)
				return d, err == nil
			}
			return batch.ByteBuffer(p), true
		}
	case json.Number:
		return numberDefault(s, string(x))
	}
	return nil, false
}

func numberDefault(s *batch.Schema, t string) (any, bool) {
	switch s.Type {
	case batch.Float32:
		f, err := strconv.ParseFloat(t, 32)
		return float32(f), err == nil
	case batch.Float64:
		f, err := strconv.ParseFloat(t, 64)
		return f, err == nil
	}
	r, ok := new(big.Rat).SetString(t)
	if !ok || !r.IsInt() || !r.Num().IsInt64() || len(t) > 40 {
		return nil, false
	}
	n := r.Num().Int64()
	switch s.Logical() {
	case batch.LogicalDate:
		return values.DaysToDate(int32(n)), true
	case batch.LogicalTime, batch.LogicalTimestamp:
		return batch.Date(n), true
	}
	switch s.Type {
	case batch.Int8:
		return int8(n), true
	case batch.Int16:
		return int16(n), true
	case batch.Int32:
		return int32(n), true
	case batch.Int64:
		return n, true
	}
	return nil, false
}
