// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

func TestEvents(t *testing.T) {
	gather := func(n int64, seed uint64) []byte {
		t.Helper()
		var b bytes.Buffer
		err := events(n, seed, func(key, value []byte) error {
			if !json.Valid(key) || !json.Valid(value) {
				t.Fatalf("not JSON: %s %s", key, value)
			}
			b.Write(value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	a := gather(2000, 1)
	if !bytes.Equal(a, gather(2000, 1)) {
		t.Error("the same seed gave other records")
	}
	if bytes.Equal(a, gather(2000, 2)) {
		t.Error("another seed gave the same records")
	}
	// The figures of other runs are for records of this size.
	if mean := len(a) / 2000; mean < 295 || mean > 320 {
		t.Errorf("mean value of %d bytes, want some 308", mean)
	}
}

func TestWindow(t *testing.T) {
	at := time.Unix(1000, 0)
	ms := time.Millisecond
	// One second of waiting, two of work at a full core, one of waiting.
	var samples []stack.Usage
	for i := 0; i <= 400; i++ {
		samples = append(samples, stack.Usage{At: at.Add(time.Duration(i) * 10 * ms), CPU: min(max(0, time.Duration(i-100)*10*ms), 2000*ms)})
	}
	if got := window(samples); got < 1950*ms || got > 2050*ms {
		t.Errorf("window %s, want 2 s", got)
	}
}

func TestMedian(t *testing.T) {
	f := func(want float64, values ...float64) {
		t.Helper()
		var runs []result
		for _, v := range values {
			runs = append(runs, result{P50: v})
		}
		if got := median(runs, func(r result) float64 { return r.P50 }); got != want {
			t.Errorf("median of %v is %v, want %v", values, got, want)
		}
	}
	f(0)
	f(3, 3)
	f(2, 9, 2)
	f(5, 9, 5, 1)
}

func TestWhole(t *testing.T) {
	f := func(v float64, want string) {
		t.Helper()
		if got := whole(v); got != want {
			t.Errorf("whole(%v) = %q, want %q", v, got, want)
		}
	}
	f(0, "0")
	f(999.4, "999")
	f(1000, "1,000")
	f(1234567, "1,234,567")
}

func TestRewrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "BENCHMARKS.md")
	w := workloads[0]
	run := func(cpu float64) string {
		t.Helper()
		r := &report{}
		r.add(w, []result{
			{Workload: w.name, Peer: jvmPeer, Run: 1, Records: 1000, CPUSeconds: 4},
			{Workload: w.name, Peer: jvmPeer, Run: 2, Counted: true, Records: 1000, CPUSeconds: 2},
			{Workload: w.name, Peer: ours, Run: 2, Counted: true, Records: 1000, CPUSeconds: cpu},
		})
		if err := r.rewrite(path); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	// A new file gets a head and the table: ours, the JVM hot and cold, the ratio.
	first := run(0.5)
	for _, want := range []string{"# Benchmarks", "| records per CPU-second | 2,000 | – | 500 | 250 | 4.00 × | – |"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is not in\n%s", want, first)
		}
	}
	// What people wrote around the markers stays; the table is replaced, not added.
	if err := os.WriteFile(path, []byte(first+"\nOur own words.\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	second := run(1)
	if !strings.Contains(second, "Our own words.") || strings.Count(second, "bench:begin") != 1 || !strings.Contains(second, "2.00 ×") || strings.Contains(second, "4.00 ×") {
		t.Errorf("not rewritten:\n%s", second)
	}
}

func TestOptions(t *testing.T) {
	f := func(args string, peers string, workloadNames string, fails bool) {
		t.Helper()
		o, err := parseOptions(strings.Fields(args), io.Discard)
		if err != nil {
			if !fails {
				t.Errorf("%s: %v", args, err)
			}
			return
		}
		gotPeers, err1 := o.peers()
		selected, err2 := o.selected()
		if fails {
			if err1 == nil && err2 == nil {
				t.Errorf("%s: no error", args)
			}
			return
		}
		var names []string
		for _, w := range selected {
			names = append(names, w.name)
		}
		if err1 != nil || err2 != nil || strings.Join(gotPeers, ",") != peers || strings.Join(names, ",") != workloadNames {
			t.Errorf("%s: peers %v (%v), workloads %v (%v)", args, gotPeers, err1, names, err2)
		}
	}
	f("-run null-json", "penstock,raw,jvm", "null-json", false)
	f("-run startup,null-bytes -peer jvm", "penstock,jvm", "null-bytes,startup", false)
	f("-run null-json -peer none", "penstock", "null-json", false)
	f("-run null-json -peer raw,only-jvm", "raw,jvm", "null-json", false)
	f("-run nonsense", "", "", true)
	f("-run null-json -peer rust", "", "", true)
	f("-run null-json -runs 0", "", "", true)
	f("-run null-json -mode cluster", "", "", true)
	f("", "", "", true)
}
