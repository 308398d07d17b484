// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

const insertFieldClass = "org.apache.kafka.connect.transforms.InsertField"

func init() {
	RegisterKeyAndValue(insertFieldClass, insertFieldConfig, newInsertField)
}

const insertOptionality = "Suffix with ! to make this a required field, or ? to keep it optional (the default)."

var insertFieldConfig = config.Def{
	config.String("topic.field").Doc("Field name for Kafka topic. " + insertOptionality),
	config.String("partition.field").Doc("Field name for Kafka partition. " + insertOptionality),
	config.String("offset.field").Doc("Field name for Kafka offset, only applicable to sink connectors. " + insertOptionality),
	config.String("timestamp.field").Doc("Field name for record timestamp. " + insertOptionality),
	config.String("static.field").Doc("Field name for static data field. " + insertOptionality),
	config.String("static.value").Doc("Static field value, if field name configured."),
	replaceNullKey(),
}

// InsertField adds facts about the record, or a fixed text, to its struct or map. Nulls pass through. What the record
// lacks (partition, timestamp) is left unset; a map keeps what it had under that key.
type InsertField struct {
	side     batch.Side
	fields   []insertion
	names    []string // of fields
	static   string
	offset   bool
	defaults bool
	schemas  schemaCache[hoisted]
	views    []batch.View // of the batch's topics, while a column is built
}

// insertion is a field to add; the order of Java's code is that of insertKind.
type insertion struct {
	kind   insertKind
	name   string
	schema *batch.Schema
}

type insertKind uint8

const (
	insertTopic insertKind = iota
	insertPartition
	insertOffset
	insertTimestamp
	insertStatic
)

const insertPurpose = "field insertion"

func newInsertField(v config.Values, side batch.Side) (Transform, error) {
	defaults, err := replaceNull(v)
	if err != nil {
		return nil, err
	}
	t := &InsertField{side: side, static: v.String("static.value"), defaults: defaults}
	for _, f := range []struct {
		key                string
		kind               insertKind
		optional, required *batch.Schema
	}{
		{"topic.field", insertTopic, batch.OptionalStringSchema, batch.StringSchema},
		{"partition.field", insertPartition, batch.OptionalInt32Schema, batch.Int32Schema},
		{"offset.field", insertOffset, batch.OptionalInt64Schema, batch.Int64Schema},
		{"timestamp.field", insertTimestamp, batch.TimestampSchema(true), batch.TimestampSchema(false)},
		{"static.field", insertStatic, batch.OptionalStringSchema, batch.StringSchema},
	} {
		if v.IsNull(f.key) {
			continue
		}
		in := insertion{kind: f.kind, name: v.String(f.key), schema: f.optional}
		if name, ok := strings.CutSuffix(in.name, "?"); ok {
			in.name = name
		} else if name, ok := strings.CutSuffix(in.name, "!"); ok {
			in.name, in.schema = name, f.required
		}
		t.fields, t.names = append(t.fields, in), append(t.names, in.name)
		t.offset = t.offset || f.kind == insertOffset
	}
	if len(t.fields) == 0 {
		return nil, config.Plain("", "No field insertion configured")
	}
	if !v.IsNull("static.field") && v.IsNull("static.value") {
		return nil, config.Invalid("static.value", nil,
			"No value specified for static field: org.apache.kafka.connect.transforms.InsertField$InsertionSpec@0")
	}
	return t, nil
}

// Apply adds the fields to every row that is not null: a column each.
func (t *InsertField) Apply(b *batch.Batch) error {
	b.OpenObjects(t.side)
	alignTables(b, t.side, copiedTable, t.names...)
	p := b.Side(t.side)
	for k := len(p.Variants) - 1; k >= 0; k-- {
		if p.Variants[k].Frozen || t.columns(b, p, k) {
			continue
		}
		b.Rewrite(p, k, func(row int, s *batch.Schema, x any) (*batch.Schema, any, bool) {
			s, x, err := t.row(b, row, s, x)
			if err != nil {
				b.Fail(row, batch.Transformation, err)
			}
			return s, x, err == nil
		})
	}
	return nil
}

func (t *InsertField) columns(b *batch.Batch, p *batch.Payload, k int) bool {
	switch root := p.Variants[k].Root; {
	case onlyNulls(root):
		return true
	case root.Kind == batch.KindObject:
		return t.object(b, &p.Variants[k])
	case root.Kind == batch.KindStruct:
		return !splitNulls(b, p, k) || t.structure(b, &p.Variants[k])
	}
	return false
}

func (t *InsertField) object(b *batch.Batch, v *batch.Variant) bool {
	if t.offset && len(b.Offset) == 0 {
		failRows(b, v, errNoSinkRecord)
		return true
	}
	copyInPlace(b, v.Root)
	for _, f := range t.fields {
		col := b.NewColumn(nil)
		t.fill(b, v, col, f.kind)
		putColumn(b, v.Root, f.name, col)
	}
	return true
}

var errNoSinkRecord = batch.DataFault("Only SinkRecord supported for [" + insertPurpose + "], found: org.apache.kafka.connect.source.SourceRecord")

// putColumn is Map.put for a column. Where it is missing, an older column under the name stays visible.
func putColumn(b *batch.Batch, root *batch.Vec, name string, col *batch.Vec) {
	old, _ := root.Kid(name)
	if col.Tags == nil && col.Tag == batch.TagMissing {
		return
	}
	if old != nil && col.Tags != nil {
		for i, tag := range col.Tags {
			switch {
			case tag != batch.TagMissing:
			case old.Kind == batch.KindDyn:
				col.Tags[i], col.W[i] = old.TagAt(i), old.Cell(i)
			default:
				col.Tags[i], col.W[i] = b.Tagged(b.Read(old, i))
			}
		}
	}
	root.SetKid(name, col)
}

func (t *InsertField) structure(b *batch.Batch, v *batch.Variant) bool {
	h := t.schemas.get(v.Schema, t.derive)
	if h.err != nil {
		failRows(b, v, h.err)
		return true
	}
	if !sound(v.Root, t.defaults) {
		return false
	}
	if t.offset && len(b.Offset) == 0 {
		failRows(b, v, errNoSinkRecord)
		return true
	}
	root := b.NewVec()
	root.Kind, root.Schema, root.N = batch.KindStruct, h.schema, v.Root.N
	for i, kid := range v.Root.Kids {
		if t.defaults {
			kid = filled(b, kid, v.Schema.Fields[i].Schema)
		}
		root.Kids = append(root.Kids, kid)
	}
	for _, f := range t.fields {
		col := b.NewColumn(f.schema)
		t.fill(b, v, col, f.kind)
		root.Kids = append(root.Kids, col)
	}
	v.Schema, v.Root = h.schema, root
	return true
}

// fill makes the column of a field: KindWords, or KindDyn with missing cells where the record has no such fact.
func (t *InsertField) fill(b *batch.Batch, v *batch.Variant, col *batch.Vec, kind insertKind) {
	n := v.Root.N
	switch kind {
	case insertTopic:
		if topic, same := b.Topics.Const(); same {
			constant(col, batch.TagString, uint64(b.Slab.AppendText(topic)), n)
			return
		}
		t.topics(b, v, col)
	case insertStatic:
		constant(col, batch.TagString, uint64(b.Slab.AppendText(t.static)), n)
	case insertPartition:
		if b.Partition == nil && b.Origin.Partition != batch.NoPartition {
			constant(col, batch.TagInt32, batch.IntCell(int64(b.Origin.Partition)), n)
			return
		}
		for pos := range n {
			part := b.PartitionAt(v.Row(pos))
			pushFact(col, batch.TagInt32, batch.IntCell(int64(part)), part != batch.NoPartition)
		}
	case insertOffset:
		numbers(v, col, b.Offset)
	case insertTimestamp:
		if len(b.Timestamp) == b.N && !slices.Contains(b.Timestamp, batch.NoTimestamp) {
			numbers(v, col, b.Timestamp)
			return
		}
		for pos := range n {
			ts := b.TimestampAt(v.Row(pos))
			pushFact(col, batch.TagInt64, batch.IntCell(ts), ts != batch.NoTimestamp)
		}
	}
}

// numbers makes a column of 64-bit facts that every row has.
func numbers(v *batch.Variant, col *batch.Vec, facts []int64) {
	n := v.Root.N
	col.N, col.Tag = n, batch.TagInt64
	if col.Kind == batch.KindWords {
		col.Tag = 0
	}
	w := slices.Grow(col.W[:0], n)[:n]
	if v.Rows == nil {
		for i := range w {
			w[i] = uint64(facts[i])
		}
	} else {
		for i, row := range v.Rows {
			w[i] = uint64(facts[row])
		}
	}
	col.W = w
}

func constant(col *batch.Vec, tag batch.Tag, cell uint64, n int) {
	col.Const, col.N = true, n
	col.W = append(col.W, cell)
	if col.Kind == batch.KindDyn {
		col.Tag = tag
	}
}

func pushFact(col *batch.Vec, tag batch.Tag, cell uint64, ok bool) {
	switch {
	case col.Kind == batch.KindWords && ok:
		col.Push(cell)
	case col.Kind == batch.KindWords:
		col.PushNull()
	case ok:
		col.PushTag(tag, cell)
	default:
		col.PushTag(batch.TagMissing, 0)
	}
}

// topics is the topic column of a batch whose rows go to several: each name is in the slab once.
func (t *InsertField) topics(b *batch.Batch, v *batch.Variant, col *batch.Vec) {
	t.views = t.views[:0]
	for range b.Topics.Names {
		t.views = append(t.views, batch.NullView)
	}
	for pos := range v.Root.N {
		id := b.Topics.IDs[v.Row(pos)]
		if t.views[id].IsNull() {
			t.views[id] = b.Slab.AppendText(b.Topics.Names[id])
		}
		pushFact(col, batch.TagString, uint64(t.views[id]), true)
	}
}

func (t *InsertField) derive(s *batch.Schema) hoisted {
	out := schemaBasics(s, batch.Struct)
	for _, f := range s.Fields {
		if err := addField(&out, f.Name, f.Schema); err != nil {
			return hoisted{err: err}
		}
	}
	for _, f := range t.fields {
		if err := addField(&out, f.name, f.schema); err != nil {
			return hoisted{err: err}
		}
	}
	return hoisted{schema: batch.NewSchema(out)}
}

func (t *InsertField) row(b *batch.Batch, row int, s *batch.Schema, x any) (*batch.Schema, any, error) {
	if x == nil {
		return s, nil, nil
	}
	if s == nil {
		m, err := requireMap(x, insertPurpose)
		if err != nil {
			return nil, nil, err
		}
		m = copyMap(m)
		return nil, m, t.facts(b, row, false, func(f insertion, x any) { m.Put(f.name, x) })
	}
	v, err := requireStruct(x, insertPurpose)
	if err != nil {
		return nil, nil, err
	}
	h := t.schemas.get(v.Schema, t.derive)
	if h.err != nil {
		return nil, nil, h.err
	}
	out := newStruct(h.schema)
	for _, f := range v.Schema.Fields {
		old, err := getField(v, f.Name, t.defaults)
		if err == nil {
			err = putField(out, f.Name, old)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return h.schema, out, t.facts(b, row, true, func(f insertion, x any) { out.Vals[h.schema.Field(f.name)] = x })
}

// facts gives put what is known of a row.
func (t *InsertField) facts(b *batch.Batch, row int, typed bool, put func(insertion, any)) error {
	for _, f := range t.fields {
		switch f.kind {
		case insertTopic:
			put(f, b.Topics.At(row))
		case insertPartition:
			if part := b.PartitionAt(row); part != batch.NoPartition {
				put(f, part)
			}
		case insertOffset:
			if len(b.Offset) == 0 {
				return errNoSinkRecord
			}
			put(f, b.Offset[row])
		case insertTimestamp:
			ts := b.TimestampAt(row)
			switch {
			case ts == batch.NoTimestamp:
			case typed:
				put(f, batch.Date(ts))
			default:
				put(f, ts)
			}
		case insertStatic:
			put(f, t.static)
		}
	}
	return nil
}
