// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"maps"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/rest"
)

var (
	_ rest.Profiler = (*Standalone)(nil)
	_ rest.Profiler = (*Distributed)(nil)
)

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

// Profile implements rest.Profiler: of the tasks that run on this worker. The answer says which worker that is.
func (d *Distributed) Profile(name string) (rest.ConnectorProfile, error) {
	snap, err := d.snapshot()
	if err != nil {
		return rest.ConnectorProfile{}, err
	}
	if snap.Connector(name) == nil {
		return rest.ConnectorProfile{}, rest.NotFound("No status found for connector " + name)
	}
	d.mu.RLock()
	var running map[int]*task
	if c, ok := d.connectors[name]; ok {
		running = maps.Clone(c.running)
	}
	d.mu.RUnlock()
	p := profileOf(name, d.server.WorkerID(), running)
	if len(p.Tasks) == 0 {
		workers := map[string]bool{}
		for _, st := range d.statuses.Tasks(name) {
			workers[st.WorkerID] = true
		}
		if others := slices.Sorted(maps.Keys(workers)); len(others) > 0 {
			p.BoundBy.Why += "; ask " + strings.Join(others, ", ")
		}
	}
	return p, nil
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
