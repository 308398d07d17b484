// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
)

// callKind is a call out of a task's goroutines that may hang: into the connector, or one that waits for Kafka.
type callKind uint8

const (
	callOpen callKind = iota
	callPoll
	callPut
	callFlush
	callClose
	callAssigned
	callRevoked
	callLetters
	callProduce
	callKinds
)

var callNames = [callKinds]string{"open", "poll", "put", "flush", "close", "open_partitions", "close_partitions", "dead_letter_queue", "produce"}

// callFrames are the functions below which a hanging call is found in a stack.
var callFrames = [callKinds]string{"callOpen", "callPoll", "callPut", "callFlush", "callClose", "callAssigned", "callRevoked", ").report", "callProduce"}

// calls knows which calls are under way and since when: one look at the clock and two stores for each. A kind has at
// most one call at a time, but for letters, where the last one counts.
type calls struct{ since [callKinds]atomic.Int64 }

func (c *calls) begin(k callKind) { c.since[k].Store(time.Now().UnixNano()) }
func (c *calls) end(k callKind)   { c.since[k].Store(0) }

// longest is the call that has been under way longest; false when there is none.
func (c *calls) longest() (callKind, time.Time, bool) {
	kind, oldest := callKinds, int64(0)
	for k := range callKinds {
		if at := c.since[k].Load(); at != 0 && (oldest == 0 || at < oldest) {
			kind, oldest = k, at
		}
	}
	return kind, time.Unix(0, oldest), oldest != 0
}

// The calls into a connector have functions of their own, which name them in stacks.

//go:noinline
func (t *Task) callOpen(open func() error) error {
	t.calls.begin(callOpen)
	defer t.calls.end(callOpen)
	return open()
}

//go:noinline
func (t *Task) callClose(what func() error) error {
	t.calls.begin(callClose)
	defer t.calls.end(callClose)
	return what()
}

//go:noinline
func (t *Task) callPoll(ctx context.Context, s connectors.Source, b *batch.Batch) error {
	t.calls.begin(callPoll)
	defer t.calls.end(callPoll)
	return s.Poll(ctx, b)
}

//go:noinline
func (t *Task) callPut(ctx context.Context, s connectors.Sink, batches []*batch.Batch) error {
	t.calls.begin(callPut)
	defer t.calls.end(callPut)
	return s.Put(ctx, batches)
}

//go:noinline
func (t *Task) callFlush(ctx context.Context, s connectors.Sink) error {
	t.calls.begin(callFlush)
	defer t.calls.end(callFlush)
	return s.Flush(ctx)
}

//go:noinline
func (t *Task) callAssigned(ctx context.Context, p connectors.PartitionAware, tps []connectors.TopicPartition) error {
	t.calls.begin(callAssigned)
	defer t.calls.end(callAssigned)
	return p.OpenPartitions(ctx, tps)
}

//go:noinline
func (t *Task) callRevoked(ctx context.Context, p connectors.PartitionAware, tps []connectors.TopicPartition) error {
	t.calls.begin(callRevoked)
	defer t.calls.end(callRevoked)
	return p.ClosePartitions(ctx, tps)
}

//go:noinline
func (t *Task) callProduce(produce func() error) error {
	t.calls.begin(callProduce)
	defer t.calls.end(callProduce)
	return produce()
}
