// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

const valueToKeyClass = "org.apache.kafka.connect.transforms.ValueToKey"

func init() {
	Register(valueToKeyClass, Plugin{Def: valueToKeyConfig, New: newValueToKey})
}

var valueToKeyConfig = config.Def{
	config.List("fields").Required().High().Validate(config.ValidList{}).Doc("Field names on the record value to extract as the record key."),
	replaceNullKey(),
}

// ValueToKey replaces the key by a struct or map of fields of the value. A value without a schema gives a map; fields
// that it lacks are null there. A value that is null, or neither struct nor map, is an error.
type ValueToKey struct {
	fields   []string
	defaults bool
	schemas  schemaCache[keyShape]
	slow     []keyRow
}

// keyShape is the key's schema for a value schema, with the places of its fields there.
type keyShape struct {
	schema *batch.Schema
	from   []int
	err    error
}

// keyRow is a key made value by value.
type keyRow struct {
	row    int
	schema *batch.Schema
	key    any
}

const valueToKeyPurpose = "copying fields from value to key"

func newValueToKey(v config.Values) (Transform, error) {
	defaults, err := replaceNull(v)
	return &ValueToKey{fields: v.List("fields"), defaults: defaults}, err
}

// Apply gives every row its new key. The columns are copies: key and value go separate ways from here.
func (t *ValueToKey) Apply(b *batch.Batch) error {
	b.OpenObjects(batch.Value)
	t.slow = t.slow[:0]
	values := b.Value.Variants
	if len(values) == 1 && values[0].Rows == nil {
		if values[0].Frozen {
			return nil
		}
		if s, root := t.columns(b, &values[0]); root != nil {
			b.Key.Set(s, root)
			return nil
		}
	}
	p := &b.Key
	for i := range p.Variants {
		if v := &p.Variants[i]; !v.Frozen {
			v.Rows = v.Rows[:0]
		}
	}
	for i := range values {
		v := &values[i]
		if v.Frozen {
			continue
		}
		s, root := t.columns(b, v)
		if root == nil {
			t.rows(b, v)
			continue
		}
		k := p.Add(s, root)
		for pos := range root.N {
			p.Assign(k, v.Row(pos))
		}
	}
	slices.SortFunc(t.slow, func(x, y keyRow) int { return x.row - y.row })
	w := batch.NewBuilder(b, batch.Key)
	for _, r := range t.slow {
		w.Add(r.row, r.schema, r.key)
	}
	w.Done()
	clear(t.slow)
	return nil
}

// columns makes the key column of a variant of values; a nil root means that the rows must be looked at one by one.
func (t *ValueToKey) columns(b *batch.Batch, v *batch.Variant) (*batch.Schema, *batch.Vec) {
	root := b.NewVec()
	root.N = v.Root.N
	switch v.Root.Kind {
	case batch.KindObject:
		root.Kind, root.Table = batch.KindObject, int32(replacedTable(len(t.fields)))
		for _, name := range t.fields {
			kid, _ := v.Root.Kid(name)
			if kid == nil {
				kid = b.NewConstDyn(batch.TagNull, 0, root.N)
			} else {
				kid = b.Clone(kid)
			}
			if kid.Kind == batch.KindDyn {
				missingToNull(kid)
			}
			root.SetKid(name, kid)
		}
		return nil, root
	case batch.KindStruct:
		shape := t.schemas.get(v.Schema, t.derive)
		if shape.err != nil || hasNulls(v.Root, nil) {
			return nil, nil
		}
		root.Kind, root.Schema = batch.KindStruct, shape.schema
		for i, from := range shape.from {
			root.Kids = append(root.Kids, b.Clone(v.Root.Kids[from]))
			if t.defaults && shape.schema.Fields[i].Schema.Type.Primitive() {
				root.Kids[i] = filled(b, root.Kids[i], shape.schema.Fields[i].Schema)
			}
		}
		if !sound(root, t.defaults) {
			return nil, nil
		}
		return shape.schema, root
	}
	return nil, nil
}

func (t *ValueToKey) derive(s *batch.Schema) keyShape {
	shape := keyShape{from: make([]int, 0, len(t.fields))}
	key := batch.Schema{Type: batch.Struct}
	for _, name := range t.fields {
		i := s.Field(name)
		if i < 0 {
			return keyShape{err: batch.DataFault("Field does not exist: " + name)}
		}
		if err := addField(&key, name, s.Fields[i].Schema); err != nil {
			return keyShape{err: err}
		}
		shape.from = append(shape.from, i)
	}
	shape.schema = batch.NewSchema(key)
	return shape
}

// rows makes the keys of a variant of values one by one; failed and dead rows get a null.
func (t *ValueToKey) rows(b *batch.Batch, v *batch.Variant) {
	for pos := range v.Root.N {
		r := keyRow{row: v.Row(pos)}
		if !b.IsDead(r.row) {
			var err error
			if r.schema, r.key, err = t.key(v.Schema, b.Read(v.Root, pos)); err != nil {
				b.Fail(r.row, batch.Transformation, err)
				r.schema, r.key = nil, nil
			}
		}
		t.slow = append(t.slow, r)
	}
}

func (t *ValueToKey) key(s *batch.Schema, x any) (*batch.Schema, any, error) {
	if s == nil {
		m, err := requireMap(x, valueToKeyPurpose)
		if err != nil {
			return nil, nil, err
		}
		key := &batch.MapValue{Table: int32(replacedTable(len(t.fields)))}
		for _, name := range t.fields {
			f, _ := m.Get(name)
			key.Put(name, f)
		}
		return nil, key, nil
	}
	v, err := requireStruct(x, valueToKeyPurpose)
	if err != nil {
		return nil, nil, err
	}
	shape := t.schemas.get(v.Schema, t.derive)
	if shape.err != nil {
		return nil, nil, shape.err
	}
	key := newStruct(shape.schema)
	for _, name := range t.fields {
		f, err := getField(v, name, t.defaults)
		if err == nil {
			err = putField(key, name, f)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return shape.schema, key, nil
}
