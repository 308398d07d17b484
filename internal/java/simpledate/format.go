// SPDX-License-Identifier: Apache-2.0

package simpledate

import "strconv"

var (
	months = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
		"November", "December"}
	weekdays = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	eras     = [...]string{"BC", "AD"}
	halves   = [...]string{"AM", "PM"}
)

// pairs holds "00" to "99".
var pairs = func() (t [200]byte) {
	for i := range 100 {
		t[2*i], t[2*i+1] = byte('0'+i/10), byte('0'+i%10)
	}
	return t
}()

// Format is format(new Date(ms)).
func (f *Format) Format(ms int64) string {
	var buf [64]byte
	return string(f.AppendFormat(buf[:0], ms))
}

// AppendFormat appends format(new Date(ms)). It does not allocate when dst has room.
func (f *Format) AppendFormat(dst []byte, ms int64) []byte {
	var d date
	if f.zone != nil {
		offset, daylight := offsetAt(f.zone, ms)
		d.offset, d.daylight = int(offset), daylight
		ms += offset
	}
	d.day = ms / dayMillis
	d.ms = int(ms - d.day*dayMillis) // in Java's direction of division: towards zero
	if d.ms < 0 {
		d.ms += dayMillis
		d.day--
	}
	d.resolve()
	for i := range f.program {
		o := &f.program[i]
		switch o.letter {
		case 0:
			dst = append(dst, o.literal...)
		case fusedDate:
			dst = appendDate(dst, &d)
		case fusedTime:
			dst = appendTime(dst, d.ms, o.literal)
		case 'y':
			dst = appendYear(dst, d.year, o.count)
		case 'M', 'L':
			dst = appendMonth(dst, d.month, o.count)
		case 'd':
			dst = appendNumber(dst, int64(d.dom), o.count)
		case 'H':
			dst = appendNumber(dst, int64(d.ms/3600000), o.count)
		case 'm':
			dst = appendNumber(dst, int64(d.ms/60000%60), o.count)
		case 's':
			dst = appendNumber(dst, int64(d.ms/1000%60), o.count)
		case 'S':
			dst = appendNumber(dst, int64(d.ms%1000), o.count)
		default:
			dst = f.appendRare(dst, &d, o)
		}
	}
	return dst
}

// appendDate writes yyyy-MM-dd.
func appendDate(dst []byte, d *date) []byte {
	y := d.year
	if y < 1 || y > 9999 {
		dst = append(appendYear(dst, y, 4), '-')
		dst = append(appendNumber(dst, int64(d.month), 2), '-')
		return appendNumber(dst, int64(d.dom), 2)
	}
	hi, lo, m, dom := uint32(y)/100*2, uint32(y)%100*2, 2*d.month, 2*d.dom
	return append(dst, pairs[hi], pairs[hi+1], pairs[lo], pairs[lo+1], '-', pairs[m], pairs[m+1], '-', pairs[dom], pairs[dom+1])
}

// appendTime writes HH:mm:ss behind a literal of one byte.
func appendTime(dst []byte, ms int, literal string) []byte {
	s := uint32(ms) / 1000
	h, m := s/3600*2, s/60%60*2
	s = s % 60 * 2
	return append(dst, literal[0], pairs[h], pairs[h+1], ':', pairs[m], pairs[m+1], ':', pairs[s], pairs[s+1])
}

// appendRare writes the less common fields.
func (f *Format) appendRare(dst []byte, d *date, o *op) []byte {
	hour := int64(d.ms / 3600000)
	n := int64(0)
	switch o.letter {
	case 'G':
		if d.year <= 0 {
			return append(dst, eras[0]...)
		}
		return append(dst, eras[1]...)
	case 'E':
		return appendName(dst, weekdays[dayOfWeek(d.day)-1], o.count)
	case 'a':
		return append(dst, halves[hour/12]...)
	case 'z':
		return append(dst, f.zoneName(d.daylight, o.count >= 4)...)
	case 'Z':
		return appendOffset(dst, d.offset/60000, "")
	case 'X':
		return appendISOOffset(dst, d.offset, o.count)
	case 'Y':
		if o.count == 2 {
			return appendNumber(dst, d.weekYear()%100, 2)
		}
		return appendNumber(dst, d.weekYear(), o.count)
	case 'k':
		n = (hour+23)%24 + 1
	case 'h':
		n = (hour+11)%12 + 1
	case 'K':
		n = hour % 12
	case 'u':
		n = int64(dayOfWeek(d.day)+5)%7 + 1
	case 'D':
		n = d.dayOfYear()
	case 'w':
		n = d.weekOfYear()
	case 'W':
		n = d.weekOfMonth()
	case 'F':
		n = d.dayOfWeekInMonth()
	}
	return appendNumber(dst, n, o.count)
}

// appendYear writes the year of its era; two letters cut it to two digits.
func appendYear(dst []byte, year int64, count int) []byte {
	if year <= 0 {
		year = 1 - year
	}
	if count == 2 {
		year %= 100
	}
	return appendNumber(dst, year, count)
}

func appendMonth(dst []byte, month, count int) []byte {
	if count >= 3 {
		return appendName(dst, months[month-1], count)
	}
	return appendNumber(dst, int64(month), count)
}

func appendName(dst []byte, name string, count int) []byte {
	if count < 4 {
		name = name[:3]
	}
	return append(dst, name...)
}

// appendNumber writes n with at least width digits.
func appendNumber(dst []byte, n int64, width int) []byte {
	switch {
	case n < 0:
		return appendNumber(append(dst, '-'), -n, width)
	case n < 10 && width == 1:
		return append(dst, byte('0'+n))
	case n < 100 && width == 2:
		return append(dst, pairs[2*n], pairs[2*n+1])
	case n < 1000 && width == 3:
		return append(dst, byte('0'+n/100), pairs[n%100*2], pairs[n%100*2+1])
	case n < 10000 && width == 4:
		return append(dst, pairs[n/100*2], pairs[n/100*2+1], pairs[n%100*2], pairs[n%100*2+1])
	}
	digits := 1
	for x := n; x >= 10; x /= 10 {
		digits++
	}
	for ; digits < width; digits++ {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendOffset writes an offset in minutes as +hhmm.
func appendOffset(dst []byte, minutes int, separator string) []byte {
	if minutes < 0 {
		dst = append(dst, '-')
		minutes = -minutes
	} else {
		dst = append(dst, '+')
	}
	dst = appendNumber(dst, int64(minutes/60), 2)
	dst = append(dst, separator...)
	return appendNumber(dst, int64(minutes%60), 2)
}

func appendISOOffset(dst []byte, offsetMillis, count int) []byte {
	switch {
	case offsetMillis == 0:
		return append(dst, 'Z')
	case count == 3:
		return appendOffset(dst, offsetMillis/60000, ":")
	case count == 2:
		return appendOffset(dst, offsetMillis/60000, "")
	}
	return appendOffset(dst, offsetMillis/60000, "")[:len(dst)+3]
}
