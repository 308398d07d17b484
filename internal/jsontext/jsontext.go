// SPDX-License-Identifier: Apache-2.0

// Package jsontext scans JSON text in place, without allocating: the ends of values, numbers, escapes.
// It accepts what Jackson's default parser accepts, which is RFC 8259.
package jsontext

import (
	"math/big"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// MaxDepth is how deep arrays and objects may nest (Jackson's StreamReadConstraints default).
const MaxDepth = 1000

// Space returns the index of the first byte at or after i that is not white space; len(b) if there is none.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// Value validates the value that starts at b[i] (no white space before it) and returns the index after it.
func Value(b []byte, i int) (end int, ok bool) { return value(b, i, 0) }

func value(b []byte, i, depth int) (int, bool) {
	if i >= len(b) {
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
		if i >= len(b) || b[i] != '"' {
			return i, false
		}
		var ok bool
		if i, ok = StringEnd(b, i); !ok {
			return i, false
		}
		if i = Space(b, i); i >= len(b) || b[i] != ':' {
			return i, false
		}
		if i, ok = value(b, Space(b, i+1), depth); !ok {
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
		if i, ok = value(b, i, depth); !ok {
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

// StringEnd validates the string whose opening quote is b[i] and returns the index after its closing quote.
func StringEnd(b []byte, i int) (end int, ok bool) {
	ascii := true
	start := i + 1
	for i++; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '"':
			return i + 1, ascii || utf8.Valid(b[start:i])
		case c == '\\':
			if i++; i >= len(b) {
				return i, false
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := hex4(b, i+1); !ok {
					return i, false
				}
				i += 4
			default:
				return i, false
			}
		case c < 0x20:
			return i, false
		case c >= 0x80:
			ascii = false
		}
	}
	return i, false
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

// NumberEnd validates the number that starts at b[i] and returns the index after it.
func NumberEnd(b []byte, i int) (end int, ok bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i >= len(b) {
		return i, false
	}
	switch {
	case b[i] == '0':
		i++
	case b[i] >= '1' && b[i] <= '9':
		i = digits(b, i)
	default:
		return i, false
	}
	if i < len(b) && b[i] == '.' {
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
		if i = digits(b, from); i == from {
			return i, false
		}
	}
	// A number must end at a delimiter: Jackson refuses 12ab and 012.
	if i < len(b) {
		switch c := b[i]; {
		case c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == ':':
		default:
			return i, false
		}
	}
	return i, true
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

// Int reads a validated number: ok when it has neither fraction nor exponent. Past 64 bits it wraps, as
// BigInteger.longValue does.
func Int(tok []byte) (n int64, ok bool) {
	i, neg := 0, false
	if tok[0] == '-' {
		i, neg = 1, true
	}
	if len(tok)-i > 18 {
		return bigInt(tok)
	}
	for ; i < len(tok); i++ {
		c := tok[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	if neg {
		n = -n
	}
	return n, true
}

func bigInt(tok []byte) (int64, bool) {
	z, ok := new(big.Int).SetString(string(tok), 10)
	if !ok {
		return 0, false
	}
	low := new(big.Int).And(z, new(big.Int).SetUint64(^uint64(0)))
	return int64(low.Uint64()), true
}

// Float reads a validated number as a double; out of range gives an infinity, as Java does.
func Float(tok []byte) float64 {
	f, _ := strconv.ParseFloat(unsafe.String(unsafe.SliceData(tok), len(tok)), 64)
	return f
}

// Escaped reports whether a validated string token (with its quotes) has escapes.
func Escaped(tok []byte) bool {
	for _, c := range tok {
		if c == '\\' {
			return true
		}
	}
	return false
}

// AppendUnquoted appends the text of a validated string token (with its quotes). A lone surrogate escape becomes its
// 3-byte form (WTF-8), which is how the rest of Penstock holds Java strings that are not well-formed.
func AppendUnquoted(dst, tok []byte) []byte {
	s := tok[1 : len(tok)-1]
	for i := 0; i < len(s); {
		c := s[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		i++
		switch s[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			u, _ := hex4(s, i+1)
			i += 4
			if u >= 0xD800 && u < 0xDC00 && i+6 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
				if lo, ok := hex4(s, i+3); ok && lo >= 0xDC00 && lo < 0xE000 {
					u = 0x10000 + (u-0xD800)<<10 + (lo - 0xDC00)
					i += 6
				}
			}
			dst = appendRune(dst, u)
		default:
			dst = append(dst, s[i])
		}
		i++
	}
	return dst
}

func appendRune(dst []byte, u uint32) []byte {
	if u >= 0xD800 && u < 0xE000 {
		return append(dst, 0xE0|byte(u>>12), 0x80|byte(u>>6)&0xBF, 0x80|byte(u)&0xBF)
	}
	return utf8.AppendRune(dst, rune(u))
}
