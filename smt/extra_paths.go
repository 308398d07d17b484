// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/values"
)

// pathEditor changes values by the paths of their fields: it drops and renames fields, and edits leaves, in structs,
// maps and lists of any depth. Elements of a list have the path of the list.
type pathEditor struct {
	rules pathRules
	plans schemaCache[*editPlan]
}

// pathRules decide what becomes of a field.
type pathRules interface {
	// decide says what becomes of the field at a path. path is only lent.
	decide(path []string) fieldEdit
	// below reports whether some field below a path may change.
	below(path []string) bool
}

// fieldEdit is what becomes of a field.
type fieldEdit struct {
	drop bool
	name string   // "": as it is
	leaf leafEdit // nil: none. Of a struct, map or list all leaves are edited.
}

// leafEdit changes a leaf. Nulls stay.
type leafEdit interface {
	// schema is the schema of what value makes of values under s. It is s itself for text.
	schema(s *batch.Schema) *batch.Schema
	// value is what becomes of a value that is neither null, nor struct, map or list.
	value(x any) any
	// text is value for text, appended to dst.
	text(dst, s []byte) []byte
}

// anyKey stands in a path for the keys of a map under a schema, which are not known before its values: rules take it
// for every name.
const anyKey = "\x00any"

// editPlan is what becomes of values under one schema.
type editPlan struct {
	schema *batch.Schema
	same   bool
	leaf   leafEdit    // of a leaf
	fields []editField // STRUCT
	elem   *editPlan   // ARRAY and MAP
	path   []string    // MAP
	inner  leafEdit    // MAP: what all values are edited with
	byKey  bool        // MAP: the key decides what becomes of a value, which keeps its schema
}

type editField struct {
	from int
	plan *editPlan
}

// plan makes the plan of a schema at a path. inherit is the edit of a container around it.
func (e *pathEditor) plan(s *batch.Schema, path []string, inherit leafEdit) *editPlan {
	if inherit == nil && !e.rules.below(path) {
		return &editPlan{schema: s, same: true}
	}
	switch s.Type {
	case batch.Struct:
		return e.structPlan(s, path, inherit)
	case batch.Array:
		elem := e.plan(s.ValueSchema, path, inherit)
		if elem.same {
			return &editPlan{schema: s, same: true}
		}
		return &editPlan{schema: withoutDefault(s, func(c *batch.Schema) { c.ValueSchema = elem.schema }), elem: elem}
	case batch.Map:
		return e.mapPlan(s, path, inherit)
	}
	if inherit == nil {
		return &editPlan{schema: s, same: true}
	}
	return &editPlan{schema: inherit.schema(s), leaf: inherit}
}

func (e *pathEditor) structPlan(s *batch.Schema, path []string, inherit leafEdit) *editPlan {
	p := &editPlan{same: true}
	fields := make([]batch.Field, 0, len(s.Fields))
	for i, f := range s.Fields {
		at := append(slices.Clip(path), f.Name)
		fe := e.rules.decide(at)
		name := f.Name
		if fe.name != "" {
			name = fe.name
		}
		if fe.drop || hasField(fields, name) {
			p.same = false
			continue
		}
		if fe.leaf == nil {
			fe.leaf = inherit
		}
		sub := e.plan(f.Schema, at, fe.leaf)
		p.same = p.same && sub.same && name == f.Name
		p.fields = append(p.fields, editField{from: i, plan: sub})
		fields = append(fields, batch.Field{Name: name, Schema: sub.schema})
	}
	p.schema = s
	if !p.same {
		p.schema = withoutDefault(s, func(c *batch.Schema) { c.Fields = fields })
	}
	return p
}

func hasField(fields []batch.Field, name string) bool {
	return slices.ContainsFunc(fields, func(f batch.Field) bool { return f.Name == name })
}

func (e *pathEditor) mapPlan(s *batch.Schema, path []string, inherit leafEdit) *editPlan {
	at := append(slices.Clip(path), anyKey)
	inner := e.rules.decide(at).leaf
	if inner == nil {
		inner = inherit
	}
	p := &editPlan{path: path, inner: inherit}
	if s.ValueSchema.Type == batch.String {
		p.elem, p.byKey = &editPlan{schema: s.ValueSchema, same: true}, true
	} else {
		p.elem, p.inner = e.plan(s.ValueSchema, at, inner), inner
	}
	p.schema = withoutDefault(s, func(c *batch.Schema) { c.ValueSchema = p.elem.schema })
	return p
}

// withoutDefault is a changed copy of a schema; a default, which would have the old form, goes.
func withoutDefault(s *batch.Schema, change func(c *batch.Schema)) *batch.Schema {
	c := s.Copy()
	c.HasDefault, c.Default = false, nil
	change(&c)
	return batch.NewSchema(c)
}

// planned changes a value under a schema.
func (e *pathEditor) planned(p *editPlan, x any) any {
	if x == nil || p.same {
		return x
	}
	switch y := x.(type) {
	case *batch.StructValue:
		out := newStruct(p.schema)
		for i, f := range p.fields {
			out.Vals[i] = e.planned(f.plan, y.Vals[f.from])
		}
		return out
	case []any:
		out := make([]any, len(y))
		for i, el := range y {
			out[i] = e.planned(p.elem, el)
		}
		return out
	case *batch.MapValue:
		return e.plannedMap(p, y)
	}
	if p.leaf != nil {
		return p.leaf.value(x)
	}
	return x
}

func (e *pathEditor) plannedMap(p *editPlan, m *batch.MapValue) any {
	out := &batch.MapValue{Hash: m.Hash, Table: m.Table}
	for _, entry := range m.Entries {
		fe := e.rules.decide(append(slices.Clip(p.path), keyName(entry.Key)))
		if fe.drop {
			continue
		}
		v := e.planned(p.elem, entry.Value)
		if p.byKey {
			if fe.leaf == nil {
				fe.leaf = p.inner
			}
			if fe.leaf != nil && v != nil {
				v = fe.leaf.value(v)
			}
		}
		key := entry.Key
		if _, ok := key.(string); ok && fe.name != "" {
			key = fe.name
		}
		out.Entries = append(out.Entries, batch.Entry{Key: key, Value: v})
	}
	return out
}

func keyName(key any) string {
	if s, ok := key.(string); ok {
		return s
	}
	return values.String(key)
}

// free changes a value without a schema.
func (e *pathEditor) free(x any, path []string, inherit leafEdit) any {
	if x == nil || inherit == nil && !e.rules.below(path) {
		return x
	}
	switch y := x.(type) {
	case *batch.MapValue:
		out := &batch.MapValue{Hash: y.Hash, Table: y.Table, Entries: make([]batch.Entry, 0, len(y.Entries))}
		for _, entry := range y.Entries {
			at := append(slices.Clip(path), keyName(entry.Key))
			fe := e.rules.decide(at)
			if fe.drop {
				continue
			}
			if fe.leaf == nil {
				fe.leaf = inherit
			}
			v := e.free(entry.Value, at, fe.leaf)
			if name, ok := entry.Key.(string); ok {
				if fe.name != "" {
					name = fe.name
				}
				out.Put(name, v)
				continue
			}
			out.Entries = append(out.Entries, batch.Entry{Key: entry.Key, Value: v})
		}
		return out
	case []any:
		out := make([]any, len(y))
		for i, el := range y {
			out[i] = e.free(el, path, inherit)
		}
		return out
	case *batch.StructValue:
		return e.planned(e.plan(y.Schema, path, inherit), y)
	}
	if inherit != nil {
		return inherit.value(x)
	}
	return x
}

// apply changes the values of a side: columns where it can, else row by row.
func (e *pathEditor) apply(b *batch.Batch, side batch.Side) {
	b.OpenObjects(side)
	applySide(b, side, func(p *batch.Payload, k int) bool {
		v := &p.Variants[k]
		switch v.Root.Kind {
		case batch.KindDyn:
			return v.Root.Tags == nil && v.Root.Tag == batch.TagNull
		case batch.KindObject:
			if root := e.object(b, v.Root, nil, nil); root != nil {
				v.Root = root
				return true
			}
			return false
		}
		plan := e.rootPlan(v.Root.Schema)
		if root := e.column(b, v.Root, plan); root != nil {
			v.Schema, v.Root = plan.schema, root
			return true
		}
		return false
	}, func(s *batch.Schema, x any) (*batch.Schema, any, error) {
		if s == nil {
			return nil, e.free(x, nil, nil), nil
		}
		if !batch.Fits(s, x) {
			return nil, nil, batch.DataFault("the value does not fit its schema: " + values.ClassName(x) + " under " + s.Type.String())
		}
		plan := e.rootPlan(s)
		return plan.schema, e.planned(plan, x), nil
	})
}

func (e *pathEditor) rootPlan(s *batch.Schema) *editPlan {
	return e.plans.get(s, func(s *batch.Schema) *editPlan { return e.plan(s, nil, nil) })
}

// column changes a column under a schema; nil where values must be looked at one by one.
func (e *pathEditor) column(b *batch.Batch, v *batch.Vec, p *editPlan) *batch.Vec {
	if p.same {
		return v
	}
	switch v.Kind {
	case batch.KindStruct:
		out := shellOf(b, v, p.schema)
		for _, f := range p.fields {
			kid := e.column(b, v.Kids[f.from], f.plan)
			if kid == nil {
				return nil
			}
			out.Kids = append(out.Kids, kid)
		}
		return out
	case batch.KindArray:
		out := shellOf(b, v, p.schema)
		out.Offs = append(out.Offs[:0], v.Offs...)
		kid := e.column(b, v.Kids[0], p.elem)
		if kid == nil {
			return nil
		}
		out.Kids = append(out.Kids, kid)
		return out
	case batch.KindWords:
		if p.leaf != nil && v.Schema.Type == batch.String {
			return editStrings(b, v, p.leaf.text)
		}
		return e.words(b, v, p)
	}
	return nil
}

// words edits the leaves of a column that is no text.
func (e *pathEditor) words(b *batch.Batch, v *batch.Vec, p *editPlan) *batch.Vec {
	out := b.NewColumn(p.schema)
	for i := range cells(v) {
		if x := b.Read(v, i); !b.Append(out, e.planned(p, x)) {
			return nil
		}
	}
	out.Const, out.N = v.Const, v.N
	return out
}

// shellOf is a column like v, under another schema, without kids.
func shellOf(b *batch.Batch, v *batch.Vec, s *batch.Schema) *batch.Vec {
	out := b.NewVec()
	out.Kind, out.Schema, out.N = v.Kind, s, v.N
	if v.Valid != nil {
		out.Valid = slices.Clone(v.Valid)
	}
	return out
}

// object changes a column of maps; nil where values must be looked at one by one.
func (e *pathEditor) object(b *batch.Batch, v *batch.Vec, path []string, inherit leafEdit) *batch.Vec {
	out := shellOf(b, v, nil)
	for i, name := range v.Names {
		at := append(slices.Clip(path), name)
		fe := e.rules.decide(at)
		if fe.drop {
			continue
		}
		if fe.leaf == nil {
			fe.leaf = inherit
		}
		kid := e.objectKid(b, v.Kids[i], at, fe.leaf)
		if fe.name != "" {
			name = fe.name
		}
		// Two keys that end under one name: which one a row has is a matter of the row.
		if kid == nil || slices.Contains(out.Names, name) {
			return nil
		}
		out.Names = append(out.Names, name)
		out.Kids = append(out.Kids, kid)
	}
	return out
}

func (e *pathEditor) objectKid(b *batch.Batch, kid *batch.Vec, at []string, leaf leafEdit) *batch.Vec {
	switch {
	case leaf == nil && !e.rules.below(at):
		return kid
	case kid.Kind == batch.KindObject:
		return e.object(b, kid, at, leaf)
	case kid.Kind != batch.KindDyn:
		return nil
	}
	b.Resolve(kid)
	for i := range cells(kid) {
		if t := kid.TagAt(i); t >= batch.TagJSON {
			return nil
		}
	}
	if leaf == nil {
		return kid
	}
	if out := editStrings(b, kid, leaf.text); out != nil {
		return out
	}
	out := b.NewColumn(nil)
	for i := range cells(kid) {
		tag, cell := kid.TagAt(i), kid.Cell(i)
		if tag > batch.TagNull {
			tag, cell = b.Tagged(leaf.value(b.ReadTagged(tag, cell)))
		}
		out.PushTag(tag, cell)
	}
	out.Const, out.N = kid.Const, kid.N
	return out
}
