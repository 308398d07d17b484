// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/loglevel"
	"github.com/penstock-io/penstock/worker/store"
)

// alterOffsets writes offsets of a source connector that is stopped. With exactly-once support they are one transaction
// of the producer of task 0 (Worker.modifySourceConnectorOffsets): all of them count, or none.
func (d *Distributed) alterOffsets(ctx context.Context, c *connector, offsets []connectors.PartitionOffset) error {
	all, primary, topic, err := d.offsetsOf(ctx, c.resolved)
	if err != nil {
		return err
	}
	if d.cfg.exactlyOnce() != "enabled" {
		return all.Set(ctx, c.name, offsets)
	}
	tx := &transactionalOffsets{OffsetStore: primary, topic: topic, open: func() (*kafka.Producer, error) { return d.alterProducer(c) }}
	if l, ok := all.(*layeredOffsets); ok {
		return (&layeredOffsets{first: tx, second: l.second, log: l.log}).Set(ctx, c.name, offsets)
	}
	return tx.Set(ctx, c.name, offsets)
}

// alterProducer is the producer of a connector's offsets while it has no tasks.
func (d *Distributed) alterProducer(c *connector) (*kafka.Producer, error) {
	props := maps.Clone(kafka.SourceProducerProps(d.cfg.Props.Strings(), c.resolved, "connector-offset-producer-"+c.name))
	props["transactional.id"] = d.cfg.transactionalID(c.name, 0)
	props["enable.idempotence"] = "true"
	cfg, err := kafka.Parse(kafka.RoleProducer, props)
	if err != nil {
		return nil, err
	}
	return kafka.NewProducer(cfg, loglevel.Named(d.deps.Log, clientLogger))
}

// transactionalOffsets is an offsets topic that is written in transactions.
type transactionalOffsets struct {
	*store.OffsetStore
	topic string
	open  func() (*kafka.Producer, error)
}

// Set implements engine.OffsetStore.
func (t *transactionalOffsets) Set(ctx context.Context, connector string, offsets []connectors.PartitionOffset) error {
	writes, err := t.Encode(connector, offsets)
	if err != nil {
		return err
	}
	p, err := t.open()
	if err != nil {
		return err
	}
	defer p.Close()
	if err = p.InitTransactions(ctx); err == nil {
		err = p.Begin()
	}
	for i := 0; err == nil && i < len(writes); i++ {
		err = p.ProduceSync(ctx, &kafka.Record{Topic: t.topic, Partition: kafka.AnyPartition, Key: writes[i].Key, Value: writes[i].Value, Timestamp: time.Now()})
	}
	if err == nil {
		err = p.Commit(ctx)
	} else {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		_ = p.Abort(undo) // the id is fenced by whoever comes next in any case
		cancel()
	}
	if err != nil {
		return &batch.Fault{Class: batch.ConnectException, Cause: err, Message: fmt.Sprintf("Failed to write the offsets of %s in a transaction", connector)}
	}
	_, err = t.List(ctx, connector) // reads back what was written
	return err
}
