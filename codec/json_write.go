// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"slices"
	"strconv"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/jackson"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/jsontext"
	"github.com/penstock-io/penstock/internal/values"
)

// appendValue appends a single value (JsonConverter.convertToJson): the general path, for headers, defaults and values
// that no column holds. A null without schema is null.
func (j *JSON) appendValue(dst []byte, s *batch.Schema, v any, depth int) ([]byte, error) {
	if depth > jsontext.MaxDepth {
		return dst, &batch.Fault{Class: batch.DataException, Message: "Converting Kafka Connect data to byte[] failed due to serialization error: ",
			Cause: batch.NewFault(batch.SerializationException, "Error serializing JSON message")}
	}
	if v == nil {
		return j.appendNull(dst, s, depth)
	}
	if l := values.LogicalName(s); l != batch.NotLogical {
		return j.appendLogical(dst, l, s, v)
	}
	t, known := values.TypeOf(v)
	if s == nil && !known {
		return dst, noSchemaType(v)
	}
	if s != nil && (!known || t != s.Type) {
		if s.Type == batch.Bytes {
			return dst, batch.DataFault("Invalid type for bytes type: " + values.Class(v))
		}
		return dst, batch.DataFault("Invalid type for " + s.Type.String() + ": " + values.Class(v))
	}
	switch x := v.(type) {
	case bool:
		return strconv.AppendBool(dst, x), nil
	case int8:
		return jackson.AppendInt(dst, int64(x)), nil
	case int16:
		return jackson.AppendInt(dst, int64(x)), nil
	case int32:
		return jackson.AppendInt(dst, int64(x)), nil
	case int64:
		return jackson.AppendInt(dst, x), nil
	case float32:
		return jackson.AppendFloat(dst, x), nil
	case float64:
		return jackson.AppendDouble(dst, x), nil
	case string:
		return jackson.AppendString(dst, x), nil
	case []byte:
		return jackson.AppendBase64(dst, x), nil
	case batch.ByteBuffer:
		return jackson.AppendBase64(dst, x), nil
	case []any:
		return j.appendList(dst, s, x, depth)
	case *batch.MapValue:
		return j.appendMap(dst, s, x, depth)
	}
	return j.appendStruct(dst, s, v.(*batch.StructValue), depth)
}

func noSchemaType(v any) error {
	return batch.DataFault("Java class " + values.Class(v) + " does not have corresponding schema type.")
}

func (j *JSON) appendNull(dst []byte, s *batch.Schema, depth int) ([]byte, error) {
	if s != nil {
		if s.HasDefault && j.replaceNull {
			return j.appendValue(dst, s, s.Default, depth)
		}
		if !s.Optional {
			return dst, errNullRequired
		}
	}
	return append(dst, "null"...), nil
}

var errNullRequired = batch.DataFault("Conversion error: null value for field that is required and has no default value")

func (j *JSON) appendLogical(dst []byte, l batch.Logical, s *batch.Schema, v any) ([]byte, error) {
	if l == batch.LogicalDecimal {
		d, ok := v.(batch.Decimal)
		if !ok {
			return dst, batch.DataFault("Invalid type for Decimal, expected BigDecimal but was " + values.Class(v))
		}
		return j.appendDecimal(dst, s, d)
	}
	d, ok := v.(batch.Date)
	if !ok {
		name := map[batch.Logical]string{batch.LogicalDate: "Date", batch.LogicalTime: "Time", batch.LogicalTimestamp: "Timestamp"}[l]
		return dst, batch.DataFault("Invalid type for " + name + ", expected Date but was " + values.Class(v))
	}
	return appendDate(dst, l, d)
}

func (j *JSON) appendDecimal(dst []byte, s *batch.Schema, d batch.Decimal) ([]byte, error) {
	if j.numeric {
		return number.Decimal{Unscaled: d.Unscaled, Scale: d.Scale}.Append(dst), nil
	}
	p, err := values.DecimalToBytes(s, d)
	if err != nil {
		return dst, err
	}
	return jackson.AppendBase64(dst, p), nil
}

func appendDate(dst []byte, l batch.Logical, d batch.Date) ([]byte, error) {
	var n int32
	var err error
	switch l {
	case batch.LogicalDate:
		n, err = values.DateToDays(d)
	case batch.LogicalTime:
		n, err = values.TimeToMillis(d)
	default:
		return jackson.AppendInt(dst, int64(d)), nil
	}
	if err != nil {
		return dst, err
	}
	return jackson.AppendInt(dst, int64(n)), nil
}

func (j *JSON) appendList(dst []byte, s *batch.Schema, list []any, depth int) (_ []byte, err error) {
	var es *batch.Schema
	if s != nil {
		es = s.ValueSchema
	}
	dst = append(dst, '[')
	for i, e := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = j.appendValue(dst, es, e, depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendMap writes an object where keys are strings, else an array of pairs. Without schema the keys themselves decide.
func (j *JSON) appendMap(dst []byte, s *batch.Schema, m *batch.MapValue, depth int) (_ []byte, err error) {
	var ks, vs *batch.Schema
	object := true
	entries := m.Entries
	if s == nil {
		entries = entriesInOrder(m)
		for _, e := range m.Entries {
			if _, ok := e.Key.(string); !ok {
				object = false
			}
		}
	} else {
		ks, vs = s.KeySchema, s.ValueSchema
		if ks == nil {
			return dst, batch.NewFault(batch.NullPointerException, "the map's schema has no key schema")
		}
		object = ks.Type == batch.String
	}
	open, between, end, pairs := byte('['), byte(','), byte(']'), true
	if object {
		open, between, end, pairs = '{', ':', '}', false
	}
	dst = append(dst, open)
	for i, e := range entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		if pairs {
			dst = append(dst, '[')
		}
		start := len(dst)
		if dst, err = j.appendValue(dst, ks, e.Key, depth+1); err != nil {
			return dst, err
		}
		if object && dst[start] != '"' { // asText of a node that is no text
			dst = jackson.AppendString(dst[:start], string(dst[start:]))
		}
		dst = append(dst, between)
		if dst, err = j.appendValue(dst, vs, e.Value, depth+1); err != nil {
			return dst, err
		}
		if pairs {
			dst = append(dst, ']')
		}
	}
	return append(dst, end), nil
}

func (j *JSON) appendStruct(dst []byte, s *batch.Schema, x *batch.StructValue, depth int) (_ []byte, err error) {
	if s == nil || !x.Schema.Equal(s) {
		return dst, batch.DataFault("Mismatching schema.")
	}
	dst = append(dst, '{')
	for i, f := range s.Fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jackson.AppendString(dst, f.Name), ':')
		if dst, err = j.appendValue(dst, f.Schema, x.Vals[i], depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// schemaWriter prints schemas (JsonConverter.asJsonSchema), remembered by pointer.
type schemaWriter struct {
	json  *JSON
	limit int
	heads map[*batch.Schema][]byte
}

// head is what precedes the payload in an envelope; it is shared.
func (w *schemaWriter) head(s *batch.Schema) ([]byte, error) {
	if t, ok := w.heads[s]; ok {
		return t, nil
	}
	t, err := w.append([]byte(`{"schema":`), s)
	if err != nil {
		return nil, err
	}
	t = slices.Clip(append(t, `,"payload":`...))
	if w.heads == nil || len(w.heads) >= w.limit {
		w.heads = map[*batch.Schema][]byte{}
	}
	w.heads[s] = t
	return t, nil
}

var schemaTypeNames = func() (names [batch.Struct + 1]string) {
	for name, t := range schemaTypes {
		names[t] = name
	}
	return names
}()

func (w *schemaWriter) append(dst []byte, s *batch.Schema) (_ []byte, err error) {
	if s == nil {
		return append(dst, "null"...), nil
	}
	dst = append(dst, `{"type":"`...)
	dst = append(append(dst, schemaTypeNames[s.Type]...), '"')
	switch s.Type {
	case batch.Array:
		dst, err = w.append(append(dst, `,"items":`...), s.ValueSchema)
	case batch.Map:
		if dst, err = w.append(append(dst, `,"keys":`...), s.KeySchema); err != nil {
			return dst, err
		}
		dst, err = w.append(append(dst, `,"values":`...), s.ValueSchema)
	case batch.Struct:
		dst, err = w.fields(dst, s)
	}
	if err != nil {
		return dst, err
	}
	dst = strconv.AppendBool(append(dst, `,"optional":`...), s.Optional)
	if s.Name != nil {
		dst = jackson.AppendString(append(dst, `,"name":`...), *s.Name)
	}
	if s.Version != nil {
		dst = jackson.AppendInt(append(dst, `,"version":`...), int64(*s.Version))
	}
	if s.Doc != nil {
		dst = jackson.AppendString(append(dst, `,"doc":`...), *s.Doc)
	}
	if s.Params != nil {
		dst = append(dst, `,"parameters":{`...)
		for i, p := range s.Params {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(jackson.AppendString(dst, p.Key), ':')
			dst = jackson.AppendString(dst, p.Value)
		}
		dst = append(dst, '}')
	}
	if s.HasDefault && s.Default != nil {
		if dst, err = w.json.appendValue(append(dst, `,"default":`...), s, s.Default, 1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// fields writes the fields of a struct; each is its schema with the name as the last member.
func (w *schemaWriter) fields(dst []byte, s *batch.Schema) (_ []byte, err error) {
	dst = append(dst, `,"fields":[`...)
	for i, f := range s.Fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = w.append(dst, f.Schema); err != nil {
			return dst, err
		}
		dst = jackson.AppendString(append(dst[:len(dst)-1], `,"field":`...), f.Name)
		dst = append(dst, '}')
	}
	return append(dst, ']'), nil
}
