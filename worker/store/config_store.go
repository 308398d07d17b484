// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/kafka"
)

// writeTimeout bounds one logical write, reading back included (READ_WRITE_TOTAL_TIMEOUT_MS).
const writeTimeout = 30 * time.Second

// ConfigStore is the config topic (KafkaConfigBackingStore). Reads are snapshots; writes return when this worker has read
// them back. It is safe for concurrent use, but who may write what is the herder's business.
type ConfigStore struct {
	log    *kafka.TopicLog
	topic  Topic
	logger *slog.Logger
	state  *configLog // of the reading goroutine
	now    atomic.Pointer[Configs]
	live   atomic.Bool

	// claim makes the transactional producer of a leader; nil when exactly-once support is off.
	claim func() (*kafka.Producer, error)
	mu    sync.Mutex // guards leader, and is held during a privileged write
	// leader writes what only a leader may write, in transactions; nil while not claimed.
	leader *kafka.Producer
}

// ConfigOptions configures OpenConfigStore.
type ConfigOptions struct {
	Clients Clients
	Topic   Topic
	Events  ConfigEvents
	// Claim makes the transactional producer of a leader, with transactions initialised; nil writes plainly.
	Claim func() (*kafka.Producer, error)
}

// OpenConfigStore makes sure of the topic and reads it to its end. Events are called for what comes after, from the
// reading goroutine.
func OpenConfigStore(ctx context.Context, o ConfigOptions) (*ConfigStore, error) {
	s := &ConfigStore{topic: o.Topic, logger: o.Clients.Log, claim: o.Claim}
	s.state = newConfigLog(o.Events, func(text, key string) { s.logger.Warn(text, slog.String("key", key)) })
	s.now.Store(s.state.now)
	var n int
	var err error
	if s.log, n, err = o.Topic.open(ctx, o.Clients, "configs", s.read); err != nil {
		return nil, err
	}
	if n > 1 {
		s.log.Close()
		return nil, batch.NewFault("org.apache.kafka.common.config.ConfigException", fmt.Sprintf("Topic '%s' supplied via the '%s' property is "+
			"required to have a single partition in order to guarantee consistency of connector configurations, but found %d partitions.",
			o.Topic.Name, o.Topic.Key, n))
	}
	if err := s.log.ReadToEnd(ctx); err != nil {
		s.log.Close()
		return nil, err
	}
	s.live.Store(true)
	return s, nil
}

func (s *ConfigStore) read(r *kafka.Record) {
	s.state.live = s.live.Load()
	s.state.apply(r.Offset, string(r.Key), r.Value)
	s.now.Store(s.state.now)
}

// Snapshot is what has been read so far.
func (s *ConfigStore) Snapshot() *Configs { return s.now.Load() }

// Refresh reads to the end of the topic.
func (s *ConfigStore) Refresh(ctx context.Context) error { return s.log.ReadToEnd(ctx) }

// Close stops reading and gives up the rights of a leader.
func (s *ConfigStore) Close() {
	s.Relinquish()
	s.log.Close()
}

// Claim takes the rights of a leader: another worker that still believes to be leader can no longer write. Without
// exactly-once support there is nothing to take.
func (s *ConfigStore) Claim(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claimed()
}

func (s *ConfigStore) claimed() error {
	if s.claim == nil || s.leader != nil {
		return nil
	}
	p, err := s.claim()
	if err != nil {
		return &batch.Fault{Class: batch.ConnectException, Message: "Failed to create and initialize fencable producer for config topic", Cause: err}
	}
	s.leader = p
	return nil
}

// Relinquish gives them up.
func (s *ConfigStore) Relinquish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relinquish()
}

func (s *ConfigStore) relinquish() {
	if s.leader != nil {
		s.leader.Close()
		s.leader = nil
	}
}

type keyValue struct {
	key   string
	value []byte // nil: a tombstone
}

// ErrPrivilege is a write of a worker that lost the rights of a leader.
var ErrPrivilege = errors.New("the worker no longer has the right to write to the config topic")

// privileged writes records that only the leader may write: in one transaction when there are transactions.
func (s *ConfigStore) privileged(ctx context.Context, records ...keyValue) error {
	if s.claim == nil {
		return s.send(ctx, records...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leader == nil {
		return ErrPrivilege
	}
	err := s.leader.Begin()
	for i := 0; err == nil && i < len(records); i++ {
		r := records[i]
		err = s.leader.ProduceSync(ctx, &kafka.Record{Topic: s.topic.Name, Partition: 0, Key: []byte(r.key), Value: r.value, Timestamp: time.Now()})
	}
	if err == nil {
		err = s.leader.Commit(ctx)
	}
	if err != nil {
		s.relinquish() // as the JVM: claimed again if this is still the leader
		return errors.Join(ErrPrivilege, err)
	}
	return nil
}

// send writes without a transaction, side by side, and waits for all.
func (s *ConfigStore) send(ctx context.Context, records ...keyValue) error {
	errs := make(chan error, len(records))
	for _, r := range records {
		s.log.SendAsync(ctx, []byte(r.key), r.value, func(err error) { errs <- err })
	}
	var first error
	for range records {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}

func (s *ConfigStore) write(ctx context.Context, what string, records ...keyValue) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err := s.privileged(ctx, records...)
	if err == nil {
		err = s.log.ReadToEnd(ctx)
	}
	return failed(what, err)
}

func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return &batch.Fault{Class: batch.ConnectException, Message: "Error writing " + what + " to Kafka", Cause: err}
}

// PutConnector writes a configuration and, unless it is "", the target state before it. Leader only.
func (s *ConfigStore) PutConnector(ctx context.Context, name string, props config.Props, target Target) error {
	var records []keyValue
	if target != "" {
		records = append(records, keyValue{targetPrefix + name, targetValue(target)})
	}
	records = append(records, keyValue{connPrefix + name, appendProperties(nil, props)})
	return s.write(ctx, "connector configuration", records...)
}

// RemoveConnector removes a configuration and its target state. Leader only.
func (s *ConfigStore) RemoveConnector(ctx context.Context, name string) error {
	return s.write(ctx, "removal of connector configuration", keyValue{connPrefix + name, nil}, keyValue{targetPrefix + name, nil})
}

// PutTasks writes a whole set of task configurations. Leader only.
func (s *ConfigStore) PutTasks(ctx context.Context, name string, tasks []config.Props) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err := s.log.ReadToEnd(ctx)
	var records []keyValue
	for id, t := range tasks {
		records = append(records, keyValue{taskPrefix + name + "-" + strconv.Itoa(id), appendProperties(nil, t)})
	}
	if err == nil && len(records) > 0 {
		if err = s.privileged(ctx, records...); err == nil {
			err = s.log.ReadToEnd(ctx)
		}
	}
	if err == nil {
		err = s.privileged(ctx, keyValue{commitPrefix + name, commitValue(len(tasks))})
	}
	if err == nil {
		err = s.log.ReadToEnd(ctx)
	}
	return failed("task configurations", err)
}

// PutTarget writes a target state. Any worker may; it does not wait for reading it back.
func (s *ConfigStore) PutTarget(ctx context.Context, name string, t Target) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return failed("target state", s.log.Send(ctx, []byte(targetPrefix+name), targetValue(t)))
}

// PutFenced notes that zombies were fenced for a task count. Leader only.
func (s *ConfigStore) PutFenced(ctx context.Context, name string, tasks int) error {
	return s.write(ctx, "task count record", keyValue{fencingPrefix + name, fencingValue(tasks)})
}

// PutSession writes a session key. Leader only.
func (s *ConfigStore) PutSession(ctx context.Context, k SessionKey) error {
	return s.write(ctx, "session key", keyValue{sessionKeyKey, sessionValue(k)})
}

// PutRestart writes a request to restart. Leader only.
func (s *ConfigStore) PutRestart(ctx context.Context, r Restart) error {
	return s.write(ctx, "restart request", keyValue{restartPrefix + r.Connector, restartValue(r)})
}

// PutLogger sets a log level on all workers. Any worker may.
func (s *ConfigStore) PutLogger(ctx context.Context, name, level string) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return failed("logger level", s.log.Send(ctx, []byte(loggerPrefix+name), loggerValue(level)))
}
