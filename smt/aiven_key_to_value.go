// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	Register(aivenPrefix+"KeyToValue", Plugin{Def: keyToValueConfig, New: newKeyToValue})
}

var keyToValueConfig = config.Def{
	config.List("key.fields").Required().High().Doc("Names of the fields of the key to copy; * is the whole key."),
	config.List("value.fields").Default([]string{}).High().
		Doc("Names that the fields get in the value, in the same order. Where one is missing the name stays; that of the whole key is _key."),
}

// KeyToValue copies fields of the key into the value, or the whole key.
type KeyToValue struct {
	fields          []keyToField // in the order of the configuration
	named, wildcard bool
	plans           map[[2]*batch.Schema]keyToValuePlan
}

type keyToField struct{ key, value string }

// keyToValuePlan is the schema that a key and a value give.
type keyToValuePlan struct {
	schema *batch.Schema
	err    error
}

func newKeyToValue(v config.Values) (Transform, error) {
	t := &KeyToValue{}
	names := v.List("value.fields")
	for i, key := range v.List("key.fields") {
		f := keyToField{key, key}
		if i < len(names) {
			f.value = names[i]
		}
		if f.value == "*" {
			f.value = "_key"
		}
		if t.source(f.value) != nil {
			return nil, batch.DataFault("More than one key value is copied to the value field name '" + f.value + "'")
		}
		t.named, t.wildcard = t.named || key != "*", t.wildcard || key == "*"
		t.fields = append(t.fields, f)
	}
	return t, nil
}

// source is what fills a field of the value; nil when it is not from the key.
func (t *KeyToValue) source(value string) *keyToField {
	for i := range t.fields {
		if t.fields[i].value == value {
			return &t.fields[i]
		}
	}
	return nil
}

// Apply adds columns of the key to the value, or works row by row where keys or values differ.
func (t *KeyToValue) Apply(b *batch.Batch) error {
	p := &b.Value
	if len(p.Variants) == 1 && len(b.Key.Variants) == 1 && t.columns(b, &b.Key.Variants[0], &p.Variants[0]) {
		return nil
	}
	for k := len(p.Variants) - 1; k >= 0; k-- {
		if p.Variants[k].Frozen {
			continue
		}
		rewriteRows(b, p, k, func(row int, s *batch.Schema, x any) (*batch.Schema, any, error) {
			ks, key := b.ValueAt(batch.Key, row)
			return t.row(ks, key, s, x)
		})
	}
	return nil
}

func (t *KeyToValue) columns(b *batch.Batch, key, value *batch.Variant) bool {
	if key.Rows != nil || value.Rows != nil || key.Frozen || value.Frozen ||
		key.Root.Kind != batch.KindStruct || value.Root.Kind != batch.KindStruct ||
		hasNulls(key.Root, nil) || hasNulls(value.Root, nil) || !sound(key.Root, true) || !sound(value.Root, true) {
		return false
	}
	plan := t.plan(key.Schema, value.Schema)
	if plan.err != nil {
		return false
	}
	out := b.NewVec()
	out.Kind, out.Schema, out.N = batch.KindStruct, plan.schema, value.Root.N
	for _, f := range plan.schema.Fields {
		src := t.source(f.Name)
		var kid *batch.Vec
		switch {
		case src == nil:
			kid, _ = value.Root.Kid(f.Name)
		case src.key == "*":
			out.Kids = append(out.Kids, b.Clone(key.Root))
			continue
		default:
			kid, _ = key.Root.Kid(src.key)
			kid = b.Clone(kid)
		}
		out.Kids = append(out.Kids, filled(b, kid, kid.Schema))
	}
	value.Schema, value.Root = plan.schema, out
	return true
}

func (t *KeyToValue) row(ks *batch.Schema, key any, s *batch.Schema, x any) (*batch.Schema, any, error) {
	if err := t.check(ks, key, s, x); err != nil {
		return nil, nil, err
	}
	v, ok := x.(*batch.StructValue)
	if !ok {
		return t.intoMap(key, x)
	}
	if ks == nil {
		var err error
		if ks, err = values.Infer(key); err != nil || ks == nil {
			return nil, nil, batch.DataFault("Cannot infer schema for unsupported key class: " + values.ClassName(key))
		}
	}
	plan := t.plan(ks, s)
	if plan.err != nil {
		return nil, nil, plan.err
	}
	out := newStruct(plan.schema)
	for _, f := range plan.schema.Fields {
		src := t.source(f.Name)
		var field any
		switch {
		case src == nil:
			field = v.Get(f.Name)
		case src.key == "*":
			field = key
		default:
			k, ok := key.(*batch.StructValue)
			if !ok {
				continue
			}
			field = k.Get(src.key)
		}
		if err := putField(out, f.Name, field); err != nil {
			return nil, nil, err
		}
	}
	return plan.schema, out, nil
}

// check refuses keys that have no fields to copy, and values that can take none.
func (t *KeyToValue) check(ks *batch.Schema, key any, s *batch.Schema, x any) error {
	_, keyMap := key.(*batch.MapValue)
	_, keyStruct := key.(*batch.StructValue)
	_, valueMap := x.(*batch.MapValue)
	switch {
	case t.named && ks != nil && ks.Type != batch.Struct:
		return batch.DataFault("Named key fields " + t.keyNames() + " cannot be copied from the key schema: " + ks.Type.String())
	case t.named && ks == nil && key == nil:
		return batch.NewFault(batch.NullPointerException, `Cannot invoke "Object.getClass()" because the return value of "org.apache.kafka.connect.connector.ConnectRecord.key()" is null`)
	case t.named && ks == nil && !keyMap && !keyStruct:
		return batch.DataFault("Named key fields " + t.keyNames() + " cannot be copied from the key class: " + values.ClassName(key))
	case t.wildcard && ks == nil && keyMap && s != nil && s.Type == batch.Struct:
		return batch.DataFault("The value requires a schema, but the key class is a schemaless Map")
	case s == nil && !valueMap || s != nil && s.Type != batch.Struct:
		return batch.DataFault("The value needs to be a Struct or Map in order to append fields")
	}
	return nil
}

func (t *KeyToValue) keyNames() string {
	var names []string
	for _, f := range t.fields {
		names = append(names, f.key)
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func (t *KeyToValue) intoMap(key, x any) (*batch.Schema, any, error) {
	m, ok := x.(*batch.MapValue)
	if !ok {
		return nil, nil, batch.NewFault(batch.NullPointerException, `Cannot invoke "java.util.Map.size()" because "m" is null`)
	}
	out := copyMap(m)
	for _, f := range t.fields {
		if f.key == "*" {
			out.Put(f.value, key)
			continue
		}
		switch k := key.(type) {
		case *batch.StructValue:
			if k.Schema.Field(f.key) < 0 {
				return nil, nil, batch.DataFault(f.key + " is not a valid field name")
			}
			out.Put(f.value, k.Get(f.key))
		case *batch.MapValue:
			field, _ := k.Get(f.key)
			out.Put(f.value, field)
		}
	}
	return nil, out, nil
}

func (t *KeyToValue) plan(ks, s *batch.Schema) keyToValuePlan {
	pair := [2]*batch.Schema{ks, s}
	plan, ok := t.plans[pair]
	if !ok {
		if t.plans == nil || len(t.plans) >= maxSchemas {
			t.plans = map[[2]*batch.Schema]keyToValuePlan{}
		}
		plan = t.merge(ks, s)
		t.plans[pair] = plan
	}
	return plan
}

// merge is the schema of the value with the fields of the key, which stand last or in the place of their namesakes.
func (t *KeyToValue) merge(ks, s *batch.Schema) keyToValuePlan {
	out := schemaBasics(s, batch.Struct)
	out.Optional = s.Optional
	out.Fields = slices.Clone(s.Fields)
	for _, f := range t.fields {
		field := ks
		if f.key != "*" {
			i := -1
			if ks.Type == batch.Struct {
				i = ks.Field(f.key)
			}
			if i < 0 {
				return keyToValuePlan{err: batch.DataFault("Key field '" + f.key + "' not found in key schema")}
			}
			field = ks.Fields[i].Schema
		}
		at := slices.IndexFunc(out.Fields, func(o batch.Field) bool { return o.Name == f.value })
		if at >= 0 {
			out.Fields[at].Schema = field
		} else {
			out.Fields = append(out.Fields, batch.Field{Name: f.value, Schema: field})
		}
	}
	return keyToValuePlan{schema: batch.NewSchema(out)}
}
