// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/jsontext"
)

// relax appends to dst the first value of src as RFC 8259 text without white space, if Jackson would read it the way
// JsonDeserializer sets it up. That is more than RFC 8259:
//
//   - a byte order mark, UTF-16 and UTF-32, told by their zeros
//   - numbers with leading zeros
//   - UTF-8 in more bytes than needed, and beyond U+10FFFF (which gives surrogates nobody wrote)
//   - anything after the first value, though a number or literal at the top must end cleanly
//
// No value at all (blank text) gives nothing. The error is the SerializationException that Java would wrap.
func relax(dst, src []byte) ([]byte, error) {
	r := relaxer{src: decodeUnicode(src), dst: dst}
	r.space()
	if r.i == len(r.src) {
		return r.dst, nil
	}
	first := r.src[r.i]
	if err := r.value(0); err != nil {
		return nil, err
	}
	if err := r.endOfRoot(first); err != nil {
		return nil, err
	}
	return r.dst, nil
}

// parseFault is a refusal in Jackson's manner; the position is a byte offset.
func parseFault(at int, format string, args ...any) error {
	const class = "com.fasterxml.jackson.core.JsonParseException: "
	return batch.NewFault(batch.SerializationException, fmt.Sprintf("%s%s at offset %d", class, fmt.Sprintf(format, args...), at))
}

// decodeUnicode gives UTF-8 for the encodings that Jackson detects (ByteSourceJsonBootstrapper): by mark, then by the
// places of zero bytes in the first four.
func decodeUnicode(src []byte) []byte {
	if len(src) >= 4 && bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		return src[3:]
	}
	name, skip := "", 0
	zero := func(i int) bool { return i < len(src) && src[i] == 0 }
	switch {
	case len(src) >= 4 && bytes.HasPrefix(src, []byte{0, 0, 0xFE, 0xFF}):
		name, skip = "UTF-32BE", 4
	case len(src) >= 4 && bytes.HasPrefix(src, []byte{0xFF, 0xFE, 0, 0}):
		name, skip = "UTF-32LE", 4
	case bytes.HasPrefix(src, []byte{0xFE, 0xFF}) && len(src) >= 4:
		name, skip = "UTF-16BE", 2
	case bytes.HasPrefix(src, []byte{0xFF, 0xFE}) && len(src) >= 4:
		name, skip = "UTF-16LE", 2
	case len(src) >= 4 && zero(0) && zero(1) && zero(2):
		name = "UTF-32BE"
	case len(src) >= 4 && zero(1) && zero(2) && zero(3):
		name = "UTF-32LE"
	case len(src) >= 2 && zero(0):
		name = "UTF-16BE"
	case len(src) >= 2 && zero(1):
		name = "UTF-16LE"
	default:
		return src
	}
	cs, err := text.LookupCharset(name)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return cs.AppendDecode(nil, src[skip:])
}

// relaxer copies JSON, checking it.
type relaxer struct {
	src []byte
	i   int
	dst []byte
}

func (r *relaxer) space() { r.i = jsontext.Space(r.src, r.i) }

func (r *relaxer) unexpected(want string) error {
	if r.i >= len(r.src) {
		return parseFault(r.i, "Unexpected end-of-input: expected %s", want)
	}
	c, _ := utf8.DecodeRune(r.src[r.i:])
	return parseFault(r.i, "Unexpected character (%q): expected %s", c, want)
}

// next skips white space and takes one character if it is c.
func (r *relaxer) next(c byte) bool {
	r.space()
	if r.i < len(r.src) && r.src[r.i] == c {
		r.i++
		r.dst = append(r.dst, c)
		return true
	}
	return false
}

func (r *relaxer) value(depth int) error {
	r.space()
	if r.i >= len(r.src) {
		return r.unexpected("a value")
	}
	switch c := r.src[r.i]; {
	case c == '{' || c == '[':
		if depth++; depth > jsontext.MaxDepth {
			return parseFault(r.i, "Document nesting depth (%d) exceeds the maximum allowed (%d)", depth, jsontext.MaxDepth)
		}
		if c == '{' {
			return r.object(depth)
		}
		return r.array(depth)
	case c == '"':
		return r.text(jsontext.MaxStringBytes)
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(r.src[r.i:], []byte(word)) {
			r.i += len(word)
			r.dst = append(r.dst, word...)
			return nil
		}
	}
	return r.unexpected("a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')")
}

func (r *relaxer) object(depth int) error {
	r.next('{')
	if r.next('}') {
		return nil
	}
	for {
		r.space()
		if r.i >= len(r.src) || r.src[r.i] != '"' {
			return r.unexpected("double-quote to start field name")
		}
		if err := r.text(jsontext.MaxNameBytes); err != nil {
			return err
		}
		if !r.next(':') {
			return r.unexpected("a colon to separate field name and value")
		}
		if err := r.value(depth); err != nil {
			return err
		}
		if r.next('}') {
			return nil
		}
		if !r.next(',') {
			return r.unexpected("comma to separate Object entries")
		}
	}
}

func (r *relaxer) array(depth int) error {
	r.next('[')
	if r.next(']') {
		return nil
	}
	for {
		if err := r.value(depth); err != nil {
			return err
		}
		if r.next(']') {
			return nil
		}
		if !r.next(',') {
			return r.unexpected("comma to separate Array entries")
		}
	}
}

func (r *relaxer) digits() int {
	n := 0
	for r.i < len(r.src) && r.src[r.i]-'0' <= 9 {
		r.dst = append(r.dst, r.src[r.i])
		r.i++
		n++
	}
	return n
}

func (r *relaxer) number() error {
	if r.src[r.i] == '-' {
		r.dst = append(r.dst, '-')
		r.i++
	}
	for r.i+1 < len(r.src) && r.src[r.i] == '0' && r.src[r.i+1]-'0' <= 9 {
		r.i++
	}
	n := r.digits()
	if n == 0 {
		return r.unexpected("digit (0-9) to follow minus sign, for valid numeric value")
	}
	f := 0
	if r.i < len(r.src) && r.src[r.i] == '.' {
		r.dst = append(r.dst, '.')
		r.i++
		if f = r.digits(); f == 0 {
			return r.unexpected("a digit after the decimal point")
		}
		n += f
	}
	if r.i < len(r.src) && r.src[r.i]|0x20 == 'e' {
		e, err := r.exponent(f)
		if err != nil {
			return err
		}
		n += e
	}
	if n > jsontext.MaxNumberDigits {
		return parseFault(r.i, "Number value length (%d) exceeds the maximum allowed (%d)", n, jsontext.MaxNumberDigits)
	}
	return nil
}

// exponent copies an exponent after a number of so many decimal places. The scale of the BigDecimal that Java makes has
// 32 bits; an exponent of up to that is written here with at most nine digits, which is far beyond any double.
func (r *relaxer) exponent(places int) (digits int, err error) {
	r.dst = append(r.dst, 'e')
	r.i++
	negative := false
	if r.i < len(r.src) && (r.src[r.i] == '+' || r.src[r.i] == '-') {
		negative = r.src[r.i] == '-'
		r.dst = append(r.dst, r.src[r.i])
		r.i++
	}
	start, from := r.i, len(r.dst)
	if digits = r.digits(); digits == 0 {
		return 0, r.unexpected("a digit after the exponent indicator")
	}
	exp := bytes.TrimLeft(r.src[start:r.i], "0")
	var n int64
	for _, c := range exp[:min(len(exp), 11)] {
		n = n*10 + int64(c-'0')
	}
	scale := int64(places) - n
	if negative {
		scale = int64(places) + n
	}
	if len(exp) > 10 || scale != int64(int32(scale)) {
		return 0, parseFault(start, "Malformed numeric value: exponent out of range")
	}
	if len(exp) > 9 {
		exp = []byte("999999999")
	}
	if len(exp) == 0 {
		exp = []byte("0")
	}
	r.dst = append(r.dst[:from], exp...)
	return digits, nil
}

// text copies a string, reading UTF-8 as leniently as Jackson does and writing it strictly.
func (r *relaxer) text(limit int) error {
	start := r.i
	r.dst = append(r.dst, '"')
	r.i++
	for r.i < len(r.src) {
		c := r.src[r.i]
		switch {
		case c == '"':
			r.i++
			r.dst = append(r.dst, '"')
			if r.i-start > limit {
				return parseFault(start, "String value length exceeds the maximum allowed (%d)", limit)
			}
			return nil
		case c == '\\':
			if err := r.escape(); err != nil {
				return err
			}
		case c < 0x20:
			return parseFault(r.i, "Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash", c)
		case c < 0x80:
			r.dst = append(r.dst, c)
			r.i++
		default:
			if err := r.beyond(); err != nil {
				return err
			}
		}
	}
	return parseFault(r.i, "Unexpected end-of-input in a string")
}

func (r *relaxer) escape() error {
	rest := r.src[r.i:]
	if len(rest) < 2 {
		return parseFault(r.i, "Unexpected end-of-input in character escape sequence")
	}
	n := 2
	switch rest[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
	case 'u':
		n = 6
		if len(rest) < 6 {
			return parseFault(r.i, "Unexpected end-of-input in character escape sequence")
		}
		for _, c := range rest[2:6] {
			if !(c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'f') {
				return parseFault(r.i, "Unexpected character (%q): expected a hex-digit for character escape sequence", rune(c))
			}
		}
	default:
		return parseFault(r.i, "Unrecognized character escape %q", rune(rest[1]))
	}
	r.dst = append(r.dst, rest[:n]...)
	r.i += n
	return nil
}

// beyond copies one character of several bytes. Jackson counts the bytes by the first one, and checks only that the
// others are continuations and that three of them are no surrogate.
func (r *relaxer) beyond() error {
	c := r.src[r.i]
	var n int
	var u rune
	switch {
	case c&0xE0 == 0xC0:
		n, u = 2, rune(c&0x1F)
	case c&0xF0 == 0xE0:
		n, u = 3, rune(c&0x0F)
	case c&0xF8 == 0xF0:
		n, u = 4, rune(c&0x07)
	default:
		return parseFault(r.i, "Invalid UTF-8 start byte 0x%x", c)
	}
	for k := 1; k < n; k++ {
		if r.i+k >= len(r.src) {
			return parseFault(r.i, "Unexpected end-of-input in a string")
		}
		d := r.src[r.i+k]
		if d&0xC0 != 0x80 {
			return parseFault(r.i, "Invalid UTF-8 middle byte 0x%x", d)
		}
		u = u<<6 | rune(d&0x3F)
	}
	if n == 3 && u >= 0xD800 && u < 0xE000 {
		return parseFault(r.i, "Invalid UTF-8: Illegal surrogate character 0x%x", u)
	}
	r.i += n
	switch {
	case n == 4 && (u < 0x10000 || u > unicode.MaxRune):
		// Jackson makes two UTF-16 units of what is left after subtracting, without looking.
		u -= 0x10000
		r.unit(uint16(0xD800 | u>>10))
		r.unit(uint16(0xDC00 | u&0x3FF))
	case u < 0x20 || u == '"' || u == '\\':
		r.unit(uint16(u))
	default:
		r.dst = utf8.AppendRune(r.dst, u)
	}
	return nil
}

func (r *relaxer) unit(u uint16) { r.dst = fmt.Appendf(r.dst, "\\u%04x", u) }

// endOfRoot checks what follows the only value of a text.
func (r *relaxer) endOfRoot(first byte) error {
	if r.i >= len(r.src) || first == '{' || first == '[' || first == '"' {
		return nil
	}
	c := r.src[r.i]
	if first == '-' || first-'0' <= 9 {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return parseFault(r.i, "Unexpected character (%q): Expected space separating root-level values", rune(c))
		}
		return nil
	}
	u, _ := text.DecodeRune(string(r.src[r.i:min(len(r.src), r.i+4)]))
	if c >= '0' && c != ']' && c != '}' && (unicode.IsLetter(u) || unicode.IsDigit(u) || u == '_' || unicode.In(u, unicode.Mn, unicode.Mc, unicode.Pc, unicode.Sc, unicode.Nl, unicode.Cf)) {
		return parseFault(r.i, "Unrecognized token: was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')")
	}
	return nil
}
