// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
)

// tracker finds out which source offsets are safe to store: batches are acknowledged in any order, an offset counts when
// everything before it in its source partition was (SubmittedRecords does the same per record). Partitions do not
// block each other. Texts are copied into memory that is used again; they become strings when offsets are stored.
type tracker struct {
	mu    sync.Mutex
	parts map[string]*partitionQueue
	ready []*partitionQueue // with an offset to be stored, not handed out yet
	idle  []*inFlight
}

// partitionQueue is the batches of one source partition that were sent, oldest first.
type partitionQueue struct {
	partition string
	sent      []sentOffset
	isReady   bool
	offset    []byte // when isReady
}

// sentOffset is the last offset of a partition in one batch: a range of the flight's texts.
type sentOffset struct {
	by       *inFlight
	from, to int
}

func newTracker() *tracker { return &tracker{parts: map[string]*partitionQueue{}} }

// sending registers the marks of a batch, in the order of sending.
func (t *tracker) sending(b *batch.Batch) *inFlight {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.takeFlight()
	f.b, f.acked = b, false
	for _, m := range b.Marks {
		partition := b.Slab.Bytes(m.Partition)
		q := t.parts[string(partition)]
		if q == nil {
			q = &partitionQueue{partition: string(partition)}
			t.parts[q.partition] = q
		}
		from := len(f.texts)
		f.texts = append(f.texts, b.Slab.Bytes(m.Offset)...)
		offset := sentOffset{f, from, len(f.texts)}
		if n := len(q.sent); n > 0 && q.sent[n-1].by == f {
			q.sent[n-1] = offset // only the last one of a batch matters
			continue
		}
		q.sent = append(q.sent, offset)
		f.queues = append(f.queues, q)
	}
	f.waiting = len(f.queues)
	return f
}

// ack says that every record of the batch is safe, or was skipped by tolerance. The flight is not the caller's any more.
func (f *inFlight) ack() {
	t := f.tracker
	t.mu.Lock()
	defer t.mu.Unlock()
	f.acked = true
	f.waiting++ // not to be used again before the end of this loop
	for _, q := range f.queues {
		n := 0
		for n < len(q.sent) && q.sent[n].by.acked {
			n++
		}
		if n == 0 {
			continue
		}
		last := q.sent[n-1]
		t.makeReady(q, last.by.texts[last.from:last.to])
		for _, o := range q.sent[:n] {
			t.left(o.by)
		}
		left := copy(q.sent, q.sent[n:])
		clear(q.sent[left:])
		q.sent = q.sent[:left]
	}
	t.left(f)
}

// makeReady notes an offset to be stored.
func (t *tracker) makeReady(q *partitionQueue, offset []byte) {
	q.offset = append(q.offset[:0], offset...)
	if !q.isReady {
		q.isReady = true
		t.ready = append(t.ready, q)
	}
}

// maxIdleFlights and maxIdleTexts bound what is kept for reuse.
const (
	maxIdleFlights = 64
	maxIdleTexts   = 64 << 10 // bytes of a flight
)

func (t *tracker) takeFlight() *inFlight {
	n := len(t.idle)
	if n == 0 {
		return &inFlight{tracker: t}
	}
	f := t.idle[n-1]
	t.idle = t.idle[:n-1]
	return f
}

// left counts one queue that a flight is not in any more; out of the last it is used again.
func (t *tracker) left(f *inFlight) {
	if f.waiting--; f.waiting > 0 || len(t.idle) >= maxIdleFlights {
		return
	}
	f.reset()
	t.idle = append(t.idle, f)
}

// take returns what became safe since the last take; nil when nothing did.
func (t *tracker) take() map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ready) == 0 {
		return nil
	}
	out := make(map[string]string, len(t.ready))
	for _, q := range t.ready {
		out[q.partition] = string(q.offset)
		q.isReady = false
	}
	clear(t.ready)
	t.ready = t.ready[:0]
	return out
}

// giveBack returns what could not be stored, unless something newer became safe meanwhile.
func (t *tracker) giveBack(offsets map[string]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p, o := range offsets {
		if q := t.parts[p]; !q.isReady {
			t.makeReady(q, []byte(o))
		}
	}
}

// commit stores what is safe (SourceTaskOffsetCommitter), and tells the source.
func (s *sourceTask) commit(ctx context.Context) error {
	offsets := s.tracker.take()
	if offsets == nil {
		return nil
	}
	list := make([]connectors.PartitionOffset, 0, len(offsets))
	for p, o := range offsets {
		list = append(list, connectors.PartitionOffset{Partition: json.RawMessage(p), Offset: json.RawMessage(o)})
	}
	started := time.Now()
	err := s.t.o.Offsets.Set(ctx, s.t.o.Connector, list)
	s.t.metrics.commit(err, time.Since(started))
	if err != nil {
		s.tracker.giveBack(offsets)
		return err
	}
	if c, ok := s.source.(connectors.Committer); ok {
		if err := c.Commit(ctx, offsets); err != nil {
			s.t.o.Log.Warn("the connector could not take note of committed offsets", "err", err)
		}
	}
	return nil
}
