// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answer deals with the response to a request, or with its failure. It is what
// org.apache.kafka.clients.producer.internals.Sender.completeBatch and TransactionManager.canRetry decide together.
// Without a response and an error, it was a request that has none (acks=0).
func (w *rowWriter) answer(l *rowLeader, req *rowsRequest, reply *rowsReply, err error) {
	w.mu.Lock()
	finished := w.takeList()
	// Not before, or drive, which does not know yet that a chunk failed, sends one more behind it: a sixth, and brokers
	// remember five batches to know a repetition by.
	if len(l.flying) > 0 && l.flying[0] == req {
		n := copy(l.flying, l.flying[1:])
		l.flying[n] = nil
		l.flying = l.flying[:n]
	}
	for _, c := range req.chunks {
		c.p.flying--
	}
	if !w.closed { // else close fails them
		if reply != nil && err == nil {
			finished = w.answers(req, reply, finished)
		}
		for _, c := range req.chunks {
			if c == nil {
				continue
			}
			p := c.p // c may be another's afterwards
			switch {
			case err == nil && reply == nil:
				finished = w.succeed(c, -1, finished)
			case err == nil: // the broker passed it over
				finished = w.retry(c, kerr.UnknownServerError, finished)
			case isFatalRequest(err):
				finished = w.fail(c, err, finished)
			default:
				finished = w.retry(c, err, finished)
			}
			finished = w.onward(p, finished)
		}
	}
	req.reset()
	l.idle = append(l.idle, req)
	l.poke()
	if len(finished) == 0 {
		w.giveList(finished)
		finished = nil
	}
	w.mu.Unlock()
	w.finish(finished)
}

// isFatalRequest tells the failures that no retry mends from connections that break and brokers that are away.
func isFatalRequest(err error) bool {
	var certificate *tls.CertificateVerificationError
	var ke *kerr.Error
	switch {
	case IsAuthentication(err), errors.As(err, &certificate):
		return true
	case errors.As(err, &ke):
		return !ke.Retriable
	}
	return false
}

// answers matches the partitions of a response with what was sent. What was answered for becomes nil in the request.
func (w *rowWriter) answers(req *rowsRequest, reply *rowsReply, finished []*rowCall) []*rowCall {
	for _, n := range reply.nodes {
		w.pool.hint(n.id, string(n.host), n.port)
	}
	next := 0 // brokers keep the order, mostly
	for i := range reply.results {
		r := &reply.results[i]
		for range req.chunks {
			at := next % len(req.chunks)
			next++
			if c := req.chunks[at]; c != nil && c.p.index == r.partition && c.p.topic.name == string(r.topic) {
				req.chunks[at] = nil
				p := c.p // c may be another's afterwards
				finished = w.onward(p, w.verdict(c, r, finished))
				break
			}
		}
	}
	return finished
}

// verdict deals with what a broker said of one chunk.
func (w *rowWriter) verdict(c *chunk, r *rowsResult, finished []*rowCall) []*rowCall {
	if r.code == 0 {
		return w.succeed(c, r.base, finished)
	}
	p := c.p
	var message *string
	if r.message != nil {
		text := string(r.message)
		message = &text
	}
	err := brokerError(r.code, message)
	switch kerr.TypedErrorForCode(r.code) {
	case kerr.DuplicateSequenceNumber:
		return w.succeed(c, r.base, finished)
	case kerr.MessageTooLarge, kerr.RecordListTooLarge:
		// Brokers look at the size before anything else, so no earlier try was appended.
		if len(c.rows) > 1 {
			w.split(c)
			return finished
		}
	case kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch:
		if w.cfg.Idempotent {
			w.lostTrack(c, r.code, err)
			return w.retry(c, err, finished)
		}
	case kerr.UnknownTopicOrPartition:
		if p.topic.missing.IsZero() {
			p.topic.missing = time.Now()
		}
	case kerr.NotLeaderForPartition, kerr.FencedLeaderEpoch:
		if r.leader >= 0 && w.follow(p, r.leader, r.leaderEpoch) { // KIP-951: no need to ask, or to wait
			p.draining = true
			return w.expireFor(c, err, finished)
		}
	}
	if kerr.IsRetriable(err) {
		return w.retry(c, err, finished)
	}
	return w.fail(c, err, finished)
}

// lostTrack has a partition go on with a new epoch when its broker cannot place a sequence number. Behind a chunk that
// is to be sent again that is as it should be, and says nothing.
func (w *rowWriter) lostTrack(c *chunk, code int16, err error) {
	p := c.p
	if p.draining || c.stamp.id != p.stamp.id || c.stamp.epoch != p.stamp.epoch || p.queue[0] != c {
		return
	}
	w.log.Warn("the broker lost track of the producer; a new epoch continues", "topic", p.topic.name,
		"partition", p.index, "err", err, "sequence", c.stamp.seq)
	p.bump = true
	if code == kerr.InvalidProducerEpoch.Code && w.stamp.id == p.stamp.id {
		w.stamp = noStamp // epochs ahead of ours are in use: a fresh id
	}
}

// succeed ends a chunk well; base is the offset of its first row, -1 when the broker does not tell. It leaves the queue
// when it is the first.
func (w *rowWriter) succeed(c *chunk, base int64, finished []*rowCall) []*rowCall {
	p := c.p
	if base >= 0 {
		c.placed(base)
	}
	p.topic.missing = time.Time{}
	c.done = true
	if !p.draining && c.sentTo == p.leader && c.stamp.id == p.stamp.id && c.stamp.epoch == p.stamp.epoch {
		p.proven = true
	}
	finished = w.settle(c, nil, finished)
	w.popDone(p)
	return finished
}

// popDone takes what is written off the start of the queue.
func (w *rowWriter) popDone(p *rowPartition) {
	for len(p.queue) > 0 && p.queue[0].done {
		c := p.queue[0]
		if c.stamp.id >= 0 && c.stamp.id == p.stamp.id && c.stamp.epoch == p.stamp.epoch {
			p.stamp.seq = nextSequence(p.stamp.seq, len(c.rows))
		}
		p.remove(c)
		w.giveChunk(c)
	}
}

// onward goes on with a partition after one of its chunks came back.
func (w *rowWriter) onward(p *rowPartition, finished []*rowCall) []*rowCall {
	if p.flying > 0 {
		w.makeReady(p) // not while it drains
		return finished
	}
	pause := p.pause
	if p.draining || p.bump {
		p.draining, p.proven, p.pause = false, false, 0
		p.sent, p.nextSeq = 0, p.stamp.seq
		finished = w.expire(p, time.Now(), finished)
	}
	if len(p.queue) > 0 && pause > 0 {
		w.makeSick(p, pause)
		return finished
	}
	w.makeReady(p)
	return finished
}

// nextSequence is DefaultRecordBatch.incrementSequence: after 2^31-1 comes 0.
func nextSequence(seq int32, n int) int32 { return int32((int64(seq) + int64(n)) & 0x7fffffff) }

// fail ends a chunk with an error for each of its rows. What it may have left in the log makes its sequence numbers
// unusable, and leaves a gap before those behind it, so the next chunk starts a new epoch.
func (w *rowWriter) fail(c *chunk, err error, finished []*rowCall) []*rowCall {
	p := c.p
	if c.tried && w.cfg.Idempotent {
		p.bump, p.draining = true, true
	}
	p.remove(c)
	finished = w.settle(c, w.explain(err), finished)
	w.giveChunk(c)
	w.popDone(p)
	return finished
}

// settle tells the calls of a chunk how its rows fared.
func (w *rowWriter) settle(c *chunk, err error, finished []*rowCall) []*rowCall {
	for k := range c.segs {
		call, from, to := c.segs[k].call, c.segs[k].from, c.end(k)
		if err != nil {
			for _, row := range c.rows[from:to] {
				call.errs = append(call.errs, RowError{Row: int(row), Err: err})
			}
		}
		if call.left -= to - from; call.left == 0 {
			finished = append(finished, call)
		}
	}
	w.held -= int64(c.bytes)
	w.signal()
	return finished
}

// retry has a chunk sent again, unless its retries are used up; its time is looked at when the partition has drained.
func (w *rowWriter) retry(c *chunk, err error, finished []*rowCall) []*rowCall {
	p := c.p
	w.log.Debug("produce request failed and is retried", "topic", p.topic.name, "partition", p.index, "err", err, "tries", c.tries)
	if p.draining && p.queue[0] != c {
		c.tries-- // not its own fault
	}
	p.draining, p.pause = true, max(p.pause, c.tries, 1)
	return w.expireFor(c, err, finished)
}

// expireFor fails a chunk whose retries are used up.
func (w *rowWriter) expireFor(c *chunk, err error, finished []*rowCall) []*rowCall {
	if w.rules.retries >= 0 && c.tries > w.rules.retries {
		return w.fail(c, fmt.Errorf("%w: %w", kgo.ErrRecordRetries, err), finished)
	}
	return finished
}

// expire fails the chunks at the head of the queue that are out of time. Nothing of the partition is in flight.
func (w *rowWriter) expire(p *rowPartition, now time.Time, finished []*rowCall) []*rowCall {
	if p.flying > 0 {
		return finished
	}
	for len(p.queue) > 0 {
		c := p.queue[0]
		switch missing := p.topic.missing; {
		case !c.deadline.IsZero() && now.After(c.deadline):
			finished = w.fail(c, kgo.ErrRecordTimeout, finished)
		case !missing.IsZero() && now.Sub(missing) > w.cfg.MaxBlock:
			finished = w.fail(c, &UnknownTopicError{Topic: p.topic.name, After: w.cfg.MaxBlock}, finished)
		default:
			p.restart()
			return finished
		}
	}
	p.restart()
	return finished
}

// restart forgets what was sent: nothing is in flight.
func (p *rowPartition) restart() {
	p.draining = false
	p.sent, p.nextSeq = 0, p.stamp.seq
}

// split puts two halves in the place of a chunk, and makes later chunks smaller. The halves have the sequence numbers
// of the whole, so that nothing changes for those behind it, which the broker refuses for the gap.
func (w *rowWriter) split(c *chunk) {
	p := c.p
	p.limit = max(c.bytes/2, batchHeaderBytes+1)
	p.draining = true
	w.log.Debug("the broker finds a batch too large; it is split", "topic", p.topic.name, "partition", p.index, "bytes", c.bytes)
	place := slices.Index(p.queue, c)
	p.remove(c)
	w.held -= int64(c.bytes)
	at := 0
	for k, half := range []int{len(c.rows) / 2, len(c.rows)} {
		part := w.takeChunk(p)
		part.deadline, part.sealed, part.tried = c.deadline, true, true
		p.queue = slices.Insert(p.queue, place+k, part)
		for seg := range c.segs {
			call := c.segs[seg].call
			for from, to := max(at, c.segs[seg].from), min(half, c.end(seg)); from < to; from++ {
				i := int(c.rows[from])
				millis := call.millis(i)
				record, total := part.grow(call.rows.bodyLen(i, c.headersOf(from)), millis)
				call.left-- // add counts it again
				w.append(part, call, i, millis, record, total, c.headersOf(from))
			}
		}
		at = half
	}
	w.giveChunk(c)
}

// makeSick leaves a partition to heal, which looks for its leader after the backoff and makes it ready again.
func (w *rowWriter) makeSick(p *rowPartition, tries int) {
	if p.sick || w.closed {
		return
	}
	p.sick, p.retryAt = true, time.Now().Add(w.cfg.backoff(max(tries, 1)))
	w.sick = append(w.sick, p)
	if !w.healing {
		w.healing = true
		w.wg.Go(w.heal)
		return
	}
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// heal serves the sick until there are none: waits, asks for their leaders in one request, makes them ready.
func (w *rowWriter) heal() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for w.ctx.Err() == nil {
		due, topics, wait := w.due()
		if due == nil {
			if wait < 0 {
				return
			}
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-w.poke:
			case <-w.ctx.Done():
			}
			continue
		}
		w.refresh(topics, w.patience(due))
		var finished []*rowCall
		w.mu.Lock()
		for _, p := range due {
			p.sick = false
			finished = w.expire(p, time.Now(), finished)
			w.makeReady(p)
		}
		w.mu.Unlock()
		w.finish(finished)
	}
}

// due takes those whose backoff is over out of the sick and names their topics. Without any it tells how long to wait,
// -1 when nobody is sick and heal is to end.
func (w *rowWriter) due() (due []*rowPartition, topics []string, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sick) == 0 {
		w.healing = false
		return nil, nil, -1
	}
	now, wait, kept := time.Now(), time.Hour, 0
	seen := map[string]bool{}
	for _, p := range w.sick {
		if left := p.retryAt.Sub(now); left > 0 {
			wait = min(wait, left)
			w.sick[kept] = p
			kept++
			continue
		}
		due = append(due, p)
		if !seen[p.topic.name] {
			seen[p.topic.name] = true
			topics = append(topics, p.topic.name)
		}
	}
	clear(w.sick[kept:])
	w.sick = w.sick[:kept]
	return due, topics, wait
}

// patience is how long to wait for metadata: not past the deadline of what waits for it.
func (w *rowWriter) patience(due []*rowPartition) time.Duration {
	limit := w.cfg.RequestTimeout
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range due {
		if len(p.queue) > 0 && !p.queue[0].deadline.IsZero() {
			limit = min(limit, time.Until(p.queue[0].deadline))
		}
	}
	return max(limit, metadataMinAge)
}

// refresh looks the leaders of topics up. What fails leaves the old ones.
func (w *rowWriter) refresh(topics []string, limit time.Duration) {
	ctx, cancel := context.WithTimeout(w.ctx, limit)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	for i := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &topics[i]
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, w.client)
	if err != nil {
		w.log.Debug("metadata could not be refreshed", "err", err)
		return
	}
	w.pool.learn(resp.Brokers)
	w.learn(resp.Topics)
}
