// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordRows is the client path of PollRows: franz-go fetches records, which are copied into rows. It is the reference
// that the batch path is compared with, and the way out where that cannot go.
type recordRows struct {
	client *kgo.Client
	gate   *sync.RWMutex // see Consumer
	group  bool          // the group says what is fetched, and rebalances wait for AllowRebalance

	mu      sync.Mutex
	held    map[TopicPartition]uint64 // assignments
	ahead   []recordPart              // polled and not handed out
	err     error                     // came with ahead
	woken   bool
	cancel  context.CancelFunc // of the poll under way
	stopped bool
}

// recordPart are records of one partition.
type recordPart struct {
	TopicPartition
	records    []*kgo.Record
	end        int64
	assignment uint64
}

// pollRows implements rowSource.
func (r *recordRows) pollRows(ctx context.Context, dst *RowSet, maxRows, maxBytes int) error {
	start := len(dst.Buf)
	dst.clear(start)
	for {
		r.gate.RLock()
		r.mu.Lock()
		woken, stopped, err := r.woken, r.stopped, error(nil)
		if r.woken = false; !woken && !stopped {
			if r.take(dst, max(maxRows, 1), maxBytes); dst.N == 0 {
				err, r.err = r.err, nil
			}
		}
		r.mu.Unlock()
		r.gate.RUnlock()
		switch {
		case stopped:
			return ErrClosed
		case woken || dst.N > 0 || err != nil || ctx.Err() != nil:
			return err
		}
		r.poll(ctx)
	}
}

// poll waits for records.
func (r *recordRows) poll(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mu.Lock()
	r.cancel = cancel
	woken := r.woken
	r.mu.Unlock()
	if woken {
		return
	}
	fetches := r.client.PollRecords(ctx, 0)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancel = nil
	// No callback runs until AllowRebalance, so what is held now is what the records belong to.
	var errs []error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		tp := TopicPartition{p.Topic, p.Partition}
		if p.Err != nil {
			errs = appendFetchError(ctx, errs, tp, p.Err)
		}
		if a := r.held[tp]; a != 0 && len(p.Records) > 0 {
			r.ahead = append(r.ahead, recordPart{tp, p.Records, p.HighWatermark, a})
			return
		}
		recycle(p.Records)
	})
	r.err = errors.Join(errs...)
	if r.group {
		r.client.AllowRebalance()
	}
}

// take moves records of the first partition into dst.
func (r *recordRows) take(dst *RowSet, maxRows, maxBytes int) {
	for len(r.ahead) > 0 {
		p := &r.ahead[0]
		if r.held[p.TopicPartition] != p.assignment {
			recycle(p.records)
			r.ahead = r.ahead[1:]
			continue
		}
		first := p.records[0]
		dst.TopicPartition, dst.Assignment, dst.HighWatermark = p.TopicPartition, p.assignment, p.end
		dst.LeaderEpoch, dst.LogAppendTime = first.LeaderEpoch, first.Attrs.TimestampType() == 1
		for len(p.records) > 0 && dst.N < maxRows {
			rec := p.records[0]
			if rec.LeaderEpoch != dst.LeaderEpoch || (rec.Attrs.TimestampType() == 1) != dst.LogAppendTime ||
				dst.N > 0 && len(dst.Buf)+recordBytes(rec) > maxBytes {
				return
			}
			dst.addRecord(rec)
			rec.Recycle()
			p.records = p.records[1:]
		}
		if len(p.records) == 0 {
			r.ahead = r.ahead[1:]
		}
		return
	}
}

func recordBytes(rec *kgo.Record) int {
	n := len(rec.Key) + len(rec.Value)
	for _, h := range rec.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// addRecord copies a record to the end of the set.
func (s *RowSet) addRecord(rec *kgo.Record) {
	s.Key, s.Value = append(s.Key, s.copyIn(rec.Key)), append(s.Value, s.copyIn(rec.Value))
	s.Offset, s.Timestamp = append(s.Offset, rec.Offset), append(s.Timestamp, rec.Timestamp.UnixMilli())
	for _, h := range rec.Headers {
		s.append([]byte(h.Key))
		s.HeaderKey = append(s.HeaderKey, PackBytes(uint32(len(s.Buf)-len(h.Key)), uint32(len(h.Key))))
		s.HeaderValue = append(s.HeaderValue, s.copyIn(h.Value))
	}
	if len(s.HeaderKey) > 0 {
		s.rowHeaders(s.N)
	}
	s.N++
}

func (s *RowSet) copyIn(p []byte) uint64 {
	if p == nil {
		return NullBytes
	}
	s.append(p)
	return PackBytes(uint32(len(s.Buf)-len(p)), uint32(len(p)))
}

func recycle(records []*kgo.Record) {
	for _, r := range records {
		r.Recycle()
	}
}

// wake implements rowSource.
func (r *recordRows) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.woken = true; r.cancel != nil {
		r.cancel()
	}
}

// add implements rowSource.
func (r *recordRows) add(assignment uint64, starts map[TopicPartition]Offset) {
	from := map[string]map[int32]kgo.Offset{}
	r.mu.Lock()
	if r.held == nil {
		r.held = map[TopicPartition]uint64{}
	}
	for tp, o := range starts {
		r.held[tp] = assignment
		if from[tp.Topic] == nil {
			from[tp.Topic] = map[int32]kgo.Offset{}
		}
		at, _ := r.client.OptValue(kgo.ConsumeStartOffset).(kgo.Offset)
		if o.Offset >= 0 {
			at = kgo.NewOffset().At(o.Offset)
		}
		from[tp.Topic][tp.Partition] = at
	}
	r.mu.Unlock()
	if !r.group {
		r.client.AddConsumePartitions(from)
	}
}

// remove implements rowSource.
func (r *recordRows) remove(tps []TopicPartition) {
	r.mu.Lock()
	r.drop(tps)
	for _, tp := range tps {
		delete(r.held, tp)
	}
	r.mu.Unlock()
	if !r.group {
		r.client.RemoveConsumePartitions(byTopic(tps))
	}
	// A pause belongs to the assignment: Java forgets it with the partition, kgo does not.
	r.client.ResumeFetchPartitions(byTopic(tps))
}

// drop forgets what was polled ahead, and returns where that began.
func (r *recordRows) drop(tps []TopicPartition) map[TopicPartition]int64 {
	dropped := map[TopicPartition]int64{}
	for _, tp := range tps {
		kept := r.ahead[:0:0]
		for _, p := range r.ahead {
			if p.TopicPartition != tp {
				kept = append(kept, p)
				continue
			}
			if _, ok := dropped[tp]; !ok {
				dropped[tp] = p.records[0].Offset
			}
			recycle(p.records)
		}
		r.ahead = kept
	}
	return dropped
}

// seek implements rowSource.
func (r *recordRows) seek(offsets map[TopicPartition]int64) {
	set := map[string]map[int32]kgo.EpochOffset{}
	r.mu.Lock()
	for tp, o := range offsets {
		r.drop([]TopicPartition{tp})
		if set[tp.Topic] == nil {
			set[tp.Topic] = map[int32]kgo.EpochOffset{}
		}
		set[tp.Topic][tp.Partition] = kgo.EpochOffset{Offset: o, Epoch: -1}
	}
	r.mu.Unlock()
	if len(set) > 0 {
		r.client.SetOffsets(set)
	}
}

// pause implements rowSource.
func (r *recordRows) pause(tps []TopicPartition, on bool) {
	if !on {
		r.client.ResumeFetchPartitions(byTopic(tps))
		return
	}
	r.client.PauseFetchPartitions(byTopic(tps))
	r.mu.Lock()
	back := r.drop(tps)
	r.mu.Unlock()
	r.seek(back)
}

// pausedNow implements rowSource.
func (r *recordRows) pausedNow() []TopicPartition {
	var out []TopicPartition
	for topic, ps := range r.client.PauseFetchPartitions(nil) {
		for _, p := range ps {
			out = append(out, TopicPartition{topic, p})
		}
	}
	return sorted(out)
}

// close implements rowSource.
func (r *recordRows) close() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.wake()
}
