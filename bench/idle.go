// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

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
	time.Sleep(idleSettle)
	rss, peak := stack.Memory(w.PID())
	return result{
		StartSeconds: w.RootAfter.Seconds(), CPUSeconds: w.RootCPU.Seconds(),
		IdleRSSMiB: float64(rss) / 1024, PeakRSSMiB: float64(peak) / 1024,
	}, nil
}

// idleRun watches a worker with 10 file sources at the end of their files and 10 sinks at the end of their topic.
func (b *bench) idleRun(peer string, run int) (result, error) {
	const connectors, watch = 20, 20 * time.Second
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
	for i := range connectors {
		config := with(map[string]string{"connector.class": "FileStreamSource", "file": empty, "topic": topic}, converters(stringConverter))
		if i%2 == 1 {
			config = with(map[string]string{"connector.class": "FileStreamSink", "file": os.DevNull, "topics": topic}, converters(stringConverter))
		}
		if err := w.Put(topic+"-"+strconv.Itoa(i), config); err != nil {
			return result{}, err
		}
	}
	time.Sleep(2 * idleSettle)
	for i := range connectors {
		s, err := w.Status(topic + "-" + strconv.Itoa(i))
		if err != nil {
			return result{}, err
		}
		if !s.Running(1) {
			return result{}, fmt.Errorf("connector %d does not run: %+v", i, s)
		}
	}
	first, err := stack.ReadUsage(w.PID())
	if err != nil {
		return result{}, err
	}
	time.Sleep(watch)
	last, err := stack.ReadUsage(w.PID())
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

// latencyRun appends lines to a file at a steady rate and times each until a consumer has its record.
func (b *bench) latencyRun(w *workload, peer string, run int, n int64) (result, error) {
	worker, err := b.worker(peer)
	if err != nil {
		return result{}, err
	}
	name := runName(w, peer, run)
	if err := b.createTopic(name, 1); err != nil {
		return result{}, err
	}
	defer func() { _, _ = b.admin.DeleteTopics(context.Background(), name) }()
	file, err := os.Create(filepath.Join(b.dir, name+".txt"))
	if err != nil {
		return result{}, err
	}
	defer file.Close()
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(b.brokers), kgo.ConsumeTopics(name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(50*time.Millisecond), kgo.FetchMinBytes(1))
	if err != nil {
		return result{}, err
	}
	defer consumer.Close()
	if err := worker.Put(name, with(w.config, map[string]string{"topic": name, "file": file.Name()})); err != nil {
		return result{}, err
	}
	time.Sleep(3 * time.Second)

	failed := make(chan error, 1)
	go func() {
		// 50 lines a second: far below what anyone can carry, so that the wait is measured and not a queue.
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range n {
			<-tick.C
			if _, err := fmt.Fprintf(file, "%d\n", time.Now().UnixNano()); err != nil {
				failed <- err
				cancel()
				return
			}
		}
	}()
	took := make([]float64, 0, n)
	for int64(len(took)) < n {
		fetches := consumer.PollFetches(ctx)
		now := time.Now().UnixNano()
		if ctx.Err() != nil {
			select {
			case err := <-failed:
				return result{}, err
			default:
				return result{}, fmt.Errorf("only %d of %d lines arrived", len(took), n)
			}
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if at, err := strconv.ParseInt(string(r.Value), 10, 64); err == nil {
				took = append(took, float64(now-at)/1e6)
			}
		})
	}
	if err := worker.Delete(name); err != nil {
		return result{}, err
	}
	slices.Sort(took)
	at := func(q float64) float64 { return took[int(math.Ceil(q*float64(len(took))))-1] }
	return result{Records: n, P50: at(0.50), P90: at(0.90), P99: at(0.99), Max: at(1)}, nil
}
