// SPDX-License-Identifier: Apache-2.0

package number

import (
	"math"
	"strconv"
)

// AppendDouble appends Double.toString(v): the shortest text that reads back as v, in Java's layout ("1.0",
// "1.0E10", "NaN", "-Infinity").
func AppendDouble(dst []byte, v float64) []byte { return appendFloat(dst, v, 64) }

// AppendFloat appends Float.toString(v).
func AppendFloat(dst []byte, v float32) []byte { return appendFloat(dst, float64(v), 32) }

// FormatDouble is Double.toString(v).
func FormatDouble(v float64) string {
	var b [32]byte
	return string(AppendDouble(b[:0], v))
}

// FormatFloat is Float.toString(v).
func FormatFloat(v float32) string {
	var b [32]byte
	return string(AppendFloat(b[:0], v))
}

// AppendLong appends Long.toString(v).
func AppendLong(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case v != v:
		return append(dst, "NaN"...)
	case v > math.MaxFloat64:
		return append(dst, "Infinity"...)
	case v < -math.MaxFloat64:
		return append(dst, "-Infinity"...)
	}
	if math.Signbit(v) {
		dst = append(dst, '-')
		v = -v
	}
	if v < 1e7 {
		if i := int64(v); float64(i) == v { // most numbers people store
			dst = strconv.AppendInt(dst, i, 10)
			return append(dst, ".0"...)
		}
	}
	var buf [32]byte
	return layFloat(dst, shortest(buf[:0], v, bits))
}

// shortest gives v > 0 as d[.ddd]e[+-]dd. Where one digit is enough Java looks among numbers of two digits for the
// one closest to v (Double.MIN_VALUE is 4.9E-324, not 5E-324).
func shortest(buf []byte, v float64, bits int) []byte {
	s := strconv.AppendFloat(buf, v, 'e', -1, bits)
	if s[1] != 'e' {
		return s
	}
	var alt [16]byte
	t := strconv.AppendFloat(alt[:0], v, 'e', 1, bits)
	if t[2] == '0' {
		return s
	}
	if back, err := strconv.ParseFloat(string(t), bits); err == nil && back == v {
		return append(s[:0], t...)
	}
	return s
}

// layFloat writes e-notation text in Java's layout: plain between 10^-3 and 10^7, else with an exponent.
func layFloat(dst, s []byte) []byte {
	var digits [20]byte
	n := 0
	i := 0
	for ; s[i] != 'e'; i++ {
		if s[i] != '.' {
			digits[n] = s[i]
			n++
		}
	}
	exp := 0
	for _, c := range s[i+2:] {
		exp = exp*10 + int(c-'0')
	}
	if s[i+1] == '-' {
		exp = -exp
	}
	switch {
	case exp >= 7 || exp < -3:
		dst = append(dst, digits[0], '.')
		if n == 1 {
			dst = append(dst, '0')
		} else {
			dst = append(dst, digits[1:n]...)
		}
		dst = append(dst, 'E')
		return strconv.AppendInt(dst, int64(exp), 10)
	case exp < 0:
		dst = append(dst, "0."...)
		for ; exp < -1; exp++ {
			dst = append(dst, '0')
		}
		return append(dst, digits[:n]...)
	}
	for k := 0; k <= exp; k++ {
		if k < n {
			dst = append(dst, digits[k])
		} else {
			dst = append(dst, '0')
		}
	}
	dst = append(dst, '.')
	if n <= exp+1 {
		return append(dst, '0')
	}
	return append(dst, digits[exp+1:n]...)
}

// ParseDouble is Double.parseDouble(s): surrounding control characters and blanks, a suffix f or d, hexadecimal
// notation, NaN and Infinity are allowed; too large is infinite. Errors are *FormatError.
func ParseDouble(s string) (float64, error) { return parseFloat(s, 64) }

// ParseFloat is Float.parseFloat(s), rounded once.
func ParseFloat(s string) (float32, error) {
	v, err := parseFloat(s, 32)
	return float32(v), err
}

func parseFloat(s string, bits int) (float64, error) {
	for s != "" && s[0] <= ' ' {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	if s == "" {
		return 0, formatError("empty String")
	}
	body := s
	if body[0] == '-' || body[0] == '+' {
		body = body[1:]
	}
	switch body {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		if s[0] == '-' {
			return math.Inf(-1), nil
		}
		return math.Inf(1), nil
	}
	end, ok := scanFloat(body)
	if !ok {
		if twoPoints(body) {
			return 0, formatError("multiple points")
		}
		return 0, forInput(s)
	}
	// The only error left is the range, which Java answers with zero or infinity as strconv does.
	v, _ := strconv.ParseFloat(s[:len(s)-len(body)+end], bits)
	return v, nil
}

// twoPoints tells what Java sees before anything else that is wrong.
func twoPoints(s string) bool {
	i := digitsEnd(s, 0)
	if i >= len(s) || s[i] != '.' {
		return false
	}
	i = digitsEnd(s, i+1)
	return i < len(s) && s[i] == '.'
}

// scanFloat checks Java's grammar of an unsigned number and gives the length without the type suffix.
func scanFloat(s string) (end int, ok bool) {
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		return scanHexFloat(s)
	}
	i := digitsEnd(s, 0)
	n := i
	if i < len(s) && s[i] == '.' {
		j := digitsEnd(s, i+1)
		n += j - i - 1
		i = j
	}
	if n == 0 {
		return 0, false
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		if i, ok = exponentEnd(s, i); !ok {
			return 0, false
		}
	}
	return i, suffixOnly(s[i:])
}

func scanHexFloat(s string) (end int, ok bool) {
	i := 2
	for i < len(s) && isHex(s[i]) {
		i++
	}
	n := i - 2
	if i < len(s) && s[i] == '.' {
		i++
		for i < len(s) && isHex(s[i]) {
			i++
			n++
		}
	}
	if n == 0 || i >= len(s) || s[i]|0x20 != 'p' {
		return 0, false
	}
	if i, ok = exponentEnd(s, i); !ok {
		return 0, false
	}
	return i, suffixOnly(s[i:])
}

func exponentEnd(s string, i int) (end int, ok bool) {
	i++
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	j := digitsEnd(s, i)
	return j, j > i
}

func suffixOnly(s string) bool {
	if s == "" {
		return true
	}
	c := s[0] | 0x20
	return len(s) == 1 && (c == 'f' || c == 'd')
}

func digitsEnd(s string, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

func isHex(c byte) bool {
	return c-'0' <= 9 || (c|0x20)-'a' <= 5
}

// DoubleToInt is (int) v: NaN is 0, what does not fit becomes the nearest int.
func DoubleToInt(v float64) int32 {
	switch {
	case v != v:
		return 0
	case v >= math.MaxInt32:
		return math.MaxInt32
	case v <= math.MinInt32:
		return math.MinInt32
	}
	return int32(v)
}

// DoubleToLong is (long) v.
func DoubleToLong(v float64) int64 {
	switch {
	case v != v:
		return 0
	case v >= math.MaxInt64:
		return math.MaxInt64
	case v <= math.MinInt64:
		return math.MinInt64
	}
	return int64(v)
}

// DoubleToShort is (short) v: to int first, then the low 16 bits.
func DoubleToShort(v float64) int16 { return int16(DoubleToInt(v)) }

// DoubleToByte is (byte) v: to int first, then the low 8 bits.
func DoubleToByte(v float64) int8 { return int8(DoubleToInt(v)) }
