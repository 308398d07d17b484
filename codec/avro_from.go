// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/values"
)

// Names that AvroData gives to what Avro has no place for.
const (
	avroSpace         = "io.confluent.connect.avro"
	avroDefaultName   = "ConnectDefault"
	avroMapEntry      = "MapEntry"
	avroAnything      = "Anything"
	avroUnionName     = avroSpace + ".Union"
	avroSumName       = "connect_union"
	avroSumBranch     = "connect_union_field_"
	avroEnumParam     = avroSpace + ".Enum"
	avroSumEnum       = "org.apache.kafka.connect.data.Enum"
	avroRecordDoc     = avroSpace + ".record.doc"
	avroFieldDoc      = avroSpace + ".field.doc."
	avroEnumDoc       = avroSpace + ".enum.doc."
	avroEnumDefault   = avroSpace + ".enum.default."
	avroFieldDefault  = avroSpace + ".field.default"
	avroFixedSize     = "connect.fixed.size"
	avroPrecision     = "connect.decimal.precision"
	avroInternalType  = "connect.internal.type"
	avroMostPrecision = 64
)

// avroOptions are the options of AvroDataConfig.
type avroOptions struct {
	enhanced bool // enhanced.avro.schema.support
	meta     bool // connect.meta.data
	scrub    bool // scrub.invalid.names
	sum      bool // generalized.sum.type.support
}

// enumParam is the parameter that marks an enum, and starts those of its symbols.
func (o avroOptions) enumParam() string {
	if o.sum {
		return avroSumEnum
	}
	return avroEnumParam
}

// fromConnect maps Connect schemas to Avro's (AvroData.fromConnectSchema), one schema per use.
type fromConnect struct {
	avroOptions
	unnamed int                           // records without a name so far
	done    map[*batch.Schema]*avroSchema // structs mapped already
}

// fromConnectSchema maps a whole schema; nil is what holds values without one.
func (o avroOptions) fromConnectSchema(s *batch.Schema) (*avroSchema, error) {
	f := fromConnect{avroOptions: o, done: map[*batch.Schema]*avroSchema{}}
	return f.schema(s, true)
}

func (f *fromConnect) schema(s *batch.Schema, optional bool) (*avroSchema, error) {
	if s == nil {
		return anythingSchema, nil
	}
	a, known := f.done[s]
	if !known {
		var err error
		if a, err = f.base(s); err != nil {
			return nil, err
		}
		if a.kind != avroUnion {
			if err := f.describe(a, s); err != nil {
				return nil, err
			}
		}
		f.done[s] = a
	}
	null := &avroSchema{kind: avroNull}
	switch {
	case !optional || !s.Optional:
		return a, nil
	case a.kind == avroUnion:
		return &avroSchema{kind: avroUnion, branches: append([]*avroSchema{null}, a.branches...)}, nil
	case s.Default != nil:
		return &avroSchema{kind: avroUnion, branches: []*avroSchema{a, null}}, nil
	}
	return &avroSchema{kind: avroUnion, branches: []*avroSchema{null, a}}, nil
}

// base is the schema without what Connect alone knows.
func (f *fromConnect) base(s *batch.Schema) (*avroSchema, error) {
	switch s.Type {
	case batch.Int8, batch.Int16, batch.Int32:
		return &avroSchema{kind: avroInt}, nil
	case batch.Int64:
		return &avroSchema{kind: avroLong}, nil
	case batch.Float32:
		return &avroSchema{kind: avroFloat}, nil
	case batch.Float64:
		return &avroSchema{kind: avroDouble}, nil
	case batch.Boolean:
		return &avroSchema{kind: avroBoolean}, nil
	case batch.String:
		return f.text(s)
	case batch.Bytes:
		return f.bytes(s)
	case batch.Array:
		items, err := f.schema(s.ValueSchema, true)
		return &avroSchema{kind: avroArray, items: items}, err
	case batch.Map:
		return f.mapping(s)
	}
	return f.record(s)
}

// text is a string, or an enum when the parameters say so.
func (f *fromConnect) text(s *batch.Schema) (*avroSchema, error) {
	param := f.enumParam()
	name, ok := s.Param(param)
	if !ok || !f.enhanced && !f.sum {
		return &avroSchema{kind: avroString}, nil
	}
	e := &avroSchema{kind: avroEnum}
	e.space, e.name = splitAvroName(name)
	for _, p := range s.Params {
		if symbol, ok := strings.CutPrefix(p.Key, param+"."); ok {
			if err := checkAvroName(symbol); err != nil {
				return nil, err
			}
			e.symbols = append(e.symbols, symbol)
		}
	}
	if doc, ok := s.Param(avroEnumDoc + e.name); ok {
		e.doc = &doc
	}
	if d, ok := s.Param(avroEnumDefault + e.name); ok {
		e.fallback = &d
	}
	return e, checkAvroName(e.name)
}

func (f *fromConnect) bytes(s *batch.Schema) (*avroSchema, error) {
	a := &avroSchema{kind: avroBytes}
	if size, ok := s.Param(avroFixedSize); ok {
		n, err := strconv.Atoi(size)
		if err != nil || n < 0 {
			return nil, batch.NewFault(batch.NumberFormatException, "For input string: \""+size+"\"")
		}
		a.kind, a.size = avroFixed, n
		if a.space, a.name, err = f.names(s.Name); err != nil {
			return nil, err
		}
	}
	if s.NameText() != batch.DecimalName {
		return a, nil
	}
	if _, err := values.Scale(s); err != nil {
		return nil, err
	}
	a.setProp("scale", json.Number(strconv.Itoa(int(s.Scale()))))
	precision := avroMostPrecision
	if text, ok := s.Param(avroPrecision); ok {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, batch.NewFault(batch.NumberFormatException, "For input string: \""+text+"\"")
		}
		precision = n
	}
	a.setProp("precision", json.Number(strconv.Itoa(precision)))
	return a, nil
}

// names cuts a name, or makes one where there is none.
func (f *fromConnect) names(name *string) (space, simple string, err error) {
	if name == nil {
		f.unnamed++
		if f.unnamed > 1 {
			return avroSpace, avroDefaultName + strconv.Itoa(f.unnamed), nil
		}
		return avroSpace, avroDefaultName, nil
	}
	space, simple = splitAvroName(*name)
	if f.scrub {
		parts := strings.Split(space, ".")
		for i := range parts {
			parts[i] = scrubAvroName(parts[i])
		}
		space, simple = strings.Join(parts, "."), scrubAvroName(simple)
	}
	return space, simple, checkAvroName(simple)
}

// scrubAvroName makes a legal name of any (AvroData.scrubName).
func scrubAvroName(name string) string {
	if name == "" {
		return name
	}
	out := []byte(nil)
	for i, c := range name {
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80
		switch {
		case letter || i > 0 && c >= '0' && c <= '9':
			out = append(out, byte(c))
		case i == 0 && c >= '0' && c <= '9':
			out = append(out, 'x', byte(c))
		default:
			out = append(out, '_')
		}
	}
	return string(out)
}

func (f *fromConnect) mapping(s *batch.Schema) (*avroSchema, error) {
	if s.KeySchema != nil && s.KeySchema.Type == batch.String && !s.KeySchema.Optional {
		items, err := f.schema(s.ValueSchema, true)
		return &avroSchema{kind: avroMap, items: items}, err
	}
	entry := &avroSchema{kind: avroRecord, space: avroSpace, name: avroMapEntry}
	if s.Name != nil {
		var err error
		if entry.space, entry.name, err = f.names(s.Name); err != nil {
			return nil, err
		}
		entry.setProp(avroInternalType, avroMapEntry)
	}
	for _, kid := range []batch.Field{{Name: "key", Schema: s.KeySchema}, {Name: "value", Schema: s.ValueSchema}} {
		if err := f.field(entry, kid, nil); err != nil {
			return nil, err
		}
	}
	return &avroSchema{kind: avroArray, items: entry}, nil
}

// union says whether a struct stands for a union.
func (o avroOptions) union(s *batch.Schema) bool {
	name := s.NameText()
	_, sum := s.Param(avroSumName)
	return name == avroUnionName || o.sum && (name == avroSumName || sum)
}

func (f *fromConnect) record(s *batch.Schema) (*avroSchema, error) {
	if f.union(s) {
		u := &avroSchema{kind: avroUnion}
		for _, kid := range s.Fields {
			b, err := f.schema(kid.Schema, false)
			if err != nil {
				return nil, err
			}
			u.branches = append(u.branches, b)
		}
		return u, nil
	}
	r := &avroSchema{kind: avroRecord}
	var err error
	if r.space, r.name, err = f.names(s.Name); err != nil {
		return nil, err
	}
	if doc, ok := s.Param(avroRecordDoc); ok {
		r.doc = &doc
	}
	for _, kid := range s.Fields {
		var doc *string
		if text, ok := s.Param(avroFieldDoc + kid.Name); ok {
			doc = &text
		}
		if err := f.field(r, kid, doc); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (f *fromConnect) field(r *avroSchema, kid batch.Field, doc *string) error {
	name := kid.Name
	if f.scrub {
		name = scrubAvroName(name)
	}
	a, err := f.schema(kid.Schema, true)
	if err != nil {
		return err
	}
	if err := checkAvroName(name); err != nil {
		return err
	}
	field := avroField{name: name, schema: a, doc: doc}
	switch {
	case kid.Schema == nil:
	case kid.Schema.Default != nil:
		field.hasDefault = true
		if field.def, err = avroDefault(kid.Schema, kid.Schema.Default); err != nil {
			return err
		}
	case kid.Schema.Optional:
		field.hasDefault = true
	}
	r.fields = append(r.fields, field)
	return nil
}

// describe adds what only Connect knows as attributes.
func (f *fromConnect) describe(a *avroSchema, s *batch.Schema) error {
	if f.meta {
		if s.Doc != nil {
			a.setProp("connect.doc", *s.Doc)
		}
		if s.Version != nil {
			a.setProp("connect.version", json.Number(strconv.Itoa(int(*s.Version))))
		}
		if s.Params != nil {
			params := jsonObject{}
			for _, p := range s.Params {
				params = append(params, jsonMember{p.Key, p.Value})
			}
			a.setProp("connect.parameters", params)
		}
		if s.Default != nil {
			d, err := avroDefault(s, s.Default)
			if err != nil {
				return err
			}
			a.setProp("connect.default", d)
		}
		if s.Name != nil {
			a.setProp("connect.name", *s.Name)
		}
		switch s.Type {
		case batch.Int8:
			a.setProp("connect.type", "int8")
		case batch.Int16:
			a.setProp("connect.type", "int16")
		}
	}
	switch s.Logical() {
	case batch.LogicalDecimal:
		a.setProp("logicalType", "decimal")
	case batch.LogicalDate:
		a.setProp("logicalType", "date")
	case batch.LogicalTime:
		a.setProp("logicalType", "time-millis")
	case batch.LogicalTimestamp:
		a.setProp("logicalType", "timestamp-millis")
	}
	return nil
}

// avroDefault is a default value as JSON (AvroData.defaultValueFromConnect).
func avroDefault(s *batch.Schema, v any) (any, error) {
	number := func(n int64) (any, error) { return json.Number(strconv.FormatInt(n, 10)), nil }
	switch x := v.(type) {
	case int8:
		return number(int64(x))
	case int16:
		return number(int64(x))
	case int32:
		return number(int64(x))
	case int64:
		return number(x)
	case float32:
		return avroFloatText(float64(x), 32), nil
	case float64:
		return avroFloatText(x, 64), nil
	case bool, string, nil:
		return x, nil
	case []byte:
		return latin1(x), nil
	case batch.ByteBuffer:
		return latin1(x), nil
	case batch.Decimal:
		p, err := values.DecimalToBytes(s, x)
		return latin1(p), err
	case batch.Date:
		switch s.Logical() {
		case batch.LogicalDate:
			n, err := values.DateToDays(x)
			return json.Number(strconv.Itoa(int(n))), err
		case batch.LogicalTime:
			n, err := values.TimeToMillis(x)
			return json.Number(strconv.Itoa(int(n))), err
		}
		return number(int64(x))
	case []any:
		list := []any{}
		for _, e := range x {
			j, err := avroDefault(s.ValueSchema, e)
			if err != nil {
				return nil, err
			}
			list = append(list, j)
		}
		return list, nil
	case *batch.MapValue:
		return avroDefaultMap(s, x)
	case *batch.StructValue:
		o := jsonObject{}
		for i, f := range x.Schema.Fields {
			j, err := avroDefault(f.Schema, x.Vals[i])
			if err != nil {
				return nil, err
			}
			o = append(o, jsonMember{f.Name, j})
		}
		return o, nil
	}
	return nil, batch.DataFault("Unknown schema type:" + values.Class(v))
}

func avroDefaultMap(s *batch.Schema, m *batch.MapValue) (any, error) {
	object, list := jsonObject{}, []any{}
	for _, e := range m.Entries {
		k, err := avroDefault(s.KeySchema, e.Key)
		if err != nil {
			return nil, err
		}
		v, err := avroDefault(s.ValueSchema, e.Value)
		if err != nil {
			return nil, err
		}
		if text, ok := k.(string); ok {
			object = append(object, jsonMember{text, v})
		}
		list = append(list, []any{k, v})
	}
	if s.KeySchema != nil && s.KeySchema.Type == batch.String && !s.KeySchema.Optional {
		return object, nil
	}
	return list, nil
}

// avroFloatText is a float as JSON; what JSON has no number for is text, as Jackson writes it.
func avroFloatText(f float64, bits int) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		if f > 0 {
			return "Infinity"
		}
		return "-Infinity"
	}
	t := strconv.FormatFloat(f, 'g', -1, bits)
	if !strings.ContainsAny(t, ".e") {
		t += ".0"
	}
	return json.Number(t)
}

// latin1 is bytes as text, a character each: how Avro writes defaults of bytes.
func latin1(p []byte) string {
	r := make([]rune, len(p))
	for i, c := range p {
		r[i] = rune(c)
	}
	return string(r)
}

// anythingSchema holds values that have no schema (AvroData.ANYTHING_SCHEMA).
var anythingSchema = func() *avroSchema {
	s, err := (&avroParser{}).parse([]byte(`{"type":"record","name":"Anything","namespace":"io.confluent.connect.avro","fields":[` +
		`{"name":"boolean","type":["null","boolean"],"default":null},{"name":"bytes","type":["null","bytes"],"default":null},` +
		`{"name":"double","type":["null","double"],"default":null},{"name":"float","type":["null","float"],"default":null},` +
		`{"name":"int","type":["null","int"],"default":null},{"name":"long","type":["null","long"],"default":null},` +
		`{"name":"string","type":["null","string"],"default":null},` +
		`{"name":"array","type":["null",{"type":"array","items":"Anything"}],"default":null},` +
		`{"name":"map","type":["null",{"type":"array","items":{"type":"record","name":"MapEntry","fields":[` +
		`{"name":"key","type":"Anything"},{"name":"value","type":"Anything"}]}}],"default":null}]}`))
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return s
}()
