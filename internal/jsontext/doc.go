// SPDX-License-Identifier: Apache-2.0

// Package jsontext scans JSON text in place, without allocating: the ends of values, numbers, escapes.
//
// What it accepts is RFC 8259 within the limits of Jackson's StreamReadConstraints (nesting, length of numbers, names
// and strings). Text that passed Value is called validated; the other functions expect nothing else. Jackson takes a
// little more (leading zeros where Kafka Connect allows them, other encodings, overlong UTF-8): package codec rewrites
// such text before it comes here, so that no other room has to know.
//
//	b: {"id":17,"note":"a\nb"}      Value(b, 0) = len(b)      StringEnd, NumberEnd, Space: the pieces
//	   token "a\nb"                 AppendUnquoted            token 17: Int, Float
package jsontext
