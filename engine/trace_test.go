// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/kafka"
)

func TestAsFault(t *testing.T) {
	f := func(err error, class, message string) {
		t.Helper()
		if got := asFault(err); got.Class != class || got.Error() != message {
			t.Errorf("%v is %s: %s; want %s: %s", err, got.Class, got.Error(), class, message)
		}
	}
	f(errors.New("plain"), batch.ConnectException, "plain")
	f(batch.DataFault("bad"), batch.DataException, "bad")
	f(wrap("while reading", batch.DataFault("bad")), batch.DataException, "while reading: bad")
	f(config.Invalid("k", "v", "no"), config.ExceptionClass, "Invalid value v for configuration k: no")
	f(&kafka.UnknownTopicError{Topic: "t", After: time.Second}, batch.TimeoutException, "Topic t not present in metadata after 1000 ms.")
}

func TestTraces(t *testing.T) {
	f := func(err error, first, second string, also ...string) {
		t.Helper()
		lines := strings.SplitN(batch.Trace(err), "\n", 3)
		if !strings.HasPrefix(lines[0], first) || !strings.HasPrefix(lines[1], second) {
			t.Errorf("trace %q", lines)
		}
		for _, part := range also {
			if !strings.Contains(lines[0], part) {
				t.Errorf("the first line lacks %q: %s", part, lines[0])
			}
		}
	}
	b := batch.New()
	b.Load([]batch.Record{{Topic: "orders", Partition: batch.NoPartition, Timestamp: batch.NoTimestamp}}, false)
	b.AddMark(b.Slab.AppendText(`{"f":1}`), b.Slab.AppendText(`{"o":2}`))
	gone := &kafka.UnknownTopicError{Topic: "orders", After: time.Second}
	const timeout = "org.apache.kafka.common.errors.TimeoutException: Topic orders not present in metadata after 1000 ms."
	f(produceFailed(b, 0, gone), batch.ConnectException+": Unrecoverable exception from producer send callback: "+timeout,
		"Caused by: "+timeout, "KAFKA_PRODUCE", `{"f":1}`, `{"o":2}`, "errors.tolerance=all")
	f(noQueue("dead", dlqTopicKey, 3, gone), batch.ConnectException+": Could not initialize dead letter queue with topic=dead: "+timeout,
		"Caused by: java.util.concurrent.ExecutionException: "+timeout, dlqTopicKey, dlqReplicationKey+"=3")
	s := &sourceTask{t: &Task{id: "c-0"}}
	f(s.pollFailed(batch.NewFault("java.sql.SQLException", "no table")), "java.sql.SQLException: no table, at TASK_POLL of task c-0", "")
}
