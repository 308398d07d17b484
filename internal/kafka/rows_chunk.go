// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"slices"
	"time"
)

// chunk is what becomes one record batch: rows of one partition, of one or of several ProduceRows calls.
//
//	segs   call A from 0          call B from 3
//	rows   0    4    5            0    1            row numbers within their call
//	lens   len  len  len          len  len          bytes of the record behind its length prefix
//
// It grows while it is the last of its partition's queue and was never sent; then it is sealed. What was sealed is
// only read, by the one request in flight.
type chunk struct {
	p        *rowPartition
	segs     []segment
	rows     []int32
	lens     []int32
	headers  [][]Header // per row, nil when no row has any
	spare    [][]Header // memory for headers, empty and cleared
	bytes    int        // the encoded batch, uncompressed
	first    int64      // timestamps, milliseconds
	latest   int64
	deadline time.Time // delivery.timeout.ms; zero = never
	tries    int       // how often it was sent
	tried    bool      // it was sent, and may have used up its sequence numbers
	sealed   bool
	done     bool          // it is written, and waits for one before it
	stamp    producerStamp // of the last try
	sentTo   int32         // broker of the last try
}

// segment is a run of rows of one call, up to the next segment.
type segment struct {
	call *rowCall
	from int // of chunk.rows
}

const (
	batchHeaderBytes = 61
	// batchLengthFrom and batchCRCFrom are where what the batch length, and the checksum, count begins.
	batchLengthFrom = 12
	batchCRCFrom    = 21
	batchCRCAt      = 17
	// crcStep bytes are encoded before they are summed: they are still in the cache, a whole batch is not.
	crcStep = 32 << 10
	// maxIdleRows caps the row lists that an idle chunk keeps.
	maxIdleRows = 1 << 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// grow is how many bytes one more record takes here: its own, given those that do not depend on the place, and the
// length prefix.
func (c *chunk) grow(body int, millis int64) (record, total int) {
	delta := int64(0)
	if len(c.rows) > 0 {
		delta = millis - c.first
	}
	record = body + varintLen(delta) + varintLen(int64(len(c.rows)))
	return record, record + varintLen(int64(record))
}

// add appends row i of call. record and total are grow's.
func (c *chunk) add(call *rowCall, i int, millis int64, record, total int, headers []Header) {
	n := len(c.rows)
	if n == 0 {
		c.first, c.latest, c.bytes = millis, millis, batchHeaderBytes
	}
	c.latest = max(c.latest, millis)
	if len(c.segs) == 0 || c.segs[len(c.segs)-1].call != call {
		c.segs = append(c.segs, segment{call: call, from: n})
	}
	if headers != nil && c.headers == nil {
		c.headers = slices.Grow(c.spare, max(n+1, 64))[:n]
	}
	if c.headers != nil {
		c.headers = append(c.headers, headers)
	}
	c.rows = append(c.rows, int32(i))
	c.lens = append(c.lens, int32(record))
	c.bytes += total
	call.left++
}

// end is one past the last row of segment k.
func (c *chunk) end(k int) int {
	if k+1 < len(c.segs) {
		return c.segs[k+1].from
	}
	return len(c.rows)
}

func (c *chunk) headersOf(i int) []Header {
	if c.headers == nil {
		return nil
	}
	return c.headers[i]
}

// placed notes the offsets of rows whose caller wants to know.
func (c *chunk) placed(base int64) {
	for k := range c.segs {
		offset, from, to := c.segs[k].call.rows.Offset, c.segs[k].from, c.end(k)
		if offset == nil {
			continue
		}
		for at := from; at < to; at++ {
			offset[c.rows[at]] = base + int64(at)
		}
	}
}

// reset empties the chunk for reuse.
func (c *chunk) reset() {
	clear(c.segs)
	if clear(c.headers); c.headers != nil {
		c.spare = c.headers[:0]
	}
	*c = chunk{segs: c.segs[:0], rows: c.rows[:0], lens: c.lens[:0], spare: c.spare}
}

// producerStamp is what makes a batch idempotent; the zero value of none is noStamp.
type producerStamp struct {
	id    int64
	epoch int16
	seq   int32
}

var noStamp = producerStamp{id: -1, epoch: -1, seq: -1}

// appendHeader appends a batch's header with the length of what follows and without the checksum.
func (c *chunk) appendHeader(dst []byte, stamp producerStamp, codec int16, payload int) []byte {
	n := int32(len(c.rows))
	dst = binary.BigEndian.AppendUint64(dst, 0) // base offset
	dst = binary.BigEndian.AppendUint32(dst, uint32(batchHeaderBytes-batchLengthFrom+payload))
	dst = binary.BigEndian.AppendUint32(dst, 1<<32-1) // partition leader epoch: none
	dst = append(dst, 2, 0, 0, 0, 0)                  // magic, checksum
	dst = binary.BigEndian.AppendUint16(dst, uint16(codec))
	dst = binary.BigEndian.AppendUint32(dst, uint32(n-1))
	dst = binary.BigEndian.AppendUint64(dst, uint64(c.first))
	dst = binary.BigEndian.AppendUint64(dst, uint64(c.latest))
	dst = binary.BigEndian.AppendUint64(dst, uint64(stamp.id))
	dst = binary.BigEndian.AppendUint16(dst, uint16(stamp.epoch))
	dst = binary.BigEndian.AppendUint32(dst, uint32(stamp.seq))
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

// appendPlain appends the uncompressed record batch: exactly c.bytes.
func (c *chunk) appendPlain(dst []byte, stamp producerStamp) []byte {
	start := len(dst)
	dst = c.appendHeader(dst, stamp, 0, c.bytes-batchHeaderBytes)
	dst, sum := c.appendRecords(dst, start+batchCRCFrom)
	binary.BigEndian.PutUint32(dst[start+batchCRCAt:], sum)
	return dst
}

// appendPacked appends the record batch with the records that a codec made.
func (c *chunk) appendPacked(dst []byte, stamp producerStamp, codec int16, packed []byte) []byte {
	start := len(dst)
	dst = c.appendHeader(dst, stamp, codec, len(packed))
	dst = append(dst, packed...)
	binary.BigEndian.PutUint32(dst[start+batchCRCAt:], crc32.Checksum(dst[start+batchCRCFrom:], castagnoli))
	return dst
}

// appendRecords appends the records and returns the checksum of dst from summed on.
func (c *chunk) appendRecords(dst []byte, summed int) ([]byte, uint32) {
	sum := uint32(0)
	for k := range c.segs {
		call, from, to := c.segs[k].call, c.segs[k].from, c.end(k)
		keys, values := call.rows.keys(), call.rows.values()
		for at := from; at < to; at++ {
			i := int(c.rows[at])
			dst = appendVarint(dst, int64(c.lens[at]))
			dst = append(dst, 0) // attributes
			dst = appendVarint(dst, call.millis(i)-c.first)
			dst = appendVarint(dst, int64(at))
			dst = appendCell(dst, keys, call.rows.Key, i)
			dst = appendCell(dst, values, call.rows.Value, i)
			if c.headers == nil {
				dst = append(dst, 0)
			} else {
				dst = appendHeaders(dst, c.headers[at])
			}
			if len(dst)-summed >= crcStep {
				sum = crc32.Update(sum, castagnoli, dst[summed:])
				summed = len(dst)
			}
		}
	}
	return dst, crc32.Update(sum, castagnoli, dst[summed:])
}

func appendCell(dst, buf []byte, views []uint64, i int) []byte {
	if views == nil || views[i] == NullBytes {
		return append(dst, 1) // -1
	}
	off, n := views[i]>>32, views[i]&0xffffffff
	dst = appendVarint(dst, int64(n))
	return append(dst, buf[off:off+n]...)
}

func appendHeaders(dst []byte, headers []Header) []byte {
	dst = appendVarint(dst, int64(len(headers)))
	for i := range headers {
		h := &headers[i]
		dst = appendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		if h.Value == nil {
			dst = append(dst, 1)
			continue
		}
		dst = appendVarint(dst, int64(len(h.Value)))
		dst = append(dst, h.Value...)
	}
	return dst
}

// bodyLen is the bytes of row i that do not depend on its place in a batch.
func (rows *Rows) bodyLen(i int, headers []Header) int {
	n := 1 + cellLen(rows.Key, i) + cellLen(rows.Value, i) + varintLen(int64(len(headers)))
	for k := range headers {
		h := &headers[k]
		n += varintLen(int64(len(h.Key))) + len(h.Key)
		if h.Value == nil {
			n++
			continue
		}
		n += varintLen(int64(len(h.Value))) + len(h.Value)
	}
	return n
}

func cellLen(views []uint64, i int) int {
	if views == nil || views[i] == NullBytes {
		return 1
	}
	n := int64(views[i] & 0xffffffff)
	return varintLen(n) + int(n)
}

// appendVarint appends a zigzag varint, which is how records write every number.
func appendVarint(dst []byte, n int64) []byte {
	u := uint64(n)<<1 ^ uint64(n>>63)
	switch {
	case u < 1<<7:
		return append(dst, byte(u))
	case u < 1<<14:
		return append(dst, byte(u)|0x80, byte(u>>7))
	}
	return binary.AppendUvarint(dst, u)
}

func varintLen(n int64) int {
	u := uint64(n)<<1 ^ uint64(n>>63)
	return (bits.Len64(u|1) + 6) / 7
}

func uvarintLen(u uint64) int { return (bits.Len64(u|1) + 6) / 7 }
