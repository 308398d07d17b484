// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"log/slog"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/rest"
)

// shutDown stops the Connector for a restart or for good: status UNASSIGNED.
func (s *runtime) shutDown(c *connector) {
	err := c.halt(s)
	c.state = phaseInit
	if err != nil {
		s.connectorLog(c.name).Error("connector did not stop", slog.Any("err", err))
		s.status.setConnector(c.name, engine.Failed, c.version(), err)
		return
	}
	s.status.setConnector(c.name, engine.Unassigned, c.version(), nil)
}

// startConnector brings a connector that is not running into its target state. What goes wrong is its state FAILED, and
// the error.
func (s *runtime) startConnector(ctx context.Context, c *connector) error {
	log := s.connectorLog(c.name)
	err := c.load(s)
	started := false
	if err == nil && c.target == rest.TargetStarted {
		started = true
		err = c.start(ctx, s)
	}
	if err != nil {
		s.startups.connectors.failure.Add(1)
		log.Error("connector did not start", slog.Any("err", err))
		c.state = phaseFailed
		s.status.setConnector(c.name, engine.Failed, c.version(), err)
		if started {
			err = &batch.Fault{Class: batch.ConnectException, Cause: err,
				Message: "Failed to transition connector " + c.name + " to state " + string(c.target)}
		}
		return err
	}
	s.startups.connectors.success.Add(1)
	switch c.target {
	case rest.TargetPaused:
		c.state = phasePaused
		s.status.setConnector(c.name, engine.Paused, c.version(), nil)
	case rest.TargetStopped:
		c.state = phaseStopped
		s.status.setConnector(c.name, engine.Stopped, c.version(), nil)
	default:
		c.state = phaseStarted
		s.status.setConnector(c.name, engine.Running, c.version(), nil)
		log.Info("connector started", slog.String("class", c.class))
	}
	return nil
}

// fail puts a connector into the state FAILED and stops what runs of it, its tasks excepted.
func (s *runtime) fail(c *connector, cause error) {
	s.connectorLog(c.name).Error("connector failed", slog.Any("err", cause))
	if err := c.halt(s); err != nil {
		s.connectorLog(c.name).Error("connector did not stop", slog.Any("err", err))
	}
	c.state = phaseFailed
	s.status.setConnector(c.name, engine.Failed, c.version(), cause)
}

func (s *runtime) pause(c *connector) {
	for _, t := range c.running {
		t.Pause()
	}
	if c.state == phaseFailed {
		s.connectorLog(c.name).Error("cannot pause the connector since it has failed; its tasks are paused")
		return
	}
	s.suspend(c, phasePaused, engine.Paused)
}

// suspend stops the Connector and keeps its place (WorkerConnector.suspend).
func (s *runtime) suspend(c *connector, phase connectorPhase, state engine.State) {
	if c.state == phase {
		return
	}
	if err := c.halt(s); err != nil {
		s.connectorLog(c.name).Error("connector did not stop", slog.Any("err", err))
		if phase == phasePaused {
			c.state = phaseFailed
			s.status.setConnector(c.name, engine.Failed, c.version(), err)
			return
		}
	}
	c.state = phase
	s.status.setConnector(c.name, state, c.version(), nil)
}
