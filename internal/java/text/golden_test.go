// SPDX-License-Identifier: Apache-2.0

package text

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestGolden replays what the JVM answered.
func TestGolden(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.tsv")
	if len(files) == 0 {
		t.Fatal("no golden files")
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		sc := bufio.NewScanner(f)
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			p := strings.Split(sc.Text(), "\t")
			want := p[len(p)-1]
			if got := perform(t, p); got != want {
				t.Errorf("%q\n got  %s\n want %s", p[:len(p)-1], got, want)
			}
		}
		f.Close()
	}
}

func perform(t *testing.T, p []string) string {
	utf16be, err := LookupCharset("UTF-16BE")
	if err != nil {
		t.Fatal(err)
	}
	hexOf := func(s string) string { return hex.EncodeToString(utf16be.AppendEncode(nil, s)) }
	switch p[0] {
	case "str":
		s := unescape(p[1])
		return fmt.Sprintf("%d|%d|%x|%s|%s|%t", HashCode(s), UTF16Len(s), ToUTF8(s), hexOf(Trim(s)), hexOf(Strip(s)), IsBlank(s))
	case "cmp":
		return strconv.Itoa(Compare(unescape(p[1]), unescape(p[2])))
	case "dec":
		b, _ := hex.DecodeString(p[1])
		return hex.EncodeToString([]byte(FromUTF8(b)))
	case "map":
		capacity, _ := strconv.Atoi(p[1])
		var keys []string
		if p[2] != "" {
			keys = strings.Split(p[2], ",")
		}
		order := AppendHashOrder(nil, keys, capacity)
		return strings.NewReplacer("[", "", "]", "", " ", ",").Replace(fmt.Sprint(order))
	case "csenc":
		c, err := LookupCharset(p[1])
		if err != nil {
			return err.Error()
		}
		return c.Name() + "|" + hex.EncodeToString(c.AppendEncode(nil, unescape(p[2])))
	case "csdec":
		c, err := LookupCharset(p[1])
		if err != nil {
			return err.Error()
		}
		b, _ := hex.DecodeString(p[2])
		return hexUnits(string(c.AppendDecode(nil, b)))
	}
	return "unknown operation"
}

func hexUnits(s string) string {
	var b strings.Builder
	for _, u := range AppendUTF16(nil, s) {
		fmt.Fprintf(&b, "%04x", u)
	}
	return b.String()
}

func unescape(s string) string {
	var units []uint16
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			v, _ := strconv.ParseUint(s[i+2:i+6], 16, 16)
			units = append(units, uint16(v))
			i += 5
			continue
		}
		units = append(units, uint16(s[i]))
	}
	return FromUTF16(units)
}

func TestLookupCharset(t *testing.T) {
	f := func(name, wantName, wantClass string) {
		t.Helper()
		c, err := LookupCharset(name)
		if err != nil {
			if ce := err.(*CharsetError); ce.JavaClass() != wantClass || ce.Error() != name {
				t.Errorf("%q: %s: %s, want %s", name, ce.JavaClass(), ce, wantClass)
			}
			return
		}
		if c.Name() != wantName {
			t.Errorf("%q: %s, want %s", name, c.Name(), wantName)
		}
	}
	f("utf8", "UTF-8", "")
	f("Latin1", "ISO-8859-1", "")
	f("CP1252", "windows-1252", "")
	f("ibm037", "IBM037", "")
	f("sjis", "Shift_JIS", "")
	f("nope", "", "java.nio.charset.UnsupportedCharsetException")
	f("", "", "java.nio.charset.IllegalCharsetNameException")
	f("-x", "", "java.nio.charset.IllegalCharsetNameException")
	f("a b", "", "java.nio.charset.IllegalCharsetNameException")
}

func FuzzUTF8(f *testing.F) {
	f.Add([]byte("a\xed\xa0\x80\xf0\x9f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := FromUTF8(b)
		if !utf8.ValidString(s) || ToUTF8(s) != s {
			t.Errorf("%x gives %x", b, s)
		}
		if utf8.Valid(b) && s != string(b) {
			t.Errorf("%x changed to %x", b, s)
		}
		if back := FromUTF16(AppendUTF16(nil, s)); back != s {
			t.Errorf("%x is %x after a round trip", s, back)
		}
	})
}
