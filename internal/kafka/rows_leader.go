// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// rowLeader is a broker that leads partitions. Two goroutines serve it, while there is something to do: drive sends,
// collect reads what comes back.
type rowLeader struct {
	id      int32
	ready   []*rowPartition
	since   time.Time // when ready got its first, or what is left of it
	busy    bool      // drive runs
	wake    chan struct{}
	flying  []*rowsRequest // sent and not answered, in order
	reading bool           // collect runs
	trip    time.Duration  // from request to response, smoothed
	quiet   time.Time      // the broker wants nothing before (throttle_time_ms)
	idle    []*rowsRequest

	pack  rowsPacker  // drive's
	timer *time.Timer // drive's
	reply rowsReply   // collect's

	// drive and collect of this leader, to be started after rowWriter.wg was told: made once, as they start often.
	drive, collect func()
}

// leader is the broker of an id. mu is held.
func (w *rowWriter) leader(id int32) *rowLeader {
	l := w.leaders[id]
	if l != nil {
		return l
	}
	l = &rowLeader{id: id, wake: make(chan struct{}, 1)}
	l.drive = func() {
		defer w.wg.Done()
		w.drive(l)
	}
	l.collect = func() {
		defer w.wg.Done()
		w.collect(l)
	}
	w.leaders[id] = l
	return l
}

const (
	// requestBytes is where a request stops taking chunks. It bounds how long the rows of a slow request wait.
	requestBytes = 8 << 20
	// fullBytes is what does not wait behind a request in flight: more would not make a broker's work cheaper.
	fullBytes = 768 << 10
	// tripShare is how long the rest waits, as a part of a round trip: a slow network is filled by this many requests.
	tripShare = 4
	maxWait   = 100 * time.Millisecond
)

// poke has drive look again.
func (l *rowLeader) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// makeReady puts a partition with something to send into the list of its leader.
func (w *rowWriter) makeReady(p *rowPartition) {
	if p.ready != nil || !p.canSend(w.cfg.Idempotent) || w.closed {
		return
	}
	if p.leader < 0 {
		w.makeSick(p, 1)
		return
	}
	l := w.leader(p.leader)
	p.ready = l
	if len(l.ready) == 0 {
		l.since = time.Now()
	}
	l.ready = append(l.ready, p)
	if !l.busy {
		l.busy = true
		w.wg.Add(1)
		go l.drive()
	}
}

// drive sends to one leader until nothing is ready.
func (w *rowWriter) drive(l *rowLeader) {
	for {
		if err := w.identify(); err != nil {
			w.unidentified(l, err)
		}
		w.mu.Lock()
		wait := w.hold(l)
		if wait < 0 {
			l.busy = false
			w.mu.Unlock()
			return
		}
		if wait > 0 {
			w.mu.Unlock()
			if l.timer == nil {
				l.timer = time.NewTimer(wait)
			} else {
				l.timer.Reset(wait)
			}
			select {
			case <-l.timer.C:
			case <-l.wake:
			case <-w.ctx.Done():
			}
			l.timer.Stop()
			continue
		}
		req := l.takeRequest()
		finished := w.take(l, req)
		w.mu.Unlock()
		w.finish(finished)
		if len(req.chunks) > 0 {
			w.send(l, req)
		}
	}
}

// hold tells how long drive waits before it sends: 0 = not at all, less = nothing is to be sent.
//
// The first request goes at once. While one is in flight the next waits to fill up, but only for a part of the round
// trip, so that neither a fast broker gets small batches nor a far one too few.
func (w *rowWriter) hold(l *rowLeader) time.Duration {
	if w.closed || len(l.ready) == 0 {
		return -1
	}
	n, wait := len(l.flying), w.rules.linger
	if n >= w.rules.inFlight || n > 0 && l.flying[n-1].conn.stale() {
		return time.Hour // collect pokes
	}
	now := time.Now()
	if left := l.quiet.Sub(now); left > 0 {
		return left
	}
	if n > 0 {
		wait = max(wait, min(max(l.trip/tripShare, defaultLingerMillis*time.Millisecond), maxWait))
	}
	if wait == 0 || w.flushing > 0 && n == 0 || l.readyBytes() >= fullBytes {
		return 0
	}
	return max(l.since.Add(wait).Sub(now), 0)
}

// readyBytes is what the next request would carry.
func (l *rowLeader) readyBytes() int {
	size := 0
	for _, p := range l.ready {
		if p.sent < len(p.queue) {
			size += p.queue[p.sent].bytes
		}
	}
	return size
}

func (l *rowLeader) takeRequest() *rowsRequest {
	if n := len(l.idle); n > 0 {
		req := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return req
	}
	return &rowsRequest{}
}

// take moves the next chunk of each ready partition into req.
func (w *rowWriter) take(l *rowLeader, req *rowsRequest) (finished []*rowCall) {
	now, size, taken := time.Now(), 0, 0
	req.reset()
	for _, p := range l.ready {
		if size > 0 && p.sent < len(p.queue) && size+p.queue[p.sent].bytes > requestBytes {
			break
		}
		taken++
		if p.ready != l {
			continue // it went to another leader
		}
		if p.ready = nil; !p.canSend(w.cfg.Idempotent) {
			continue // it drains
		}
		if p.flying == 0 {
			if finished = w.expire(p, now, finished); len(p.queue) == 0 {
				continue
			}
			if !w.stampFor(p) { // a new id is needed first
				p.ready = l
				taken--
				break
			}
		}
		if c := p.next(); c != nil {
			size += c.bytes
			req.chunks = append(req.chunks, c)
		}
	}
	left := copy(l.ready, l.ready[taken:])
	clear(l.ready[left:])
	l.ready, l.since = l.ready[:left], now
	for _, c := range req.chunks {
		w.makeReady(c.p) // what it has more of goes with the next request
	}
	slices.SortStableFunc(req.chunks, func(a, b *chunk) int { return cmp.Compare(a.p.topic.name, b.p.topic.name) })
	return finished
}

// send writes a request, and leaves its answer to collect.
func (w *rowWriter) send(l *rowLeader, req *rowsRequest) {
	conn, err := w.connect(l, req)
	if err == nil {
		if req.version = min(conn.maxVersion(produceKey), produceMaxVersion); req.version < produceMinVersion {
			err = fmt.Errorf("%w: broker %d does not know version %d of produce requests", kerr.UnsupportedVersion, l.id, produceMinVersion)
		}
	}
	if err == nil {
		replies := w.rules.acks != kgo.NoAck()
		n := l.pack.plan(req, w)
		if req.correlation, err = conn.begin(w.ctx, produceKey, req.version, req.version >= 9, replies, n); err == nil {
			req.conn, req.sentAt = conn, time.Now()
			w.fly(l, req, replies)
			err = l.pack.write(conn, req, w)
			if w.landed(req); replies {
				return // collect sees the broken connection, too
			}
		}
	}
	w.answer(l, req, nil, err)
}

// connect is the connection to a leader. One that cannot be reached does not hold rows past their time.
func (w *rowWriter) connect(l *rowLeader, req *rowsRequest) (*brokerConn, error) {
	at := brokerSlot{l.id, "produce"}
	if _, conn, err := w.pool.slot(at); conn != nil || err != nil || w.rules.delivery <= 0 {
		if conn == nil && err == nil {
			return w.pool.get(w.ctx, at.node, at.purpose)
		}
		return conn, err
	}
	ctx, cancel := context.WithDeadlineCause(w.ctx, req.deadline(), kgo.ErrRecordTimeout)
	defer cancel()
	return w.pool.get(ctx, at.node, at.purpose)
}

// fly gives collect a request. From then on its answer may come, though it is still being written.
func (w *rowWriter) fly(l *rowLeader, req *rowsRequest, replies bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if req.writing = true; !replies {
		return
	}
	l.flying = append(l.flying, req)
	if !l.reading {
		l.reading = true
		w.wg.Add(1)
		go l.collect()
	}
}

// landed says that the rows of a request are not read any more.
func (w *rowWriter) landed(req *rowsRequest) {
	w.mu.Lock()
	req.writing = false
	w.mu.Unlock()
	w.written.Broadcast()
}

// collect reads the answers of one leader until none is outstanding.
func (w *rowWriter) collect(l *rowLeader) {
	for {
		w.mu.Lock()
		if len(l.flying) == 0 {
			l.reading = false
			w.mu.Unlock()
			return
		}
		req := l.flying[0]
		w.mu.Unlock()
		err := l.reply.receive(w.ctx, req)
		w.mu.Lock()
		for req.writing { // a caller may have its rows back only after that
			w.written.Wait()
		}
		if trip := time.Since(req.sentAt); l.trip == 0 {
			l.trip = trip
		} else {
			l.trip += (trip - l.trip) / 8
		}
		if l.reply.throttle > 0 && err == nil {
			l.quiet = time.Now().Add(l.reply.throttle)
		}
		w.mu.Unlock()
		w.answer(l, req, &l.reply, err)
	}
}
