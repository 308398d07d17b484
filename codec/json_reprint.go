// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"math/bits"
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/jackson"
	"github.com/penstock-io/penstock/internal/jsontext"
)

// Validated text is printed again as Jackson prints what JsonConverter reads without schema: no white space, strings with
// Jackson's escapes, integers of 64 bits, reals as doubles.

// scalar appends the text of any value.
func (e *encoder) scalar(dst []byte, cell uint64) []byte {
	n := batch.View(cell).Len()
	from := unsafe.Add(e.base, batch.View(cell).Off())
	switch c := byteAt(from, 0); {
	case c == '"':
		return e.quoted(dst, from, n)
	case c <= '9':
		return reprintNumber(dst, from, n)
	case c == '{' || c == '[':
		return e.tree(dst, batch.View(cell))
	}
	dst = room(dst, smallCell)
	copy16(tail(dst), from, n)
	return dst[:len(dst)+n]
}

// quoted appends a string token: as it stands, unless it has escapes or characters beyond the basic plane.
func (e *encoder) quoted(dst []byte, from unsafe.Pointer, n int) []byte {
	dst = room(dst, n+smallCell)
	to := tail(dst)
	for i := 0; i < n; i += 8 {
		w := wordAt(from, i)
		*(*uint64)(unsafe.Add(to, i)) = w
		s := w ^ everySlant
		if m := ((s-everyOne)&^s | w&(w<<1)&(w<<2)&(w<<3)) & everyHigh; m != 0 && i+bits.TrailingZeros64(m)>>3 < n {
			return e.unquoted(dst, unsafe.Slice((*byte)(from), n))
		}
	}
	return dst[:len(dst)+n]
}

// unquoted appends a string token that must be looked at.
func (e *encoder) unquoted(dst, tok []byte) []byte {
	if bytes.IndexByte(tok, '\\') < 0 {
		return jackson.AppendStringBytes(dst, tok[1:len(tok)-1])
	}
	e.scratch = jsontext.AppendUnquoted(e.scratch[:0], tok)
	return jackson.AppendStringBytes(dst, e.scratch)
}

// tree appends an object or array, token by token. Order and repetitions of members stay.
func (e *encoder) tree(dst []byte, v batch.View) []byte {
	from := unsafe.Add(e.base, v.Off())
	n := v.Len()
	dst = room(dst, n+smallCell)
	for i := 0; i < n; {
		start := i
		switch c := byteAt(from, i); c {
		case '{', '}', '[', ']', ',', ':':
			dst = append(dst, c)
			i++
		case ' ', '\n', '\t', '\r':
			i++
		case '"':
			i = stringStop(from, i)
			dst = e.quoted(dst, unsafe.Add(from, start), i-start)
		case 't', 'n':
			dst = append(dst, "true"...)
			if c == 'n' {
				copy(dst[len(dst)-4:], "null")
			}
			i += 4
		case 'f':
			dst = append(dst, "false"...)
			i += 5
		default:
			for i++; i < n && (byteAt(from, i) >= '0' || byteAt(from, i) == '.' || byteAt(from, i) == '-' || byteAt(from, i) == '+') &&
				byteAt(from, i) != ']' && byteAt(from, i) != '}'; i++ {
			}
			dst = reprintNumber(dst, unsafe.Add(from, start), i-start)
		}
	}
	return dst
}

// stringStop is the index after the validated string whose quote is at i.
func stringStop(base unsafe.Pointer, i int) int {
	i++
	for {
		w := wordAt(base, i)
		q, s := w^everyQuote, w^everySlant
		m := ((q-everyOne)&^q | (s-everyOne)&^s) & everyHigh
		if m == 0 {
			i += 8
			continue
		}
		if i += bits.TrailingZeros64(m) >> 3; byteAt(base, i) == '"' {
			return i + 1
		}
		i += 2
	}
}

// reprintNumber appends a number token.
func reprintNumber(dst []byte, from unsafe.Pointer, n int) []byte {
	if n <= 16 && canonicalShort(from, n) {
		dst = room(dst, smallCell)
		copy16(tail(dst), from, n)
		return dst[:len(dst)+n]
	}
	return appendNumber(dst, unsafe.Slice((*byte)(from), n))
}

// canonicalShort is canonical for tokens of up to 16 bytes, by words. There may be more that are canonical.
func canonicalShort(from unsafe.Pointer, n int) bool {
	if byteAt(from, 0) == '-' {
		from = unsafe.Add(from, 1)
		if n--; byteAt(from, 0) == '0' {
			return false
		}
	}
	x := wordAt(from, 0) ^ everyZero
	m := ((x + toHigh) | x) & everyHigh
	point := 0
	if n <= 8 {
		m &= ^uint64(0) >> (64 - 8*n)
	}
	if m == 0 {
		if n <= 8 {
			return true
		}
		// The point may be in the second word, but then there are eight digits before it: Java prints an exponent.
		x = wordAt(from, 8) ^ everyZero
		return ((x+toHigh)|x)&everyHigh&(^uint64(0)>>(128-8*n)) == 0
	}
	point = bits.TrailingZeros64(m) >> 3
	if m&(m-1) != 0 || byteAt(from, point) != '.' {
		return false
	}
	if n > 8 {
		x = wordAt(from, 8) ^ everyZero
		if ((x+toHigh)|x)&everyHigh&(^uint64(0)>>(128-8*n)) != 0 {
			return false
		}
	}
	places := n - point - 1
	return (byteAt(from, 0) != '0' || byteAt(from, point+1) != '0') && (places == 1 || byteAt(from, n-1) != '0')
}

// appendNumber copies a number that Java would print the same: a short integer, or a real of at most 15 digits (which
// a double tells apart) between 10^-3 and 10^7 without needless zeros.
func appendNumber(dst, tok []byte) []byte {
	if canonical(tok) {
		return append(dst, tok...)
	}
	if n, ok := jsontext.Int(tok); ok {
		return appendInt(dst, n)
	}
	return appendDouble(dst, jsontext.Float(tok))
}

func canonical(tok []byte) bool {
	s := tok
	if s[0] == '-' {
		s = s[1:]
		if s[0] == '0' {
			return false
		}
	}
	whole := 0
	for whole < len(s) && s[whole]-'0' <= 9 {
		whole++
	}
	if whole == len(s) {
		return len(s) <= 18
	}
	fraction := s[whole+1:]
	if s[whole] != '.' || whole > 7 || len(s) > 16 || s[0] == '0' && (len(fraction) == 0 || fraction[0] == '0') {
		return false
	}
	for _, c := range fraction {
		if c-'0' > 9 {
			return false
		}
	}
	return len(fraction) == 1 || fraction[len(fraction)-1] != '0'
}
