// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/internal/kafka"
)

const (
	sourceAliasKey       = "source.cluster.alias"
	targetAliasKey       = "target.cluster.alias"
	policyClassKey       = "replication.policy.class"
	separatorKey         = "replication.policy.separator"
	internalSeparatorKey = "replication.policy.internal.topic.separator.enabled"
	propertyFilterKey    = "config.property.filter.class"
	topicFilterKey       = "topic.filter.class"
	locationKey          = "offset-syncs.topic.location"
	emitSyncsKey         = "emit.offset-syncs.enabled"
	partitionsKey        = "task.assigned.partitions"
	groupsKey            = "task.assigned.groups"
	taskIndexKey         = "task.index"
)

// clientKeys are the properties that source.cluster.* and target.cluster.* hand to clients; others must be given per
// client, as source.consumer.* and the like (MirrorClientConfig.CLIENT_CONFIG_DEF).
var clientKeys = sync.OnceValue(func() map[string]bool {
	keys := map[string]bool{}
	for _, name := range kafkadefs.MustGet(mirrorPackage + "MirrorClientConfig").Names() {
		keys[name] = !strings.HasPrefix(name, "replication.policy.") && !strings.HasPrefix(name, "forwarding.admin.")
	}
	return keys
})

// ownKeys leaves of a connector's table what this package reads: not the framework's keys, whose classes the worker
// knows, and not those of TLS and SASL, which are the clients'.
func ownKeys(def config.Def) config.Def {
	framework := kafkadefs.MustGet(kafkadefs.Connector)
	var out config.Def
	for _, k := range def {
		name := k.Info().Name
		if _, theirs := framework.Find(name); !theirs && !strings.HasPrefix(name, "ssl.") && !strings.HasPrefix(name, "sasl.") {
			out = append(out, k)
		}
	}
	return out
}

// settings is what the three connectors and their tasks share (MirrorConnectorConfig).
type settings struct {
	v      config.Values
	props  map[string]string
	name   string
	source string // alias
	target string // alias
	policy policy
	label  string // of client ids: source->target|connector, for tasks with -index
}

// newSettings parses the configuration of a connector, or of a task when task is set. def is the table of the connector.
func newSettings(def config.Def, props map[string]string, task bool) (*settings, error) {
	v, err := ownKeys(def).ParseStrings(props)
	if err != nil {
		return nil, err
	}
	s := &settings{v: v, props: props, name: props["name"], source: v.String(sourceAliasKey), target: v.String(targetAliasKey)}
	if s.policy, err = newPolicy(v); err != nil {
		return nil, err
	}
	if err := onlyClass(v, "forwarding.admin.class", "org.apache.kafka.clients.admin.ForwardingAdmin"); err != nil {
		return nil, err
	}
	s.label = s.source + "->" + s.target + "|" + s.name
	if task {
		index := props[taskIndexKey]
		if index == "" {
			index = "?"
		}
		s.label += "-" + index
	}
	return s, nil
}

// cluster is one of the two ends.
type cluster string

const (
	sourceCluster cluster = "source"
	targetCluster cluster = "target"
)

// client merges the properties of a client: of X.cluster.* what any client knows, then kind.*, then X.kind.*, where X is
// the end and kind one of producer, consumer, admin. what ends up in the client id.
func (s *settings) client(end cluster, kind, what string) map[string]string {
	out := clientProps(s.props, end, kind)
	id := s.label + "|" + what
	if user := out["client.id"]; user != "" {
		id = user + "|" + id
	}
	out["client.id"] = id
	if kind == "consumer" {
		out["enable.auto.commit"] = "false"
		if _, ok := out["auto.offset.reset"]; !ok {
			out["auto.offset.reset"] = "earliest"
		}
	}
	return out
}

func clientProps(props map[string]string, end cluster, kind string) map[string]string {
	known := clientKeys()
	out := map[string]string{}
	for k, v := range kafka.WithPrefix(props, string(end)+".cluster.") {
		if known[k] {
			out[k] = v
		}
	}
	for _, prefix := range []string{kind + ".", string(end) + "." + kind + "."} {
		for k, v := range kafka.WithPrefix(props, prefix) {
			out[k] = v
		}
	}
	return out
}

// parseClient parses a client's properties. Errors name the key with the prefix that most users give it under.
func (s *settings) parseClient(role kafka.Role, end cluster, kind, what string) (*kafka.ClientConfig, error) {
	props := s.client(end, kind, what)
	cfg, err := kafka.Parse(role, props)
	return cfg, prefixed(err, s.props, end, kind)
}

// prefixed gives the keys in errors the prefix under which they were set.
func prefixed(err error, props map[string]string, end cluster, kind string) error {
	var e *config.Error
	if !errors.As(err, &e) || e.Key == "" {
		return err
	}
	for _, prefix := range []string{string(end) + "." + kind + ".", kind + ".", string(end) + ".cluster."} {
		if _, ok := props[prefix+e.Key]; ok {
			return &config.Error{Key: prefix + e.Key, Value: e.Value, Message: e.Message, Plain: e.Plain, Class: e.Class}
		}
	}
	if e.Key == "bootstrap.servers" {
		return config.Plain(string(end)+".cluster.bootstrap.servers", `Missing required configuration "`+string(end)+`.cluster.bootstrap.servers": the brokers of the `+
			string(end)+" cluster, as host:port,host:port")
	}
	return err
}

// interval is NAME.interval.seconds, or -1 when NAME.enabled is false.
func (s *settings) interval(name string) time.Duration {
	if !s.v.Bool(name + ".enabled") {
		return -1
	}
	return time.Duration(s.v.Long(name+".interval.seconds")) * time.Second
}

func (s *settings) adminTimeout() time.Duration {
	return time.Duration(s.v.Long("admin.timeout.ms")) * time.Millisecond
}

// syncsEnd is where the offset-syncs topic is.
func (s *settings) syncsEnd() cluster {
	return cluster(s.v.String(locationKey))
}

// syncsTopic is the name of the offset-syncs topic: it carries the alias of the other end.
func (s *settings) syncsTopic() string {
	if s.syncsEnd() == sourceCluster {
		return s.policy.offsetSyncsTopic(s.target)
	}
	return s.policy.offsetSyncsTopic(s.source)
}

// taskConfig is the connector's configuration with a task's share and number.
func (s *settings) taskConfig(key, share string, index string) map[string]string {
	out := make(map[string]string, len(s.props)+2)
	for k, v := range s.props {
		out[k] = v
	}
	out[key], out[taskIndexKey] = share, index
	return out
}
