// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseProperties(t *testing.T) {
	f := func(text string, enc Encoding, want ...string) {
		t.Helper()
		p, err := ParseProperties(strings.NewReader(text), enc)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range p.Keys() {
			v, _ := p.Get(k)
			got = append(got, k, v)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q: got %q, want %q", text, got, want)
		}
	}
	// separators, and white space that stays at the end
	f("a=1 \nb : 2\nc 3\nd\n", Latin1, "a", "1 ", "b", "2", "c", "3", "d", "")
	// comments, blank lines, carriage returns
	f("# x\r\n! y\r\n\r\n  a=1\r\nb=2", Latin1, "a", "1", "b", "2")
	// joined lines drop the next line's leading white space; two backslashes do not join
	f("a=x,\\\n   y\nb=z\\\\\nc=1", Latin1, "a", "x,y", "b", `z\`, "c", "1")
	// a comment sign inside a joined line is text
	f("a=x\\\n#y", Latin1, "a", "x#y")
	// escapes
	f(`a\ b\==\t\u00e9\u0041\q`, Latin1, "a b=", "\téAq")
	// two code units of one character
	f(`a=\uD83D\uDE00`, Latin1, "a", "😀")
	// the last duplicate wins and keeps the place of the first
	f("a=1\nb=2\na=3", Latin1, "a", "3", "b", "2")
	// bytes are characters in one encoding, UTF-8 in the other
	f("a=é", Latin1, "a", "Ã©")
	f("a=é", UTF8, "a", "é")
	// no inline comments, no expansion
	f("a=1 # no ${x}", Latin1, "a", "1 # no ${x}")
}

func TestParsePropertiesErrors(t *testing.T) {
	f := func(text string, enc Encoding, line int) {
		t.Helper()
		_, err := ParseProperties(strings.NewReader(text), enc)
		var pe *PropertiesError
		if !errors.As(err, &pe) || pe.Line != line {
			t.Fatalf("%q: got %v, want an error in line %d", text, err, line)
		}
	}
	f("a=1\nb=\\u12", Latin1, 2)
	f("# c\n\na=x\\\n\\uzzzz", Latin1, 3)
	f("a=1\nb=\xff", UTF8, 2)
}

func TestLoadPropertiesNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.properties")
	if err := os.WriteFile(path, []byte("a=\\u1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadProperties(path, Latin1); err == nil || !strings.HasPrefix(err.Error(), path+":1: ") {
		t.Fatalf("got %v", err)
	}
}

func FuzzParseProperties(f *testing.F) {
	for _, s := range []string{"a=b", "a\\\n b", "\\u0041=\\uD800", "#c\r\n!d\r\n", "a:=b\\", "\\\n", " k v\t"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, enc := range []Encoding{Latin1, UTF8} {
			p, err := ParseProperties(bytes.NewReader(raw), enc)
			if err != nil {
				continue
			}
			// what is written reads back the same in both encodings
			var out bytes.Buffer
			if err := p.Write(&out); err != nil {
				t.Fatal(err)
			}
			q, err := ParseProperties(&out, UTF8)
			if err != nil || !maps.Equal(p.Map(), q.Map()) || !slices.Equal(p.Keys(), q.Keys()) {
				t.Fatalf("%q does not survive: %v, %v, %v", raw, p, q, err)
			}
		}
	})
}
