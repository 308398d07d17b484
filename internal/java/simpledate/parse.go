// SPDX-License-Identifier: Apache-2.0

package simpledate

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/text"
)

// Parse is parse(s): what follows the match is ignored. When ok is false, errorIndex tells where it failed, in UTF-16
// units; the exception is then java.text.ParseException with the message `Unparseable date: "S"`.
func (f *Format) Parse(s string) (ms int64, errorIndex int, ok bool) {
	p := parser{f: f, s: s}
	pos := 0
	for i := range f.ops {
		o := &f.ops[i]
		if o.letter == 0 {
			n := commonPrefix(s[pos:], o.literal)
			if pos += n; n < len(o.literal) {
				return 0, text.UTF16Len(s[:pos]), false
			}
			continue
		}
		if pos, ok = p.field(pos, o); !ok {
			return 0, text.UTF16Len(s[:pos]), false
		}
	}
	ms = p.time()
	if p.ambiguousYear && ms < f.century {
		p.fields[fYear] += 100
		p.fields[fWeekYear] += 100
		ms = p.time()
	}
	return ms, 0, true
}

// commonPrefix gives how much of literal, cut at whole characters, s starts with.
func commonPrefix(s, literal string) int {
	n := 0
	for n < len(literal) {
		_, size := text.DecodeRune(literal[n:])
		if len(s) < n+size || s[n:n+size] != literal[n:n+size] {
			return n
		}
		n += size
	}
	return n
}

type parser struct {
	f *Format
	s string
	settings
	ambiguousYear bool
}

// field parses one field from pos on and gives where it ended, or where it failed.
func (p *parser) field(pos int, o *op) (end int, ok bool) {
	start := pos
	for {
		if pos >= len(p.s) {
			return start, false
		}
		if p.s[pos] != ' ' && p.s[pos] != '\t' {
			break
		}
		pos++
	}
	switch o.letter {
	case 'G':
		return p.name(start, pos, fEra, eras[:], 0, 0)
	case 'M', 'L':
		if o.count >= 3 {
			return p.name(start, pos, fMonth, months[:], 0, 3)
		}
	case 'E':
		return p.name(start, pos, fDayOfWeek, weekdays[:], 1, 3)
	case 'a':
		return p.name(start, pos, fAmPm, halves[:], 0, 0)
	case 'z', 'Z':
		return p.generalZone(start, pos)
	case 'X':
		return p.isoZone(pos, o.count)
	}
	limit := len(p.s)
	if o.obey {
		if limit = advance(p.s, start, o.count); limit < 0 {
			return pos, false
		}
	}
	v, end, ok := parseInteger(p.s[:limit], pos)
	if !ok {
		return pos, false
	}
	p.setNumber(o, v, p.s[pos:end])
	return end, true
}

// advance gives the offset n UTF-16 units behind start, -1 when the text is shorter.
func advance(s string, start, n int) int {
	for n > 0 {
		if start >= len(s) {
			return -1
		}
		r, size := text.DecodeRune(s[start:])
		start += size
		if n--; r > 0xFFFF {
			n--
		}
	}
	return start
}

func (p *parser) setNumber(o *op, v int32, digits string) {
	switch o.letter {
	case 'y', 'Y':
		if o.count <= 2 && text.UTF16Len(digits) == 2 && digits[0] != '-' && !strings.ContainsRune(digits, 'E') {
			two := int32(p.f.startYY % 100)
			p.ambiguousYear = v == two
			v += int32(p.f.startYY / 100 * 100)
			if v%100 < two {
				v += 100
			}
		}
		if o.letter == 'Y' {
			p.set(fWeekYear, v)
			return
		}
		p.set(fYear, v)
	case 'M', 'L':
		p.set(fMonth, v-1)
	case 'k':
		if v == 24 {
			v = 0
		}
		p.set(fHourOfDay, v)
	case 'h':
		if v == 12 {
			v = 0
		}
		p.set(fHour, v)
	case 'u':
		if v >= 1 && v <= 7 {
			v = v%7 + 1
		}
		p.set(fDayOfWeek, v)
	default:
		p.set(numberFields[o.letter], v)
	}
}

var numberFields = map[byte]int{'d': fDayOfMonth, 'H': fHourOfDay, 'm': fMinute, 's': fSecond, 'S': fMillisecond,
	'D': fDayOfYear, 'F': fDayOfWeekInMonth, 'w': fWeekOfYear, 'W': fWeekOfMonth, 'K': fHour}

// name matches one of names at start, the longest: either whole or cut to short characters. Blanks before it count
// against it.
func (p *parser) name(start, pos, field int, names []string, first int32, short int) (end int, ok bool) {
	best, value := 0, int32(0)
	for i, n := range names {
		for _, form := range [2]string{n, n[:short]} {
			if len(form) > best && hasPrefixFold(p.s[start:], form) {
				best, value = len(form), first+int32(i)
			}
		}
	}
	if best == 0 {
		return pos, false
	}
	p.set(field, value)
	return start + best, true
}

func (p *parser) setOffset(minutes int) {
	p.set(fZoneOffset, int32(minutes*60000))
	p.set(fDSTOffset, 0)
}

// generalZone parses what z and Z take: +hhmm, GMT, GMT+h:mm or a name.
func (p *parser) generalZone(start, pos int) (end int, ok bool) {
	switch c := p.s[pos]; {
	case c == '+' || c == '-':
		return p.numericZone(pos+1, c == '-', 0, false)
	case c|0x20 == 'g' && hasPrefixFold(p.s[start:], "GMT"):
		pos = start + len("GMT")
		if pos < len(p.s) && (p.s[pos] == '+' || p.s[pos] == '-') {
			return p.numericZone(pos+1, p.s[pos] == '-', 0, true)
		}
		p.setOffset(0)
		return pos, true
	}
	own := "UTC"
	if p.f.zone != nil {
		own = p.f.zone.String()
	}
	if p.zone != nil {
		own = p.zone.id
	}
	z, ok := findZone(p.s[pos:], own)
	if !ok {
		return pos, false
	}
	// Where standard and daylight time share a name, or the zone no longer saves daylight, its rules decide.
	same := z.kind <= 1 && hasPrefixFold(z.zone.names[z.kind], z.zone.names[z.kind+2]) &&
		len(z.zone.names[z.kind]) == len(z.zone.names[z.kind+2])
	saving := 0
	if z.kind >= 2 {
		saving = z.zone.saving
	}
	p.zone = z.zone
	if !same && (z.kind < 2 || saving != 0) {
		p.clear(fZoneOffset)
		p.set(fDSTOffset, int32(saving*60000))
	}
	return pos + len(z.name), true
}

func (p *parser) isoZone(pos, count int) (end int, ok bool) {
	switch p.s[pos] {
	case 'Z':
		p.setOffset(0)
		return pos + 1, true
	case '+', '-':
		return p.numericZone(pos+1, p.s[pos] == '-', count, count == 3)
	}
	_, size := text.DecodeRune(p.s[pos:])
	return pos + size, false
}

// numericZone parses hh[[:]mm]. count is that of X, 0 for other letters; colon asks for one.
func (p *parser) numericZone(i int, negative bool, count int, colon bool) (end int, ok bool) {
	// Where it fails Java points behind the last character looked at, less one.
	digit := func() (int, bool) {
		if i >= len(p.s) {
			i++
			return 0, false
		}
		c := p.s[i]
		i++
		return int(c - '0'), c-'0' <= 9
	}
	fail := func() (int, bool) { return min(i-1, len(p.s)), false }
	hours, ok := digit()
	if !ok {
		return fail()
	}
	if i >= len(p.s) {
		i++
		return fail()
	}
	if d, ok := digit(); ok {
		hours = hours*10 + d
	} else {
		if count > 0 || !colon {
			return fail()
		}
		i--
	}
	if hours > 23 {
		return fail()
	}
	minutes := 0
	if count != 1 {
		if colon {
			if i >= len(p.s) || p.s[i] != ':' {
				i++
				return fail()
			}
			i++
		}
		tens, ok := digit()
		if !ok {
			return fail()
		}
		ones, ok := digit()
		if !ok {
			return fail()
		}
		if minutes = tens*10 + ones; minutes > 59 {
			return fail()
		}
	}
	minutes += hours * 60
	if negative {
		minutes = -minutes
	}
	p.setOffset(minutes)
	return i, true
}

// parseInteger is what NumberFormat.getIntegerInstance parses: a minus sign, digits of any script, an exponent. The
// value is intValue(): wrapped when it fits a long, else saturated.
func parseInteger(s string, pos int) (v int32, end int, ok bool) {
	negative := pos < len(s) && s[pos] == '-'
	i := pos
	if negative {
		i++
	}
	var n uint64
	overflow := false
	first := i
	big := 0.0
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		d := number.Digit(r, 10)
		if d < 0 {
			break
		}
		i += size
		overflow = overflow || n > (math.MaxInt64-uint64(d))/10
		n = n*10 + uint64(d)
		big = big*10 + float64(d)
	}
	if i == first {
		return parseSpecial(s, pos, negative)
	}
	if exp, next, ok := exponent(s, i); ok {
		i = next
		big *= math.Pow10(int(exp))
		if overflow = math.Abs(big) > math.MaxInt64; !overflow {
			n = uint64(big)
		}
	}
	if negative {
		n, big = -n, -big
	}
	if overflow {
		return number.DoubleToInt(big), i, true
	}
	return int32(int64(n)), i, true
}

// exponent reads E and an integer behind it.
func exponent(s string, i int) (v int32, end int, ok bool) {
	if i+1 >= len(s) || s[i] != 'E' {
		return 0, i, false
	}
	j := i + 1
	if s[j] == '-' {
		j++
	}
	for j < len(s) && s[j]-'0' <= 9 {
		v = min(v*10+int32(s[j]-'0'), 400)
		j++
	}
	if s[j-1]-'0' > 9 {
		return 0, i, false
	}
	if s[i+1] == '-' {
		v = -v
	}
	return v, j, true
}

// parseSpecial takes the texts of what is no number.
func parseSpecial(s string, pos int, negative bool) (v int32, end int, ok bool) {
	const infinity, nan = "\u221E", "NaN"
	switch {
	case negative && len(s) >= pos+1+len(infinity) && s[pos+1:pos+1+len(infinity)] == infinity:
		return math.MinInt32, pos + 1 + len(infinity), true
	case negative:
	case len(s) >= pos+len(infinity) && s[pos:pos+len(infinity)] == infinity:
		return math.MaxInt32, pos + len(infinity), true
	case len(s) >= pos+len(nan) && s[pos:pos+len(nan)] == nan:
		return 0, pos + len(nan), true
	}
	return 0, pos, false
}
