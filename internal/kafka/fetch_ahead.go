// SPDX-License-Identifier: Apache-2.0

package kafka

import "math"

// lookAhead lets the broker ask for more while the rest of the response, now in the buffer, is decoded: from the offsets
// that the last batches lead to. Anything odd makes it wait instead.
func (d *drainer) lookAhead() {
	s, at := d.scan, d.r
	s.ahead = true
	type step struct {
		p    *fetchPart
		next int64
	}
	var steps [16]step
	n := 0
	p, next := d.part, d.pos
	if d.walking {
		next = max(next, d.walk.head.next())
	}
	f := d.f
	f.mu.Lock()
	defer f.mu.Unlock()
	topic := d.topic
	for {
		if s.state == atRecords && s.records > 0 {
			if p == nil || p.validFrom > d.request {
				return
			}
			size, after := glance(d.buf[at:d.w], &s)
			if size == 0 {
				return
			}
			next = max(next, after)
			at += size
			s.records -= size
			continue
		}
		used, ev, err := s.step(d.buf[at:d.w])
		at += used
		switch ev {
		case scanMore:
			return
		case scanTopic:
			topic = d.known(s.topic, topic)
		case scanPartition:
			p = f.parts[TopicPartition{topic, s.part.partition}]
			if s.part.code != 0 || s.part.preferred >= 0 || p == nil || p.from != d.b {
				return
			}
			next = p.pos
			if p.validFrom > d.request {
				return
			}
		case scanPartitionEnd:
			if n == len(steps) || p == nil || p.validFrom > d.request {
				return
			}
			steps[n] = step{p, next}
			n++
		case scanEnd:
			for _, st := range steps[:n] {
				st.p.next = st.next
			}
			d.release()
			return
		}
		if err != nil {
			return
		}
	}
}

// release lets the broker send its next request. mu is held.
func (d *drainer) release() {
	if d.released {
		return
	}
	d.released = true
	d.b.state = brokerFree
	signal(d.b.poke)
}

// glance reads the size of the batch that p begins with and the offset after it; size is 0 when there is anything to
// say against it.
func glance(p []byte, s *fetchScan) (size int, next int64) {
	if len(p) < batchHeaderBytes || s.records < batchHeaderBytes {
		return 0, 0
	}
	var h batchHead
	if h.prefix(p) != nil || h.magic != 2 || h.size > s.records || h.size > len(p) {
		return 0, 0
	}
	if h.fields(p); h.lastDelta < 0 || h.base > math.MaxInt64-int64(h.lastDelta)-1 || h.next() > s.part.end {
		return 0, 0
	}
	return h.size, h.next()
}
