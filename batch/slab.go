// SPDX-License-Identifier: Apache-2.0

package batch

// View is a range of the slab: offset in the upper, length in the lower 32 bits, in bytes.
// It is also how a string, bytes, decimal or JSON cell is stored in Vec.W.
type View uint64

// NullView stands for "no bytes at all" (a null key or value), which differs from an empty range.
const NullView = ^View(0)

// MakeView packs an offset and a length in bytes.
func MakeView(off, n int) View { return View(uint64(off)<<32 | uint64(uint32(n))) }

// Off is the offset of the first byte.
func (v View) Off() int { return int(v >> 32) }

// Len is the number of bytes; 0 for NullView.
func (v View) Len() int {
	if v == NullView {
		return 0
	}
	return int(uint32(v))
}

// IsNull tells a null from an empty range.
func (v View) IsNull() bool { return v == NullView }

// Slab is the append-only byte store of a batch. Views are offsets into it, so it may move when it grows.
// A slice got from Bytes stays readable after growth (the old memory is not reused before Reset) but must not be written.
type Slab struct{ buf []byte }

// Bytes returns the bytes of v: borrowed, valid until the batch is released; nil for NullView.
func (s *Slab) Bytes(v View) []byte {
	if v == NullView {
		return nil
	}
	o := v.Off()
	return s.buf[o : o+int(uint32(v)) : o+int(uint32(v))]
}

// Text returns a copy of the bytes of v as a string.
func (s *Slab) Text(v View) string { return string(s.Bytes(v)) }

// Append copies p to the end.
func (s *Slab) Append(p []byte) View {
	off := len(s.buf)
	s.buf = append(s.buf, p...)
	return MakeView(off, len(p))
}

// AppendText copies t to the end.
func (s *Slab) AppendText(t string) View {
	off := len(s.buf)
	s.buf = append(s.buf, t...)
	return MakeView(off, len(t))
}

// Buf returns the whole store, to be appended to and given back with SetBuf. Nothing else may append meanwhile.
//
//	buf := s.Buf(); start := len(buf)
//	buf = strconv.AppendInt(buf, n, 10)
//	s.SetBuf(buf); view := MakeView(start, len(buf)-start)
func (s *Slab) Buf() []byte { return s.buf }

// SetBuf gives back what Buf returned, grown at its end.
func (s *Slab) SetBuf(buf []byte) { s.buf = buf }

// Len is the number of bytes in use.
func (s *Slab) Len() int { return len(s.buf) }

// Reserve makes room for n more bytes plus the slack that wide loads may touch.
func (s *Slab) Reserve(n int) {
	if cap(s.buf)-len(s.buf) >= n+slabSlack {
		return
	}
	grown := make([]byte, len(s.buf), len(s.buf)+n+slabSlack)
	copy(grown, s.buf)
	s.buf = grown
}

// slabSlack bytes stay allocated past the last byte so that 64-byte loads never leave the allocation.
const slabSlack = 64
