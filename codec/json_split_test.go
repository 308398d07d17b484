// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/internal/values"
)

// reference reads JSON the slow way, by encoding/json, as JsonConverter would without schemas.
func reference(text string) (any, bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, false
	}
	return asConnect(v), true
}

func asConnect(v any) any {
	switch x := v.(type) {
	case map[string]any:
		m := &batch.MapValue{}
		for k, e := range x {
			m.Entries = append(m.Entries, batch.Entry{Key: k, Value: asConnect(e)})
		}
		return m
	case []any:
		for i := range x {
			x[i] = asConnect(x[i])
		}
		return x
	case json.Number:
		if n, err := strconv.ParseInt(x.String(), 10, 64); err == nil {
			return n
		}
		f, _ := strconv.ParseFloat(x.String(), 64)
		if f == 0 && !strings.ContainsAny(x.String(), "123456789") {
			f = 0
			return math.Abs(f)
		}
		return f
	}
	return v
}

// decodeAll decodes rows in batches of size; every third row is dead when holes is set.
func decodeAll(t *testing.T, c Converter, rows []string, size int, holes bool, each func(b *batch.Batch, row, i int)) {
	t.Helper()
	b := batch.New()
	for lo := 0; lo < len(rows); lo += size {
		part := rows[lo:min(lo+size, len(rows))]
		loadRaw(b, part)
		if holes {
			for row := 0; row < b.N; row += 3 {
				b.Drop(row)
			}
		}
		if err := c.Decode(b, batch.Value); err != nil {
			t.Fatal(err)
		}
		if err := b.Check(); err != nil {
			t.Fatalf("batches of %d: %v", size, err)
		}
		for row := range part {
			each(b, row, lo+row)
		}
	}
}

func failure(b *batch.Batch, row int) error {
	for _, e := range b.Errs {
		if e.Row == row {
			return e.Err
		}
	}
	return nil
}

func checkDecode(t *testing.T, rows []string) {
	t.Helper()
	c := testJSON(t, "schemas.enable", "false")
	for _, size := range []int{len(rows), 1, 3, 7} {
		for _, holes := range []bool{false, true} {
			decodeAll(t, c, rows, size, holes, func(b *batch.Batch, row, i int) {
				if holes && row%3 == 0 {
					return
				}
				want, ok := reference(rows[i])
				err := failure(b, row)
				if ok != (err == nil) {
					t.Errorf("batches of %d: row %d %.200q: error %v, want one: %v", size, i, rows[i], err, !ok)
					return
				}
				if s, got := b.ValueAt(batch.Value, row); ok && (s != nil || !batch.ValueEqual(got, want)) {
					t.Errorf("batches of %d: row %d %.200q:\ngot  %s\nwant %s", size, i, rows[i], batchtest.ShowValue(got), batchtest.ShowValue(want))
				}
			})
		}
	}
}

func TestDecodeAgainstReference(t *testing.T) {
	rows := append(orders(20),
		`{"a":1,"b":2,"c":3}`, `{"a":1,"c":3}`, `{"c":3,"b":2,"a":1}`, `{"b":2}`, `{}`, `{"a":1,"a":2,"b":3}`, ` { "a" : 1 , "b" : [ 1 , 2 ] } `,
		`{"\u0061":7,"b\n":8}`, `{"a":`, `{"a":1}`, `{"new":1,"b":tru}`, `{"a":2}`, `5`, `"x"`, `"\u00e9\n"`, `null`, `[1,{"x":null}]`, `true`,
		`{"a":{"b":{"c":[1,2,3]}}}`, `{"a":null}`, `{"a":1.5e3,"b":-0.0}`, `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}`, `{"g":7,"a":1}`, `{"":1}`)
	checkDecode(t, rows)
}

func TestDecodeRandomObjects(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var value func(depth int) string
	value = func(depth int) string {
		switch n := rng.IntN(9); {
		case n < 2:
			return strconv.Itoa(rng.IntN(1e6) - 5e5)
		case n == 2:
			return strconv.FormatFloat(rng.NormFloat64()*1e3, 'g', -1, 64)
		case n < 5:
			return `"` + strings.Repeat("té xt ", rng.IntN(5)) + `"`
		case n == 5:
			return []string{"true", "false", "null"}[rng.IntN(3)]
		case n < 8 || depth > 2:
			return `"q\"` + strconv.Itoa(rng.IntN(9)) + `"`
		}
		return fmt.Sprintf(`[%s,{"k":%s}]`, value(depth+1), value(depth+1))
	}
	rows := make([]string, 300)
	for i := range rows {
		var parts []string
		for k := range 12 {
			if rng.IntN(5) > 0 {
				parts = append(parts, fmt.Sprintf(`"%s%d":%s`, strings.Repeat("k", k*2), k, value(0)))
			}
		}
		if rng.IntN(6) == 0 {
			rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		}
		rows[i] = "{" + strings.Join(parts, ",") + "}"
		if rng.IntN(20) == 0 {
			rows[i] = rows[i][:rng.IntN(len(rows[i]))]
		}
	}
	for i, r := range rows { // a blank text is no error to Java, only to the reference
		if strings.TrimSpace(r) == "" {
			rows[i] = "1"
		}
	}
	checkDecode(t, rows)
}

// TestLimitsHoldOnTheFastPath: rows after the first take shortcuts, which must refuse what the first row would.
func TestLimitsHoldOnTheFastPath(t *testing.T) {
	const good = `{"a":1.5,"b":"x","c":true}`
	bad := []string{
		`{"a":1.` + strings.Repeat("0", 1000) + `,"b":"x","c":true}`, `{"a":` + strings.Repeat("9", 1001) + `,"b":"x","c":true}`, `{"a":1.5,"b":"x`,
		`{"a":1.5,"b":"x","c":true`, `{"a":1.5,"b":"x","c":tru}`, `{"a":-,"b":"x","c":true}`, `{"a":1.,"b":"x","c":true}`, "{\"a\":1.5,\"b\":\"\x01\",\"c\":true}",
		"{\"a\":1.5,\"b\":\"\xff\",\"c\":true}", `{"a":1.5,"b":"\x","c":true}`, `{"a":1.5,"b":"x","c":true,}`, `{"a":1.5,`, `{"a":1`, `{"a":`, `{"a`, `{`,
	}
	var rows []string
	for _, r := range bad {
		rows = append(rows, good, r)
	}
	decodeAll(t, testJSON(t, "schemas.enable", "false"), append(rows, good), len(rows)+1, false, func(b *batch.Batch, row, i int) {
		if err := failure(b, row); (err != nil) != (i%2 == 1) {
			t.Errorf("%.100q: %v", append(rows, good)[i], err)
		}
		if _, v := b.ValueAt(batch.Value, row); i%2 == 0 && !batch.ValueEqual(v, &batch.MapValue{Entries: []batch.Entry{{Key: "a", Value: 1.5}, {Key: "b", Value: "x"}, {Key: "c", Value: true}}}) {
			t.Errorf("row %d: %s", i, batchtest.ShowValue(v))
		}
	})
}

func TestDecodeManyKeys(t *testing.T) {
	rows := []string{`{"a":1}`}
	for i := range 40 {
		var parts []string
		for k := range 10 {
			parts = append(parts, fmt.Sprintf(`"key%d":%d`, i*10+k, k))
		}
		rows = append(rows, "{"+strings.Join(parts, ", ")+"}")
	}
	checkDecode(t, append(rows, `{"a":2}`))
}

// TestEncodeRoundTrip: what is decoded, encoded and decoded again is the same, whatever form the columns have.
func TestEncodeRoundTrip(t *testing.T) {
	rows := []string{`{"a":1,"b":"x\ty","c":[1,2.50,{"d":"\u00e9\/"}],"e":1e3,"f":0.1,"g":-0,"h":123456789012345678,"i":"😀","j":null}`,
		`{"b":{},"a":[ ]}`, `[1,"x"]`, `"s"`, `17`, `true`, `{"a":0.001,"b":1.0,"c":100.10,"d":12345678.5,"e":0.0001}`}
	c := testJSON(t, "schemas.enable", "false")
	out := batch.New()
	decodeAll(t, c, rows, len(rows), false, func(b *batch.Batch, row, i int) {
		if row > 0 {
			return
		}
		if err := c.Encode(b, batch.Value); err != nil || len(b.Errs) > 0 {
			t.Fatal(err, b.Errs)
		}
		var texts []string
		for r := range rows {
			texts = append(texts, string(b.Out.Bytes(b.Out.Value[r])))
		}
		loadRaw(out, texts)
		if err := c.Decode(out, batch.Value); err != nil || len(out.Errs) > 0 {
			t.Fatal(err, out.Errs, texts)
		}
		for r := range rows {
			_, x := b.ValueAt(batch.Value, r)
			_, y := out.ValueAt(batch.Value, r)
			if !batch.ValueEqual(x, y) {
				t.Errorf("%s became %s", rows[r], texts[r])
			}
		}
	})
}

// TestNumbersAsJavaPrintsThem checks the shortcut that copies number texts against the long way.
func TestNumbersAsJavaPrintsThem(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		tok := strconv.Itoa(rng.IntN(2000)-1000) + "." + strconv.Itoa(rng.IntN(int(math.Pow10(1+rng.IntN(9)))))
		if rng.IntN(3) == 0 {
			tok = strconv.FormatFloat(rng.NormFloat64()*math.Pow10(rng.IntN(20)-8), 'f', rng.IntN(12), 64)
		}
		if strings.HasPrefix(tok, "-0") && !strings.HasPrefix(tok, "-0.") || !strings.Contains(tok, ".") {
			continue
		}
		want := values.String(node(tok).double())
		if got := string(appendNumber(nil, []byte(tok))); got != want {
			t.Fatalf("%s: got %s, want %s", tok, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":[1,2,{"c":null}]}`, `{"a":01}`, "\xef\xbb\xbf1", "\"\xc0\x80\"", `{"a":"\ud800"}`, "{\x00}\x00", `[1e5,-0.0]`,
		`{"a":1}{`, `{"schema":{"type":"int32"},"payload":5}`, `{"schema":{"type":"struct","fields":[{"field":"a","type":"string","optional":true}]},"payload":{"a":"x"}}`,
		`1e2147483648`, "\"\xf8\"", `truex`, "\"\xf7\xbf\xbf\xbf\""} {
		f.Add([]byte(s))
	}
	plain := testJSON(f, "schemas.enable", "false")
	full := testJSON(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, c := range []*JSON{plain, full} {
			b := batch.New()
			loadRaw(b, []string{`{"first":1}`, string(text), string(text), `{"last":1}`})
			if err := c.Decode(b, batch.Value); err != nil {
				t.Fatal(err)
			}
			if err := b.Check(); err != nil {
				t.Fatal(err)
			}
			if failure(b, 1) != nil {
				if c == plain && json.Valid(text) && utf8.Valid(text) && len(text) < 200 && !bytes.ContainsAny(text, "eE") {
					t.Fatalf("%q: refused: %v", text, failure(b, 1))
				}
				continue
			}
			s, v := b.ValueAt(batch.Value, 1)
			if s2, v2 := b.ValueAt(batch.Value, 2); s != s2 || !batch.ValueEqual(v, v2) {
				t.Fatalf("%q: %s, then %s", text, batchtest.ShowValue(v), batchtest.ShowValue(v2))
			}
			if c == plain && json.Valid(text) && utf8.Valid(text) && !bytes.Contains(text, []byte(`\u`)) && len(text) < 200 {
				if want, ok := reference(string(text)); ok && !sameButBigNumbers(v, want) {
					t.Fatalf("%q: got %s, want %s", text, batchtest.ShowValue(v), batchtest.ShowValue(want))
				}
			}
			if err := c.Encode(b, batch.Value); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// sameButBigNumbers lets integers past 64 bits differ: Java wraps them, the reference makes a double of them.
func sameButBigNumbers(got, want any) bool {
	switch w := want.(type) {
	case float64:
		if _, ok := got.(int64); ok {
			return math.Abs(w) >= 1<<63
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !sameButBigNumbers(g[i], w[i]) {
				return false
			}
		}
		return true
	case *batch.MapValue:
		g, ok := got.(*batch.MapValue)
		if !ok || len(g.Entries) != len(w.Entries) {
			return false
		}
		for _, e := range w.Entries {
			if v, ok := g.Get(e.Key.(string)); !ok || !sameButBigNumbers(v, e.Value) {
				return false
			}
		}
		return true
	}
	return batch.ValueEqual(got, want)
}
