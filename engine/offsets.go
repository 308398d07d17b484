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
// block each other.
type tracker struct {
	mu    sync.Mutex
	parts map[string]*partitionQueue
	ready map[string]string // partition -> offset to be stored, not handed out yet
}

// partitionQueue is the batches of one source partition that were sent, oldest first.
type partitionQueue struct {
	sent []sentOffset
}

type sentOffset struct {
	offset string
	by     *inFlight
}

// inFlight is one batch under way to the broker.
type inFlight struct {
	tracker    *tracker
	acked      bool
	partitions []string
}

func newTracker() *tracker {
	return &tracker{parts: map[string]*partitionQueue{}, ready: map[string]string{}}
}

// sending registers the marks of a batch, in the order of sending.
func (t *tracker) sending(b *batch.Batch) *inFlight {
	f := &inFlight{tracker: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range b.Marks {
		partition := b.Slab.Text(m.Partition)
		q := t.parts[partition]
		if q == nil {
			q = &partitionQueue{}
			t.parts[partition] = q
		}
		offset := b.Slab.Text(m.Offset)
		if n := len(q.sent); n > 0 && q.sent[n-1].by == f {
			q.sent[n-1].offset = offset // only the last one of a batch matters
			continue
		}
		q.sent = append(q.sent, sentOffset{offset, f})
		f.partitions = append(f.partitions, partition)
	}
	return f
}

// ack says that every record of the batch is safe, or was skipped by tolerance.
func (f *inFlight) ack() {
	t := f.tracker
	t.mu.Lock()
	defer t.mu.Unlock()
	f.acked = true
	for _, partition := range f.partitions {
		q := t.parts[partition]
		n := 0
		for n < len(q.sent) && q.sent[n].by.acked {
			n++
		}
		if n > 0 {
			t.ready[partition] = q.sent[n-1].offset
			q.sent = append(q.sent[:0], q.sent[n:]...)
		}
	}
}

// take returns what became safe since the last take; nil when nothing did.
func (t *tracker) take() map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ready) == 0 {
		return nil
	}
	out := t.ready
	t.ready = map[string]string{}
	return out
}

// giveBack returns what could not be stored, unless something newer became safe meanwhile.
func (t *tracker) giveBack(offsets map[string]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p, o := range offsets {
		if _, newer := t.ready[p]; !newer {
			t.ready[p] = o
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
