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
// mark is exact. With the bit that a quote and a blank differ in turned over, what is below 0x21 is a control or a quote;
// a byte beyond ASCII is marked in any case, so the subtractions need not tell it from one below zero.
func special(w uint64) uint64 {
	return (((w ^ 2*everyOne) - 0x21*everyOne) | ((w ^ everySlant) - everyOne) | w) & everyHigh
}

// token is the index after the value that starts at i, inside an object, and is no short string or number; -1 when it is
// wrong.
func token(base unsafe.Pointer, buf []byte, i int) int {
	start, end := i, len(buf)
	switch ch := byteAt(base, i); {
	case ch == '"':
		i, _ = stringAt(base, i, end)
		return i
	case ch <= '9':
		i = plainNumber(base, i, ch, end)
	case ch == '{' || ch == '[':
		i = nested(base, i, end)
	default:
		return word(base, i)
	}
	if i < 0 || i-start > jsontext.MaxStringBytes {
		var ok bool
		if i, ok = jsontext.ValueAt(buf, start, 1); !ok {
			return -1
		}
	}
	return i
}

// skipSpace skips white space: none or a blank as a rule.
func skipSpace(base unsafe.Pointer, buf []byte, i int) int {
	if byteAt(base, i) == ' ' {
		i++
	}
	if byteAt(base, i) > ' ' {
		return i
	}
	return jsontext.Space(buf, i)
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
	for long := min(i+longString, end); i < long; i += 8 {
		if m := special(wordAt(base, i)); m != 0 {
			if i += bits.TrailingZeros64(m) >> 3; byteAt(base, i) == '"' {
				return i + 1
			}
			return -1
		}
	}
	if i < end {
		i = jsontext.PlainEnd(unsafe.Slice((*byte)(base), end), i)
	}
	if i < end && byteAt(base, i) == '"' {
		return i + 1
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
	if ch > '9' {
		return -1
	}
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

// stringAt is the index after the string whose quote is at i, and whether it has escapes; -1 when it is not what RFC 8259
// and UTF-8 allow, or longer than Jackson takes.
func stringAt(base unsafe.Pointer, i, end int) (next int, escaped bool) {
	start := i
	i++
	for i < end {
		m := special(wordAt(base, i))
		if m == 0 {
			if i += 8; i-start > longString && i < end {
				i = jsontext.PlainEnd(unsafe.Slice((*byte)(base), end), i)
			}
			continue
		}
		i += bits.TrailingZeros64(m) >> 3
		switch c := byteAt(base, i); {
		case c == '"':
			if i++; i-start > jsontext.MaxStringBytes {
				return -1, escaped
			}
			return i, escaped
		case c == '\\':
			escaped = true
			n := escapeAt(base, i)
			if n == 0 {
				return -1, true
			}
			i += n
		case c < ' ':
			return -1, escaped
		default:
			if i = beyondASCII(base, i, end); i < 0 {
				return -1, escaped
			}
		}
	}
	return -1, escaped
}

// escapeAt is the length of the escape sequence at i, 0 when it is none.
func escapeAt(base unsafe.Pointer, i int) int {
	switch byteAt(base, i+1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		for k := 2; k < 6; k++ {
			if c := byteAt(base, i+k); c-'0' > 9 && c|0x20-'a' > 5 {
				return 0
			}
		}
		return 6
	}
	return 0
}

// beyondASCII is the index of the first ASCII byte after the characters at i, which are in UTF-8 of several bytes each; -1
// when they are not.
func beyondASCII(base unsafe.Pointer, i, end int) int {
	for i < end {
		w := *(*uint32)(unsafe.Add(base, i))
		switch {
		case w&0x80 == 0:
			return i
		case w&0xC0E0 == 0x80C0: // the lead of two, whose own bits must not be those of ASCII
			if w&0x1E == 0 {
				return -1
			}
			i += 2
		case w&0xC0C0F0 == 0x8080E0: // of three: neither too long a form nor a surrogate
			if t := w & 0x200F; t == 0 || t == 0x200D {
				return -1
			}
			i += 3
		case w&0xC0C0C0F8 == 0x808080F0: // of four: up to U+10FFFF
			if t := w & 0x3007; t == 0 || t&7 > 4 || t&7 == 4 && t != 4 {
				return -1
			}
			i += 4
		default:
			return -1
		}
	}
	return i
}
