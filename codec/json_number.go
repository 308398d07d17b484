// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math/bits"
	"unsafe"
)

// digitsAt reads the digits at i, eight at a time, 18 at the most: their number as an integer, and their count, which is
// above 18 when there are more.
func digitsAt(base unsafe.Pointer, i int) (n uint64, count int) {
	x := wordAt(base, i) ^ everyZero
	if m := ((x + toHigh) | x) & everyHigh; m != 0 {
		count = bits.TrailingZeros64(m) >> 3
		return eightDigits(x << (8 * (8 - count) & 63) & -(uint64(count+7) >> 3)), count
	}
	n = eightDigits(x)
	x = wordAt(base, i+8) ^ everyZero
	if m := ((x + toHigh) | x) & everyHigh; m != 0 {
		count = bits.TrailingZeros64(m) >> 3
		if count == 0 {
			return n, 8
		}
		return n*powers[count] + eightDigits(x<<(8*(8-count)&63)), 8 + count
	}
	n = n*powers[8] + eightDigits(x)
	for count = 16; count <= 18; count++ {
		c := byteAt(base, i+count) - '0'
		if c > 9 {
			return n, count
		}
		if count < 18 {
			n = n*10 + uint64(c)
		}
	}
	return n, count
}

var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// eightDigits is the number whose digits are the bytes of x, the lowest byte first. Zero bytes below are leading zeros.
func eightDigits(x uint64) uint64 {
	x = x*10 + x>>8
	return ((x&0x000000FF000000FF)*0x000F424000000064 + (x>>16&0x000000FF000000FF)*0x0000271000000001) >> 32
}

// integerAt reads a plain integer of up to 18 digits and returns the index after it; -1 for any other number.
func integerAt(base unsafe.Pointer, i int) (n int64, next int) {
	first := byteAt(base, i)
	if first == '-' {
		i++
	}
	u, count := digitsAt(base, i)
	if count-1 > 17 || count > 1 && byteAt(base, i) == '0' || count == 0 {
		return 0, -1
	}
	i += count
	if c := byteAt(base, i); c == '.' || c|0x20 == 'e' {
		return 0, -1
	}
	if first == '-' {
		return -int64(u), i
	}
	return int64(u), i
}

// tens are the powers of ten that a double holds exactly.
var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// decimalAt reads a plain number without exponent as its digits and how many of them are decimal places, and returns the
// index after it; -1 for any other number. Up to 15 digits both are exact in a double, and so is their quotient rounded.
func decimalAt(base unsafe.Pointer, i int) (n int64, places, next int) {
	first := byteAt(base, i)
	if first == '-' {
		i++
	}
	u, whole := digitsAt(base, i)
	if whole == 0 || whole > 15 || whole > 1 && byteAt(base, i) == '0' {
		return 0, 0, -1
	}
	if i += whole; byteAt(base, i) == '.' {
		var f uint64
		if f, places = digitsAt(base, i+1); places == 0 || whole+places > 15 {
			return 0, 0, -1
		}
		i += 1 + places
		if places > 8 {
			u *= powers[8]
			u = u*powers[places-8] + f
		} else {
			u = u*powers[places] + f
		}
	}
	if byteAt(base, i)|0x20 == 'e' {
		return 0, 0, -1
	}
	if first == '-' {
		return -int64(u), places, i
	}
	return int64(u), places, i
}
