// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

const hoistFieldClass = "org.apache.kafka.connect.transforms.HoistField"

func init() {
	RegisterKeyAndValue(hoistFieldClass, hoistFieldConfig, newHoistField)
}

var hoistFieldConfig = config.Def{
	config.String("field").Required().Doc("Field name for the single field that will be created in the resulting Struct or Map."),
}

// HoistField wraps a key or value in a Struct, or in a Map when there is no schema, with one field. A tombstone is
// wrapped too: Connect does not skip nulls here. The old root becomes the only column of the new one.
type HoistField struct {
	side    batch.Side
	field   string
	noName  bool // the field is null: a map takes that for a key, a struct does not
	schemas schemaCache[hoisted]
}

// hoisted is the wrapping schema, or why there is none.
type hoisted struct {
	schema *batch.Schema
	err    error
}

func newHoistField(v config.Values, side batch.Side) (Transform, error) {
	return &HoistField{side: side, field: v.String("field"), noName: v.IsNull("field")}, nil
}

// Apply wraps every row.
func (t *HoistField) Apply(b *batch.Batch) error {
	applySide(b, t.side, func(p *batch.Payload, k int) bool { return t.wrap(b, &p.Variants[k]) }, t.row)
	return nil
}

func (t *HoistField) wrap(b *batch.Batch, v *batch.Variant) bool {
	kid := v.Root
	root := b.NewVec()
	if v.Schema == nil && t.noName {
		return false
	}
	if v.Schema == nil {
		root.Kind, root.N = batch.KindObject, kid.N
		root.Names = append(root.Names, t.field)
		root.Kids = append(root.Kids, kid)
		v.Root = root
		return true
	}
	h := t.schemas.get(v.Schema, t.derive)
	if h.err != nil || kid.Kind == batch.KindDyn || !v.Schema.Optional && hasNulls(kid, nil) || !soundInside(kid) {
		return false
	}
	root.Kind, root.Schema, root.N = batch.KindStruct, h.schema, kid.N
	root.Kids = append(root.Kids, kid)
	v.Schema, v.Root = h.schema, root
	return true
}

func (t *HoistField) row(s *batch.Schema, x any) (*batch.Schema, any, error) {
	if s == nil && t.noName {
		return nil, &batch.MapValue{Entries: []batch.Entry{{Value: x}}}, nil
	}
	if s == nil {
		return nil, &batch.MapValue{Entries: []batch.Entry{{Key: t.field, Value: x}}}, nil
	}
	h := t.schemas.get(s, t.derive)
	if h.err != nil {
		return nil, nil, h.err
	}
	out := newStruct(h.schema)
	if err := putField(out, t.field, x); err != nil {
		return nil, nil, err
	}
	return h.schema, out, nil
}

func (t *HoistField) derive(s *batch.Schema) hoisted {
	w := batch.Schema{Type: batch.Struct}
	if err := addField(&w, t.field, s); err != nil {
		return hoisted{err: err}
	}
	return hoisted{schema: batch.NewSchema(w)}
}
