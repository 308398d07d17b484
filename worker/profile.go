// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"maps"
	"slices"

	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/rest"
)

var _ rest.Profiler = (*Standalone)(nil)

// profiled is a task whose time is taken apart; *engine.Task is one.
type profiled interface{ Profile() engine.Profile }

// Profile implements rest.Profiler.
func (s *Standalone) Profile(name string) (rest.ConnectorProfile, error) {
	s.mu.RLock()
	c, ok := s.connectors[name]
	if !ok || !c.exists {
		s.mu.RUnlock()
		return rest.ConnectorProfile{}, rest.NotFound("No status found for connector " + name)
	}
	running := maps.Clone(c.running)
	s.mu.RUnlock()
	return profileOf(name, s.server.WorkerID(), running), nil
}

// profileOf takes the profiles of the tasks that run here.
func profileOf(name, workerID string, running map[int]*task) rest.ConnectorProfile {
	p := rest.ConnectorProfile{Connector: name, WorkerID: workerID, WindowSeconds: engine.ProfileWindow.Seconds(), Tasks: []engine.Profile{}}
	for _, id := range slices.Sorted(maps.Keys(running)) {
		if t, ok := running[id].Task.(profiled); ok {
			p.Tasks = append(p.Tasks, t.Profile())
		}
	}
	top, ok := engine.Slowest(p.Tasks)
	p.BoundBy = rest.ConnectorBound{Task: top.Task, Bound: top.BoundBy}
	if len(p.Tasks) == 0 {
		p.BoundBy.Why = "no task of the connector runs on this worker"
	}
	if !ok {
		p.BoundBy.Task = -1
	}
	return p
}
