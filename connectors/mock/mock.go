// SPDX-License-Identifier: Apache-2.0

// Package mock holds Connect's test connectors MockSource and MockSink, which do nothing, or fail on purpose after a
// while: mock_mode=connector-failure or task-failure, delay_ms (15000).
package mock

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
)

const (
	connectorFailure = "connector-failure"
	taskFailure      = "task-failure"
	defaultDelay     = 15 * time.Second
	pollInterval     = 250 * time.Millisecond
)

func init() {
	register := func(class, task string, p connectors.Plugin) {
		p.Def, p.TaskClass, p.Hidden = config.Def{}, task, true
		p.NewConnector = func(cfg map[string]string) (connectors.Connector, error) {
			return &connector{Connector: connectors.Single(cfg)}, nil
		}
		connectors.Register(class, p)
	}
	register("org.apache.kafka.connect.tools.MockSourceConnector", "org.apache.kafka.connect.tools.MockSourceTask",
		connectors.Plugin{Kind: connectors.SourceKind, NewSource: func() connectors.Source { return &source{} }})
	register("org.apache.kafka.connect.tools.MockSinkConnector", "org.apache.kafka.connect.tools.MockSinkTask",
		connectors.Plugin{Kind: connectors.SinkKind, NewSink: func() connectors.Sink { return &sink{} }})
}

func failure() error { return batch.NewFault("java.lang.RuntimeException", "") }

func delayOf(cfg map[string]string) (time.Duration, error) {
	text, ok := cfg["delay_ms"]
	if !ok {
		return defaultDelay, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, config.Invalid("delay_ms", text, "must be a number of milliseconds")
	}
	return time.Duration(n) * time.Millisecond, nil
}

// connector fails after the delay when it is asked to.
type connector struct {
	connectors.Connector
	mu    sync.Mutex
	timer *time.Timer
}

// Start arms the failure.
func (m *connector) Start(_ context.Context, c connectors.ConnectorContext) error {
	if c.Config["mock_mode"] != connectorFailure {
		return nil
	}
	delay, err := delayOf(c.Config)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.timer = time.AfterFunc(delay, func() { c.RaiseError(failure()) })
	return nil
}

// Stop disarms the failure.
func (m *connector) Stop() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.timer != nil {
		m.timer.Stop()
	}
	return nil
}

// task is what source and sink share: the time after which they fail.
type task struct{ failAt time.Time }

func (t *task) open(c connectors.TaskContext) error {
	if c.Config["mock_mode"] != taskFailure {
		return nil
	}
	delay, err := delayOf(c.Config)
	t.failAt = time.Now().Add(delay)
	return err
}

func (t *task) due() error {
	if !t.failAt.IsZero() && time.Now().After(t.failAt) {
		return failure()
	}
	return nil
}

type source struct{ task }

// Open notes when to fail.
func (s *source) Open(_ context.Context, c connectors.TaskContext) error { return s.open(c) }

// Poll never has records.
func (s *source) Poll(ctx context.Context, _ *batch.Batch) error {
	select {
	case <-time.After(pollInterval):
	case <-ctx.Done():
	}
	return s.due()
}

// Close does nothing.
func (s *source) Close() error { return nil }

type sink struct{ task }

// Open notes when to fail.
func (s *sink) Open(_ context.Context, c connectors.TaskContext) error { return s.open(c) }

// Put drops records.
func (s *sink) Put(context.Context, []*batch.Batch) error { return s.due() }

// IdleInterval makes the failure punctual without records.
func (s *sink) IdleInterval() time.Duration { return pollInterval }

// Flush does nothing.
func (s *sink) Flush(context.Context) error { return nil }

// Close does nothing.
func (s *sink) Close() error { return nil }
