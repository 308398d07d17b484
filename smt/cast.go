// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/text"
)

func init() {
	RegisterKeyAndValue("org.apache.kafka.connect.transforms.Cast", castConfig, newCast)
}

var castConfig = config.Def{
	config.List("spec").Required().High().Validate(pairsValidator(func(list []string, _ bool) error {
		if len(list) == 0 {
			return config.Plain("spec", "Must specify at least one field to cast.")
		}
		_, _, err := parseCasts(list)
		return err
	})).Doc("Fields and the type to cast them to, as field:type pairs, or one type to cast the whole value. " +
		"Types are int8, int16, int32, int64, float32, float64, boolean and string; bytes can only be cast to string (base64)."),
	defaultForNullKey(),
}

// Cast changes the type of fields, or of the whole value. Null values pass, schema and all; null fields stay null (or
// become their default), and a key that a map lacks appears as null.
type Cast struct {
	side   batch.Side
	whole  bool
	target batch.Type // whole
	casts  map[string]batch.Type
	fields []string // of casts, in the order of a Java HashMap, which decides what fails first
	fill   bool
	plans  schemaCache[*castPlan]
}

// castPlan is what becomes of one input schema.
type castPlan struct {
	schema *batch.Schema
	err    error
}

func newCast(v config.Values, side batch.Side) (Transform, error) {
	names, types, err := parseCasts(v.List("spec"))
	if err != nil {
		return nil, err
	}
	t := &Cast{side: side, fill: v.Bool(defaultForNull), casts: map[string]batch.Type{}}
	if names == nil {
		t.whole, t.target = true, types[0]
		return t, nil
	}
	for i, name := range names {
		if _, ok := t.casts[name]; !ok {
			t.fields = append(t.fields, name)
		}
		t.casts[name] = types[i]
	}
	ordered := make([]string, 0, len(t.fields))
	for _, i := range text.HashOrder(t.fields) {
		ordered = append(ordered, t.fields[i])
	}
	t.fields = ordered
	return t, nil
}

// parseCasts is Cast.parseFieldTypes. Without names, the only type is for the whole value.
func parseCasts(list []string) (names []string, types []batch.Type, err error) {
	whole := false
	for _, pair := range list {
		parts := splitPair(pair)
		switch len(parts) {
		case 0:
			return nil, nil, &config.Crash{
				Class:   "java.lang.ArrayIndexOutOfBoundsException",
				Instead: config.Plain("spec", "Invalid type found in casting spec: "+pair),
			}
		case 1:
			whole = true
		case 2:
			names = append(names, text.Trim(parts[0]))
		default: // Kafka's borrows the message of ReplaceField, key and all
			return nil, nil, config.Invalid("renames", list, "Invalid rename mapping: "+pair)
		}
		t, err := castTarget(text.Trim(parts[len(parts)-1]))
		if err != nil {
			return nil, nil, err
		}
		types = append(types, t)
	}
	if whole && len(list) > 1 {
		return nil, nil, config.Plain("spec", "Cast transformations that specify a type to cast the entire value to may only specify a single cast in their spec")
	}
	return names, types, nil
}

func castTarget(name string) (batch.Type, error) {
	upper := strings.ToUpper(name)
	t, ok := batch.ParseType(upper)
	if !ok {
		return 0, config.Invalid("Invalid type found in casting spec: "+name,
			"java.lang.IllegalArgumentException: No enum constant org.apache.kafka.connect.data.Schema.Type."+upper, "")
	}
	if t > batch.String {
		return 0, config.Plain("spec", "Cast transformation does not support casting to "+upper+
			"; supported types are [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]")
	}
	return t, nil
}

// Apply casts whole columns.
func (t *Cast) Apply(b *batch.Batch) error {
	b.OpenObjects(t.side)
	if !t.whole {
		alignTables(b, t.side, copiedTable, t.fields...)
	}
	applySide(b, t.side, func(p *batch.Payload, k int) bool {
		switch v := &p.Variants[k]; {
		case t.whole:
			return t.wholeColumn(b, p, k)
		case v.Root.Kind == batch.KindStruct:
			return t.structColumns(b, p, k)
		case v.Root.Kind == batch.KindObject:
			return t.objectColumns(b, p, k)
		default:
			return allNull(v.Root)
		}
	}, t.row)
	return nil
}

func (t *Cast) row(s *batch.Schema, x any) (*batch.Schema, any, error) {
	switch {
	case x == nil:
		return s, nil, nil
	case s == nil && t.whole:
		x, err := castValue(nil, x, t.target)
		return nil, x, err
	case s == nil:
		x, err := t.mapRow(x)
		return nil, x, err
	}
	plan := t.plans.get(s, t.plan)
	if plan.err != nil {
		return nil, nil, plan.err
	}
	if t.whole {
		x, err := castValue(s, x, t.target)
		return plan.schema, x, err
	}
	v, err := requireStruct(x, "cast types")
	if err != nil {
		return nil, nil, err
	}
	out := newStruct(plan.schema)
	for _, f := range v.Schema.Fields {
		x, err := getField(v, f.Name, t.fill)
		if err != nil {
			return nil, nil, err
		}
		if target, ok := t.casts[f.Name]; ok {
			if x, err = castValue(f.Schema, x, target); err != nil {
				return nil, nil, err
			}
		}
		if plan.schema.Field(f.Name) < 0 {
			return nil, nil, batch.DataFault("field cannot be null.")
		}
		if err := putField(out, f.Name, x); err != nil {
			return nil, nil, err
		}
	}
	return plan.schema, out, nil
}

func (t *Cast) mapRow(x any) (any, error) {
	m, err := requireMap(x, "cast types")
	if err != nil {
		return nil, err
	}
	out := copyMap(m)
	for _, f := range t.fields {
		old, _ := m.Get(f)
		v, err := castValue(nil, old, t.casts[f])
		if err != nil {
			return nil, err
		}
		out.Put(f, v)
	}
	return out, nil
}

// plan is Cast.getOrBuildSchema.
func (t *Cast) plan(s *batch.Schema) *castPlan {
	out := schemaBasics(s, batch.Struct)
	if t.whole {
		out.Type = t.target
	} else {
		fields, err := listFields(s)
		if err != nil {
			return &castPlan{err: err}
		}
		for _, f := range fields {
			fs, err := t.fieldSchema(f)
			if err == nil {
				err = addField(&out, f.Name, fs)
			}
			if err != nil {
				return &castPlan{err: err}
			}
		}
	}
	out.Optional = s.Optional
	if s.HasDefault && s.Default != nil {
		x, err := castValue(s, s.Default, out.Type)
		if err == nil {
			err = setDefault(&out, x)
		}
		if err != nil {
			return &castPlan{err: err}
		}
	}
	return &castPlan{schema: batch.NewSchema(out)}
}

// fieldSchema is the schema of a field after the cast: the old one's name and the like are gone.
func (t *Cast) fieldSchema(f batch.Field) (*batch.Schema, error) {
	target, ok := t.casts[f.Name]
	if !ok {
		return f.Schema, nil
	}
	out := batch.Schema{Type: target, Optional: f.Schema.Optional}
	if f.Schema.HasDefault && f.Schema.Default != nil {
		x, err := castValue(f.Schema, f.Schema.Default, target)
		if err == nil {
			err = setDefault(&out, x)
		}
		if err != nil {
			return nil, err
		}
	}
	return batch.NewSchema(out), nil
}
