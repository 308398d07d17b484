// SPDX-License-Identifier: Apache-2.0

// Package null is a sink that takes everything and keeps nothing: for measuring what stands before a sink.
package null

import (
	"context"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
)

func init() {
	connectors.Register("io.penstock.connect.NullSinkConnector", connectors.Plugin{
		Kind: connectors.SinkKind, Def: config.Def{}, TaskClass: "io.penstock.connect.NullSinkTask",
		NewConnector: func(cfg map[string]string) (connectors.Connector, error) { return connectors.PerTask(cfg), nil },
		NewSink:      func() connectors.Sink { return sink{} },
	})
}

type sink struct{}

// Open does nothing.
func (sink) Open(context.Context, connectors.TaskContext) error { return nil }

// Put does nothing.
func (sink) Put(context.Context, []*batch.Batch) error { return nil }

// Flush does nothing.
func (sink) Flush(context.Context) error { return nil }

// Close does nothing.
func (sink) Close() error { return nil }
