// SPDX-License-Identifier: Apache-2.0

package regex

import (
	"unicode/utf8"

	"github.com/penstock-io/penstock/internal/java/text"
)

// ReplacementError is what Matcher.appendReplacement throws: IllegalArgumentException for a malformed replacement,
// IndexOutOfBoundsException for a group number that the pattern lacks. Java finds out when there is a match, and so
// do we.
type ReplacementError struct {
	Class   string
	Message string
}

// Error gives getMessage().
func (e *ReplacementError) Error() string { return e.Message }

// JavaClass names the exception's class.
func (e *ReplacementError) JavaClass() string { return e.Class }

func badReplacement(message string) error {
	return &ReplacementError{Class: "java.lang.IllegalArgumentException", Message: message}
}

// ReplaceFirst is matcher(s).replaceFirst(replacement). Errors are *ReplacementError and *MatchError.
func (r *Regex) ReplaceFirst(s, replacement string) (string, error) {
	g, err := r.FindGroups(s, 0)
	if err != nil || g == nil {
		return s, err
	}
	out := append(make([]byte, 0, len(s)+len(replacement)), s[:g[0]]...)
	if out, err = r.expand(out, s, replacement, g); err != nil {
		return "", err
	}
	return string(append(out, s[g[1]:]...)), nil
}

// ReplaceAll is matcher(s).replaceAll(replacement). An empty match right behind another match counts, as in Java.
func (r *Regex) ReplaceAll(s, replacement string) (string, error) {
	var out []byte
	matched := false
	done, from := 0, 0
	for from <= len(s) {
		g, err := r.FindGroups(s, from)
		if err != nil {
			return "", err
		}
		if g == nil {
			break
		}
		matched = true
		out = append(out, s[done:g[0]]...)
		if out, err = r.expand(out, s, replacement, g); err != nil {
			return "", err
		}
		done, from = g[1], g[1]
		if g[0] == g[1] {
			_, size := text.DecodeRune(s[from:])
			from += max(size, 1)
		}
	}
	if !matched {
		return s, nil
	}
	return string(append(out, s[done:]...)), nil
}

// expand appends the replacement for a match with groups g.
func (r *Regex) expand(dst []byte, s, replacement string, g []int) ([]byte, error) {
	for i := 0; i < len(replacement); {
		switch c := replacement[i]; c {
		case '\\':
			i++
			if i == len(replacement) {
				return nil, badReplacement("character to be escaped is missing")
			}
			_, size := utf8.DecodeRuneInString(replacement[i:])
			dst = append(dst, replacement[i:i+size]...)
			i += size
		case '$':
			n, next, err := r.reference(replacement, i+1)
			if err != nil {
				return nil, err
			}
			if g[2*n] >= 0 {
				dst = append(dst, s[g[2*n]:g[2*n+1]]...)
			}
			i = next
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst, nil
}

// reference reads what stands behind a dollar.
func (r *Regex) reference(s string, i int) (group, next int, err error) {
	if i == len(s) {
		return 0, 0, badReplacement("Illegal group reference: group index is missing")
	}
	if s[i] == '{' {
		return r.namedReference(s, i+1)
	}
	n := int(s[i]) - '0'
	if n < 0 || n > 9 {
		return 0, 0, badReplacement("Illegal group reference")
	}
	for i++; i < len(s) && s[i]-'0' <= 9; i++ {
		more := n*10 + int(s[i]-'0')
		if more > r.groups {
			break
		}
		n = more
	}
	if n > r.groups {
		return 0, 0, &ReplacementError{Class: "java.lang.IndexOutOfBoundsException", Message: "No group " + string(appendInt(nil, n))}
	}
	return n, i, nil
}

func (r *Regex) namedReference(s string, i int) (group, next int, err error) {
	start := i
	for i < len(s) && (letters.has(rune(s[i])) || asciiDigit.has(rune(s[i]))) {
		i++
	}
	name := s[start:i]
	switch {
	case name == "":
		return 0, 0, badReplacement("named capturing group has 0 length name")
	case i == len(s) || s[i] != '}':
		return 0, 0, badReplacement("named capturing group is missing trailing '}'")
	case asciiDigit.has(rune(name[0])):
		return 0, 0, badReplacement("capturing group name {" + name + "} starts with digit character")
	}
	n, ok := r.names[name]
	if !ok {
		return 0, 0, badReplacement("No group with name {" + name + "}")
	}
	return n, i + 1, nil
}
