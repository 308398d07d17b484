// SPDX-License-Identifier: Apache-2.0

// Package ring is a bounded queue between one producer and one consumer goroutine, without locks on the way.
//
// It never spins: a consumer that finds it empty parks on a channel, which it may select on together with others. There
// is no waiting for room: the number of things in flight is bounded elsewhere (the free list of batches), so a push
// into a full ring is a bug.
package ring

import "sync/atomic"

// cacheLine keeps the two indexes from sharing a line, and thus from slowing each other.
const cacheLine = 64

// SPSC is the ring. One goroutine may Push and Close, one may Pop, Park and use Wake.
type SPSC[T any] struct {
	slots []T
	mask  uint64
	_     [cacheLine]byte
	head  atomic.Uint64 // next slot to pop
	_     [cacheLine]byte
	tail  atomic.Uint64 // next slot to push
	_     [cacheLine]byte

	parked atomic.Bool
	closed atomic.Bool
	wake   chan struct{}
}

// New makes a ring for at least n things.
func New[T any](n int) *SPSC[T] {
	size := 1
	for size < n {
		size <<= 1
	}
	return &SPSC[T]{slots: make([]T, size), mask: uint64(size - 1), wake: make(chan struct{}, 1)}
}

// Push hands x over. It panics when the ring is full.
func (r *SPSC[T]) Push(x T) {
	tail := r.tail.Load()
	if tail-r.head.Load() > r.mask {
		panic("BUG: ring is full")
	}
	r.slots[tail&r.mask] = x
	r.tail.Store(tail + 1)
	r.unpark()
}

// Close says that nothing more will be pushed. What is in the ring can still be popped.
func (r *SPSC[T]) Close() {
	r.closed.Store(true)
	r.unpark()
}

func (r *SPSC[T]) unpark() {
	if r.parked.Load() && r.parked.CompareAndSwap(true, false) {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// Pop takes the oldest thing; ok is false when the ring is empty now.
func (r *SPSC[T]) Pop() (x T, ok bool) {
	head := r.head.Load()
	if head == r.tail.Load() {
		return x, false
	}
	var zero T
	x, r.slots[head&r.mask] = r.slots[head&r.mask], zero
	r.head.Store(head + 1)
	return x, true
}

// Len is the number of things in the ring, exact only for its two goroutines.
func (r *SPSC[T]) Len() int { return int(r.tail.Load() - r.head.Load()) }

// Drained reports that the ring is closed and empty.
func (r *SPSC[T]) Drained() bool { return r.closed.Load() && r.head.Load() == r.tail.Load() }

// Park announces that the consumer is about to wait on Wake. It returns false when there is something to do already.
func (r *SPSC[T]) Park() bool {
	r.parked.Store(true)
	if r.Len() > 0 || r.closed.Load() {
		r.parked.Store(false)
		return false
	}
	return true
}

// Wake receives after Park, when something was pushed or the ring was closed. A stale wake-up is possible.
func (r *SPSC[T]) Wake() <-chan struct{} { return r.wake }
