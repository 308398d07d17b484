// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/kafka"
)

// Topic describes one of the internal topics, from the worker's properties.
type Topic struct {
	// Name and Key: config.storage.topic and the like.
	Name, Key string
	// Partitions and Replication are used when the topic has to be made; -1 leaves them to the broker.
	Partitions  int
	Replication int
	// Settings are other settings of the topic, such as config.storage.<name>.
	Settings map[string]string
}

// Clients are what the stores of a worker share. The stores do not close them.
type Clients struct {
	Admin *kafka.Admin
	// Producer writes with acks=all, one request at a time.
	Producer *kafka.Producer
	// Consumer are the properties of the reading clients, ClientID the beginning of their client ids.
	Consumer map[string]string
	ClientID string
	Log      *slog.Logger
}

// ensure makes the topic if it is missing, and refuses one that would lose records (TopicAdmin.createTopics,
// verifyTopicCleanupPolicyOnlyCompact). It returns the number of partitions.
func (t Topic) ensure(ctx context.Context, c Clients) (int, error) {
	settings := maps.Clone(t.Settings)
	if settings == nil {
		settings = map[string]string{}
	}
	settings["cleanup.policy"] = "compact"
	found, err := c.Admin.DescribeTopics(ctx, t.Name)
	if err != nil {
		return 0, fmt.Errorf("look for topic %s (%s): %w", t.Name, t.Key, err)
	}
	if _, ok := found[t.Name]; !ok {
		_, err := c.Admin.CreateTopic(ctx, kafka.NewTopic{
			Name: t.Name, Partitions: int32(t.Partitions), ReplicationFactor: int16(t.Replication), Configs: settings,
		})
		if err != nil {
			return 0, batch.NewFault(batch.ConnectException, fmt.Sprintf("Error while attempting to create/find topic(s) '%s' (%s): %v", t.Name, t.Key, err))
		}
		c.Log.Info("created internal topic", slog.String("topic", t.Name), slog.String("key", t.Key))
	}
	cfg, err := c.Admin.TopicConfig(ctx, t.Name)
	switch {
	case kafka.IsAuthorization(err):
		c.Log.Warn("the cleanup policy of an internal topic cannot be checked: not allowed to describe its configuration",
			slog.String("topic", t.Name))
	case err != nil:
		c.Log.Warn("the cleanup policy of an internal topic cannot be checked", slog.String("topic", t.Name), slog.Any("err", err))
	default:
		if policy := cfg["cleanup.policy"]; strings.TrimSpace(policy) != "compact" {
			return 0, batch.NewFault("org.apache.kafka.common.config.ConfigException", fmt.Sprintf("Topic '%s' supplied via the '%s' property is required to "+
				"have 'cleanup.policy=compact' to guarantee consistency and durability of %s, but found the topic currently has "+
				"'cleanup.policy=%s'. Continuing would likely result in eventually losing %s and problems restarting this Connect cluster "+
				"in the future. Change the '%s' property in the Connect worker configurations to use a topic with 'cleanup.policy=compact'.",
				t.Name, t.Key, t.what(), policy, t.what(), t.Key))
		}
	}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		found, err = c.Admin.DescribeTopics(ctx, t.Name)
		if one, ok := found[t.Name]; err == nil && ok && one.Partitions > 0 {
			return one.Partitions, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for topic %s (%s): %w", t.Name, t.Key, context.Cause(ctx))
		}
	}
}

// what the topic holds, for people.
func (t Topic) what() string {
	switch t.Key {
	case "config.storage.topic":
		return "connector configurations"
	case "status.storage.topic":
		return "connector and task statuses"
	}
	return "source connector offsets"
}

// open makes sure that the topic is there and begins to read it.
func (t Topic) open(ctx context.Context, c Clients, suffix string, onRecord func(*kafka.Record)) (*kafka.TopicLog, int, error) {
	n, err := t.ensure(ctx, c)
	if err != nil {
		return nil, 0, err
	}
	props := maps.Clone(c.Consumer)
	props["client.id"] = c.ClientID + suffix
	l, err := kafka.OpenTopicLog(kafka.TopicLogOptions{
		Consumer: props, Producer: c.Producer, Admin: c.Admin, Topic: t.Name, Partitions: n, OnRecord: onRecord, Log: c.Log,
	})
	if err != nil {
		return nil, 0, err
	}
	return l, n, nil
}
