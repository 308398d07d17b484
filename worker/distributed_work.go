// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/group"
	"github.com/penstock-io/penstock/worker/rest"
	"github.com/penstock-io/penstock/worker/store"
)

// assign is told of a completed rebalance (DistributedHerder.handleRebalanceCompleted). It runs on the member's goroutine.
func (d *Distributed) assign(ctx context.Context, c group.Completed) {
	a := c.Assignment
	d.log.Info("joined group", slog.Int64("generation", int64(c.Generation)), slog.String("protocol", c.Protocol.Name()),
		slog.Bool("leader", c.IsLeader), slog.Int("connectors", len(a.Assigned.Connectors)), slog.Int("tasks", len(a.Assigned.Tasks)),
		slog.Int("revoked", a.Revoked.Len()), slog.Int64("delay_ms", int64(a.Delay)), slog.Int64("config_offset", a.ConfigOffset))
	d.mu.Lock()
	d.assigned, d.resolved = c, false
	d.mu.Unlock()
	if c.IsLeader {
		d.cleanStatuses()
		if err := d.configs.Claim(ctx); err != nil {
			d.fenced.Store(true)
			d.log.Error("the rights of the leader could not be claimed; it is tried again", slog.Any("err", err))
		}
	}
	d.hold(func() { d.settle(ctx, c) })
	d.news.poke() // the leader may have a key to hand out
}

// cleanStatuses removes the states of what is no longer configured.
func (d *Distributed) cleanStatuses() {
	snap := d.configs.Snapshot()
	for _, name := range d.statuses.Names() {
		c := snap.Connector(name)
		tasks := 0
		if c == nil {
			d.statuses.RemoveConnector(name)
		} else {
			tasks = len(c.Tasks)
		}
		for id := range d.statuses.Tasks(name) {
			if id >= tasks {
				d.statuses.RemoveTask(name, id)
			}
		}
	}
}

// settle starts what is new, once this worker has read the configurations that the leader decided by.
func (d *Distributed) settle(ctx context.Context, c group.Completed) {
	a := c.Assignment
	if d.delayed != nil {
		d.delayed.Stop()
		d.delayed = nil
	}
	snap := d.configs.Snapshot()
	if a.Failed() && (c.IsLeader || snap.Offset < a.ConfigOffset) || snap.Offset < a.ConfigOffset {
		if !d.catchUp(ctx) {
			return // it has left the group and joins again
		}
		snap = d.configs.Snapshot()
	}
	if a.Failed() {
		return // and so does the member
	}
	if snap.Offset != a.ConfigOffset {
		d.member.Rejoin("the configurations have moved on since the leader decided")
		return
	}
	d.mu.Lock()
	d.resolved = true
	extra := d.running.Minus(a.Assigned)
	fresh := a.Assigned.Minus(d.running)
	d.mu.Unlock()
	d.stopWork(extra)
	d.startWork(snap, fresh)
	d.ready.Store(true)
	switch {
	case !a.Revoked.Empty():
		d.member.Rejoin("work was given up, for others to take")
	case a.Delay > 0:
		d.delayed = time.AfterFunc(time.Duration(a.Delay)*time.Millisecond, func() { d.member.Rejoin("the delay of the rebalance is over") })
	}
}

// catchUp reads the config topic to its end. When that takes too long the worker leaves the group, so as not to hold the
// others up, and tries until it works; after some time of that it gives up its work.
func (d *Distributed) catchUp(ctx context.Context) bool {
	timeout := time.Duration(d.cfg.Values.Int("worker.sync.timeout.ms")) * time.Millisecond
	read := func() error {
		limit, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return d.configs.Refresh(limit)
	}
	err := read()
	if err == nil {
		return true
	}
	d.member.Leave("the worker cannot read the config topic")
	for n := 5; err != nil && ctx.Err() == nil; n-- {
		pause := time.Duration(d.cfg.Values.Int("scheduled.rebalance.max.delay.ms")) * time.Millisecond / 10 / time.Duration(max(n, 1))
		d.log.Warn("the config topic could not be read to its end; out of the group until it can", slog.Any("err", err), slog.Duration("pause", pause))
		if n == 0 {
			d.mu.RLock()
			all := d.running.Clone()
			d.mu.RUnlock()
			d.stopWork(all)
			d.member.Forget()
		}
		select {
		case <-time.After(max(pause, 100*time.Millisecond)):
		case <-ctx.Done():
		}
		err = read()
	}
	return false
}

// revoked stops work before others may have it. It runs on the member's goroutine.
func (d *Distributed) revoked(ctx context.Context, w group.Work) {
	d.hold(func() {
		d.stopWork(w)
		snap := d.configs.Snapshot()
		if d.tracking {
			gone := map[string]bool{}
			for _, name := range w.Connectors {
				gone[name] = snap.Connector(name) == nil
			}
			for _, t := range w.Tasks {
				gone[t.Connector] = snap.Connector(t.Connector) == nil
			}
			for name, is := range gone {
				if is {
					d.statuses.ResetTopics(name)
				}
			}
		}
	})
	limit, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := d.statuses.Flush(limit); err != nil {
		d.log.Warn("statuses are not written yet; the group goes on without waiting", slog.Any("err", err))
	}
}

// byConnector splits work into what concerns each connector.
func byConnector(w group.Work) map[string]*share {
	out := map[string]*share{}
	of := func(name string) *share {
		if out[name] == nil {
			out[name] = &share{}
		}
		return out[name]
	}
	for _, name := range w.Connectors {
		of(name).instance = true
	}
	for _, t := range w.Tasks {
		p := of(t.Connector)
		p.tasks = append(p.tasks, int(t.Task))
	}
	return out
}

// share is the share of one connector: its instance, or not, and tasks.
type share struct {
	instance bool
	tasks    []int
}

// local is the entry of a connector, made when missing.
func (d *Distributed) local(name string) *connector {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.connectors[name]
	if !ok {
		c = &connector{name: name, token: make(chan struct{}, 1), running: map[int]*task{}, exists: true}
		d.connectors[name] = c
	}
	return c
}

// startWork starts things in the background, connectors side by side.
func (d *Distributed) startWork(snap *store.Configs, w group.Work) {
	d.mu.Lock()
	d.running = d.running.Plus(w)
	d.mu.Unlock()
	for name, p := range byConnector(w) {
		c := d.local(name)
		go func() {
			c.token <- struct{}{}
			defer func() { <-c.token }()
			d.startPart(c, snap, *p)
		}()
	}
}

// startPart starts a connector's share. The token is held. What was revoked while it waited is left out.
func (d *Distributed) startPart(c *connector, snap *store.Configs, p share) {
	if now := d.configs.Snapshot(); now.Connector(c.name) != nil {
		snap = now
	}
	if !d.apply(c, snap) {
		return
	}
	if p.instance && d.runsConnector(c.name) {
		if err := d.startConnector(d.ctx, c); err == nil {
			d.publishLater(c)
		}
	}
	slices.Sort(p.tasks)
	if len(p.tasks) == 0 {
		return
	}
	if c.target == rest.TargetStopped {
		return
	}
	if err := c.load(&d.runtime); err != nil {
		for _, id := range p.tasks {
			d.status.setTask(c.name, id, engine.Failed, c.version(), err)
		}
		d.connectorLog(c.name).Error("tasks not started: the configuration cannot be used", slog.Any("err", err))
		return
	}
	for _, id := range p.tasks {
		if id < len(c.tasks) && d.runsTask(c.name, id) && c.running[id] == nil {
			c.startTask(&d.runtime, id)
		}
	}
}

// apply takes a connector's configuration from a snapshot; false when it is not configured any more.
func (d *Distributed) apply(c *connector, snap *store.Configs) bool {
	one := snap.Connector(c.name)
	if one == nil {
		return false
	}
	tasks := make([]rest.Config, len(one.Tasks))
	for i, t := range one.Tasks {
		tasks[i] = propsConfig(t)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c.config, c.tasks = propsConfig(one.Config), tasks
	c.target = rest.TargetState(snap.Target(c.name))
	return true
}

func (d *Distributed) runsConnector(name string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.running.HasConnector(name)
}

func (d *Distributed) runsTask(name string, id int) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.running.HasTask(group.TaskID{Connector: name, Task: int32(id)})
}

// stopWork stops things and waits for it, connectors side by side. One that does not stop in time is left behind.
func (d *Distributed) stopWork(w group.Work) {
	if w.Empty() {
		return
	}
	d.mu.Lock()
	d.running = d.running.Minus(w)
	d.mu.Unlock()
	var wg sync.WaitGroup
	for name, p := range byConnector(w) {
		d.mu.RLock()
		c := d.connectors[name]
		d.mu.RUnlock()
		if c == nil {
			continue
		}
		wg.Go(func() { d.stopPart(c, *p) })
	}
	wg.Wait()
}

// busyTimeout is how long a stop waits for an operation of the same connector that is under way.
const busyTimeout = 5 * time.Second

func (d *Distributed) stopPart(c *connector, p share) {
	select {
	case c.token <- struct{}{}:
		defer func() { <-c.token }()
	case <-time.After(busyTimeout):
		d.connectorLog(c.name).Warn("connector is busy; what is to stop is cancelled")
		if in := c.instance; in != nil && p.instance {
			in.live.Store(false)
			in.cancel()
		}
	}
	var wg sync.WaitGroup
	if p.instance {
		if c.reload != nil {
			c.reload.Stop()
		}
		wg.Go(func() { d.shutDown(c) })
	}
	c.stopTasks(&d.runtime, p.tasks...)
	wg.Wait()
}

// propsConfig shows properties as a JVM worker does that read them from JSON: in the order of a java.util.HashMap.
func propsConfig(p map[string]*string) rest.Config {
	keys := slices.Sorted(maps.Keys(p))
	return hashOrdered(keys, p, len(keys))
}
