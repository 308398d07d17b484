// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"

	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/loglevel"
	"github.com/penstock-io/penstock/worker/offsetfile"
)

// Task is a running task; *engine.Task is one.
type Task interface {
	// Pause and Resume ask for a target state; it takes effect later.
	Pause()
	Resume()
	// Stop ends the task in order until ctx is done, then by force.
	Stop(ctx context.Context) error
	// Done is closed when nothing of the task runs any more.
	Done() <-chan struct{}
	// WriteMetrics writes its metrics as Prometheus text.
	WriteMetrics(w io.Writer)
}

// Admin is what the worker asks of a Kafka cluster; *kafka.Admin is one.
type Admin interface {
	ClusterID(ctx context.Context) (string, error)
	GroupOffsets(ctx context.Context, group string) (map[kafka.TopicPartition]kafka.Offset, error)
	AlterGroupOffsets(ctx context.Context, group string, offsets map[kafka.TopicPartition]kafka.Offset) error
	DeleteGroupOffsets(ctx context.Context, group string, tps ...kafka.TopicPartition) error
	DeleteGroup(ctx context.Context, group string) error
	Close()
}

// Deps are the parts a worker is built with. Zero values stand for the real ones.
type Deps struct {
	Log *slog.Logger
	// Levels are the log levels that /admin/loggers shows. Nil: a registry before Log's handler.
	Levels *loglevel.Registry
	// StartTask runs a task.
	StartTask func(o engine.Options) Task
	// NewAdmin makes an admin client of client properties.
	NewAdmin func(props map[string]string, log *slog.Logger) (Admin, error)
	// Offsets stores source offsets. Nil: the file of offset.storage.file.filename.
	Offsets engine.OffsetStore
	// ClusterID is the cluster's id when it is known already; "" asks Kafka.
	ClusterID string
	// NoPrivate leaves the private listener (/metrics, /debug/pprof) out.
	NoPrivate bool
}

func (d Deps) withDefaults(cfg *Config) Deps {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Levels == nil {
		d.Levels = loglevel.NewRegistry(cfg.LogLevel())
	}
	d.Log = slog.New(loglevel.NewHandler(d.Log.Handler(), d.Levels))
	if d.StartTask == nil {
		d.StartTask = func(o engine.Options) Task { return engine.Start(o) }
	}
	if d.NewAdmin == nil {
		d.NewAdmin = newAdmin
	}
	return d
}

func newAdmin(props map[string]string, log *slog.Logger) (Admin, error) {
	c, err := kafka.Parse(kafka.RoleAdmin, props)
	if err != nil {
		return nil, err
	}
	return kafka.NewAdmin(c, log)
}

// fileOffsets keeps source offsets in the file of a JVM worker. Every Set is on disk before it returns.
type fileOffsets struct{ store *offsetfile.Store }

// Get implements engine.OffsetStore.
func (f fileOffsets) Get(_ context.Context, connector string, partition json.RawMessage) (json.RawMessage, error) {
	return f.store.Get(connector, partition)
}

// Set implements engine.OffsetStore.
func (f fileOffsets) Set(_ context.Context, connector string, offsets []connectors.PartitionOffset) error {
	for _, o := range offsets {
		if err := f.store.Set(connector, o.Partition, o.Offset); err != nil {
			return err
		}
	}
	return f.store.Flush()
}

// List implements engine.OffsetStore.
func (f fileOffsets) List(_ context.Context, connector string) ([]connectors.PartitionOffset, error) {
	var out []connectors.PartitionOffset
	for _, o := range f.store.List(connector) {
		out = append(out, connectors.PartitionOffset{Partition: o.Partition, Offset: o.Offset})
	}
	return out, nil
}
