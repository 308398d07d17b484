// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
)

// sourceTask runs a Source (AbstractWorkerSourceTask, WorkerSourceTask). One goroutine polls, transforms, encodes and hands the
// bytes to the producer, whose own goroutines overlap with it; a second one stores offsets.
type sourceTask struct {
	t        *Task
	source   connectors.Source
	stages   *stages
	producer *kafka.Producer
	topics   *topicCreation
	tracker  *tracker
	ensured  map[string]bool            // topics that exist
	where    connectors.RecordCommitter // nil when the source does not ask

	setAside sync.WaitGroup // letters that are being written

	mu   sync.Mutex
	err  error              // the first asynchronous failure
	halt context.CancelFunc // ends the loop after it

	txn *transaction // nil without exactly-once support

	clocks sourceClocks
}

func newSourceTask(t *Task) (*sourceTask, error) {
	s := &sourceTask{t: t, source: t.o.Plugin.NewSource(), tracker: newTracker(), ensured: map[string]bool{}}
	s.where, _ = s.source.(connectors.RecordCommitter)
	var err error
	s.stages, err = newStages(t)
	return s, err
}

// sourceClocks are the stages of a source task that are not those of a record.
type sourceClocks struct {
	lane                          *lane
	poll, produce, paused         *stageClock
	acknowledge, commit, ensuring *stageClock
}

// clocksOf lays out the lane of a source task. Waiting for a free batch is waiting for acknowledgements.
func (s *sourceTask) clocksOf(t *Task) {
	c := &s.clocks
	c.lane = t.newLane("poll")
	c.poll = t.stage(c.lane, stagePoll, t.o.Plugin.TaskClass, roleInput)
	s.stages.plan(c.lane)
	c.ensuring = t.stage(c.lane, stageTopics, "", roleWork)
	c.produce = t.stage(c.lane, stageProduce, "", roleWork)
	room := t.stage(c.lane, stageAcks, "", roleWork)
	c.paused = t.stage(c.lane, stagePaused, "", roleWait)
	c.acknowledge = t.stage(c.lane, stageInFlight, "", roleAside)
	c.commit = t.stage(c.lane, stageCommit, "", roleAside)
	t.lanesMu.Lock()
	t.intake, t.room = c.lane, room
	t.lanesMu.Unlock()
	c.lane.to(c.poll)
}

func (s *sourceTask) run(ctx context.Context) error {
	t := s.t
	props := kafka.SourceProducerProps(t.o.Worker.Strings(), t.o.Config, kafka.ProducerClientID(t.id))
	var err error
	if t.o.ExactlyOnce != nil {
		props = t.o.ExactlyOnce.producerProps(props)
		if s.txn, err = newTransaction(s); err != nil {
			return err
		}
	}
	cfg, err := kafka.Parse(kafka.RoleProducer, props)
	if err != nil {
		return fmt.Errorf("configure the producer: %w", err)
	}
	path := kafka.DefaultPath
	if text, ok := t.o.Worker.Get(kafka.PathKey); ok {
		path = kafka.Path(text)
	}
	if s.producer, err = kafka.OpenProducer(cfg, kafka.ProducerOptions{Path: path, Log: t.o.Log}); err != nil {
		return fmt.Errorf("open the producer: %w", err)
	}
	defer s.producer.Close()
	if s.topics, err = newTopicCreation(t); err != nil {
		return err
	}
	defer s.topics.close()
	if err := s.stages.tol.extend(ctx, t); err != nil {
		return err
	}
	defer s.stages.tol.letters.close()
	defer t.onAbandon(s.producer.Close)()
	c := t.taskContext()
	c.KafkaPath = string(path)
	c.Offset = func(ctx context.Context, partition json.RawMessage) (json.RawMessage, error) {
		return t.o.Offsets.Get(ctx, t.o.Connector, partition)
	}
	loopCtx, halt := t.stopContext(ctx)
	defer halt()
	s.halt = halt
	if s.txn != nil {
		if err := s.txn.claim(loopCtx); err != nil {
			if loopCtx.Err() != nil && t.stopping() {
				return nil
			}
			return err
		}
	}
	if err := t.callOpen(func() error { return s.source.Open(loopCtx, c) }); err != nil {
		if loopCtx.Err() != nil && t.stopping() {
			err = nil
		}
		return errors.Join(wrap("open source", err), t.callClose(s.source.Close))
	}
	s.clocksOf(t)
	var committing sync.WaitGroup
	if s.txn == nil {
		committing.Go(func() { s.commitLoop(loopCtx) })
	}
	err = s.t.safely(func() error { return s.loop(loopCtx) })
	halt()
	committing.Wait()
	err = errors.Join(err, s.finish(ctx, err != nil))
	return errors.Join(err, wrap("close source", t.callClose(s.source.Close)))
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// finish waits for what is in flight and stores its offsets. A task that failed does it too: what was acknowledged
// is not sent again.
func (s *sourceTask) finish(ctx context.Context, failed bool) error {
	limit, cancel := context.WithTimeout(ctx, s.t.millis("offset.flush.timeout.ms", 5*time.Second))
	defer cancel()
	if s.txn != nil {
		cause := s.failure()
		return errors.Join(cause, s.txn.finish(limit, failed || cause != nil))
	}
	if err := s.producer.Flush(limit); err != nil {
		s.t.o.Log.Warn("records in flight were not acknowledged in time; they will be sent again", "err", err, "records", s.producer.Buffered())
	}
	s.setAside.Wait()
	if err := s.commit(limit); err != nil {
		s.t.o.Log.Error("the last offsets could not be stored; records will be sent again", "err", err)
	}
	return s.failure()
}

func (s *sourceTask) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.err
	s.err = nil
	return err
}

// fail notes an asynchronous failure and ends the loop.
func (s *sourceTask) fail(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	s.halt()
}

// commitLoop stores offsets every offset.flush.interval.ms.
func (s *sourceTask) commitLoop(ctx context.Context) {
	ticker := time.NewTicker(s.t.millis("offset.flush.interval.ms", time.Minute))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			began := nanos()
			err := s.commit(ctx)
			now := nanos()
			s.clocks.commit.spend(now, now-began)
			if err != nil {
				s.t.o.Log.Error("offsets could not be stored; they are tried again at the next interval", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

const (
	pollRetryMin = 100 * time.Millisecond
	pollRetryMax = 10 * time.Second
)

// loop is the task's life: it returns nil when asked to stop.
func (s *sourceTask) loop(ctx context.Context) error {
	backoff := pollRetryMin
	for ctx.Err() == nil {
		if s.t.paused.Load() {
			if s.txn != nil {
				if err := s.txn.commit(s.t.ctx); err != nil {
					return err
				}
			}
			s.t.set(Paused, nil)
			s.clocks.lane.to(s.clocks.paused)
			select {
			case <-s.t.poke:
			case <-ctx.Done():
			}
			continue
		}
		if s.t.State() != Running { // to set it allocates
			s.t.set(Running, nil)
		}
		b, err := s.t.pool.Take(ctx)
		if err != nil {
			return nil
		}
		s.clocks.lane.to(s.clocks.poll)
		started := time.Now()
		if err := s.t.callPoll(ctx, s.source, b); err != nil {
			b.Release()
			if !batch.IsRetriable(err) {
				if ctx.Err() != nil {
					return nil
				}
				return s.pollFailed(err)
			}
			s.t.metrics.retries.Add(1)
			s.t.o.Log.Warn("poll failed and is retried", "err", err, "wait", backoff)
			sleep(ctx, backoff)
			backoff = min(2*backoff, pollRetryMax)
			continue
		}
		backoff = pollRetryMin
		if b.N == 0 {
			b.Release()
			if s.txn != nil {
				if err := s.txn.polled(s.t.ctx); err != nil {
					return err
				}
			}
			continue
		}
		s.t.metrics.batch(b.N, time.Since(started))
		s.t.metrics.polled.Add(int64(b.N))
		if err := s.send(ctx, b); err != nil {
			return err
		}
		if s.txn != nil {
			if err := s.txn.polled(s.t.ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// send takes a polled batch to the producer. The batch is given away: its acknowledgement releases it.
func (s *sourceTask) send(ctx context.Context, b *batch.Batch) error {
	s.stages.keep(b)
	if err := s.stages.source(ctx, b); err != nil {
		s.release(b)
		return err
	}
	flight := s.tracker.sending(b)
	n := b.Alive()
	if n == 0 {
		flight.ack()
		s.release(b)
		return nil
	}
	s.clocks.lane.to(s.clocks.ensuring)
	err := s.topicsOf(ctx, b)
	s.clocks.lane.to(s.clocks.produce)
	if err != nil {
		s.release(b)
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if s.txn != nil {
		if err := s.txn.begin(b); err != nil {
			s.release(b)
			return err
		}
	}
	s.t.metrics.active.Add(int64(n))
	flight.bind(s)
	flight.n, flight.sent = n, nanos()
	rows := flight.fill()
	// The records get the task's own context: a stop must not cancel what is in flight.
	if err := s.t.callProduce(func() error { return s.producer.ProduceRows(s.t.ctx, rows, flight.done) }); err != nil {
		s.t.metrics.active.Add(-int64(n))
		s.release(b)
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("produce: %w", err)
	}
	return nil
}

// topicsOf makes sure that the topics of the live rows exist, and tells of them.
func (s *sourceTask) topicsOf(ctx context.Context, b *batch.Batch) error {
	check := func(topic string) error {
		if !s.ensured[topic] {
			if err := s.topics.ensure(ctx, topic); err != nil {
				return err
			}
			s.ensured[topic] = true
		}
		if s.t.o.OnTopic != nil {
			s.t.o.OnTopic(topic)
		}
		return nil
	}
	if topic, ok := b.Topics.Const(); ok {
		return check(topic)
	}
	last := ""
	for row := range b.N {
		if b.IsDead(row) {
			continue
		}
		if topic := b.Topics.At(row); topic != last || row == 0 {
			if err := check(topic); err != nil {
				return err
			}
			last = topic
		}
	}
	return nil
}

func headersOf(b *batch.Batch, row int) []kafka.Header {
	hs := b.Headers.Of(row)
	if len(hs) == 0 {
		return nil
	}
	out := make([]kafka.Header, len(hs))
	for i, h := range hs {
		out[i] = kafka.Header{Key: h.Key, Value: b.Slab.Bytes(h.Raw)}
	}
	return out
}

// landed is called by the producer when every row of a batch is safe or failed. It must not block.
func (s *sourceTask) landed(f *inFlight, errs []kafka.RowError) {
	b, n, now := f.b, f.n, nanos()
	s.clocks.acknowledge.spend(now, now-f.sent)
	s.t.metrics.active.Add(-int64(n))
	s.t.metrics.written.Add(int64(n - len(errs)))
	if s.where != nil {
		s.where.Written(b)
	}
	if len(errs) == 0 {
		f.ack()
		s.release(b)
		return
	}
	s.refused(b, f, errs)
}
