// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/rest"
)

// connectorStopTimeout is how long a Connector may take to stop. Not configurable in Connect either.
const connectorStopTimeout = 5 * time.Second

// connector is one connector of a worker.
//
//	put, restart ─► start ─┬─► STARTED ◄─ resume ─┐        raise: FAILED until it is restarted
//	                       ├─► PAUSED  ◄─ pause ──┤
//	                       └─► STOPPED ◄─ stop ───┘
type connector struct {
	name string
	// token is held by whoever changes the connector: capacity one, full = held.
	token chan struct{}

	// Guarded by runtime.mu; written with the token held.
	exists bool
	config rest.Config
	target rest.TargetState
	tasks  []rest.Config // raw

	// Used with the token held.
	class    string
	plugin   connectors.Plugin
	resolved map[string]string
	instance *instance
	state    connectorPhase
	running  map[int]*task
	reload   *time.Timer
}

// connectorPhase is WorkerConnector.State.
type connectorPhase uint8

const (
	phaseInit connectorPhase = iota
	phaseStarted
	phasePaused
	phaseStopped
	phaseFailed
)

// instance is a started Connector.
type instance struct {
	conn   connectors.Connector
	cancel context.CancelFunc
	live   atomic.Bool // its callbacks count
}

// task is a task with what it was started with.
type task struct {
	Task
	connector, own map[string]string
	live           *atomic.Bool // its states count
}

// guard calls into a connector; a panic becomes an error.
func guard(log *slog.Logger, what string, call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("connector panicked", slog.String("call", what), slog.Any("err", p), slog.String("stack", string(debug.Stack())))
			err = batch.NewFault(batch.ConnectException, fmt.Sprintf("BUG: %s panicked: %v", what, p))
		}
	}()
	return call()
}

// within calls something that may hang and gives up waiting after a while. The call goes on in the background then.
func within(ctx context.Context, d time.Duration, what string, call func() error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return batch.NewFault(batch.ConnectException, what+" did not return within "+d.String())
	}
}

// load resolves the configuration and finds the plugin, as at the start of a connector.
func (c *connector) load(s *runtime) error {
	t, err := s.cfg.Transformer.Transform(c.config.Props())
	if err != nil {
		return err
	}
	name, ok := t.Props.Get(classKey)
	if !ok {
		return rest.BadRequest("Connector config of " + c.name + " contains no connector type")
	}
	if c.plugin, c.class, err = findConnector(name); err != nil {
		return err
	}
	c.resolved = t.Props.Strings()
	s.scheduleReload(c, t.TTL)
	return nil
}

// start makes and starts the Connector. The token is held.
func (c *connector) start(ctx context.Context, s *runtime) error {
	if c.instance != nil {
		return nil
	}
	log := s.connectorLog(c.name)
	in := &instance{}
	in.live.Store(true)
	var ictx context.Context
	ictx, in.cancel = context.WithCancel(context.Background())
	ictx = pprof.WithLabels(ictx, pprof.Labels("connector", c.name))
	cc := connectors.ConnectorContext{
		Name: c.name, Config: maps.Clone(c.resolved), Log: log,
		RequestTaskReconfiguration: func() { s.onReconfigure(c, in) },
		RaiseError:                 func(err error) { s.onRaise(c, in, err) },
	}
	err := guard(log, "NewConnector", func() (err error) {
		if c.plugin.NewConnector == nil {
			in.conn = connectors.Single(c.resolved)
			return nil
		}
		in.conn, err = c.plugin.NewConnector(maps.Clone(c.resolved))
		return err
	})
	if err == nil {
		err = within(ctx, startTimeout, "Start of the connector", func() error {
			return guard(log, "Start", func() error { return in.conn.Start(ictx, cc) })
		})
	}
	if err != nil {
		in.live.Store(false)
		in.cancel()
		return err
	}
	c.instance = in
	return nil
}

// startTimeout bounds Connector.Start; a REST call waits no longer.
const startTimeout = 90 * time.Second

// halt stops the Connector, if it runs. The token is held. A connector that does not stop in time is left behind: its
// callbacks no longer count.
func (c *connector) halt(s *runtime) error {
	in := c.instance
	if in == nil {
		return nil
	}
	c.instance = nil
	in.live.Store(false)
	in.cancel()
	log := s.connectorLog(c.name)
	return within(context.Background(), connectorStopTimeout, "Stop of the connector", func() error {
		return guard(log, "Stop", in.conn.Stop)
	})
}

// taskConfigs asks the Connector for the configurations of its tasks and completes them, as Worker.connectorTaskConfigs.
func (c *connector) taskConfigs(s *runtime) ([]map[string]string, error) {
	most := 1
	if text, ok := c.resolved["tasks.max"]; ok {
		n, err := config.ParseValue("tasks.max", text, config.TypeInt, nil)
		if err != nil {
			return nil, err
		}
		most = int(n.(int32))
	}
	log := s.connectorLog(c.name)
	var configs []map[string]string
	conn := c.instance.conn
	err := within(context.Background(), startTimeout, "TaskConfigs of the connector", func() error {
		return guard(log, "TaskConfigs", func() (err error) {
			configs, err = conn.TaskConfigs(most)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if len(configs) > most {
		if !strings.EqualFold(strings.TrimSpace(c.resolved["tasks.max.enforce"]), "false") {
			return nil, batch.NewFault("org.apache.kafka.connect.runtime.TooManyTasksException", tooMany(c.name, len(configs), most))
		}
		log.Warn("connector generated more tasks than tasks.max", slog.Int("tasks", len(configs)), slog.Int("max", most))
	}
	out := make([]map[string]string, len(configs))
	for i, cfg := range configs {
		out[i] = maps.Clone(cfg)
		if out[i] == nil {
			out[i] = map[string]string{}
		}
		out[i]["task.class"] = c.plugin.TaskClass
		for _, key := range [2]string{topicsKey, topicsRegexp} {
			if v, ok := c.resolved[key]; ok {
				out[i][key] = v
			}
		}
	}
	return out, nil
}

func tooMany(name string, tasks, most int) string {
	return fmt.Sprintf("The connector %s has generated %d tasks, which is greater than %d, the maximum number of tasks it is "+
		"configured to create. This behaviour should be considered a bug and is disallowed. If necessary, it can be permitted by "+
		"reconfiguring the connector with 'tasks.max.enforce' set to false; however, this option will be removed in a future release "+
		"of Kafka Connect.", name, tasks, most)
}

// startTask runs one task. The token is held.
func (c *connector) startTask(s *runtime, id int) {
	log := s.taskLog(c.name, id)
	version := connectorVersion(c.plugin)
	s.status.setTask(c.name, id, engine.Unassigned, version, nil)
	t, err := s.cfg.Transformer.Transform(c.tasks[id].Props())
	if err != nil {
		log.Error("task not started: its configuration cannot be resolved", slog.Any("err", err))
		s.startups.tasks.failure.Add(1)
		s.status.setTask(c.name, id, engine.Failed, version, err)
		return
	}
	live := new(atomic.Bool)
	live.Store(true)
	counted := new(atomic.Bool)
	run := &task{connector: c.resolved, own: t.Props.Strings(), live: live}
	o := engine.Options{
		Connector: c.name, Task: id, Class: c.class, Plugin: c.plugin, Config: c.resolved, TaskConfig: run.own,
		Worker: s.cfg.Props, ClusterID: s.clusterID, Offsets: s.offsets, Paused: c.target == rest.TargetPaused, Log: log,
		Memory: s.memory,
		OnState: func(state engine.State, err error) {
			if live.Load() {
				s.countStart(counted, state)
				s.status.setTask(c.name, id, state, version, err)
			}
		},
		OnTopic: func(topic string) {
			if live.Load() && s.tracking {
				s.status.addTopic(c.name, id, topic)
			}
		},
	}
	err = guard(log, "start of the task", func() error {
		if s.onEquip != nil {
			if err := s.onEquip(c, id, &o); err != nil {
				return err
			}
		}
		run.Task = s.deps.StartTask(o)
		return nil
	})
	if err != nil {
		live.Store(false)
		s.countStart(counted, engine.Failed)
		s.status.setTask(c.name, id, engine.Failed, version, err)
		return
	}
	s.mu.Lock()
	c.running[id] = run
	s.mu.Unlock()
}

// stopTasks stops tasks side by side within the graceful timeout. The token is held. A task that does not end in time is
// cancelled and left behind: its states no longer count.
func (c *connector) stopTasks(s *runtime, ids ...int) {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.GracefulTimeout())
	defer cancel()
	type end struct {
		id  int
		err error
	}
	ends := make(chan end, len(ids))
	n := 0
	for _, id := range ids {
		run, ok := c.running[id]
		if !ok {
			continue
		}
		n++
		go func() { ends <- end{id, run.Stop(ctx)} }()
	}
	for range n {
		e := <-ends
		run := c.running[e.id]
		run.live.Store(false)
		s.mu.Lock()
		delete(c.running, e.id)
		s.mu.Unlock()
		if e.err != nil {
			s.taskLog(c.name, e.id).Error("graceful stop of the task failed; it was cancelled", slog.Any("err", e.err))
		}
	}
}

// taskIDs returns the ids of the configured tasks.
func (c *connector) taskIDs() []int {
	ids := make([]int, len(c.tasks))
	for i := range ids {
		ids[i] = i
	}
	return ids
}
