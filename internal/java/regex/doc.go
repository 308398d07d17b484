// SPDX-License-Identifier: Apache-2.0

// Package regex gives java.util.regex: its syntax, its idea of classes and line ends, its replacement texts and its
// exceptions, on two engines of Go.
//
//	pattern --parse--> tree --emit--> regexp (standard library): linear time, no allocation to speak of
//	                        \-emit--> regexp2: look-around, back-references, possessive and atomic groups
//
// The parser resolves all that depends on flags: classes become plain sets of characters (\w is [0-9A-Z_a-z] unless
// (?U) is on), so both engines get the same simple language. The standard engine is taken when the pattern stays in
// the language where it finds the same match as a backtracking engine; else regexp2, with a limit on time, as Java's
// own engine may run for years.
//
// A dollar or multi-line anchor means more in Java than in Go when there are line ends about: such a pattern runs on
// the standard engine for inputs without line ends, on regexp2 for others.
//
// Not supported: canonical equivalence, \N{name}, \b{g}. Word boundaries follow Java 19 and later (ASCII unless (?U)).
//
// Known differences: a possessive loop that ends in failure leaves no captures behind here (in Java it does), and an
// empty match never splits a surrogate pair.
package regex
