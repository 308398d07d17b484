// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/penstock-io/penstock/config"
)

// Trouble is what the watchdog found in a task that says it is RUNNING.
type Trouble struct {
	Connector string
	Task      int
	// Call is the call that hangs, such as put, or "" when nothing does and yet nothing moves.
	Call string
	// Since is when the call began, or when the task was last seen to move.
	Since time.Time
	// What says it in a sentence.
	What string
	// Stack is that of the goroutine in the call, as the runtime prints it; "" when it was not found.
	Stack string
}

// watch is what the watchdog remembers of a task.
type watch struct {
	budget time.Duration // penstock.watchdog.call.ms; 0: for ever
	stall  time.Duration // penstock.watchdog.stall.ms

	mu       sync.Mutex
	seen     progress
	movedAt  time.Time
	storedAt time.Time
}

// progress are counters that move when a task does.
type progress struct{ in, out, stored int64 }

// newWatch reads the watchdog's keys. A wrong value is the task's own failure later; here it means the default.
func newWatch(cfg map[string]string, worker config.Props) *watch {
	w := &watch{budget: defaultCallBudget, movedAt: time.Now(), storedAt: time.Now()}
	if v, err := OwnKeys(cfg, worker); err == nil {
		w.budget = time.Duration(v.Long(callBudgetKey)) * time.Millisecond
		w.stall = time.Duration(v.Long(stallKey)) * time.Millisecond
	}
	if w.stall == 0 {
		w.stall = 5 * w.budget
	}
	return w
}

// Troubles looks at the task now. Stacks are read only when there is something to tell: that stops the world for a moment.
func (t *Task) Troubles(now time.Time) []Trouble {
	select {
	case <-t.done:
		return nil
	default:
	}
	out := t.hanging(now)
	if len(out) == 0 {
		if tr, ok := t.standing(now); ok {
			out = append(out, tr)
		}
	}
	for i := range out {
		out[i].Connector, out[i].Task = t.o.Connector, t.o.Task
	}
	return out
}

// hanging are the calls over their budget.
func (t *Task) hanging(now time.Time) []Trouble {
	if t.watch.budget <= 0 {
		return nil
	}
	var out []Trouble
	for k := range callKinds {
		at := t.calls.since[k].Load()
		if since := time.Unix(0, at); at != 0 && now.Sub(since) >= t.watch.budget {
			out = append(out, Trouble{Call: callNames[k], Since: since, Stack: t.stack(k),
				What: fmt.Sprintf("the call %s has not returned for %v (budget %v)", callNames[k], now.Sub(since).Round(time.Second), t.watch.budget)})
		}
	}
	return out
}

// standing is a task without a call that hangs and without progress: a sink whose records wait while nothing is put, a
// source whose records are acknowledged while no offset is stored.
func (t *Task) standing(now time.Time) (Trouble, bool) {
	if t.watch.stall <= 0 {
		return Trouble{}, false
	}
	m, w := &t.metrics, t.watch
	is := progress{in: m.read.Load() + m.polled.Load(), out: m.sent.Load() + m.written.Load() + m.recordsSkipped.Load(), stored: m.commits.Load()}
	w.mu.Lock()
	defer w.mu.Unlock()
	held := m.active.Load()
	if is.out != w.seen.out || held == 0 || t.paused.Load() {
		w.movedAt = now
	}
	if is.stored != w.seen.stored || is.out == w.seen.out && m.commitFailures.Load() == 0 || t.paused.Load() {
		w.storedAt = now
	}
	w.seen = is
	if since := now.Sub(w.movedAt); since >= w.stall {
		return Trouble{Since: w.movedAt, What: fmt.Sprintf("%d records wait and none was done with for %v", held, since.Round(time.Second))}, true
	}
	interval := t.millis("offset.flush.interval.ms", time.Minute)
	if since := now.Sub(w.storedAt); since >= max(w.stall, 3*interval) {
		return Trouble{Call: "commit", Since: w.storedAt,
			What: fmt.Sprintf("records go through, but no offset was stored for %v", since.Round(time.Second))}, true
	}
	return Trouble{}, false
}

// stack finds the goroutine of this task that is in a call, by the labels that its goroutines carry.
func (t *Task) stack(k callKind) string {
	var buf bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&buf, 1); err != nil {
		return ""
	}
	frame := ".(*Task)." + callFrames[k] + "+"
	if k == callLetters {
		frame = ".(*deadLetters)" + callFrames[k][1:] + "+"
	}
	connector, task := fmt.Sprintf("%q:%q", "connector", t.o.Connector), fmt.Sprintf("%q:%q", "task", strconv.Itoa(t.o.Task))
	for group := range strings.SplitSeq(buf.String(), "\n\n") {
		if strings.Contains(group, connector) && strings.Contains(group, task) && strings.Contains(group, frame) {
			return trimStack(group)
		}
	}
	return ""
}

// trimStack leaves function, file and line of each frame.
func trimStack(group string) string {
	var out strings.Builder
	for line := range strings.SplitSeq(group, "\n") {
		parts := strings.Split(line, "\t")
		if len(parts) < 4 || parts[0] != "#" {
			continue
		}
		out.WriteString(strings.TrimSpace(strings.Join(parts[2:], " ")) + "\n")
	}
	return out.String()
}

// abandonedGrace is what a cancelled task has to end by itself before its clients are closed under it.
const abandonedGrace = 2 * time.Second

// onAbandon runs f when the task was cancelled and did not end: a call into its connector hangs, and nobody waits for it
// any more. f must leave nothing behind that a new task of the same connector could stumble over. The result undoes it.
func (t *Task) onAbandon(f func()) (undo func()) {
	ended := make(chan struct{})
	stop := context.AfterFunc(t.ctx, func() {
		wait := abandonedGrace
		if len(t.hangingCalls(time.Now())) > 0 {
			wait = hangingGrace
		}
		select {
		case <-ended:
		case <-time.After(wait):
			kind, since, ok := t.calls.longest()
			if ok {
				t.o.Log.Error("the task was given up: a call into its connector does not return; its Kafka clients are closed, its goroutine stays",
					"call", callNames[kind], "since", since.Format(time.RFC3339))
			}
			f()
		}
	})
	return func() {
		close(ended)
		stop()
	}
}

// grace shortens the time that a stop may take when the task is known to hang: waiting would change nothing.
func (t *Task) grace(ctx context.Context) (context.Context, context.CancelFunc) {
	if len(t.hangingCalls(time.Now())) == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, hangingGrace)
}

// hangingGrace is what a task that hangs has to stop.
const hangingGrace = 20 * time.Millisecond

// hangingCalls are the calls over their budget, without stacks.
func (t *Task) hangingCalls(now time.Time) (kinds []callKind) {
	for k := range callKinds {
		if at := t.calls.since[k].Load(); at != 0 && t.watch.budget > 0 && now.Sub(time.Unix(0, at)) >= t.watch.budget {
			kinds = append(kinds, k)
		}
	}
	return kinds
}
