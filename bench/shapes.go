// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A spec says what records a topic or file holds. The same spec gives the same records, byte for byte.
type spec struct {
	shape      string // a name of shapes
	size       int    // bytes of a value; only of shape "sized"
	partitions int32
	seed       uint64
	n          int64
}

// topic names the topic of a spec.
func (s spec) topic() string {
	return fmt.Sprintf("bench-%s-%d-p%d-s%d-n%d", s.shape, s.size, s.partitions, s.seed, s.n)
}

// partition is where record i goes: explicit, so that the order at a destination can be checked by the records' ids.
func (s spec) partition(i int64) int32 { return int32(i % int64(s.partitions)) }

// A shape appends the value of record i, a JSON object (without a trailing newline) whose first field is "id":i.
type shape func(dst []byte, r *rand.Rand, i int64, s spec) []byte

// shapes are the kinds of records. All but "sized" have the fields that the three transforms touch, unless leaving some
// out is their point.
var shapes = map[string]shape{
	"plain":     plain,
	"nested":    nested,
	"escapes":   escapes,
	"nonascii":  nonASCII,
	"reordered": reordered,
	"nulls":     nulls,
	"floats":    floats,
	"wide":      wide,
	"schema":    withSchema,
	"sized":     sized,
}

var (
	kinds     = []string{"page_view", "add_to_cart", "purchase", "login", "logout"}
	cities    = []string{"Hamburg", "Lyon", "Porto", "Gdańsk", "Malmö", "Torino"}
	countries = []string{`"DE"`, `"FR"`, `null`}
)

// records calls emit with the spec's records in turn; key and value are overwritten by the next.
func (s spec) records(emit func(i int64, key, value []byte) error) error {
	write, ok := shapes[s.shape]
	if !ok {
		return fmt.Errorf("no shape %q", s.shape)
	}
	r := rand.New(rand.NewPCG(s.seed, 0))
	var key, value []byte
	for i := range s.n {
		key = strconv.AppendInt(key[:0], int64(r.IntN(1_000_000)), 10)
		if s.shape == "schema" {
			key = append([]byte(`{"schema":{"type":"int32","optional":false},"payload":`), append(key, '}')...)
		}
		value = write(value[:0], r, i, s)
		if err := emit(i, key, value); err != nil {
			return err
		}
	}
	return nil
}

// head appends the fields that the transforms touch.
func head(dst []byte, r *rand.Rand, i int64) []byte {
	user := r.IntN(1_000_000)
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendInt(dst, i, 10)
	dst = append(dst, `,"user_id":`...)
	dst = strconv.AppendInt(dst, int64(user), 10)
	dst = append(dst, `,"event":"`...)
	dst = append(dst, kinds[r.IntN(len(kinds))]...)
	dst = append(dst, `","ts":`...)
	dst = strconv.AppendInt(dst, 1_760_000_000_000+i, 10)
	dst = append(dst, `,"email":"user`...)
	dst = strconv.AppendInt(dst, int64(user), 10)
	return fmt.Appendf(dst, `@example.com","ip":"10.%d.%d.%d",`, r.IntN(256), r.IntN(256), r.IntN(256))
}

// plain is the record of the figures: some 308 bytes and 14 fields, with text beyond ASCII, nulls, an array and an object.
func plain(dst []byte, r *rand.Rand, i int64, _ spec) []byte {
	dst = head(dst, r, i)
	dst = fmt.Appendf(dst, `"amount":%.2f,"currency":"EUR","country":%s,"device":"ios","active":%t,"session":"%08x-9d0b-4c57-8a3e-%012x",`,
		r.Float64()*1000, countries[r.IntN(len(countries))], r.IntN(2) == 0, r.Uint32(), r.Uint64()>>16)
	return fmt.Appendf(dst, `"tags":["a%d","b"],"address":{"city":"%s","zip":"%05d"}}`, r.IntN(10), cities[r.IntN(len(cities))], r.IntN(100_000))
}

func nested(dst []byte, r *rand.Rand, i int64, _ spec) []byte {
	dst = head(dst, r, i)
	return fmt.Appendf(dst, `"order":{"lines":[{"sku":"a-%d","n":%d,"price":{"amount":%d,"currency":"EUR"}},{"sku":"b-%d","n":1,"price":null}],`+
		`"ship":{"to":{"city":"%s","geo":{"lat":%d,"lon":%d}}}},"session":"s%d","tags":[[%d,[2]],{"k":"v"}]}`,
		r.IntN(1000), r.IntN(9), r.IntN(10_000), r.IntN(1000), cities[r.IntN(len(cities))], r.IntN(90), r.IntN(180), r.IntN(1_000_000), r.IntN(9))
}

func escapes(dst []byte, r *rand.Rand, i int64, _ spec) []byte {
	dst = head(dst, r, i)
	return fmt.Appendf(dst, `"note":"line %d\nsaid \"hi\"\tC:\\dir\\%d \u00e9\u4e2d \/ end","path":"\\\\host\\share\\%d","session":"a\"b%d",`+
		`"tags":["x\\y","q\"%d\""],"quoted":"{\"a\":%d}","comment":"first\r\nsecond\b\f"}`, r.IntN(1000), r.IntN(1000), r.IntN(1000), r.IntN(1000), r.IntN(10), r.IntN(100))
}

func nonASCII(dst []byte, r *rand.Rand, i int64, _ spec) []byte {
	dst = head(dst, r, i)
	return fmt.Appendf(dst, `"name":"Łukasz Żółć %d","city":"北京市朝阳区%d号","note":"Привет, мир — %d","emoji":"🚰🧪 %d","session":"sé%d","tags":["naïve","δοκιμή"],`+
		`"schlüssel":"ÄÖÜß","country":"Österreich"}`, r.IntN(1000), r.IntN(1000), r.IntN(1000), r.IntN(1000), r.IntN(1_000_000))
}

// reordered has its keys in one of many orders, and leaves some out.
func reordered(dst []byte, r *rand.Rand, i int64, s spec) []byte {
	text := string(plain(nil, r, i, s))
	fields := splitFields(text[1 : len(text)-1])
	// The id stays in front: the check of the order at the destination reads it there.
	r.Shuffle(len(fields)-1, func(a, b int) { fields[a+1], fields[b+1] = fields[b+1], fields[a+1] })
	dst = append(append(dst, '{'), fields[0]...)
	for _, f := range fields[1:] {
		if r.IntN(8) != 0 {
			dst = append(append(dst, ','), f...)
		}
	}
	return append(dst, '}')
}

// splitFields cuts the text between an object's braces at its own commas; no text in it holds brackets or quotes.
func splitFields(text string) (fields []string) {
	depth, start := 0, 0
	for i, c := range text {
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				fields = append(fields, text[start:i])
				start = i + 1
			}
		}
	}
	return append(fields, text[start:])
}

func nulls(dst []byte, r *rand.Rand, i int64, _ spec) []byte {
	or := func(text string) string {
		if r.IntN(2) == 0 {
			return "null"
		}
		return text
	}
	return fmt.Appendf(dst, `{"id":%d,"user_id":%s,"event":%s,"ts":%s,"email":%s,"ip":%s,"amount":%s,"currency":%s,"country":%s,"device":%s,`+
		`"active":%s,"session":%s,"tags":%s,"address":%s,"referrer":null,"campaign":null}`,
		i, or("17"), or(`"login"`), or("1760000000000"), or(`"a@example.com"`), or(`"10.0.0.1"`), or("12.5"), or(`"EUR"`), or(`"DE"`), or(`"ios"`),
		or("true"), or(`"5f0c6a1e-9d0b-4c57-8a3e-100000007919"`), or(`["a","b"]`), or(`{"city":"Lyon","zip":null}`))
}

func floats(dst []byte, r *rand.Rand, i int64, _ spec) []byte {
	dst = head(dst, r, i)
	return fmt.Appendf(dst, `"a":%v,"b":%v,"c":%v,"d":%.3f,"e":%.6f,"f":-%v,"g":0.1,"h":%.1e,"lat":%.7f,"lon":%.7f,"session":"s","tags":[%v,%.2f]}`,
		r.Float64(), r.Float64()*1e6, r.NormFloat64(), r.Float64()*1e3, r.Float64(), r.ExpFloat64(), r.Float64()*1e20, r.Float64()*90, r.Float64()*180,
		r.Float64(), r.Float64()*10)
}

func wide(dst []byte, r *rand.Rand, i int64, _ spec) []byte {
	dst = head(dst, r, i)
	for f := range 32 {
		switch f % 4 {
		case 0:
			dst = fmt.Appendf(dst, `"count_%02d":%d,`, f, r.IntN(1_000_000))
		case 1:
			dst = fmt.Appendf(dst, `"label_%02d":"text %d",`, f, r.IntN(10_000))
		case 2:
			dst = fmt.Appendf(dst, `"flag_%02d":%t,`, f, r.IntN(2) == 0)
		default:
			dst = fmt.Appendf(dst, `"ratio_%02d":%.3f,`, f, r.Float64())
		}
	}
	return fmt.Appendf(dst, `"session":"%x","tags":["a","b"]}`, r.Uint32())
}

// schemaHead is the schema of withSchema as JsonConverter writes it.
const schemaHead = `{"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"},{"type":"int32","optional":false,"field":"user_id"},` +
	`{"type":"string","optional":false,"field":"event"},{"type":"int64","optional":false,"field":"ts"},{"type":"string","optional":false,"field":"email"},` +
	`{"type":"string","optional":false,"field":"ip"},{"type":"double","optional":false,"field":"amount"},{"type":"string","optional":false,"field":"currency"},` +
	`{"type":"string","optional":true,"field":"country"},{"type":"string","optional":false,"field":"device"},{"type":"boolean","optional":false,"field":"active"},` +
	`{"type":"string","optional":false,"field":"session"},{"type":"array","items":{"type":"string","optional":false},"optional":false,"field":"tags"},` +
	`{"type":"struct","fields":[{"type":"string","optional":false,"field":"city"},{"type":"string","optional":false,"field":"zip"}],"optional":false,` +
	`"name":"Address","field":"address"}],"optional":false,"name":"Event"},"payload":`

// withSchema is plain in the envelope of JsonConverter with schemas.enable=true.
func withSchema(dst []byte, r *rand.Rand, i int64, s spec) []byte {
	dst = append(dst, schemaHead...)
	return append(plain(dst, r, i, s), '}')
}

// filler is what sized values are cut from.
var filler = strings.Repeat("the quick brown fox jumps over the lazy dog 0123456789 ", 2000)

// sized is a value of exactly size bytes (30 or more): an id and text.
func sized(dst []byte, r *rand.Rand, i int64, s spec) []byte {
	start := len(dst)
	dst = fmt.Appendf(dst, `{"id":%d,"text":"`, i)
	room := max(0, s.size-(len(dst)-start)-2)
	from := r.IntN(50)
	dst = append(dst, filler[from:from+min(room, len(filler)-from)]...)
	return append(dst, `"}`...)
}
