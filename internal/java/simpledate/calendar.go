// SPDX-License-Identifier: Apache-2.0

package simpledate

// Days are counted from 1970-01-01, the epoch.
const (
	dayMillis = 86400000
	// cutover is 1582-10-15, the first Gregorian day; the day before it was 4 October, Julian.
	cutover     = -141427
	cutoverYear = 1582
)

// floorDiv is a/b towards minus infinity, for b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }

// civil gives the Gregorian date of a day, month 1 to 12. Years run from March, so that the leap day comes last.
func civil(day int64) (year int64, month, dom int) {
	day += 719468
	era := floorDiv(day, 146097)
	doe := uint32(day - era*146097)
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	dom = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	year = int64(yoe) + era*400
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, dom
}

// julian is civil in the Julian calendar.
func julian(day int64) (year int64, month, dom int) {
	day += 719470
	era := floorDiv(day, 1461)
	doe := uint32(day - era*1461)
	yoe := (doe - doe/1460) / 365
	doy := doe - 365*yoe
	mp := (5*doy + 2) / 153
	dom = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	year = int64(yoe) + era*4
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, dom
}

// civilDay gives the day of a Gregorian date; month 1 to 12, any day of month.
func civilDay(year int64, month int, dom int64) int64 {
	y := year
	mp := month - 3
	if month <= 2 {
		y--
		mp = month + 9
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + int64(153*mp+2)/5 + dom - 1 - 719468
}

func julianDay(year int64, month int, dom int64) int64 {
	y := year
	mp := month - 3
	if month <= 2 {
		y--
		mp = month + 9
	}
	return y*365 + floorDiv(y, 4) + int64(153*mp+2)/5 + dom - 1 - 719470
}

// firstOf gives the first day of a month in the calendar in force then. October 1582 began as a Julian month.
func firstOf(year int64, month int) int64 {
	if d := civilDay(year, month, 1); d >= cutover {
		return d
	}
	return julianDay(year, month, 1)
}

// dayOfWeek is 1 for Sunday to 7.
func dayOfWeek(day int64) int { return int(floorMod(day+4, 7)) + 1 }

// onOrBefore gives the last day that is a given day of the week (1 is Sunday; numbers beyond 7 go round).
func onOrBefore(day, dow int64) int64 { return day - floorMod(day+4-(dow-1), 7) }

// weekStart gives the Sunday that begins the week in which a period starting on first has its first week.
func weekStart(first int64) int64 {
	s := onOrBefore(first+6, 1)
	if s-first >= 1 {
		s -= 7
	}
	return s
}

// date holds what formatting needs of a moment.
type date struct {
	day        int64
	ms         int // of the day
	year       int64
	month, dom int
	offset     int // of the zone, in ms
	daylight   bool
}

func (d *date) resolve() {
	if d.day >= cutover {
		d.year, d.month, d.dom = civil(d.day)
		return
	}
	d.year, d.month, d.dom = julian(d.day)
}

func (d *date) dayOfYear() int64 { return d.day - firstOf(d.year, 1) + 1 }

func (d *date) weekOfYear() int64 {
	jan1 := firstOf(d.year, 1)
	w := floorDiv(d.day-weekStart(jan1), 7) + 1
	if w >= 50 { // 1582 was ten days short
		next := firstOf(d.year+1, 1)
		if s := onOrBefore(next+6, 1); s-next >= 1 && d.day >= s-7 {
			return 1
		}
	}
	return w
}

func (d *date) weekYear() int64 {
	if d.month != 1 && d.weekOfYear() == 1 {
		return d.year + 1
	}
	return d.year
}

func (d *date) weekOfMonth() int64 { return floorDiv(d.day-weekStart(firstOf(d.year, d.month)), 7) + 1 }

func (d *date) dayOfWeekInMonth() int64 { return (d.day-firstOf(d.year, d.month))/7 + 1 }
