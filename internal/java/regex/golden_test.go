// SPDX-License-Identifier: Apache-2.0

package regex

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/internal/java/text"
)

// TestGolden replays what the JVM answered: pattern, input, replacement; then the groups of matches() and find(), the
// results of replaceFirst and replaceAll, or the error of compile.
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
		bad := 0
		for sc.Scan() {
			p := strings.Split(sc.Text(), "\t")
			want := unescape(p[3])
			got := perform(unescape(p[0]), unescape(p[1]), unescape(p[2]))
			if got != want {
				if bad++; bad < 30 {
					t.Errorf("%s  on %q by %q\n got  %q\n want %q", p[0], p[1], p[2], got, want)
				}
			}
		}
		f.Close()
		if bad > 0 {
			t.Errorf("%s: %d differ", name, bad)
		}
	}
}

func perform(pattern, in, replacement string) string {
	re, err := Compile(pattern)
	if err != nil {
		var se *SyntaxError
		if !errors.As(err, &se) {
			return err.Error()
		}
		return fmt.Sprintf("!%s@%d", se.Description, se.Index)
	}
	whole, err1 := re.MatchGroups(in)
	found, err2 := re.FindGroups(in, 0)
	if err1 != nil || err2 != nil {
		return fmt.Sprint(err1, err2)
	}
	if m, _ := re.Matches(in); m != (whole != nil) {
		return "Matches and MatchGroups differ"
	}
	if m, _ := re.Find(in); m != (found != nil) {
		return "Find and FindGroups differ"
	}
	return "=" + offsets(in, whole) + "|" + offsets(in, found) + "|" + outcome(re.ReplaceFirst(in, replacement)) + "|" +
		outcome(re.ReplaceAll(in, replacement))
}

func offsets(in string, g []int) string {
	if g == nil {
		return "no"
	}
	var out []string
	for i := 0; i < len(g); i += 2 {
		if g[i] < 0 {
			out = append(out, "-1,-1")
			continue
		}
		out = append(out, fmt.Sprintf("%d,%d", text.UTF16Len(in[:g[i]]), text.UTF16Len(in[:g[i+1]])))
	}
	return strings.Join(out, " ")
}

func outcome(s string, err error) string {
	var re *ReplacementError
	if errors.As(err, &re) {
		return "!" + re.JavaClass() + ": " + re.Message
	}
	if err != nil {
		return err.Error()
	}
	return "=" + s
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
