// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-io/penstock/batch"
)

// tolerance is what a connector does about rows that fail (KIP-298). Stages only mark such rows; here they are judged.
type tolerance struct {
	all           bool // errors.tolerance=all
	logErrors     bool // errors.log.enable
	logMessages   bool // errors.log.include.messages
	retryTimeout  time.Duration
	retryDelayMax time.Duration
	retryMax      int                                         // penstock.errors.retry.max; -1: no bound
	isolate       bool                                        // penstock.errors.put.isolate
	letters       *deadLetters                                // nil: no dead letter queue
	seen          func(b *batch.Batch, errs []batch.RowError) // of a replay: who hears of failed rows; else nil
}

// newTolerance reads the errors.* keys; they were validated with the connector's configuration.
func newTolerance(cfg map[string]string) tolerance {
	t := tolerance{retryDelayMax: time.Minute, retryMax: -1}
	t.all = cfg["errors.tolerance"] == "all"
	t.logErrors = isTrue(cfg["errors.log.enable"])
	t.logMessages = isTrue(cfg["errors.log.include.messages"])
	if n, err := strconv.ParseInt(strings.TrimSpace(cfg["errors.retry.timeout"]), 10, 64); err == nil {
		t.retryTimeout = time.Duration(n) * time.Millisecond
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(cfg["errors.retry.delay.max.ms"]), 10, 64); err == nil {
		t.retryDelayMax = time.Duration(n) * time.Millisecond
	}
	return t
}

// extend reads our own keys and opens the dead letter queue, if there is one.
func (t *tolerance) extend(ctx context.Context, task *Task) error {
	v, err := task.ownKeys()
	if err != nil {
		return err
	}
	t.isolate, t.retryMax = v.Bool(isolateKey), int(v.Int(retryMaxKey))
	t.letters, err = newDeadLetters(ctx, task, v)
	return err
}

// judge looks at the rows of b that failed: it reports them, and returns an error when they are not tolerated. Java
// works row by row, so the lowest row is the one that fails the task, and the only one that is reported then.
func (t *tolerance) judge(ctx context.Context, task *Task, b *batch.Batch) error {
	if len(b.Errs) == 0 {
		return nil
	}
	b.SortErrs()
	reported := b.Errs
	if !t.all {
		reported = reported[:1]
	}
	m, n := &task.metrics, int64(len(reported))
	m.recordErrors.Add(n)
	m.recordFailures.Add(n)
	m.lastError.Store(time.Now().UnixMilli())
	if err := t.report(ctx, task, b, reported); err != nil {
		return err
	}
	if !t.all {
		return exceeded(task, b, &reported[0])
	}
	m.recordsSkipped.Add(n)
	return nil
}

// report logs failed rows and writes them to the dead letter queue. The error is that of a queue that took not all.
func (t *tolerance) report(ctx context.Context, task *Task, b *batch.Batch, errs []batch.RowError) error {
	if t.logErrors {
		for i := range errs {
			t.log(task, b, &errs[i])
		}
	}
	if t.seen != nil {
		t.seen(b, errs)
	}
	if t.letters == nil {
		return nil
	}
	return t.letters.report(ctx, b, errs)
}

// place names the record of a row.
func place(b *batch.Batch, row int) string {
	if len(b.Offset) > 0 {
		return fmt.Sprintf("the record at %s-%d offset %d", b.Origin.Topic, b.Origin.Partition, b.Offset[row])
	}
	for _, m := range b.Marks {
		if row < m.End {
			return fmt.Sprintf("a record for topic %s, row %d of the batch from %s up to %s", b.Topics.At(row), row, b.Slab.Bytes(m.Partition), b.Slab.Bytes(m.Offset))
		}
	}
	return fmt.Sprintf("a record for topic %s", b.Topics.At(row))
}

// timestampType is the name of org.apache.kafka.common.record.TimestampType.
func timestampType(t batch.TimestampType) string {
	if t == batch.CreateTime {
		return "CreateTime"
	}
	return "LogAppendTime"
}

// log is Connect's LogReporter, with its sentence. Payloads are never logged, also not those of sources: with
// include.messages the record's coordinates are.
func (t *tolerance) log(task *Task, b *batch.Batch, e *batch.RowError) {
	var s strings.Builder
	fmt.Fprintf(&s, "Error encountered in task %s. Executing stage '%s' with class '%s'", task.id, e.Stage, e.Class)
	if t.logMessages && len(b.Offset) > 0 {
		fmt.Fprintf(&s, ", where consumed record is {topic='%s', partition=%d, offset=%d", b.Origin.Topic, b.Origin.Partition, b.Offset[e.Row])
		if ts := b.TimestampAt(e.Row); b.TimestampType != batch.NoTimestampType {
			fmt.Fprintf(&s, ", timestamp=%d, timestampType=%s", ts, timestampType(b.TimestampType))
		}
		s.WriteByte('}')
	} else if t.logMessages {
		s.WriteString(", where source record is " + place(b, e.Row))
	}
	s.WriteByte('.')
	task.metrics.errorsLogged.Add(1)
	task.o.Log.Error(s.String(), slog.String("exception", batch.ClassOf(e.Err)), slog.Any("err", e.Err))
}

// retry repeats a stage that failed with a retriable error (RetryWithToleranceOperator.execAndRetry): up to
// errors.retry.timeout, or penstock.errors.retry.max times, whichever ends first.
func (s *stages) retry(ctx context.Context, err error, run func() error) error {
	t, m := &s.tol, &s.task.metrics
	started := time.Now()
	for attempt := 0; batch.IsRetriable(err); attempt++ {
		wait, ok := t.again(attempt, time.Since(started))
		if !ok {
			return err
		}
		m.recordFailures.Add(1)
		if !sleep(ctx, wait) {
			return context.Cause(ctx)
		}
		m.retries.Add(1)
		err = run()
	}
	return err
}

// failAll fails what is alive of a batch.
func failAll(b *batch.Batch, stage batch.Stage, err error) {
	f := asFault(err)
	if f.Class == batch.ConnectException {
		f = &batch.Fault{Class: batch.RetriableException, Message: f.Message, Cause: f.Cause}
	}
	for row := range b.N {
		b.Fail(row, stage, f)
	}
}

// again says how long to wait before a retry, and whether there is one.
func (t *tolerance) again(attempt int, spent time.Duration) (time.Duration, bool) {
	if t.retryMax >= 0 && attempt >= t.retryMax {
		return 0, false
	}
	wait := t.delay(attempt)
	switch {
	case t.retryTimeout < 0, t.retryTimeout == 0 && t.retryMax > 0:
		return wait, true
	case spent >= t.retryTimeout:
		return 0, false
	}
	return min(wait, t.retryTimeout-spent), true
}

// delay is the wait before a retry: 300 ms doubling; past the maximum a random part of it.
func (t *tolerance) delay(attempt int) time.Duration {
	d := 300 * time.Millisecond << min(attempt, 30)
	if d > t.retryDelayMax {
		if t.retryDelayMax <= 0 {
			return 0
		}
		d = rand.N(t.retryDelayMax)
	}
	return d
}

// stage is the stage that a step stands for.
func (st *step) stage() batch.Stage {
	switch st.kind {
	case decodeKey, encodeKey:
		return batch.KeyConverter
	case decodeValue, encodeValue:
		return batch.ValueConverter
	case decodeHeaders, encodeHeaders:
		return batch.HeaderConverter
	case transform:
	}
	return batch.Transformation
}
