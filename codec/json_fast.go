// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math/bits"
	"unsafe"

	"github.com/penstock-io/penstock/batch"
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

// fastSlack is how many bytes past the end of a text the fast path may read: a word after the last byte it looks at.
const fastSlack = 64

// fast cuts an object whose keys come exactly as predicted, without white space: the row nearly every stream repeats. It
// validates as members does. It reports false, having undone its work, for anything else: members then decides.
//
// Loads are not checked against the end of the row: what lies behind it is the next row, or the slab's slack. Only at
// the closing brace is it clear whether the text ended in time, and no position before it can lie behind it.
func (s *splitter) fast(buf []byte, i, end int) bool {
	pos, epoch := s.root.N, s.epoch
	base := unsafe.Pointer(unsafe.SliceData(buf))
	order := s.order
	i++
	for k, c := range order {
		if c.epoch != epoch || c.n != pos || pos >= len(c.cells) || i >= end || !c.matches(base, i, end) {
			return s.rollback(order[:k], pos)
		}
		i += len(c.quoted)
		start := i
		switch ch := *(*byte)(unsafe.Add(base, i)); {
		case ch == '"':
			i++
			for {
				w := *(*uint64)(unsafe.Add(base, i))
				q, sl := w^everyQuote, w^everySlant
				m := ((q-everyOne)&^q | (sl-everyOne)&^sl | (w-everySpace)&^w | w) & everyHigh
				if m == 0 {
					if i += 8; i >= end {
						return s.rollback(order[:k], pos)
					}
					continue
				}
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			if *(*byte)(unsafe.Add(base, i)) == '"' {
				i++
				break
			}
			var ok bool
			if i, ok = jsontext.StringEnd(buf[:end], start); !ok {
				return s.rollback(order[:k], pos)
			}
		case ch <= '9':
			if i = plainNumber(base, i, ch, end); i < 0 {
				return s.rollback(order[:k], pos)
			}
		default:
			if i = nested(base, i, end); i < 0 {
				var ok bool
				if i, ok = jsontext.ValueAt(buf[:end], start, 1); !ok {
					return s.rollback(order[:k], pos)
				}
			}
		}
		c.cells[pos] = uint64(batch.MakeView(start, i-start))
		c.n = pos + 1
		switch *(*byte)(unsafe.Add(base, i)) {
		case ',':
			i++
		case '}':
			if i < end {
				return true
			}
			return s.rollback(order[:k+1], pos)
		default:
			return s.rollback(order[:k+1], pos)
		}
	}
	return s.rollback(order, pos)
}

// matches is at without checks of the buffer's end, for which there is slack.
func (c *column) matches(base unsafe.Pointer, i, end int) bool {
	n := len(c.quoted)
	if n <= 16 {
		return (*(*uint64)(unsafe.Add(base, i))^c.head)&c.mask == 0 && (n <= 8 || *(*uint64)(unsafe.Add(base, i+n-8)) == c.tail)
	}
	return i+n <= end && unsafe.String((*byte)(unsafe.Add(base, i)), n) == c.quoted
}

// fastDepth is how deep nested looks: a bit of a word per level.
const fastDepth = 60

// nested is the index after a literal, array or object that starts at i and holds neither white space nor strings with
// escapes or beyond ASCII; -1 for whatever needs a closer look. It validates: what is open is a bit per level, 1 for an
// object, below a leading 1.
func nested(base unsafe.Pointer, i, end int) int {
	open := uint64(1)
	for i >= 0 && i < end {
		switch ch := *(*byte)(unsafe.Add(base, i)); {
		case ch == '"':
			i = plainString(base, i+1, end)
		case ch == '{' || ch == '[':
			if open >= 1<<fastDepth {
				return -1
			}
			i++
			if *(*byte)(unsafe.Add(base, i)) == ch+2 { // the closing brace is two after the opening one, in ASCII
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
			ch := *(*byte)(unsafe.Add(base, i))
			i++
			if ch == ',' {
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
	if i >= end || *(*byte)(unsafe.Add(base, i)) != '"' {
		return -1
	}
	if i = plainString(base, i+1, end); i < 0 || *(*byte)(unsafe.Add(base, i)) != ':' {
		return -1
	}
	return i + 1
}

// plainString is the index after the quote that ends a string whose first character is at i; -1 when it has escapes,
// controls or characters beyond ASCII.
func plainString(base unsafe.Pointer, i, end int) int {
	for i < end {
		w := *(*uint64)(unsafe.Add(base, i))
		q, sl := w^everyQuote, w^everySlant
		if m := ((q-everyOne)&^q | (sl-everyOne)&^sl | (w-everySpace)&^w | w) & everyHigh; m != 0 {
			if i += bits.TrailingZeros64(m) >> 3; *(*byte)(unsafe.Add(base, i)) == '"' {
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
		if *(*byte)(unsafe.Add(base, i+4)) == 'e' {
			return i + 5
		}
	}
	return -1
}

// plainNumber is the index after a plain number (no exponent) that starts with ch at i and ends at a comma or brace; -1 for
// whatever needs a closer look.
func plainNumber(base unsafe.Pointer, i int, ch byte, end int) int {
	if ch == '-' {
		i++
		ch = *(*byte)(unsafe.Add(base, i))
	}
	from := i
	if i = digitRun(base, i, end); i == from || ch == '0' && i > from+1 || i-from > 18 {
		return -1
	}
	if *(*byte)(unsafe.Add(base, i)) == '.' {
		i++
		from = i
		if i = digitRun(base, i, end); i == from || i-from > jsontext.MaxNumberDigits-18 {
			return -1
		}
	}
	return i
}

// digitRun is the index after the digits that start at i.
func digitRun(base unsafe.Pointer, i, end int) int {
	for i < end {
		x := *(*uint64)(unsafe.Add(base, i)) ^ everyZero
		if m := ((x + toHigh) | x) & everyHigh; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	return i
}

// rollback takes the cells of the row at pos back. It returns false, for its callers' convenience.
func (s *splitter) rollback(columns []*column, pos int) bool {
	for _, c := range columns {
		c.n = min(c.n, pos)
	}
	return false
}
