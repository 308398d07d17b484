// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"testing"
)

func settingsFor(t *testing.T, kv ...string) *settings {
	t.Helper()
	s, err := newSettings(sourceDef(), props(kv...), false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func props(kv ...string) map[string]string {
	m := map[string]string{
		"name": "m", "source.cluster.alias": "a", "target.cluster.alias": "b",
		"source.cluster.bootstrap.servers": "127.0.0.1:1", "target.cluster.bootstrap.servers": "127.0.0.1:2",
	}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return m
}

func TestPolicyNames(t *testing.T) {
	f := func(p policy, topic, remote, source, upstream string, isCopy bool) {
		t.Helper()
		if got := p.remote("a", topic); got != remote {
			t.Errorf("remote of %q is %q, want %q", topic, got, remote)
		}
		gotSource, ok := p.sourceOf(topic)
		gotUp, _ := p.upstream(topic)
		if ok != isCopy || gotSource != source || gotUp != upstream {
			t.Errorf("%q comes from %q as %q (%v), want %q as %q (%v)", topic, gotSource, gotUp, ok, source, upstream, isCopy)
		}
	}
	dot := settingsFor(t).policy
	f(dot, "t", "a.t", "", "", false)
	f(dot, "x.t", "a.x.t", "x", "t", true)
	f(dot, "x.y.t", "a.x.y.t", "x", "y.t", true)
	// Pattern.split drops empty parts at the end, and keeps one at the start.
	f(dot, "x.", "a.x.", "", "", false)
	f(dot, "x..", "a.x..", "", "", false)
	f(dot, "x..t", "a.x..t", "x", ".t", true)
	f(dot, ".t", "a..t", "", "t", true)
	under := settingsFor(t, separatorKey, "__").policy
	f(under, "x__t", "a__x__t", "x", "t", true)
	f(under, "x___", "a__x___", "x", "_", true)
	f(under, "x.t", "a__x.t", "", "", false)
	same := settingsFor(t, policyClassKey, identityPolicyClass).policy
	f(same, "t", "t", "a", "t", true)
	f(same, "x.t", "x.t", "a", "x.t", true)
	f(same, "heartbeats", "a.heartbeats", "", "", false)
	f(same, "x.heartbeats", "a.x.heartbeats", "x", "heartbeats", true)
}

func TestInternalNames(t *testing.T) {
	f := func(p policy, syncs, checkpoints string) {
		t.Helper()
		if got := p.offsetSyncsTopic("b"); got != syncs {
			t.Errorf("offset syncs are in %q, want %q", got, syncs)
		}
		if got := p.checkpointsTopic("a"); got != checkpoints {
			t.Errorf("checkpoints are in %q, want %q", got, checkpoints)
		}
		for _, topic := range []string{syncs, checkpoints, "__consumer_offsets", ".x"} {
			if !p.isInternal(topic) {
				t.Errorf("%q is not internal", topic)
			}
		}
		for _, topic := range []string{"x.internal", "x-internal", "mm2", "checkpoints"} {
			if p.isInternal(topic) {
				t.Errorf("%q is internal", topic)
			}
		}
	}
	f(settingsFor(t).policy, "mm2-offset-syncs.b.internal", "a.checkpoints.internal")
	f(settingsFor(t, separatorKey, "_").policy, "mm2-offset-syncs_b_internal", "a_checkpoints_internal")
	f(settingsFor(t, separatorKey, "_", internalSeparatorKey, "false").policy, "mm2-offset-syncs.b.internal", "a.checkpoints.internal")
	// Without a separator of its own the switch means nothing.
	f(settingsFor(t, internalSeparatorKey, "false").policy, "mm2-offset-syncs.b.internal", "a.checkpoints.internal")
}

func TestWhatIsCopied(t *testing.T) {
	f := func(topic string, want bool, kv ...string) {
		t.Helper()
		c, err := newSourceConnector(props(kv...))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.(*sourceConnector).shouldCopy(topic); got != want {
			t.Errorf("%s with %v: %v", topic, kv, got)
		}
	}
	f("t", true)
	f("t.internal", true) // KIP-1074: only MirrorMaker's own
	f("mm2-status.a.internal", false)
	f("t.replica", false)
	f("__t", false)
	f("__t", false, "topics.exclude", "none") // Kafka's own whatever the filter says
	// What came from the target does not go back, from however far.
	f("b.t", false)
	f("c.b.t", false)
	f("c.t", true)
	f("b.t", true, policyClassKey, identityPolicyClass)
	f("t", false, "topics", "x, y.*")
	f("yes", true, "topics", "x, y.*")
	f("xx", false, "topics", "x, y.*") // whole names
	f("yes", false, "topics", "x, y.*", "topics.exclude", ".*s")
	f("t", false, "topics", "")
	// Heartbeats pass the filter.
	f("heartbeats", true, "topics", "x")
	f("c.heartbeats", true, "topics", "x")
	f("heartbeats", false, "topics", "x", "heartbeats.replication.enabled", "false")
}

func TestTasksAreDealtRoundRobin(t *testing.T) {
	c, err := newSourceConnector(props("extra", "kept"))
	if err != nil {
		t.Fatal(err)
	}
	m := c.(*sourceConnector)
	known, err := parsePartitions("t0-0,t0-1,t0-2,t0-3,t0-4,t0-5,t0-6,t0-7,t1-0,t1-1,t2-0,t2-1")
	if err != nil {
		t.Fatal(err)
	}
	m.known = known
	f := func(most int, want ...string) {
		t.Helper()
		tasks, err := m.TaskConfigs(most)
		if err != nil || len(tasks) != len(want) {
			t.Fatalf("%d tasks, want %d (%v)", len(tasks), len(want), err)
		}
		for i, task := range tasks {
			if task[partitionsKey] != want[i] || task["extra"] != "kept" {
				t.Errorf("task %d is %v, want %s", i, task, want[i])
			}
		}
	}
	f(3, "t0-0,t0-3,t0-6,t1-1", "t0-1,t0-4,t0-7,t2-0", "t0-2,t0-5,t1-0,t2-1")
	m.known = known[:2]
	f(3, "t0-0", "t0-1")
	m.known = nil
	f(3)
}

func TestValidation(t *testing.T) {
	f := func(key, message string, kv ...string) {
		t.Helper()
		errs := validateSource(props(kv...))
		if key == "" {
			if len(errs) != 0 {
				t.Errorf("%v: %v", kv, errs)
			}
			return
		}
		if len(errs) != 1 || errs[0].Key != key || errs[0].Error() != message {
			t.Errorf("%v: %v", kv, errs)
		}
	}
	f("", "")
	const exactly = "MirrorSourceConnector can only provide exactly-once guarantees when its source consumer is configured with isolation.level set to 'read_committed'; " +
		"otherwise, records from aborted and uncommitted transactions will be replicated from the source cluster to the target cluster."
	f("exactly.once.support", exactly, "exactly.once.support", "required")
	f("exactly.once.support", exactly, "exactly.once.support", "required", "source.cluster.isolation.level", "read_committed")
	f("", "", "exactly.once.support", "required", "consumer.isolation.level", "read_committed")
	f("", "", "exactly.once.support", "required", "source.consumer.isolation.level", "read_committed")
	const syncs = "MirrorSourceConnector can't setup offset-syncs feature while emit.offset-syncs.enabled set to false"
	f(emitSyncsKey, syncs, emitSyncsKey, "false", "offset-syncs.topic.location", "target")
	f("", "", emitSyncsKey, "false")
	f(policyClassKey, "Invalid value com.example.Policy for configuration replication.policy.class: supported are "+defaultPolicyClass+" and "+identityPolicyClass, policyClassKey, "com.example.Policy")
	f("topics", "Invalid value ( for configuration topics: is not a list of names and regular expressions: Unclosed group near index 1\n(", "topics", "(")
}

func TestClientProperties(t *testing.T) {
	s := settingsFor(t, "source.cluster.security.protocol", "SSL", "source.cluster.fetch.min.bytes", "7", "consumer.fetch.min.bytes", "8",
		"source.consumer.fetch.min.bytes", "9", "consumer.client.id", "me", "source.consumer.enable.auto.commit", "true")
	got := s.client(sourceCluster, "consumer", "replication-consumer")
	for k, want := range map[string]string{
		"bootstrap.servers": "127.0.0.1:1", "security.protocol": "SSL", "fetch.min.bytes": "9", "client.id": "me|a->b|m|replication-consumer",
		"enable.auto.commit": "false", "auto.offset.reset": "earliest",
	} {
		if got[k] != want {
			t.Errorf("%s is %q, want %q", k, got[k], want)
		}
	}
	if got := s.client(targetCluster, "admin", "x")["bootstrap.servers"]; got != "127.0.0.1:2" {
		t.Errorf("the target's brokers are %q", got)
	}
	// What is not any client's business stays out of the cluster's prefix.
	if got := s.client(sourceCluster, "admin", "x")["fetch.min.bytes"]; got != "" {
		t.Errorf("fetch.min.bytes came through: %q", got)
	}
}
