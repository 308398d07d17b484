// SPDX-License-Identifier: Apache-2.0

package jackson

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/penstock-io/penstock/internal/java/number"
)

func TestAppendString(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		for pad := range 9 { // every position relative to the words of eight
			p := strings.Repeat("x", pad)
			if got := string(AppendString(nil, p+in+p)); got != `"`+p+want+p+`"` {
				t.Errorf("%q with %d: %s, want %s", in, pad, got, want)
			}
		}
	}
	f("", "")
	f("plain text that is longer than a word", "plain text that is longer than a word")
	f("\x01\x08\t\n\x0b\f\r\x1f", `\u0001\b\t\n\u000B\f\r\u001F`)
	f(`"\/`, `\"\\/`)
	f("é\u2028\u2029<>&\x7f", "é\u2028\u2029<>&\x7f")
	f("힣\uFFFD\uFFFF\uE000", "힣\uFFFD\uFFFF\uE000")
	f("😀\U0010FFFF", `\uD83D\uDE00\uDBFF\uDFFF`)
	f("\xed\xa0\x80a\xed\xb0\x80", `\uD800a\uDC00`)
	f("日本語テキストが長い場合", "日本語テキストが長い場合")
}

func TestAppendAny(t *testing.T) {
	f := func(v any, want string) {
		t.Helper()
		got, err := AppendAny(nil, v)
		if err != nil || string(got) != want {
			t.Errorf("%v: %s, %v, want %s", v, got, err, want)
		}
	}
	f(map[string]any{"topic": "t", "partition": int32(0), "cluster": "src"}, `{"cluster":"src","partition":0,"topic":"t"}`)
	f([]any{"MirrorSourceConnector", Object{{"server", "s"}, {"a", nil}}}, `["MirrorSourceConnector",{"server":"s","a":null}]`)
	f(Object{
		{"i", int8(1)}, {"l", int64(123456789012)}, {"d", 1.0}, {"d2", 1e10}, {"d3", 1e-5}, {"f", float32(1.1)}, {"b", true},
		{"n", nil}, {"by", []byte{1, 2, 3}}, {"s", "x\x7f\x1f😀"}, {"dn", math.NaN()}, {"fi", float32(math.Inf(-1))},
		{"d4", 1.23456789125e8}, {"dec", number.NewDecimal(-15, 1)},
	}, `{"i":1,"l":123456789012,"d":1.0,"d2":1.0E10,"d3":1.0E-5,"f":1.1,"b":true,"n":null,"by":"AQID",`+
		`"s":"x`+"\x7f"+`\u001F\uD83D\uDE00","dn":"NaN","fi":"-Infinity","d4":1.23456789125E8,"dec":-1.5}`)
	if _, err := AppendAny(nil, struct{}{}); err == nil {
		t.Error("a struct was accepted")
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("a\"\\\x00é😀\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, s string) {
		out := AppendString(nil, s)
		var back string
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatalf("%q gives %s: %v", s, out, err)
		}
		if utf8.ValidString(s) && back != s {
			t.Errorf("%q gives %s, back %q", s, out, back)
		}
	})
}

func BenchmarkAppendString(b *testing.B) {
	s := strings.Repeat("the quick brown fox jumps over ", 8)
	var buf []byte
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendString(buf[:0], s)
	}
}
