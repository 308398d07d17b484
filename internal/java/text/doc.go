// SPDX-License-Identifier: Apache-2.0

// Package text gives Go strings the behaviour of java.lang.String: UTF-16 lengths and order, hash codes and the order
// that a HashMap makes of them, trimming, and the charsets of Charset.forName.
//
// A Java string may hold half a surrogate pair, which UTF-8 cannot say. Strings here are WTF-8: UTF-8 in which such a
// half takes the three bytes it would take as a code point (U+D800 is ED A0 80).
//
//	bytes from outside --FromUTF8, Charset.AppendDecode--> WTF-8 --ToUTF8, Charset.AppendEncode--> bytes to outside
//
// Rules: functions that take strings expect WTF-8 in which no two halves that form a pair stand side by side;
// FromUTF16 makes it so. What decodes bytes never fails: malformed input becomes U+FFFD, as many as the JVM makes.
// What encodes never fails: what the target cannot say becomes '?'.
package text
