// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"
	"unicode"
)

// escape reads an escape sequence from its backslash.
func (c *regexChecker) escape(inClass bool) *RegexError {
	c.i++
	if !c.more() {
		return c.fail("Unexpected internal error", c.i)
	}
	k := c.p[c.i]
	c.i++
	switch {
	case k == 'Q':
		c.quoted()
		return nil
	case strings.ContainsRune("aefnrtdDhHsSvVwW", k):
		return nil
	case strings.ContainsRune("AbBGZzRX", k):
		if inClass {
			return c.fail("Illegal/unsupported escape sequence", c.i-1)
		}
		return nil
	case k == '0':
		return c.octal()
	case k >= '1' && k <= '9':
		if inClass {
			return c.fail("Illegal/unsupported escape sequence", c.i-1)
		}
		return nil // a back-reference to a group that may not exist is fine: it never matches
	case k == 'c':
		if !c.more() {
			return c.fail("Illegal control escape sequence", c.i)
		}
		c.i++
		return nil
	case k == 'x':
		return c.hex()
	case k == 'u':
		return c.fixedHex(4, "Illegal Unicode escape sequence")
	case k == 'p' || k == 'P':
		return c.property()
	case k == 'k' && !inClass:
		return c.backReference()
	case k == 'N':
		return c.braced("Illegal character name escape sequence")
	case isASCIILetter(k):
		return c.fail("Illegal/unsupported escape sequence", c.i-1)
	}
	return nil
}

// quoted skips to \E or the end.
func (c *regexChecker) quoted() {
	for ; c.more(); c.i++ {
		if c.p[c.i] == '\\' && c.peek(1) == 'E' {
			c.i += 2
			return
		}
	}
}

func (c *regexChecker) octal() *RegexError {
	if d := c.peek(0); d < '0' || d > '7' {
		return c.fail("Illegal octal escape sequence", c.i)
	}
	for n := 0; n < 3 && c.peek(0) >= '0' && c.peek(0) <= '7'; n++ {
		c.i++
	}
	return nil
}

func (c *regexChecker) hex() *RegexError {
	if c.peek(0) != '{' {
		return c.fixedHex(2, "Illegal hexadecimal escape sequence")
	}
	c.i++
	value, digits := 0, 0
	for ; isHex(c.peek(0)); c.i++ {
		if value = value*16 + hexValue(c.peek(0)); value > unicode.MaxRune {
			return c.fail("Hexadecimal codepoint is too big", c.i)
		}
		digits++
	}
	if digits == 0 || c.peek(0) != '}' {
		return c.fail("Unclosed hexadecimal escape sequence", c.i)
	}
	c.i++
	return nil
}

func (c *regexChecker) fixedHex(digits int, description string) *RegexError {
	for range digits {
		if !isHex(c.peek(0)) {
			return c.fail(description, c.i)
		}
		c.i++
	}
	return nil
}

func isHex(r rune) bool {
	return r < 0x80 && strings.ContainsRune("0123456789abcdefABCDEF", r) && r != 0
}

func hexValue(r rune) int {
	switch {
	case r <= '9':
		return int(r - '0')
	case r >= 'a':
		return int(r-'a') + 10
	default:
		return int(r-'A') + 10
	}
}

func (c *regexChecker) braced(description string) *RegexError {
	if c.peek(0) != '{' {
		return c.fail(description, c.i)
	}
	for ; c.more(); c.i++ {
		if c.p[c.i] == '}' {
			c.i++
			return nil
		}
	}
	return c.fail("Unclosed character name escape sequence", c.i)
}

func (c *regexChecker) backReference() *RegexError {
	if c.peek(0) != '<' {
		return c.fail("\\k is not followed by '<' for named capturing group", c.i)
	}
	c.i++
	name, ok := c.name('>')
	if !ok {
		return c.fail("named capturing group is missing trailing '>'", c.i)
	}
	if !c.names[name] {
		return c.fail("named capturing group <"+name+"> does not exist", c.i-1)
	}
	return nil
}

// property reads \pL or \p{Name}.
func (c *regexChecker) property() *RegexError {
	if !c.more() {
		return c.fail("Unknown character property name {}", c.i)
	}
	name := string(c.p[c.i])
	if c.p[c.i] != '{' {
		c.i++
	} else {
		end := slices.Index(c.p[c.i:], '}')
		if end < 0 {
			return c.fail("Unclosed character family", len(c.p)-1)
		}
		name = string(c.p[c.i+1 : c.i+end])
		c.i += end + 1
		if name == "" {
			return c.fail("Empty character family", c.i-1)
		}
	}
	if !knownProperty(name) {
		return c.fail("Unknown character property name {"+name+"}", c.i-1)
	}
	return nil
}

// posixProperties are those of java.util.regex beyond Unicode's categories.
var posixProperties = strings.Fields(`Lower Upper ASCII Alpha Digit Alnum Punct Graph Print Blank Cntrl XDigit Space
	LC LD L1 all javaLowerCase javaUpperCase javaAlphabetic javaIdeographic javaTitleCase javaDigit javaDefined javaLetter
	javaLetterOrDigit javaJavaIdentifierStart javaJavaIdentifierPart javaUnicodeIdentifierStart javaUnicodeIdentifierPart
	javaIdentifierIgnorable javaSpaceChar javaWhitespace javaISOControl javaMirrored Cn`)

// binaryProperties follow "Is", in any case.
var binaryProperties = strings.Fields(`alphabetic letter ideographic lowercase uppercase titlecase white_space whitespace
	control punctuation hex_digit hexdigit assigned noncharacter_code_point noncharactercodepoint digit alnum blank graph
	print word join_control joincontrol emoji emoji_presentation emoji_modifier emoji_modifier_base emoji_component
	extended_pictographic`)

// knownProperty is generous with the names of blocks, which Go does not list.
func knownProperty(name string) bool {
	if key, value, ok := strings.Cut(name, "="); ok {
		switch strings.ToLower(key) {
		case "sc", "script":
			return knownScript(value)
		case "gc", "general_category":
			return knownCategory(value)
		case "blk", "block":
			return value != ""
		}
		return false
	}
	if rest, ok := strings.CutPrefix(name, "In"); ok {
		return rest != ""
	}
	if rest, ok := strings.CutPrefix(name, "Is"); ok {
		return slices.Contains(binaryProperties, strings.ToLower(rest)) || knownCategory(rest) || knownScript(rest)
	}
	return slices.Contains(posixProperties, name) || knownCategory(name)
}

func knownCategory(name string) bool {
	return unicode.Categories[name] != nil || slices.Contains(posixProperties, name)
}

func knownScript(name string) bool {
	for s := range unicode.Scripts {
		if strings.EqualFold(s, name) {
			return true
		}
	}
	// The short ISO 15924 codes are four letters; refusing a rare one would be worse
	// than letting a wrong one pass here.
	return len(name) == 4
}
