// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/kafka"
)

// A failed task shows a trace: on the first line the exception that Connect shows, the cause, the stage, the record and
// what to do about it; below it the causes, "Caused by:" each. Tools that read the first line's class find Connect's.

// asFault is an error under its Java class: a Fault as it is, Kafka's errors by their exception, anything else as a
// ConnectException. Its message is the whole of err's.
func asFault(err error) *batch.Fault {
	var f *batch.Fault
	if errors.As(err, &f) {
		if f.Error() == err.Error() {
			return f
		}
		return &batch.Fault{Class: f.Class, Message: err.Error(), Cause: f.Cause}
	}
	var named interface{ JavaClass() string }
	if errors.As(err, &named) {
		return &batch.Fault{Class: named.JavaClass(), Message: err.Error()}
	}
	if class, message, ok := kafka.JavaError(err); ok {
		return &batch.Fault{Class: class, Message: message}
	}
	return batch.NewFault(batch.ConnectException, err.Error())
}

// because puts an exception around a cause. The message is Connect's own, then the cause, then where, then what to do.
func because(message string, err error, where, advice string) error {
	cause := asFault(err)
	text := message + ": " + cause.Class
	if m := cause.Error(); m != "" {
		text += ": " + m
	}
	if where != "" {
		text += ", " + where
	}
	if advice != "" {
		text += ". " + advice
	}
	return &batch.Fault{Class: batch.ConnectException, Message: text, Cause: cause}
}

// exceeded is the failure of a task whose tolerance is used up: the cause and its place come first.
func exceeded(t *Task, b *batch.Batch, e *batch.RowError) error {
	advice := "Mend the record or the configuration and restart the task, or set errors.tolerance=all to skip such records"
	if t.o.Config[dlqTopicKey] == "" {
		advice += " and errors.deadletterqueue.topic.name to keep them"
	}
	text := fmt.Sprintf("Tolerance exceeded in error handler: %s at %s of %s: %s: %s. %s", e.Class, e.Stage, place(b, e.Row),
		batch.ClassOf(e.Err), e.Err.Error(), advice)
	return &batch.Fault{Class: batch.ConnectException, Message: text, Cause: e.Err}
}

// putFailed is the failure of a sink task by its Put.
func (s *sinkTask) putFailed(err error) error {
	where := fmt.Sprintf("at %s of task %s", batch.TaskPut, s.t.id)
	d := &s.deliver
	for i, it := range d.pending {
		sep := ","
		if i == 0 {
			sep = ", while putting"
		}
		where += fmt.Sprintf("%s %s offsets %d to %d", sep, it.tp, it.b.Origin.First, it.b.Origin.Last)
	}
	advice := "These offsets are not committed; mend the cause and restart the task"
	if !s.stages.tol.isolate {
		advice += ", or set " + isolateKey + "=true to find the record at fault"
	}
	return because("Exiting WorkerSinkTask due to unrecoverable exception.", err, where, advice)
}

// produceFailed is the failure of a source task by its producer.
func produceFailed(b *batch.Batch, row int, err error) error {
	return because("Unrecoverable exception from producer send callback", err, fmt.Sprintf("at %s of %s", batch.KafkaProduce, place(b, row)),
		"The source's offsets stop before it; mend the cause and restart the task, or set errors.tolerance=all to skip such records")
}

// pollFailed is the failure of a source task by its Poll. Connect shows the connector's own exception.
func (s *sourceTask) pollFailed(err error) error {
	f := asFault(err)
	text := f.Error()
	if text != "" {
		text += ", "
	}
	return &batch.Fault{Class: f.Class, Cause: f.Cause, Message: fmt.Sprintf("%sat %s of task %s. What was polled before is produced and its offsets are stored; "+
		"mend the cause and restart the task", text, batch.TaskPoll, s.t.id)}
}
