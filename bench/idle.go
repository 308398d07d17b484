// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// idleSettle is how long a worker rests before its idle memory is read: the JVM gives back what its start needed.
const idleSettle = 5 * time.Second

// startupRun times a start: exec to the first answer of GET /, the CPU time used by then, and memory at rest.
func (b *bench) startupRun(peer string) (result, error) {
	w, err := b.start(peer)
	if err != nil {
		return result{}, err
	}
	defer b.stop(peer)
	rest := idleSettle
	if b.options.size == "small" {
		rest = 2 * time.Second
	}
	time.Sleep(rest)
	rss, peak := stack.Memory(w.PID())
	return result{
		StartSeconds: w.RootAfter.Seconds(), CPUSeconds: w.RootCPU.Seconds(),
		IdleRSSMiB: float64(rss) / 1024, PeakRSSMiB: float64(peak) / 1024,
	}, nil
}

// idleRun watches a worker whose connectors, file sources at the end of their files and sinks at the end of their
// topic in turn, have nothing to do.
func (b *bench) idleRun(workload *workload, peer string, run int) (result, error) {
	topic := fmt.Sprintf("bench-idle-%s-%d-%d", peer, run, time.Now().UnixMilli())
	if err := b.createTopic(topic, 1); err != nil {
		return result{}, err
	}
	defer func() { _, _ = b.admin.DeleteTopics(context.Background(), topic) }()
	empty := filepath.Join(b.dir, "empty.txt")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		return result{}, err
	}
	w, err := b.start(peer)
	if err != nil {
		return result{}, err
	}
	defer b.stop(peer)
	for i := range workload.connectors {
		config := with(map[string]string{"connector.class": "FileStreamSource", "file": empty, "topic": topic}, converters(stringConverter))
		if i%2 == 1 {
			config = with(fileSink, map[string]string{"topics": topic}, converters(stringConverter))
		}
		if err := w.Put(topic+"-"+strconv.Itoa(i), config); err != nil {
			return result{}, err
		}
	}
	if err := allRunning(w, topic, workload.connectors); err != nil {
		return result{}, err
	}
	watch := 20 * time.Second
	if b.options.size == "small" {
		watch = 8 * time.Second
	}
	time.Sleep(idleSettle)
	first, err := usage(w.PID())
	if err != nil {
		return result{}, err
	}
	time.Sleep(watch)
	last, err := usage(w.PID())
	if err != nil {
		return result{}, err
	}
	rss, peak := stack.Memory(w.PID())
	used := last.CPU - first.CPU
	return result{
		IdlePercent: 100 * float64(used) / float64(last.At.Sub(first.At)), WallSeconds: last.At.Sub(first.At).Seconds(), CPUSeconds: used.Seconds(),
		IdleRSSMiB: float64(rss) / 1024, PeakRSSMiB: float64(peak) / 1024,
	}, nil
}

// allRunning waits until n connectors have a running task each.
func allRunning(w *stack.Worker, prefix string, n int) error {
	limit := time.Now().Add(2 * time.Minute)
	for i := 0; i < n; {
		s, err := w.Status(prefix + "-" + strconv.Itoa(i))
		switch {
		case err == nil && s.Running(1):
			i++
			continue
		case time.Now().After(limit):
			return fmt.Errorf("connector %d of %d does not run: %+v %w", i, n, s, err)
		}
		if trace, failed := s.Failed(); failed {
			return fmt.Errorf("connector %d failed: %s", i, trace)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}
