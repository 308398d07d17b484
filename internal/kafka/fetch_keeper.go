// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// keeper brings partitions to where they can be read: it finds the leader, the position when there is none, and whether
// the log was truncated below it (KIP-320). It sleeps while all is well.
func (f *rowFetcher) keeper() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-f.tidy:
		case <-timer.C:
		case <-f.ctx.Done():
			return
		}
		f.findLeaders()
		f.findPositions()
		f.checkEpochs()
		f.mu.Lock()
		next := time.Duration(-1)
		for _, p := range f.parts {
			if left := time.Until(p.due); p.state != partLive && !p.failed && (next < 0 || left < next) {
				next = max(left, time.Millisecond)
			}
		}
		f.mu.Unlock()
		timer.Stop()
		if next >= 0 {
			timer.Reset(next)
		}
	}
}

// partAt is a partition as it was when something was asked for it.
type partAt struct {
	p     *fetchPart
	seq   uint64
	pos   int64
	epoch int32
	now   int32 // leader epoch
}

// due collects the partitions in a state whose time has come, by topic.
func (f *rowFetcher) due(state partState) map[string][]partAt {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	var out map[string][]partAt
	for _, p := range f.parts {
		if p.state != state || p.failed || p.due.After(now) {
			continue
		}
		if out == nil {
			out = map[string][]partAt{}
		}
		out[p.Topic] = append(out[p.Topic], partAt{p, p.seq, p.pos, p.epoch, p.leaderEpoch})
	}
	return out
}

// each calls do for each partition that is still as it was, with mu held.
func (f *rowFetcher) each(state partState, asked map[string][]partAt, do func(p *fetchPart)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ps := range asked {
		for _, at := range ps {
			if at.p.seq == at.seq && at.p.state == state && f.parts[at.p.TopicPartition] == at.p {
				do(at.p)
			}
		}
	}
}

// retry puts a partition off.
func (f *rowFetcher) retry(p *fetchPart, err error) {
	p.tries++
	p.state, p.due = partLost, time.Now().Add(f.cfg.backoff(p.tries))
	if p.tries > 1 {
		f.log.Debug("partition cannot be read yet", "partition", p.String(), "err", err, "tries", p.tries)
	}
}

func (f *rowFetcher) askContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(f.ctx, max(f.cfg.RequestTimeout, time.Second))
}

func (f *rowFetcher) findLeaders() {
	lost := f.due(partLost)
	if len(lost) == 0 {
		return
	}
	req := kmsg.NewPtrMetadataRequest()
	for topic := range lost {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
	}
	ctx, cancel := f.askContext()
	defer cancel()
	resp, err := req.RequestWith(ctx, f.client)
	found := map[TopicPartition]*kmsg.MetadataResponseTopicPartition{}
	refused := map[string]error{}
	if err == nil {
		for i := range resp.Topics {
			t := &resp.Topics[i]
			if t.Topic == nil {
				continue
			}
			refused[*t.Topic] = kerr.ErrorForCode(t.ErrorCode)
			for j := range t.Partitions {
				found[TopicPartition{*t.Topic, t.Partitions[j].Partition}] = &t.Partitions[j]
			}
		}
	}
	f.each(partLost, lost, func(p *fetchPart) {
		m := found[p.TopicPartition]
		switch {
		case err != nil:
			f.retry(p, err)
		case refused[p.Topic] == kerr.TopicAuthorizationFailed:
			f.fail(p, fmt.Errorf("org.apache.kafka.common.errors.TopicAuthorizationException: Not authorized to access topics: [%s]: %w", p.Topic, refused[p.Topic]))
		case refused[p.Topic] != nil:
			f.retry(p, refused[p.Topic])
		case m == nil || m.Leader < 0:
			f.retry(p, kerr.LeaderNotAvailable)
		case m.LeaderEpoch < p.leaderEpoch && p.tries < staleTries:
			f.retry(p, kerr.FencedLeaderEpoch) // the broker asked is behind
		default:
			p.leader, p.leaderEpoch = m.Leader, m.LeaderEpoch
			f.place(p)
		}
	})
}

// staleTries is how often an older leader epoch than the one known is taken for old news; then the topic is a new one.
const staleTries = 5

// place decides what a partition with a leader needs next.
func (f *rowFetcher) place(p *fetchPart) {
	switch {
	case p.pos < 0 && f.rules.reset.kind == resetNone:
		f.fail(p, fmt.Errorf("org.apache.kafka.clients.consumer.NoOffsetForPartitionException: Undefined offset with no reset policy for partitions: [%s]", p.String()))
	case p.pos < 0:
		p.state = partReset
	case p.epoch >= 0 && p.leaderEpoch >= 0 && p.checked != p.leaderEpoch:
		p.state = partCheck
	default:
		f.attach(p, p.leader)
	}
}

// findPositions asks for the offsets that auto.offset.reset means.
func (f *rowFetcher) findPositions() {
	lost := f.due(partReset)
	if len(lost) == 0 {
		return
	}
	rule := f.rules.reset
	stamp := int64(-2)
	switch rule.kind {
	case resetLatest:
		stamp = -1
	case resetDuration:
		stamp = time.Now().Add(-rule.back).UnixMilli()
	case resetEarliest, resetNone:
	}
	found, err := f.listOffsets(lost, stamp)
	if rule.kind == resetDuration { // nothing is that young: the end
		old := map[string][]partAt{}
		for topic, ps := range lost {
			for _, at := range ps {
				if o, ok := found[at.p.TopicPartition]; ok && o < 0 {
					old[topic] = append(old[topic], at)
				}
			}
		}
		if len(old) > 0 {
			ends, endErr := f.listOffsets(old, -1)
			for tp, o := range ends {
				found[tp] = o
			}
			if err == nil {
				err = endErr
			}
		}
	}
	f.each(partReset, lost, func(p *fetchPart) {
		o, ok := found[p.TopicPartition]
		if !ok || o < 0 {
			if err == nil {
				err = kerr.OffsetNotAvailable
			}
			f.retry(p, err)
			return
		}
		p.pos, p.next, p.epoch = o, o, -1
		f.attach(p, p.leader)
	})
}

// listOffsets returns what is known of partitions, and the error of one of the others.
func (f *rowFetcher) listOffsets(asked map[string][]partAt, stamp int64) (map[TopicPartition]int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	if f.cfg.ReadCommitted {
		req.IsolationLevel = 1
	}
	for topic, ps := range asked {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = topic
		for _, at := range ps {
			part := kmsg.NewListOffsetsRequestTopicPartition()
			part.Partition, part.Timestamp, part.CurrentLeaderEpoch, part.MaxNumOffsets = at.p.Partition, stamp, -1, 1
			t.Partitions = append(t.Partitions, part)
		}
		req.Topics = append(req.Topics, t)
	}
	ctx, cancel := f.askContext()
	defer cancel()
	found := map[TopicPartition]int64{}
	var last error
	for _, shard := range f.client.RequestSharded(ctx, req) {
		resp, ok := shard.Resp.(*kmsg.ListOffsetsResponse)
		if shard.Err != nil || !ok {
			last = shard.Err
			continue
		}
		for _, t := range resp.Topics {
			for _, part := range t.Partitions {
				if err := kerr.ErrorForCode(part.ErrorCode); err != nil {
					last = err
					continue
				}
				found[TopicPartition{t.Topic, part.Partition}] = part.Offset
			}
		}
	}
	return found, last
}

// checkEpochs asks new leaders whether they have what was read from the ones before.
func (f *rowFetcher) checkEpochs() {
	asked := f.due(partCheck)
	if len(asked) == 0 {
		return
	}
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	for topic, ps := range asked {
		t := kmsg.NewOffsetForLeaderEpochRequestTopic()
		t.Topic = topic
		for _, at := range ps {
			part := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
			part.Partition, part.CurrentLeaderEpoch, part.LeaderEpoch = at.p.Partition, at.now, at.epoch
			t.Partitions = append(t.Partitions, part)
		}
		req.Topics = append(req.Topics, t)
	}
	ctx, cancel := f.askContext()
	defer cancel()
	found := map[TopicPartition]kmsg.OffsetForLeaderEpochResponseTopicPartition{}
	var last error
	for _, shard := range f.client.RequestSharded(ctx, req) {
		resp, ok := shard.Resp.(*kmsg.OffsetForLeaderEpochResponse)
		if shard.Err != nil || !ok {
			last = shard.Err
			continue
		}
		for _, t := range resp.Topics {
			for _, part := range t.Partitions {
				found[TopicPartition{t.Topic, part.Partition}] = part
			}
		}
	}
	f.each(partCheck, asked, func(p *fetchPart) {
		part, ok := found[p.TopicPartition]
		err := last
		if ok {
			err = kerr.ErrorForCode(part.ErrorCode)
		}
		switch {
		case !ok || err != nil:
			if err == kerr.TopicAuthorizationFailed {
				f.fail(p, fmt.Errorf("org.apache.kafka.common.errors.TopicAuthorizationException: Not authorized to access topics: [%s]: %w", p.Topic, err))
				return
			}
			f.retry(p, err)
		default:
			f.checkedEpoch(p, part.LeaderEpoch, part.EndOffset)
		}
	})
}

// checkedEpoch acts on where the epoch of the last row ends on the leader.
func (f *rowFetcher) checkedEpoch(p *fetchPart, epoch int32, end int64) {
	p.checked = p.leaderEpoch
	if epoch >= 0 && end >= p.pos {
		f.attach(p, p.leader)
		return
	}
	if f.rules.reset.kind == resetNone {
		f.fail(p, fmt.Errorf("org.apache.kafka.clients.consumer.LogTruncationException: Detected log truncation of %s at offset %d: the leader has epoch %d up to %d",
			p.String(), p.pos, epoch, end))
		return
	}
	f.log.Info("the log was truncated below the position", "partition", p.String(), "offset", p.pos, "divergent", end)
	if p.epoch = -1; epoch < 0 || end < 0 {
		p.pos, p.next, p.state = -1, -1, partReset
		signal(f.tidy)
		return
	}
	p.pos, p.next = end, end
	f.attach(p, p.leader)
}
