// SPDX-License-Identifier: Apache-2.0

package jsontext

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// PlainEnd returns the index of the first byte at or after i that ends a plain run of a string: a quote, a backslash, a
// control, or a byte beyond ASCII; len(b) if there is none. It is meant for long strings: with the build tag
// penstock_simd it looks at 32 bytes at a time where the processor can.
func PlainEnd(b []byte, i int) int {
	if len(b)-i >= wideBlock && wide {
		i += plainBlocks(&b[i], len(b)-i)
	}
	return plainEnd(b, i)
}

// wideBlock is how many bytes plainBlocks takes at once.
const wideBlock = 32

// plainEnd is PlainEnd by words of eight bytes, four of which are tested together.
func plainEnd(b []byte, i int) int {
	for ; i+32 <= len(b); i += 32 {
		p := (*[4]uint64)(unsafe.Pointer(&b[i]))
		if (notPlain(p[0])|notPlain(p[1])|notPlain(p[2])|notPlain(p[3]))&highs != 0 {
			break
		}
	}
	for ; i+8 <= len(b); i += 8 {
		if m := notPlain(binary.LittleEndian.Uint64(b[i:])) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] < 0x80 && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// notPlain marks, by the high bit, the bytes of w that end a plain run; the lowest mark is exact. With the bit that a quote
// and a blank differ in turned over, what is below 0x21 is a control or a quote.
func notPlain(w uint64) uint64 {
	return ((w ^ 2*ones) - 0x21*ones) | ((w ^ slants) - ones) | w
}
