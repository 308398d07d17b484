// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answer deals with the response to the request that carried chunks, or with its failure. It is what
// org.apache.kafka.clients.producer.internals.Sender.completeBatch and TransactionManager.canRetry decide together.
func (w *rowWriter) answer(sent []*chunk, resp kmsg.Response, err error) {
	var finished []*rowCall
	w.mu.Lock()
	for _, c := range sent {
		c.p.inFlight = false
	}
	if w.closed {
		w.mu.Unlock()
		return // close fails them
	}
	if err == nil {
		finished = w.answers(sent, resp.(*kmsg.ProduceResponse), finished)
	}
	for _, c := range sent {
		if c == nil {
			continue
		}
		switch {
		case err == nil: // the broker passed it over
			finished = w.retry(c, kerr.UnknownServerError, finished)
		case isFatalRequest(err):
			finished = w.fail(c.p, err, finished)
			w.makeReady(c.p)
		default:
			c.unsure = true
			finished = w.retry(c, err, finished)
		}
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

// answers matches the partitions of a response with what was sent. What was answered for becomes nil in sent.
func (w *rowWriter) answers(sent []*chunk, resp *kmsg.ProduceResponse, finished []*rowCall) []*rowCall {
	for i := range resp.Topics {
		t := &resp.Topics[i]
		for k := range t.Partitions {
			r := &t.Partitions[k]
			for at, c := range sent {
				if c != nil && c.p.index == r.Partition && c.p.topic.name == t.Topic {
					sent[at] = nil
					finished = w.verdict(c, r, finished)
					break
				}
			}
		}
	}
	return finished
}

// verdict deals with what a broker said of one chunk, the first of its partition.
func (w *rowWriter) verdict(c *chunk, r *kmsg.ProduceResponseTopicPartition, finished []*rowCall) []*rowCall {
	p, many := c.p, len(c.rows) > 1
	err := brokerError(r.ErrorCode, r.ErrorMessage)
	switch kerr.TypedErrorForCode(r.ErrorCode) {
	case nil, kerr.DuplicateSequenceNumber:
		return w.succeed(p, r.BaseOffset, finished)
	case kerr.MessageTooLarge, kerr.RecordListTooLarge:
		// A try that may have been appended must come back whole, or it is written twice.
		if many && !c.unsure {
			w.split(c)
			w.makeReady(p)
			return finished
		}
	case kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch:
		if w.cfg.Idempotent {
			w.log.Warn("the broker lost track of the producer; a new epoch continues", "topic", p.topic.name,
				"partition", p.index, "err", err, "sequence", p.stamp.seq)
			p.bump = true
			if r.ErrorCode == kerr.InvalidProducerEpoch.Code && w.stamp.id == p.stamp.id {
				w.stamp = noStamp // epochs ahead of ours are in use: a fresh id
			}
			return w.retry(c, err, finished)
		}
	case kerr.UnknownTopicOrPartition:
		if p.topic.missing.IsZero() {
			p.topic.missing = time.Now()
		}
		return w.retry(c, err, finished)
	case kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend:
		c.unsure = true
	}
	if kerr.IsRetriable(err) {
		return w.retry(c, err, finished)
	}
	finished = w.fail(p, err, finished)
	w.makeReady(p)
	return finished
}

// succeed ends the first chunk well; base is the offset of its first row, -1 when the broker does not tell.
func (w *rowWriter) succeed(p *rowPartition, base int64, finished []*rowCall) []*rowCall {
	c := p.pop()
	if base >= 0 {
		c.placed(base)
	}
	p.topic.missing = time.Time{}
	if w.cfg.Idempotent {
		p.stamp.seq = nextSequence(p.stamp.seq, len(c.rows))
	}
	finished = w.release(c, nil, finished)
	w.makeReady(p)
	return finished
}

// nextSequence is DefaultRecordBatch.incrementSequence: after 2^31-1 comes 0.
func nextSequence(seq int32, n int) int32 { return int32((int64(seq) + int64(n)) & 0x7fffffff) }

// fail ends the first chunk with an error for each of its rows. What it may have left in the log makes its sequence
// numbers unusable, so the next chunk starts a new epoch.
func (w *rowWriter) fail(p *rowPartition, err error, finished []*rowCall) []*rowCall {
	c := p.pop()
	if c.tries > 0 {
		p.bump = w.cfg.Idempotent
	}
	return w.release(c, w.explain(err), finished)
}

// release settles the rows of a chunk that left its queue.
func (w *rowWriter) release(c *chunk, err error, finished []*rowCall) []*rowCall {
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
	w.giveChunk(c)
	w.signal()
	return finished
}

// retry sends the first chunk again later, unless its retries or its time are used up.
func (w *rowWriter) retry(c *chunk, err error, finished []*rowCall) []*rowCall {
	p := c.p
	w.log.Debug("produce request failed and is retried", "topic", p.topic.name, "partition", p.index, "err", err, "tries", c.tries)
	if w.rules.retries >= 0 && c.tries > w.rules.retries {
		finished = w.fail(p, fmt.Errorf("%w: %w", kgo.ErrRecordRetries, err), finished)
		w.makeReady(p)
		return finished
	}
	if finished = w.expire(p, time.Now(), finished); len(p.queue) > 0 {
		w.makeSick(p, p.queue[0].tries)
	}
	return finished
}

// expire fails the chunks at the head of the queue that are out of time.
func (w *rowWriter) expire(p *rowPartition, now time.Time, finished []*rowCall) []*rowCall {
	for len(p.queue) > 0 {
		c := p.queue[0]
		switch missing := p.topic.missing; {
		case !c.deadline.IsZero() && now.After(c.deadline):
			finished = w.fail(p, kgo.ErrRecordTimeout, finished)
		case !missing.IsZero() && now.Sub(missing) > w.cfg.MaxBlock:
			finished = w.fail(p, &UnknownTopicError{Topic: p.topic.name, After: w.cfg.MaxBlock}, finished)
		default:
			return finished
		}
	}
	return finished
}

// split puts two halves in the place of the first chunk, and makes later chunks smaller.
func (w *rowWriter) split(c *chunk) {
	p := c.p
	p.limit = max(c.bytes/2, batchHeaderBytes+1)
	w.log.Debug("the broker finds a batch too large; it is split", "topic", p.topic.name, "partition", p.index, "bytes", c.bytes)
	p.pop()
	w.held -= int64(c.bytes)
	at := 0
	for k, half := range []int{len(c.rows) / 2, len(c.rows)} {
		part := w.takeChunk(p)
		part.deadline, part.sealed = c.deadline, true
		p.queue = append(p.queue, nil)
		copy(p.queue[k+1:], p.queue[k:])
		p.queue[k] = part
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
	w.learn(resp.Topics)
}
