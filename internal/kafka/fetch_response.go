// SPDX-License-Identifier: Apache-2.0

package kafka

import "encoding/binary"

// fetchScan takes a fetch response apart without having it whole: it is fed with what came so far.
//
//	head │ topic │ partition │ records … │ tail of the partition │ partition … │ tail of the topic │ topic … │ tail
//
// It holds no pointers into the bytes but for topic and aborted, so that a copy can run ahead of it.
type fetchScan struct {
	version    int16
	state      scanState
	topics     int // left
	partitions int // left of the topic
	records    int // bytes left of the partition

	code    int16 // of the response
	session int32
	topic   []byte // valid until the buffer moves; the caller resolves it at scanTopic
	part    scanPart
	aborted []abortedTx // of the partition, in the order of first
	ahead   bool        // leaves aborted alone
}

// scanPart is what a response says of a partition.
type scanPart struct {
	partition int32
	code      int16
	end       int64 // high watermark
	stable    int64 // last stable offset
	preferred int32 // replica to read from, or -1
}

// abortedTx is a transaction that was aborted and whose records begin at first.
type abortedTx struct {
	producer int64
	first    int64
}

type scanState uint8

const (
	atHead scanState = iota
	atTopic
	atPartition
	atRecords
	atPartitionTail
	atTopicTail
	atTail
	atEnd
)

// scanEvent is why step came back.
type scanEvent uint8

const (
	// scanMore: the next section is not there whole.
	scanMore scanEvent = iota
	// scanHead: code and session are set.
	scanHead
	// scanTopic: topic is set.
	scanTopic
	// scanPartition: part is set; records bytes of record batches follow (0 = scanPartitionEnd comes next). The caller
	// takes them off the buffer and off records before the next step.
	scanPartition
	// scanPartitionEnd: the partition's tail was read.
	scanPartitionEnd
	// scanEnd: the response is over.
	scanEnd
)

// reset prepares for the next response.
func (s *fetchScan) reset(version int16) {
	*s = fetchScan{version: version, aborted: s.aborted[:0]}
}

func (s *fetchScan) flexible() bool { return s.version >= 12 }

// step goes on with p. used bytes of it are done with.
func (s *fetchScan) step(p []byte) (used int, ev scanEvent, err error) {
	w := wireReader{p: p, flexible: s.flexible()}
	for {
		from := w.at
		ev = s.section(&w)
		switch {
		case w.short:
			return from, scanMore, nil
		case w.bad != "":
			return from, scanMore, corrupt("fetch response: %s", w.bad)
		case ev != scanMore:
			return w.at, ev, nil
		}
	}
}

// section reads one section, and returns scanMore when it is of no interest.
func (s *fetchScan) section(w *wireReader) scanEvent {
	switch s.state {
	case atHead:
		return s.head(w)
	case atTopic:
		if s.topics == 0 {
			s.state = atTail
			return scanMore
		}
		topic, n := w.text(), w.array()
		if w.ok() {
			s.topic, s.partitions, s.state = topic, n, atPartition
			s.topics--
			return scanTopic
		}
	case atPartition:
		if s.partitions == 0 {
			s.state = atTopicTail
			return scanMore
		}
		return s.partition(w)
	case atRecords:
		if s.records > 0 {
			panic("BUG: the records were not taken")
		}
		s.state = atPartitionTail
	case atPartitionTail:
		if s.flexible() {
			w.tags()
		}
		if w.ok() {
			s.state = atPartition
			s.partitions--
			return scanPartitionEnd
		}
	case atTopicTail:
		if s.flexible() {
			w.tags()
		}
		if w.ok() {
			s.state = atTopic
		}
	case atTail:
		if s.flexible() {
			w.tags()
		}
		if w.ok() {
			s.state = atEnd
		}
	case atEnd:
		return scanEnd
	}
	return scanMore
}

func (s *fetchScan) head(w *wireReader) scanEvent {
	w.int32() // throttle time: the broker holds the answers back itself
	code, session := int16(0), int32(0)
	if s.version >= 7 {
		code, session = w.int16(), w.int32()
	}
	n := w.array()
	if !w.ok() {
		return scanMore
	}
	s.code, s.session, s.topics, s.state = code, session, n, atTopic
	return scanHead
}

func (s *fetchScan) partition(w *wireReader) scanEvent {
	p := scanPart{preferred: -1}
	p.partition, p.code, p.end, p.stable = w.int32(), w.int16(), w.int64(), w.int64()
	if s.version >= 5 {
		w.int64() // log start
	}
	n := w.array()
	if n > 0 && !w.has(n*16) {
		return scanMore
	}
	keep := w.at
	w.at += n * w.sized(16)
	if n > 0 && s.flexible() { // each may have tags
		w.at = keep
		for range n {
			w.skip(16)
			w.tags()
		}
	}
	if s.version >= 11 {
		p.preferred = w.int32()
	}
	size := w.bytesLen()
	if !w.ok() {
		return scanMore
	}
	s.part, s.records, s.state = p, size, atRecords
	if !s.ahead {
		s.transactions(wireReader{p: w.p, at: keep, flexible: w.flexible}, n)
	}
	return scanPartition
}

// transactions reads the aborted ones again, now that they are known to be whole.
func (s *fetchScan) transactions(w wireReader, n int) {
	s.aborted = s.aborted[:0]
	for range n {
		s.aborted = append(s.aborted, abortedTx{producer: w.int64(), first: w.int64()})
		if w.flexible {
			w.tags()
		}
	}
}

// wireReader reads the primitive types of a response. After short or bad everything is zero.
type wireReader struct {
	p        []byte
	at       int
	flexible bool
	short    bool   // p ends too early
	bad      string // what cannot be
}

// maxFields bounds numbers of topics, partitions, transactions: more do not fit a response.
const maxFields = 1 << 24

func (w *wireReader) ok() bool { return !w.short && w.bad == "" }

// has says whether n bytes are there.
func (w *wireReader) has(n int) bool {
	if w.ok() && len(w.p)-w.at < n {
		w.short = true
	}
	return w.ok()
}

func (w *wireReader) sized(n int) int {
	if w.ok() {
		return n
	}
	return 0
}

func (w *wireReader) skip(n int) {
	if w.has(n) {
		w.at += n
	}
}

func (w *wireReader) int16() int16 {
	if !w.has(2) {
		return 0
	}
	w.at += 2
	return int16(binary.BigEndian.Uint16(w.p[w.at-2:]))
}

func (w *wireReader) int32() int32 {
	if !w.has(4) {
		return 0
	}
	w.at += 4
	return int32(binary.BigEndian.Uint32(w.p[w.at-4:]))
}

func (w *wireReader) int64() int64 {
	if !w.has(8) {
		return 0
	}
	w.at += 8
	return int64(binary.BigEndian.Uint64(w.p[w.at-8:]))
}

func (w *wireReader) uvarint() uint64 {
	n := uint64(0)
	for shift := 0; shift < 35; shift += 7 {
		if !w.has(1) {
			return 0
		}
		b := w.p[w.at]
		w.at++
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	w.bad = "a number does not end"
	return 0
}

// array is the number of elements; a null array has none.
func (w *wireReader) array() int {
	n := int64(0)
	if w.flexible {
		n = int64(w.uvarint()) - 1
	} else {
		n = int64(w.int32())
	}
	switch {
	case !w.ok() || n < 0:
		return 0
	case n > maxFields:
		w.bad = "an array is too long"
		return 0
	}
	return int(n)
}

// bytesLen is the length of bytes that follow; null is 0.
func (w *wireReader) bytesLen() int {
	n := int64(0)
	if w.flexible {
		n = int64(w.uvarint()) - 1
	} else {
		n = int64(w.int32())
	}
	if !w.ok() || n < 0 {
		return 0
	}
	return int(n)
}

// text is a string, borrowed.
func (w *wireReader) text() []byte {
	n := 0
	if w.flexible {
		n = w.bytesLen()
	} else {
		n = max(0, int(w.int16()))
	}
	if n > 1<<15 {
		w.bad = "a topic's name is too long"
		return nil
	}
	if !w.has(n) {
		return nil
	}
	w.at += n
	return w.p[w.at-n : w.at]
}

// tags reads over tagged fields.
func (w *wireReader) tags() {
	for n := w.uvarint(); n > 0 && w.ok(); n-- {
		w.uvarint()
		w.skip(int(w.uvarint()))
	}
}
