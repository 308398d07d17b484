// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/config"
)

// Prefixes of client settings in a worker's properties and in a connector's config.
const (
	ConsumerPrefix         = "consumer."
	ProducerPrefix         = "producer."
	AdminPrefix            = "admin."
	ConsumerOverridePrefix = "consumer.override."
	ProducerOverridePrefix = "producer.override."
	AdminOverridePrefix    = "admin.override."
)

// SinkConsumerDefaults is what Connect gives the consumer of a sink task before the user's settings.
func SinkConsumerDefaults(bootstrap, connector, clientID string) map[string]string {
	return map[string]string{
		"bootstrap.servers":  bootstrap,
		"group.id":           SinkGroup(connector),
		"client.id":          clientID,
		"enable.auto.commit": "false",
		"auto.offset.reset":  "earliest",
		"key.deserializer":   "org.apache.kafka.common.serialization.ByteArrayDeserializer",
		"value.deserializer": "org.apache.kafka.common.serialization.ByteArrayDeserializer",
	}
}

// SourceProducerDefaults is what Connect gives the producer of a source task before the user's settings, but for two:
// enable.idempotence=false and max.in.flight.requests.per.connection=1 are left out. Connect sets them for the sake of
// old brokers, and they cost it most of its speed. Left out they mean an idempotent producer with five requests in
// flight, which keeps every promise of the other setting (see producer in client_producer.go); set by the user they
// are obeyed.
func SourceProducerDefaults(bootstrap, clientID string) map[string]string {
	return map[string]string{
		"bootstrap.servers":   bootstrap,
		"client.id":           clientID,
		"acks":                "all",
		"max.block.ms":        "9223372036854775807",
		"delivery.timeout.ms": "2147483647",
		"key.serializer":      "org.apache.kafka.common.serialization.ByteArraySerializer",
		"value.serializer":    "org.apache.kafka.common.serialization.ByteArraySerializer",
	}
}

// AdminDefaults is what Connect gives the admin client of a task before the user's settings.
func AdminDefaults(bootstrap, clientID string) map[string]string {
	return map[string]string{"bootstrap.servers": bootstrap, "client.id": clientID}
}

// SinkGroup is the consumer group of a sink connector.
func SinkGroup(connector string) string { return "connect-" + connector }

// Client ids of a task's clients, as Connect names them. id is "<connector>-<task>".
func ConsumerClientID(id string) string { return "connector-consumer-" + id }

// ProducerClientID names the producer of a source task.
func ProducerClientID(id string) string { return "connector-producer-" + id }

// DLQClientID names the producer of a dead letter queue.
func DLQClientID(id string) string { return "connector-dlq-producer-" + id }

// AdminClientID names the admin client of a task.
func AdminClientID(id string) string { return "connector-adminclient-" + id }

// SinkConsumerProps merges the properties of a sink task's consumer: defaults, the worker's consumer.*, the
// connector's consumer.override.*; later wins. Security settings at the top of the worker's properties are not
// inherited, only bootstrap.servers is.
func SinkConsumerProps(worker, connector map[string]string, name, clientID string) map[string]string {
	return merge(SinkConsumerDefaults(worker["bootstrap.servers"], name, clientID), worker, ConsumerPrefix, connector, ConsumerOverridePrefix)
}

// SourceProducerProps merges the properties of a producer: defaults, producer.*, producer.override.*.
func SourceProducerProps(worker, connector map[string]string, clientID string) map[string]string {
	return merge(SourceProducerDefaults(worker["bootstrap.servers"], clientID), worker, ProducerPrefix, connector, ProducerOverridePrefix)
}

// AdminProps merges the properties of an admin client. It alone inherits the worker's top-level client settings;
// those of the worker itself are left out, so that they do not end up as warnings.
func AdminProps(worker, connector map[string]string, clientID string) map[string]string {
	base := AdminDefaults(worker["bootstrap.servers"], clientID)
	maps.Copy(base, WorkerClientProps(worker, RoleAdmin))
	return merge(base, worker, AdminPrefix, connector, AdminOverridePrefix)
}

// WorkerClientProps picks the top-level worker properties that are keys of the client of a role: what the worker's own
// clients (internal topics, group membership, the REST server's admin) run with, and what task admins inherit.
func WorkerClientProps(worker map[string]string, role Role) map[string]string {
	out := map[string]string{}
	for k, v := range worker {
		// The worker's client.id, and what it means for group.id, are its own.
		if c := clientKeyByName[k]; c != nil && c.roles&role != 0 && k != "group.id" {
			out[k] = v
		}
	}
	return out
}

func merge(base, worker map[string]string, workerPrefix string, connector map[string]string, connectorPrefix string) map[string]string {
	maps.Copy(base, WithPrefix(worker, workerPrefix))
	maps.Copy(base, WithPrefix(connector, connectorPrefix))
	return base
}

// WithPrefix returns the properties whose key is longer than prefix and starts with it, without the prefix.
func WithPrefix(props map[string]string, prefix string) map[string]string {
	out := map[string]string{}
	for k, v := range props {
		if rest, ok := strings.CutPrefix(k, prefix); ok && rest != "" {
			out[rest] = v
		}
	}
	return out
}

// OverridePolicy is connector.client.config.override.policy: which client settings a connector may override.
type OverridePolicy struct {
	name    string
	allowed func(key string) bool
}

const policyPackage = "org.apache.kafka.connect.connector.policy."

// NewOverridePolicy finds a policy by class name, simple name or alias: All, None, Principal, Allowlist. The allowlist
// is connector.client.config.override.allowlist and serves the last alone.
func NewOverridePolicy(name string, allowlist []string) (OverridePolicy, error) {
	short := strings.TrimSuffix(strings.TrimPrefix(name, policyPackage), "ConnectorClientConfigOverridePolicy")
	var allowed func(string) bool
	switch short {
	case "All":
		allowed = func(string) bool { return true }
	case "None":
		allowed = func(string) bool { return false }
	case "Principal":
		allowed = func(key string) bool {
			return key == "sasl.jaas.config" || key == "sasl.mechanism" || key == "security.protocol"
		}
	case "Allowlist":
		allowed = func(key string) bool { return slices.Contains(allowlist, key) }
	default:
		return OverridePolicy{}, &config.Error{
			Key: "connector.client.config.override.policy", Value: name,
			Message: "Class " + name + " could not be found: supported are All, None, Principal and Allowlist",
		}
	}
	return OverridePolicy{name: short, allowed: allowed}, nil
}

// Name is All, None, Principal or Allowlist.
func (p OverridePolicy) Name() string { return p.name }

// Refuse returns why a key (its prefix stripped) may not be overridden, or "" when it may.
func (p OverridePolicy) Refuse(key string) string {
	if p.allowed == nil || p.allowed(key) {
		return ""
	}
	return "The '" + p.name + "' policy does not allow '" + key + "' to be overridden in the connector configuration."
}

// Check refuses a connector config whose overrides under prefix the policy forbids: one *config.Error per key, joined.
func (p OverridePolicy) Check(connector map[string]string, prefix string) error {
	var errs []error
	overrides := WithPrefix(connector, prefix)
	for _, key := range slices.Sorted(maps.Keys(overrides)) {
		if why := p.Refuse(key); why != "" {
			errs = append(errs, config.Plain(prefix+key, why))
		}
	}
	return errors.Join(errs...)
}
