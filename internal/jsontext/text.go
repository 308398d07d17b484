// SPDX-License-Identifier: Apache-2.0

package jsontext

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

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
	for ; i+8 <= len(tok); i += 8 {
		x := binary.LittleEndian.Uint64(tok[i:]) ^ '0'*ones
		if ((x+0x76*ones)|x)&highs != 0 {
			break
		}
		n = n*1e8 + eightDigits(x)
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

// eightDigits is the number whose digits are the bytes of x, the lowest byte first.
func eightDigits(x uint64) int64 {
	x = x*10 + x>>8
	return int64(((x&0x000000FF000000FF)*0x000F424000000064 + (x>>16&0x000000FF000000FF)*0x0000271000000001) >> 32)
}

func bigInt(tok []byte) (int64, bool) {
	if !Integral(tok) {
		return 0, false
	}
	z, ok := new(big.Int).SetString(string(tok), 10)
	if !ok {
		return 0, false
	}
	low := new(big.Int).And(z, new(big.Int).SetUint64(^uint64(0)))
	return int64(low.Uint64()), true
}

// Integral reports whether a validated number has neither fraction nor exponent.
func Integral(tok []byte) bool {
	for _, c := range tok {
		if c == '.' || c|0x20 == 'e' {
			return false
		}
	}
	return true
}

// Float reads a validated number as a double the way Java does by BigDecimal: out of range gives an infinity, and zero
// has no sign.
func Float(tok []byte) float64 {
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(tok), len(tok)), 64)
	if f == 0 && err == nil && tok[0] == '-' && zero(tok) {
		return 0
	}
	return f
}

// zero tells a real zero from a number too small for a double.
func zero(tok []byte) bool {
	for _, c := range tok {
		if c|0x20 == 'e' {
			return true
		}
		if c >= '1' && c <= '9' {
			return false
		}
	}
	return true
}

// Escaped reports whether a validated string token (with its quotes) has escapes.
func Escaped(tok []byte) bool { return bytes.IndexByte(tok, '\\') >= 0 }

// AppendUnquoted appends the text of a validated string token (with its quotes). A lone surrogate escape becomes its
// 3-byte form (WTF-8), which is how the rest of Penstock holds Java strings that are not well-formed.
func AppendUnquoted(dst, tok []byte) []byte {
	s := tok[1 : len(tok)-1]
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		var n int
		dst, n = appendEscape(dst, s[i:])
		s = s[i+n:]
	}
}

// appendEscape appends what the escape at the start of s stands for, and gives its length; two that make a surrogate
// pair are taken together.
func appendEscape(dst, s []byte) ([]byte, int) {
	switch s[1] {
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
	default:
		return append(dst, s[1]), 2
	}
	u, _ := hex4(s, 2)
	if u >= 0xD800 && u < 0xDC00 && len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if lo, ok := hex4(s, 8); ok && lo >= 0xDC00 && lo < 0xE000 {
			return utf8.AppendRune(dst, rune(0x10000+(u-0xD800)<<10+(lo-0xDC00))), 12
		}
	}
	return appendRune(dst, u), 6
}

func appendRune(dst []byte, u uint32) []byte {
	if u >= 0xD800 && u < 0xE000 {
		return append(dst, 0xE0|byte(u>>12), 0x80|byte(u>>6)&0xBF, 0x80|byte(u)&0xBF)
	}
	return utf8.AppendRune(dst, rune(u))
}
