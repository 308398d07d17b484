// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math"

	"github.com/penstock-io/penstock/internal/java/simpledate"
)

// dayMemo remembers the text of one day under a format, and where in it the digits of the time stand. Neighbouring rows
// mostly fall into the same day, and then only those digits differ. It learns a day when a few rows in a row fall into it,
// so rows that jump about pay one comparison. Times are in UTC: every day has the same hours.
type dayMemo struct {
	last   int64 // day of the previous row, by its first millisecond
	streak int   // rows in a row that fell into it
	at     int64 // day of text
	text   []byte
	places [len(dayFields)]int // where the digits of a field start; -1: the format does not show it
	off    bool                // the format shows them in another way
}

// dayStreak is how many rows of a day make it worth learning.
const dayStreak = 4

// dayFields are the fields that change within a day: their unit, their digits, and numbers to try where they stand. The
// second hour is one that a clock of twelve hours would show otherwise.
var dayFields = [...]struct {
	millis int64
	size   int
	probes [2]int64
}{
	{3_600_000, 2, [2]int64{11, 22}}, {60_000, 2, [2]int64{11, 55}}, {1000, 2, [2]int64{11, 55}}, {1, 3, [2]int64{111, 888}},
}

// append appends format(ms).
func (m *dayMemo) append(dst []byte, f *simpledate.Format, ms int64) []byte {
	rest := floorMod(ms, millisPerDay)
	day := ms - rest
	if day != m.at || len(m.text) == 0 {
		if day != m.last {
			m.last, m.streak = day, 0
		}
		m.streak++
		// The floor of the smallest number has no room, nor has the end of the last day.
		if m.off || m.streak < dayStreak || day > ms || day > math.MaxInt64-millisPerDay || !m.learn(f, day) {
			return f.AppendFormat(dst, ms)
		}
	}
	start := len(dst)
	dst = append(dst, m.text...)
	text := dst[start:]
	t := uint32(rest)
	if p := m.places[3]; p >= 0 {
		n := t % 1000
		text[p] = byte('0' + n/100)
		twoDigits(text[p+1:], n%100)
	}
	t /= 1000
	if p := m.places[2]; p >= 0 {
		twoDigits(text[p:], t%60)
	}
	t /= 60
	if p := m.places[1]; p >= 0 {
		twoDigits(text[p:], t%60)
	}
	if p := m.places[0]; p >= 0 {
		twoDigits(text[p:], t/60)
	}
	return dst
}

func twoDigits(dst []byte, n uint32) {
	tens := n * 205 >> 11 // n/10, for n below 100
	dst[1] = byte('0' + n - 10*tens)
	dst[0] = byte('0' + tens)
}

// learn finds the text of a day and the places of the fields in it.
func (m *dayMemo) learn(f *simpledate.Format, day int64) bool {
	m.at = day
	m.text = f.AppendFormat(m.text[:0], day)
	for i, field := range dayFields {
		place := -1
		for _, n := range field.probes {
			var ok bool
			if place, ok = m.placeOf(f, place, field.size, field.millis, n); !ok {
				m.off, m.text = true, m.text[:0]
				return false
			}
		}
		m.places[i] = place
	}
	return true
}

// placeOf compares the text of the day with that of n units later: they must differ in one run of size digits only, which
// is n there and zero here, or not at all. place is where it is, -1 when that is not known.
func (m *dayMemo) placeOf(f *simpledate.Format, place, size int, unit, n int64) (int, bool) {
	zero := m.text
	m.text = f.AppendFormat(m.text, m.at+n*unit)
	other := m.text[len(zero):]
	m.text = zero
	if len(other) != len(zero) {
		return 0, false
	}
	for i := 0; i < len(zero); i++ {
		if zero[i] == other[i] {
			continue
		}
		if place >= 0 && place != i || i+size > len(zero) {
			return 0, false
		}
		place = i
		for k := size - 1; k >= 0; k-- {
			if zero[i+k] != '0' || other[i+k] != byte('0'+n%10) {
				return 0, false
			}
			n /= 10
		}
		return place, string(zero[i+size:]) == string(other[i+size:])
	}
	return place, place < 0
}
