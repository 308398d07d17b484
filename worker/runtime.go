// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/loglevel"
)

// runtime is what connectors and tasks run on, whichever herder decides about them (Worker).
type runtime struct {
	cfg       *Config
	deps      Deps
	log       *slog.Logger // of the herder and connectors
	engineLog *slog.Logger // of tasks
	clusterID string
	offsets   engine.OffsetStore
	status    statusSink
	startups  startups
	tracking  bool
	memory    *engine.Budget // of all tasks
	dog       *watchdog

	// What a running Connector asks of the herder, and what the end of a configuration's life does.
	onReconfigure func(c *connector, in *instance)
	onRaise       func(c *connector, in *instance, cause error)
	onExpire      func(c *connector) error
	// onEquip completes the options of a task; nil leaves them.
	onEquip func(c *connector, id int, o *engine.Options) error

	// onOffsets finds the offsets of a source with a configuration; nil: offsets.
	onOffsets func(ctx context.Context, cfg map[string]string) (engine.OffsetStore, error)
	// onAlter writes offsets of a source that is stopped; nil: they are set in its store.
	onAlter func(ctx context.Context, c *connector, offsets []connectors.PartitionOffset) error

	// mu guards the connectors of the herder and what their fields say; it is never held while anything runs.
	mu sync.RWMutex
}

// statusSink takes the states of what runs here.
type statusSink interface {
	setConnector(name string, state engine.State, version string, cause error)
	setTask(name string, task int, state engine.State, version string, cause error)
	addTopic(name string, task int, topic string)
}

func (s *runtime) init(cfg *Config, deps Deps, herder string) {
	s.cfg, s.deps = cfg, deps
	s.clusterID, s.offsets = deps.ClusterID, deps.Offsets
	s.log = loglevel.Named(deps.Log, herder)
	s.engineLog = loglevel.Named(deps.Log, taskLogger)
	s.memory = newBudget(cfg)
	s.tracking = cfg.Values.Bool("topic.tracking.enable")
}

func (s *runtime) connectorLog(name string) *slog.Logger {
	return s.log.With(slog.String("connector", name))
}

func (s *runtime) taskLog(name string, id int) *slog.Logger {
	return s.engineLog.With(slog.String("connector", name), slog.String("task", strconv.Itoa(id)))
}

// version is the version of a connector, "" while its class is unknown.
func (c *connector) version() string {
	if c.class == "" {
		return ""
	}
	return connectorVersion(c.plugin)
}

// countStart counts the start of a task by its first state that tells.
func (s *runtime) countStart(counted *atomic.Bool, state engine.State) {
	switch state {
	case engine.Running, engine.Paused:
		if counted.CompareAndSwap(false, true) {
			s.startups.tasks.success.Add(1)
		}
	case engine.Failed:
		if counted.CompareAndSwap(false, true) {
			s.startups.tasks.failure.Add(1)
		}
	case engine.Unassigned, engine.Restarting, engine.Stopped:
	}
}

// scheduleReload restarts a connector when the values of its config providers expire.
func (s *runtime) scheduleReload(c *connector, ttl time.Duration) {
	if c.reload != nil {
		c.reload.Stop()
		c.reload = nil
	}
	action, _ := c.config.Get("config.action.reload")
	if ttl <= 0 || strings.TrimSpace(action) == "none" {
		return
	}
	s.connectorLog(c.name).Info("connector will be restarted when its configuration expires", slog.Duration("after", ttl))
	c.reload = time.AfterFunc(ttl, func() {
		if err := s.onExpire(c); err != nil {
			s.connectorLog(c.name).Error("restart with fresh configuration failed", slog.Any("err", err))
		}
	})
}
