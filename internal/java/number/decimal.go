// SPDX-License-Identifier: Apache-2.0

package number

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"strconv"
)

// Decimal is java.math.BigDecimal: Unscaled times 10^-Scale. A value is never changed in place, so copies may share
// Unscaled; nil is zero.
type Decimal struct {
	Unscaled *big.Int
	Scale    int32
}

// Rounding is java.math.RoundingMode.
type Rounding uint8

// The modes, in Java's order.
const (
	RoundUp Rounding = iota
	RoundDown
	RoundCeiling
	RoundFloor
	RoundHalfUp
	RoundHalfDown
	RoundHalfEven
	RoundUnnecessary
)

// maxDigits bounds what scaling may build. Java stops near 646 million digits, having used gigabytes by then.
const maxDigits = 16 << 20

var (
	bigZero = new(big.Int)
	bigTen  = big.NewInt(10)
	bigFive = big.NewInt(5)
)

// NewDecimal is BigDecimal.valueOf(unscaled, scale).
func NewDecimal(unscaled int64, scale int32) Decimal {
	return Decimal{Unscaled: big.NewInt(unscaled), Scale: scale}
}

// DecimalFromDouble is BigDecimal.valueOf(v): the number that Double.toString prints. NaN and infinities are errors.
func DecimalFromDouble(v float64) (Decimal, error) { return ParseDecimal(FormatDouble(v)) }

// DecimalFromDoubleExact is new BigDecimal(v): every binary digit.
func DecimalFromDoubleExact(v float64) (Decimal, error) {
	if v != v || math.IsInf(v, 0) {
		return Decimal{}, formatError("Infinite or NaN")
	}
	if v == 0 {
		return NewDecimal(0, 0), nil
	}
	frac, exp := math.Frexp(v)
	mant := int64(frac * (1 << 53))
	exp -= 53
	for mant&1 == 0 {
		mant >>= 1
		exp++
	}
	m := big.NewInt(mant)
	if exp >= 0 {
		return Decimal{Unscaled: m.Lsh(m, uint(exp))}, nil
	}
	m.Mul(m, new(big.Int).Exp(bigFive, big.NewInt(int64(-exp)), nil))
	return Decimal{Unscaled: m, Scale: int32(-exp)}, nil
}

// DecimalFromBytes is new BigDecimal(new BigInteger(b), scale), b in big-endian two's complement; an empty b is an error.
func DecimalFromBytes(b []byte, scale int32) (Decimal, error) {
	if len(b) == 0 {
		return Decimal{}, formatError("Zero length BigInteger")
	}
	v := new(big.Int)
	if len(b) <= 8 {
		x := int64(int8(b[0]))
		for _, c := range b[1:] {
			x = x<<8 | int64(c)
		}
		return Decimal{Unscaled: v.SetInt64(x), Scale: scale}, nil
	}
	v.SetBytes(b)
	if b[0] >= 0x80 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return Decimal{Unscaled: v, Scale: scale}, nil
}

// AppendUnscaledBytes appends unscaledValue().toByteArray(): big-endian two's complement, as short as can be.
func (d Decimal) AppendUnscaledBytes(dst []byte) []byte {
	v := d.unscaled()
	if v.IsInt64() {
		x := v.Int64()
		n := 1
		for n < 8 && x>>(8*n-1) != 0 && x>>(8*n-1) != -1 {
			n++
		}
		for n--; n >= 0; n-- {
			dst = append(dst, byte(x>>(8*n)))
		}
		return dst
	}
	if v.Sign() > 0 {
		b := v.Bytes()
		if b[0] >= 0x80 {
			dst = append(dst, 0)
		}
		return append(dst, b...)
	}
	b := new(big.Int).Not(v).Bytes() // -v-1
	if b[0] >= 0x80 {
		dst = append(dst, 0xFF)
	}
	for _, c := range b {
		dst = append(dst, ^c)
	}
	return dst
}

func (d Decimal) unscaled() *big.Int {
	if d.Unscaled == nil {
		return bigZero
	}
	return d.Unscaled
}

// appendDigits appends the sign to dst and gives the digits apart.
func (d Decimal) appendDigits(dst, buf []byte) (out, digits []byte) {
	v := d.unscaled()
	if v.IsInt64() {
		digits = strconv.AppendInt(buf, v.Int64(), 10)
	} else {
		digits = v.Append(buf, 10)
	}
	if digits[0] == '-' {
		return append(dst, '-'), digits[1:]
	}
	return dst, digits
}

// Append appends toString(): with an exponent when the scale is negative or the number is below 10^-6.
func (d Decimal) Append(dst []byte) []byte {
	var buf [32]byte
	dst, digits := d.appendDigits(dst, buf[:0])
	if d.Scale == 0 {
		return append(dst, digits...)
	}
	adjusted := int64(len(digits)) - 1 - int64(d.Scale)
	if d.Scale > 0 && adjusted >= -6 {
		return appendPoint(dst, digits, int(d.Scale))
	}
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	if adjusted != 0 {
		dst = append(dst, 'E')
		if adjusted > 0 {
			dst = append(dst, '+')
		}
		dst = strconv.AppendInt(dst, adjusted, 10)
	}
	return dst
}

// AppendPlain appends toPlainString(). A large scale makes a long text: 1E+1000000 has a million zeros.
func (d Decimal) AppendPlain(dst []byte) []byte {
	var buf [32]byte
	dst, digits := d.appendDigits(dst, buf[:0])
	switch {
	case d.Scale == 0:
		return append(dst, digits...)
	case d.Scale > 0:
		return appendPoint(dst, digits, int(d.Scale))
	case d.Sign() == 0:
		return append(dst, '0')
	}
	return appendZeros(append(dst, digits...), -int(d.Scale))
}

func appendPoint(dst, digits []byte, scale int) []byte {
	if n := len(digits) - scale; n > 0 {
		dst = append(dst, digits[:n]...)
		dst = append(dst, '.')
		return append(dst, digits[n:]...)
	}
	dst = append(dst, "0."...)
	dst = appendZeros(dst, scale-len(digits))
	return append(dst, digits...)
}

func appendZeros(dst []byte, n int) []byte {
	for ; n >= 16; n -= 16 {
		dst = append(dst, "0000000000000000"...)
	}
	return append(dst, "0000000000000000"[:n]...)
}

// String is toString().
func (d Decimal) String() string { return string(d.Append(nil)) }

// PlainString is toPlainString().
func (d Decimal) PlainString() string { return string(d.AppendPlain(nil)) }

// Sign is signum().
func (d Decimal) Sign() int { return d.unscaled().Sign() }

// Precision is precision(): the number of digits of the unscaled value, 1 for zero.
func (d Decimal) Precision() int {
	var buf [32]byte
	_, digits := d.appendDigits(nil, buf[:0])
	return len(digits)
}

// Equal is equals: the scale counts, 1.0 is not 1.00.
func (d Decimal) Equal(o Decimal) bool {
	return d.Scale == o.Scale && d.unscaled().Cmp(o.unscaled()) == 0
}

// Cmp is compareTo: the scale does not count.
func (d Decimal) Cmp(o Decimal) int {
	if d.Scale == o.Scale || d.Sign() != o.Sign() || d.Sign() == 0 {
		return sameScaleCmp(d, o)
	}
	// Magnitudes first: scales may differ by billions.
	dm, om := int64(d.Precision())-int64(d.Scale), int64(o.Precision())-int64(o.Scale)
	if dm != om {
		if (dm > om) == (d.Sign() > 0) {
			return 1
		}
		return -1
	}
	a, b := d.unscaled(), o.unscaled()
	if d.Scale < o.Scale {
		a = new(big.Int).Mul(a, pow10(int64(o.Scale)-int64(d.Scale)))
	} else {
		b = new(big.Int).Mul(b, pow10(int64(d.Scale)-int64(o.Scale)))
	}
	return a.Cmp(b)
}

func sameScaleCmp(d, o Decimal) int {
	if d.Scale == o.Scale {
		return d.unscaled().Cmp(o.unscaled())
	}
	return cmp.Compare(d.Sign(), o.Sign())
}

func pow10(n int64) *big.Int { return new(big.Int).Exp(bigTen, big.NewInt(n), nil) }

// SetScale is setScale(scale, mode). The error is *ArithmeticError: "Rounding necessary", or a result too large.
func (d Decimal) SetScale(scale int32, mode Rounding) (Decimal, error) {
	if scale == d.Scale {
		return d, nil
	}
	diff := int64(scale) - int64(d.Scale)
	if diff > 0 {
		if d.Sign() == 0 {
			return Decimal{Unscaled: bigZero, Scale: scale}, nil
		}
		if diff+int64(d.Precision()) > maxDigits {
			return Decimal{}, &ArithmeticError{"BigInteger would overflow supported range"}
		}
		return Decimal{Unscaled: new(big.Int).Mul(d.unscaled(), pow10(diff)), Scale: scale}, nil
	}
	drop := -diff
	if limit := int64(d.Precision()) + 2; drop > limit { // every digit goes: the rest of the power changes nothing
		drop = limit
	}
	div := pow10(drop)
	q, r := new(big.Int).QuoRem(d.unscaled(), div, new(big.Int))
	if r.Sign() == 0 {
		return Decimal{Unscaled: q, Scale: scale}, nil
	}
	up, err := roundsAway(q, r, div, mode)
	if err != nil {
		return Decimal{}, err
	}
	if up {
		q.Add(q, big.NewInt(int64(r.Sign())))
	}
	return Decimal{Unscaled: q, Scale: scale}, nil
}

// roundsAway tells whether the quotient q with remainder r != 0 of a division by div goes away from zero.
func roundsAway(q, r, div *big.Int, mode Rounding) (bool, error) {
	switch mode {
	case RoundUp:
		return true, nil
	case RoundDown:
		return false, nil
	case RoundCeiling:
		return r.Sign() > 0, nil
	case RoundFloor:
		return r.Sign() < 0, nil
	case RoundUnnecessary:
		return false, &ArithmeticError{"Rounding necessary"}
	}
	half := new(big.Int).Lsh(r, 1)
	c := half.CmpAbs(div)
	if c != 0 {
		return c > 0, nil
	}
	return mode == RoundHalfUp || mode == RoundHalfEven && q.Bit(0) == 1, nil
}

// StripTrailingZeros is stripTrailingZeros(); zero becomes 0 of scale 0.
func (d Decimal) StripTrailingZeros() Decimal {
	if d.Sign() == 0 {
		return NewDecimal(0, 0)
	}
	text := d.unscaled().Append(nil, 10)
	n := len(text) - len(bytes.TrimRight(text, "0"))
	if room := int64(d.Scale) - math.MinInt32; int64(n) > room {
		n = int(room)
	}
	if n == 0 {
		return d
	}
	return Decimal{Unscaled: new(big.Int).Quo(d.unscaled(), pow10(int64(n))), Scale: d.Scale - int32(n)}
}

// Float64 is doubleValue(): rounded once, infinite when too large.
func (d Decimal) Float64() float64 {
	var buf [64]byte
	v, _ := strconv.ParseFloat(string(d.Append(buf[:0])), 64) // out of range gives the infinity that Java gives
	return v
}

// Float32 is floatValue().
func (d Decimal) Float32() float32 {
	var buf [64]byte
	v, _ := strconv.ParseFloat(string(d.Append(buf[:0])), 32)
	return float32(v)
}

// BigInt is toBigInteger(): the fraction is dropped. Beyond 16 million digits it gives zero, where Java runs out of memory.
func (d Decimal) BigInt() *big.Int {
	if d.Scale < -maxDigits {
		return new(big.Int)
	}
	r, err := d.SetScale(0, RoundDown)
	if err != nil {
		return new(big.Int)
	}
	return r.unscaled()
}

// Int64 is longValue(): the fraction is dropped, then the low 64 bits are taken. intValue() is int32 of it, and so on.
func (d Decimal) Int64() int64 {
	if d.Scale <= -64 { // 10^64 is a multiple of 2^64
		return 0
	}
	v := d.BigInt()
	if v.IsInt64() {
		return v.Int64()
	}
	low := new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64)) // And works on two's complement
	return int64(low.Uint64())
}

// Int64Exact is longValueExact(); *ArithmeticError when there is a fraction ("Rounding necessary") or no room ("Overflow").
func (d Decimal) Int64Exact() (int64, error) {
	if d.Sign() == 0 {
		return 0, nil
	}
	if int64(d.Precision())-int64(d.Scale) > 19 {
		return 0, &ArithmeticError{"Overflow"}
	}
	if int64(d.Precision())-int64(d.Scale) <= 0 {
		return 0, &ArithmeticError{"Rounding necessary"}
	}
	r, err := d.SetScale(0, RoundUnnecessary)
	if err != nil {
		return 0, err
	}
	if !r.Unscaled.IsInt64() {
		return 0, &ArithmeticError{"Overflow"}
	}
	return r.Unscaled.Int64(), nil
}
