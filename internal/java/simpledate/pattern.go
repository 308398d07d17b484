// SPDX-License-Identifier: Apache-2.0

package simpledate

import (
	"strconv"
	"strings"
	"time"
)

// Format is a compiled SimpleDateFormat. It is immutable and safe for concurrent use.
type Format struct {
	pattern string
	ops     []op
	program []op           // ops for formatting, runs of them fused
	zone    *time.Location // nil: UTC
	century int64          // start of the 100 years that two digits choose from, in ms
	startYY int            // its year
}

// op is one step of a program: a field of count letters, or with letter 0 a literal.
type op struct {
	letter  byte
	count   int
	literal string
	// obey tells the parser to take exactly count characters, because another number follows without a gap.
	obey bool
}

const patternLetters = "GyMdkHmsSEDFwWahKzZYuXL"

// PatternError is java.lang.IllegalArgumentException with the text of SimpleDateFormat.
type PatternError struct{ Message string }

// Error gives getMessage().
func (e *PatternError) Error() string { return e.Message }

// JavaClass names the exception's class.
func (e *PatternError) JavaClass() string { return "java.lang.IllegalArgumentException" }

// New is new SimpleDateFormat(pattern, Locale.US) with setTimeZone(zone); a nil zone is UTC. The error is
// *PatternError.
func New(pattern string, zone *time.Location) (*Format, error) {
	return newAt(pattern, zone, time.Now())
}

func newAt(pattern string, zone *time.Location, now time.Time) (*Format, error) {
	f := &Format{pattern: pattern}
	if zone != nil && zone != time.UTC && zone.String() != "UTC" {
		f.zone = zone
	}
	if err := f.compile(); err != nil {
		return nil, err
	}
	start := now.AddDate(-80, 0, 0)
	f.century = start.UnixMilli()
	f.startYY = start.Year()
	if f.zone != nil {
		f.startYY = start.In(f.zone).Year()
	}
	return f, nil
}

// Pattern is toPattern().
func (f *Format) Pattern() string { return f.pattern }

func (f *Format) compile() error {
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			f.ops = append(f.ops, op{literal: lit.String()})
			lit.Reset()
		}
	}
	p := f.pattern
	quoted := false
	for i := 0; i < len(p); i++ {
		c := p[i]
		if quoted || !isLetter(c) {
			if err := f.checkLast(); err != nil {
				return err
			}
		}
		switch {
		case c == '\'':
			if i+1 < len(p) && p[i+1] == '\'' {
				lit.WriteByte('\'')
				i++
				continue
			}
			quoted = !quoted
		case quoted || !isLetter(c):
			lit.WriteByte(c)
		case strings.IndexByte(patternLetters, c) < 0:
			return &PatternError{"Illegal pattern character '" + string(rune(c)) + "'"}
		default:
			n := len(f.ops) - 1
			if lit.Len() == 0 && n >= 0 && f.ops[n].letter == c {
				f.ops[n].count++
				continue
			}
			if err := f.checkLast(); err != nil {
				return err
			}
			flush()
			f.ops = append(f.ops, op{letter: c, count: 1})
		}
	}
	if quoted {
		return &PatternError{"Unterminated quote"}
	}
	if err := f.checkLast(); err != nil {
		return err
	}
	flush()
	for i := range f.ops[:max(len(f.ops)-1, 0)] {
		f.ops[i].obey = f.ops[i+1].isNumber()
	}
	f.fuse()
	return nil
}

// Letters of fused steps.
const (
	fusedDate = 1 // yyyy-MM-dd
	fusedTime = 2 // a literal of one byte and HH:mm:ss
)

// fuse replaces the runs that nearly every timestamp has by one step each.
func (f *Format) fuse() {
	is := func(i int, letter byte, count int, literal string) bool {
		return i < len(f.ops) && f.ops[i].letter == letter && f.ops[i].count == count && f.ops[i].literal == literal
	}
	for i := 0; i < len(f.ops); i++ {
		switch {
		case is(i, 'y', 4, "") && is(i+1, 0, 0, "-") && is(i+2, 'M', 2, "") && is(i+3, 0, 0, "-") && is(i+4, 'd', 2, ""):
			f.program = append(f.program, op{letter: fusedDate})
			i += 4
		case f.ops[i].letter == 0 && len(f.ops[i].literal) == 1 && is(i+1, 'H', 2, "") && is(i+2, 0, 0, ":") &&
			is(i+3, 'm', 2, "") && is(i+4, 0, 0, ":") && is(i+5, 's', 2, ""):
			f.program = append(f.program, op{letter: fusedTime, literal: f.ops[i].literal})
			i += 5
		default:
			f.program = append(f.program, f.ops[i])
		}
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// checkLast refuses a run of X that is too long, which Java finds when the run ends.
func (f *Format) checkLast() error {
	if n := len(f.ops) - 1; n >= 0 && f.ops[n].letter == 'X' && f.ops[n].count > 3 {
		return &PatternError{"invalid ISO 8601 format: length=" + strconv.Itoa(f.ops[n].count)}
	}
	return nil
}

// isNumber tells whether the field is written in digits, so that a number before it must know its own width.
func (o *op) isNumber() bool {
	switch o.letter {
	case 'M', 'L':
		return o.count <= 2
	case 'y', 'd', 'H', 'm', 's', 'S', 'D', 'F', 'w', 'W', 'h', 'K', 'k', 'Y', 'u':
		return true
	}
	return false
}
