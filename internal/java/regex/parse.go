// SPDX-License-Identifier: Apache-2.0

package regex

import (
	"strings"
	"unicode"

	"github.com/penstock-io/penstock/internal/java/text"
)

type flags uint8

const (
	flagFold         flags = 1 << iota // i
	flagUnixLines                      // d
	flagMultiline                      // m
	flagDotAll                         // s
	flagUnicodeCase                    // u
	flagUnicodeClass                   // U
	flagComments                       // x
)

var flagLetters = map[rune]flags{'i': flagFold, 'd': flagUnixLines, 'm': flagMultiline, 's': flagDotAll,
	'u': flagUnicodeCase, 'U': flagUnicodeClass | flagUnicodeCase, 'x': flagComments}

// nodeKind tells what a node of the tree is.
type nodeKind uint8

const (
	kindSet      nodeKind = iota // one character of set
	kindSeq                      // subs one after another
	kindAlt                      // one of subs, in order
	kindGroup                    // capture of subs[0], number n
	kindAtomic                   // (?>...)
	kindLook                     // look-around, op is its opening
	kindRepeat                   // subs[0], min to max (-1: no limit) times, op is "", "?" or "+"
	kindBackref                  // group n
	kindAssert                   // op names it, see emit.go
	kindGrapheme                 // \X
)

type node struct {
	kind     nodeKind
	set      set
	subs     []*node
	n        int
	min, max int
	op       string
	flags    flags
}

// maxNesting bounds recursion. Java's parser overflows its stack some thousand levels deep.
const maxNesting = 500

type parser struct {
	pattern string
	in      []rune
	pos     int
	flags   flags
	groups  int            // capturing groups opened so far
	names   map[string]int // named groups
	depth   int
	quoted  bool // \Q..\E was rewritten: positions are those of the rewritten text, as in Java
}

// parse gives the tree of a pattern. It panics with *SyntaxError, which Compile recovers.
func (p *parser) parse() *node {
	p.in = unquote(decode(p.pattern), &p.quoted)
	p.names = map[string]int{}
	n := p.alternatives()
	if p.pos < len(p.in) {
		if p.peek() == ')' {
			p.fail("Unmatched closing ')'", p.pos-1)
		}
		p.fail("Unexpected internal error", p.pos)
	}
	return n
}

func decode(s string) []rune {
	out := make([]rune, 0, len(s))
	for s != "" {
		r, size := text.DecodeRune(s)
		out = append(out, r)
		s = s[size:]
	}
	return out
}

// unquote rewrites \Q..\E with single escapes, as Java does before it parses.
func unquote(in []rune, changed *bool) []rune {
	out := make([]rune, 0, len(in))
	for i := 0; i < len(in); i++ {
		if in[i] != '\\' || i+1 >= len(in) {
			out = append(out, in[i])
			continue
		}
		if in[i+1] != 'Q' {
			out = append(out, in[i], in[i+1])
			i++
			continue
		}
		*changed = true
		for i += 2; i < len(in); i++ {
			if in[i] == '\\' && i+1 < len(in) && in[i+1] == 'E' {
				i++
				break
			}
			if c := in[i]; c < 0x80 && !letters.has(c) && !asciiDigit.has(c) {
				out = append(out, '\\')
			}
			out = append(out, in[i])
		}
	}
	return out
}

func (p *parser) fail(description string, index int) {
	pattern := p.pattern
	if p.quoted {
		pattern = string(p.in)
	}
	panic(&SyntaxError{Description: description, Pattern: pattern, Index: index})
}

// at gives the character at offset i from the cursor, 0 behind the end, as Java's padded buffer does.
func (p *parser) at(i int) rune {
	if p.pos+i < len(p.in) {
		return p.in[p.pos+i]
	}
	return 0
}

// peek skips comments when they are on.
func (p *parser) peek() rune {
	if p.flags&flagComments != 0 {
		for p.pos < len(p.in) {
			c := p.in[p.pos]
			if asciiSpace.has(c) {
				p.pos++
			} else if c == '#' {
				for p.pos < len(p.in) && !p.lineEnd(p.in[p.pos]) {
					p.pos++
				}
			} else {
				break
			}
		}
	}
	return p.at(0)
}

func (p *parser) lineEnd(c rune) bool {
	return c == '\n' || p.flags&flagUnixLines == 0 && lineEnds.has(c)
}

func (p *parser) end() bool { p.peek(); return p.pos >= len(p.in) }

func (p *parser) accept(c rune) bool {
	if !p.end() && p.peek() == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) alternatives() *node {
	if p.depth++; p.depth > maxNesting {
		p.fail("Pattern nested too deeply", p.pos)
	}
	defer func() { p.depth-- }()
	subs := []*node{p.sequence()}
	for p.accept('|') {
		subs = append(subs, p.sequence())
	}
	if len(subs) == 1 {
		return subs[0]
	}
	return &node{kind: kindAlt, subs: subs}
}

func (p *parser) sequence() *node {
	seq := &node{kind: kindSeq}
	for !p.end() {
		var n *node
		switch c := p.peek(); c {
		case '|', ')':
			return seq
		case '*', '+', '?':
			p.fail("Dangling meta character '"+string(c)+"'", p.pos)
		case '(':
			p.pos++
			if n = p.group(); n == nil { // flags only
				continue
			}
		case '[':
			p.pos++
			n = &node{kind: kindSet, set: p.class(true, true)}
		case '^':
			p.pos++
			n = p.assert("^")
		case '$':
			p.pos++
			n = p.assert("$")
		case '.':
			p.pos++
			n = &node{kind: kindSet, set: p.dot()}
		case '\\':
			n = p.escapeNode()
		case '{':
			if !asciiDigit.has(p.at(1)) {
				p.fail("Illegal repetition", p.pos)
			}
			n = &node{kind: kindSeq} // a count of nothing
		default:
			p.pos++
			n = p.literal(c)
		}
		seq.subs = append(seq.subs, p.quantified(n))
	}
	return seq
}

func (p *parser) assert(op string) *node { return &node{kind: kindAssert, op: op, flags: p.flags} }

func (p *parser) dot() set {
	switch {
	case p.flags&flagDotAll != 0:
		return anything
	case p.flags&flagUnixLines != 0:
		return runes("\n").negate()
	}
	return lineEnds.negate()
}

func (p *parser) literal(c rune) *node { return &node{kind: kindSet, set: p.single(c)} }

func (p *parser) single(c rune) set { return p.fold(set{{c, c}}) }

// fold widens a set by the other case when flags ask for it.
func (p *parser) fold(s set) set {
	switch {
	case p.flags&flagFold == 0:
		return s
	case p.flags&flagUnicodeCase == 0:
		return s.foldASCII()
	}
	if len(s) == 1 && s[0].lo == s[0].hi && !hasCase(s[0].lo) {
		return s
	}
	low := newSet()
	for _, r := range s { // a single character folds by its lower case, a range as it is
		if r.lo == r.hi {
			l := unicode.ToLower(unicode.ToUpper(r.lo))
			low = low.union(set{{l, l}, {r.lo, r.lo}})
			continue
		}
		low = low.union(set{r})
	}
	return low.foldUnicode()
}

func hasCase(c rune) bool { return unicode.SimpleFold(c) != c }

// group parses behind an opening parenthesis. It gives nil for a group that only sets flags.
func (p *parser) group() *node {
	saved := p.flags
	if p.peek() != '?' {
		p.groups++
		return p.closeGroup(&node{kind: kindGroup, n: p.groups}, saved)
	}
	p.pos++
	c := p.at(0)
	p.pos++
	switch c {
	case ':':
		return p.closeGroup(&node{kind: kindSeq}, saved)
	case '=', '!':
		return p.closeGroup(&node{kind: kindLook, op: "(?" + string(c)}, saved)
	case '>':
		return p.closeGroup(&node{kind: kindAtomic}, saved)
	case '<':
		return p.angleGroup(saved)
	case '$', '@':
		p.fail("Unknown group type", p.pos-1)
	}
	p.pos--
	p.setFlags()
	if p.at(0) == ')' {
		p.pos++
		return nil
	}
	if p.at(0) != ':' {
		p.fail("Unknown inline modifier", p.pos)
	}
	p.pos++
	return p.closeGroup(&node{kind: kindSeq}, saved)
}

func (p *parser) setFlags() {
	on := true
	for {
		c := p.at(0)
		if c == '-' && on {
			on = false
			p.pos++
			continue
		}
		f, ok := flagLetters[c]
		if !ok {
			return
		}
		if on {
			p.flags |= f
		} else {
			p.flags &^= f
		}
		p.pos++
	}
}

func (p *parser) angleGroup(saved flags) *node {
	c := p.at(0)
	if c == '=' || c == '!' {
		p.pos++
		start := p.pos
		n := p.closeGroup(&node{kind: kindLook, op: "(?<" + string(c)}, saved)
		if _, bounded := n.subs[0].maxLength(); !bounded {
			p.fail("Look-behind group does not have an obvious maximum length", max(p.pos-1, start))
		}
		return n
	}
	name := p.groupName()
	if _, dup := p.names[name]; dup {
		p.fail("Named capturing group <"+name+"> is already defined", p.pos-1)
	}
	p.groups++
	p.names[name] = p.groups
	return p.closeGroup(&node{kind: kindGroup, n: p.groups}, saved)
}

func (p *parser) groupName() string {
	start := p.pos
	if !letters.has(p.at(0)) {
		p.fail("capturing group name does not start with a Latin letter", p.pos)
	}
	for letters.has(p.at(0)) || asciiDigit.has(p.at(0)) {
		p.pos++
	}
	if p.at(0) != '>' {
		p.fail("named capturing group is missing trailing '>'", p.pos)
	}
	p.pos++
	return string(p.in[start : p.pos-1])
}

func (p *parser) closeGroup(n *node, saved flags) *node {
	n.subs = []*node{p.alternatives()}
	if !p.accept(')') {
		p.fail("Unclosed group", p.pos)
	}
	p.flags = saved
	return n
}

// quantified wraps n in the quantifier that follows, if any.
func (p *parser) quantified(n *node) *node {
	if p.end() {
		return n
	}
	r := &node{kind: kindRepeat, subs: []*node{n}, max: -1}
	switch p.peek() {
	case '?':
		r.max = 1
	case '*':
	case '+':
		r.min = 1
	case '{':
		p.counted(r)
	default:
		return n
	}
	p.pos++
	if !p.end() {
		switch c := p.peek(); c {
		case '?', '+':
			p.pos++
			r.op = string(c)
		}
	}
	return r
}

// counted reads {n}, {n,} or {n,m} up to the closing brace.
func (p *parser) counted(r *node) {
	if !asciiDigit.has(p.at(1)) {
		p.fail("Illegal repetition", p.pos+1)
	}
	p.pos++
	r.min = p.count()
	r.max = r.min
	if p.at(0) == ',' {
		p.pos++
		r.max = -1
		if p.at(0) != '}' {
			r.max = p.count()
		}
	}
	if p.at(0) != '}' {
		p.fail("Unclosed counted closure", p.pos)
	}
	if r.max >= 0 && r.max < r.min {
		p.fail("Illegal repetition range", p.pos)
	}
}

func (p *parser) count() int {
	n := 0
	for asciiDigit.has(p.at(0)) {
		n = n*10 + int(p.at(0)-'0')
		if n > 1<<31-1 {
			p.fail("Illegal repetition range", p.pos)
		}
		p.pos++
	}
	return n
}

// maxLength gives the length of the longest match; bounded is false when there is none.
func (n *node) maxLength() (length int, bounded bool) {
	switch n.kind {
	case kindSet:
		return 1, true
	case kindAssert, kindLook:
		return 0, true
	case kindBackref, kindGrapheme:
		return 0, false
	case kindRepeat:
		l, ok := n.subs[0].maxLength()
		if n.max < 0 && n.op == "" && n.subs[0].kind == kindSet { // Java lets these pass
			return 0, true
		}
		if n.max < 0 || !ok {
			return 0, false
		}
		return l * n.max, true
	}
	for _, s := range n.subs {
		l, ok := s.maxLength()
		if !ok {
			return 0, false
		}
		if n.kind == kindAlt {
			length = max(length, l)
		} else {
			length += l
		}
	}
	return length, true
}

// matchesEmpty tells whether n may match without consuming anything.
func (n *node) matchesEmpty() bool {
	switch n.kind {
	case kindSet, kindGrapheme:
		return false
	case kindAssert, kindLook, kindBackref:
		return true
	case kindRepeat:
		return n.min == 0 || n.subs[0].matchesEmpty()
	case kindAlt:
		for _, s := range n.subs {
			if s.matchesEmpty() {
				return true
			}
		}
		return false
	}
	for _, s := range n.subs {
		if !s.matchesEmpty() {
			return false
		}
	}
	return true
}

// message is PatternSyntaxException.getMessage(): the description, the index, the pattern and a caret below it.
func (e *SyntaxError) message() string {
	var b strings.Builder
	b.WriteString(e.Description)
	if e.Index >= 0 {
		b.WriteString(" near index ")
		b.Write(appendInt(nil, e.Index))
	}
	b.WriteString("\n" + e.Pattern)
	if e.Index >= 0 && e.Index < text.UTF16Len(e.Pattern) {
		b.WriteString("\n" + strings.Repeat(" ", e.Index) + "^")
	}
	return b.String()
}
