// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Admin asks and changes what a cluster knows. It is safe for concurrent use.
type Admin struct {
	client *kgo.Client
	adm    *kadm.Client
	cfg    *ClientConfig
}

// NewAdmin makes an admin client of cfg (any role). It connects on first use.
func NewAdmin(cfg *ClientConfig, log *slog.Logger) (*Admin, error) {
	client, err := kgo.NewClient(cfg.forAdmin(log)...)
	if err != nil {
		return nil, fmt.Errorf("open admin client: %w", err)
	}
	adm := kadm.NewClient(client)
	adm.SetTimeoutMillis(int32(min(max(cfg.APITimeout, time.Second), time.Hour) / time.Millisecond))
	return &Admin{client: client, adm: adm, cfg: cfg}, nil
}

// forAdmin leaves a consumer's or producer's own options out: an admin client joins nothing.
func (c *ClientConfig) forAdmin(log *slog.Logger) []kgo.Opt {
	plain := *c
	plain.extra = nil
	return plain.options(log)
}

// Close closes the connections.
func (a *Admin) Close() { a.client.Close() }

// Ping asks any of the bootstrap servers for anything, to tell a wrong address, a refused login or a TLS mismatch
// before more is built on them. Its error is an *UnreachableError naming the servers.
func (a *Admin) Ping(ctx context.Context) error {
	if err := a.client.Ping(ctx); err != nil {
		return &UnreachableError{Bootstrap: a.cfg.Bootstrap, Err: err}
	}
	return nil
}

// ClusterID is the cluster's id, Connect's kafka_cluster_id.
func (a *Admin) ClusterID(ctx context.Context) (string, error) {
	m, err := a.adm.BrokerMetadata(ctx)
	if err != nil {
		return "", &UnreachableError{Bootstrap: a.cfg.Bootstrap, Err: contextError(ctx, err)}
	}
	return m.Cluster, nil
}

// Topic describes a topic.
type Topic struct {
	Name string
	// Partitions is how many it has.
	Partitions int
	// ReplicationFactor is that of its first partition.
	ReplicationFactor int
	// Internal topics are the brokers' own.
	Internal bool
}

// Topics lists all topics, sorted by name.
func (a *Admin) Topics(ctx context.Context) ([]Topic, error) {
	details, err := a.adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return nil, contextError(ctx, err)
	}
	var out []Topic
	for _, d := range details.Sorted() {
		if d.Err == nil {
			out = append(out, topicOf(d))
		}
	}
	return out, nil
}

// DescribeTopics describes topics by name. Those that do not exist are absent from the result; any other error of a
// topic is returned, joined, beside the rest.
func (a *Admin) DescribeTopics(ctx context.Context, names ...string) (map[string]Topic, error) {
	out := make(map[string]Topic, len(names))
	if len(names) == 0 {
		return out, nil
	}
	details, err := a.adm.ListTopicsWithInternal(ctx, names...)
	if err != nil {
		return nil, contextError(ctx, err)
	}
	var errs []error
	for name, d := range details {
		switch {
		case d.Err == nil:
			out[name] = topicOf(d)
		case !errors.Is(d.Err, kerr.UnknownTopicOrPartition):
			errs = append(errs, fmt.Errorf("describe topic %s: %w", name, d.Err))
		}
	}
	return out, errors.Join(errs...)
}

func topicOf(d kadm.TopicDetail) Topic {
	t := Topic{Name: d.Topic, Partitions: len(d.Partitions), Internal: d.IsInternal}
	if p, ok := d.Partitions[0]; ok {
		t.ReplicationFactor = len(p.Replicas)
	}
	return t
}

// TopicConfig returns the effective configs of a topic; a sensitive one has no value and is left out.
func (a *Admin) TopicConfig(ctx context.Context, topic string) (map[string]string, error) {
	all, err := a.adm.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return nil, contextError(ctx, err)
	}
	rc, err := all.On(topic, nil)
	if err == nil {
		err = rc.Err
	}
	if err != nil {
		return nil, fmt.Errorf("describe configs of topic %s: %w", topic, err)
	}
	out := make(map[string]string, len(rc.Configs))
	for _, c := range rc.Configs {
		if c.Value != nil {
			out[c.Key] = *c.Value
		}
	}
	return out, nil
}

// BrokerDefault asks for a topic to be created with the broker's own number of partitions or replication factor.
const BrokerDefault = -1

// NewTopic is a topic to create.
type NewTopic struct {
	Name string
	// Partitions and ReplicationFactor may be BrokerDefault.
	Partitions        int32
	ReplicationFactor int16
	Configs           map[string]string
}

// CreateTopic creates a topic and reports whether it did: false with no error means that it existed.
func (a *Admin) CreateTopic(ctx context.Context, t NewTopic) (bool, error) {
	configs := make(map[string]*string, len(t.Configs))
	for k, v := range t.Configs {
		configs[k] = &v
	}
	resp, err := a.adm.CreateTopic(ctx, t.Partitions, t.ReplicationFactor, configs, t.Name)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, kerr.TopicAlreadyExists):
		return false, nil
	case resp.ErrMessage != "":
		err = fmt.Errorf("%w (%s)", err, resp.ErrMessage)
	}
	return false, fmt.Errorf("create topic %s: %w", t.Name, contextError(ctx, err))
}

// DeleteTopic deletes a topic; one that does not exist is no error.
func (a *Admin) DeleteTopic(ctx context.Context, topic string) error {
	if _, err := a.adm.DeleteTopic(ctx, topic); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("delete topic %s: %w", topic, contextError(ctx, err))
	}
	return nil
}

// EndOffsets returns the high watermark of each partition; committed asks for the last stable offset instead.
func (a *Admin) EndOffsets(ctx context.Context, committed bool, tps ...TopicPartition) (map[TopicPartition]int64, error) {
	if committed {
		return listOffsets(ctx, a.adm.ListCommittedOffsets, tps)
	}
	return listOffsets(ctx, a.adm.ListEndOffsets, tps)
}

// StartOffsets returns the first offset of each partition.
func (a *Admin) StartOffsets(ctx context.Context, tps ...TopicPartition) (map[TopicPartition]int64, error) {
	return listOffsets(ctx, a.adm.ListStartOffsets, tps)
}

// listOffsets asks for whole topics and keeps the partitions wanted. What failed is returned, joined, beside the rest.
func listOffsets(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error), tps []TopicPartition) (map[TopicPartition]int64, error) {
	out := make(map[TopicPartition]int64, len(tps))
	if len(tps) == 0 {
		return out, nil
	}
	listed, err := list(ctx, slices.Collect(maps.Keys(byTopic(tps)))...)
	if err != nil && len(listed) == 0 {
		return nil, contextError(ctx, err)
	}
	var errs []error
	for _, tp := range tps {
		o, ok := listed.Lookup(tp.Topic, tp.Partition)
		switch {
		case !ok:
			errs = append(errs, &PartitionError{tp, kerr.UnknownTopicOrPartition})
		case o.Err != nil:
			errs = append(errs, &PartitionError{tp, o.Err})
		default:
			out[tp] = o.Offset
		}
	}
	return out, errors.Join(errs...)
}

// GroupOffsets returns what a group has committed. A group that does not exist has committed nothing.
func (a *Admin) GroupOffsets(ctx context.Context, group string) (map[TopicPartition]Offset, error) {
	resp, err := a.adm.FetchOffsets(ctx, group)
	if err != nil {
		if errors.Is(err, kerr.GroupIDNotFound) {
			return map[TopicPartition]Offset{}, nil
		}
		return nil, fmt.Errorf("fetch offsets of group %s: %w", group, contextError(ctx, err))
	}
	out := make(map[TopicPartition]Offset)
	var errs []error
	resp.Each(func(o kadm.OffsetResponse) {
		tp := TopicPartition{o.Topic, o.Partition}
		switch {
		case o.Err != nil:
			errs = append(errs, &PartitionError{tp, o.Err})
		case o.At >= 0:
			out[tp] = Offset{Offset: o.At, LeaderEpoch: o.LeaderEpoch, Metadata: o.Metadata}
		}
	})
	return out, errors.Join(errs...)
}

// AlterGroupOffsets sets offsets of a group without members. One with members answers UNKNOWN_MEMBER_ID; see GroupInUse.
func (a *Admin) AlterGroupOffsets(ctx context.Context, group string, offsets map[TopicPartition]Offset) error {
	if len(offsets) == 0 {
		return nil
	}
	os := make(kadm.Offsets)
	for tp, o := range offsets {
		os.Add(kadm.Offset{Topic: tp.Topic, Partition: tp.Partition, At: o.Offset, LeaderEpoch: o.LeaderEpoch, Metadata: o.Metadata})
	}
	resp, err := a.adm.CommitOffsets(ctx, group, os)
	if err != nil {
		return fmt.Errorf("alter offsets of group %s: %w", group, contextError(ctx, err))
	}
	var errs []error
	resp.Each(func(o kadm.OffsetResponse) {
		if o.Err != nil {
			errs = append(errs, fmt.Errorf("alter offsets of group %s: %w", group, &PartitionError{TopicPartition{o.Topic, o.Partition}, o.Err}))
		}
	})
	return errors.Join(errs...)
}

// DeleteGroupOffsets forgets what a group has committed for some partitions. A group that does not exist is no error.
func (a *Admin) DeleteGroupOffsets(ctx context.Context, group string, tps ...TopicPartition) error {
	if len(tps) == 0 {
		return nil
	}
	set := make(kadm.TopicsSet)
	for _, tp := range tps {
		set.Add(tp.Topic, tp.Partition)
	}
	resp, err := a.adm.DeleteOffsets(ctx, group, set)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete offsets of group %s: %w", group, contextError(ctx, err))
	}
	var errs []error
	for topic, ps := range resp {
		for p, err := range ps {
			if err != nil {
				errs = append(errs, fmt.Errorf("delete offsets of group %s: %w", group, &PartitionError{TopicPartition{topic, p}, err}))
			}
		}
	}
	return errors.Join(errs...)
}

// DeleteGroup deletes a group with its offsets. One that does not exist is no error.
func (a *Admin) DeleteGroup(ctx context.Context, group string) error {
	_, err := a.adm.DeleteGroup(ctx, group)
	if err == nil || errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	return fmt.Errorf("delete group %s: %w", group, contextError(ctx, err))
}

// GroupInUse reports that offsets could not be changed because the group has members.
func GroupInUse(err error) bool {
	for _, e := range []error{kerr.NonEmptyGroup, kerr.UnknownMemberID, kerr.GroupSubscribedToTopic, kerr.RebalanceInProgress} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// FenceProducers starts and drops a transaction session of each transactional id, which aborts what an older producer
// of that id had open and shuts it out.
func (a *Admin) FenceProducers(ctx context.Context, timeout time.Duration, transactionalIDs ...string) error {
	var errs []error
	for _, id := range transactionalIDs {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID = &id
		req.TransactionTimeoutMillis = int32(min(max(timeout, time.Millisecond), time.Hour) / time.Millisecond)
		req.ProducerID, req.ProducerEpoch = -1, -1
		resp, err := req.RequestWith(ctx, a.client)
		if err == nil {
			err = brokerError(resp.ErrorCode, nil)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("fence producer %s: %w", id, contextError(ctx, err)))
		}
	}
	return errors.Join(errs...)
}
