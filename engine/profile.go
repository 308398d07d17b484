// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"runtime/pprof"
	"strconv"
	"sync/atomic"
	"time"
)

// A task's time is taken apart into stages. The goroutines of a task are lanes, and a lane is always in exactly one stage,
// so that the stages of a lane add up to the time that has passed: one look at the clock per change of stage, and nothing per
// record. What overlaps with a lane (acknowledgements, the commits of a source) is a stage beside it.

// Names of the engine's own stages.
const (
	stageFetch     = "fetch"
	stagePoll      = "poll"
	stageKey       = "key"
	stageValue     = "value"
	stageHeaders   = "headers"
	stageTransform = "transform:" // and the alias
	stageErrors    = "errors"
	stageRoom      = "room" // waiting for a free batch: all are with the sink
	stageIdle      = "idle"
	stagePaused    = "paused"
	stagePut       = "put"
	stageFlush     = "flush"
	stageCommit    = "commit"
	stageRebalance = "rebalance"
	stageProduce   = "produce"
	stageTopics    = "topics"      // making sure that they exist
	stageAcks      = "acknowledge" // waiting for one: all batches are in flight
	stageInFlight  = "in flight"   // from the producer's call to the acknowledgement of a batch
)

// stageRole says what the time of a stage means.
type stageRole uint8

const (
	roleWork  stageRole = iota // the stage does something
	roleInput                  // it asks for records, and waits when there are none
	roleWait                   // it waits for another lane of the task
	roleAside                  // it runs beside the lane
)

// String is the role as the profile shows it.
func (r stageRole) String() string {
	return [...]string{"work", "input", "wait", "aside"}[r]
}

// Windows of the recent past: windowBuckets whole ones of bucketNanos, and the one that is being filled.
const (
	windowBuckets = 6
	bucketNanos   = int64(10 * time.Second)
)

// started is where the clocks of all lanes begin: monotonic, and small enough to do arithmetic with.
var started = time.Now()

func nanos() int64 { return int64(time.Since(started)) }

// gauge adds up nanoseconds, calls or records: in total and over the last minute. Readers may see a bucket that is
// half begun; a profile bears that.
type gauge struct {
	total   atomic.Int64
	buckets [windowBuckets + 1]struct{ epoch, sum atomic.Int64 }
}

// add counts n at the time now.
func (g *gauge) add(now, n int64) {
	g.total.Add(n)
	if b := g.bucket(now / bucketNanos); b != nil {
		b.Add(n)
	}
}

// span counts a time that ends now. What lies before the bucket of now belongs to those before it.
func (g *gauge) span(now, took int64) {
	g.total.Add(took)
	part := min(took, now%bucketNanos)
	for epoch := now / bucketNanos; took > 0 && epoch >= 0; epoch-- {
		if b := g.bucket(epoch); b != nil {
			b.Add(part)
		}
		took -= part
		if part = min(took, bucketNanos); now/bucketNanos-epoch > windowBuckets {
			return
		}
	}
}

// bucket is the sum of an epoch, emptied when it was another's; nil for one that has been overwritten since.
func (g *gauge) bucket(epoch int64) *atomic.Int64 {
	b := &g.buckets[epoch%int64(len(g.buckets))]
	switch was := b.epoch.Load(); {
	case was > epoch:
		return nil
	case was < epoch:
		b.sum.Store(0)
		b.epoch.Store(epoch)
	}
	return &b.sum
}

// recent is what was counted in the window that ends now.
func (g *gauge) recent(now int64) int64 {
	epoch, sum := now/bucketNanos, int64(0)
	for i := range g.buckets {
		if b := &g.buckets[i]; epoch-b.epoch.Load() <= windowBuckets {
			sum += b.sum.Load()
		}
	}
	return sum
}

// window is how many nanoseconds recent covers, for something that began at from.
func window(from, now int64) int64 {
	begin := (now/bucketNanos - windowBuckets) * bucketNanos
	return now - max(begin, from)
}

// stageClock is one stage of a task.
type stageClock struct {
	name, class string
	lane        string
	role        stageRole
	spent       gauge // nanoseconds
	calls       atomic.Int64
	longest     atomic.Int64
	labels      context.Context // with connector, task and stage, for CPU profiles
}

// spend adds one call.
func (c *stageClock) spend(now, took int64) {
	c.spent.span(now, took)
	c.calls.Add(1)
	maxTo(&c.longest, took)
}

// lane is a goroutine of a task. Its methods but view are for that goroutine alone.
type lane struct {
	name    string
	stages  []*stageClock
	rows    gauge // records that went through
	from    int64 // when the lane began
	since   atomic.Int64
	current atomic.Pointer[stageClock]
}

// newLane makes a lane whose clock starts with begin.
func (t *Task) newLane(name string) *lane {
	l := &lane{name: name, from: nanos()}
	l.since.Store(l.from)
	t.lanesMu.Lock()
	t.lanes = append(t.lanes, l)
	t.lanesMu.Unlock()
	return l
}

// stage adds a stage to a lane. Called before the lane runs.
func (t *Task) stage(l *lane, name, class string, role stageRole) *stageClock {
	c := &stageClock{name: name, class: class, lane: l.name, role: role}
	c.labels = pprof.WithLabels(t.ctx, pprof.Labels("connector", t.o.Connector, "task", strconv.Itoa(t.o.Task), "stage", name))
	t.lanesMu.Lock()
	l.stages = append(l.stages, c)
	t.lanesMu.Unlock()
	return c
}

// to ends the stage that the lane is in and begins another. It must be called from the lane's goroutine, which carries
// the stage's labels from then on.
func (l *lane) to(next *stageClock) {
	if l == nil {
		return
	}
	prev := l.current.Load()
	if prev == next {
		return
	}
	now := nanos()
	if prev != nil {
		prev.spend(now, now-l.since.Load())
	}
	l.since.Store(now)
	l.current.Store(next)
	if next != nil {
		pprof.SetGoroutineLabels(next.labels)
	}
}

// at is the stage that the lane is in, for coming back to it.
func (l *lane) at() *stageClock {
	if l == nil {
		return nil
	}
	return l.current.Load()
}

// count notes records that go through the lane, at the time of its last change of stage.
func (l *lane) count(n int) {
	if l != nil {
		l.rows.add(l.since.Load(), int64(n))
	}
}
