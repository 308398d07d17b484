// SPDX-License-Identifier: Apache-2.0

package batch

// Bytes is how much memory the batch holds on to, in use or kept for reuse: slab, arena and columns. Headers and boxed
// values, which are rare, are left out.
func (b *Batch) Bytes() int {
	const word, view = 8, 8
	n := cap(b.Slab.buf) + cap(b.Out.Buf) + view*(cap(b.Out.Key)+cap(b.Out.Value)+cap(b.Raw.Key)+cap(b.Raw.Value)) +
		word*(cap(b.Timestamp)+cap(b.Offset)) + 4*cap(b.Partition)
	for _, v := range b.vecs {
		n += word*(cap(v.W)+max(cap(v.Valid), cap(v.spareValid))) + max(cap(v.Tags), cap(v.spareTags)) + 4*cap(v.Offs) + 16*cap(v.Names)
	}
	return n
}

// Account notes that somebody's books hold n bytes for the batch, and returns by how much that differs from before.
func (b *Batch) Account(n int) (delta int) {
	delta = n - b.accounted
	b.accounted = n
	return delta
}

// Shrink gives back the memory of an empty batch.
func (b *Batch) Shrink() {
	b.Slab.buf, b.Out, b.Raw = nil, Out{}, Raw{}
	b.Key, b.Value, b.Headers, b.Topics = Payload{}, Payload{}, Headers{}, TopicCol{}
	b.Timestamp, b.Offset, b.Partition = nil, nil, nil
	b.Marks, b.Errs, b.Boxed = nil, nil, nil
	b.dead, b.deadRows, b.limit = nil, 0, limitState{}
	b.vecs, b.used = nil, 0
}

// OnRelease sets what is called with each batch, empty again, before it enters the free list. To be set before the
// first Take.
func (p *Pool) OnRelease(f func(*Batch)) { p.released = f }

// Trim shrinks the batches of the free list, and calls each with those that held memory.
func (p *Pool) Trim(each func(*Batch)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.free {
		if b.Bytes() > 0 {
			b.Shrink()
			each(b)
		}
	}
}
