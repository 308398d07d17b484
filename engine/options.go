// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
)

// State is the state of a task as Connect names it.
type State string

// The states a task reports.
const (
	Unassigned State = "UNASSIGNED"
	Running    State = "RUNNING"
	Paused     State = "PAUSED"
	Failed     State = "FAILED"
	Restarting State = "RESTARTING"
	Stopped    State = "STOPPED" // connectors only
)

// OffsetStore holds source offsets. Partitions and offsets are JSON objects; equality of partitions is canonical (key
// order does not count). It is shared by the tasks of a worker and safe for concurrent use.
type OffsetStore interface {
	// Get returns the stored offset of a partition, nil when there is none.
	Get(ctx context.Context, connector string, partition json.RawMessage) (json.RawMessage, error)
	// Set stores offsets durably before it returns. A nil offset removes the entry.
	Set(ctx context.Context, connector string, offsets []connectors.PartitionOffset) error
	// List returns all partitions of a connector with their offsets.
	List(ctx context.Context, connector string) ([]connectors.PartitionOffset, error)
}

// Options says what a task is to run. All maps are borrowed and not changed.
type Options struct {
	Connector   string
	Task        int
	Class       string            // Java class name of the connector
	Plugin      connectors.Plugin // its plugin
	Config      map[string]string // the connector's configuration, ${...} resolved
	TaskConfig  map[string]string // the task's own, ${...} resolved
	Worker      config.Props      // the worker's properties, ${...} resolved: converters, client settings, flush intervals
	ClusterID   string            // may be ""
	Offsets     OffsetStore       // sources
	ExactlyOnce *ExactlyOnce      // sources; nil: at least once
	Paused      bool              // start in the target state PAUSED
	Memory      *Budget           // shared by the tasks of a worker; nil: no limit
	Log         *slog.Logger      // with connector and task attributes

	// OnState is told of every change of state: Running, Paused, Failed (with the cause), Unassigned (clean end).
	// It is called from the task's goroutine and must not block for long.
	OnState func(s State, err error)
	// OnTopic is told, with every batch, of the topics that the task reads from (before transforms) or writes to (KIP-558).
	// It must be cheap.
	OnTopic func(topic string)
}
