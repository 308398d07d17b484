// SPDX-License-Identifier: Apache-2.0

// Package jackson writes JSON text byte for byte as Jackson's UTF-8 generator does.
package jackson

// AppendString appends s (WTF-8) with its quotes.
func AppendString(dst []byte, s string) []byte { panic("BUG: stub") }

// AppendStringBytes is AppendString over bytes.
func AppendStringBytes(dst, s []byte) []byte { panic("BUG: stub") }

// AppendDouble appends a double node: Java text; NaN and infinities quoted.
func AppendDouble(dst []byte, v float64) []byte { panic("BUG: stub") }

// AppendFloat appends a float node.
func AppendFloat(dst []byte, v float32) []byte { panic("BUG: stub") }

// AppendBase64 appends a binary node: quoted MIME-NO-LINEFEEDS base64.
func AppendBase64(dst, b []byte) []byte { panic("BUG: stub") }

// Field is one member of an Object.
type Field struct {
	Name  string
	Value any
}

// Object keeps its members' order.
type Object []Field

// AppendAny appends a schemaless value: nil, bool, ints, floats, string, []byte, number.Decimal, []any, map[string]any (Java HashMap order), Object (given order).
func AppendAny(dst []byte, v any) ([]byte, error) { panic("BUG: stub") }
