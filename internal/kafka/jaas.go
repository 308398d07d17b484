// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"strings"
)

// jaasEntry is one login module of sasl.jaas.config.
type jaasEntry struct {
	module  string
	flag    string // as written
	options map[string]string
}

// parseJAAS reads the value of sasl.jaas.config: "Module flag key=value ...;", several in a row. The lexer is that of
// the StreamTokenizer Kafka uses: bare words, single and double quotes with backslash escapes that end with the line,
// // and /* */ comments, and numbers as a kind of their own, which no option may be. Errors never quote a value.
func parseJAAS(text string) ([]jaasEntry, error) {
	t := jaasLexer{s: text}
	var entries []jaasEntry
	for t.next(); t.kind != jaasEOF; t.next() {
		e := jaasEntry{module: t.word, options: map[string]string{}}
		if t.kind != jaasWord {
			return nil, javaError("Login module not specified in JAAS config")
		}
		t.next()
		if t.kind == jaasEOF {
			return nil, javaError("Login module control flag not specified in JAAS config")
		}
		if t.kind != jaasWord {
			return nil, javaError("Login module control flag is not available in the JAAS config")
		}
		switch e.flag = t.word; strings.ToUpper(e.flag) {
		case "REQUIRED", "REQUISITE", "SUFFICIENT", "OPTIONAL":
		default:
			return nil, javaError(fmt.Sprintf("Invalid login module control flag '%s' in JAAS config", e.flag))
		}
		if err := t.options(e.options); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, javaError("Login module not specified in JAAS config")
	}
	return entries, nil
}

// options reads key=value pairs up to the semicolon.
func (t *jaasLexer) options(into map[string]string) error {
	for t.next(); t.kind != jaasEOF && t.char != ';'; t.next() {
		key := t.word
		if t.next(); t.char != '=' {
			return javaError(fmt.Sprintf("Value not specified for key '%s' in JAAS config", key))
		}
		if t.next(); t.kind != jaasWord {
			return javaError(fmt.Sprintf("Value not specified for key '%s' in JAAS config", key))
		}
		into[key] = t.word
	}
	if t.char != ';' {
		return javaError("JAAS config entry not terminated by semi-colon")
	}
	return nil
}

type jaasKind uint8

const (
	jaasEOF jaasKind = iota
	jaasWord
	jaasNumber
	jaasChar
)

// jaasLexer is the part of java.io.StreamTokenizer that JAAS lines meet.
type jaasLexer struct {
	s    string
	at   int
	kind jaasKind
	word string // the text when kind is jaasWord, else empty
	char byte   // the character when kind is jaasChar, else 0
}

func (t *jaasLexer) next() {
	t.kind, t.word, t.char = jaasEOF, "", 0
	if t.skipBlanks(); t.at >= len(t.s) {
		return
	}
	switch c := t.s[t.at]; {
	case c == '"' || c == '\'':
		t.quoted(c)
	case isJAASNumber(t.s[t.at:]):
		// StreamTokenizer ends a number at the first character that is neither digit nor dot.
		t.kind = jaasNumber
		for t.at++; t.at < len(t.s) && isDigitOrDot(t.s[t.at]); t.at++ {
		}
	case isJAASWordChar(c) && c != '-': // a minus that starts no number stands alone
		start := t.at
		for t.at++; t.at < len(t.s) && isJAASWordChar(t.s[t.at]); t.at++ {
		}
		t.kind, t.word = jaasWord, t.s[start:t.at]
	default:
		t.kind, t.char = jaasChar, c
		t.at++
	}
}

func (t *jaasLexer) skipBlanks() {
	for t.at < len(t.s) {
		rest := t.s[t.at:]
		switch {
		case rest[0] <= ' ':
			t.at++
		case strings.HasPrefix(rest, "//"):
			if end := strings.IndexAny(rest, "\r\n"); end >= 0 {
				t.at += end
			} else {
				t.at = len(t.s)
			}
		case strings.HasPrefix(rest, "/*"):
			if end := strings.Index(rest[2:], "*/"); end >= 0 {
				t.at += end + 4
			} else {
				t.at = len(t.s)
			}
		case rest[0] == '/': // StreamTokenizer's default comment character, up to the end of the line
			if end := strings.IndexAny(rest, "\r\n"); end >= 0 {
				t.at += end
			} else {
				t.at = len(t.s)
			}
		default:
			return
		}
	}
}

// quoted reads a string up to its quote or the end of the line, whichever comes first.
func (t *jaasLexer) quoted(quote byte) {
	var b strings.Builder
	for t.at++; t.at < len(t.s); {
		c := t.s[t.at]
		if c == quote {
			t.at++
			break
		}
		if c == '\n' || c == '\r' {
			break
		}
		t.at++
		if c == '\\' && t.at < len(t.s) {
			c = t.escape()
		}
		b.WriteByte(c)
	}
	t.kind, t.word = jaasWord, b.String()
}

// escape reads what follows a backslash: up to three octal digits, a letter with a meaning, or the character itself.
func (t *jaasLexer) escape() byte {
	c := t.s[t.at]
	t.at++
	if c >= '0' && c <= '7' {
		n, limit := int(c-'0'), 1
		if c <= '3' {
			limit = 2
		}
		for ; limit > 0 && t.at < len(t.s) && t.s[t.at] >= '0' && t.s[t.at] <= '7'; limit-- {
			n = n<<3 + int(t.s[t.at]-'0')
			t.at++
		}
		return byte(n)
	}
	if i := strings.IndexByte("abfnrtv", c); i >= 0 {
		return "\a\b\f\n\r\t\v"[i]
	}
	return c
}

func isDigitOrDot(c byte) bool { return c >= '0' && c <= '9' || c == '.' }

// isJAASNumber reports whether a number starts here: a digit or a dot, or a minus before one.
func isJAASNumber(s string) bool {
	if s[0] == '-' {
		return len(s) > 1 && isDigitOrDot(s[1])
	}
	return isDigitOrDot(s[0])
}

func isJAASWordChar(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= 0x80: // any byte of a multi-byte character
		return true
	case isDigitOrDot(c), c == '-', c == '_', c == '$':
		return true
	}
	return false
}
