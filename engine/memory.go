// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/batch"
)

// Budget is the memory governor of a worker: one limit for what the batches of all its tasks hold, in use or kept for
// reuse. A task that would go over its share waits for its own batches to come back; it always has one, so that everybody moves, and
// nobody waits for a task that is slow. Safe for concurrent use.
type Budget struct {
	limit int64 // bytes

	mu      sync.Mutex
	used    int64 // sum of what the pools hold
	pools   map[*taskPool]bool
	active  int           // pools with batches out
	freed   chan struct{} // closed and replaced when something came back and somebody waits
	waiting int
	sweeper *time.Timer
	settled bool // no task has started since the last sweep but one
	tidied  bool // and what starting left behind is gone
	batches int  // since the last sweep
	resting bool // there were few
	onRest  func(resting bool)
}

// sweepEvery is how often idle tasks are looked for. A task is idle when it had no record for one to two times that.
const sweepEvery = 15 * time.Second

// restBatches is how many batches in sweepEvery are still rest.
const restBatches = 150

// freeMemoryFrom is how many bytes idle tasks must have given back to make it worth while to return them to the system at once.
const freeMemoryFrom = 4 << 20

// NewBudget makes a budget of limit bytes, which must be positive.
func NewBudget(limit int64) *Budget {
	return &Budget{limit: limit, pools: map[*taskPool]bool{}, freed: make(chan struct{})}
}

// OnRest sets what is called when the tasks come to rest together, and when they are at work again. It must not block.
// To be set before the first task starts.
func (g *Budget) OnRest(f func(resting bool)) { g.onRest = f }

// rest changes what the budget believes. mu is held.
func (g *Budget) rest(resting bool) {
	if g.resting != resting && g.onRest != nil {
		g.onRest(resting)
	}
	g.resting = resting
}

// Limit is the number of bytes that the budget was made with.
func (g *Budget) Limit() int64 { return g.limit }

// Used is how many bytes the batches of all tasks hold now.
func (g *Budget) Used() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.used
}

// taskPool is the free list of a task under a budget.
type taskPool struct {
	*batch.Pool
	task   *Task
	budget *Budget // nil: none
	worked atomic.Int64
	idle   atomic.Bool // give up the memory of what comes back empty

	// Guarded by Budget.mu.
	bytes   int64 // held by the batches of this pool
	typical int64 // of a batch that did its work
	out     int   // batches that are not free
	seen    int64 // worked at the last sweep
}

func newTaskPool(t *Task, g *Budget) *taskPool {
	p := &taskPool{Pool: batch.NewPool(poolBatches), task: t, budget: g}
	if g != nil {
		p.OnRelease(p.released)
		g.join(p)
	}
	return p
}

// Take is batch.Pool.Take under the budget. The waiting shows in the profile as that of the lane that takes.
func (p *taskPool) Take(ctx context.Context) (*batch.Batch, error) {
	l := p.task.intake
	before := l.at()
	if p.Free() == 0 {
		l.to(p.task.room)
	}
	b, err := p.Pool.Take(ctx)
	for err == nil && p.budget != nil {
		freed, ok := p.budget.admit(p, b)
		if ok {
			break
		}
		l.to(p.task.room)
		select {
		case <-freed:
			p.budget.stopWaiting()
		case <-ctx.Done():
			p.budget.stopWaiting()
			b.Release()
			err = context.Cause(ctx)
		}
	}
	l.to(before)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// settle notes the true size of a batch that went through the stages.
func (p *taskPool) settle(b *batch.Batch) {
	p.worked.Add(1)
	if p.budget == nil {
		return
	}
	p.idle.Store(false)
	n := int64(b.Bytes())
	p.budget.mu.Lock()
	p.book(b, n)
	p.typical = max(n, p.typical-p.typical/16)
	if p.budget.batches++; p.budget.batches > restBatches {
		p.budget.rest(false)
	}
	p.budget.mu.Unlock()
}

// released is called with every batch that comes back.
func (p *taskPool) released(b *batch.Batch) {
	if p.idle.Load() {
		b.Shrink()
	}
	g := p.budget
	g.mu.Lock()
	defer g.mu.Unlock()
	p.book(b, int64(b.Bytes()))
	if p.out--; p.out == 0 {
		g.active--
	}
	if g.waiting > 0 {
		close(g.freed)
		g.freed = make(chan struct{})
	}
}

// book puts n bytes into the books for b. Budget.mu is held.
func (p *taskPool) book(b *batch.Batch, n int64) {
	delta := int64(b.Account(int(n)))
	p.bytes += delta
	p.budget.used += delta
}

// share is what one pool may hold: an equal part, with one more kept for a task that has nothing yet. Budget.mu is held.
func (g *Budget) share() int64 { return g.limit / int64(g.active+1) }

// admit lets a batch out, booked with the size that batches of the task usually reach; or it returns what to wait for.
func (g *Budget) admit(p *taskPool, b *batch.Batch) (freed <-chan struct{}, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	want := max(int64(b.Bytes()), p.typical)
	fits := func() bool {
		more := want - int64(b.Bytes())
		return p.bytes+more <= g.share() && g.used+more <= g.limit
	}
	if p.out > 0 && !fits() {
		g.reclaim()
		if !fits() {
			g.waiting++
			return g.freed, false
		}
	}
	if p.out++; p.out == 1 {
		g.active++
		if !fits() {
			g.reclaim()
		}
	}
	p.book(b, want)
	return nil, true
}

func (g *Budget) stopWaiting() {
	g.mu.Lock()
	g.waiting--
	g.mu.Unlock()
}

// reclaim takes the memory of all free batches. mu is held; a pool's own lock comes after it.
func (g *Budget) reclaim() (bytes int64) {
	before := g.used
	for p := range g.pools {
		p.Trim(func(b *batch.Batch) { p.book(b, 0) })
	}
	return before - g.used
}

func (g *Budget) join(p *taskPool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pools[p] = true
	g.settled, g.tidied = false, false
	if g.sweeper == nil {
		g.sweeper = time.AfterFunc(sweepEvery, g.sweep)
	}
}

// leave forgets a pool, when its task is over.
func (p *taskPool) leave() {
	g := p.budget
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.pools[p] {
		return
	}
	delete(g.pools, p)
	p.Trim(func(b *batch.Batch) { p.book(b, 0) })
	if len(g.pools) == 0 && g.sweeper != nil {
		g.sweeper.Stop()
		g.sweeper = nil
	}
}

// sweep gives back the memory of tasks that had nothing to do for a while. One timer serves all tasks.
func (g *Budget) sweep() {
	g.mu.Lock()
	before := g.used
	var nudge []*Task
	for p := range g.pools {
		worked := p.worked.Load()
		if worked != p.seen || p.idle.Load() {
			p.seen = worked
			continue
		}
		p.idle.Store(true)
		p.typical = 0
		p.Trim(func(b *batch.Batch) { p.book(b, 0) })
		if p.bytes > 0 {
			nudge = append(nudge, p.task)
		}
	}
	g.rest(g.batches <= restBatches)
	g.batches = 0
	freed := before - g.used
	tidy := g.settled && !g.tidied // starting a task makes garbage, and an idle worker would not collect it for long
	g.tidied = g.tidied || tidy
	g.settled = true
	if g.sweeper != nil {
		g.sweeper.Reset(sweepEvery)
	}
	g.mu.Unlock()
	for _, t := range nudge {
		t.nudge()
	}
	if freed >= freeMemoryFrom || tidy {
		debug.FreeOSMemory()
	}
}

// limits returns the task's share and what it holds, for its profile.
func (p *taskPool) limits() (bytes, most int64) {
	if p.budget == nil {
		return 0, 0
	}
	p.budget.mu.Lock()
	defer p.budget.mu.Unlock()
	return p.bytes, p.budget.share()
}

// refuse marks the rows that alone are larger than the whole budget. They are judged as any row that fails, before anything makes
// more of them.
func (p *taskPool) refuse(b *batch.Batch, size func(row int) int, stage batch.Stage) {
	if p.budget == nil || int64(b.Slab.Len()) <= p.budget.limit {
		return
	}
	for row := range b.N {
		if n := size(row); int64(n) > p.budget.limit {
			b.Fail(row, stage, batch.NewFault("org.apache.kafka.common.errors.RecordTooLargeException", fmt.Sprintf(
				"the record has %d bytes, more than penstock.memory.max allows for all tasks together (%d bytes); raise it, or skip "+
					"such records with errors.tolerance=all", n, p.budget.limit)))
		}
	}
}
