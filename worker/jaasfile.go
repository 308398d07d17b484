// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"fmt"
	"os"
	"strings"
)

// jaasModule is one login module of an entry of a JAAS file.
type jaasModule struct {
	class   string
	options map[string]string
}

// parseJAASFile reads a login configuration file as the JDK's ConfigFile does:
//
//	Name {
//	  module.Class required|requisite|sufficient|optional key="value" key=value;
//	};
//
// with // and /* */ comments. ${name} in a value stands for a system property; of these there is user.home alone. Errors
// name the line and never quote a value.
func parseJAASFile(text string) (map[string][]jaasModule, error) {
	p := &jaasParser{text: text, line: 1}
	out := map[string][]jaasModule{}
	for p.next(); p.word != ""; p.next() {
		name := p.word
		if _, double := out[name]; double {
			return nil, p.wrong("a second entry of the name " + name)
		}
		if err := p.want("{"); err != nil {
			return nil, err
		}
		for p.next(); p.word != "}" || p.quoted; p.next() {
			m, err := p.module()
			if err != nil {
				return nil, err
			}
			out[name] = append(out[name], m)
		}
		if err := p.want(";"); err != nil {
			return nil, err
		}
	}
	return out, p.err
}

// jaasParser splits a JAAS file into words: names, quoted strings, and the characters { } ; and =.
type jaasParser struct {
	text   string
	at     int
	line   int
	word   string // the current word; "" at the end
	quoted bool
	err    error
}

func (p *jaasParser) wrong(what string) error {
	if p.err == nil {
		p.err = fmt.Errorf("line %d: %s", p.line, what)
	}
	return p.err
}

// want takes a word that must be there.
func (p *jaasParser) want(word string) error {
	if p.next(); p.err == nil && (p.word != word || p.quoted) {
		return p.wrong("there should be " + word)
	}
	return p.err
}

// module reads a module; its class is the current word.
func (p *jaasParser) module() (jaasModule, error) {
	m := jaasModule{class: p.word, options: map[string]string{}}
	if p.word == "" || isJAASMark(p.word) && !p.quoted {
		return m, p.wrong("there should be the class of a login module, or }")
	}
	p.next()
	switch strings.ToLower(p.word) {
	case "required", "requisite", "sufficient", "optional":
	default:
		return m, p.wrong("there should be required, requisite, sufficient or optional")
	}
	for p.next(); p.word != ";" || p.quoted; p.next() {
		key := p.word
		if p.err != nil || key == "" && !p.quoted {
			return m, p.wrong("the module does not end with ;")
		}
		if err := p.want("="); err != nil {
			return m, err
		}
		p.next()
		if p.err != nil || !p.quoted && (p.word == "" || isJAASMark(p.word)) {
			return m, p.wrong("the option " + key + " has no value")
		}
		m.options[key] = expandJAAS(p.word)
	}
	return m, p.err
}

func isJAASMark(s string) bool { return s == "{" || s == "}" || s == ";" || s == "=" }

// next moves to the next word.
func (p *jaasParser) next() {
	p.word, p.quoted = "", false
	p.skip()
	if p.at >= len(p.text) || p.err != nil {
		return
	}
	switch c := p.text[p.at]; c {
	case '{', '}', ';', '=':
		p.word = p.text[p.at : p.at+1]
		p.at++
	case '"':
		p.quotedWord()
	default:
		start := p.at
		for p.at < len(p.text) && !strings.ContainsRune("{};=\" \t\r\n\f", rune(p.text[p.at])) {
			p.at++
		}
		p.word = p.text[start:p.at]
	}
}

// quotedWord reads up to the closing quote; a backslash takes the next character as it is.
func (p *jaasParser) quotedWord() {
	var b strings.Builder
	p.quoted = true
	for p.at++; p.at < len(p.text) && p.text[p.at] != '\n'; p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			p.word = b.String()
			return
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			b.WriteByte(p.text[p.at])
		default:
			b.WriteByte(c)
		}
	}
	_ = p.wrong("a quoted text does not end on its line")
}

// skip goes over white space and comments.
func (p *jaasParser) skip() {
	for p.at < len(p.text) {
		rest := p.text[p.at:]
		switch {
		case rest[0] == '\n':
			p.line++
			p.at++
		case rest[0] <= ' ':
			p.at++
		case strings.HasPrefix(rest, "//"):
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				p.at += end
			} else {
				p.at = len(p.text)
			}
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				_ = p.wrong("a comment does not end")
				p.at = len(p.text)
				return
			}
			p.line += strings.Count(rest[:end+2], "\n")
			p.at += end + 4
		default:
			return
		}
	}
}

// expandJAAS puts values of system properties in. Those that are not known stay as they are, and the file is not found.
func expandJAAS(value string) string {
	if home, err := os.UserHomeDir(); err == nil {
		value = strings.ReplaceAll(value, "${user.home}", home)
	}
	return strings.ReplaceAll(value, "${/}", string(os.PathSeparator))
}
