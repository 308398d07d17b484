// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
)

// ExactlyOnce makes a source task write its records and their offsets in transactions (KIP-618).
type ExactlyOnce struct {
	// TransactionalID of the task's producer: who claims it later fences this task.
	TransactionalID string
	// OffsetsTopic takes the offsets, within the transaction of the records.
	OffsetsTopic string
	// Encode turns offsets into records of that topic.
	Encode func(offsets []connectors.PartitionOffset) ([]OffsetRecord, error)
	// Fence is called before the producer claims its id, Verify after it: is this task still the one that should run?
	// An error of either fails the task.
	Fence, Verify func(ctx context.Context) error
}

// OffsetRecord is a record of an offsets topic; a nil value removes an offset.
type OffsetRecord struct{ Key, Value []byte }

// boundary is transaction.boundary. Sources that define their own are refused at validation: none does.
type boundary uint8

const (
	byPoll boundary = iota
	byInterval
)

// transaction is the state of an exactly-once source task (ExactlyOnceWorkerSourceTask). It belongs to the task's
// goroutine.
type transaction struct {
	s        *sourceTask
	o        *ExactlyOnce
	boundary boundary
	interval time.Duration
	last     time.Time // of the last commit by interval
	open     bool
}

const (
	boundaryKey = "transaction.boundary"
	intervalKey = "transaction.boundary.interval.ms"
)

func newTransaction(s *sourceTask) (*transaction, error) {
	x := &transaction{s: s, o: s.t.o.ExactlyOnce, last: time.Now()}
	switch text := strings.ToLower(strings.TrimSpace(s.t.o.Config[boundaryKey])); text {
	case "", "poll":
	case "interval":
		x.boundary = byInterval
		x.interval = s.t.millis("offset.flush.interval.ms", time.Minute)
		if own, ok := s.t.o.Config[intervalKey]; ok {
			n, err := config.ParseValue(intervalKey, own, config.TypeLong, nil)
			if err != nil {
				return nil, err
			}
			x.interval = time.Duration(n.(int64)) * time.Millisecond
		}
	default:
		return nil, config.Invalid(boundaryKey, text, "this connector does not define transaction boundaries: use poll or interval")
	}
	return x, nil
}

// producerProps are the settings of the transactional producer; the user's own must not contradict them.
func (o *ExactlyOnce) producerProps(props map[string]string) map[string]string {
	out := maps.Clone(props)
	out["enable.idempotence"] = "true"
	out["transactional.id"] = o.TransactionalID
	return out
}

// claim fences who wrote before, and makes sure that this task may go on. Nothing of the source is open yet.
func (x *transaction) claim(ctx context.Context) error {
	if x.o.Fence != nil {
		if err := x.o.Fence(ctx); err != nil {
			return err
		}
	}
	if err := x.s.producer.InitTransactions(ctx); err != nil {
		return err
	}
	if x.o.Verify != nil {
		return x.o.Verify(ctx)
	}
	return nil
}

// begin opens a transaction for a batch that is about to be sent.
func (x *transaction) begin(b *batch.Batch) error {
	if topic, ok := b.Topics.Const(); ok && topic == x.o.OffsetsTopic {
		return batch.NewFault(batch.ConnectException, "Source tasks may not produce to their own offsets topics when exactly-once support is enabled")
	}
	if x.open {
		return nil
	}
	if err := x.s.producer.Begin(); err != nil {
		return x.explain("Failed to begin a transaction", err)
	}
	x.open = true
	return nil
}

// polled is called after each poll, those without records included: it is where transactions end.
func (x *transaction) polled(ctx context.Context) error {
	if x.boundary == byInterval {
		if time.Since(x.last) < x.interval {
			return nil
		}
		x.last = time.Now()
	}
	return x.commit(ctx)
}

// commit ends the open transaction, with the offsets of all that was sent.
func (x *transaction) commit(ctx context.Context) error {
	s := x.s
	if x.open {
		// All records must be acknowledged before their offsets are known to be safe.
		if err := s.producer.Flush(ctx); err != nil {
			return x.explain("Failed to flush records", err)
		}
	}
	if err := s.failure(); err != nil {
		return err
	}
	s.setAside.Wait()
	offsets := s.tracker.take()
	if !x.open && offsets == nil {
		return nil
	}
	started := time.Now()
	err := x.write(ctx, offsets)
	s.t.metrics.commit(err, time.Since(started))
	if err != nil {
		s.tracker.giveBack(offsets)
		return x.explain("Failed to flush offsets and/or records for task "+s.t.id, err)
	}
	if c, ok := s.source.(connectors.Committer); ok && offsets != nil {
		if err := c.Commit(ctx, offsets); err != nil {
			s.t.o.Log.Warn("the connector could not take note of committed offsets", "err", err)
		}
	}
	return nil
}

func (x *transaction) write(ctx context.Context, offsets map[string]string) error {
	list := make([]connectors.PartitionOffset, 0, len(offsets))
	for _, p := range slices.Sorted(maps.Keys(offsets)) {
		list = append(list, connectors.PartitionOffset{Partition: json.RawMessage(p), Offset: json.RawMessage(offsets[p])})
	}
	records, err := x.o.Encode(list)
	if err != nil {
		return err
	}
	if !x.open {
		if err := x.s.producer.Begin(); err != nil {
			return err
		}
		x.open = true
	}
	errs := make(chan error, len(records))
	for _, r := range records {
		x.s.producer.Produce(ctx, &kafka.Record{Topic: x.o.OffsetsTopic, Partition: kafka.AnyPartition, Key: r.Key, Value: r.Value},
			func(_ *kafka.Record, err error) { errs <- err })
	}
	if err := x.s.producer.Flush(ctx); err != nil {
		return err
	}
	for range records {
		if err := <-errs; err != nil {
			return err
		}
	}
	err = x.s.producer.Commit(ctx)
	x.open = false
	return err
}

// finish ends the task: what is open is committed, or dropped when the task failed.
func (x *transaction) finish(ctx context.Context, failed bool) error {
	if !failed {
		return x.commit(ctx)
	}
	if x.open {
		x.open = false
		if err := x.s.producer.Abort(ctx); err != nil {
			x.s.t.o.Log.Warn("the open transaction could not be aborted; Kafka does it when it times out, or the next task", "err", err)
		}
	}
	return nil
}

// explain says what a lost transaction means (wrapTransactionTimeoutError).
func (x *transaction) explain(what string, err error) error {
	if kafka.IsFenced(err) {
		return &batch.Fault{Class: batch.ConnectException, Cause: err, Message: "The task " + x.s.t.id + " was unable to finish writing records to Kafka " +
			"before its producer transaction expired. It may be necessary to reconfigure this connector in order for it to run healthily with " +
			"exactly-once support. Options for this include: tune the connector's producer configuration for higher throughput, increase the " +
			"transaction timeout for the connector's producers, decrease the offset commit interval (if using interval-based transaction " +
			"boundaries), or use the 'poll' transaction boundary (if the connector is not already configured to use it)."}
	}
	return fmt.Errorf("%s: %w", what, err)
}
