// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// drainer reads one response after the other and makes rows of it. It belongs to the goroutine that calls PollRows.
//
//	socket ──► buf[r:w] ──► scan: sections of the response
//	                   └──► walk: records of the batch under way ──► RowSet
type drainer struct {
	f *rowFetcher
	b *fetchBroker // whose response it is; nil = there is none

	conn     *brokerConn
	request  uint64 // that it answers
	buf      []byte
	r, w     int
	left     int  // bytes of the response still in the socket
	looked   bool // lookAhead was tried
	released bool // the broker may send the next request already
	records  bool // some came
	small    int  // small responses in a row

	scan  fetchScan
	topic string

	part     *fetchPart // nil = its records are skipped
	seq      uint64     // of part
	end      int64      // high watermark
	pos      int64      // offset wanted next
	epoch    int32      // leader epoch of the batch before pos
	progress bool       // a batch of the partition came whole
	skipping bool       // the rest of its bytes is of no use
	walking  bool
	walk     recordWalk
	pending  error // to be returned when the rows before it are

	txAt    int // of scan.aborted
	aborted map[int64]struct{}
	unpack  unpacker
	legacy  unlegacy
}

const (
	// chunkSize is what is read at once: it fits the second level cache beside a batch.
	chunkSize = 256 << 10
	// maxIdleChunk is the most that stays allocated after a batch larger than a chunk.
	maxIdleChunk = 4 << 20
	// smallChunk holds a response without records, smallInARow of them are about ten seconds with fetch.max.wait.ms=500.
	smallChunk  = 4 << 10
	smallInARow = 20
)

// begin takes over a response. mu is held.
func (d *drainer) begin(b *fetchBroker) {
	d.b, d.conn, d.request, d.left = b, b.conn, b.request, b.size
	d.r, d.w, d.released, d.records = 0, 0, false, false
	d.part, d.walking, d.pending = nil, false, nil
	d.scan.reset(b.version)
	d.looked, d.skipping = false, false
	d.size(b.size)
}

// size chooses the buffer for a response of n bytes. What waits for records gets small responses, and after a while holds a small
// buffer: a worker may have a thousand such consumers.
func (d *drainer) size(n int) {
	if d.small++; n > smallChunk {
		d.small = 0
	}
	switch {
	case n > smallChunk && len(d.buf) < chunkSize, len(d.buf) > maxIdleChunk:
		d.buf = make([]byte, chunkSize)
	case len(d.buf) == 0, len(d.buf) > smallChunk && d.small > smallInARow:
		d.buf = make([]byte, smallChunk)
	}
}

// errFull stops a run that has rows to hand out.
var errFull = errors.New("enough")

// run goes on with the response until dst has rows of one partition or the response is over. An error is the
// partition's; what breaks the connection is dealt with.
func (d *drainer) run(dst *RowSet, start, maxRows, maxBytes int) error {
	for {
		err := d.decode(dst, maxRows, maxBytes)
		if !d.commit(dst, start) && err == errFull {
			continue // the rows are void
		}
		switch {
		case err == nil:
			d.finish()
		case err == errFull:
		case isPartitionError(err):
			return err
		default:
			d.broke(err)
		}
		return nil
	}
}

func isPartitionError(err error) bool {
	var ofPartition *PartitionError
	return errors.As(err, &ofPartition)
}

// decode returns nil at the end of the response, and errFull when dst is to be handed out first.
func (d *drainer) decode(dst *RowSet, maxRows, maxBytes int) error {
	for {
		if d.left == 0 && !d.looked && d.scan.state != atHead {
			d.looked = true
			d.lookAhead()
		}
		if d.pending != nil {
			if dst.N > 0 {
				return errFull
			}
			if err := d.corrupt(); err != nil {
				return err
			}
			continue
		}
		if d.walking {
			if d.step(dst, maxRows, maxBytes) {
				return errFull
			}
			continue
		}
		if d.scan.state == atRecords && d.scan.records > 0 {
			if err := d.batch(dst, maxRows); err != nil {
				return err
			}
			continue
		}
		used, ev, err := d.scan.step(d.buf[d.r:d.w])
		d.r += used
		switch {
		case err != nil:
			return err
		case ev == scanMore:
			if err := d.fill(d.w-d.r+1, dst, maxRows); err != nil {
				return err
			}
		case ev == scanHead:
			if err := d.head(); err != nil {
				return err
			}
		case ev == scanTopic:
			d.enterTopic()
		case ev == scanPartition:
			d.enter()
		case ev == scanPartitionEnd:
			if dst.N > 0 {
				return errFull
			}
			d.commit(dst, 0)
			d.part = nil
		case ev == scanEnd:
			return nil
		}
	}
}

// step takes records of the batch under way; true = dst is full.
func (d *drainer) step(dst *RowSet, maxRows, maxBytes int) bool {
	before := dst.N
	err := d.walk.take(dst, d.pos, maxRows, maxBytes)
	if dst.N > before {
		d.pos = dst.Offset[dst.N-1] + 1
	}
	switch {
	case err != nil:
		d.walking, d.pending = false, err
		return dst.N > 0
	case d.walk.left > 0:
		return true
	}
	d.walking = false
	d.pos = max(d.pos, d.walk.head.next())
	d.unpack.trim()
	return dst.N >= maxRows
}

// batch starts on the next record batch of the partition.
func (d *drainer) batch(dst *RowSet, maxRows int) error {
	have := min(d.w-d.r, d.scan.records)
	if d.part == nil || d.skipping {
		return d.skip(d.scan.records, dst, maxRows)
	}
	if have < batchPrefix {
		if d.scan.records < batchPrefix {
			return d.cutOff()
		}
		return d.fill(batchPrefix, dst, maxRows)
	}
	var h batchHead
	if err := h.prefix(d.buf[d.r:]); err != nil {
		if d.walk.head, d.pending = h, err; h.size >= batchPrefix && h.size <= have {
			d.take(h.size) // what follows tells where to go on
		}
		return nil
	}
	if h.size > d.scan.records {
		d.walk.head = h
		return d.cutOff()
	}
	if h.size > have {
		return d.fill(h.size, dst, maxRows)
	}
	whole := d.buf[d.r : d.r+h.size]
	err := d.open(&h, whole, dst)
	if err == errFull {
		return err // the batch is looked at again
	}
	d.take(h.size)
	d.progress, d.records = true, true
	d.pending = err
	return nil
}

// open decides what becomes of a whole batch: rows, or nothing when it is before the position, a marker, or aborted.
func (d *drainer) open(h *batchHead, whole []byte, dst *RowSet) error {
	d.walk.head = *h
	w := &d.walk
	records := []byte(nil)
	var err error
	if h.magic == 2 {
		w.head.fields(whole)
		if w.head.lastDelta >= 0 && w.head.next() <= d.pos && w.head.next() > 0 {
			return nil
		}
		if err := w.head.check(whole, d.f.rules.checkCRC); err != nil {
			return err
		}
	} else if records, err = d.legacy.convert(whole, d.f.rules.checkCRC, &w.head); err != nil {
		return err
	}
	if w.head.next() <= d.pos {
		return nil
	}
	if dst.N > 0 && (dst.LeaderEpoch != w.head.epoch || dst.LogAppendTime != w.head.logAppend()) {
		return errFull
	}
	d.epoch = w.head.epoch
	if h.magic == 2 {
		if w.head.control() || d.isAborted(whole) {
			if d.f.cfg.ReadCommitted && w.head.abortMarker(whole) {
				delete(d.aborted, w.head.producer)
			}
			d.pos = w.head.next()
			return nil
		}
		records = whole[batchHeaderBytes:]
		if codec := w.head.codec(); codec != codecNone {
			if records, err = d.unpack.unpack(codec, records); err != nil {
				return err
			}
		}
	}
	dst.LeaderEpoch, dst.LogAppendTime = w.head.epoch, w.head.logAppend()
	w.p, w.at, w.left, d.walking = records, 0, int(w.head.count), true
	return nil
}

// isAborted reports a batch of an aborted transaction, under read_committed.
func (d *drainer) isAborted(whole []byte) bool {
	h := &d.walk.head
	if !d.f.cfg.ReadCommitted || h.producer < 0 {
		return false
	}
	for d.txAt < len(d.scan.aborted) && d.scan.aborted[d.txAt].first < h.next() {
		if d.aborted == nil {
			d.aborted = map[int64]struct{}{}
		}
		d.aborted[d.scan.aborted[d.txAt].producer] = struct{}{}
		d.txAt++
	}
	_, ok := d.aborted[h.producer]
	return ok && h.transactional()
}

// take takes n bytes of records off the buffer.
func (d *drainer) take(n int) {
	d.r += n
	d.scan.records -= n
}

// skip goes past n bytes of records without looking.
func (d *drainer) skip(n int, dst *RowSet, maxRows int) error {
	if have := min(n, d.w-d.r); have > 0 {
		d.take(have)
		return nil
	}
	return d.fill(1, dst, maxRows)
}

// cutOff deals with a batch whose end is not in the response: it comes whole with the next one, unless it was the first.
func (d *drainer) cutOff() error {
	if !d.progress {
		d.pending = corrupt("a non-empty fetch response holds no complete record batch (%d bytes, the batch wants %d)", d.scan.records, d.walk.head.size)
		d.progress = true
		return nil
	}
	d.skipping = true
	return nil
}

// fill reads on until n bytes are there, a chunk if it can. It returns errFull instead when there are rows enough for
// the socket to wait.
func (d *drainer) fill(n int, dst *RowSet, maxRows int) error {
	if d.left == 0 {
		return errors.New("the response ends too early")
	}
	if dst.N >= max(1, maxRows/2) {
		return errFull
	}
	if n > d.w-d.r+d.left {
		return fmt.Errorf("the response ends too early: %d bytes are missing", n-(d.w-d.r)-d.left)
	}
	if d.r > 0 {
		d.w = copy(d.buf, d.buf[d.r:d.w])
		d.r = 0
	}
	if n > len(d.buf) {
		grown := make([]byte, n+n/8)
		copy(grown, d.buf[:d.w])
		d.buf = grown
	}
	k := min(len(d.buf)-d.w, d.left)
	if err := d.read(d.buf[d.w : d.w+k]); err != nil {
		return err
	}
	d.w += k
	d.left -= k
	return nil
}

// read reads from the socket, and lets wake know.
func (d *drainer) read(p []byte) error {
	f := d.f
	f.mu.Lock()
	f.reading = d.conn
	f.readCount++
	f.mu.Unlock()
	err := d.conn.read(p)
	f.mu.Lock()
	f.reading = nil
	f.mu.Unlock()
	return err
}

// corrupt reports the batch that cannot be read and stops with the partition.
func (d *drainer) corrupt() error {
	reason := d.pending
	d.pending = nil
	p := d.part
	h := &d.walk.head
	if p == nil {
		return nil
	}
	f := d.f
	f.mu.Lock()
	defer f.mu.Unlock()
	d.part = nil
	if p.seq != d.seq {
		return nil
	}
	p.pos = d.pos
	next := h.next()
	if d.scan.records >= batchPrefix && d.w-d.r >= batchPrefix { // better than what a corrupt header says
		var after batchHead
		if after.prefix(d.buf[d.r:]) == nil && after.base >= d.pos && after.base > h.base && after.base < d.end {
			next = after.base
		}
	}
	if next < d.pos || next <= h.base || next > d.end {
		next = d.pos + 1
	}
	f.void(p)
	p.failed = true
	return &PartitionError{TopicPartition: p.TopicPartition, Err: &CorruptError{Offset: d.pos, Base: h.base, Next: next, Err: reason}}
}

// commit makes the position that the rows in dst lead to the partition's, and stamps them. It drops them and says false
// when something happened to the partition meanwhile. No rebalance callback runs while it does.
func (d *drainer) commit(dst *RowSet, start int) bool {
	p := d.part
	if p == nil {
		return dst.N > 0
	}
	f := d.f
	f.gate.RLock()
	defer f.gate.RUnlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.seq != d.seq || f.parts[p.TopicPartition] != p {
		if dst.N > 0 {
			dst.clear(start)
		}
		d.part, d.walking, d.pending = nil, false, nil
		return false
	}
	p.pos, p.epoch = d.pos, d.epoch
	if !d.released {
		p.next = d.pos
	}
	if dst.N > 0 {
		dst.TopicPartition, dst.Assignment, dst.HighWatermark = p.TopicPartition, p.assignment, d.end
	}
	return dst.N > 0
}

// head looks at what concerns the whole response.
func (d *drainer) head() error {
	b, f := d.b, d.f
	f.mu.Lock()
	defer f.mu.Unlock()
	err := kerr.TypedErrorForCode(d.scan.code)
	switch {
	case err == nil:
		if d.scan.session != 0 {
			b.session = d.scan.session
			if b.epoch++; b.epoch <= 0 {
				b.epoch = 1 // after the largest number
			}
		} else {
			b.session = 0
		}
		return nil
	case err == kerr.FetchSessionIDNotFound || err == kerr.InvalidFetchSessionEpoch || err == kerr.FetchSessionTopicIDError:
		b.session, b.epoch = 0, 0
		for _, p := range b.parts {
			p.inSession = false
		}
		return nil
	}
	return fmt.Errorf("fetch: %w", err)
}

// enterTopic remembers the topic without an allocation when it is known.
func (d *drainer) enterTopic() {
	d.f.mu.Lock()
	defer d.f.mu.Unlock()
	d.topic = d.known(d.scan.topic, d.topic)
}

// known is the name as a string that exists already; "" for a topic that is not read from the broker.
func (d *drainer) known(name []byte, last string) string {
	if last == string(name) {
		return last
	}
	for _, p := range d.b.parts {
		if p.Topic == string(name) {
			return p.Topic
		}
	}
	return ""
}

// enter begins with a partition of the response.
func (d *drainer) enter() {
	f, s := d.f, &d.scan.part
	f.mu.Lock()
	defer f.mu.Unlock()
	d.part, d.progress, d.skipping, d.txAt = nil, false, false, 0
	clear(d.aborted)
	p := f.parts[TopicPartition{d.topic, s.partition}]
	if p == nil || p.from != d.b || p.validFrom > d.request || !p.wanted() {
		return
	}
	if s.code != 0 {
		f.partitionError(p, kerr.TypedErrorForCode(s.code))
		return
	}
	if s.preferred >= 0 && s.preferred != d.b.node {
		f.moveTo(p, s.preferred)
		return
	}
	if p.replica >= 0 && time.Now().After(p.replicaEnds) {
		p.replica = -1
		f.lose(p, 0)
		return
	}
	p.tries = 0
	d.part, d.seq, d.pos, d.epoch = p, p.seq, p.pos, p.epoch
	d.end = s.end
	if f.cfg.ReadCommitted && s.stable >= 0 {
		d.end = s.stable
	}
}

// finish ends the response.
func (d *drainer) finish() {
	d.f.mu.Lock()
	defer d.f.mu.Unlock()
	if d.records {
		d.b.calm = 0
	} else {
		d.b.calm++
	}
	d.release()
	d.b = nil
}

// broke gives up a response whose connection broke or which is not one.
func (d *drainer) broke(err error) {
	if d.conn != nil {
		d.conn.fail(err)
	}
	f := d.f
	f.mu.Lock()
	defer f.mu.Unlock()
	b := d.b
	d.b, d.part, d.walking, d.pending = nil, nil, false, nil
	if !d.released {
		b.broke(err)
		signal(b.poke)
		return
	}
	for _, p := range b.parts { // what the next request asked for comes after rows that are lost
		f.void(p)
	}
}
