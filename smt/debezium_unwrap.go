// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
)

// deletedField tells rewritten deletes ("true") from other rows ("false").
const deletedField = "__deleted"

// Unwrap takes the row out of change events: the struct after becomes the value, its columns move as they are. Deletes
// become a null, a tombstone, or the old row. Fields of the event may follow it as fields or headers. What is no change
// event passes, except tombstones. See docs/transforms-debezium.md.
type Unwrap struct {
	deletes        onDelete
	keepTombstones bool
	fill           bool
	fields         []envelopeRef
	headers        []envelopeRef
	route          string // field whose value becomes the topic, "" for none
	dropHeader     string // header with the names of fields to leave out, "" for none
	dropFromKey    bool
	dropOptional   bool // only optional fields may be left out

	after, before ExtractField
	plans         schemaCache[*unwrapPlan]
	marked        schemaCache[hoisted] // schemas with __deleted
	added         schemaCache[map[*batch.Schema]hoisted]
	drops         map[string]*ReplaceField
	topics        textMemo
	memo          []headerMemo
	up, down      positions
	keys          []keyRow // keys that lost fields
}

// unwrapPlan is what becomes of the events of one schema.
type unwrapPlan struct {
	slow          bool // only the slow path knows, errors included
	before, after int
	up, down      *batch.Schema // of rows made of after and of before
	upRoute       int           // field of after that names the topic, -1: none
	downRoute     int
	fields        []boundRef
	clone         []bool // the column of fields[i] serves twice
	headers       []boundRef
}

// headerMemo is the last value of a header: most rows repeat it.
type headerMemo struct {
	text []byte
	cell uint64
	x    any
}

// UsesHeaders reports whether headers are added or looked at.
func (t *Unwrap) UsesHeaders() bool { return len(t.headers) > 0 || t.dropHeader != "" }

// Apply unwraps the live rows of b.
func (t *Unwrap) Apply(b *batch.Batch) error {
	t.keys = t.keys[:0]
	p := &b.Value
	for k := len(p.Variants) - 1; k >= 0; k-- {
		v := &p.Variants[k]
		if v.Frozen {
			continue
		}
		b.Resolve(v.Root)
		t.tombstones(b, v)
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
	replaceKeys(b, t.keys)
	clear(t.keys)
	return nil
}

// tombstones drops the rows without value, or gives them the header of a delete.
func (t *Unwrap) tombstones(b *batch.Batch, v *batch.Variant) {
	root := v.Root
	if root.Kind != batch.KindDyn && root.Valid == nil {
		return
	}
	for pos := range root.N {
		row := v.Row(pos)
		if !root.IsNull(pos) || b.IsDead(row) {
			continue
		}
		if !t.keepTombstones {
			b.Drop(row)
			continue
		}
		for _, r := range t.headers {
			if r.field == envelopeOp {
				addHeader(b, row, r.name, batch.StringSchema, "d")
			}
		}
	}
}

func addHeader(b *batch.Batch, row int, key string, s *batch.Schema, x any) {
	hs := slices.Clip(b.Headers.Of(row))
	b.Headers.Set(row, b.N, append(hs, batch.Header{Key: key, Schema: s, Value: x, Decoded: true, Raw: batch.NullView}))
}

func (t *Unwrap) plan(s *batch.Schema) *unwrapPlan {
	slow := &unwrapPlan{slow: true}
	p := &unwrapPlan{before: s.Field(envelopeBefore), after: s.Field(envelopeAfter), upRoute: -1, downRoute: -1}
	op := s.Field(envelopeOp)
	if s.Type != batch.Struct || p.before < 0 || p.after < 0 || op < 0 || s.Fields[op].Schema.Type != batch.String {
		return slow
	}
	before, after := s.Fields[p.before].Schema, s.Fields[p.after].Schema
	if before.Type != batch.Struct || after.Type != batch.Struct || before.HasDefault || after.HasDefault {
		return slow
	}
	var err error
	if p.headers, err = bindAll(t.headers, s); err != nil {
		return slow
	}
	if p.fields, err = bindAll(t.fields, s); err != nil {
		return slow
	}
	if p.up, err = t.shape(s, after); err != nil {
		return slow
	}
	if p.down, err = t.shape(s, before); err != nil {
		return slow
	}
	if t.route != "" {
		p.upRoute, p.downRoute = after.Field(t.route), before.Field(t.route)
		if p.upRoute < 0 || p.downRoute < 0 || after.Fields[p.upRoute].Schema.Type != batch.String ||
			before.Fields[p.downRoute].Schema.Type != batch.String || values.LogicalName(after.Fields[p.upRoute].Schema) != batch.NotLogical {
			return slow
		}
	}
	for i, r := range p.fields {
		if !r.schema.Type.Primitive() && r.schema.Type != batch.Array {
			return slow
		}
		twice := r.parent == p.before || r.parent == p.after || r.parent < 0 && (r.field == p.before || r.field == p.after)
		for _, o := range p.fields[:i] {
			twice = twice || o.parent == r.parent && o.field == r.field && o.root == r.root || r.root || o.root
		}
		p.clone = append(p.clone, twice)
	}
	return p
}

// shape is the schema of a row: with __deleted when rows are rewritten, with the added fields, and no longer optional.
func (t *Unwrap) shape(event, row *batch.Schema) (*batch.Schema, error) {
	if t.deletes == deleteRewrite {
		h := t.marked.get(row, markDeleted)
		if h.err != nil {
			return nil, h.err
		}
		row = h.schema
	}
	h := t.extended(event, row)
	return h.schema, h.err
}

// extended is the schema of a row with the fields of its event, made once for each pair of schemas.
func (t *Unwrap) extended(event, row *batch.Schema) hoisted {
	inner := t.added.get(event, func(*batch.Schema) map[*batch.Schema]hoisted { return map[*batch.Schema]hoisted{} })
	h, ok := inner[row]
	if !ok {
		if len(inner) >= maxSchemas {
			clear(inner)
		}
		h = t.addFields(event, row)
		inner[row] = h
	}
	return h
}

func markDeleted(s *batch.Schema) hoisted {
	out := schemaBasics(s, batch.Struct)
	out.Fields = slices.Clone(s.Fields)
	if err := addField(&out, deletedField, batch.OptionalStringSchema); err != nil {
		return hoisted{err: err}
	}
	return hoisted{schema: batch.NewSchema(out)}
}

func (t *Unwrap) addFields(event, row *batch.Schema) hoisted {
	refs, err := bindAll(t.fields, event)
	if err != nil {
		return hoisted{err: err}
	}
	out := schemaBasics(row, batch.Struct)
	out.Fields = slices.Clone(row.Fields)
	for _, r := range refs {
		if err := addField(&out, r.name, r.schema); err != nil {
			return hoisted{err: err}
		}
	}
	return hoisted{schema: batch.NewSchema(out)}
}

// columns unwraps a variant without nulls as a whole; false means that nothing was done.
func (t *Unwrap) columns(b *batch.Batch, p *batch.Payload, k int) bool {
	v := p.Variants[k]
	if v.Root.Kind != batch.KindStruct {
		return false
	}
	plan := t.plans.get(v.Schema, t.plan)
	if plan.slow || t.dropsFields(b, &v) {
		return false
	}
	before, after := v.Root.Kids[plan.before], v.Root.Kids[plan.after]
	if before.Kind != batch.KindStruct || after.Kind != batch.KindStruct || !t.readable(plan, v.Root) {
		return false
	}
	t.classify(before, after)
	var up, down *batch.Vec
	if t.up.all || len(t.up.list) > 0 {
		if up = t.build(b, &v, plan, &t.up, after, plan.up, "false"); up == nil {
			return false
		}
	}
	if len(t.down.list) > 0 && t.deletes == deleteRewrite {
		if down = t.build(b, &v, plan, &t.down, before, plan.down, "true"); down == nil {
			return false
		}
	}
	if len(t.down.list) > 0 && t.deletes == deleteToNull {
		down = t.down.pick(b, after)
	}
	t.fate(b, &v, before, after)
	t.addHeaders(b, &v, plan)
	t.routeRows(b, &v, plan, before, up)
	if t.up.all {
		p.Variants[k].Schema, p.Variants[k].Root = plan.up, up
		return true
	}
	t.place(b, p, k, plan, up, down)
	return true
}

// readable reports that every column that plan reads has its usual form.
func (t *Unwrap) readable(plan *unwrapPlan, root *batch.Vec) bool {
	for _, refs := range [2][]boundRef{plan.fields, plan.headers} {
		for i := range refs {
			if col, _ := refs[i].column(root); col == nil || col.Kind == batch.KindDyn {
				return false
			}
		}
	}
	return true
}

// classify sorts the positions: rows with an after, and those that have only a before. The rest, truncates, is in neither.
func (t *Unwrap) classify(before, after *batch.Vec) {
	t.up.list, t.down.list, t.up.all = t.up.list[:0], t.down.list[:0], false
	if !hasNulls(after, nil) {
		t.up.all = true
		return
	}
	for pos := range after.N {
		switch {
		case !after.IsNull(pos):
			t.up.list = append(t.up.list, int32(pos))
		case !before.IsNull(pos):
			t.down.list = append(t.down.list, int32(pos))
		}
	}
}

// build makes the rows of src at some positions; nil when a value would be refused, which the slow path knows to word.
func (t *Unwrap) build(b *batch.Batch, v *batch.Variant, plan *unwrapPlan, at *positions, src *batch.Vec, s *batch.Schema, deleted string) *batch.Vec {
	rewrite := t.deletes == deleteRewrite
	src = at.pick(b, src)
	if !sound(src, rewrite && t.fill) {
		return nil
	}
	root := b.NewVec()
	root.Kind, root.Schema, root.N = batch.KindStruct, s, src.N
	for _, kid := range src.Kids {
		if rewrite && t.fill {
			kid = filled(b, kid, kid.Schema)
		}
		root.Kids = append(root.Kids, kid)
	}
	if rewrite {
		root.Kids = append(root.Kids, b.NewConst(batch.OptionalStringSchema, uint64(b.Slab.AppendText(deleted)), src.N))
	}
	for i := range plan.fields {
		r := &plan.fields[i]
		col, outer := r.column(v.Root)
		if plan.clone[i] && at.all {
			col = b.Clone(col)
		}
		col = at.pick(b, col)
		at.nullOutside(col, outer)
		col.Schema = r.schema
		root.Kids = append(root.Kids, col)
	}
	return root
}

// fate drops the rows that do not go on.
func (t *Unwrap) fate(b *batch.Batch, v *batch.Variant, before, after *batch.Vec) {
	if t.up.all || len(t.up.list)+len(t.down.list) == after.N && t.deletes != deleteDrop {
		return
	}
	for pos := range after.N {
		if after.IsNull(pos) && (t.deletes == deleteDrop || before.IsNull(pos)) {
			b.Drop(v.Row(pos))
		}
	}
}

// addHeaders gives the live rows their headers, out of one array where they had none.
func (t *Unwrap) addHeaders(b *batch.Batch, v *batch.Variant, plan *unwrapPlan) {
	if len(plan.headers) == 0 {
		return
	}
	var fresh []batch.Header
	if len(t.memo) < len(plan.headers) {
		t.memo = make([]headerMemo, len(plan.headers))
	}
	for i := range t.memo {
		t.memo[i].x = nil
	}
	for pos := range v.Root.N {
		row := v.Row(pos)
		if b.IsDead(row) {
			continue
		}
		hs := roomFor(b.Headers.Of(row), &fresh, pos, v.Root.N, len(plan.headers))
		for i := range plan.headers {
			r := &plan.headers[i]
			h := batch.Header{Key: r.name, Schema: r.schema, Decoded: true, Raw: batch.NullView}
			if col, outer := r.column(v.Root); (outer == nil || !outer.IsNull(pos)) && !col.IsNull(pos) {
				h.Value = t.memo[i].read(b, col, pos)
			}
			hs = append(hs, h)
		}
		b.Headers.Set(row, b.N, hs)
	}
}

// read is b.Read, remembering the last value of plain columns: they are shared, and never written to.
func (m *headerMemo) read(b *batch.Batch, col *batch.Vec, pos int) any {
	if col.Kind != batch.KindWords {
		return b.Read(col, pos)
	}
	cell := col.Cell(pos)
	if col.Schema.Type != batch.String {
		if m.x == nil || m.cell != cell {
			m.x, m.cell = b.Read(col, pos), cell
		}
		return m.x
	}
	if raw := b.Slab.Bytes(batch.View(cell)); m.x == nil || string(m.text) != string(raw) {
		m.text = append(m.text[:0], raw...)
		m.x = string(raw)
	}
	return m.x
}

// routeRows names the topics after a field of the row.
func (t *Unwrap) routeRows(b *batch.Batch, v *batch.Variant, plan *unwrapPlan, before, up *batch.Vec) {
	if plan.upRoute < 0 {
		return
	}
	put := func(col *batch.Vec, i, row int) {
		if b.IsDead(row) || col.IsNull(i) {
			return
		}
		if name := t.topics.get(b.Slab.Bytes(col.View(i))); text.Trim(name) != "" {
			b.Topics.Put(row, b.N, name)
		}
	}
	switch {
	case t.up.all:
		for pos := range v.Root.N {
			put(up.Kids[plan.upRoute], pos, v.Row(pos))
		}
	default:
		for i, pos := range t.up.list {
			put(up.Kids[plan.upRoute], i, v.Row(int(pos)))
		}
		for _, pos := range t.down.list {
			put(before.Kids[plan.downRoute], int(pos), v.Row(int(pos)))
		}
	}
}

// place puts the new columns in the place of variant k. Rows without value share a variant.
func (t *Unwrap) place(b *batch.Batch, p *batch.Payload, k int, plan *unwrapPlan, up, down *batch.Vec) {
	old := p.Variants[k]
	if up != nil {
		at := p.Add(plan.up, up)
		for _, pos := range t.up.list {
			p.Assign(at, old.Row(int(pos)))
		}
	}
	if down != nil {
		s := plan.down
		if t.deletes == deleteToNull {
			s = down.Schema
		}
		at := p.Add(s, down)
		for _, pos := range t.down.list {
			p.Assign(at, old.Row(int(pos)))
		}
	}
	root := old.Root
	for pos := range root.N {
		if root.Kids[plan.after].IsNull(pos) && (down == nil || root.Kids[plan.before].IsNull(pos)) {
			b.AssignNull(p, old.Row(pos))
		}
	}
	replaceVariant(b, p, k)
}
