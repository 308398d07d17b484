// SPDX-License-Identifier: Apache-2.0

package datagen

import (
	"encoding/binary"
	"math/bits"
	"slices"
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

// Per-row texts of an event stand side by side in the slab:
//
//	0     4       10           22  24      31  34  36                      60    66    72
//	user  NUMBER  @example.com     10.1.2. N       5f0c…8a3e-              1000  00    number in six digits
const (
	eventStride = 72
	ipAt        = 24
	sessionAt   = 36
	sessionLen  = 36
	lowAt       = sessionAt + 30 // the six digits of the session
)

var (
	eventTexts  = [eventStride]byte([]byte("user                    10.1.2.     5f0c6a1e-9d0b-4c57-8a3e-100000000000"))
	emailDomain = [12]byte([]byte("@example.com"))

	// twoDigits are 00 to 99, octets 0 to 255 with their lengths.
	twoDigits = func() (t [100]uint16) {
		for i := range t {
			t[i] = uint16('0'+i/10) | uint16('0'+i%10)<<8
		}
		return t
	}()
	octets = func() (t [256]struct {
		text [3]byte
		n    int
	}) {
		for i := range t {
			t[i].n = copy(t[i].text[:], strconv.Itoa(i))
		}
		return t
	}()
)

// fillEvents makes rows from..from+n-1, column by column. Benchmarks measure what comes behind it: it must be cheap. Text
// that repeats is in the slab once a batch.
func fillEvents(b *batch.Batch, root *batch.Vec, from int64, n int) {
	b.Slab.Reserve(n*eventStride + markBytes)
	k := root.Kids
	var kinds [5]uint64
	for i, t := range eventKinds {
		kinds[i] = uint64(b.Slab.AppendText(t))
	}
	same := func(v *batch.Vec, t string) {
		word := uint64(b.Slab.AppendText(t))
		for i := range column(v, n) {
			v.W[i] = word
		}
	}
	same(k[7], "EUR")
	same(k[8], "DE")
	same(k[9], "ios")
	same(k[12].Kids[0], "Hamburg")
	same(k[12].Kids[1], "20095")
	k[12].N, root.N = n, n
	ids, users, events, times := column(k[0], n), column(k[1], n), column(k[2], n), column(k[3], n)
	amounts, active := column(k[6], n), column(k[10], n)
	user := from * userStep % userCount
	for i := range ids {
		ids[i] = batch.IntCell(from + int64(i))
		users[i] = batch.IntCell(user)
		events[i] = kinds[user%5]
		times[i] = batch.IntCell(eventsEpochMs + from + int64(i))
		amounts[i] = batch.Float64Cell(float64(user%10_000) / 100)
		if user%3 == 0 {
			k[8].W[i] = 0
			k[8].SetNull(i)
		}
		active[i] = batch.BoolCell(user%2 == 0)
		user = (user + userStep) % userCount
	}
	eventTextsOf(b, users, column(k[4], n), column(k[5], n), column(k[11], n))
}

// userStep and userCount make the users of consecutive events: all of them, in an order that looks mixed.
const userStep, userCount = 7919, 1_000_000

// markBytes is room for the texts that repeat, and for the source partition and offset.
const markBytes = 4 << 10

// column makes v n cells long and returns them.
func column(v *batch.Vec, n int) []uint64 {
	v.W, v.N = slices.Grow(v.W[:0], n)[:n], n
	return v.W
}

// eventTextsOf writes the texts that a user decides, and the cells of the three columns.
func eventTextsOf(b *batch.Batch, users, emails, ips, sessions []uint64) {
	buf := b.Slab.Buf()
	at := len(buf)
	buf = slices.Grow(buf, len(users)*eventStride)[:at+len(users)*eventStride]
	for i, u := range users {
		t := (*[eventStride]byte)(buf[at:])
		*t = eventTexts
		six := uint64(twoDigits[u/10_000]) | uint64(twoDigits[u/100%100])<<16 | uint64(twoDigits[u%100])<<32
		binary.LittleEndian.PutUint32(t[lowAt:], uint32(six))
		binary.LittleEndian.PutUint16(t[lowAt+4:], uint16(six>>32))
		zeros := min(bits.TrailingZeros64(six&0x0F0F_0F0F_0F0F)/8, 5)
		binary.LittleEndian.PutUint64(t[4:], six>>(8*zeros))
		size := 4 + 6 - zeros
		copy(t[size:], emailDomain[:])
		o := &octets[u%256]
		copy(t[ipAt+7:], o.text[:])
		emails[i] = uint64(batch.MakeView(at, size+len(emailDomain)))
		ips[i] = uint64(batch.MakeView(at+ipAt, 7+o.n))
		sessions[i] = uint64(batch.MakeView(at+sessionAt, sessionLen))
		at += eventStride
	}
	b.Slab.SetBuf(buf)
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
