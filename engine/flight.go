// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/kafka"
)

// inFlight is one batch of a source under way to the broker, and all that is needed until its acknowledgement. A task
// has about as many as batches; they are used again, functions included, so that a batch that is sent allocates nothing.
type inFlight struct {
	// Guarded by tracker.mu.
	tracker *tracker
	acked   bool
	waiting int // queues that it is still in
	queues  []*partitionQueue
	texts   []byte // offsets, one behind the other

	// Of who sends, then of the callback.
	s    *sourceTask
	b    *batch.Batch
	n    int   // live rows
	sent int64 // when, in nanos

	rows    kafka.Rows
	headers []kafka.Header // of all rows
	done    kafka.RowsDone
	topicOf func(row int) string
	skip    func(row int) bool
	headOf  func(row int) []kafka.Header
}

// maxIdleHeaders is how many headers an idle flight has room for.
const maxIdleHeaders = 1 << 14

// reset drops all references to the batch. tracker.mu is held.
func (f *inFlight) reset() {
	clear(f.queues)
	clear(f.headers)
	f.queues, f.texts, f.headers = f.queues[:0], f.texts[:0], f.headers[:0]
	if cap(f.texts) > maxIdleTexts {
		f.texts = nil
	}
	if cap(f.headers) > maxIdleHeaders {
		f.headers = nil
	}
	f.b, f.rows = nil, kafka.Rows{}
}

// bind makes the functions, once.
func (f *inFlight) bind(s *sourceTask) {
	if f.s != nil {
		return
	}
	f.s = s
	f.done = func(errs []kafka.RowError) { s.landed(f, errs) }
	f.topicOf = func(row int) string { return f.b.Topics.At(row) }
	f.skip = func(row int) bool { return f.b.IsDead(row) }
	f.headOf = f.headersOf
}

// fill shows the encoded batch to the producer, without copying.
func (f *inFlight) fill() *kafka.Rows {
	b, r := f.b, &f.rows
	*r = kafka.Rows{N: b.N, Buf: b.Out.Buf, Key: words(b.Out.Key), Value: words(b.Out.Value), Partition: b.Partition}
	if b.Out.KeyInSlab {
		r.KeyBuf = b.Slab.Buf()
	}
	if b.Out.ValueInSlab {
		r.ValueBuf = b.Slab.Buf()
	}
	if len(b.Timestamp) > 0 {
		r.Timestamp = b.Timestamp
	}
	if topic, ok := b.Topics.Const(); ok {
		r.Topic = topic
	} else {
		r.TopicOf = f.topicOf
	}
	if !b.AllAlive() {
		r.Skip = f.skip
	}
	if b.Headers.Any() {
		r.Headers = f.headOf
	}
	if f.s.where != nil {
		r.Offset = b.Out.Offsets(b.N)
	}
	return r
}

// headersOf is the encoded headers of a row, in memory of the flight.
func (f *inFlight) headersOf(row int) []kafka.Header {
	hs := f.b.Headers.Of(row)
	if len(hs) == 0 {
		return nil
	}
	from := len(f.headers)
	for i := range hs {
		f.headers = append(f.headers, kafka.Header{Key: hs[i].Key, Value: f.b.Slab.Bytes(hs[i].Raw)})
	}
	return f.headers[from:len(f.headers):len(f.headers)]
}

// words is a slice of views as the plain words that they are.
func words(v []batch.View) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}
