// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"

	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/group"
	"github.com/penstock-io/penstock/worker/loglevel"
	"github.com/penstock-io/penstock/worker/store"
)

// groupClient is the connection to the group coordinator.
type groupClient struct {
	*group.Coordinator
	close func()
}

// clientID is the beginning of the client ids of the stores: <group.id>[-<client.id>]-.
func (c *Config) clientIDBase() string {
	base := c.Values.String("group.id") + "-"
	if id := strings.TrimSpace(c.Values.String("client.id")); id != "" {
		base += id + "-"
	}
	return base
}

// exactlyOnce is exactly.once.source.support, in lower case: disabled, preparing or enabled.
func (c *Config) exactlyOnce() string {
	if !c.distributed {
		return "disabled"
	}
	return lower(c.Values.String("exactly.once.source.support"))
}

// internalTopic reads the settings of an internal topic: config.storage.topic and so on.
func (c *Config) internalTopic(kind string) store.Topic {
	prefix := kind + ".storage."
	t := store.Topic{Name: c.Values.String(prefix + "topic"), Key: prefix + "topic", Partitions: 1, Settings: map[string]string{}}
	t.Replication = int(c.Values.Short(prefix + "replication.factor"))
	if kind != "config" {
		t.Partitions = c.Values.Int(prefix + "partitions")
	}
	for k, v := range kafka.WithPrefix(c.Props.Strings(), prefix) {
		switch k {
		case "topic", "replication.factor", "partitions", "cleanup.policy", "file.filename":
		default:
			t.Settings[k] = v
		}
	}
	return t
}

// openStores reads the internal topics.
func (d *Distributed) openStores(ctx context.Context) error {
	worker := d.cfg.Props.Strings()
	base := d.cfg.clientIDBase()
	clientLog := loglevel.Named(d.deps.Log, clientLogger)
	props := kafka.WorkerClientProps(worker, kafka.RoleAdmin)
	props["client.id"] = base + "shared-admin"
	cfg, err := kafka.Parse(kafka.RoleAdmin, props)
	if err == nil {
		d.admin, err = kafka.NewAdmin(cfg, clientLog)
	}
	if err != nil {
		return fmt.Errorf("open the worker's admin client: %w", err)
	}
	if d.producer, err = d.storeProducer(worker, base+"stores", "", clientLog); err != nil {
		return err
	}
	clients := store.Clients{
		Admin: d.admin, Producer: d.producer, Consumer: d.cfg.storeConsumer(), ClientID: base, Log: d.log,
	}
	d.clients = clients
	limit, cancel := context.WithTimeout(ctx, d.cfg.StartupTimeout())
	defer cancel()
	if d.statuses, err = store.OpenStatusStore(limit, clients, d.cfg.internalTopic("status")); err != nil {
		return err
	}
	status := &clusterStatus{d: d}
	d.status = status
	d.statuses.OnStatus(status.read)
	if d.stored, err = store.OpenOffsetStore(limit, clients, d.cfg.internalTopic("offset")); err != nil {
		return err
	}
	d.offsets = d.stored
	o := store.ConfigOptions{Clients: clients, Topic: d.cfg.internalTopic("config"), Events: d.news.events()}
	if d.cfg.exactlyOnce() != "disabled" {
		o.Claim = func() (*kafka.Producer, error) { return d.claimProducer(worker, base, clientLog) }
	}
	if d.configs, err = store.OpenConfigStore(limit, o); err != nil {
		return err
	}
	return d.openGroup(worker, clientLog)
}

// storeConsumer are the settings of the clients that read the internal topics.
func (c *Config) storeConsumer() map[string]string {
	props := kafka.WorkerClientProps(c.Props.Strings(), kafka.RoleConsumer)
	props["auto.offset.reset"] = "earliest"
	props["enable.auto.commit"] = "false"
	if c.exactlyOnce() == "enabled" {
		props["isolation.level"] = "read_committed"
	}
	return props
}

// storeProducer makes a producer for the internal topics. It keeps order and loses nothing: all acknowledgements,
// idempotent.
func (d *Distributed) storeProducer(worker map[string]string, id, transactional string, log *slog.Logger) (*kafka.Producer, error) {
	props := kafka.WorkerClientProps(worker, kafka.RoleProducer)
	maps.Copy(props, map[string]string{"client.id": id, "acks": "all", "delivery.timeout.ms": "2147483647", "linger.ms": "0"})
	if transactional != "" {
		props["transactional.id"] = transactional
		props["enable.idempotence"] = "true"
	}
	cfg, err := kafka.Parse(kafka.RoleProducer, props)
	if err != nil {
		return nil, fmt.Errorf("configure the producer of the internal topics: %w", err)
	}
	p, err := kafka.NewProducer(cfg, log)
	if err != nil {
		return nil, fmt.Errorf("open the producer of the internal topics: %w", err)
	}
	return p, nil
}

// leaderID is the transactional id with which a leader writes to the config topic.
func (c *Config) leaderID() string { return "connect-cluster-" + c.Values.String("group.id") }

// claimProducer is the transactional producer of a leader: who initialises it fences the one before.
func (d *Distributed) claimProducer(worker map[string]string, base string, log *slog.Logger) (*kafka.Producer, error) {
	p, err := d.storeProducer(worker, base+"configs-leader", d.cfg.leaderID(), log)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(d.ctx, d.cfg.StartupTimeout())
	defer cancel()
	if err := p.InitTransactions(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// openGroup connects to the group coordinator.
func (d *Distributed) openGroup(worker map[string]string, log *slog.Logger) error {
	id := strings.TrimSpace(d.cfg.Values.String("client.id"))
	if id == "" {
		id = "connect-" + d.server.WorkerID()
	}
	props := kafka.WorkerClientProps(worker, kafka.RoleAdmin)
	props["client.id"] = id
	cfg, err := kafka.Parse(kafka.RoleAdmin, props)
	if err != nil {
		return fmt.Errorf("configure the group's client: %w", err)
	}
	client, err := kafka.NewPlainClient(cfg, log)
	if err != nil {
		return fmt.Errorf("open the group's client: %w", err)
	}
	d.group = &groupClient{&group.Coordinator{Client: client, Group: d.cfg.Values.String("group.id")}, client.Close}
	return nil
}

func (d *Distributed) closeStores() {
	if d.configs != nil {
		d.configs.Close()
	}
	d.own.close()
	if d.stored != nil {
		d.stored.Close()
	}
	if d.statuses != nil {
		d.statuses.Close()
	}
	if d.group != nil {
		d.group.close()
	}
	if d.producer != nil {
		d.producer.Close()
	}
	if d.admin != nil {
		d.admin.Close()
	}
}
