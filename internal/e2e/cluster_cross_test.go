// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// pipes are two file sources and two file sinks, each pair through a topic of its own, that workers of a cluster share.
type pipes struct {
	t       *testing.T
	dir     string
	group   string
	topics  []string
	written []int // lines so far
	once    bool  // sources only, with exactly-once support
	stop    chan struct{}
	done    chan error
}

// newPipes makes topics and names; nothing runs yet.
func newPipes(t *testing.T) *pipes {
	p := &pipes{t: t, dir: spec(t).Dir, group: unique(t, "group"), written: []int{0, 0}}
	for range p.written {
		p.topics = append(p.topics, unique(t, "topic"))
		createTopic(t, p.topics[len(p.topics)-1], 1)
	}
	return p
}

func (p *pipes) in(i int) string  { return filepath.Join(p.dir, fmt.Sprintf("%d.in", i)) }
func (p *pipes) out(i int) string { return filepath.Join(p.dir, fmt.Sprintf("%d.out", i)) }

// worker starts a member of the cluster and returns when it has joined.
func (p *pipes) worker(kind stack.Kind) *stack.Worker {
	p.t.Helper()
	s := spec(p.t)
	s.Kind, s.Mode = kind, "distributed"
	s.Props = map[string]string{
		"group.id": p.group, "offset.flush.interval.ms": "500", "scheduled.rebalance.max.delay.ms": "500",
		"config.storage.topic": p.group + "-config", "offset.storage.topic": p.group + "-offset", "status.storage.topic": p.group + "-status",
		"offset.storage.partitions": "3", "status.storage.partitions": "2", "session.timeout.ms": "6000", "heartbeat.interval.ms": "1000",
	}
	if p.once {
		s.Props["exactly.once.source.support"] = "enabled"
	}
	return start(p.t, s)
}

// create puts the connectors.
func (p *pipes) create(w *stack.Worker) {
	p.t.Helper()
	for i, topic := range p.topics {
		for name, config := range map[string]map[string]string{
			topic + "-source": {"connector.class": "FileStreamSource", "file": p.in(i), "topic": topic,
				// More than the file has: the JVM's source leaves lines in its buffer when the last batch is a full one.
				"batch.size": "1000000"},
			topic + "-sink": {"connector.class": "FileStreamSink", "file": p.out(i), "topics": topic},
		} {
			if p.once {
				if config["file"] != p.in(i) {
					continue
				}
				config["exactly.once.support"] = "required"
			}
			config["tasks.max"], config["key.converter"], config["value.converter"] = "1", stringConverter, stringConverter
			eventually(p.t, time.Minute, "create "+name, func() bool { return w.Put(name, config) == nil })
		}
	}
}

func (p *pipes) append(i, n int) error {
	f, err := os.OpenFile(p.in(i), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	var b bytes.Buffer
	for range n {
		fmt.Fprintf(&b, "pipe %d line %d %s\n", i, p.written[i], strings.Repeat("x", p.written[i]%90))
		p.written[i]++
	}
	_, err = f.Write(b.Bytes())
	return err
}

// flow appends lines to all files, about 2000 a second, until ebb.
func (p *pipes) flow() {
	p.stop, p.done = make(chan struct{}), make(chan error, 1)
	go func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-p.stop:
				p.done <- nil
				return
			case <-ticker.C:
			}
			for i := range p.topics {
				if err := p.append(i, 40); err != nil {
					p.done <- err
					return
				}
			}
		}
	}()
}

func (p *pipes) ebb() {
	p.t.Helper()
	close(p.stop)
	if err := <-p.done; err != nil {
		p.t.Fatal(err)
	}
}

func (p *pipes) roles() []string {
	if p.once {
		return []string{"-source"}
	}
	return []string{"-source", "-sink"}
}

// runsOnceOn waits until each connector and its task are RUNNING, and each of the workers has some of them and nobody else; for a
// while, where that matters: a task that is about to move asks the leader to fence its predecessor, and the JVM's fails for good
// when the leader is stopped just then.
func (p *pipes) runsOnceOn(ask *stack.Worker, on ...*stack.Worker) {
	p.t.Helper()
	var last, before string
	var since time.Time
	still := time.Duration(0)
	if p.once {
		still = 4 * time.Second
	}
	defer func() {
		if p.t.Failed() {
			p.t.Log(last)
		}
	}()
	eventually(p.t, 90*time.Second, fmt.Sprintf("everything runs on %d workers", len(on)), func() bool {
		left := map[string]bool{}
		for _, w := range on {
			left[strings.TrimPrefix(w.URL, "http://")] = true
		}
		members := len(left)
		seen, now := map[string]bool{}, ""
		for _, topic := range p.topics {
			for _, role := range p.roles() {
				s, err := ask.Status(topic + role)
				last = fmt.Sprintf("%+v %v", s, err)
				if err != nil || !s.Running(1) || len(s.Tasks) != 1 {
					return false
				}
				seen[s.Connector.WorkerID], seen[s.Tasks[0].WorkerID] = true, true
				now += s.Connector.WorkerID + " " + s.Tasks[0].WorkerID + " "
			}
		}
		for id := range seen {
			if !left[id] {
				return false
			}
		}
		if now != before {
			before, since = now, time.Now()
		}
		return len(seen) == members && time.Since(since) >= still
	})
}

// arrived waits until every line is in its topic and in the file behind it, and wants each there once and in order.
func (p *pipes) arrived(when string) {
	p.t.Helper()
	for i, topic := range p.topics {
		want := fmt.Appendf(nil, "pipe %d line %d ", i, p.written[i]-1)
		eventually(p.t, 90*time.Second, fmt.Sprintf("%s: line %d at the end of %s", when, p.written[i]-1, p.out(i)), func() bool {
			b, err := os.ReadFile(p.out(i))
			return err == nil && bytes.Contains(b, want)
		})
		in, err := os.ReadFile(p.in(i))
		if err != nil {
			p.t.Fatal(err)
		}
		out, err := os.ReadFile(p.out(i))
		if err != nil {
			p.t.Fatal(err)
		}
		p.same(when+", topic", in, append(bytes.Join(readTopic(p.t, topic)[0], []byte("\n")), '\n'))
		p.same(when+", file", in, out)
	}
}

// same compares texts line by line, and says where they part and how many lines are missing or there again.
func (p *pipes) same(where string, want, got []byte) {
	p.t.Helper()
	if bytes.Equal(want, got) {
		return
	}
	times := map[string]int{}
	for s := bufio.NewScanner(bytes.NewReader(got)); s.Scan(); {
		times[s.Text()]++
	}
	lost, first, n := 0, "", 0
	for s := bufio.NewScanner(bytes.NewReader(want)); s.Scan(); n++ {
		if times[s.Text()] == 0 {
			lost++
		}
		if first == "" && times[s.Text()] != 1 {
			first = s.Text()
		}
	}
	p.t.Fatalf("%s: %d lines, of which %d lost; %d lines arrived; the first that is not there once: %.60q", where, n, lost, bytes.Count(got, []byte("\n")), first)
}

// A cluster goes from one kind of worker to the other and back: topics of configurations, offsets and statuses are all that is
// handed over.
func TestClusterHandover(t *testing.T) {
	p := newPipes(t)
	for hop, kind := range []stack.Kind{stack.JVM, system.kind, stack.JVM} {
		when := fmt.Sprintf("hop %d (%s)", hop, kind)
		w := p.worker(kind)
		if hop == 0 {
			p.create(w)
		}
		for i := range p.topics {
			if err := p.append(i, 3000); err != nil {
				t.Fatal(err)
			}
		}
		p.runsOnceOn(w, w)
		p.arrived(when)
		stop(t, w)
		p.arrived(when + ", stopped")
	}
}

// Workers of both kinds in one group, records flowing: work moves over and back as workers come and go.
func TestMixedCluster(t *testing.T) {
	p := newPipes(t)
	p.flow()
	first := p.worker(stack.JVM)
	p.create(first)
	p.runsOnceOn(first, first)
	ours := p.worker(system.kind)
	p.runsOnceOn(ours, first, ours)
	p.runsOnceOn(first, first, ours)
	stop(t, first)
	p.runsOnceOn(ours, ours)
	second := p.worker(stack.JVM)
	p.runsOnceOn(ours, ours, second)
	stop(t, ours)
	p.runsOnceOn(second, second)
	ours = p.worker(system.kind)
	p.runsOnceOn(second, ours, second)
	p.ebb()
	p.arrived("after all moves")
	stop(t, second)
	stop(t, ours)
	p.arrived("stopped")
}

// With exactly-once support, a worker that is stopped by a signal until one of the other kind has its work, and then wakes, is
// fenced: what is committed is there once.
func TestMixedZombies(t *testing.T) {
	p := newPipes(t)
	p.once = true
	first, ours := p.worker(stack.JVM), p.worker(system.kind)
	p.create(ours)
	p.flow()
	p.runsOnceOn(ours, first, ours)
	for _, zombie := range []*stack.Worker{first, ours} {
		other := ours
		if zombie == ours {
			other = first
		}
		if err := zombie.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		p.runsOnceOn(other, other)
		time.Sleep(time.Second)
		if err := zombie.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		p.runsOnceOn(other, first, ours)
	}
	p.ebb()
	p.committed()
	stop(t, first)
	stop(t, ours)
	p.committed()
}

// committed waits until every line has been committed to its topic, and wants each there once and in order.
func (p *pipes) committed() {
	p.t.Helper()
	for i, topic := range p.topics {
		in, err := os.ReadFile(p.in(i))
		if err != nil {
			p.t.Fatal(err)
		}
		c := kafkaClient(p.t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
		var got []byte
		ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
		for n := 0; n < p.written[i] && ctx.Err() == nil; {
			c.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
				got = append(append(got, r.Value...), '\n')
				n++
			})
		}
		cancel()
		// What comes behind the last line is too much.
		ctx, cancel = context.WithTimeout(context.Background(), time.Second)
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got = append(append(got, r.Value...), '\n') })
		cancel()
		p.same("committed to "+topic, in, got)
	}
}
