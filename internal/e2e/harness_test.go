// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

const stringConverter = "org.apache.kafka.connect.storage.StringConverter"

// system is what all tests share: one broker, one binary.
var system struct {
	dir    string
	broker *stack.Broker
	binary string
	kind   stack.Kind
	lines  int
	seed   uint64
}

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	system.kind = stack.Kind(envOr("E2E_WORKER", string(stack.Penstock)))
	if system.lines, err = strconv.Atoi(envOr("E2E_LINES", "1000000")); err != nil {
		return 1, fmt.Errorf("E2E_LINES: %w", err)
	}
	if system.seed, err = strconv.ParseUint(envOr("E2E_SEED", "1"), 10, 64); err != nil {
		return 1, fmt.Errorf("E2E_SEED: %w", err)
	}
	if system.dir, err = os.MkdirTemp("", "penstock-e2e-"); err != nil {
		return 1, err
	}
	defer func() {
		if code != 0 && os.Getenv("E2E_KEEP") != "" {
			fmt.Fprintln(os.Stderr, "e2e: kept", system.dir)
			return
		}
		_ = os.RemoveAll(system.dir)
	}()
	if system.kind == stack.Penstock {
		if system.binary = os.Getenv("E2E_BINARY"); system.binary == "" {
			system.binary = filepath.Join(system.dir, "penstock")
			if err := stack.Build(system.binary); err != nil {
				return 1, err
			}
		}
	}
	if system.broker, err = stack.StartBroker(system.dir, nil); err != nil {
		return 1, err
	}
	defer system.broker.Kill()
	return m.Run(), nil
}

func envOr(key, otherwise string) string {
	if v := os.Getenv(key); v != "" {
		return v
	}
	return otherwise
}

var names atomic.Int64

// unique makes a name that no other test of this run has used: groups and topics outlive a test on the shared broker.
func unique(t *testing.T, what string) string {
	t.Helper()
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return '-'
	}, strings.ToLower(t.Name()))
	return fmt.Sprintf("%s-%s-%d", name, what, names.Add(1))
}

// spec is a standalone worker in a folder of the test, for the kind under test unless changed.
func spec(t *testing.T) stack.WorkerSpec {
	t.Helper()
	dir, err := os.MkdirTemp(system.dir, "worker-")
	if err != nil {
		t.Fatal(err)
	}
	return stack.WorkerSpec{
		Kind: system.kind, Mode: "standalone", Binary: system.binary, Dir: dir, Brokers: system.broker.Addr,
		Props: map[string]string{"offset.flush.interval.ms": "500"},
	}
}

// start runs a worker until it answers; the test's end kills it, and shows its log when the test failed.
func start(t *testing.T, s stack.WorkerSpec) *stack.Worker {
	t.Helper()
	w, err := stack.StartWorker(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Kill()
		if t.Failed() {
			t.Logf("log of the worker in %s:\n%s", s.Dir, w.Tail(40))
		}
	})
	return w
}

// stop ends a worker as a service manager does, and expects the exit code of a clean end.
func stop(t *testing.T, w *stack.Worker) {
	t.Helper()
	if err := w.Stop(60 * time.Second); err != nil {
		t.Fatal(err)
	}
	// The JVM's own signal handler makes 143 of a clean stop; ours is free to say 0, which it should.
	if code, _ := w.WaitExit(0); system.kind == stack.Penstock && w.Name == string(stack.Penstock) && code != 0 {
		t.Fatalf("exit code %d after SIGTERM, want 0; log:\n%s", code, w.Tail(40))
	}
}

// eventually polls test until it holds.
func eventually(t *testing.T, limit time.Duration, what string, test func() bool) {
	t.Helper()
	end := time.Now().Add(limit)
	for !test() {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", limit, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func kafkaClient(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(system.broker.Addr)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func createTopic(t *testing.T, topic string, partitions int32) {
	t.Helper()
	if _, err := kadm.NewClient(kafkaClient(t)).CreateTopic(context.Background(), partitions, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
}

// endOffset is the number of records ever written to a topic without transactions or compaction.
func endOffset(t *testing.T, admin *kadm.Client, topic string) int64 {
	t.Helper()
	offsets, err := admin.ListEndOffsets(context.Background(), topic)
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	offsets.Each(func(o kadm.ListedOffset) { n += max(0, o.Offset) })
	return n
}

// readTopic returns the values of a topic by partition, from its beginning to its end now.
func readTopic(t *testing.T, topic string) map[int32][][]byte {
	t.Helper()
	c := kafkaClient(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	left := endOffset(t, kadm.NewClient(c), topic)
	out := map[int32][][]byte{}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for left > 0 {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %s, %d records left: %v", topic, left, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			out[r.Partition] = append(out[r.Partition], r.Value)
			left--
		})
	}
	return out
}

func produce(t *testing.T, topic string, values ...string) {
	t.Helper()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Topic: topic, Value: []byte(v)})
	}
	if err := kafkaClient(t).ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// lines reads a file as its lines, without the last line's end.
func lines(t *testing.T, path string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
}

// healthy ends the test when the worker has died or one of the connectors has failed. Answers that are not there yet
// are no failure.
func healthy(t *testing.T, w *stack.Worker, connectors ...string) {
	t.Helper()
	if !w.Alive() {
		t.Fatalf("the worker ended:\n%s", w.Tail(40))
	}
	for _, name := range connectors {
		if s, err := w.Status(name); err == nil {
			if trace, failed := s.Failed(); failed {
				t.Fatalf("%s failed: %s", name, trace)
			}
		}
	}
}

// failedTrace waits until the connector or one of its tasks has failed and returns the trace.
func failedTrace(t *testing.T, w *stack.Worker, name string) string {
	t.Helper()
	var trace string
	eventually(t, 60*time.Second, "FAILED state of "+name, func() bool {
		s, err := w.Status(name)
		if err != nil {
			return false
		}
		var failed bool
		trace, failed = s.Failed()
		return failed
	})
	return trace
}
