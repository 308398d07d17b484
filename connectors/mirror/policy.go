// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"strings"

	"github.com/penstock-io/penstock/config"
)

const (
	defaultPolicyClass  = "org.apache.kafka.connect.mirror.DefaultReplicationPolicy"
	identityPolicyClass = "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"

	heartbeatsTopic = "heartbeats"
)

// policy names topics on the target: DefaultReplicationPolicy, and IdentityReplicationPolicy when identity is set.
type policy struct {
	separator string
	// internal is the separator inside the names of MirrorMaker's own topics.
	internal string
	identity bool
	source   string // source.cluster.alias, of the identity policy
}

// newPolicy reads the replication.policy.* keys. As in Java the switch for internal names counts only beside a separator.
func newPolicy(v config.Values) (policy, error) {
	p := policy{separator: ".", internal: ".", source: v.String(sourceAliasKey)}
	switch class := v.Class(policyClassKey).Name; class {
	case defaultPolicyClass:
	case identityPolicyClass:
		p.identity = true
	default:
		return p, config.Invalid(policyClassKey, class, "supported are "+defaultPolicyClass+" and "+identityPolicyClass)
	}
	if v.IsSet(separatorKey) {
		p.separator = v.String(separatorKey)
		if !v.IsSet(internalSeparatorKey) || v.Bool(internalSeparatorKey) {
			p.internal = p.separator
		}
	}
	return p, nil
}

// remote is formatRemoteTopic: the name on the target of a topic of a source.
func (p policy) remote(source, topic string) string {
	if p.identity && !looksLikeHeartbeat(topic) {
		return topic
	}
	return source + p.separator + topic
}

// sourceOf is topicSource: the alias of the cluster a topic was copied from, false when it is no copy.
func (p policy) sourceOf(topic string) (string, bool) {
	if p.identity && !looksLikeHeartbeat(topic) {
		return p.source, true
	}
	if p.separator == "" {
		// Java splits at every character then; a name of two or more has the first one for a source.
		if r := []rune(topic); len(r) > 1 {
			return string(r[0]), true
		}
		return "", false
	}
	source, rest, found := strings.Cut(topic, p.separator)
	// Pattern.split drops empty parts at the end: "a." has one part and is no copy.
	for found && strings.HasPrefix(rest, p.separator) {
		rest = strings.TrimPrefix(rest, p.separator)
	}
	if !found || rest == "" {
		return "", false
	}
	return source, true
}

// upstream is upstreamTopic: the name that a copy has on the cluster it was copied from.
func (p policy) upstream(topic string) (string, bool) {
	if p.identity && !looksLikeHeartbeat(topic) {
		return topic, true
	}
	source, ok := p.sourceOf(topic)
	if !ok {
		return "", false
	}
	return topic[len(source)+len(p.separator):], true
}

// original is originalTopic: the name at the first cluster of the chain.
func (p policy) original(topic string) string {
	for {
		up, ok := p.upstream(topic)
		if !ok || up == topic {
			return topic
		}
		topic = up
	}
}

func (p policy) isHeartbeats(topic string) bool { return p.original(topic) == heartbeatsTopic }

// offsetSyncsTopic is where the offsets of the two ends are noted; alias is that of the other cluster.
func (p policy) offsetSyncsTopic(alias string) string {
	return "mm2-offset-syncs" + p.internal + alias + p.internal + "internal"
}

// checkpointsTopic is where the checkpoints of groups of a source are noted.
func (p policy) checkpointsTopic(source string) string { return source + p.checkpointsSuffix() }

func (p policy) checkpointsSuffix() string {
	return p.internal + "checkpoints" + p.internal + "internal"
}

// isInternal tells topics that are never copied: Kafka's own and MirrorMaker's.
func (p policy) isInternal(topic string) bool {
	return strings.HasPrefix(topic, "__") || strings.HasPrefix(topic, ".") || p.isMirrorMakers(topic)
}

func (p policy) isMirrorMakers(topic string) bool {
	return strings.HasPrefix(topic, "mm2") && strings.HasSuffix(topic, p.internal+"internal") ||
		strings.HasSuffix(topic, p.checkpointsSuffix())
}

// looksLikeHeartbeat keeps the identity policy from copying heartbeats over those of the target.
func looksLikeHeartbeat(topic string) bool { return strings.HasSuffix(topic, heartbeatsTopic) }

// isCycle tells whether a topic is, up its chain, a copy of one of the target cluster.
func (p policy) isCycle(topic, target string) bool {
	for {
		source, ok := p.sourceOf(topic)
		if !ok {
			return false
		}
		if source == target {
			return true
		}
		up, ok := p.upstream(topic)
		if !ok || up == topic {
			return false // the identity policy tells no chains
		}
		topic = up
	}
}
