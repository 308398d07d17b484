// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// A result is one run of one peer. Figures that a kind of workload or a peer does not have stay zero.
type result struct {
	Workload string `json:"workload"`
	Peer     string `json:"peer"`
	Run      int    `json:"run"`     // from 1
	Counted  bool   `json:"counted"` // false: a warm-up run
	Records  int64  `json:"records,omitempty"`
	// WallSeconds is the time of the work itself: without waits for the connector's start and its last commit.
	WallSeconds float64 `json:"wall_s,omitempty"`
	CPUSeconds  float64 `json:"cpu_s,omitempty"`
	PeakRSSMiB  float64 `json:"peak_rss_mib,omitempty"`
	// Allocations of penstock's own heap, per record, -1 when it does not tell.
	AllocsPerRecord float64 `json:"allocs_per_record,omitempty"`
	BytesPerRecord  float64 `json:"alloc_bytes_per_record,omitempty"`
	// Startup and idle.
	StartSeconds float64 `json:"start_s,omitempty"`
	IdleRSSMiB   float64 `json:"idle_rss_mib,omitempty"`
	IdlePercent  float64 `json:"idle_cpu_percent,omitempty"`
	// Latency, in milliseconds.
	P50 float64 `json:"p50_ms,omitempty"`
	P90 float64 `json:"p90_ms,omitempty"`
	P99 float64 `json:"p99_ms,omitempty"`
	Max float64 `json:"max_ms,omitempty"`
}

// perCPU is the figure to compare: records per CPU-second.
func (r result) perCPU() float64 {
	if r.CPUSeconds == 0 {
		return 0
	}
	return float64(r.Records) / r.CPUSeconds
}

// race runs a workload: all peers in turn, as often as asked. Results of a broken race are those before it broke.
func (b *bench) race(w *workload) (results []result, err error) {
	n := w.records
	if b.options.records > 0 {
		n = b.options.records
	}
	runs := b.options.warm + b.options.runs
	var measure func(peer string, run int) (result, error)
	switch w.kind {
	case sinkKind:
		topic, err := b.eventsTopic(n)
		if err != nil {
			return nil, err
		}
		measure = func(peer string, run int) (result, error) { return b.sinkRun(w, peer, run, topic, n) }
	case sourceKind:
		file, err := b.eventsFile(n)
		if err != nil {
			return nil, err
		}
		measure = func(peer string, run int) (result, error) { return b.sourceRun(w, peer, run, file, n) }
	case startupKind:
		// Nothing gets warm from one process to the next but the page cache: one run for that, then three.
		runs = max(4, b.options.runs+1)
		measure = func(peer string, _ int) (result, error) { return b.startupRun(peer) }
	case idleKind:
		runs = b.options.runs
		measure = func(peer string, run int) (result, error) { return b.idleRun(peer, run) }
	case latencyKind:
		runs = b.options.runs + 1
		measure = func(peer string, run int) (result, error) { return b.latencyRun(w, peer, run, n) }
	}
	counted := b.options.runs
	if w.kind == startupKind {
		counted = runs - 1
	}
	defer func() {
		for _, p := range b.peers {
			b.stop(p)
		}
	}()
	for run := 1; run <= runs; run++ {
		for _, peer := range b.peers {
			if peer == rawPeer && w.kind != sinkKind && w.kind != sourceKind {
				continue
			}
			r, err := measure(peer, run)
			if err != nil {
				if worker := b.workers[peer]; worker != nil && b.options.verbose {
					b.note("log of %s:\n%s", peer, worker.Tail(60))
				}
				return results, fmt.Errorf("%s, run %d: %w", peer, run, err)
			}
			r.Workload, r.Peer, r.Run, r.Counted = w.name, peer, run, run > runs-counted
			results = append(results, r)
			b.note("%s %s run %d: %s", w.name, peer, run, r.line(w.kind))
		}
	}
	return results, nil
}

// worker is the running worker of a peer, started when it is not up.
func (b *bench) worker(peer string) (*stack.Worker, error) {
	if w := b.workers[peer]; w != nil {
		return w, nil
	}
	return b.start(peer)
}

// runName names a run's connector; no name comes twice, for workers and groups remember the offsets of a name.
func runName(w *workload, peer string, run int) string {
	return fmt.Sprintf("bench-%s-%s-%d-%d", w.name, peer, run, time.Now().UnixMilli())
}

// sinkRun drains a topic with a sink connector.
func (b *bench) sinkRun(w *workload, peer string, run int, topic string, n int64) (result, error) {
	if peer == rawPeer {
		return b.rawRun(topic, "", n)
	}
	worker, err := b.worker(peer)
	if err != nil {
		return result{}, err
	}
	name := runName(w, peer, run)
	pid := worker.PID()
	stack.ResetPeak(pid)
	heap := readHeap(worker)
	first, err := stack.ReadUsage(pid)
	if err != nil {
		return result{}, err
	}
	config := with(w.config, map[string]string{"topics": topic, "tasks.max": strconv.Itoa(b.options.tasks)})
	if err := worker.Put(name, config); err != nil {
		return result{}, err
	}
	samples := []stack.Usage{first}
	for next := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		s, err := stack.ReadUsage(pid)
		if err != nil {
			return result{}, err
		}
		samples = append(samples, s)
		if time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(200 * time.Millisecond)
		if b.committed("connect-"+name, topic) >= n {
			break
		}
		if err := healthy(worker, name, first.At); err != nil {
			return result{}, err
		}
	}
	last := samples[len(samples)-1]
	_, peak := stack.Memory(pid)
	r := result{Records: n, WallSeconds: window(samples).Seconds(), CPUSeconds: (last.CPU - first.CPU).Seconds(), PeakRSSMiB: float64(peak) / 1024}
	heap.per(&r, readHeap(worker))
	if err := worker.Delete(name); err != nil {
		return result{}, err
	}
	time.Sleep(2 * time.Second)
	_, _ = b.admin.DeleteGroups(context.Background(), "connect-"+name)
	return r, nil
}

// sourceRun fills a new topic of one partition with a file's lines.
func (b *bench) sourceRun(w *workload, peer string, run int, file string, n int64) (result, error) {
	name := runName(w, peer, run)
	if err := b.createTopic(name, 1); err != nil {
		return result{}, err
	}
	defer func() { _, _ = b.admin.DeleteTopics(context.Background(), name) }()
	if peer == rawPeer {
		return b.rawRun(name, file, n)
	}
	worker, err := b.worker(peer)
	if err != nil {
		return result{}, err
	}
	pid := worker.PID()
	stack.ResetPeak(pid)
	heap := readHeap(worker)
	began := time.Now()
	config := with(w.config, map[string]string{"topic": name, "file": file, "tasks.max": "1"})
	if err := worker.Put(name, config); err != nil {
		return result{}, err
	}
	var first, last stack.Usage
	var seen int64
	for check := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		got := b.endOffset(name)
		if last, err = stack.ReadUsage(pid); err != nil {
			return result{}, err
		}
		if first.At.IsZero() && got > 0 {
			first, seen = last, got
		}
		if got >= n {
			break
		}
		if time.Since(check) > time.Second {
			check = time.Now()
			if err := healthy(worker, name, began); err != nil {
				return result{}, fmt.Errorf("%w (%d records came)", err, got)
			}
		}
	}
	_, peak := stack.Memory(pid)
	r := result{Records: n - seen, WallSeconds: last.At.Sub(first.At).Seconds(), CPUSeconds: (last.CPU - first.CPU).Seconds(), PeakRSSMiB: float64(peak) / 1024}
	// Of the heap all records count, for it was read before the first.
	all := r
	all.Records = n
	heap.per(&all, readHeap(worker))
	r.AllocsPerRecord, r.BytesPerRecord = all.AllocsPerRecord, all.BytesPerRecord
	if r.Records < n/2 {
		return result{}, fmt.Errorf("%d of %d records were there at first sight: more -records are needed to measure", seen, n)
	}
	if err := worker.Delete(name); err != nil {
		return result{}, err
	}
	time.Sleep(2 * time.Second)
	return r, nil
}

// healthy is an error when the connector or a task has failed, the worker has died, or the time is over.
func healthy(w *stack.Worker, name string, began time.Time) error {
	switch {
	case !w.Alive():
		return fmt.Errorf("the worker ended:\n%s", w.Tail(30))
	case time.Since(began) > runLimit:
		return errors.New("out of time")
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

// window is the wall time in which the middle 98 % of the CPU time was spent, scaled to all of it: the time of the
// work itself, without the waits for a connector's start and for its last commit.
func window(samples []stack.Usage) time.Duration {
	first, last := samples[0].CPU, samples[len(samples)-1].CPU
	var from, to time.Time
	for _, s := range samples {
		if from.IsZero() && s.CPU >= first+(last-first)/100 {
			from = s.At
		}
		if s.CPU < last-(last-first)/100 {
			to = s.At
		}
	}
	return time.Duration(float64(to.Sub(from)) / 0.98)
}

// heapCounters are running totals of a Go process's allocations.
type heapCounters struct {
	mallocs, bytes float64
	ok             bool
}

// readHeap asks penstock for its allocation counters: the text form of the heap profile ends with the runtime's totals.
// The JVM has no such page. The profile costs CPU time, so it is read outside of what is measured.
func readHeap(w *stack.Worker) heapCounters {
	var h heapCounters
	if w.AdminURL == "" {
		return h
	}
	client := &http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(w.AdminURL + "/debug/pprof/heap?debug=1")
	if err != nil {
		return h
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return h
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# "), " = ")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name {
		case "Mallocs":
			h.mallocs, h.ok = v, true
		case "TotalAlloc":
			h.bytes = v
		}
	}
	return h
}

// per sets the allocations per record between two readings.
func (h heapCounters) per(r *result, after heapCounters) {
	if !h.ok || !after.ok || r.Records == 0 {
		r.AllocsPerRecord, r.BytesPerRecord = -1, -1
		return
	}
	r.AllocsPerRecord = (after.mallocs - h.mallocs) / float64(r.Records)
	r.BytesPerRecord = (after.bytes - h.bytes) / float64(r.Records)
}
