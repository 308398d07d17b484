// SPDX-License-Identifier: Apache-2.0

// Package datagen is a source of made-up records with a schema: for a first look, demonstrations and load.
//
// Row n of a task depends on nothing but the seed, the task's number and n, so a stream can be made again, and a restart
// goes on where the stored offset is: partition {"task":T}, offset {"n":N}, the number of the last row.
package datagen

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
)

var table = config.Def{
	config.String("topic").Required().NonEmpty().High().Doc("The topic to publish to"),
	config.String("template").Default("orders").In("orders", "users", "clicks", "events").High().Doc("What the records look like: orders, users, clicks or, for benchmarks, events"),
	config.Double("rate").Default(float64(10)).Doc("Records per second and task; 0 for as fast as possible"),
	config.Long("count").Default(int64(-1)).Doc("How many records each task makes in all; -1 for no end"),
	config.Long("seed").Default(int64(1)).Doc("Another seed gives other records; the same seed the same ones"),
	config.Long("start.time.ms").Default(int64(-1)).Doc("Time of the first record, in milliseconds since the epoch; -1 for the time of the start. Records are a second apart"),
}

func init() {
	connectors.Register("io.penstock.connect.DatagenSourceConnector", connectors.Plugin{
		Kind: connectors.SourceKind, Def: table, TaskClass: "io.penstock.connect.DatagenSourceTask",
		NewConnector: func(cfg map[string]string) (connectors.Connector, error) {
			return &connector{connectors.PerTask(cfg)}, nil
		},
		NewSource: func() connectors.Source { return &source{} },
	})
}

// taskKey tells a task its number, which is part of its source partition.
const taskKey = "penstock.datagen.task"

type connector struct{ connectors.Connector }

// TaskConfigs numbers the tasks.
func (c *connector) TaskConfigs(max int) ([]map[string]string, error) {
	tasks, err := c.Connector.TaskConfigs(max)
	for i := range tasks {
		tasks[i] = maps.Clone(tasks[i])
		tasks[i][taskKey] = strconv.Itoa(i)
	}
	return tasks, err
}

type source struct {
	topic    string
	template *template
	rate     float64
	count    int64
	seed     uint64
	startMs  int64

	next      int64 // number of the next row
	began     time.Time
	emitted   int64 // since began
	partition []byte
}

// Open reads the configuration and goes on after the stored row.
func (s *source) Open(ctx context.Context, c connectors.TaskContext) error {
	v, err := table.ParseStrings(c.Config)
	if err != nil {
		return err
	}
	task, _ := strconv.Atoi(c.Config[taskKey])
	s.topic, s.rate, s.count, s.startMs = v.String("topic"), v.Double("rate"), v.Long("count"), v.Long("start.time.ms")
	s.template = templates[v.String("template")]
	s.seed = uint64(v.Long("seed"))<<16 + uint64(task)
	s.began = time.Now()
	if s.startMs < 0 {
		s.startMs = s.began.UnixMilli()
	}
	s.partition = fmt.Appendf(nil, `{"task":%d}`, task)
	stored, err := c.Offset(ctx, s.partition)
	if err != nil || stored == nil {
		return err
	}
	var o struct{ N *int64 }
	if err := json.Unmarshal(stored, &o); err != nil || o.N == nil {
		return fmt.Errorf("the stored offset %s has no row number n", stored)
	}
	s.next = *o.N + 1
	return nil
}

// burst is how many rows a batch gets at most when there is no rate to keep.
const burst = batch.MaxRows / 2

// Poll makes the rows that are due.
func (s *source) Poll(ctx context.Context, b *batch.Batch) error {
	n := int64(burst)
	wait := time.Duration(0)
	if s.count >= 0 {
		if n = min(n, s.count-s.next); n <= 0 {
			n, wait = 0, time.Second
		}
	}
	if s.rate > 0 && n > 0 {
		due := int64(time.Since(s.began).Seconds()*s.rate) + 1 - s.emitted
		if n = min(n, due); n <= 0 {
			n, wait = 0, min(time.Second, time.Duration(float64(time.Second)/s.rate))
		}
	}
	if n == 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		return nil
	}
	s.fill(b, int(n))
	return nil
}

func (s *source) fill(b *batch.Batch, n int) {
	b.N = n
	root := b.NewColumn(s.template.schema)
	if s.template.fill != nil {
		s.template.fill(b, root, s.next, n)
	} else {
		for i := range int64(n) {
			row := s.next + i
			at := s.startMs + row*1000
			s.template.row(b, root, rng(s.seed, uint64(row)), row, at)
			root.PushValid()
		}
	}
	for range n {
		b.Timestamp = append(b.Timestamp, batch.NoTimestamp)
	}
	key := b.NewColumn(root.Kids[0].Schema)
	key.W = append(key.W, root.Kids[0].W...)
	key.N = n
	b.Key.Set(key.Schema, key)
	b.Value.Set(s.template.schema, root)
	b.Topics.Set(s.topic)
	s.next += int64(n)
	s.emitted += int64(n)
	b.AddMark(b.Slab.Append(s.partition), batch.View(joined(b, `{"n":`, s.next-1, "}")))
}

// Close does nothing.
func (s *source) Close() error { return nil }
