// SPDX-License-Identifier: Apache-2.0

// Package simpledate gives java.text.SimpleDateFormat (locale en_US).
package simpledate

import "time"

// Format is a compiled SimpleDateFormat. Immutable, safe for concurrent use. "Two digit year" pivot is 80 years before its creation, as in Java.
type Format struct{}

// PatternError is java.lang.IllegalArgumentException with Java's text.
type PatternError struct{ Message string }

func (e *PatternError) Error() string { return e.Message }

// JavaClass is the exception's class name.
func (e *PatternError) JavaClass() string { return "java.lang.IllegalArgumentException" }

// New is new SimpleDateFormat(pattern, Locale.US) with setTimeZone(zone); nil zone is UTC.
func New(pattern string, zone *time.Location) (*Format, error) { panic("BUG: stub") }

// AppendFormat appends format(new Date(ms)).
func (f *Format) AppendFormat(dst []byte, ms int64) []byte { panic("BUG: stub") }

// Format is AppendFormat as a string.
func (f *Format) Format(ms int64) string { panic("BUG: stub") }

// Parse is parse(text): text after the match is ignored. When !ok, errorIndex is where it stopped, in UTF-16 units.
// The exception is java.text.ParseException: `Unparseable date: "TEXT"`.
func (f *Format) Parse(s string) (ms int64, errorIndex int, ok bool) { panic("BUG: stub") }

// Pattern is toPattern().
func (f *Format) Pattern() string { panic("BUG: stub") }
