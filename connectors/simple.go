// SPDX-License-Identifier: Apache-2.0

package connectors

import (
	"context"
	"maps"
)

// Single is a connector that makes one task, with the connector's own configuration, whatever tasks.max says.
func Single(cfg map[string]string) Connector { return &simple{cfg: cfg, single: true} }

// PerTask is a connector that makes tasks.max tasks, all with the connector's own configuration: right for sinks, whose
// consumer group splits the work.
func PerTask(cfg map[string]string) Connector { return &simple{cfg: cfg} }

type simple struct {
	cfg    map[string]string
	single bool
}

// Start does nothing: there is nothing to watch.
func (*simple) Start(context.Context, ConnectorContext) error { return nil }

// TaskConfigs copies the connector's configuration.
func (s *simple) TaskConfigs(max int) ([]map[string]string, error) {
	if s.single {
		max = 1
	}
	var tasks []map[string]string
	for range max {
		tasks = append(tasks, maps.Clone(s.cfg))
	}
	return tasks, nil
}

// Stop does nothing.
func (*simple) Stop() error { return nil }
