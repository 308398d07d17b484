// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"log/slog"
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
	letters       *deadLetters // nil: no dead letter queue
}

// newTolerance reads the errors.* keys; they were validated with the connector's configuration.
func newTolerance(cfg map[string]string) tolerance {
	t := tolerance{retryDelayMax: time.Minute}
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

// judge looks at the rows of b that failed: it reports them, and returns an error when they are not tolerated. Java
// works row by row, so the lowest row is the one that fails the task, and the only one that is reported then.
func (t *tolerance) judge(ctx context.Context, task *Task, b *batch.Batch) error {
	if len(b.Errs) == 0 {
		return nil
	}
	b.SortErrs()
	m := &task.metrics
	m.recordErrors.Add(int64(len(b.Errs)))
	m.lastError.Store(time.Now().UnixMilli())
	reported := b.Errs
	if !t.all {
		reported = reported[:1]
	}
	if t.logErrors {
		for i := range reported {
			t.log(task, b, &reported[i])
		}
	}
	if t.letters != nil {
		t.letters.report(ctx, b, reported)
	}
	if !t.all {
		m.recordFailures.Add(1)
		return exceeded(b, &reported[0])
	}
	m.recordFailures.Add(int64(len(b.Errs)))
	m.recordsSkipped.Add(int64(len(b.Errs)))
	return nil
}

// exceeded is the failure of a task whose tolerance is used up: the cause and its place come first.
func exceeded(b *batch.Batch, e *batch.RowError) error {
	text := fmt.Sprintf("Tolerance exceeded in error handler: %s at %s of %s: %s: %s. Mend the record or the configuration and restart the task, "+
		"or set errors.tolerance=all to skip such records", e.Class, e.Stage, place(b, e.Row), batch.ClassOf(e.Err), e.Err.Error())
	return &batch.Fault{Class: batch.ConnectException, Message: text, Cause: e.Err}
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

// log is Connect's LogReporter. Payloads are never logged: with include.messages the record's coordinates are.
func (t *tolerance) log(task *Task, b *batch.Batch, e *batch.RowError) {
	attrs := []any{"stage", e.Stage.String(), "class", e.Class, "err", e.Err, "exception", batch.ClassOf(e.Err)}
	if t.logMessages {
		attrs = append(attrs, "topic", b.Topics.At(e.Row), "partition", b.PartitionAt(e.Row), "timestamp", b.TimestampAt(e.Row))
		if len(b.Offset) > 0 {
			attrs = append(attrs, slog.String("source_topic", b.Origin.Topic), slog.Int64("offset", b.Offset[e.Row]))
		}
	}
	task.metrics.errorsLogged.Add(1)
	task.o.Log.Error("error encountered in task", attrs...)
}
