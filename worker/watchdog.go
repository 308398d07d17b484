// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/worker/rest"
)

// watchEvery is how often the watchdog looks.
const watchEvery = time.Second

// maxDoublings bounds the growth of the wait between restarts.
const maxDoublings = 6

// watchedTask is what the watchdog asks of a task; *engine.Task is one.
type watchedTask interface {
	Troubles(now time.Time) []engine.Trouble
	State() engine.State
}

var _ watchedTask = (*engine.Task)(nil)

// watchdog looks at the tasks of a worker: it logs those that hang, once each, and restarts what its policy says. It calls
// no connector, and a restart runs beside it, so that a connector that hangs holds nobody up but itself.
type watchdog struct {
	rt      *runtime
	tasks   func() map[string]map[int]*task // a copy: what runs here
	restart func(ctx context.Context, connector string, task int) error

	cancel context.CancelFunc
	done   sync.WaitGroup

	mu   sync.Mutex
	seen map[string]*watchedState // by connector-task
}

// watchedState is what the watchdog remembers of a task.
type watchedState struct {
	connector string
	id        int
	told      bool      // its trouble was logged
	restarts  int       // in a row
	most      int       // of them
	next      time.Time // of the restart that is planned; zero: none
	wellSince time.Time // RUNNING without trouble; zero: not
	busy      bool      // a restart is under way
}

// watch starts the watchdog of a worker.
func (s *runtime) watch(tasks func() map[string]map[int]*task, restart func(context.Context, string, int) error) *watchdog {
	w := &watchdog{rt: s, tasks: tasks, restart: restart, seen: map[string]*watchedState{}}
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(context.Background())
	w.done.Go(func() {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				w.look(ctx, time.Now())
			case <-ctx.Done():
				return
			}
		}
	})
	return w
}

// stop ends the watchdog. A restart under way is not waited for.
func (w *watchdog) stop() {
	if w != nil {
		w.cancel()
		w.done.Wait()
	}
}

// each calls fn with every task that can be watched, in order.
func (w *watchdog) each(fn func(connector string, id int, run *task, t watchedTask)) {
	all := w.tasks()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, id := range slices.Sorted(maps.Keys(all[name])) {
			if t, ok := all[name][id].Task.(watchedTask); ok {
				fn(name, id, all[name][id], t)
			}
		}
	}
}

// look is one round.
func (w *watchdog) look(ctx context.Context, now time.Time) {
	live := map[string]bool{}
	w.each(func(name string, id int, run *task, t watchedTask) {
		key := taskName(name, id)
		live[key] = true
		w.mu.Lock()
		defer w.mu.Unlock()
		st := w.seen[key]
		if st == nil {
			st = &watchedState{connector: name, id: id}
			w.seen[key] = st
		}
		if troubles := t.Troubles(now); len(troubles) > 0 {
			w.trouble(st, troubles[0], now)
			w.plan(ctx, st, run, now)
			return
		}
		st.told = false
		if t.State() == engine.Failed {
			st.wellSince = time.Time{}
			w.plan(ctx, st, run, now)
			return
		}
		w.well(st, run, now)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, st := range w.seen {
		// A restart that was planned is forgotten once the task has been gone for a while: another worker may have it.
		if !live[key] && !st.busy && (st.next.IsZero() || now.Sub(st.next) > time.Minute) {
			delete(w.seen, key)
		}
	}
}

func (w *watchdog) trouble(st *watchedState, tr engine.Trouble, now time.Time) {
	st.wellSince = time.Time{}
	if st.told {
		return
	}
	st.told = true
	w.rt.taskLog(st.connector, st.id).Error("the task says RUNNING and does not move: "+tr.What, slog.String("call", tr.Call),
		slog.Time("since", tr.Since), slog.Duration("for", now.Sub(tr.Since)), slog.String("stack", tr.Stack))
}

// well forgets past restarts once the task has run as long as the next wait would be.
func (w *watchdog) well(st *watchedState, run *task, now time.Time) {
	if st.busy {
		return
	}
	st.next = time.Time{}
	if st.wellSince.IsZero() {
		st.wellSince = now
	}
	if st.restarts > 0 {
		if p, ok := w.policy(run); ok && now.Sub(st.wellSince) >= p.wait(st.restarts) {
			st.restarts = 0
		}
	}
}

// policy is penstock.restart.*.
type policy struct {
	backoff time.Duration
	most    int
}

func (p policy) wait(restarts int) time.Duration { return p.backoff << min(restarts, maxDoublings) }

// policy of a task; false when it is not to be restarted.
func (w *watchdog) policy(run *task) (policy, bool) {
	v, err := engine.OwnKeys(run.connector, w.rt.cfg.Props)
	if err != nil || v.String(engine.RestartPolicy) != engine.RestartOnFailed {
		return policy{}, false
	}
	return policy{time.Duration(v.Long(engine.RestartBackoff)) * time.Millisecond, v.Int(engine.RestartMax)}, true
}

// plan restarts a task when its time has come. The lock is held.
func (w *watchdog) plan(ctx context.Context, st *watchedState, run *task, now time.Time) {
	p, ok := w.policy(run)
	if !ok || st.busy {
		return
	}
	st.most = p.most
	log := w.rt.taskLog(st.connector, st.id)
	switch {
	case st.restarts >= p.most:
		if !st.next.IsZero() || st.restarts == p.most {
			st.next = time.Time{}
			st.restarts = p.most + 1 // told
			log.Error("the task is not restarted any more: the budget is used up", slog.Int(engine.RestartMax, p.most))
		}
	case st.next.IsZero():
		st.next = now.Add(p.wait(st.restarts))
		log.Warn("the task will be restarted", slog.Time("at", st.next), slog.Int("restart", st.restarts+1), slog.Int("max", p.most))
	case !now.Before(st.next):
		st.next, st.busy = time.Time{}, true
		st.restarts++
		go func() {
			ask, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			if err := w.restart(ask, st.connector, st.id); err != nil && ctx.Err() == nil {
				log.Error("the restart of the task failed", slog.Any("err", err))
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			st.busy = false
		}()
	}
}

// health is what the tasks say now.
func (w *watchdog) health(workerID string) rest.TaskHealth {
	h := rest.TaskHealth{WorkerID: workerID, Healthy: true, Troubles: []rest.TaskTrouble{}, Restarts: []rest.TaskRestart{}}
	if w == nil {
		return h
	}
	now := time.Now()
	w.each(func(_ string, _ int, _ *task, t watchedTask) {
		h.Tasks++
		for _, tr := range t.Troubles(now) {
			h.Healthy = false
			h.Troubles = append(h.Troubles, rest.TaskTrouble{Connector: tr.Connector, Task: tr.Task, Call: tr.Call, Since: tr.Since,
				Millis: now.Sub(tr.Since).Milliseconds(), What: tr.What, Stack: tr.Stack})
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(w.seen)) {
		st := w.seen[key]
		if st.restarts == 0 && st.next.IsZero() {
			continue
		}
		r := rest.TaskRestart{Connector: st.connector, Task: st.id, Count: min(st.restarts, st.most), Max: st.most}
		if !st.next.IsZero() {
			next := st.next
			r.Next = &next
		}
		h.Restarts = append(h.Restarts, r)
	}
	return h
}

// writeMetrics writes how long each call that hangs has been under way.
func (w *watchdog) writeMetrics(out io.Writer) {
	if w == nil {
		return
	}
	now := time.Now()
	w.each(func(name string, id int, _ *task, t watchedTask) {
		for _, tr := range t.Troubles(now) {
			_, _ = fmt.Fprintf(out, "penstock_task_stuck_seconds{connector=%q,task=\"%d\",call=%q} %g\n", name, id, tr.Call, now.Sub(tr.Since).Seconds())
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(w.seen)) {
		if st := w.seen[key]; st.restarts > 0 {
			_, _ = fmt.Fprintf(out, "penstock_task_restarts{connector=%q,task=\"%d\"} %d\n", st.connector, st.id, min(st.restarts, st.most))
		}
	}
}

// tasksOf copies what runs of some connectors. The lock of the herder is held for reading.
func tasksOf(connectors map[string]*connector) map[string]map[int]*task {
	out := make(map[string]map[int]*task, len(connectors))
	for name, c := range connectors {
		if len(c.running) > 0 {
			out[name] = maps.Clone(c.running)
		}
	}
	return out
}

// TaskHealth implements rest.Watched.
func (s *Standalone) TaskHealth() rest.TaskHealth { return s.dog.health(s.server.WorkerID()) }

// TaskHealth implements rest.Watched: of the tasks on this worker.
func (d *Distributed) TaskHealth() rest.TaskHealth { return d.dog.health(d.server.WorkerID()) }

func (s *Standalone) watchTasks() {
	s.dog = s.watch(func() map[string]map[int]*task {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return tasksOf(s.connectors)
	}, s.RestartTask)
}

func (d *Distributed) watchTasks() {
	d.dog = d.watch(func() map[string]map[int]*task {
		d.mu.RLock()
		defer d.mu.RUnlock()
		return tasksOf(d.connectors)
	}, d.RestartTask)
}
