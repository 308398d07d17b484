// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"encoding/json"
	"slices"

	"github.com/penstock-io/penstock/config"
)

// Config is a connector's configuration with its keys in the order in which they are shown. The zero value is empty.
type Config struct {
	keys   []string
	values config.Props
}

// NewConfig makes a Config of props; order gives the keys in their order, those it lacks are left out.
func NewConfig(order []string, props config.Props) Config {
	var c Config
	for _, k := range order {
		if v, ok := props[k]; ok {
			c.set(k, v)
		}
	}
	return c
}

// Keys returns the keys in order. The slice is shared: do not change it.
func (c Config) Keys() []string { return c.keys }

// Props returns the properties. The map is shared: do not change it.
func (c Config) Props() config.Props { return c.values }

// Has tells whether the key is there, be it as null.
func (c Config) Has(key string) bool {
	_, ok := c.values[key]
	return ok
}

// Get returns a value, "" and false when it is absent or null.
func (c Config) Get(key string) (string, bool) { return c.values.Get(key) }

// Set adds or replaces a value; a new key goes last.
func (c *Config) Set(key, value string) { c.set(key, &value) }

// SetNull adds or replaces a value with null.
func (c *Config) SetNull(key string) { c.set(key, nil) }

func (c *Config) set(key string, value *string) {
	if c.values == nil {
		c.values = config.Props{}
	}
	if _, ok := c.values[key]; !ok {
		c.keys = append(c.keys, key)
	}
	c.values[key] = value
}

// Delete removes a key.
func (c *Config) Delete(key string) {
	if _, ok := c.values[key]; ok {
		delete(c.values, key)
		c.keys = slices.DeleteFunc(slices.Clone(c.keys), func(k string) bool { return k == key })
	}
}

// Clone returns a copy that may be changed.
func (c Config) Clone() Config { return NewConfig(c.keys, c.values) }

// TargetState is what the user wants a connector to be (org.apache.kafka.connect.runtime.TargetState).
type TargetState string

// The target states. The empty one means that none was given.
const (
	TargetStarted TargetState = "STARTED"
	TargetPaused  TargetState = "PAUSED"
	TargetStopped TargetState = "STOPPED"
)

// ConnectorInfo is a connector as GET /connectors/{connector} shows it.
type ConnectorInfo struct {
	Name   string
	Config Config // raw: ${...} as the user wrote it
	Tasks  []int
	Type   string // source, sink or unknown
}

// InstanceState is the state of a connector or a task.
type InstanceState struct {
	State    string
	WorkerID string
	Version  string // "" = unknown, left out
	Trace    string // "" = none, left out
}

// TaskState is the state of one task.
type TaskState struct {
	ID int
	InstanceState
}

// ConnectorState is the state of a connector and its tasks, sorted by id.
type ConnectorState struct {
	Name      string
	Connector InstanceState
	Tasks     []TaskState
	Type      string
}

// TaskInfo is the raw configuration of a task.
type TaskInfo struct {
	Connector string
	Task      int
	Config    Config
}

// RestartRequest asks for a restart (KIP-745).
type RestartRequest struct {
	Connector    string
	IncludeTasks bool
	OnlyFailed   bool
}

// Offset is one partition of a connector with its offset, both JSON texts of an object or null.
type Offset struct {
	Partition json.RawMessage
	Offset    json.RawMessage
}

// PluginInfo is one line of GET /connector-plugins.
type PluginInfo struct {
	Class   string
	Type    string // source, sink, converter, header_converter, transformation, predicate
	Version string // "" = undefined, left out
}

// ConfigInfos is the outcome of a validation.
type ConfigInfos struct {
	Name       string
	ErrorCount int
	Groups     []string
	Configs    []ConfigInfo
}

// ConfigInfo is one key of a validation. Definition is nil for a key that nobody defines, Value for one that was not validated.
type ConfigInfo struct {
	Definition *ConfigKey
	Value      *ConfigValue
}

// ConfigKey is the definition of a key.
type ConfigKey struct {
	Name          string
	Type          string
	Required      bool
	DefaultValue  *string
	Importance    string
	Documentation string
	Group         *string
	OrderInGroup  int
	Width         string
	DisplayName   string
	Dependents    []string
}

// ConfigValue is the value of a key with what is wrong about it.
type ConfigValue struct {
	Name        string
	Value       *string
	Recommended []*string
	Errors      []string
	Visible     bool
}

// LoggerLevel is the level of a logger; LastModified is in milliseconds, 0 = never.
type LoggerLevel struct {
	Level        string
	LastModified int64
}
