// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"unsafe"

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

// rowReader polls rows into batches; it belongs to the fetching goroutine.
type rowReader struct {
	set  kafka.RowSet
	keys map[string]string // header keys seen, so that they are strings once
}

// maxHeaderKeys bounds rowReader.keys: a topic whose header keys are data would fill it.
const maxHeaderKeys = 1024

// poll lends the memory of an empty batch to the consumer, waits for rows and takes the memory back. b.N is 0 when
// there were none.
func (r *rowReader) poll(ctx context.Context, c *kafka.Consumer, b *batch.Batch) (assignment uint64, err error) {
	s := &r.set
	s.Buf, s.Key, s.Value, s.Offset, s.Timestamp = b.Slab.Buf(), packed(b.Raw.Key), packed(b.Raw.Value), b.Offset, b.Timestamp
	err = c.PollRows(ctx, s, batch.MaxRows, batch.MaxBytes)
	b.Slab.SetBuf(s.Buf)
	b.Raw.Key, b.Raw.Value, b.Offset, b.Timestamp = views(s.Key), views(s.Value), s.Offset, s.Timestamp
	s.Buf, s.Key, s.Value, s.Offset, s.Timestamp = nil, nil, nil, nil, nil
	if s.N == 0 {
		return 0, err
	}
	b.N = s.N
	b.Origin = batch.Origin{
		Topic: s.Topic, Partition: s.Partition, LeaderEpoch: s.LeaderEpoch, First: b.Offset[0], Last: b.Offset[s.N-1],
	}
	b.Topics.Set(s.Topic)
	b.TimestampType = batch.CreateTime
	if s.LogAppendTime {
		b.TimestampType = batch.LogAppendTime
	}
	if len(s.HeaderEnd) > 0 {
		r.headers(b)
	}
	return s.Assignment, err
}

// headers makes the headers of the rows, twice: transforms may change the ones in place, the others stay as fetched.
func (r *rowReader) headers(b *batch.Batch) {
	s := &r.set
	n := len(s.HeaderKey)
	all := make([]batch.Header, 2*n)
	b.Raw.Headers = make([][]batch.Header, s.N)
	from := 0
	for row, end := range s.HeaderEnd {
		to := int(end)
		if from == to {
			continue
		}
		for i := from; i < to; i++ {
			all[i] = batch.Header{Key: r.key(b.Slab.Bytes(batch.View(s.HeaderKey[i]))), Raw: batch.View(s.HeaderValue[i])}
			all[n+i] = all[i]
		}
		b.Raw.Headers[row] = all[from:to:to]
		b.Headers.Set(row, s.N, all[n+from:n+to:n+to])
		from = to
	}
}

func (r *rowReader) key(name []byte) string {
	if k, ok := r.keys[string(name)]; ok {
		return k
	}
	k := string(name)
	if r.keys == nil || len(r.keys) >= maxHeaderKeys {
		r.keys = map[string]string{}
	}
	r.keys[k] = k
	return k
}

// packed is a slice of views as the plain words that they are, with its capacity.
func packed(v []batch.View) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(v))), cap(v))[:len(v)]
}

// views is the reverse of packed.
func views(v []uint64) []batch.View {
	return unsafe.Slice((*batch.View)(unsafe.Pointer(unsafe.SliceData(v))), cap(v))[:len(v)]
}
