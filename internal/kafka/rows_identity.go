// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// identify asks for a producer id when an idempotent producer has none. One asks, the others wait.
func (w *rowWriter) identify() error {
	if !w.cfg.Idempotent {
		return nil
	}
	w.idMu.Lock()
	defer w.idMu.Unlock()
	w.mu.Lock()
	have := w.stamp.id >= 0 || w.closed
	w.mu.Unlock()
	if have {
		return nil
	}
	resp, err := kmsg.NewPtrInitProducerIDRequest().RequestWith(w.ctx, w.client)
	if err == nil {
		err = brokerError(resp.ErrorCode, nil)
	}
	if err != nil {
		return fmt.Errorf("init producer id: %w", err)
	}
	w.mu.Lock()
	w.stamp = producerStamp{id: resp.ProducerID, epoch: resp.ProducerEpoch}
	w.mu.Unlock()
	return nil
}

// unidentified fails what waits for a leader, or has it wait longer, because there is no producer id.
func (w *rowWriter) unidentified(l *rowLeader, err error) {
	var finished []*rowCall
	w.mu.Lock()
	ready := l.ready
	l.ready = nil
	for _, p := range ready {
		if p.ready != l {
			continue
		}
		p.ready = nil
		if w.closed || len(p.queue) == 0 {
			continue
		}
		if !isFatalRequest(err) {
			p.queue[0].tries = max(p.queue[0].tries, 1)
			finished = w.onward(p, w.retry(p.queue[0], err, finished))
			continue
		}
		for len(p.queue) > 0 && p.flying == 0 {
			finished = w.fail(p.queue[0], err, finished)
		}
		if p.flying == 0 {
			p.restart()
		}
	}
	w.mu.Unlock()
	w.finish(finished)
}

// stampFor gives a partition the id, epoch and sequence of its next chunk. They stay as they are until a chunk is done,
// so that a retry is known as one. It is false when an id must be asked for first.
//
// An epoch begins at sequence 0 and is the partition's own affair: the others go on with theirs (KIP-360).
func (w *rowWriter) stampFor(p *rowPartition) bool {
	switch {
	case !w.cfg.Idempotent:
		return true
	case w.stamp.id < 0:
		return false
	case p.stamp.id < 0:
	case !p.bump:
		return true
	case p.stamp.id == w.stamp.id && p.stamp.epoch == w.stamp.epoch:
		if w.stamp.epoch == math.MaxInt16 {
			w.stamp = noStamp
			return false
		}
		w.stamp.epoch++
	}
	p.stamp = producerStamp{id: w.stamp.id, epoch: w.stamp.epoch}
	p.nextSeq, p.bump, p.proven = 0, false, false
	return true
}
