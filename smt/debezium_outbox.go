// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/text"
)

// Outbox turns the change events of an outbox table into the messages that an application wrote there: one column
// becomes the value, others the key, the topic, headers. Deletes, updates and tombstones are dropped; what is no change
// event passes. See docs/transforms-debezium.md.
type Outbox struct {
	names         [2]outboxNames // as configured; those of Oracle
	placed        []placedField
	headersOnly   bool // no further column joins the payload
	version       string
	ignoreMissing bool
	fatal         bool // updates fail
	tombstones    bool // empty payloads become tombstones
	expand        *outboxJSON
	router        *RegexRouter
	after         ExtractField

	versions map[int64]hoisted
	wrappers []outboxWrapper
	plans    schemaCache[*[2]outboxPlan]
	topics   map[string]routed
	at       positions
	rows     []int32
	memo     []headerMemo
	keys     []keyRow
	cols     []outboxKeys
}

// outboxKeys is the key column of some rows.
type outboxKeys struct {
	schema *batch.Schema
	root   *batch.Vec
	rows   []int32 // nil: all of the batch
}

// outboxPlan says where the columns of an event's schema are.
type outboxPlan struct {
	slow              bool
	op, after, ts     int
	source, connector int // -1: none
	id, key, payload  int // in after
	time, route       int // time: -1 for ts
	divisor           int64
	placed            []int // -1: left out
}

// UsesHeaders reports that headers are written as values.
func (t *Outbox) UsesHeaders() bool { return true }

// Apply makes messages of the live rows that are events.
func (t *Outbox) Apply(b *batch.Batch) error {
	t.keys, t.cols = t.keys[:0], t.cols[:0]
	p := &b.Value
	t.nameWrappers(b, p)
	for k := len(p.Variants) - 1; k >= 0; k-- {
		v := &p.Variants[k]
		if v.Frozen {
			continue
		}
		b.Resolve(v.Root)
		dropNulls(b, v)
		if !isEnvelope(v.Schema) || !splitNulls(b, p, k) || t.columns(b, p, k) {
			continue
		}
		b.Rewrite(p, k, func(row int, s *batch.Schema, x any) (*batch.Schema, any, bool) {
			s, x, ok, err := t.row(b, row, s, x)
			switch {
			case err != nil:
				b.Fail(row, batch.Transformation, err)
			case !ok:
				b.Drop(row)
			}
			return s, x, ok && err == nil
		})
	}
	t.placeKeys(b)
	clear(t.keys)
	clear(t.cols)
	return nil
}

// dropNulls drops the live rows of a variant that have no value.
func dropNulls(b *batch.Batch, v *batch.Variant) {
	if v.Root.Kind != batch.KindDyn && v.Root.Valid == nil {
		return
	}
	for pos := range v.Root.N {
		if row := v.Row(pos); v.Root.IsNull(pos) && !b.IsDead(row) {
			b.Drop(row)
		}
	}
}

func (t *Outbox) plan(s *batch.Schema) *[2]outboxPlan {
	return &[2]outboxPlan{t.planFor(s, &t.names[0]), t.planFor(s, &t.names[1])}
}

func (t *Outbox) planFor(s *batch.Schema, names *outboxNames) outboxPlan {
	slow := outboxPlan{slow: true}
	p := outboxPlan{op: s.Field(envelopeOp), after: s.Field(envelopeAfter), ts: s.Field("ts_ms"), source: s.Field("source"), connector: -1, time: -1}
	if p.op < 0 || p.after < 0 || t.expand != nil || t.version != "" && !t.headersOnly || names.key == "" ||
		!plainType(s.Fields[p.op].Schema, batch.String) {
		return slow
	}
	if p.source >= 0 && s.Fields[p.source].Schema.Type == batch.Struct {
		p.connector = s.Fields[p.source].Schema.Field("connector")
	}
	if p.connector >= 0 && s.Fields[p.source].Schema.Fields[p.connector].Schema.Type != batch.String {
		p.connector = -1
	}
	row := s.Fields[p.after].Schema
	if row.Type != batch.Struct || row.HasDefault {
		return slow
	}
	if p.id, p.key, p.payload, p.route = row.Field(names.id), row.Field(names.key), row.Field(names.payload), row.Field(names.route); p.id < 0 ||
		p.key < 0 || p.payload < 0 || p.route < 0 || !plainType(row.Fields[p.route].Schema, batch.String) {
		return slow
	}
	if names.timestamp != "" {
		if p.time = row.Field(names.timestamp); p.time < 0 || row.Fields[p.time].Schema.Type != batch.Int64 {
			return slow
		}
		if p.divisor = timeDivisor(row.Fields[p.time].Schema); p.divisor == 0 {
			return slow
		}
	}
	if p.ts < 0 || !plainType(s.Fields[p.ts].Schema, batch.Int64) {
		return slow
	}
	for _, f := range t.placed {
		i := row.Field(f.field)
		if i < 0 && !t.ignoreMissing || i >= 0 && f.to == toPartition && !plainType(row.Fields[i].Schema, batch.Int32) {
			return slow
		}
		p.placed = append(p.placed, i)
	}
	return p
}

// plainType reports a schema of a type whose cells are that type's: no logical type.
func plainType(s *batch.Schema, t batch.Type) bool {
	return s.Type == t && s.Logical() == batch.NotLogical
}

// columns makes the messages of a variant without nulls as a whole; false means that nothing was done.
func (t *Outbox) columns(b *batch.Batch, p *batch.Payload, k int) bool {
	v := p.Variants[k]
	if v.Root.Kind != batch.KindStruct {
		return false
	}
	plans := t.plans.get(v.Schema, t.plan)
	plan := &plans[0]
	if t.oracle(b, &v, plan) {
		plan = &plans[1]
	}
	if plan.slow || !t.classify(b, &v, plan) {
		return false
	}
	value, keys, ok := t.build(b, &v, plan)
	if !ok {
		return false
	}
	t.drop(b, &v, plan)
	if len(t.rows) > 0 {
		t.facts(b, &v, plan)
	}
	t.placeValues(b, p, k, plan, value)
	if keys != nil {
		rows := t.rows
		if t.at.all && v.Rows == nil {
			rows = nil
		} else {
			rows = slices.Clone(rows)
		}
		t.cols = append(t.cols, outboxKeys{schema: keys.Schema, root: keys, rows: rows})
	}
	return true
}

// oracle reports events of Oracle: the first live row speaks for all, which come from one connector.
func (t *Outbox) oracle(b *batch.Batch, v *batch.Variant, plan *outboxPlan) bool {
	if plan.slow || plan.connector < 0 {
		return false
	}
	source := v.Root.Kids[plan.source]
	if source.Kind != batch.KindStruct || source.Kids[plan.connector].Kind != batch.KindWords {
		return false
	}
	for pos := range v.Root.N {
		if !b.IsDead(v.Row(pos)) {
			col := source.Kids[plan.connector]
			return !source.IsNull(pos) && !col.IsNull(pos) && string(b.Slab.Bytes(col.View(pos))) == "oracle"
		}
	}
	return false
}

// classify finds the rows that become messages; false where a row is an error that the slow path words.
func (t *Outbox) classify(b *batch.Batch, v *batch.Variant, plan *outboxPlan) bool {
	after, op := v.Root.Kids[plan.after], v.Root.Kids[plan.op]
	if after.Kind != batch.KindStruct || op.Kind != batch.KindWords || v.Root.Kids[plan.ts].Kind != batch.KindWords {
		return false
	}
	for i, kid := range after.Kids {
		if kid.Kind == batch.KindDyn || after.Schema.Fields[i].Schema.HasDefault && !kid.Schema.Type.Primitive() {
			return false
		}
	}
	route := after.Kids[plan.route]
	t.at.list, t.rows = t.at.list[:0], t.rows[:0]
	for pos := range v.Root.N {
		row := v.Row(pos)
		if b.IsDead(row) {
			continue
		}
		if op.IsNull(pos) {
			return false
		}
		if code := b.Slab.Bytes(op.View(pos)); len(code) == 1 && (code[0] == 'd' || code[0] == 'u') {
			continue
		}
		if after.IsNull(pos) || route.IsNull(pos) {
			return false
		}
		t.at.list, t.rows = append(t.at.list, int32(pos)), append(t.rows, int32(row))
	}
	t.at.all = len(t.at.list) == v.Root.N
	return true
}

// build makes the columns of values and keys; false where a value would be refused.
func (t *Outbox) build(b *batch.Batch, v *batch.Variant, plan *outboxPlan) (value, keys *batch.Vec, ok bool) {
	if len(t.rows) == 0 {
		return nil, nil, true
	}
	after := v.Root.Kids[plan.after]
	pick := func(i int) *batch.Vec {
		s := after.Schema.Fields[i].Schema
		col := after.Kids[i]
		if t.at.all {
			col = b.Clone(col) // columns go several ways
		} else {
			col = t.at.pick(b, col)
		}
		return filled(b, col, s)
	}
	for i, f := range t.placed {
		at := plan.placed[i]
		if at >= 0 && f.to == toHeader && !headable(after.Kids[at], after.Valid) {
			return nil, nil, false
		}
	}
	if !headable(after.Kids[plan.id], after.Valid) {
		return nil, nil, false
	}
	keys = pick(plan.key)
	value = pick(plan.payload)
	if t.headersOnly {
		return value, keys, true
	}
	route := after.Kids[plan.route]
	h := t.wrapper(value.Schema, after.Schema, noVersion, string(b.Slab.Bytes(route.View(int(t.at.list[0])))))
	if h.err != nil {
		return nil, nil, false
	}
	root := b.NewVec()
	root.Kind, root.Schema, root.N = batch.KindStruct, h.schema, value.N
	root.Kids = append(root.Kids, value)
	for i, f := range t.placed {
		if f.to != toEnvelope || plan.placed[i] < 0 {
			continue
		}
		root.Kids = append(root.Kids, pick(plan.placed[i]))
	}
	if len(root.Kids) != len(h.schema.Fields) || !sound(root, false) {
		return nil, nil, false
	}
	for i, kid := range root.Kids {
		if s := h.schema.Fields[i].Schema; s != kid.Schema && !s.Equal(kid.Schema) {
			return nil, nil, false
		}
	}
	return root, keys, true
}

// headable reports a column whose values are headers without a doubt.
func headable(col *batch.Vec, parent batch.Bitmap) bool {
	return col.Kind == batch.KindWords && (col.Schema.Optional || col.Schema.HasDefault || !hasNulls(col, parent))
}

// drop drops the rows that become no message; updates fail if they should.
func (t *Outbox) drop(b *batch.Batch, v *batch.Variant, plan *outboxPlan) {
	if t.at.all {
		return
	}
	op, next := v.Root.Kids[plan.op], 0
	for pos := range v.Root.N {
		if next < len(t.at.list) && int(t.at.list[next]) == pos {
			next++
			continue
		}
		row := v.Row(pos)
		switch {
		case b.IsDead(row):
		case t.fatal && string(b.Slab.Bytes(op.View(pos))) == "u":
			b.Fail(row, batch.Transformation, t.updateFault(b, row))
		default:
			b.Drop(row)
		}
	}
}

// facts gives the messages their headers, topics, timestamps and partitions.
func (t *Outbox) facts(b *batch.Batch, v *batch.Variant, plan *outboxPlan) {
	after := v.Root.Kids[plan.after]
	ts := v.Root.Kids[plan.ts]
	var fresh []batch.Header
	if len(t.memo) < len(t.placed)+1 {
		t.memo = make([]headerMemo, len(t.placed)+1)
	}
	for i := range t.memo {
		t.memo[i].x = nil
	}
	for i, pos := range t.at.list {
		row, pos := int(t.rows[i]), int(pos)
		if err := t.topic(b, row, after.Kids[plan.route], pos); err != nil {
			b.Fail(row, batch.Transformation, err)
			continue
		}
		hs := roomFor(b.Headers.Of(row), &fresh, i, len(t.at.list), len(t.placed)+1)
		hs = append(hs, t.header(b, 0, "id", after.Schema.Fields[plan.id].Schema, after.Kids[plan.id], pos))
		partition := batch.NoPartition
		for j, f := range t.placed {
			at := plan.placed[j]
			switch {
			case at < 0:
			case f.to == toHeader:
				hs = append(hs, t.header(b, j+1, f.alias, after.Schema.Fields[at].Schema, after.Kids[at], pos))
			case f.to == toPartition:
				if partition = batch.NoPartition; !after.Kids[at].IsNull(pos) {
					partition = int32(after.Kids[at].Cell(pos))
				}
			}
		}
		b.Headers.Set(row, b.N, hs)
		t.setPartition(b, row, partition)
		at := batch.NoTimestamp
		switch {
		case plan.time >= 0 && !after.Kids[plan.time].IsNull(pos):
			at = batch.Int(after.Kids[plan.time].Cell(pos)) / plan.divisor
		case !ts.IsNull(pos):
			at = batch.Int(ts.Cell(pos))
		}
		t.setTimestamp(b, row, at)
	}
}

func (t *Outbox) header(b *batch.Batch, memo int, key string, s *batch.Schema, col *batch.Vec, pos int) batch.Header {
	h := batch.Header{Key: key, Schema: s, Decoded: true, Raw: batch.NullView}
	if !col.IsNull(pos) {
		h.Value = t.memo[memo].read(b, col, pos)
	} else if s.HasDefault {
		h.Value = s.Default
	}
	return h
}

// topic routes one row, asking the expression once per value.
func (t *Outbox) topic(b *batch.Batch, row int, col *batch.Vec, pos int) error {
	raw := b.Slab.Bytes(col.View(pos))
	r, ok := t.topics[string(raw)]
	if !ok {
		r.topic, r.err = t.router.route(string(raw))
		if t.topics == nil || len(t.topics) >= maxTopicsSeen {
			t.topics = map[string]routed{}
		}
		t.topics[string(raw)] = r
	}
	if r.err == nil {
		b.Topics.Put(row, b.N, r.topic)
	}
	return r.err
}

// placeValues puts the values in the place of variant k; rows without message, and tombstones, share a null.
func (t *Outbox) placeValues(b *batch.Batch, p *batch.Payload, k int, plan *outboxPlan, value *batch.Vec) {
	old := p.Variants[k]
	var kept []int32
	if value != nil && t.tombstones {
		kept = t.filledRows(b, old.Root.Kids[plan.after].Kids[plan.payload])
		if len(kept) < value.N {
			value = b.Gather(value, kept)
		}
	}
	if value != nil && value.N == old.Root.N {
		p.Variants[k].Schema, p.Variants[k].Root = value.Schema, value
		return
	}
	at, next := -1, 0
	if value != nil && value.N > 0 {
		at = p.Add(value.Schema, value)
	}
	all := kept == nil
	for pos := range old.Root.N {
		row := old.Row(pos)
		if next < len(t.at.list) && int(t.at.list[next]) == pos {
			i := next
			next++
			if all || len(kept) > 0 && int(kept[0]) == i {
				p.Assign(at, row)
				if !all {
					kept = kept[1:]
				}
				continue
			}
		}
		b.AssignNull(p, row)
	}
	replaceVariant(b, p, k)
}

// filledRows lists the messages, by their place among t.at, whose payload is not empty. It is never nil.
func (t *Outbox) filledRows(b *batch.Batch, payload *batch.Vec) []int32 {
	kept := make([]int32, 0, len(t.at.list))
	s := payload.Schema
	byDefault := s.HasDefault && !emptyPayload(s.Default)
	for i, pos := range t.at.list {
		switch {
		case payload.IsNull(int(pos)):
			if !byDefault {
				continue
			}
		case plainType(s, batch.String) && text.Trim(string(b.Slab.Bytes(payload.View(int(pos))))) == "":
			continue
		}
		kept = append(kept, int32(i))
	}
	return kept
}

// placeKeys gives the messages their keys; other rows keep theirs.
func (t *Outbox) placeKeys(b *batch.Batch) {
	if len(t.keys) == 0 && len(t.cols) == 0 {
		return
	}
	p := &b.Key
	if len(t.keys) == 0 && len(t.cols) == 1 && t.cols[0].rows == nil {
		p.Set(t.cols[0].schema, t.cols[0].root)
		return
	}
	stay := batch.MakeBitmap(nil, b.N, true)
	for _, c := range t.cols {
		for _, row := range c.rows {
			stay.Clear(int(row))
		}
	}
	for _, k := range t.keys {
		stay.Clear(k.row)
	}
	t.clearKeys(b, p, stay)
	for _, c := range t.cols {
		at := p.Add(c.schema, c.root)
		for _, row := range c.rows {
			p.Assign(at, int(row))
		}
	}
	p.Which, p.Index = nil, nil
	slices.SortFunc(t.keys, func(x, y keyRow) int { return x.row - y.row })
	w := batch.NewBuilder(b, batch.Key)
	for _, k := range t.keys {
		w.Add(k.row, k.schema, k.key)
	}
	w.Done()
}

// clearKeys takes the rows that do not stay out of the variants of the keys, leaving empty ones for Seal to drop.
func (t *Outbox) clearKeys(b *batch.Batch, p *batch.Payload, stay batch.Bitmap) {
	for k := len(p.Variants) - 1; k >= 0; k-- {
		v := &p.Variants[k]
		keep := batch.MakeBitmap(nil, v.Root.N, false)
		n := 0
		for pos := range v.Root.N {
			if stay.Get(v.Row(pos)) {
				keep.Set(pos)
				n++
			}
		}
		switch n {
		case v.Root.N:
		case 0:
			v.Rows = v.Rows[:0]
		default:
			gone := b.Split(p, k, keep)
			p.Variants[gone].Rows = p.Variants[gone].Rows[:0]
		}
	}
}
