// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	RegisterKeyAndValue("org.apache.kafka.connect.transforms.Flatten", flattenConfig, newFlatten)
}

var flattenConfig = config.Def{
	config.String("delimiter").Default(".").Doc("What stands between the names of outer and inner fields in the names of the output."),
}

// Flatten lifts nested fields to the top, under names joined by a delimiter. Arrays stay as they are. Nulls pass. Under
// a schema, a field below something optional becomes optional; maps are refused.
type Flatten struct {
	side      batch.Side
	delimiter string
	plans     schemaCache[*flattenPlan]
	names     map[flattenName]string
	seen      map[string]bool
}

// flattenName is a name before it is joined.
type flattenName struct{ prefix, name string }

// flattenPlan is what becomes of one input schema: a field of the output per leaf of the input.
type flattenPlan struct {
	schema *batch.Schema
	paths  [][]int // output field -> indices of fields, from the root to the leaf
	err    error
}

func newFlatten(v config.Values, side batch.Side) (Transform, error) {
	t := &Flatten{side: side, delimiter: v.String("delimiter"), names: map[flattenName]string{}, seen: map[string]bool{}}
	if v.IsNull("delimiter") {
		t.delimiter = "null" // as Java concatenates it
	}
	return t, nil
}

// Apply lifts columns.
func (t *Flatten) Apply(b *batch.Batch) error {
	b.OpenObjects(t.side)
	alignTables(b, t.side, func(int) int { return 0 })
	applySide(b, t.side, func(p *batch.Payload, k int) bool {
		switch p.Variants[k].Root.Kind {
		case batch.KindStruct:
			return t.structColumns(b, p, k)
		case batch.KindObject:
			return t.objectColumns(b, p, k)
		}
		return allNull(p.Variants[k].Root)
	}, t.row)
	return nil
}

// maxFlattenNames bounds the memo of joined names.
const maxFlattenNames = 4096

// join is Flatten.fieldName.
func (t *Flatten) join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	key := flattenName{prefix, name}
	s, ok := t.names[key]
	if !ok {
		if len(t.names) >= maxFlattenNames {
			clear(t.names)
		}
		s = prefix + t.delimiter + name
		t.names[key] = s
	}
	return s
}

func (t *Flatten) row(s *batch.Schema, x any) (*batch.Schema, any, error) {
	if x == nil {
		return s, nil, nil
	}
	if s == nil {
		m, err := requireMap(x, "flattening")
		if err != nil {
			return nil, nil, err
		}
		out := &batch.MapValue{Table: batch.LinkedTable}
		if err := t.mapInto(out, "", m, false); err != nil {
			return nil, nil, err
		}
		// In the order of a HashMap, which is what converters make. Of two members under one name the later one stays.
		out.Entries = out.Entries[:0]
		return nil, out, t.mapInto(out, "", m, true)
	}
	v, err := requireStruct(x, "flattening")
	if err != nil {
		return nil, nil, err
	}
	plan := t.plans.get(s, t.plan)
	if plan.err != nil {
		return nil, nil, plan.err
	}
	out := newStruct(plan.schema)
	if err := t.structInto(out, "", v); err != nil {
		return nil, nil, err
	}
	return plan.schema, out, nil
}

// mapInto is Flatten.applySchemaless.
func (t *Flatten) mapInto(out *batch.MapValue, prefix string, m *batch.MapValue, hashed bool) error {
	entries := m.Entries
	if hashed {
		entries = inHashOrder(m)
	}
	for _, e := range entries {
		key, ok := e.Key.(string)
		if !ok && e.Key != nil {
			return values.CastFault(e.Key, "java.lang.String")
		}
		var name any // a null key stays null at the top, and reads "null" below
		switch {
		case ok:
			name = t.join(prefix, key)
		case prefix != "":
			name = t.join(prefix, "null")
		}
		if e.Value == nil {
			putKey(out, name, nil)
			continue
		}
		typ, ok := values.TypeOf(e.Value)
		if !ok {
			return batch.DataFault("Flatten transformation was passed a value of type class " + values.ClassName(e.Value) + " which is not supported by Connect's data API")
		}
		switch typ {
		case batch.Map:
			inner, ok := name.(string)
			if !ok {
				return batch.NewFault(batch.NullPointerException, "cannot flatten a map under a null key")
			}
			if err := t.mapInto(out, inner, e.Value.(*batch.MapValue), hashed); err != nil {
				return err
			}
		case batch.Struct:
			return batch.DataFault("Flatten transformation does not support class " + values.ClassName(e.Value) + " for record without schemas (for field " + keyText(name) + ").")
		default:
			putKey(out, name, e.Value)
		}
	}
	return nil
}

func (t *Flatten) structInto(out *batch.StructValue, prefix string, v *batch.StructValue) error {
	for i, f := range v.Schema.Fields {
		name := t.join(prefix, f.Name)
		switch f.Schema.Type {
		case batch.Struct:
			inner, ok := v.Vals[i].(*batch.StructValue)
			if !ok {
				continue
			}
			if err := t.structInto(out, name, inner); err != nil {
				return err
			}
		case batch.Map:
			return flattenMapFault(name)
		default:
			if err := putField(out, name, v.Get(f.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func flattenMapFault(name string) error {
	return batch.DataFault("Flatten transformation does not support MAP for record with schemas (for field " + name + ").")
}

// plan is the building of the updated schema in Flatten.applyWithSchema.
func (t *Flatten) plan(s *batch.Schema) *flattenPlan {
	p := &flattenPlan{}
	if _, err := listFields(s); err != nil {
		p.err = err
		return p
	}
	out := schemaBasics(s, batch.Struct)
	root, _ := s.Default.(*batch.StructValue)
	if p.err = t.planInto(p, &out, s, "", s.Optional, root, nil); p.err == nil {
		p.schema = batch.NewSchema(out)
	}
	return p
}

// planInto is Flatten.buildUpdatedSchema: optional says that an ancestor is, parent is the default that an ancestor gives.
func (t *Flatten) planInto(p *flattenPlan, out *batch.Schema, s *batch.Schema, prefix string, optional bool, parent *batch.StructValue, path []int) error {
	for i, f := range s.Fields {
		name := t.join(prefix, f.Name)
		opt := optional || f.Schema.Optional
		var def any
		if f.Schema.HasDefault && f.Schema.Default != nil {
			def = f.Schema.Default
		} else if parent != nil {
			def = parent.Vals[i]
		}
		at := append(append(make([]int, 0, len(path)+1), path...), i)
		switch f.Schema.Type {
		case batch.Map:
			return flattenMapFault(name)
		case batch.Struct:
			inner, _ := def.(*batch.StructValue)
			if err := t.planInto(p, out, f.Schema, name, opt, inner, at); err != nil {
				return err
			}
			continue
		}
		fs, err := flattenLeaf(f.Schema, opt, def)
		if err == nil {
			err = addField(out, name, fs)
		}
		if err != nil {
			return err
		}
		p.paths = append(p.paths, at)
	}
	return nil
}

// flattenLeaf is Flatten.convertFieldSchema.
func flattenLeaf(s *batch.Schema, optional bool, def any) (*batch.Schema, error) {
	out := schemaBasics(s, s.Type)
	if s.Type == batch.Array {
		if s.ValueSchema == nil {
			return nil, batch.NewFault(batch.SchemaBuilderException, "valueSchema cannot be null.")
		}
		out.ValueSchema = s.ValueSchema
	}
	out.Optional = optional
	if def != nil {
		if err := setDefault(&out, def); err != nil {
			return nil, err
		}
	}
	return batch.NewSchema(out), nil
}
