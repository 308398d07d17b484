// SPDX-License-Identifier: Apache-2.0

// Package number gives Java's number texts and conversions.
package number

import "math/big"

// FormatError is java.lang.NumberFormatException. NullMessage marks an exception without text; Cause is a nested class name and text.
type FormatError struct {
	Message                  string
	NullMessage              bool
	CauseClass, CauseMessage string
}

func (e *FormatError) Error() string { return e.Message }

// JavaClass is the exception's class name.
func (e *FormatError) JavaClass() string { return "java.lang.NumberFormatException" }

// AppendDouble appends Double.toString(v).
func AppendDouble(dst []byte, v float64) []byte { panic("BUG: stub") }

// AppendFloat appends Float.toString(v).
func AppendFloat(dst []byte, v float32) []byte { panic("BUG: stub") }

// FormatDouble is Double.toString.
func FormatDouble(v float64) string { panic("BUG: stub") }

// FormatFloat is Float.toString.
func FormatFloat(v float32) string { panic("BUG: stub") }

// ParseDouble is Double.parseDouble. Error is *FormatError, as for all of Parse*.
func ParseDouble(s string) (float64, error) { panic("BUG: stub") }

// ParseFloat is Float.parseFloat.
func ParseFloat(s string) (float32, error) { panic("BUG: stub") }

// ParseByte is Byte.parseByte(s).
func ParseByte(s string) (int8, error) { panic("BUG: stub") }

// ParseShort is Short.parseShort(s).
func ParseShort(s string) (int16, error) { panic("BUG: stub") }

// ParseInt is Integer.parseInt(s).
func ParseInt(s string) (int32, error) { panic("BUG: stub") }

// ParseLong is Long.parseLong(s).
func ParseLong(s string) (int64, error) { panic("BUG: stub") }

// ParseBigInteger is new BigInteger(s).
func ParseBigInteger(s string) (*big.Int, error) { panic("BUG: stub") }

// DoubleToInt is (int) v: NaN is 0, else saturating. DoubleToLong is (long) v.
func DoubleToInt(v float64) int32 { panic("BUG: stub") }

// DoubleToLong is (long) v.
func DoubleToLong(v float64) int64 { panic("BUG: stub") }

// DoubleToShort is (short) v: through int, then low 16 bits.
func DoubleToShort(v float64) int16 { panic("BUG: stub") }

// DoubleToByte is (byte) v: through int, then low 8 bits.
func DoubleToByte(v float64) int8 { panic("BUG: stub") }

// Decimal is java.math.BigDecimal: Unscaled * 10^-Scale. Immutable by convention; nil Unscaled is zero.
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

// ParseDecimal is new BigDecimal(s).
func ParseDecimal(s string) (Decimal, error) { panic("BUG: stub") }

// NewDecimal is BigDecimal.valueOf(unscaled, scale).
func NewDecimal(unscaled int64, scale int32) Decimal { panic("BUG: stub") }

// DecimalFromDouble is BigDecimal.valueOf(double) (through its text).
func DecimalFromDouble(v float64) (Decimal, error) { panic("BUG: stub") }

// DecimalFromDoubleExact is new BigDecimal(double).
func DecimalFromDoubleExact(v float64) (Decimal, error) { panic("BUG: stub") }

// DecimalFromBytes is new BigDecimal(new BigInteger(b), scale), big-endian two's complement; empty b is an error ("Zero length BigInteger").
func DecimalFromBytes(b []byte, scale int32) (Decimal, error) { panic("BUG: stub") }

// AppendUnscaledBytes appends unscaledValue().toByteArray().
func (d Decimal) AppendUnscaledBytes(dst []byte) []byte { panic("BUG: stub") }

// Append appends toString().
func (d Decimal) Append(dst []byte) []byte { panic("BUG: stub") }

// AppendPlain appends toPlainString().
func (d Decimal) AppendPlain(dst []byte) []byte { panic("BUG: stub") }

// String is toString().
func (d Decimal) String() string { panic("BUG: stub") }

// PlainString is toPlainString().
func (d Decimal) PlainString() string { panic("BUG: stub") }

// SetScale is setScale(scale, mode); error is *ArithmeticError ("Rounding necessary").
func (d Decimal) SetScale(scale int32, mode Rounding) (Decimal, error) { panic("BUG: stub") }

// Float64 is doubleValue().
func (d Decimal) Float64() float64 { panic("BUG: stub") }

// Float32 is floatValue().
func (d Decimal) Float32() float32 { panic("BUG: stub") }

// Int64 is longValue(): fraction dropped, low 64 bits.
func (d Decimal) Int64() int64 { panic("BUG: stub") }

// Int64Exact is longValueExact(); *ArithmeticError.
func (d Decimal) Int64Exact() (int64, error) { panic("BUG: stub") }

// BigInt is toBigInteger().
func (d Decimal) BigInt() *big.Int { panic("BUG: stub") }

// Cmp is compareTo (scale does not count).
func (d Decimal) Cmp(o Decimal) int { panic("BUG: stub") }

// Equal is equals (scale counts).
func (d Decimal) Equal(o Decimal) bool { panic("BUG: stub") }

// Precision is precision().
func (d Decimal) Precision() int { panic("BUG: stub") }

// Sign is signum().
func (d Decimal) Sign() int { panic("BUG: stub") }

// StripTrailingZeros is stripTrailingZeros().
func (d Decimal) StripTrailingZeros() Decimal { panic("BUG: stub") }

// ArithmeticError is java.lang.ArithmeticException.
type ArithmeticError struct{ Message string }

func (e *ArithmeticError) Error() string { return e.Message }

// JavaClass is the exception's class name.
func (e *ArithmeticError) JavaClass() string { return "java.lang.ArithmeticException" }
