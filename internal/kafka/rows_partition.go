// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rowTopic is a topic that rows went to. rowWriter.mu guards it and its partitions.
type rowTopic struct {
	name       string
	id         [16]byte // zero = brokers do not say
	partitions []*rowPartition
	led        []int32 // partitions with a leader
	sticky     *rowPartition
	stickyLeft int // bytes until unkeyed rows move on
	turn       int // of a round robin
	learned    time.Time
	missing    time.Time // since when brokers say that it does not exist; zero = it does
}

// rowPartition is a queue of chunks and who they are for.
//
//	queue   [ done? | in flight | in flight | ready | being filled ]
//	                                          ▲ sent
//
//	idle ──rows──► ready (in its leader's list) ──taken──► in flight ──done──► idle or ready
//	                 ▲                                         │ retriable
//	                 └──── sick (heal waits) ◄── draining ◄────┘
//
// Order: chunks are sent in the order of the queue. When one fails, those behind it that are in flight fail too, or wait
// for it, because the broker sees a gap in the sequence numbers; the partition drains, that is, waits for all of them to
// come back, and begins anew with the first that is not written. A broker that knows nothing of the producer accepts any
// sequence number, so the second chunk goes only after this leader acknowledged one of the same epoch (proven). Without
// sequence numbers there is never more than one in flight.
type rowPartition struct {
	topic  *rowTopic
	index  int32
	leader int32 // -1 = none
	epoch  int32 // of the leader, -1 = unknown
	queue  []*chunk
	queued int // bytes in it
	limit  int // of a chunk; the broker may have lowered it

	ready    *rowLeader // whose list it is in, nil = none
	touched  bool       // in rowWriter.touched
	sent     int        // chunks at the start of queue that are in flight or done
	flying   int        // chunks in flight
	draining bool       // nothing is sent until flying is 0
	pause    int        // tries to pause for when it is, 0 = go on at once
	proven   bool
	sick     bool
	retryAt  time.Time     // of a sick one
	stamp    producerStamp // seq is that of the first in queue
	nextSeq  int32         // of the next to be sent
	bump     bool          // the next chunk starts a new epoch
}

// canSend says whether another chunk may be put in flight.
func (p *rowPartition) canSend(idempotent bool) bool {
	if p.sick || p.draining || p.sent >= len(p.queue) {
		return false
	}
	return p.flying == 0 || idempotent && p.proven && !p.bump
}

// next puts the first chunk that is not sent in flight, or returns nil when all are.
func (p *rowPartition) next() *chunk {
	for p.sent < len(p.queue) {
		c := p.queue[p.sent]
		p.sent++
		if c.done { // by an earlier try
			if c.stamp.id == p.stamp.id && c.stamp.epoch == p.stamp.epoch {
				p.nextSeq = nextSequence(p.nextSeq, len(c.rows))
			}
			continue
		}
		c.stamp = p.stamp
		c.stamp.seq = p.nextSeq
		if p.stamp.id >= 0 {
			p.nextSeq = nextSequence(p.nextSeq, len(c.rows))
		} else {
			c.stamp.seq = -1
		}
		c.sealed, c.tried, c.sentTo = true, true, p.leader
		c.tries++
		p.flying++
		return c
	}
	return nil
}

// tail is the chunk that rows may still join, or nil.
func (p *rowPartition) tail() *chunk {
	if n := len(p.queue); n > 0 && !p.queue[n-1].sealed {
		return p.queue[n-1]
	}
	return nil
}

// remove takes a chunk out of the queue.
func (p *rowPartition) remove(c *chunk) {
	at := slices.Index(p.queue, c)
	p.queue = slices.Delete(p.queue, at, at+1)
	if p.sent > at {
		p.sent--
	}
	p.queued -= c.bytes
}

// badPartition is what a row with a partition that does not exist fails with.
func badPartition(index int32, n int) error {
	return fmt.Errorf("invalid record partitioning choice of %d from %d available", index, n)
}

// choose is the partition of row i (org.apache.kafka.clients.producer.KafkaProducer.partition).
func (w *rowWriter) choose(t *rowTopic, rows *Rows, i, size int) (*rowPartition, error) {
	n := len(t.partitions)
	if rows.Partition != nil && rows.Partition[i] >= 0 {
		index := rows.Partition[i]
		if int(index) >= n {
			return nil, badPartition(index, n)
		}
		return t.partitions[index], nil
	}
	if w.rules.hashKeys && !w.rules.roundRobin && rows.Key != nil && rows.Key[i] != NullBytes {
		return t.partitions[Murmur2Partition(viewBytes(rows.keys(), rows.Key, i), int32(n))], nil
	}
	if w.rules.roundRobin {
		return t.roundRobin(), nil
	}
	if t.sticky == nil || t.stickyLeft <= 0 || t.sticky.leader < 0 {
		w.stick(t)
	}
	t.stickyLeft -= size
	return t.sticky, nil
}

// roundRobin is the next partition that has a leader (org.apache.kafka.clients.producer.RoundRobinPartitioner).
func (t *rowTopic) roundRobin() *rowPartition {
	t.turn++
	if n := len(t.led); n > 0 {
		return t.partitions[t.led[t.turn%n]]
	}
	return t.partitions[t.turn%len(t.partitions)]
}

// stick chooses the partition of the unkeyed rows that follow. Without batch.size a call stays with one partition, up
// to a full chunk: few large batches cost a broker half of many small ones (see movedOn for between the calls).
func (w *rowWriter) stick(t *rowTopic) {
	t.stickyLeft = w.rules.sticky
	if !w.rules.stickySet {
		t.stickyLeft = max(t.stickyLeft, w.chunkBytes)
	}
	if len(t.led) == 0 {
		t.sticky = t.partitions[rand.IntN(len(t.partitions))]
		return
	}
	p := t.partitions[t.led[rand.IntN(len(t.led))]]
	if w.rules.adaptive {
		// Of two, the one with less to send: as good as weighing all of them, and cheap.
		if q := t.partitions[t.led[rand.IntN(len(t.led))]]; q.queued < p.queued || p == t.sticky {
			p = q
		}
	}
	t.sticky = p
}

// movedOn lets the next call begin with another partition when this one gave the current one its share.
func (w *rowWriter) movedOn(t *rowTopic) {
	if !w.rules.stickySet && t.sticky != nil && t.stickyLeft <= w.chunkBytes-w.rules.sticky {
		t.stickyLeft = 0
	}
}

// learn takes over what a broker said of topics. Topics that rows never went to are taken, too.
func (w *rowWriter) learn(topics []kmsg.MetadataResponseTopic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for i := range topics {
		m := &topics[i]
		if m.Topic == nil {
			continue
		}
		t := w.topics[*m.Topic]
		if m.ErrorCode != 0 {
			if t != nil && t.missing.IsZero() && m.ErrorCode == kerr.UnknownTopicOrPartition.Code {
				t.missing = now
			}
			continue
		}
		if t == nil {
			t = &rowTopic{name: *m.Topic}
			w.topics[t.name] = t
		}
		if m.TopicID != t.id { // another topic of this name counts its leaders anew
			t.id = m.TopicID
			for _, p := range t.partitions {
				p.epoch = -1
			}
		}
		t.learned, t.missing = now, time.Time{}
		w.learnPartitions(t, m.Partitions)
	}
}

func (w *rowWriter) learnPartitions(t *rowTopic, partitions []kmsg.MetadataResponseTopicPartition) {
	for len(t.partitions) < len(partitions) {
		t.partitions = append(t.partitions, &rowPartition{
			topic: t, index: int32(len(t.partitions)), leader: -1, epoch: -1, stamp: noStamp, limit: w.chunkBytes,
		})
	}
	for i := range partitions {
		m := &partitions[i]
		if m.Partition < 0 || int(m.Partition) >= len(t.partitions) {
			continue
		}
		p := t.partitions[m.Partition]
		leader := m.Leader
		if m.ErrorCode == kerr.LeaderNotAvailable.Code {
			leader = -1
		}
		w.follow(p, leader, m.LeaderEpoch)
	}
	t.led = t.led[:0]
	for _, p := range t.partitions {
		if p.leader >= 0 {
			t.led = append(t.led, p.index)
		}
	}
}

// follow takes over who leads a partition, unless that is older than what is known. It tells whether it is news.
func (w *rowWriter) follow(p *rowPartition, leader, epoch int32) bool {
	if epoch >= 0 && epoch < p.epoch {
		return false
	}
	if p.epoch = epoch; p.leader == leader {
		return false
	}
	// The old leader may hang: what waits for it does not have to.
	p.leader, p.ready, p.proven = leader, nil, false
	w.makeReady(p)
	return true
}
