// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// batchHead is the header of a record batch (magic 2), or what an old message set says of itself in its place.
type batchHead struct {
	base      int64 // offset of the first record
	size      int   // of the whole batch in bytes, header included
	epoch     int32 // of the leader that appended it; -1 = none
	magic     int8
	crc       uint32
	attrs     int16
	lastDelta int32 // offset of the last record ever in it, less base
	first     int64 // timestamp that the records' are counted from
	latest    int64 // highest timestamp
	producer  int64
	count     int32 // records
}

const (
	// batchPrefix bytes tell the size and the magic of whatever it is.
	batchPrefix = 17
	// maxBatchSize is more than any broker stores.
	maxBatchSize = 1 << 30

	attrCodec         = 0x07
	attrLogAppend     = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
)

// corruption is why bytes are not a record batch. The words are Java's where it has any.
type corruption string

// Error is the reason.
func (c corruption) Error() string { return string(c) }

func corrupt(format string, args ...any) error { return corruption(fmt.Sprintf(format, args...)) }

// prefix reads base, size and magic from the first batchPrefix bytes.
func (h *batchHead) prefix(p []byte) error {
	length := int32(binary.BigEndian.Uint32(p[8:]))
	*h = batchHead{base: int64(binary.BigEndian.Uint64(p)), magic: int8(p[16]), epoch: -1, producer: -1}
	if length >= 0 && length <= maxBatchSize {
		h.size = int(length) + batchLengthFrom
	}
	switch {
	case h.magic < 0 || h.magic > 2:
		return corrupt("Unknown record magic %d", h.magic)
	case length > maxBatchSize:
		return corrupt("Record batch is corrupt (length %d is larger than any batch)", length)
	case h.magic == 2 && length < batchHeaderBytes-batchLengthFrom, length < minMessageBytes:
		return corrupt("Record batch is corrupt (the size %d is smaller than the minimum allowed overhead)", length)
	case h.base < 0:
		return corrupt("Record batch is corrupt (base offset %d)", h.base)
	}
	return nil
}

// fields reads the rest of a magic 2 header; p holds at least batchHeaderBytes.
func (h *batchHead) fields(p []byte) {
	h.epoch = int32(binary.BigEndian.Uint32(p[12:]))
	h.crc = binary.BigEndian.Uint32(p[17:])
	h.attrs = int16(binary.BigEndian.Uint16(p[21:]))
	h.lastDelta = int32(binary.BigEndian.Uint32(p[23:]))
	h.first = int64(binary.BigEndian.Uint64(p[27:]))
	h.latest = int64(binary.BigEndian.Uint64(p[35:]))
	h.producer = int64(binary.BigEndian.Uint64(p[43:]))
	h.count = int32(binary.BigEndian.Uint32(p[57:]))
}

// check says whether p, the whole batch, is what its header claims. Only then are the fields to be believed.
func (h *batchHead) check(p []byte, sum bool) error {
	if sum {
		if computed := crc32.Checksum(p[batchCRCFrom:h.size], castagnoli); computed != h.crc {
			return corrupt("Record is corrupt (stored crc = %d, computed crc = %d)", h.crc, computed)
		}
	}
	switch {
	case h.lastDelta < 0 || h.base > math.MaxInt64-int64(h.lastDelta)-1:
		return corrupt("Record batch is corrupt (last offset delta %d)", h.lastDelta)
	case h.count < 0:
		return corrupt("Found invalid record count %d in magic v2 batch", h.count)
	}
	return nil
}

func (h *batchHead) next() int64         { return h.base + int64(h.lastDelta) + 1 }
func (h *batchHead) codec() int          { return int(h.attrs & attrCodec) }
func (h *batchHead) control() bool       { return h.attrs&attrControl != 0 }
func (h *batchHead) transactional() bool { return h.attrs&attrTransactional != 0 }
func (h *batchHead) logAppend() bool     { return h.attrs&attrLogAppend != 0 }

// abortMarker reports a control batch that ends a transaction by aborting it. p is the whole batch.
func (h *batchHead) abortMarker(p []byte) bool {
	if !h.control() || h.count < 1 || h.codec() != 0 {
		return false
	}
	r := recordWalk{head: *h, p: p[batchHeaderBytes:h.size], left: 1}
	var one RowSet
	if r.take(&one, math.MinInt64, 1, math.MaxInt) != nil || one.N != 1 {
		return false
	}
	key := one.Bytes(one.Key[0]) // version, type: both int16
	return len(key) >= 4 && binary.BigEndian.Uint16(key[2:]) == 0
}

// recordWalk goes through the records of one batch.
type recordWalk struct {
	head batchHead
	p    []byte // the records, uncompressed
	at   int
	left int // records not walked yet
}

// take appends records with offset from or higher to dst: up to maxRows rows in dst, and up to maxBytes of Buf unless
// the first row alone is larger. What it took before an error stays in dst.
func (w *recordWalk) take(dst *RowSet, from int64, maxRows, maxBytes int) (err error) {
	p, at := w.p, w.at
	row := dst.N
	dst.room(max(0, min(maxRows-row, w.left)))
	keys, values := dst.Key[:cap(dst.Key)], dst.Value[:cap(dst.Value)]
	offsets, stamps := dst.Offset[:cap(dst.Offset)], dst.Timestamp[:cap(dst.Timestamp)]
	start := at                                  // of the bytes to copy
	shift := len(dst.Buf) - start                // from a place in p to its place in Buf
	limit := min(len(p), max(0, maxBytes-shift)) // a record that ends behind it does not fit
	headers := len(dst.HeaderEnd) > 0            // some row has any
	base, first, left := w.head.base, w.head.first, w.left
	for ; left > 0 && row < maxRows; left-- {
		size, i := varint(p, at)
		end := i + int(size)
		if i == 0 || size < 0 || size > int64(len(p)-i) {
			err = w.broken("record length %d", size)
			break
		}
		if end > limit && row > 0 {
			break
		}
		i++ // attributes
		delta, i := varint(p[:end], i)
		if i == 0 {
			err = w.broken("timestamp of a record of %d bytes", size)
			break
		}
		offset, i := varint(p[:end], i)
		if i == 0 || offset < 0 || offset > int64(w.head.lastDelta) {
			err = w.broken("offset delta %d", offset)
			break
		}
		key, i := cell(p, i, end, shift)
		value, i := cell(p, i, end, shift)
		if i == 0 {
			err = w.broken("key or value past the end of a record of %d bytes", size)
			break
		}
		if i+1 != end || p[i] != 0 { // there are headers
			if err = w.headers(dst, i, end, shift, base+offset >= from); err != nil {
				break
			}
			headers = headers || len(dst.HeaderKey) > 0
		}
		at = end
		if offset += base; offset < from {
			if row == dst.N && len(dst.HeaderKey) == 0 { // nothing taken yet: not to be copied
				start = at
				shift = len(dst.Buf) - start
				limit = min(len(p), max(0, maxBytes-shift))
			}
			continue
		}
		keys[row], values[row], offsets[row], stamps[row] = key, value, offset, first+delta
		if headers {
			dst.rowHeaders(row)
		}
		row++
	}
	w.restamp(stamps[dst.N:row])
	dst.Key, dst.Value, dst.Offset, dst.Timestamp = keys[:row], values[:row], offsets[:row], stamps[:row]
	if dst.N = row; at > start {
		dst.append(p[start:at])
	}
	w.at, w.left = at, left
	if err == nil && left == 0 && at != len(p) {
		err = corrupt("Incorrect declared batch size, records still remaining in file (%d bytes)", len(p)-at)
	}
	return err
}

// restamp gives rows the time of their append, where that is what counts.
func (w *recordWalk) restamp(stamps []int64) {
	if w.head.logAppend() {
		for i := range stamps {
			stamps[i] = w.head.latest
		}
	}
}

func (w *recordWalk) broken(format string, args ...any) error {
	return corrupt("Found invalid record structure: "+format, args...)
}

// headers adds the headers that begin at i and fill the record up to end.
func (w *recordWalk) headers(dst *RowSet, i, end, shift int, keep bool) error {
	before := len(dst.HeaderKey)
	n, i := varint(w.p[:end], i)
	if i == 0 || n < 0 || n > int64(end-i)/2 {
		return w.broken("number of headers %d", n)
	}
	for range n {
		var key, value uint64
		key, i = cell(w.p, i, end, shift)
		value, i = cell(w.p, i, end, shift)
		if i == 0 || key == NullBytes {
			dst.HeaderKey, dst.HeaderValue = dst.HeaderKey[:before], dst.HeaderValue[:before]
			return w.broken("header %d of the record", len(dst.HeaderKey)-before)
		}
		dst.HeaderKey, dst.HeaderValue = append(dst.HeaderKey, key), append(dst.HeaderValue, value)
	}
	if !keep || i != end {
		dst.HeaderKey, dst.HeaderValue = dst.HeaderKey[:before], dst.HeaderValue[:before]
	}
	if i != end {
		return w.broken("payload size %d, which is %d more than its fields", end, end-i)
	}
	return nil
}

// cell reads a length and that many bytes at p[i:end]: their view and where they end, which is 0 when they do not fit
// (and when i already is).
func cell(p []byte, i, end, shift int) (view uint64, next int) {
	if i == 0 || i >= end {
		return 0, 0
	}
	b := p[i]
	if b < 0x80 && b&1 == 0 { // up to 63 bytes
		i++
		n := int(b >> 1)
		if n > end-i {
			return 0, 0
		}
		return uint64(i+shift)<<32 | uint64(n), i + n
	}
	n, i := varint(p[:end], i)
	switch {
	case i == 0 || n > int64(end-i) || n < -1:
		return 0, 0
	case n == -1:
		return NullBytes, i
	}
	return uint64(i+shift)<<32 | uint64(n), i + int(n)
}

// varint reads a zigzag varint at p[i:]; next is 0 when there is none.
func varint(p []byte, i int) (v int64, next int) {
	if i < len(p) {
		b := p[i]
		if b < 0x80 {
			return int64(b>>1) ^ -int64(b&1), i + 1
		}
		if i+1 < len(p) && p[i+1] < 0x80 {
			u := uint64(b&0x7f) | uint64(p[i+1])<<7
			return int64(u>>1) ^ -int64(u&1), i + 2
		}
		return longVarint(p, i)
	}
	return 0, 0
}

func longVarint(p []byte, i int) (v int64, next int) {
	u, n := binary.Uvarint(p[i:])
	if n <= 0 {
		return 0, 0
	}
	return int64(u>>1) ^ -int64(u&1), i + n
}
