// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/dlq"
	"github.com/penstock-io/penstock/internal/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is an OffsetStore.
type memory struct {
	mu sync.Mutex
	m  map[string]string
}

func (s *memory) Get(_ context.Context, c string, p json.RawMessage) (json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.m[c+string(p)]; ok {
		return []byte(o), nil
	}
	return nil, nil
}

func (s *memory) Set(_ context.Context, c string, os []connectors.PartitionOffset) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range os {
		s.m[c+string(o.Partition)] = string(o.Offset)
	}
	return nil
}

func (s *memory) List(context.Context, string) ([]connectors.PartitionOffset, error) { return nil, nil }

// counter is a source of numbered strings, n in all.
type counter struct{ next, n int }

func (s *counter) Open(ctx context.Context, c connectors.TaskContext) error {
	o, err := c.Offset(ctx, []byte(`{"p":0}`))
	if err == nil && o != nil {
		_, err = fmt.Sscanf(string(o), `{"n":%d}`, &s.next)
	}
	return err
}

func (s *counter) Poll(ctx context.Context, b *batch.Batch) error {
	if s.next >= s.n {
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
		return nil
	}
	var rs []batch.Record
	for range min(100, s.n-s.next) {
		rs = append(rs, batch.Record{Topic: "numbers", Partition: batch.NoPartition, Timestamp: batch.NoTimestamp,
			ValueSchema: batch.StringSchema, Value: fmt.Sprint(s.next)})
		s.next++
	}
	b.Load(rs, false)
	b.AddMark(b.Slab.AppendText(`{"p":0}`), b.Slab.AppendText(fmt.Sprintf(`{"n":%d}`, s.next)))
	return nil
}

func (s *counter) Close() error { return nil }

// keeper is a sink that keeps what it gets, and fails as told.
type keeper struct {
	mu      sync.Mutex
	got     []string
	flushed int
	puts    int
	fail    func(put int) error
	closed  bool
	look    func(*batch.Batch)
}

func (s *keeper) Open(context.Context, connectors.TaskContext) error { return nil }

func (s *keeper) Put(_ context.Context, bs []*batch.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	if s.fail != nil {
		if err := s.fail(s.puts); err != nil {
			return err
		}
	}
	for _, b := range bs {
		if s.look != nil {
			s.look(b)
		}
		for row := range b.N {
			if !b.IsDead(row) {
				_, v := b.ValueAt(batch.Value, row)
				s.got = append(s.got, fmt.Sprint(v))
			}
		}
	}
	return nil
}

func (s *keeper) Flush(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushed = len(s.got)
	return nil
}

func (s *keeper) Close() error { s.closed = true; return nil }

func (s *keeper) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// rig is a broker with a way to start tasks on it.
type rig struct {
	t       *testing.T
	broker  *embedded.Broker
	offsets *memory
}

func newRig(t *testing.T) *rig {
	t.Helper()
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return &rig{t, b, &memory{m: map[string]string{}}}
}

// running is a task with the states it went through.
type running struct {
	*Task
	mu     sync.Mutex
	states []State
	err    error
}

func (r *rig) start(name string, p connectors.Plugin, cfg map[string]string) *running {
	r.t.Helper()
	all := map[string]string{"name": name, "value.converter": "org.apache.kafka.connect.storage.StringConverter"}
	for k, v := range cfg {
		all[k] = v
	}
	run := &running{}
	run.Task = Start(Options{
		Connector: name, Class: "Test", Plugin: p, Config: all, TaskConfig: all, Offsets: r.offsets, Log: slog.New(slog.DiscardHandler),
		Worker: config.NewProps(map[string]string{
			"bootstrap.servers": r.broker.Addr(), "key.converter": "org.apache.kafka.connect.storage.StringConverter",
			"offset.flush.interval.ms": "100", "consumer.heartbeat.interval.ms": "200",
		}),
		OnState: func(s State, err error) {
			run.mu.Lock()
			defer run.mu.Unlock()
			run.states = append(run.states, s)
			if err != nil {
				run.err = err
			}
		},
	})
	r.t.Cleanup(func() { run.stop(r.t) })
	return run
}

func (run *running) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := run.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func (run *running) failure() error {
	run.mu.Lock()
	defer run.mu.Unlock()
	return run.err
}

func source(s connectors.Source) connectors.Plugin {
	return connectors.Plugin{Kind: connectors.SourceKind, NewSource: func() connectors.Source { return s }}
}

func sink(s connectors.Sink) connectors.Plugin {
	return connectors.Plugin{Kind: connectors.SinkKind, NewSink: func() connectors.Sink { return s }}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func inOrder(t *testing.T, got []string, n int) {
	t.Helper()
	if len(got) != n {
		t.Errorf("%d records, want %d", len(got), n)
	}
	for i, g := range got {
		if g != fmt.Sprint(i) {
			t.Fatalf("record %d is %s", i, g)
		}
	}
}

var numbers = map[string]string{"topics": "numbers"}

func TestSourceToSinkAndOnAfterARestart(t *testing.T) {
	r := newRig(t)
	src := r.start("src", source(&counter{n: 1000}), nil)
	k := &keeper{}
	snk := r.start("snk", sink(k), numbers)
	eventually(t, "1000 records", func() bool { return k.count() == 1000 })
	src.stop(t)
	snk.stop(t)
	if !k.closed || k.flushed != 1000 || r.offsets.m[`src{"p":0}`] != `{"n":1000}` {
		t.Errorf("closed %v, flushed %d, offsets %v", k.closed, k.flushed, r.offsets.m)
	}
	r.start("src", source(&counter{n: 1500}), nil)
	k2 := &keeper{}
	r.start("snk", sink(k2), numbers)
	eventually(t, "500 more", func() bool { return k2.count() >= 500 })
	inOrder(t, append(k.got, k2.got...), 1500)
}

func TestPauseAndResume(t *testing.T) {
	r := newRig(t)
	r.start("src", source(&counter{n: 100}), nil)
	k := &keeper{}
	snk := r.start("snk", sink(k), numbers)
	eventually(t, "100 records", func() bool { return k.count() == 100 })
	snk.Pause()
	eventually(t, "paused", func() bool { return snk.State() == Paused })
	r.start("src2", source(&counter{n: 100}), nil)
	time.Sleep(300 * time.Millisecond)
	if k.count() != 100 {
		t.Errorf("a paused sink got %d records more", k.count()-100)
	}
	snk.Resume()
	eventually(t, "the rest", func() bool { return k.count() == 200 && snk.State() == Running })
}

func TestRetriablePutKeepsTheBatch(t *testing.T) {
	r := newRig(t)
	r.start("src", source(&counter{n: 300}), nil)
	k := &keeper{fail: func(put int) error {
		if put <= 2 {
			return batch.Retriable(errors.New("not now"))
		}
		return nil
	}}
	r.start("snk", sink(k), numbers)
	eventually(t, "300 records", func() bool { return k.count() == 300 })
	inOrder(t, k.got, 300)
}

func TestFatalPutFailsTheTaskAndCommitsNothing(t *testing.T) {
	r := newRig(t)
	r.start("src", source(&counter{n: 10}), nil)
	snk := r.start("snk", sink(&keeper{fail: func(int) error { return errors.New("disk on fire") }}), numbers)
	eventually(t, "failed", func() bool { return snk.State() == Failed })
	if err := snk.failure(); err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("the cause is %v", err)
	}
	<-snk.Done()
	k := &keeper{}
	r.start("snk", sink(k), numbers)
	eventually(t, "all records again", func() bool { return k.count() == 10 })
	inOrder(t, k.got, 10)
}

func TestPanicFailsOneTask(t *testing.T) {
	r := newRig(t)
	r.start("src", source(&counter{n: 10}), nil)
	bad := r.start("bad", sink(&keeper{fail: func(int) error { panic("oops") }}), numbers)
	k := &keeper{}
	r.start("good", sink(k), numbers)
	eventually(t, "failed", func() bool { return bad.State() == Failed })
	eventually(t, "the other one lives", func() bool { return k.count() == 10 })
}

func TestToleranceNoneNamesTheRecord(t *testing.T) {
	r := newRig(t)
	j := r.start("json", source(&counter{n: 10}), nil)
	eventually(t, "10 records", func() bool { return j.metrics.written.Load() == 10 })
	snk := r.start("snk", sink(&keeper{}), map[string]string{
		"topics": "numbers", "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "true",
	})
	eventually(t, "failed", func() bool { return snk.State() == Failed })
	if text := fmt.Sprint(snk.failure()); !strings.Contains(text, "VALUE_CONVERTER") || !strings.Contains(text, "numbers-0 offset 0") ||
		!strings.Contains(text, batch.DataException) {
		t.Errorf("the failure does not say where: %s", text)
	}
}

func TestToleranceAllSkipsAndGoesOn(t *testing.T) {
	r := newRig(t)
	src := r.start("src", source(&mixed{}), nil)
	k := &keeper{}
	snk := r.start("snk", sink(k), map[string]string{
		"topics": "numbers", "errors.tolerance": "all",
		"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
	})
	eventually(t, "2 records", func() bool { return k.count() == 2 })
	if !slices.Equal(k.got, []string{"1", "3"}) || snk.metrics.recordsSkipped.Load() != 1 {
		t.Errorf("got %v, %d skipped", k.got, snk.metrics.recordsSkipped.Load())
	}
	src.stop(t)
}

func TestDeadLettersAreTheOriginalRecords(t *testing.T) {
	r := newRig(t)
	src := r.start("src", source(&mixed{}), nil)
	k := &keeper{}
	snk := r.start("snk", sink(k), map[string]string{
		"topics": "numbers", "errors.tolerance": "all", dlqTopicKey: "letters", dlqReplicationKey: "1", dlqContextKey: "true",
		"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
	})
	letters := &keeper{}
	var got []batch.Header
	letters.look = func(b *batch.Batch) { got = append(got, b.Headers.Of(0)...) }
	r.start("letters", sink(letters), map[string]string{"topics": "letters", "header.converter": "org.apache.kafka.connect.storage.StringConverter"})
	eventually(t, "the letter", func() bool { return letters.count() == 1 && k.count() == 2 })
	if letters.got[0] != "{not json" || snk.metrics.dlqRequests.Load() != 1 {
		t.Errorf("the letter is %q", letters.got[0])
	}
	want := map[string]string{"topic": "numbers", "partition": "0", "offset": "1", "connector.name": "snk", "task.id": "0", "stage": "VALUE_CONVERTER",
		"class.name": "org.apache.kafka.connect.json.JsonConverter", "exception.class.name": batch.DataException}
	for _, h := range got {
		name := strings.TrimPrefix(h.Key, dlq.Prefix)
		if w, ok := want[name]; ok && w != h.Value {
			t.Errorf("%s is %v, want %s", h.Key, h.Value, w)
		}
		delete(want, name)
	}
	if len(want) > 0 || len(got) != 10 {
		t.Errorf("%d headers; missing: %v", len(got), want)
	}
	src.stop(t)
}

// mixed emits a good, a bad and a good JSON text, once.
type mixed struct{ done bool }

func (s *mixed) Open(context.Context, connectors.TaskContext) error { return nil }

func (s *mixed) Poll(ctx context.Context, b *batch.Batch) error {
	if s.done {
		<-ctx.Done()
		return nil
	}
	s.done = true
	var rs []batch.Record
	for _, v := range []string{"1", "{not json", "3"} {
		rs = append(rs, batch.Record{Topic: "numbers", Partition: 0, Timestamp: batch.NoTimestamp, ValueSchema: batch.StringSchema, Value: v})
	}
	b.Load(rs, false)
	return nil
}

func (s *mixed) Close() error { return nil }

func TestBadConfigurationIsAFailureWithTheKey(t *testing.T) {
	r := newRig(t)
	f := func(cfg map[string]string, want string) {
		t.Helper()
		snk := r.start("snk", sink(&keeper{}), cfg)
		eventually(t, "failed", func() bool { return snk.State() == Failed })
		if text := fmt.Sprint(snk.failure()); !strings.Contains(text, want) {
			t.Errorf("%s does not name %s", text, want)
		}
	}
	f(map[string]string{"topics": "numbers", "value.converter": "org.apache.kafka.connect.json.JsonConvertr"}, "value.converter")
	f(map[string]string{"topics": "numbers", "consumer.override.auto.offset.reset": "earlyest"}, "auto.offset.reset")
	f(map[string]string{"topics.regex": "["}, "topics.regex")
}

func TestTwoTasksShareTheTopic(t *testing.T) {
	r := newRig(t)
	if err := r.broker.CreateTopic("numbers", 4, nil); err != nil {
		t.Fatal(err)
	}
	a, b := &keeper{}, &keeper{}
	first := r.start("snk", sink(a), numbers)
	r.start("src", source(&counter{n: 20_000}), nil)
	eventually(t, "a start", func() bool { return a.count() > 0 })
	second := r.start("snk", sink(b), numbers)
	eventually(t, "both hold partitions", func() bool {
		return first.metrics.partitions.Load() == 2 && second.metrics.partitions.Load() == 2
	})
	eventually(t, "everything", func() bool { return a.count()+b.count() >= 20_000 })
	seen := map[string]int{}
	for _, v := range append(append([]string{}, a.got...), b.got...) {
		seen[v]++
	}
	if len(seen) != 20_000 || a.count()+b.count() != 20_000 {
		t.Errorf("%d different records in %d: a rebalance must neither lose nor repeat what was flushed", len(seen), a.count()+b.count())
	}
}
