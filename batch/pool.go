// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"sync"

	"github.com/penstock-io/penstock/internal/invariants"
)

// Limits of a batch: rows or slab bytes, whichever comes first. 1,024 rows of 300 bytes and a dozen columns fit the L2
// cache together; with 2,048 a busy neighbour on the core cost a third more, below 512 the per-batch cost shows.
const (
	MaxRows  = 1024
	MaxBytes = 1 << 20
)

// Pool is the fixed free list of a task: it is the backpressure and the bound of memory. Many may release, one takes.
// The batch released last is taken first: its memory is still in the cache.
type Pool struct {
	mu   sync.Mutex
	free []*Batch
	size int
	// released, when set, sees each batch on its way to the free list
	released func(*Batch)
	wake     chan struct{} // holds one token after a release, for a taker that waits
}

// NewPool makes a pool of n batches.
func NewPool(n int) *Pool {
	p := &Pool{size: n, wake: make(chan struct{}, 1)}
	for range n {
		b := New()
		b.pool = p
		p.free = append(p.free, b)
	}
	return p
}

// Take waits for a free batch, and returns it empty with one reference; or ctx's error.
func (p *Pool) Take(ctx context.Context) (*Batch, error) {
	for {
		if b := p.pop(); b != nil {
			b.refs.Store(1)
			return b, nil
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (p *Pool) pop() *Batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return nil
	}
	b := p.free[n-1]
	p.free = p.free[:n-1]
	return b
}

func (p *Pool) push(b *Batch) {
	p.mu.Lock()
	p.free = append(p.free, b)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Free is the number of batches in the free list.
func (p *Pool) Free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free)
}

// Cap is the number of batches that belong to the pool.
func (p *Pool) Cap() int { return p.size }

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
		if b.pool.released != nil {
			b.pool.released(b)
		}
		b.pool.push(b)
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
