// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
)

// reader drives a Source over a file, remembering its offset as the engine would.
type reader struct {
	t      *testing.T
	path   string
	cfg    map[string]string
	src    *Source
	offset json.RawMessage
}

func newReader(t *testing.T, content string) *reader {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.txt")
	r := &reader{t: t, path: path, cfg: map[string]string{"file": path, "topic": "t"}}
	r.write(content)
	return r
}

func (r *reader) write(content string) {
	r.t.Helper()
	if err := os.WriteFile(r.path, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) add(content string) {
	r.t.Helper()
	f, err := os.OpenFile(r.path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(content)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	_ = f.Close()
}

func (r *reader) open() {
	r.t.Helper()
	r.src = &Source{}
	err := r.src.Open(r.t.Context(), connectors.TaskContext{
		Connector: "c", Config: r.cfg, Log: slog.New(slog.DiscardHandler),
		Offset: func(_ context.Context, p json.RawMessage) (json.RawMessage, error) {
			if string(p) != fmt.Sprintf(`{"filename":%q}`, r.path) {
				r.t.Errorf("partition %s", p)
			}
			return r.offset, nil
		},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = r.src.Close() })
}

// lines polls until nothing comes for a moment.
func (r *reader) lines() []string {
	r.t.Helper()
	var out []string
	for {
		b := batch.New()
		ctx, cancel := context.WithTimeout(r.t.Context(), 400*time.Millisecond)
		err := r.src.Poll(ctx, b)
		cancel()
		if err != nil {
			r.t.Fatal(err)
		}
		if b.N == 0 {
			return out
		}
		if err := b.Check(); err != nil {
			r.t.Fatal(err)
		}
		for row := range b.N {
			_, v := b.ValueAt(batch.Value, row)
			out = append(out, v.(string))
		}
		m := b.Marks[len(b.Marks)-1]
		if m.End != b.N {
			r.t.Errorf("the mark covers %d of %d rows", m.End, b.N)
		}
		r.offset = []byte(b.Slab.Text(m.Offset))
	}
}

func (r *reader) want(lines ...string) {
	r.t.Helper()
	if got := r.lines(); strings.Join(got, "|") != strings.Join(lines, "|") || len(got) != len(lines) {
		r.t.Errorf("got %q\nwant %q", got, lines)
	}
}

func TestSourceLines(t *testing.T) {
	f := func(content string, want ...string) {
		t.Helper()
		r := newReader(t, content)
		r.open()
		r.want(want...)
	}
	f("")
	f("a\nb\n", "a", "b")
	// an empty line is a record
	f("a\n\nb\n", "a", "", "b")
	// the last line is held back until it ends
	f("a\nb", "a")
	// all three line ends, as Java's reader takes them
	f("a\r\nb\rc\n\rd\n", "a", "b", "c", "", "d")
	// a \r at the end of the file may be half of \r\n
	f("a\nb\r", "a")
	// bytes that are not UTF-8: as many replacements as Java's decoder makes
	f("grüße\n\xff\xfe!\n\xe3\x81x\xf0\x9f\n", "grüße", "\uFFFD\uFFFD!", "\uFFFDx\uFFFD")
	long := strings.Repeat("0123456789", 100_000)
	f(long+"\nshort\n"+long+"\n", long, "short", long)
}

func TestSourceHoldsBackAndGoesOn(t *testing.T) {
	r := newReader(t, "one\ntw")
	r.open()
	r.want("one")
	r.add("o\nthree\r")
	r.want("two")
	r.add("\nfour\n")
	r.want("three", "four")
	if string(r.offset) != `{"position":20}` {
		t.Errorf("offset %s", r.offset)
	}
}

func TestSourceResumesFromItsOffset(t *testing.T) {
	r := newReader(t, "one\ntwo\nthr")
	r.open()
	r.want("one", "two")
	_ = r.src.Close()
	r.add("ee\nfour\n")
	r.open()
	r.want("three", "four")
}

func TestSourceBatchSizeIsKept(t *testing.T) {
	r := newReader(t, strings.Repeat("x\n", 10))
	r.cfg["batch.size"] = "3"
	r.open()
	b := batch.New()
	if err := r.src.Poll(t.Context(), b); err != nil || b.N != 3 {
		t.Fatal(b.N, err)
	}
	if got := r.lines(); len(got) != 7 {
		t.Errorf("%d lines follow, want 7", len(got))
	}
}

func TestSourceTellsRotationFromTruncation(t *testing.T) {
	r := newReader(t, "one\ntwo\n")
	r.open()
	r.want("one", "two")
	// rotation: the old file still gets its last lines, one of them without an end, then a new one stands in its place
	r.add("three\nlast without end")
	if err := os.Rename(r.path, r.path+".1"); err != nil {
		t.Fatal(err)
	}
	r.want("three")
	r.write("new one\n")
	r.want("last without end", "new one")
	// truncation: the same file, shorter
	if err := os.Truncate(r.path, 0); err != nil {
		t.Fatal(err)
	}
	r.add("a\n")
	r.want("a")
	// shorter while the task was away
	_ = r.src.Close()
	r.offset = []byte(`{"position":1000}`)
	r.open()
	r.want("a")
}

func TestSourceWaitsForItsFile(t *testing.T) {
	r := newReader(t, "")
	if err := os.Remove(r.path); err != nil {
		t.Fatal(err)
	}
	r.open()
	r.want()
	r.write("here\n")
	r.want("here")
}

func TestSourceRefusesABadOffset(t *testing.T) {
	f := func(offset string) {
		t.Helper()
		r := newReader(t, "a\n")
		s := &Source{}
		err := s.Open(t.Context(), connectors.TaskContext{Config: r.cfg, Log: slog.New(slog.DiscardHandler),
			Offset: func(context.Context, json.RawMessage) (json.RawMessage, error) { return []byte(offset), nil }})
		if err == nil {
			t.Errorf("offset %s was taken", offset)
		}
	}
	f(`{"pos":1}`)
	f(`{"position":-1}`)
	f(`{"position":"x"}`)
	f(`{"position":null}`)
}

func TestAlterOffsets(t *testing.T) {
	f := func(file, partition, offset, want string) {
		t.Helper()
		o := []connectors.PartitionOffset{{Partition: []byte(partition), Offset: []byte(offset)}}
		_, err := (&sourceConnector{}).AlterOffsets(map[string]string{"file": file}, o)
		if got := fmt.Sprint(err); !strings.HasPrefix(got, want) {
			t.Errorf("%s %s: got %q, want %q", partition, offset, got, want)
		}
	}
	f("f", `{"filename":"f"}`, `{"position":1}`, "<nil>")
	f("f", `{"x":1}`, `null`, "<nil>")
	f("", `{"filename":"f"}`, `{"position":1}`, "Offsets cannot be modified if the 'file' configuration is unspecified.")
	f("f", `{"filename":"f"}`, `{"pos":1}`, "Offset objects should either be null or contain the key 'position'")
	f("f", `{"filename":"f"}`, `{"position":"1"}`, "The value for the 'position' key in the offset is expected to be a Long value")
	f("f", `{"filename":"f"}`, `{"position":-1}`, "The value for the 'position' key in the offset should be a non-negative value")
	f("f", `{"file":"f"}`, `{"position":1}`, "Partition objects should contain the key 'filename'")
	f("f", `null`, `{"position":1}`, "Partition objects cannot be null")
}

func sinkBatch(values ...any) *batch.Batch {
	b := batch.New()
	var rs []batch.Record
	for _, v := range values {
		r := batch.Record{Topic: "t", Value: v}
		if _, ok := v.(string); ok {
			r.ValueSchema = batch.StringSchema
		}
		rs = append(rs, r)
	}
	b.Load(rs, true)
	return b
}

func TestSinkWritesALinePerLiveRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.txt")
	if err := os.WriteFile(path, []byte("cut off by a kill"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &Sink{}
	if err := s.Open(t.Context(), connectors.TaskContext{Config: map[string]string{"file": path}}); err != nil {
		t.Fatal(err)
	}
	strs := sinkBatch("a", "dead", "", "ü", "half \xed\xa0\xbd")
	strs.Drop(1)
	mixed := sinkBatch(int64(4), nil, true, &batch.MapValue{Entries: []batch.Entry{{Key: "k", Value: 1.0}}}, []any{"\xed\xb8\x80"})
	if err := s.Put(t.Context(), []*batch.Batch{strs, mixed}); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(path)
	if want := "cut off by a kill\na\n\nü\nhalf ?\n4\nnull\ntrue\n{k=1.0}\n[?]\n"; string(got) != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestSinkThatCannotOpenItsFile(t *testing.T) {
	dir := t.TempDir()
	f := func(path, cause string) {
		t.Helper()
		err := (&Sink{}).Open(t.Context(), connectors.TaskContext{Config: map[string]string{"file": path}})
		lines := strings.Split(batch.Trace(err), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], batch.ConnectException+": Couldn't find or create file '"+path+"' for FileStreamSinkTask") ||
			lines[1] != "Caused by: "+cause {
			t.Errorf("%s: %q", path, lines)
		}
	}
	f(dir+"/no/file", "java.nio.file.NoSuchFileException: "+dir+"/no/file")
	f(dir, "java.nio.file.FileSystemException: "+dir+": Is a directory")
}

func TestPollAllocatesPerBatchOnly(t *testing.T) {
	r := newReader(t, strings.Repeat("a line of some length, as they come in logs\n", 200_000))
	r.open()
	b := batch.New()
	poll := func() {
		b.Reset()
		if err := r.src.Poll(t.Context(), b); err != nil || b.N == 0 {
			t.Fatal(b.N, err)
		}
	}
	poll()
	if n := testing.AllocsPerRun(50, poll); n > 8 {
		t.Errorf("%v allocations per batch of %d rows", n, b.N)
	}
}
