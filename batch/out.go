// SPDX-License-Identifier: Apache-2.0

package batch

// Out is what the converters wrote for the rows: one arena of bytes and a view per row and payload.
// Buf, and the slab, must stay untouched until the producer has answered for the batch.
type Out struct {
	Buf        []byte
	Key, Value []View // per row; NullView: null. Dead rows hold NullView
	// KeyInSlab and ValueInSlab say that the views of a side are ranges of the batch's slab, not of Buf: the converter
	// found its bytes there already. Read either kind with Batch.Encoded.
	KeyInSlab, ValueInSlab bool
	// Offset is where the producer put each row: its offset in the topic-partition it went to, -1 when it was not written.
	// Empty for sources that do not ask.
	Offset []int64
}

// Side returns the views of a side, n long and all null, to be filled by a converter. They are ranges of Buf until
// SideInSlab says otherwise.
func (o *Out) Side(s Side, n int) []View {
	p := &o.Key
	if s == Value {
		p = &o.Value
		o.ValueInSlab = false
	} else {
		o.KeyInSlab = false
	}
	if cap(*p) < n {
		*p = make([]View, n, n+n/2)
	}
	*p = (*p)[:n]
	for i := range *p {
		(*p)[i] = NullView
	}
	return *p
}

// SideInSlab marks the views of a side as ranges of the slab.
func (o *Out) SideInSlab(s Side) {
	if s == Value {
		o.ValueInSlab = true
	} else {
		o.KeyInSlab = true
	}
}

// Encoded returns what a converter wrote for a side of a row: nil for null and for nothing else, borrowed until the batch
// is released.
func (b *Batch) Encoded(s Side, row int) []byte {
	v, inSlab := b.Out.Key, b.Out.KeyInSlab
	if s == Value {
		v, inSlab = b.Out.Value, b.Out.ValueInSlab
	}
	switch {
	case v[row].IsNull():
		return nil
	case v[row].Len() == 0:
		return []byte{}
	case inSlab:
		return b.Slab.Bytes(v[row])
	}
	return b.Out.Bytes(v[row])
}

// Bytes returns the bytes of a view into Buf.
func (o *Out) Bytes(v View) []byte {
	if v == NullView {
		return nil
	}
	off := v.Off()
	return o.Buf[off : off+v.Len() : off+v.Len()]
}

// Offsets makes Offset n long and all -1, to be filled by the producer.
func (o *Out) Offsets(n int) []int64 {
	if cap(o.Offset) < n {
		o.Offset = make([]int64, n, n+n/2)
	}
	o.Offset = o.Offset[:n]
	for i := range o.Offset {
		o.Offset[i] = -1
	}
	return o.Offset
}

func (o *Out) reset() {
	*o = Out{Buf: o.Buf[:0], Key: o.Key[:0], Value: o.Value[:0], Offset: o.Offset[:0]}
}
