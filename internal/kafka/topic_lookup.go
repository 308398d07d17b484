// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lookWithin is look with at most left time, unless a broker that is down is waited for anyway.
func (t *topicWait) lookWithin(ctx context.Context, topic string, left time.Duration) error {
	if t.producer.cfg.waitForBroker {
		return t.look(ctx, topic)
	}
	short, cancel := context.WithTimeout(ctx, max(left, metadataMinAge))
	defer cancel()
	err := t.look(short, topic)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		return &UnreachableError{Bootstrap: t.producer.cfg.Bootstrap, Err: errNoAnswer}
	}
	return err
}

var errNoAnswer = errors.New("no answer in time")

// look asks a broker for the topic, which creates it where auto.create.topics.enable is on. A broker
// that cannot be reached is an *UnreachableError.
func (t *topicWait) look(ctx context.Context, topic string) error {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = true
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = &topic
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, t.producer.client)
	if err != nil {
		var ke *kerr.Error
		if ctx.Err() != nil || errors.As(err, &ke) || errors.Is(err, kgo.ErrClientClosed) {
			return err
		}
		return &UnreachableError{Bootstrap: t.producer.cfg.Bootstrap, Err: err}
	}
	for i := range resp.Topics {
		if name := resp.Topics[i].Topic; name == nil || *name != topic {
			continue
		}
		if err := kerr.ErrorForCode(resp.Topics[i].ErrorCode); err != nil {
			return err
		}
		if len(resp.Topics[i].Partitions) == 0 {
			return kerr.LeaderNotAvailable
		}
		if w := t.producer.rows; w != nil {
			w.pool.learn(resp.Brokers)
			w.learn(resp.Topics)
		}
		return nil
	}
	return fmt.Errorf("broker did not answer for topic %s: %w", topic, kerr.UnknownTopicOrPartition)
}
