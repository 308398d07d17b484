// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/rest"
)

func lower(s string) string { return strings.ToLower(s) }

// Connectors implements rest.Viewer; sorted.
func (s *Standalone) Connectors() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := make([]string, 0, len(s.connectors))
	for name, c := range s.connectors {
		if c.exists {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ConnectorInfo implements rest.Viewer.
func (s *Standalone) ConnectorInfo(name string) (rest.ConnectorInfo, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.connectors[name]
	if !ok || !c.exists {
		return rest.ConnectorInfo{}, notFound(name)
	}
	return rest.ConnectorInfo{Name: name, Config: c.config, Tasks: c.taskIDs(), Type: connectorType(c.config)}, nil
}

// ConnectorStatus implements rest.Viewer.
func (s *Standalone) ConnectorStatus(name string) (rest.ConnectorState, error) {
	st, ok := s.statuses.connector(name)
	if !ok {
		return rest.ConnectorState{}, rest.NotFound("No status found for connector " + name)
	}
	st.Type = "unknown"
	if info, err := s.ConnectorInfo(name); err == nil {
		st.Type = info.Type
	}
	return st, nil
}

// TaskStatus implements rest.Viewer.
func (s *Standalone) TaskStatus(name string, task int) (rest.TaskState, error) {
	t, ok := s.statuses.task(name, task)
	if !ok {
		return t, rest.NotFound("No status found for task " + taskName(name, task))
	}
	return t, nil
}

func taskName(name string, task int) string { return name + "-" + itoa(task) }

// TaskConfigs implements rest.Viewer.
func (s *Standalone) TaskConfigs(name string) ([]rest.TaskInfo, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.connectors[name]
	if !ok || !c.exists {
		return nil, notFound(name)
	}
	out := make([]rest.TaskInfo, 0, len(c.tasks))
	for id, cfg := range c.tasks {
		out = append(out, rest.TaskInfo{Connector: name, Task: id, Config: cfg})
	}
	return out, nil
}

// ActiveTopics implements rest.Viewer.
func (s *Standalone) ActiveTopics(name string) []string { return s.statuses.activeTopics(name) }

// ResetActiveTopics implements rest.Viewer.
func (s *Standalone) ResetActiveTopics(name string) { s.statuses.resetTopics(name) }

// PauseConnector implements rest.Changer.
func (s *Standalone) PauseConnector(ctx context.Context, name string) error {
	return s.setTarget(ctx, name, rest.TargetPaused, rest.NotFound("Unknown connector "+name))
}

// ResumeConnector implements rest.Changer.
func (s *Standalone) ResumeConnector(ctx context.Context, name string) error {
	return s.setTarget(ctx, name, rest.TargetStarted, rest.NotFound("Unknown connector "+name))
}

// StopConnector implements rest.Changer. For an unknown connector the JVM answers 500 here, and only here.
func (s *Standalone) StopConnector(ctx context.Context, name string) error {
	return s.setTarget(ctx, name, rest.TargetStopped, rest.Internal("No connector `"+name+"` configured"))
}

func (s *Standalone) setTarget(ctx context.Context, name string, target rest.TargetState, missing error) error {
	c, err := s.lockExisting(ctx, name, missing)
	if err != nil {
		return err
	}
	defer s.unlock(c)
	s.mu.Lock()
	c.target = target
	s.mu.Unlock()
	switch target {
	case rest.TargetPaused:
		s.pause(c)
	case rest.TargetStopped:
		s.removeTasks(c)
		s.suspend(c, phaseStopped, engine.Stopped)
	default:
		s.resume(ctx, c)
	}
	return nil
}

func (s *Standalone) resume(ctx context.Context, c *connector) {
	for _, t := range c.running {
		t.Resume()
	}
	switch c.state {
	case phaseStarted:
		return
	case phaseFailed:
		s.connectorLog(c.name).Error("cannot resume the connector since it has failed; restart it")
		return
	case phaseInit, phasePaused, phaseStopped:
	}
	if err := s.startConnector(ctx, c); err != nil {
		return // it is in the status
	}
	_ = s.updateTasks(c) // and so is this
}

// RestartConnector implements rest.Changer.
func (s *Standalone) RestartConnector(ctx context.Context, name string) error {
	c, err := s.lockExisting(ctx, name, notFound(name))
	if err != nil {
		return err
	}
	defer s.unlock(c)
	s.shutDown(c)
	if err := s.startConnector(ctx, c); err != nil {
		return err
	}
	return s.updateTasks(c)
}

// RestartConnectorAndTasks implements rest.Changer.
func (s *Standalone) RestartConnectorAndTasks(ctx context.Context, r rest.RestartRequest) (rest.ConnectorState, error) {
	c, err := s.lockExisting(ctx, r.Connector, rest.NotFound("Unknown connector: "+r.Connector))
	if err != nil {
		return rest.ConnectorState{}, err
	}
	defer s.unlock(c)
	plan, err := s.ConnectorStatus(r.Connector)
	if err != nil {
		return plan, rest.NotFound("Status for connector " + r.Connector + " not found")
	}
	due := func(st *rest.InstanceState) bool {
		if r.OnlyFailed && st.State != string(engine.Failed) {
			return false
		}
		st.State = string(engine.Restarting)
		return true
	}
	restart := due(&plan.Connector)
	var ids []int
	for i := range plan.Tasks {
		if r.IncludeTasks && due(&plan.Tasks[i].InstanceState) && plan.Tasks[i].ID < len(c.tasks) {
			ids = append(ids, plan.Tasks[i].ID)
		}
	}
	s.connectorLog(c.name).Info("restart requested", slog.Bool("connector_restarts", restart), slog.Any("tasks", ids))
	if restart {
		s.shutDown(c)
		s.statuses.setConnector(c.name, engine.Restarting, c.version(), nil)
	}
	c.stopTasks(&s.runtime, ids...)
	for _, id := range ids {
		s.statuses.setTask(c.name, id, engine.Restarting, c.version(), nil)
	}
	if restart {
		_ = s.startConnector(ctx, c) // a failure is in the status
	}
	for _, id := range ids {
		c.startTask(&s.runtime, id)
	}
	return plan, nil
}

// RestartTask implements rest.Changer.
func (s *Standalone) RestartTask(ctx context.Context, name string, id int) error {
	c, err := s.lockExisting(ctx, name, rest.Internal("Failed to start task "+taskName(name, id)+
		" since it is not a recognizable type (source or sink)"))
	if err != nil {
		return err
	}
	defer s.unlock(c)
	if id < 0 || id >= len(c.tasks) {
		return rest.NotFound("Task " + taskName(name, id) + " not found")
	}
	if err := c.load(&s.runtime); err != nil { // the configuration may resolve to other values by now
		return err
	}
	c.stopTasks(&s.runtime, id)
	c.startTask(&s.runtime, id)
	return nil
}
