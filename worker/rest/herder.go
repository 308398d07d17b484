// SPDX-License-Identifier: Apache-2.0

package rest

import "context"

// Herder is what the REST API asks of a worker. All methods are safe for concurrent use. Those without a context answer
// from a snapshot at once; the others may wait and give up when the context is done. Errors that are an *Error carry
// their own status, any other error is a 500 with its Java class and text.
type Herder interface {
	Viewer
	Changer
	OffsetKeeper
	PluginLister
	LoggerKeeper
}

// Viewer answers from snapshots.
type Viewer interface {
	// KafkaClusterID is the id of the cluster that the worker belongs to.
	KafkaClusterID() string
	// Health returns nil once the worker is ready and its herder answers in time.
	Health(ctx context.Context) error
	// Ready tells whether the worker has completed its startup.
	Ready() bool
	// Connectors lists the names.
	Connectors() []string
	// ConnectorInfo describes a connector.
	ConnectorInfo(name string) (ConnectorInfo, error)
	// ConnectorStatus returns the states of a connector and its tasks.
	ConnectorStatus(name string) (ConnectorState, error)
	// TaskStatus returns the state of a task.
	TaskStatus(name string, task int) (TaskState, error)
	// TaskConfigs returns the raw configurations of the tasks.
	TaskConfigs(name string) ([]TaskInfo, error)
	// ActiveTopics returns the topics that a connector has used; none for an unknown one.
	ActiveTopics(name string) []string
	// ResetActiveTopics forgets them.
	ResetActiveTopics(name string)
}

// Changer changes connectors.
type Changer interface {
	// PutConnector creates or reconfigures a connector; created tells which. With replace unset an existing one is an error.
	PutConnector(ctx context.Context, name string, cfg Config, initial TargetState, replace bool) (info ConnectorInfo, created bool, err error)
	// PatchConnector merges a patch into the configuration; a null removes its key.
	PatchConnector(ctx context.Context, name string, patch Config) (ConnectorInfo, error)
	// DeleteConnector stops and forgets a connector.
	DeleteConnector(ctx context.Context, name string) error
	// PauseConnector, ResumeConnector and StopConnector set the target state.
	PauseConnector(ctx context.Context, name string) error
	ResumeConnector(ctx context.Context, name string) error
	StopConnector(ctx context.Context, name string) error
	// RestartConnector restarts the connector without its tasks.
	RestartConnector(ctx context.Context, name string) error
	// RestartConnectorAndTasks restarts what the request asks for and returns the states that follow from it.
	RestartConnectorAndTasks(ctx context.Context, r RestartRequest) (ConnectorState, error)
	// RestartTask restarts one task.
	RestartTask(ctx context.Context, name string, task int) error
}

// OffsetKeeper reads and changes the offsets of connectors (KIP-875).
type OffsetKeeper interface {
	// Offsets returns the offsets of a connector.
	Offsets(ctx context.Context, name string) ([]Offset, error)
	// AlterOffsets writes offsets; a null offset removes the partition. It returns a message for people.
	AlterOffsets(ctx context.Context, name string, offsets []Offset) (string, error)
	// ResetOffsets removes all offsets.
	ResetOffsets(ctx context.Context, name string) (string, error)
}

// PluginLister knows the plugins and their options.
type PluginLister interface {
	// Plugins lists them in the order of GET /connector-plugins.
	Plugins() []PluginInfo
	// PluginConfig returns the options of a plugin by class name or alias; version "" is any.
	PluginConfig(name, version string) ([]ConfigKey, error)
	// Validate checks the configuration of a connector.
	Validate(ctx context.Context, cfg Config) (ConfigInfos, error)
}

// LoggerKeeper reads and sets levels of loggers; levels are log4j's names.
type LoggerKeeper interface {
	// LoggerLevels returns the loggers with a level of their own.
	LoggerLevels() map[string]LoggerLevel
	// LoggerLevel returns the effective level of a known logger.
	LoggerLevel(name string) (LoggerLevel, bool)
	// SetLoggerLevel sets a namespace and returns the names that changed, sorted.
	SetLoggerLevel(namespace, level string) []string
	// SetClusterLoggerLevel does so on all workers of the cluster.
	SetClusterLoggerLevel(ctx context.Context, namespace, level string) error
}
