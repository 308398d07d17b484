// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/jackson"
	"github.com/penstock-io/penstock/internal/jsontext"
)

// TestNumbersPrinted compares the fast ways to print numbers with the plain ones.
func TestNumbersPrinted(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	ints := func(n int64) {
		t.Helper()
		if got := string(appendInt([]byte("x"), n)); got != "x"+strconv.FormatInt(n, 10) {
			t.Fatalf("%d: %s", n, got)
		}
	}
	doubles := func(v float64) {
		t.Helper()
		if got, want := string(appendDouble(nil, v)), string(jackson.AppendDouble(nil, v)); got != want {
			t.Fatalf("%s: %s", want, got)
		}
	}
	for n := int64(1); n < math.MaxInt64/10; n *= 10 {
		for d := int64(-2); d <= 2; d++ {
			ints(n + d)
			ints(-n + d)
			doubles(float64(n + d))
			doubles(float64(n+d) / 1000)
		}
	}
	ints(math.MinInt64)
	ints(math.MaxInt64)
	for _, v := range []float64{0, math.Copysign(0, -1), 1e-3, math.Nextafter(1e-3, 0), math.Nextafter(1e-3, 1), 1e7, math.Nextafter(1e7, 0), 9999999.999999, 0.1 + 0.2,
		math.Inf(1), math.NaN(), math.SmallestNonzeroFloat64, 2e-3, 123456.654321, 0.30000000000000004, 1.0000001, 4.35, 2.675} {
		doubles(v)
		doubles(-v)
	}
	for range 50_000 {
		ints(int64(r.Uint64() >> r.IntN(64)))
		scale := math.Pow10(r.IntN(9))
		doubles(math.Round(r.NormFloat64()*1000*scale) / scale)
		doubles(r.NormFloat64() * math.Pow10(r.IntN(14)-5))
		v := math.Round(r.Float64()*1e7*scale) / scale
		doubles(math.Nextafter(v, float64(r.IntN(2))*2e7))
	}
}

// TestNumbersReprinted compares numbers printed again by words with those taken apart.
func TestNumbersReprinted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for range 100_000 {
		tok := strconv.FormatUint(r.Uint64()>>r.IntN(64), 10)
		if r.IntN(2) == 0 {
			tok = "-" + tok
		}
		if r.IntN(3) > 0 {
			tok += "." + strings.Repeat("0", r.IntN(3)) + strconv.FormatUint(r.Uint64()>>r.IntN(64), 10)
		}
		if r.IntN(8) == 0 {
			tok += "e" + strconv.Itoa(r.IntN(20)-10)
		}
		want := ""
		if n, ok := jsontext.Int([]byte(tok)); ok {
			want = strconv.FormatInt(n, 10)
		} else {
			want = string(jackson.AppendDouble(nil, jsontext.Float([]byte(tok))))
		}
		text := []byte(tok + ",7.777777777777777777777777777777777777777777777")
		if got := string(reprintNumber(nil, unsafe.Pointer(&text[0]), len(tok))); got != want {
			t.Fatalf("%s: got %s, want %s", tok, got, want)
		}
	}
}

// TestNumbersRead compares the numbers that are read by words with those that are not.
func TestNumbersRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 10))
	for range 100_000 {
		tok := strconv.FormatUint(r.Uint64()>>r.IntN(64), 10)
		if r.IntN(2) == 0 {
			tok = "-" + tok
		}
		if r.IntN(2) == 0 {
			tok += "." + strings.Repeat("0", r.IntN(3)) + strconv.FormatUint(r.Uint64()>>r.IntN(64), 10)
		}
		text := []byte(tok + ",7.777777777777777777777777777777777777777777777")
		base := unsafe.Pointer(&text[0])
		if n, next := integerAt(base, 0); next >= 0 {
			if want, ok := jsontext.Int([]byte(tok)); !ok || n != want || next != len(tok) {
				t.Fatalf("%s: got %d, %d, want %d", tok, n, next, want)
			}
		} else if !strings.Contains(tok, ".") && len(tok) <= 18 {
			t.Fatalf("%s is not read", tok)
		}
		if n, places, next := decimalAt(base, 0); next >= 0 {
			if want := jsontext.Float([]byte(tok)); float64(n)/tens[places] != want || next != len(tok) {
				t.Fatalf("%s: got %v, %d, want %v", tok, float64(n)/tens[places], next, want)
			}
		} else if len(tok) <= 15 {
			t.Fatalf("%s is not read", tok)
		}
	}
}

// TestTextsPrinted compares strings copied by words with those that are looked at byte by byte, printed and printed again.
func TestTextsPrinted(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 7))
	pieces := []string{"plain", "a", "", "\"", "\\", "\n", "\x01", "é", "日本", "\u07ff", "한", "\ud7ff", "\uffff", "😀", "\xed\xa0\x80", "longer text that fills words", "\x7f", "0"}
	c := testJSON(t, "schemas.enable", "false")
	for range 20_000 {
		var s strings.Builder
		for range r.IntN(6) {
			s.WriteString(pieces[r.IntN(len(pieces))])
		}
		want := string(jackson.AppendString(nil, s.String()))
		b := batch.New()
		b.Slab.AppendText("pad"[:r.IntN(4)])
		cell := uint64(b.Slab.AppendText(s.String()))
		tok := uint64(b.Slab.AppendText(want))
		b.Slab.AppendText("\"\\\xff\xf0tail")
		c.enc.begin(b)
		if got := string(c.enc.text([]byte("x"), cell)); got != "x"+want {
			t.Fatalf("%q: got %s, want %s", s.String(), got, want)
		}
		if got := string(c.enc.scalar([]byte("x"), tok)); got != "x"+want {
			t.Fatalf("%s: got %s", want, got)
		}
	}
}

// TestPrintingColumns compares what is printed from columns with what is printed from single values.
func TestPrintingColumns(t *testing.T) {
	f := func(settings []string, rows []string) {
		t.Helper()
		c := testJSON(t, settings...)
		b := batch.New()
		loadRaw(b, rows)
		if err := c.Decode(b, batch.Value); err != nil {
			t.Fatal(err)
		}
		if err := c.Encode(b, batch.Value); err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			if failure(b, i) != nil {
				continue
			}
			s, v := b.ValueAt(batch.Value, i)
			want, err := c.fromConnect(s, v)
			if err != nil {
				t.Fatalf("%s: %v", row, err)
			}
			if got := b.Encoded(batch.Value, i); string(got) != string(want) {
				t.Fatalf("%s:\n got %s\nwant %s", row, got, want)
			}
		}
	}
	for _, s := range shapes {
		if strings.HasSuffix(s.name, "0 kB") {
			continue
		}
		f(nil, s.rows(200, true))
		f([]string{"decimal.format", "NUMERIC"}, s.rows(200, true))
		if s.name != "reordered" && s.name != "missing" { // a column's place is that of its key in the first row that has it
			f([]string{"schemas.enable", "false"}, s.rows(200, false))
		}
	}
	var every []string
	for _, p := range everyPayloads {
		every = append(every, `{"schema":`+everySchema+`,"payload":`+p+`}`)
	}
	f(nil, every)
	f([]string{"schemas.enable", "false"}, []string{`{"a" : [ 1 , true,false , null,-0.0,{"x":"\/\u0041\ud83d\ude00😀","y" : { } } , [ ] , 1e3],"b":-12.50,"c":"\u001f"}`})
}
