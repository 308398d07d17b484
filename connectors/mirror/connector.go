// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/kafka"
)

// sourceConnector is MirrorSourceConnector: it knows which topic-partitions there are, keeps the target's topics like the
// source's, and deals topic-partitions to tasks.
type sourceConnector struct {
	*settings
	topics     filter
	properties propertyFilter
	cc         connectors.ConnectorContext
	log        *slog.Logger

	sourceAdmin, targetAdmin *kafka.Admin
	jobs                     *schedule
	late                     atomic.Bool // Start has returned
	noAuthorizer             bool        // said once

	mu       sync.Mutex             // guards known, which TaskConfigs reads
	known    []kafka.TopicPartition // of the source, in the order they are dealt
	onTarget map[string]int         // partitions of the target's copies, by the copies' names; the jobs' own
}

func newSourceConnector(cfg map[string]string) (connectors.Connector, error) {
	s, err := newSettings(sourceDef(), cfg, false)
	if err != nil {
		return nil, err
	}
	c := &sourceConnector{settings: s}
	if c.topics, err = newFilter(s.v, topicFilterKey, mirrorPackage+"DefaultTopicFilter", "topics", "topics.exclude"); err != nil {
		return nil, err
	}
	c.properties, err = newPropertyFilter(s.v)
	return c, err
}

// Start looks at both clusters, creates what the target lacks, and goes on doing so.
func (c *sourceConnector) Start(ctx context.Context, cc connectors.ConnectorContext) error {
	c.cc, c.log = cc, cc.Log
	if !c.v.Bool("enabled") {
		return nil
	}
	var err error
	if c.sourceAdmin, err = c.admin(sourceCluster, "replication-source-admin", c.log); err != nil {
		return err
	}
	if c.targetAdmin, err = c.admin(targetCluster, "replication-target-admin", c.log); err != nil {
		return err
	}
	c.jobs = &schedule{log: c.log, timeout: c.adminTimeout()}
	c.jobs.first("creating upstream offset-syncs topic", c.createSyncsTopic)
	c.jobs.first("loading initial set of topic-partitions", c.load)
	c.jobs.first("creating downstream topic-partitions", c.createMissing)
	c.jobs.first("refreshing known target topics", c.loadTarget)
	c.jobs.first("starting tasks", c.startTasks)
	c.jobs.repeat("syncing topic ACLs", c.interval("sync.topic.acls"), false, c.syncACLs)
	c.jobs.repeat("syncing topic configs", c.interval("sync.topic.configs"), false, c.syncConfigs)
	c.jobs.repeat("refreshing topics", c.interval("refresh.topics"), true, c.refresh)
	c.jobs.start(ctx)
	c.late.Store(true)
	c.log.Info("mirroring", "source", c.source, "target", c.target, "partitions", len(c.partitions()))
	return nil
}

// admin opens an admin client of one end.
func (s *settings) admin(end cluster, what string, log *slog.Logger) (*kafka.Admin, error) {
	cfg, err := s.parseClient(kafka.RoleAdmin, end, "admin", what)
	if err != nil {
		return nil, err
	}
	return kafka.NewAdmin(cfg, log)
}

// Stop ends the jobs and closes the clients.
func (c *sourceConnector) Stop() error {
	if c.jobs != nil {
		c.jobs.stop()
	}
	for _, a := range []*kafka.Admin{c.sourceAdmin, c.targetAdmin} {
		if a != nil {
			a.Close()
		}
	}
	return nil
}

func (c *sourceConnector) partitions() []kafka.TopicPartition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known
}

// TaskConfigs deals the topic-partitions round robin: neighbours, which have like traffic, go to different tasks.
func (c *sourceConnector) TaskConfigs(most int) ([]map[string]string, error) {
	known := c.partitions()
	if !c.v.Bool("enabled") {
		return nil, nil
	}
	n := min(most, len(known))
	var tasks []map[string]string
	for i := range n {
		var share []string
		for k := i; k < len(known); k += n {
			share = append(share, known[k].String())
		}
		tasks = append(tasks, c.taskConfig(partitionsKey, strings.Join(share, ","), strconv.Itoa(i)))
	}
	return tasks, nil
}

// createSyncsTopic makes the offset-syncs topic, on the end it belongs to.
func (c *sourceConnector) createSyncsTopic(ctx context.Context) error {
	if !c.v.Bool(emitSyncsKey) {
		return nil
	}
	end := c.syncsEnd()
	admin, err := c.admin(end, "offset-syncs-"+string(end)+"-admin", c.log)
	if err != nil {
		return err
	}
	defer admin.Close()
	return createCompacted(ctx, admin, c.syncsTopic(), c.v.Short("offset-syncs.topic.replication.factor"), c.log)
}

// createCompacted makes a topic of one partition that keeps the last record of each key. As in Connect one that may not
// be created is believed to exist.
func createCompacted(ctx context.Context, admin *kafka.Admin, topic string, replication int16, log *slog.Logger) error {
	created, err := admin.CreateTopic(ctx, kafka.NewTopic{
		Name: topic, Partitions: 1, ReplicationFactor: replication, Configs: map[string]string{"cleanup.policy": "compact"},
	})
	switch {
	case created:
		log.Info("created topic", "topic", topic)
	case kafka.IsAuthorization(err):
		log.Warn("not allowed to create a topic; it is taken to exist", "topic", topic, "err", err)
		err = nil
	}
	return err
}

// shouldCopy tells whether a topic of the source is copied.
func (c *sourceConnector) shouldCopy(topic string) bool {
	wanted := c.topics.match(topic) || c.v.Bool("heartbeats.replication.enabled") && c.policy.isHeartbeats(topic)
	return wanted && !c.policy.isInternal(topic) && !c.policy.isCycle(topic, c.target)
}

func (c *sourceConnector) load(ctx context.Context) error {
	known, err := c.findSource(ctx)
	if err != nil {
		return err
	}
	if err := c.loadTarget(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	c.known = known
	c.mu.Unlock()
	return nil
}

// startTasks asks for tasks when Start did not wait until there was something to deal.
func (c *sourceConnector) startTasks(context.Context) error {
	if c.late.Load() {
		c.cc.RequestTaskReconfiguration()
	}
	return nil
}

func (c *sourceConnector) loadTarget(ctx context.Context) (err error) {
	c.onTarget, err = c.findTarget(ctx)
	return err
}

// findSource lists the topic-partitions to copy, in the order in which Java's admin client would: that of a HashMap by
// topic. The order decides which task gets what.
func (c *sourceConnector) findSource(ctx context.Context) ([]kafka.TopicPartition, error) {
	topics, err := c.sourceAdmin.Topics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics on %s cluster: %w", c.source, err)
	}
	var chosen []kafka.Topic
	var names []string
	for _, t := range topics {
		if !t.Internal && c.shouldCopy(t.Name) {
			chosen = append(chosen, t)
			names = append(names, t.Name)
		}
	}
	var known []kafka.TopicPartition
	for _, at := range text.AppendHashOrder(nil, names, len(names)) {
		for p := range chosen[at].Partitions {
			known = append(known, kafka.TopicPartition{Topic: names[at], Partition: int32(p)})
		}
	}
	return known, nil
}

// findTarget counts the partitions of the target's copies of the source's topics.
func (c *sourceConnector) findTarget(ctx context.Context) (map[string]int, error) {
	topics, err := c.targetAdmin.Topics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics on %s cluster: %w", c.target, err)
	}
	out := map[string]int{}
	for _, t := range topics {
		source, ok := c.policy.sourceOf(t.Name)
		if !t.Internal && ok && source == c.source && t.Name != c.policy.checkpointsTopic(c.source) {
			out[t.Name] = t.Partitions
		}
	}
	return out, nil
}

// refresh looks for topic-partitions that came, went, or are missing on the target.
func (c *sourceConnector) refresh(ctx context.Context) error {
	now, err := c.findSource(ctx)
	if err != nil {
		return err
	}
	if err := c.loadTarget(ctx); err != nil {
		return err
	}
	before := c.partitions()
	added, gone := without(now, before), without(before, now)
	missing := 0
	for _, tp := range now {
		// The identity policy finds every topic of the target to be a copy; other policies only those of this source.
		if int(tp.Partition) >= c.onTarget[c.policy.remote(c.source, tp.Topic)] {
			missing++
		}
	}
	if len(added) == 0 && len(gone) == 0 && missing == 0 {
		return nil
	}
	c.log.Info("topic-partitions have changed", "source", c.source, "target", c.target, "new", len(added), "deleted", len(gone), "missing_on_target", missing)
	c.mu.Lock()
	c.known = now
	c.mu.Unlock()
	err = c.createMissing(ctx)
	c.cc.RequestTaskReconfiguration()
	return err
}

// without returns those of a that are not in b.
func without(a, b []kafka.TopicPartition) []kafka.TopicPartition {
	have := make(map[kafka.TopicPartition]bool, len(b))
	for _, tp := range b {
		have[tp] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(tp kafka.TopicPartition) bool { return have[tp] })
}

// validateSource is MirrorSourceConnector.validate beyond the table.
func validateSource(cfg map[string]string) []config.Error {
	var errs []config.Error
	if cfg["exactly.once.support"] == "required" && !readCommitted(cfg) {
		errs = append(errs, *config.Plain("exactly.once.support", "MirrorSourceConnector can only provide exactly-once guarantees when its source consumer is configured with "+
			"isolation.level set to 'read_committed'; otherwise, records from aborted and uncommitted transactions will be replicated from the "+
			"source cluster to the target cluster."))
	}
	if cfg[emitSyncsKey] == "false" {
		for k := range cfg {
			if strings.HasPrefix(k, "offset-syncs-") || strings.HasPrefix(k, "offset-syncs.topic.") {
				errs = append(errs, *config.Plain(emitSyncsKey, "MirrorSourceConnector can't setup offset-syncs feature while emit.offset-syncs.enabled set to false"))
				break
			}
		}
	}
	return append(errs, supported(newSourceConnector, cfg)...)
}

// supported finds settings that Java takes and this package does not, such as classes of others.
func supported(make func(map[string]string) (connectors.Connector, error), cfg map[string]string) []config.Error {
	_, err := make(cfg)
	var e *config.Error
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Key {
	case policyClassKey, topicFilterKey, propertyFilterKey, "group.filter.class", "forwarding.admin.class", "topics", "topics.exclude", "config.properties.exclude", "groups", "groups.exclude":
		return []config.Error{*e}
	}
	return nil // the table has told of it
}

// readCommitted tells whether the source's consumer leaves out what transactions have not committed.
func readCommitted(cfg map[string]string) bool {
	return clientProps(cfg, sourceCluster, "consumer")["isolation.level"] == "read_committed"
}
