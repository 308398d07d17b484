// SPDX-License-Identifier: Apache-2.0

package group

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

func work(connectors string, tasks ...int) Work {
	w := Work{Connectors: []string{connectors}}
	for _, t := range tasks {
		w.Tasks = append(w.Tasks, TaskID{connectors, int32(t)})
	}
	return w
}

func TestEager(t *testing.T) {
	r := AssignEager(work("a", 0, 1).Plus(work("b", 0)), []string{"w2", "w1"})
	want := map[string]Work{
		"w1": {Connectors: []string{"a"}, Tasks: []TaskID{{"a", 0}, {"b", 0}}},
		"w2": {Connectors: []string{"b"}, Tasks: []TaskID{{"a", 1}}},
	}
	if !reflect.DeepEqual(r.Assigned, want) {
		t.Errorf("got %v", r.Assigned)
	}
}

func TestBackoff(t *testing.T) {
	c := NewCooperative(5*time.Minute, time.Now)
	var got []int64
	for c.successive = 1; c.successive < 5; c.successive++ {
		got = append(got, c.backoff())
	}
	if want := []int64{40, 1600, 64000, 300000}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// cluster plays histories: members that do what they are told, crash, come back, or miss a round.
type cluster struct {
	t          *testing.T
	c          *Cooperative
	now        time.Time
	configured Work
	members    map[string]Work
	generation int32
	completed  int32
	next       int
}

func newCluster(t *testing.T, maxDelay time.Duration) *cluster {
	c := &cluster{t: t, now: time.UnixMilli(1_000_000), members: map[string]Work{}, completed: -1}
	c.c = NewCooperative(maxDelay, func() time.Time { return c.now })
	return c
}

func (c *cluster) join() string {
	c.next++
	id := fmt.Sprintf("w%d", c.next)
	c.members[id] = Work{}
	return id
}

// round plays one round. It returns whether anything was revoked (members rejoin at once then) and the delay.
func (c *cluster) round() (again bool, delay time.Duration) {
	c.t.Helper()
	var members []Running
	for id, w := range c.members {
		members = append(members, Running{id, w})
	}
	c.generation++
	r := c.c.Assign(c.configured, c.completed, c.generation, members)
	for id := range c.members {
		stays := c.members[id].Minus(r.Revoked[id])
		for other, w := range c.members {
			if other != id && !r.Assigned[id].And(w.Minus(r.Revoked[other])).Empty() {
				c.t.Fatalf("%s is given %v that %s runs", id, r.Assigned[id], other)
			}
		}
		c.members[id] = stays.Plus(r.Assigned[id])
		again = again || !r.Revoked[id].Empty()
	}
	c.completed = c.generation
	return again, time.Duration(r.Delay) * time.Millisecond
}

// settle plays rounds as members ask for them, until nobody wants one.
func (c *cluster) settle() {
	c.t.Helper()
	for n := 0; ; n++ {
		if n > 30 {
			c.t.Fatalf("no end of rounds: %v", c.members)
		}
		again, delay := c.round()
		if again {
			continue
		}
		if delay == 0 {
			return
		}
		c.now = c.now.Add(delay)
	}
}

// check wants everything to run exactly once, spread evenly.
func (c *cluster) check() {
	c.t.Helper()
	count := 0
	var all Work
	least, most := 1<<30, 0
	for _, w := range c.members {
		count += w.Len()
		all = all.Plus(w)
		least, most = min(least, len(w.Tasks)), max(most, len(w.Tasks))
	}
	if count != c.configured.Len() || !reflect.DeepEqual(all.Sorted(), c.configured.Sorted()) {
		c.t.Fatalf("%d run of %d: %v", count, c.configured.Len(), c.members)
	}
	if most-least > 1 {
		c.t.Fatalf("uneven: %v", c.members)
	}
}

func TestCooperativeScript(t *testing.T) {
	c := newCluster(t, 5*time.Minute)
	c.configured = work("a", 0, 1, 2, 3).Plus(work("b", 0, 1, 2, 3))
	w1 := c.join()
	c.settle()
	c.check()
	w2 := c.join()
	again, delay := c.round()
	if !again || delay != 0 || len(c.members[w1].Tasks) != 4 {
		t.Fatalf("a second worker gets half: %v %v %v", again, delay, c.members)
	}
	c.settle()
	c.check()
	// One leaves: its work waits for it for five minutes.
	left := c.members[w2]
	delete(c.members, w2)
	again, delay = c.round()
	if again || delay != 5*time.Minute || c.members[w1].Len() != 5 {
		t.Fatalf("the work waits: %v %v %v", again, delay, c.members)
	}
	// It comes back under another id within the time and gets it all.
	c.now = c.now.Add(time.Minute)
	w3 := c.join()
	if _, delay = c.round(); delay != 4*time.Minute {
		t.Fatal(delay)
	}
	c.now = c.now.Add(4 * time.Minute)
	c.settle()
	c.check()
	if !reflect.DeepEqual(c.members[w3].Sorted(), left.Sorted()) {
		t.Fatalf("%s got %v, not what the other had: %v", w3, c.members[w3], left)
	}
}

// TestCooperativeHistories is a model check: whatever happens to members and connectors, no two workers are ever given
// the same work, and when things calm down everything runs once, evenly, after few rounds.
func TestCooperativeHistories(t *testing.T) {
	histories := 10_000
	if testing.Short() {
		histories = 2_000
	}
	for seed := range histories {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		c := newCluster(t, []time.Duration{0, time.Second, 5 * time.Minute}[r.IntN(3)])
		for range 1 + r.IntN(4) {
			c.join()
		}
		for range r.IntN(12) {
			c.event(r)
			c.round()
		}
		if len(c.members) == 0 {
			c.join()
		}
		c.settle()
		c.settle() // a returning worker is only balanced after the wait is over
		c.check()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func (c *cluster) event(r *rand.Rand) {
	ids := slices.Sorted(func(yield func(string) bool) {
		for id := range c.members {
			if !yield(id) {
				return
			}
		}
	})
	switch r.IntN(7) {
	case 0:
		c.join()
	case 1:
		if len(ids) > 1 {
			delete(c.members, ids[r.IntN(len(ids))])
		}
	case 2: // crashes and is back, with nothing
		if len(ids) > 0 {
			c.members[ids[r.IntN(len(ids))]] = Work{}
		}
	case 3:
		c.completed = c.generation - 1 // the leader's sync failed
	case 4:
		name := string(rune('a' + r.IntN(5)))
		c.configured = c.configured.Minus(c.of(name)).Plus(work(name, make([]int, 0)...))
		for i := range r.IntN(6) {
			c.configured.Tasks = append(c.configured.Tasks, TaskID{name, int32(i)})
		}
	case 5:
		c.configured = c.configured.Minus(c.of(string(rune('a' + r.IntN(5)))))
	case 6:
		c.now = c.now.Add(time.Duration(r.IntN(400)) * time.Second)
	}
}

func (c *cluster) of(name string) Work {
	var w Work
	for _, t := range c.configured.Tasks {
		if t.Connector == name {
			w.Tasks = append(w.Tasks, t)
		}
	}
	w.Connectors = []string{name}
	return w
}
