// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"fmt"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/kafka"
)

// canned answers every poll with the same rows.
type canned struct{ headers bool }

func (c canned) PollRows(_ context.Context, r *kafka.RowSet, _, _ int) error {
	start := len(r.Buf)
	r.Buf = append(r.Buf, "keyvaluehead"...)
	view := func(from, n int) uint64 { return kafka.PackBytes(uint32(start+from), uint32(n)) }
	r.TopicPartition = kafka.TopicPartition{Topic: "t", Partition: 3}
	r.Offset, r.HeaderEnd, r.HeaderKey, r.HeaderValue = r.Offset[:0], r.HeaderEnd[:0], r.HeaderKey[:0], r.HeaderValue[:0]
	r.N = 100
	for i := range r.N {
		r.Key, r.Value = append(r.Key, view(0, 3)), append(r.Value, view(3, 5))
		if i%10 == 9 {
			r.Key[i], r.Value[i] = kafka.NullBytes, kafka.NullBytes
		}
		r.Offset, r.Timestamp = append(r.Offset, int64(1000+2*i)), append(r.Timestamp, int64(i-1))
		if c.headers {
			r.HeaderKey, r.HeaderValue = append(r.HeaderKey, view(8, 4)), append(r.HeaderValue, view(3, 5))
			r.HeaderEnd = append(r.HeaderEnd, uint32(len(r.HeaderKey)))
		}
	}
	return nil
}

func (canned) Close() {}

func cannedSource(c canned) *Source {
	tp := kafka.TopicPartition{Topic: "t", Partition: 3}
	part := &mirrored{sync: *newSyncState(3), remote: "a.t", json: partitionJSON("a", tp)}
	return &Source{
		reader: c, parts: map[kafka.TopicPartition]*mirrored{tp: part}, flights: map[*batch.Batch]*flight{}, names: map[string]string{}, wait: 1 << 40,
	}
}

func TestABatchIsWhatWasFetched(t *testing.T) {
	s := cannedSource(canned{headers: true})
	b := batch.New()
	if err := s.Poll(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := b.Check(); err != nil {
		t.Fatal(err)
	}
	r := b.RecordAt(1)
	if b.N != 100 || r.Topic != "a.t" || r.Partition != 3 || r.Timestamp != 0 || fmt.Sprintf("%s %s", r.Key, r.Value) != "key value" {
		t.Errorf("row 1 of %d is %+v", b.N, r)
	}
	if r.KeySchema != batch.OptionalBytesSchema || r.ValueSchema != batch.BytesSchema {
		t.Errorf("schemas are %v and %v", r.KeySchema, r.ValueSchema)
	}
	if len(r.Headers) != 1 || r.Headers[0].Key != "head" || fmt.Sprintf("%s", r.Headers[0].Value) != "value" || r.Headers[0].Schema != batch.BytesSchema {
		t.Errorf("headers are %+v", r.Headers)
	}
	if r := b.RecordAt(9); r.Key != nil || r.Value != nil {
		t.Errorf("row 9 is %+v", r)
	}
	if b.RecordAt(0).Timestamp != batch.NoTimestamp {
		t.Error("row 0 has a timestamp")
	}
	m := b.Marks[0]
	if got := b.Slab.Text(m.Partition) + b.Slab.Text(m.Offset); len(b.Marks) != 1 || m.End != 100 || got != `{"cluster":"a","partition":3,"topic":"t"}{"offset":1198}` {
		t.Errorf("%d marks, the first %s to row %d", len(b.Marks), got, m.End)
	}
}

func TestPollAllocatesNothing(t *testing.T) {
	s := cannedSource(canned{})
	s.syncs = newOffsetSyncs("syncs", 1<<40, nil)
	ctx := t.Context()
	b := batch.New()
	offsets := int64(0)
	run := func() {
		b.Reset()
		if err := s.Poll(ctx, b); err != nil {
			t.Fatal(err)
		}
		for i, out := 0, b.Out.Offsets(b.N); i < b.N; i++ {
			out[i] = offsets
			offsets++
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}
