// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TopicLogOptions configures OpenTopicLog.
type TopicLogOptions struct {
	// Consumer are the properties of the reading client, without a group. isolation.level is obeyed.
	Consumer map[string]string
	// Producer writes; it is shared and not closed. Nil makes a log that is only read.
	Producer *Producer
	// Admin asks for ends; it is shared and not closed.
	Admin *Admin
	Topic string
	// Partitions is how many the topic has.
	Partitions int
	// OnRecord is told of every record in the order of its partition, from one goroutine. A nil value is a tombstone. The
	// record is the callee's to keep.
	OnRecord func(r *Record)
	// Log may be nil.
	Log *slog.Logger
}

// TopicLog is a compacted topic that is read whole and followed, and written to: where workers keep what they share
// (KafkaBasedLog). It is safe for concurrent use.
type TopicLog struct {
	o      TopicLogOptions
	client *kgo.Client
	tps    []TopicPartition
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	next    []int64       // by partition: the offset after the last one seen, control records included
	moved   chan struct{} // closed when next moves
	failure error         // the last error of the reading side, nil once it reads again
}

// OpenTopicLog begins to read a topic from its start. ReadToEnd waits until what is there has been read.
func OpenTopicLog(o TopicLogOptions) (*TopicLog, error) {
	cfg, err := Parse(RoleConsumer, o.Consumer)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &TopicLog{o: o, next: make([]int64, o.Partitions), moved: make(chan struct{}), done: make(chan struct{})}
	start := map[int32]kgo.Offset{}
	for p := range o.Partitions {
		start[int32(p)] = kgo.NewOffset().AtStart()
		l.tps = append(l.tps, TopicPartition{o.Topic, int32(p)})
	}
	// The end of a log of transactions is a control record, so those must be seen.
	l.client, err = kgo.NewClient(cfg.options(o.Log, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{o.Topic: start}),
		kgo.KeepControlRecords())...)
	if err != nil {
		return nil, fmt.Errorf("open the reader of topic %s: %w", o.Topic, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	go l.read(ctx)
	return l, nil
}

// read is the reading goroutine.
func (l *TopicLog) read(ctx context.Context) {
	defer close(l.done)
	for ctx.Err() == nil {
		fetches := l.client.PollFetches(ctx)
		if fetches.IsClientClosed() || ctx.Err() != nil {
			return
		}
		var failure error
		fetches.EachError(func(_ string, p int32, err error) {
			failure = &PartitionError{TopicPartition: TopicPartition{l.o.Topic, p}, Err: err}
		})
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				l.o.OnRecord(r)
			}
		})
		l.mu.Lock()
		l.failure = failure
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if n := len(p.Records); n > 0 {
				l.next[p.Partition] = p.Records[n-1].Offset + 1
			}
		})
		close(l.moved)
		l.moved = make(chan struct{})
		l.mu.Unlock()
		if failure != nil {
			l.o.Log.Warn("an internal topic cannot be read; trying again", slog.Any("err", failure))
			sleepContext(ctx, 500*time.Millisecond)
		}
	}
}

// sleepContext waits, or until ctx ends.
func sleepContext(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// ReadToEnd waits until everything that was in the topic at the time of the call has been given to OnRecord.
func (l *TopicLog) ReadToEnd(ctx context.Context) error {
	starts, err := l.o.Admin.StartOffsets(ctx, l.tps...)
	if err != nil {
		return fmt.Errorf("read topic %s to its end: %w", l.o.Topic, err)
	}
	ends, err := l.o.Admin.EndOffsets(ctx, false, l.tps...)
	if err != nil {
		return fmt.Errorf("read topic %s to its end: %w", l.o.Topic, err)
	}
	for {
		behind := int32(-1)
		l.mu.Lock()
		for _, tp := range l.tps {
			if end := ends[tp]; end > starts[tp] && l.next[tp.Partition] < end {
				behind = tp.Partition
				break
			}
		}
		moved, failure := l.moved, l.failure
		l.mu.Unlock()
		if behind < 0 {
			return nil
		}
		select {
		case <-moved:
		case <-l.done:
			return ErrClosed
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("read topic %s to its end: partition %d is behind: %w", l.o.Topic, behind, context.Cause(ctx)), failure)
		}
	}
}

// Send writes a record and waits until it is acknowledged. A nil value is a tombstone. The broker's partitioner rule of
// Java's default producer applies: by the hash of the key.
func (l *TopicLog) Send(ctx context.Context, key, value []byte) error {
	if l.o.Producer == nil {
		return fmt.Errorf("topic %s: %w", l.o.Topic, kerr.TopicAuthorizationFailed)
	}
	return l.o.Producer.ProduceSync(ctx, &Record{Topic: l.o.Topic, Partition: AnyPartition, Key: key, Value: value, Timestamp: time.Now()})
}

// SendAsync writes a record and calls done, from another goroutine, when it was acknowledged or failed.
func (l *TopicLog) SendAsync(ctx context.Context, key, value []byte, done func(error)) {
	r := &Record{Topic: l.o.Topic, Partition: AnyPartition, Key: key, Value: value, Timestamp: time.Now()}
	l.o.Producer.Produce(ctx, r, func(_ *Record, err error) { done(err) })
}

// Close stops reading.
func (l *TopicLog) Close() {
	l.cancel()
	<-l.done
	l.client.Close()
}

// NewPlainClient makes a client of cfg (a RoleAdmin) for those who speak the protocol themselves, such as a member of a
// Connect group. The caller closes it.
func NewPlainClient(cfg *ClientConfig, log *slog.Logger) (*kgo.Client, error) {
	return kgo.NewClient(cfg.forAdmin(log)...)
}
