// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

const setSchemaMetadataClass = "org.apache.kafka.connect.transforms.SetSchemaMetadata"

func init() {
	RegisterKeyAndValue(setSchemaMetadataClass, setSchemaMetadataConfig, newSetSchemaMetadata)
}

var setSchemaMetadataConfig = config.Def{
	config.String("schema.name").High().Doc("Schema name to set."),
	config.Int("schema.version").High().Doc("Schema version to set."),
	replaceNullKey(),
}

// SetSchemaMetadata gives the schema of a struct another name, version or both. A row with neither value nor schema
// passes; a value without a schema, and (a bug of Connect's that is kept) a schema that is no struct's, are errors.
type SetSchemaMetadata struct {
	side     batch.Side
	name     *string
	version  *int32
	defaults bool
	schemas  schemaCache[*batch.Schema]
}

func newSetSchemaMetadata(v config.Values, side batch.Side) (Transform, error) {
	defaults, err := replaceNull(v)
	if err != nil {
		return nil, err
	}
	t := &SetSchemaMetadata{side: side, defaults: defaults}
	if !v.IsNull("schema.name") {
		name := v.String("schema.name")
		t.name = &name
	}
	if !v.IsNull("schema.version") {
		version := int32(v.Int("schema.version"))
		t.version = &version
	}
	if t.name == nil && t.version == nil {
		return nil, config.Plain("", "Neither schema name nor version configured")
	}
	return t, nil
}

// Apply exchanges the schemas; columns stay where they are.
func (t *SetSchemaMetadata) Apply(b *batch.Batch) error {
	applySide(b, t.side, func(p *batch.Payload, k int) bool {
		v := &p.Variants[k]
		if v.Schema == nil {
			b.Resolve(v.Root)
			return onlyNulls(v.Root)
		}
		if v.Root.Kind != batch.KindStruct || !sound(v.Root, t.defaults) {
			return false
		}
		s := t.schemas.get(v.Schema, t.derive)
		if t.defaults {
			for i, f := range v.Schema.Fields {
				v.Root.Kids[i] = filled(b, v.Root.Kids[i], f.Schema)
			}
		}
		v.Schema, v.Root.Schema = s, s
		return true
	}, t.row)
	return nil
}

func (t *SetSchemaMetadata) derive(s *batch.Schema) *batch.Schema {
	c := s.Copy()
	if t.name != nil {
		c.Name = t.name
	}
	if t.version != nil {
		c.Version = t.version
	}
	return batch.NewSchema(c)
}

func (t *SetSchemaMetadata) row(s *batch.Schema, x any) (*batch.Schema, any, error) {
	if s == nil && x == nil {
		return nil, nil, nil
	}
	if s == nil {
		return nil, nil, batch.DataFault("Schema required for [updating schema metadata]")
	}
	if _, err := listFields(s); err != nil {
		return nil, nil, err
	}
	updated := t.schemas.get(s, t.derive)
	v, ok := x.(*batch.StructValue)
	if !ok {
		return updated, x, nil
	}
	out := newStruct(updated)
	for _, f := range updated.Fields {
		old, err := getField(v, f.Name, t.defaults)
		if err == nil {
			err = putField(out, f.Name, old)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return updated, out, nil
}
