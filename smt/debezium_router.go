// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/regex"
	"github.com/penstock-io/penstock/internal/java/text"
)

// Classes of the router: the newer name differs in two keys.
const (
	tableRouterClass = "io.debezium.transforms.ByLogicalTableRouter"
	topicRouterClass = "io.debezium.transforms.ToLogicalTopicRouter"
)

func init() {
	Register(tableRouterClass, Plugin{Def: logicalRouterConfig("__dbz__physicalTableIdentifier", "logical.table.cache.size"), New: newLogicalRouter})
	Register(topicRouterClass, Plugin{Def: logicalRouterConfig("__dbz__sourceIdentifier", "logical.destination.cache.size"), New: newLogicalRouter})
}

func logicalRouterConfig(keyField, cacheSize string) config.Def {
	return config.Def{
		config.String("topic.regex").Required().Low().Validate(debeziumRegex).Doc("Regular expression that a topic must match as a whole to be routed."),
		config.String("topic.replacement").Required().Low().Validate(config.NonEmptyString).Doc("The new topic; groups of the expression may be used."),
		config.Bool("key.enforce.uniqueness").Default(true).Low().
			Doc("Whether the key gets a field that tells the tables apart which share the topic."),
		config.String("key.field.regex").Low().Validate(debeziumRegex).
			Doc("Regular expression that finds the table's name in the old topic; otherwise it is the topic itself."),
		config.String("key.field.name").Default(keyField).Low().Doc("Name of the field in the key."),
		config.String("key.field.replacement").Low().Doc("The table's name, made of the groups of key.field.regex."),
		config.String("schema.name.adjustment.mode").Default("none").Low().Validate(anyCaseOrAbsent("none", "avro", "avro_unicode")).
			Doc("How schema names made of the topic are adjusted: none, avro (_ for other characters), avro_unicode (_uxxxx)."),
		config.Int(cacheSize).Default(16).Low().Doc("Accepted; what is remembered is bounded anyway."),
	}
}

// debeziumRegex accepts what java.util.regex compiles, or null.
var debeziumRegex = config.ValidatorFunc{
	Text: "valid regular expression",
	Check: func(key string, value any) error {
		s, ok := value.(string)
		if !ok {
			return nil
		}
		if _, err := regex.Compile(s); err != nil {
			return config.Invalid(key, value, "A valid regular expressions is expected, but "+err.Error())
		}
		return nil
	},
}

// LogicalRouter sends the events of several tables to one topic, renames their schemas after it, and adds the table to
// the key. Topics that do not match, and events whose new topic would be empty, pass.
type LogicalRouter struct {
	topic       *regex.Regex
	replacement string
	key         *regex.Regex // nil: the old topic tells the table
	keyText     string
	keyField    string
	unique      bool
	adjust      func(string) string

	routes    map[string]*logicalRoute
	byID      []*logicalRoute // of the batch's topics, while it is worked on
	keys      map[logicalShape]hoisted
	envelopes map[logicalShape]*logicalEnvelope
}

// logicalRoute is what becomes of a topic.
type logicalRoute struct {
	topic string // "": the record passes
	err   error
	table string // for the key
	keyed error  // why there is no table
}

// logicalShape is a schema under a new topic.
type logicalShape struct {
	schema *batch.Schema
	topic  string
}

// logicalEnvelope is what becomes of an event's schema.
type logicalEnvelope struct {
	schema *batch.Schema
	row    *batch.Schema // of before and after; nil when there are none
	plain  bool          // the columns can be kept as they are
	err    error
}

func newLogicalRouter(v config.Values) (Transform, error) {
	t := &LogicalRouter{
		replacement: rawText(v, "topic.replacement"), keyField: v.String("key.field.name"),
		unique: flag(v, "key.enforce.uniqueness", true), keyText: rawText(v, "key.field.replacement"),
		adjust: nameAdjuster(choice(v, "schema.name.adjustment.mode", "none"), true),
	}
	var err error
	if t.topic, err = regex.Compile(rawText(v, "topic.regex")); err != nil {
		return nil, asFault(err)
	}
	if text.Trim(v.String("key.field.regex")) == "" {
		return t, nil
	}
	if text.Trim(t.keyText) == "" {
		return nil, config.Invalid("key.field.replacement", v.Get("key.field.replacement"), "key.field.replacement must be non-empty if key.field.regex is set.")
	}
	if t.key, err = regex.Compile(rawText(v, "key.field.regex")); err != nil {
		return nil, asFault(err)
	}
	return t, nil
}

// Apply routes the live rows.
func (t *LogicalRouter) Apply(b *batch.Batch) error {
	if b.N == 0 {
		return nil
	}
	t.lookUp(b)
	for row := range b.N {
		if b.IsDead(row) {
			continue
		}
		if r := t.routeOf(b, row); r.err != nil {
			b.Fail(row, batch.Transformation, r.err)
		}
	}
	t.side(b, batch.Key, t.keyColumns, t.keyRow)
	t.side(b, batch.Value, t.valueColumns, t.valueRow)
	if _, same := b.Topics.Const(); same && b.AllAlive() && t.byID[0].topic != "" {
		b.Topics.Set(t.byID[0].topic)
		return nil
	}
	// The dictionary grows while topics are put: ids of rows that wait stay what they are.
	for row := range b.N {
		if b.IsDead(row) {
			continue
		}
		if r := t.routeOf(b, row); r.topic != "" {
			b.Topics.Put(row, b.N, r.topic)
		}
	}
	return nil
}

// lookUp routes the topics of the batch.
func (t *LogicalRouter) lookUp(b *batch.Batch) {
	t.byID = t.byID[:0]
	for _, name := range b.Topics.Names {
		r, ok := t.routes[name]
		if !ok {
			r = t.route(name)
			if t.routes == nil || len(t.routes) >= maxTopicsSeen {
				t.routes = map[string]*logicalRoute{}
			}
			t.routes[name] = r
		}
		t.byID = append(t.byID, r)
	}
	if len(t.byID) == 0 {
		t.byID = append(t.byID, t.route(""))
	}
}

func (t *LogicalRouter) routeOf(b *batch.Batch, row int) *logicalRoute {
	if b.Topics.IDs == nil {
		return t.byID[0]
	}
	return t.byID[b.Topics.IDs[row]]
}

func (t *LogicalRouter) route(topic string) *logicalRoute {
	r := &logicalRoute{}
	ok, err := t.topic.Matches(topic)
	if err == nil && ok {
		r.topic, err = t.topic.ReplaceFirst(topic, t.replacement)
	}
	if err != nil {
		r.err = asFault(err)
		return r
	}
	r.table = topic
	if t.key == nil || !t.unique {
		return r
	}
	if ok, err = t.key.Matches(topic); err == nil && ok {
		r.table, err = t.key.ReplaceFirst(topic, t.keyText)
	}
	if err != nil {
		r.keyed = asFault(err)
	}
	return r
}

// side works on a payload: kernel where the live rows of a variant share a route, row otherwise.
func (t *LogicalRouter) side(b *batch.Batch, side batch.Side, kernel func(*batch.Batch, *batch.Payload, int, *logicalRoute) bool,
	row func(*logicalRoute, *batch.Schema, any) (*batch.Schema, any, error)) {
	p := b.Side(side)
	for k := len(p.Variants) - 1; k >= 0; k-- {
		v := &p.Variants[k]
		if v.Frozen || side == batch.Value && !isEnvelope(v.Schema) || v.Schema == nil && allNull(v.Root) {
			continue
		}
		one, moved := t.shared(b, v)
		if !moved || one != nil && kernel(b, p, k, one) {
			continue
		}
		b.Rewrite(p, k, func(at int, s *batch.Schema, x any) (*batch.Schema, any, bool) {
			r := t.routeOf(b, at)
			if r.topic == "" {
				return s, x, true
			}
			s, x, err := row(r, s, x)
			if err != nil {
				b.Fail(at, batch.Transformation, err)
			}
			return s, x, err == nil
		})
	}
}

// shared is the route of all live rows of a variant, nil when they differ; moved reports that some row is routed at all.
func (t *LogicalRouter) shared(b *batch.Batch, v *batch.Variant) (one *logicalRoute, moved bool) {
	if b.Topics.IDs == nil {
		return t.byID[0], t.byID[0].topic != ""
	}
	mixed := false
	for pos := range v.Root.N {
		row := v.Row(pos)
		if b.IsDead(row) {
			continue
		}
		r := t.routeOf(b, row)
		mixed = mixed || one != nil && one != r
		one, moved = r, moved || r.topic != ""
	}
	if mixed {
		return nil, moved
	}
	return one, moved
}

func (t *LogicalRouter) keyColumns(b *batch.Batch, p *batch.Payload, k int, r *logicalRoute) bool {
	v := &p.Variants[k]
	if v.Root.Kind != batch.KindStruct || hasNulls(v.Root, nil) || t.unique && r.keyed != nil {
		return false
	}
	h := t.keySchema(v.Schema, r.topic)
	if h.err != nil || !sound(v.Root, false) {
		return false
	}
	v.Schema, v.Root.Schema = h.schema, h.schema
	if t.unique {
		v.Root.Kids = append(v.Root.Kids, b.NewConst(batch.StringSchema, uint64(b.Slab.AppendText(r.table)), v.Root.N))
	}
	return true
}

func (t *LogicalRouter) valueColumns(b *batch.Batch, p *batch.Payload, k int, r *logicalRoute) bool {
	if p.Variants[k].Root.Kind != batch.KindStruct {
		return false
	}
	e := t.envelope(p.Variants[k].Schema, r.topic)
	if !e.plain {
		return false
	}
	if !splitNulls(b, p, k) {
		return true
	}
	v := &p.Variants[k]
	root := v.Root
	if !sound(root, false) {
		return false
	}
	for i, f := range v.Schema.Fields {
		kid := root.Kids[i]
		if f.Schema.HasDefault && hasNulls(kid, nil) {
			return false
		}
		if isRowField(f.Name) && e.row != nil && (kid.Kind != batch.KindStruct || !sound(kid, false)) {
			return false
		}
	}
	for i, f := range v.Schema.Fields {
		if isRowField(f.Name) && e.row != nil {
			root.Kids[i].Schema = e.row
		}
	}
	v.Schema, root.Schema = e.schema, e.schema
	return true
}

func isRowField(name string) bool { return name == envelopeBefore || name == envelopeAfter }

// renamed is a copy of a schema under another name: everything but the default is kept.
func (t *LogicalRouter) renamed(s *batch.Schema, name string) batch.Schema {
	name = t.adjust(name)
	return batch.Schema{Type: batch.Struct, Name: &name, Version: s.Version, Doc: s.Doc, Params: s.Params, Optional: s.Optional,
		Fields: slices.Clone(s.Fields)}
}

func (t *LogicalRouter) keySchema(s *batch.Schema, topic string) hoisted {
	shape := logicalShape{s, topic}
	h, ok := t.keys[shape]
	if ok {
		return h
	}
	out := t.renamed(s, topic+".Key")
	if t.unique {
		h.err = addField(&out, t.keyField, batch.StringSchema)
	}
	if h.err == nil {
		h.schema = batch.NewSchema(out)
	}
	if t.keys == nil || len(t.keys) >= maxSchemas {
		t.keys = map[logicalShape]hoisted{}
	}
	t.keys[shape] = h
	return h
}

func (t *LogicalRouter) envelope(s *batch.Schema, topic string) *logicalEnvelope {
	shape := logicalShape{s, topic}
	e, ok := t.envelopes[shape]
	if ok {
		return e
	}
	e = t.makeEnvelope(s, topic)
	if t.envelopes == nil || len(t.envelopes) >= maxSchemas {
		t.envelopes = map[logicalShape]*logicalEnvelope{}
	}
	t.envelopes[shape] = e
	return e
}

func (t *LogicalRouter) makeEnvelope(s *batch.Schema, topic string) *logicalEnvelope {
	e := &logicalEnvelope{plain: true}
	at := s.Field(envelopeBefore)
	if at < 0 {
		at = s.Field(envelopeAfter)
	}
	if at >= 0 {
		old := s.Fields[at].Schema
		if _, e.err = listFields(old); e.err != nil {
			return &logicalEnvelope{err: e.err}
		}
		e.row = batch.NewSchema(t.renamed(old, topic+".Value"))
	}
	out := t.renamed(s, topic+envelopeSuffix)
	for i, f := range out.Fields {
		if isRowField(f.Name) && e.row != nil {
			out.Fields[i].Schema = e.row
			e.plain = e.plain && sameFields(f.Schema, e.row)
		}
	}
	e.schema = batch.NewSchema(out)
	return e
}

// sameFields reports two structs with the same fields in the same order.
func sameFields(a, b *batch.Schema) bool {
	return a.Type == batch.Struct && slices.EqualFunc(a.Fields, b.Fields, func(x, y batch.Field) bool {
		return x.Name == y.Name && x.Schema.Equal(y.Schema)
	})
}
