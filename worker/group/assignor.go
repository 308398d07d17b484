// SPDX-License-Identifier: Apache-2.0

package group

import (
	"math"
	"slices"
	"time"

	"github.com/penstock-io/penstock/internal/java/text"
)

// Configured is what the leader knows of the config topic.
type Configured struct {
	Offset int64
	Work   Work // all connectors and their tasks
}

// Running is one worker as the leader sees it in a round.
type Running struct {
	ID   string
	Work Work // what it says it runs
}

// Round is the outcome of one assignment round: what each member starts and stops, by member id, and who will run what.
type Round struct {
	Assigned, Revoked map[string]Work
	Owned             map[string]Work
	Delay             int32 // milliseconds
}

// Cooperative is the leader's assignor of the protocols from version 1 on (IncrementalCooperativeAssignor, KIP-415, with
// the waits between revoking rounds of KAFKA-12495). Its state lives as long as the worker is leader, or longer: a round
// that the group did not complete is noticed by the generation. Not safe for concurrent use.
type Cooperative struct {
	maxDelay time.Duration
	now      func() time.Time

	previous           Work // what ran after the last round
	previousRevoked    Work
	previousGeneration int32
	previousMembers    []string
	revokedBefore      bool
	successive         int // revoking rounds in a row
	candidates         []string
	scheduled          int64 // milliseconds since the epoch; 0 = no rebalance is waited for
	delay              int64 // milliseconds
}

// NewCooperative makes an assignor. maxDelay is scheduled.rebalance.max.delay.ms.
func NewCooperative(maxDelay time.Duration, now func() time.Time) *Cooperative {
	return &Cooperative{maxDelay: maxDelay, now: now, previousGeneration: -1}
}

// load is what one worker runs while a round is computed.
type load struct {
	id   string
	work Work
}

// Assign computes a round. lastCompleted is the generation that the leader's own sync completed last.
func (c *Cooperative) Assign(configured Work, lastCompleted, generation int32, members []Running) Round {
	if c.previousGeneration != lastCompleted {
		c.previous = Work{}
	}
	members = javaOrder(members)
	configured = configured.Sorted()
	var active Work
	for _, m := range members {
		active = active.Plus(m.Work)
	}
	if !c.previousRevoked.Empty() {
		if !c.previousRevoked.And(active).Empty() {
			c.previous = active
		}
		c.previousRevoked = Work{}
	}
	deleted := c.previous.Minus(configured).Sorted()
	duplicated := duplicates(members)
	lost := c.previous.Minus(active, deleted).Sorted()
	created := configured.Minus(c.previous, active)

	revoked := map[string]Work{}
	next := make([]*load, 0, len(members))
	for _, m := range members {
		revoked[m.ID] = m.Work.And(deleted).Plus(m.Work.And(duplicated))
		next = append(next, &load{m.ID, m.Work.Minus(deleted, duplicated)})
	}
	reassign := c.handleLost(lost, next)
	if c.delay == 0 {
		c.balance(configured, next, revoked)
	} else {
		c.revokedBefore = false
	}
	deal(next, created.Plus(reassign))
	return c.complete(members, deleted, lost, next, revoked, generation)
}

// balance takes work from those that have too much. Rounds that do so in a row are spread out, so that a group whose
// members come and go does not spend its time with stopping.
func (c *Cooperative) balance(configured Work, next []*load, revoked map[string]Work) {
	more := overload(configured, next)
	take := func() {
		for _, l := range next {
			if w, ok := more[l.id]; ok {
				revoked[l.id] = revoked[l.id].Plus(w)
				l.work = l.work.Minus(w)
			}
		}
	}
	switch {
	case c.revokedBefore && len(more) > 0:
		c.successive++
		if c.delay = c.backoff(); c.delay != 0 {
			c.scheduled = c.millis() + c.delay
			return
		}
		take()
	case len(more) > 0:
		take()
		c.revokedBefore = true
	case c.revokedBefore:
		c.revokedBefore, c.successive = false, 0
	}
}

// backoff is ExponentialBackoff(1, 40, maxDelay, no jitter), in milliseconds.
func (c *Cooperative) backoff() int64 {
	most := c.maxDelay.Milliseconds()
	if most <= 1 {
		return most
	}
	exp := min(float64(c.successive), math.Log(float64(most))/math.Log(40))
	return min(int64(math.Pow(40, exp)), most)
}

// complete turns the loads into what each member is told, and remembers the round.
func (c *Cooperative) complete(members []Running, deleted, lost Work, next []*load, revoked map[string]Work, generation int32) Round {
	out := Round{Assigned: map[string]Work{}, Revoked: revoked, Owned: map[string]Work{}, Delay: int32(c.delay)}
	had := map[string]Work{}
	for _, m := range members {
		had[m.ID] = m.Work.Minus(deleted)
	}
	c.previous = Work{}
	for _, l := range next {
		out.Assigned[l.id] = l.work.Minus(had[l.id])
		out.Owned[l.id] = l.work.Minus(revoked[l.id])
		c.previous = c.previous.Plus(l.work)
	}
	for _, w := range revoked {
		c.previous = c.previous.Minus(w)
		c.previousRevoked = c.previousRevoked.Plus(w)
	}
	c.previous = c.previous.Plus(lost)
	c.previousGeneration = generation
	c.previousMembers = c.previousMembers[:0]
	for _, m := range members {
		c.previousMembers = append(c.previousMembers, m.ID)
	}
	return out
}

// handleLost decides what becomes of work that nobody runs any more although it was handed out: it waits for a worker
// that may come back, until the delay is over. It returns what is to be dealt out as new.
func (c *Cooperative) handleLost(lost Work, next []*load) Work {
	if lost.Empty() && !c.revokedBefore {
		c.resetDelay()
		return Work{}
	}
	now := c.millis()
	if c.scheduled <= 0 && c.nobodyLeft(next) || c.maxDelay == 0 {
		return lost
	}
	if c.scheduled > 0 && now >= c.scheduled {
		waiting := c.present(next)
		if len(waiting) > 0 {
			for i, name := range lost.Connectors {
				l := waiting[i%len(waiting)]
				l.work.Connectors = append(l.work.Connectors, name)
			}
			for i, id := range lost.Tasks {
				l := waiting[i%len(waiting)]
				l.work.Tasks = append(l.work.Tasks, id)
			}
			lost = Work{}
		}
		c.resetDelay()
		c.revokedBefore = false
		return lost
	}
	var idle []string
	for _, l := range next {
		if l.work.Empty() {
			idle = append(idle, l.id)
		}
	}
	for _, at := range text.HashOrder(idle) { // as a java.util.HashSet of them iterates
		if !slices.Contains(c.candidates, idle[at]) {
			c.candidates = append(c.candidates, idle[at])
		}
	}
	if now < c.scheduled {
		c.delay = min(c.scheduled-now, c.maxDelay.Milliseconds())
	} else {
		c.delay = c.maxDelay.Milliseconds()
	}
	c.scheduled = now + c.delay
	return Work{}
}

// Forget takes a member out of those whose return would be waited for: it said that it leaves.
func (c *Cooperative) Forget(id string) {
	c.previousMembers = slices.DeleteFunc(c.previousMembers, func(m string) bool { return m == id })
}

func (c *Cooperative) millis() int64 { return c.now().UnixMilli() }

func (c *Cooperative) resetDelay() { c.candidates, c.scheduled, c.delay = nil, 0, 0 }

// nobodyLeft says that all members of the last round are there.
func (c *Cooperative) nobodyLeft(next []*load) bool {
	for _, id := range c.previousMembers {
		if !slices.ContainsFunc(next, func(l *load) bool { return l.id == id }) {
			return false
		}
	}
	return true
}

// present are the candidates that are still members, in the order in which they became candidates.
func (c *Cooperative) present(next []*load) []*load {
	var out []*load
	for _, id := range c.candidates {
		if at := slices.IndexFunc(next, func(l *load) bool { return l.id == id }); at >= 0 {
			out = append(out, next[at])
		}
	}
	return out
}

// javaOrder sorts members as a java.util.HashMap of their ids iterates, because the choice of who gives work up depends
// on it and a leader of either kind should choose alike.
func javaOrder(members []Running) []Running {
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	out := make([]Running, 0, len(members))
	for _, at := range text.HashOrder(ids) {
		out = append(out, members[at])
	}
	return out
}

// duplicates is what more than one member runs.
func duplicates(members []Running) Work {
	seen := newSet()
	var out Work
	for _, m := range members {
		once := newSet(m.Work).work()
		out = out.Plus(once.And(seen.work()))
		seen.add(once)
	}
	return out
}

// overload finds what to take from whom so that connectors and tasks are spread evenly; nil when they are.
func overload(configured Work, next []*load) map[string]Work {
	idle := true
	for _, l := range next {
		idle = idle && l.work.Empty()
	}
	if idle || configured.Empty() {
		return nil
	}
	out := map[string]Work{}
	sizes := make([]int, len(next))
	for i, l := range next {
		sizes[i] = len(l.work.Connectors)
	}
	for i, n := range surplus(len(configured.Connectors), sizes) {
		if n > 0 {
			w := out[next[i].id]
			w.Connectors = next[i].work.Connectors[:n:n]
			out[next[i].id] = w
		}
	}
	for i, l := range next {
		sizes[i] = len(l.work.Tasks)
	}
	for i, n := range surplus(len(configured.Tasks), sizes) {
		if n > 0 {
			w := out[next[i].id]
			w.Tasks = next[i].work.Tasks[:n:n]
			out[next[i].id] = w
		}
	}
	return out
}

// surplus is how many each worker gives up, from the front of its list, for total to be spread evenly.
func surplus(total int, sizes []int) []int {
	floor, extras := total/len(sizes), total%len(sizes)
	atFloor, aboveOne := 0, 0
	for _, n := range sizes {
		switch n {
		case floor:
			atFloor++
		case floor + 1:
			aboveOne++
		}
	}
	out := make([]int, len(sizes))
	if aboveOne == extras && atFloor+aboveOne == len(sizes) {
		return out
	}
	given := 0
	for i, n := range sizes {
		if n <= floor {
			continue
		}
		most := floor
		if given < extras {
			given++
			most = floor + 1
		}
		out[i] = n - most
	}
	return out
}

// deal hands out new work: each time one to every worker among those with the least.
func deal(next []*load, w Work) {
	if len(next) == 0 {
		return
	}
	sortLoads(next, func(l *load) int { return len(l.work.Connectors) })
	for rest := w.Connectors; len(rest) > 0; {
		for _, l := range next[:leastLoaded(next, func(l *load) int { return len(l.work.Connectors) })] {
			if len(rest) > 0 {
				l.work.Connectors = append(l.work.Connectors, rest[0])
				rest = rest[1:]
			}
		}
	}
	sortLoads(next, func(l *load) int { return len(l.work.Tasks) })
	for rest := w.Tasks; len(rest) > 0; {
		for _, l := range next[:leastLoaded(next, func(l *load) int { return len(l.work.Tasks) })] {
			if len(rest) > 0 {
				l.work.Tasks = append(l.work.Tasks, rest[0])
				rest = rest[1:]
			}
		}
	}
}

func sortLoads(next []*load, size func(*load) int) {
	slices.SortStableFunc(next, func(a, b *load) int {
		if d := size(a) - size(b); d != 0 {
			return d
		}
		return compareJava(a.id, b.id)
	})
}

// leastLoaded is how many workers at the front have no more than the first.
func leastLoaded(next []*load, size func(*load) int) int {
	first := size(next[0])
	for i, l := range next {
		if size(l) > first {
			return i
		}
	}
	return len(next)
}
