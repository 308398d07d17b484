// SPDX-License-Identifier: Apache-2.0

package text

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// HashCode is String.hashCode: a polynomial in 31 over UTF-16 units, wrapping at 32 bits.
func HashCode(s string) int32 {
	var h int32
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			h = 31*h + int32(c)
			i++
			continue
		}
		r, size := DecodeRune(s[i:])
		i += size
		if r >= 0x10000 {
			hi, lo := utf16.EncodeRune(r)
			h = 31*(31*h+hi) + lo
			continue
		}
		h = 31*h + r
	}
	return h
}

// DecodeRune gives the first code point of WTF-8 text, surrogates included, and its length. As in utf8, a byte that
// starts nothing is U+FFFD of length 1, the empty string has length 0.
func DecodeRune(s string) (r rune, size int) {
	if len(s) >= 3 && s[0] == 0xED && s[1] >= 0xA0 && s[1] <= 0xBF && s[2]&0xC0 == 0x80 {
		return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), 3
	}
	return utf8.DecodeRuneInString(s)
}

// AppendRune appends r as WTF-8: surrogates take three bytes.
func AppendRune(dst []byte, r rune) []byte {
	if utf16.IsSurrogate(r) {
		return append(dst, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
	}
	return utf8.AppendRune(dst, r)
}

// UTF16Len is String.length.
func UTF16Len(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c&0xC0 != 0x80 {
			n++
		}
		if c >= 0xF0 {
			n++
		}
	}
	return n
}

// AppendUTF16 appends the code units of s.
func AppendUTF16(dst []uint16, s string) []uint16 {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			dst = append(dst, uint16(c))
			i++
			continue
		}
		r, size := DecodeRune(s[i:])
		i += size
		if r >= 0x10000 {
			hi, lo := utf16.EncodeRune(r)
			dst = append(dst, uint16(hi), uint16(lo))
			continue
		}
		dst = append(dst, uint16(r))
	}
	return dst
}

// FromUTF16 makes WTF-8 of code units: pairs combine, lone halves stay.
func FromUTF16(units []uint16) string {
	return string(appendFromUTF16(make([]byte, 0, len(units)), units))
}

func appendFromUTF16(dst []byte, units []uint16) []byte {
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) && i+1 < len(units) {
			if p := utf16.DecodeRune(r, rune(units[i+1])); p != utf8.RuneError {
				r = p
				i++
			}
		}
		dst = AppendRune(dst, r)
	}
	return dst
}

// Compare is the sign of a.compareTo(b): the order of UTF-16 units, in which U+FFFD comes after U+10000.
func Compare(a, b string) int {
	n := min(len(a), len(b))
	i := 0
	for i < n && a[i] == b[i] {
		i++
	}
	if i == n {
		return sign(len(a) - len(b))
	}
	if a[i] < 0xED && b[i] < 0xED && a[i]&0xC0 != 0x80 && b[i]&0xC0 != 0x80 {
		return sign(int(a[i]) - int(b[i]))
	}
	for i > 0 && a[i]&0xC0 == 0x80 {
		i--
	}
	var ba, bb [64]uint16
	return slices.Compare(AppendUTF16(ba[:0], a[i:]), AppendUTF16(bb[:0], b[i:]))
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// Trim is String.trim: drops units up to U+0020 from both ends.
func Trim(s string) string {
	i, j := 0, len(s)
	for i < j && s[i] <= ' ' {
		i++
	}
	for i < j && s[j-1] <= ' ' {
		j--
	}
	return s[i:j]
}

// Strip is String.strip: drops what Character.isWhitespace says from both ends.
func Strip(s string) string { return strings.TrimFunc(s, IsWhitespace) }

// IsBlank is String.isBlank.
func IsBlank(s string) bool { return Strip(s) == "" }

// IsWhitespace is Character.isWhitespace: Unicode's separators but for the non-breaking ones, and the ASCII controls
// U+0009 to U+000D and U+001C to U+001F.
func IsWhitespace(r rune) bool {
	switch {
	case r >= 0x09 && r <= 0x0D, r >= 0x1C && r <= 0x20:
		return true
	case r < utf8.RuneSelf, r == 0xA0, r == 0x2007, r == 0x202F:
		return false
	}
	return unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp)
}
