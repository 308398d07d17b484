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

// Record is a record to be produced.
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
	// Path of PollRows; "" is PathClient.
	Path Path
	// Log may be nil.
	Log *slog.Logger
}

// Consumer is a member of a sink's consumer group.
//
// One goroutine calls PollRows. Wake, Commit, Seek, Pause and Resume may be called from any. The callbacks run on the
// client's own goroutine, one at a time, and while one runs no PollRows returns rows and no Commit is sent: what they
// learn and what Commit believes cannot differ, so a revoked partition is never committed afterwards. For the same reason
// a callback must not wait for a goroutine that is inside PollRows, nor call Close; it may wait for one that calls Commit,
// which returns ErrRebalancing meanwhile.
//
// A rebalance is not held back while rows are worked on: the callback is where a pipeline drains, and a slow sink does
// not cost its member the group. Rows carry the number of the assignment they were fetched under, and rows of a partition
// that is not held any more are never returned.
//
// On PathBatch franz-go is left with the group, the metadata and the commits, and is told of no partition to fetch:
// a rowFetcher reads them. On PathClient it fetches.
type Consumer struct {
	client *kgo.Client
	cfg    *ClientConfig
	log    *slog.Logger
	on     ConsumerOptions
	rows   rowSource
	gate   sync.RWMutex // held in writing while a callback runs, in reading while rows are stamped

	whole     chan struct{} // closed when NewConsumer is done: callbacks wait for it
	lock      chan struct{} // held by callbacks, Commit and Seek; a channel, so that waiting can be given up
	inHandler atomic.Bool

	mu         sync.Mutex // guards what follows; never held across a call
	owned      map[TopicPartition]uint64
	assignment uint64

	stop    context.CancelFunc
	watcher sync.WaitGroup
	closed  atomic.Bool
}

// rowSource is where the rows of a Consumer or a Reader come from: a rowFetcher, or recordRows.
type rowSource interface {
	pollRows(ctx context.Context, dst *RowSet, maxRows, maxBytes int) error
	wake()
	// add starts partitions under an assignment; offset -1 leaves the start to auto.offset.reset.
	add(assignment uint64, starts map[TopicPartition]Offset)
	remove(tps []TopicPartition)
	seek(offsets map[TopicPartition]int64)
	pause(tps []TopicPartition, on bool)
	pausedNow() []TopicPartition
	close()
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
	c := &Consumer{cfg: cfg, log: o.Log, on: o, whole: make(chan struct{}), lock: make(chan struct{}, 1), owned: map[TopicPartition]uint64{}}
	defer close(c.whole)
	opts := []kgo.Opt{
		kgo.OnPartitionsAssigned(c.assigned), kgo.OnPartitionsRevoked(c.revoked), kgo.OnPartitionsLost(c.lost),
		kgo.AdjustFetchOffsetsFn(c.adjust),
	}
	if o.Path != PathBatch {
		opts = append(opts, kgo.BlockRebalanceOnPoll(), kgo.WithPools(newRecordPool()))
	}
	if o.Match == nil {
		opts = append(opts, kgo.ConsumeTopics(o.Topics...))
	}
	client, err := kgo.NewClient(cfg.options(o.Log, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("open consumer of group %s: %w", cfg.Group, err)
	}
	c.client = client
	var watch context.Context
	watch, c.stop = context.WithCancel(context.Background())
	if o.Path == PathBatch {
		f := newRowFetcher(cfg, client, o.Log)
		f.gate = &c.gate
		c.rows = f
		c.watcher.Go(func() { c.listen(watch, f) })
	} else {
		c.rows = &recordRows{client: client, gate: &c.gate, group: true}
	}
	if o.Match != nil {
		if err := c.watchTopics(ctx, watch); err != nil {
			c.stop()
			client.CloseAllowingRebalance() // it has joined nothing yet
			c.watcher.Wait()
			c.rows.close()
			return nil, err
		}
	}
	return c, nil
}

// listen hears what the client, which fetches nothing on PathBatch, has to say of the group.
func (c *Consumer) listen(ctx context.Context, f *rowFetcher) {
	for ctx.Err() == nil {
		fetches := c.client.PollFetches(ctx)
		if fetches.IsClientClosed() {
			return
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			for _, err := range appendFetchError(ctx, nil, TopicPartition{topic, partition}, err) {
				f.mu.Lock()
				f.report(err)
				f.mu.Unlock()
			}
		})
	}
}

// PollRows waits for rows and fills dst with up to maxRows of one partition, in the order of their offsets. It takes what
// is there, so that a lone row is not kept waiting, and stops when Buf has maxBytes; a row larger than that comes alone.
// dst is empty after a Wake and when ctx ended, which is not an error. An error of a partition is a *PartitionError and
// is returned once; after a *CorruptError the partition stands still until Seek. What can heal by itself is tried again
// and not mentioned. Passing the same ctx again and again costs nothing; another one costs an allocation.
func (c *Consumer) PollRows(ctx context.Context, dst *RowSet, maxRows, maxBytes int) error {
	if c.closed.Load() {
		return ErrClosed
	}
	err := c.rows.pollRows(ctx, dst, maxRows, maxBytes)
	if c.closed.Load() {
		return ErrClosed
	}
	return err
}

// Wake makes PollRows return soon without rows, the call under way or the next one.
func (c *Consumer) Wake() { c.rows.wake() }

// Owned calls f with each partition this member holds, under a lock: f must not call the Consumer.
func (c *Consumer) Owned(f func(tp TopicPartition, assignment uint64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tp, a := range c.owned {
		f(tp, a)
	}
}

// Pause stops partitions from being returned by PollRows; the group does not notice. Rows fetched ahead are not lost: they
// are fetched again after Resume. Like PauseAll, Paused and Resume it waits for a callback that runs, and must not be
// called from one: use Rebalance.Pause.
func (c *Consumer) Pause(tps ...TopicPartition) {
	c.gate.RLock()
	defer c.gate.RUnlock()
	c.rows.pause(tps, true)
}

// Resume undoes Pause.
func (c *Consumer) Resume(tps ...TopicPartition) {
	c.gate.RLock()
	defer c.gate.RUnlock()
	c.rows.pause(tps, false)
}

// PauseAll pauses every partition held, and returns them.
func (c *Consumer) PauseAll() []TopicPartition {
	c.gate.RLock()
	defer c.gate.RUnlock()
	var tps []TopicPartition
	c.Owned(func(tp TopicPartition, _ uint64) { tps = append(tps, tp) })
	c.rows.pause(tps, true)
	return tps
}

// Paused are the partitions that are paused now.
func (c *Consumer) Paused() []TopicPartition {
	c.gate.RLock()
	defer c.gate.RUnlock()
	return c.rows.pausedNow()
}

// Close leaves the group (a static member only disconnects), which calls OnRevoked with what is still held, and closes
// the client. PollRows in another goroutine returns ErrClosed.
func (c *Consumer) Close() {
	if c.closed.Swap(true) {
		return
	}
	c.rows.wake()
	c.stop()
	c.client.CloseAllowingRebalance()
	c.watcher.Wait()
	c.rows.close()
}

func byTopic(tps []TopicPartition) map[string][]int32 {
	m := make(map[string][]int32)
	for _, tp := range tps {
		m[tp.Topic] = append(m[tp.Topic], tp.Partition)
	}
	return m
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
