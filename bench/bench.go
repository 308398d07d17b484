// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// Who runs.
const (
	ours     = "penstock"
	rawPeer  = "raw"
	kgoPeer  = "kgo"
	jvmPeer  = "jvm"
	bestPeer = "jvm-best"
)

// runLimit ends a run that does not get anywhere.
const runLimit = 6 * time.Minute

// bench is one invocation: the broker, the temporary folder, the workers that run now.
type bench struct {
	options *options
	peers   []string

	dir     string
	brokers string
	binary  string
	plugin  string // folder with the JVM's null sink and generator
	best    string // the java of jvm-best
	broker  *stack.Broker
	client  *kgo.Client
	admin   *kadm.Client
	// profiling: a run under the profiler, whose picture must not show the reading of other pages.
	profiling bool

	mu      sync.Mutex
	workers map[string]*stack.Worker // by peer; guarded by mu, for close comes from a signal too
	closed  bool
}

// open starts what all workloads need.
func (b *bench) open() (err error) {
	b.workers = map[string]*stack.Worker{}
	if b.dir, err = os.MkdirTemp("", "penstock-bench-"); err != nil {
		return err
	}
	if err := b.build(); err != nil {
		return err
	}
	b.brokers = b.options.brokers
	if b.brokers == "" {
		b.note("starting Apache Kafka")
		broker, err := stack.StartBroker(b.dir, nil, "log.retention.check.interval.ms=3600000")
		if err != nil {
			return err
		}
		b.mu.Lock()
		b.broker, b.brokers = broker, broker.Addr
		closed := b.closed
		b.mu.Unlock()
		if closed {
			broker.Kill()
		}
	}
	if b.client, err = kgo.NewClient(kgo.SeedBrokers(strings.Split(b.brokers, ",")...)); err != nil {
		return err
	}
	b.admin = kadm.NewClient(b.client)
	return nil
}

// build makes or finds what the peers need.
func (b *bench) build() error {
	for _, p := range b.peers {
		switch p {
		case ours:
			if b.binary = b.options.binary; b.binary != "" {
				continue
			}
			b.note("building penstock")
			b.binary = filepath.Join(b.dir, "penstock")
			if err := stack.Build(b.binary); err != nil {
				return err
			}
		case jvmPeer, bestPeer:
			if b.plugin != "" {
				continue
			}
			b.note("preparing the JVM worker")
			if err := b.buildPlugin(); err != nil {
				return err
			}
			if b.best = b.options.bestJava; b.best == "" {
				b.best = newestJava()
			}
		}
	}
	return nil
}

// close ends every process that runs and removes what they left.
func (b *bench) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	for _, w := range b.workers {
		w.Kill()
	}
	if b.client != nil {
		b.client.Close()
	}
	if b.broker != nil {
		b.broker.Kill()
	}
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}

// note tells on standard error what goes on, so that standard output is the result alone.
func (b *bench) note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// workerSpec is how a peer's worker is started.
func (b *bench) workerSpec(peer string) stack.WorkerSpec {
	s := stack.WorkerSpec{
		Kind: stack.Penstock, Mode: b.options.mode, Binary: b.binary, Brokers: b.brokers,
		Dir:   filepath.Join(b.dir, fmt.Sprintf("%s-%d", peer, time.Now().UnixNano())),
		Props: map[string]string{"offset.flush.interval.ms": "1000"},
	}
	set := func(list string) {
		for pair := range strings.SplitSeq(list, ",") {
			if key, value, ok := strings.Cut(pair, "="); ok {
				s.Props[strings.TrimSpace(key)] = value
			}
		}
	}
	java := ""
	switch peer {
	case jvmPeer:
		java = b.options.jvmJava
	case bestPeer:
		java = b.best
		set(b.options.bestProps)
	}
	if peer == jvmPeer || peer == bestPeer {
		s.Kind, s.Plugins = stack.JVM, []string{b.plugin}
		if java != "" {
			s.Env = append(s.Env, "PENSTOCK_JAVA="+java)
		}
	}
	if b.options.mode == "distributed" {
		// Each worker is a cluster of its own, new for each workload.
		id := fmt.Sprintf("bench-%s-%d", peer, time.Now().UnixNano())
		s.Props["group.id"] = id
		for _, kind := range []string{"config", "offset", "status"} {
			s.Props[kind+".storage.topic"] = id + "-" + kind
		}
	}
	set(b.options.workerProps)
	return s
}

// start starts a peer's worker with more environment, known to close from then on.
func (b *bench) start(peer string, env ...string) (*stack.Worker, error) {
	s := b.workerSpec(peer)
	s.Env = append(s.Env, env...)
	w, err := stack.Launch(s)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.workers[peer] = w
	closed := b.closed
	b.mu.Unlock()
	if closed {
		w.Kill()
	}
	if err := w.WaitREST(2 * time.Minute); err != nil {
		b.stop(peer)
		return nil, err
	}
	return w, nil
}

// worker is the running worker of a peer; nil when it is not up.
func (b *bench) worker(peer string) *stack.Worker {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.workers[peer]
}

// stop ends a peer's worker.
func (b *bench) stop(peer string) {
	b.mu.Lock()
	w := b.workers[peer]
	delete(b.workers, peer)
	b.mu.Unlock()
	if w == nil {
		return
	}
	if err := w.Stop(20 * time.Second); err != nil {
		b.note("%v", err)
	}
}

// createTopic creates a topic and returns when it can be written to.
func (b *bench) createTopic(topic string, partitions int32) error {
	// Retention would delete records whose timestamps lie in the past.
	unlimited := "-1"
	_, err := b.admin.CreateTopic(context.Background(), partitions, 1, map[string]*string{"retention.ms": &unlimited}, topic)
	if err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	for range 300 {
		if b.endOffset(topic) >= 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond) // its leaders are still being made
	}
	return fmt.Errorf("create topic %s: it has no leaders after 15 s", topic)
}

// endOffset is the sum of a topic's end offsets; -1 when there is no such topic.
func (b *bench) endOffset(topic string) int64 {
	offsets, err := b.admin.ListEndOffsets(context.Background(), topic)
	if err != nil {
		return -1
	}
	n, bad := int64(0), false
	offsets.Each(func(o kadm.ListedOffset) {
		bad = bad || o.Err != nil
		n += o.Offset
	})
	if bad {
		return -1
	}
	return n
}

// committed is the sum of the offsets that a group has committed for a topic.
func (b *bench) committed(group, topic string) int64 {
	offsets, err := b.admin.FetchOffsets(context.Background(), group)
	if err != nil {
		return 0
	}
	var n int64
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Err == nil && o.Topic == topic && o.At > 0 {
			n += o.At
		}
	})
	return n
}
