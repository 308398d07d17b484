// SPDX-License-Identifier: Apache-2.0

package batch

import "math/bits"

// Bitmap holds one bit per row, least significant bit first, as in Arrow. As validity: 1 = valid, nil = all valid.
type Bitmap []uint64

// Words is the number of 64-bit words for n rows.
func Words(n int) int { return (n + 63) >> 6 }

// Get reports bit i. It must exist.
func (m Bitmap) Get(i int) bool { return m[i>>6]>>(uint(i)&63)&1 != 0 }

// Set sets bit i. It must exist.
func (m Bitmap) Set(i int) { m[i>>6] |= 1 << (uint(i) & 63) }

// Clear clears bit i. It must exist.
func (m Bitmap) Clear(i int) { m[i>>6] &^= 1 << (uint(i) & 63) }

// Put sets bit i to v.
func (m Bitmap) Put(i int, v bool) {
	if v {
		m.Set(i)
	} else {
		m.Clear(i)
	}
}

// Count is the number of ones among the first n bits.
func (m Bitmap) Count(n int) int {
	c := 0
	full := n >> 6
	for _, w := range m[:full] {
		c += bits.OnesCount64(w)
	}
	if r := uint(n) & 63; r != 0 {
		c += bits.OnesCount64(m[full] & (1<<r - 1))
	}
	return c
}

// MakeBitmap returns a bitmap of n bits, all set to ones or zeroes, reusing m's memory.
func MakeBitmap(m Bitmap, n int, ones bool) Bitmap {
	w := Words(n)
	if cap(m) < w {
		m = make(Bitmap, w, w+w/2)
	}
	m = m[:w]
	fill := uint64(0)
	if ones {
		fill = ^uint64(0)
	}
	for i := range m {
		m[i] = fill
	}
	return m
}

// grow extends m to hold n bits; new words are zero.
func (m Bitmap) grow(n int) Bitmap {
	for len(m) < Words(n) {
		m = append(m, 0)
	}
	return m
}
