// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/internal/kafka"
)

// StatusStore is the status topic (KafkaStatusBackingStore). Writes return at once; of several for one key that Kafka has
// not taken yet only the latest is sent, so that a state that is over is never written late. Reads see what came back
// from the topic. It is safe for concurrent use.
type StatusStore struct {
	log    *kafka.TopicLog
	logger *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	send   func(key, value []byte, done func(error))

	foreign atomic.Pointer[func(name string, task int, st Status)]

	mu         sync.RWMutex
	connectors map[string]Status
	tasks      map[string]map[int]Status
	topics     map[string]map[string]TopicStatus // by connector, topic

	wmu     sync.Mutex
	pending map[string]*pendingWrite
	idle    chan struct{} // closed when nothing is pending
}

// pendingWrite is a key with a write under way.
type pendingWrite struct {
	next  []byte
	again bool // next is to be sent after the one under way
}

func newStatusStore(logger *slog.Logger) *StatusStore {
	s := &StatusStore{
		logger: logger, connectors: map[string]Status{}, tasks: map[string]map[int]Status{},
		topics: map[string]map[string]TopicStatus{}, pending: map[string]*pendingWrite{}, idle: make(chan struct{}),
	}
	close(s.idle)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// OpenStatusStore makes sure of the topic and reads it to its end.
func OpenStatusStore(ctx context.Context, c Clients, t Topic) (*StatusStore, error) {
	s := newStatusStore(c.Log)
	var err error
	s.log, _, err = t.open(ctx, c, "statuses", func(r *kafka.Record) { s.apply(string(r.Key), r.Value) })
	if err == nil {
		s.send = func(key, value []byte, done func(error)) { s.log.SendAsync(s.ctx, key, value, done) }
		if err = s.log.ReadToEnd(ctx); err != nil {
			s.log.Close()
		}
	}
	if err != nil {
		s.cancel()
		return nil, err
	}
	return s, nil
}

// OnStatus calls f, from the reading goroutine, with every state that is read from now on; task is -1 for a connector. f must
// not block.
func (s *StatusStore) OnStatus(f func(name string, task int, st Status)) { s.foreign.Store(&f) }

func (s *StatusStore) tell(name string, task int, st Status) {
	if f := s.foreign.Load(); f != nil {
		(*f)(name, task, st)
	}
}

// Close stops reading and gives up what is not written.
func (s *StatusStore) Close() {
	s.cancel()
	s.log.Close()
}

// apply takes one record.
func (s *StatusStore) apply(key string, value []byte) {
	var err error
	switch {
	case strings.HasPrefix(key, statusConnPrefix):
		err = s.applyConnector(key[len(statusConnPrefix):], value)
	case strings.HasPrefix(key, statusTaskPrefix):
		if name, id, ok := splitTaskKey(key[len(statusTaskPrefix):]); ok {
			err = s.applyTask(name, id, value)
		}
	case strings.HasPrefix(key, statusTopicPrefix):
		if topic, name, ok := splitTopicKey(key[len(statusTopicPrefix):]); ok {
			err = s.applyTopic(name, topic, value)
		}
	}
	if err != nil {
		s.logger.Warn("a record of the status topic is ignored", slog.String("key", key), slog.Any("err", err))
	}
}

func (s *StatusStore) applyConnector(name string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.connectors, name)
		delete(s.tasks, name)
		return nil
	}
	st, err := parseStatus(value)
	if err == nil {
		s.connectors[name] = st
		s.tell(name, -1, st)
	}
	return err
}

func (s *StatusStore) applyTask(name string, id int, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.tasks[name], id)
		return nil
	}
	st, err := parseStatus(value)
	if err != nil {
		return err
	}
	// The worker that gave the task up may be heard after the one that runs it now.
	if old, ok := s.tasks[name][id]; ok && st.State == StateUnassigned && old.State == StateRunning && old.Generation >= st.Generation {
		return nil
	}
	if s.tasks[name] == nil {
		s.tasks[name] = map[int]Status{}
	}
	s.tasks[name][id] = st
	s.tell(name, id, st)
	return nil
}

func (s *StatusStore) applyTopic(name, topic string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.topics[name], topic)
		return nil
	}
	r, err := parseRecord(value)
	if err != nil || r == nil {
		return err
	}
	inner, err := parseRecord(r.fields["topic"])
	if err != nil || inner == nil {
		return errField("topic", "an object")
	}
	t := TopicStatus{Topic: topic, Connector: name}
	task, err := inner.integer("task")
	if err != nil {
		return err
	}
	t.Task = int(task)
	if t.Discovered, err = inner.integer("discoverTimestamp"); err != nil {
		return err
	}
	if s.topics[name] == nil {
		s.topics[name] = map[string]TopicStatus{}
	}
	s.topics[name][topic] = t
	return nil
}

// PutConnector writes the state of a connector. A safe write is left out when another worker has written a state of a
// later generation.
func (s *StatusStore) PutConnector(name string, st Status, safe bool) {
	if safe && !s.maySafely(name, -1, st) {
		return
	}
	s.put(statusConnPrefix+name, appendStatus(nil, st))
}

// PutTask writes the state of a task; see PutConnector.
func (s *StatusStore) PutTask(name string, task int, st Status, safe bool) {
	if safe && !s.maySafely(name, task, st) {
		return
	}
	s.put(taskKey(name, task), appendStatus(nil, st))
}

func (s *StatusStore) maySafely(name string, task int, st Status) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	old, ok := s.connectors[name]
	if task >= 0 {
		old, ok = s.tasks[name][task]
	}
	return !ok || old.WorkerID == st.WorkerID || old.Generation <= st.Generation
}

// RemoveConnector and RemoveTask write tombstones.
func (s *StatusStore) RemoveConnector(name string) { s.put(statusConnPrefix+name, nil) }

// RemoveTask forgets the state of a task.
func (s *StatusStore) RemoveTask(name string, task int) { s.put(taskKey(name, task), nil) }

// AddTopic notes that a connector uses a topic, once.
func (s *StatusStore) AddTopic(t TopicStatus) {
	s.mu.RLock()
	_, known := s.topics[t.Connector][t.Topic]
	s.mu.RUnlock()
	if !known {
		s.put(topicKey(t.Connector, t.Topic), appendTopicStatus(nil, t))
	}
}

// ResetTopics forgets the topics of a connector.
func (s *StatusStore) ResetTopics(connector string) {
	for _, topic := range s.Topics(connector) {
		s.put(topicKey(connector, topic), nil)
	}
}

// put sends a record, or leaves it to the one under way.
func (s *StatusStore) put(key string, value []byte) {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if p, ok := s.pending[key]; ok {
		p.next, p.again = value, true
		return
	}
	if len(s.pending) == 0 {
		s.idle = make(chan struct{})
	}
	s.pending[key] = &pendingWrite{}
	go s.write(key, value)
}

// write sends one value of a key and what was put for it meanwhile.
func (s *StatusStore) write(key string, value []byte) {
	for {
		done := make(chan error, 1)
		s.send([]byte(key), value, func(err error) { done <- err })
		err := <-done
		retry := err != nil && kafka.IsRetriable(err) && s.ctx.Err() == nil
		if err != nil && !retry && s.ctx.Err() == nil {
			s.logger.Error("failed to write status update", slog.String("key", key), slog.Any("err", err))
		}
		if retry {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-s.ctx.Done():
			}
		}
		s.wmu.Lock()
		p := s.pending[key]
		switch {
		case p.again:
			value, p.next, p.again = p.next, nil, false
		case retry:
		default:
			delete(s.pending, key)
			if len(s.pending) == 0 {
				close(s.idle)
			}
			s.wmu.Unlock()
			return
		}
		s.wmu.Unlock()
	}
}

// Flush waits until everything put before is in the topic.
func (s *StatusStore) Flush(ctx context.Context) error {
	s.wmu.Lock()
	idle := s.idle
	s.wmu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Connector is the state of a connector; false when there is none.
func (s *StatusStore) Connector(name string) (Status, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st, ok := s.connectors[name]
	return st, ok
}

// Tasks are the states of a connector's tasks.
func (s *StatusStore) Tasks(name string) map[int]Status {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.tasks[name])
}

// Names lists the connectors that have a state, of their own or of a task; sorted.
func (s *StatusStore) Names() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := map[string]bool{}
	for name := range s.connectors {
		all[name] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// Topics lists the topics of a connector, sorted.
func (s *StatusStore) Topics(connector string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.topics[connector]))
}
