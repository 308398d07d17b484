// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Rebalance is what a callback of ConsumerOptions gets. It is valid until the callback returns.
type Rebalance struct {
	// Context ends when the client closes, or when another rebalance cannot wait.
	Context context.Context
	// Partitions that were gained or are being given up, sorted.
	Partitions []TopicPartition
	// Assignment numbers the assignment of gained partitions; see Offset.Assignment.
	Assignment uint64

	c       *Consumer
	offsets map[string]map[int32]kgo.Offset // of OnAssigned: where each starts, changed by Seek
	commits bool                            // of OnRevoked
	paused  []TopicPartition                // of OnAssigned
}

// Offset is where a gained partition will start: what is committed, or NoOffset when nothing is and
// auto.offset.reset decides. Only in OnAssigned.
func (r *Rebalance) Offset(tp TopicPartition) Offset {
	o, ok := r.offsets[tp.Topic][tp.Partition]
	if e := o.EpochOffset(); ok && e.Offset >= 0 {
		return Offset{Offset: e.Offset, LeaderEpoch: e.Epoch, Assignment: r.Assignment}
	}
	return Offset{Offset: NoOffset, LeaderEpoch: -1, Assignment: r.Assignment}
}

// Seek makes a gained partition start at offset. Only in OnAssigned; it reports whether tp is one of Partitions.
func (r *Rebalance) Seek(tp TopicPartition, offset int64) bool {
	if _, ok := r.offsets[tp.Topic][tp.Partition]; !ok {
		return false
	}
	r.offsets[tp.Topic][tp.Partition] = kgo.NewOffset().At(offset)
	return true
}

// Pause makes gained partitions start paused, as after Consumer.Pause. Only in OnAssigned.
func (r *Rebalance) Pause(tps ...TopicPartition) { r.paused = append(r.paused, tps...) }

// Commit commits offsets of partitions that are being given up, or that stay. Only in OnRevoked.
func (r *Rebalance) Commit(ctx context.Context, offsets map[TopicPartition]Offset) error {
	if !r.commits {
		return ErrRebalancing
	}
	return r.c.commit(ctx, offsets)
}

// enter takes the locks for a callback.
func (c *Consumer) enter() {
	<-c.whole
	c.lock <- struct{}{}
	c.inHandler.Store(true)
	c.gate.Lock()
}

func (c *Consumer) leave() {
	c.gate.Unlock()
	c.inHandler.Store(false)
	<-c.lock
}

// assigned is kgo's callback. It runs before offsets are fetched, too early for a sink that wants to know where its
// partitions start or to move them, so only adjust, which follows it, calls OnAssigned.
func (c *Consumer) assigned(context.Context, *kgo.Client, map[string][]int32) {}

// adjust is kgo's hook between fetching the committed offsets of gained partitions and their first fetch. It may be
// called again for a partition when a rebalance interrupted it; what is held already is not announced twice.
func (c *Consumer) adjust(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	c.enter()
	defer c.leave()
	var gained []TopicPartition
	c.mu.Lock()
	c.assignment++
	assignment := c.assignment
	for topic, ps := range offsets {
		for p := range ps {
			tp := TopicPartition{topic, p}
			if c.owned[tp] == 0 {
				gained = append(gained, tp)
				c.owned[tp] = assignment
			}
		}
	}
	c.mu.Unlock()
	if len(gained) == 0 {
		return c.fetched(offsets), nil
	}
	r := &Rebalance{Context: ctx, Partitions: sorted(gained), Assignment: assignment, c: c, offsets: offsets}
	if c.on.OnAssigned != nil {
		c.on.OnAssigned(r)
	}
	starts := make(map[TopicPartition]Offset, len(gained))
	for _, tp := range gained {
		starts[tp] = r.Offset(tp)
	}
	c.rows.add(assignment, starts)
	if len(r.paused) > 0 {
		c.rows.pause(r.paused, true)
	}
	return c.fetched(offsets), nil
}

// fetched is what the client is to fetch of what was assigned.
func (c *Consumer) fetched(offsets map[string]map[int32]kgo.Offset) map[string]map[int32]kgo.Offset {
	if c.on.Path == PathBatch {
		return map[string]map[int32]kgo.Offset{}
	}
	return offsets
}

// revoked is kgo's callback, called at the end of every session, mostly with nothing.
func (c *Consumer) revoked(ctx context.Context, _ *kgo.Client, parts map[string][]int32) {
	c.release(ctx, parts, c.on.OnRevoked, true)
}

// lost is kgo's callback for a member that the group has given up on.
func (c *Consumer) lost(ctx context.Context, _ *kgo.Client, parts map[string][]int32) {
	c.release(ctx, parts, c.on.OnLost, false)
}

// release tells the user and only then forgets the partitions, so that the last commit of OnRevoked passes.
func (c *Consumer) release(ctx context.Context, parts map[string][]int32, tell func(*Rebalance), commits bool) {
	c.enter()
	defer c.leave()
	var gone []TopicPartition
	c.mu.Lock()
	for topic, ps := range parts {
		for _, p := range ps {
			// A partition whose offsets were never fetched was never announced.
			if tp := (TopicPartition{topic, p}); c.owned[tp] != 0 {
				gone = append(gone, tp)
			}
		}
	}
	c.mu.Unlock()
	if len(gone) == 0 {
		return
	}
	if tell != nil {
		tell(&Rebalance{Context: ctx, Partitions: sorted(gone), c: c, commits: commits})
	}
	c.mu.Lock()
	for _, tp := range gone {
		delete(c.owned, tp)
	}
	c.mu.Unlock()
	c.rows.remove(gone)
}

func compareTP(a, b TopicPartition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

func sorted(tps []TopicPartition) []TopicPartition {
	slices.SortFunc(tps, compareTP)
	return tps
}

// Commit commits offsets for the group and waits for the answer. Partitions this member does not hold (any more, or
// under another assignment) are left out and named in a *NotOwnedError; the others are committed. While a rebalance
// callback runs nothing is sent and ErrRebalancing comes back at once.
func (c *Consumer) Commit(ctx context.Context, offsets map[TopicPartition]Offset) error {
	if c.inHandler.Load() {
		return ErrRebalancing
	}
	if c.closed.Load() {
		return ErrClosed
	}
	select {
	case c.lock <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.lock }()
	return c.commit(ctx, offsets)
}

// commit sends a commit. The caller holds the lock.
func (c *Consumer) commit(ctx context.Context, offsets map[TopicPartition]Offset) error {
	send := make(map[string]map[int32]kgo.EpochOffset)
	var refused []TopicPartition
	c.mu.Lock()
	for tp, o := range offsets {
		held := c.owned[tp]
		if held == 0 || o.Assignment != 0 && o.Assignment != held {
			refused = append(refused, tp)
			continue
		}
		if send[tp.Topic] == nil {
			send[tp.Topic] = make(map[int32]kgo.EpochOffset)
		}
		send[tp.Topic][tp.Partition] = kgo.EpochOffset{Offset: o.Offset, Epoch: o.LeaderEpoch}
	}
	c.mu.Unlock()
	var err error
	if len(send) > 0 {
		// kgo stores the member's id as metadata; Connect stores what the task gave, which is nothing.
		fill := kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
			for i := range req.Topics {
				t := &req.Topics[i]
				for j := range t.Partitions {
					metadata := offsets[TopicPartition{t.Topic, t.Partitions[j].Partition}].Metadata
					t.Partitions[j].Metadata = &metadata
				}
			}
			return nil
		})
		c.client.CommitOffsetsSync(fill, send, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, failed error) {
			err = commitError(resp, failed)
		})
		err = contextError(ctx, err)
	}
	if len(refused) > 0 {
		err = errors.Join(err, &NotOwnedError{Partitions: sorted(refused)})
	}
	return err
}

func commitError(resp *kmsg.OffsetCommitResponse, failed error) error {
	if failed != nil {
		return fmt.Errorf("commit offsets: %w", failed)
	}
	var errs []error
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				errs = append(errs, fmt.Errorf("commit offset of %w", &PartitionError{TopicPartition{t.Topic, p.Partition}, err}))
			}
		}
	}
	return errors.Join(errs...)
}

// Seek moves the position of partitions this member holds; PollRows goes on from there. What was fetched and not yet
// returned is dropped. Partitions not held are ignored. It must not be called from a callback: use Rebalance.Seek.
func (c *Consumer) Seek(offsets map[TopicPartition]int64) {
	c.lock <- struct{}{}
	defer func() { <-c.lock }()
	held := make(map[TopicPartition]int64, len(offsets))
	c.mu.Lock()
	for tp, o := range offsets {
		if c.owned[tp] != 0 {
			held[tp] = o
		}
	}
	c.mu.Unlock()
	c.rows.seek(held)
}

// EndOffsets asks for the ends of partitions: the high watermark, or the last stable offset under read_committed.
func (c *Consumer) EndOffsets(ctx context.Context, tps []TopicPartition) (map[TopicPartition]int64, error) {
	adm := kadm.NewClient(c.client)
	list := adm.ListEndOffsets
	if c.cfg.ReadCommitted {
		list = adm.ListCommittedOffsets
	}
	return listOffsets(ctx, list, tps)
}

// Lag is EndOffsets less the given positions, never below 0.
func (c *Consumer) Lag(ctx context.Context, positions map[TopicPartition]int64) (map[TopicPartition]int64, error) {
	ends, err := c.EndOffsets(ctx, slices.Collect(maps.Keys(positions)))
	for tp, end := range ends {
		ends[tp] = max(0, end-positions[tp])
	}
	return ends, err
}
