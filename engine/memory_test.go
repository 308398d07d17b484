// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
)

// filled takes a batch and makes it as large as told, as if it had been through the stages.
func filled(t *testing.T, p *taskPool, bytes int) *batch.Batch {
	t.Helper()
	b, err := p.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.Slab.Reserve(bytes)
	p.settle(b)
	return b
}

// tryTake is Take for somebody who does not wait long.
func tryTake(p *taskPool) (*batch.Batch, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	return p.Take(ctx)
}

func TestBudgetIsSharedAndEverybodyMoves(t *testing.T) {
	const mib = 1 << 20
	g := NewBudget(8 * mib)
	slow, other := newTaskPool(&Task{}, g), newTaskPool(&Task{}, g)
	var held []*batch.Batch
	for range 3 {
		held = append(held, filled(t, slow, mib))
	}
	// A fourth would be more than half: the other half is for whoever comes.
	if _, err := tryTake(slow); err == nil {
		t.Fatal("a task took more than its share")
	}
	for range 2 {
		held = append(held, filled(t, other, mib))
	}
	held[0].Release()
	if _, err := tryTake(slow); err == nil {
		t.Fatal("with two tasks at work a task took more than a third")
	}
	held[1].Release()
	b, err := tryTake(slow)
	if err != nil {
		t.Fatalf("a task below its share had to wait: %v", err)
	}
	for _, b := range append(held[2:], b) {
		b.Release()
	}
	slow.leave()
	other.leave()
	if g.Used() != 0 || g.active != 0 || g.waiting != 0 {
		t.Errorf("after all: %d bytes used, %d active, %d waiting", g.Used(), g.active, g.waiting)
	}
}

func TestWaiterIsWokenByARelease(t *testing.T) {
	g := NewBudget(4 << 20)
	p := newTaskPool(&Task{}, g)
	defer p.leave()
	first := filled(t, p, 2<<20)
	got := make(chan error, 1)
	go func() {
		b, err := p.Take(t.Context())
		if err == nil {
			b.Release()
		}
		got <- err
	}()
	select {
	case <-got:
		t.Fatal("did not wait")
	case <-time.After(20 * time.Millisecond):
	}
	first.Release()
	if err := <-got; err != nil {
		t.Fatal(err)
	}
}

// TestGiantIsNotPinned lets a batch grow far over the limit of the worker: its task always has one, and the memory is gone
// with its release.
func TestGiantIsNotPinned(t *testing.T) {
	g := NewBudget(4 << 20)
	p := newTaskPool(&Task{}, g)
	defer p.leave()
	b := filled(t, p, 50<<20)
	if g.Used() < 50<<20 {
		t.Errorf("%d bytes booked", g.Used())
	}
	b.Release()
	if g.Used() > 1<<20 {
		t.Errorf("%d bytes stay booked", g.Used())
	}
}

func TestIdleTaskGivesItsMemoryBack(t *testing.T) {
	g := NewBudget(64 << 20)
	p := newTaskPool(&Task{}, g)
	defer p.leave()
	a, b := filled(t, p, 1<<20), filled(t, p, 1<<20)
	a.Release()
	g.sweep() // it worked since the last one
	if g.Used() < 2<<20 {
		t.Errorf("a busy task lost its memory: %d bytes", g.Used())
	}
	g.sweep()
	if g.Used() > 3<<19 {
		t.Errorf("an idle task keeps %d bytes", g.Used())
	}
	b.Release() // what was out when the task fell asleep
	if g.Used() != 0 {
		t.Errorf("an idle task keeps %d bytes of the batch that came back", g.Used())
	}
}

// give makes a topic of one partition with values.
func (r *rig) give(topic string, values ...string) {
	r.t.Helper()
	if err := r.broker.CreateTopic(topic, 1, map[string]string{"max.message.bytes": "100000000"}); err != nil {
		r.t.Fatal(err)
	}
	cfg, err := kafka.Parse(kafka.RoleProducer, map[string]string{"bootstrap.servers": r.broker.Addr(), "max.request.size": "100000000"})
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := kafka.NewProducer(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		r.t.Fatal(err)
	}
	defer p.Close()
	for _, v := range values {
		if err := p.ProduceSync(r.t.Context(), &kafka.Record{Topic: topic, Value: []byte(v)}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// within is start under a budget.
func (r *rig) within(g *Budget, name string, s connectors.Sink, cfg map[string]string) *running {
	r.t.Helper()
	const text = "org.apache.kafka.connect.storage.StringConverter"
	all := map[string]string{"name": name, "key.converter": text, "value.converter": text}
	for k, v := range cfg {
		all[k] = v
	}
	run := &running{}
	run.Task = Start(Options{
		Connector: name, Class: "Test", Plugin: sink(s), Config: all, TaskConfig: all, Memory: g, Log: slog.New(slog.DiscardHandler),
		Worker: config.NewProps(map[string]string{
			"bootstrap.servers": r.broker.Addr(), "offset.flush.interval.ms": "100", "consumer.heartbeat.interval.ms": "200",
			"consumer.fetch.max.bytes": "100000000", "consumer.max.partition.fetch.bytes": "100000000", "consumer.auto.offset.reset": "earliest",
		}),
		OnState: func(_ State, err error) {
			run.mu.Lock()
			defer run.mu.Unlock()
			if err != nil {
				run.err = err
			}
		},
	})
	r.t.Cleanup(func() { run.stop(r.t) })
	return run
}

// TestRecordLargerThanTheBudget fails a task, and is skipped where errors are tolerated; what is around it arrives.
func TestRecordLargerThanTheBudget(t *testing.T) {
	r := newRig(t)
	r.give("big", "0", strings.Repeat("x", 3<<20), "1")
	g := NewBudget(2 << 20)
	bad := r.within(g, "strict", &keeper{}, map[string]string{"topics": "big"})
	eventually(t, "failed", func() bool { return bad.State() == Failed })
	if text := fmt.Sprint(bad.failure()); !strings.Contains(text, "big-0 offset 1") || !strings.Contains(text, "RecordTooLargeException") ||
		!strings.Contains(text, "penstock.memory.max") || len(text) > 2000 {
		t.Errorf("the failure does not say what to do: %.2000s", text)
	}
	k := &keeper{}
	r.within(g, "lenient", k, map[string]string{"topics": "big", "errors.tolerance": "all"})
	eventually(t, "the others", func() bool { return k.count() == 2 })
	inOrder(t, k.got, 2)
}

// TestSlowSinkDoesNotStopOthers: one sink hangs in Put with all the memory it may have, another reads everything.
func TestSlowSinkDoesNotStopOthers(t *testing.T) {
	r := newRig(t)
	var values []string
	for i := range 60 {
		values = append(values, fmt.Sprintf("%d%s", i, strings.Repeat(" ", 100_000)))
	}
	r.give("load", values...)
	g := NewBudget(2 << 20)
	hang := make(chan struct{})
	defer close(hang)
	slow := &keeper{fail: func(int) error { <-hang; return nil }}
	r.within(g, "slow", slow, map[string]string{"topics": "load"})
	eventually(t, "the slow one is full", func() bool { return g.Used() > 1<<19 })
	k := &keeper{}
	r.within(g, "quick", k, map[string]string{"topics": "load"})
	eventually(t, "all records", func() bool { return k.count() == 60 })
	if used := g.Used(); used > 2*g.Limit() {
		t.Errorf("%d bytes used of %d", used, g.Limit())
	}
}
