// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/regex"
	"github.com/penstock-io/penstock/internal/kafka"
)

// topicCreation makes topics that a source writes to, when its configuration asks for it (KIP-158). Otherwise creation is
// left to the broker.
type topicCreation struct {
	groups []topicGroup // the default group last; empty: not active
	admin  *kafka.Admin
}

// topicGroup is one of topic.creation.groups.
type topicGroup struct {
	name             string
	include, exclude *regex.Regex
	partitions       int32
	replication      int16
	configs          map[string]string
}

const creationPrefix = "topic.creation."

func newTopicCreation(t *Task) (*topicCreation, error) {
	tc := &topicCreation{}
	if text, ok := t.o.Worker.Get("topic.creation.enable"); ok && strings.EqualFold(strings.TrimSpace(text), "false") {
		return tc, nil
	}
	active := false
	for k := range t.o.Config {
		active = active || strings.HasPrefix(k, creationPrefix)
	}
	if !active {
		return tc, nil
	}
	dflt, err := newTopicGroup(t.o.Config, "default", nil)
	if err != nil {
		return nil, err
	}
	for _, name := range splitList(t.o.Config["topic.creation.groups"]) {
		if name == "default" {
			continue
		}
		g, err := newTopicGroup(t.o.Config, name, dflt)
		if err != nil {
			return nil, err
		}
		tc.groups = append(tc.groups, *g)
	}
	tc.groups = append(tc.groups, *dflt)
	cfg, err := kafka.Parse(kafka.RoleAdmin, kafka.AdminProps(t.o.Worker.Strings(), t.o.Config, kafka.AdminClientID(t.id)))
	if err != nil {
		return nil, fmt.Errorf("configure the admin client: %w", err)
	}
	if tc.admin, err = kafka.NewAdmin(cfg, t.o.Log); err != nil {
		return nil, fmt.Errorf("open the admin client: %w", err)
	}
	return tc, nil
}

// newTopicGroup reads one group; what it lacks it inherits from the default group.
func newTopicGroup(cfg map[string]string, name string, dflt *topicGroup) (*topicGroup, error) {
	prefix := creationPrefix + name + "."
	g := &topicGroup{name: name, configs: map[string]string{}}
	if dflt != nil {
		g.partitions, g.replication = dflt.partitions, dflt.replication
	}
	for k, v := range cfg {
		key, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		v = strings.TrimSpace(v)
		switch key {
		case "partitions", "replication.factor":
			n, err := strconv.Atoi(v)
			if err != nil || n == 0 || n < -1 {
				return nil, config.Invalid(k, v, "must be a number of at least 1, or -1 to use the broker's default")
			}
			if key == "partitions" {
				g.partitions = int32(n)
			} else {
				g.replication = int16(n)
			}
		case "include", "exclude":
			re, err := regex.Compile(strings.Join(splitList(v), "|"))
			if err != nil {
				return nil, config.Invalid(k, v, err.Error())
			}
			if key == "include" {
				g.include = re
			} else {
				g.exclude = re
			}
		default:
			g.configs[key] = v
		}
	}
	if g.partitions == 0 {
		return nil, config.Plain(prefix+"partitions", `Missing required configuration "`+prefix+`partitions" which has no default value.`)
	}
	if g.replication == 0 {
		return nil, config.Plain(prefix+"replication.factor", `Missing required configuration "`+prefix+`replication.factor" which has no default value.`)
	}
	return g, nil
}

func (g *topicGroup) matches(topic string) (bool, error) {
	if g.exclude != nil {
		if ok, err := g.exclude.Matches(topic); ok || err != nil {
			return false, err
		}
	}
	if g.include == nil {
		return g.name == "default", nil
	}
	return g.include.Matches(topic)
}

// ensure creates a topic that does not exist yet. It is called once per topic and task.
func (tc *topicCreation) ensure(ctx context.Context, topic string) error {
	if tc.admin == nil {
		return nil
	}
	have, err := tc.admin.DescribeTopics(ctx, topic)
	if err != nil {
		return fmt.Errorf("look for topic %s: %w", topic, err)
	}
	if _, ok := have[topic]; ok {
		return nil
	}
	for i := range tc.groups {
		g := &tc.groups[i]
		ok, err := g.matches(topic)
		if err != nil {
			return fmt.Errorf("match topic %s with topic.creation group %s: %w", topic, g.name, err)
		}
		if !ok {
			continue
		}
		_, err = tc.admin.CreateTopic(ctx, kafka.NewTopic{Name: topic, Partitions: g.partitions, ReplicationFactor: g.replication, Configs: g.configs})
		if err != nil {
			return fmt.Errorf("create topic %s (group %s): %w", topic, g.name, err)
		}
		return nil
	}
	return nil
}

func (tc *topicCreation) close() {
	if tc.admin != nil {
		tc.admin.Close()
	}
}
