// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/kafka"
)

// deadLetters writes the original records of failed rows to a topic (DeadLetterQueueReporter, KIP-298). Sinks only.
type deadLetters struct {
	task     *Task
	topic    string
	context  bool // errors.deadletterqueue.context.headers.enable
	producer *kafka.Producer
}

const (
	dlqTopicKey       = "errors.deadletterqueue.topic.name"
	dlqReplicationKey = "errors.deadletterqueue.topic.replication.factor"
	dlqContextKey     = "errors.deadletterqueue.context.headers.enable"
	dlqWait           = time.Minute // for the records of one batch to be acknowledged
	headerPrefix      = "__connect.errors."
)

// newDeadLetters returns nil when no topic is configured. It creates the topic, with one partition, when it is missing.
func newDeadLetters(ctx context.Context, t *Task) (*deadLetters, error) {
	topic := strings.TrimSpace(t.o.Config[dlqTopicKey])
	if topic == "" {
		return nil, nil
	}
	worker := t.o.Worker.Strings()
	if err := createDLQ(ctx, t, worker, topic); err != nil {
		return nil, err
	}
	cfg, err := kafka.Parse(kafka.RoleProducer, kafka.SourceProducerProps(worker, t.o.Config, kafka.DLQClientID(t.id)))
	if err != nil {
		return nil, fmt.Errorf("configure the producer of the dead letter queue: %w", err)
	}
	p, err := kafka.NewProducer(cfg, t.o.Log)
	if err != nil {
		return nil, fmt.Errorf("open the producer of the dead letter queue: %w", err)
	}
	return &deadLetters{task: t, topic: topic, context: isTrue(t.o.Config[dlqContextKey]), producer: p}, nil
}

func createDLQ(ctx context.Context, t *Task, worker map[string]string, topic string) error {
	cfg, err := kafka.Parse(kafka.RoleAdmin, kafka.AdminProps(worker, t.o.Config, "connector-dlq-adminclient-"+t.id))
	if err != nil {
		return fmt.Errorf("configure the admin client of the dead letter queue: %w", err)
	}
	admin, err := kafka.NewAdmin(cfg, t.o.Log)
	if err != nil {
		return fmt.Errorf("open the admin client of the dead letter queue: %w", err)
	}
	defer admin.Close()
	have, err := admin.DescribeTopics(ctx, topic)
	if err != nil {
		return fmt.Errorf("look for the dead letter queue %s: %w", topic, err)
	}
	if _, ok := have[topic]; ok {
		return nil
	}
	replication := int16(3)
	if n, err := strconv.ParseInt(strings.TrimSpace(t.o.Config[dlqReplicationKey]), 10, 16); err == nil {
		replication = int16(n)
	}
	if _, err := admin.CreateTopic(ctx, kafka.NewTopic{Name: topic, Partitions: 1, ReplicationFactor: replication}); err != nil {
		return fmt.Errorf("create the dead letter queue %s (%s=%d): %w", topic, dlqReplicationKey, replication, err)
	}
	return nil
}

func isTrue(text string) bool { return strings.EqualFold(strings.TrimSpace(text), "true") }

// report writes the rows' records and waits until the broker has them: the batch's offsets are committed later. What
// cannot be written is logged and counted; it does not stop the task, as in Connect.
func (d *deadLetters) report(ctx context.Context, b *batch.Batch, errs []batch.RowError) {
	limit, cancel := context.WithTimeout(ctx, dlqWait)
	defer cancel()
	var waiting sync.WaitGroup
	for i := range errs {
		e := &errs[i]
		d.task.metrics.dlqRequests.Add(1)
		waiting.Add(1)
		where := place(b, e.Row)
		d.producer.Produce(limit, d.record(b, e), func(_ *kafka.Record, err error) {
			defer waiting.Done()
			if err != nil {
				d.task.metrics.dlqFailures.Add(1)
				d.task.o.Log.Error("a record could not be written to the dead letter queue", "topic", d.topic, "record", where, "err", err)
			}
		})
	}
	waiting.Wait()
}

// record is the original record of a row: the bytes as they were fetched, before any converter or transform.
func (d *deadLetters) record(b *batch.Batch, e *batch.RowError) *kafka.Record {
	r := &kafka.Record{
		Topic: d.topic, Partition: kafka.AnyPartition,
		Key: clone(b.Slab.Bytes(b.Raw.Key[e.Row])), Value: clone(b.Slab.Bytes(b.Raw.Value[e.Row])),
	}
	if ts := b.TimestampAt(e.Row); ts != batch.NoTimestamp {
		r.Timestamp = time.UnixMilli(ts)
	}
	if len(b.Raw.Headers) > 0 {
		for _, h := range b.Raw.Headers[e.Row] {
			r.Headers = append(r.Headers, kafka.Header{Key: h.Key, Value: clone(b.Slab.Bytes(h.Raw))})
		}
	}
	if d.context {
		r.Headers = append(r.Headers, d.headers(b, e)...)
	}
	return r
}

func clone(p []byte) []byte {
	if p == nil {
		return nil
	}
	return append([]byte{}, p...)
}

// headers say where and why, under Connect's names and in its order.
func (d *deadLetters) headers(b *batch.Batch, e *batch.RowError) []kafka.Header {
	header := func(name, value string) kafka.Header {
		return kafka.Header{Key: headerPrefix + name, Value: []byte(text.ToUTF8(value))}
	}
	hs := []kafka.Header{
		header("topic", b.Origin.Topic),
		header("partition", strconv.Itoa(int(b.Origin.Partition))),
		header("offset", strconv.FormatInt(b.Offset[e.Row], 10)),
		header("connector.name", d.task.o.Connector),
		header("task.id", strconv.Itoa(d.task.o.Task)),
		header("stage", e.Stage.String()),
		header("class.name", e.Class),
		header("exception.class.name", batch.ClassOf(e.Err)),
		header("exception.message", e.Err.Error()),
		header("exception.stacktrace", batch.Trace(e.Err)),
	}
	return hs
}

func (d *deadLetters) close() {
	if d != nil {
		d.producer.Close()
	}
}
