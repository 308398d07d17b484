// SPDX-License-Identifier: Apache-2.0

package values

import (
	"github.com/penstock-io/penstock/batch"
)

// Infer is Values.inferSchema: nil where no schema can be told, as for nil, decimals, dates, empty or mixed lists.
// Lists and maps of nothing but nulls are an error, as in Java.
func Infer(v any) (*batch.Schema, error) {
	switch x := v.(type) {
	case *batch.StructValue:
		return x.Schema, nil
	case []any:
		return inferList(x)
	case *batch.MapValue:
		return inferMap(x)
	}
	t, ok := TypeOf(v)
	if !ok {
		return nil, nil
	}
	return plain[t], nil
}

var plain = [...]*batch.Schema{
	batch.Int8: batch.Int8Schema, batch.Int16: batch.Int16Schema, batch.Int32: batch.Int32Schema, batch.Int64: batch.Int64Schema,
	batch.Float32: batch.Float32Schema, batch.Float64: batch.Float64Schema, batch.Boolean: batch.BooleanSchema,
	batch.String: batch.StringSchema, batch.Bytes: batch.BytesSchema,
}

// detector finds the one type of many values.
type detector struct {
	known    bool
	t        batch.Type
	optional bool
}

func (d *detector) add(v any) (bool, error) {
	if v == nil {
		d.optional = true
		return true, nil
	}
	s, err := Infer(v)
	if err != nil || s == nil {
		return false, err
	}
	if !d.known {
		d.known, d.t = true, s.Type
	}
	return d.t == s.Type, nil
}

// schema keeps the type alone: what lists and maps hold is not known any more.
func (d *detector) schema() (*batch.Schema, error) {
	if !d.known {
		return nil, batch.NewFault(batch.SchemaBuilderException, "type cannot be null")
	}
	return batch.NewSchema(batch.Schema{Type: d.t, Optional: d.optional}), nil
}

func inferList(list []any) (*batch.Schema, error) {
	var d detector
	for _, e := range list {
		if ok, err := d.add(e); err != nil || !ok {
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	es, err := d.schema()
	if err != nil {
		return nil, err
	}
	return batch.NewSchema(batch.Schema{Type: batch.Array, ValueSchema: es}), nil
}

func inferMap(m *batch.MapValue) (*batch.Schema, error) {
	if len(m.Entries) == 0 {
		return nil, nil
	}
	var keys, vals detector
	for _, e := range m.Entries {
		if ok, err := keys.add(e.Key); err != nil || !ok {
			return nil, err
		}
		if ok, err := vals.add(e.Value); err != nil || !ok {
			return nil, err
		}
	}
	ks, err := keys.schema()
	if err != nil {
		return nil, err
	}
	vs, err := vals.schema()
	if err != nil {
		return nil, err
	}
	return batch.NewSchema(batch.Schema{Type: batch.Map, KeySchema: ks, ValueSchema: vs}), nil
}
