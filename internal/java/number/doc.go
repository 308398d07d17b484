// SPDX-License-Identifier: Apache-2.0

// Package number gives Java's number texts, parsers and conversions, which differ from Go's in places that users of
// Kafka Connect can see: 1e10 prints as 1.0E10, "1d" is a double, (int) NaN is 0, "1E+3" is a BigDecimal of scale -3.
//
//	double, float   AppendDouble, AppendFloat, ParseDouble, ParseFloat   (text of JDK 19 and later: shortest)
//	integers        ParseByte, ParseShort, ParseInt, ParseLong, ParseBigInteger
//	narrowing       DoubleToInt, DoubleToLong, DoubleToShort, DoubleToByte
//	BigDecimal      Decimal
//
// Rules: parsers accept exactly what the Java class accepts, and fail with *FormatError, whose text is the one of the
// JVM (Java 21). Append functions do not allocate when dst has room (Decimals beyond 64 bits excepted).
// Strings are UTF-8; digits of all scripts count where Java asks Character.digit.
package number
