// SPDX-License-Identifier: Apache-2.0

package number

import (
	"math"
	"math/big"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// compactDigits is where BigDecimal's constructor changes its algorithm, and with it its error texts.
const compactDigits = 18

// ParseDecimal is new BigDecimal(s). No blanks are allowed. Errors are *FormatError.
func ParseDecimal(s string) (Decimal, error) {
	if d, ok := parseDecimalFast(s); ok {
		return d, nil
	}
	p := decimalParser{in: utf16.Encode([]rune(s))}
	if len(p.in) == 0 {
		return Decimal{}, outOfBounds(0, 0)
	}
	return p.parse()
}

// parseDecimalFast takes [-+]digits[.digits] of up to 18 digits.
func parseDecimalFast(s string) (Decimal, bool) {
	i := 0
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		i = 1
	}
	if len(s)-i == 0 || len(s)-i > compactDigits {
		return Decimal{}, false
	}
	var v int64
	dot := -1
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c-'0' <= 9:
			v = v*10 + int64(c-'0')
		case c == '.' && dot < 0:
			dot = i
		default:
			return Decimal{}, false
		}
	}
	var scale int32
	if dot >= 0 {
		if s[len(s)-1] == '.' && len(s) < 3 && (len(s) == 1 || s[0] == '-' || s[0] == '+') {
			return Decimal{}, false
		}
		scale = int32(len(s) - dot - 1)
	}
	if neg {
		v = -v
	}
	return NewDecimal(v, scale), true
}

type decimalParser struct {
	in     []uint16
	digits []byte
	any    bool
	dot    bool
	scale  int64
}

func outOfBounds(index, length int) error {
	var b [64]byte
	msg := append(b[:0], "Index "...)
	msg = AppendLong(msg, int64(index))
	msg = append(msg, " out of bounds for length "...)
	msg = AppendLong(msg, int64(length))
	return &FormatError{NullMessage: true, CauseClass: "java.lang.ArrayIndexOutOfBoundsException", CauseMessage: string(msg)}
}

func (p *decimalParser) parse() (Decimal, error) {
	i := 0
	neg := p.in[0] == '-'
	if neg || p.in[0] == '+' {
		i = 1
	}
	compact := len(p.in)-i <= compactDigits
	var exp int64
	for ; i < len(p.in); i++ {
		c := p.in[i]
		if d := unitDigit(c); d >= 0 {
			p.any = true
			p.digits = append(p.digits, byte('0'+d))
			if p.dot {
				p.scale++
			}
			continue
		}
		if c == '.' {
			if p.dot {
				return Decimal{}, formatError("Character array contains more than one decimal point.")
			}
			p.dot = true
			continue
		}
		if c != 'e' && c != 'E' {
			return Decimal{}, badChar(c, compact)
		}
		var err error
		if exp, err = p.exponent(i + 1); err != nil {
			return Decimal{}, err
		}
		if exp != int64(int32(exp)) {
			return Decimal{}, formatError("Exponent overflow.")
		}
		break
	}
	if !p.any {
		return Decimal{}, formatError("No digits found.")
	}
	scale := p.scale - exp
	if scale > math.MaxInt32 || scale < math.MinInt32 {
		return Decimal{}, formatError("Scale out of range.")
	}
	v, _ := new(big.Int).SetString(string(p.digits), 10)
	if neg {
		v.Neg(v)
	}
	return Decimal{Unscaled: v, Scale: int32(scale)}, nil
}

func badChar(c uint16, compact bool) error {
	if !compact {
		return formatError(`Character array is missing "e" notation exponential mark.`)
	}
	r := rune(c)
	b := utf8.AppendRune([]byte("Character "), r)
	if utf16.IsSurrogate(r) { // half a pair: kept in the three byte form of WTF-8
		b = append(b[:len("Character ")], 0xE0|byte(r>>12), 0x80|byte(r>>6)&0xBF, 0x80|byte(r)&0xBF)
	}
	return formatError(string(b) + ` is neither a decimal digit number, decimal point, nor "e" notation exponential mark.`)
}

// exponent reads what follows the e, from index i on.
func (p *decimalParser) exponent(i int) (int64, error) {
	if i >= len(p.in) {
		return 0, outOfBounds(i, len(p.in))
	}
	neg := p.in[i] == '-'
	if neg || p.in[i] == '+' {
		i++
		if i >= len(p.in) {
			return 0, outOfBounds(i, len(p.in))
		}
	}
	for len(p.in)-i > 10 && unitDigit(p.in[i]) == 0 {
		i++
	}
	if len(p.in)-i > 10 {
		return 0, formatError("Too many nonzero exponent digits.")
	}
	var exp int64
	for ; i < len(p.in); i++ {
		d := unitDigit(p.in[i])
		if d < 0 {
			return 0, formatError("Not a digit.")
		}
		exp = exp*10 + int64(d)
	}
	if neg {
		exp = -exp
	}
	return exp, nil
}

func unitDigit(c uint16) int {
	if c < utf8.RuneSelf {
		if c-'0' <= 9 {
			return int(c - '0')
		}
		return -1
	}
	if unicode.Is(unicode.Nd, rune(c)) {
		return decimalDigit(rune(c))
	}
	return -1
}
