// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/group"
	"github.com/penstock-io/penstock/worker/rest"
	"github.com/penstock-io/penstock/worker/store"
)

// loop acts on what the config topic says, and does the leader's chores.
func (d *Distributed) loop() {
	known := map[string]bool{}
	for _, name := range d.configs.Snapshot().Names() {
		known[name] = true
	}
	chores := time.NewTicker(time.Second)
	defer chores.Stop()
	go func() {
		for {
			select {
			case <-chores.C:
				if _, _, _, _, leader := d.member.Now(); leader && d.choreDue() {
					d.news.poke()
				}
			case <-d.ctx.Done():
				return
			}
		}
	}()
	for {
		dig, ok := d.news.wait()
		if !ok {
			return
		}
		for _, l := range dig.loggers {
			d.log.Info("setting level of loggers", slog.String("namespace", l.name), slog.String("level", l.level))
			d.deps.Levels.Set(l.name, l.level)
		}
		d.hold(func() { d.process(dig, known) })
		d.chores()
	}
}

// process acts on changes of the config topic. The turn is held; what takes time runs in the background.
func (d *Distributed) process(dig digest, known map[string]bool) {
	snap := d.configs.Snapshot()
	reason := dig.rebalance
	for name := range dig.connectors {
		if !known[name] {
			reason = "connector " + name + " is new"
		}
	}
	clear(known)
	for _, name := range snap.Names() {
		known[name] = true
	}
	for name := range dig.connectors {
		if d.runsConnector(name) {
			d.background(name, func(c *connector) { d.bounce(c, false) })
		}
	}
	for name := range dig.targets {
		d.background(name, d.retarget)
	}
	for name := range dig.tasks {
		d.stopChanged(snap, name)
	}
	for _, r := range dig.restarts {
		d.carryOut(r)
	}
	if reason != "" {
		d.member.Rejoin(reason)
	}
}

// background runs an operation on a connector that this worker has something of, in turn with others of it.
func (d *Distributed) background(name string, do func(c *connector)) {
	d.mu.RLock()
	c, ok := d.connectors[name]
	d.mu.RUnlock()
	if !ok {
		return
	}
	go func() {
		c.token <- struct{}{}
		defer func() { <-c.token }()
		do(c)
	}()
}

// bounce restarts a Connector with the configuration of now. The token is held.
func (d *Distributed) bounce(c *connector, asked bool) error {
	if !d.runsConnector(c.name) {
		return nil
	}
	if c.instance != nil || asked {
		d.shutDown(c)
	}
	if !d.apply(c, d.configs.Snapshot()) {
		return nil
	}
	err := d.startConnector(d.ctx, c)
	if err == nil {
		d.publishLater(c)
	}
	return err
}

// retarget brings what runs here into the target state of now. The token is held.
func (d *Distributed) retarget(c *connector) {
	before := c.target
	if !d.apply(c, d.configs.Snapshot()) {
		return
	}
	d.connectorLog(c.name).Info("target state changed", slog.String("from", string(before)), slog.String("to", string(c.target)))
	if !d.runsConnector(c.name) {
		for _, t := range c.running {
			switch c.target {
			case rest.TargetPaused:
				t.Pause()
			case rest.TargetStarted:
				t.Resume()
			case rest.TargetStopped: // its tasks are taken away
			}
		}
		return
	}
	switch c.target {
	case rest.TargetPaused:
		d.pause(c)
	case rest.TargetStopped:
		d.suspend(c, phaseStopped, engine.Stopped)
	default:
		for _, t := range c.running {
			t.Resume()
		}
		switch c.state {
		case phaseFailed:
			d.connectorLog(c.name).Error("cannot resume the connector since it has failed; restart it")
		case phaseStarted:
		case phaseInit, phasePaused, phaseStopped:
			if d.startConnector(d.ctx, c) == nil {
				d.publishLater(c)
			}
		}
	}
}

// stopChanged stops the tasks here whose configuration changed, to be started again after the rebalance that follows. The
// JVM stops all tasks of the connector.
func (d *Distributed) stopChanged(snap *store.Configs, name string) {
	d.mu.RLock()
	c, ok := d.connectors[name]
	d.mu.RUnlock()
	one := snap.Connector(name)
	if !ok || one == nil {
		return
	}
	whole, wrong := d.cfg.Transformer.Transform(one.Config)
	var changed group.Work
	d.mu.RLock()
	for id, t := range c.running {
		same := wrong == nil && id < len(one.Tasks) && maps.Equal(t.connector, whole.Props.Strings())
		if same {
			own, err := d.cfg.Transformer.Transform(one.Tasks[id])
			same = err == nil && maps.Equal(t.own, own.Props.Strings())
		}
		if !same || d.exactlyOnceSource(c) {
			changed.Tasks = append(changed.Tasks, group.TaskID{Connector: name, Task: int32(id)})
		}
	}
	// Tasks that are to run here but do not, having failed or not been started, are given another chance.
	for _, t := range d.running.Tasks {
		if t.Connector == name && c.running[int(t.Task)] == nil {
			changed.Tasks = append(changed.Tasks, t)
		}
	}
	d.mu.RUnlock()
	d.stopWork(changed)
}

// exactlyOnceSource says that a new set of tasks fences the old ones, changed or not.
func (d *Distributed) exactlyOnceSource(c *connector) bool {
	return d.cfg.exactlyOnce() == "enabled" && c.plugin.NewSource != nil
}

// carryOut restarts what is asked for and runs here.
func (d *Distributed) carryOut(r store.Restart) {
	plan, restart, ids := d.planRestart(rest.RestartRequest{Connector: r.Connector, IncludeTasks: r.IncludeTasks, OnlyFailed: r.OnlyFailed})
	if plan == nil {
		return
	}
	d.background(r.Connector, func(c *connector) {
		restart := restart && d.runsConnector(c.name)
		var mine []int
		for _, id := range ids {
			if d.runsTask(c.name, id) {
				mine = append(mine, id)
			}
		}
		d.connectorLog(c.name).Info("restart requested", slog.Bool("connector_restarts", restart), slog.Any("tasks", mine))
		if restart {
			d.shutDown(c)
			d.status.setConnector(c.name, engine.Restarting, c.version(), nil)
		}
		c.stopTasks(&d.runtime, mine...)
		for _, id := range mine {
			d.status.setTask(c.name, id, engine.Restarting, c.version(), nil)
		}
		if restart {
			_ = d.bounce(c, true) // a failure is in the status
		}
		d.startPart(c, d.configs.Snapshot(), share{tasks: mine})
	})
}

// planRestart finds out what a restart request means by the states of now.
func (d *Distributed) planRestart(r rest.RestartRequest) (plan *rest.ConnectorState, connector bool, tasks []int) {
	st, err := d.ConnectorStatus(r.Connector)
	if err != nil {
		return nil, false, nil
	}
	due := func(s *rest.InstanceState) bool {
		if r.OnlyFailed && s.State != string(engine.Failed) {
			return false
		}
		s.State = string(engine.Restarting)
		return true
	}
	connector = due(&st.Connector)
	for i := range st.Tasks {
		if r.IncludeTasks && due(&st.Tasks[i].InstanceState) {
			tasks = append(tasks, st.Tasks[i].ID)
		}
	}
	return &st, connector, tasks
}

// reconfigureLater is what a Connector's context calls: TaskConfigs will be asked for again, soon.
func (d *Distributed) reconfigureLater(c *connector, in *instance) {
	if in.live.Load() {
		d.publishLater(c)
	}
}

// raise is what a Connector's context calls to fail the connector.
func (d *Distributed) raise(c *connector, in *instance, cause error) {
	if cause == nil {
		cause = errors.New("the connector raised an error without a cause")
	}
	if !in.live.Load() {
		return
	}
	go func() {
		c.token <- struct{}{}
		defer func() { <-c.token }()
		if c.instance == in {
			d.fail(c, cause)
		}
	}()
}

// retry is a publication of task configurations that is under way or will be tried again.
type retry struct{ again atomic.Bool }

const (
	publishMin = 250 * time.Millisecond
	publishMax = time.Minute
)

// publishLater has the tasks of a running Connector written to the config topic, in the background, until it works.
func (d *Distributed) publishLater(c *connector) {
	d.mu.Lock()
	r, busy := d.retrying[c.name]
	if busy {
		r.again.Store(true)
		d.mu.Unlock()
		return
	}
	r = &retry{}
	d.retrying[c.name] = r
	d.mu.Unlock()
	go func() {
		pause := publishMin
		for {
			r.again.Store(false)
			err := d.publish(c)
			if err == nil || batch.ClassOf(err) == tooManyTasks {
				d.mu.Lock()
				if !r.again.Load() {
					delete(d.retrying, c.name)
					d.mu.Unlock()
					return
				}
				d.mu.Unlock()
				continue
			}
			d.connectorLog(c.name).Warn("the tasks of the connector could not be written; trying again", slog.Any("err", err), slog.Duration("pause", pause))
			select {
			case <-time.After(pause):
			case <-d.ctx.Done():
				return
			}
			pause = min(2*pause, publishMax)
		}
	}()
}

const tooManyTasks = "org.apache.kafka.connect.runtime.TooManyTasksException"

// publish asks a Connector for its tasks and writes them if they changed.
func (d *Distributed) publish(c *connector) error {
	tasks, err := d.changedTasks(c)
	if err != nil || tasks == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(d.ctx, 90*time.Second)
	defer cancel()
	return d.writeTasks(ctx, c.name, tasks)
}

// changedTasks is the new task configurations, nil when they are those in the config topic.
func (d *Distributed) changedTasks(c *connector) ([]config.Props, error) {
	c.token <- struct{}{}
	defer func() { <-c.token }()
	if c.instance == nil || c.state != phaseStarted || c.target != rest.TargetStarted {
		return nil, nil
	}
	configs, err := c.taskConfigs(&d.runtime)
	if err != nil {
		if batch.ClassOf(err) == tooManyTasks {
			d.fail(c, err)
		}
		return nil, err
	}
	tasks := make([]config.Props, len(configs))
	for i, cfg := range configs {
		tasks[i] = reverseTransform(cfg, c.config).Props()
	}
	one := d.configs.Snapshot().Connector(c.name)
	if one == nil {
		return nil, nil
	}
	if len(tasks) == len(one.Tasks) && len(tasks) == max(one.TaskCount, 0) && !one.Inconsistent && equalProps(one.Applied, one.Config) {
		same := true
		for i := range tasks {
			same = same && equalProps(tasks[i], one.Tasks[i])
		}
		if same {
			return nil, nil
		}
	}
	return tasks, nil
}

func equalProps(a, b config.Props) bool {
	return maps.EqualFunc(a, b, func(x, y *string) bool { return x == y || x != nil && y != nil && *x == *y })
}
