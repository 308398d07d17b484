// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/penstock-io/penstock/batch"
)

type schemaJSON struct {
	Type     string          `json:"type"`
	Optional bool            `json:"optional,omitempty"`
	Name     json.RawMessage `json:"name,omitempty"`
	Version  *int32          `json:"version,omitempty"`
	Doc      json.RawMessage `json:"doc,omitempty"`
	Params   json.RawMessage `json:"params,omitempty"`
	Default  json.RawMessage `json:"default,omitempty"`
	Fields   []struct {
		Name   json.RawMessage `json:"name"`
		Schema json.RawMessage `json:"schema"`
	} `json:"fields,omitempty"`
	KeySchema   json.RawMessage `json:"keySchema,omitempty"`
	ValueSchema json.RawMessage `json:"valueSchema,omitempty"`
}

func isNull(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || string(raw) == "null"
}

// Schema decodes the SCHEMA form; null (or nothing) is nil.
func Schema(raw json.RawMessage) (*batch.Schema, error) {
	if isNull(raw) {
		return nil, nil
	}
	var j schemaJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("read schema %s: %w", raw, err)
	}
	t, ok := batch.ParseType(j.Type)
	if !ok {
		return nil, fmt.Errorf("read schema: type %q", j.Type)
	}
	s := batch.Schema{Type: t, Optional: j.Optional, Version: j.Version}
	var err error
	if s.Name, err = textOrNull(j.Name); err != nil {
		return nil, err
	}
	if s.Doc, err = textOrNull(j.Doc); err != nil {
		return nil, err
	}
	if s.Params, err = params(j.Params); err != nil {
		return nil, err
	}
	for _, f := range j.Fields {
		name, err := readText(f.Name)
		if err != nil {
			return nil, err
		}
		fs, err := Schema(f.Schema)
		if err != nil {
			return nil, err
		}
		s.Fields = append(s.Fields, batch.Field{Name: name, Schema: fs})
	}
	if s.KeySchema, err = Schema(j.KeySchema); err != nil {
		return nil, err
	}
	if s.ValueSchema, err = Schema(j.ValueSchema); err != nil {
		return nil, err
	}
	if !isNull(j.Default) {
		// A Struct that is a default belongs to the schema as it was before it had the default.
		if s.Default, err = Value(j.Default, batch.NewSchema(s)); err != nil {
			return nil, err
		}
		s.HasDefault = true
	}
	return batch.NewSchema(s), nil
}

func params(raw json.RawMessage) ([]batch.Param, error) {
	if isNull(raw) {
		return nil, nil
	}
	var pairs [][2]json.RawMessage
	if err := json.Unmarshal(raw, &pairs); err != nil {
		return nil, fmt.Errorf("read parameters %s: %w", raw, err)
	}
	// An empty list is none: SchemaBuilder, which built the recorded schemas, drops an empty map.
	var out []batch.Param
	for _, p := range pairs {
		k, err := readText(p[0])
		if err != nil {
			return nil, err
		}
		v, err := readText(p[1])
		if err != nil {
			return nil, err
		}
		out = append(out, batch.Param{Key: k, Value: v})
	}
	return out, nil
}

// readText reads a JSON string or {"u16":[...]}.
func readText(raw json.RawMessage) (string, error) {
	v, err := Value(raw, nil)
	if err != nil {
		return "", err
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("read text: %s is no string", raw)
	}
	return s, nil
}

func textOrNull(raw json.RawMessage) (*string, error) {
	if isNull(raw) {
		return nil, nil
	}
	s, err := readText(raw)
	return &s, err
}

// EncodeSchema is the inverse of Schema, for messages.
func EncodeSchema(s *batch.Schema) any {
	if s == nil {
		return nil
	}
	m := map[string]any{"type": s.Type.String()}
	if s.Optional {
		m["optional"] = true
	}
	if s.Name != nil {
		m["name"] = EncodeValue(*s.Name)
	}
	if s.Version != nil {
		m["version"] = *s.Version
	}
	if s.Doc != nil {
		m["doc"] = EncodeValue(*s.Doc)
	}
	if s.Params != nil {
		pairs := [][2]any{}
		for _, p := range s.Params {
			pairs = append(pairs, [2]any{EncodeValue(p.Key), EncodeValue(p.Value)})
		}
		m["params"] = pairs
	}
	if s.HasDefault {
		m["default"] = EncodeValue(s.Default)
	}
	if s.Type == batch.Struct {
		fields := []any{}
		for _, f := range s.Fields {
			fields = append(fields, map[string]any{"name": EncodeValue(f.Name), "schema": EncodeSchema(f.Schema)})
		}
		m["fields"] = fields
	}
	if s.Type == batch.Map {
		m["keySchema"] = EncodeSchema(s.KeySchema)
	}
	if s.Type == batch.Map || s.Type == batch.Array {
		m["valueSchema"] = EncodeSchema(s.ValueSchema)
	}
	return m
}
