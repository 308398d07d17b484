// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/internal/invariants"
	"github.com/penstock-io/penstock/internal/vectors"
)

// sampleLine is a record as the samples of real connectors have it.
type sampleLine struct {
	Topic     string            `json:"topic"`
	Partition int32             `json:"partition"`
	Headers   map[string]string `json:"headers"`
	Key       json.RawMessage   `json:"key"`
	Value     json.RawMessage   `json:"value"`
}

// runOnly is what differs between two runs of a connector: times of reading, positions, transaction ids.
var runOnly = regexp.MustCompile(`"(ts_ms|ts_us|ts_ns|__source_ts_ms|lsn|txId|xmin|sequence|transaction|pos|gtid|version)":("(\\.|[^"\\])*"|[^,}{]+|\{[^}]*\})([,}])`)

// samples reads what a connector wrote, with the names of the other run's connector.
func samples(t *testing.T, path, from, to string, skip func(topic string) bool) []batch.Record {
	t.Helper()
	var out []batch.Record
	d := schemaReader{}
	err := vectors.Lines(path, func(line []byte) error {
		text := strings.ReplaceAll(string(line), from, to)
		var l sampleLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return err
		}
		if skip(l.Topic) {
			return nil
		}
		r := batch.Record{Topic: l.Topic, Partition: l.Partition, Timestamp: batch.NoTimestamp}
		r.KeySchema, r.Key = d.pair(steady(l.Key))
		r.ValueSchema, r.Value = d.pair(steady(l.Value))
		if op, ok := l.Headers["__op"]; ok {
			r.Headers = []batch.Header{{Key: "__op", Schema: batch.OptionalStringSchema, Value: op, Decoded: true, Raw: batch.NullView}}
		}
		out = append(out, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// steady gives what differs from run to run one value. Schemas have no such members with a scalar, but versions.
func steady(raw json.RawMessage) json.RawMessage {
	var e struct {
		Schema  json.RawMessage `json:"schema"`
		Payload json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(raw, &e) != nil || e.Schema == nil {
		return raw
	}
	e.Payload = runOnly.ReplaceAllFunc(e.Payload, func(m []byte) []byte {
		name := m[:strings.IndexByte(string(m), ':')]
		value := "null"
		switch strings.Trim(string(name), `"`) {
		case "ts_ms", "pos":
			value = "1"
		case "version":
			value = `"v"`
		case "__source_ts_ms":
			value = "1"
		}
		return []byte(string(name) + ":" + value + string(m[len(m)-1]))
	})
	out, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return out
}

// TestUnwrapSamples unwraps the plain events of real connectors and compares with what the same SQL gave through the
// real transform.
func TestUnwrapSamples(t *testing.T) {
	f := func(db string) {
		t.Helper()
		dir := "testdata/debezium/" + db
		meta := func(topic string) bool { return strings.HasSuffix(topic, ".transaction") }
		in := samples(t, dir+"-plain.jsonl.gz", db+"defaults", db+"unwrapped", meta)
		want := samples(t, dir+"-unwrapped.jsonl.gz", db+"unwrapped", db+"unwrapped", meta)
		tr := mustTransform(t, unwrapClass, "delete.tombstone.handling.mode", "rewrite", "add.fields", "op,table,source.ts_ms", "add.headers", "op")
		b := batch.New()
		b.Load(in, false)
		if err := tr.Apply(b); err != nil {
			t.Fatal(err)
		}
		if err := b.Check(); err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Errs {
			t.Errorf("row %d: %v", e.Row, e.Err)
		}
		n := 0
		for row := range b.N {
			if b.IsDead(row) {
				continue
			}
			if n >= len(want) {
				t.Fatalf("%s: more rows than the %d wanted", db, len(want))
			}
			if got := b.RecordAt(row); !got.Equal(want[n]) {
				t.Errorf("%s: row %d\ngot  %s\nwant %s", db, n, batchtest.Show(got), batchtest.Show(want[n]))
			}
			n++
		}
		if n != len(want) {
			t.Errorf("%s: %d rows, want %d", db, n, len(want))
		}
	}
	f("postgres")
	f("mariadb")
}

var (
	benchRow = batch.NewSchema(batch.Schema{Type: batch.Struct, Optional: true, Fields: columnsSchema.Fields})
	benchSrc = batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "ts_ms", Schema: batch.Int64Schema}, {Name: "table", Schema: batch.StringSchema},
	}})
	benchEventName = "srv.t.Envelope"
	benchEvent     = batch.NewSchema(batch.Schema{Type: batch.Struct, Name: &benchEventName, Fields: []batch.Field{
		{Name: "before", Schema: benchRow}, {Name: "after", Schema: benchRow}, {Name: "source", Schema: benchSrc},
		{Name: "op", Schema: batch.StringSchema}, {Name: "ts_ms", Schema: batch.OptionalInt64Schema},
	}})
)

// fillEvents loads n change events; every tenth is a delete, unless only inserts are asked for.
func fillEvents(b *batch.Batch, n int, deletes bool) {
	fillFacts(b, n)
	root := b.NewColumn(benchEvent)
	text, op := b.Slab.AppendText("seventeen"), b.Slab.AppendText("c")
	for i := range n {
		for side, null := range [2]bool{!deletes || i%10 != 0, deletes && i%10 == 0} {
			row := root.Kids[side]
			if null {
				b.AppendNull(row)
				continue
			}
			row.Kids[0].Push(batch.IntCell(int64(i)))
			row.Kids[1].Push(uint64(text))
			row.PushValid()
		}
		root.Kids[2].Kids[0].Push(batch.IntCell(int64(i)))
		root.Kids[2].Kids[1].Push(uint64(text))
		root.Kids[2].PushValid()
		root.Kids[3].Push(uint64(op))
		root.Kids[4].Push(batch.IntCell(int64(i)))
		root.PushValid()
	}
	b.Value.Set(benchEvent, root)
}

// TestUnwrapNoAllocations runs the usual configurations over batches filled anew: nothing may be allocated.
func TestUnwrapNoAllocations(t *testing.T) {
	if invariants.Enabled {
		t.Skip("invariants allocate")
	}
	f := func(deletes bool, pairs ...string) {
		t.Helper()
		tr := mustTransform(t, unwrapClass, pairs...)
		b := batch.New()
		got := testing.AllocsPerRun(20, func() {
			b.Reset()
			fillEvents(b, 500, deletes)
			if err := tr.Apply(b); err != nil {
				t.Fatal(err)
			}
		})
		if err := b.Check(); err != nil || len(b.Errs) > 0 {
			t.Errorf("%v, %v", err, b.Errs)
		}
		if got > 0 {
			t.Errorf("%v: %v allocations per batch", pairs, got)
		}
	}
	for _, deletes := range []bool{false, true} {
		f(deletes)
		f(deletes, "delete.tombstone.handling.mode", "rewrite", "add.fields", "op,table,source.ts_ms")
		f(deletes, "delete.tombstone.handling.mode", "delete-to-tombstone", "add.fields", "op")
		f(deletes, "delete.tombstone.handling.mode", "drop")
	}
	f(false, "route.by.field", "name")
}

func BenchmarkUnwrap(b *testing.B) {
	benchmarkTransform(b, func(bt *batch.Batch, n int) { fillEvents(bt, n, false) }, unwrapClass,
		"delete.tombstone.handling.mode", "rewrite", "add.fields", "op,table,source.ts_ms")
}

func BenchmarkUnwrapDeletes(b *testing.B) {
	benchmarkTransform(b, func(bt *batch.Batch, n int) { fillEvents(bt, n, true) }, unwrapClass,
		"delete.tombstone.handling.mode", "rewrite", "add.fields", "op,table,source.ts_ms")
}

func BenchmarkFillEvents(b *testing.B) {
	benchmarkTransform(b, func(bt *batch.Batch, n int) { fillEvents(bt, n, true) }, "")
}
