// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/invariants"
)

// mustTransform configures a transform: pairs are keys and values.
func mustTransform(t testing.TB, class string, pairs ...string) Transform {
	t.Helper()
	plugin, _, ok := Transforms.Lookup(class)
	if !ok {
		t.Fatalf("no class %s", class)
	}
	v, err := plugin.Def.ParseStrings(pairMap(pairs))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := plugin.New(v)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func pairMap(pairs []string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

var columnsSchema = batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
	{Name: "id", Schema: batch.Int64Schema},
	{Name: "name", Schema: batch.OptionalStringSchema},
}})

// fillObject loads n rows of a schemaless map {"id": JSON number, "name": JSON text} as the JSON converter would.
func fillObject(b *batch.Batch, n int) {
	fillFacts(b, n)
	root := b.NewVec()
	root.Kind, root.N = batch.KindObject, n
	for _, text := range []string{`17`, `"seventeen"`} {
		kid := b.NewColumn(nil)
		view := b.Slab.AppendText(text)
		for range n {
			kid.PushTag(batch.TagJSON, uint64(view))
		}
		root.Kids = append(root.Kids, kid)
	}
	root.Names = append(root.Names, "id", "name")
	b.Value.Set(nil, root)
}

// fillStruct loads n rows of a struct of columnsSchema; every third name is null.
func fillStruct(b *batch.Batch, n int) {
	fillFacts(b, n)
	root := b.NewColumn(columnsSchema)
	view := b.Slab.AppendText("seventeen")
	for i := range n {
		root.Kids[0].Push(batch.IntCell(int64(i)))
		if i%3 == 0 {
			root.Kids[1].PushNull()
		} else {
			root.Kids[1].Push(uint64(view))
		}
		root.PushValid()
	}
	b.Value.Set(columnsSchema, root)
}

func fillFacts(b *batch.Batch, n int) {
	b.N = n
	b.Topics.Set("topic-1")
	b.Origin.Topic, b.Origin.Partition = "topic-1", 3
	for i := range n {
		b.Timestamp = append(b.Timestamp, 1700000000123)
		b.Offset = append(b.Offset, int64(i))
	}
	b.Key.Set(nil, b.NewConstDyn(batch.TagNull, 0, n))
}

// TestNoAllocations runs the usual paths over a batch that is filled anew each time: nothing may be allocated.
func TestNoAllocations(t *testing.T) {
	if invariants.Enabled {
		t.Skip("invariants allocate")
	}
	const prefix = "org.apache.kafka.connect.transforms."
	f := func(class string, pairs ...string) {
		t.Helper()
		for name, fill := range map[string]func(*batch.Batch, int){"object": fillObject, "struct": fillStruct} {
			tr := mustTransform(t, prefix+class, pairs...)
			b := batch.New()
			got := testing.AllocsPerRun(20, func() {
				b.Reset()
				fill(b, 500)
				if err := tr.Apply(b); err != nil {
					t.Fatal(err)
				}
			})
			if len(b.Errs) > 0 {
				t.Errorf("%s, %s: %v", class, name, b.Errs[0].Err)
			}
			if err := b.Check(); err != nil {
				t.Errorf("%s, %s: %v", class, name, err)
			}
			if got != 0 {
				t.Errorf("%s, %s: %v allocations per batch", class, name, got)
			}
		}
	}
	f("HoistField$Value", "field", "f")
	f("ExtractField$Value", "field", "name")
	f("ValueToKey", "fields", "id,name")
	f("InsertField$Value", "topic.field", "t", "partition.field", "p", "offset.field", "o", "timestamp.field", "ts",
		"static.field", "s", "static.value", "x")
	f("RegexRouter", "regex", "topic-(.*)", "replacement", "other-$1")
	f("TimestampRouter")
	f("DropHeaders", "headers", "h")
	f("Filter")
}

// TestNoAllocationsSchemaMetadata is apart: the transform refuses maps.
func TestNoAllocationsSchemaMetadata(t *testing.T) {
	tr := mustTransform(t, setSchemaMetadataClass+"$Value", "schema.name", "x.Y")
	b := batch.New()
	got := testing.AllocsPerRun(20, func() {
		b.Reset()
		fillStruct(b, 500)
		_ = tr.Apply(b)
	})
	if got != 0 || b.Value.Variants[0].Schema.NameText() != "x.Y" {
		t.Errorf("%v allocations per batch, schema %q", got, b.Value.Variants[0].Schema.NameText())
	}
}

// TestNoAllocationsPredicate splits every batch in two, runs a transform over one half, and puts nothing together.
func TestNoAllocationsPredicate(t *testing.T) {
	c, err := NewChain(config.NewProps(pairMap([]string{
		"transforms", "a", "transforms.a.type", hoistFieldClass + "$Value", "transforms.a.field", "w", "transforms.a.predicate", "p",
		"predicates", "p", "predicates.p.type", "TopicNameMatches", "predicates.p.pattern", "topic-1",
	})))
	if err != nil {
		t.Fatal(err)
	}
	b := batch.New()
	got := testing.AllocsPerRun(20, func() {
		b.Reset()
		fillStruct(b, 500)
		if b.Topics.IDs == nil {
			b.Topics.IDs = append(b.Topics.IDs, make([]uint16, 500)...)
		}
		b.Topics.Names = append(b.Topics.Names, "elsewhere")
		for i := range b.Topics.IDs {
			b.Topics.IDs[i] = uint16(i % 2)
		}
		if err := c.Apply(b); err != nil {
			t.Fatal(err)
		}
	})
	if len(b.Value.Variants) != 2 || b.Check() != nil {
		t.Errorf("%d variants, %v", len(b.Value.Variants), b.Check())
	}
	if got > 2 { // the topics of the batch itself
		t.Errorf("%v allocations per batch", got)
	}
}
