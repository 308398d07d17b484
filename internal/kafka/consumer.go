// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is a record. One that was fetched belongs to its Fetch, with its bytes.
type Record = kgo.Record

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String is Java's form: topic-partition.
func (tp TopicPartition) String() string {
	return tp.Topic + "-" + strconv.FormatInt(int64(tp.Partition), 10)
}

// NoOffset stands for "nothing committed".
const NoOffset int64 = -1

// Offset is a committed position: the next offset to read.
type Offset struct {
	// Offset is the next record's offset, or NoOffset.
	Offset int64
	// LeaderEpoch of the last record, or -1 for none. Connect commits none.
	LeaderEpoch int32
	// Metadata is stored beside the offset; Connect leaves it empty.
	Metadata string
	// Assignment, when not 0, makes Commit leave the partition out unless it is still held under the assignment the
	// records came with (Partition.Assignment): a partition that went away and came back is another matter.
	Assignment uint64
}

// ConsumerOptions configures NewConsumer. Exactly one of Topics and Match is set.
type ConsumerOptions struct {
	// Topics to subscribe to.
	Topics []string
	// Match subscribes to every topic it accepts, now and later, as topics.regex does. It is called with each topic
	// name of the cluster every metadata.max.age.ms and must be safe for use from another goroutine.
	Match func(topic string) bool
	// OnAssigned is called with partitions this member gained, before their first record is fetched. r.Offset tells
	// where each will start and r.Seek moves it.
	OnAssigned func(r *Rebalance)
	// OnRevoked is called before partitions are given up, also from Close. r.Commit commits for the last time.
	OnRevoked func(r *Rebalance)
	// OnLost is called when partitions went without notice: another member may have them already, nothing can be committed.
	OnLost func(r *Rebalance)
	// Log may be nil.
	Log *slog.Logger
}

// Consumer is a member of a sink's consumer group.
//
// One goroutine calls Poll. Commit, Seek, Pause and Resume may be called from any. The callbacks run on the client's
// own goroutine, one at a time, and while one runs no Poll returns and no Commit is sent: what they learn and what
// Commit believes cannot differ, so a revoked partition is never committed afterwards. For the same reason a callback
// must not wait for a goroutine that is inside Poll, nor call Close; it may wait for one that calls Commit, which
// returns ErrRebalancing meanwhile.
//
// A rebalance is not held back while records are worked on (kgo's BlockRebalanceOnPoll is used for the moment in which
// Poll stamps the records with their assignment, and for no longer): the callback is where a pipeline drains, and a
// slow sink does not cost its member the group.
type Consumer struct {
	client *kgo.Client
	cfg    *ClientConfig
	log    *slog.Logger
	on     ConsumerOptions

	lock      chan struct{} // held by callbacks, Commit and Seek; a channel, so that waiting can be given up
	inHandler atomic.Bool

	mu         sync.Mutex // guards what follows; never held across a call
	owned      map[TopicPartition]uint64
	assignment uint64

	fetch   Fetch
	stop    context.CancelFunc
	watcher sync.WaitGroup
	closed  atomic.Bool
}

// NewConsumer joins the group of cfg (a RoleConsumer with group.id) in the background.
func NewConsumer(ctx context.Context, cfg *ClientConfig, o ConsumerOptions) (*Consumer, error) {
	if cfg.Role != RoleConsumer || cfg.Group == "" {
		return nil, errors.New("a consumer needs consumer properties with a group.id")
	}
	if (len(o.Topics) == 0) == (o.Match == nil) {
		return nil, errors.New("a consumer needs topics or a pattern, and not both")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Consumer{cfg: cfg, log: o.Log, on: o, lock: make(chan struct{}, 1), owned: map[TopicPartition]uint64{}}
	c.fetch.consumer = c
	opts := []kgo.Opt{
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(c.assigned), kgo.OnPartitionsRevoked(c.revoked), kgo.OnPartitionsLost(c.lost),
		kgo.AdjustFetchOffsetsFn(c.adjust),
		kgo.WithPools(newRecordPool()),
	}
	if o.Match == nil {
		opts = append(opts, kgo.ConsumeTopics(o.Topics...))
	}
	client, err := kgo.NewClient(cfg.options(o.Log, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("open consumer of group %s: %w", cfg.Group, err)
	}
	c.client = client
	if o.Match != nil {
		if err := c.watchTopics(ctx); err != nil {
			client.CloseAllowingRebalance()
			return nil, err
		}
	}
	return c, nil
}

// Poll returns up to maxRecords records (0 = all that are there), waiting for the first until ctx ends. An ended ctx is
// not an error: the Fetch is empty. It belongs to the Consumer and is valid until the next Poll; Release gives its
// memory back sooner. Errors of partitions come joined, as *PartitionError, beside whatever records there are; the
// client keeps trying those that can heal by itself and does not mention them.
func (c *Consumer) Poll(ctx context.Context, maxRecords int) (*Fetch, error) {
	f := &c.fetch
	f.Release()
	fetches := c.client.PollRecords(ctx, maxRecords)
	// No callback runs until AllowRebalance, so what is owned now is what the records belong to.
	err := f.take(ctx, fetches)
	c.client.AllowRebalance()
	if c.closed.Load() {
		err = ErrClosed
	}
	return f, err
}

// Owned calls f with each partition this member holds, under a lock: f must not call the Consumer.
func (c *Consumer) Owned(f func(tp TopicPartition, assignment uint64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tp, a := range c.owned {
		f(tp, a)
	}
}

// Pause stops partitions from being returned by Poll; the group does not notice.
// Records fetched ahead are not lost: they are fetched again after Resume.
func (c *Consumer) Pause(tps ...TopicPartition) { c.client.PauseFetchPartitions(byTopic(tps)) }

// Resume undoes Pause.
func (c *Consumer) Resume(tps ...TopicPartition) { c.client.ResumeFetchPartitions(byTopic(tps)) }

// PauseAll pauses every partition held, and returns them for ResumeAll.
func (c *Consumer) PauseAll() []TopicPartition {
	var tps []TopicPartition
	c.Owned(func(tp TopicPartition, _ uint64) { tps = append(tps, tp) })
	c.Pause(tps...)
	return tps
}

// Paused are the partitions that are paused now.
func (c *Consumer) Paused() []TopicPartition {
	var out []TopicPartition
	for topic, ps := range c.client.PauseFetchPartitions(nil) {
		for _, p := range ps {
			out = append(out, TopicPartition{topic, p})
		}
	}
	return out
}

// Close leaves the group (a static member only disconnects), which calls OnRevoked with what is still held, and closes
// the client. Poll in another goroutine returns ErrClosed.
func (c *Consumer) Close() {
	if c.closed.Swap(true) {
		return
	}
	if c.stop != nil {
		c.stop()
		c.watcher.Wait()
	}
	c.client.CloseAllowingRebalance()
}

func byTopic(tps []TopicPartition) map[string][]int32 {
	m := make(map[string][]int32)
	for _, tp := range tps {
		m[tp.Topic] = append(m[tp.Topic], tp.Partition)
	}
	return m
}

// Fetch is what one Poll returned.
type Fetch struct {
	consumer *Consumer
	fetches  kgo.Fetches
	parts    []Partition
	n        int
}

// Partition is the part of a Fetch from one partition, in offset order.
type Partition struct {
	TopicPartition
	// Records are borrowed from the Fetch.
	Records []*Record
	// HighWatermark is the end of the partition as the broker last saw it; -1 when unknown.
	HighWatermark int64
	// Assignment numbers the assignment under which the partition is held; see Offset.Assignment.
	Assignment uint64
}

// Len is the number of records.
func (f *Fetch) Len() int { return f.n }

// Partitions are the partitions with records. The slice is the Fetch's.
func (f *Fetch) Partitions() []Partition { return f.parts }

// EachPartition calls fn for each partition with records.
func (f *Fetch) EachPartition(fn func(topic string, partition int32, recs []*Record, highWatermark int64)) {
	for i := range f.parts {
		p := &f.parts[i]
		fn(p.Topic, p.Partition, p.Records, p.HighWatermark)
	}
}

// Release gives the records' memory back. Nothing of them may be used afterwards, their byte slices included.
func (f *Fetch) Release() {
	for i := range f.parts {
		for _, r := range f.parts[i].Records {
			r.Recycle()
		}
	}
	clear(f.parts)
	f.parts, f.fetches, f.n = f.parts[:0], nil, 0
}

// take sorts what the client returned into records and errors, and drops records of partitions not held.
func (f *Fetch) take(ctx context.Context, fetches kgo.Fetches) error {
	var errs []error
	c := f.consumer
	c.mu.Lock()
	defer c.mu.Unlock()
	f.fetches = fetches
	for i := range fetches {
		for t := range fetches[i].Topics {
			topic := &fetches[i].Topics[t]
			for j := range topic.Partitions {
				p := &topic.Partitions[j]
				tp := TopicPartition{topic.Topic, p.Partition}
				if p.Err != nil {
					errs = appendFetchError(ctx, errs, tp, p.Err)
				}
				assignment := c.owned[tp]
				if len(p.Records) == 0 || assignment == 0 {
					continue
				}
				f.parts = append(f.parts, Partition{TopicPartition: tp, Records: p.Records, HighWatermark: p.HighWatermark, Assignment: assignment})
				f.n += len(p.Records)
			}
		}
	}
	return errors.Join(errs...)
}

func appendFetchError(ctx context.Context, errs []error, tp TopicPartition, err error) []error {
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		return append(errs, ErrClosed)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return errs
	case tp.Topic == "": // of the group, not of a partition
		return append(errs, err)
	}
	return append(errs, &PartitionError{TopicPartition: tp, Err: err})
}
