// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/values"
)

// newStruct is new Struct(schema): every field unset.
func newStruct(s *batch.Schema) *batch.StructValue {
	return &batch.StructValue{Schema: s, Vals: make([]any, len(s.Fields))}
}

// putField is Struct.put: the field must exist and the value fit it.
func putField(v *batch.StructValue, name string, x any) error {
	i := v.Schema.Field(name)
	if i < 0 {
		return batch.DataFault(name + " is not a valid field name")
	}
	if err := values.ValidateField(name, v.Schema.Fields[i].Schema, x); err != nil {
		return err
	}
	v.Vals[i] = x
	return nil
}

// getField is Struct.get (withDefault) or Struct.getWithoutDefault.
func getField(v *batch.StructValue, name string, withDefault bool) (any, error) {
	i := v.Schema.Field(name)
	switch {
	case i < 0:
		return nil, batch.DataFault(name + " is not a valid field name")
	case withDefault:
		return v.Get(name), nil
	}
	return v.Vals[i], nil
}

// schemaBasics is SchemaUtil.copySchemaBasics into a new schema of type t: name, version, doc, parameters.
func schemaBasics(s *batch.Schema, t batch.Type) batch.Schema {
	c := batch.Schema{Type: t, Name: s.Name, Version: s.Version, Doc: s.Doc}
	if len(s.Params) > 0 {
		c.Params = s.Params
	}
	return c
}

// addField is SchemaBuilder.field.
func addField(s *batch.Schema, name string, field *batch.Schema) error {
	if name == "" {
		return batch.NewFault(batch.SchemaBuilderException, "fieldName cannot be null.")
	}
	for _, f := range s.Fields {
		if f.Name == name {
			return batch.NewFault(batch.SchemaBuilderException, "Cannot create field because of field name duplication "+name)
		}
	}
	s.Fields = append(s.Fields, batch.Field{Name: name, Schema: field})
	return nil
}

// setDefault is SchemaBuilder.defaultValue.
func setDefault(s *batch.Schema, x any) error {
	if err := values.Validate(batch.NewSchema(*s), x); err != nil {
		return &batch.Fault{Class: batch.SchemaBuilderException, Message: "Invalid default value", Cause: err}
	}
	s.HasDefault, s.Default = true, x
	return nil
}

// listFields is Schema.fields.
func listFields(s *batch.Schema) ([]batch.Field, error) {
	if s.Type != batch.Struct {
		return nil, batch.DataFault("Cannot list fields on non-struct type")
	}
	return s.Fields, nil
}

// putKey is Map.put for a string key or null.
func putKey(m *batch.MapValue, key, x any) {
	if s, ok := key.(string); ok {
		m.Put(s, x)
		return
	}
	for i := range m.Entries {
		if m.Entries[i].Key == nil {
			m.Entries[i].Value = x
			return
		}
	}
	m.Entries = append(m.Entries, batch.Entry{Value: x})
}

// keyText is a string key or null as Java prints it.
func keyText(key any) string {
	if s, ok := key.(string); ok {
		return s
	}
	return "null"
}

// schemaCache maps input schemas to what a transform made of them. It keeps at most maxSchemas and then starts anew.
type schemaCache[T any] struct{ m map[*batch.Schema]T }

// maxSchemas is how many input schemas a transform remembers: more than a topic has at a time.
const maxSchemas = 64

// get returns the entry of s, making it first when there is none.
func (c *schemaCache[T]) get(s *batch.Schema, build func(*batch.Schema) T) T {
	if t, ok := c.m[s]; ok {
		return t
	}
	if c.m == nil || len(c.m) >= maxSchemas {
		c.m = make(map[*batch.Schema]T, 4)
	}
	t := build(s)
	c.m[s] = t
	return t
}
