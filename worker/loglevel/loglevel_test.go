// SPDX-License-Identifier: Apache-2.0

package loglevel

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func TestLevels(t *testing.T) {
	r := NewRegistry("INFO")
	var out bytes.Buffer
	log := slog.New(NewHandler(slog.NewTextHandler(&out, nil), r))
	a, ab, c := Named(log, "x.a"), Named(log, "x.a.b").With("k", 1).WithGroup("g"), Named(log, "y")
	f := func(want string) {
		t.Helper()
		out.Reset()
		a.Debug("a")
		ab.Debug("ab")
		c.Info("c")
		var got []string
		for line := range strings.Lines(out.String()) {
			_, rest, _ := strings.Cut(line, "msg=")
			got = append(got, strings.Fields(rest)[0])
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("logged %q, want %q", s, want)
		}
	}
	set := func(name, level string, want ...string) {
		t.Helper()
		if got := r.Set(name, level); !slices.Equal(got, want) {
			t.Errorf("Set(%s, %s) = %q, want %q", name, level, got, want)
		}
	}
	f("c")
	set("x.a", "debug", "x.a", "x.a.b")
	f("a ab c")
	set("x.a", "DEBUG") // nothing changes
	set("x.a.b", "WARN", "x.a.b")
	f("a c")
	set("x", "LOUD")
	set("root", "ERROR", "root", "x.a", "x.a.b", "y")
	f("")
	if _, ok := r.Level("nobody"); ok {
		t.Error("a logger that nobody has")
	}
	if e, ok := r.Level("ROOT"); !ok || e.Level != "ERROR" || e.LastModified == 0 {
		t.Error(e)
	}
	set("z", "OFF", "z")
	if _, ok := r.Levels()["z"]; ok {
		t.Error("what is off is not listed")
	}
}
