// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/batch"
)

// A shape is a kind of record as it is found in the field. Its values differ in length from row to row, so that no branch
// of the code is easier to predict than it would be there.
type shape struct {
	name   string
	schema string // of the payload, for the form with an envelope; "": only without schema
	row    func(r *rand.Rand, i int) string
}

// fieldText is a field of a schema in an envelope.
func fieldText(name, kind, more string) string {
	return fmt.Sprintf(`{"type":"%s","optional":true,%s"field":"%s"}`, kind, more, name)
}

// structText is the schema of a struct.
func structText(fields ...string) string {
	return `{"type":"struct","fields":[` + strings.Join(fields, ",") + `],"optional":false,"name":"shape"}`
}

// words returns a text of up to n random words.
func words(r *rand.Rand, n int) string {
	list := []string{"leave", "it", "at", "the", "door", "please", "second", "floor", "ring", "twice"}
	var b strings.Builder
	for k := range 1 + r.IntN(n) {
		if k > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(list[r.IntN(len(list))])
	}
	return b.String()
}

func flatMembers(r *rand.Rand, i int) []string {
	return []string{
		fmt.Sprintf(`"id":%d`, i), fmt.Sprintf(`"user_id":%d`, r.IntN(1_000_000)),
		fmt.Sprintf(`"event":"%s"`, []string{"page_view", "add_to_cart", "purchase", "login", "logout"}[r.IntN(5)]),
		fmt.Sprintf(`"ts":%d`, 1_760_000_000_000+i*7), fmt.Sprintf(`"email":"user%d@example.com"`, r.IntN(1_000_000)),
		fmt.Sprintf(`"ip":"10.%d.%d.%d"`, r.IntN(256), r.IntN(256), r.IntN(256)), fmt.Sprintf(`"amount":%.2f`, r.Float64()*1000),
		`"currency":"EUR"`, fmt.Sprintf(`"active":%t`, r.IntN(2) == 0),
		fmt.Sprintf(`"session":"%08x-9d0b-4c57-8a3e-%012x"`, r.Uint32(), r.Uint64()>>16),
		fmt.Sprintf(`"note":"%s"`, words(r, 10)), fmt.Sprintf(`"agent":"Mozilla/5.0 (X11; Linux x86_64; rv:%d.0)"`, 90+r.IntN(40)),
	}
}

func object(members []string) string { return "{" + strings.Join(members, ",") + "}" }

var flatSchema = structText(fieldText("id", "int64", ""), fieldText("user_id", "int32", ""), fieldText("event", "string", ""),
	fieldText("ts", "int64", ""), fieldText("email", "string", ""), fieldText("ip", "string", ""), fieldText("amount", "double", ""),
	fieldText("currency", "string", ""), fieldText("active", "boolean", ""), fieldText("session", "string", ""),
	fieldText("note", "string", ""), fieldText("agent", "string", ""))

// wide is a record of 40 fields of three types.
func wide(r *rand.Rand, i int) string {
	m := make([]string, 40)
	for k := range m {
		switch k % 4 {
		case 0:
			m[k] = fmt.Sprintf(`"column_%d":%d`, k, r.IntN(1<<(1+r.IntN(40))))
		case 1:
			m[k] = fmt.Sprintf(`"column_%d":"%s"`, k, words(r, 4))
		case 2:
			m[k] = fmt.Sprintf(`"column_%d":%t`, k, r.IntN(2) == 0)
		case 3:
			m[k] = fmt.Sprintf(`"column_%d":"%d-%d"`, k, i, r.IntN(1000))
		}
	}
	return object(m)
}

func wideSchema() string {
	f := make([]string, 40)
	for k := range f {
		f[k] = fieldText(fmt.Sprintf("column_%d", k), []string{"int64", "string", "boolean", "string"}[k%4], "")
	}
	return structText(f...)
}

// sized is a record of one long text.
func sized(n int) func(r *rand.Rand, i int) string {
	return func(r *rand.Rand, i int) string {
		var b strings.Builder
		fmt.Fprintf(&b, `{"id":%d,"kind":"%s","text":"`, i, words(r, 2))
		for b.Len() < n {
			b.WriteString(words(r, 20))
			b.WriteByte(' ')
		}
		return b.String() + `"}`
	}
}

var sizedSchema = structText(fieldText("id", "int64", ""), fieldText("kind", "string", ""), fieldText("text", "string", ""))

var shapes = []shape{
	{"flat", flatSchema, func(r *rand.Rand, i int) string { return object(flatMembers(r, i)) }},
	{"blanks", flatSchema, func(r *rand.Rand, i int) string {
		m := flatMembers(r, i)
		for k := range m {
			m[k] = strings.Replace(m[k], `":`, `": `, 1)
		}
		return "{" + strings.Join(m, ", ") + "}"
	}},
	{"missing", flatSchema, func(r *rand.Rand, i int) string {
		m := flatMembers(r, i)
		for range 3 {
			k := r.IntN(len(m))
			m = append(m[:k], m[k+1:]...)
		}
		return object(m)
	}},
	{"reordered", flatSchema, func(r *rand.Rand, i int) string {
		m := flatMembers(r, i)
		r.Shuffle(len(m), func(a, b int) { m[a], m[b] = m[b], m[a] })
		return object(m)
	}},
	{"nulls", flatSchema, func(r *rand.Rand, i int) string {
		m := flatMembers(r, i)
		for range 5 {
			k := r.IntN(len(m))
			m[k] = m[k][:strings.IndexByte(m[k], ':')] + ":null"
		}
		return object(m)
	}},
	{"nested", structText(fieldText("id", "int64", ""),
		`{"type":"struct","fields":[`+fieldText("name", "string", "")+","+fieldText("vip", "boolean", "")+","+
			`{"type":"struct","fields":[`+fieldText("city", "string", "")+","+fieldText("zip", "string", "")+`],"optional":true,"field":"address"}],"optional":true,"field":"customer"}`,
		`{"type":"array","items":{"type":"struct","fields":[`+fieldText("sku", "string", "")+","+fieldText("n", "int32", "")+","+fieldText("price", "double", "")+
			`],"optional":false},"optional":true,"field":"items"}`,
		fieldText("ts", "int64", "")),
		func(r *rand.Rand, i int) string {
			items := make([]string, 1+r.IntN(4))
			for k := range items {
				items[k] = fmt.Sprintf(`{"sku":"A-%d","n":%d,"price":%.2f}`, r.IntN(100000), r.IntN(9), r.Float64()*100)
			}
			return fmt.Sprintf(`{"id":%d,"customer":{"name":"%s","vip":%t,"address":{"city":"%s","zip":"%05d"}},"items":[%s],"ts":%d}`,
				i, words(r, 3), r.IntN(2) == 0, words(r, 1), r.IntN(100000), strings.Join(items, ","), 1_760_000_000_000+i)
		}},
	{"escapes", flatSchema, func(r *rand.Rand, i int) string {
		m := flatMembers(r, i)
		m[10] = fmt.Sprintf(`"note":"%s\n\"%s\"\t\\ \u00e9"`, words(r, 4), words(r, 3))
		m[11] = fmt.Sprintf(`"agent":"C:\\Users\\%d"`, r.IntN(1000))
		return object(m)
	}},
	{"beyond ASCII", flatSchema, func(r *rand.Rand, i int) string {
		m := flatMembers(r, i)
		m[10] = fmt.Sprintf(`"note":"%s Straße %d, Zürich"`, words(r, 3), r.IntN(100))
		m[11] = fmt.Sprintf(`"agent":"日本語の文字列 %d 東京都"`, r.IntN(1000))
		m[2] = fmt.Sprintf(`"event":"%s"`, []string{"вход", "выход", "покупка"}[r.IntN(3)])
		return object(m)
	}},
	{"floats", structText(fieldText("a", "double", ""), fieldText("b", "double", ""), fieldText("c", "float", ""), fieldText("d", "double", ""),
		fieldText("e", "double", ""), fieldText("f", "double", ""), fieldText("g", "float", ""), fieldText("h", "double", "")),
		func(r *rand.Rand, i int) string {
			return fmt.Sprintf(`{"a":%v,"b":%.6f,"c":%.3f,"d":%.1f,"e":%.12f,"f":%de%d,"g":%.2f,"h":%.4f}`, r.Float64(), r.Float64()*180-90, r.Float64()*10,
				r.Float64()*1e6, r.NormFloat64(), r.IntN(1000), r.IntN(20), r.Float64(), r.Float64()*1e4)
		}},
	{"wide", wideSchema(), wide},
	{"arrays", structText(fieldText("id", "int64", ""), `{"type":"array","items":{"type":"int32","optional":false},"optional":true,"field":"n"}`,
		`{"type":"array","items":{"type":"string","optional":false},"optional":true,"field":"tags"}`),
		func(r *rand.Rand, i int) string {
			n, tags := make([]string, r.IntN(24)), make([]string, r.IntN(8))
			for k := range n {
				n[k] = fmt.Sprint(r.IntN(100_000))
			}
			for k := range tags {
				tags[k] = `"` + words(r, 1) + `"`
			}
			return fmt.Sprintf(`{"id":%d,"n":[%s],"tags":[%s]}`, i, strings.Join(n, ","), strings.Join(tags, ","))
		}},
	{"logical", structText(fieldText("id", "int64", ""),
		fieldText("price", "bytes", `"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"},`),
		fieldText("day", "int32", `"name":"org.apache.kafka.connect.data.Date","version":1,`),
		fieldText("at", "int64", `"name":"org.apache.kafka.connect.data.Timestamp","version":1,`),
		fieldText("time", "int32", `"name":"org.apache.kafka.connect.data.Time","version":1,`),
		fieldText("raw", "bytes", ""), fieldText("name", "string", "")),
		func(r *rand.Rand, i int) string {
			price := []string{"MDk=", "AfQ=", "ew==", "JBQ=", "AMNQ"}[r.IntN(5)]
			return fmt.Sprintf(`{"id":%d,"price":"%s","day":%d,"at":%d,"time":%d,"raw":"3q2+7w==","name":"%s"}`, i, price, 18000+r.IntN(3000),
				1_760_000_000_000+i*7, r.IntN(86_400_000), words(r, 4))
		}},
	{"100 B", sizedSchema, sized(100)},
	{"1 kB", sizedSchema, sized(1000)},
	{"10 kB", sizedSchema, sized(10_000)},
	{"100 kB", sizedSchema, sized(100_000)},
}

// rows are n records of the shape, in an envelope or not, no more than fit a batch.
func (s shape) rows(n int, envelope bool) []string {
	r := rand.New(rand.NewPCG(1, 2))
	var rows []string
	size := 0
	for i := range n {
		row := s.row(r, i)
		if envelope {
			row = `{"schema":` + s.schema + `,"payload":` + row + `}`
		}
		if size += len(row); size > batch.MaxBytes && i > 0 {
			break
		}
		rows = append(rows, row)
	}
	return rows
}

// benchmarkShapes times work over a batch of each shape, prepared anew for each run. The figure is the fastest run: the
// others had company on their core.
func benchmarkShapes(b *testing.B, envelope, decoded bool, work func(c *JSON, bt *batch.Batch) error) {
	for _, s := range shapes {
		if envelope && s.schema == "" {
			continue
		}
		b.Run(s.name, func(b *testing.B) {
			rows := s.rows(batch.MaxRows, envelope)
			c := testJSON(b, "schemas.enable", fmt.Sprint(envelope))
			bt := batch.New()
			best := time.Hour
			for b.Loop() {
				loadRaw(bt, rows)
				if decoded {
					if err := c.Decode(bt, batch.Value); err != nil || len(bt.Errs) > 0 {
						b.Fatal(err, bt.Errs)
					}
				}
				start := time.Now()
				if err := work(c, bt); err != nil || len(bt.Errs) > 0 {
					b.Fatal(err, bt.Errs)
				}
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(best.Nanoseconds())/float64(len(rows)), "ns/record")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func decodeValue(c *JSON, bt *batch.Batch) error { return c.Decode(bt, batch.Value) }
func encodeValue(c *JSON, bt *batch.Batch) error { return c.Encode(bt, batch.Value) }

func BenchmarkShapesDecode(b *testing.B)         { benchmarkShapes(b, false, false, decodeValue) }
func BenchmarkShapesDecodeEnvelope(b *testing.B) { benchmarkShapes(b, true, false, decodeValue) }
func BenchmarkShapesEncode(b *testing.B)         { benchmarkShapes(b, false, true, encodeValue) }
func BenchmarkShapesEncodeEnvelope(b *testing.B) { benchmarkShapes(b, true, true, encodeValue) }

// BenchmarkShapesEncodePayload encodes typed columns without their schema.
func BenchmarkShapesEncodePayload(b *testing.B) {
	plain := testJSON(b, "schemas.enable", "false")
	benchmarkShapes(b, true, true, func(_ *JSON, bt *batch.Batch) error { return plain.Encode(bt, batch.Value) })
}

// TestShapesDoNotAllocate: no shape costs an allocation per record, or a byte of one, decoding or encoding, in the steady state.
func TestShapesDoNotAllocate(t *testing.T) {
	for _, s := range shapes {
		for _, envelope := range []bool{false, true} {
			rows := s.rows(256, envelope)
			c := testJSON(t, "schemas.enable", fmt.Sprint(envelope))
			bt := batch.New()
			run := func() {
				loadRaw(bt, rows)
				bt.Slab.Reserve(1 << 18)
				if err := c.Decode(bt, batch.Value); err != nil || len(bt.Errs) > 0 {
					t.Fatal(err, bt.Errs)
				}
				if err := c.Encode(bt, batch.Value); err != nil || len(bt.Errs) > 0 {
					t.Fatal(err, bt.Errs)
				}
			}
			run()
			run()
			if n := testing.AllocsPerRun(5, run); n > 0 {
				t.Errorf("%s, envelope %t: %v allocations per batch of %d", s.name, envelope, n, len(rows))
			}
		}
	}
}
