// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/dlq"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/internal/ring"
)

// Replay runs letters of a dead letter queue through a connector's converters and transforms: to a task of its sink, made
// for the purpose, or, for a source, to its topics. It implements dlq.Deliverer. Not safe for concurrent use.
type Replay struct {
	t      *Task
	stages *stages
	index  map[*batch.Batch][]int // letters by row of the batches of one call
	failed []error                // by letter of one call

	sink *sinkTask // nil for sources
	open map[connectors.TopicPartition]bool

	key, value codec.Converter // of the letters of sources
	topics     *topicCreation
}

// OpenReplay makes what it takes to run letters through the connector that o describes. Nothing of the running connector
// is touched. Close the result.
func OpenReplay(ctx context.Context, o Options) (*Replay, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t := &Task{o: o, id: o.Connector + "-" + strconv.Itoa(o.Task), stop: make(chan struct{}), done: make(chan struct{}), poke: make(chan struct{}, 1)}
	t.watch = newWatch(o.Config, o.Worker)
	t.state.Store(Running)
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	t.pool = newTaskPool(t, nil)
	r := &Replay{t: t, open: map[connectors.TopicPartition]bool{}}
	err := t.safely(func() error { return r.begin(ctx) })
	if err != nil {
		t.cancel(errStopping)
		return nil, err
	}
	return r, nil
}

func (r *Replay) begin(ctx context.Context) (err error) {
	if r.t.o.Plugin.Kind == connectors.SourceKind {
		return r.beginSource()
	}
	if r.t.o.Plugin.NewSink == nil {
		return fmt.Errorf("connector class %s has no tasks", r.t.o.Class)
	}
	s := &sinkTask{t: r.t, sink: r.t.o.Plugin.NewSink(), ring: ring.New[item](ringSlots)}
	s.deliver.init()
	if s.stages, err = newStages(r.t); err != nil {
		return err
	}
	s.clocksOf(r.t)
	r.sink = s
	if err := r.judges(s.stages); err != nil {
		return err
	}
	s.stages.tol.isolate = true
	c := r.t.taskContext()
	c.Report = func(b *batch.Batch, row int, cause error) error { return s.report(ctx, b, row, cause) }
	if err := r.t.callOpen(func() error { return s.sink.Open(ctx, c) }); err != nil {
		return errors.Join(err, r.t.callClose(s.sink.Close))
	}
	return nil
}

func (r *Replay) beginSource() (err error) {
	if r.stages, err = newStages(r.t); err != nil {
		return err
	}
	r.stages.plan(r.t.newLane("replay"))
	if err := r.judges(r.stages); err != nil {
		return err
	}
	if r.key, err = letterJSON(batch.Key); err != nil {
		return err
	}
	if r.value, err = letterJSON(batch.Value); err != nil {
		return err
	}
	r.topics, err = newTopicCreation(r.t)
	return err
}

// judges makes failed rows known to the replay instead of a queue: a letter that fails again stays where it is.
func (r *Replay) judges(s *stages) error {
	own, err := r.t.ownKeys()
	if err != nil {
		return err
	}
	r.stages = s
	s.tol.all, s.tol.retryMax = true, own.Int(retryMaxKey)
	s.tol.seen = func(b *batch.Batch, errs []batch.RowError) {
		for _, e := range errs {
			r.failed[r.index[b][e.Row]] = asFault(e.Err)
		}
	}
	return nil
}

// Deliver implements dlq.Deliverer. A sink has flushed the letters when it returns.
func (r *Replay) Deliver(ctx context.Context, letters []*dlq.Letter, send func(*kafka.Record)) ([]error, error) {
	r.failed, r.index = make([]error, len(letters)), map[*batch.Batch][]int{}
	err := r.t.safely(func() error {
		if r.sink != nil {
			return r.put(ctx, letters)
		}
		return r.produce(ctx, letters, send)
	})
	return r.failed, err
}

// origin is the partition that a letter's record came from. Without context headers that is the connector's only topic,
// else the queue itself.
func (r *Replay) origin(l *dlq.Letter) kafka.TopicPartition {
	tp := kafka.TopicPartition{Topic: l.Topic, Partition: max(l.Origin, 0)}
	if tp.Topic == "" {
		if only := splitList(r.t.o.Config["topics"]); len(only) == 1 {
			tp.Topic = only[0]
		} else {
			tp.Topic = strings.TrimSpace(r.t.o.Config[dlqTopicKey])
		}
		tp.Partition = l.Partition
	}
	return tp
}

// put takes letters to the sink: a batch for each partition they came from.
func (r *Replay) put(ctx context.Context, letters []*dlq.Letter) error {
	var order []kafka.TopicPartition
	byOrigin := map[kafka.TopicPartition][]int{}
	for i, l := range letters {
		if l.FromSource() {
			r.failed[i] = errors.New("the letter was written by a source; replay it through that connector")
			continue
		}
		tp := r.origin(l)
		if byOrigin[tp] == nil {
			order = append(order, tp)
		}
		byOrigin[tp] = append(byOrigin[tp], i)
	}
	s := r.sink
	for _, tp := range order {
		if err := r.openPartition(ctx, tp); err != nil {
			return err
		}
		b := letterBatch(letters, byOrigin[tp])
		b.Origin = batch.Origin{Topic: tp.Topic, Partition: tp.Partition, LeaderEpoch: -1, First: b.Offset[0], Last: b.Offset[b.N-1]}
		b.Topics.Set(tp.Topic)
		r.index[b] = byOrigin[tp]
		s.t.metrics.active.Add(int64(b.N))
		if err := s.stages.run(ctx, b); err != nil {
			return err
		}
		s.deliver.pending = append(s.deliver.pending, item{b: b, tp: tp})
	}
	if s.aliveRows() == 0 {
		s.delivered()
		return nil
	}
	if err := s.put(ctx); err != nil {
		s.forget(func(item) bool { return true })
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.flush(ctx)
}

func (r *Replay) openPartition(ctx context.Context, tp kafka.TopicPartition) error {
	p, ok := r.sink.sink.(connectors.PartitionAware)
	if !ok || r.open[connectors.TopicPartition(tp)] {
		return nil
	}
	r.open[connectors.TopicPartition(tp)] = true
	return r.t.callAssigned(ctx, p, []connectors.TopicPartition{connectors.TopicPartition(tp)})
}

// letterBatch fills a batch with the raw records of letters.
func letterBatch(letters []*dlq.Letter, which []int) *batch.Batch {
	b := batch.New()
	b.N = len(which)
	for row, i := range which {
		l := letters[i]
		b.Raw.Key = append(b.Raw.Key, rawView(b, l.Key))
		b.Raw.Value = append(b.Raw.Value, rawView(b, l.Value))
		at := l.At
		if at < 0 {
			at = l.Offset
		}
		b.Offset = append(b.Offset, at)
		b.Timestamp = append(b.Timestamp, l.Time.UnixMilli())
		if len(l.Headers) > 0 {
			hs := make([]batch.Header, len(l.Headers))
			for k, h := range l.Headers {
				hs[k] = batch.Header{Key: h.Key, Raw: rawView(b, h.Value)}
			}
			b.Headers.Set(row, b.N, hs)
		}
	}
	return b
}

func rawView(b *batch.Batch, p []byte) batch.View {
	if p == nil {
		return batch.NullView
	}
	return b.Slab.Append(p)
}

// produce takes letters of a source through its transforms and converters to its topics.
func (r *Replay) produce(ctx context.Context, letters []*dlq.Letter, send func(*kafka.Record)) error {
	var which []int
	for i, l := range letters {
		if l.FromSource() {
			which = append(which, i)
		} else {
			r.failed[i] = errors.New("the letter was not written by a source; replay it through its sink, or to a topic")
		}
	}
	if len(which) == 0 {
		return nil
	}
	b := letterBatch(letters, which)
	r.index[b] = which
	b.Offset = b.Offset[:0] // the rows of a source have none
	for row, i := range which {
		l := letters[i]
		b.Topics.Put(row, b.N, l.Topic)
		partition := batch.NoPartition
		if l.Origin >= 0 {
			partition = l.Origin
		}
		b.Partition = append(b.Partition, partition)
	}
	for _, err := range []error{r.key.Decode(b, batch.Key), r.value.Decode(b, batch.Value), r.stages.headers.DecodeHeaders(b)} {
		if err != nil {
			return err
		}
	}
	if err := r.stages.run(ctx, b); err != nil {
		return err
	}
	for row := range b.N {
		if b.IsDead(row) {
			continue
		}
		rec := &kafka.Record{Topic: b.Topics.At(row), Partition: b.PartitionAt(row), Headers: headersOf(b, row),
			Key: b.Encoded(batch.Key, row), Value: b.Encoded(batch.Value, row)}
		if ts := b.TimestampAt(row); ts != batch.NoTimestamp {
			rec.Timestamp = time.UnixMilli(ts)
		}
		if err := r.topics.ensure(ctx, rec.Topic); err != nil {
			return err
		}
		send(rec)
	}
	return nil
}

// Close ends the sink's task.
func (r *Replay) Close() error {
	defer r.t.cancel(errStopping)
	if r.sink == nil {
		r.topics.close()
		return nil
	}
	var err error
	if p, ok := r.sink.sink.(connectors.PartitionAware); ok && len(r.open) > 0 {
		tps := make([]connectors.TopicPartition, 0, len(r.open))
		for tp := range r.open {
			tps = append(tps, tp)
		}
		err = r.t.callRevoked(r.t.ctx, p, tps)
	}
	return errors.Join(err, r.t.callClose(r.sink.sink.Close))
}
