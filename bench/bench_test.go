// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

func TestShapes(t *testing.T) {
	gather := func(s spec) []byte {
		t.Helper()
		var b bytes.Buffer
		err := s.records(func(i int64, key, value []byte) error {
			if !json.Valid(key) || !json.Valid(value) {
				t.Fatalf("not JSON: %s %s", key, value)
			}
			if id := lineID(value); id != i {
				t.Fatalf("id %d of record %d: %s", id, i, value)
			}
			b.Write(value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name := range shapes {
		s := spec{shape: name, size: 500, partitions: 6, seed: 1, n: 1000}
		a := gather(s)
		if !bytes.Equal(a, gather(s)) {
			t.Errorf("%s: the same seed gave other records", name)
		}
		s.seed = 2
		if bytes.Equal(a, gather(s)) {
			t.Errorf("%s: another seed gave the same records", name)
		}
	}
	// The figures of other runs are for records of this size.
	if mean := len(gather(spec{shape: "plain", partitions: 1, seed: 1, n: 2000})) / 2000; mean < 295 || mean > 320 {
		t.Errorf("mean value of %d bytes, want some 308", mean)
	}
	for _, size := range []int{100, 1000, 100_000} {
		if got := len(gather(spec{shape: "sized", size: size, partitions: 1, seed: 1, n: 3})); got != 3*size {
			t.Errorf("%d bytes in 3 values of %d", got, size)
		}
	}
	if err := (spec{shape: "round"}).records(nil); err == nil {
		t.Error("an unknown shape is no error")
	}
}

func TestSplitFields(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		if got := splitFields(text); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	}
	f(`"a":1`, `"a":1`)
	f(`"a":1,"b":[1,2],"c":{"d":1,"e":[2,{"f":3}]}`, `"a":1`, `"b":[1,2]`, `"c":{"d":1,"e":[2,{"f":3}]}`)
}

func TestGenerated(t *testing.T) {
	// Written by JsonConverter of Kafka 4.3.1 for the twin in peer/.
	const want = `{"id":1,"user_id":7919,"event":"logout","ts":1760000000001,"email":"user7919@example.com","ip":"10.1.2.239","amount":79.19,` +
		`"currency":"EUR","country":"DE","device":"ios","active":false,"session":"5f0c6a1e-9d0b-4c57-8a3e-100000007919","address":{"city":"Hamburg","zip":"20095"}}`
	if got := string(generated(nil, 1)); got != want {
		t.Errorf("%s", got)
	}
	if first := string(generated(nil, 0)); !strings.Contains(first, `"amount":0.0,`) || !strings.Contains(first, `"country":null,`) {
		t.Errorf("%s", first)
	}
	if !json.Valid([]byte(generatedSchema + "{}}")) {
		t.Error("the schema is no JSON")
	}
	d := eventDigests(1000, 6, false)
	if d.count() != 1000 || len(d) != 6 {
		t.Errorf("%v", d)
	}
}

func TestDigests(t *testing.T) {
	make := func(records ...string) digests {
		d := digests{}
		for i, r := range records {
			d.add(int32(i%2), nil, []byte(r))
		}
		return d
	}
	f := func(a, b digests, want string) {
		t.Helper()
		if got := a.differs(b); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f(make("a", "b", "c"), make("a", "b", "c"), "")
	f(make("a", "b", "c"), make("a", "b"), "2 records arrived of 3")
	// Another order in partition 0, other content in partition 1.
	f(make("a", "b", "c"), make("c", "b", "a"), "partition 0")
	f(make("a", "b", "c"), make("a", "x", "c"), "partition 1")
	// A null is no empty value.
	n, e := digests{}, digests{}
	n.add(0, nil, nil)
	e.add(0, nil, []byte{})
	f(n, e, "partition 0")
}

func TestLines(t *testing.T) {
	f := func(text string, count int64, bad string) {
		t.Helper()
		if got := readLines([]byte(text), 2, "\n"); got.count != count || got.badline != bad {
			t.Errorf("%q: %+v", text, got)
		}
	}
	f("", 0, "")
	// As a Map and as a Struct print themselves; the id may stand anywhere in a map.
	f("{uid=3, id=0}\n{id=1}\n{a=b, id=2}\n", 3, "")
	f("Struct{id=1,a=2}\nStruct{id=0}\nStruct{id=3}\nStruct{id=2}\n", 4, "")
	f(`{"id":4}`+"\n"+`{"id":2}`+"\n", 2, "2 after 4 in partition 0")
	f("[B@1\n[B@2\n", 2, "")
	// The order between partitions does not matter to the sum.
	a, b := readLines([]byte("{id=0}\n{id=1}\n"), 2, "\n"), readLines([]byte("{id=1}\n{id=0}\n"), 2, "\n")
	if a.sum != b.sum {
		t.Error("the order between partitions counts")
	}
	if got := a.differs(b, 2, false); got != "" {
		t.Error(got)
	}
	// Text may hold line ends.
	if got := readLines([]byte("{id=0, a=x\ny}\n{a=\n, id=1}\n"), 2, "}\n"); got.count != 2 || got.badline != "" {
		t.Errorf("%+v", got)
	}
	// Maps print their keys in the order of a hash table; JSON text is text.
	if a, b := readLines([]byte("{x={p=1, q=2}, id=0}\n"), 1, "\n"), readLines([]byte("{id=0, x={q=2, p=1}}\n"), 1, "\n"); a.sum != b.sum || a.exact == b.exact {
		t.Error("the order of a map's keys counts")
	}
	if a, b := readLines([]byte(`{"id":0,"a":1}`), 1, "\n"), readLines([]byte(`{"a":1,"id":0}`), 1, "\n"); a.sum == b.sum {
		t.Error("the order of keys in JSON text does not count")
	}
	if a, b := readLines([]byte("{id=0, x=1}\n"), 1, "\n"), readLines([]byte("{id=0, x=2}\n"), 1, "\n"); a.sum == b.sum {
		t.Error("another value is no difference")
	}
	if got := a.differs(b, 3, true); got == "" {
		t.Error("a missing line is no difference")
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

func TestUsage(t *testing.T) {
	u, err := usage(os.Getpid())
	if err != nil || u.CPU <= 0 {
		t.Errorf("%v %v", u, err)
	}
}

func TestParseHeap(t *testing.T) {
	h := parseHeap("heap profile: 1: 2 [3: 4] @ heap/1048576\n\n# runtime.MemStats\n# TotalAlloc = 4096\n# Mallocs = 17\n# HeapInuse = 3\n")
	if !h.ok || h.mallocs != 17 || h.bytes != 4096 {
		t.Errorf("%+v", h)
	}
	if parseHeap("no such page").ok {
		t.Error("counters out of nothing")
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

func TestSlope(t *testing.T) {
	f := func(want float64, runs ...result) {
		t.Helper()
		if got := slope(runs, func(r result) float64 { return r.HeapAllocs }); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	short, long := result{HeapRecords: 100, HeapAllocs: 1000}, result{HeapRecords: 400, HeapAllocs: 1300}
	f(-1)
	f(-1, long, long)
	f(1, short, long)
	f(1, long, short, long)
	// Noise may make it negative: that is nothing.
	f(0, long, result{HeapRecords: 100, HeapAllocs: 2000})
	f(1, long, short, result{HeapRecords: 400, HeapAllocs: 99999, Parity: "broken"})
}

func TestQuantile(t *testing.T) {
	f := func(q, want float64, sorted ...float64) {
		t.Helper()
		if got := quantile(sorted, q); got != want {
			t.Errorf("quantile %v of %v is %v, want %v", q, sorted, got, want)
		}
	}
	f(0.5, 0)
	f(0.99, 7, 7)
	f(0.5, 2, 1, 2, 3, 4)
	f(1, 4, 1, 2, 3, 4)
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

func TestRawBatch(t *testing.T) {
	var w batchWriter
	w.reset()
	r := rand.New(rand.NewPCG(1, 2))
	const n = 300
	for i := range n {
		value := []byte(strings.Repeat("v", r.IntN(400)))
		if i%3 == 0 {
			w.add(nil, value)
		} else {
			w.add([]byte("key"), value)
		}
	}
	b := slices.Clone(w.finish())
	if batchSize(b) != len(b) || lastOffset(b) != n-1 {
		t.Errorf("size %d of %d, last %d", batchSize(b), len(b), lastOffset(b))
	}
	var got walk
	if err := got.batch(b); err != nil || got.records != n {
		t.Fatalf("%v %+v", err, got)
	}
	// One wrong bit anywhere behind the CRC is found.
	for _, at := range []int{atAttributes, atCount + 3, len(b) - 1} {
		bad := slices.Clone(b)
		bad[at] ^= 8
		if err := got.batch(bad); err == nil {
			t.Errorf("byte %d changed: no error", at)
		}
	}
}

func FuzzWalk(f *testing.F) {
	var w batchWriter
	w.reset()
	w.add([]byte("k"), []byte("value"))
	w.add(nil, nil)
	f.Add(slices.Clone(w.finish())[batchHeader:], uint32(2))
	f.Fuzz(func(_ *testing.T, records []byte, count uint32) {
		w.reset()
		w.buf = append(w.buf, records...)
		w.count = int64(count % 1000)
		var got walk
		_ = got.batch(w.finish()) // an error or not, but no panic
	})
}

func TestSelect(t *testing.T) {
	f := func(list string, want string) {
		t.Helper()
		got, err := selectWorkloads(list)
		if err != nil {
			if want != "error" {
				t.Errorf("%s: %v", list, err)
			}
			return
		}
		var names []string
		for _, w := range got {
			names = append(names, w.name)
		}
		if text := strings.Join(names, ","); text != want {
			t.Errorf("%s: %s", list, text)
		}
	}
	f("startup,null-bytes", "null-bytes,startup")
	f("sizes", "size-100,size-300,size-1000,size-10000,size-100000")
	f("nonsense", "error")
	f("null-json,nonsense", "error")
	all, err := selectWorkloads("all")
	if err != nil || len(all) != len(workloads) {
		t.Errorf("%d of %d: %v", len(all), len(workloads), err)
	}
}

func TestRunsOn(t *testing.T) {
	f := func(name string, want ...string) {
		t.Helper()
		var got []string
		for _, peer := range []string{ours, rawPeer, kgoPeer, jvmPeer, bestPeer} {
			if find(name).runsOn(peer) {
				got = append(got, peer)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	f("null-json", ours, rawPeer, kgoPeer, jvmPeer, bestPeer)
	f("gen-json", ours, jvmPeer, bestPeer)
	f("mirror", ours, rawPeer, jvmPeer, bestPeer)
	f("startup", ours, jvmPeer, bestPeer)
	f("latency", ours, jvmPeer)
	f("idle-1000", ours)
}

// TestWorkloads holds the list to what the rest relies on.
func TestWorkloads(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range workloads {
		if seen[w.name] || w.group == "" || w.doc == "" || find(w.name) != w {
			t.Errorf("%s: not unique, or without group or doc", w.name)
		}
		seen[w.name] = true
		if (w.isData() || w.kind == latencyKind) && (w.small == 0 || w.full == 0 || w.config["connector.class"] == "") {
			t.Errorf("%s: no records or no connector", w.name)
		}
		for _, target := range w.targets {
			if !slices.ContainsFunc(rows(w.kind), func(x row) bool { return x.name == target.what }) {
				t.Errorf("%s: target about %q, which is no row", w.name, target.what)
			}
		}
		if _, ok := shapes[(&options{shape: "plain", partitions: 6}).spec(w, 1).shape]; !ok {
			t.Errorf("%s: no shape %q", w.name, w.records.shape)
		}
	}
}

func TestOptions(t *testing.T) {
	f := func(args, peers string) {
		t.Helper()
		o, err := parseOptions(strings.Fields(args), io.Discard)
		var got []string
		if err == nil {
			got, err = o.peers()
		}
		if err != nil {
			if peers != "error" {
				t.Errorf("%s: %v", args, err)
			}
			return
		}
		if strings.Join(got, ",") != peers {
			t.Errorf("%s: peers %v", args, got)
		}
	}
	f("-run null-json", "penstock,raw,jvm,jvm-best")
	f("-run null-json -peer jvm", "penstock,jvm")
	f("-run null-json -peer none", "penstock")
	f("-run null-json -peer raw,only-jvm", "raw,jvm")
	f("-run null-json -peer rust", "error")
	f("-run null-json -repeat 0", "error")
	f("-run null-json -mode cluster", "error")
	f("-run null-json -size huge", "error")
	f("-run null-json -shape round", "error")
	f("-compare one.json", "error")
	f("-run null-json stray", "error")
	f("-md BENCHMARKS.md -run null-json", "error")
}

// two is a report with a JVM at 500 and penstock at so many records per CPU-second.
func two(cpu float64) *report {
	w := figures[0].name
	return &report{Meta: meta{Size: "small"}, Results: []result{
		{Workload: w, Peer: jvmPeer, Run: 1, Records: 1000, CPUSeconds: 4},
		{Workload: w, Peer: jvmPeer, Run: 2, Counted: true, Records: 1000, CPUSeconds: 2, WallSeconds: 1},
		{Workload: w, Peer: ours, Run: 2, Counted: true, Records: 1000, CPUSeconds: cpu, WallSeconds: 1, Verified: true},
		// What differs at its destination counts nowhere.
		{Workload: w, Peer: ours, Run: 3, Counted: true, Records: 1000, CPUSeconds: 0.0001, Parity: "999 records arrived of 1000"},
	}}
}

func TestTable(t *testing.T) {
	got := two(0.5).table(figures[0])
	for _, want := range []string{"| records per CPU-second | 2,000 | 500 | 4.00 |", "first run, cold: 250 per CPU-second", "1 thrown away: 999 records arrived of 1000"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestJudge(t *testing.T) {
	f := func(cpu float64, want string) {
		t.Helper()
		for _, v := range two(cpu).judge(figures[0]) {
			if v.target.peer == bestPeer && v.String() != want {
				t.Errorf("%s, want %s", v, want)
			}
		}
	}
	// Without a best JVM the default one stands for it.
	f(0.5, "≥ 4 × jvm-best (here: jvm): 4")
	f(1, "**≥ 4 × jvm-best (here: jvm): 2**")
}

func TestRender(t *testing.T) {
	dir := t.TempDir()
	results := filepath.Join(dir, "bench", "results")
	if err := renderAll(results, filepath.Join(dir, "B.md")); err == nil {
		t.Error("a page out of nothing")
	}
	for i, cpu := range []float64{0.5, 1} {
		r := two(cpu)
		r.Meta.Time = time.Unix(int64(1000*i), 0).UTC()
		r.Meta.Commit = "abc with changes"
		if err := r.save(&options{results: results}); err != nil {
			t.Fatal(err)
		}
	}
	if err := renderAll(results, filepath.Join(dir, "B.md")); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "B.md"))
	if err != nil {
		t.Fatal(err)
	}
	// The newest file counts, and a loss is told.
	for _, want := range []string{"| null-bytes | 500 | – | – | 1,000 |", "target **≥ 4 × jvm-best (here: jvm): 2**", "go run ./bench -run null-bytes"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}
	chart, err := os.ReadFile(filepath.Join(dir, "docs", "img", "bench.svg"))
	if err != nil || !bytes.Contains(chart, []byte("null-bytes: 2.00 × JVM, defaults")) {
		t.Errorf("%v\n%s", err, chart)
	}
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, r *report) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := writeJSON(path, r); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f := func(before, after *report, want string, fails bool) {
		t.Helper()
		var out bytes.Buffer
		err := compareFiles(&out, save("old", before), save("new", after), 10)
		if (err != nil) != fails || !strings.Contains(out.String(), want) {
			t.Errorf("%v\n%s", err, out.String())
		}
	}
	f(two(0.5), two(0.5), "0 worse", false)
	f(two(0.5), two(0.25), "0 worse", false)
	f(two(0.5), two(0.54), "0 worse", false)
	f(two(0.5), two(0.6), "records per CPU-second, ratio to jvm: 4.00 → 3.33", true)
	// Twice as slow, but so was the JVM: the machine was.
	slow := two(1)
	slow.Results[1].CPUSeconds = 4
	f(two(0.5), slow, "0 worse", false)
	broken := two(0.5)
	broken.Failures = []failure{{"null-bytes", "the worker ended"}}
	f(two(0.5), broken, "FAILED", true)
	f(two(0.5), &report{}, "0 figures compared", true)
}

func TestFlame(t *testing.T) {
	const traces = "File: penstock\nType: cpu\nDuration: 2s, Total samples = 300ms\n" +
		"-----------+-------------------------------------------------------\n" +
		" connector:  c\n" +
		"     100ms   github.com/penstock-io/penstock/codec.decode (inline)\n" +
		"             github.com/penstock-io/penstock/engine.(*SinkTask).run\n" +
		"             runtime.goexit\n" +
		"-----------+-------------------------------------------------------\n" +
		"     200ms   runtime.memmove\n" +
		"             github.com/penstock-io/penstock/engine.(*SinkTask).run\n" +
		"             runtime.goexit\n" +
		"-----------+-------------------------------------------------------\n"
	root := parseTraces(traces)
	run := root.kids["runtime.goexit"].kids["github.com/penstock-io/penstock/engine.(*SinkTask).run"]
	if root.total != 300*time.Millisecond || run.total != root.total || run.kids["runtime.memmove"].total != 200*time.Millisecond ||
		run.kids["github.com/penstock-io/penstock/codec.decode"] == nil {
		t.Errorf("%+v", root)
	}
	picture := root.svg("a <title>")
	if !strings.Contains(picture, "engine.(*SinkTask).run") || strings.Contains(picture, "a <title>") {
		t.Error(picture)
	}
}

func TestJavaVersion(t *testing.T) {
	if v := javaVersion("no-such-java"); v != 0 {
		t.Errorf("version %d of a java that is not there", v)
	}
}
