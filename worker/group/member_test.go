// SPDX-License-Identifier: Apache-2.0

package group

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// coordinator is a group coordinator in memory, with the rules that matter: a round waits for all known members, or for
// the rebalance timeout; members that send no heartbeat for a session are dropped.
type coordinator struct {
	mu         sync.Mutex
	members    map[string]*seat
	generation int32
	leader     string
	state      string // "stable", "joining", "syncing"
	down       bool
	n          int
	changed    chan struct{}
}

type seat struct {
	join    *Join
	heard   time.Time
	given   []byte
	pending bool // has joined this round
}

func newCoordinator() *coordinator {
	return &coordinator{members: map[string]*seat{}, state: "stable", changed: make(chan struct{})}
}

// wait releases mu until something changes, or a tick goes by.
func (c *coordinator) wait(ctx context.Context) error {
	ch := c.changed
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-ch:
	case <-time.After(50 * time.Millisecond):
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (c *coordinator) signal() { close(c.changed); c.changed = make(chan struct{}) }

func (c *coordinator) expire(session time.Duration) {
	for id, s := range c.members {
		if !s.pending && time.Since(s.heard) > session {
			delete(c.members, id)
			c.begin()
		}
	}
}

func (c *coordinator) begin() {
	if c.state != "joining" {
		c.state = "joining"
		for _, s := range c.members {
			s.pending = false
		}
	}
	c.signal()
}

func (c *coordinator) Find(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return fmt.Errorf("connection refused")
	}
	return nil
}

func (c *coordinator) Join(ctx context.Context, r Join) (Joined, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return Joined{}, fmt.Errorf("connection refused")
	}
	id := r.Member
	if id == "" {
		c.n++
		id = fmt.Sprintf("m%d", c.n)
		c.members[id] = &seat{}
	}
	s, ok := c.members[id]
	if !ok {
		return Joined{}, kerr.UnknownMemberID
	}
	c.begin()
	s.join, s.pending, s.heard = &r, true, time.Now()
	started := time.Now()
	for {
		all := true
		for _, m := range c.members {
			all = all && m.pending
		}
		if c.state != "joining" {
			break
		}
		if all && time.Since(started) >= 10*time.Millisecond {
			c.generation++
			c.state = "syncing"
			c.leader = slices.Sorted(maps.Keys(c.members))[0]
			for _, m := range c.members {
				m.given = nil
			}
			c.signal()
			break
		}
		if err := c.wait(ctx); err != nil {
			return Joined{}, err
		}
		c.expire(r.Session)
		if time.Since(started) > r.Rebalance {
			for id, m := range c.members {
				if !m.pending {
					delete(c.members, id)
				}
			}
		}
	}
	out := Joined{Member: id, Leader: c.leader, Generation: c.generation, Protocol: r.Protocols[0].Name}
	if id == c.leader {
		for id, m := range c.members {
			out.Members = append(out.Members, Offered{id, m.join.Protocols[0].Metadata})
		}
	}
	return out, nil
}

func (c *coordinator) check(member string, generation int32) error {
	switch _, ok := c.members[member]; {
	case c.down:
		return fmt.Errorf("connection refused")
	case !ok:
		return kerr.UnknownMemberID
	case generation != c.generation:
		return kerr.IllegalGeneration
	case c.state == "joining":
		return kerr.RebalanceInProgress
	}
	return nil
}

func (c *coordinator) Sync(ctx context.Context, r Sync) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.check(r.Member, r.Generation); err != nil {
		return nil, err
	}
	for id, b := range r.Assignments {
		if m, ok := c.members[id]; ok {
			m.given = b
		}
	}
	if r.Assignments != nil {
		c.state = "stable"
		c.signal()
	}
	for {
		if err := c.check(r.Member, r.Generation); err != nil {
			return nil, err
		}
		if s := c.members[r.Member]; s.given != nil {
			s.heard, s.pending = time.Now(), false
			return s.given, nil
		}
		if err := c.wait(ctx); err != nil {
			return nil, err
		}
	}
}

func (c *coordinator) Heartbeat(_ context.Context, member string, generation int32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return fmt.Errorf("connection refused")
	}
	c.expire(10 * time.Second)
	err := c.check(member, generation)
	if s, ok := c.members[member]; ok {
		s.heard = time.Now()
	}
	return err
}

func (c *coordinator) Leave(_ context.Context, member, _ string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.members, member)
	c.begin()
	return nil
}

// host is a worker that only notes what it would run.
type host struct {
	*Member
	mu      sync.Mutex
	running Work
	stop    context.CancelFunc
	done    chan struct{}
	timer   *time.Timer
}

func newHost(name string, b Broker, configured *Configured, mu *sync.Mutex) *host {
	h := &host{done: make(chan struct{})}
	h.Member = NewMember(Options{
		Broker: b, Protocol: Sessioned, URL: "http://" + name + "/", Session: 10 * time.Second, Heartbeat: 3 * time.Second,
		Rebalance: time.Minute, MaxDelay: 30 * time.Second, RetryBackoff: 100 * time.Millisecond,
		Snapshot: func() Configured {
			mu.Lock()
			defer mu.Unlock()
			return Configured{configured.Offset, configured.Work.Clone()}
		},
		OnRevoked: func(_ context.Context, w Work) {
			h.mu.Lock()
			h.running = h.running.Minus(w)
			h.mu.Unlock()
		},
		OnAssigned: func(_ context.Context, c Completed) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if c.Assignment.Failed() {
				return
			}
			h.running = c.Assignment.Assigned
			if h.timer != nil {
				h.timer.Stop()
			}
			switch {
			case !c.Assignment.Revoked.Empty():
				h.Rejoin("work was revoked")
			case c.Assignment.Delay > 0:
				h.timer = time.AfterFunc(time.Duration(c.Assignment.Delay)*time.Millisecond, func() { h.Rejoin("the delay is over") })
			}
		},
	})
	return h
}

func (h *host) start() {
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	go func() { defer close(h.done); _ = h.Run(ctx) }()
}

func (h *host) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	h.mu.Lock()
	h.running = Work{}
	h.mu.Unlock()
	h.Depart(ctx)
	cancel()
	h.stop()
	<-h.done
	h.mu.Lock()
	h.running = Work{}
	if h.timer != nil {
		h.timer.Stop()
	}
	h.mu.Unlock()
}

func runs(hosts ...*host) (Work, int) {
	var all Work
	n := 0
	for _, h := range hosts {
		h.mu.Lock()
		all = all.Plus(h.running)
		n += h.running.Len()
		h.mu.Unlock()
	}
	return all.Sorted(), n
}

func TestMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		configured := &Configured{Offset: 5, Work: work("a", 0, 1, 2).Plus(work("b", 0, 1, 2))}
		b := newCoordinator()
		all := func(hosts ...*host) {
			t.Helper()
			if w, n := runs(hosts...); n != 8 || w.Len() != 8 {
				t.Fatalf("%d run of 8: %v", n, w)
			}
		}
		h1, h2 := newHost("w1", b, configured, &mu), newHost("w2", b, configured, &mu)
		h1.start()
		time.Sleep(time.Second)
		all(h1)
		h2.start()
		time.Sleep(15 * time.Second)
		all(h1, h2)
		if h2.running.Len() != 4 {
			t.Errorf("the second worker runs %v", h2.running)
		}
		leader := 0
		for _, h := range []*host{h1, h2} {
			if id, generation, protocol, url, isLeader := h.Now(); isLeader {
				leader++
				if id == "" || generation < 1 || protocol != Sessioned || url != h.o.URL {
					t.Error(id, generation, protocol, url)
				}
				if h.OwnerOf("a", -1) == "" || h.OwnerOf("b", 2) == "" || h.OwnerOf("b", 3) != "" {
					t.Error("the leader does not know who runs what")
				}
			}
		}
		if leader != 1 {
			t.Errorf("%d leaders", leader)
		}
		// Kafka is away for less than a session: nothing stops.
		b.mu.Lock()
		b.down = true
		b.mu.Unlock()
		time.Sleep(6 * time.Second)
		all(h1, h2)
		// And for longer: everything does, as somebody else may get it.
		time.Sleep(10 * time.Second)
		if _, n := runs(h1, h2); n != 0 {
			t.Errorf("%d still run without a group", n)
		}
		b.mu.Lock()
		b.down = false
		b.mu.Unlock()
		time.Sleep(time.Minute)
		all(h1, h2)
		// A clean stop: the rest takes over at once, whoever leads.
		h2.end()
		time.Sleep(2 * time.Second)
		all(h1)
		h3 := newHost("w3", b, configured, &mu)
		h3.start()
		time.Sleep(15 * time.Second)
		all(h1, h3)
		h1.end()
		time.Sleep(2 * time.Second)
		all(h3)
		h3.end()
	})
}
