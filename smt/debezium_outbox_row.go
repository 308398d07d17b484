// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
)

// illegalState is the class of the error that an update of the outbox table is, if it is fatal.
const illegalState = "java.lang.IllegalStateException"

func (t *Outbox) updateFault(b *batch.Batch, row int) error {
	_, key := b.ValueAt(batch.Key, row)
	return batch.NewFault(illegalState, "Unexpected update message received "+values.String(key)+", fail.")
}

// outboxEvent is one event while its record is made.
type outboxEvent struct {
	v, after *batch.StructValue
	names    *outboxNames
	schema   *batch.Schema // of the payload
	payload  any
	wrapped  *batch.StructValue // nil: the payload goes alone
	ts       int64
	headers  []batch.Header
}

// row makes the record of one event: the exact meaning, for shapes that have no kernel. ok is false where it is dropped.
func (t *Outbox) row(b *batch.Batch, row int, s *batch.Schema, x any) (out *batch.Schema, y any, ok bool, err error) {
	e, update, err := t.event(s, x)
	switch {
	case err != nil:
		return nil, nil, false, err
	case update && t.fatal:
		return nil, nil, false, t.updateFault(b, row)
	case e == nil:
		return nil, nil, false, nil
	}
	e.headers = slices.Clip(b.Headers.Of(row))
	if err = t.open(e); err == nil {
		out, y, err = t.emit(b, row, e)
	}
	return out, y, err == nil, err
}

// event finds the row of the outbox table in an event that is not to be dropped.
func (t *Outbox) event(s *batch.Schema, x any) (e *outboxEvent, update bool, err error) {
	v, err := requireStruct(x, "Detect Debezium Operation")
	if err != nil {
		return nil, false, err
	}
	op, null, err := structText(v, envelopeOp)
	switch {
	case err != nil:
		return nil, false, err
	case null:
		return nil, false, batch.NewFault(batch.NullPointerException, `Cannot invoke "String.equals(Object)" because "op" is null`)
	case op == "d", op == "u":
		return nil, op == "u", nil
	}
	_, a, err := t.after.row(s, x)
	if err != nil {
		return nil, false, err
	}
	e = &outboxEvent{v: v, names: &t.names[0]}
	if e.after, err = requireStruct(a, "Read Outbox Event"); err != nil {
		return nil, false, err
	}
	if connectorOf(v) == "oracle" {
		e.names = &t.names[1]
	}
	return e, false, nil
}

// connectorOf is the kind of connector that an event comes from.
func connectorOf(v *batch.StructValue) string {
	i := v.Schema.Field("source")
	if i < 0 {
		return ""
	}
	source, ok := v.Vals[i].(*batch.StructValue)
	if !ok {
		return ""
	}
	if i = source.Schema.Field("connector"); i < 0 {
		return ""
	}
	name, _ := source.Vals[i].(string)
	return name
}

// open reads the payload, the timestamp and the id of an event, and starts the struct around the payload.
func (t *Outbox) open(e *outboxEvent) error {
	i := e.after.Schema.Field(e.names.payload)
	if i < 0 {
		return batch.NewFault(batch.ConnectException, "Unable to find payload field "+e.names.payload+" in event")
	}
	e.schema = e.after.Schema.Fields[i].Schema
	var err error
	if e.ts, err = t.rowTimestamp(e); err != nil {
		return err
	}
	id, err := getField(e.after, e.names.id, true)
	if err != nil {
		return err
	}
	e.payload = e.after.Get(e.names.payload)
	if err := e.addHeader("id", id, e.after.Schema.Fields[e.after.Schema.Field(e.names.id)].Schema); err != nil {
		return err
	}
	if text, ok := e.payload.(string); ok && t.expand != nil {
		e.schema, e.payload = t.expand.convert(e.names.payload, text, e.schema)
	}
	if !t.headersOnly {
		e.wrapped, err = t.wrap(e)
	}
	return err
}

// emit makes the record of an event that was opened.
func (t *Outbox) emit(b *batch.Batch, row int, e *outboxEvent) (*batch.Schema, any, error) {
	partition, err := t.place(e)
	if err != nil {
		return nil, nil, err
	}
	s, y := e.schema, e.payload
	if e.wrapped != nil {
		s, y = e.wrapped.Schema, e.wrapped
	}
	if t.tombstones && emptyPayload(e.payload) {
		s, y = nil, nil
	}
	if err := t.rowKeyAndTopic(b, row, e); err != nil {
		return nil, nil, err
	}
	b.Headers.Set(row, b.N, e.headers)
	t.setTimestamp(b, row, e.ts)
	t.setPartition(b, row, partition)
	return s, y, nil
}

// nameWrappers makes the schemas of wrapping structs in the order of the rows, as the first event of each names it. One
// variant alone is worked on in that order anyway.
func (t *Outbox) nameWrappers(b *batch.Batch, p *batch.Payload) {
	if t.headersOnly || len(p.Variants) < 2 {
		return
	}
	var rows []int
	for k := range p.Variants {
		v := &p.Variants[k]
		if v.Frozen || !isEnvelope(v.Schema) {
			continue
		}
		for pos := range v.Root.N {
			if row := v.Row(pos); !b.IsDead(row) && t.opens(v.Schema, b.Read(v.Root, pos)) {
				rows = append(rows, row)
				if t.version == "" {
					break
				}
			}
		}
	}
	slices.Sort(rows)
	for _, row := range rows {
		s, x := b.ValueAt(batch.Value, row)
		if e, _, err := t.event(s, x); err == nil && e != nil {
			_ = t.open(e) // the error comes up again when the row's turn comes
		}
	}
}

// opens reports an event that names a wrapping struct if it is the first. Nothing is remembered.
func (t *Outbox) opens(s *batch.Schema, x any) bool {
	e, _, err := t.event(s, x)
	if err != nil || e == nil {
		return false
	}
	dry := *t
	dry.headersOnly, dry.expand = true, nil
	if dry.open(e) != nil {
		return false
	}
	_, _, err = structText(e.after, e.names.route)
	return err == nil
}

func (e *outboxEvent) addHeader(key string, x any, s *batch.Schema) error {
	if err := headerFault(s, x); err != nil {
		return err
	}
	e.headers = append(e.headers, batch.Header{Key: key, Schema: s, Value: x, Decoded: true, Raw: batch.NullView})
	return nil
}

// emptyPayload reports null or text of nothing but blanks.
func emptyPayload(x any) bool {
	s, ok := x.(string)
	return x == nil || ok && text.Trim(s) == ""
}

func (t *Outbox) rowTimestamp(e *outboxEvent) (int64, error) {
	name := e.names.timestamp
	if name == "" {
		return structLong(e.v, "ts_ms")
	}
	i := e.after.Schema.Field(name)
	if i < 0 {
		return 0, batch.NewFault(batch.ConnectException, "Unable to find timestamp field "+name+" in event")
	}
	ts, err := structLong(e.after, name)
	if err != nil {
		return 0, err
	}
	if ts == batch.NoTimestamp {
		return structLong(e.v, "ts_ms")
	}
	s := e.after.Schema.Fields[i].Schema
	if s.Name == nil {
		return 0, batch.NewFault(batch.ConnectException, "Unsupported field type "+s.Type.String()+" (without logical schema name) for event timestamp")
	}
	d := timeDivisor(s)
	if d == 0 {
		return 0, batch.NewFault(batch.ConnectException, "Unsupported field type "+*s.Name+" for event timestamp")
	}
	return ts / d, nil
}

// structLong is Struct.getInt64; NoTimestamp stands for null.
func structLong(v *batch.StructValue, name string) (int64, error) {
	x, err := structCell(v, name, batch.Int64)
	if x == nil || err != nil {
		return batch.NoTimestamp, err
	}
	n, ok := x.(int64)
	if !ok {
		return 0, values.CastFault(x, "java.lang.Long")
	}
	return n, nil
}

// structInt is Struct.getInt32.
func structInt(v *batch.StructValue, name string) (n int32, null bool, err error) {
	x, err := structCell(v, name, batch.Int32)
	if x == nil || err != nil {
		return 0, true, err
	}
	n, ok := x.(int32)
	if !ok {
		return 0, true, values.CastFault(x, "java.lang.Integer")
	}
	return n, false, nil
}

// wrap starts the struct that holds the payload and further columns.
func (t *Outbox) wrap(e *outboxEvent) (*batch.StructValue, error) {
	version := noVersion
	if t.version != "" {
		n, null, err := structInt(e.after, t.version)
		if err != nil {
			return nil, err
		}
		if version = int64(n); null {
			version = nullVersion
		}
	}
	route, null, err := structText(e.after, e.names.route)
	if err != nil {
		return nil, err
	}
	if null {
		route = "null"
	}
	h := t.wrapper(e.schema, e.after.Schema, version, route)
	if h.err != nil {
		return nil, h.err
	}
	out := newStruct(h.schema)
	return out, putField(out, outboxPayload, e.payload)
}

// Versions that are none.
const (
	noVersion   = int64(-1) << 40
	nullVersion = noVersion + 1
)

// outboxPayload is the field of the wrapping struct that holds the payload.
const outboxPayload = "payload"

// wrapper is the schema of the wrapping struct. As in Debezium it is made once for a payload schema (or version), and
// named after the route of the first event.
func (t *Outbox) wrapper(payload, event *batch.Schema, version int64, route string) hoisted {
	if version != noVersion {
		h, ok := t.versions[version]
		if !ok {
			h = t.makeWrapper(payload, event, version, route)
			if h.err == nil && len(t.versions) < maxWrappers {
				t.versions[version] = h
			}
		}
		return h
	}
	if payload == nil {
		return hoisted{err: batch.NewFault(batch.NullPointerException, `Cannot invoke "Object.hashCode()" because "key" is null`)}
	}
	for i := range t.wrappers {
		if w := &t.wrappers[i]; w.payload.Equal(payload) {
			return w.hoisted
		}
	}
	h := t.makeWrapper(payload, event, version, route)
	if h.err == nil {
		if len(t.wrappers) >= maxWrappers {
			t.wrappers = t.wrappers[:0]
		}
		t.wrappers = append(t.wrappers, outboxWrapper{payload, h})
	}
	return h
}

// maxWrappers bounds the schemas that are remembered.
const maxWrappers = 256

type outboxWrapper struct {
	payload *batch.Schema
	hoisted
}

func (t *Outbox) makeWrapper(payload, event *batch.Schema, version int64, route string) hoisted {
	name := route
	if event.Name != nil {
		dot := strings.LastIndexByte(*event.Name, '.') + 1
		name = (*event.Name)[:dot] + route + "." + (*event.Name)[dot:]
	}
	s := batch.Schema{Type: batch.Struct, Name: &name}
	if version > nullVersion {
		n := int32(version)
		s.Version = &n
	}
	if payload == nil {
		return hoisted{err: batch.NewFault(batch.SchemaBuilderException, "fieldSchema for field "+outboxPayload+" cannot be null.")}
	}
	if err := addField(&s, outboxPayload, payload); err != nil {
		return hoisted{err: err}
	}
	for _, f := range t.placed {
		if f.to != toEnvelope {
			continue
		}
		i := event.Field(f.field)
		if i < 0 {
			if t.ignoreMissing {
				continue
			}
			return hoisted{err: batch.NewFault(batch.ConnectException, "Unable to find field "+f.field+" in event")}
		}
		if err := addField(&s, f.alias, event.Fields[i].Schema); err != nil {
			return hoisted{err: err}
		}
	}
	return hoisted{schema: batch.NewSchema(s)}
}

// place puts the further columns where they go and returns the partition.
func (t *Outbox) place(e *outboxEvent) (int32, error) {
	partition := batch.NoPartition
	for _, f := range t.placed {
		i := e.after.Schema.Field(f.field)
		if i < 0 && t.ignoreMissing {
			continue
		}
		if f.to == toPartition {
			n, null, err := structInt(e.after, f.field)
			if err != nil {
				return 0, err
			}
			if partition = n; null {
				partition = batch.NoPartition
			}
			continue
		}
		x, err := getField(e.after, f.field, true)
		if err != nil {
			return 0, err
		}
		if f.to == toEnvelope {
			err = putField(e.wrapped, f.alias, x)
		} else {
			err = e.addHeader(f.alias, x, e.after.Schema.Fields[i].Schema)
		}
		if err != nil {
			return 0, err
		}
	}
	return partition, nil
}

func (t *Outbox) rowKeyAndTopic(b *batch.Batch, row int, e *outboxEvent) error {
	k := keyRow{row: row, schema: batch.StringSchema}
	if e.names.key != "" {
		x, err := getField(e.after, e.names.key, true)
		if err != nil {
			return err
		}
		k.key, k.schema = x, e.after.Schema.Fields[e.after.Schema.Field(e.names.key)].Schema
	}
	route, null, err := structText(e.after, e.names.route)
	if err != nil {
		return err
	}
	if null {
		return batch.NewFault(batch.NullPointerException, `Cannot invoke "java.lang.CharSequence.length()" because "this.text" is null`)
	}
	topic, err := t.router.route(route)
	if err != nil {
		return err
	}
	b.Topics.Put(row, b.N, topic)
	t.keys = append(t.keys, k)
	return nil
}

func (t *Outbox) setTimestamp(b *batch.Batch, row int, ts int64) {
	for len(b.Timestamp) < b.N {
		b.Timestamp = append(b.Timestamp, batch.NoTimestamp)
	}
	b.Timestamp[row] = ts
}

// setPartition leaves the choice to the producer unless a column chooses.
func (t *Outbox) setPartition(b *batch.Batch, row int, partition int32) {
	if b.Partition == nil {
		if partition == b.Origin.Partition {
			return
		}
		b.Partition = make([]int32, b.N)
		for i := range b.Partition {
			b.Partition[i] = b.Origin.Partition
		}
	}
	b.Partition[row] = partition
}
