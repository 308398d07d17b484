// SPDX-License-Identifier: Apache-2.0

// Package connectors is the contract between the engine and connectors, and their registry.
//
// A connector is one folder below this one. It registers itself from init under its Java class name:
//
//	func init() { connectors.Register("org.apache.kafka.connect.file.FileStreamSourceConnector", connectors.Plugin{...}) }
//
// and is linked in by one blank import in connectors/all. See docs/connector-guide.md for a walk through one.
package connectors

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

// Connector is the part that thinks about configuration: it checks it and splits the work into tasks
// (org.apache.kafka.connect.connector.Connector). It holds no data path. Methods are not called concurrently.
type Connector interface {
	// Start begins work that watches the outside (for example for new tables). It must not block for long.
	Start(ctx context.Context, c ConnectorContext) error
	// TaskConfigs splits the work into at most max configurations, one per task. Tasks get their map as it is returned.
	TaskConfigs(max int) ([]map[string]string, error)
	// Stop ends what Start began.
	Stop() error
}

// ConnectorContext is what the worker gives to a Connector.
type ConnectorContext struct {
	Name   string
	Config map[string]string // with ${...} resolved
	Log    *slog.Logger
	// RequestTaskReconfiguration asks the worker to call TaskConfigs again. It may be called from any goroutine.
	RequestTaskReconfiguration func()
	// RaiseError fails the connector. It may be called from any goroutine.
	RaiseError func(error)
}

// TaskContext is what the engine gives to a task.
type TaskContext struct {
	Connector string
	Task      int
	Config    map[string]string // the task's own map, with ${...} resolved
	Log       *slog.Logger
	// Offset returns the stored offset of a source partition (both JSON objects), nil when there is none. Sources only.
	Offset func(ctx context.Context, partition json.RawMessage) (json.RawMessage, error)
	// KafkaPath is the worker's penstock.kafka.path, for sources that read Kafka: internal/kafka's Path. Sources only.
	KafkaPath string
	// Report hands a record that the sink could not deliver to the error reporters (ErrantRecordReporter, KIP-610).
	// Nil when neither a dead letter queue nor error logging is configured. Sinks only.
	Report func(b *batch.Batch, row int, err error) error
}

// Source reads records from a system (org.apache.kafka.connect.source.SourceTask). Calls come from one goroutine.
type Source interface {
	// Open connects, and finds the place to go on from through c.Offset.
	Open(ctx context.Context, c TaskContext) error
	// Poll fills the empty batch b: b.N rows, Key and Value payloads, Topics, Partition, Timestamp, Headers, and at least one
	// Mark (b.AddMark) that covers all rows. It waits until it has something, or ctx is done, or about a second has passed, and
	// may return an empty batch. It returns rows as soon as there are some: a lone record leaves at once.
	// batch.Retriable errors mean "nothing this time"; any other error fails the task.
	Poll(ctx context.Context, b *batch.Batch) error
	// Close releases everything. No goroutine outlives it.
	Close() error
}

// Committer is implemented by sources that want to know what is safe (SourceTask.commit): offsets holds the last
// stored offset per source partition, as JSON texts. It is called from the task's goroutine after offsets were stored.
type Committer interface {
	Commit(ctx context.Context, offsets map[string]string) error
}

// RecordCommitter is implemented by sources that want to know where their rows went (SourceTask.commitRecord with its
// RecordMetadata). Written is called once for each batch of which something was sent, when all its rows were acknowledged
// or failed and before offsets that cover it are stored: b.Out.Offset has the offset of each row in its topic-partition, -1
// for rows that were not written. It comes from other goroutines than Poll, one at a time for batches of a partition, and
// must not block. The batch is borrowed.
type RecordCommitter interface {
	Written(b *batch.Batch)
}

// TopicPartition names a partition of a Kafka topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Sink writes records to a system (org.apache.kafka.connect.sink.SinkTask). Calls come from one goroutine.
type Sink interface {
	// Open connects.
	Open(ctx context.Context, c TaskContext) error
	// Put delivers the live rows of batches, in order. They are borrowed: after Put returns their memory is reused. Call Retain
	// to keep one. batch.Retriable errors: the same batches are put again after a backoff. Any other error fails the task.
	Put(ctx context.Context, batches []*batch.Batch) error
	// Flush makes everything put so far durable (SinkTask.flush). Offsets are committed only after it returned nil.
	Flush(ctx context.Context) error
	// Close releases everything. No goroutine outlives it.
	Close() error
}

// PartitionAware is implemented by sinks that keep state per partition (SinkTask.open and close).
type PartitionAware interface {
	OpenPartitions(ctx context.Context, tps []TopicPartition) error
	ClosePartitions(ctx context.Context, tps []TopicPartition) error
}

// Idler is implemented by sinks that want to be called when there is nothing to put: Put gets no batches then, at least
// this often (SinkTask.put with an empty collection, SinkTaskContext.timeout). 0: not.
type Idler interface {
	IdleInterval() time.Duration
}

// OffsetAlterer is implemented by connectors that check offsets set through REST (KIP-875, alterOffsets). It returns true
// when the connector itself took care of resetting, as the Java method does. Partition and offset are JSON objects; a
// nil offset means removal.
type OffsetAlterer interface {
	AlterOffsets(config map[string]string, offsets []PartitionOffset) (bool, error)
}

// PartitionOffset is one source partition with its offset, both JSON objects; Offset nil: none.
type PartitionOffset struct {
	Partition json.RawMessage `json:"partition"`
	Offset    json.RawMessage `json:"offset"`
}

// Kind is source or sink.
type Kind uint8

// The kinds of connectors.
const (
	SourceKind Kind = iota
	SinkKind
)

// String is "source" or "sink", as REST shows it.
func (k Kind) String() string {
	if k == SourceKind {
		return "source"
	}
	return "sink"
}

// Plugin describes a registered connector.
type Plugin struct {
	Kind    Kind
	Version string // "" = the version of Kafka Connect that Penstock stands for
	// Def is the table of the connector's own keys.
	Def config.Def
	// TaskClass is the Java class name of its tasks (task.class in task configs).
	TaskClass string
	// Hidden plugins (test connectors) are usable but not listed by GET /connector-plugins, as in Connect.
	Hidden bool
	// NewConnector makes the connector from its configuration; nil: one task per tasks.max is wrong for it, a single task with
	// the connector's own configuration is made.
	NewConnector func(cfg map[string]string) (Connector, error)
	// NewSource or NewSink makes a task.
	NewSource func() Source
	NewSink   func() Sink
	// Validate adds checks that tables cannot express (Connector.validate); it may be nil.
	Validate func(cfg map[string]string) []config.Error
	// ExactlyOnce says whether a source can go on exactly where it was after a restart (SourceConnector.exactlyOnceSupport);
	// nil: it does not say.
	ExactlyOnce func(cfg map[string]string) bool
}

// Registry holds every linked connector by Java class name.
var Registry = config.NewRegistry[Plugin]("connector", "Connector")

// Register adds a connector; it panics when the class is there already. Call it from init.
func Register(class string, p Plugin) { Registry.Register(class, p) }
