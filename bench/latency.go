// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// latencyRate is how many records a second are produced: far below what anyone can carry, so that the way is measured
// and not a queue.
const latencyRate = 1000

// A stopwatch holds when each record was produced, and when each of two observers had it, in nanoseconds; 0: not yet.
type stopwatch struct {
	mu                    sync.Mutex
	sent, written, polled []int64
	left                  int // records that an observer has not seen
	done                  chan struct{}
}

func newStopwatch(n int64) *stopwatch {
	return &stopwatch{sent: make([]int64, n), written: make([]int64, n), polled: make([]int64, n), left: int(2 * n), done: make(chan struct{})}
}

// see notes the arrival of a record, whose text is its number, in one of the columns.
func (s *stopwatch) see(column []int64, text string) {
	now := time.Now().UnixNano()
	i, err := strconv.Atoi(text)
	if err != nil || i < 0 || i >= len(column) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if column[i] == 0 {
		column[i] = now
		if s.left--; s.left == 0 {
			close(s.done)
		}
	}
}

// took is the sorted times from sent to a column, in milliseconds, of the records from one on.
func (s *stopwatch) took(column []int64, from int64) []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []float64
	for i := from; i < int64(len(column)); i++ {
		out = append(out, float64(column[i]-s.sent[i])/1e6)
	}
	slices.Sort(out)
	return out
}

// apart is the sorted differences between the two observers, in milliseconds, of the records from one on: producer and
// broker are the same for both, and fall out.
func (s *stopwatch) apart(from int64) []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []float64
	for i := from; i < int64(len(s.sent)); i++ {
		out = append(out, float64(s.written[i]-s.polled[i])/1e6)
	}
	slices.Sort(out)
	return out
}

// quantile is the smallest value that a part q of the sorted values does not exceed.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// latencyRun produces records at a steady rate and times each until the worker's file sink has written it, into a named
// pipe that is read here, and until a raw consumer has it. Both watch the same records at the same time.
func (b *bench) latencyRun(w *workload, peer string, run int, n int64) (result, error) {
	worker, name := b.worker(peer), runName(w, peer, run)
	if err := b.createTopic(name, 1); err != nil {
		return result{}, err
	}
	defer func() { _, _ = b.admin.DeleteTopics(context.Background(), name) }()
	path := filepath.Join(b.dir, name+".pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return result{}, err
	}
	// Opened for writing too: neither end waits for the other, and no writer's end is the end of the file.
	pipe, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return result{}, err
	}
	defer pipe.Close()
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	warm := int64(2 * latencyRate)
	watch := newStopwatch(warm + n)
	go func() {
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			watch.see(watch.written, lines.Text())
		}
	}()
	stop, err := b.watchTopic(ctx, name, func(value string) { watch.see(watch.polled, value) })
	if err != nil {
		return result{}, err
	}
	defer stop()
	if err := worker.Put(name, with(w.config, map[string]string{"topics": name, "file": path})); err != nil {
		return result{}, err
	}
	if err := b.pace(ctx, name, watch); err != nil {
		return result{}, err
	}
	select {
	case <-watch.done:
	case <-time.After(20 * time.Second):
		return result{}, fmt.Errorf("%d of %d arrivals were not seen; %w", watch.left, 2*(warm+n), healthy(worker, name, time.Now().Add(-2*time.Second)))
	}
	if err := b.remove(worker, name); err != nil {
		return result{}, err
	}
	mine, raw := watch.took(watch.written, warm), watch.took(watch.polled, warm)
	r := result{Records: n, Verified: true, P50: quantile(mine, 0.5), P99: quantile(mine, 0.99), P999: quantile(mine, 0.999), Max: quantile(mine, 1),
		RawP50: quantile(raw, 0.5), RawP99: quantile(raw, 0.99), RawP999: quantile(raw, 0.999)}
	r.AddedP99 = r.P99 - r.RawP99
	apart := watch.apart(warm)
	r.ApartP50, r.ApartP99 = quantile(apart, 0.5), quantile(apart, 0.99)
	return r, nil
}

// watchTopic calls see with each value of a topic as soon as a consumer has it, until stop is called.
func (b *bench) watchTopic(ctx context.Context, topic string, see func(string)) (stop func(), err error) {
	consumer, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(b.brokers, ",")...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(500*time.Millisecond), kgo.FetchMinBytes(1))
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			fetches := consumer.PollFetches(ctx)
			if fetches.IsClientClosed() || ctx.Err() != nil {
				return
			}
			fetches.EachRecord(func(r *kgo.Record) { see(string(r.Value)) })
		}
	}()
	return func() {
		consumer.Close()
		<-ended
	}, nil
}

// pace produces all records of a stopwatch at the rate. One that comes late because this process had to wait is timed
// from when it was sent, not from when it was due: what is measured is the way.
func (b *bench) pace(ctx context.Context, topic string, watch *stopwatch) error {
	producer, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(b.brokers, ",")...), kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer producer.Close()
	began := time.Now()
	for i := range watch.sent {
		if wait := time.Until(began.Add(time.Duration(i) * time.Second / latencyRate)); wait > 0 {
			time.Sleep(wait)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		watch.mu.Lock()
		watch.sent[i] = time.Now().UnixNano()
		watch.mu.Unlock()
		producer.Produce(ctx, &kgo.Record{Value: strconv.AppendInt(nil, int64(i), 10)}, nil)
	}
	return producer.Flush(ctx)
}
