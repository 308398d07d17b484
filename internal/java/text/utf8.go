// SPDX-License-Identifier: Apache-2.0

package text

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

const replacement = "\uFFFD"

// ToUTF8 is getBytes(UTF_8): a lone surrogate becomes '?'. It gives s itself when there is none.
func ToUTF8(s string) string {
	if !hasSurrogate(s) {
		return s
	}
	return string(AppendUTF8(make([]byte, 0, len(s)), s))
}

func hasSurrogate(s string) bool {
	for {
		i := strings.IndexByte(s, 0xED)
		if i < 0 || i+1 >= len(s) {
			return false
		}
		if s[i+1] >= 0xA0 {
			return true
		}
		s = s[i+1:]
	}
}

// AppendUTF8 appends what ToUTF8 gives.
func AppendUTF8(dst []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, 0xED)
		if i < 0 || i+2 >= len(s) {
			return append(dst, s...)
		}
		if s[i+1] >= 0xA0 {
			dst = append(dst, s[:i]...)
			dst = append(dst, '?')
		} else {
			dst = append(dst, s[:i+3]...)
		}
		s = s[i+3:]
	}
}

// FromUTF8 is new String(b, UTF_8). The result is valid UTF-8: each malformed piece is one U+FFFD, cut as the JVM does.
func FromUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return string(AppendFromUTF8(make([]byte, 0, len(b)+16), b))
}

// AppendFromUTF8 appends what FromUTF8 gives.
func AppendFromUTF8(dst, b []byte) []byte {
	for len(b) > 0 {
		n := validPrefix(b)
		dst = append(dst, b[:n]...)
		b = b[n:]
		if len(b) == 0 {
			break
		}
		dst = append(dst, replacement...)
		b = b[malformed(b):]
	}
	return dst
}

func validPrefix(b []byte) int {
	if i := bytes.IndexFunc(b, func(r rune) bool { return r == utf8.RuneError }); i >= 0 {
		if bytes.HasPrefix(b[i:], []byte(replacement)) { // a real U+FFFD
			return i + len(replacement)
		}
		return i
	}
	return len(b)
}

// malformed gives how many bytes of b, which does not start with a valid sequence, one U+FFFD stands for. It is the
// longest start of a possible character, and the whole of an encoded surrogate.
func malformed(b []byte) int {
	c := b[0]
	switch {
	case c < 0xE0 || c > 0xF4 || len(b) < 2 || b[1]&0xC0 != 0x80:
		return 1
	case c == 0xE0 && b[1] < 0xA0, c == 0xF0 && b[1] < 0x90, c == 0xF4 && b[1] > 0x8F:
		return 1
	case c < 0xF0:
		if len(b) > 2 && b[2]&0xC0 == 0x80 {
			return 3
		}
		return 2
	case len(b) > 2 && b[2]&0xC0 == 0x80:
		return 3
	}
	return 2
}
