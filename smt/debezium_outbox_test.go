// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/invariants"
	"github.com/penstock-io/penstock/internal/values"
)

// outboxSchemas are those of the row of an outbox table and of its events, with Oracle's capitals or not.
func outboxSchemas(upper bool) (row, event *batch.Schema) {
	fold := func(s string) string {
		if upper {
			return strings.ToUpper(s)
		}
		return s
	}
	rowName, eventName := "srv.outbox.Value", "srv.outbox.Envelope"
	row = batch.NewSchema(batch.Schema{Type: batch.Struct, Name: &rowName, Optional: true, Fields: []batch.Field{
		{Name: fold("id"), Schema: batch.StringSchema}, {Name: fold("aggregatetype"), Schema: batch.StringSchema},
		{Name: fold("aggregateid"), Schema: batch.OptionalStringSchema}, {Name: fold("payload"), Schema: batch.OptionalStringSchema},
	}})
	source := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{{Name: "connector", Schema: batch.StringSchema}}})
	event = batch.NewSchema(batch.Schema{Type: batch.Struct, Name: &eventName, Fields: []batch.Field{
		{Name: "before", Schema: row}, {Name: "after", Schema: row}, {Name: "source", Schema: source},
		{Name: "op", Schema: batch.StringSchema}, {Name: "ts_ms", Schema: batch.OptionalInt64Schema},
	}})
	return row, event
}

func outboxRecord(row, event *batch.Schema, connector, payload string) batch.Record {
	after := &batch.StructValue{Schema: row, Vals: []any{"i", "user", "k", payload}}
	source := &batch.StructValue{Schema: event.Fields[2].Schema, Vals: []any{connector}}
	return batch.Record{
		Topic: "t", Partition: batch.NoPartition, Timestamp: 1, ValueSchema: event,
		Value: &batch.StructValue{Schema: event, Vals: []any{nil, after, source, "c", int64(9)}},
	}
}

func stageOf(class string, pairs ...string) func() (func(*batch.Batch) error, error) {
	return func() (func(*batch.Batch) error, error) {
		plugin, _, _ := Transforms.Lookup(class)
		v, err := plugin.Def.Parse(config.NewProps(pairMap(pairs)))
		if err != nil {
			return nil, err
		}
		tr, err := plugin.New(v)
		if err != nil {
			return nil, err
		}
		return tr.Apply, nil
	}
}

// TestOutboxByHand has what the recordings cannot tell: what is newer than they are, what JsonConverter cannot write,
// and the names that Oracle folds.
func TestOutboxByHand(t *testing.T) {
	row, event := outboxSchemas(false)
	upperRow, upperEvent := outboxSchemas(true)
	message := func(s *batch.Schema, x any) batchtest.Outcome {
		return batchtest.Kept(batch.Record{
			Topic: "outbox.event.user", Partition: batch.NoPartition, Timestamp: 9, KeySchema: batch.OptionalStringSchema, Key: "k",
			ValueSchema: s, Value: x, Headers: []batch.Header{{Key: "id", Schema: batch.StringSchema, Value: "i"}},
		})
	}
	f := func(in batch.Record, want batchtest.Outcome, pairs ...string) {
		t.Helper()
		batchtest.Run(t, stageOf(outboxClass, pairs...), []batch.Record{in, in}, false, []batchtest.Outcome{want, want})
	}
	// Oracle's columns are in capitals, unless the configuration names them.
	f(outboxRecord(upperRow, upperEvent, "oracle", "p"), message(batch.OptionalStringSchema, "p"))
	f(outboxRecord(upperRow, upperEvent, "mysql", "p"), batchtest.Failed(batch.ConnectException, "Unable to find payload field payload in event"))
	f(outboxRecord(upperRow, upperEvent, "oracle", "p"), batchtest.Failed(batch.ConnectException, "Unable to find payload field payload in event"),
		"table.field.event.payload", "payload")
	// Empty arrays that are kept.
	name := "payload"
	list := batch.NewSchema(batch.Schema{Type: batch.Array, Optional: true, ValueSchema: batch.OptionalStringSchema})
	s := batch.NewSchema(batch.Schema{Type: batch.Struct, Optional: true, Name: &name, Fields: []batch.Field{{Name: "a", Schema: list}}})
	f(outboxRecord(row, event, "mysql", `{"a":[]}`), message(s, &batch.StructValue{Schema: s, Vals: []any{[]any{}}}),
		"table.expand.json.payload", "true", "table.json.payload.empty.array.behavior", "optional_string")
	// An array is no struct: its schema is taken, its text stays.
	numbers := batch.NewSchema(batch.Schema{Type: batch.Array, Optional: true, ValueSchema: batch.OptionalInt32Schema})
	f(outboxRecord(row, event, "mysql", `[1]`), message(numbers, `[1]`), "table.expand.json.payload", "true")
}

// TestUnwrapLegacy is about the keys that later versions of Debezium do not have.
func TestUnwrapLegacy(t *testing.T) {
	row, event := outboxSchemas(false)
	deleted := outboxRecord(row, event, "mysql", "p")
	v := deleted.Value.(*batch.StructValue)
	v.Vals = []any{v.Vals[1], nil, v.Vals[2], "d", nil}
	tombstone := batch.Record{Topic: "t", Partition: batch.NoPartition, Timestamp: 1}
	f := func(wantDelete, wantTombstone batchtest.Outcome, pairs ...string) {
		t.Helper()
		batchtest.Run(t, stageOf(unwrapClass, pairs...), []batch.Record{deleted, tombstone}, false, []batchtest.Outcome{wantDelete, wantTombstone})
	}
	null := tombstone
	null.ValueSchema = row
	f(batchtest.Kept(null), batchtest.Dropped())
	f(batchtest.Dropped(), batchtest.Dropped(), "drop.tombstones", "true")
	f(batchtest.Dropped(), batchtest.Kept(tombstone), "drop.tombstones", "false")
	f(batchtest.Kept(null), batchtest.Dropped(), "delete.handling.mode", "none")
	// The new key has the say.
	f(batchtest.Dropped(), batchtest.Dropped(), "delete.handling.mode", "none", "delete.tombstone.handling.mode", "drop", "drop.tombstones", "false")
}

// TestLogicalRouterWithoutBefore is an event that has no struct before, which recent versions accept.
func TestLogicalRouterWithoutBefore(t *testing.T) {
	f := func(field string) {
		t.Helper()
		event := func(prefix string) batch.Record {
			rowName, eventName := prefix+".Value", prefix+".Envelope"
			row := batch.NewSchema(batch.Schema{Type: batch.Struct, Name: &rowName, Fields: []batch.Field{{Name: "x", Schema: batch.Int32Schema}}})
			s := batch.NewSchema(batch.Schema{Type: batch.Struct, Name: &eventName, Fields: []batch.Field{{Name: field, Schema: row}}})
			v := &batch.StructValue{Schema: row, Vals: []any{int32(1)}}
			return batch.Record{Topic: prefix, Partition: batch.NoPartition, Timestamp: 1, ValueSchema: s,
				Value: &batch.StructValue{Schema: s, Vals: []any{v}}}
		}
		in := event("a")
		batchtest.Run(t, stageOf(topicRouterClass, "topic.regex", "a", "topic.replacement", "b"), []batch.Record{in}, false,
			[]batchtest.Outcome{batchtest.Kept(event("b"))})
	}
	f("after")
	f("before")
}

// FuzzOutboxJSON expands any text: no input may crash it.
func FuzzOutboxJSON(f *testing.F) {
	for _, s := range []string{"", "{}", "[]", `{"a":[{"b":1},{"c":null},null],"":2}`, `{"a":1e999,"b":99999999999999999999}`, `{"a":[[[]]]}`, `{"a":{"a":`, "{\"\xff\":1}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		for _, keep := range []bool{false, true} {
			s, x := newOutboxJSON(keep, keep, "avro").convert("payload", payload, batch.StringSchema)
			if v, ok := x.(*batch.StructValue); ok && (v.Schema != s || values.ValidateStruct(v) != nil) {
				t.Errorf("%q: a struct that is not valid", payload)
			}
		}
	})
}

// fillOutbox loads n events of an outbox table.
func fillOutbox(b *batch.Batch, n int) {
	fillFacts(b, n)
	root := b.NewColumn(benchOutbox)
	word, op := b.Slab.AppendText("user"), b.Slab.AppendText("c")
	for i := range n {
		b.AppendNull(root.Kids[0])
		for _, kid := range root.Kids[1].Kids {
			kid.Push(uint64(word))
		}
		root.Kids[1].PushValid()
		root.Kids[2].Kids[0].Push(uint64(word))
		root.Kids[2].PushValid()
		root.Kids[3].Push(uint64(op))
		root.Kids[4].Push(batch.IntCell(int64(i)))
		root.PushValid()
	}
	b.Value.Set(benchOutbox, root)
}

var _, benchOutbox = outboxSchemas(false)

// TestOutboxAllocations counts what is allocated for a batch: the array of the headers, not something for each row.
func TestOutboxAllocations(t *testing.T) {
	if invariants.Enabled {
		t.Skip("invariants allocate")
	}
	f := func(fill func(*batch.Batch, int), limit float64, class string, pairs ...string) {
		t.Helper()
		tr := mustTransform(t, class, pairs...)
		b := batch.New()
		got := testing.AllocsPerRun(20, func() {
			b.Reset()
			fill(b, 500)
			if err := tr.Apply(b); err != nil {
				t.Fatal(err)
			}
		})
		if err := b.Check(); err != nil || len(b.Errs) > 0 {
			t.Errorf("%v, %v", err, b.Errs)
		}
		if got > limit {
			t.Errorf("%s %v: %v allocations per batch", class, pairs, got)
		}
	}
	// Headers, the array of arrays, a value for the id, partitions.
	f(fillOutbox, 8, outboxClass)
	f(fillOutbox, 8, outboxClass, outboxPlacement, "payload:envelope:p2")
	f(func(b *batch.Batch, n int) { fillEvents(b, n, false) }, 0, tableRouterClass, "topic.regex", "topic-(.*)", "topic.replacement", "all")
}

func BenchmarkOutbox(b *testing.B) { benchmarkTransform(b, fillOutbox, outboxClass) }

func BenchmarkFillOutbox(b *testing.B) { benchmarkTransform(b, fillOutbox, "") }
