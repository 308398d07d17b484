// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"encoding/binary"
	"math/big"
)

// A decimal cell is a view of the scale (int32, big endian) followed by the unscaled value as Java's
// BigInteger.toByteArray writes it: two's complement, big endian, shortest form, at least one byte.
// The scale is repeated per cell because Java lets a value disagree with its schema until it is encoded.

// AppendDecimal writes a decimal cell from an unscaled value in Java's byte form.
func (s *Slab) AppendDecimal(scale int32, unscaled []byte) View {
	off := len(s.buf)
	s.buf = binary.BigEndian.AppendUint32(s.buf, uint32(scale))
	s.buf = append(s.buf, unscaled...)
	return MakeView(off, 4+len(unscaled))
}

// Decimal reads a decimal cell apart: the scale, and the unscaled value in Java's byte form (borrowed).
func (s *Slab) Decimal(v View) (scale int32, unscaled []byte) {
	p := s.Bytes(v)
	return int32(binary.BigEndian.Uint32(p)), p[4:]
}

// BigIntBytes is java.math.BigInteger.toByteArray, appended to dst.
func BigIntBytes(dst []byte, n *big.Int) []byte {
	if n.Sign() >= 0 {
		mag := n.Bytes()
		if len(mag) == 0 || mag[0]&0x80 != 0 {
			dst = append(dst, 0)
		}
		return append(dst, mag...)
	}
	// Two's complement of -m is the inverted bits of m-1.
	m := new(big.Int).Not(n)
	mag := m.Bytes()
	if len(mag) == 0 || mag[0]&0x80 != 0 {
		dst = append(dst, 0xff)
	}
	for _, c := range mag {
		dst = append(dst, ^c)
	}
	return dst
}

// BigIntFromBytes is new BigInteger(byte[]); no bytes give 0 (Java throws; decoders check before).
func BigIntFromBytes(p []byte) *big.Int {
	n := new(big.Int).SetBytes(p)
	if len(p) > 0 && p[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(p))))
	}
	return n
}
