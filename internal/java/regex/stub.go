// SPDX-License-Identifier: Apache-2.0

// Package regex gives java.util.regex on Go engines.
package regex

// Regex is a compiled java.util.regex.Pattern. Safe for concurrent use.
type Regex struct{}

// SyntaxError is java.util.regex.PatternSyntaxException; Error() is getMessage() (description, index, pattern, caret).
type SyntaxError struct {
	Description string
	Pattern     string
	Index       int // in UTF-16 units, -1 unknown
}

func (e *SyntaxError) Error() string { return e.Description }

// JavaClass is the exception's class name.
func (e *SyntaxError) JavaClass() string { return "java.util.regex.PatternSyntaxException" }

// Compile is Pattern.compile(pattern); error is *SyntaxError.
func Compile(pattern string) (*Regex, error) { panic("BUG: stub") }

// MustCompile panics on error; for init and tests.
func MustCompile(pattern string) *Regex { panic("BUG: stub") }

// String is Pattern.pattern().
func (r *Regex) String() string { panic("BUG: stub") }

// Matches is matcher(s).matches(): the whole of s. Error is *MatchError (time limit).
func (r *Regex) Matches(s string) (bool, error) { panic("BUG: stub") }

// Find is matcher(s).find().
func (r *Regex) Find(s string) (bool, error) { panic("BUG: stub") }

// MatchGroups is Matches giving the groups' byte offsets [start, end) pairs, -1 for a group that took no part; nil: no match.
func (r *Regex) MatchGroups(s string) ([]int, error) { panic("BUG: stub") }

// FindGroups is the first Find from byte offset from on.
func (r *Regex) FindGroups(s string, from int) ([]int, error) { panic("BUG: stub") }

// ReplaceFirst is matcher(s).replaceFirst(replacement). Errors: *ReplacementError, *MatchError.
func (r *Regex) ReplaceFirst(s, replacement string) (string, error) { panic("BUG: stub") }

// ReplaceAll is matcher(s).replaceAll(replacement).
func (r *Regex) ReplaceAll(s, replacement string) (string, error) { panic("BUG: stub") }

// NumGroups is groupCount().
func (r *Regex) NumGroups() int { panic("BUG: stub") }

// ReplacementError is what appendReplacement throws: IllegalArgumentException or IndexOutOfBoundsException.
type ReplacementError struct {
	Class   string
	Message string
}

func (e *ReplacementError) Error() string { return e.Message }

// JavaClass is the exception's class name.
func (e *ReplacementError) JavaClass() string { return e.Class }

// MatchError tells that a match ran over its time limit (Java would go on, or overflow its stack).
type MatchError struct{ Pattern string }

func (e *MatchError) Error() string { return e.Pattern }

// JavaClass is what comes nearest in Java.
func (e *MatchError) JavaClass() string { return "java.lang.StackOverflowError" }
