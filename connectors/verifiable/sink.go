// SPDX-License-Identifier: Apache-2.0

package verifiable

import (
	"context"
	"strconv"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
)

// sink prints each record when it comes, and again when it is flushed (VerifiableSinkTask).
type sink struct {
	name      string
	id        int
	unflushed []line
}

// Open reads the task's number.
func (s *sink) Open(_ context.Context, c connectors.TaskContext) error {
	s.name = c.Config["name"]
	var err error
	if s.id, err = strconv.Atoi(c.Config["id"]); err != nil {
		return config.Invalid("id", c.Config["id"], "must be the number of the task")
	}
	return nil
}

// Put prints the rows.
func (s *sink) Put(_ context.Context, batches []*batch.Batch) error {
	now := time.Now().UnixMilli()
	for _, b := range batches {
		for row := range b.N {
			if b.IsDead(row) {
				continue
			}
			_, key := b.ValueAt(batch.Key, row)
			_, value := b.ValueAt(batch.Value, row)
			l := line{Name: s.name, Task: key, SinkTask: &s.id, Topic: b.Topics.At(row), TimeMs: now, Seqno: value}
			offset := b.Offset[row] // the batch's memory is reused after Put
			l.Offset = &offset
			printLine(l)
			s.unflushed = append(s.unflushed, l)
		}
	}
	return nil
}

// Flush prints the rows put since the last one.
func (s *sink) Flush(context.Context) error {
	now := time.Now().UnixMilli()
	for _, l := range s.unflushed {
		l.TimeMs, l.Flushed = now, true
		printLine(l)
	}
	s.unflushed = s.unflushed[:0]
	return nil
}

// Close does nothing.
func (s *sink) Close() error { return nil }
