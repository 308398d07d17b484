// SPDX-License-Identifier: Apache-2.0

// Package verifiable holds Connect's VerifiableSource and VerifiableSink: numbered records, and a JSON line on standard
// output for each one sent, committed, received and flushed, from which a test can tell losses and duplicates.
package verifiable

import (
	"maps"
	"strconv"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
)

func init() {
	register := func(class, task string, p connectors.Plugin) {
		p.Def, p.TaskClass, p.Hidden = config.Def{}, task, true
		p.NewConnector = func(cfg map[string]string) (connectors.Connector, error) {
			return &connector{Connector: connectors.PerTask(cfg)}, nil
		}
		connectors.Register(class, p)
	}
	register("org.apache.kafka.connect.tools.VerifiableSourceConnector", "org.apache.kafka.connect.tools.VerifiableSourceTask",
		connectors.Plugin{Kind: connectors.SourceKind, NewSource: func() connectors.Source { return &source{} }})
	register("org.apache.kafka.connect.tools.VerifiableSinkConnector", "org.apache.kafka.connect.tools.VerifiableSinkTask",
		connectors.Plugin{Kind: connectors.SinkKind, NewSink: func() connectors.Sink { return &sink{} }})
}

// connector numbers its tasks in the key id.
type connector struct{ connectors.Connector }

// TaskConfigs gives each task its id.
func (c *connector) TaskConfigs(max int) ([]map[string]string, error) {
	tasks, err := c.Connector.TaskConfigs(max)
	for i := range tasks {
		tasks[i] = maps.Clone(tasks[i])
		tasks[i]["id"] = strconv.Itoa(i)
	}
	return tasks, err
}
