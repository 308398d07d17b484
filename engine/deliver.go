// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
)

// deliverState belongs to the deliver goroutine of a sink task.
type deliverState struct {
	assigned  map[kafka.TopicPartition]uint64       // what is held, and under which assignment
	positions map[kafka.TopicPartition]kafka.Offset // delivered: the next offset of each partition
	committed map[kafka.TopicPartition]int64        // what the group has
	first     map[kafka.TopicPartition]int64        // where delivery began, for partitions without a committed offset
	pending   []item                                // popped, not delivered yet
	batches   []*batch.Batch                        // of pending, for Put
	dropping  bool                                  // until the rewound marker: what comes was fetched before the rewind
	dirty     bool                                  // something was put since the last flush
	err       error                                 // of a flush or commit in a rebalance; ends the task
}

// putBatches is how many batches one Put gets at most.
const putBatches = 4

func (d *deliverState) init() {
	d.assigned = map[kafka.TopicPartition]uint64{}
	d.positions = map[kafka.TopicPartition]kafka.Offset{}
	d.committed = map[kafka.TopicPartition]int64{}
	d.first = map[kafka.TopicPartition]int64{}
}

// deliverLoop is the deliver goroutine: it returns nil when the task is asked to stop.
func (s *sinkTask) deliverLoop(ctx context.Context) error {
	s.clocks.out.to(s.clocks.idle)
	every := s.t.millis("offset.flush.interval.ms", time.Minute)
	next := time.Now().Add(every)
	timer := time.NewTimer(every)
	defer timer.Stop()
	var idle <-chan time.Time // of a sink that wants to be called without records
	if i, ok := s.sink.(connectors.Idler); ok && i.IdleInterval() > 0 {
		ticker := time.NewTicker(i.IdleInterval())
		defer ticker.Stop()
		idle = ticker.C
	}
	for {
		if s.t.stopping() || ctx.Err() != nil {
			return nil
		}
		select {
		case c := <-s.control:
			s.rebalance(ctx, c)
		default:
		}
		if err := s.takeErr(); err != nil {
			return err
		}
		if err := s.collect(ctx); err != nil {
			return err
		}
		if len(s.deliver.pending) > 0 {
			if err := s.put(ctx); err != nil {
				return err
			}
		} else if s.ring.Park() {
			if err := s.wait(ctx, timer, idle); err != nil {
				return err
			}
		}
		if now := time.Now(); !now.Before(next) {
			next = now.Add(every)
			timer.Reset(every)
			if err := s.commit(ctx); err != nil {
				return err
			}
		}
	}
}

// enter takes the lane into a stage; what it returns takes it back.
func (s *sinkTask) enter(c *stageClock) func() {
	l := s.clocks.out
	before := l.at()
	l.to(c)
	return func() { l.to(before) }
}

// wait parks until there is something to do.
func (s *sinkTask) wait(ctx context.Context, timer *time.Timer, idle <-chan time.Time) error {
	select {
	case <-idle:
		defer s.enter(s.clocks.put)()
		if err := s.t.callPut(ctx, s.sink, nil); err != nil && !batch.IsRetriable(err) {
			return s.putFailed(err)
		}
	case <-s.ring.Wake():
	case <-timer.C:
	case c := <-s.control:
		s.rebalance(ctx, c)
	case <-s.t.stop:
	case <-ctx.Done():
	}
	return nil
}

func (s *sinkTask) takeErr() error {
	err := s.deliver.err
	s.deliver.err = nil
	return err
}

// collect pops what is in the ring, up to one Put, and acts on markers.
func (s *sinkTask) collect(ctx context.Context) error {
	d := &s.deliver
	for len(d.pending) < putBatches {
		it, ok := s.ring.Pop()
		if !ok {
			return nil
		}
		switch it.kind {
		case rows:
			if held, ok := d.assigned[it.tp]; d.dropping || !ok || held != it.assignment {
				s.release(it)
				continue
			}
			d.pending = append(d.pending, it)
			continue
		case rewound:
			d.dropping = false
			continue
		case failed:
			if len(d.pending) > 0 { // what came before the failure is still delivered
				if err := s.put(ctx); err != nil {
					return err
				}
			}
			return it.err
		}
		if len(d.pending) > 0 {
			if err := s.put(ctx); err != nil {
				return err
			}
		}
		if it.kind == resumed {
			s.t.set(Running, nil)
			continue
		}
		if err := s.commit(ctx); err != nil {
			return err
		}
		s.t.set(Paused, nil)
	}
	return nil
}

const (
	putRetryMin = 100 * time.Millisecond
	putRetryMax = 10 * time.Second
)

// put delivers the pending batches. A retriable failure is repeated with the same batches, for ever, as in Connect;
// rebalances are answered meanwhile and take their batches away.
func (s *sinkTask) put(ctx context.Context) error {
	d := &s.deliver
	for attempt, backoff := 0, putRetryMin; len(d.pending) > 0; attempt, backoff = attempt+1, min(2*backoff, putRetryMax) {
		d.batches = d.batches[:0]
		n := 0
		for _, it := range d.pending {
			d.batches = append(d.batches, it.b)
			n += it.b.Alive()
		}
		started := time.Now()
		d.dirty = true
		s.clocks.out.to(s.clocks.put)
		err := s.t.callPut(ctx, s.sink, d.batches)
		s.clocks.out.to(s.clocks.idle)
		if err == nil {
			err = s.takeReported()
		}
		if err == nil {
			s.t.metrics.batch(n, time.Since(started))
			s.t.metrics.sent.Add(int64(n))
			s.clocks.out.count(n)
			s.delivered()
			return nil
		}
		if !s.repeats(err, attempt) {
			if err := s.putEnded(ctx, err); err != nil {
				return err
			}
			continue
		}
		s.t.metrics.retries.Add(1)
		s.t.o.Log.Warn("put failed and is retried", "err", err, "wait", backoff)
		if !s.backoff(ctx, backoff) {
			s.forget(func(item) bool { return true })
			return nil
		}
	}
	return nil
}

// backoff waits before the next try; false when the task ends.
func (s *sinkTask) backoff(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case c := <-s.control:
			s.rebalance(ctx, c)
		case <-s.t.stop:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// delivered records that the pending batches were put.
func (s *sinkTask) delivered() {
	d := &s.deliver
	for i, it := range d.pending {
		o := it.b.Origin
		if _, ok := d.first[it.tp]; !ok {
			d.first[it.tp] = o.First
		}
		d.positions[it.tp] = kafka.Offset{Offset: o.Last + 1, LeaderEpoch: -1, Assignment: it.assignment}
		if s.t.o.OnTopic != nil {
			s.t.o.OnTopic(it.tp.Topic)
		}
		s.release(it)
		d.pending[i] = item{}
	}
	d.pending = d.pending[:0]
}

// forget drops pending batches that are not to be delivered any more.
func (s *sinkTask) forget(gone func(item) bool) {
	d := &s.deliver
	kept := d.pending[:0]
	for _, it := range d.pending {
		if gone(it) {
			s.release(it)
		} else {
			kept = append(kept, it)
		}
	}
	clear(d.pending[len(kept):])
	d.pending = kept
}

// flush makes everything put so far durable.
func (s *sinkTask) flush(ctx context.Context) error {
	if !s.deliver.dirty {
		return nil
	}
	defer s.enter(s.clocks.flush)()
	if err := s.t.callFlush(ctx, s.sink); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	s.deliver.dirty = false
	return nil
}

// commit flushes, and commits what changed. A flush that failed is not the end: the task goes back to what is committed
// and delivers again, as Connect does. An error returned ends the task.
func (s *sinkTask) commit(ctx context.Context) error {
	started := time.Now()
	if err := s.flush(ctx); err != nil {
		s.t.metrics.commit(err, 0)
		s.t.o.Log.Error("offset commit failed, going back to the last committed offsets", "err", err)
		s.goBack()
		return nil
	}
	changed := s.changed(func(kafka.TopicPartition) bool { return true })
	if len(changed) == 0 {
		return nil
	}
	limit, cancel := context.WithTimeout(ctx, s.t.millis("offset.flush.timeout.ms", 5*time.Second))
	defer cancel()
	leave := s.enter(s.clocks.commit)
	err := s.consumer.Commit(limit, changed)
	leave()
	s.t.metrics.commit(err, time.Since(started))
	s.committed(changed, err)
	return nil
}

// changed is the positions that the group does not have yet.
func (s *sinkTask) changed(of func(kafka.TopicPartition) bool) map[kafka.TopicPartition]kafka.Offset {
	var changed map[kafka.TopicPartition]kafka.Offset
	for tp, o := range s.deliver.positions {
		if have, ok := s.deliver.committed[tp]; of(tp) && (!ok || have != o.Offset) {
			if changed == nil {
				changed = map[kafka.TopicPartition]kafka.Offset{}
			}
			changed[tp] = o
		}
	}
	return changed
}

// committed notes what a commit did. A failed one is tried again with the next: nothing is lost by waiting.
func (s *sinkTask) committed(offsets map[kafka.TopicPartition]kafka.Offset, err error) {
	var gone *kafka.NotOwnedError
	switch {
	case err == nil || errors.As(err, &gone):
		for tp, o := range offsets {
			s.deliver.committed[tp] = o.Offset
		}
	case errors.Is(err, kafka.ErrRebalancing):
	default:
		s.t.o.Log.Warn("offset commit failed and is tried again later", "err", err)
	}
}

// goBack rewinds to the committed offsets. The fetching goroutine does it, between two polls; until its marker arrives,
// what comes over the ring is dropped.
func (s *sinkTask) goBack() {
	d := &s.deliver
	to := map[kafka.TopicPartition]int64{}
	for tp := range d.positions {
		o, ok := d.committed[tp]
		if !ok {
			o = d.first[tp]
		}
		to[tp] = o
		p := d.positions[tp]
		p.Offset = o
		d.positions[tp] = p
	}
	if len(to) == 0 || d.dropping {
		return
	}
	s.forget(func(item) bool { return true })
	d.dropping, d.dirty = true, false
	s.rewind <- to
}

// rebalance answers a callback of the consumer.
func (s *sinkTask) rebalance(ctx context.Context, c control) {
	defer close(c.reply)
	defer s.enter(s.clocks.rebalanced)()
	d := &s.deliver
	if c.kind == assigned {
		for _, tp := range c.r.Partitions {
			d.assigned[tp] = c.r.Assignment
			delete(d.positions, tp)
			if o := c.r.Offset(tp); o.Offset >= 0 {
				d.committed[tp] = o.Offset
			}
		}
		s.t.metrics.partitions.Store(int64(len(d.assigned)))
		s.t.o.Log.Info("partitions assigned", "partitions", len(c.r.Partitions), "held", len(d.assigned))
		if p, ok := s.sink.(connectors.PartitionAware); ok {
			s.fail(s.t.callAssigned(ctx, p, partitions(c.r.Partitions)))
		}
		return
	}
	going := map[kafka.TopicPartition]bool{}
	for _, tp := range c.r.Partitions {
		going[tp] = true
	}
	s.forget(func(it item) bool { return going[it.tp] })
	if c.kind == revoked {
		if err := s.flush(ctx); err != nil {
			s.fail(err)
		} else if changed := s.changed(func(tp kafka.TopicPartition) bool { return going[tp] }); len(changed) > 0 {
			limit, cancel := context.WithTimeout(ctx, s.t.millis("offset.flush.timeout.ms", 5*time.Second))
			s.committed(changed, c.r.Commit(limit, changed))
			cancel()
		}
	}
	if p, ok := s.sink.(connectors.PartitionAware); ok {
		s.fail(s.t.callRevoked(ctx, p, partitions(c.r.Partitions)))
	}
	for tp := range going {
		delete(d.assigned, tp)
		delete(d.positions, tp)
		delete(d.committed, tp)
		delete(d.first, tp)
	}
	s.t.metrics.partitions.Store(int64(len(d.assigned)))
	s.t.o.Log.Info("partitions revoked", "partitions", len(going), "held", len(d.assigned), "lost", c.kind == lost)
}

func (s *sinkTask) fail(err error) {
	if err != nil && s.deliver.err == nil {
		s.deliver.err = err
	}
}

func partitions(tps []kafka.TopicPartition) []connectors.TopicPartition {
	out := make([]connectors.TopicPartition, len(tps))
	for i, tp := range tps {
		out[i] = connectors.TopicPartition(tp)
	}
	return out
}
