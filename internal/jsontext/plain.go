// SPDX-License-Identifier: Apache-2.0

package jsontext

import (
	"encoding/binary"
	"math/bits"
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

// plainEnd is PlainEnd by words: eight bytes, of which any four that follow each other are tested together.
func plainEnd(b []byte, i int) int {
	for i+32 <= len(b) {
		p := b[i : i+32 : i+32]
		w0, w1 := binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[8:])
		w2, w3 := binary.LittleEndian.Uint64(p[16:]), binary.LittleEndian.Uint64(p[24:])
		if special(w0)|special(w1)|special(w2)|special(w3)|(w0|w1|w2|w3)&highs != 0 {
			break
		}
		i += 32
	}
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		if m := special(w) | w&highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] < 0x80 && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}
