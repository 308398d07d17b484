// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What mirroring asks of a cluster beyond admin.go: configs of topics with where they come from, more partitions, and
// rights on topics.

// ConfigEntry is one config of a topic (org.apache.kafka.clients.admin.ConfigEntry).
type ConfigEntry struct {
	Name string
	// Value is "" for null, which sensitive entries have.
	Value string
	// Default: the topic does not set it; the broker's or Kafka's own default counts.
	Default bool
	// Static: the value is from a broker's properties file (STATIC_BROKER_CONFIG).
	Static bool
	// ReadOnly and Sensitive as the broker says.
	ReadOnly, Sensitive bool
}

// TopicConfigEntries describes all configs of some topics. Topics that cannot be described are joined in the error,
// beside the rest.
func (a *Admin) TopicConfigEntries(ctx context.Context, topics ...string) (map[string][]ConfigEntry, error) {
	out := make(map[string][]ConfigEntry, len(topics))
	if len(topics) == 0 {
		return out, nil
	}
	req := kmsg.NewPtrDescribeConfigsRequest()
	for _, t := range topics {
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, t
		req.Resources = append(req.Resources, r)
	}
	var errs []error
	for _, shard := range a.client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return nil, fmt.Errorf("describe configs of topics: %w", contextError(ctx, shard.Err))
		}
		for _, r := range shard.Resp.(*kmsg.DescribeConfigsResponse).Resources {
			if err := brokerError(r.ErrorCode, r.ErrorMessage); err != nil {
				errs = append(errs, fmt.Errorf("describe configs of topic %s: %w", r.ResourceName, err))
				continue
			}
			entries := make([]ConfigEntry, len(r.Configs))
			for i := range r.Configs {
				entries[i] = configEntry(&r.Configs[i])
			}
			out[r.ResourceName] = entries
		}
	}
	return out, errors.Join(errs...)
}

func configEntry(c *kmsg.DescribeConfigsResponseResourceConfig) ConfigEntry {
	e := ConfigEntry{
		Name: c.Name, ReadOnly: c.ReadOnly, Sensitive: c.IsSensitive,
		// Java's client takes version 0's flag where there is no source.
		Default: c.Source == kmsg.ConfigSourceDefaultConfig || c.IsDefault,
		Static:  c.Source == kmsg.ConfigSourceStaticBrokerConfig,
	}
	if c.Value != nil {
		e.Value = *c.Value
	}
	return e
}

// GrowTopic raises the number of partitions of a topic to n. It reports false with no error when the topic has as many
// already.
func (a *Admin) GrowTopic(ctx context.Context, topic string, n int) (bool, error) {
	resps, err := a.adm.UpdatePartitions(ctx, n, topic)
	if err != nil {
		return false, contextError(ctx, err)
	}
	resp, err := resps.On(topic, nil)
	if err == nil {
		err = resp.Err
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, kerr.InvalidPartitions):
		return false, nil
	}
	return false, fmt.Errorf("create partitions of topic %s: %w", topic, err)
}

// ConfigChange sets a config of a topic, or returns it to its default.
type ConfigChange struct {
	Name, Value string
	Delete      bool
}

// AlterTopicConfigs changes configs of topics, leaving those not named alone (KIP-339). Topics that refuse are joined in
// the error; the others were changed.
func (a *Admin) AlterTopicConfigs(ctx context.Context, changes map[string][]ConfigChange) error {
	if len(changes) == 0 {
		return nil
	}
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	for topic, list := range changes {
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, topic
		for _, c := range list {
			k := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			k.Name, k.Op = c.Name, kmsg.IncrementalAlterConfigOpSet
			if c.Delete {
				k.Op = kmsg.IncrementalAlterConfigOpDelete
			} else {
				k.Value = kmsg.StringPtr(c.Value)
			}
			r.Configs = append(r.Configs, k)
		}
		req.Resources = append(req.Resources, r)
	}
	var errs []error
	for _, shard := range a.client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return fmt.Errorf("alter configs of topics: %w", contextError(ctx, shard.Err))
		}
		for _, r := range shard.Resp.(*kmsg.IncrementalAlterConfigsResponse).Resources {
			if err := brokerError(r.ErrorCode, r.ErrorMessage); err != nil {
				errs = append(errs, fmt.Errorf("alter configs of topic %s: %w", r.ResourceName, err))
			}
		}
	}
	return errors.Join(errs...)
}

// TopicACL is a right on one topic, by its literal name (org.apache.kafka.common.acl.AclBinding).
type TopicACL struct {
	Topic, Principal, Host string
	// Operation and Deny are the entry's; operations are compared with ACLAll, ACLRead and ACLWrite.
	Operation ACLOperation
	Deny      bool
}

// ACLOperation is what an ACL is about, with Kafka's codes.
type ACLOperation int8

// The operations that mirroring tells apart.
const (
	ACLAll   = ACLOperation(kmsg.ACLOperationAll)
	ACLRead  = ACLOperation(kmsg.ACLOperationRead)
	ACLWrite = ACLOperation(kmsg.ACLOperationWrite)
)

// ErrNoAuthorizer means that a cluster knows no ACLs (SecurityDisabledException).
var ErrNoAuthorizer = errors.New("no authorizer is configured on the cluster")

// TopicACLs lists the ACLs on topics by literal names.
func (a *Admin) TopicACLs(ctx context.Context) ([]TopicACL, error) {
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType = kmsg.ACLResourceTypeTopic
	req.ResourcePatternType = kmsg.ACLResourcePatternTypeAny
	req.Operation = kmsg.ACLOperationAny
	req.PermissionType = kmsg.ACLPermissionTypeAny
	resp, err := req.RequestWith(ctx, a.client)
	if err == nil {
		err = brokerError(resp.ErrorCode, resp.ErrorMessage)
	}
	switch {
	case errors.Is(err, kerr.SecurityDisabled):
		return nil, ErrNoAuthorizer
	case err != nil:
		return nil, fmt.Errorf("describe ACLs: %w", contextError(ctx, err))
	}
	var out []TopicACL
	for _, r := range resp.Resources {
		if r.ResourceType != kmsg.ACLResourceTypeTopic || r.ResourcePatternType != kmsg.ACLResourcePatternTypeLiteral {
			continue
		}
		for _, acl := range r.ACLs {
			out = append(out, TopicACL{
				Topic: r.ResourceName, Principal: acl.Principal, Host: acl.Host,
				Operation: ACLOperation(acl.Operation), Deny: acl.PermissionType == kmsg.ACLPermissionTypeDeny,
			})
		}
	}
	return out, nil
}

// CreateTopicACLs adds ACLs. Those refused are joined in the error; the others were added.
func (a *Admin) CreateTopicACLs(ctx context.Context, acls ...TopicACL) error {
	if len(acls) == 0 {
		return nil
	}
	req := kmsg.NewPtrCreateACLsRequest()
	for _, acl := range acls {
		c := kmsg.NewCreateACLsRequestCreation()
		c.ResourceType, c.ResourceName, c.ResourcePatternType = kmsg.ACLResourceTypeTopic, acl.Topic, kmsg.ACLResourcePatternTypeLiteral
		c.Principal, c.Host, c.Operation = acl.Principal, acl.Host, kmsg.ACLOperation(acl.Operation)
		c.PermissionType = kmsg.ACLPermissionTypeAllow
		if acl.Deny {
			c.PermissionType = kmsg.ACLPermissionTypeDeny
		}
		req.Creations = append(req.Creations, c)
	}
	resp, err := req.RequestWith(ctx, a.client)
	if err != nil {
		return fmt.Errorf("create ACLs: %w", contextError(ctx, err))
	}
	var errs []error
	for i, r := range resp.Results {
		if err := brokerError(r.ErrorCode, r.ErrorMessage); err != nil && i < len(acls) {
			errs = append(errs, fmt.Errorf("create ACL on topic %s: %w", acls[i].Topic, err))
		}
	}
	return errors.Join(errs...)
}

// IsUnsupportedVersion reports a request that a broker is too old for.
func IsUnsupportedVersion(err error) bool { return errors.Is(err, kerr.UnsupportedVersion) }

// Group is a consumer group as a listing shows it.
type Group struct {
	Name string
	// State is Empty, Stable, Dead, PreparingRebalance, CompletingRebalance; "" when the broker does not tell.
	State string
	// Consumers: it is a consumer group, and not one of Connect workers or other users of the protocol.
	Consumers bool
}

// Groups lists the groups of a cluster, sorted by name.
func (a *Admin) Groups(ctx context.Context) ([]Group, error) {
	listed, err := a.adm.ListGroups(ctx)
	if err != nil && len(listed) == 0 {
		return nil, fmt.Errorf("list groups: %w", contextError(ctx, err))
	}
	var out []Group
	for _, g := range listed.Sorted() {
		out = append(out, Group{Name: g.Group, State: g.State, Consumers: g.ProtocolType == "consumer" || g.ProtocolType == ""})
	}
	return out, nil
}

// GroupStates describes groups by name. A group that does not exist is Dead.
func (a *Admin) GroupStates(ctx context.Context, groups ...string) (map[string]string, error) {
	described, err := a.adm.DescribeGroups(ctx, groups...)
	if err != nil && len(described) == 0 {
		return nil, fmt.Errorf("describe groups: %w", contextError(ctx, err))
	}
	out := make(map[string]string, len(groups))
	for _, g := range groups {
		out[g] = "Dead"
	}
	var errs []error
	for name, g := range described {
		switch {
		case g.Err == nil:
			out[name] = g.State
		case !errors.Is(g.Err, kerr.GroupIDNotFound):
			delete(out, name)
			errs = append(errs, fmt.Errorf("describe group %s: %w", name, g.Err))
		}
	}
	return out, errors.Join(errs...)
}
