// SPDX-License-Identifier: Apache-2.0

package batch

// Out is what the converters wrote for the rows: one arena of bytes and a view per row and payload.
// Buf must stay untouched until the producer has answered for the batch.
type Out struct {
	Buf        []byte
	Key, Value []View // per row; NullView: null. Dead rows hold NullView
}

// Side returns the views of a side, n long and all null, to be filled by a converter.
func (o *Out) Side(s Side, n int) []View {
	p := &o.Key
	if s == Value {
		p = &o.Value
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

// Bytes returns the bytes of a view into Buf.
func (o *Out) Bytes(v View) []byte {
	if v == NullView {
		return nil
	}
	off := v.Off()
	return o.Buf[off : off+v.Len() : off+v.Len()]
}

func (o *Out) reset() { o.Buf, o.Key, o.Value = o.Buf[:0], o.Key[:0], o.Value[:0] }
