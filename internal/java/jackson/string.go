// SPDX-License-Identifier: Apache-2.0

package jackson

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf16"
	"unsafe"

	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/text"
)

const hexDigits = "0123456789ABCDEF"

// AppendString appends s with its quotes.
func AppendString(dst []byte, s string) []byte {
	return AppendStringBytes(dst, unsafe.Slice(unsafe.StringData(s), len(s)))
}

// AppendStringBytes is AppendString over the bytes of a string.
func AppendStringBytes(dst, s []byte) []byte {
	dst = append(dst, '"')
	for {
		n := plainPrefix(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		s = s[n:]
		switch c := s[0]; {
		case c >= 0x80:
			var size int
			dst, size = appendBeyond(dst, s)
			s = s[size:]
			continue
		case shortEscape[c] != 0:
			dst = append(dst, '\\', shortEscape[c])
		default:
			dst = appendUnit(dst, rune(c))
		}
		s = s[1:]
	}
}

var shortEscape = [128]byte{'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r', '"': '"', '\\': '\\'}

// special marks bytes that need a look: controls, quote, backslash, the start of a character beyond the basic plane,
// and ED, which may start a surrogate.
var special = func() (t [256]bool) {
	for i := range t {
		t[i] = i < 0x20 || i == '"' || i == '\\' || i == 0xED || i >= 0xF0
	}
	return t
}()

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainPrefix gives the length of the start of s that stands for itself: eight ASCII bytes at a time, then by table.
func plainPrefix(s []byte) int {
	i := 0
	for {
		for ; i+8 <= len(s); i += 8 {
			w := binary.LittleEndian.Uint64(s[i:])
			quote, slash := w^(ones*'"'), w^(ones*'\\')
			// Per byte the high bit is set when it is not ASCII, below 0x20, a quote or a backslash. Borrows may set
			// more, which costs a look at the table.
			if (w|(w-ones*0x20)|(quote-ones)|(slash-ones))&highs != 0 {
				break
			}
		}
		end := min(i+8, len(s))
		for ; i < end; i++ {
			if special[s[i]] {
				return i
			}
		}
		if i == len(s) {
			return i
		}
	}
}

// appendBeyond writes the character at the start of s, which is ED or F0 and up, and gives its length.
func appendBeyond(dst, s []byte) (out []byte, size int) {
	r, size := text.DecodeRune(unsafe.String(&s[0], min(len(s), 4)))
	switch {
	case r >= 0x10000:
		hi, lo := utf16.EncodeRune(r)
		return appendUnit(appendUnit(dst, hi), lo), size
	case utf16.IsSurrogate(r):
		return appendUnit(dst, r), size
	case size == 1: // not a character: bytes that are no text cannot come out as JSON
		return append(dst, "\uFFFD"...), size
	}
	return append(dst, s[:size]...), size
}

func appendUnit(dst []byte, u rune) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12&15], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}

// AppendDouble appends a double node: Java's text; NaN and the infinities in quotes.
func AppendDouble(dst []byte, v float64) []byte {
	if v != v || math.IsInf(v, 0) {
		dst = append(dst, '"')
		dst = number.AppendDouble(dst, v)
		return append(dst, '"')
	}
	return number.AppendDouble(dst, v)
}

// AppendFloat appends a float node.
func AppendFloat(dst []byte, v float32) []byte {
	if v != v || math.IsInf(float64(v), 0) {
		return AppendDouble(dst, float64(v))
	}
	return number.AppendFloat(dst, v)
}

// AppendInt appends an integer node.
func AppendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

// AppendBase64 appends a binary node: standard base64 with padding and without line feeds, quoted.
func AppendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}
