// SPDX-License-Identifier: Apache-2.0

package verifiable

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
)

var completeSchema = batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
	{Name: "name", Schema: batch.StringSchema}, {Name: "task", Schema: batch.Int32Schema}, {Name: "topic", Schema: batch.StringSchema},
	{Name: "time_ms", Schema: batch.Int64Schema}, {Name: "seqno", Schema: batch.Int64Schema},
}})

// line is what both tasks print, a JSON object a line. Field order is that of Java's map there.
type line struct {
	Seqno     any    `json:"seqno"`
	Name      string `json:"name"`
	Task      any    `json:"task"`
	Topic     string `json:"topic"`
	TimeMs    int64  `json:"time_ms"`
	SinkTask  *int   `json:"sinkTask,omitempty"`
	Offset    *int64 `json:"offset,omitempty"`
	Committed bool   `json:"committed,omitempty"`
	Flushed   bool   `json:"flushed,omitempty"`
}

func printLine(l line) {
	text, err := json.Marshal(l)
	if err != nil { // a value that JSON cannot hold
		text = []byte(strconv.Quote("Bad data can't be written as json: " + err.Error()))
	}
	_, _ = os.Stdout.Write(append(text, '\n'))
}

// source emits (task id, sequence number) at a rate (VerifiableSourceTask): throughput records per second, below 0 as
// fast as possible.
type source struct {
	ctx        connectors.TaskContext
	name       string
	topic      string
	id         int
	throughput int64
	complete   bool
	seqno      int64
	sent       int64
	printed    int64 // seqno up to which "committed" lines were printed
	started    time.Time
	partition  []byte
}

// Open goes on after the stored sequence number.
func (s *source) Open(ctx context.Context, c connectors.TaskContext) error {
	s.ctx, s.name, s.topic, s.started = c, c.Config["name"], c.Config["topic"], time.Now()
	var err error
	if s.id, err = strconv.Atoi(c.Config["id"]); err != nil {
		return config.Invalid("id", c.Config["id"], "must be the number of the task")
	}
	if s.throughput, err = strconv.ParseInt(c.Config["throughput"], 10, 64); err != nil {
		return config.Invalid("throughput", c.Config["throughput"], "must be a number of records per second, -1 for no limit")
	}
	s.complete = c.Config["complete.record.data"] == "true"
	s.partition = fmt.Appendf(nil, `{"id":%d}`, s.id)
	stored, err := c.Offset(ctx, s.partition)
	if err != nil || stored == nil {
		return err
	}
	var o struct{ Seqno int64 }
	if err := json.Unmarshal(stored, &o); err != nil {
		return fmt.Errorf("the stored offset of task %d is %s: %w", s.id, stored, err)
	}
	s.seqno = o.Seqno + 1
	s.printed = s.seqno
	return nil
}

// Poll emits what is due.
func (s *source) Poll(ctx context.Context, b *batch.Batch) error {
	n := int64(batch.MaxRows / 4)
	if s.throughput >= 0 {
		due := int64(time.Since(s.started).Seconds()*float64(s.throughput)) - s.sent
		if due <= 0 {
			wait := time.Second
			if s.throughput > 0 {
				wait = min(wait, time.Second/time.Duration(s.throughput))
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
			return nil
		}
		n = min(n, due)
	}
	s.fill(b, int(n))
	return nil
}

func (s *source) fill(b *batch.Batch, n int) {
	now := time.Now().UnixMilli()
	b.N = n
	schema := batch.Int64Schema
	if s.complete {
		schema = completeSchema
	}
	root := b.NewColumn(schema)
	name, topic := uint64(b.Slab.AppendText(s.name)), uint64(b.Slab.AppendText(s.topic))
	for i := range int64(n) {
		if s.complete {
			for k, cell := range []uint64{name, uint64(s.id), topic, uint64(now), uint64(s.seqno + i)} {
				root.Kids[k].Push(cell)
			}
			root.PushValid()
		} else {
			root.Push(batch.IntCell(s.seqno + i))
		}
		b.Timestamp = append(b.Timestamp, batch.NoTimestamp)
		printLine(line{Name: s.name, Task: s.id, Topic: s.topic, TimeMs: now, Seqno: s.seqno + i})
	}
	b.Value.Set(schema, root)
	b.Key.Set(batch.Int32Schema, b.NewConst(batch.Int32Schema, batch.IntCell(int64(s.id)), n))
	b.Topics.Set(s.topic)
	s.seqno += int64(n)
	s.sent += int64(n)
	offset := b.Slab.AppendText(`{"seqno":` + strconv.FormatInt(s.seqno-1, 10) + `}`)
	b.AddMark(b.Slab.Append(s.partition), offset)
}

// Commit prints what is safe.
func (s *source) Commit(_ context.Context, offsets map[string]string) error {
	var o struct{ Seqno int64 }
	if err := json.Unmarshal([]byte(offsets[string(s.partition)]), &o); err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	for ; s.printed <= o.Seqno; s.printed++ {
		printLine(line{Name: s.name, Task: s.id, Topic: s.topic, TimeMs: now, Seqno: s.printed, Committed: true})
	}
	return nil
}

// Close does nothing.
func (s *source) Close() error { return nil }
