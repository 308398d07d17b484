// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/dlq"
	"github.com/penstock-io/penstock/internal/kafka"
)

// sourceLetters makes letters of a source's records. Such a record has no bytes yet, and those that the connector's own
// converters would make may be what failed: key and value are written as JSON with a schema, which can hold whatever a
// source may poll and is read back to the same values by a replay.
//
// A letter holds the record as it was polled. Transforms change batches in place, so a task with transforms and a dead
// letter queue reads every record out before the first transform: the price of the option.
type sourceLetters struct {
	key, value codec.Converter
	head       codec.HeaderConverter

	mu   sync.Mutex
	kept map[*batch.Batch][]batch.Record // as polled, while the batch is under way
}

const (
	letterConverter = "org.apache.kafka.connect.json.JsonConverter"
)

func newSourceLetters(t *Task) (*sourceLetters, error) {
	l := &sourceLetters{kept: map[*batch.Batch][]batch.Record{}}
	var err error
	if l.key, err = letterJSON(batch.Key); err != nil {
		return nil, err
	}
	if l.value, err = letterJSON(batch.Value); err != nil {
		return nil, err
	}
	head, err := t.headerConverter()
	l.head = head.HeaderConverter
	return l, err
}

// letterJSON is the converter of the letters of sources.
func letterJSON(side batch.Side) (codec.Converter, error) {
	p, _, ok := codec.Registry.Lookup(letterConverter)
	if !ok {
		return nil, unknownClass(sourceDLQKey, letterConverter, "")
	}
	v, err := p.Def.ParseStrings(map[string]string{"converter.type": side.String(), "schemas.enable": "true"})
	if err != nil {
		return nil, fmt.Errorf("configure the converter of letters: %w", err)
	}
	return p.New(v, side)
}

// keep reads the records out of a polled batch, before transforms change it.
func (l *sourceLetters) keep(b *batch.Batch) {
	records := make([]batch.Record, b.N)
	for row := range records {
		records[row] = b.RecordAt(row)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept[b] = records
}

// forget drops what keep read.
func (l *sourceLetters) forget(b *batch.Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.kept, b)
}

// polled is a row as it was polled.
func (l *sourceLetters) polled(b *batch.Batch, row int) batch.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	if kept := l.kept[b]; row < len(kept) {
		return kept[row]
	}
	return b.RecordAt(row)
}

// fill writes a row into a letter. A value that JSON cannot hold leaves the letter without it, and is an error.
func (l *sourceLetters) fill(r *kafka.Record, b *batch.Batch, row int) error {
	rec := l.polled(b, row)
	one := batch.New()
	one.Load([]batch.Record{rec}, false)
	l.mu.Lock() // converters are of one goroutine at a time
	defer l.mu.Unlock()
	for _, err := range []error{l.key.Encode(one, batch.Key), l.value.Encode(one, batch.Value), l.head.EncodeHeaders(one)} {
		if err != nil {
			return fmt.Errorf("write the record as a letter: %w", err)
		}
	}
	if len(one.Errs) > 0 {
		return fmt.Errorf("write the record as a letter: %w", one.Errs[0].Err)
	}
	r.Key, r.Value = clone(one.Encoded(batch.Key, 0)), clone(one.Encoded(batch.Value, 0))
	for _, h := range one.Headers.Of(0) {
		r.Headers = append(r.Headers, kafka.Header{Key: h.Key, Value: clone(one.Slab.Bytes(h.Raw))})
	}
	return nil
}

// headers say where the record was meant to go, and where the source read it.
func (l *sourceLetters) headers(b *batch.Batch, row int) []kafka.Header {
	rec := l.polled(b, row)
	hs := []kafka.Header{{Key: dlq.HeaderTopic, Value: []byte(rec.Topic)}}
	if rec.Partition != batch.NoPartition {
		hs = append(hs, kafka.Header{Key: dlq.HeaderPartition, Value: []byte(strconv.Itoa(int(rec.Partition)))})
	}
	for _, m := range b.Marks {
		if row < m.End {
			return append(hs, kafka.Header{Key: dlq.HeaderSourcePartition, Value: clone(b.Slab.Bytes(m.Partition))},
				kafka.Header{Key: dlq.HeaderSourceOffset, Value: clone(b.Slab.Bytes(m.Offset))})
		}
	}
	return append(hs, kafka.Header{Key: dlq.HeaderSourcePartition, Value: []byte("{}")})
}

// keep is sourceLetters.keep when there are letters and transforms.
func (s *stages) keep(b *batch.Batch) {
	if s.tol.letters != nil && s.chain.Len() > 0 {
		s.tol.letters.source.keep(b)
	}
}

// release gives a batch back, and what was kept of it.
func (s *sourceTask) release(b *batch.Batch) {
	if l := s.stages.tol.letters; l != nil {
		l.source.forget(b)
	}
	b.Release()
}

// refused deals with rows that the producer could not write; the others of the batch are safe. It is called by the
// producer and must not block: letters are written elsewhere.
func (s *sourceTask) refused(b *batch.Batch, flight *inFlight, errs []kafka.RowError) {
	first := errs[0]
	for _, e := range errs {
		if e.Row < first.Row {
			first = e
		}
	}
	if s.txn != nil {
		// Part of the batch may be in the transaction, which therefore cannot be committed. Tolerance does not apply.
		s.fail(produceFailed(b, first.Row, first.Err))
		s.release(b)
		return
	}
	if errors.Is(first.Err, context.Canceled) || errors.Is(first.Err, kafka.ErrClosed) {
		s.release(b)
		return // the task is ending: not acknowledged, sent again after its restart
	}
	m, tol := &s.t.metrics, &s.stages.tol
	if !tol.all {
		s.fail(produceFailed(b, first.Row, first.Err))
		s.release(b)
		return
	}
	// KIP-779: with errors.tolerance=all a record that the broker refuses is reported and skipped.
	m.recordFailures.Add(int64(len(errs)))
	m.recordsSkipped.Add(int64(len(errs)))
	m.lastError.Store(time.Now().UnixMilli())
	failed := make([]batch.RowError, len(errs))
	for i, e := range errs {
		failed[i] = batch.RowError{Row: e.Row, Stage: batch.KafkaProduce, Class: workerSourceTask, Err: asFault(e.Err)}
	}
	slices.SortFunc(failed, func(x, y batch.RowError) int { return x.Row - y.Row })
	s.setAside.Go(func() {
		defer s.release(b)
		if err := tol.report(s.t.ctx, s.t, b, failed); err != nil {
			s.fail(err)
			return
		}
		flight.ack()
	})
}

// workerSourceTask is the class that Connect names for records that were not produced.
const workerSourceTask = "org.apache.kafka.connect.runtime.WorkerSourceTask"
