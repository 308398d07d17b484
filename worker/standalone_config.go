// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/worker/rest"
)

// errStopping is what changes get from a worker that is going down.
var errStopping = rest.Conflict("The worker is shutting down")

// lock takes the token of a connector. Without create an unknown one is nil and no error.
func (s *Standalone) lock(ctx context.Context, name string, create bool) (*connector, error) {
	for {
		if s.stopped.Load() {
			return nil, errStopping
		}
		s.mu.Lock()
		c, ok := s.connectors[name]
		if !ok {
			if !create {
				s.mu.Unlock()
				return nil, nil
			}
			c = &connector{name: name, token: make(chan struct{}, 1), running: map[int]*task{}}
			s.connectors[name] = c
		}
		s.mu.Unlock()
		select {
		case c.token <- struct{}{}:
		case <-ctx.Done():
			return nil, context.DeadlineExceeded
		}
		s.mu.RLock()
		same := s.connectors[name] == c
		s.mu.RUnlock()
		switch {
		case !same: // deleted while we waited
			<-c.token
		case !c.exists && !create:
			s.unlock(c)
			return nil, nil
		default:
			return c, nil
		}
	}
}

// unlock gives the token back and drops an entry that came to nothing.
func (s *Standalone) unlock(c *connector) {
	s.mu.Lock()
	if !c.exists && s.connectors[c.name] == c {
		delete(s.connectors, c.name)
	}
	s.mu.Unlock()
	<-c.token
}

// lockExisting is lock for a connector that must be there; otherwise the error is missing.
func (s *Standalone) lockExisting(ctx context.Context, name string, missing error) (*connector, error) {
	c, err := s.lock(ctx, name, false)
	if err == nil && c == nil {
		err = missing
	}
	return c, err
}

func notFound(name string) error { return rest.NotFound("Connector " + name + " not found") }

// PutConnector implements rest.Changer.
func (s *Standalone) PutConnector(ctx context.Context, name string, cfg rest.Config, initial rest.TargetState, replace bool) (rest.ConnectorInfo, bool, error) {
	infos, err := s.cfg.Validate(cfg)
	if err == nil {
		err = configErrors(infos)
	}
	if err != nil {
		return rest.ConnectorInfo{}, false, err
	}
	c, err := s.lock(ctx, name, true)
	if err != nil {
		return rest.ConnectorInfo{}, false, err
	}
	defer s.unlock(c)
	if c.exists && !replace {
		return rest.ConnectorInfo{}, false, rest.AlreadyExists("Connector " + name + " already exists")
	}
	created := !c.exists
	if !created {
		s.shutDown(c)
	}
	s.mu.Lock()
	c.config = cfg.Clone()
	c.exists = true
	if created {
		c.target = rest.TargetStarted
	}
	if initial != "" {
		c.target = initial
	}
	s.mu.Unlock()
	s.warnUnknown(c)
	if err := s.startConnector(ctx, c); err != nil {
		return rest.ConnectorInfo{}, false, err
	}
	if err := s.updateTasks(c); err != nil {
		return rest.ConnectorInfo{}, false, err
	}
	info, err := s.ConnectorInfo(name)
	return info, created, err
}

// warnUnknown tells of keys that nobody reads.
func (s *Standalone) warnUnknown(c *connector) {
	name, _ := c.config.Get(classKey)
	p, _, err := findConnector(name)
	if err != nil {
		return
	}
	prefixes := []string{
		"transforms.", "predicates.", "producer.override.", "consumer.override.", "admin.override.",
		"key.converter.", "value.converter.", "header.converter.", "topic.creation.",
	}
	for _, h := range config.UnknownKeys(c.config.Props(), []config.Def{baseDef(p.Kind), p.Def}, prefixes) {
		s.connectorLog(c.name).Warn("connector configuration", slog.String("problem", h.String()))
	}
}

// PatchConnector implements rest.Changer.
func (s *Standalone) PatchConnector(ctx context.Context, name string, patch rest.Config) (rest.ConnectorInfo, error) {
	info, err := s.ConnectorInfo(name)
	if err != nil {
		return info, err
	}
	info, _, err = s.PutConnector(ctx, name, patched(info.Config, patch), "", true)
	return info, err
}

// patched merges a patch into a configuration; a null removes its key.
func patched(cfg, patch rest.Config) rest.Config {
	before := cfg.Keys()
	merged := cfg.Clone()
	for _, k := range patch.Keys() {
		if v, ok := patch.Get(k); ok {
			merged.Set(k, v)
		} else {
			merged.Delete(k)
		}
	}
	return hashOrdered(merged.Keys(), merged.Props(), len(before))
}

// copiedCapacity is the number of buckets of new HashMap(map) for a map of n entries.
func copiedCapacity(n int) int {
	c := 1
	for float64(c) < float64(n)/0.75+1 {
		c *= 2
	}
	return c
}

// hashOrdered makes a Config with its keys in the order of a java.util.HashMap that was copied from one of n entries and
// into which keys were put in their order.
func hashOrdered(keys []string, props config.Props, n int) rest.Config {
	order := make([]string, 0, len(keys))
	for _, at := range text.AppendHashOrder(nil, keys, copiedCapacity(n)) {
		order = append(order, keys[at])
	}
	return rest.NewConfig(order, props)
}

// DeleteConnector implements rest.Changer.
func (s *Standalone) DeleteConnector(ctx context.Context, name string) error {
	c, err := s.lockExisting(ctx, name, notFound(name))
	if err != nil {
		return err
	}
	defer s.unlock(c)
	if c.reload != nil {
		c.reload.Stop()
	}
	s.removeTasks(c)
	s.shutDown(c)
	s.mu.Lock()
	c.exists = false
	s.mu.Unlock()
	s.statuses.remove(name)
	return nil
}

// updateTasks asks a running connector for its tasks and makes it so: what changed is restarted, the rest runs on. (The
// JVM restarts all tasks of a connector when one changes.) The token is held.
func (s *Standalone) updateTasks(c *connector) error {
	if c.state != phaseStarted || c.target != rest.TargetStarted {
		return nil
	}
	configs, err := c.taskConfigs(&s.runtime)
	if err != nil {
		s.fail(c, err)
		return err
	}
	raw := make([]rest.Config, len(configs))
	for i, cfg := range configs {
		raw[i] = reverseTransform(cfg, c.config)
	}
	var stop, start []int
	for id := range max(len(raw), len(c.tasks)) {
		run := c.running[id]
		switch {
		case id >= len(raw):
			stop = append(stop, id)
		case id < len(c.tasks) && run != nil && equalConfigs(raw[id], c.tasks[id]) && maps.Equal(run.connector, c.resolved):
		default:
			stop = append(stop, id)
			start = append(start, id)
		}
	}
	c.stopTasks(&s.runtime, stop...)
	for _, id := range stop {
		s.statuses.removeTask(c.name, id)
	}
	s.mu.Lock()
	c.tasks = raw
	s.mu.Unlock()
	for _, id := range start {
		c.startTask(&s.runtime, id)
	}
	if len(stop)+len(start) > 0 {
		s.connectorLog(c.name).Info("tasks updated", slog.Int("tasks", len(raw)), slog.Int("started", len(start)))
	}
	return nil
}

// reverseTransform puts the ${...} of the connector's configuration back into that of a task.
func reverseTransform(task map[string]string, raw rest.Config) rest.Config {
	props := config.NewProps(task)
	for _, k := range raw.Keys() {
		if v, ok := raw.Get(k); ok && config.HasVariable(v) {
			if _, in := props[k]; in {
				props[k] = &v
			}
		}
	}
	keys := slices.Sorted(maps.Keys(props))
	return hashOrdered(keys, props, len(keys))
}

func equalConfigs(a, b rest.Config) bool {
	return maps.EqualFunc(a.Props(), b.Props(), func(x, y *string) bool {
		return x == y || x != nil && y != nil && *x == *y
	})
}

// removeTasks stops all tasks of a connector and forgets them. The token is held.
func (s *Standalone) removeTasks(c *connector) {
	ids := c.taskIDs()
	c.stopTasks(&s.runtime, ids...)
	s.mu.Lock()
	c.tasks = nil
	s.mu.Unlock()
	for _, id := range ids {
		s.statuses.removeTask(c.name, id)
	}
}

// requestReconfiguration is what a Connector's context calls: TaskConfigs will be asked for again, soon.
func (s *Standalone) requestReconfiguration(c *connector, in *instance) {
	s.later(c, in, func() { _ = s.updateTasks(c) })
}

// raise is what a Connector's context calls to fail the connector.
func (s *Standalone) raise(c *connector, in *instance, cause error) {
	if cause == nil {
		cause = errors.New("the connector raised an error without a cause")
	}
	s.later(c, in, func() { s.fail(c, cause) })
}

// later runs something about a connector under its token, in the background, if in is still its instance by then.
func (s *Standalone) later(c *connector, in *instance, do func()) {
	if !in.live.Load() {
		return
	}
	go func() {
		held, err := s.lock(context.Background(), c.name, false)
		if err != nil || held == nil {
			return
		}
		defer s.unlock(held)
		if held == c && c.instance == in {
			do()
		}
	}()
}
