// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"context"
	"embed"
	"fmt"
	"io"
	"os"
	"os/exec"
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
	ours    = "penstock"
	rawPeer = "raw"
	jvmPeer = "jvm"
)

// runLimit ends a run that does not get anywhere.
const runLimit = 8 * time.Minute

//go:embed peer/NullSinkConnector.java
var peerSource embed.FS

// bench is one invocation: the broker, the temporary folder, the workers that run now.
type bench struct {
	options *options
	peers   []string
	out     io.Writer

	dir     string
	brokers string
	binary  string
	plugin  string // folder with the JVM's null sink
	broker  *stack.Broker
	client  *kgo.Client
	admin   *kadm.Client

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
	for _, p := range b.peers {
		switch p {
		case ours:
			if b.binary = b.options.binary; b.binary == "" {
				b.binary = filepath.Join(b.dir, "penstock")
				if err := stack.Build(b.binary); err != nil {
					return err
				}
			}
		case jvmPeer:
			if err := b.buildPlugin(); err != nil {
				return err
			}
		}
	}
	b.brokers = b.options.brokers
	if b.brokers == "" {
		b.note("starting Apache Kafka")
		if b.broker, err = stack.StartBroker(b.dir, nil); err != nil {
			return err
		}
		b.brokers = b.broker.Addr
	}
	if b.client, err = kgo.NewClient(kgo.SeedBrokers(strings.Split(b.brokers, ",")...)); err != nil {
		return err
	}
	b.admin = kadm.NewClient(b.client)
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

// buildPlugin compiles the JVM's null sink against the worker's own jars into a jar of a plugin folder.
func (b *bench) buildPlugin() error {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	classpath, err := exec.Command(filepath.Join(root, "scripts", "jvm-connect"), "classpath").Output()
	if err != nil {
		return fmt.Errorf("find the JVM worker's jars: %w", err)
	}
	text, err := peerSource.ReadFile("peer/NullSinkConnector.java")
	if err != nil {
		return err
	}
	classes := filepath.Join(b.dir, "classes")
	b.plugin = filepath.Join(b.dir, "null-sink-plugin")
	for _, dir := range []string{classes, b.plugin} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	source := filepath.Join(b.dir, "NullSinkConnector.java")
	if err := os.WriteFile(source, text, 0o644); err != nil {
		return err
	}
	javac := exec.Command("javac", "--release", "17", "-cp", strings.TrimSpace(string(classpath)), "-d", classes, source)
	if out, err := javac.CombinedOutput(); err != nil {
		return fmt.Errorf("compile the JVM's null sink: %w\n%s", err, out)
	}
	services := filepath.Join(classes, "META-INF", "services")
	if err := os.MkdirAll(services, 0o755); err != nil {
		return err
	}
	const name = "org.apache.kafka.connect.sink.SinkConnector"
	if err := os.WriteFile(filepath.Join(services, name), []byte("io.penstock.connect.NullSinkConnector\n"), 0o644); err != nil {
		return err
	}
	jar, err := os.Create(filepath.Join(b.plugin, "null-sink.jar"))
	if err != nil {
		return err
	}
	defer jar.Close()
	z := zip.NewWriter(jar)
	if err := z.AddFS(os.DirFS(classes)); err != nil {
		return err
	}
	return z.Close()
}

// spec is how a peer's worker is started.
func (b *bench) spec(peer string) stack.WorkerSpec {
	s := stack.WorkerSpec{
		Kind: stack.Penstock, Mode: b.options.mode, Binary: b.binary, Brokers: b.brokers,
		Dir:   filepath.Join(b.dir, fmt.Sprintf("%s-%d", peer, time.Now().UnixNano())),
		Props: map[string]string{"offset.flush.interval.ms": "1000"},
	}
	if peer == jvmPeer {
		s.Kind, s.Plugins = stack.JVM, []string{b.plugin}
		if b.options.jvmJava != "" {
			s.Env = append(s.Env, "PENSTOCK_JAVA="+b.options.jvmJava)
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
	for pair := range strings.SplitSeq(b.options.workerProps, ",") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			s.Props[strings.TrimSpace(key)] = value
		}
	}
	return s
}

// start starts a peer's worker, known to close from then on.
func (b *bench) start(peer string) (*stack.Worker, error) {
	w, err := stack.StartWorker(b.spec(peer))
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.workers[peer] = w
	if b.closed {
		w.Kill()
	}
	return w, nil
}

// stop ends a peer's worker and forgets its log.
func (b *bench) stop(peer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.workers[peer]; w != nil {
		if err := w.Stop(30 * time.Second); err != nil {
			b.note("%v", err)
		}
		delete(b.workers, peer)
	}
}

func (b *bench) createTopic(topic string, partitions int32) error {
	// Retention would delete records whose timestamps lie in the past.
	unlimited := "-1"
	_, err := b.admin.CreateTopic(context.Background(), partitions, 1, map[string]*string{"retention.ms": &unlimited}, topic)
	if err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	return nil
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
