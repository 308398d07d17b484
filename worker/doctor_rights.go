// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/group"
)

// examineRights asks the brokers what this worker's principal may do. Brokers without an authorizer allow everything.
func (d *doctor) examineRights(ctx context.Context) {
	if len(d.topics) > 0 {
		rights, err := d.asks.TopicRights(ctx, slices.Sorted(maps.Keys(d.topics))...)
		if err != nil {
			d.warn("rights", "%v", err)
			return
		}
		for _, kind := range internalKinds {
			t := d.cfg.internalTopic(kind)
			d.need(t.Key, "topic "+t.Name, rights[t.Name], "READ", "WRITE")
		}
	}
	if d.look != nil {
		d.need("group.id", "group "+d.out.Group, d.look.Rights, "READ")
	}
	if d.cfg.exactlyOnce() == "disabled" {
		return
	}
	// The leader writes to the config topic with one id, and each task of an exactly-once source with its own.
	ids := []string{d.cfg.leaderID()}
	if d.cfg.exactlyOnce() == "enabled" {
		ids = append(ids, d.cfg.transactionalID("any", 0))
	}
	for _, id := range ids {
		if d.asks.Transactional(ctx, id).Refused {
			d.problem("exactly.once.source.support", "this worker's principal lacks the rights DESCRIBE and WRITE on transactional ids such as %s", id)
		}
	}
}

var operations = map[string]int{"READ": group.Read, "WRITE": group.Write}

func (d *doctor) need(about, what string, r group.Rights, names ...string) {
	if !r.Known {
		return
	}
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return r.May(operations[name]) })
	if len(missing) > 0 {
		d.problem(about, "this worker's principal lacks the right %s on %s", strings.Join(missing, " and "), what)
		return
	}
	d.ok(about, "this worker's principal has the rights it needs on %s", what)
}

// examineSinkRights looks at the groups and topics of sinks with the worker's own consumer settings: connectors that
// log in otherwise are left out. What topics sources write to is not known before they do.
func (d *doctor) examineSinkRights(ctx context.Context) {
	type sink struct {
		name, group string
		topics      []string
	}
	var sinks []sink
	groups, topics := map[string]bool{}, map[string]bool{}
	for _, name := range d.names() {
		raw := d.found.Connector(name).Config
		t, err := d.cfg.Transformer.Transform(raw)
		if err != nil || connectorType(propsConfig(raw)) != connectors.SinkKind.String() || logsInOtherwise(t.Props.Strings()) {
			continue
		}
		list, _ := t.Props.Get("topics")
		s := sink{name, kafka.SinkConsumerProps(d.cfg.Props.Strings(), t.Props.Strings(), name, "")["group.id"], splitList(list)}
		sinks = append(sinks, s)
		groups[s.group] = true
		for _, topic := range s.topics {
			topics[topic] = true
		}
	}
	if len(sinks) == 0 {
		return
	}
	cfg, err := kafka.Parse(kafka.RoleConsumer, d.cfg.storeConsumer())
	if err != nil {
		d.problem("consumer.", "%v", err)
		return
	}
	client, err := kafka.NewPlainClient(cfg, d.log)
	if err != nil {
		d.problem("consumer.", "%v", err)
		return
	}
	defer client.Close()
	c := &group.Coordinator{Client: client}
	onGroups, err := c.GroupRights(ctx, slices.Sorted(maps.Keys(groups))...)
	if err != nil {
		d.warn("rights", "%v", err)
	}
	onTopics := map[string]group.Rights{}
	if len(topics) > 0 {
		if onTopics, err = c.TopicRights(ctx, slices.Sorted(maps.Keys(topics))...); err != nil {
			d.warn("rights", "%v", err)
		}
	}
	for _, s := range sinks {
		if r := onGroups[s.group]; !r.May(group.Read) {
			d.problem("connector "+s.name, "the worker's consumers lack the right READ on group %s", s.group)
		}
		for _, topic := range s.topics {
			if r := onTopics[topic]; !r.May(group.Read) {
				d.problem("connector "+s.name, "the worker's consumers lack the right READ on topic %s", topic)
			}
		}
	}
}

// logsInOtherwise says that a connector's consumer has credentials, or a cluster, of its own.
func logsInOtherwise(cfg map[string]string) bool {
	for key := range kafka.WithPrefix(cfg, "consumer.override.") {
		if key == bootstrapKey || key == "security.protocol" || strings.HasPrefix(key, "sasl.") || strings.HasPrefix(key, "ssl.") {
			return true
		}
	}
	return false
}
