// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/connectors"
)

// poolBatches is how many batches a task owns: two being worked on at each end of the ring, the rest of slack for
// batches whose produce requests are in flight. 8 × (1 MiB slab + columns) bounds a task's memory.
const poolBatches = 8

// errStopping is the cause of the context's end in an orderly stop.
var errStopping = errors.New("task is stopping")

// Task is a running task. Its methods are safe for concurrent use.
type Task struct {
	o       Options
	id      string // connector-task
	metrics taskMetrics
	pool    *taskPool
	calls   calls  // what is under way
	watch   *watch // what the watchdog goes by

	lanesMu sync.Mutex
	lanes   []*lane     // the one that takes records in is the first
	intake  *lane       // that one
	room    *stageClock // of intake: waiting for a free batch
	ready   func() int  // batches that wait for the sink; nil for sources

	ctx    context.Context // ends when the task must stop at once
	cancel context.CancelCauseFunc
	stop   chan struct{} // closed by Stop: end in order
	once   sync.Once
	done   chan struct{}

	paused atomic.Bool   // the target state
	poke   chan struct{} // wakes the loop after a change of the target state
	state  atomic.Value  // State
}

// body is a source or sink task.
type body interface {
	// run returns when the task is over: nil after Stop.
	run(ctx context.Context) error
}

// Start runs a task in the background. It never fails: what is wrong with the configuration shows as State Failed
// through OnState.
func Start(o Options) *Task {
	t := &Task{
		o: o, id: o.Connector + "-" + strconv.Itoa(o.Task),
		stop: make(chan struct{}), done: make(chan struct{}), poke: make(chan struct{}, 1),
	}
	t.watch = newWatch(o.Config, o.Worker)
	t.paused.Store(o.Paused)
	t.state.Store(Unassigned)
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	t.pool = newTaskPool(t, o.Memory)
	go func() {
		labels := pprof.Labels("connector", o.Connector, "task", strconv.Itoa(o.Task))
		pprof.Do(t.ctx, labels, t.main)
	}()
	return t
}

// main is the root of the task: what panics below ends here as a failure of this task alone.
func (t *Task) main(ctx context.Context) {
	defer close(t.done)
	defer t.pool.leave()
	defer t.cancel(errStopping)
	started := time.Now()
	err := t.guard(ctx)
	if err != nil {
		t.o.Log.Error("task failed; it stays failed until it is restarted", "err", err, "after", time.Since(started).Round(time.Millisecond))
		t.set(Failed, err)
		return
	}
	t.set(Unassigned, nil)
}

func (t *Task) guard(ctx context.Context) error {
	return t.safely(func() error {
		b, err := t.body()
		if err != nil {
			return err
		}
		return b.run(ctx)
	})
}

// safely runs f and makes an error of its panic, so that what must be closed afterwards is.
func (t *Task) safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.o.Log.Error("task panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("BUG: the task panicked, please report this: %v", p)
		}
	}()
	return f()
}

func (t *Task) body() (body, error) {
	switch {
	case t.o.Plugin.Kind == connectors.SourceKind && t.o.Plugin.NewSource != nil:
		return newSourceTask(t)
	case t.o.Plugin.Kind == connectors.SinkKind && t.o.Plugin.NewSink != nil:
		return newSinkTask(t)
	}
	return nil, fmt.Errorf("connector class %s has no tasks", t.o.Class)
}

// Pause asks for the target state PAUSED. OnState tells when it took effect.
func (t *Task) Pause() { t.target(true) }

// Resume asks for the target state STARTED. OnState tells when it took effect.
func (t *Task) Resume() { t.target(false) }

func (t *Task) target(paused bool) {
	t.paused.Store(paused)
	select {
	case t.poke <- struct{}{}:
	default:
	}
}

// Stop ends the task in order: what was delivered is flushed and its offsets are stored. When ctx ends before that, the
// task is cancelled, and Stop returns ctx's error without waiting longer.
func (t *Task) Stop(ctx context.Context) error {
	t.once.Do(func() { close(t.stop) })
	ctx, done := t.grace(ctx)
	defer done()
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		t.cancel(errStopping)
		return context.Cause(ctx)
	}
}

// Done is closed when nothing of the task runs any more, also after a failure.
func (t *Task) Done() <-chan struct{} { return t.done }

// State is the state last reported.
func (t *Task) State() State { return t.state.Load().(State) }

// WriteMetrics writes the task's metrics as Prometheus text.
func (t *Task) WriteMetrics(w io.Writer) {
	t.metrics.write(w, t)
	t.writeStages(w)
}

// nudge makes the task let go of the batch that it waits for records with.
func (t *Task) nudge() {
	select {
	case t.poke <- struct{}{}:
	default:
	}
}

// queues are the depths of the task's queues now.
func (t *Task) queues() ProfileQueues {
	q := ProfileQueues{Batches: t.pool.Cap(), Records: t.metrics.active.Load()}
	q.InUse = q.Batches - t.pool.Free()
	q.Bytes, q.MaxBytes = t.pool.limits()
	t.lanesMu.Lock()
	ready := t.ready
	t.lanesMu.Unlock()
	if ready != nil {
		q.Ready = ready()
	}
	return q
}

// set reports a change of state.
func (t *Task) set(s State, err error) {
	if t.state.Swap(s) == s && err == nil {
		return
	}
	if t.o.OnState != nil {
		t.o.OnState(s, err)
	}
}

// stopping reports that Stop was called.
func (t *Task) stopping() bool {
	select {
	case <-t.stop:
		return true
	default:
		return false
	}
}

// stopContext returns a context that ends when the task is asked to stop, or is cancelled.
func (t *Task) stopContext(ctx context.Context) (context.Context, context.CancelFunc) {
	c, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-t.stop:
			cancel(errStopping)
		case <-c.Done():
		}
	}()
	return c, func() { cancel(nil) }
}

// taskContext is what the connector's task gets.
func (t *Task) taskContext() connectors.TaskContext {
	return connectors.TaskContext{Connector: t.o.Connector, Task: t.o.Task, Config: t.o.TaskConfig, Log: t.o.Log}
}

// millis reads a configuration value in milliseconds: the connector's, else the worker's, else the default.
func (t *Task) millis(key string, dflt time.Duration) time.Duration {
	text, ok := t.o.Config[key]
	if !ok {
		text, ok = t.o.Worker.Get(key)
	}
	if n, err := strconv.ParseInt(text, 10, 64); ok && err == nil {
		return time.Duration(n) * time.Millisecond
	}
	return dflt
}
