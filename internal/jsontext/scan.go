// SPDX-License-Identifier: Apache-2.0

package jsontext

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Limits of Jackson's StreamReadConstraints.
const (
	MaxDepth        = 1000       // nested arrays and objects
	MaxNumberDigits = 1000       // of a number, those of the exponent included
	MaxNameBytes    = 50_000     // of a member's name
	MaxStringBytes  = 20_000_000 // of a string
)

// maxExponentDigits keeps exponents where BigDecimal's 32-bit scale has room, whatever the fraction.
const maxExponentDigits = 9

// Space returns the index of the first byte at or after i that is not white space; len(b) if there is none.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// Value validates the value that starts at b[i] (no white space before it) and returns the index after it.
func Value(b []byte, i int) (end int, ok bool) { return ValueAt(b, i, 0) }

// ValueAt is Value for a value inside depth arrays and objects.
func ValueAt(b []byte, i, depth int) (end int, ok bool) {
	if uint(i) >= uint(len(b)) {
		return i, false
	}
	switch b[i] {
	case '"':
		return StringEnd(b, i)
	case '{':
		return object(b, i, depth+1)
	case '[':
		return array(b, i, depth+1)
	case 't':
		return literal(b, i, "true")
	case 'f':
		return literal(b, i, "false")
	case 'n':
		return literal(b, i, "null")
	}
	return NumberEnd(b, i)
}

func literal(b []byte, i int, word string) (int, bool) {
	end := i + len(word)
	if end > len(b) || string(b[i:end]) != word {
		return i, false
	}
	return end, true
}

func object(b []byte, i, depth int) (int, bool) {
	if depth > MaxDepth {
		return i, false
	}
	i = Space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, true
	}
	for {
		if uint(i) >= uint(len(b)) || b[i] != '"' {
			return i, false
		}
		name := i
		var ok bool
		if i, ok = StringEnd(b, i); !ok || i-name > MaxNameBytes {
			return i, false
		}
		if i = Space(b, i); i >= len(b) || b[i] != ':' {
			return i, false
		}
		if i, ok = ValueAt(b, Space(b, i+1), depth); !ok {
			return i, false
		}
		if i = Space(b, i); i >= len(b) {
			return i, false
		}
		if b[i] == '}' {
			return i + 1, true
		}
		if b[i] != ',' {
			return i, false
		}
		i = Space(b, i+1)
	}
}

func array(b []byte, i, depth int) (int, bool) {
	if depth > MaxDepth {
		return i, false
	}
	i = Space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, true
	}
	for {
		var ok bool
		if i, ok = ValueAt(b, i, depth); !ok {
			return i, false
		}
		if i = Space(b, i); i >= len(b) {
			return i, false
		}
		if b[i] == ']' {
			return i + 1, true
		}
		if b[i] != ',' {
			return i, false
		}
		i = Space(b, i+1)
	}
}

// Eight bytes at a time: each constant repeats one byte.
const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = '"' * ones
	slants = '\\' * ones
	blanks = ' ' * ones
)

// special marks, by the high bit, the bytes of w that end a plain run: quote, backslash, controls. The lowest mark is
// exact; the ones above it may be echoes of it.
func special(w uint64) uint64 {
	return (((w ^ quotes) - ones) | ((w ^ slants) - ones) | (w - blanks)) &^ w & highs
}

// StringEnd validates the string whose opening quote is b[i] and returns the index after its closing quote.
func StringEnd(b []byte, i int) (end int, ok bool) {
	start := i + 1
	for i = start; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		x := w ^ quotes
		q := (x - ones) &^ x & highs
		x = w ^ slants
		m := q | ((x-ones)&^x|(w-blanks)|w)&highs
		if m == 0 {
			continue
		}
		// The lowest mark is the end if it is a quote's; bytes from 0x80 up are marked one way or the other.
		at := bits.TrailingZeros64(m)
		i += at >> 3
		if q>>at&1 != 0 {
			return i + 1, i-start <= MaxStringBytes
		}
		break
	}
	return stringRest(b, start, i)
}

// stringRest is StringEnd from i on, for strings with escapes, beyond ASCII, or near the end of b.
func stringRest(b []byte, start, i int) (int, bool) {
	ascii := true
	for i < len(b) {
		c := b[i]
		switch {
		case c == '"':
			return i + 1, (ascii || utf8.Valid(b[start:i])) && i-start <= MaxStringBytes
		case c == '\\':
			n := escape(b, i)
			if n == 0 {
				return i, false
			}
			i += n
			continue
		case c < 0x20:
			return i, false
		case c >= 0x80:
			ascii = false
		}
		i++
		for i+8 <= len(b) {
			m := special(binary.LittleEndian.Uint64(b[i:]))
			if ascii {
				m |= binary.LittleEndian.Uint64(b[i:]) & highs
			}
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
	}
	return i, false
}

// escape is the length of the escape sequence at b[i], 0 when it is none.
func escape(b []byte, i int) int {
	if i+1 >= len(b) {
		return 0
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b, i+2); ok {
			return 6
		}
	}
	return 0
}

func hex4(b []byte, i int) (uint32, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var u uint32
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			u = u<<4 | uint32(c-'0')
		case c >= 'a' && c <= 'f':
			u = u<<4 | uint32(c-'a'+10)
		case c >= 'A' && c <= 'F':
			u = u<<4 | uint32(c-'A'+10)
		default:
			return 0, false
		}
	}
	return u, true
}

// NumberEnd validates the number that starts at b[i] and returns the index after it. What follows must be the end, white
// space, or a delimiter.
func NumberEnd(b []byte, i int) (end int, ok bool) {
	if uint(i) < uint(len(b)) && b[i] == '-' {
		i++
	}
	start := i
	i = digits(b, i)
	if i == start || b[start] == '0' && i > start+1 {
		return i, false
	}
	if i < len(b) && (b[i] == ',' || b[i] == '}') && i-start <= MaxNumberDigits {
		return i, true
	}
	if i < len(b) && (b[i] == '.' || b[i]|0x20 == 'e') {
		if i, ok = fraction(b, i); !ok {
			return i, false
		}
	}
	if i-start > MaxNumberDigits && countDigits(b[start:i]) > MaxNumberDigits {
		return i, false
	}
	if i < len(b) {
		switch b[i] {
		case ',', ']', '}', ' ', '\n', '\t', '\r', ':':
		default:
			return i, false
		}
	}
	return i, true
}

func fraction(b []byte, i int) (int, bool) {
	if b[i] == '.' {
		from := i + 1
		if i = digits(b, from); i == from {
			return i, false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from := i
		if i = digits(b, from); i == from || i-from > maxExponentDigits {
			return i, false
		}
	}
	return i, true
}

func countDigits(tok []byte) (n int) {
	for _, c := range tok {
		if c-'0' <= 9 {
			n++
		}
	}
	return n
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}
