// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	RegisterKeyAndValue("org.apache.kafka.connect.transforms.ReplaceField", replaceFieldConfig, newReplaceField)
}

// defaultForNull is the key by which transforms choose between a null and the field's default.
const defaultForNull = "replace.null.with.default"

func defaultForNullKey() *config.Key {
	return config.Bool(defaultForNull).Default(true).
		Doc("Whether a field that is null and has a default value becomes that default.")
}

var replaceFieldConfig = config.Def{
	config.List("exclude").Default([]string{}).Validate(config.ValidList{EmptyAllowed: true}).
		Doc("Fields to leave out. This wins over the fields to include."),
	config.List("include").Default([]string{}).Validate(config.ValidList{EmptyAllowed: true}).
		Doc("Fields to keep. When given, all others are left out."),
	config.List("renames").Default([]string{}).Validate(pairsValidator(checkRenames)).
		Doc("Fields to rename, as from:to pairs."),
	defaultForNullKey(),
}

// pairsValidator is the validator of a list of colon-delimited pairs.
func pairsValidator(check func(list []string, null bool) error) config.Validator {
	return config.ValidatorFunc{
		Text: "list of colon-delimited pairs, e.g. <code>foo:bar,abc:xyz</code>",
		Check: func(_ string, value any) error {
			list, _ := value.([]string)
			return check(list, value == nil)
		},
	}
}

// ReplaceField leaves fields out and renames others. Nulls pass. On schemas it takes name, version, doc and parameters
// over, not optional or default, as Kafka's does.
type ReplaceField struct {
	side    batch.Side
	exclude map[string]bool
	include map[string]bool
	renames map[string]string
	sources map[string]string // renames the other way round
	fill    bool
	plans   schemaCache[*replacePlan]
}

func newReplaceField(v config.Values, side batch.Side) (Transform, error) {
	t := &ReplaceField{
		side: side, fill: v.Bool(defaultForNull), renames: map[string]string{}, sources: map[string]string{},
		exclude: setOf(v.List("exclude")), include: setOf(v.List("include")),
	}
	var from []string
	for _, pair := range v.List("renames") {
		parts := splitPair(pair)
		if _, ok := t.renames[parts[0]]; !ok {
			from = append(from, parts[0])
		}
		t.renames[parts[0]] = parts[1]
	}
	// Two fields renamed to one name: the last in the order of a Java HashMap has the say.
	for _, i := range text.HashOrder(from) {
		t.sources[t.renames[from[i]]] = from[i]
	}
	return t, nil
}

func setOf(list []string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}

// splitPair is String.split(":"): empty parts at the end are cut off.
func splitPair(pair string) []string {
	parts := strings.Split(pair, ":")
	if len(parts) == 1 {
		return parts
	}
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

func checkRenames(list []string, null bool) error {
	if null {
		return &config.Crash{Class: batch.NullPointerException, Instead: config.Plain("renames", "renames must not be null")}
	}
	for _, pair := range list {
		if len(splitPair(pair)) != 2 {
			return config.Invalid("renames", list, "Invalid rename mapping: "+pair)
		}
	}
	return nil
}

// Apply renames and drops columns: nothing is done per row.
func (t *ReplaceField) Apply(b *batch.Batch) error {
	b.OpenObjects(t.side)
	alignTables(b, t.side, replacedTable)
	applySide(b, t.side, func(p *batch.Payload, k int) bool { return t.columns(b, p, k) }, t.row)
	return nil
}

func (t *ReplaceField) keeps(name string) bool {
	return !t.exclude[name] && (len(t.include) == 0 || t.include[name])
}

func (t *ReplaceField) renamed(name string) string {
	if to, ok := t.renames[name]; ok {
		return to
	}
	return name
}

func (t *ReplaceField) source(name string) string {
	if from, ok := t.sources[name]; ok {
		return from
	}
	return name
}

func (t *ReplaceField) row(s *batch.Schema, x any) (*batch.Schema, any, error) {
	if x == nil {
		return s, nil, nil
	}
	if s == nil {
		m, err := requireMap(x, "field replacement")
		if err != nil {
			return nil, nil, err
		}
		out, err := t.mapRow(m)
		return nil, out, err
	}
	v, err := requireStruct(x, "field replacement")
	if err != nil {
		return nil, nil, err
	}
	plan := t.plans.get(v.Schema, t.plan)
	if plan.err != nil {
		return nil, nil, plan.err
	}
	out := newStruct(plan.schema)
	for _, f := range plan.schema.Fields {
		old, err := getField(v, t.source(f.Name), t.fill)
		if err != nil {
			return nil, nil, err
		}
		if err := putField(out, f.Name, old); err != nil {
			return nil, nil, err
		}
	}
	return plan.schema, out, nil
}

// mapRow renames and drops the entries of a map. Where two keys end under one name the later one stays, in the order
// of the map, which is a HashMap where a converter has made it.
func (t *ReplaceField) mapRow(m *batch.MapValue) (*batch.MapValue, error) {
	entries := inHashOrder(m)
	out := &batch.MapValue{Entries: make([]batch.Entry, 0, len(entries)), Table: int32(replacedTable(len(entries)))}
	for _, e := range entries {
		name, ok := e.Key.(string)
		switch {
		case e.Key == nil:
			if len(t.include) == 0 {
				putKey(out, nil, e.Value)
			}
		case !ok:
			return nil, values.CastFault(e.Key, "java.lang.String")
		case t.keeps(name):
			out.Put(t.renamed(name), e.Value)
		}
	}
	return out, nil
}

// replacePlan is what becomes of one input schema.
type replacePlan struct {
	schema *batch.Schema
	from   []int // field of schema -> field of the input; nil: only the slow path knows
	err    error
}

func (t *ReplaceField) plan(s *batch.Schema) *replacePlan {
	fields, err := listFields(s)
	if err != nil {
		return &replacePlan{err: err}
	}
	out := schemaBasics(s, batch.Struct)
	for _, f := range fields {
		if !t.keeps(f.Name) {
			continue
		}
		if err := addField(&out, t.renamed(f.Name), f.Schema); err != nil {
			return &replacePlan{err: err}
		}
	}
	p := &replacePlan{schema: batch.NewSchema(out), from: make([]int, 0, len(out.Fields))}
	for _, f := range out.Fields {
		i := s.Field(t.source(f.Name))
		if i < 0 || s.Fields[i].Schema != f.Schema {
			p.from = nil
			return p
		}
		p.from = append(p.from, i)
	}
	return p
}

func (t *ReplaceField) columns(b *batch.Batch, p *batch.Payload, k int) bool {
	switch p.Variants[k].Root.Kind {
	case batch.KindStruct:
		return t.structColumns(b, p, k)
	case batch.KindObject:
		return t.objectColumns(b, p, k)
	case batch.KindDyn:
		root := p.Variants[k].Root
		return root.Tags == nil && root.Tag == batch.TagNull
	}
	return false
}

func (t *ReplaceField) structColumns(b *batch.Batch, p *batch.Payload, k int) bool {
	root := p.Variants[k].Root
	plan := t.plans.get(root.Schema, t.plan)
	if plan.from == nil || !sound(root, t.fill) {
		return false
	}
	if !splitNulls(b, p, k) {
		return true
	}
	v := &p.Variants[k]
	out := b.NewVec()
	out.Kind, out.Schema, out.N = batch.KindStruct, plan.schema, v.Root.N
	for _, i := range plan.from {
		kid := v.Root.Kids[i]
		if t.fill {
			kid = filled(b, kid, kid.Schema)
		}
		out.Kids = append(out.Kids, kid)
	}
	v.Schema, v.Root = plan.schema, out
	return true
}

func (t *ReplaceField) objectColumns(b *batch.Batch, p *batch.Payload, k int) bool {
	root := p.Variants[k].Root
	for i, name := range root.Names {
		if !t.keeps(name) {
			continue
		}
		// Two keys that end under one name: which one wins is a matter of the row.
		for _, other := range root.Names[:i] {
			if t.keeps(other) && t.renamed(other) == t.renamed(name) {
				return false
			}
		}
	}
	if !splitNulls(b, p, k) {
		return true
	}
	v := &p.Variants[k]
	out := b.NewVec()
	out.Kind, out.N = batch.KindObject, v.Root.N
	copyKeys(b, out, v.Root, replacedTable)
	kept := 0
	for i, name := range out.Names {
		if t.keeps(name) {
			out.Names[kept], out.Kids[kept] = t.renamed(name), out.Kids[i]
			kept++
		}
	}
	clear(out.Kids[kept:])
	out.Names, out.Kids = out.Names[:kept], out.Kids[:kept]
	v.Root = out
	return true
}
