// SPDX-License-Identifier: Apache-2.0

package regex

import (
	"strconv"
	"unicode/utf16"
)

// emitter writes a tree in the syntax that both engines share. For the standard engine (linear) it gives up, by
// clearing ok, on what that engine lacks or does otherwise.
type emitter struct {
	out    []byte
	linear bool
	ok     bool
	// plainOnly is set when the text written holds only for inputs without line ends.
	plainOnly bool
	// looksLeft is set when an assertion looks left of where a search starts: inputs must not be cut then.
	looksLeft bool
	groups    int
}

func (e *emitter) str(s string) { e.out = append(e.out, s...) }

func (e *emitter) node(n *node) {
	switch n.kind {
	case kindSet:
		e.set(n.set)
	case kindSeq:
		for _, s := range n.subs {
			if s.kind == kindAlt {
				e.wrapped("(?:", s)
			} else {
				e.node(s)
			}
		}
	case kindAlt:
		for i, s := range n.subs {
			if i > 0 {
				e.str("|")
			}
			e.node(s)
		}
	case kindGroup:
		e.wrapped("(", n.subs[0])
	case kindAtomic:
		e.ok = e.ok && !e.linear
		e.wrapped("(?>", n.subs[0])
	case kindLook:
		e.ok = e.ok && !e.linear
		e.wrapped(n.op, n.subs[0])
	case kindRepeat:
		e.repeat(n)
	case kindBackref:
		e.backref(n)
	case kindAssert:
		e.assert(n)
	case kindGrapheme:
		e.ok = e.ok && !e.linear
		e.str(`\X`)
	}
}

func (e *emitter) wrapped(open string, n *node) {
	e.str(open)
	e.node(n)
	e.str(")")
}

func (e *emitter) repeat(n *node) {
	sub := n.subs[0]
	// The standard engine differs in loops over the empty string, and bounds the counts it takes.
	if e.linear && (n.op == "+" || n.max != 1 && sub.matchesEmpty() || n.min > 100 || n.max > 100) {
		e.ok = false
	}
	if sub.kind == kindAssert || sub.kind == kindLook { // repeated any number of times it says the same or nothing
		sub = &node{kind: kindSeq, subs: []*node{sub}}
	}
	if n.op == "+" {
		e.str("(?>")
	}
	if sub.kind == kindSet || sub.kind == kindGroup {
		e.node(sub)
	} else {
		e.wrapped("(?:", sub)
	}
	switch {
	case n.min == 0 && n.max == 1:
		e.str("?")
	case n.min == 0 && n.max < 0:
		e.str("*")
	case n.min == 1 && n.max < 0:
		e.str("+")
	default:
		e.str("{" + strconv.Itoa(n.min))
		if n.max != n.min {
			e.str(",")
			if n.max >= 0 {
				e.str(strconv.Itoa(n.max))
			}
		}
		e.str("}")
	}
	switch n.op {
	case "+":
		e.str(")")
	case "?":
		e.str("?")
	}
}

func (e *emitter) backref(n *node) {
	e.ok = e.ok && !e.linear
	switch {
	case n.n > e.groups:
		e.str("(?!)") // a group that is not there never matches
	case n.flags&flagFold != 0:
		e.str(`(?i:\` + strconv.Itoa(n.n) + ")")
	default:
		e.str(`(?:\` + strconv.Itoa(n.n) + ")")
	}
}

func (e *emitter) set(s set) {
	if len(s) == 0 {
		e.str(`[^\x00-` + "\U0010FFFF" + `]`)
		return
	}
	if len(s) == 1 && s[0].lo == s[0].hi {
		e.char(s[0].lo)
		return
	}
	if len(s) == 1 && s[0] == anything[0] {
		e.str(`(?s:.)`)
		return
	}
	e.str("[")
	if neg := s.negate(); len(neg) < len(s) {
		e.str("^")
		s = neg
	}
	for _, r := range s {
		e.char(r.lo)
		if r.hi > r.lo {
			e.str("-")
			e.char(r.hi)
		}
	}
	e.str("]")
}

// char writes one character so that neither engine sees syntax in it.
func (e *emitter) char(r rune) {
	switch {
	case letters.has(r) || asciiDigit.has(r):
		e.out = append(e.out, byte(r))
	case r < 0x100:
		e.str(`\x`)
		e.out = append(e.out, "0123456789ABCDEF"[r>>4], "0123456789ABCDEF"[r&15])
	case e.linear && utf16.IsSurrogate(r):
		e.ok = false // the standard engine reads UTF-8, in which there is no such character
	case r > 0xFFFF:
		e.out = append(e.out, string(r)...)
	default:
		h := "000" + strconv.FormatInt(int64(r), 16)
		if e.linear {
			e.str(`\x{` + h[len(h)-4:] + "}")
		} else {
			e.str(`\u` + h[len(h)-4:])
		}
	}
}

// Assertions in the syntax of regexp2. They never match inside of CR LF.
const (
	beforeLastLineEnd = `(?:(?<!\r)(?=\n\z)|(?=\r\n\z)|(?=[\r\x85\u2028\u2029]\z)|\z)`
	beforeLineEnd     = `(?:(?<!\r)(?=\n)|(?=[\r\x85\u2028\u2029])|\z)`
	afterLineEnd      = `(?:(?!\z)(?:\A|(?<=[\n\x85\u2028\u2029])|(?<=\r)(?!\n)))`
)

func (e *emitter) assert(n *node) {
	multi, unix := n.flags&flagMultiline != 0, n.flags&flagUnixLines != 0
	switch n.op {
	case "^":
		e.looksLeft = true
		switch {
		case !multi:
			e.str(`\A`)
		case e.linear: // not at the end of the input, which cannot be said here
			e.ok = false
		case unix:
			e.str(`(?:(?!\z)(?:\A|(?<=\n)))`)
		default:
			e.str(afterLineEnd)
		}
	case "$", `\Z`:
		e.lineEnd(multi && n.op == "$", unix)
	case `\A`:
		e.looksLeft = true
		e.str(`\A`)
	case `\G`:
		e.looksLeft = true
		e.ok = e.ok && !e.linear
		e.str(`\G`)
	case `\b`, `\B`:
		e.boundary(n)
	case `\z`:
		e.str(`\z`)
	}
}

func (e *emitter) lineEnd(multi, unix bool) {
	switch {
	case e.linear:
		e.plainOnly = true
		e.str(`\z`)
	case multi && unix:
		e.str(`(?=\n|\z)`)
	case multi:
		e.str(beforeLineEnd)
	case unix:
		e.str(`(?=\n?\z)`)
	default:
		e.str(beforeLastLineEnd)
	}
}

func (e *emitter) boundary(n *node) {
	e.looksLeft = true
	unicodeClass := n.flags&flagUnicodeClass != 0
	if e.linear {
		e.ok = e.ok && !unicodeClass
		e.str(n.op)
		return
	}
	word := emitter{}
	word.set(asciiWord)
	if unicodeClass {
		word = emitter{}
		word.set(unicodeWord())
	}
	w := string(word.out)
	if n.op == `\b` {
		e.str(`(?:(?<=` + w + `)(?!` + w + `)|(?<!` + w + `)(?=` + w + `))`)
		return
	}
	e.str(`(?:(?<=` + w + `)(?=` + w + `)|(?<!` + w + `)(?!` + w + `))`)
}
