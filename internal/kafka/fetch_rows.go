// SPDX-License-Identifier: Apache-2.0

package kafka

import "slices"

// RowSet is what PollRows fills: records of one partition, as columns over one buffer. All memory is the caller's and is
// used again, so that the arena of a batch can be lent for the time of the call.
type RowSet struct {
	TopicPartition
	// Assignment numbers the assignment under which the partition is held; see Offset.Assignment.
	Assignment uint64
	// LeaderEpoch of the rows, or -1.
	LeaderEpoch int32
	// HighWatermark is the end of the partition as the broker last saw it; -1 when unknown.
	HighWatermark int64
	// N is the number of rows; 0 when PollRows was woken.
	N int
	// Buf is what the views refer to. PollRows appends, framing of the records included, and leaves slack behind the end.
	Buf []byte
	// Key and Value are packed views (PackBytes, NullBytes) of Buf, N each.
	Key, Value []uint64
	// Offset and Timestamp (milliseconds) of each row. Offsets increase and may have gaps.
	Offset, Timestamp []int64
	// LogAppendTime says what Timestamp is: when the broker appended the rows, or when they were created.
	LogAppendTime bool
	// HeaderEnd[i] is the index after row i's last header in HeaderKey and HeaderValue. Empty when no row has any.
	HeaderEnd []uint32
	// HeaderKey and HeaderValue are packed views of Buf, one per header; a value may be NullBytes.
	HeaderKey, HeaderValue []uint64
}

// bufSlack bytes stay allocated behind Buf, so that wide loads never leave it.
const bufSlack = 64

// Bytes resolves a packed view: nil for NullBytes, borrowed.
func (s *RowSet) Bytes(view uint64) []byte {
	if view == NullBytes {
		return nil
	}
	off, n := view>>32, view&0xffffffff
	return s.Buf[off : off+n : off+n]
}

// Headers calls f with each header of row i; value is nil for a null. The slices are borrowed from Buf.
func (s *RowSet) Headers(i int, f func(key, value []byte)) {
	from, to := s.headerRange(i)
	for k := from; k < to; k++ {
		f(s.Bytes(s.HeaderKey[k]), s.Bytes(s.HeaderValue[k]))
	}
}

func (s *RowSet) headerRange(i int) (from, to uint32) {
	if len(s.HeaderEnd) == 0 {
		return 0, 0
	}
	if i > 0 {
		from = s.HeaderEnd[i-1]
	}
	return from, s.HeaderEnd[i]
}

// clear empties the set. Buf is cut back to the length the caller gave it.
func (s *RowSet) clear(start int) {
	s.TopicPartition, s.Assignment, s.LeaderEpoch, s.HighWatermark, s.N, s.LogAppendTime = TopicPartition{}, 0, -1, -1, 0, false
	s.Buf = s.Buf[:start]
	s.Key, s.Value, s.Offset, s.Timestamp = s.Key[:0], s.Value[:0], s.Offset[:0], s.Timestamp[:0]
	s.HeaderEnd, s.HeaderKey, s.HeaderValue = s.HeaderEnd[:0], s.HeaderKey[:0], s.HeaderValue[:0]
}

// room makes the columns take n more rows without growing.
func (s *RowSet) room(n int) {
	s.Key, s.Value = slices.Grow(s.Key, n), slices.Grow(s.Value, n)
	s.Offset, s.Timestamp = slices.Grow(s.Offset, n), slices.Grow(s.Timestamp, n)
}

// append copies p behind Buf and keeps the slack.
func (s *RowSet) append(p []byte) {
	if cap(s.Buf)-len(s.Buf) < len(p)+bufSlack {
		s.Buf = slices.Grow(s.Buf, len(p)+bufSlack)
	}
	s.Buf = append(s.Buf, p...)
}

// rowHeaders notes that row i, the last one, is done, with the headers added since the row before.
func (s *RowSet) rowHeaders(i int) {
	for len(s.HeaderEnd) < i { // rows before the first that has any
		s.HeaderEnd = append(s.HeaderEnd, 0)
	}
	s.HeaderEnd = append(s.HeaderEnd, uint32(len(s.HeaderKey)))
}
