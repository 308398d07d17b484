// SPDX-License-Identifier: Apache-2.0

package regex

import "strconv"

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// class parses a character class behind its bracket: unions, nested classes and intersections. first allows a
// negation; consume tells to take the closing bracket (the right side of && leaves it).
func (p *parser) class(first, consume bool) set {
	if p.depth++; p.depth > maxNesting {
		p.fail("Pattern nested too deeply", p.pos)
	}
	defer func() { p.depth-- }()
	negated := false
	if first && p.peek() == '^' && p.pos < len(p.in) {
		negated = true
		p.pos++
	}
	var acc set // what stands left of the cursor
	some := false
	for {
		if p.end() {
			p.fail("Unclosed character class", p.pos-1)
		}
		switch c := p.peek(); {
		case c == '[':
			p.pos++
			acc, some = acc.union(p.class(true, true)), true
			continue
		case c == '&' && p.at(1) == '&':
			p.pos += 2
			right, ok := p.classRight()
			switch {
			case ok && some:
				acc = acc.and(right)
			case ok:
				acc, some = right, true
			case !some:
				p.fail("Bad class syntax", p.pos)
			}
			continue
		case c == ']' && some:
			if consume {
				p.pos++
			}
			if negated {
				return acc.negate()
			}
			return acc
		}
		acc, some = acc.union(p.classRange()), true
	}
}

// classRight parses what stands between && and the next && or the end of the class.
func (p *parser) classRight() (right set, ok bool) {
	for {
		if p.end() {
			p.fail("Unclosed character class", p.pos-1)
		}
		switch p.peek() {
		case ']':
			return right, ok
		case '&':
			if p.at(1) == '&' || ok {
				return right, ok
			}
			right, ok = right.union(p.class(false, false)), true
		case '[':
			p.pos++
			right, ok = right.union(p.class(true, true)), true
		default:
			right, ok = right.union(p.class(false, false)), true
		}
	}
}

// classRange parses one character, a range, or a class in the form of an escape.
func (p *parser) classRange() set {
	c := p.peek()
	if c == '\\' {
		s, r, isSet := p.escape(true)
		if isSet {
			return s
		}
		c = r
	} else {
		p.pos++
	}
	if p.end() || p.peek() != '-' {
		return p.single(c)
	}
	if next := p.at(1); next == '[' || next == ']' || p.pos+1 >= len(p.in) {
		return p.single(c)
	}
	p.pos++
	hi := p.peek()
	if hi == '\\' {
		_, r, isSet := p.escape(true)
		if isSet {
			p.fail("Illegal character range", p.pos-1)
		}
		hi = r
	} else {
		p.pos++
	}
	if hi < c {
		p.fail("Illegal character range", p.pos-1)
	}
	return p.fold(set{{c, hi}})
}

// escapeNode parses an escape outside of classes.
func (p *parser) escapeNode() *node {
	c := p.at(1)
	switch c {
	case 'A', 'B', 'G', 'Z', 'b', 'z':
		p.pos += 2
		if c == 'b' && p.at(0) == '{' && p.at(1) == 'g' {
			p.fail("Boundary \\b{g} is not supported", p.pos)
		}
		return p.assert(`\` + string(c))
	case 'R':
		p.pos += 2
		return &node{kind: kindAlt, subs: []*node{
			{kind: kindSeq, subs: []*node{{kind: kindSet, set: runes("\r")}, {kind: kindSet, set: runes("\n")}}},
			{kind: kindSet, set: vertical},
		}}
	case 'X':
		p.pos += 2
		return &node{kind: kindGrapheme}
	case 'k':
		p.pos += 2
		if p.at(0) != '<' {
			p.fail("\\k is not followed by '<' for named capturing group", p.pos)
		}
		p.pos++
		name := p.groupName()
		n, ok := p.names[name]
		if !ok {
			p.fail("named capturing group <"+name+"> does not exist", p.pos-1)
		}
		return &node{kind: kindBackref, n: n, flags: p.flags}
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		p.pos += 2
		n := int(c - '0')
		for asciiDigit.has(p.at(0)) && n*10+int(p.at(0)-'0') <= p.groups {
			n = n*10 + int(p.at(0)-'0')
			p.pos++
		}
		return &node{kind: kindBackref, n: n, flags: p.flags}
	}
	s, r, isSet := p.escape(false)
	if isSet {
		return &node{kind: kindSet, set: s}
	}
	return p.literal(r)
}

// escape parses the escapes that stand for one character or a class of them.
func (p *parser) escape(inClass bool) (s set, r rune, isSet bool) {
	p.pos++
	if p.pos >= len(p.in) {
		p.fail("Unescaped trailing backslash", p.pos)
	}
	c := p.in[p.pos]
	p.pos++
	if s, ok := p.escapedClass(c); ok {
		return s, 0, true
	}
	switch c {
	case '0':
		return nil, p.octal(), false
	case 'a':
		return nil, 7, false
	case 'c':
		if p.pos >= len(p.in) {
			p.fail("Illegal control escape sequence", p.pos-1)
		}
		p.pos++
		return nil, p.in[p.pos-1] ^ 64, false
	case 'e':
		return nil, 0x1B, false
	case 'f':
		return nil, '\f', false
	case 'n':
		return nil, '\n', false
	case 'r':
		return nil, '\r', false
	case 't':
		return nil, '\t', false
	case 'u':
		return nil, p.unicodeEscape(), false
	case 'x':
		return nil, p.hexEscape(), false
	}
	if letters.has(c) || inClass && asciiDigit.has(c) {
		p.fail("Illegal/unsupported escape sequence", p.pos-1)
	}
	return nil, c, false
}

func (p *parser) escapedClass(c rune) (s set, ok bool) {
	uni := p.flags&flagUnicodeClass != 0
	switch c {
	case 'd', 'D':
		s = asciiDigit
		if uni {
			s, _ = unicodeProperty("DIGIT", false)
		}
	case 'h', 'H':
		s = horizontal
	case 's', 'S':
		s = asciiSpace
		if uni {
			s, _ = unicodeProperty("WHITE_SPACE", false)
		}
	case 'v', 'V':
		s = vertical
	case 'w', 'W':
		s = asciiWord
		if uni {
			s = unicodeWord()
		}
	case 'p', 'P':
		s = p.property()
	default:
		return nil, false
	}
	if c <= 'Z' {
		s = s.negate()
	}
	return s, true
}

// property parses the name behind \p.
func (p *parser) property() set {
	if p.pos >= len(p.in) {
		p.fail("Illegal/unsupported escape sequence", p.pos-1)
	}
	name := string(p.in[p.pos])
	p.pos++
	if name == "{" {
		start := p.pos
		for p.pos < len(p.in) && p.in[p.pos] != '}' {
			p.pos++
		}
		if p.pos >= len(p.in) {
			p.fail("Unclosed character family", p.pos)
		}
		name = string(p.in[start:p.pos])
		p.pos++
		if name == "" {
			p.fail("Empty character family", p.pos-1)
		}
	}
	s, ok := lookupProperty(name, p.flags)
	if !ok {
		p.fail("Unknown character property name {"+name+"}", p.pos-1)
	}
	return s
}

func (p *parser) octal() rune {
	isOctal := func(i int) bool { return p.at(i) >= '0' && p.at(i) <= '7' }
	if !isOctal(0) {
		p.fail("Illegal octal escape sequence", p.pos)
	}
	n := 1
	if isOctal(1) {
		n = 2
		if p.at(0) <= '3' && isOctal(2) {
			n = 3
		}
	}
	v := rune(0)
	for range n {
		v = v*8 + p.at(0) - '0'
		p.pos++
	}
	return v
}

// hexDigits reads exactly n digits.
func (p *parser) hexDigits(n int) (rune, bool) {
	if p.pos+n > len(p.in) {
		return 0, false
	}
	for _, c := range p.in[p.pos : p.pos+n] {
		if !posix["XDigit"].has(c) {
			return 0, false
		}
	}
	v, err := strconv.ParseUint(string(p.in[p.pos:p.pos+n]), 16, 32)
	return rune(v), err == nil
}

func (p *parser) hexEscape() rune {
	if p.at(0) != '{' {
		v, ok := p.hexDigits(2)
		if !ok {
			n := 0
			for n < 1 && posix["XDigit"].has(p.at(n)) && p.pos < len(p.in) {
				n++
			}
			p.fail("Illegal hexadecimal escape sequence", p.pos+n)
		}
		p.pos += 2
		return v
	}
	p.pos++
	n := 0
	for posix["XDigit"].has(p.at(n)) && p.at(n) != 0 {
		n++
	}
	v, ok := p.hexDigits(n)
	switch {
	case n == 0 || p.at(n) != '}' && p.pos+n < len(p.in) && n == 0:
		p.fail("Illegal hexadecimal escape sequence", p.pos)
	case !ok || v > maxRune || v < 0:
		p.fail("Hexadecimal codepoint is too big", p.pos+n-1)
	case p.at(n) != '}':
		p.fail("Unclosed hexadecimal escape sequence", p.pos+n)
	}
	p.pos += n + 1
	return v
}

func (p *parser) unicodeEscape() rune {
	v, ok := p.hexDigits(4)
	if !ok {
		p.fail("Illegal Unicode escape sequence", p.pos)
	}
	p.pos += 4
	if v >= 0xD800 && v <= 0xDBFF && p.at(0) == '\\' && p.at(1) == 'u' {
		p.pos += 2
		if lo, ok := p.hexDigits(4); ok && lo >= 0xDC00 && lo <= 0xDFFF {
			p.pos += 4
			return (v-0xD800)<<10 + (lo - 0xDC00) + 0x10000
		}
		p.pos -= 2
	}
	return v
}
