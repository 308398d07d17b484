// SPDX-License-Identifier: Apache-2.0

package kafkadefs

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/config"
)

// TestValidateAsJava compares single keys of all classes with recorded answers; see
// testdata/README.md for the format.
func TestValidateAsJava(t *testing.T) {
	f, err := os.Open("testdata/validate.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for sc := bufio.NewScanner(z); sc.Scan(); n++ {
		fields := strings.Split(sc.Text(), "\t")
		info, ok := MustGet(fields[0]).Find(fields[1])
		if !ok {
			t.Fatalf("no key %s", fields[1])
		}
		props := config.Props{info.Name: nil}
		if raw, ok := strings.CutPrefix(fields[2], "x"); ok {
			s := unhex(raw)
			props[info.Name] = &s
		}
		got := answer(config.Def{config.NewKey(info)}, props)
		if want := readable(fields[3]); got != want {
			t.Errorf("%s %s=%s: got %s, want %s", fields[0], info.Name, unhex(strings.TrimPrefix(fields[2], "x")), got, want)
		}
	}
	if n < 1000 {
		t.Errorf("only %d lines", n)
	}
}

// answer is that of Kafka in readable form.
func answer(d config.Def, props config.Props) string {
	values, err := d.ValidateAsJava(props, config.Options{Classes: Class})
	var c *config.Crash
	if errors.As(err, &c) {
		return "CRASH " + c.Class
	}
	v := values[0]
	shown := "-"
	if s := config.ConvertToString(v.Value); s != nil {
		shown = fmt.Sprintf("%q", *s)
	}
	for _, e := range v.Errors {
		shown += fmt.Sprintf(" %q", withoutParser(e))
	}
	return fmt.Sprint(shown, " ", v.Visible)
}

// readable brings a recorded answer into the form of answer.
func readable(recorded string) string {
	parts := strings.Split(recorded, " ")
	if len(parts) != 3 {
		return recorded
	}
	out := parts[0]
	if raw, ok := strings.CutPrefix(out, "x"); ok {
		out = fmt.Sprintf("%q", unhex(raw))
	}
	for e := range strings.SplitSeq(strings.TrimSuffix(parts[1], ";"), ";") {
		if e != "" {
			out += fmt.Sprintf(" %q", withoutParser(unhex(strings.TrimPrefix(e, "x"))))
		}
	}
	return out + " " + parts[2]
}

// withoutParser cuts what Java's own parsers and security providers say.
func withoutParser(s string) string {
	for _, intro := range []string{"Invalid regex: ", "Syntax error in regular expression: ", "algorithms are: "} {
		if i := strings.Index(s, intro); i >= 0 {
			return s[:i+len(intro)]
		}
	}
	return s
}

func unhex(s string) string {
	raw, err := hex.DecodeString(s)
	if err != nil {
		return s
	}
	return string(raw)
}
