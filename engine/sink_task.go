// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/java/regex"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/internal/ring"
)

// sinkTask runs a Sink (WorkerSinkTask). Two goroutines with a ring between them:
//
//	fetch    poll the consumer, copy into a batch, decode, transform       ── ring ──►
//	deliver  Put, Flush, commit; answers the consumer's rebalance callbacks
//
// The deliver side owns everything about offsets, so a rebalance (a callback that waits for its answer) sees a consistent
// state: what was put is flushed and committed, what is still in the ring under the old assignment is dropped.
type sinkTask struct {
	t        *Task
	sink     connectors.Sink
	stages   *stages
	consumer *kafka.Consumer
	ring     *ring.SPSC[item]
	control  chan control
	rewind   chan map[kafka.TopicPartition]int64 // from the deliver side
	rewinds  chan map[kafka.TopicPartition]int64 // the same for the fetching side, which was woken
	reader   rowReader                           // of the fetching goroutine
	held     atomic.Bool                         // partitions may have been paused when they were assigned

	deliver  deliverState
	clocks   sinkClocks
	reported atomic.Pointer[error] // what Report gave to a Put, until Put has ended
}

// sinkClocks are the stages of the two goroutines that are not those of a record.
type sinkClocks struct {
	in, out                              *lane
	fetch                                *stageClock
	idle, put, flush, commit, rebalanced *stageClock
}

// clocksOf lays out the lanes of a sink task.
func (s *sinkTask) clocksOf(t *Task) {
	c := &s.clocks
	c.in = t.newLane("fetch")
	c.fetch = t.stage(c.in, stageFetch, "", roleInput)
	s.stages.plan(c.in)
	room := t.stage(c.in, stageRoom, "", roleWait)
	c.out = t.newLane("deliver")
	c.idle = t.stage(c.out, stageIdle, "", roleWait)
	c.put = t.stage(c.out, stagePut, t.o.Plugin.TaskClass, roleWork)
	c.flush = t.stage(c.out, stageFlush, t.o.Plugin.TaskClass, roleWork)
	c.commit = t.stage(c.out, stageCommit, "", roleWork)
	c.rebalanced = t.stage(c.out, stageRebalance, "", roleWork)
	t.lanesMu.Lock()
	t.intake, t.room, t.ready = c.in, room, s.ring.Len
	t.lanesMu.Unlock()
}

// control is a rebalance callback that waits for its answer.
type control struct {
	kind  controlKind
	r     *kafka.Rebalance
	reply chan struct{}
}

type controlKind uint8

const (
	assigned controlKind = iota
	revoked
	lost
)

// ringSlots leaves room for markers beside every batch of the pool.
const ringSlots = 4 * poolBatches

func newSinkTask(t *Task) (*sinkTask, error) {
	s := &sinkTask{
		t: t, sink: t.o.Plugin.NewSink(), ring: ring.New[item](ringSlots),
		control: make(chan control), rewind: make(chan map[kafka.TopicPartition]int64, 1),
		rewinds: make(chan map[kafka.TopicPartition]int64, 1),
	}
	s.deliver.init()
	var err error
	s.stages, err = newStages(t)
	return s, err
}

func (s *sinkTask) run(ctx context.Context) error {
	err := s.stages.tol.extend(ctx, s.t)
	if err != nil {
		return err
	}
	defer s.stages.tol.letters.close()
	c := s.t.taskContext()
	if s.stages.tol.letters != nil || s.stages.tol.logErrors {
		c.Report = func(b *batch.Batch, row int, cause error) error { return s.report(ctx, b, row, cause) }
	}
	if err := s.t.callOpen(func() error { return s.sink.Open(ctx, c) }); err != nil {
		return errors.Join(err, s.t.callClose(s.sink.Close))
	}
	if err := s.join(ctx); err != nil {
		return errors.Join(err, s.t.callClose(s.sink.Close))
	}
	defer s.t.onAbandon(s.consumer.Close)()
	if s.t.paused.Load() {
		s.t.set(Paused, nil)
	} else {
		s.t.set(Running, nil)
	}
	s.clocksOf(s.t)
	fetchCtx, stopFetching := s.t.stopContext(ctx)
	var fetching sync.WaitGroup
	fetching.Go(func() { s.wakeFetching(fetchCtx) })
	fetching.Go(func() {
		defer s.ring.Close()
		s.clocks.in.to(s.clocks.fetch)
		if err := s.t.safely(func() error { return s.fetch(fetchCtx) }); err != nil && fetchCtx.Err() == nil {
			s.ring.Push(item{kind: failed, err: err})
		}
	})
	err = s.t.safely(func() error { return s.deliverLoop(ctx) })
	stopFetching()
	s.drop(&fetching)
	err = errors.Join(err, s.leave(ctx))
	if cerr := s.t.callClose(s.sink.Close); cerr != nil {
		err = errors.Join(err, fmt.Errorf("close sink: %w", cerr))
	}
	return err
}

// join subscribes to the topics in the connector's consumer group.
func (s *sinkTask) join(ctx context.Context) error {
	t := s.t
	props := kafka.SinkConsumerProps(t.o.Worker.Strings(), t.o.Config, t.o.Connector, kafka.ConsumerClientID(t.id))
	cfg, err := kafka.Parse(kafka.RoleConsumer, props)
	if err != nil {
		return fmt.Errorf("configure the consumer: %w", err)
	}
	o := kafka.ConsumerOptions{
		Log:  t.o.Log,
		Path: kafka.DefaultPath,
		OnAssigned: func(r *kafka.Rebalance) {
			s.ask(assigned, r)
			s.held.Store(true) // first: who resumes the task after the next line sees it
			if t.paused.Load() {
				r.Pause(r.Partitions...)
			}
		},
		OnRevoked: func(r *kafka.Rebalance) { s.ask(revoked, r) },
		OnLost:    func(r *kafka.Rebalance) { s.ask(lost, r) },
	}
	if path, ok := t.o.Worker.Get(kafka.PathKey); ok {
		o.Path = kafka.Path(path)
	}
	if pattern := strings.TrimSpace(t.o.Config["topics.regex"]); pattern != "" {
		re, err := regex.Compile(pattern)
		if err != nil {
			return config.Invalid("topics.regex", pattern, err.Error())
		}
		var mu sync.Mutex
		o.Match = func(topic string) bool {
			mu.Lock()
			defer mu.Unlock()
			ok, err := re.Matches(topic)
			if err != nil {
				t.o.Log.Error("topics.regex could not be tried on a topic, which is left out", "topic", topic, "err", err)
			}
			return ok && err == nil
		}
	} else {
		o.Topics = splitList(t.o.Config["topics"])
	}
	if s.consumer, err = kafka.NewConsumer(ctx, cfg, o); err != nil {
		return fmt.Errorf("open the consumer: %w", err)
	}
	return nil
}

func splitList(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// ask hands a rebalance to the deliver side and waits until it has dealt with it.
func (s *sinkTask) ask(kind controlKind, r *kafka.Rebalance) {
	c := control{kind: kind, r: r, reply: make(chan struct{})}
	select {
	case s.control <- c:
		select {
		case <-c.reply:
		case <-s.t.ctx.Done(): // the task was given up
		}
	case <-r.Context.Done():
	case <-s.t.ctx.Done():
	}
}

// fetch is the fetching goroutine. It sleeps in PollRows, with one batch in hand, until there are rows or it is woken.
func (s *sinkTask) fetch(ctx context.Context) error {
	isPaused := false
	for ctx.Err() == nil {
		if s.t.paused.Load() != isPaused {
			isPaused = !isPaused
			if err := s.switchPause(ctx, isPaused); err != nil {
				return err
			}
		}
		if !isPaused && s.held.Swap(false) {
			s.consumer.Resume(s.consumer.Paused()...)
		}
		b, err := s.t.pool.Take(ctx)
		if err != nil {
			return err
		}
		assignment, err := s.reader.poll(ctx, s.consumer, b)
		if b.N == 0 {
			b.Release()
		} else if err := s.handOn(ctx, b, assignment); err != nil {
			return err
		}
		if err != nil {
			if errors.Is(err, kafka.ErrClosed) {
				return nil
			}
			if err := s.pollFailed(err); err != nil {
				return err
			}
		}
		s.doRewind(ctx)
	}
	return nil
}

// handOn runs the stages on a batch that was filled and gives it to the deliver side.
func (s *sinkTask) handOn(ctx context.Context, b *batch.Batch, assignment uint64) error {
	s.t.metrics.read.Add(int64(b.N))
	s.t.metrics.active.Add(int64(b.N))
	tp := kafka.TopicPartition{Topic: b.Origin.Topic, Partition: b.Origin.Partition}
	if err := s.stages.sink(ctx, b); err != nil {
		b.Release()
		return err
	}
	s.ring.Push(item{b: b, tp: tp, assignment: assignment})
	return nil
}

// pollFailed decides whether the task goes on. A record batch that cannot be read ends it, as in Java, unless errors are
// tolerated: then the records of that batch are skipped, and counted as one.
func (s *sinkTask) pollFailed(err error) error {
	var at *kafka.PartitionError
	var corrupt *kafka.CorruptError
	switch {
	case errors.As(err, &corrupt) && errors.As(err, &at) && s.stages.tol.all:
		m := &s.t.metrics
		m.recordErrors.Add(1)
		m.recordFailures.Add(1)
		m.recordsSkipped.Add(1)
		m.lastError.Store(time.Now().UnixMilli())
		s.t.o.Log.Error("a record batch cannot be read and is skipped, as errors.tolerance=all says",
			"partition", at.TopicPartition.String(), "offset", corrupt.Offset, "next", corrupt.Next, "err", err)
		s.consumer.Seek(map[kafka.TopicPartition]int64{at.TopicPartition: corrupt.Next})
	case kafka.IsGroupInterruption(err):
		s.t.o.Log.Warn("the membership in the consumer group was interrupted; joining again", "err", err)
	default:
		return fmt.Errorf("consume: %w", err)
	}
	return nil
}

// wakeFetching makes the fetching goroutine look at a rewind or a change of the target state.
func (s *sinkTask) wakeFetching(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.t.poke:
		case to := <-s.rewind:
			s.rewinds <- to // there is one at a time
		}
		s.consumer.Wake()
	}
}

func (s *sinkTask) switchPause(ctx context.Context, on bool) error {
	mark := item{kind: resumed}
	if on {
		s.consumer.PauseAll()
		mark.kind = paused
	} else {
		s.consumer.Resume(s.consumer.Paused()...)
	}
	return s.mark(ctx, mark)
}

// mark pushes a marker, waiting for room: only batches are bounded by the pool.
func (s *sinkTask) mark(ctx context.Context, it item) error {
	for s.ring.Len() >= ringSlots-poolBatches-2 {
		if !sleep(ctx, 5*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
	s.ring.Push(it)
	return nil
}

func (s *sinkTask) doRewind(ctx context.Context) {
	select {
	case to := <-s.rewinds:
		s.consumer.Seek(to)
		_ = s.mark(ctx, item{kind: rewound}) // fails only when the task ends
	default:
	}
}

// drop empties the ring after the deliver side is done, so that the fetching goroutine can end.
func (s *sinkTask) drop(fetching *sync.WaitGroup) {
	ended := make(chan struct{})
	go func() { fetching.Wait(); close(ended) }()
	for {
		for it, ok := s.ring.Pop(); ok; it, ok = s.ring.Pop() {
			s.release(it)
		}
		select {
		case <-ended:
			if s.ring.Drained() {
				return
			}
		case c := <-s.control:
			s.rebalance(s.t.ctx, c)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (s *sinkTask) release(it item) {
	if it.b != nil {
		s.t.metrics.active.Add(-int64(it.b.N))
		it.b.Release()
	}
}

// leave leaves the group. Closing the consumer revokes what is held, which flushes and commits it.
func (s *sinkTask) leave(ctx context.Context) error {
	closed := make(chan struct{})
	go func() { s.consumer.Close(); close(closed) }()
	for {
		select {
		case c := <-s.control:
			s.rebalance(ctx, c)
		case <-closed:
			err := s.deliver.err
			s.deliver.err = nil
			return err
		}
	}
}
