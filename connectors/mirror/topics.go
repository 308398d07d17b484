// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/penstock-io/penstock/internal/kafka"
)

// createMissing creates the topics and partitions that the target lacks (computeAndCreateTopicPartitions). What the
// target refuses is logged: tasks of other topics need not wait for it.
func (c *sourceConnector) createMissing(ctx context.Context) error {
	counts, made := map[string]int{}, map[string]int{}
	for _, tp := range c.partitions() {
		counts[tp.Topic]++
	}
	var fresh []string
	for _, topic := range slices.Sorted(maps.Keys(counts)) {
		remote := c.policy.remote(c.source, topic)
		have, exists := c.onTarget[remote]
		switch {
		case !exists:
			fresh = append(fresh, topic)
		case counts[topic] > have:
			grown, err := c.targetAdmin.GrowTopic(ctx, remote, counts[topic])
			if err != nil {
				c.log.Warn("could not create partitions", "topic", remote, "err", err)
			} else if made[remote] = counts[topic]; grown {
				c.log.Info("topic has more partitions now", "topic", remote, "partitions", counts[topic])
			}
		}
	}
	if err := c.createTopics(ctx, fresh, counts, made); err != nil {
		return err
	}
	c.settle(ctx, made)
	return nil
}

// settleTimeout bounds the wait for the target's brokers to tell of what was created.
const settleTimeout = 10 * time.Second

// settle waits until the target tells of topics and partitions that were made: a task that produced before would be told
// that its partition does not exist.
func (c *sourceConnector) settle(ctx context.Context, made map[string]int) {
	if len(made) == 0 {
		return
	}
	limit, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	names := slices.Collect(maps.Keys(made))
	for limit.Err() == nil {
		have, err := c.targetAdmin.DescribeTopics(limit, names...)
		missing := slices.ContainsFunc(names, func(name string) bool { return have[name].Partitions < made[name] })
		if err == nil && !missing {
			return
		}
		pause(limit, 100*time.Millisecond)
	}
	c.log.Warn("the target does not yet tell of all that was created", "topics", len(made))
}

// createTopics creates copies with the partitions and configs of the originals, and adds them to made.
func (c *sourceConnector) createTopics(ctx context.Context, topics []string, partitions, made map[string]int) error {
	if len(topics) == 0 {
		return nil
	}
	configs, err := c.sourceAdmin.TopicConfigEntries(ctx, topics...)
	if err != nil {
		return fmt.Errorf("describe configs for topics on %s cluster: %w", c.source, err)
	}
	for _, topic := range topics {
		remote := c.policy.remote(c.source, topic)
		set := map[string]string{}
		for _, e := range configs[topic] {
			if c.copiesConfig(e) && (!e.Default || c.properties.sourceDefaults) {
				set[e.Name] = e.Value
			}
		}
		created, err := c.targetAdmin.CreateTopic(ctx, kafka.NewTopic{
			Name: remote, Partitions: int32(partitions[topic]), ReplicationFactor: int16(c.v.Int("replication.factor")), Configs: set,
		})
		switch {
		case err != nil:
			c.log.Warn("could not create topic", "topic", remote, "err", err)
		case created:
			made[remote] = partitions[topic]
			c.log.Info("created remote topic", "topic", remote, "partitions", partitions[topic])
		}
	}
	return nil
}

// copiesConfig tells whether a config of a topic is the target's business at all.
func (c *sourceConnector) copiesConfig(e kafka.ConfigEntry) bool {
	return !e.ReadOnly && !e.Sensitive && !e.Static && !c.properties.exclude.match(e.Name)
}

// syncConfigs makes the configs of the copies like those of the originals. What is a default on the source becomes a
// default of the target's own, unless use.defaults.from says otherwise.
func (c *sourceConnector) syncConfigs(ctx context.Context) error {
	var topics []string
	for _, tp := range c.partitions() {
		if _, copied := c.onTarget[c.policy.remote(c.source, tp.Topic)]; copied && tp.Partition == 0 {
			topics = append(topics, tp.Topic)
		}
	}
	configs, err := c.sourceAdmin.TopicConfigEntries(ctx, topics...)
	if err != nil {
		return fmt.Errorf("describe configs for topics on %s cluster: %w", c.source, err)
	}
	changes := map[string][]kafka.ConfigChange{}
	for topic, entries := range configs {
		remote := c.policy.remote(c.source, topic)
		changes[remote] = []kafka.ConfigChange{}
		for _, e := range entries {
			if c.copiesConfig(e) {
				changes[remote] = append(changes[remote], kafka.ConfigChange{Name: e.Name, Value: e.Value, Delete: e.Default && !c.properties.sourceDefaults})
			}
		}
	}
	err = c.targetAdmin.AlterTopicConfigs(ctx, changes)
	if kafka.IsUnsupportedVersion(err) {
		c.cc.RaiseError(fmt.Errorf("the target cluster '%s' is not compatible with IncrementalAlterConfigs API: %w", c.target, err))
	}
	if err != nil && ctx.Err() == nil {
		c.log.Warn("could not alter configuration of topics", "err", err)
	}
	return nil
}

// syncACLs copies the ACLs of topics by name: not those that allow writing, as only the mirror writes copies, and those
// that allow all as rights to read.
func (c *sourceConnector) syncACLs(ctx context.Context) error {
	acls, err := c.sourceAdmin.TopicACLs(ctx)
	if errors.Is(err, kafka.ErrNoAuthorizer) {
		if !c.noAuthorizer {
			c.noAuthorizer = true
			c.log.Info("no ACL authorizer is configured on the source cluster, so no topic ACLs are copied; sync.topic.acls.enabled=false turns the attempts off")
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("describe ACLs on %s cluster: %w", c.source, err)
	}
	var copies []kafka.TopicACL
	for _, acl := range acls {
		if !acl.Deny && acl.Operation == kafka.ACLWrite || !c.shouldCopy(acl.Topic) {
			continue
		}
		if !acl.Deny && acl.Operation == kafka.ACLAll {
			acl.Operation = kafka.ACLRead
		}
		acl.Topic = c.policy.remote(c.source, acl.Topic)
		copies = append(copies, acl)
	}
	if err := c.targetAdmin.CreateTopicACLs(ctx, copies...); err != nil && ctx.Err() == nil {
		c.log.Warn("could not copy ACLs of topics", "err", err)
	}
	return nil
}
