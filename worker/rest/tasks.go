// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"net/http"
)

// tasks adds the resources of tasks below one connector.
func (x *api) tasks(mux *http.ServeMux, one string) {
	x.json(mux, one+"/tasks", map[string]method{"GET": getTasks, "POST": putTasks}, "POST")
	x.json(mux, one+"/fence", map[string]method{"PUT": fence})
	x.json(mux, one+"/tasks/{task}/status", map[string]method{"GET": getTaskStatus})
	x.json(mux, one+"/tasks/{task}/restart", map[string]method{"POST": restartTask})
}

// target makes the method of a target state.
func target(set func(Herder, context.Context, string) error, status int) method {
	return func(c *call) (answer, error) {
		return answer{status: status}, set(c.herder(), c.Context(), c.connector())
	}
}

func getTasks(c *call) (answer, error) {
	tasks, err := c.herder().TaskConfigs(c.connector())
	return ok(list[TaskInfo](tasks)), err
}

func getTaskStatus(c *call) (answer, error) {
	task, err := c.task()
	if err != nil {
		return answer{}, err
	}
	s, err := c.herder().TaskStatus(c.connector(), task)
	return ok(s), err
}

func restartTask(c *call) (answer, error) {
	task, err := c.task()
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, c.herder().RestartTask(c.Context(), c.connector(), task)
}

// putTasks is for workers of a cluster, which write task configurations through the leader.
func putTasks(c *call) (answer, error) {
	p, ok := c.herder().(Peers)
	if !ok {
		return answer{}, Internal("Kafka Connect in standalone mode does not support externally setting task configurations.")
	}
	raw, err := c.body()
	if err != nil {
		return answer{}, BadRequest("The request body cannot be read: " + err.Error())
	}
	return answer{status: http.StatusNoContent}, p.PutTasks(PeerCall{c.Request, raw}, c.connector())
}

// fence is for workers of a cluster with exactly-once sources.
func fence(c *call) (answer, error) {
	p, ok := c.herder().(Peers)
	if !ok {
		return answer{}, Internal("Kafka Connect in standalone mode does not support exactly-once source connectors.")
	}
	raw, err := c.body()
	if err != nil {
		return answer{}, BadRequest("The request body cannot be read: " + err.Error())
	}
	return answer{status: http.StatusNoContent}, p.Fence(PeerCall{c.Request, raw}, c.connector())
}
