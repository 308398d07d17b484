// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
)

// propertyConfigs are configurations of every Apache transform over the names that structMaker and jsonMaker use. A
// class that ends in $ is run as $Key and as $Value.
var propertyConfigs = []struct {
	class string
	pairs []string
}{
	{"Cast$", []string{"spec", "a:string,b:int8,c:float64"}},
	{"Cast$", []string{"spec", "s:int64,ts:int32,n:boolean", "replace.null.with.default", "false"}},
	{"Cast$", []string{"spec", "s:float32,a:int16"}},
	{"Cast$", []string{"spec", "string"}},
	{"Cast$", []string{"spec", "int32"}},
	{"DropHeaders", []string{"headers", "h1,x"}},
	{"ExtractField$", []string{"field", "a"}},
	{"ExtractField$", []string{"field", "n", "replace.null.with.default", "false"}},
	{"ExtractField$", []string{"field", "n.a", "field.syntax.version", "V2"}},
	{"ExtractField$", []string{"field", "n.`a.b`", "field.syntax.version", "V2"}},
	{"Filter", nil},
	{"Flatten$", nil},
	{"Flatten$", []string{"delimiter", "_"}},
	{"HeaderFrom$", []string{"fields", "a,n", "headers", "ha,hn", "operation", "copy"}},
	{"HeaderFrom$", []string{"fields", "s,b", "headers", "h,h", "operation", "move", "replace.null.with.default", "false"}},
	{"HoistField$", []string{"field", "w"}},
	{"InsertField$", []string{"topic.field", "a", "partition.field", "p", "timestamp.field", "ts"}},
	{"InsertField$", []string{"static.field", "z?", "static.value", "v", "replace.null.with.default", "false"}},
	{"InsertField$", []string{"offset.field", "o!"}},
	{"InsertHeader", []string{"header", "h1", "value.literal", "17"}},
	{"MaskField$", []string{"fields", "a,s"}},
	{"MaskField$", []string{"fields", "b,c", "replacement", "300", "replace.null.with.default", "false"}},
	{"RegexRouter", []string{"regex", "t(.)(.*)", "replacement", "$2-$1"}},
	{"ReplaceField$", []string{"renames", "a:A,ts:b", "exclude", "c"}},
	{"ReplaceField$", []string{"include", "a,b,n", "replace.null.with.default", "false"}},
	{"ReplaceField$", []string{"renames", "a:b"}},
	{"SetSchemaMetadata$", []string{"schema.name", "x.Y", "schema.version", "3"}},
	{"SetSchemaMetadata$", []string{"schema.version", "7", "replace.null.with.default", "false"}},
	{"TimestampConverter$", []string{"field", "ts", "target.type", "string", "format", "yyyy-MM-dd'T'HH:mm:ss.SSS"}},
	{"TimestampConverter$", []string{"field", "s", "target.type", "unix", "format", "yyyy-MM-dd'T'HH:mm:ss.SSS", "unix.precision", "nanoseconds"}},
	{"TimestampConverter$", []string{"field", "a", "target.type", "Date", "replace.null.with.default", "false"}},
	{"TimestampConverter$", []string{"field", "ts", "target.type", "Timestamp", "unix.precision", "seconds"}},
	{"TimestampConverter$", []string{"target.type", "Time"}},
	{"TimestampRouter", []string{"topic.format", "${topic}.${timestamp}", "timestamp.format", "yyyy-MM"}},
	{"ValueToKey", []string{"fields", "a,s"}},
	{"ValueToKey", []string{"fields", "n", "replace.null.with.default", "false"}},
}

// eachPropertyConfig calls run with every class and configuration, and fails when an Apache transform is not among them.
func eachPropertyConfig(t *testing.T, run func(class string, pairs []string)) {
	t.Helper()
	const prefix = "org.apache.kafka.connect.transforms."
	seen := map[string]bool{}
	for _, c := range propertyConfigs {
		forms := []string{prefix + c.class}
		if strings.HasSuffix(c.class, "$") {
			forms = []string{prefix + c.class + "Key", prefix + c.class + "Value"}
		}
		for _, class := range forms {
			seen[class] = true
			run(class, c.pairs)
		}
	}
	for _, class := range Transforms.Names() {
		if strings.HasPrefix(class, prefix) && !seen[class] {
			t.Errorf("%s has no configuration in propertyConfigs", class)
		}
	}
}

// jsonMaker makes texts of schemaless values: mostly maps over the same few keys, of mixed types.
type jsonMaker struct{ r *rand.Rand }

func (m jsonMaker) row() string {
	switch m.r.IntN(14) {
	case 0:
		return m.value(2)
	case 1:
		return "null"
	}
	return m.object(0)
}

func (m jsonMaker) object(depth int) string {
	var w strings.Builder
	w.WriteByte('{')
	for k, i := range m.r.Perm(len(sampleNames))[:m.r.IntN(len(sampleNames)+1)] {
		if k > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(&w, "%q:%s", sampleNames[i], m.value(depth+1))
	}
	w.WriteByte('}')
	return w.String()
}

// steady is an object of always the same keys in the same order, of always the same types.
func (m jsonMaker) steady() string {
	n := m.r.IntN(1000)
	return fmt.Sprintf(`{"a":%d,"b":"x%d","ts":17000000%05d,"s":"%d","n":{"a":%d,"q":true},"c":%d.5}`, n, n, n, n, n, n)
}

func (m jsonMaker) value(depth int) string {
	kinds := 9
	if depth > 2 {
		kinds = 7
	}
	switch m.r.IntN(kinds) {
	case 0:
		return fmt.Sprint(m.r.Int64N(1<<40) - 1<<20)
	case 1:
		return fmt.Sprint(m.r.IntN(300))
	case 2:
		return fmt.Sprintf("%d.%02d", m.r.IntN(99), m.r.IntN(99))
	case 3, 4:
		return fmt.Sprintf("%q", sampleTexts[m.r.IntN(len(sampleTexts))])
	case 5:
		return []string{"true", "false", "null"}[m.r.IntN(3)]
	case 6:
		return `"esc\"aped\u00e9"`
	case 7:
		return "[" + m.value(depth+1) + "]"
	}
	return m.object(depth + 1)
}

// reference runs a transform over each record in a batch of its own.
func reference(t *testing.T, tr Transform, records []batch.Record, sink bool) []batchtest.Outcome {
	t.Helper()
	out := make([]batchtest.Outcome, len(records))
	for i := range records {
		b := batch.New()
		b.Load(records[i:i+1], sink)
		if err := tr.Apply(b); err != nil {
			t.Fatal(err)
		}
		if err := b.Check(); err != nil {
			t.Fatalf("row %d alone: %v\nin %s", i, err, batchtest.Show(records[i]))
		}
		switch {
		case len(b.Errs) > 0:
			out[i] = batchtest.Failed(batch.ClassOf(b.Errs[0].Err), b.Errs[0].Err.Error())
		case b.IsDead(0):
			out[i] = batchtest.Dropped()
		default:
			out[i] = batchtest.Kept(b.RecordAt(0))
		}
	}
	return out
}

// checkRows runs a transform over a batch in which some rows are dead, or spared by a predicate, and compares the others.
func checkRows(t *testing.T, r *rand.Rand, tr Transform, b *batch.Batch, want []batchtest.Outcome) string {
	t.Helper()
	mode := r.IntN(3)
	keep := batch.MakeBitmap(nil, b.N, true)
	before := make([]batch.Record, b.N)
	if mode > 0 {
		for i := range b.N {
			if r.IntN(3) == 0 {
				keep.Clear(i)
			}
			before[i] = b.RecordAt(i)
		}
	}
	for i := range b.N {
		if mode == 1 && !keep.Get(i) {
			b.Drop(i)
		}
	}
	if mode == 2 {
		b.Limit(keep)
	}
	if err := tr.Apply(b); err != nil {
		return err.Error()
	}
	if mode == 2 {
		b.Unlimit()
	}
	if err := b.Check(); err != nil {
		return "the batch is broken: " + err.Error()
	}
	for i := range b.N {
		if keep.Get(i) {
			if d := batchtest.Diff(b, i, want[i]); d != "" {
				return fmt.Sprintf("mode %d, row %d: %s", mode, i, d)
			}
		} else if got := b.RecordAt(i); mode == 2 && !got.Equal(before[i]) {
			return fmt.Sprintf("row %d was spared and changed:\ngot  %s\nwant %s", i, batchtest.Show(got), batchtest.Show(before[i]))
		}
	}
	return ""
}

// facts gives a record its topic, timestamp, offset and headers. Sink rows of a batch are of one topic.
func facts(r *rand.Rand, i int, sink bool) batch.Record {
	rec := batch.Record{Topic: "topic", Partition: 2, Timestamp: 1700000000000 + r.Int64N(1e10)}
	if sink {
		rec.Offset = int64(i)
	} else {
		rec.Topic, rec.Partition = fmt.Sprint("t", r.IntN(3)), batch.NoPartition
	}
	for range r.IntN(3) {
		rec.Headers = append(rec.Headers, batch.Header{Key: fmt.Sprint("h", r.IntN(2)), Schema: batch.StringSchema, Value: "v"})
	}
	return rec
}

// TestBatchesAreTheirRows: what a transform makes of a row must not depend on the rows around it. Batches of random
// structs, several schemas among each other, against each row alone.
func TestBatchesAreTheirRows(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	m := structMaker{r}
	for round := range 60 {
		schemas := []*batch.Schema{m.structSchema(0), m.structSchema(0), m.schema(2)}
		schemas = schemas[:1+round%3]
		sink := round%2 == 0
		records := make([]batch.Record, 24)
		for i := range records {
			rec := facts(r, i, sink)
			rec.KeySchema, rec.ValueSchema = schemas[r.IntN(len(schemas))], schemas[r.IntN(len(schemas))]
			rec.Key, rec.Value = m.value(rec.KeySchema, true), m.value(rec.ValueSchema, true)
			if r.IntN(12) == 0 {
				rec.ValueSchema, rec.Value = nil, nil
			}
			records[i] = rec
		}
		eachPropertyConfig(t, func(class string, pairs []string) {
			want := reference(t, mustTransform(t, class, pairs...), records, sink)
			tr := mustTransform(t, class, pairs...)
			for range 2 {
				b := batch.New()
				b.Load(records, sink)
				if d := checkRows(t, r, tr, b, want); d != "" {
					t.Fatalf("round %d, %s %v: %s", round, class, pairs, d)
				}
			}
		})
	}
}

// schemaless is the JSON converter without schemas.
func schemaless(t testing.TB, side batch.Side) codec.Converter {
	t.Helper()
	return jsonConverter(t, side, "false")
}

// withSchemas is the JSON converter with schemas, for values.
func withSchemas(t testing.TB) codec.Converter {
	t.Helper()
	return jsonConverter(t, batch.Value, "true")
}

func jsonConverter(t testing.TB, side batch.Side, schemas string) codec.Converter {
	t.Helper()
	plugin, _, _ := codec.Registry.Lookup(kafkadefs.JSONConverter)
	v, err := plugin.Def.Parse(config.NewProps(map[string]string{"schemas.enable": schemas, "converter.type": side.String()}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := plugin.New(v, side)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lazyBatch is a batch of JSON texts on both sides: decoded by the converter, or as one undecoded cell per row.
func lazyBatch(t *testing.T, records []batch.Record, keys, values []string, sink, whole bool) *batch.Batch {
	t.Helper()
	b := batch.New()
	b.Load(records, sink)
	for side, texts := range map[batch.Side][]string{batch.Key: keys, batch.Value: values} {
		if whole {
			root := b.NewColumn(nil)
			for _, s := range texts {
				root.PushTag(batch.TagJSON, uint64(b.Slab.AppendText(s)))
			}
			b.Resolve(root)
			b.Side(side).Set(nil, root)
			continue
		}
		raw := &b.Raw.Value
		if side == batch.Key {
			raw = &b.Raw.Key
		}
		for _, s := range texts {
			*raw = append(*raw, b.Slab.AppendText(s))
		}
		*b.Side(side) = batch.Payload{}
		if err := schemaless(t, side).Decode(b, side); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestLazyBatchesAreTheirRows is the same for schemaless JSON, undecoded in the batch, decoded where a row is alone.
func TestLazyBatchesAreTheirRows(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	m := jsonMaker{r}
	for round := range 60 {
		sink := round%2 == 0
		records, plain := make([]batch.Record, 24), make([]batch.Record, 24)
		keys, values := make([]string, len(records)), make([]string, len(records))
		for i := range records {
			records[i] = facts(r, i, sink)
			keys[i], values[i] = m.row(), m.row()
			if round%3 == 0 {
				keys[i], values[i] = m.steady(), m.steady()
			}
		}
		read := lazyBatch(t, records, keys, values, sink, true)
		for i := range plain {
			plain[i] = read.RecordAt(i)
		}
		eachPropertyConfig(t, func(class string, pairs []string) {
			want := reference(t, mustTransform(t, class, pairs...), plain, sink)
			for i := range want {
				// Which class a map has, and which of two bad members comes first, is lost among other rows.
				if strings.Contains(want[i].Message, "HashMap") || strings.HasPrefix(want[i].Message, "Flatten transformation") {
					want[i].Message = ""
				}
			}
			tr := mustTransform(t, class, pairs...)
			for _, whole := range []bool{false, true} {
				b := lazyBatch(t, records, keys, values, sink, whole)
				if d := checkRows(t, r, tr, b, want); d != "" {
					t.Fatalf("round %d, whole %v, %s %v: %s", round, whole, class, pairs, d)
				}
			}
		})
	}
}
