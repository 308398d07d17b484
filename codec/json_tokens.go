// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math/bits"
	"unsafe"

	"github.com/penstock-io/penstock/internal/jsontext"
)

// Eight bytes at a time: each constant repeats one byte.
const (
	everyOne   = 0x0101010101010101
	everyHigh  = 0x8080808080808080
	everyQuote = '"' * everyOne
	everySlant = '\\' * everyOne
	everySpace = ' ' * everyOne
	everyZero  = '0' * everyOne
	toHigh     = 0x7676767676767676 // added to 10 or more it sets the high bit
)

// The functions below look at the text of a row through base, the start of the slab, without checking each load against
// the end of the row: what lies behind it is the next row, or the slack that every slab keeps (batch.Slab.Reserve). They
// may so walk past the end, by what they look at only, and their caller compares the index it gets with the end: a token
// that reaches the end of a row inside an object is not complete.

func byteAt(base unsafe.Pointer, i int) byte { return *(*byte)(unsafe.Add(base, i)) }

func wordAt(base unsafe.Pointer, i int) uint64 { return *(*uint64)(unsafe.Add(base, i)) }

// special marks, by the high bit, the bytes of w that end a plain run: quote, backslash, controls, beyond ASCII. The lowest
// mark is exact.
func special(w uint64) uint64 {
	q, sl := w^everyQuote, w^everySlant
	return ((q-everyOne)&^q | (sl-everyOne)&^sl | (w-everySpace)&^w | w) & everyHigh
}

// token is the index after the value that starts at i, inside an object; false when it is wrong.
func token(base unsafe.Pointer, buf []byte, i int) (int, bool) {
	start, end := i, len(buf)
	switch ch := byteAt(base, i); {
	case ch == '"':
		if i = plainString(base, i+1, end); i >= 0 {
			return i, true
		}
		return jsontext.StringEnd(buf, start)
	case ch <= '9':
		i = plainNumber(base, i, ch, end)
	default:
		i = nested(base, i, end)
	}
	if i >= 0 {
		return i, true
	}
	return jsontext.ValueAt(buf, start, 1)
}

// matches is at without checks of the buffer's end, for which there is slack.
func (c *column) matches(base unsafe.Pointer, i, end int) bool {
	n := len(c.quoted)
	if n <= 16 {
		return (wordAt(base, i)^c.head)&c.mask == 0 && (n <= 8 || wordAt(base, i+n-8) == c.tail)
	}
	return i+n <= end && unsafe.String((*byte)(unsafe.Add(base, i)), n) == c.quoted
}

// fastDepth is how deep nested looks: a bit of a word per level.
const fastDepth = 60

// nested is the index after a literal, array or object that starts at i and holds neither strings with escapes or beyond
// ASCII nor more white space than a blank after commas and colons; -1 for whatever needs a closer look. It validates: what is open is a bit per level, 1 for an
// object, below a leading 1.
func nested(base unsafe.Pointer, i, end int) int {
	open := uint64(1)
	for i >= 0 && i < end {
		switch ch := byteAt(base, i); {
		case ch == '"':
			i = plainString(base, i+1, end)
		case ch == '{' || ch == '[':
			if open >= 1<<fastDepth {
				return -1
			}
			i++
			if byteAt(base, i) == ch+2 { // the closing brace is two after the opening one, in ASCII
				i++
				break
			}
			open <<= 1
			if ch == '{' {
				open |= 1
				i = memberName(base, i, end)
			}
			continue
		case ch <= '9':
			i = plainNumber(base, i, ch, end)
		default:
			i = word(base, i)
		}
		for { // after a value: what is next, at this level or above
			if open == 1 || i < 0 || i >= end {
				return i
			}
			ch := byteAt(base, i)
			i++
			if ch == ',' {
				if byteAt(base, i) == ' ' {
					i++
				}
				if open&1 != 0 {
					i = memberName(base, i, end)
				}
				break
			}
			if open&1 != 0 && ch != '}' || open&1 == 0 && ch != ']' {
				return -1
			}
			open >>= 1
		}
	}
	return -1
}

// memberName is the index of the value behind a plain name and its colon, -1 for anything else.
func memberName(base unsafe.Pointer, i, end int) int {
	if i >= end || byteAt(base, i) != '"' {
		return -1
	}
	if i = plainString(base, i+1, end); i < 0 || byteAt(base, i) != ':' {
		return -1
	}
	if byteAt(base, i+1) == ' ' {
		i++
	}
	return i + 1
}

// plainString is the index after the quote that ends a string whose first character is at i; -1 when it has escapes,
// controls or characters beyond ASCII.
func plainString(base unsafe.Pointer, i, end int) int {
	for i < end {
		if m := special(wordAt(base, i)); m != 0 {
			if i += bits.TrailingZeros64(m) >> 3; byteAt(base, i) == '"' {
				return i + 1
			}
			return -1
		}
		i += 8
	}
	return -1
}

// word is the index after true, false or null; -1 for anything else.
func word(base unsafe.Pointer, i int) int {
	switch *(*uint32)(unsafe.Add(base, i)) {
	case 't' | 'r'<<8 | 'u'<<16 | 'e'<<24, 'n' | 'u'<<8 | 'l'<<16 | 'l'<<24:
		return i + 4
	case 'f' | 'a'<<8 | 'l'<<16 | 's'<<24:
		if byteAt(base, i+4) == 'e' {
			return i + 5
		}
	}
	return -1
}

// plainNumber is the index after a plain number (no exponent) that starts with ch at i; -1 for whatever needs a closer look.
func plainNumber(base unsafe.Pointer, i int, ch byte, end int) int {
	if ch == '-' {
		i++
		ch = byteAt(base, i)
	}
	from := i
	if i = digitRun(base, i, end); i == from || ch == '0' && i > from+1 || i-from > 18 {
		return -1
	}
	if byteAt(base, i) == '.' {
		i++
		from = i
		if i = digitRun(base, i, end); i == from || i-from > jsontext.MaxNumberDigits-18 {
			return -1
		}
	}
	if byteAt(base, i)|0x20 == 'e' {
		return -1
	}
	return i
}

// digitRun is the index after the digits that start at i.
func digitRun(base unsafe.Pointer, i, end int) int {
	for i < end {
		x := wordAt(base, i) ^ everyZero
		if m := ((x + toHigh) | x) & everyHigh; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	return i
}
