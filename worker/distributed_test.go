// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/config"
	_ "github.com/penstock-io/penstock/connectors/file"
	"github.com/penstock-io/penstock/internal/embedded"
	"github.com/penstock-io/penstock/worker/store"
)

// member is one worker of a test cluster.
type member struct {
	*Distributed
	t *testing.T
}

// clusterProps are the properties of a worker of a test cluster.
func clusterProps(bootstrap string, props map[string]string) config.Props {
	p := map[string]string{
		"bootstrap.servers": bootstrap, "group.id": "cluster", "listeners": "http://127.0.0.1:0",
		"config.storage.topic": "configs", "offset.storage.topic": "offsets", "status.storage.topic": "statuses",
		"config.storage.replication.factor": "1", "offset.storage.replication.factor": "1", "status.storage.replication.factor": "1",
		"offset.storage.partitions": "3", "status.storage.partitions": "2",
		"key.converter": "org.apache.kafka.connect.storage.StringConverter", "value.converter": "org.apache.kafka.connect.storage.StringConverter",
		"offset.flush.interval.ms": "100", "scheduled.rebalance.max.delay.ms": "1000", "heartbeat.interval.ms": "100",
		"session.timeout.ms": "6000", "penstock.admin.listeners": "",
	}
	for k, v := range props {
		p[k] = v
	}
	return config.NewProps(p)
}

func joinCluster(t *testing.T, bootstrap string, props map[string]string) *member {
	t.Helper()
	cfg, err := NewDistributedConfig(clusterProps(bootstrap, props))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	d, err := NewDistributed(cfg, Deps{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := &member{d, t}
	m.until("the worker is ready", d.Ready)
	return m
}

func (m *member) until(what string, f func() bool) {
	m.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if f() {
			return
		}
		if time.Now().After(end) {
			m.t.Fatalf("never: %s", what)
		}
	}
}

// ask sends a request and returns status and body.
func (m *member) ask(method, path, body string) (int, string) {
	m.t.Helper()
	req, err := http.NewRequestWithContext(m.t.Context(), method, strings.TrimSuffix(m.RESTURL(), "/")+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (m *member) want(status int, method, path, body string) string {
	m.t.Helper()
	got, text := m.ask(method, path, body)
	if got != status {
		m.t.Fatalf("%s %s: %d %s, want %d", method, path, got, text, status)
	}
	return text
}

func (m *member) running(name string, tasks int) {
	m.t.Helper()
	m.until(fmt.Sprintf("%s with %d tasks runs", name, tasks), func() bool {
		_, text := m.ask("GET", "/connectors/"+name+"/status", "")
		return strings.Count(text, `"RUNNING"`) == tasks+1
	})
}

func lines(path string) int {
	b, _ := os.ReadFile(path)
	return strings.Count(string(b), "\n")
}

func appendLines(t *testing.T, path string, from, to int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := from; i < to; i++ {
		fmt.Fprintf(f, "line %d\n", i)
	}
}

func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a broker and three workers")
	}
	b, err := embedded.Start(embedded.Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	appendLines(t, in, 0, 100)

	w1 := joinCluster(t, b.Addr(), nil)
	w2 := joinCluster(t, b.Addr(), nil)
	w2.want(201, "POST", "/connectors", fmt.Sprintf(`{"name":"src","config":{"connector.class":"FileStreamSource","file":%q,"topic":"t"}}`, in))
	w1.want(201, "POST", "/connectors", fmt.Sprintf(`{"name":"snk","config":{"connector.class":"FileStreamSink","file":%q,"topics":"t","tasks.max":"2"}}`, out))
	w1.want(409, "POST", "/connectors", `{"name":"snk","config":{"connector.class":"FileStreamSink","topics":"t"}}`)
	w1.running("src", 1)
	w2.running("snk", 2)
	w1.until("100 lines arrive", func() bool { return lines(out) == 100 })
	for _, w := range []*member{w1, w2} {
		if got := w.want(200, "GET", "/connectors", ""); got != `["snk","src"]` {
			t.Errorf("connectors: %s", got)
		}
	}
	// Both have work: the group balances.
	w1.mu.RLock()
	one := w1.Distributed.running.Len()
	w1.mu.RUnlock()
	if one == 0 || one == 5 {
		t.Errorf("the first worker runs %d of 5", one)
	}
	// A worker that was away says late that it failed: who runs the work says that it runs.
	for _, w := range []*member{w1, w2} {
		w.statuses.PutTask("src", 0, store.Status{State: store.StateFailed, Trace: "fenced", WorkerID: "gone:8083", Generation: 1}, false)
	}
	w1.until("the late state is there", func() bool { return w1.statuses.Flush(t.Context()) == nil && w2.statuses.Flush(t.Context()) == nil })
	w1.running("src", 1)
	// An end of a worker moves its work.
	w1.Stop()
	appendLines(t, in, 100, 200)
	w2.running("src", 1)
	w2.running("snk", 2)
	w2.until("200 lines arrive", func() bool { return lines(out) == 200 })
	// Through a follower: pause, resume, restart, stop, offsets, delete.
	w3 := joinCluster(t, b.Addr(), nil)
	w3.want(202, "PUT", "/connectors/src/pause", "")
	w3.until("src is paused", func() bool {
		_, text := w3.ask("GET", "/connectors/src/status", "")
		return strings.Count(text, `"PAUSED"`) == 2
	})
	w3.want(202, "PUT", "/connectors/src/resume", "")
	w3.running("src", 1)
	w3.want(202, "POST", "/connectors/snk/restart?includeTasks=true", "")
	w3.running("snk", 2)
	w3.want(204, "POST", "/connectors/snk/tasks/1/restart", "")
	w3.want(204, "POST", "/connectors/snk/restart", "")
	w3.want(404, "POST", "/connectors/snk/tasks/7/restart", "")
	w3.want(404, "PUT", "/connectors/none/stop", "")
	w3.running("snk", 2)
	w3.want(400, "DELETE", "/connectors/src/offsets", "")
	w3.want(204, "PUT", "/connectors/src/stop", "")
	if got := w3.want(200, "GET", "/connectors/src/offsets", ""); !strings.Contains(got, `"position":`) {
		t.Errorf("offsets: %s", got)
	}
	w3.until("offsets can be reset", func() bool {
		code, _ := w3.ask("DELETE", "/connectors/src/offsets", "")
		return code == 200
	})
	if got := w3.want(200, "GET", "/connectors/src/offsets", ""); got != `{"offsets":[]}` {
		t.Errorf("offsets: %s", got)
	}
	w2.want(204, "DELETE", "/connectors/src", "")
	w2.want(204, "DELETE", "/connectors/snk", "")
	w3.until("nothing is left", func() bool {
		code, _ := w3.ask("GET", "/connectors/snk/status", "")
		w2.mu.RLock()
		defer w2.mu.RUnlock()
		w3.mu.RLock()
		defer w3.mu.RUnlock()
		return code == 404 && w2.Distributed.running.Empty() && w3.Distributed.running.Empty()
	})
	// What other workers ask for must be signed.
	w2.want(400, "POST", "/connectors/x/tasks", `[{"a":"b"}]`)
	w2.want(400, "PUT", "/connectors/x/fence", "")
}

// TestExactlyOnceCluster runs a source through transactions, with a restart in the middle, and reads what is committed.
func TestExactlyOnceCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a broker and workers")
	}
	b, err := embedded.Start(embedded.Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	appendLines(t, in, 0, 3000)
	props := map[string]string{"exactly.once.source.support": "enabled", "consumer.isolation.level": "read_committed"}
	w1 := joinCluster(t, b.Addr(), props)
	w1.want(201, "POST", "/connectors", fmt.Sprintf(`{"name":"src","config":{"connector.class":"FileStreamSource","file":%q,"topic":"t",
		"offsets.storage.topic":"own-offsets","exactly.once.support":"required"}}`, in))
	w1.want(201, "POST", "/connectors", fmt.Sprintf(`{"name":"snk","config":{"connector.class":"FileStreamSink","file":%q,"topics":"t"}}`, out))
	w1.running("src", 1)
	w1.until("3000 lines arrive", func() bool { return lines(out) == 3000 })
	// Two tasks, then one: the old ones are fenced through the config topic.
	w1.want(200, "PUT", "/connectors/src/config", fmt.Sprintf(`{"connector.class":"FileStreamSource","file":%q,"topic":"t","offsets.storage.topic":"own-offsets","x":"1"}`, in))
	appendLines(t, in, 3000, 4000)
	w1.until("4000 lines arrive", func() bool { return lines(out) == 4000 })
	if c := w1.configs.Snapshot().Connector("src"); c.FencedTasks != 1 || c.PendingFencing {
		t.Errorf("fenced tasks %d, pending %v", c.FencedTasks, c.PendingFencing)
	}
	w2 := joinCluster(t, b.Addr(), props)
	w1.Stop()
	appendLines(t, in, 4000, 5000)
	w2.running("src", 1)
	w2.until("5000 lines arrive", func() bool { return lines(out) >= 5000 })
	if n := lines(out); n != 5000 {
		t.Errorf("%d lines of 5000", n)
	}
	// The offsets are in the connector's own topic, and people can change them.
	w2.want(204, "PUT", "/connectors/src/stop", "")
	w2.until("offsets can be altered", func() bool {
		code, _ := w2.ask("PATCH", "/connectors/src/offsets", fmt.Sprintf(`{"offsets":[{"partition":{"filename":%q},"offset":{"position":0}}]}`, in))
		return code == 200
	})
	// Zombies were fenced before that, and what was written was committed.
	if c := w2.configs.Snapshot().Connector("src"); c.FencedTasks != 0 || c.PendingFencing {
		t.Errorf("fenced tasks %d, pending %v", c.FencedTasks, c.PendingFencing)
	}
	if got := w2.want(200, "GET", "/connectors/src/offsets", ""); !strings.Contains(got, `{"position":0}`) {
		t.Errorf("offsets: %s", got)
	}
	w2.want(404, "GET", "/penstock/connectors/none/profile", "")
	if got := w2.want(200, "GET", "/penstock/connectors/snk/profile", ""); !strings.Contains(got, `"worker_id": "`+w2.server.WorkerID()) {
		t.Errorf("profile: %s", got)
	}
	cfg, err := NewDistributedConfig(clusterProps(b.Addr(), nil))
	if err != nil {
		t.Fatal(err)
	}
	d, err := Diagnose(t.Context(), cfg, nil)
	if err != nil || !strings.Contains(findings(d, LevelProblem), "writes to the config topic in transactions") ||
		!strings.Contains(findings(d, LevelWarning), "src: its tasks have run with exactly-once support") {
		t.Errorf("%v %+v", err, d)
	}
	w2.want(202, "PUT", "/connectors/src/resume", "")
	w2.until("all lines arrive again", func() bool { return lines(out) == 10000 })
}

// TestClusterWatch: in a cluster, too, a task that failed is restarted as its connector's policy says.
func TestClusterWatch(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a broker and a worker")
	}
	b, err := embedded.Start(embedded.Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	wall := &wall{}
	wall.fail.Store(1)
	theWall.Store(wall)
	in := filepath.Join(t.TempDir(), "in")
	appendLines(t, in, 0, 3)
	w := joinCluster(t, b.Addr(), nil)
	w.want(201, "POST", "/connectors", fmt.Sprintf(`{"name":"src","config":{"connector.class":"FileStreamSource","file":%q,"topic":"numbers"}}`, in))
	w.want(201, "POST", "/connectors", `{"name":"c","config":{"connector.class":"test.Wall","topics":"numbers","penstock.restart.policy":"on-failure",
		"penstock.restart.backoff.ms":"1"}}`)
	w.until("the lines arrive after a restart", func() bool { return wall.count() >= 3 && wall.opened.Load() >= 2 })
	w.running("c", 1)
	if got := w.want(200, "GET", "/penstock/health", ""); !strings.Contains(got, `"tasks": 2`) {
		t.Errorf("health: %s", got)
	}
	w.want(404, "GET", "/penstock/connectors/none/dlq", "")
}
