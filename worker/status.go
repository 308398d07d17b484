// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/rest"
)

// statusStore holds the states of connectors and tasks, and the topics they use, in memory (MemoryStatusBackingStore).
// It is safe for concurrent use and never calls out.
type statusStore struct {
	workerID string

	mu         sync.RWMutex
	connectors map[string]*connectorStatus
	topics     map[string][]string // in order of first use
}

type connectorStatus struct {
	known bool // a status of the connector itself was written
	state rest.InstanceState
	tasks map[int]rest.InstanceState
}

func newStatusStore(workerID string) *statusStore {
	return &statusStore{workerID: workerID, connectors: map[string]*connectorStatus{}, topics: map[string][]string{}}
}

// of returns the entry of a connector, made when missing. The lock is held.
func (s *statusStore) of(name string) *connectorStatus {
	c, ok := s.connectors[name]
	if !ok {
		c = &connectorStatus{tasks: map[int]rest.InstanceState{}}
		s.connectors[name] = c
	}
	return c
}

// setConnector writes the state of a connector; cause is that of FAILED.
func (s *statusStore) setConnector(name string, state engine.State, version string, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.of(name)
	c.known = true
	c.state = rest.InstanceState{State: string(state), WorkerID: s.workerID, Version: version, Trace: trace(cause)}
}

// setTask writes the state of a task.
func (s *statusStore) setTask(name string, task int, state engine.State, version string, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(name).tasks[task] = rest.InstanceState{State: string(state), WorkerID: s.workerID, Version: version, Trace: trace(cause)}
}

// removeTask forgets a task.
func (s *statusStore) removeTask(name string, task int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.connectors[name]; ok {
		delete(c.tasks, task)
	}
}

// remove forgets a connector with its tasks and topics.
func (s *statusStore) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connectors, name)
	delete(s.topics, name)
}

// connector returns the states of a connector and its tasks, sorted; false when there is none.
func (s *statusStore) connector(name string) (rest.ConnectorState, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.connectors[name]
	if !ok || !c.known {
		return rest.ConnectorState{}, false
	}
	out := rest.ConnectorState{Name: name, Connector: c.state}
	for _, id := range slices.Sorted(maps.Keys(c.tasks)) {
		out.Tasks = append(out.Tasks, rest.TaskState{ID: id, InstanceState: c.tasks[id]})
	}
	return out, true
}

// task returns the state of a task.
func (s *statusStore) task(name string, task int) (rest.TaskState, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c, ok := s.connectors[name]; ok {
		if t, ok := c.tasks[task]; ok {
			return rest.TaskState{ID: task, InstanceState: t}, true
		}
	}
	return rest.TaskState{}, false
}

// addTopic notes that a connector uses a topic (KIP-558).
func (s *statusStore) addTopic(name string, _ int, topic string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.topics[name], topic) {
		s.topics[name] = append(s.topics[name], topic)
	}
}

// activeTopics returns the topics of a connector.
func (s *statusStore) activeTopics(name string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.topics[name])
}

// resetTopics forgets the topics of a connector.
func (s *statusStore) resetTopics(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.topics, name)
}

// counts returns how many connectors and tasks there are by state, for metrics.
func (s *statusStore) counts() (connectors map[string]int, tasks map[string]map[string]int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	connectors, tasks = map[string]int{}, map[string]map[string]int{}
	for name, c := range s.connectors {
		connectors[c.state.State]++
		tasks[name] = map[string]int{}
		for _, t := range c.tasks {
			tasks[name][t.State]++
		}
	}
	return connectors, tasks
}

// trace prints an error as a Java stack trace without frames, "" for nil.
func trace(err error) string {
	if err == nil {
		return ""
	}
	var f *batch.Fault
	var j interface{ JavaClass() string }
	if !errors.As(err, &f) && errors.As(err, &j) {
		return j.JavaClass() + ": " + err.Error() + "\n"
	}
	return batch.Trace(err)
}
