// SPDX-License-Identifier: Apache-2.0

package dlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-io/penstock/internal/kafka"
)

// Deliverer is where replayed letters go: a connector's sink, or a topic.
type Deliverer interface {
	// Deliver takes letters, in order. When it returns nil those without an error in the result, which has one entry a
	// letter, are safe for good; the others were not delivered. An error means that none may be counted as delivered.
	// Records that must be written in the same transaction as the marks go through send.
	Deliver(ctx context.Context, letters []*Letter, send func(*kafka.Record)) ([]error, error)
}

// Options say what a replay does.
type Options struct {
	Filter Filter
	// Rate bounds the letters per second; 0: no bound.
	Rate float64
	// Limit bounds the number of letters; 0: no bound.
	Limit int
	// DryRun counts and delivers nothing.
	DryRun bool
	// Chunk is how many letters are delivered and marked at once; 0: 500.
	Chunk int
	// How is noted with the marks: sink, source or topic.
	How string
	// Progress is told after each chunk; it may be nil.
	Progress func(Result)
}

// Result says what a replay did.
type Result struct {
	// Matched letters were chosen by the filter, Already of them were replayed before.
	Matched, Already int
	// Replayed letters were delivered and marked; of a dry run: would have been.
	Replayed int
	// Failed letters failed again and stay in the queue. Failures has the first of them.
	Failed   int
	Failures []Failure
}

// Failure is a letter that failed again.
type Failure struct {
	Place
	Err error
}

// maxFailures bounds what a Result tells.
const maxFailures = 20

// defaultChunk keeps transactions short and the overhead of a commit small.
const defaultChunk = 500

// ErrFenced means that another replay of the same queue began.
var ErrFenced = errors.New("another replay of the same dead letter queue has begun; this one ends")

// Replay delivers the letters that o chooses and that were not replayed before, in the order of the queue, and marks them.
// Letters that fail again are not marked. Ending ctx ends it between two chunks.
func (q *Queue) Replay(ctx context.Context, o Options, d Deliverer) (Result, error) {
	r := &replay{q: q, o: o, d: d}
	if r.o.Chunk <= 0 {
		r.o.Chunk = defaultChunk
	}
	if o.Rate > 0 {
		r.o.Chunk = max(1, min(r.o.Chunk, int(o.Rate)))
	}
	if !o.DryRun {
		if err := r.open(ctx); err != nil {
			return r.res, err
		}
		defer r.producer.Close()
	}
	marks, err := q.loadMarks(ctx) // after open: what an older replay had under way is decided by now
	if err != nil {
		return r.res, err
	}
	r.begun = time.Now()
	err = q.scan(ctx, q.Topic, func(rec *kafka.Record) error { return r.take(ctx, marks, Parse(rec)) })
	if err == nil {
		err = r.flush(ctx)
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return r.res, err
}

// errEnough ends a scan when the limit is reached.
var errEnough = errors.New("enough letters")

type replay struct {
	q        *Queue
	o        Options
	d        Deliverer
	producer *kafka.Producer
	res      Result
	begun    time.Time
	taken    int
	chunk    []*Letter
	gaps     map[Place]bool // letters of the chunk that do not follow the one before in their partition
	skipped  map[int32]bool // partitions with a letter that was passed over since the last one taken
}

func (r *replay) open(ctx context.Context) error {
	if err := r.q.createMarks(ctx); err != nil {
		return err
	}
	props := map[string]string{}
	for k, v := range r.q.Producer {
		props[k] = v
	}
	props["transactional.id"] = r.q.TransactionalID()
	props["enable.idempotence"] = "true"
	props["acks"] = "all"
	for _, key := range []string{"max.in.flight.requests.per.connection", "delivery.timeout.ms", "max.block.ms"} {
		delete(props, key)
	}
	cfg, err := kafka.Parse(kafka.RoleProducer, props)
	if err != nil {
		return fmt.Errorf("configure the producer of the replay: %w", err)
	}
	if r.producer, err = kafka.NewProducer(cfg, r.q.Log); err != nil {
		return err
	}
	if err := r.producer.InitTransactions(ctx); err != nil {
		r.producer.Close()
		return fmt.Errorf("claim the transactional.id %s: %w", r.q.TransactionalID(), err)
	}
	return nil
}

// take looks at one letter of the queue.
func (r *replay) take(ctx context.Context, m marks, l *Letter) error {
	if r.gaps == nil {
		r.gaps, r.skipped = map[Place]bool{}, map[int32]bool{}
	}
	if !r.o.Filter.Match(l) {
		r.skipped[l.Partition] = true
		return nil
	}
	r.res.Matched++
	if m.has(l.Place) {
		r.res.Already++
		r.skipped[l.Partition] = true
		return nil
	}
	if r.o.Limit > 0 && r.taken >= r.o.Limit {
		if err := r.flush(ctx); err != nil {
			return err
		}
		return errEnough
	}
	r.taken++
	if r.skipped[l.Partition] {
		r.gaps[l.Place] = true
		r.skipped[l.Partition] = false
	}
	r.chunk = append(r.chunk, l)
	if len(r.chunk) < r.o.Chunk {
		return nil
	}
	return r.flush(ctx)
}

// flush delivers and marks the chunk.
func (r *replay) flush(ctx context.Context) error {
	if len(r.chunk) == 0 {
		return nil
	}
	defer func() {
		r.chunk = r.chunk[:0]
		clear(r.gaps) // a run of marks never spans two chunks
	}()
	if r.o.DryRun {
		r.res.Replayed += len(r.chunk)
		return ctx.Err()
	}
	if err := r.pace(ctx); err != nil {
		return err
	}
	if err := r.producer.Begin(); err != nil {
		return r.fenced("begin the transaction of the replay", err)
	}
	out := &sends{ctx: ctx, producer: r.producer}
	errs, err := r.d.Deliver(ctx, r.chunk, out.send)
	if err == nil {
		err = r.mark(errs, out)
	}
	if err != nil {
		return errors.Join(err, r.producer.Abort(context.WithoutCancel(ctx)))
	}
	// What was delivered is marked even when the replay is to end now.
	if err := r.producer.Commit(context.WithoutCancel(ctx)); err != nil {
		return r.fenced("commit which letters were replayed", err)
	}
	r.count(errs)
	if r.o.Progress != nil {
		r.o.Progress(r.res)
	}
	return ctx.Err()
}

func (r *replay) fenced(what string, err error) error {
	if kafka.IsFenced(err) {
		return ErrFenced
	}
	return fmt.Errorf("%s: %w", what, err)
}

// pace waits until the rate allows the chunk.
func (r *replay) pace(ctx context.Context) error {
	if r.o.Rate <= 0 {
		return ctx.Err()
	}
	due := r.begun.Add(time.Duration(float64(r.taken-len(r.chunk)) / r.o.Rate * float64(time.Second)))
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mark writes the places of the letters that were delivered into the transaction.
func (r *replay) mark(errs []error, out *sends) error {
	byPartition := map[int32][]Place{}
	failed := map[int32]bool{}
	gap := map[Place]bool{}
	for i, l := range r.chunk {
		if i < len(errs) && errs[i] != nil {
			failed[l.Partition] = true
			continue
		}
		if failed[l.Partition] || r.gaps[l.Place] {
			gap[l.Place] = true
			failed[l.Partition] = false
		}
		byPartition[l.Partition] = append(byPartition[l.Partition], l.Place)
	}
	v := markValue{Connector: r.o.Filter.Connector, How: r.o.How, At: time.Now().UnixMilli()}
	for _, places := range byPartition {
		for _, rec := range r.q.records(places, func(_, b Place) bool { return !gap[b] }, v) {
			out.send(rec)
		}
	}
	return out.wait()
}

func (r *replay) count(errs []error) {
	for i, l := range r.chunk {
		if i < len(errs) && errs[i] != nil {
			r.res.Failed++
			if len(r.res.Failures) < maxFailures {
				r.res.Failures = append(r.res.Failures, Failure{l.Place, errs[i]})
			}
			continue
		}
		r.res.Replayed++
	}
}

// sends are the records of one transaction.
type sends struct {
	ctx      context.Context
	producer *kafka.Producer
	errs     []chan error
}

func (s *sends) send(r *kafka.Record) {
	got := make(chan error, 1)
	s.errs = append(s.errs, got)
	s.producer.Produce(s.ctx, r, func(_ *kafka.Record, err error) { got <- err })
}

func (s *sends) wait() error {
	var first error
	for _, c := range s.errs {
		if err := <-c; err != nil && first == nil {
			first = fmt.Errorf("write a record of the replay: %w", err)
		}
	}
	return first
}

// ToTopic replays by producing the original record: to the topic given, or to the one it came from.
type ToTopic struct{ Topic string }

// Deliver implements Deliverer: records and marks are one transaction.
func (t ToTopic) Deliver(_ context.Context, letters []*Letter, send func(*kafka.Record)) ([]error, error) {
	errs := make([]error, len(letters))
	for i, l := range letters {
		topic := t.Topic
		if topic == "" {
			topic = l.Topic
		}
		if topic == "" {
			errs[i] = errors.New("the letter does not say which topic it came from; name one")
			continue
		}
		send(&kafka.Record{Topic: topic, Partition: kafka.AnyPartition, Timestamp: l.Time, Key: l.Key, Value: l.Value, Headers: l.Headers})
	}
	return errs, nil
}

// Plus adds what another replay did.
func (r Result) Plus(o Result) Result {
	r.Matched += o.Matched
	r.Already += o.Already
	r.Replayed += o.Replayed
	r.Failed += o.Failed
	r.Failures = append(r.Failures[:len(r.Failures):len(r.Failures)], o.Failures...)
	return r
}
