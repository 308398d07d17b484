// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"

	"github.com/penstock-io/penstock/internal/invariants"
)

// Limits of a batch: rows or slab bytes, whichever comes first. 2,048 rows: below 512 the per-batch cost shows, above
// 4,096 the columns leave the L2 cache.
const (
	MaxRows  = 2048
	MaxBytes = 1 << 20
)

// Pool is the fixed free list of a task: it is the backpressure and the bound of memory. Many may release, one takes.
type Pool struct{ free chan *Batch }

// NewPool makes a pool of n batches.
func NewPool(n int) *Pool {
	p := &Pool{free: make(chan *Batch, n)}
	for range n {
		b := New()
		b.pool = p
		p.free <- b
	}
	return p
}

// Take waits for a free batch, and returns it empty with one reference; or ctx's error.
func (p *Pool) Take(ctx context.Context) (*Batch, error) {
	select {
	case b := <-p.free:
		b.refs.Store(1)
		return b, nil
	default:
	}
	select {
	case b := <-p.free:
		b.refs.Store(1)
		return b, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Free is the number of batches in the free list; Cap of all of them.
func (p *Pool) Free() int { return len(p.free) }

// Cap is the number of batches that belong to the pool.
func (p *Pool) Cap() int { return cap(p.free) }

// Full reports that no more rows should be added.
func (b *Batch) Full() bool { return b.N >= MaxRows || b.Slab.Len() >= MaxBytes }

// Retain keeps the batch beyond the call it was lent to; each Retain wants one Release.
func (b *Batch) Retain() { b.refs.Add(1) }

// Release gives up one reference; the last one empties the batch and returns it to its pool.
func (b *Batch) Release() {
	n := b.refs.Add(-1)
	if n > 0 {
		return
	}
	if n < 0 {
		panic("BUG: batch released twice")
	}
	b.Reset()
	if b.pool != nil {
		b.pool.free <- b
	}
}

// Reset empties the batch, keeping memory, but drops a slab or arena that grew past four times the limit so that one
// giant record does not live forever.
func (b *Batch) Reset() {
	if invariants.Enabled {
		b.poison()
	}
	if cap(b.Slab.buf) > 4*MaxBytes {
		b.Slab.buf = nil
	}
	if cap(b.Out.Buf) > 8*MaxBytes {
		b.Out.Buf = nil
	}
	b.Slab.buf = b.Slab.buf[:0]
	b.N, b.Origin = 0, Origin{Partition: NoPartition}
	b.Raw.Key, b.Raw.Value, b.Raw.Headers = b.Raw.Key[:0], b.Raw.Value[:0], nil
	b.Key.reset()
	b.Value.reset()
	b.Headers.reset()
	b.Topics.reset()
	b.Partition = nil
	b.Timestamp, b.Offset = b.Timestamp[:0], b.Offset[:0]
	b.TimestampType = CreateTime
	b.Marks = b.Marks[:0]
	clear(b.Errs)
	b.Errs = b.Errs[:0]
	clear(b.Boxed)
	b.Boxed = b.Boxed[:0]
	b.Out.reset()
	b.deadRows, b.limit = 0, limitState{out: b.limit.out}
	b.used = 0
}

// poison overwrites what must not be read any more.
func (b *Batch) poison() {
	for i := range b.Slab.buf {
		b.Slab.buf[i] = 0xCC
	}
	for _, v := range b.vecs[:b.used] {
		for i := range v.W {
			v.W[i] = 0xCCCCCCCCCCCCCCCC
		}
	}
}
