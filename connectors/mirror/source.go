// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
)

// rowReader is a kafka.Reader.
type rowReader interface {
	PollRows(ctx context.Context, dst *kafka.RowSet, maxRows, maxBytes int) error
	Close()
}

// openReader opens the reader of a task; start is the next offset of each partition, -1 for those without.
var openReader = func(ctx context.Context, cfg *kafka.ClientConfig, start map[kafka.TopicPartition]int64, c connectors.TaskContext) (rowReader, error) {
	return kafka.OpenReader(ctx, cfg, kafka.ReaderOptions{Start: start, Path: kafka.Path(c.KafkaPath), Log: c.Log})
}

// syncCloseTimeout is how long a task that ends waits for its last offset syncs.
const syncCloseTimeout = 5 * time.Second

// markBytes is the room in the slab for the source partition and offset of a batch.
const markBytes = 512

// Source copies topic-partitions (MirrorSourceTask). A batch is what one fetch decoded of one partition: keys, values and
// headers are views of the slab that the reader filled, so that a byte is copied once, from the socket's buffer.
//
// Source partition {"cluster":ALIAS,"partition":P,"topic":T}, offset {"offset":N} of the last record; reading goes on at N+1.
type Source struct {
	ctx    connectors.TaskContext
	reader rowReader
	syncs  *offsetSyncs // nil when emit.offset-syncs.enabled is false
	parts  map[kafka.TopicPartition]*mirrored
	last   *mirrored // of the batch before: batches of a partition come in a row
	rows   kafka.RowSet
	names  map[string]string // header keys, each once

	wait     time.Duration // consumer.poll.timeout.ms
	pollCtx  context.Context
	pollOf   context.Context
	deadline time.Time
	cancel   context.CancelFunc

	mu      sync.Mutex // guards flights: acknowledgements come from other goroutines
	flights map[*batch.Batch]*flight
}

// mirrored is one topic-partition.
type mirrored struct {
	sync   syncState
	remote string // topic on the target
	json   []byte // source partition
}

// flight is what is kept beside a batch until it is acknowledged. There are as many as batches in the pool.
type flight struct {
	part      *mirrored
	upstream  []int64 // offset per row
	partition []int32 // per row
	headers   []batch.Header
	rows      [][]batch.Header
}

// Open finds where each partition goes on and opens the reader.
func (s *Source) Open(ctx context.Context, c connectors.TaskContext) error {
	s.ctx, s.parts, s.flights, s.names = c, map[kafka.TopicPartition]*mirrored{}, map[*batch.Batch]*flight{}, map[string]string{}
	set, err := newSettings(sourceDef(), c.Config, true)
	if err != nil {
		return err
	}
	cfg, err := set.parseClient(kafka.RoleConsumer, sourceCluster, "consumer", "replication-consumer")
	if err != nil {
		return err
	}
	tps, err := parsePartitions(c.Config[partitionsKey])
	if err != nil {
		return err
	}
	start := make(map[kafka.TopicPartition]int64, len(tps))
	fresh := 0
	for _, tp := range tps {
		p := &mirrored{
			sync:   syncState{tp: tp, upstream: -1, downstream: -1, synced: -1},
			remote: set.policy.remote(set.source, tp.Topic), json: partitionJSON(set.source, tp),
		}
		s.parts[tp] = p
		stored, err := c.Offset(ctx, p.json)
		if err != nil {
			return fmt.Errorf("read the stored offset of %s: %w", tp, err)
		}
		at, err := offsetOf(stored)
		if err != nil {
			return fmt.Errorf("%s: %w", tp, err)
		}
		if start[tp] = at + 1; at < 0 {
			start[tp] = -1
			fresh++
		}
	}
	s.wait = max(time.Duration(set.v.Long("consumer.poll.timeout.ms"))*time.Millisecond, time.Millisecond)
	if set.v.Bool(emitSyncsKey) {
		if s.syncs, err = openOffsetSyncs(set, kafka.Path(c.KafkaPath), c.Log); err != nil {
			return err
		}
	}
	if s.reader, err = openReader(ctx, cfg, start, c); err != nil {
		return err
	}
	c.Log.Info("mirroring topic-partitions", "source", set.source, "target", set.target, "partitions", len(tps), "without_offset", fresh)
	return nil
}

// parsePartitions reads task.assigned.partitions: topic-partition,topic-partition.
func parsePartitions(text string) ([]kafka.TopicPartition, error) {
	var out []kafka.TopicPartition
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		dash := strings.LastIndexByte(item, '-')
		n, err := strconv.ParseInt(item[dash+1:], 10, 32)
		if dash < 0 || err != nil || n < 0 {
			return nil, fmt.Errorf("%s has %q, which is not topic-partition", partitionsKey, item)
		}
		out = append(out, kafka.TopicPartition{Topic: item[:dash], Partition: int32(n)})
	}
	return out, nil
}

// Poll implements connectors.Source. As in Java a read that fails is tried again for ever: the source cluster may be away.
func (s *Source) Poll(ctx context.Context, b *batch.Batch) error {
	key, value := b.NewColumn(batch.OptionalBytesSchema), b.NewColumn(batch.BytesSchema)
	r := &s.rows
	r.Buf, r.Timestamp = b.Slab.Buf(), b.Timestamp[:0]
	r.Key, r.Value = key.W[:0], value.W[:0]
	err := s.reader.PollRows(s.bounded(ctx), r, batch.MaxRows, batch.MaxBytes)
	b.Slab.SetBuf(r.Buf)
	b.Timestamp, key.W, value.W = r.Timestamp, r.Key, r.Value
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return batch.Retriable(err)
	}
	if r.N > 0 {
		s.fill(b, key, value)
	}
	return nil
}

// bounded is ctx for at most consumer.poll.timeout.ms and at least half of it; it is used for many polls.
func (s *Source) bounded(ctx context.Context) context.Context {
	if now := time.Now(); s.pollOf != ctx || s.deadline.Sub(now) < s.wait/2 || s.pollCtx.Err() != nil {
		if s.cancel != nil {
			s.cancel()
		}
		s.pollOf, s.deadline = ctx, now.Add(s.wait)
		s.pollCtx, s.cancel = context.WithDeadline(ctx, s.deadline)
	}
	return s.pollCtx
}

// fill completes a batch around the columns that the reader filled.
func (s *Source) fill(b *batch.Batch, key, value *batch.Vec) {
	r := &s.rows
	part := s.last
	if part == nil || part.sync.tp != r.TopicPartition {
		part = s.parts[r.TopicPartition]
		s.last = part
	}
	b.N, key.N, value.N = r.N, r.N, r.N
	nulls(key)
	nulls(value)
	b.Key.Set(batch.OptionalBytesSchema, key)
	b.Value.Set(batch.BytesSchema, value)
	b.Topics.Set(part.remote)
	f := s.flight(b)
	f.part = part
	f.partition = f.partition[:0]
	for i := range r.N {
		f.partition = append(f.partition, r.Partition)
		if b.Timestamp[i] < 0 {
			b.Timestamp[i] = batch.NoTimestamp
		}
	}
	b.Partition = f.partition
	f.upstream = append(f.upstream[:0], r.Offset...)
	if len(r.HeaderEnd) > 0 {
		s.headers(b, f)
	}
	b.Slab.Reserve(len(part.json) + markBytes)
	partition := b.Slab.Append(part.json)
	buf := b.Slab.Buf()
	from := len(buf)
	b.Slab.SetBuf(appendOffset(buf, r.Offset[r.N-1]))
	b.AddMark(partition, batch.MakeView(from, b.Slab.Len()-from))
}

// nulls turns null views of a column into nulls of it.
func nulls(v *batch.Vec) {
	for i, w := range v.W {
		if w == uint64(batch.NullView) {
			v.W[i] = 0
			v.SetNull(i)
		}
	}
}

// flight is the memory beside b.
func (s *Source) flight(b *batch.Batch) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flights[b]
	if f == nil {
		f = &flight{}
		s.flights[b] = f
	}
	return f
}

// headers makes the rows' headers: byte arrays, as ConnectHeaders.addBytes does.
func (s *Source) headers(b *batch.Batch, f *flight) {
	r := &s.rows
	f.headers, f.rows = f.headers[:0], f.rows[:0]
	for k := range r.HeaderKey {
		h := batch.Header{Key: s.name(r.Bytes(r.HeaderKey[k])), Schema: batch.OptionalBytesSchema, Raw: batch.NullView, Decoded: true}
		if value := r.Bytes(r.HeaderValue[k]); value != nil {
			h.Schema, h.Value = batch.BytesSchema, value
		}
		f.headers = append(f.headers, h)
	}
	from := uint32(0)
	for i := range r.N {
		end := from
		if i < len(r.HeaderEnd) {
			end = r.HeaderEnd[i]
		}
		f.rows = append(f.rows, f.headers[from:end:end])
		from = end
	}
	b.Headers.Rows, b.Headers.Decoded = f.rows, true
}

// maxNames bounds the header keys that are kept.
const maxNames = 1 << 10

// name is a header's key as a string, the same one each time.
func (s *Source) name(key []byte) string {
	if name, ok := s.names[string(key)]; ok {
		return name
	}
	if len(s.names) >= maxNames {
		clear(s.names)
	}
	name := string(key)
	s.names[name] = name
	return name
}

// Written takes note of where the rows of a batch went (MirrorSourceTask.commitRecord).
func (s *Source) Written(b *batch.Batch) {
	if s.syncs == nil {
		return
	}
	s.mu.Lock()
	f := s.flights[b]
	s.mu.Unlock()
	s.syncs.written(&f.part.sync, f.upstream, b.Out.Offset)
}

// Commit sends the offset syncs that waited for it.
func (s *Source) Commit(context.Context, map[string]string) error {
	if s.syncs != nil {
		s.syncs.commit()
	}
	return nil
}

// Close closes the reader and the producer of offset syncs.
func (s *Source) Close() error {
	if s.cancel != nil {
		s.cancel()
	}
	if s.reader != nil {
		s.reader.Close()
	}
	if s.syncs != nil {
		limit, cancel := context.WithTimeout(context.Background(), syncCloseTimeout)
		defer cancel()
		s.syncs.close(limit)
	}
	return nil
}
