// SPDX-License-Identifier: Apache-2.0

package datagen

import (
	"strconv"

	"github.com/penstock-io/penstock/batch"
)

// eventsEpochMs is the time of event 0, in milliseconds: events do not depend on the clock.
const eventsEpochMs = 1_760_000_000_000

// events is the template that benchmarks use: 13 fields, some 300 bytes as JSON. Row n follows from n alone, by formulas
// short enough to be repeated in another language, so that two workers can be compared by the bytes they wrote.
var events = &template{
	schema: schemaOf("Event",
		f("id", batch.Int64Schema), f("user_id", batch.Int32Schema), f("event", batch.StringSchema),
		f("ts", batch.Int64Schema), f("email", batch.StringSchema), f("ip", batch.StringSchema),
		f("amount", batch.Float64Schema), f("currency", batch.StringSchema), f("country", batch.OptionalStringSchema),
		f("device", batch.StringSchema), f("active", batch.BooleanSchema), f("session", batch.StringSchema),
		f("address", schemaOf("Address", f("city", batch.StringSchema), f("zip", batch.StringSchema)))),
	fill: fillEvents,
}

var eventKinds = []string{"page_view", "add_to_cart", "purchase", "login", "logout"}

// fillEvents appends rows from..from+n-1, column by column. Text that repeats is in the slab once a batch.
func fillEvents(b *batch.Batch, root *batch.Vec, from int64, n int) {
	k := root.Kids
	var kinds [5]uint64
	for i, t := range eventKinds {
		kinds[i] = uint64(b.Slab.AppendText(t))
	}
	word := func(t string) uint64 { return uint64(b.Slab.AppendText(t)) }
	euro, germany, ios, city, zip := word("EUR"), word("DE"), word("ios"), word("Hamburg"), word("20095")
	for row := from; row < from+int64(n); row++ {
		user := row * 7919 % 1_000_000
		k[0].Push(batch.IntCell(row))
		k[1].Push(batch.IntCell(user))
		k[2].Push(kinds[user%5])
		k[3].Push(batch.IntCell(eventsEpochMs + row))
		k[4].Push(joined(b, "user", user, "@example.com"))
		k[5].Push(joined(b, "10.1.2.", user%256, ""))
		k[6].Push(batch.Float64Cell(float64(user%10_000) / 100))
		k[7].Push(euro)
		if user%3 == 0 {
			k[8].PushNull()
		} else {
			k[8].Push(germany)
		}
		k[9].Push(ios)
		k[10].Push(batch.BoolCell(user%2 == 0))
		k[11].Push(joined(b, "5f0c6a1e-9d0b-4c57-8a3e-", 100_000_000_000+user, ""))
		k[12].Kids[0].Push(city)
		k[12].Kids[1].Push(zip)
		k[12].PushValid()
		root.PushValid()
	}
}

// joined appends a text with a number inside to the slab and returns its cell.
func joined(b *batch.Batch, before string, n int64, after string) uint64 {
	buf := b.Slab.Buf()
	start := len(buf)
	buf = append(buf, before...)
	buf = strconv.AppendInt(buf, n, 10)
	buf = append(buf, after...)
	b.Slab.SetBuf(buf)
	return uint64(batch.MakeView(start, len(buf)-start))
}
