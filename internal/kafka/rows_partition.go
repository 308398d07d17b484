// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rowTopic is a topic that rows went to. rowWriter.mu guards it and its partitions.
type rowTopic struct {
	name       string
	partitions []*rowPartition
	led        []int32 // partitions with a leader
	sticky     *rowPartition
	stickyLeft int // bytes until unkeyed rows move on
	learned    time.Time
	missing    time.Time // since when brokers say that it does not exist; zero = it does
}

// rowPartition is a queue of chunks and who they are for. At most one is in flight: the first. That alone keeps the
// order, and makes the sequence of a chunk a matter of the partition: seq moves on only when the first is done.
//
//	idle ──rows──► ready (in its leader's list) ──taken──► in flight ──done──► idle or ready
//	                 ▲                                         │ retriable
//	                 └───────────── sick (heal waits) ◄────────┘
type rowPartition struct {
	topic  *rowTopic
	index  int32
	leader int32 // -1 = none
	queue  []*chunk
	queued int // bytes in it
	limit  int // of a chunk; the broker may have lowered it

	ready    *rowLeader // whose list it is in, nil = none
	inFlight bool
	sick     bool
	retryAt  time.Time // of a sick one
	stamp    producerStamp
	bump     bool // the next chunk starts a new epoch
}

// tail is the chunk that rows may still join, or nil.
func (p *rowPartition) tail() *chunk {
	if n := len(p.queue); n > 0 && !p.queue[n-1].sealed {
		return p.queue[n-1]
	}
	return nil
}

// pop takes the first chunk out.
func (p *rowPartition) pop() *chunk {
	c := p.queue[0]
	n := copy(p.queue, p.queue[1:])
	p.queue[n] = nil
	p.queue = p.queue[:n]
	p.queued -= c.bytes
	return c
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
	if w.rules.hashKeys && rows.Key != nil && rows.Key[i] != NullBytes {
		return t.partitions[Murmur2Partition(viewBytes(rows.keys(), rows.Key, i), int32(n))], nil
	}
	if t.sticky == nil || t.stickyLeft <= 0 || t.sticky.leader < 0 {
		w.stick(t)
	}
	t.stickyLeft -= size
	return t.sticky, nil
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
		t.learned, t.missing = now, time.Time{}
		w.learnPartitions(t, m.Partitions)
	}
}

func (w *rowWriter) learnPartitions(t *rowTopic, partitions []kmsg.MetadataResponseTopicPartition) {
	for len(t.partitions) < len(partitions) {
		t.partitions = append(t.partitions, &rowPartition{
			topic: t, index: int32(len(t.partitions)), leader: -1, stamp: noStamp, limit: w.chunkBytes,
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
		if p.leader != leader {
			// The old leader may hang: what waits for it does not have to.
			p.leader, p.ready = leader, nil
			w.makeReady(p)
		}
	}
	t.led = t.led[:0]
	for _, p := range t.partitions {
		if p.leader >= 0 {
			t.led = append(t.led, p.index)
		}
	}
}
