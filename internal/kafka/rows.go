// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"
)

// NullBytes is the packed view of a null key or value.
const NullBytes = math.MaxUint64

// PackBytes is the packed view of length bytes at offset of Rows.Buf.
func PackBytes(offset, length uint32) uint64 { return uint64(offset)<<32 | uint64(length) }

// NowMillis in Rows.Timestamp stamps the row when it is produced.
const NowMillis int64 = math.MinInt64

// Rows is a batch of encoded records. It and all it refers to stay untouched from ProduceRows until done is called.
type Rows struct {
	// N is the number of rows.
	N int
	// Buf holds every key and value, but for a side that has a buffer of its own.
	Buf []byte
	// KeyBuf and ValueBuf hold the keys or values when they are not in Buf; nil = they are.
	KeyBuf, ValueBuf []byte
	// Key and Value are packed views (PackBytes, NullBytes) of the buffer of their side, N each. Nil is all null.
	Key, Value []uint64
	// Topic of all rows, unless TopicOf is set.
	Topic string
	// TopicOf, when set, is the topic of row i.
	TopicOf func(i int) string
	// Partition per row, AnyPartition = choose; nil = choose for all.
	Partition []int32
	// Timestamp per row in milliseconds, NowMillis = now; nil = now for all.
	Timestamp []int64
	// Headers of row i; nil = none. The slice is the caller's and stays untouched like Buf.
	Headers func(i int) []Header
	// Skip leaves row i out; nil = none.
	Skip func(i int) bool
	// Offset, when not nil, is N long and all -1; it receives the offset of each row that was written, before done is
	// called. It stays -1 where the brokers do not tell: acks=0, or a batch that they found to have already.
	Offset []int64
}

// RowError is a row that was not written.
type RowError struct {
	Row int
	Err error
}

// RowsDone is called once per ProduceRows, from another goroutine, when every row was acknowledged or failed. errs is
// in no particular order, nil when all went well, and valid until it returns. It must not block and must not produce.
type RowsDone func(errs []RowError)

// rowBatch is one ProduceRows under way: a record per row, reused, and the count of those not finished.
type rowBatch struct {
	producer *Producer
	records  []kgo.Record
	promise  func(*kgo.Record, error) // made once per rowBatch, so that a row costs no closure
	left     atomic.Int64
	done     RowsDone
	offset   []int64 // of Rows

	mu   sync.Mutex
	errs []RowError
}

// maxIdleRecords caps what an idle rowBatch keeps.
const maxIdleRecords = 1 << 14

func (p *Producer) takeBatch(n int) *rowBatch {
	var b *rowBatch
	select {
	case b = <-p.batches:
	default:
		b = &rowBatch{producer: p}
		b.promise = b.finish
	}
	if cap(b.records) < n {
		b.records = make([]kgo.Record, n)
	}
	b.records = b.records[:n]
	return b
}

func (p *Producer) giveBatch(b *rowBatch) {
	clear(b.records) // drops the references into Buf
	clear(b.errs)
	b.errs, b.done, b.offset = b.errs[:0], nil, nil
	if cap(b.records) > maxIdleRecords {
		return
	}
	select {
	case p.batches <- b:
	default:
	}
}

// ProduceRows sends all rows of a batch, in order, and calls done once. It blocks while buffer.memory is full and
// while a topic is not known yet (up to max.block.ms). A non-nil error means that nothing was sent and done will not
// be called: ctx ended, or a topic does not exist (*UnknownTopicError). All other failures are row errors. When ctx
// ends midway, the rows not buffered yet fail with its error.
func (p *Producer) ProduceRows(ctx context.Context, rows *Rows, done RowsDone) error {
	if p.closed.Load() {
		return ErrClosed
	}
	if err := p.waitTopics(ctx, rows); err != nil {
		return err
	}
	if p.rows != nil {
		return p.rows.produce(ctx, rows, done)
	}
	b := p.takeBatch(rows.N)
	b.done, b.offset = done, rows.Offset
	b.left.Store(int64(rows.N) + 1) // one for this loop, so that done cannot come before its end
	now := time.Now()
	for i := range rows.N {
		if rows.Skip != nil && rows.Skip(i) {
			b.left.Add(-1)
			continue
		}
		r := &b.records[i]
		rows.fill(r, i, now)
		p.client.Produce(ctx, r, b.promise)
	}
	b.settle()
	return nil
}

// waitTopics looks each new topic up once.
func (p *Producer) waitTopics(ctx context.Context, rows *Rows) error {
	if rows.TopicOf == nil {
		return p.topics.wait(ctx, rows.Topic)
	}
	last := ""
	for i := range rows.N {
		if rows.Skip != nil && rows.Skip(i) {
			continue
		}
		if t := rows.TopicOf(i); t != last {
			if err := p.topics.wait(ctx, t); err != nil {
				return err
			}
			last = t
		}
	}
	return nil
}

// fill makes row i a record. The record is zero but for what a former batch was cleared of.
func (rows *Rows) fill(r *kgo.Record, i int, now time.Time) {
	r.Key, r.Value = viewBytes(rows.keys(), rows.Key, i), viewBytes(rows.values(), rows.Value, i)
	if r.Topic = rows.Topic; rows.TopicOf != nil {
		r.Topic = rows.TopicOf(i)
	}
	if r.Partition = AnyPartition; rows.Partition != nil {
		r.Partition = rows.Partition[i]
	}
	if r.Timestamp = now; rows.Timestamp != nil && rows.Timestamp[i] != NowMillis {
		r.Timestamp = time.UnixMilli(rows.Timestamp[i])
	}
	if rows.Headers != nil {
		r.Headers = rows.Headers(i)
	}
}

func (rows *Rows) keys() []byte {
	if rows.KeyBuf != nil {
		return rows.KeyBuf
	}
	return rows.Buf
}

func (rows *Rows) values() []byte {
	if rows.ValueBuf != nil {
		return rows.ValueBuf
	}
	return rows.Buf
}

// viewBytes resolves the packed view of row i. Null is nil; an empty one is not.
func viewBytes(buf []byte, views []uint64, i int) []byte {
	if views == nil || views[i] == NullBytes {
		return nil
	}
	off, n := views[i]>>32, views[i]&math.MaxUint32
	if n == 0 {
		return []byte{} // even of a nil buffer
	}
	return buf[off : off+n : off+n]
}

// finish is the promise of every row.
func (b *rowBatch) finish(r *kgo.Record, err error) {
	row := int((uintptr(unsafe.Pointer(r)) - uintptr(unsafe.Pointer(unsafe.SliceData(b.records)))) / unsafe.Sizeof(kgo.Record{}))
	switch {
	case err == nil && b.offset != nil:
		b.offset[row] = r.Offset
	case err != nil:
		b.mu.Lock()
		b.errs = append(b.errs, RowError{Row: row, Err: b.producer.explain(err)})
		b.mu.Unlock()
	}
	b.settle()
}

// settle counts one row, and the last one calls done and gives the batch back.
func (b *rowBatch) settle() {
	if b.left.Add(-1) > 0 {
		return
	}
	done := b.done
	if len(b.errs) > 0 {
		done(b.errs)
	} else {
		done(nil)
	}
	b.producer.giveBatch(b)
}
