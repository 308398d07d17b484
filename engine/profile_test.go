// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/connectors"
)

func TestGaugeKeepsAMinute(t *testing.T) {
	const s = int64(time.Second)
	var g gauge
	f := func(now, total, recent int64) {
		t.Helper()
		if got := g.recent(now); g.total.Load() != total || got != recent {
			t.Errorf("at %d s: total %d, recent %d, want %d and %d", now/s, g.total.Load(), got, total, recent)
		}
	}
	g.add(5*s, 1)
	g.add(15*s, 2)
	f(20*s, 3, 3)
	f(69*s, 3, 3)
	f(70*s, 3, 2)  // the first bucket is out
	f(200*s, 3, 0) // all are
	g.add(200*s, 4)
	f(200*s, 7, 4)
	// a call of 25 s lies in three buckets, one of an hour fills the window and no more
	var long gauge
	long.span(305*s, 25*s)
	if a, b := long.recent(305*s), long.recent(350*s); a != 25*s || b != 15*s {
		t.Errorf("%d and %d", a/s, b/s)
	}
	long = gauge{}
	long.span(7205*s, 3600*s)
	if got := long.recent(7205 * s); got != 65*s || long.total.Load() != 3600*s {
		t.Errorf("%d s of the hour in the window", got/s)
	}
}

// lazy is a sink that takes its time.
type lazy struct{ keeper }

func (s *lazy) Open(context.Context, connectors.TaskContext) error { return nil }

// stageOf finds a stage of a profile.
func stageOf(t *testing.T, p Profile, name string) StageTime {
	t.Helper()
	for _, s := range p.Stages {
		if s.Stage == name {
			return s
		}
	}
	t.Fatalf("no stage %s", name)
	return StageTime{}
}

func TestProfileSaysWhatBounds(t *testing.T) {
	r := newRig(t)
	src := r.start("src", source(&counter{n: 5000}), nil)
	k := &lazy{}
	k.fail = func(int) error { time.Sleep(20 * time.Millisecond); return nil }
	snk := r.start("snk", sink(k), map[string]string{
		"topics": "numbers", "transforms": "t",
		"transforms.t.type": "org.apache.kafka.connect.transforms.InsertField$Value", "transforms.t.topic.field": "x",
		"transforms.t.predicate": "never", "predicates": "never",
		"predicates.never.type": "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
	})
	eventually(t, "5000 records", func() bool { return k.count() == 5000 })
	p := snk.Profile()
	sums := map[string]float64{}
	for _, s := range p.Stages {
		if s.Role != "aside" {
			sums[s.Lane] += s.Total.Share
		}
	}
	for _, lane := range []string{"fetch", "deliver"} {
		if math.Abs(sums[lane]-1) > 0.05 {
			t.Errorf("the stages of lane %s make %v of its time", lane, sums[lane])
		}
	}
	if s := stageOf(t, p, "put"); s.Calls == 0 || s.Total.Seconds < 0.02*float64(s.Calls) || s.MaxMillis < 20 {
		t.Errorf("put: %+v", s)
	}
	for _, name := range []string{"key", "value", "transform:t"} {
		if s := stageOf(t, p, name); s.Calls == 0 || s.Class == "" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if p.Records.Total != 5000 || p.Records.LastMinute != 5000 || p.Queues.Batches != poolBatches {
		t.Errorf("%+v", p)
	}
	var text, metrics strings.Builder
	if err := p.WriteText(&text); err != nil || !strings.Contains(text.String(), "InsertField$Value") {
		t.Errorf("%v\n%s", err, &text)
	}
	snk.WriteMetrics(&metrics)
	if !strings.Contains(metrics.String(), `penstock_task_stage_seconds_total{connector="snk",task="0",lane="deliver",stage="put"} `) {
		t.Error(metrics.String())
	}
	s := src.Profile()
	if stageOf(t, s, "in flight").Calls == 0 || stageOf(t, s, "poll").Calls == 0 || s.Records.Total != 5000 {
		t.Errorf("%+v", s)
	}
}

func TestBound(t *testing.T) {
	f := func(want string, records int64, stages ...StageTime) {
		t.Helper()
		p := Profile{Stages: stages, Records: ProfileCount{LastMinute: records}}
		if got := bound(connectors.SinkKind, &p); got.Stage != want || got.Why == "" {
			t.Errorf("bound by %q (%s), want %q", got.Stage, got.Why, want)
		}
	}
	at := func(name string, role stageRole, share float64) StageTime {
		return StageTime{Stage: name, Role: role.String(), LastMinute: TimeSpent{Share: share}}
	}
	f("put", 1, at("fetch", roleInput, 0.1), at("room", roleWait, 0.9), at("put", roleWork, 0.95), at("idle", roleWait, 0.05))
	f("value", 1, at("fetch", roleInput, 0.2), at("value", roleWork, 0.8), at("put", roleWork, 0.3), at("idle", roleWait, 0.7))
	f("fetch", 1, at("fetch", roleInput, 0.9), at("value", roleWork, 0.1), at("put", roleWork, 0.1))
	f("", 0, at("fetch", roleInput, 1), at("put", roleWork, 0))
	f("put", 0, at("fetch", roleInput, 1), StageTime{Stage: "put", Role: "work", NowSeconds: 90, LastMinute: TimeSpent{Share: 1}}) // it hangs
	f("", 0)
}

// TestClocksAllocateNothing: a change of stage is a look at the clock and no memory.
func TestClocksAllocateNothing(t *testing.T) {
	task := &Task{ctx: context.Background()}
	l := task.newLane("l")
	a, b := task.stage(l, "a", "", roleWork), task.stage(l, "b", "", roleWork)
	if n := testing.AllocsPerRun(100, func() { l.to(a); l.count(1); l.to(b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	l.to(nil)
}

func BenchmarkStageChange(b *testing.B) {
	task := &Task{ctx: context.Background()}
	l := task.newLane("l")
	x, y := task.stage(l, "a", "", roleWork), task.stage(l, "b", "", roleWork)
	b.ReportAllocs()
	for b.Loop() {
		l.to(x)
		l.to(y)
	}
}
