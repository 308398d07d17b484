// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"unicode/utf8"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/text"
)

// Object is a Java object that is no Connect value: {"java":{"class","str"}}, only in outcomes.
type Object struct {
	Class string `json:"class"`
	Str   string `json:"str"`
}

// Value decodes the VALUE form. s is the schema of the context: structs inside take theirs from it.
func Value(raw json.RawMessage, s *batch.Schema) (any, error) {
	if isNull(raw) {
		return nil, nil
	}
	switch raw[0] {
	case 't', 'f':
		return raw[0] == 't', nil
	case '"':
		var t string
		err := json.Unmarshal(raw, &t)
		return t, err
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("read value %s: %w", raw, err)
	}
	if len(m) != 1 {
		return nil, fmt.Errorf("read value %s: %d members", raw, len(m))
	}
	for kind, body := range m {
		v, err := tagged(kind, body, s)
		if err != nil {
			return nil, fmt.Errorf("read value %s: %w", raw, err)
		}
		return v, nil
	}
	return nil, errors.New("unreachable")
}

func tagged(kind string, body json.RawMessage, s *batch.Schema) (any, error) {
	switch kind {
	case "i8", "i16", "i32", "f32", "f64", "i64", "date", "bigint":
		return scalar(kind, body)
	case "u16":
		var units []uint16
		err := json.Unmarshal(body, &units)
		return text.FromUTF16(units), err
	case "bytes", "bytebuffer":
		var t string
		if err := json.Unmarshal(body, &t); err != nil {
			return nil, err
		}
		p, err := base64.StdEncoding.DecodeString(t)
		if kind == "bytebuffer" {
			return batch.ByteBuffer(p), err
		}
		return p, err
	case "dec":
		var d struct {
			Unscaled string `json:"unscaled"`
			Scale    int32  `json:"scale"`
		}
		if err := json.Unmarshal(body, &d); err != nil {
			return nil, err
		}
		n, ok := new(big.Int).SetString(d.Unscaled, 10)
		if !ok {
			return nil, errors.New("unscaled is no number")
		}
		return batch.Decimal{Unscaled: n, Scale: d.Scale}, nil
	case "array":
		return list(body, s)
	case "map":
		return mapping(body, s)
	case "struct":
		return structure(body, s)
	case "java":
		var o Object
		err := json.Unmarshal(body, &o)
		return o, err
	}
	return nil, fmt.Errorf("unknown kind %q", kind)
}

func scalar(kind string, body json.RawMessage) (any, error) {
	t := string(body)
	if t[0] == '"' {
		if err := json.Unmarshal(body, &t); err != nil {
			return nil, err
		}
	}
	switch kind {
	case "f32":
		return number.ParseFloat(t)
	case "f64":
		return number.ParseDouble(t)
	case "bigint":
		n, ok := new(big.Int).SetString(t, 10)
		if !ok {
			return nil, errors.New("no number")
		}
		return n, nil
	}
	n, err := strconv.ParseInt(t, 10, 64)
	switch kind {
	case "i8":
		return int8(n), err
	case "i16":
		return int16(n), err
	case "i32":
		return int32(n), err
	case "date":
		return batch.Date(n), err
	}
	return n, err
}

func list(body json.RawMessage, s *batch.Schema) (any, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, err
	}
	_, es := elements(s)
	out := make([]any, 0, len(raw))
	for _, r := range raw {
		v, err := Value(r, es)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func elements(s *batch.Schema) (key, value *batch.Schema) {
	if s == nil {
		return nil, nil
	}
	return s.KeySchema, s.ValueSchema
}

func mapping(body json.RawMessage, s *batch.Schema) (any, error) {
	var raw [][2]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, err
	}
	ks, vs := elements(s)
	m := &batch.MapValue{Entries: make([]batch.Entry, 0, len(raw))}
	for _, r := range raw {
		k, err := Value(r[0], ks)
		if err != nil {
			return nil, err
		}
		v, err := Value(r[1], vs)
		if err != nil {
			return nil, err
		}
		m.Entries = append(m.Entries, batch.Entry{Key: k, Value: v})
	}
	return m, nil
}

func structure(body json.RawMessage, s *batch.Schema) (any, error) {
	var j struct {
		Schema json.RawMessage      `json:"schema"`
		F      [][2]json.RawMessage `json:"f"`
	}
	if err := json.Unmarshal(body, &j); err != nil {
		return nil, err
	}
	if !isNull(j.Schema) {
		var err error
		if s, err = Schema(j.Schema); err != nil {
			return nil, err
		}
	}
	if s == nil || s.Type != batch.Struct {
		return nil, errors.New("a struct where no struct schema is known")
	}
	v := &batch.StructValue{Schema: s, Vals: make([]any, len(s.Fields))}
	for _, f := range j.F {
		name, err := Value(f[0], nil)
		if err != nil {
			return nil, err
		}
		n, ok := name.(string)
		if !ok || s.Field(n) < 0 {
			return nil, fmt.Errorf("no field %v", name)
		}
		i := s.Field(n)
		if v.Vals[i], err = Value(f[1], s.Fields[i].Schema); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// EncodeValue is the inverse of Value, for messages: something that json.Marshal prints in the VALUE form.
func EncodeValue(v any) any {
	one := func(kind string, x any) any { return map[string]any{kind: x} }
	switch x := v.(type) {
	case string:
		if !utf8.ValidString(x) {
			return one("u16", text.AppendUTF16(nil, x))
		}
	case int8:
		return one("i8", x)
	case int16:
		return one("i16", x)
	case int32:
		return one("i32", x)
	case int64:
		return one("i64", strconv.FormatInt(x, 10))
	case float32:
		return one("f32", number.FormatFloat(x))
	case float64:
		return one("f64", number.FormatDouble(x))
	case []byte:
		return one("bytes", base64.StdEncoding.EncodeToString(x))
	case batch.ByteBuffer:
		return one("bytebuffer", base64.StdEncoding.EncodeToString(x))
	case batch.Decimal:
		return one("dec", map[string]any{"unscaled": x.Unscaled.String(), "scale": x.Scale})
	case *big.Int:
		return one("bigint", x.String())
	case batch.Date:
		return one("date", strconv.FormatInt(int64(x), 10))
	case Object:
		return one("java", x)
	case []any:
		out := []any{}
		for _, e := range x {
			out = append(out, EncodeValue(e))
		}
		return one("array", out)
	case *batch.MapValue:
		out := [][2]any{}
		for _, e := range x.Entries {
			out = append(out, [2]any{EncodeValue(e.Key), EncodeValue(e.Value)})
		}
		return one("map", out)
	case *batch.StructValue:
		out := [][2]any{}
		for i, f := range x.Schema.Fields {
			out = append(out, [2]any{EncodeValue(f.Name), EncodeValue(x.Vals[i])})
		}
		return one("struct", map[string]any{"f": out})
	}
	return v
}
