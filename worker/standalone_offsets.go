// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/loglevel"
	"github.com/penstock-io/penstock/worker/offsetkey"
	"github.com/penstock-io/penstock/worker/rest"
)

// offsetsTimeout is the time that reading or changing offsets may take.
const offsetsTimeout = 90 * time.Second

// Offsets implements rest.OffsetKeeper.
func (s *Standalone) Offsets(ctx context.Context, name string) ([]rest.Offset, error) {
	info, err := s.ConnectorInfo(name)
	if err != nil {
		return nil, err
	}
	return s.listOffsets(ctx, info)
}

func notStopped(name string) error {
	return rest.BadRequest("Connectors must be in the STOPPED state before their offsets can be modified. This can be done " +
		"for the specified connector by issuing a 'PUT' request to the '/connectors/" + name + "/stop' endpoint")
}

// listOffsets reads the offsets of a connector.
func (s *runtime) listOffsets(ctx context.Context, info rest.ConnectorInfo) ([]rest.Offset, error) {
	name := info.Name
	t, err := s.cfg.Transformer.Transform(info.Config.Props())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, offsetsTimeout)
	defer cancel()
	if info.Type == connectors.SinkKind.String() {
		return s.sinkOffsets(ctx, name, t.Props.Strings())
	}
	offsets, err := s.offsetStore(ctx, t.Props.Strings())
	if err != nil {
		return nil, err
	}
	stored, err := offsets.List(ctx, name)
	if err != nil {
		return nil, wrap(err, "Failed to retrieve offsets for source connector "+name)
	}
	var out []rest.Offset
	for _, o := range stored {
		if len(o.Offset) > 0 && string(o.Offset) != "null" {
			out = append(out, rest.Offset{Partition: o.Partition, Offset: o.Offset})
		}
	}
	return out, nil
}

// offsetStore is where the offsets of a source with this configuration are.
func (s *runtime) offsetStore(ctx context.Context, cfg map[string]string) (engine.OffsetStore, error) {
	if s.onOffsets != nil {
		return s.onOffsets(ctx, cfg)
	}
	return s.offsets, nil
}

// wrap is ConnectUtils.maybeWrap: errors that are Connect's own stay, others get a message in front.
func wrap(err error, message string) error {
	var f *batch.Fault
	var e *rest.Error
	if err == nil || errors.As(err, &f) && f.Class != batch.IllegalArgument || errors.As(err, &e) {
		return err
	}
	return &batch.Fault{Class: batch.ConnectException, Message: message, Cause: err}
}

// sinkAdmin makes the admin client and the group name of a sink connector.
func (s *runtime) sinkAdmin(name string, cfg map[string]string) (Admin, string, error) {
	worker := s.cfg.Props.Strings()
	group := kafka.SinkConsumerProps(worker, cfg, name, "")["group.id"]
	admin, err := s.deps.NewAdmin(kafka.AdminProps(worker, cfg, "connector-worker-adminclient-"+name),
		loglevel.Named(s.deps.Log, clientLogger))
	return admin, group, err
}

func (s *runtime) sinkOffsets(ctx context.Context, name string, cfg map[string]string) ([]rest.Offset, error) {
	admin, group, err := s.sinkAdmin(name, cfg)
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	committed, err := admin.GroupOffsets(ctx, group)
	if err != nil {
		return nil, wrap(err, "Failed to retrieve consumer group offsets for sink connector "+name)
	}
	var out []rest.Offset
	for _, tp := range sortedPartitions(committed) {
		topic, _ := json.Marshal(tp.Topic) // topic names need no escapes
		out = append(out, rest.Offset{
			Partition: fmt.Appendf(nil, `{"kafka_partition":%d,"kafka_topic":%s}`, tp.Partition, topic),
			Offset:    fmt.Appendf(nil, `{"kafka_offset":%d}`, committed[tp].Offset),
		})
	}
	return out, nil
}

func sortedPartitions[V any](m map[kafka.TopicPartition]V) []kafka.TopicPartition {
	return slices.SortedFunc(maps.Keys(m), func(a, b kafka.TopicPartition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
}

// AlterOffsets implements rest.OffsetKeeper.
func (s *Standalone) AlterOffsets(ctx context.Context, name string, offsets []rest.Offset) (string, error) {
	return s.modifyOffsets(ctx, name, offsets, false)
}

// ResetOffsets implements rest.OffsetKeeper.
func (s *Standalone) ResetOffsets(ctx context.Context, name string) (string, error) {
	return s.modifyOffsets(ctx, name, nil, true)
}

func (s *Standalone) modifyOffsets(ctx context.Context, name string, offsets []rest.Offset, reset bool) (string, error) {
	c, err := s.lockExisting(ctx, name, notFound(name))
	if err != nil {
		return "", err
	}
	defer s.unlock(c)
	if c.target != rest.TargetStopped || len(c.tasks) != 0 {
		return "", notStopped(name)
	}
	return s.changeOffsets(ctx, c, offsets, reset)
}

// changeOffsets changes the offsets of a connector that is stopped and has no tasks. The token is held.
func (s *runtime) changeOffsets(ctx context.Context, c *connector, offsets []rest.Offset, reset bool) (string, error) {
	name := c.name
	if err := c.load(s); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, offsetsTimeout)
	defer cancel()
	var own bool
	var err error
	if c.plugin.Kind == connectors.SinkKind {
		own, err = s.modifySink(ctx, c, offsets, reset)
		err = wrap(err, "Failed to modify offsets for sink connector "+name)
	} else {
		own, err = s.modifySource(ctx, c, offsets, reset)
		err = wrap(err, "Failed to modify offsets for source connector "+name)
	}
	if err != nil {
		return "", err
	}
	s.connectorLog(name).Info("offsets modified", slog.Bool("reset", reset))
	done := "altered"
	if reset {
		done = "reset"
	}
	if own {
		return "The offsets for this connector have been " + done + " successfully", nil
	}
	return "The Connect framework-managed offsets for this connector have been " + done + " successfully. However, if this " +
		"connector manages offsets externally, they will need to be manually " + done + " in the system that the connector uses.", nil
}

// alter asks the connector (KIP-875); false when it has no opinion.
func (c *connector) alter(s *runtime, offsets []connectors.PartitionOffset) (own bool, err error) {
	log := s.connectorLog(c.name)
	err = guard(log, "AlterOffsets", func() error {
		var conn connectors.Connector
		if c.plugin.NewConnector == nil {
			return nil
		}
		var err error
		if conn, err = c.plugin.NewConnector(maps.Clone(c.resolved)); err != nil {
			return err
		}
		a, ok := conn.(connectors.OffsetAlterer)
		if !ok {
			return nil
		}
		own, err = a.AlterOffsets(maps.Clone(c.resolved), offsets)
		return err
	})
	var f *batch.Fault
	if errors.As(err, &f) && f.Class == batch.UnsupportedOperation {
		err = &batch.Fault{Class: batch.ConnectException, Cause: err, Message: "Failed to modify offsets for connector " + c.name +
			" because it doesn't support external modification of offsets"}
	}
	return own, err
}

func (s *runtime) modifySource(ctx context.Context, c *connector, offsets []rest.Offset, reset bool) (bool, error) {
	offsetStore, err := s.offsetStore(ctx, c.resolved)
	if err != nil {
		return false, err
	}
	var write []connectors.PartitionOffset
	if reset {
		stored, err := offsetStore.List(ctx, c.name)
		if err != nil {
			return false, err
		}
		for _, o := range stored {
			write = append(write, connectors.PartitionOffset{Partition: o.Partition})
		}
	}
	for _, o := range offsets {
		if err := checkOffsetFormat(o.Partition); err != nil {
			return false, err
		}
		if err := checkOffsetFormat(o.Offset); err != nil {
			return false, err
		}
		w, err := inJavaForm(o)
		if err != nil {
			return false, err
		}
		write = append(write, w)
	}
	own, err := c.alter(s, write)
	if err != nil || len(write) == 0 {
		return own, err
	}
	if s.onAlter != nil {
		return own, s.onAlter(ctx, c, write)
	}
	return own, offsetStore.Set(ctx, c.name, write)
}

// inJavaForm writes a partition and its offset as the JVM would have stored them.
func inJavaForm(o rest.Offset) (out connectors.PartitionOffset, err error) {
	if len(o.Partition) > 0 {
		if out.Partition, err = offsetkey.AppendJava(nil, o.Partition); err != nil {
			return out, fmt.Errorf("partition: %w", err)
		}
	}
	if len(o.Offset) > 0 {
		if out.Offset, err = offsetkey.AppendJava(nil, o.Offset); err != nil {
			return out, fmt.Errorf("offset: %w", err)
		}
	}
	return out, nil
}

// checkOffsetFormat is OffsetUtils.validateFormat: a flat object of primitive values, or null.
func checkOffsetFormat(raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return err
		}
		what := ""
		switch v[0] {
		case '{':
			what = "MAP"
		case '[':
			what = "ARRAY"
		}
		if what != "" {
			return batch.DataFault(fmt.Sprintf("Offsets may only contain primitive types as values, but field %v contains %s", key, what))
		}
	}
	return nil
}

func (s *runtime) modifySink(ctx context.Context, c *connector, offsets []rest.Offset, reset bool) (bool, error) {
	admin, group, err := s.sinkAdmin(c.name, c.resolved)
	if err != nil {
		return false, err
	}
	defer admin.Close()
	write := map[kafka.TopicPartition]*int64{}
	if reset {
		committed, err := admin.GroupOffsets(ctx, group)
		if err != nil {
			return false, &batch.Fault{Class: batch.ConnectException, Cause: err,
				Message: "Failed to list offsets prior to resetting offsets for sink connector " + c.name}
		}
		for tp := range committed {
			write[tp] = nil
		}
	} else if write, err = parseSinkOffsets(offsets); err != nil {
		return false, err
	}
	own, err := c.alter(s, sinkPartitionOffsets(write))
	if err != nil {
		return false, err
	}
	if reset {
		return own, deleteGroup(ctx, admin, c.name, group)
	}
	return own, alterGroup(ctx, admin, c.name, group, write)
}

// sinkPartitionOffsets shows a connector the offsets as it would see them in Java's SinkConnector.alterOffsets.
func sinkPartitionOffsets(m map[kafka.TopicPartition]*int64) []connectors.PartitionOffset {
	var out []connectors.PartitionOffset
	for _, tp := range sortedPartitions(m) {
		topic, _ := json.Marshal(tp.Topic)
		o := connectors.PartitionOffset{Partition: fmt.Appendf(nil, `{"kafka_partition":%d,"kafka_topic":%s}`, tp.Partition, topic)}
		if n := m[tp]; n != nil {
			o.Offset = fmt.Appendf(nil, `{"kafka_offset":%d}`, *n)
		}
		out = append(out, o)
	}
	return out
}

const zombies = "haven't stopped completely yet or the connector was resumed before the request to %s its offsets could be successfully " +
	"completed. If the connector is in a stopped state, this operation can be safely retried. If it doesn't eventually succeed, the " +
	"Connect cluster may need to be restarted to get rid of the zombie sink tasks."

func alterGroup(ctx context.Context, admin Admin, name, group string, write map[kafka.TopicPartition]*int64) error {
	set := map[kafka.TopicPartition]kafka.Offset{}
	var forget []kafka.TopicPartition
	for _, tp := range sortedPartitions(write) {
		switch n := write[tp]; {
		case n == nil:
			forget = append(forget, tp)
		case *n < 0:
			return batch.NewFault(batch.IllegalArgument, "Invalid negative offset")
		default:
			set[tp] = kafka.Offset{Offset: *n, LeaderEpoch: -1}
		}
	}
	var err error
	if len(set) > 0 {
		err = admin.AlterGroupOffsets(ctx, group, set)
	}
	if err == nil && len(forget) > 0 {
		err = admin.DeleteGroupOffsets(ctx, group, forget...)
	}
	switch {
	case err == nil:
		return nil
	case kafka.GroupInUse(err):
		return &batch.Fault{Class: batch.ConnectException, Cause: err, Message: "Failed to alter consumer group offsets for connector " +
			name + " either because its tasks " + fmt.Sprintf(zombies, "alter")}
	}
	return &batch.Fault{Class: batch.ConnectException, Cause: err, Message: "Failed to alter consumer group offsets for connector " + name}
}

func deleteGroup(ctx context.Context, admin Admin, name, group string) error {
	err := admin.DeleteGroup(ctx, group)
	switch {
	case err == nil:
		return nil
	case kafka.GroupInUse(err):
		return &batch.Fault{Class: batch.ConnectException, Cause: err, Message: "Failed to reset consumer group offsets for connector " +
			name + " either because its tasks " + fmt.Sprintf(zombies, "reset")}
	}
	return &batch.Fault{Class: batch.ConnectException, Cause: err, Message: "Failed to reset consumer group offsets for sink connector " + name}
}

// parseSinkOffsets is SinkUtils.parseSinkConnectorOffsets. A nil offset means removal.
func parseSinkOffsets(offsets []rest.Offset) (map[kafka.TopicPartition]*int64, error) {
	out := map[kafka.TopicPartition]*int64{}
	for _, o := range offsets {
		if len(o.Partition) == 0 {
			return nil, rest.BadRequest("The partition for a sink connector offset cannot be null or missing")
		}
		p, err := scalars(o.Partition)
		if err != nil {
			return nil, err
		}
		topic, hasTopic := p["kafka_topic"]
		partition, hasPartition := p["kafka_partition"]
		switch {
		case !hasTopic || !hasPartition:
			return nil, rest.BadRequest("The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'")
		case topic == nil:
			return nil, rest.BadRequest("Kafka topic names must be valid strings and may not be null")
		case partition == nil:
			return nil, rest.BadRequest("Kafka partitions must be valid numbers and may not be null")
		}
		n, err := strconv.ParseInt(*partition, 10, 32)
		if err != nil {
			return nil, rest.BadRequest("Failed to parse the following Kafka partition value in the provided offsets: '" + *partition +
				"'. Partition values for sink connectors need to be integers.")
		}
		tp := kafka.TopicPartition{Topic: *topic, Partition: int32(n)}
		if out[tp], err = parseSinkOffset(o.Offset); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func parseSinkOffset(raw json.RawMessage) (*int64, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	m, err := scalars(raw)
	if err != nil {
		return nil, err
	}
	v, ok := m["kafka_offset"]
	if !ok {
		return nil, rest.BadRequest("The offset for a sink connector should either be null or contain the key 'kafka_offset'")
	}
	shown := "null"
	if v != nil {
		shown = *v
		if n, err := strconv.ParseInt(*v, 10, 64); err == nil {
			return &n, nil
		}
	}
	return nil, rest.BadRequest("Failed to parse the following Kafka offset value in the provided offsets: '" + shown +
		"'. Offset values for sink connectors need to be integers.")
}

// scalars reads a JSON object; values become their text, null nil, nested ones their JSON.
func scalars(raw json.RawMessage) (map[string]*string, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, rest.BadRequest("Offsets must be JSON objects: " + err.Error())
	}
	out := map[string]*string{}
	for k, v := range m {
		s := string(v)
		switch {
		case s == "null":
			out[k] = nil
			continue
		case v[0] == '"':
			if err := json.Unmarshal(v, &s); err != nil {
				return nil, rest.BadRequest("Offsets must be JSON objects: " + err.Error())
			}
		}
		out[k] = &s
	}
	return out, nil
}
