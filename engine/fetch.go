// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"slices"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/kafka"
)

// item is what goes over a sink task's ring: a batch, or a marker.
type item struct {
	b          *batch.Batch
	tp         kafka.TopicPartition
	assignment uint64 // under which the records were fetched
	kind       itemKind
	err        error // failed: what ended the fetching side
}

type itemKind uint8

const (
	rows    itemKind = iota
	paused           // everything fetched before the pause is in front of this
	resumed          //
	rewound          // everything fetched before a rewind is in front of this
	failed           //
)

// fillAll copies the records of a fetch into batches, one partition each, runs the stages and hands them on.
func (s *sinkTask) fillAll(ctx context.Context, f *kafka.Fetch) error {
	for _, p := range f.Partitions() {
		recs := p.Records
		for len(recs) > 0 {
			b, err := s.t.pool.Take(ctx)
			if err != nil {
				return err
			}
			n := fill(b, p.TopicPartition, recs)
			recs = recs[n:]
			s.t.metrics.read.Add(int64(n))
			s.t.metrics.active.Add(int64(n))
			if err := s.stages.sink(ctx, b); err != nil {
				b.Release()
				return err
			}
			s.ring.Push(item{b: b, tp: p.TopicPartition, assignment: p.Assignment})
		}
	}
	return nil
}

// fill copies records of one partition into an empty batch until it is full. It returns how many; at least one.
func fill(b *batch.Batch, tp kafka.TopicPartition, recs []*kafka.Record) int {
	n, size := measure(recs)
	recs = recs[:n]
	b.Slab.Reserve(size)
	b.N = n
	b.Origin = batch.Origin{
		Topic: tp.Topic, Partition: tp.Partition,
		LeaderEpoch: recs[0].LeaderEpoch, First: recs[0].Offset, Last: recs[n-1].Offset,
	}
	b.Topics.Set(tp.Topic)
	b.TimestampType = batch.TimestampType(recs[0].Attrs.TimestampType())
	for i, r := range recs {
		b.Raw.Key = append(b.Raw.Key, copyIn(b, r.Key))
		b.Raw.Value = append(b.Raw.Value, copyIn(b, r.Value))
		b.Offset = append(b.Offset, r.Offset)
		b.Timestamp = append(b.Timestamp, r.Timestamp.UnixMilli())
		if len(r.Headers) > 0 {
			copyHeaders(b, i, r)
		}
	}
	return n
}

// measure finds how many records fit a batch, and the bytes they need.
func measure(recs []*kafka.Record) (n, size int) {
	for _, r := range recs {
		more := len(r.Key) + len(r.Value)
		for _, h := range r.Headers {
			more += len(h.Value)
		}
		if n > 0 && (n == batch.MaxRows || size+more > batch.MaxBytes) {
			break
		}
		n++
		size += more
	}
	return n, size
}

func copyIn(b *batch.Batch, p []byte) batch.View {
	if p == nil {
		return batch.NullView
	}
	return b.Slab.Append(p)
}

func copyHeaders(b *batch.Batch, row int, r *kafka.Record) {
	hs := make([]batch.Header, len(r.Headers))
	for i, h := range r.Headers {
		hs[i] = batch.Header{Key: h.Key, Raw: copyIn(b, h.Value)}
	}
	if b.Raw.Headers == nil {
		b.Raw.Headers = make([][]batch.Header, b.N)
	}
	b.Raw.Headers[row] = slices.Clone(hs) // transforms may change the others in place
	b.Headers.Set(row, b.N, hs)
}
