// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// scanStall is how long a scan waits for records that the broker says exist before it gives up.
const scanStall = 30 * time.Second

// ScanTopic reads a topic from its first offsets up to where it ended when the call was made, without a group, and calls
// each with every record. Partitions come interleaved, each in the order of its offsets. The record is each's to keep. A
// topic that does not exist is an error that IsUnknownTopic knows. An error of each ends the scan and is returned.
func ScanTopic(ctx context.Context, cfg *ClientConfig, log *slog.Logger, topic string, each func(*Record) error) error {
	admin, err := NewAdmin(cfg, log)
	if err != nil {
		return err
	}
	defer admin.Close()
	starts, ends, err := bounds(ctx, admin, cfg, topic)
	if err != nil || len(ends) == 0 {
		return err
	}
	from := map[int32]kgo.Offset{}
	for tp := range ends {
		from[tp.Partition] = kgo.NewOffset().At(starts[tp])
	}
	plain := *cfg
	plain.extra = nil
	opts := []kgo.Opt{kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.KeepControlRecords()}
	if cfg.ReadCommitted {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	client, err := kgo.NewClient(plain.options(log, opts...)...)
	if err != nil {
		return fmt.Errorf("open reader of topic %s: %w", topic, err)
	}
	defer client.Close()
	return scan(ctx, client, ends, each)
}

// bounds are the first offsets and the ends of the partitions that hold something.
func bounds(ctx context.Context, admin *Admin, cfg *ClientConfig, topic string) (starts, ends map[TopicPartition]int64, err error) {
	have, err := admin.DescribeTopics(ctx, topic)
	if err != nil {
		return nil, nil, fmt.Errorf("read topic %s: %w", topic, err)
	}
	t, ok := have[topic]
	if !ok {
		return nil, nil, fmt.Errorf("read topic %s: %w", topic, brokerError(3, nil))
	}
	tps := make([]TopicPartition, t.Partitions)
	for i := range tps {
		tps[i] = TopicPartition{topic, int32(i)}
	}
	if starts, err = admin.StartOffsets(ctx, tps...); err == nil {
		ends, err = admin.EndOffsets(ctx, cfg.ReadCommitted, tps...)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read topic %s: %w", topic, err)
	}
	for tp, end := range ends {
		if end <= starts[tp] {
			delete(ends, tp)
		}
	}
	return starts, ends, nil
}

func scan(ctx context.Context, client *kgo.Client, ends map[TopicPartition]int64, each func(*Record) error) error {
	for len(ends) > 0 {
		limit, cancel := context.WithTimeout(ctx, scanStall)
		fetches := client.PollFetches(limit)
		stalled := limit.Err() != nil
		cancel()
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		var failed error
		fetches.EachError(func(topic string, partition int32, err error) {
			if !errors.Is(err, context.DeadlineExceeded) && failed == nil {
				failed = &PartitionError{TopicPartition{topic, partition}, err}
			}
		})
		if failed != nil {
			return failed
		}
		if stalled {
			return fmt.Errorf("no records for %v although %d partitions of the topic have more", scanStall, len(ends))
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			tp := TopicPartition{r.Topic, r.Partition}
			end, open := ends[tp]
			if !open {
				continue
			}
			if r.Offset < end && !r.Attrs.IsControl() {
				if err := each(r); err != nil {
					return err
				}
			}
			if r.Offset+1 >= end {
				delete(ends, tp)
			}
		}
	}
	return nil
}
