// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/config"
)

// extraConfigs are configurations of the transforms that are not Apache's, for properties of all.
var extraConfigs = []struct {
	class string
	pairs []string
}{
	{aivenPrefix + "CaseTransform$", []string{"field.names", "a,s,none", "case", "upper"}},
	{aivenPrefix + "ConcatFields$", []string{"field.names", "a,b,none,n", "output.field.name", "s", "delimiter", "-", "field.replace.missing", "?"}},
	{aivenPrefix + "ConcatFields$", []string{"field.names", "a,ts", "output.field.name", "out"}},
	{aivenPrefix + "ExtractTimestamp$", []string{"field.name", "ts", "timestamp.resolution", "seconds"}},
	{aivenPrefix + "ExtractTopic$", []string{"field.name", "s"}},
	{aivenPrefix + "ExtractTopic$", []string{"skip.missing.or.null", "true"}},
	{aivenPrefix + "ExtractTopicFromSchemaName$Value", nil},
	{aivenPrefix + "FilterByFieldValue$", []string{"field.name", "s", "field.value", "12"}},
	{aivenPrefix + "FilterByFieldValue$", []string{"field.name", "a", "field.value.pattern", "1", "field.value.matches", "false"}},
	{aivenPrefix + "Hash$", []string{"field.name", "s", "function", "md5", "skip.missing.or.null", "true"}},
	{aivenPrefix + "Hash$", []string{"function", "sha1"}},
	{aivenPrefix + "KeyToValue", []string{"key.fields", "a,*,b", "value.fields", "x"}},
	{aivenPrefix + "MakeTombstone", nil},
	{aivenPrefix + "TombstoneHandler", []string{"behavior", "drop_silent"}},
	{confluentPrefix + "Drop$", []string{"schema.behavior", "force_optional"}},
	{confluentPrefix + "Drop$", []string{"schema.behavior", "validate"}},
	{confluentPrefix + "Drop$", nil},
	{confluentPrefix + "ExtractTopic$", []string{"field", "$.n.s", "field.format", "json_path"}},
	{confluentPrefix + "ExtractTopic$", []string{"field", "s", "skip.missing.or.null", "true"}},
	{confluentPrefix + "ExtractTopic$Header", []string{"field", "h1", "skip.missing.or.null", "true"}},
	{confluentPrefix + "Filter$", []string{"filter.condition", "$[?(@.a > 1 || @.s == '12')]", "filter.type", "include"}},
	{confluentPrefix + "Filter$", []string{"filter.condition", "$.n[?(@.a)]", "filter.type", "exclude", "missing.or.null.behavior", "include"}},
	{confluentPrefix + "GzipDecompress$", nil},
	{confluentPrefix + "MessageTimestampRouter", []string{"message.timestamp.keys", "ts,s", "message.timestamp.format", "yyyy"}},
	{confluentPrefix + "ReplaceField$", []string{"exclude", "n.a,b", "renames", "n.s:t,a:A"}},
	{confluentPrefix + "ReplaceField$", []string{"include", "n.s,a", "renames", "n:m"}},
	{confluentPrefix + "TombstoneHandler", nil},
	{"io.penstock.transforms.PIIRemove$", []string{"drop.fields", "**.s:hash,a,n.b:mask"}},
	{"io.penstock.transforms.PIIRemove$", []string{"drop.fields", "n,*s", "mode", "tokenise", "token.key", "k"}},
	{"io.penstock.transforms.PIIRemove$", []string{"drop.fields", "**", "mode", "mask"}},
	{"io.penstock.transforms.PIIRemove$", []string{"drop.fields", "**.a,**.`a.b`"}},
	{"io.penstock.transforms.Filter", []string{"condition", "value.a > 1 || value.s == '12'"}},
	{"io.debezium.transforms.Filter", []string{"condition", "value.n.a == value.a", "null.handling.mode", "drop"}},
	{"io.debezium.transforms.ContentBasedRouter", []string{"topic.expression", "has(value.a) ? 'with' : null"}},
	{"io.penstock.transforms.Router", []string{"topic.expression", "topic + '.' + value.s", "null.handling.mode", "evaluate"}},
	{"io.confluent.connect.cloud.transforms.TopicRegexRouter", []string{"regex", "t(.*)", "replacement", "x$1"}},
}

func eachExtraConfig(run func(class string, pairs []string)) {
	for _, c := range extraConfigs {
		if !strings.HasSuffix(c.class, "$") {
			run(c.class, c.pairs)
			continue
		}
		run(c.class+"Key", c.pairs)
		run(c.class+"Value", c.pairs)
	}
}

// TestExtraBatchesAreTheirRows is TestBatchesAreTheirRows for structs and for undecoded texts.
func TestExtraBatchesAreTheirRows(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	m, jm := structMaker{r}, jsonMaker{r}
	for round := range 30 {
		sink := round%2 == 0
		records := make([]batch.Record, 24)
		schemas := []*batch.Schema{m.structSchema(0), m.structSchema(0), m.schema(2)}[:1+round%3]
		keys, texts := make([]string, len(records)), make([]string, len(records))
		for i := range records {
			rec := facts(r, i, sink)
			if round%5 < 3 {
				rec.KeySchema, rec.ValueSchema = schemas[r.IntN(len(schemas))], schemas[r.IntN(len(schemas))]
				rec.Key, rec.Value = m.value(rec.KeySchema, true), m.value(rec.ValueSchema, true)
			} else {
				keys[i], texts[i] = jm.row(), jm.row()
				rec.Key, rec.Value = celTextValue(keys[i]), celTextValue(texts[i])
			}
			records[i] = rec
		}
		eachExtraConfig(func(class string, pairs []string) {
			want := reference(t, mustTransform(t, class, pairs...), records, sink)
			for i := range want {
				// The order of a map's members is lost among other rows.
				if strings.Contains(want[i].Message, "ConnectRecord{") || strings.Contains(want[i].Message, "type in ") || strings.Contains(want[i].Message, "HashMap") {
					want[i].Message = ""
				}
			}
			tr := mustTransform(t, class, pairs...)
			for range 2 {
				var b *batch.Batch
				if round%5 < 3 {
					b = batch.New()
					b.Load(records, sink)
				} else {
					b = lazyBatch(t, records, keys, texts, sink, r.IntN(2) == 0)
				}
				if d := checkRows(t, r, tr, b, want); d != "" {
					t.Fatalf("round %d, %s %v: %s", round, class, pairs, d)
				}
			}
		})
	}
}

func celTextValue(text string) any {
	b := batch.New()
	return b.ReadTagged(batch.TagJSON, uint64(b.Slab.AppendText(text)))
}

// checkExtra runs a transform over values, all on one topic: schema and value, then schema and value, an error, or the
// name of a new topic.
func checkExtra(t *testing.T, class string, conf map[string]string, cases ...[4]any) {
	t.Helper()
	var in []batch.Record
	var want []batchtest.Outcome
	for _, c := range cases {
		r := batch.Record{Topic: "t", Timestamp: 1}
		r.ValueSchema, _ = c[0].(*batch.Schema)
		r.Value = c[1]
		in = append(in, r)
		switch out := c[2].(type) {
		case *batch.Fault:
			want = append(want, batchtest.Failed(out.Class, out.Message))
		case string:
			if r.Topic = out; out == "" {
				want = append(want, batchtest.Dropped())
			} else {
				want = append(want, batchtest.Kept(r))
			}
		case int:
			r.Timestamp = int64(out)
			want = append(want, batchtest.Kept(r))
		default:
			r.ValueSchema, _ = c[2].(*batch.Schema)
			r.Value = c[3]
			want = append(want, batchtest.Kept(r))
		}
	}
	batchtest.Run(t, func() (func(*batch.Batch) error, error) { return transformOf(t, class, conf).Apply, nil }, in, true, want)
}

var (
	personSchema = batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "name", Schema: batch.OptionalStringSchema}, {Name: "age", Schema: batch.Int32Schema}, {Name: "ts", Schema: batch.OptionalInt64Schema},
	}})
	anyData = batch.DataFault("")
)

func person(name, age, ts any) *batch.StructValue {
	return &batch.StructValue{Schema: personSchema, Vals: []any{name, age, ts}}
}

func TestAivenTopics(t *testing.T) {
	f := func(conf map[string]string, cases ...[4]any) {
		t.Helper()
		checkExtra(t, aivenPrefix+"ExtractTopic$Value", conf, cases...)
	}
	f(map[string]string{"field.name": "name"},
		[4]any{personSchema, person("a", int32(1), nil), "a"},
		[4]any{personSchema, person(nil, int32(1), nil), anyData},
		[4]any{personSchema, nil, anyData},
		[4]any{nil, objectOf("name", int64(7)), "7"},
		[4]any{nil, objectOf("name", " "), anyData},
		[4]any{nil, objectOf("name", objectOf()), anyData},
		[4]any{nil, objectOf("x", true), anyData},
		[4]any{nil, "text", anyData},
		[4]any{batch.StringSchema, "text", anyData})
	f(map[string]string{"field.name": "age", "skip.missing.or.null": "true"},
		[4]any{personSchema, person("a", int32(17), nil), "17"},
		[4]any{nil, objectOf("x", true), "t"},
		[4]any{nil, nil, anyData})
	f(map[string]string{}, [4]any{batch.StringSchema, "text", "text"}, [4]any{nil, 1.5, "1.5"}, [4]any{nil, nil, anyData},
		[4]any{personSchema, person("a", int32(1), nil), anyData})
	name := "com.acme.Order"
	named := batch.NewSchema(batch.Schema{Type: batch.Struct, Name: &name})
	value := &batch.StructValue{Schema: named}
	g := func(conf map[string]string, topic string) {
		t.Helper()
		checkExtra(t, aivenPrefix+"ExtractTopicFromSchemaName$Value", conf, [4]any{named, value, topic}, [4]any{nil, objectOf(), anyData})
	}
	g(map[string]string{}, "com.acme.Order")
	g(map[string]string{"schema.name.regex": "(?:[.]|^)([^.]*)$"}, "Order")
	g(map[string]string{"schema.name.topic-map": "x:y,com.acme.Order:orders"}, "orders")
}

func TestAivenValues(t *testing.T) {
	checkExtra(t, aivenPrefix+"ExtractTimestamp$Value", map[string]string{"field.name": "ts", "timestamp.resolution": "seconds"},
		[4]any{personSchema, person("a", int32(1), int64(5)), 5000},
		[4]any{personSchema, person("a", int32(1), nil), anyData},
		[4]any{nil, objectOf("ts", batch.Date(7)), 7},
		[4]any{nil, objectOf("ts", "x"), anyData},
		[4]any{nil, nil, anyData}, [4]any{nil, "x", anyData})
	checkExtra(t, aivenPrefix+"Hash$Value", map[string]string{"field.name": "name", "function": "md5"},
		[4]any{personSchema, person("jumbo", int32(1), nil), personSchema, person(md5Hex("jumbo"), int32(1), nil)},
		[4]any{personSchema, person(nil, int32(1), nil), anyData},
		[4]any{nil, objectOf("name", "x"), anyData},
		[4]any{batch.StringSchema, "x", anyData})
	checkExtra(t, aivenPrefix+"Hash$Value", map[string]string{"function": "sha256", "skip.missing.or.null": "true"},
		[4]any{batch.OptionalStringSchema, "abc", batch.OptionalStringSchema, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		[4]any{batch.OptionalStringSchema, nil, batch.OptionalStringSchema, nil})
	checkExtra(t, aivenPrefix+"CaseTransform$Value", map[string]string{"field.names": "name,age,no", "case": "upper"},
		[4]any{personSchema, person("straße é", int32(1), nil), personSchema, person("STRASSE É", int32(1), nil)},
		[4]any{personSchema, person(nil, int32(1), nil), personSchema, person(nil, int32(1), nil)},
		[4]any{nil, objectOf("name", "Ab", "age", true), nil, objectOf("name", "AB", "age", "TRUE", "no", nil)},
		[4]any{nil, nil, anyData}, [4]any{nil, []any{}, anyData})
	joined := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: append(append([]batch.Field{}, personSchema.Fields...),
		batch.Field{Name: "all", Schema: batch.OptionalStringSchema})})
	checkExtra(t, aivenPrefix+"ConcatFields$Value", map[string]string{"field.names": "age,name,no", "output.field.name": "all", "delimiter": "-", "field.replace.missing": "*"},
		[4]any{personSchema, person("x", int32(1), nil), joined, &batch.StructValue{Schema: joined, Vals: []any{"x", int32(1), nil, "1-x-*"}}},
		[4]any{nil, objectOf("name", "n", "age", nil), nil, objectOf("name", "n", "age", nil, "all", "*-n-*")},
		[4]any{nil, nil, anyData})
	f := func(conf map[string]string, outcomes ...string) {
		t.Helper()
		conf["field.name"] = "f"
		var cases [][4]any
		for i, x := range []any{"5", int64(5), 5.0, true, nil, "abc"} {
			cases = append(cases, [4]any{nil, objectOf("f", x), outcomes[i]})
		}
		checkExtra(t, aivenPrefix+"FilterByFieldValue$Value", conf, append(cases, [4]any{nil, nil, "t"})...)
	}
	f(map[string]string{"field.value": "5"}, "t", "t", "t", "", "", "")
	f(map[string]string{"field.value": "true", "field.value.matches": "false"}, "t", "t", "t", "", "t", "t")
	f(map[string]string{"field.value.pattern": "^[a5]"}, "t", "t", "t", "", "", "t")
}

func md5Hex(s string) string {
	h, _ := newAivenHash(mustValues(aivenHashConfig, map[string]string{"function": "md5"}), batch.Value)
	return string(h.(*AivenHash).append(nil, []byte(s)))
}

func mustValues(def config.Def, conf map[string]string) config.Values {
	v, err := def.Parse(config.NewProps(conf))
	if err != nil {
		panic(err)
	}
	return v
}

func TestKeyToValue(t *testing.T) {
	f := func(conf map[string]string, ks *batch.Schema, key any, s *batch.Schema, value any, ws *batch.Schema, want any) {
		t.Helper()
		r := batch.Record{Topic: "t", Timestamp: 1, KeySchema: ks, Key: key, ValueSchema: s, Value: value}
		out := r
		out.ValueSchema, out.Value = ws, want
		outcome := batchtest.Kept(out)
		if fault, ok := want.(*batch.Fault); ok {
			outcome = batchtest.Failed(fault.Class, fault.Message)
		}
		batchtest.Run(t, func() (func(*batch.Batch) error, error) {
			return transformOf(t, aivenPrefix+"KeyToValue", conf).Apply, nil
		},
			[]batch.Record{r, r}, true, []batchtest.Outcome{outcome, outcome})
	}
	ks := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{{Name: "id", Schema: batch.Int32Schema}, {Name: "age", Schema: batch.StringSchema}}})
	key := &batch.StructValue{Schema: ks, Vals: []any{int32(9), "old"}}
	out := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "name", Schema: batch.OptionalStringSchema}, {Name: "age", Schema: batch.StringSchema}, {Name: "ts", Schema: batch.OptionalInt64Schema},
		{Name: "key_id", Schema: batch.Int32Schema}, {Name: "_key", Schema: ks},
	}})
	conf := map[string]string{"key.fields": "id,age,*", "value.fields": "key_id"}
	f(conf, ks, key, personSchema, person("n", int32(1), nil), out, &batch.StructValue{Schema: out, Vals: []any{"n", "old", nil, int32(9), key}})
	f(conf, ks, key, nil, objectOf("age", int64(3)), nil, objectOf("age", "old", "key_id", int32(9), "_key", key))
	f(conf, nil, objectOf("id", int64(1)), nil, objectOf(), nil, objectOf("key_id", int64(1), "age", nil, "_key", objectOf("id", int64(1))))
	f(conf, batch.StringSchema, "k", nil, objectOf(), nil, batch.DataFault("Named key fields [id, age, *] cannot be copied from the key schema: STRING"))
	f(conf, ks, key, batch.StringSchema, "x", nil, batch.DataFault("The value needs to be a Struct or Map in order to append fields"))
	f(map[string]string{"key.fields": "*"}, batch.StringSchema, "k", nil, objectOf(), nil, objectOf("_key", "k"))
}

func TestTombstones(t *testing.T) {
	f := func(class, behavior string, want any) {
		t.Helper()
		conf := map[string]string{"behavior": behavior}
		if behavior == "" {
			conf = nil
		}
		checkExtra(t, class+"TombstoneHandler", conf, [4]any{nil, nil, want}, [4]any{personSchema, nil, want}, [4]any{nil, objectOf(), "t"})
	}
	f(aivenPrefix, "Drop_Warn", "")
	f(aivenPrefix, "fail", batch.DataFault("Tombstone record encountered, failing due to configured 'fail' behavior"))
	f(confluentPrefix, "", "")
	f(confluentPrefix, "fail", anyData)
	checkExtra(t, aivenPrefix+"MakeTombstone", nil, [4]any{personSchema, person("a", int32(1), nil), nil, nil}, [4]any{nil, "x", nil, nil})
	optional := personSchema.AsOptional(true)
	drop := func(behavior string, want any) {
		t.Helper()
		checkExtra(t, confluentPrefix+"Drop$Value", map[string]string{"schema.behavior": behavior},
			[4]any{personSchema, person("a", int32(1), nil), want, nil}, [4]any{nil, "x", nil, nil})
	}
	drop("nullify", nil)
	drop("retain", personSchema)
	drop("force_optional", optional)
	drop("validate", anyData)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte("hello"))
	_ = w.Close()
	checkExtra(t, confluentPrefix+"GzipDecompress$Value", nil,
		[4]any{batch.BytesSchema, zipped.Bytes(), batch.BytesSchema, []byte("hello")},
		[4]any{nil, zipped.Bytes(), nil, []byte("hello")}, [4]any{nil, nil, nil, nil},
		[4]any{batch.BytesSchema, []byte("no"), anyData}, [4]any{nil, "x", anyData})
}

func TestConfluentTopics(t *testing.T) {
	checkExtra(t, confluentPrefix+"ExtractTopic$Value", map[string]string{"field": `$["f1"]["f3"]`, "field.format": "JSON_PATH"},
		[4]any{nil, objectOf("f1", objectOf("f3", "new")), "new"},
		[4]any{nil, objectOf("f1", objectOf("f3", nil)), anyData}, [4]any{nil, objectOf("f1", objectOf("f3", int64(1))), anyData})
	checkExtra(t, confluentPrefix+"ExtractTopic$Value", map[string]string{"field": "name", "skip.missing.or.null": "true"},
		[4]any{personSchema, person("new", int32(1), nil), "new"}, [4]any{personSchema, person(nil, int32(1), nil), "t"}, [4]any{nil, nil, "t"})
	checkExtra(t, confluentPrefix+"MessageTimestampRouter", map[string]string{
		"topic.format": "foo-${topic}-${timestamp}", "message.timestamp.format": "yyyy-MM-dd", "topic.timestamp.format": "yyyy.MM.dd", "message.timestamp.keys": "timestamp,time,ts"},
		[4]any{nil, objectOf("time", "2019-08-06"), "foo-t-2019.08.06"},
		[4]any{nil, objectOf("timestamp", nil, "ts", int64(1565049600000)), "foo-t-2019.08.06"},
		[4]any{nil, objectOf("time", "x"), anyData}, [4]any{nil, objectOf(), anyData}, [4]any{nil, nil, anyData})
}

func TestConfluentFilter(t *testing.T) {
	f := func(condition, missing string, want ...any) {
		t.Helper()
		conf := map[string]string{"filter.condition": condition, "filter.type": "include", "missing.or.null.behavior": missing}
		values := []any{
			objectOf("key", objectOf("name", "value1", "n", int64(2))),
			objectOf("key", objectOf("name", "other", "n", "7")),
			objectOf("key", objectOf("n", nil)),
			objectOf("key", nil, "list", []any{objectOf("n", int64(1)), objectOf("n", int64(9))}),
		}
		var cases [][4]any
		for i, x := range values {
			cases = append(cases, [4]any{nil, x, want[i]})
		}
		checkExtra(t, confluentPrefix+"Filter$Value", conf, cases...)
	}
	f(`$.key[?(@.name == "value1" || @.name == "value2")]`, "fail", "t", "", "", anyData)
	f(`$.key[?(@.name != 'value1')]`, "include", "", "t", "", "t")
	f(`$.key[?(@.n > 1)]`, "exclude", "t", "", "", "")
	f(`$.key[?(@.n == 7)]`, "exclude", "", "t", "", "")
	f(`$.key[?(@.name =~ /VALUE.*/i && !(@.n == 3))]`, "exclude", "t", "", "", "")
	f(`$.key[?(@.name in ['other', 'x'])]`, "exclude", "", "t", "", "")
	f(`$.key[?(@.n == null)]`, "exclude", "", "", "t", "")
	f(`$.key.name`, "exclude", "t", "t", "", "")
	f(`$['list'][*][?(@.n >= 9)]`, "exclude", "", "", "", "t")
	f(`$.list[-1].n`, "exclude", "", "", "", "t")
	f(`$[?(@.key.name)]`, "exclude", "t", "t", "", "")
}

func TestConfluentReplaceField(t *testing.T) {
	deep := func() any { return objectOf("b2", objectOf("c1", "f4"), "b1", objectOf("c1", "f4")) }
	in := objectOf("abc", int64(42), "etc", "etc", "foo", objectOf("a1", "k1", "a2", deep(), "a3", deep()), "dont", "whatever")
	checkExtra(t, confluentPrefix+"ReplaceField$Value", map[string]string{"exclude": "dont", "renames": "foo.a2:xyz,foo:bar,foo.a3.b1:luck,foo.a3.b2.c1:happy"},
		[4]any{nil, in, nil, objectOf("abc", int64(42), "etc", "etc",
			"bar", objectOf("a1", "k1", "xyz", deep(), "a3", objectOf("b2", objectOf("happy", "f4"), "luck", objectOf("c1", "f4"))))},
		[4]any{nil, nil, nil, nil})
	checkExtra(t, confluentPrefix+"ReplaceField$Value", map[string]string{"include": "foo.a3,abc", "exclude": "foo.a3.b2"},
		[4]any{nil, in, nil, objectOf("abc", int64(42), "foo", objectOf("a3", objectOf("b1", objectOf("c1", "f4"))))})
}
