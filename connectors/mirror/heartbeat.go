// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"encoding/binary"
	"log/slog"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/java/jackson"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/kafka"
)

const heartbeatClass = mirrorPackage + "MirrorHeartbeatConnector"

func heartbeatDef() config.Def { return kafkadefs.MustGet(heartbeatClass) }

// heartbeatConnector is MirrorHeartbeatConnector: one task writes the time to the target's heartbeats topic. Mirrored on, it
// tells which clusters data comes from, and how late.
type heartbeatConnector struct {
	*settings
	admin *kafka.Admin
	jobs  *schedule
}

func newHeartbeatConnector(cfg map[string]string) (connectors.Connector, error) {
	s, err := newSettings(heartbeatDef(), cfg, false)
	if err != nil {
		return nil, err
	}
	return &heartbeatConnector{settings: s}, nil
}

// Start creates the heartbeats topic.
func (c *heartbeatConnector) Start(ctx context.Context, cc connectors.ConnectorContext) error {
	var err error
	if c.admin, err = c.settings.admin(targetCluster, "heartbeats-target-admin", cc.Log); err != nil {
		return err
	}
	c.jobs = &schedule{log: cc.Log, timeout: c.adminTimeout()}
	c.jobs.first("creating internal topics", func(ctx context.Context) error {
		return createCompacted(ctx, c.admin, heartbeatsTopic, c.v.Short("heartbeats.topic.replication.factor"), cc.Log)
	})
	c.jobs.start(ctx)
	return nil
}

// TaskConfigs makes one task, or none when emit.heartbeats.enabled is false.
func (c *heartbeatConnector) TaskConfigs(int) ([]map[string]string, error) {
	if c.interval("emit.heartbeats") < 0 {
		return nil, nil
	}
	return []map[string]string{c.props}, nil
}

// Stop closes the client.
func (c *heartbeatConnector) Stop() error {
	if c.jobs != nil {
		c.jobs.stop()
	}
	if c.admin != nil {
		c.admin.Close()
	}
	return nil
}

// AlterOffsets checks offsets set through REST, as MirrorHeartbeatConnector.alterOffsets does. Nothing reads them.
func (*heartbeatConnector) AlterOffsets(_ map[string]string, offsets []connectors.PartitionOffset) (bool, error) {
	return true, offsetRules{texts: []string{"sourceClusterAlias", "targetClusterAlias"}, onlyZero: true}.check(offsets)
}

// Heartbeat writes a record each emit.heartbeats.interval.seconds (MirrorHeartbeatTask): the aliases of the two clusters as
// key, version 0 and the time as value.
type Heartbeat struct {
	log       *slog.Logger
	interval  time.Duration
	next      time.Time
	key       []byte
	partition []byte // source partition
}

// Open reads the configuration. The first heartbeat comes after one interval.
func (h *Heartbeat) Open(_ context.Context, c connectors.TaskContext) error {
	s, err := newSettings(heartbeatDef(), c.Config, true)
	if err != nil {
		return err
	}
	h.log, h.interval = c.Log, s.interval("emit.heartbeats")
	h.next = time.Now().Add(h.interval)
	h.key = appendString(appendString(nil, s.source), s.target)
	h.partition = hashJSON([]string{"sourceClusterAlias", "targetClusterAlias"}, []string{s.source, s.target})
	return nil
}

// appendString appends Kafka's STRING: a length of two bytes, and the text.
func appendString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

// hashJSON is a map of texts as the JVM worker stores it, in the order of a HashMap.
func hashJSON(keys, values []string) []byte {
	out := []byte{'{'}
	for i, at := range text.HashOrder(keys) {
		if i > 0 {
			out = append(out, ',')
		}
		out = jackson.AppendString(out, keys[at])
		out = jackson.AppendString(append(out, ':'), values[at])
	}
	return append(out, '}')
}

// longestPoll is how long a poll waits at most, so that a pause is noticed.
const longestPoll = time.Second

// Poll implements connectors.Source.
func (h *Heartbeat) Poll(ctx context.Context, b *batch.Batch) error {
	if wait := time.Until(h.next); wait > 0 {
		pause(ctx, min(wait, longestPoll))
		if wait > longestPoll || ctx.Err() != nil {
			return nil
		}
	}
	now := time.Now()
	h.next = now.Add(h.interval)
	millis := now.UnixMilli()
	value := binary.BigEndian.AppendUint64([]byte{0, 0}, uint64(millis))
	addRow(b, heartbeatsTopic, h.key, value, millis, h.partition)
	return nil
}

// addRow makes the one row of b: bytes for partition 0, with source offset 0.
func addRow(b *batch.Batch, topic string, key, value []byte, millis int64, partition []byte) {
	k, v := b.NewColumn(batch.BytesSchema), b.NewColumn(batch.BytesSchema)
	k.Push(uint64(b.Slab.Append(key)))
	v.Push(uint64(b.Slab.Append(value)))
	b.N = 1
	b.Key.Set(batch.BytesSchema, k)
	b.Value.Set(batch.BytesSchema, v)
	b.Topics.Set(topic)
	b.Partition = append(b.Partition[:0], 0)
	b.Timestamp = append(b.Timestamp[:0], millis)
	b.AddMark(b.Slab.Append(partition), b.Slab.Append(appendOffset(nil, 0)))
}

// Close does nothing.
func (h *Heartbeat) Close() error { return nil }
