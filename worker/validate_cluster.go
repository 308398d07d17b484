// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"slices"
	"strings"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
)

// checkCluster is what only a worker of a cluster checks (DistributedHerder.validateSinkConnectorConfig and
// validateSourceConnectorConfig).
func (v *validation) checkCluster(values []config.Value, p connectors.Plugin) []config.Value {
	if p.Kind == connectors.SinkKind {
		return v.checkGroup(values)
	}
	at := slices.IndexFunc(values, func(x config.Value) bool { return x.Name == "exactly.once.support" })
	if level, _ := v.props.Get("exactly.once.support"); at >= 0 && len(values[at].Errors) == 0 && strings.EqualFold(strings.TrimSpace(level), "required") {
		if v.worker.exactlyOnce() != "enabled" {
			values[at].Errors = append(values[at].Errors, "This worker does not have exactly-once source support enabled.")
		}
		switch {
		case p.ExactlyOnce == nil:
			values[at].Errors = append(values[at].Errors, "The connector does not implement the API required for preflight validation of "+
				"exactly-once source support. Please consult the documentation for the connector to determine whether it supports exactly-once "+
				"semantics, and then consider reconfiguring the connector to use the value \"requested\" for this property (which will disable "+
				"this preflight check and allow the connector to be created).")
		case !p.ExactlyOnce(v.props.Strings()):
			values[at].Errors = append(values[at].Errors, "The connector does not support exactly-once semantics with the provided configuration.")
		}
	}
	at = slices.IndexFunc(values, func(x config.Value) bool { return x.Name == "transaction.boundary" })
	if b, _ := v.props.Get("transaction.boundary"); at >= 0 && len(values[at].Errors) == 0 && strings.EqualFold(strings.TrimSpace(b), "connector") {
		values[at].Errors = append(values[at].Errors, "The connector does not support connector-defined transaction boundaries with the given "+
			"configuration. Please reconfigure it to use a different transaction boundary definition.")
	}
	return values
}

// checkGroup refuses a sink whose consumer group is that of the workers.
func (v *validation) checkGroup(values []config.Value) []config.Value {
	const key = "consumer.override.group.id"
	workers := v.worker.Values.String("group.id")
	add := func(name string, value any, message string) {
		at := slices.IndexFunc(values, func(x config.Value) bool { return x.Name == name })
		if at < 0 {
			values = append(values, config.Value{Name: name, Value: value, Visible: true})
			at = len(values) - 1
		}
		values[at].Errors = append(values[at].Errors, message)
	}
	if own, ok := v.props[key]; ok {
		if own != nil && *own == workers {
			add(key, *own, "Consumer group "+*own+" conflicts with Connect worker group "+workers)
		}
		return values
	}
	if name, _ := v.props.Get("name"); kafka.SinkGroup(name) == workers {
		add("name", name, "Consumer group for sink connector named "+name+" conflicts with Connect worker group "+workers)
	}
	return values
}
