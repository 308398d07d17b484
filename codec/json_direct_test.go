// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
)

// everySchema is a struct with a field of each kind that JSON can bring.
var everySchema = structText(
	fieldText("i8", "int8", ""), fieldText("i16", "int16", ""), fieldText("i32", "int32", ""), fieldText("i64", "int64", ""),
	fieldText("f", "float", ""), fieldText("d", "double", ""), fieldText("b", "boolean", ""), fieldText("s", "string", `"default":"none",`),
	fieldText("raw", "bytes", ""),
	fieldText("price", "bytes", `"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"},`),
	fieldText("day", "int32", `"name":"org.apache.kafka.connect.data.Date","version":1,`),
	fieldText("at", "int64", `"name":"org.apache.kafka.connect.data.Timestamp","version":1,`),
	fieldText("time", "int32", `"name":"org.apache.kafka.connect.data.Time","version":1,`),
	`{"type":"array","items":{"type":"int64","optional":true},"optional":true,"field":"list"}`,
	`{"type":"map","keys":{"type":"string"},"values":{"type":"double","optional":true},"optional":true,"field":"map"}`,
	`{"type":"map","keys":{"type":"int32"},"values":{"type":"string","optional":true},"optional":true,"field":"pairs"}`,
	`{"type":"array","items":{"type":"struct","fields":[{"type":"string","field":"x"},{"type":"int32","optional":true,"field":"a name that is longer \" than 16"}]},"optional":true,"field":"rows"}`,
	`{"type":"string","optional":false,"field":"must"}`)

var everyPayloads = []string{
	`{"i8":-1,"i16":300,"i32":70000,"i64":-123456789012345678,"f":1.5,"d":0.1,"b":true,"s":"text","raw":"3q2+7w==","price":"AfQ=","day":19000,` +
		`"at":1760000000000,"time":1,"list":[1,null,3],"map":{"a":1.0,"b":null},"pairs":[[1,"x"]],"rows":[{"x":"y","a name that is longer \" than 16":5}],"must":"m"}`,
	`{"must":"only","s":null,"i8":null}`,
	`{ "must" : "blank" , "i32" : 1 , "list" : [ ] , "map" : { } , "rows" : [ { "x" : "é" } ] }`,
	`{"rows":[],"must":"\u00e9\n","unknown":{"a":[1,2,{"b":"c"}]},"d":1e400,"f":1e-46,"i64":12345678901234567890,"price":12.345,"map":{"k":1,"l":-0.0,"k":2}}`,
	`{"i8":"no number","must":1}`, `{"b":1,"must":"x","s":"\ud800"}`, `{"d":123456789012345678,"f":16777217,"must":"日本語 😀","i8":300,"i16":1.9,"time":86400001}`,
	`{"must":"a","must":"b"}`, `{"i64":-0,"d":-0,"f":-0.0,"i32":9999999999,"day":99999999999,"must":""}`, `{"must":null}`, `{}`, `[]`, `null`, `"x"`, `5`,
	`{"d":0.000001,"f":0.1234567890123,"d":1.7976931348623157e308,"must":"` + strings.Repeat("long ", 50) + `"}`,
	`{"price":"","must":"x"}`, `{"raw":"A","must":"x"}`, `{"i32":01,"must":"x"}`, `{"f":00.5,"must":"x"}`, `{"must":"x","at":1.5}`, `{"must":"x","at":12345678901234567890}`,
}

// slowJSON is a converter that knows the general path only for the schemas that c has met.
func slowJSON(t testing.TB, schema string) *JSON {
	c := testJSON(t)
	e, err := c.read.schema([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	e.direct = false
	return c
}

// sameDecoding decodes rows with both converters and compares values and errors.
func sameDecoding(t *testing.T, fast, slow *JSON, rows []string) {
	t.Helper()
	a, b := batch.New(), batch.New()
	loadRaw(a, rows)
	loadRaw(b, rows)
	if err := fast.Decode(a, batch.Value); err != nil {
		t.Fatal(err)
	}
	if err := slow.Decode(b, batch.Value); err != nil {
		t.Fatal(err)
	}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		x, y := failure(a, i), failure(b, i)
		if (x == nil) != (y == nil) || x != nil && x.Error() != y.Error() {
			t.Fatalf("%s: error %v, want %v", row, x, y)
		}
		if x != nil {
			continue
		}
		s, v := a.ValueAt(batch.Value, i)
		s2, v2 := b.ValueAt(batch.Value, i)
		if !s.Equal(s2) || !batch.ValueEqual(v, v2) {
			t.Fatalf("%s: got %s, want %s", row, batchtest.ShowValue(v), batchtest.ShowValue(v2))
		}
	}
}

// mutated changes a few bytes of text.
func mutated(r *rand.Rand, text string) string {
	p := []byte(text)
	for range r.IntN(3) {
		at := r.IntN(len(p))
		switch r.IntN(4) {
		case 0:
			p[at] = "\"\\{}[],:0123456789eE.+- ntf\x00\x1f\xc3\xa9\xed\xf0\xff"[r.IntN(33)]
		case 1:
			p = append(p[:at], p[at+1:]...)
		case 2:
			p = append(p[:at], append([]byte{p[r.IntN(len(p))]}, p[at:]...)...)
		case 3:
			p = p[:max(at, len(p)-8)]
		}
		if len(p) == 0 {
			break
		}
	}
	return string(p)
}

// TestDirectDecoding compares decoding straight into columns with the way through single values, on good rows, damaged
// rows and rows of many batches one after another.
func TestDirectDecoding(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	fast, slow := testJSON(t), slowJSON(t, everySchema)
	wrap := func(payload string) string { return `{"schema":` + everySchema + `,"payload":` + payload + `}` }
	for round := range 400 {
		var rows []string
		for range 1 + r.IntN(20) {
			p := everyPayloads[r.IntN(len(everyPayloads))]
			if round%4 > 0 {
				p = mutated(r, p)
			}
			row := wrap(p)
			switch r.IntN(12) {
			case 0:
				row = `{"payload":` + p + `,"schema":` + everySchema + `}`
			case 1:
				row = ` { "schema" : ` + everySchema + ` , "payload" : ` + p + ` } `
			case 2:
				row = mutated(r, row)
			case 3:
				row += " trailing"
			}
			rows = append(rows, row)
		}
		sameDecoding(t, fast, slow, rows)
	}
}

// TestDirectDecodingOfShapes is the same for the records that benchmarks use.
func TestDirectDecodingOfShapes(t *testing.T) {
	for _, s := range shapes {
		if s.schema != "" && !strings.HasSuffix(s.name, "0 kB") {
			sameDecoding(t, testJSON(t), slowJSON(t, s.schema), s.rows(50, true))
		}
	}
}

func FuzzDirect(f *testing.F) {
	for _, p := range everyPayloads {
		f.Add([]byte(p))
	}
	fast, slow := testJSON(f), slowJSON(f, everySchema)
	first := `{"schema":` + everySchema + `,"payload":{"must":"x"}}`
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > 1<<16 {
			return
		}
		sameDecoding(t, fast, slow, []string{first, `{"schema":` + everySchema + `,"payload":` + string(payload) + `}`})
	})
}
