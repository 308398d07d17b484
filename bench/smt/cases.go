// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/penstock-io/penstock/batch"
)

const (
	prefix = "org.apache.kafka.connect.transforms."
	rows   = batch.MaxRows
)

// forms are the shapes in which records reach a transform.
var forms = []string{"struct", "map", "text"}

// smtCase is a transform as people use it over records of type order.
type smtCase struct {
	class  string // without prefix
	pairs  []string
	noMaps bool // the transform refuses maps
}

var cases = []smtCase{
	{class: "Cast$Value", pairs: []string{"spec", "id:string,qty:int64,amount:float32"}},
	{class: "DropHeaders", pairs: []string{"headers", "trace"}},
	{class: "ExtractField$Value", pairs: []string{"field", "address"}},
	{class: "Filter"},
	{class: "Flatten$Value", pairs: []string{"delimiter", "_"}},
	{class: "HeaderFrom$Value", pairs: []string{"fields", "id", "headers", "id", "operation", "copy"}},
	{class: "HoistField$Value", pairs: []string{"field", "payload"}},
	{class: "InsertField$Value", pairs: []string{"topic.field", "topic", "timestamp.field", "at", "static.field", "s", "static.value", "x"}},
	{class: "InsertHeader", pairs: []string{"header", "origin", "value.literal", "17"}},
	{class: "MaskField$Value", pairs: []string{"fields", "email,note"}},
	{class: "RegexRouter", pairs: []string{"regex", "topic-(.*)", "replacement", "other-$1"}},
	{class: "ReplaceField$Value", pairs: []string{"exclude", "note,coupon", "renames", "id:order_id,email:mail"}},
	{class: "SetSchemaMetadata$Value", pairs: []string{"schema.name", "x.Order", "schema.version", "2"}, noMaps: true},
	{class: "TimestampConverter$Value", pairs: []string{"field", "created", "target.type", "string", "format", "yyyy-MM-dd'T'HH:mm:ss.SSS"}},
	{class: "TimestampRouter"},
	{class: "ValueToKey", pairs: []string{"fields", "id,status"}},
}

// order is the schema of the records: 12 fields, one of them nested. The Java side has the same.
var order = batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
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

// orderText is record i as JSON. Every third coupon is null.
func orderText(i int) string {
	coupon := "null"
	if i%3 != 0 {
		coupon = fmt.Sprintf(`"SAVE-%d"`, i%50)
	}
	return fmt.Sprintf(`{"id":%d,"customer":"customer %d","email":"c%d@example.com","status":"paid","amount":%d.25,"qty":%d,"paid":%t,`+
		`"coupon":%s,"created":%d,"shipped":null,"note":"leave it at the door","address":{"city":"Malmö","zip":"%05d"}}`,
		100_000+i, i, i, i%900, i%7, i%2 == 0, coupon, 1_700_000_000_000+int64(i)*977, i*37%100_000)
}

// fillFacts gives the rows their topic, offsets and timestamps.
func fillFacts(b *batch.Batch) {
	b.N = rows
	b.Topics.Set("topic-1")
	b.Origin.Topic, b.Origin.Partition = "topic-1", 3
	for i := range rows {
		b.Timestamp = append(b.Timestamp, 1_700_000_000_123)
		b.Offset = append(b.Offset, int64(i))
	}
	b.Key.Set(nil, b.NewConstDyn(batch.TagNull, 0, rows))
}

// fillRaw makes the texts the fetched values of b.
func fillRaw(b *batch.Batch, texts []string) {
	fillFacts(b)
	for _, s := range texts {
		b.Raw.Value = append(b.Raw.Value, b.Slab.AppendText(s))
	}
}

// fillStructs fills b with structs of order, as a converter of columns leaves them.
func fillStructs(b *batch.Batch) {
	fillFacts(b)
	root := b.NewColumn(order)
	text := func(format string, a ...any) uint64 { return uint64(b.Slab.AppendText(fmt.Sprintf(format, a...))) }
	for i := range rows {
		created := 1_700_000_000_000 + int64(i)*977
		cells := []uint64{
			batch.IntCell(int64(100_000 + i)), text("customer %d", i), text("c%d@example.com", i), text("paid"), batch.Float64Cell(float64(i%900) + .25),
			batch.IntCell(int64(i % 7)), batch.BoolCell(i%2 == 0), text("SAVE-%d", i%50), batch.IntCell(created), batch.IntCell(created),
			text("leave it at the door"),
		}
		for k, cell := range cells {
			if k == 7 && i%3 == 0 {
				root.Kids[k].PushNull()
				continue
			}
			root.Kids[k].Push(cell)
		}
		address := root.Kids[11]
		address.Kids[0].Push(text("Malmö"))
		address.Kids[1].Push(text("%05d", i*37%100_000))
		address.PushValid()
		root.PushValid()
	}
	b.Value.Set(order, root)
}

// simpleName is the class without $Value.
func (c *smtCase) simpleName() string {
	name, _, _ := strings.Cut(c.class, "$")
	return name
}

// config is the configuration as a line of text.
func (c *smtCase) config() string {
	var parts []string
	for i := 0; i < len(c.pairs); i += 2 {
		parts = append(parts, c.pairs[i]+"="+c.pairs[i+1])
	}
	return strings.Join(parts, ", ")
}
