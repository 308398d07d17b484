// SPDX-License-Identifier: Apache-2.0

package jsontext

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestValue(t *testing.T) {
	f := func(text string, end int, ok bool) {
		t.Helper()
		if e, got := Value([]byte(text), 0); got != ok || ok && e != end {
			t.Errorf("%.60s: got %d %v, want %d %v", text, e, got, end, ok)
		}
	}
	all := func(text string) { t.Helper(); f(text, len(text), true) }
	bad := func(text string) { t.Helper(); f(text, 0, false) }
	all(`{}`)
	all(`{ "a" : [ 1 , -2.5e+7, true,false,null , {} , "x" ] }`)
	all(`"plain text that is longer than eight bytes"`)
	all(`"escapes \" \\ \/ \b \f \n \r \t \u00e9 \ud83d\ude00 and more text"`)
	all(`"é ü 漢字 and some text after it"`)
	all(strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth))
	all(strings.Repeat("9", MaxNumberDigits))
	bad(strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1))
	bad(strings.Repeat("9", MaxNumberDigits+1))
	all("-1." + strings.Repeat("0", MaxNumberDigits-1))
	bad("-1." + strings.Repeat("0", MaxNumberDigits))
	bad("1e1234567890")
	for _, text := range []string{`{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[1 2]`, `01`, `-`, `1.`, `.5`, `1e`, `+1`, `tru`, `"a`, `"\x"`,
		`"\u12g4"`, `"\ud8"`, "\"a\tb\"", "\"1234567\x01\"", "\"\xff\"", "\"abcdefgh\xed\xa0\x80\"", `12ab`, ``, `{"a":1 "b":2}`, `{a:1}`} {
		bad(text)
	}
	f(`{"a":1} trailing`, 7, true)
}

func TestNumbers(t *testing.T) {
	i := func(tok string, want int64, ok bool) {
		t.Helper()
		if n, got := Int([]byte(tok)); n != want || got != ok {
			t.Errorf("%s: got %d %v, want %d %v", tok, n, got, want, ok)
		}
	}
	i("0", 0, true)
	i("-17", -17, true)
	i("9223372036854775807", math.MaxInt64, true)
	i("9223372036854775808", math.MinInt64, true)
	i("-9223372036854775809", math.MaxInt64, true)
	i("1.5", 0, false)
	i("1e5", 0, false)
	i("1234567890123456789012e1", 0, false)
	f := func(tok string, want float64) {
		t.Helper()
		if got := Float([]byte(tok)); math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%s: got %v, want %v", tok, got, want)
		}
	}
	f("-0.0", 0)
	f("-0.0e5", 0)
	f("1e400", math.Inf(1))
	f("-1.5", -1.5)
	f("-1e-400", math.Copysign(0, -1))
}

func TestAppendUnquoted(t *testing.T) {
	f := func(tok, want string) {
		t.Helper()
		if got := string(AppendUnquoted(nil, []byte(tok))); got != want {
			t.Errorf("%s: got %q, want %q", tok, got, want)
		}
	}
	f(`""`, "")
	f(`"a\n\"\/\\é"`, "a\n\"/\\é")
	f(`"\ud83d\ude00"`, "😀")
	f(`"\ud83dx\ude00"`, "\xed\xa0\xbdx\xed\xb8\x80")
	f(`"\ud83d\ud83d\ude00"`, "\xed\xa0\xbd😀")
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x\u00e9"]}`, `"\ud800"`, `[[]]`, `1e5`, `{"a":{"b":null}}`, "\"\xc3\xa9 12345678\"", `[true,false]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		end, ok := Value(b, 0)
		if ok && !json.Valid(b[:end]) {
			t.Fatalf("%q: accepted %q", b, b[:end])
		}
		// encoding/json repairs bad UTF-8 and knows no limits; where it accepts clean text we must too.
		if !ok && json.Valid(b) && bytes.Equal(bytes.ToValidUTF8(b, nil), b) && len(b) < 300 && len(b) > 0 && b[0] > ' ' && !bytes.ContainsAny(b, "eE") {
			t.Fatalf("%q: refused", b)
		}
		if ok && b[0] == '"' && !bytes.Contains(b[:end], []byte(`\u`)) {
			var want string
			if err := json.Unmarshal(b[:end], &want); err != nil || string(AppendUnquoted(nil, b[:end])) != want {
				t.Fatalf("%q: unquoted %q, want %q", b[:end], AppendUnquoted(nil, b[:end]), want)
			}
		}
	})
}

func BenchmarkValue(b *testing.B) {
	text := []byte(`{"id":1234567,"name":"some customer name","note":"a somewhat longer text that goes on for a while","price":12.5,"tags":["a","b"],"on":true}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Value(text, 0); !ok {
			b.Fatal("refused")
		}
	}
}

func BenchmarkStdValid(b *testing.B) {
	text := []byte(`{"id":1234567,"name":"some customer name","note":"a somewhat longer text that goes on for a while","price":12.5,"tags":["a","b"],"on":true}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		json.Valid(text)
	}
}
