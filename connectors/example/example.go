// SPDX-License-Identifier: Apache-2.0

// Package example is the connector that docs/connector-guide.md walks through: a source that counts, and a sink that
// adds up. It is compiled and tested with everything else, but not linked into the penstock binary.
package example

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
)

// The table of keys is all that validation, REST and the generated documentation need.
var sourceConfig = config.Def{
	config.String("topic").Required().NonEmpty().High().Doc("The topic to publish to"),
	config.Int("interval.ms").Default(int32(1000)).AtLeast(1).Doc("Milliseconds between two numbers"),
}

func init() {
	connectors.Register("com.example.CounterSourceConnector", connectors.Plugin{
		Kind: connectors.SourceKind, Version: "1.0.0", Def: sourceConfig, TaskClass: "com.example.CounterSourceTask",
		NewConnector: func(cfg map[string]string) (connectors.Connector, error) { return connectors.Single(cfg), nil },
		NewSource:    func() connectors.Source { return &Counter{} },
	})
	connectors.Register("com.example.SumSinkConnector", connectors.Plugin{
		Kind: connectors.SinkKind, Version: "1.0.0", Def: config.Def{}, TaskClass: "com.example.SumSinkTask",
		NewConnector: func(cfg map[string]string) (connectors.Connector, error) { return connectors.PerTask(cfg), nil },
		NewSink:      func() connectors.Sink { return &Sum{} },
	})
}

// Counter emits 0, 1, 2, … and goes on where it stopped.
type Counter struct {
	topic    string
	interval time.Duration
	next     int64
}

// partition names the one place that Counter reads from; Connect stores an offset for it.
const partition = `{"counter":"only"}`

// Open reads the configuration and the stored offset.
func (c *Counter) Open(ctx context.Context, t connectors.TaskContext) error {
	v, err := sourceConfig.ParseStrings(t.Config)
	if err != nil {
		return err
	}
	c.topic, c.interval = v.String("topic"), time.Duration(v.Int("interval.ms"))*time.Millisecond
	stored, err := t.Offset(ctx, json.RawMessage(partition))
	if err != nil || stored == nil {
		return err
	}
	var o struct{ Next int64 }
	if err := json.Unmarshal(stored, &o); err != nil {
		return fmt.Errorf("the stored offset is %s: %w", stored, err)
	}
	c.next = o.Next
	return nil
}

// Poll waits for the next number and fills the batch with it.
func (c *Counter) Poll(ctx context.Context, b *batch.Batch) error {
	select {
	case <-time.After(c.interval):
	case <-ctx.Done():
		return nil // an empty batch: nothing this time
	}
	b.N = 1
	numbers := b.NewColumn(batch.Int64Schema) // belongs to the batch, is reused with it
	numbers.Push(batch.IntCell(c.next))
	b.Value.Set(batch.Int64Schema, numbers)
	b.Key.Set(nil, b.NewNulls(nil, b.N)) // no key
	b.Topics.Set(c.topic)
	c.next++
	// Once the broker has the rows since the last mark, this offset is stored for this partition.
	b.AddMark(b.Slab.AppendText(partition), b.Slab.AppendText(fmt.Sprintf(`{"next":%d}`, c.next)))
	return nil
}

// Close has nothing to release.
func (c *Counter) Close() error { return nil }

// Sum adds up the integers it gets.
type Sum struct {
	Total, Flushed int64
}

// Open has nothing to connect to.
func (s *Sum) Open(context.Context, connectors.TaskContext) error { return nil }

// Put adds up the live rows.
func (s *Sum) Put(_ context.Context, batches []*batch.Batch) error {
	for _, b := range batches {
		for i := range b.Value.Variants { // one per schema; almost always one
			v := &b.Value.Variants[i]
			column := v.Root
			if column.Kind != batch.KindWords || column.Schema.Type != batch.Int64 {
				return batch.DataFault("SumSink takes INT64 values only")
			}
			for pos := range column.N {
				if !b.IsDead(v.Row(pos)) && !column.IsNull(pos) {
					s.Total += batch.Int(column.Cell(pos))
				}
			}
		}
	}
	return nil
}

// Flush makes everything put so far durable; only then are its offsets committed.
func (s *Sum) Flush(context.Context) error {
	s.Flushed = s.Total
	return nil
}

// Close has nothing to release.
func (s *Sum) Close() error { return nil }
