// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/dlq"
	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/internal/kafka"
)

const (
	sourceDLQKey   = "penstock.errors.source.deadletterqueue.topic.name"
	dlqStagePrefix = "penstock.errors.deadletterqueue.topic."
	replayClient   = "penstock-dlq-replay-"
)

// DeadLetters is the dead letter queues of one connector, as its configuration says.
type DeadLetters struct {
	cfg    *Config
	name   string
	config map[string]string // resolved
	class  string
	plugin connectors.Plugin
	log    *slog.Logger
}

// NewDeadLetters resolves the configuration of a connector, with changes on top: what a replay is to use instead. A null
// removes a key.
func NewDeadLetters(cfg *Config, name string, raw, changes config.Props, log *slog.Logger) (*DeadLetters, error) {
	props := maps.Clone(raw)
	for k, v := range changes {
		if v == nil {
			delete(props, k)
		} else {
			props[k] = v
		}
	}
	t, err := cfg.Transformer.Transform(props)
	if err != nil {
		return nil, err
	}
	class, _ := t.Props.Get(classKey)
	d := &DeadLetters{cfg: cfg, name: name, config: t.Props.Strings(), log: log}
	if d.plugin, d.class, err = findConnector(class); err != nil {
		return nil, config.Invalid(classKey, class, err.Error())
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	return d, nil
}

// Topics are the connector's queues: the common one first, then those of stages.
func (d *DeadLetters) Topics() []string {
	key := dlqTopicKey
	if d.plugin.Kind == connectors.SourceKind {
		key = sourceDLQKey
	}
	var out []string
	add := func(topic string) {
		if topic = strings.TrimSpace(topic); topic != "" && !slices.Contains(out, topic) {
			out = append(out, topic)
		}
	}
	add(d.config[key])
	for _, k := range slices.Sorted(maps.Keys(d.config)) {
		if strings.HasPrefix(k, dlqStagePrefix) {
			add(d.config[k])
		}
	}
	return out
}

// choose returns the queues to look into: the one named, or all of the connector's.
func (d *DeadLetters) choose(topic string) ([]string, error) {
	if topic != "" {
		return []string{topic}, nil
	}
	if all := d.Topics(); len(all) > 0 {
		return all, nil
	}
	return nil, config.Plain(dlqTopicKey, "the connector "+d.name+" has no dead letter queue: set "+dlqTopicKey+" (sinks) or "+sourceDLQKey+" (sources), or name a topic")
}

// queue is a queue with the connector's clients.
func (d *DeadLetters) queue(topic string) *dlq.Queue {
	w := d.cfg.Props.Strings()
	return &dlq.Queue{
		Topic: topic, Log: d.log,
		Consumer: kafka.SinkConsumerProps(w, d.config, d.name, replayClient+d.name),
		Producer: kafka.SourceProducerProps(w, d.config, replayClient+d.name),
		Admin:    kafka.AdminProps(w, d.config, replayClient+d.name),
	}
}

// Each calls fn with the letters of a queue ("" = all of the connector's) that the filter chooses.
func (d *DeadLetters) Each(ctx context.Context, topic string, f dlq.Filter, fn func(queue string, e dlq.Entry) error) error {
	topics, err := d.choose(topic)
	if err != nil {
		return err
	}
	f.Connector = d.name
	for _, q := range topics {
		err := d.queue(q).Each(ctx, f, func(e dlq.Entry) error { return fn(q, e) })
		if err != nil && !(topic == "" && kafka.IsUnknownTopic(err)) {
			return err
		}
	}
	return nil
}

// Target says where replayed letters go.
type Target struct {
	// Produce writes the original record to Topic, or, when that is "", to the topic that it came from. Otherwise letters go
	// through the connector's converters and transforms to its sink, or to the topics of a source.
	Produce bool
	Topic   string
}

// Replay replays a queue ("" = all of the connector's) as the options say.
func (d *DeadLetters) Replay(ctx context.Context, topic string, o dlq.Options, to Target) (dlq.Result, error) {
	var sum dlq.Result
	topics, err := d.choose(topic)
	if err != nil {
		return sum, err
	}
	o.Filter.Connector = d.name
	deliverer, end, err := d.deliverer(ctx, &o, to)
	if err != nil {
		return sum, err
	}
	progress := o.Progress
	for _, q := range topics {
		before := sum
		if progress != nil {
			o.Progress = func(r dlq.Result) { progress(before.Plus(r)) }
		}
		r, rerr := d.queue(q).Replay(ctx, o, deliverer)
		sum = before.Plus(r)
		if rerr != nil && !(topic == "" && kafka.IsUnknownTopic(rerr)) {
			err = fmt.Errorf("replay %s: %w", q, rerr)
			break
		}
	}
	return sum, errors.Join(err, end())
}

func (d *DeadLetters) deliverer(ctx context.Context, o *dlq.Options, to Target) (dlq.Deliverer, func() error, error) {
	none := func() error { return nil }
	if to.Produce {
		o.How = "topic"
		return dlq.ToTopic{Topic: to.Topic}, none, nil
	}
	o.How = d.plugin.Kind.String()
	if o.DryRun {
		return nil, none, nil
	}
	own, err := d.taskConfig()
	if err != nil {
		return nil, nil, err
	}
	r, err := engine.OpenReplay(ctx, engine.Options{
		Connector: d.name, Class: d.class, Plugin: d.plugin, Config: d.config, TaskConfig: own, Worker: d.cfg.Props, Log: d.log,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("start %s for the replay: %w", d.class, err)
	}
	return r, r.Close, nil
}

// taskConfig is the configuration of the one task that a replay runs.
func (d *DeadLetters) taskConfig() (map[string]string, error) {
	var own map[string]string
	err := guard(d.log, "TaskConfigs", func() error {
		conn := connectors.Single(d.config)
		if d.plugin.NewConnector != nil && d.plugin.Kind == connectors.SinkKind {
			var err error
			if conn, err = d.plugin.NewConnector(maps.Clone(d.config)); err != nil {
				return err
			}
		}
		all, err := conn.TaskConfigs(1)
		if err == nil && len(all) == 0 {
			err = batch.NewFault(batch.ConnectException, "the connector has no tasks")
		}
		if err == nil {
			own = maps.Clone(all[0])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	own["task.class"] = d.plugin.TaskClass
	return own, nil
}
