// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strconv"
	"strings"
)

// CheckRegex tells whether java.util.regex.Pattern would compile a pattern. The
// error is nil or a *RegexError with the text of PatternSyntaxException. It checks
// syntax only; nothing is compiled.
func CheckRegex(pattern string) error {
	c := regexChecker{p: []rune(pattern), names: map[string]bool{}}
	if e := c.alternatives(0); e != nil {
		e.Pattern = pattern
		return e
	}
	if c.i < len(c.p) { // alternatives stops early only at a closing parenthesis
		e := c.fail("Unmatched closing ')'", c.i-1)
		e.Pattern = pattern
		return e
	}
	return nil
}

// RegexError is Java's PatternSyntaxException.
type RegexError struct {
	Description string
	// Index counts characters from 0; negative when it is not known.
	Index   int
	Pattern string
}

// Error returns Java's three lines: description, pattern, and a mark below it.
func (e *RegexError) Error() string {
	s := e.Description
	if e.Index >= 0 {
		s += " near index " + strconv.Itoa(e.Index)
	}
	s += "\n" + e.Pattern
	if e.Index >= 0 && e.Index < len([]rune(e.Pattern)) {
		s += "\n" + strings.Repeat(" ", e.Index) + "^"
	}
	return s
}

// ValidRegex is Connect's RegexValidator: a STRING that compiles as a Java regex.
var ValidRegex Validator = ValidatorFunc{Text: "valid regex", Check: func(key string, value any) error {
	s, isNull, err := text(key, value)
	if err != nil {
		return err
	}
	if isNull { // Java quotes its own NullPointerException here
		return invalid(key, nil, `Invalid regex: Cannot invoke "String.isEmpty()" because "this.pattern" is null`)
	}
	if err := CheckRegex(s); err != nil {
		return invalid(key, value, "Invalid regex: "+err.Error())
	}
	return nil
}}

// maxRegexDepth bounds nesting; Java would overflow its stack somewhere above.
const maxRegexDepth = 1000

// regexChecker walks a pattern as Java's Pattern does. i is the next character.
type regexChecker struct {
	p      []rune
	i      int
	groups int
	names  map[string]bool
	// comments is the flag x: white space and # to the end of the line are skipped.
	comments bool
}

func (c *regexChecker) fail(description string, index int) *RegexError {
	return &RegexError{Description: description, Index: index}
}

// peek returns the character at i+n, 0 behind the end as Java does.
func (c *regexChecker) peek(n int) rune {
	if c.i+n < len(c.p) {
		return c.p[c.i+n]
	}
	return 0
}

func (c *regexChecker) more() bool { return c.i < len(c.p) }

// skip passes over what the flag x makes invisible.
func (c *regexChecker) skip() {
	for inComment := false; c.comments && c.more(); c.i++ {
		switch k := c.p[c.i]; {
		case inComment:
			inComment = !strings.ContainsRune("\n\r\u0085\u2028\u2029", k)
		case k == '#':
			inComment = true
		case !strings.ContainsRune(regexSpace, k):
			return
		}
	}
}

// alternatives reads up to an unopened ')' or the end.
func (c *regexChecker) alternatives(depth int) *RegexError {
	if depth > maxRegexDepth {
		return c.fail("Stack overflow during pattern compilation", c.i)
	}
	for c.skip(); c.more() && c.p[c.i] != ')'; c.skip() {
		if c.p[c.i] == '|' {
			c.i++
			continue
		}
		quantifiable, err := c.atom(depth)
		if err != nil {
			return err
		}
		if c.skip(); quantifiable {
			if err := c.quantifier(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *regexChecker) atom(depth int) (quantifiable bool, err *RegexError) {
	switch c.p[c.i] {
	case '(':
		return c.group(depth)
	case '[':
		return true, c.class(0)
	case '\\':
		return true, c.escape(false)
	case '*', '+', '?':
		return false, c.fail("Dangling meta character '"+string(c.p[c.i])+"'", c.i)
	case '{':
		return true, nil // Java counts repetitions of nothing: x{2}{3} and {4} are fine
	default:
		c.i++
		return true, nil
	}
}

// quantifier reads what may follow an atom. A second one dangles in the next round.
func (c *regexChecker) quantifier() *RegexError {
	switch c.peek(0) {
	case '*', '+', '?':
		c.i++
	case '{':
		if err := c.counted(); err != nil {
			return err
		}
	default:
		return nil
	}
	if c.more() && (c.p[c.i] == '?' || c.p[c.i] == '+') {
		c.i++
	}
	return nil
}

func (c *regexChecker) counted() *RegexError {
	c.i++
	if d := c.peek(0); d < '0' || d > '9' {
		return c.fail("Illegal repetition", c.i)
	}
	low, err := c.number()
	if err != nil {
		return err
	}
	high := low
	if c.peek(0) == ',' {
		c.i++
		high = -1
		if c.peek(0) != '}' {
			if high, err = c.number(); err != nil {
				return err
			}
		}
	}
	if c.peek(0) != '}' {
		return c.fail("Unclosed counted closure", c.i)
	}
	if high >= 0 && high < low {
		return c.fail("Illegal repetition range", c.i)
	}
	c.i++
	return nil
}

func (c *regexChecker) number() (int64, *RegexError) {
	var n int64
	for d := c.peek(0); d >= '0' && d <= '9'; d = c.peek(0) {
		if n = n*10 + int64(d-'0'); n > 1<<31-1 {
			return 0, c.fail("Illegal repetition range", c.i)
		}
		c.i++
	}
	return n, nil
}

func (c *regexChecker) group(depth int) (quantifiable bool, err *RegexError) {
	comments := c.comments
	defer func() {
		if quantifiable { // flags hold to the end of the group that sets them
			c.comments = comments
		}
	}()
	c.i++
	if c.peek(0) == '?' {
		c.i++
		done, err := c.groupKind()
		if done || err != nil {
			return false, err
		}
	} else {
		c.groups++
	}
	if err := c.alternatives(depth + 1); err != nil {
		return false, err
	}
	if c.peek(0) != ')' {
		return false, c.fail("Unclosed group", len(c.p))
	}
	c.i++
	return true, nil
}

// groupKind reads what follows "(?". done: it was flags only, "(?i)".
func (c *regexChecker) groupKind() (done bool, err *RegexError) {
	switch c.peek(0) {
	case ':', '=', '!', '>':
		c.i++
		return false, nil
	case '<':
		c.i++
		if k := c.peek(0); k == '=' || k == '!' {
			c.i++
			return false, nil
		}
		return false, c.groupName()
	}
	for on := true; ; {
		switch k := c.peek(0); {
		case strings.ContainsRune("idmsuxU-", k) && k != 0:
			on = on && k != '-'
			if k == 'x' {
				c.comments = on
			}
			c.i++
		case k == ')':
			c.i++
			return true, nil
		case k == ':':
			c.i++
			return false, nil
		case c.more():
			return false, c.fail("Unknown inline modifier", c.i)
		default:
			return false, c.fail("Unknown inline modifier", len(c.p))
		}
	}
}

func (c *regexChecker) groupName() *RegexError {
	name, ok := c.name('>')
	if !ok {
		if name == "" {
			return c.fail("Unknown look-behind group", c.i)
		}
		return c.fail("named capturing group is missing trailing '>'", c.i)
	}
	if c.names[name] {
		return c.fail("Named capturing group <"+name+"> is already defined", c.i-1)
	}
	c.names[name] = true
	c.groups++
	return nil
}

// name reads an ASCII identifier and its closing sign.
func (c *regexChecker) name(end rune) (string, bool) {
	start := c.i
	for isASCIILetter(c.peek(0)) || c.i > start && c.peek(0) >= '0' && c.peek(0) <= '9' {
		c.i++
	}
	name := string(c.p[start:c.i])
	if name == "" || c.peek(0) != end {
		return name, false
	}
	c.i++
	return name, true
}

func isASCIILetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// class reads a character class from its opening bracket.
func (c *regexChecker) class(depth int) *RegexError {
	if depth > maxRegexDepth {
		return c.fail("Stack overflow during pattern compilation", c.i)
	}
	c.i++
	if c.peek(0) == '^' {
		c.i++
	}
	for first := true; ; first = false {
		if c.skip(); !c.more() {
			return c.fail("Unclosed character class", len(c.p)-1)
		}
		switch k := c.p[c.i]; {
		case k == ']' && !first:
			c.i++
			return nil
		case k == '[':
			if err := c.class(depth + 1); err != nil {
				return err
			}
		case k == '&' && c.peek(1) == '&':
			c.i += 2
		default:
			if err := c.classRange(); err != nil {
				return err
			}
		}
	}
}

// classRange reads a character of a class and, after a dash, the end of its range.
func (c *regexChecker) classRange() *RegexError {
	low, err := c.classChar()
	if err != nil || low < 0 || c.peek(0) != '-' {
		return err
	}
	if k := c.peek(1); k == 0 || k == ']' || k == '[' {
		return nil // the dash stands for itself
	}
	c.i++
	high, err := c.classChar()
	if err != nil {
		return err
	}
	if high < low {
		return c.fail("Illegal character range", c.i-1)
	}
	return nil
}

// classChar reads one character; -1 for a set such as \d, which begins no range.
func (c *regexChecker) classChar() (rune, *RegexError) {
	k := c.p[c.i]
	if k != '\\' {
		c.i++
		return k, nil
	}
	letter := c.peek(1)
	if err := c.escape(true); err != nil {
		return 0, err
	}
	if isASCIILetter(letter) || letter >= '0' && letter <= '9' {
		return -1, nil
	}
	return letter, nil
}
