// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Message sets are what topics hold that were written before Kafka 0.11: a message is
//
//	offset 8 | size 4 | crc 4 | magic 1 | attributes 1 | timestamp 8 (magic 1) | key (length 4) | value (length 4)
//
// and a compressed one carries a message set as its value, whose offsets are absolute (magic 0) or count from the first
// (magic 1). To go the way of a record batch it is written again as the records of one, in unlegacy's memory.
const (
	minMessageBytes = 14 // of magic 0, without offset and size
	messageCRCFrom  = 16
	messageHead     = 18 // up to the timestamp
)

// unlegacy turns messages into the records of a record batch.
type unlegacy struct {
	records []byte
	inner   unpacker
}

// legacyMessage is one message, its bytes borrowed.
type legacyMessage struct {
	offset     int64
	magic      int8
	attrs      int8
	stamp      int64
	key, value []byte // nil = null
}

// size of the whole message; 0 when p does not hold it.
func (m *legacyMessage) parse(p []byte, sum bool) (size int, err error) {
	if len(p) < batchPrefix {
		return 0, nil
	}
	var h batchHead
	if err := h.prefix(p); err != nil {
		return 0, err
	}
	if h.magic > 1 {
		return 0, corrupt("Message with magic %d inside of a message set", h.magic)
	}
	if h.size > len(p) {
		return 0, nil
	}
	p = p[:h.size]
	if sum {
		if stored, computed := binary.BigEndian.Uint32(p[12:]), crc32.ChecksumIEEE(p[messageCRCFrom:]); stored != computed {
			return 0, corrupt("Record is corrupt (stored crc = %d, computed crc = %d)", stored, computed)
		}
	}
	*m = legacyMessage{offset: h.base, magic: h.magic, attrs: int8(p[17]), stamp: -1}
	at := messageHead
	if m.magic == 1 {
		if len(p) < at+8 {
			return 0, corrupt("Record of %d bytes is smaller than the minimum record overhead", len(p))
		}
		m.stamp = int64(binary.BigEndian.Uint64(p[at:]))
		at += 8
	}
	for _, field := range []*[]byte{&m.key, &m.value} {
		if len(p)-at < 4 {
			return 0, corrupt("Record of %d bytes is smaller than the minimum record overhead", len(p))
		}
		n := int64(int32(binary.BigEndian.Uint32(p[at:])))
		if at += 4; n < -1 || n > int64(len(p)-at) {
			return 0, corrupt("Record with a field of %d bytes where %d are left", n, len(p)-at)
		}
		if n >= 0 {
			*field = p[at : at+int(n) : at+int(n)]
			at += int(n)
		}
	}
	return h.size, nil
}

// convert reads the message at the start of p, with all that is inside when it is compressed. head becomes that of the
// record batch it would be, and the records returned are valid until the next call.
func (l *unlegacy) convert(p []byte, sum bool, head *batchHead) (records []byte, err error) {
	var outer legacyMessage
	size, err := outer.parse(p, sum)
	if err != nil {
		return nil, err
	}
	if size == 0 {
		return nil, corrupt("Record is cut off after %d bytes", len(p))
	}
	*head = batchHead{base: outer.offset, size: size, epoch: -1, magic: outer.magic, producer: -1, first: outer.stamp, latest: outer.stamp}
	if outer.attrs&attrLogAppend != 0 {
		head.attrs = attrLogAppend
	}
	l.records = l.records[:0]
	codec := int(outer.attrs & attrCodec)
	if codec == codecNone {
		head.count = 1
		l.append(&outer, 0, outer.stamp)
		return l.records, nil
	}
	if codec == codecZstd || codec == codecLZ4 && outer.magic == 0 {
		return nil, corrupt("Compression type %d is not readable in messages of magic %d", codec, outer.magic)
	}
	plain, err := l.inner.unpack(codec, outer.value)
	if err != nil {
		return nil, err
	}
	return l.records, l.nested(plain, &outer, head)
}

// nested converts the message set inside of a compressed message, whose own offset is that of the last one in it.
func (l *unlegacy) nested(plain []byte, outer *legacyMessage, head *batchHead) error {
	var m legacyMessage
	first, last, n := int64(0), int64(0), 0
	for rest := plain; len(rest) > 0; n++ {
		size, err := m.parse(rest, true)
		if err != nil {
			return err
		}
		if size == 0 {
			return corrupt("Compressed message set is cut off")
		}
		if n == 0 {
			first = m.offset
		}
		if m.attrs&attrCodec != 0 {
			return corrupt("Compressed message inside of a compressed message")
		}
		if last = m.offset; last < first {
			return corrupt("Offsets inside of a compressed message decrease")
		}
		rest = rest[size:]
	}
	if n == 0 || last-first > math.MaxInt32 {
		return corrupt("Compressed message set holds %d records over %d offsets", n, last-first)
	}
	shift := int64(0) // from the offsets inside to those of the log
	if outer.magic == 1 {
		shift = outer.offset - last
	}
	if first+shift < 0 {
		return corrupt("Offsets inside of a compressed message are lower than 0")
	}
	head.base, head.lastDelta, head.count = first+shift, int32(last-first), int32(n)
	for rest := plain; len(rest) > 0; {
		size, err := m.parse(rest, false)
		if err != nil {
			return err
		}
		if m.offset < first || m.offset > last {
			return corrupt("Offsets inside of a compressed message decrease")
		}
		l.append(&m, m.offset-first, head.first)
		rest = rest[size:]
	}
	return nil
}

// append writes a message as a record of magic 2.
func (l *unlegacy) append(m *legacyMessage, delta, first int64) {
	size := 1 + varintLen(m.stamp-first) + varintLen(delta) + fieldLen(m.key) + fieldLen(m.value) + 1
	r := appendVarint(l.records, int64(size))
	r = append(r, 0)
	r = appendVarint(r, m.stamp-first)
	r = appendVarint(r, delta)
	r = appendField(r, m.key)
	r = appendField(r, m.value)
	l.records = append(r, 0)
}

func fieldLen(p []byte) int {
	if p == nil {
		return 1
	}
	return varintLen(int64(len(p))) + len(p)
}

func appendField(dst, p []byte) []byte {
	if p == nil {
		return append(dst, 1)
	}
	return append(appendVarint(dst, int64(len(p))), p...)
}
