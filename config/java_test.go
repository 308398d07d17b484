// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"
)

// forJava calls f for each line of a file of testdata/java: input and answer.
func forJava(t *testing.T, file string, f func(input []byte, answer string)) {
	t.Helper()
	raw, err := os.ReadFile("testdata/java/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		code, answer, _ := strings.Cut(strings.TrimSpace(line), "\t")
		input, err := hex.DecodeString(code)
		if err != nil {
			t.Fatal(err)
		}
		f(input, answer)
	}
}

func TestCheckRegexAsJava(t *testing.T) {
	forJava(t, "regex.txt", func(input []byte, answer string) {
		if err := CheckRegex(string(input)); (err == nil) != (answer == "ok") {
			t.Errorf("%q: Java says %s, we say %v", input, answer, err)
		}
	})
}

func TestRegexErrorText(t *testing.T) {
	f := func(pattern, want string) {
		t.Helper()
		err := CheckRegex(pattern)
		if err == nil || err.Error() != want {
			t.Fatalf("%s: got %v, want %s", pattern, err, want)
		}
	}
	f("[", "Unclosed character class near index 0\n[\n^")
	f("a{2,1}", "Illegal repetition range near index 5\na{2,1}\n     ^")
	f("*", "Dangling meta character '*' near index 0\n*\n^")
	f(")", "Unmatched closing ')'\n)")
	f("(a", "Unclosed group near index 2\n(a")
}

func TestParsePropertiesAsJava(t *testing.T) {
	forJava(t, "properties.txt", func(input []byte, answer string) {
		if got := dump(ParseProperties(bytes.NewReader(input), Latin1)); got != answer {
			t.Errorf("%q: got %s, want %s", input, got, answer)
		}
	})
}

// dump writes properties as the recorder did: in hex, sorted by key.
func dump(p *Properties, err error) string {
	if err != nil {
		return "E"
	}
	keys := make([]string, 0, p.Len())
	values := map[string]string{}
	for _, k := range p.Keys() {
		v, _ := p.Get(k)
		h := hex.EncodeToString([]byte(k))
		keys = append(keys, h)
		values[h] = hex.EncodeToString([]byte(v))
	}
	slices.Sort(keys)
	for i, k := range keys {
		keys[i] = k + "=" + values[k]
	}
	return "{" + strings.Join(keys, ", ") + "}"
}
