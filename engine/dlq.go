// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/dlq"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/kafka"
)

// deadLetters writes the original records of failed rows to a topic (DeadLetterQueueReporter, KIP-298). Sources have it
// under a key of our own; see dlq_source.go for what their letters hold.
type deadLetters struct {
	task     *Task
	topic    string                 // "" when there are only queues of stages
	byStage  map[batch.Stage]string // penstock.errors.deadletterqueue.topic.*
	context  bool                   // errors.deadletterqueue.context.headers.enable
	cause    bool                   // penstock.errors.cause.enable
	lenient  bool                   // penstock.errors.deadletterqueue.failure=log
	producer *kafka.Producer
	source   *sourceLetters // nil for sinks
}

const (
	dlqTopicKey       = "errors.deadletterqueue.topic.name"
	dlqReplicationKey = "errors.deadletterqueue.topic.replication.factor"
	dlqContextKey     = "errors.deadletterqueue.context.headers.enable"
)

// newDeadLetters returns nil when no topic is configured. It creates the topics, with one partition, that are missing.
func newDeadLetters(ctx context.Context, t *Task, own config.Values) (*deadLetters, error) {
	d := &deadLetters{task: t, byStage: map[batch.Stage]string{}, context: isTrue(t.o.Config[dlqContextKey]),
		cause: own.Bool(causeKey), lenient: own.String(dlqFailureKey) == logOnDLQ}
	key := dlqTopicKey
	d.topic = strings.TrimSpace(t.o.Config[dlqTopicKey])
	if t.o.Plugin.Kind == connectors.SourceKind {
		key, d.topic = sourceDLQKey, strings.TrimSpace(own.String(sourceDLQKey))
	}
	if d.topic == "" {
		return nil, nil
	}
	topics := []string{d.topic}
	keys := map[string]string{d.topic: key}
	for name, stage := range letterStages {
		if topic := strings.TrimSpace(own.String(dlqStagePrefix + name)); topic != "" {
			d.byStage[stage] = topic
			topics = append(topics, topic)
			keys[topic] = dlqStagePrefix + name
		}
	}
	slices.Sort(topics)
	worker := t.o.Worker.Strings()
	if err := createQueues(ctx, t, worker, slices.Compact(topics), keys); err != nil {
		return nil, err
	}
	if t.o.Plugin.Kind == connectors.SourceKind {
		var err error
		if d.source, err = newSourceLetters(t); err != nil {
			return nil, err
		}
	}
	cfg, err := kafka.Parse(kafka.RoleProducer, kafka.SourceProducerProps(worker, t.o.Config, kafka.DLQClientID(t.id)))
	if err != nil {
		return nil, fmt.Errorf("configure the producer of the dead letter queue: %w", err)
	}
	if d.producer, err = kafka.NewProducer(cfg, t.o.Log); err != nil {
		return nil, fmt.Errorf("open the producer of the dead letter queue: %w", err)
	}
	return d, nil
}

// createQueues makes sure that the topics exist.
func createQueues(ctx context.Context, t *Task, worker map[string]string, topics []string, keys map[string]string) error {
	cfg, err := kafka.Parse(kafka.RoleAdmin, kafka.AdminProps(worker, t.o.Config, "connector-dlq-adminclient-"+t.id))
	if err != nil {
		return fmt.Errorf("configure the admin client of the dead letter queue: %w", err)
	}
	admin, err := kafka.NewAdmin(cfg, t.o.Log)
	if err != nil {
		return fmt.Errorf("open the admin client of the dead letter queue: %w", err)
	}
	defer admin.Close()
	replication := int16(3)
	if n, err := strconv.ParseInt(strings.TrimSpace(t.o.Config[dlqReplicationKey]), 10, 16); err == nil {
		replication = int16(n)
	}
	for _, topic := range topics {
		have, err := admin.DescribeTopics(ctx, topic)
		if err == nil {
			if _, ok := have[topic]; ok {
				continue
			}
			t.o.Log.Error("the topic of the dead letter queue does not exist and is created", "topic", topic, "replication_factor", replication)
			_, err = admin.CreateTopic(ctx, kafka.NewTopic{Name: topic, Partitions: 1, ReplicationFactor: replication})
		}
		if err != nil {
			return noQueue(topic, keys[topic], replication, err)
		}
	}
	return nil
}

// noQueue is the failure of a task whose dead letter queue cannot be used, in Connect's words.
func noQueue(topic, key string, replication int16, err error) error {
	cause := asFault(err)
	return &batch.Fault{
		Class: batch.ConnectException,
		Message: fmt.Sprintf("Could not initialize dead letter queue with topic=%s: %s: %s. Create the topic, allow this worker's principal to "+
			"describe, create and write it, or change %s (new topics get %s=%d)", topic, cause.Class, cause.Error(), key, dlqReplicationKey, replication),
		Cause: &batch.Fault{Class: "java.util.concurrent.ExecutionException", Message: cause.Class + ": " + cause.Error(), Cause: cause},
	}
}

func isTrue(text string) bool { return strings.EqualFold(strings.TrimSpace(text), "true") }

// of is the queue of a stage.
func (d *deadLetters) of(stage batch.Stage) string {
	if topic, ok := d.byStage[stage]; ok {
		return topic
	}
	return d.topic
}

// report writes the rows' records and waits until the broker has them, as long as the task lives: the batch's offsets are
// committed later, so that nothing is lost when the queue is out of reach. A letter that the broker refuses for good
// fails the task, unless penstock.errors.deadletterqueue.failure=log.
func (d *deadLetters) report(ctx context.Context, b *batch.Batch, errs []batch.RowError) error {
	ctx, stop := context.WithCancelCause(ctx) // the cancelled context of a task that ends must not leave Produce waiting
	defer stop(nil)
	d.task.calls.begin(callLetters)
	defer d.task.calls.end(callLetters)
	var waiting sync.WaitGroup
	var mu sync.Mutex
	var failure error
	for i := range errs {
		e := &errs[i]
		d.task.metrics.dlqRequests.Add(1)
		waiting.Add(1)
		where := place(b, e.Row)
		r, err := d.record(b, e)
		done := func(_ *kafka.Record, err error) {
			defer waiting.Done()
			if err == nil {
				return
			}
			d.task.metrics.dlqFailures.Add(1)
			d.task.o.Log.Error("Could not produce message to dead letter queue. topic="+d.of(e.Stage), "record", where, "err", err)
			mu.Lock()
			defer mu.Unlock()
			if failure == nil {
				failure = d.refused(where, e, err)
			}
		}
		if err != nil {
			done(nil, err)
			continue
		}
		d.producer.Produce(ctx, r, done)
	}
	waiting.Wait()
	if ctx.Err() != nil && failure != nil {
		return context.Cause(ctx) // the task is ending; the records stay uncommitted
	}
	if d.lenient {
		return nil
	}
	return failure
}

// refused is the failure of a task that cannot put a record aside.
func (d *deadLetters) refused(where string, e *batch.RowError, err error) error {
	cause := asFault(err)
	return &batch.Fault{Class: batch.ConnectException, Cause: cause, Message: fmt.Sprintf("Could not produce message to dead letter queue. topic=%s: %s: %s, "+
		"for %s, which failed at %s in %s: %s: %s. Nothing of it was committed; mend the queue and restart the task, or set %s=%s to go on without it, as Kafka Connect does",
		d.of(e.Stage), cause.Class, cause.Error(), where, e.Stage, e.Class, batch.ClassOf(e.Err), e.Err.Error(), dlqFailureKey, logOnDLQ)}
}

// record is the original record of a row: the bytes as they were fetched, before any converter or transform.
func (d *deadLetters) record(b *batch.Batch, e *batch.RowError) (*kafka.Record, error) {
	r := &kafka.Record{Topic: d.of(e.Stage), Partition: kafka.AnyPartition}
	if ts := b.TimestampAt(e.Row); ts != batch.NoTimestamp {
		r.Timestamp = time.UnixMilli(ts)
	}
	if d.source != nil {
		if err := d.source.fill(r, b, e.Row); err != nil {
			return nil, err
		}
	} else {
		r.Key, r.Value = clone(b.Slab.Bytes(b.Raw.Key[e.Row])), clone(b.Slab.Bytes(b.Raw.Value[e.Row]))
		if len(b.Raw.Headers) > 0 {
			for _, h := range b.Raw.Headers[e.Row] {
				r.Headers = append(r.Headers, kafka.Header{Key: h.Key, Value: clone(b.Slab.Bytes(h.Raw))})
			}
		}
	}
	if d.context || d.source != nil {
		r.Headers = append(r.Headers, d.headers(b, e)...)
	}
	if d.source != nil {
		r.Headers = append(r.Headers, d.source.headers(b, e.Row)...)
	}
	if d.cause {
		r.Headers = append(r.Headers, kafka.Header{Key: dlq.HeaderCause, Value: causeOf(d.task, b, e).JSON()})
	}
	return r, nil
}

// causeOf is what penstock.errors.cause says of a failed row.
func causeOf(t *Task, b *batch.Batch, e *batch.RowError) dlq.Cause {
	c := dlq.CauseOf(e.Stage.String(), e.Class, batch.ClassOf(e.Err), e.Err.Error())
	c.Connector, c.Task, c.Topic = t.o.Connector, t.o.Task, b.Topics.At(e.Row)
	if len(b.Offset) > 0 {
		partition, offset := b.Origin.Partition, b.Offset[e.Row]
		c.Topic, c.Partition, c.Offset = b.Origin.Topic, &partition, &offset
	}
	return c
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
		return kafka.Header{Key: name, Value: []byte(text.ToUTF8(value))}
	}
	hs := make([]kafka.Header, 0, 12)
	if d.source == nil { // of a source Connect would know none of the three
		hs = append(hs, header(dlq.HeaderTopic, b.Origin.Topic),
			header(dlq.HeaderPartition, strconv.Itoa(int(b.Origin.Partition))),
			header(dlq.HeaderOffset, strconv.FormatInt(b.Offset[e.Row], 10)))
	}
	hs = append(hs, header(dlq.HeaderConnector, d.task.o.Connector),
		header(dlq.HeaderTask, strconv.Itoa(d.task.o.Task)),
		header(dlq.HeaderStage, e.Stage.String()),
		header(dlq.HeaderClass, e.Class),
		header(dlq.HeaderException, batch.ClassOf(e.Err)))
	message := header(dlq.HeaderMessage, e.Err.Error())
	if len(message.Value) == 0 {
		message.Value = nil // an exception without a message
	}
	return append(hs, message, header(dlq.HeaderTrace, batch.Trace(e.Err)))
}

func (d *deadLetters) close() {
	if d != nil {
		d.producer.Close()
	}
}
