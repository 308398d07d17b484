// SPDX-License-Identifier: Apache-2.0

package simpledate

import "time"

// The fields of a calendar that parsing can set.
const (
	fEra = iota
	fYear
	fMonth
	fWeekOfYear
	fWeekOfMonth
	fDayOfMonth
	fDayOfYear
	fDayOfWeek
	fDayOfWeekInMonth
	fAmPm
	fHour
	fHourOfDay
	fMinute
	fSecond
	fMillisecond
	fZoneOffset
	fDSTOffset
	fWeekYear
	fieldCount
)

// settings are the fields that were parsed, each with a stamp that tells the order; 0 is unset. Of fields that name a
// day in different ways the ones set last decide.
type settings struct {
	fields [fieldCount]int32
	stamps [fieldCount]int
	next   int
	zone   *zoneInfo // named in the text
}

func (s *settings) set(field int, v int32) {
	s.next++
	s.fields[field], s.stamps[field] = v, s.next
}

func (s *settings) clear(field int) { s.fields[field], s.stamps[field] = 0, 0 }

// both is the stamp of a group of two fields: that of the later one, unset unless both are set.
func (s *settings) both(a, b int) int {
	if s.stamps[a] == 0 || s.stamps[b] == 0 {
		return 0
	}
	return max(s.stamps[a], s.stamps[b])
}

// time gives the moment in ms.
func (p *parser) time() int64 {
	s := &p.settings
	timeOfDay := s.timeOfDay()
	days := floorDiv(timeOfDay, dayMillis)
	timeOfDay -= days * dayMillis
	if s.stamps[fWeekYear] > s.stamps[fYear] {
		days += s.weekDate()
	} else {
		days = s.date(days)
	}
	wall := days*dayMillis + timeOfDay
	if s.stamps[fZoneOffset] != 0 {
		return wall - int64(s.fields[fZoneOffset]) - int64(s.fields[fDSTOffset])
	}
	return wall - p.offset(wall)
}

func (s *settings) timeOfDay() int64 {
	hour := s.both(fHour, fAmPm)
	best := max(hour, s.stamps[fHourOfDay])
	if best == 0 {
		best = max(s.stamps[fHour], s.stamps[fAmPm])
	}
	t := int64(0)
	switch {
	case best == 0:
	case best == s.stamps[fHourOfDay]:
		t = int64(s.fields[fHourOfDay])
	default:
		t = int64(s.fields[fHour]) + 12*int64(s.fields[fAmPm])
	}
	t = t*60 + int64(s.fields[fMinute])
	t = t*60 + int64(s.fields[fSecond])
	return t*1000 + int64(s.fields[fMillisecond])
}

// weekDate is Calendar.setWeekDate: the day from week year, week and day of the week alone.
func (s *settings) weekDate() int64 {
	week, dow := int64(1), int64(1)
	if s.stamps[fWeekOfYear] != 0 {
		week = int64(s.fields[fWeekOfYear])
	}
	if s.stamps[fDayOfWeek] != 0 {
		dow = int64(s.fields[fDayOfWeek])
	}
	if dow < 1 || dow > 7 { // only the number of an ISO day can be so
		if dow >= 8 {
			dow--
			week += dow / 7
			dow = dow%7 + 1
		} else {
			for dow <= 0 {
				dow += 7
				week--
			}
		}
		dow = dow%7 + 1
	}
	first := settings{}
	if s.stamps[fEra] != 0 {
		first.set(fEra, s.fields[fEra])
	}
	first.set(fYear, s.fields[fWeekYear])
	first.set(fWeekOfYear, 1)
	first.set(fDayOfWeek, 1)
	return first.date(0) + dow - 1 + 7*(week-1)
}

// selection is the way in which the day of the year was given.
type selection struct {
	byMonth           bool
	dayOfMonth        bool
	weekOfMonth       bool
	dayOfYear         bool
	weekOfYear        bool
	dayOfWeek, nthDay bool
}

// choose is Calendar.selectFields for the date.
func (s *settings) choose() selection {
	st := &s.stamps
	dow, dom, doy := st[fDayOfWeek], st[fDayOfMonth], st[fDayOfYear]
	wom, nth, woy := s.both(fWeekOfMonth, fDayOfWeek), s.both(fDayOfWeekInMonth, fDayOfWeek), s.both(fWeekOfYear, fDayOfWeek)
	best := max(dom, wom, nth, doy, woy)
	if best == 0 { // no group is complete: take a week, or a day of the week as the first of its kind
		wom, nth, woy = st[fWeekOfMonth], max(st[fDayOfWeekInMonth], dow), st[fWeekOfYear]
		if best = max(wom, nth, woy); best == 0 {
			dom = st[fMonth]
			best = dom
		}
	}
	switch {
	case best == dom:
		return selection{byMonth: true, dayOfMonth: true}
	case best == wom && st[fWeekOfMonth] >= st[fWeekOfYear], best == nth && st[fDayOfWeekInMonth] >= st[fWeekOfYear]:
		sel := selection{byMonth: true, dayOfWeek: dow != 0}
		switch {
		case wom == nth && st[fWeekOfMonth] >= st[fDayOfWeekInMonth], wom != nth && best == wom:
			sel.weekOfMonth = true
		default:
			sel.nthDay = st[fDayOfWeekInMonth] != 0
		}
		return sel
	case best == doy:
		return selection{dayOfYear: true}
	}
	return selection{weekOfYear: true, dayOfWeek: dow != 0}
}

// date gives the day; extra days come from a time of day beyond 24 hours. It is Gregorian or Julian by what each
// calendar says of the day.
func (s *settings) date(extra int64) int64 {
	year := int64(1970)
	if s.stamps[fYear] != 0 {
		year = int64(s.fields[fYear])
	}
	if s.stamps[fEra] != 0 && s.fields[fEra] == 0 {
		year = int64(int32(1 - year))
	}
	sel := s.choose()
	switch {
	case year > cutoverYear:
		if g := extra + s.dayIn(civilDay, year, sel); g >= cutover {
			return g
		}
		return extra + s.dayIn(julianDay, year, sel)
	case year < cutoverYear:
		return extra + s.dayIn(julianDay, year, sel)
	}
	j := extra + s.dayIn(julianDay, year, sel)
	g := extra + s.dayIn(civilDay, year, sel)
	if sel.dayOfYear || sel.weekOfYear {
		return j
	}
	if g >= cutover && j >= cutover {
		return g
	}
	return j
}

// dayIn is GregorianCalendar.getFixedDate in one of the two calendars.
func (s *settings) dayIn(dayOf func(year int64, month int, dom int64) int64, year int64, sel selection) int64 {
	f := &s.fields
	if !sel.byMonth {
		day := dayOf(year, 1, 1)
		if sel.dayOfYear {
			return day + int64(f[fDayOfYear]) - 1
		}
		start := weekStart(day)
		if sel.dayOfWeek && f[fDayOfWeek] != 1 {
			start = onOrBefore(start+6, int64(f[fDayOfWeek]))
		}
		return start + 7*(int64(f[fWeekOfYear])-1)
	}
	month := int64(f[fMonth])
	year = int64(int32(year + floorDiv(month, 12)))
	month = floorMod(month, 12)
	day := dayOf(year, int(month)+1, 1)
	switch {
	case sel.dayOfMonth:
		if s.stamps[fDayOfMonth] != 0 {
			day += int64(f[fDayOfMonth]) - 1
		}
		return day
	case sel.weekOfMonth:
		start := weekStart(day)
		if sel.dayOfWeek {
			start = onOrBefore(start+6, int64(f[fDayOfWeek]))
		}
		return start + int64(7*(f[fWeekOfMonth]-1))
	}
	dow, nth := int64(1), int32(1)
	if sel.dayOfWeek {
		dow = int64(f[fDayOfWeek])
	}
	if sel.nthDay {
		nth = f[fDayOfWeekInMonth]
	}
	if nth >= 0 {
		return onOrBefore(day+int64(7*nth)-1, dow)
	}
	length := firstOf(year+month/11, int(month+1)%12+1) - firstOf(year, int(month)+1)
	return onOrBefore(day+length+int64(7*(nth+1))-1, dow)
}

// offset gives the zone's offset in ms for a wall clock time.
func (p *parser) offset(wall int64) int64 {
	if p.zone == nil {
		if p.f.zone == nil {
			return 0
		}
		offset, _ := wallOffset(p.f.zone, wall)
		return offset
	}
	named := p.zone
	loc, err := time.LoadLocation(named.id)
	explicit := p.stamps[fDSTOffset] != 0
	switch {
	case err != nil:
		return int64(named.offset)*60000 + int64(p.fields[fDSTOffset])
	case named.names[0] == "Coordinated Universal Time":
		return int64(p.fields[fDSTOffset])
	}
	offset, daylight := wallOffset(loc, wall)
	if explicit { // the zone gives its standard offset of the time, the name the saving
		if daylight {
			offset -= int64(named.savingMillis())
		}
		offset += int64(p.fields[fDSTOffset])
	}
	return offset
}

// wallOffset gives the offset that a zone has when its clocks show wall.
func wallOffset(loc *time.Location, wall int64) (offset int64, daylight bool) {
	before, dstBefore := offsetAt(loc, wall-dayMillis)
	after, dstAfter := offsetAt(loc, wall+dayMillis)
	at := func(offset int64) bool {
		o, _ := offsetAt(loc, wall-offset)
		return o == offset
	}
	switch validBefore, validAfter := at(before), at(after); {
	case validBefore && validAfter && before > after: // the hour that comes twice: Java takes standard time
		return after, dstAfter
	case validAfter && !validBefore:
		return after, dstAfter
	}
	return before, dstBefore
}

// year1900 is where Java's knowledge of zones begins: before it a zone has its present standard offset.
const year1900 = -2208988800000

func offsetAt(loc *time.Location, ms int64) (offset int64, daylight bool) {
	if ms < year1900 {
		if info := zones().byID[loc.String()]; info != nil {
			return int64(info.offset) * 60000, false
		}
	}
	t := time.UnixMilli(ms).In(loc)
	_, seconds := t.Zone()
	return int64(seconds) * 1000, t.IsDST()
}
