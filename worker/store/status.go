// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/internal/java/jackson"
)

// Prefixes of the keys of the status topic.
const (
	statusConnPrefix  = "status-connector-"
	statusTaskPrefix  = "status-task-"
	statusTopicPrefix = "status-topic-"
	statusTopicMiddle = ":connector-"
)

// State names the state of a connector or task in the status topic.
type State string

// The states that readers know; a record with any other is dropped.
const (
	StateUnassigned State = "UNASSIGNED"
	StateRunning    State = "RUNNING"
	StatePaused     State = "PAUSED"
	StateFailed     State = "FAILED"
	StateRestarting State = "RESTARTING"
	StateStopped    State = "STOPPED"
	stateDestroyed  State = "DESTROYED"
)

func (s State) known() bool {
	switch s {
	case StateUnassigned, StateRunning, StatePaused, StateFailed, StateRestarting, StateStopped, stateDestroyed:
		return true
	}
	return false
}

// Status is the state of a connector or task (ConnectorStatus, TaskStatus).
type Status struct {
	State      State
	Trace      string // "" = none
	WorkerID   string
	Generation int32
	Version    string // "" = not known
}

// TopicStatus is a topic that a connector uses (KIP-558).
type TopicStatus struct {
	Topic, Connector string
	Task             int
	Discovered       int64 // milliseconds since the epoch
}

// appendStatus writes the value of a status record, fields in the order of the JVM's schema.
func appendStatus(dst []byte, s Status) []byte {
	dst = jackson.AppendString(append(dst, `{"state":`...), string(s.State))
	dst = append(dst, `,"trace":`...)
	if s.Trace == "" {
		dst = append(dst, "null"...)
	} else {
		dst = jackson.AppendString(dst, s.Trace)
	}
	dst = jackson.AppendString(append(dst, `,"worker_id":`...), s.WorkerID)
	dst = fmt.Appendf(dst, `,"generation":%d,"version":`, s.Generation)
	if s.Version == "" {
		dst = append(dst, "null"...)
	} else {
		dst = jackson.AppendString(dst, s.Version)
	}
	return append(dst, '}')
}

func parseStatus(value []byte) (Status, error) {
	r, err := parseRecord(value)
	if err != nil || r == nil {
		return Status{}, errors.Join(err, errors.New("a status should be an object"))
	}
	state, _ := r.text("state")
	s := Status{State: State(state)}
	if !s.State.known() {
		return s, errField("state", "a known state")
	}
	s.Trace, _ = r.text("trace")
	s.Version, _ = r.text("version")
	if s.WorkerID, _ = r.text("worker_id"); s.WorkerID == "" {
		return s, errField("worker_id", "a string")
	}
	n, err := r.integer("generation")
	s.Generation = int32(n)
	return s, err
}

func appendTopicStatus(dst []byte, t TopicStatus) []byte {
	dst = jackson.AppendString(append(dst, `{"topic":{"name":`...), t.Topic)
	dst = jackson.AppendString(append(dst, `,"connector":`...), t.Connector)
	return fmt.Appendf(dst, `,"task":%d,"discoverTimestamp":%d}}`, t.Task, t.Discovered)
}

func topicKey(connector, topic string) string {
	return statusTopicPrefix + topic + statusTopicMiddle + connector
}

// splitTopicKey takes the key of a topic status apart. A topic has no colon in its name.
func splitTopicKey(rest string) (topic, connector string, ok bool) {
	topic, connector, ok = strings.Cut(rest, statusTopicMiddle)
	return topic, connector, ok && topic != "" && connector != ""
}

func taskKey(connector string, task int) string {
	return statusTaskPrefix + connector + "-" + strconv.Itoa(task)
}

func splitTaskKey(rest string) (connector string, task int, ok bool) {
	at := strings.LastIndexByte(rest, '-')
	if at <= 0 {
		return "", 0, false
	}
	n, err := strconv.ParseInt(rest[at+1:], 10, 32)
	return rest[:at], int(n), err == nil && n >= 0
}
