// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/internal/invariants"
)

// typicalConfigs are configurations of every Apache transform over typicalSchema and typicalText, as people use them.
// A class that ends in $ is run on the value.
var typicalConfigs = []struct {
	class string
	pairs []string
}{
	{"Cast$", []string{"spec", "id:string,qty:int64,amount:float32"}},
	{"DropHeaders", []string{"headers", "trace"}},
	{"ExtractField$", []string{"field", "address"}},
	{"Filter", nil},
	{"Flatten$", []string{"delimiter", "_"}},
	{"HeaderFrom$", []string{"fields", "id", "headers", "id", "operation", "copy"}},
	{"HeaderFrom$", []string{"fields", "note", "headers", "note", "operation", "move"}},
	{"HoistField$", []string{"field", "payload"}},
	{"InsertField$", []string{"topic.field", "topic", "partition.field", "part", "timestamp.field", "at", "static.field", "s", "static.value", "x"}},
	{"InsertHeader", []string{"header", "origin", "value.literal", "17"}},
	{"MaskField$", []string{"fields", "email,note"}},
	{"MaskField$", []string{"fields", "email", "replacement", "***"}},
	{"RegexRouter", []string{"regex", "topic-(.*)", "replacement", "other-$1"}},
	{"ReplaceField$", []string{"exclude", "note,coupon", "renames", "id:order_id,email:mail"}},
	{"SetSchemaMetadata$", []string{"schema.name", "x.Order", "schema.version", "2"}},
	{"TimestampConverter$", []string{"field", "created", "target.type", "string", "format", "yyyy-MM-dd'T'HH:mm:ss.SSS"}},
	{"TimestampConverter$", []string{"field", "created", "target.type", "Timestamp"}},
	{"TimestampRouter", nil},
	{"ValueToKey", []string{"fields", "id,status"}},
}

// typicalSchema is a record of 12 fields, one of them nested.
var typicalSchema = batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
	{Name: "id", Schema: batch.Int64Schema},
	{Name: "customer", Schema: batch.OptionalStringSchema},
	{Name: "email", Schema: batch.StringSchema},
	{Name: "status", Schema: batch.StringSchema},
	{Name: "amount", Schema: batch.Float64Schema},
	{Name: "qty", Schema: batch.NewSchema(batch.Schema{Type: batch.Int32})},
	{Name: "paid", Schema: batch.NewSchema(batch.Schema{Type: batch.Boolean})},
	{Name: "coupon", Schema: batch.OptionalStringSchema},
	{Name: "created", Schema: batch.Int64Schema},
	{Name: "shipped", Schema: batch.TimestampSchema(true)},
	{Name: "note", Schema: batch.OptionalStringSchema},
	{Name: "address", Schema: batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "city", Schema: batch.StringSchema}, {Name: "zip", Schema: batch.StringSchema},
	}})},
}})

// typicalText is the same as JSON without schema.
func typicalText(i int) string {
	return fmt.Sprintf(`{"id":%d,"customer":"customer %d","email":"c%d@example.com","status":"paid","amount":%d.25,"qty":%d,"paid":true,`+
		`"coupon":null,"created":%d,"shipped":"2024-02-29","note":"leave it at the door","address":{"city":"Porto","zip":"%05d"}}`,
		i, i, i, i%900, i%7, 1700000000000+int64(i)*977, i%100000)
}

// fillTypical fills the value of b with n structs of typicalSchema. Every third coupon is null.
func fillTypical(b *batch.Batch, n int) {
	fillFacts(b, n)
	root := b.NewColumn(typicalSchema)
	city, zip := b.Slab.AppendText("Porto"), b.Slab.AppendText("4000-001")
	name, email := b.Slab.AppendText("customer 17"), b.Slab.AppendText("c17@example.com")
	status, note := b.Slab.AppendText("paid"), b.Slab.AppendText("leave it at the door")
	for i := range n {
		created := 1700000000000 + int64(i)*977
		for k, cell := range []uint64{batch.IntCell(int64(i)), uint64(name), uint64(email), uint64(status), batch.Float64Cell(float64(i) / 4),
			batch.IntCell(int64(i % 7)), batch.BoolCell(true), uint64(name), batch.IntCell(created), batch.IntCell(created), uint64(note)} {
			if k == 7 && i%3 == 0 {
				root.Kids[k].PushNull()
				continue
			}
			root.Kids[k].Push(cell)
		}
		address := root.Kids[11]
		address.Kids[0].Push(uint64(city))
		address.Kids[1].Push(uint64(zip))
		address.PushValid()
		root.PushValid()
	}
	b.Value.Set(typicalSchema, root)
}

// typicalTexts are n texts.
func typicalTexts(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = typicalText(i)
	}
	return texts
}

// fillRaw makes texts the fetched values of b.
func fillRaw(b *batch.Batch, texts []string) {
	fillFacts(b, len(texts))
	for _, s := range texts {
		b.Raw.Value = append(b.Raw.Value, b.Slab.AppendText(s))
	}
}

// perBatch measures the allocations of run over n rows in the steady state.
func perBatch(n int, run func(n int)) float64 {
	for range 3 {
		run(n)
	}
	return testing.AllocsPerRun(10, func() { run(n) })
}

// notPerRow fails when run allocates more for a full batch than for 256, or much for either.
func notPerRow(t *testing.T, what string, run func(n int)) {
	t.Helper()
	few, many := perBatch(256, run), perBatch(batch.MaxRows, run)
	if many > few+1 || many > mostPerBatch {
		t.Errorf("%s: %v allocations per batch of 256 rows, %v of %d", what, few, many, batch.MaxRows)
	}
}

// mostPerBatch allows a batch, not a record, the odd allocation.
const mostPerBatch = 8

// TestAllocationsDoNotGrowWithRows: no Apache transform allocates per record, over structs or over the columns that the JSON
// converter makes; nor does the converter, either way.
func TestAllocationsDoNotGrowWithRows(t *testing.T) {
	if invariants.Enabled {
		t.Skip("invariants allocate")
	}
	texts := typicalTexts(batch.MaxRows)
	seen := map[string]bool{}
	for _, c := range typicalConfigs {
		class := "org.apache.kafka.connect.transforms." + strings.TrimSuffix(c.class, "$")
		seen[class] = true
		if strings.HasSuffix(c.class, "$") {
			class += "$Value"
		}
		b := batch.New()
		conv := schemaless(t, batch.Value)
		tr := mustTransform(t, class, c.pairs...)
		f := func(form string, fill func(n int)) {
			t.Helper()
			notPerRow(t, class+", "+form, func(n int) {
				b.Reset()
				fill(n)
				if err := tr.Apply(b); err != nil {
					t.Fatal(err)
				}
			})
			if len(b.Errs) > 0 {
				t.Errorf("%s, %s: %v", class, form, b.Errs[0].Err)
			}
		}
		f("structs", func(n int) { fillTypical(b, n) })
		if strings.Contains(class, "SetSchemaMetadata") {
			continue // refuses maps
		}
		f("JSON", func(n int) {
			fillRaw(b, texts[:n])
			if err := conv.Decode(b, batch.Value); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, class := range Transforms.Names() {
		if class, _, _ = strings.Cut(class, "$"); strings.HasPrefix(class, "org.apache.kafka.connect.transforms.") && !seen[class] {
			t.Errorf("%s has no configuration in typicalConfigs", class)
		}
	}
}

// TestConverterAllocationsDoNotGrowWithRows is the same for the JSON converter, either way, with schemas and without.
func TestConverterAllocationsDoNotGrowWithRows(t *testing.T) {
	if invariants.Enabled {
		t.Skip("invariants allocate")
	}
	texts := typicalTexts(batch.MaxRows)
	b := batch.New()
	conv := schemaless(t, batch.Value)
	f := func(what string, conv codec.Converter, fill func(n int)) {
		t.Helper()
		notPerRow(t, what, func(n int) {
			b.Reset()
			fill(n)
			if err := conv.Encode(b, batch.Value); err != nil || len(b.Errs) > 0 {
				t.Fatal(err, b.Errs)
			}
		})
	}
	decode := func(n int) {
		fillRaw(b, texts[:n])
		if err := conv.Decode(b, batch.Value); err != nil || len(b.Errs) > 0 {
			t.Fatal(err, b.Errs)
		}
	}
	f("JSON without schemas, decode and encode", conv, decode)
	f("structs to JSON without schemas", conv, func(n int) { fillTypical(b, n) })
	f("structs to JSON with schemas", withSchemas(t), func(n int) { fillTypical(b, n) })
	// What the converter with schemas writes, it reads.
	b.Reset()
	fillTypical(b, batch.MaxRows)
	both := withSchemas(t)
	if err := both.Encode(b, batch.Value); err != nil {
		t.Fatal(err)
	}
	envelopes := make([]string, b.N)
	for i, v := range b.Out.Value {
		envelopes[i] = string(b.Out.Bytes(v))
	}
	f("JSON with schemas, decode and encode", both, func(n int) {
		fillRaw(b, envelopes[:n])
		if err := both.Decode(b, batch.Value); err != nil || len(b.Errs) > 0 {
			t.Fatal(err, b.Errs)
		}
	})
}
