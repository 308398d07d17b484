// SPDX-License-Identifier: Apache-2.0

package smt

import "github.com/penstock-io/penstock/internal/java/simpledate"

// secondMemo remembers the text of one second under a format. Neighbouring rows mostly fall into the same second, and
// then only the digits of the milliseconds differ. It learns a second when two rows in a row fall into it, so rows that
// jump about pay one comparison. Times are in UTC: no other field changes within a second.
type secondMemo struct {
	last int64  // second of the previous row
	at   int64  // second of text
	text []byte // of its first millisecond; empty: none
	from int    // where the three digits start; -1: the format shows no milliseconds
	off  bool   // the format shows them in another way
}

// append appends format(ms).
func (m *secondMemo) append(dst []byte, f *simpledate.Format, ms int64) []byte {
	rest := floorMod(ms, 1000)
	second := ms - rest
	if second != m.at || len(m.text) == 0 {
		if second != m.last || m.off || second > ms { // the last: the floor of the smallest number has no room
			m.last = second
			return f.AppendFormat(dst, ms)
		}
		if !m.learn(f, second) {
			return f.AppendFormat(dst, ms)
		}
	}
	start := len(dst)
	dst = append(dst, m.text...)
	if m.from >= 0 {
		d := dst[start+m.from:]
		d[0], d[1], d[2] = byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10)
	}
	return dst
}

// learn finds the text of a second, and the digits in it: those that differ between its milliseconds 0 and 111.
func (m *secondMemo) learn(f *simpledate.Format, second int64) bool {
	m.at, m.from = second, -1
	m.text = f.AppendFormat(m.text[:0], second)
	n := len(m.text)
	m.text = f.AppendFormat(m.text, second+111)
	a, b := m.text[:n], m.text[n:]
	m.text = a
	m.off = len(a) != len(b)
	differ := 0
	for i := 0; i < n && !m.off; i++ {
		if a[i] == b[i] {
			continue
		}
		if differ == 0 {
			m.from = i
		}
		differ++
		m.off = a[i] != '0' || b[i] != '1' || i != m.from+differ-1
	}
	m.off = m.off || differ != 0 && differ != 3
	if m.off {
		m.text = m.text[:0]
	}
	return !m.off
}
