// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
)

// Isolation (penstock.errors.put.isolate) finds the rows on which a put fails: it puts the first half of what is there,
// a quarter when that fails, and so on, until one row fails alone. That row is reported as Connect's reporter would do
// it, and the part grows again. What was put, and what was reported, is dropped from its batch, so that all state is in
// the batches themselves: a rebalance in between, or a retry, goes on with what is left.
//
// A sink whose put is all or nothing gets each row once. One that wrote a part before it failed gets that part again,
// unless it says how much it was: connectors.PartialError.

// isolate delivers the pending batches in parts after a put of all of them failed with err.
func (s *sinkTask) isolate(ctx context.Context, err error) error {
	for size := s.aliveRows(); ; {
		next, failed := s.settle(ctx, size, err)
		if failed != nil {
			return failed
		}
		if size = min(next, s.aliveRows()); size == 0 {
			return nil
		}
		if size, err = s.putPart(ctx, size); errors.Is(err, errStopping) {
			return nil
		}
	}
}

// settle draws the consequence of a put of the first size live rows that ended with err, and says how many to try next.
func (s *sinkTask) settle(ctx context.Context, size int, err error) (next int, failed error) {
	var partial *connectors.PartialError
	switch {
	case err == nil:
		s.dropFirst(size, func(*batch.Batch, int) {})
		s.t.metrics.sent.Add(int64(size))
		return 2 * size, nil
	case errors.As(err, &partial) && partial.Delivered >= 0 && partial.Delivered < size:
		s.dropFirst(partial.Delivered, func(*batch.Batch, int) {})
		s.t.metrics.sent.Add(int64(partial.Delivered))
		return max(size-partial.Delivered-1, 1), s.reportFirst(ctx, partial.Err)
	case size <= 1:
		return 2, s.reportFirst(ctx, err)
	}
	return size / 2, nil
}

// aliveRows is how many rows of the pending batches are still to be delivered.
func (s *sinkTask) aliveRows() int {
	n := 0
	for _, it := range s.deliver.pending {
		n += it.b.Alive()
	}
	return n
}

// dropFirst drops the first n live rows of the pending batches, telling seen of each before.
func (s *sinkTask) dropFirst(n int, seen func(b *batch.Batch, row int)) {
	for _, it := range s.deliver.pending {
		for row := 0; row < it.b.N && n > 0; row++ {
			if it.b.IsDead(row) {
				continue
			}
			seen(it.b, row)
			it.b.Drop(row)
			n--
		}
	}
}

// reportFirst reports the first live row as the one at fault. The error is that of a row that is not tolerated: what
// lies before it counts as delivered then.
func (s *sinkTask) reportFirst(ctx context.Context, cause error) error {
	var failed error
	s.dropFirst(1, func(b *batch.Batch, row int) {
		failed = s.judgePut(ctx, b, row, cause)
		if failed != nil {
			s.deliveredUpTo(b, row)
		}
	})
	return failed
}

// deliveredUpTo notes that everything pending before a row was delivered.
func (s *sinkTask) deliveredUpTo(b *batch.Batch, row int) {
	d := &s.deliver
	for _, it := range d.pending {
		o, next := it.b.Origin, it.b.Origin.Last+1
		if it.b == b {
			next = b.Offset[row]
		}
		if _, ok := d.first[it.tp]; !ok {
			d.first[it.tp] = o.First
		}
		d.positions[it.tp] = kafka.Offset{Offset: next, LeaderEpoch: -1, Assignment: it.assignment}
		if it.b == b {
			return
		}
	}
}

// putPart puts the first n live rows, or fewer when a rebalance takes some away, and says how many. Retriable failures are
// repeated as those of a whole put are; errStopping means that there is nothing to go on with.
func (s *sinkTask) putPart(ctx context.Context, n int) (int, error) {
	for attempt, wait := 0, putRetryMin; ; attempt, wait = attempt+1, min(2*wait, putRetryMax) {
		err := s.putRows(ctx, n)
		if err == nil {
			err = s.takeReported()
		}
		if err == nil || !s.repeats(err, attempt) {
			return n, err
		}
		s.t.metrics.retries.Add(1)
		s.t.o.Log.Warn("put failed and is retried", "err", err, "wait", wait, "rows", n)
		if !s.backoff(ctx, wait) {
			return n, errStopping
		}
		if n = min(n, s.aliveRows()); n == 0 {
			return n, errStopping
		}
	}
}

// repeats tells whether a put is tried again with the same rows.
func (s *sinkTask) repeats(err error, attempt int) bool {
	return batch.IsRetriable(err) && (s.stages.tol.retryMax < 0 || attempt < s.stages.tol.retryMax)
}

// putRows shows the sink the first n live rows alone.
func (s *sinkTask) putRows(ctx context.Context, n int) error {
	d := &s.deliver
	var limited []*batch.Batch
	d.batches = d.batches[:0]
	for _, it := range d.pending {
		if n == 0 {
			break
		}
		alive := it.b.Alive()
		if alive == 0 {
			continue
		}
		if alive > n {
			it.b.Limit(firstRows(it.b, n))
			limited = append(limited, it.b)
			alive = n
		}
		n -= alive
		d.batches = append(d.batches, it.b)
	}
	defer func() {
		for _, b := range limited {
			b.Unlimit()
		}
	}()
	started := time.Now()
	err := s.t.callPut(ctx, s.sink, d.batches)
	s.t.metrics.batch(0, time.Since(started))
	return err
}

// firstRows has a bit for each of the first n live rows.
func firstRows(b *batch.Batch, n int) batch.Bitmap {
	mask := batch.MakeBitmap(nil, b.N, false)
	for row := 0; row < b.N && n > 0; row++ {
		if !b.IsDead(row) {
			mask.Set(row)
			n--
		}
	}
	return mask
}

// judgePut applies errors.tolerance to a row that a put failed on, or that the sink reported.
func (s *sinkTask) judgePut(ctx context.Context, b *batch.Batch, row int, cause error) error {
	e := batch.RowError{Row: row, Stage: batch.TaskPut, Class: "org.apache.kafka.connect.sink.SinkTask", Err: cause}
	tol, m := &s.stages.tol, &s.t.metrics
	m.recordFailures.Add(1)
	m.lastError.Store(time.Now().UnixMilli())
	if err := tol.report(ctx, s.t, b, []batch.RowError{e}); err != nil {
		return err
	}
	if !tol.all {
		m.recordErrors.Add(1)
		return exceeded(s.t, b, &e)
	}
	return nil
}

// report is the sink's ErrantRecordReporter (KIP-610): the record goes where records go that fail before Put, and is there
// when report returns. With errors.tolerance=none the error comes back, and Put should return it; if it does not, the task
// fails after Put all the same, as it does when the dead letter queue refused the record.
func (s *sinkTask) report(ctx context.Context, b *batch.Batch, row int, cause error) error {
	err := s.judgePut(ctx, b, row, cause)
	if err != nil {
		s.reported.CompareAndSwap(nil, &err)
	}
	return err
}

// takeReported is the failure of a report that Put kept to itself.
func (s *sinkTask) takeReported() error {
	if err := s.reported.Swap(nil); err != nil {
		return *err
	}
	return nil
}

// putEnded decides what follows from a put that failed for good.
func (s *sinkTask) putEnded(ctx context.Context, err error) error {
	if reported := s.takeReported(); reported != nil {
		return reported
	}
	if !s.stages.tol.isolate {
		return s.putFailed(err)
	}
	s.t.o.Log.Warn("put failed; the records at fault are looked for", "err", err, "rows", s.aliveRows())
	if err := s.isolate(ctx, err); err != nil {
		return err
	}
	if s.aliveRows() > 0 { // the task is ending
		s.forget(func(item) bool { return true })
		return nil
	}
	s.delivered()
	return nil
}
