// SPDX-License-Identifier: Apache-2.0

package datagen

import (
	"strconv"

	"github.com/penstock-io/penstock/batch"
)

// template is one kind of record. Its first field is also the key.
type template struct {
	schema *batch.Schema
	// row appends one cell to every kid of root.
	row func(b *batch.Batch, root *batch.Vec, r random, n, atMs int64)
	// fill, where it is set, stands for row: it appends rows from..from+n-1 to root and its kids.
	fill func(b *batch.Batch, root *batch.Vec, from int64, n int)
}

var templates = map[string]*template{
	"events": events,
	"orders": {schema: schemaOf("Order",
		f("order_id", batch.Int64Schema), f("customer_id", batch.Int64Schema), f("product", batch.StringSchema),
		f("quantity", batch.Int32Schema), f("price", batch.Float64Schema), f("currency", batch.StringSchema),
		f("status", batch.StringSchema), f("email", batch.StringSchema), f("note", batch.OptionalStringSchema),
		f("created_at", batch.Int64Schema)), row: order},
	"users": {schema: schemaOf("User",
		f("user_id", batch.Int64Schema), f("name", batch.StringSchema), f("email", batch.StringSchema),
		f("country", batch.StringSchema), f("age", batch.OptionalInt32Schema), f("active", batch.BooleanSchema),
		f("registered_at", batch.TimestampSchema(false))), row: user},
	"clicks": {schema: schemaOf("Click",
		f("session", batch.StringSchema), f("user_id", batch.Int64Schema), f("url", batch.StringSchema),
		f("referrer", batch.OptionalStringSchema), f("ip", batch.StringSchema), f("status", batch.Int32Schema),
		f("millis", batch.Int32Schema), f("at", batch.TimestampSchema(false))), row: click},
}

func f(name string, s *batch.Schema) batch.Field { return batch.Field{Name: name, Schema: s} }

func schemaOf(name string, fields ...batch.Field) *batch.Schema {
	full := "io.penstock.datagen." + name
	return batch.NewSchema(batch.Schema{Type: batch.Struct, Name: &full, Fields: fields})
}

// random is a small generator whose whole state is one word, so that any row can be made by itself (splitmix64).
type random struct{ state *uint64 }

func rng(seed, row uint64) random {
	s := seed*0x9E3779B97F4A7C15 ^ row*0xD1B54A32D192ED03
	return random{&s}
}

func (r random) next() uint64 {
	*r.state += 0x9E3779B97F4A7C15
	z := *r.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func (r random) below(n int) int { return int(r.next() % uint64(n)) }

func (r random) of(words []string) string { return words[r.below(len(words))] }

var (
	products   = []string{"espresso", "teapot", "kettle", "grinder", "filter paper", "mug", "saucer", "milk jug", "crème brûlée torch"}
	currencies = []string{"EUR", "USD", "GBP", "JPY", "CHF"}
	statuses   = []string{"new", "paid", "packed", "shipped", "delivered", "returned"}
	firstNames = []string{"Ada", "Bjarne", "Chidi", "Dorothy", "Edsger", "Fatima", "Grace", "Hiro", "Ines", "Jürgen", "Ken", "Łukasz"}
	lastNames  = []string{"Lovelace", "Okafor", "Hopper", "Tanaka", "Silva", "Müller", "Novák", "Ritchie", "García", "Kowalska"}
	countries  = []string{"DE", "FR", "NG", "JP", "BR", "PL", "US", "GB", "CZ", "IN"}
	paths      = []string{"/", "/cart", "/checkout", "/search?q=mug", "/product/17", "/product/23", "/help", "/account"}
	notes      = []string{"leave at the door", "gift wrap, please", "call before \"delivery\"", "2nd floor\tleft"}
	httpCodes  = []int{200, 200, 200, 200, 304, 404, 500}
)

func text(b *batch.Batch, v *batch.Vec, s string) { v.Push(uint64(b.Slab.AppendText(s))) }

func number(v *batch.Vec, n int64) { v.Push(batch.IntCell(n)) }

// email is a name at a domain that exists nowhere.
func email(b *batch.Batch, v *batch.Vec, r random) {
	text(b, v, "user"+strconv.Itoa(r.below(100_000))+"@example.org")
}

func order(b *batch.Batch, root *batch.Vec, r random, n, atMs int64) {
	k := root.Kids
	number(k[0], n+1)
	number(k[1], int64(1000+r.below(9000)))
	text(b, k[2], r.of(products))
	number(k[3], int64(1+r.below(5)))
	k[4].Push(batch.Float64Cell(float64(99+r.below(20_000)) / 100))
	text(b, k[5], r.of(currencies))
	text(b, k[6], r.of(statuses))
	email(b, k[7], r)
	if r.below(4) == 0 {
		text(b, k[8], r.of(notes))
	} else {
		k[8].PushNull()
	}
	number(k[9], atMs)
}

func user(b *batch.Batch, root *batch.Vec, r random, n, atMs int64) {
	k := root.Kids
	number(k[0], n+1)
	text(b, k[1], r.of(firstNames)+" "+r.of(lastNames))
	email(b, k[2], r)
	text(b, k[3], r.of(countries))
	if r.below(10) == 0 {
		k[4].PushNull()
	} else {
		number(k[4], int64(18+r.below(60)))
	}
	k[5].Push(batch.BoolCell(r.below(8) != 0))
	number(k[6], atMs)
}

func click(b *batch.Batch, root *batch.Vec, r random, _, atMs int64) {
	k := root.Kids
	text(b, k[0], strconv.FormatUint(r.next(), 36))
	number(k[1], int64(1+r.below(5000)))
	text(b, k[2], "https://shop.example.org"+r.of(paths))
	if r.below(3) == 0 {
		k[3].PushNull()
	} else {
		text(b, k[3], "https://search.example.org/")
	}
	text(b, k[4], "203.0.113."+strconv.Itoa(r.below(256)))
	number(k[5], int64(httpCodes[r.below(len(httpCodes))]))
	number(k[6], int64(r.below(900)))
	number(k[7], atMs)
}
