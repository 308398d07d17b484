// SPDX-License-Identifier: Apache-2.0

package regex

import (
	"strings"
	"testing"
)

func TestEngineChoice(t *testing.T) {
	f := func(pattern string, linear bool) {
		t.Helper()
		re, err := Compile(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if (re.find != nil) != linear {
			t.Errorf("%q: standard engine %t, want %t", pattern, re.find != nil, linear)
		}
	}
	f(`(.*)`, true)
	f(`topic-(\d+)$`, true)
	f(`[a-z&&[^x]]+`, true)
	f(`(?i)\bfoo\b`, true)
	f(`(?<=a)b`, false)
	f(`(a)\1`, false)
	f(`a++`, false)
	f(`(a*)*`, false)
	f(`(?m)^a`, false)
}

func TestSyntaxErrorText(t *testing.T) {
	_, err := Compile("a(b")
	if want := "Unclosed group near index 3\na(b"; err == nil || err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	_, err = Compile("a**")
	if want := "Dangling meta character '*' near index 2\na**\n  ^"; err == nil || err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestDeepNesting(t *testing.T) {
	if _, err := Compile(strings.Repeat("(", 100000)); err == nil {
		t.Error("accepted")
	}
	if _, err := Compile(strings.Repeat("[", 100000)); err == nil {
		t.Error("accepted")
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`(?<n>a|b)*\k<n>`, `[a-z&&[^b]]{2,3}+`, `\Q*\E\x{41}\u00e9`, `(?x) a # b`, `\p{IsLatin}`, `(?U)\b`, "\xff["} {
		f.Add(s, "ab\r\n")
	}
	f.Fuzz(func(t *testing.T, pattern, in string) {
		if len(pattern) > 64 || len(in) > 64 {
			return
		}
		re, err := Compile(pattern)
		if err != nil {
			_ = err.Error()
			return
		}
		if strings.ContainsAny(pattern, "*+{") && re.find == nil {
			return // may run for its ten seconds
		}
		if _, err := re.ReplaceAll(in, "$0"); err != nil {
			t.Error(err)
		}
		if _, err := re.MatchGroups(in); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkMatches(b *testing.B) {
	re := MustCompile(`server1\.(.*)`)
	b.ReportAllocs()
	for b.Loop() {
		re.Matches("server1.inventory.customers")
	}
}
