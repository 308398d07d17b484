// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// lane is one peer in a race.
type lane struct {
	peer string
	n    int64 // records of a run
	runs int   // so far
	err  error // why it takes no further part
}

// race is one workload under way.
type race struct {
	b     *bench
	w     *workload
	lanes []*lane
	end   time.Time // no round starts after this; zero: no limit
	// measure does one run of n records.
	measure func(peer string, run int, n int64) (result, error)
	results []result
}

// race runs a workload: warm-up, then all peers in turn, as often as asked, then what does not count in time: the
// sinks' contents, allocations, the flamegraph. Results of a broken race are those before it broke.
func (b *bench) race(w *workload) ([]result, error) {
	b.note("%s", w.name)
	r := &race{b: b, w: w}
	if b.options.budget > 0 {
		r.end = time.Now().Add(b.options.budget)
	}
	for _, p := range b.peers {
		if w.runsOn(p) {
			r.lanes = append(r.lanes, &lane{peer: p, n: b.options.recordsOf(w, p)})
		}
	}
	if len(r.lanes) == 0 {
		return nil, fmt.Errorf("none of %v takes part in %s", b.peers, w.name)
	}
	defer func() {
		for _, l := range r.lanes {
			b.stop(l.peer)
		}
	}()
	if err := r.prepare(); err != nil {
		return nil, err
	}
	if w.isData() || w.kind == latencyKind {
		r.startWorkers()
		r.warmUp()
	}
	if l := r.lane(ours); l != nil && w.kind == startupKind {
		r.run(l, false) // brings the binary into the page cache
	}
	repeat := b.options.repeat
	if w.kind == idleKind || w.kind == latencyKind {
		repeat = min(repeat, 2)
	}
	var took time.Duration // by the last round
	for round := 1; round <= repeat && (round == 1 || r.timeFor(took)); round++ {
		began := time.Now()
		for _, l := range r.lanes {
			r.run(l, true)
		}
		took = time.Since(began)
	}
	if w.isData() {
		r.checkSinks()
		r.countAllocations()
		r.flame()
	}
	return r.results, r.failures()
}

// prepare makes the data and chooses how runs are measured.
func (r *race) prepare() error {
	b, w := r.b, r.w
	switch w.kind {
	case sinkKind:
		r.measure = func(peer string, run int, n int64) (result, error) { return b.sinkRun(w, peer, run, n) }
		for _, l := range r.lanes {
			if _, err := b.filled(b.options.spec(w, l.n)); err != nil {
				return err
			}
		}
	case fileKind, genKind, mirrorKind:
		sources := &sourceRuns{b: b, w: w, inputs: map[int64]sourceInput{}}
		for _, l := range r.lanes {
			if _, err := sources.input(l.n); err != nil {
				return err
			}
		}
		r.measure = sources.run
	case startupKind:
		r.measure = func(peer string, _ int, _ int64) (result, error) { return b.startupRun(peer) }
	case idleKind:
		r.measure = func(peer string, run int, _ int64) (result, error) { return b.idleRun(w, peer, run) }
	case latencyKind:
		r.measure = func(peer string, run int, n int64) (result, error) { return b.latencyRun(w, peer, run, n) }
	case scaleKind:
		r.measure = func(peer string, run int, n int64) (result, error) { return b.scaleRun(w, peer, run, n) }
		if _, err := b.filled(b.options.spec(w, r.lanes[0].n)); err != nil {
			return err
		}
	}
	return nil
}

// startWorkers starts the workers at once: the JVM's takes a while.
func (r *race) startWorkers() {
	var wg sync.WaitGroup
	for _, l := range r.lanes {
		if l.peer == rawPeer || l.peer == kgoPeer {
			continue
		}
		wg.Go(func() { _, l.err = r.b.start(l.peer) })
	}
	wg.Wait()
}

// flatWithin is how little two runs in a row differ when the JVM's compiler has done its work.
const flatWithin = 0.10

// warmUp runs everybody once, and the JVM until its rate is flat; with a time limit, in its share of that.
func (r *race) warmUp() {
	jvms := 0
	for _, l := range r.lanes {
		if l.peer == jvmPeer || l.peer == bestPeer {
			jvms++
		}
	}
	for _, l := range r.lanes {
		if l.peer != jvmPeer && l.peer != bestPeer {
			r.run(l, false)
			continue
		}
		limit := time.Now().Add(time.Hour)
		if !r.end.IsZero() {
			limit = time.Now().Add(r.b.options.budget * 2 / 5 / time.Duration(jvms))
		}
		before := 0.0
		for range r.b.options.warm {
			got, ok := r.run(l, false)
			rate := got.perCPU()
			if !ok || time.Now().After(limit) || before > 0 && rate < before*(1+flatWithin) && rate > before*(1-flatWithin) || r.w.kind == latencyKind {
				break
			}
			before = rate
		}
		jvms--
	}
}

// timeFor tells whether the workload's time is enough for something that takes so long.
func (r *race) timeFor(took time.Duration) bool {
	return r.end.IsZero() || time.Now().Add(took).Before(r.end)
}

// run does one run of a peer and keeps its result.
func (r *race) run(l *lane, counted bool) (result, bool) {
	if l.err != nil {
		return result{}, false
	}
	l.runs++
	got, err := r.measure(l.peer, l.runs, l.n)
	if err != nil {
		l.err = fmt.Errorf("run %d: %w", l.runs, err)
		if w := r.b.worker(l.peer); w != nil && r.b.options.verbose {
			r.b.note("log of %s:\n%s", l.peer, w.Tail(60))
		}
		r.b.stop(l.peer)
		return result{}, false
	}
	got.Workload, got.Peer, got.Run, got.Counted = r.w.name, l.peer, l.runs, counted
	r.results = append(r.results, got)
	kind := "counts"
	if !counted {
		kind = "warm-up"
	}
	r.b.note("%s %s run %d (%s): %s", r.w.name, l.peer, l.runs, kind, got.line(r.w.kind))
	return got, true
}

// lane is that of a peer; nil when it does not run or has failed.
func (r *race) lane(peer string) *lane {
	for _, l := range r.lanes {
		if l.peer == peer && l.err == nil {
			return l
		}
	}
	return nil
}

// countAllocations runs penstock once more with a quarter of the records: the difference to the whole is the steady state.
func (r *race) countAllocations() {
	l := r.lane(ours)
	if l == nil {
		return
	}
	short := l.n / 4
	l.runs++
	got, err := r.measure(ours, l.runs, short)
	if err != nil {
		l.err = fmt.Errorf("run for allocations: %w", err)
		return
	}
	got.Workload, got.Peer, got.Run = r.w.name, ours, l.runs
	r.results = append(r.results, got)
	r.b.note("%s: %.4f allocations and %.1f bytes per record", r.w.name,
		slope(r.of(ours), func(x result) float64 { return x.HeapAllocs }), slope(r.of(ours), func(x result) float64 { return x.HeapBytes }))
}

func (r *race) of(peer string) (out []result) {
	for _, x := range r.results {
		if x.Peer == peer {
			out = append(out, x)
		}
	}
	return out
}

// failures are the errors of the peers that broke, and the runs without parity.
func (r *race) failures() error {
	var errs []error
	for _, l := range r.lanes {
		if l.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.peer, l.err))
		}
	}
	for _, x := range r.results {
		if x.Parity != "" {
			errs = append(errs, fmt.Errorf("%s: run %d thrown away: %s", x.Peer, x.Run, x.Parity))
		}
	}
	return errors.Join(errs...)
}

// runName names a run's connector; no name comes twice, for workers and groups remember the offsets of a name.
func runName(w *workload, peer string, run int) string {
	return fmt.Sprintf("bench-%s-%s-%d-%d", w.name, peer, run, time.Now().UnixMilli())
}

// healthy is an error when the connector or a task has failed, the worker has died, or the time is over.
func healthy(w *stack.Worker, name string, began time.Time) error {
	switch {
	case !w.Alive():
		return fmt.Errorf("the worker ended:\n%s", w.Tail(30))
	case time.Since(began) > runLimit:
		return fmt.Errorf("not done after %s", runLimit)
	case time.Since(began) < time.Second:
		return nil // its status may not be there yet
	}
	s, err := w.Status(name)
	if err != nil {
		return err
	}
	if trace, failed := s.Failed(); failed {
		return fmt.Errorf("%s failed: %s", name, trace)
	}
	return nil
}
