// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"errors"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/config"
)

// jsonRows are texts of schemaless values, with the shapes that bring kernels to their borders: keys missing, null, of
// mixed types, nested, repeated, empty.
var jsonRows = []string{
	`{"a":1,"b":"x","ts":1700000000123,"n":{"p":1,"q":{"r":"deep"}},"s":"12"}`,
	`{"a":2,"b":"y","ts":1700000000999,"n":{"p":2,"q":{"r":null}},"s":"-7"}`,
	`{"b":"z","a":3.5,"s":"true","n":{}}`,
	`{"a":null,"ts":null,"n":null,"s":null}`,
	`{}`,
	`null`,
	`{"a":[1,{"k":2}],"b":{"c":1},"ts":"2024-02-29T12:34:56.789","n":[1],"s":[]}`,
	`{"a":true,"b":"esc\"aped\u0041","n":{"p":{"p":{"p":5}},"q":7},"s":{"t":1}}`,
	`{"a":-1e3,"b":12345678901234567890,"n.p":"clash","s":"1.5"}`,
	`[1,2]`,
	`"text"`,
	`17`,
}

// loadJSON puts texts into the value of a batch as a converter without schemas leaves them: not decoded.
func loadJSON(b *batch.Batch, texts []string) {
	root := b.NewColumn(nil)
	b.N = len(texts)
	for i, s := range texts {
		root.PushTag(batch.TagJSON, uint64(b.Slab.AppendText(s)))
		b.Topics.Put(i, b.N, "t")
		b.Partition = append(b.Partition, 0)
		b.Timestamp = append(b.Timestamp, batch.NoTimestamp)
	}
	b.Value.Set(nil, root)
	for i := range texts {
		b.AssignNull(&b.Key, i)
	}
	b.Key.Seal(b.N)
}

// transformOf configures a transform by its class.
func transformOf(t testing.TB, class string, conf map[string]string) Transform {
	t.Helper()
	plugin, _, ok := Transforms.Lookup(class)
	if !ok {
		t.Fatalf("no class %s", class)
	}
	v, err := plugin.Def.Parse(config.NewProps(conf))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := plugin.New(v)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestColumnsAgreeWithRows runs kernels over undecoded text, all rows in one batch, and compares each row with what the
// transform's row form makes of the value.
func TestColumnsAgreeWithRows(t *testing.T) {
	f := func(class string, kv ...string) {
		t.Helper()
		conf := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			conf[kv[i]] = kv[i+1]
		}
		class = "org.apache.kafka.connect.transforms." + class + "$Value"
		rows := transformOf(t, class, conf).(interface {
			row(s *batch.Schema, x any) (*batch.Schema, any, error)
		})
		for _, texts := range [][]string{jsonRows, jsonRows[:2], jsonRows[2:4], {jsonRows[0]}, {jsonRows[6], jsonRows[1]}, {`null`, `null`}} {
			b := batch.New()
			loadJSON(b, texts)
			if err := transformOf(t, class, conf).Apply(b); err != nil {
				t.Fatal(err)
			}
			if err := b.Check(); err != nil {
				t.Fatalf("%s %v: %v", class, conf, err)
			}
			for i := range texts {
				one := batch.New()
				loadJSON(one, texts[i:i+1])
				_, x := one.ValueAt(batch.Value, 0)
				_, x, err := rows.row(nil, x)
				got := b.RecordAt(i)
				want := got
				want.ValueSchema, want.Value = nil, x
				outcome := batchtest.Kept(want)
				if err != nil {
					outcome = batchtest.Failed(batch.ClassOf(err), "")
				}
				if d := batchtest.Diff(b, i, outcome); d != "" {
					t.Errorf("%s %v: row %d of %d, %s: %s", class, conf, i, len(texts), texts[i], d)
				}
			}
		}
	}
	f("ReplaceField", "renames", "a:A,ts:time,n:nn")
	f("ReplaceField", "exclude", "a,n")
	f("ReplaceField", "include", "a,b", "renames", "a:b2")
	// two keys under one name
	f("ReplaceField", "renames", "a:b")
	f("MaskField", "fields", "a,b,n")
	f("MaskField", "fields", "b", "replacement", "***")
	f("MaskField", "fields", "ts,no", "replacement", "42")
	f("MaskField", "fields", "s")
	f("Flatten")
	f("Flatten", "delimiter", "_")
	for _, typ := range []string{"int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string"} {
		f("Cast", "spec", "a:"+typ+",s:"+typ)
		f("Cast", "spec", "b:"+typ+",no:"+typ)
		f("Cast", "spec", typ)
	}
	for _, typ := range []string{"string", "unix", "Date", "Time", "Timestamp"} {
		f("TimestampConverter", "field", "ts", "target.type", typ, "format", "yyyy-MM-dd'T'HH:mm:ss.SSS")
		f("TimestampConverter", "field", "no", "target.type", typ, "format", "yyyy")
		f("TimestampConverter", "target.type", typ, "format", "yyyy", "unix.precision", "seconds")
	}
}

// TestFieldKernelsDoNotAllocate checks that kernels allocate nothing once their batch, caches and columns exist.
func TestFieldKernelsDoNotAllocate(t *testing.T) {
	texts := make([]string, 0, 512)
	for range 512 {
		texts = append(texts, `{"id":123,"name":"some name","ts":1700000000123,"note":"long text","in":{"a":1,"b":{"c":"x"}}}`)
	}
	f := func(class string, kv ...string) {
		t.Helper()
		conf := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			conf[kv[i]] = kv[i+1]
		}
		tr := transformOf(t, "org.apache.kafka.connect.transforms."+class+"$Value", conf)
		b := batch.New()
		run := func() {
			b.Reset()
			b.N = len(texts)
			root := b.NewVec()
			root.Kind = batch.KindObject
			root.N = b.N
			for _, name := range []string{"id", "name", "ts", "note", "in"} {
				kid := b.NewColumn(nil)
				cell := sampleCell(b, name)
				for range texts {
					kid.PushTag(batch.TagJSON, cell)
				}
				root.Names = append(root.Names, name)
				root.Kids = append(root.Kids, kid)
			}
			b.Value.Set(nil, root)
			if err := tr.Apply(b); err != nil || len(b.Errs) > 0 {
				t.Fatal(err, errors.Join(errsOf(b)...))
			}
		}
		for range 5 {
			run()
		}
		// Names of columns that appear are made once per batch; nothing may grow with the rows.
		limit := 0.0
		if class == "Flatten" {
			limit = 16
		}
		if n := testing.AllocsPerRun(10, run); n > limit {
			t.Errorf("%s %v: %v allocations", class, conf, n)
		}
	}
	f("ReplaceField", "renames", "id:ID,name:NAME", "exclude", "note")
	f("MaskField", "fields", "name", "replacement", "***")
	f("MaskField", "fields", "name,id,in")
	f("Cast", "spec", "id:string,ts:float64,name:string")
	f("TimestampConverter", "field", "ts", "target.type", "string", "format", "yyyy-MM-dd'T'HH:mm:ss.SSS")
	f("TimestampConverter", "field", "ts", "target.type", "Timestamp")
	f("Flatten")
}

// TestStructKernelsDoNotAllocate is the same for typed columns.
func TestStructKernelsDoNotAllocate(t *testing.T) {
	inner := batch.NewSchema(batch.Schema{Type: batch.Struct, Optional: true, Fields: []batch.Field{{Name: "x", Schema: batch.Int32Schema}}})
	schema := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "id", Schema: batch.Int32Schema}, {Name: "name", Schema: batch.OptionalStringSchema},
		{Name: "ts", Schema: batch.TimestampSchema(false)}, {Name: "in", Schema: inner},
	}})
	const rows = 256
	fill := func(b *batch.Batch) {
		b.N = rows
		root := b.NewColumn(schema)
		name := uint64(b.Slab.AppendText("some name"))
		for i := range rows {
			root.Kids[0].Push(uint64(i))
			root.Kids[2].Push(1700000000123)
			if i%4 == 0 {
				root.Kids[1].PushNull()
				b.AppendNull(root.Kids[3])
			} else {
				root.Kids[1].Push(name)
				root.Kids[3].Kids[0].Push(7)
				root.Kids[3].PushValid()
			}
			root.PushValid()
		}
		b.Value.Set(schema, root)
	}
	f := func(class string, kv ...string) {
		t.Helper()
		conf := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			conf[kv[i]] = kv[i+1]
		}
		tr := transformOf(t, transforms+class+"$Value", conf)
		b := batch.New()
		run := func() {
			b.Reset()
			fill(b)
			if err := tr.Apply(b); err != nil || len(b.Errs) > 0 {
				t.Fatal(err, errors.Join(errsOf(b)...))
			}
		}
		for range 5 {
			run()
		}
		if n := testing.AllocsPerRun(10, run); n > 0 {
			t.Errorf("%s %v: %v allocations", class, conf, n)
		}
	}
	f("ReplaceField", "renames", "id:ID,name:NAME", "exclude", "ts")
	f("MaskField", "fields", "name,id", "replacement", "42")
	f("Cast", "spec", "id:string,name:boolean,ts:int64")
	f("TimestampConverter", "field", "ts", "target.type", "string", "format", "yyyy-MM-dd'T'HH:mm:ss.SSS")
	f("TimestampConverter", "field", "ts", "target.type", "unix", "unix.precision", "seconds")
	f("Flatten")
}

func errsOf(b *batch.Batch) (errs []error) {
	for _, e := range b.Errs {
		errs = append(errs, e.Err)
	}
	return errs
}

var sampleMembers = map[string]string{
	"id": `123`, "name": `"some name"`, "ts": `1700000000123`, "note": `"long text"`, "in": `{"a":1,"b":{"c":"x"}}`,
}

func sampleCell(b *batch.Batch, name string) uint64 {
	return uint64(b.Slab.AppendText(sampleMembers[name]))
}
