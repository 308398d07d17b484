// SPDX-License-Identifier: Apache-2.0

package group

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

var rewrite = flag.Bool("rewrite", false, "write what happens into the scripts of testdata")

// TestMemberScripts plays the scripts of testdata/member: a block is commands, a line ----, and what the member then does,
// up to an empty line. A command that answers a call queues the answer for the next one; a call without an answer waits.
//
//	configured OFFSET CONNECTOR:TASKS...    what the worker has read of the config topic
//	start PROTOCOL                          begins Run
//	join MEMBER leader=M gen=N proto=P [OTHER@OFFSET=WORK...]   | join ERROR
//	sync own | sync assigned=W revoked=W offset=N leader=M delay=MS error=N | sync ERROR
//	heartbeat ERROR | find ERROR            the next one fails; otherwise they succeed
//	rejoin WHY | leave WHY | forget | stop | sleep DURATION
//
// Work is connectors and connector:task, joined by commas; - is none.
func TestMemberScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/member/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playScript(t, file) })
		})
	}
}

func playScript(t *testing.T, file string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, joins: make(chan any, 8), syncs: make(chan any, 8)}
	defer s.do([]string{"stop"})
	var out strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(string(raw)), "\n\n") {
		commands, want, _ := strings.Cut(block, "----")
		for line := range strings.SplitSeq(strings.TrimSpace(commands), "\n") {
			if !strings.HasPrefix(line, "#") {
				s.do(strings.Fields(line))
			}
		}
		synctest.Wait()
		got := s.take()
		fmt.Fprintf(&out, "%s\n----\n%s\n", strings.TrimSpace(commands), got)
		if strings.TrimSpace(want) != strings.TrimSpace(got) && !*rewrite {
			t.Errorf("%s\ngot:\n%swant:\n%s", commands, got, want)
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.TrimSpace(out.String())+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// script is a broker and a herder that note what the member asks of them.
type script struct {
	t            *testing.T
	m            *Member
	stop         context.CancelFunc
	done         chan struct{}
	joins, syncs chan any

	mu         sync.Mutex
	log        strings.Builder
	configured Configured
	heartbeat  error
	find       error
}

func (s *script) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(&s.log, format+"\n", args...)
}

func (s *script) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.log.Reset()
	return s.log.String()
}

func workText(w Work) string {
	out := slices.Clone(w.Connectors)
	for _, id := range w.Tasks {
		out = append(out, id.Connector+":"+strconv.Itoa(int(id.Task)))
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, ",")
}

func parseWork(text string) Work {
	var w Work
	for item := range strings.SplitSeq(text, ",") {
		name, id, isTask := strings.Cut(item, ":")
		switch {
		case item == "-" || item == "":
		case isTask:
			n, _ := strconv.Atoi(id)
			w.Tasks = append(w.Tasks, TaskID{name, int32(n)})
		default:
			w.Connectors = append(w.Connectors, name)
		}
	}
	return w
}

// do carries out one command.
func (s *script) do(f []string) {
	s.t.Helper()
	rest := strings.Join(f[1:], " ")
	switch f[0] {
	case "configured":
		c := Configured{Offset: number(f[1])}
		for _, item := range f[2:] {
			name, tasks, _ := strings.Cut(item, ":")
			c.Work.Connectors = append(c.Work.Connectors, name)
			for id := range number(tasks) {
				c.Work.Tasks = append(c.Work.Tasks, TaskID{name, int32(id)})
			}
		}
		s.mu.Lock()
		s.configured = c
		s.mu.Unlock()
	case "start":
		s.start(f[1])
	case "join":
		s.joins <- s.joinAnswer(f[1:])
	case "sync":
		s.syncs <- s.syncAnswer(f[1:])
	case "heartbeat", "find":
		s.mu.Lock()
		if f[0] == "find" {
			s.find = errorNamed(s.t, f[1])
		} else {
			s.heartbeat = errorNamed(s.t, f[1])
		}
		s.mu.Unlock()
	case "rejoin":
		s.m.Rejoin(rest)
	case "leave":
		s.m.Leave(rest)
	case "forget":
		s.m.Forget()
	case "sleep":
		d, err := time.ParseDuration(f[1])
		if err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(d)
	case "stop":
		if s.stop != nil {
			s.stop()
			<-s.done
			s.stop = nil
		}
	default:
		s.t.Fatalf("there is no command %s", f[0])
	}
}

func (s *script) start(protocol string) {
	p, err := ProtocolOf(protocol)
	if err != nil {
		s.t.Fatal(err)
	}
	s.m = NewMember(Options{
		Broker: s, Protocol: p, URL: "http://w/", Session: 10 * time.Second, Heartbeat: 3 * time.Second, Rebalance: time.Minute,
		MaxDelay: time.Minute, RetryBackoff: 100 * time.Millisecond,
		Snapshot: func() Configured {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.configured
		},
		OnRevoked: func(_ context.Context, w Work) { s.note("stops %s", workText(w)) },
		OnAssigned: func(_ context.Context, c Completed) {
			role := "follower"
			if c.IsLeader {
				role = "leader"
			}
			s.note("%s of generation %d runs %s (error %d, offset %d, delay %d)", role, c.Generation, workText(c.Assignment.Assigned),
				c.Assignment.Error, c.Assignment.ConfigOffset, c.Assignment.Delay)
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	s.stop, s.done = cancel, make(chan struct{})
	go func() {
		defer close(s.done)
		if err := s.m.Run(ctx); err != nil {
			s.note("ends: %v", err)
		}
	}()
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func errorNamed(t *testing.T, name string) error {
	t.Helper()
	if name == "NETWORK" {
		return fmt.Errorf("connection refused")
	}
	for code := range int16(140) {
		if e := kerr.TypedErrorForCode(code); e != nil && e.Message == name {
			return e
		}
	}
	t.Fatalf("there is no error %s", name)
	return nil
}

func (s *script) joinAnswer(f []string) any {
	if len(f) == 1 {
		return errorNamed(s.t, f[0])
	}
	j := Joined{Member: f[0]}
	for _, kv := range f[1:] {
		k, v, _ := strings.Cut(kv, "=")
		id, offset, other := strings.Cut(k, "@")
		switch {
		case k == "leader":
			j.Leader = v
		case k == "gen":
			j.Generation = int32(number(v))
		case k == "proto":
			j.Protocol = v
		case other:
			p, err := ProtocolOf(j.Protocol)
			if err != nil {
				s.t.Fatal(err)
			}
			state := State{URL: "http://" + id + "/", ConfigOffset: number(offset), Assignment: &Assignment{Assigned: parseWork(v)}}
			j.Members = append(j.Members, Offered{id, AppendMetadata(nil, p, &state)})
		default:
			s.t.Fatalf("join: what is %s", kv)
		}
	}
	return j
}

func (s *script) syncAnswer(f []string) any {
	if f[0] == "own" {
		return "own"
	}
	if !strings.Contains(f[0], "=") {
		return errorNamed(s.t, f[0])
	}
	a := Assignment{Version: int16(Sessioned), LeaderURL: "http://leader/"}
	for _, kv := range f {
		switch k, v, _ := strings.Cut(kv, "="); k {
		case "assigned":
			a.Assigned = parseWork(v)
		case "revoked":
			a.Revoked = parseWork(v)
		case "offset":
			a.ConfigOffset = number(v)
		case "leader":
			a.Leader = v
		case "delay":
			a.Delay = int32(number(v))
		case "error":
			a.Error = int16(number(v))
		}
	}
	return AppendAssignment(nil, Sessioned, &a)
}

// Find implements Broker.
func (s *script) Find(context.Context) error {
	s.mu.Lock()
	err := s.find
	s.find = nil
	s.mu.Unlock()
	if err != nil {
		s.note("find: %v", err)
	}
	return err
}

// Join implements Broker.
func (s *script) Join(ctx context.Context, r Join) (Joined, error) {
	var offers []string
	var mine *State
	for _, o := range r.Protocols {
		offers = append(offers, o.Name)
		if state, err := ParseMetadata(o.Metadata); err == nil && mine == nil {
			mine = state
		}
	}
	had := "nothing yet"
	if mine.Assignment != nil {
		had = workText(mine.Assignment.Assigned)
	}
	s.note("join as %q at offset %d with %s, offering %s: %s", r.Member, mine.ConfigOffset, had, strings.Join(offers, " "), r.Reason)
	select {
	case a := <-s.joins:
		if err, ok := a.(error); ok {
			return Joined{}, err
		}
		j := a.(Joined)
		// The leader finds itself among the members.
		if j.Leader == j.Member {
			for _, o := range r.Protocols {
				if o.Name == j.Protocol {
					j.Members = append(j.Members, Offered{j.Member, o.Metadata})
				}
			}
		}
		return j, nil
	case <-ctx.Done():
		return Joined{}, ctx.Err()
	}
}

// Sync implements Broker.
func (s *script) Sync(ctx context.Context, r Sync) ([]byte, error) {
	s.note("sync of generation %d", r.Generation)
	ids := make([]string, 0, len(r.Assignments))
	for id := range r.Assignments {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		a, err := ParseAssignment(r.Assignments[id])
		if err != nil {
			s.t.Error(err)
			continue
		}
		s.note("  %s gets %s, gives up %s (error %d, offset %d, delay %d)", id, workText(a.Assigned), workText(a.Revoked), a.Error, a.ConfigOffset, a.Delay)
	}
	select {
	case a := <-s.syncs:
		switch a := a.(type) {
		case error:
			return nil, a
		case []byte:
			return a, nil
		}
		return r.Assignments[r.Member], nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Heartbeat implements Broker.
func (s *script) Heartbeat(_ context.Context, member string, generation int32) error {
	s.mu.Lock()
	err := s.heartbeat
	s.heartbeat = nil
	s.mu.Unlock()
	if err != nil {
		s.note("heartbeat of %s in generation %d: %v", member, generation, err)
	}
	return err
}

// Leave implements Broker.
func (s *script) Leave(_ context.Context, member, reason string) error {
	s.note("%s leaves: %s", member, reason)
	return nil
}
