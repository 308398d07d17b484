// SPDX-License-Identifier: Apache-2.0

package number

import (
	"math"
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ParseByte is Byte.parseByte(s). Errors of all parsers here are *FormatError.
func ParseByte(s string) (int8, error) {
	v, err := parseSmall(s, math.MinInt8, math.MaxInt8)
	return int8(v), err
}

// ParseShort is Short.parseShort(s).
func ParseShort(s string) (int16, error) {
	v, err := parseSmall(s, math.MinInt16, math.MaxInt16)
	return int16(v), err
}

// ParseInt is Integer.parseInt(s).
func ParseInt(s string) (int32, error) {
	v, err := ParseRadix(s, 10, 32)
	return int32(v), err
}

// ParseLong is Long.parseLong(s).
func ParseLong(s string) (int64, error) { return ParseRadix(s, 10, 64) }

// Byte and Short parse an int first, so what is not even an int has another text.
func parseSmall(s string, low, high int64) (int64, error) {
	v, err := ParseRadix(s, 10, 32)
	if err != nil {
		return 0, err
	}
	if v < low || v > high {
		return 0, formatError(`Value out of range. Value:"` + s + `" Radix:10`)
	}
	return v, nil
}

// ParseRadix is Integer.parseInt(s, radix) for 32 bits, Long.parseLong(s, radix) for 64; radix is 2 to 36.
func ParseRadix(s string, radix, bits int) (int64, error) {
	rest := s
	neg := false
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		neg = rest[0] == '-'
		rest = rest[1:]
	}
	if rest == "" {
		return 0, forInputRadix(s, radix)
	}
	limit := uint64(1)<<(bits-1) - 1
	if neg {
		limit++
	}
	var v uint64
	for i := 0; i < len(rest); {
		c := rest[i]
		d := int(c - '0')
		if c >= utf8.RuneSelf || d > 9 || d >= radix {
			r, size := utf8.DecodeRuneInString(rest[i:])
			d = Digit(r, radix)
			i += size
		} else {
			i++
		}
		if d < 0 || v > (limit-uint64(d))/uint64(radix) {
			return 0, forInputRadix(s, radix)
		}
		v = v*uint64(radix) + uint64(d)
	}
	if neg {
		return -int64(v), nil
	}
	return int64(v), nil
}

// Digit is Character.digit((char) r, radix): -1 when r is no digit of that radix. Digits of every script in the basic
// plane count, and full-width Latin letters do; beyond it a char is half of a pair and no digit.
func Digit(r rune, radix int) int {
	d := -1
	switch {
	case r >= '0' && r <= '9':
		d = int(r - '0')
	case r >= 'a' && r <= 'z':
		d = int(r-'a') + 10
	case r >= 'A' && r <= 'Z':
		d = int(r-'A') + 10
	case r < utf8.RuneSelf || r > 0xFFFF:
	case r >= 0xFF21 && r <= 0xFF3A:
		d = int(r-0xFF21) + 10
	case r >= 0xFF41 && r <= 0xFF5A:
		d = int(r-0xFF41) + 10
	case unicode.Is(unicode.Nd, r):
		d = decimalDigit(r)
	}
	if d >= radix {
		return -1
	}
	return d
}

// decimalDigit relies on Unicode's promise that the digits of a script are contiguous and start at zero.
func decimalDigit(r rune) int {
	for _, t := range unicode.Nd.R16 {
		if r <= rune(t.Hi) {
			return int(r-rune(t.Lo)) % 10
		}
	}
	return -1
}

// ParseBigInteger is new BigInteger(s).
func ParseBigInteger(s string) (*big.Int, error) {
	if s == "" {
		return nil, formatError("Zero length BigInteger")
	}
	minus, plus := strings.LastIndexByte(s, '-'), strings.LastIndexByte(s, '+')
	rest := s
	switch {
	case minus >= 0:
		if minus != 0 || plus >= 0 {
			return nil, formatError("Illegal embedded sign character")
		}
		rest = s[1:]
	case plus >= 0:
		if plus != 0 {
			return nil, formatError("Illegal embedded sign character")
		}
		rest = s[1:]
	}
	if rest == "" {
		return nil, formatError("Zero length BigInteger")
	}
	digits, group := asciiDigits(rest)
	if group != "" {
		return nil, forInput(group)
	}
	v := new(big.Int)
	if digits != "" {
		v.SetString(digits, 10)
	}
	if minus == 0 {
		v.Neg(v)
	}
	return v, nil
}

// asciiDigits turns decimal digits of any script into ASCII. Where it meets something else it gives the group of
// (up to) nine characters that holds it: BigInteger reads nine digits at a time, counted from the end, after leading
// zeros, and its error quotes the group only.
func asciiDigits(s string) (digits, badGroup string) {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i]-'0' > 9 {
			ascii = false
			break
		}
	}
	if ascii {
		return s, ""
	}
	units := make([]rune, 0, len(s)) // a rune beyond the basic plane fails anyway; only the grouping counts it as two
	for _, r := range s {
		units = append(units, r)
	}
	for len(units) > 0 && Digit(units[0], 10) == 0 {
		units = units[1:]
	}
	out := make([]byte, 0, len(units))
	for start := 0; start < len(units); {
		end := start + (len(units)-start-1)%9 + 1
		for _, r := range units[start:end] {
			d := Digit(r, 10)
			if d < 0 {
				return "", string(units[start:end])
			}
			out = append(out, byte('0'+d))
		}
		start = end
	}
	return string(out), ""
}
