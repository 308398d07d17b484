// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/dlq"
	"github.com/penstock-io/penstock/internal/kafka"
)

// produce writes values to partition 0 of the topic numbers.
func (r *rig) produce(values ...string) {
	r.t.Helper()
	cfg, err := kafka.Parse(kafka.RoleProducer, map[string]string{"bootstrap.servers": r.broker.Addr()})
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := kafka.NewProducer(cfg, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer p.Close()
	for _, v := range values {
		p.Produce(context.Background(), &kafka.Record{Topic: "numbers", Value: []byte(v)}, func(_ *kafka.Record, err error) {
			if err != nil {
				r.t.Errorf("produce: %v", err)
			}
		})
	}
	if err := p.Flush(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) queue(topic string) *dlq.Queue {
	servers := map[string]string{"bootstrap.servers": r.broker.Addr()}
	return &dlq.Queue{Topic: topic, Consumer: servers, Producer: servers, Admin: servers}
}

func (r *rig) letters(topic string) (out []dlq.Entry) {
	r.t.Helper()
	err := r.queue(topic).Each(r.t.Context(), dlq.Filter{}, func(e dlq.Entry) error { out = append(out, e); return nil })
	if err != nil && !kafka.IsUnknownTopic(err) {
		r.t.Fatal(err)
	}
	return out
}

// picky is a sink that refuses values starting with "bad": the whole put, or what follows after it wrote a part.
type picky struct {
	keeper
	mode    string // "atomic", "partial", "report", "swallow"
	context connectors.TaskContext
}

func (s *picky) Open(_ context.Context, c connectors.TaskContext) error { s.context = c; return nil }

func (s *picky) Put(_ context.Context, bs []*batch.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	var good []string
	for _, b := range bs {
		for row := range b.N {
			if b.IsDead(row) {
				continue
			}
			_, v := b.ValueAt(batch.Value, row)
			text := fmt.Sprint(v)
			if !strings.HasPrefix(text, "bad") {
				good = append(good, text)
				continue
			}
			refused := batch.NewFault("java.lang.IllegalStateException", "the table refuses "+text)
			switch s.mode {
			case "report", "swallow":
				if err := s.context.Report(b, row, refused); err != nil && s.mode == "report" {
					return err
				}
			case "partial":
				s.got = append(s.got, good...)
				return &connectors.PartialError{Delivered: len(good), Err: refused}
			default:
				return refused
			}
		}
	}
	s.got = append(s.got, good...)
	return nil
}

// values are n numbers with a bad one wherever bad says.
func values(n int, bad func(i int) bool) (all, good []string) {
	for i := range n {
		v := fmt.Sprint(i)
		if bad(i) {
			all = append(all, "bad"+v)
			continue
		}
		all, good = append(all, v), append(good, v)
	}
	return all, good
}

func (s *keeper) is(want []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.got) == fmt.Sprint(want)
}

func TestIsolation(t *testing.T) {
	f := func(mode string, n int, bad func(i int) bool) {
		t.Helper()
		r := newRig(t)
		all, good := values(n, bad)
		r.produce(all...)
		s := &picky{mode: mode}
		snk := r.start("snk", sink(s), map[string]string{"topics": "numbers", "errors.tolerance": "all", isolateKey: "true", causeKey: "true",
			dlqTopicKey: "letters", dlqReplicationKey: "1", dlqContextKey: "true"})
		eventually(t, fmt.Sprintf("%s: %d good ones", mode, len(good)), func() bool { return s.count() >= len(good) })
		eventually(t, "letters", func() bool { return snk.metrics.dlqRequests.Load() == int64(n-len(good)) })
		snk.stop(t)
		if !s.is(good) {
			t.Errorf("%s: got %v", mode, s.got)
		}
		for _, l := range r.letters("letters") {
			if !strings.HasPrefix(string(l.Value), "bad") || l.Stage != "TASK_PUT" || l.Class != "org.apache.kafka.connect.sink.SinkTask" ||
				l.Exception != "java.lang.IllegalStateException" || l.Cause.Code != "task-put.failed" || l.Cause.Connector != "snk" || *l.Cause.Offset != l.At {
				t.Errorf("%s: letter %+v", mode, *l.Letter)
			}
		}
	}
	for _, mode := range []string{"atomic", "partial", "report"} {
		f(mode, 100, func(i int) bool { return i == 37 })
		f(mode, 50, func(i int) bool { return i%7 == 0 })
		f(mode, 5, func(int) bool { return true })
	}
}

func TestIsolationWithoutToleranceNamesTheRecord(t *testing.T) {
	r := newRig(t)
	all, _ := values(40, func(i int) bool { return i == 25 })
	r.produce(all...)
	s := &picky{}
	snk := r.start("snk", sink(s), map[string]string{"topics": "numbers", isolateKey: "true"})
	eventually(t, "failed", func() bool { return snk.State() == Failed })
	trace := batch.Trace(snk.failure())
	first, rest, _ := strings.Cut(trace, "\n")
	for _, want := range []string{batch.ConnectException + ": Tolerance exceeded in error handler", "numbers-0 offset 25", "TASK_PUT", "the table refuses bad25"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first line lacks %q: %s", want, first)
		}
	}
	if !strings.HasPrefix(rest, "Caused by: java.lang.IllegalStateException: the table refuses bad25") {
		t.Errorf("the cause: %s", rest)
	}
	snk.stop(t)
	// What was delivered is committed: the next task begins with the record at fault.
	s2 := &picky{mode: "partial"}
	r.start("snk", sink(s2), map[string]string{"topics": "numbers", isolateKey: "true", "errors.tolerance": "all"})
	eventually(t, "the rest", func() bool { return s2.count() >= 14 })
	if len(s.got) != 25 || len(s2.got) != 14 {
		t.Errorf("%d, then %d records", len(s.got), len(s2.got))
	}
}

func TestAReportThatPutSwallowsFailsTheTask(t *testing.T) {
	r := newRig(t)
	r.produce("1", "bad2", "3")
	snk := r.start("snk", sink(&picky{mode: "swallow"}), map[string]string{"topics": "numbers", "errors.log.enable": "true"})
	eventually(t, "failed", func() bool { return snk.State() == Failed })
	if text := fmt.Sprint(snk.failure()); !strings.Contains(text, "Tolerance exceeded in error handler") || !strings.Contains(text, "bad2") {
		t.Error(text)
	}
}

func TestALetterThatIsRefusedFailsTheTask(t *testing.T) {
	r := newRig(t)
	big := "bad" + strings.Repeat("x", 5000)
	r.produce("1", big, "3")
	cfg := map[string]string{"topics": "numbers", "errors.tolerance": "all", dlqTopicKey: "letters", dlqReplicationKey: "1",
		"producer.override.max.request.size": "2000", "producer.override.compression.type": "none",
		"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"}
	k := &keeper{}
	snk := r.start("snk", sink(k), cfg)
	eventually(t, "failed", func() bool { return snk.State() == Failed })
	text := fmt.Sprint(snk.failure())
	for _, want := range []string{"Could not produce message to dead letter queue. topic=letters", "numbers-0 offset 1", "VALUE_CONVERTER", dlqFailureKey} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q: %s", want, text)
		}
	}
	snk.stop(t)
	cfg[dlqFailureKey] = "log"
	snk = r.start("snk", sink(k), cfg)
	eventually(t, "as Connect does", func() bool { return k.count() == 2 && snk.metrics.dlqFailures.Load() == 1 })
}

func TestRetryMax(t *testing.T) {
	r := newRig(t)
	r.produce("1", "2", "3")
	tries := 0
	k := &keeper{fail: func(int) error { tries++; return batch.Retriable(errors.New("not now")) }}
	snk := r.start("snk", sink(k), map[string]string{"topics": "numbers", retryMaxKey: "2"})
	eventually(t, "failed", func() bool { return snk.State() == Failed })
	if tries != 3 {
		t.Errorf("%d tries", tries)
	}
	if text := fmt.Sprint(snk.failure()); !strings.Contains(text, "not now") || !strings.Contains(text, "numbers-0 offsets 0 to 2") {
		t.Error(text)
	}
}

func TestRetryDelays(t *testing.T) {
	f := func(tol tolerance, attempt int, spent, low, high time.Duration, want bool) {
		t.Helper()
		if d, ok := tol.again(attempt, spent); ok != want || ok && (d < low || d > high) {
			t.Errorf("attempt %d after %v: %v, %v", attempt, spent, d, ok)
		}
	}
	ms := time.Millisecond
	never := tolerance{retryMax: -1, retryDelayMax: time.Minute}
	f(never, 0, 0, 0, 0, false)
	timed := tolerance{retryMax: -1, retryTimeout: time.Second, retryDelayMax: time.Minute}
	f(timed, 0, 0, 300*ms, 300*ms, true)
	f(timed, 1, 300*ms, 600*ms, 600*ms, true)
	f(timed, 2, 900*ms, 100*ms, 100*ms, true) // not past the deadline
	f(timed, 3, time.Second, 0, 0, false)
	ever := tolerance{retryMax: -1, retryTimeout: -1, retryDelayMax: time.Second}
	f(ever, 5, time.Hour, 0, time.Second, true)
	counted := tolerance{retryMax: 2, retryDelayMax: time.Minute}
	f(counted, 1, time.Hour, 600*ms, 600*ms, true)
	f(counted, 2, 0, 0, 0, false)
}

// flawed polls records of which some cannot be transformed.
type flawed struct{ done bool }

func (s *flawed) Open(context.Context, connectors.TaskContext) error { return nil }

func (s *flawed) Poll(ctx context.Context, b *batch.Batch) error {
	if s.done {
		<-ctx.Done()
		return nil
	}
	s.done = true
	var rs []batch.Record
	for i := range 100 {
		var v any = fmt.Sprint(i)
		if i%10 == 3 {
			v = fmt.Sprintf("no number %d", i)
		}
		rs = append(rs, batch.Record{Topic: "numbers", Partition: 0, Timestamp: int64(1000 + i), KeySchema: batch.StringSchema, Key: "k",
			ValueSchema: batch.StringSchema, Value: v})
	}
	b.Load(rs, false)
	b.AddMark(b.Slab.AppendText(`{"file":"a"}`), b.Slab.AppendText(`{"line":100}`))
	return nil
}

func (s *flawed) Close() error { return nil }

var toInt = map[string]string{
	"errors.tolerance": "all", "transforms": "cast", "transforms.cast.type": "org.apache.kafka.connect.transforms.Cast$Value", "transforms.cast.spec": "int32",
	sourceDLQKey: "letters", dlqReplicationKey: "1", causeKey: "true",
}

func TestSourceLettersAndTheirReplay(t *testing.T) {
	r := newRig(t)
	src := r.start("src", source(&flawed{}), toInt)
	k := &keeper{}
	r.start("snk", sink(k), numbers)
	eventually(t, "90 records", func() bool { return k.count() == 90 })
	letters := r.letters("letters")
	if len(letters) != 10 {
		t.Fatalf("%d letters", len(letters))
	}
	l := letters[0]
	if l.Stage != "TRANSFORMATION" || l.Topic != "numbers" || l.Origin != 0 || string(l.SourcePartition) != `{"file":"a"}` || string(l.SourceOffset) != `{"line":100}` ||
		string(l.Value) != `{"schema":{"type":"string","optional":false},"payload":"no number 3"}` || !strings.HasPrefix(l.Cause.Code, "transformation.") {
		t.Errorf("letter %+v %s", *l.Letter, l.Value)
	}
	src.stop(t)
	if got := r.offsets.m[`src{"file":"a"}`]; got != `{"line":100}` {
		t.Errorf("the source's offset is %s", got)
	}
	// The mended connector leaves the text as it is.
	rep, err := OpenReplay(t.Context(), r.options("src", source(&flawed{}), map[string]string{"name": "src"}))
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.queue("letters").Replay(t.Context(), dlq.Options{}, rep)
	if err != nil || res.Replayed != 10 || res.Failed != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	if err := rep.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the other ten", func() bool { return k.count() == 100 })
	if k.got[90] != "no number 3" {
		t.Errorf("the first one replayed is %q", k.got[90])
	}
}

// options is what a replay of a connector needs.
func (r *rig) options(name string, p connectors.Plugin, cfg map[string]string) Options {
	all := map[string]string{"name": name, "value.converter": "org.apache.kafka.connect.storage.StringConverter"}
	for k, v := range cfg {
		all[k] = v
	}
	return Options{Connector: name, Class: "Test", Plugin: p, Config: all, TaskConfig: all, Offsets: r.offsets,
		Worker: config.NewProps(map[string]string{
			"bootstrap.servers": r.broker.Addr(), "key.converter": "org.apache.kafka.connect.storage.StringConverter",
		})}
}

// A thousand records fail, the configuration is mended, and a replay delivers each once, in two goes.
func TestReplayOfAThousand(t *testing.T) {
	r := newRig(t)
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprintf("not json %d", i))
	}
	r.produce(all...)
	cfg := map[string]string{
		"topics": "numbers", "errors.tolerance": "all", dlqTopicKey: "letters", dlqReplicationKey: "1", dlqContextKey: "true", dlqStagePrefix + "task_put": "refused",
		"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
	}
	k := &keeper{}
	snk := r.start("snk", sink(k), cfg)
	eventually(t, "1000 letters", func() bool { return snk.metrics.recordsSkipped.Load() == 1000 })
	snk.stop(t)
	delete(cfg, "value.converter.schemas.enable")
	cfg["value.converter"] = "org.apache.kafka.connect.storage.StringConverter"
	replay := func(o dlq.Options) dlq.Result {
		t.Helper()
		rep, err := OpenReplay(t.Context(), r.options("snk", sink(k), cfg))
		if err != nil {
			t.Fatal(err)
		}
		res, err := r.queue("letters").Replay(t.Context(), o, rep)
		if err := errors.Join(err, rep.Close()); err != nil {
			t.Fatal(err)
		}
		return res
	}
	if res := replay(dlq.Options{Limit: 300, Filter: dlq.Filter{Connector: "snk", Code: "malformed"}}); res.Replayed != 300 {
		t.Errorf("first: %+v", res)
	}
	if res := replay(dlq.Options{}); res.Replayed != 700 || res.Already != 300 {
		t.Errorf("second: %+v", res)
	}
	if res := replay(dlq.Options{}); res.Replayed != 0 || res.Already != 1000 {
		t.Errorf("third: %+v", res)
	}
	if !k.is(all) || k.flushed != 1000 {
		t.Errorf("%d records, %d flushed", len(k.got), k.flushed)
	}
	var s dlq.Summary
	for _, e := range r.letters("letters") {
		s.Add(e)
	}
	if s.Letters != 1000 || s.Unreplayed != 0 {
		t.Errorf("%+v", s)
	}
}

func TestReplayLeavesWhatFailsAgain(t *testing.T) {
	r := newRig(t)
	all, good := values(60, func(i int) bool { return i%9 == 4 })
	r.produce(all...)
	cfg := map[string]string{
		"topics": "numbers", "errors.tolerance": "all", dlqTopicKey: "letters", dlqReplicationKey: "1", dlqContextKey: "true",
		"value.converter": "org.apache.kafka.connect.converters.LongConverter",
	}
	snk := r.start("snk", sink(&keeper{}), cfg)
	eventually(t, "letters", func() bool { return snk.metrics.recordsSkipped.Load() == 60 })
	snk.stop(t)
	delete(cfg, "value.converter")
	s := &picky{}
	rep, err := OpenReplay(t.Context(), r.options("snk", sink(s), cfg))
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.queue("letters").Replay(t.Context(), dlq.Options{Chunk: 25}, rep)
	if err != nil || res.Replayed != len(good) || res.Failed != 60-len(good) || !s.is(good) {
		t.Errorf("%+v, %v, got %v", res, err, s.got)
	}
	if len(res.Failures) == 0 || !strings.Contains(fmt.Sprint(res.Failures[0].Err), "refuses bad4") {
		t.Errorf("failures %v", res.Failures)
	}
	if err := rep.Close(); err != nil {
		t.Error(err)
	}
}

// stuck is a source and a sink that blocks for ever in one call, whatever its context says.
type stuck struct {
	in   string
	free chan struct{}
	once sync.Once
}

func newStuck(t *testing.T, in string) *stuck {
	s := &stuck{in: in, free: make(chan struct{})}
	t.Cleanup(s.release)
	return s
}

func (s *stuck) release() { s.once.Do(func() { close(s.free) }) }

func (s *stuck) block(call string) error {
	if call == s.in {
		<-s.free
	}
	return nil
}

func (s *stuck) Open(context.Context, connectors.TaskContext) error { return s.block("open") }
func (s *stuck) Poll(ctx context.Context, b *batch.Batch) error {
	if s.in != "poll" {
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	return s.block("poll")
}
func (s *stuck) Put(context.Context, []*batch.Batch) error { return s.block("put") }
func (s *stuck) Flush(context.Context) error               { return s.block("flush") }
func (s *stuck) Close() error                              { return s.block("close") }

func TestWatchdog(t *testing.T) {
	f := func(kind, in string) {
		t.Helper()
		r := newRig(t)
		r.produce("1", "2", "3")
		s := newStuck(t, in)
		p := sink(s)
		if kind == "source" {
			p = source(s)
		}
		run := r.start("c", p, map[string]string{"topics": "numbers", callBudgetKey: "50"})
		if in == "close" {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			eventually(t, "running", func() bool { return run.State() == Running })
			if err := run.Stop(ctx); err == nil {
				t.Error("a stop that hangs returned without an error")
			}
			cancel()
		}
		var found []Trouble
		eventually(t, kind+" "+in+" is named", func() bool { found = run.Troubles(time.Now()); return len(found) == 1 })
		tr := found[0]
		if tr.Call != in || tr.Connector != "c" || tr.Task != 0 || !strings.Contains(tr.Stack, "(*stuck).block") {
			t.Errorf("%s %s: %+v", kind, in, tr)
		}
		if in != "close" {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			began := time.Now()
			if err := run.Stop(ctx); err == nil || time.Since(began) > 2*time.Second {
				t.Errorf("%s %s: the stop of a task that hangs took %v and said %v", kind, in, time.Since(began), err)
			}
			cancel()
		}
		if kind == "sink" && in == "put" { // the partitions are free for another task of the connector
			k := &keeper{}
			r.start("c", sink(k), numbers)
			eventually(t, "another task goes on", func() bool { return k.count() == 3 })
		}
		s.release()
		eventually(t, "the task ends once the call returns", func() bool {
			select {
			case <-run.Done():
				return true
			default:
				return false
			}
		})
		if left := run.Troubles(time.Now()); len(left) != 0 {
			t.Errorf("%s %s: %v", kind, in, left)
		}
	}
	f("sink", "put")
	f("sink", "flush")
	f("sink", "open")
	f("sink", "close")
	f("source", "poll")
	f("source", "open")
	f("source", "close")
}

func TestOwnKeysAreValidated(t *testing.T) {
	f := func(key, value string) {
		t.Helper()
		_, err := OwnKeys(map[string]string{key: value}, nil)
		var e *config.Error
		if !errors.As(err, &e) || e.Key != key || e.Value != value {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	f(isolateKey, "perhaps")
	f(retryMaxKey, "-2")
	f(dlqFailureKey, "ignore")
	f(RestartPolicy, "always")
	f(callBudgetKey, "soon")
	v, err := OwnKeys(map[string]string{RestartPolicy: RestartOnFailed}, config.NewProps(map[string]string{RestartMax: "3", RestartPolicy: RestartNever}))
	if err != nil || v.Int(RestartMax) != 3 || v.String(RestartPolicy) != RestartOnFailed {
		t.Errorf("%v, %v", v, err)
	}
}

func TestCauseHeaderIsJSON(t *testing.T) {
	offset, partition := int64(7), int32(1)
	c := dlq.Cause{Code: "a.b", Stage: "TASK_PUT", Class: "x", Task: 2, Offset: &offset, Partition: &partition}
	var back map[string]any
	if err := json.Unmarshal(c.JSON(), &back); err != nil || back["offset"] != 7.0 || back["code"] != "a.b" {
		t.Errorf("%s, %v", c.JSON(), err)
	}
}
