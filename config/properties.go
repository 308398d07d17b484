// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Encoding is how the bytes of a .properties file become characters.
type Encoding uint8

const (
	// Latin1 is what java.util.Properties reads from a stream, and so what worker
	// and connector files are in: each byte is a character.
	Latin1 Encoding = iota
	// UTF8 is what FileConfigProvider reads. Malformed bytes are an error.
	UTF8
)

// maxPropertiesBytes bounds a file: configurations are small, and a wrong path may
// lead to anything.
const maxPropertiesBytes = 64 << 20

// Properties are key-value pairs in the order of first appearance. A later
// duplicate replaces the value and keeps the place. Not safe for concurrent use.
type Properties struct {
	keys   []string
	values map[string]string
}

// Set adds or replaces a pair.
func (p *Properties) Set(key, value string) {
	if p.values == nil {
		p.values = map[string]string{}
	}
	if _, ok := p.values[key]; !ok {
		p.keys = append(p.keys, key)
	}
	p.values[key] = value
}

// Get returns the value of a key, "" and false when there is none.
func (p *Properties) Get(key string) (string, bool) {
	v, ok := p.values[key]
	return v, ok
}

// Keys returns the keys in order. The slice is shared: do not change it.
func (p *Properties) Keys() []string { return p.keys }

// Len returns the number of pairs.
func (p *Properties) Len() int { return len(p.keys) }

// Map returns a copy as a map.
func (p *Properties) Map() map[string]string {
	m := make(map[string]string, len(p.keys))
	for k, v := range p.values {
		m[k] = v
	}
	return m
}

// Props returns a copy as Props.
func (p *Properties) Props() Props { return NewProps(p.values) }

// LoadProperties reads a .properties file; errors name the file and the line.
func LoadProperties(path string, enc Encoding) (*Properties, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := ParseProperties(f, enc)
	if se := (*PropertiesError)(nil); errors.As(err, &se) {
		se.File = path
		return nil, se
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return p, nil
}

// PropertiesError is a syntax error in a .properties file.
type PropertiesError struct {
	// File is "" when the reader had no name.
	File string
	// Line counts from 1; of joined lines it is the first.
	Line    int
	Message string
}

// Error returns "file:line: message".
func (e *PropertiesError) Error() string {
	file := e.File
	if file == "" {
		file = "properties"
	}
	return file + ":" + strconv.Itoa(e.Line) + ": " + e.Message
}

// ParseProperties reads the .properties format of java.util.Properties.load:
// comments with # or !, keys up to the first unescaped =, : or white space, lines
// joined by a backslash at their end, \t \n \r \f \uXXXX escapes. White space at
// the end of a value stays. The error is a *PropertiesError or that of r.
func ParseProperties(r io.Reader, enc Encoding) (*Properties, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxPropertiesBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxPropertiesBytes {
		return nil, &PropertiesError{Line: 1, Message: "the file is larger than 64 MiB"}
	}
	text, err := decodeProperties(raw, enc)
	if err != nil {
		return nil, err
	}
	p := &Properties{}
	s := lineScanner{text: text, line: 1}
	for {
		line, at, ok := s.next()
		if !ok {
			return p, nil
		}
		key, value := splitProperty(line)
		if key, err = unescape(key, at); err != nil {
			return nil, err
		}
		if value, err = unescape(value, at); err != nil {
			return nil, err
		}
		p.Set(key, value)
	}
}

func decodeProperties(raw []byte, enc Encoding) (string, error) {
	if enc == UTF8 {
		if utf8.Valid(raw) {
			return string(raw), nil
		}
		line := 1
		for len(raw) > 0 {
			r, n := utf8.DecodeRune(raw)
			if r == utf8.RuneError && n == 1 {
				break
			}
			if r == '\n' {
				line++
			}
			raw = raw[n:]
		}
		return "", &PropertiesError{Line: line, Message: "not valid UTF-8"}
	}
	ascii := true
	for _, b := range raw {
		ascii = ascii && b < 0x80
	}
	if ascii {
		return string(raw), nil
	}
	var sb strings.Builder
	sb.Grow(len(raw) + len(raw)/8)
	for _, b := range raw {
		sb.WriteRune(rune(b))
	}
	return sb.String(), nil
}

// lineScanner yields logical lines: without comments, blank lines, leading white
// space and line joins.
type lineScanner struct {
	text string
	line int  // number of the next natural line
	crlf bool // the last natural line ended in \r\n
}

const propertySpace = " \t\f"

func (s *lineScanner) natural() (string, bool) {
	if s.text == "" {
		return "", false
	}
	i := strings.IndexAny(s.text, "\r\n")
	s.line++
	s.crlf = false
	if i < 0 {
		line := s.text
		s.text = ""
		return line, true
	}
	line := s.text[:i]
	if s.text[i] == '\r' && i+1 < len(s.text) && s.text[i+1] == '\n' {
		i++
		s.crlf = true
	}
	s.text = s.text[i+1:]
	return line, true
}

func (s *lineScanner) next() (line string, at int, ok bool) {
	for {
		at = s.line
		n, ok := s.natural()
		if !ok {
			return "", 0, false
		}
		n = strings.TrimLeft(n, propertySpace)
		if invisible(n) {
			continue
		}
		if !joins(n) {
			return n, at, true
		}
		if line, ok = s.join(n); ok {
			return line, at, true
		}
	}
}

// invisible tells whether a line without leading white space is blank or a comment.
func invisible(line string) bool { return line == "" || line[0] == '#' || line[0] == '!' }

// join appends the following natural lines to a first one that ends in a backslash.
// A comment sign does not count there, unless nothing but backslashes came before.
// A backslash right before the end of the file goes, and by itself makes a pair of
// empty strings, except before \r\n: java.util.Properties does so.
func (s *lineScanner) join(first string) (line string, ok bool) {
	var sb strings.Builder
	for n := first; ; {
		more := joins(n)
		if more {
			n = n[:len(n)-1]
		}
		sb.WriteString(n)
		if !more {
			return sb.String(), true
		}
		if n, ok = s.natural(); !ok {
			return sb.String(), sb.Len() > 0 || !s.crlf
		}
		n = strings.TrimLeft(n, propertySpace)
		if sb.Len() == 0 && invisible(n) {
			return "", false
		}
	}
}

// joins tells whether a line ends in an odd number of backslashes.
func joins(line string) bool {
	n := 0
	for n < len(line) && line[len(line)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// splitProperty cuts a logical line into raw key and raw value.
func splitProperty(line string) (key, value string) {
	i := 0
	for i < len(line) && !strings.ContainsRune("=: \t\f", rune(line[i])) {
		if line[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(line) {
		return line, ""
	}
	key = line[:i]
	value = strings.TrimLeft(line[i:], propertySpace)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], propertySpace)
	}
	return key, value
}

func unescape(s string, line int) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var units []uint16 // \uXXXX gives UTF-16 code units, two of which may make a pair
	var sb strings.Builder
	flush := func() {
		if len(units) > 0 {
			sb.WriteString(string(utf16.Decode(units)))
			units = units[:0]
		}
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' {
			flush()
			sb.WriteByte(c)
			continue
		}
		if i++; i == len(s) {
			break
		}
		if s[i] == 'u' {
			if len(s)-i < 5 {
				return "", &PropertiesError{Line: line, Message: `Malformed \uxxxx encoding: four hex digits must follow`}
			}
			u, err := strconv.ParseUint(s[i+1:i+5], 16, 16)
			if err != nil {
				return "", &PropertiesError{Line: line, Message: `Malformed \uxxxx encoding: four hex digits must follow`}
			}
			units = append(units, uint16(u))
			i += 4
			continue
		}
		flush()
		if j := strings.IndexByte("tnrf", s[i]); j >= 0 {
			sb.WriteByte("\t\n\r\f"[j])
		} else {
			sb.WriteByte(s[i]) // the first byte of any other character: the rest follows by itself
		}
	}
	flush()
	return sb.String(), nil
}

// Write writes the pairs in the .properties format, in ASCII, so that both
// encodings read them back. Unlike Java it writes no date.
func (p *Properties) Write(w io.Writer) error {
	bw := bufio.NewWriter(w)
	for _, k := range p.keys {
		bw.WriteString(escape(k, true))
		bw.WriteByte('=')
		bw.WriteString(escape(p.values[k], false))
		bw.WriteByte('\n')
	}
	return bw.Flush()
}

func escape(s string, key bool) string {
	var sb strings.Builder
	for i, r := range s {
		switch {
		case r == ' ' && (key || i == 0):
			sb.WriteString(`\ `)
		case r == '\t':
			sb.WriteString(`\t`)
		case r == '\n':
			sb.WriteString(`\n`)
		case r == '\r':
			sb.WriteString(`\r`)
		case r == '\f':
			sb.WriteString(`\f`)
		case strings.ContainsRune(`\=:#!`, r):
			sb.WriteByte('\\')
			sb.WriteRune(r)
		case r < 0x20 || r > 0x7e:
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&sb, `\u%04X`, u)
			}
		default:
			sb.WriteRune(r)
		}
	}
	return sb.String()
}
