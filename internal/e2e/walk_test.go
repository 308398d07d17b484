// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// text generates n lines, the same for a seed: mostly short ones with their number, some empty, some in other scripts
// (two, three and four bytes a character), and a few of up to 40 kB, longer than any read buffer starts with.
func text(n int, seed uint64, ascii bool) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	var b bytes.Buffer
	for i := range n {
		switch k := r.IntN(1000); {
		case k < 20: // an empty line
		case k < 70 && !ascii:
			fmt.Fprintf(&b, "%d Zürich – Gdańsk 東京 🚰 %x", i, r.Uint32())
		case k < 72 && !ascii:
			fmt.Fprintf(&b, "%d %s", i, strings.Repeat("ж", 1+r.IntN(20_000)))
		case k < 74:
			fmt.Fprintf(&b, "%d %s", i, strings.Repeat("long ", 1+r.IntN(8_000)))
		case k < 100:
			fmt.Fprintf(&b, "  %d\ttabs and  spaces are kept \\ \"'", i)
		default:
			fmt.Fprintf(&b, "%d some log line with user=%d status=%d", i, r.Uint32(), 200+r.IntN(300))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// A walk is one way of a file through source, topic and sink.
type walk struct {
	in, out, topic string
	names          []string // of the connectors
	content        []byte
	spec           stack.WorkerSpec
}

// newWalk writes the first part of the file, cut inside a line, and the two connector files.
func newWalk(t *testing.T, n int, partitions int32) *walk {
	t.Helper()
	s := spec(t)
	k := &walk{
		in: filepath.Join(s.Dir, "in.txt"), out: filepath.Join(s.Dir, "out.txt"), topic: unique(t, "topic"),
		// The JVM's source counts characters where it should count bytes: beyond ASCII it cannot resume exactly.
		content: text(n, system.seed, system.kind == stack.JVM),
	}
	k.names = []string{unique(t, "source"), unique(t, "sink")}
	createTopic(t, k.topic, partitions)
	k.write(t, 0, len(k.content)*6/10)
	source, err := stack.WriteConnector(s.Dir, k.names[0], map[string]string{
		"connector.class": "FileStreamSource", "tasks.max": "1", "file": k.in, "topic": k.topic,
		"key.converter": stringConverter, "value.converter": stringConverter,
	})
	if err != nil {
		t.Fatal(err)
	}
	sink, err := stack.WriteConnector(s.Dir, k.names[1], map[string]string{
		"connector.class": "FileStreamSink", "tasks.max": "1", "file": k.out, "topics": k.topic,
		"key.converter": stringConverter, "value.converter": stringConverter,
		// A killed member's partitions are free again soon.
		"consumer.override.session.timeout.ms": "6000", "consumer.override.heartbeat.interval.ms": "1000",
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Connectors = []string{source, sink}
	k.spec = s
	return k
}

// write appends content[from:to] to the source's file.
func (k *walk) write(t *testing.T, from, to int) {
	t.Helper()
	f, err := os.OpenFile(k.in, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(k.content[from:to]); err != nil {
		t.Fatal(err)
	}
}

func (k *walk) outSize() int {
	info, err := os.Stat(k.out)
	if err != nil {
		return 0
	}
	return int(info.Size())
}

// until waits for so many bytes in the sink's file, and stops early when the worker or a connector fails.
func (k *walk) until(t *testing.T, w *stack.Worker, size int) {
	t.Helper()
	end := time.Now().Add(5 * time.Minute)
	for i := 0; k.outSize() < size; i++ {
		if time.Now().After(end) {
			t.Fatalf("only %d of %d bytes arrived in time", k.outSize(), size)
		}
		if i%100 == 0 {
			healthy(t, w, k.names...)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// settled waits until the sink's file has stopped growing, so that a duplicate after the last line is seen too.
func (k *walk) settled() {
	for size := -1; size != k.outSize(); {
		size = k.outSize()
		time.Sleep(1500 * time.Millisecond)
	}
}

func TestFileWalk(t *testing.T) {
	f := func(name string, n int, partitions int32) {
		t.Run(name, func(t *testing.T) {
			k := newWalk(t, n, partitions)
			w := start(t, k.spec)
			k.until(t, w, len(k.content)*2/10)
			stop(t, w)
			k.write(t, len(k.content)*6/10, len(k.content))
			w = start(t, k.spec)
			k.until(t, w, len(k.content))
			k.settled()
			stop(t, w)
			if partitions == 1 {
				sameOrder(t, k)
			} else {
				sameLines(t, lines(t, k.out), k.content)
			}
			sameTopic(t, k)
		})
	}
	// The whole way with a clean stop and a start in the middle: same content, same order, each line once.
	f("partitions=1", system.lines, 1)
	// Over several partitions order holds inside each; the lines as a set are the same.
	f("partitions=5", system.lines/4, 5)
}

// A killed worker loses no line; what was not committed comes again.
func TestFileWalkKilled(t *testing.T) {
	k := newWalk(t, system.lines/4, 1)
	w := start(t, k.spec)
	k.until(t, w, len(k.content)*2/10)
	w.Kill()
	k.write(t, len(k.content)*6/10, len(k.content))
	w = start(t, k.spec)
	eventually(t, 5*time.Minute, "the last line after a kill", func() bool {
		healthy(t, w, k.names...)
		if i := k.outSize(); i < len(k.content)*7/10 {
			return false
		}
		b := tail(t, k.out, 64)
		return bytes.HasSuffix(b, k.content[len(k.content)-32:])
	})
	k.settled()
	stop(t, w)
	got := lines(t, k.out)
	want := bytes.Split(bytes.TrimSuffix(k.content, []byte("\n")), []byte("\n"))
	i := 0
	for _, line := range got {
		if i < len(want) && bytes.Equal(line, want[i]) {
			i++
		}
	}
	if i != len(want) {
		t.Fatalf("seed %d: line %d was lost: %.100q (%d lines came for %d)", system.seed, i, want[i], len(got), len(want))
	}
	t.Logf("%d lines came for %d", len(got), len(want))
}

func tail(t *testing.T, path string, n int64) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, min(n, info.Size()))
	if _, err := f.ReadAt(b, info.Size()-int64(len(b))); err != nil {
		t.Fatal(err)
	}
	return b
}

// sameOrder expects the sink's file to be the source's file.
func sameOrder(t *testing.T, k *walk) {
	t.Helper()
	got, err := os.ReadFile(k.out)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, k.content) {
		return
	}
	a, b := bytes.Split(got, []byte("\n")), bytes.Split(k.content, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			t.Fatalf("seed %d: line %d of %d (%d expected):\ngot  %.200q\nwant %.200q", system.seed, i, len(a), len(b), a[i], b[i])
		}
	}
	t.Fatalf("seed %d: %d lines, want %d", system.seed, len(a), len(b))
}

// sameLines expects got to hold each line of content as often as content does.
func sameLines(t *testing.T, got [][]byte, content []byte) {
	t.Helper()
	count := map[string]int{}
	for line := range bytes.Lines(content) {
		count[string(bytes.TrimSuffix(line, []byte("\n")))]++
	}
	for _, line := range got {
		count[string(line)]--
	}
	bad := 0
	for line, n := range count {
		if n == 0 {
			continue
		}
		if bad++; bad <= 5 {
			t.Errorf("seed %d: a line came %+d times too often: %.200q", system.seed, -n, line)
		}
	}
	if bad > 0 {
		t.Fatalf("seed %d: %d lines differ in number", system.seed, bad)
	}
}

// sameTopic expects each line once in the topic, and inside a partition in the order of the file.
func sameTopic(t *testing.T, k *walk) {
	t.Helper()
	var all [][]byte
	for partition, values := range readTopic(t, k.topic) {
		last := -1
		for i, v := range values {
			var n int
			if _, err := fmt.Sscanf(string(v), "%d", &n); err != nil {
				continue // an empty line has no number
			}
			if n <= last {
				t.Fatalf("seed %d: partition %d offset %d: line %d after line %d", system.seed, partition, i, n, last)
			}
			last = n
		}
		all = append(all, values...)
	}
	sameLines(t, all, k.content)
}
