// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/group"
	"github.com/penstock-io/penstock/worker/store"
)

const offsetsTopicKey = "offsets.storage.topic"

// offsetTopics are the offset topics that connectors have for themselves (KIP-618), opened when first used.
type offsetTopics struct {
	mu   sync.Mutex
	open map[string]*store.OffsetStore
}

func (o *offsetTopics) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.open {
		s.Close()
	}
	o.open = nil
}

// ownTopic is a connector's own offsets topic, "" when it uses the worker's.
func (d *Distributed) ownTopic(cfg map[string]string) string {
	topic := strings.TrimSpace(cfg[offsetsTopicKey])
	if topic == d.cfg.Values.String("offset.storage.topic") {
		return ""
	}
	return topic
}

// offsetsOf is where the offsets of a connector are: the worker's topic or, before that, its own.
func (d *Distributed) offsetsOf(ctx context.Context, cfg map[string]string) (engine.OffsetStore, *store.OffsetStore, string, error) {
	topic := d.ownTopic(cfg)
	if topic == "" {
		return d.stored, d.stored, d.cfg.Values.String("offset.storage.topic"), nil
	}
	d.own.mu.Lock()
	defer d.own.mu.Unlock()
	s, ok := d.own.open[topic]
	if !ok {
		t := d.cfg.internalTopic("offset")
		t.Name, t.Key = topic, offsetsTopicKey
		limit, cancel := context.WithTimeout(ctx, d.cfg.StartupTimeout())
		defer cancel()
		var err error
		if s, err = store.OpenOffsetStore(limit, d.clients, t); err != nil {
			return nil, nil, "", err
		}
		if d.own.open == nil {
			d.own.open = map[string]*store.OffsetStore{}
		}
		d.own.open[topic] = s
	}
	return &layeredOffsets{first: s, second: d.stored, log: d.log}, s, topic, nil
}

// layeredOffsets is a connector's own offsets topic over the worker's (ConnectorOffsetBackingStore). What the own one
// does not have is looked up in the worker's, so that a connector that is given a topic of its own goes on where it was.
type layeredOffsets struct {
	first, second engine.OffsetStore
	log           *slog.Logger
}

// Get implements engine.OffsetStore.
func (l *layeredOffsets) Get(ctx context.Context, connector string, partition json.RawMessage) (json.RawMessage, error) {
	o, err := l.first.Get(ctx, connector, partition)
	if err != nil || o != nil {
		return o, err
	}
	return l.second.Get(ctx, connector, partition)
}

// Set implements engine.OffsetStore. Removals must reach the worker's topic first, or what is removed would come back
// from there; anything else may fail to.
func (l *layeredOffsets) Set(ctx context.Context, connector string, offsets []connectors.PartitionOffset) error {
	var gone, kept []connectors.PartitionOffset
	for _, o := range offsets {
		if o.Offset == nil {
			gone = append(gone, o)
		} else {
			kept = append(kept, o)
		}
	}
	if len(gone) > 0 {
		if err := l.second.Set(ctx, connector, gone); err != nil {
			return err
		}
	}
	if err := l.first.Set(ctx, connector, offsets); err != nil {
		return err
	}
	if len(kept) > 0 {
		if err := l.second.Set(ctx, connector, kept); err != nil {
			l.log.Warn("offsets are in the connector's own topic, but could not be copied to the worker's", slog.String("connector", connector), slog.Any("err", err))
		}
	}
	return nil
}

// List implements engine.OffsetStore.
func (l *layeredOffsets) List(ctx context.Context, connector string) ([]connectors.PartitionOffset, error) {
	second, err := l.second.List(ctx, connector)
	if err != nil {
		return nil, err
	}
	out, err := l.first.List(ctx, connector)
	if err != nil {
		return nil, err
	}
	for _, o := range second {
		if known, err := l.first.Get(ctx, connector, o.Partition); err != nil {
			return nil, err
		} else if known == nil {
			out = append(out, o)
		}
	}
	return out, nil
}

// equip gives a source task its offsets and, when the worker supports it, exactly-once delivery.
func (d *Distributed) equip(c *connector, id int, o *engine.Options) error {
	if c.plugin.Kind != connectors.SourceKind {
		return nil
	}
	all, primary, topic, err := d.offsetsOf(d.ctx, c.resolved)
	if err != nil {
		return err
	}
	o.Offsets = all
	if d.cfg.exactlyOnce() != "enabled" {
		return nil
	}
	name := c.name
	generation := -1
	if one := d.configs.Snapshot().Connector(name); one != nil {
		generation = one.Generation
	}
	o.ExactlyOnce = &engine.ExactlyOnce{
		TransactionalID: d.cfg.transactionalID(name, id), OffsetsTopic: topic,
		Encode: func(offsets []connectors.PartitionOffset) ([]engine.OffsetRecord, error) {
			writes, err := primary.Encode(name, offsets)
			out := make([]engine.OffsetRecord, len(writes))
			for i, w := range writes {
				out[i] = engine.OffsetRecord{Key: w.Key, Value: w.Value}
			}
			return out, err
		},
		Fence:  func(ctx context.Context) error { return d.fenceWithRetry(ctx, name) },
		Verify: func(ctx context.Context) error { return d.verify(ctx, name, id, generation) },
	}
	return nil
}

// fenceWithRetry asks for a round of zombie fencing. A refusal because the group is rebalancing, or because the leader
// does not know the session key yet, is over soon.
func (d *Distributed) fenceWithRetry(ctx context.Context, name string) error {
	var err error
	for pause := 100 * time.Millisecond; pause < 20*time.Second; pause *= 2 {
		if err = d.fenceZombies(ctx, name); err == nil {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// verify makes sure that a task whose producer has just fenced others is the one that should run
// (verifyTaskGenerationAndOwnership).
func (d *Distributed) verify(ctx context.Context, name string, id, generation int) error {
	limit, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := d.configs.Refresh(limit); err != nil {
		return &batch.Fault{Class: batch.ConnectException, Message: "Failed to read to end of config topic", Cause: err}
	}
	one := d.configs.Snapshot().Connector(name)
	if one == nil || one.Generation != generation {
		return batch.NewFault(batch.ConnectException, fmt.Sprintf("Cannot start source task %s-%d with exactly-once support as the connector has "+
			"already generated a new set of task configs", name, id))
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if !d.assigned.Assignment.Assigned.HasTask(group.TaskID{Connector: name, Task: int32(id)}) {
		return batch.NewFault(batch.ConnectException, fmt.Sprintf("Cannot start source task %s-%d as it has already been revoked from this worker", name, id))
	}
	return nil
}
