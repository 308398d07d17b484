// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/penstock-io/penstock/internal/java/jackson"
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

// digitPairs are the numbers of two digits, in the order of bytes in memory.
var digitPairs = func() (t [100]uint16) {
	for i := range t {
		t[i] = uint16('0'+i/10) | uint16('0'+i%10)<<8
	}
	return t
}()

// appendInt appends an integer, two digits at a time.
func appendInt(dst []byte, n int64) []byte {
	dst = room(dst, 24)
	u := uint64(n)
	if n < 0 {
		dst = append(dst, '-')
		u = -u
	}
	size := digitCount(u)
	writeDigits(tail(dst), u, size)
	return dst[:len(dst)+size]
}

// digitCount is how many decimal digits u has.
func digitCount(u uint64) int {
	n := bits.Len64(u|1) * 1233 >> 12
	if u|1 >= moreDigits[n] {
		n++
	}
	return n
}

// moreDigits[n] is the smallest number of n+1 digits.
var moreDigits = func() (t [20]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = t[i-1] * 10
	}
	return t
}()

// writeDigits writes the last size digits of u, leading zeros included.
func writeDigits(to unsafe.Pointer, u uint64, size int) {
	for ; size >= 2; size -= 2 {
		*(*uint16)(unsafe.Add(to, size-2)) = digitPairs[u%100]
		u /= 100
	}
	if size > 0 {
		*(*byte)(to) = '0' + byte(u%10)
	}
}

// appendDouble appends a double as Java prints it. Most doubles that people store have a few decimal places: they are
// tried first. A number of up to 15 digits that reads back as v is the shortest, and the only one of its length.
func appendDouble(dst []byte, v float64) []byte {
	a := math.Abs(v)
	if !(a >= 1e-3 && a < 1e7) {
		return jackson.AppendDouble(dst, v)
	}
	for places := 1; places <= 6; places++ {
		x := a * tens[places]
		n := uint64(x + 0.5)
		if math.Abs(float64(n)-x) > x*0x1p-51 || float64(n)/tens[places] != a {
			continue
		}
		dst = room(dst, 24)
		if v < 0 {
			dst = append(dst, '-')
		}
		whole, fraction := n/moreDigits[places], n%moreDigits[places]
		size := digitCount(whole)
		to := tail(dst)
		writeDigits(to, whole, size)
		*(*byte)(unsafe.Add(to, size)) = '.'
		writeDigits(unsafe.Add(to, size+1), fraction, places)
		return dst[:len(dst)+size+1+places]
	}
	return jackson.AppendDouble(dst, v)
}
