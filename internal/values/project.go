// SPDX-License-Identifier: Apache-2.0

package values

import (
	"errors"

	"github.com/penstock-io/penstock/batch"
)

func projectorFault(message string) error { return batch.NewFault(batch.SchemaProjectorErr, message) }

// Project is SchemaProjector.project: a value written under source, read under target. Numbers may widen, fields may
// come and go where defaults or optional allow it.
func Project(source *batch.Schema, v any, target *batch.Schema) (any, error) {
	if err := compatible(source, target); err != nil {
		return nil, err
	}
	if source.Optional && !target.Optional {
		if !target.HasDefault {
			return nil, projectorFault("Writer schema is optional, however, target schema does not provide a default value.")
		}
		if v == nil {
			return target.Default, nil
		}
	}
	if v == nil {
		return nil, nil
	}
	switch target.Type {
	case batch.Struct:
		return projectStruct(source, v, target)
	case batch.Array:
		list, ok := v.([]any)
		if !ok {
			return nil, CastFault(v, "java.util.List")
		}
		out := make([]any, 0, len(list))
		for _, e := range list {
			p, err := Project(source.ValueSchema, e, target.ValueSchema)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		return out, nil
	case batch.Map:
		return projectMap(source, v, target)
	}
	return promote(v, source.Type, target.Type), nil
}

func compatible(source, target *batch.Schema) error {
	same := func(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
	text := func(s *string) string {
		if s == nil {
			return "null"
		}
		return *s
	}
	switch {
	case source.Type != target.Type && !promotable(source.Type, target.Type):
		return projectorFault("Schema type mismatch. source type: " + source.Type.String() + " and target type: " + target.Type.String())
	case !same(source.Name, target.Name):
		return projectorFault("Schema name mismatch. source name: " + text(source.Name) + " and target name: " + text(target.Name))
	case !sameParams(source, target):
		return projectorFault("Schema parameters not equal. source parameters: " + ParamsText(source) + " and target parameters: " + ParamsText(target))
	}
	return nil
}

func sameParams(a, b *batch.Schema) bool {
	if len(a.Params) != len(b.Params) || (a.Params == nil) != (b.Params == nil) {
		return false
	}
	for _, p := range a.Params {
		if v, ok := b.Param(p.Key); !ok || v != p.Value {
			return false
		}
	}
	return true
}

func promotable(from, to batch.Type) bool {
	return rank(from) >= 0 && rank(to) >= rank(from)
}

func promote(v any, from, to batch.Type) any {
	if !promotable(from, to) {
		return v
	}
	if _, ok := doubleOf(v); !ok {
		return v
	}
	n, _ := longOf(v)
	f, _ := doubleOf(v)
	switch to {
	case batch.Int8:
		return int8(n)
	case batch.Int16:
		return int16(n)
	case batch.Int32:
		return int32(n)
	case batch.Int64:
		return n
	case batch.Float32:
		if _, real := v.(float64); real {
			return float32(f)
		}
		if x, ok := v.(float32); ok {
			return x
		}
		return float32(n)
	}
	return f
}

func projectStruct(source *batch.Schema, v any, target *batch.Schema) (any, error) {
	x, ok := v.(*batch.StructValue)
	if !ok {
		return nil, CastFault(v, "org.apache.kafka.connect.data.Struct")
	}
	out := &batch.StructValue{Schema: target, Vals: make([]any, len(target.Fields))}
	for i, f := range target.Fields {
		from := source.Field(f.Name)
		if from < 0 {
			switch {
			case f.Schema.Optional:
				continue
			case f.Schema.HasDefault:
				out.Vals[i] = f.Schema.Default
				continue
			}
			return nil, projectorFault("Required field `" + f.Name + "` is missing from source schema: " + SchemaText(source))
		}
		p, err := Project(source.Fields[from].Schema, x.Get(f.Name), f.Schema)
		if err != nil {
			var cause *batch.Fault
			if errors.As(err, &cause) && cause.Class == batch.SchemaProjectorErr {
				return nil, &batch.Fault{Class: batch.SchemaProjectorErr, Message: "Error projecting " + f.Name, Cause: err}
			}
			return nil, err
		}
		if err := ValidateField(f.Name, f.Schema, p); err != nil {
			return nil, err
		}
		out.Vals[i] = p
	}
	return out, nil
}

func projectMap(source *batch.Schema, v any, target *batch.Schema) (any, error) {
	m, ok := v.(*batch.MapValue)
	if !ok {
		return nil, CastFault(v, "java.util.Map")
	}
	out := &batch.MapValue{}
	for _, e := range m.Entries {
		k, err := Project(source.KeySchema, e.Key, target.KeySchema)
		if err != nil {
			return nil, err
		}
		val, err := Project(source.ValueSchema, e.Value, target.ValueSchema)
		if err != nil {
			return nil, err
		}
		putEntry(out, k, val)
	}
	return out, nil
}
