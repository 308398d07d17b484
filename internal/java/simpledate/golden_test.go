// SPDX-License-Identifier: Apache-2.0

package simpledate

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/internal/java/text"
)

// recorded is when the golden files were: two-digit years depend on it.
var recorded = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

// TestGolden replays what the JVM answered: E pattern error, F pattern zone ms text, P pattern zone text ms-or-!index.
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
		bad, all := 0, 0
		for sc.Scan() {
			p := strings.Split(sc.Text(), "\t")
			all++
			if got, want := perform(p), unescape(p[len(p)-1]); got != want {
				if bad++; bad < 40 {
					t.Errorf("%q\n got  %q\n want %q", p[:len(p)-1], got, want)
				}
			}
		}
		f.Close()
		if bad > 0 {
			t.Errorf("%s: %d of %d differ", name, bad, all)
		}
	}
}

func perform(p []string) string {
	zone := time.UTC
	if p[0] != "E" {
		var err error
		if zone, err = time.LoadLocation(p[2]); err != nil {
			return p[len(p)-1] // no zone database here
		}
	}
	f, err := newAt(unescape(p[1]), zone, recorded)
	if err != nil {
		return err.Error()
	}
	switch p[0] {
	case "F":
		ms, _ := strconv.ParseInt(p[3], 10, 64)
		return f.Format(ms)
	case "P":
		ms, index, ok := f.Parse(unescape(p[3]))
		if !ok {
			return "!" + strconv.Itoa(index)
		}
		return strconv.FormatInt(ms, 10)
	}
	return "ok"
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
	return text.FromUTF16(units)
}

func FuzzParse(f *testing.F) {
	f.Add("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2024-02-29T12:00:00.000+01:00")
	f.Add("EEE, d MMM yyyy z", "Thu, 29 Feb 2024 PST")
	f.Add("YYYYwwu", "99999999E9")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if strings.Contains(pattern, "yyyyyyyyyyyyyyyyyyyyyyyyy") {
			return
		}
		p, err := New(pattern, nil)
		if err != nil {
			return
		}
		if ms, index, ok := p.Parse(s); ok {
			p.Format(ms)
		} else if index < 0 || index > text.UTF16Len(s) {
			t.Errorf("index %d in %q", index, s)
		}
	})
}

func TestFormatDoesNotAllocate(t *testing.T) {
	f, err := New("yyyy-MM-dd'T'HH:mm:ss.SSSX", nil)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { buf = f.AppendFormat(buf[:0], 1700000000123) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppendFormat(b *testing.B) {
	f, err := New("yyyy-MM-dd'T'HH:mm:ss.SSS", nil)
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	b.ReportAllocs()
	ms := int64(1700000000123)
	for b.Loop() {
		buf = f.AppendFormat(buf[:0], ms)
		ms += 1234567
	}
}
