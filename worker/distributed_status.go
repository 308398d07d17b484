// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"time"

	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/store"
)

// clusterStatus writes states to the status topic, with the generation of the moment. The end of something is a safe
// write: it must not hide that another worker runs it by now.
type clusterStatus struct{ d *Distributed }

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
	s, safe := c.status(state, version, cause)
	c.d.statuses.PutConnector(name, s, safe)
}

func (c *clusterStatus) setTask(name string, task int, state engine.State, version string, cause error) {
	s, safe := c.status(state, version, cause)
	c.d.statuses.PutTask(name, task, s, safe)
}

func (c *clusterStatus) addTopic(name string, task int, topic string) {
	c.d.statuses.AddTopic(store.TopicStatus{Topic: topic, Connector: name, Task: task, Discovered: time.Now().UnixMilli()})
}
