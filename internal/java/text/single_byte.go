// SPDX-License-Identifier: Apache-2.0

package text

import (
	_ "embed" // single_byte.tsv
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// singleByteTable holds the JVM's single-byte charsets: its tables differ from those of others in odd places, so they
// were taken from the JVM.
//
//go:embed single_byte.tsv
var singleByteTable string

// singleByte is a charset of 256 characters; U+FFFD marks the bytes it does not use.
type singleByte struct {
	runes [256]uint16
	bytes map[rune]byte
}

func (s *singleByte) encode(r rune) byte {
	if b, ok := s.bytes[r]; ok {
		return b
	}
	return '?'
}

var fixedCharsets = sync.OnceValue(func() map[string]*Charset {
	m := map[string]*Charset{}
	for _, e := range fixedCharsetNames {
		c := e.set
		for i, name := range strings.Fields(e.names) {
			if i == 0 {
				c.name = name
			}
			m[strings.ToLower(name)] = &c
		}
	}
	return m
})

var singleByteCache sync.Map // lower-case name -> *Charset

// lookupSingleByte gives nil for a name that is not in the table.
func lookupSingleByte(lower string) *Charset {
	if c, ok := singleByteCache.Load(lower); ok {
		return c.(*Charset)
	}
	for line := range strings.Lines(singleByteTable) {
		if line[0] == '#' {
			continue
		}
		cols := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		for _, name := range append(strings.Split(cols[1], ","), cols[0]) {
			if strings.ToLower(name) != lower {
				continue
			}
			c, _ := singleByteCache.LoadOrStore(lower, &Charset{name: cols[0], kind: kindSingle, single: newSingleByte(cols[2], cols[3])})
			return c.(*Charset)
		}
	}
	return nil
}

func newSingleByte(chars, exceptions string) *singleByte {
	s := &singleByte{bytes: map[rune]byte{}}
	first := 256 - len(chars)/4
	for i := range 256 {
		s.runes[i] = uint16(i)
		if i >= first {
			s.runes[i] = uint16(unhex(chars[(i-first)*4:][:4]))
		}
		r := rune(s.runes[i])
		if _, ok := s.bytes[r]; !ok && r != utf8.RuneError {
			s.bytes[r] = byte(i)
		}
	}
	for ; exceptions != ""; exceptions = exceptions[6:] {
		r := rune(unhex(exceptions[:4]))
		if exceptions[4] == '-' {
			delete(s.bytes, r)
			continue
		}
		s.bytes[r] = byte(unhex(exceptions[4:6]))
	}
	return s
}

func unhex(s string) uint64 {
	v, err := strconv.ParseUint(s, 16, 16)
	if err != nil {
		panic("BUG: bad table of charsets: " + err.Error())
	}
	return v
}
