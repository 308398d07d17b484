// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"sync"
	"time"

	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/store"
)

// clusterStatus writes states to the status topic, with the generation of the moment. The end of something is a safe
// write: it must not hide that another worker runs it by now.
//
// A worker that was away and finds itself fenced may write over the state of who runs the work since: the JVM leaves such
// a status as it is for ever. Here the one that runs it says so again.
type clusterStatus struct {
	d *Distributed

	mu  sync.Mutex
	own map[statusKey]ownStatus
}

type statusKey struct {
	name string
	task int // -1 = the connector
}

// ownStatus is what this worker said last, and when it said it again.
type ownStatus struct {
	state   engine.State
	version string
	again   time.Time
}

// repeatStatus is how often a status is written again at most: two workers may believe to run the same for a while.
const repeatStatus = 2 * time.Second

func (c *clusterStatus) note(key statusKey, state engine.State, version string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state != engine.Running && state != engine.Paused {
		delete(c.own, key)
		return
	}
	if c.own == nil {
		c.own = map[statusKey]ownStatus{}
	}
	c.own[key] = ownStatus{state: state, version: version, again: c.own[key].again}
}

// read is told of every state in the topic.
func (c *clusterStatus) read(name string, task int, st store.Status) {
	d := c.d
	if st.WorkerID == d.server.WorkerID() || st.State == store.StateRunning {
		return
	}
	key := statusKey{name, task}
	c.mu.Lock()
	own, ok := c.own[key]
	if ok = ok && time.Since(own.again) > repeatStatus; ok {
		own.again = time.Now()
		c.own[key] = own
	}
	c.mu.Unlock()
	if !ok || d.member == nil || d.member.RejoinPending() {
		return
	}
	if task < 0 && d.runsConnector(name) {
		go c.setConnector(name, own.state, own.version, nil)
	} else if task >= 0 && d.runsTask(name, task) {
		go c.setTask(name, task, own.state, own.version, nil)
	}
}

func (c *clusterStatus) status(state engine.State, version string, cause error) (store.Status, bool) {
	generation := int32(0)
	if c.d.member != nil {
		_, generation, _, _, _ = c.d.member.Now()
	}
	s := store.Status{
		State: store.State(state), Trace: trace(cause), WorkerID: c.d.server.WorkerID(), Generation: generation, Version: version,
	}
	return s, state == engine.Unassigned || state == engine.Failed
}

func (c *clusterStatus) setConnector(name string, state engine.State, version string, cause error) {
	c.note(statusKey{name, -1}, state, version)
	s, safe := c.status(state, version, cause)
	c.d.statuses.PutConnector(name, s, safe)
}

func (c *clusterStatus) setTask(name string, task int, state engine.State, version string, cause error) {
	c.note(statusKey{name, task}, state, version)
	s, safe := c.status(state, version, cause)
	c.d.statuses.PutTask(name, task, s, safe)
}

func (c *clusterStatus) addTopic(name string, task int, topic string) {
	c.d.statuses.AddTopic(store.TopicStatus{Topic: topic, Connector: name, Task: task, Discovered: time.Now().UnixMilli()})
}
