// SPDX-License-Identifier: Apache-2.0

// Package text gives the behaviour of java.lang.String on Go strings. Strings are WTF-8: UTF-8 in which a lone surrogate takes its three byte form.
package text

// HashCode is String.hashCode.
func HashCode(s string) int32 { panic("BUG: stub") }

// HashOrder gives the indices of keys (distinct) in the order a HashMap iterates them after insertion in the given order.
func HashOrder(keys []string) []int { panic("BUG: stub") }

// UTF16Len is String.length.
func UTF16Len(s string) int { panic("BUG: stub") }

// AppendUTF16 appends the code units of s.
func AppendUTF16(dst []uint16, s string) []uint16 { panic("BUG: stub") }

// FromUTF16 makes WTF-8 of code units; pairs combine, lone surrogates stay.
func FromUTF16(units []uint16) string { panic("BUG: stub") }

// ToUTF8 is getBytes(UTF_8): a lone surrogate becomes '?'. Returns s itself when there is none.
func ToUTF8(s string) string { panic("BUG: stub") }

// AppendUTF8 is ToUTF8 appending.
func AppendUTF8(dst []byte, s string) []byte { panic("BUG: stub") }

// FromUTF8 is new String(b, UTF_8): each malformed sequence becomes U+FFFD as the JVM counts them. Returns valid UTF-8.
func FromUTF8(b []byte) string { panic("BUG: stub") }

// AppendFromUTF8 is FromUTF8 appending.
func AppendFromUTF8(dst, b []byte) []byte { panic("BUG: stub") }

// Compare is String.compareTo's sign (UTF-16 order).
func Compare(a, b string) int { panic("BUG: stub") }

// Trim is String.trim: code units <= ' '.
func Trim(s string) string { panic("BUG: stub") }

// Strip is String.strip: Character.isWhitespace.
func Strip(s string) string { panic("BUG: stub") }

// IsBlank is String.isBlank.
func IsBlank(s string) bool { panic("BUG: stub") }

// Charset is a java.nio.charset.Charset. Safe for concurrent use.
type Charset struct{}

// CharsetError is IllegalCharsetNameException or UnsupportedCharsetException.
type CharsetError struct {
	Class string // java.nio.charset....
	Name  string
}

func (e *CharsetError) Error() string { return e.Name }

// JavaClass is the exception's class name.
func (e *CharsetError) JavaClass() string { return e.Class }

// LookupCharset is Charset.forName.
func LookupCharset(name string) (*Charset, error) { panic("BUG: stub") }

// Name is the canonical name.
func (c *Charset) Name() string { panic("BUG: stub") }

// IsUTF8 tells whether Encode is ToUTF8 and Decode FromUTF8 (callers may skip copies).
func (c *Charset) IsUTF8() bool { panic("BUG: stub") }

// AppendEncode appends s.getBytes(c): what cannot be said becomes the charset's replacement ('?').
func (c *Charset) AppendEncode(dst []byte, s string) []byte { panic("BUG: stub") }

// AppendDecode appends new String(b, c) as WTF-8.
func (c *Charset) AppendDecode(dst, b []byte) []byte { panic("BUG: stub") }
