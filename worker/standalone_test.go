// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/rest"
)

// testConnector does what its configuration says: mode panics, hangs or fails in a call; n is the number of tasks.
type testConnector struct {
	cfg map[string]string
	ctx connectors.ConnectorContext
}

// instances are the test connectors that were started, by name.
var instances sync.Map

func init() {
	for class, kind := range map[string]connectors.Kind{"test.Source": connectors.SourceKind, "test.Sink": connectors.SinkKind} {
		connectors.Register(class, connectors.Plugin{
			Kind: kind, Hidden: true, TaskClass: "test.Task",
			Def: config.Def{config.String("mode").Default(""), config.Secret("secret").Default("")},
			NewConnector: func(cfg map[string]string) (connectors.Connector, error) {
				if cfg["mode"] == "new" {
					panic("cannot be made")
				}
				return &testConnector{cfg: cfg}, nil
			},
			Validate: func(cfg map[string]string) []config.Error {
				if cfg["mode"] == "invalid" {
					return []config.Error{*config.Invalid("mode", "invalid", "not that")}
				}
				return nil
			},
		})
	}
}

func (c *testConnector) Start(_ context.Context, ctx connectors.ConnectorContext) error {
	c.ctx = ctx
	instances.Store(ctx.Name, c)
	switch c.cfg["mode"] {
	case "start":
		return batch.NewFault(batch.DataException, "cannot start")
	case "panic":
		panic("cannot start")
	}
	return nil
}

func (c *testConnector) TaskConfigs(int) ([]map[string]string, error) {
	if c.cfg["mode"] == "tasks" {
		return nil, errors.New("cannot split")
	}
	n, _ := strconv.Atoi(c.cfg["n"])
	out := make([]map[string]string, n)
	for i := range out {
		out[i] = map[string]string{"part": strconv.Itoa(i), "secret": c.cfg["secret"]}
	}
	return out, nil
}

func (c *testConnector) Stop() error { return nil }

func (c *testConnector) AlterOffsets(_ map[string]string, offsets []connectors.PartitionOffset) (bool, error) {
	if c.cfg["mode"] == "alter" {
		return false, batch.NewFault(batch.UnsupportedOperation, "no")
	}
	return len(offsets) > 1, nil
}

// fakeTask is a task that only keeps states.
type fakeTask struct {
	o    engine.Options
	done chan struct{}
	hang bool
}

func (t *fakeTask) Pause()                   { t.o.OnState(engine.Paused, nil) }
func (t *fakeTask) Resume()                  { t.o.OnState(engine.Running, nil) }
func (t *fakeTask) Done() <-chan struct{}    { return t.done }
func (t *fakeTask) WriteMetrics(w io.Writer) { _, _ = fmt.Fprintf(w, "task %d\n", t.o.Task) }
func (t *fakeTask) Stop(ctx context.Context) error {
	if t.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	close(t.done)
	t.o.OnState(engine.Unassigned, nil)
	return nil
}

// fakes are the dependencies of a worker under test.
type fakes struct {
	mu      sync.Mutex
	started []string // connector-task part secret
	tasks   map[string]*fakeTask
	groups  map[string]map[kafka.TopicPartition]kafka.Offset
	busy    bool
	hang    bool
}

func (f *fakes) start(o engine.Options) Task {
	f.mu.Lock()
	t := &fakeTask{o: o, done: make(chan struct{}), hang: f.hang}
	id := taskName(o.Connector, o.Task)
	f.tasks[id] = t
	f.started = append(f.started, id+" "+o.TaskConfig["part"]+" "+o.TaskConfig["secret"])
	f.mu.Unlock()
	if o.Config["mode"] == "task" {
		panic("no task")
	}
	if o.Paused {
		o.OnState(engine.Paused, nil)
	} else {
		o.OnState(engine.Running, nil)
	}
	o.OnTopic("t-" + o.Connector)
	return t
}

// take returns what was started since the last call.
func (f *fakes) take() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := strings.Join(f.started, "; ")
	f.started = nil
	return s
}

func (f *fakes) Close()                                    {}
func (f *fakes) ClusterID(context.Context) (string, error) { return "id", nil }
func (f *fakes) GroupOffsets(_ context.Context, g string) (map[kafka.TopicPartition]kafka.Offset, error) {
	return maps.Clone(f.groups[g]), nil
}

func (f *fakes) AlterGroupOffsets(_ context.Context, g string, o map[kafka.TopicPartition]kafka.Offset) error {
	if f.groups[g] == nil {
		f.groups[g] = map[kafka.TopicPartition]kafka.Offset{}
	}
	maps.Copy(f.groups[g], o)
	return nil
}

func (f *fakes) DeleteGroupOffsets(_ context.Context, g string, tps ...kafka.TopicPartition) error {
	for _, tp := range tps {
		delete(f.groups[g], tp)
	}
	return nil
}

func (f *fakes) DeleteGroup(_ context.Context, g string) error {
	if f.busy {
		return errors.New("busy")
	}
	delete(f.groups, g)
	return nil
}

func newTestWorker(t *testing.T, props map[string]string) (*Standalone, *fakes) {
	t.Helper()
	f := &fakes{tasks: map[string]*fakeTask{}, groups: map[string]map[kafka.TopicPartition]kafka.Offset{}}
	all := map[string]string{
		"bootstrap.servers": "127.0.0.1:1", "listeners": "http://127.0.0.1:0",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
		"offset.storage.file.filename": filepath.Join(t.TempDir(), "offsets"), "penstock.admin.listeners": "",
		"task.shutdown.graceful.timeout.ms": "200",
	}
	maps.Copy(all, props)
	cfg, err := NewConfig(config.NewProps(all))
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewStandalone(cfg, Deps{
		StartTask: f.start, NewAdmin: func(map[string]string, *slog.Logger) (Admin, error) { return f, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w, f
}

func conf(kv ...string) rest.Config {
	var c rest.Config
	for i := 0; i < len(kv); i += 2 {
		c.Set(kv[i], kv[i+1])
	}
	return c
}

func put(t *testing.T, w *Standalone, name string, kv ...string) error {
	t.Helper()
	c := conf("name", name, "connector.class", "test.Source")
	for i := 0; i < len(kv); i += 2 {
		c.Set(kv[i], kv[i+1])
	}
	_, _, err := w.PutConnector(t.Context(), name, c, "", true)
	return err
}

// states is "CONNECTOR TASK TASK ...".
func states(w *Standalone, name string) string {
	s, err := w.ConnectorStatus(name)
	if err != nil {
		return err.Error()
	}
	out := s.Connector.State
	for _, x := range s.Tasks {
		out += " " + x.State
	}
	return out
}

func TestLifeCycle(t *testing.T) {
	w, f := newTestWorker(t, nil)
	ctx := t.Context()
	check := func(what string, err error, state, started string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := states(w, "c"); got != state {
			t.Errorf("%s: %s, want %s", what, got, state)
		}
		if got := f.take(); got != started {
			t.Errorf("%s: started %q, want %q", what, got, started)
		}
	}
	check("create", put(t, w, "c", "n", "2", "tasks.max", "2"), "RUNNING RUNNING RUNNING", "c-0 0 ; c-1 1 ")
	check("the same again", put(t, w, "c", "n", "2", "tasks.max", "2"), "RUNNING RUNNING RUNNING", "")
	check("another setting", put(t, w, "c", "n", "2", "tasks.max", "2", "x", "y"), "RUNNING RUNNING RUNNING", "c-0 0 ; c-1 1 ")
	check("pause", w.PauseConnector(ctx, "c"), "PAUSED PAUSED PAUSED", "")
	check("pause again", w.PauseConnector(ctx, "c"), "PAUSED PAUSED PAUSED", "")
	check("change while paused", put(t, w, "c", "n", "3", "tasks.max", "3"), "PAUSED PAUSED PAUSED", "")
	check("resume", w.ResumeConnector(ctx, "c"), "RUNNING RUNNING RUNNING RUNNING", "c-0 0 ; c-1 1 ; c-2 2 ")
	check("stop", w.StopConnector(ctx, "c"), "STOPPED", "")
	check("change while stopped", put(t, w, "c", "n", "1"), "STOPPED", "")
	check("resume after stop", w.ResumeConnector(ctx, "c"), "RUNNING RUNNING", "c-0 0 ")
	check("restart the connector", w.RestartConnector(ctx, "c"), "RUNNING RUNNING", "")
	check("restart a task", w.RestartTask(ctx, "c", 0), "RUNNING RUNNING", "c-0 0 ")
	f.tasks["c-0"].o.OnState(engine.Failed, batch.DataFault("bad row"))
	check("a task fails", nil, "RUNNING FAILED", "")
	if s, _ := w.TaskStatus("c", 0); s.Trace != "org.apache.kafka.connect.errors.DataException: bad row\n" || s.Version != Version {
		t.Errorf("status of the failed task: %+v", s)
	}
	plan, err := w.RestartConnectorAndTasks(ctx, rest.RestartRequest{Connector: "c", IncludeTasks: true, OnlyFailed: true})
	if plan.Connector.State != "RUNNING" || plan.Tasks[0].State != "RESTARTING" {
		t.Errorf("plan: %+v", plan)
	}
	check("restart what failed", err, "RUNNING RUNNING", "c-0 0 ")
	if got := w.ActiveTopics("c"); !slices.Equal(got, []string{"t-c"}) {
		t.Error(got)
	}
	if err := w.DeleteConnector(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	if got := states(w, "c"); got != "No status found for connector c" || len(w.Connectors()) != 0 || len(w.ActiveTopics("c")) != 0 {
		t.Error(got, w.Connectors())
	}
}

// A connector asks for reconfiguration: only what changed is restarted.
func TestReconfiguration(t *testing.T) {
	w, f := newTestWorker(t, nil)
	if err := put(t, w, "c", "n", "2", "tasks.max", "9"); err != nil {
		t.Fatal(err)
	}
	f.take()
	x, _ := instances.Load("c")
	conn := x.(*testConnector)
	conn.cfg["n"] = "3"
	conn.ctx.RequestTaskReconfiguration()
	eventually(t, func() bool { return states(w, "c") == "RUNNING RUNNING RUNNING RUNNING" })
	if got := f.take(); got != "c-2 2 " {
		t.Errorf("started %q", got)
	}
	conn.ctx.RaiseError(errors.New("lost my database"))
	eventually(t, func() bool { return states(w, "c") == "FAILED RUNNING RUNNING RUNNING" })
	if s, _ := w.ConnectorStatus("c"); s.Connector.Trace != "org.apache.kafka.connect.errors.ConnectException: lost my database\n" {
		t.Errorf("%q", s.Connector.Trace)
	}
	// What a connector says after its end does not count.
	if err := w.RestartConnector(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	conn.ctx.RaiseError(errors.New("late"))
	time.Sleep(20 * time.Millisecond)
	if got := states(w, "c"); !strings.HasPrefix(got, "RUNNING") {
		t.Error(got)
	}
}

func eventually(t *testing.T, f func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time")
		}
	}
}

// Whatever a connector does wrong stays its own.
func TestIsolation(t *testing.T) {
	w, f := newTestWorker(t, nil)
	g := func(mode, wantErr, wantState string) {
		t.Helper()
		err := put(t, w, mode, "mode", mode, "n", "1")
		if text := fmt.Sprint(err); !strings.Contains(text, wantErr) {
			t.Errorf("%s: error %q, want %q", mode, text, wantErr)
		}
		if got := states(w, mode); got != wantState {
			t.Errorf("%s: %s, want %s", mode, got, wantState)
		}
	}
	g("new", "Failed to transition connector new to state STARTED", "FAILED")
	g("start", "Failed to transition connector start to state STARTED", "FAILED")
	g("panic", "Failed to transition connector panic to state STARTED", "FAILED")
	g("tasks", "cannot split", "FAILED")
	g("task", "<nil>", "RUNNING FAILED")
	g("fine", "<nil>", "RUNNING RUNNING")
	if s, _ := w.ConnectorStatus("start"); s.Connector.Trace != "org.apache.kafka.connect.errors.DataException: cannot start\n" {
		t.Errorf("%q", s.Connector.Trace)
	}
	if err := put(t, w, "many", "n", "3", "tasks.max", "2"); err == nil || !strings.Contains(err.Error(), "has generated 3 tasks, which is greater than 2") {
		t.Error(err)
	}
	if err := put(t, w, "more", "n", "3", "tasks.max", "2", "tasks.max.enforce", "false"); err != nil || states(w, "more") != "RUNNING RUNNING RUNNING RUNNING" {
		t.Error(err, states(w, "more"))
	}
	// A failed connector does not resume; a restart with a better configuration helps.
	_ = w.ResumeConnector(t.Context(), "start")
	if got := states(w, "start"); got != "FAILED" {
		t.Error(got)
	}
	if err := put(t, w, "start", "n", "1"); err != nil || states(w, "start") != "RUNNING RUNNING" {
		t.Error(err, states(w, "start"))
	}
	// A task that does not stop is left behind, and what it says later does not count.
	f.hang = true
	if err := put(t, w, "stuck", "n", "1"); err != nil {
		t.Fatal(err)
	}
	stuck := f.tasks["stuck-0"]
	f.hang = false
	if err := w.RestartTask(t.Context(), "stuck", 0); err != nil {
		t.Fatal(err)
	}
	stuck.o.OnState(engine.Failed, errors.New("late"))
	if got := states(w, "stuck"); got != "RUNNING RUNNING" {
		t.Error(got)
	}
}

// Variables are resolved for connectors and tasks, and stay as they were written in what REST shows.
func TestVariables(t *testing.T) {
	t.Setenv("PENSTOCK_TEST_SECRET", "hush")
	w, f := newTestWorker(t, map[string]string{
		"config.providers": "env", "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
	})
	if err := put(t, w, "c", "n", "1", "secret", "${env:PENSTOCK_TEST_SECRET}"); err != nil {
		t.Fatal(err)
	}
	if got := f.take(); got != "c-0 0 hush" {
		t.Errorf("started %q", got)
	}
	tasks, _ := w.TaskConfigs("c")
	info, _ := w.ConnectorInfo("c")
	for _, c := range []rest.Config{tasks[0].Config, info.Config} {
		if v, _ := c.Get("secret"); v != "${env:PENSTOCK_TEST_SECRET}" {
			t.Errorf("shown: %q", v)
		}
	}
	_, err := w.Validate(t.Context(), conf("name", "x", "mode", "${env:PENSTOCK_TEST_SECRET}"))
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Error(err)
	}
	infos, err := w.Validate(t.Context(), conf("name", "x", "connector.class", "test.Source", "mode", "${env:PENSTOCK_TEST_SECRET}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range infos.Configs {
		if c.Value.Value != nil && *c.Value.Value == "hush" {
			t.Errorf("%s shows the secret", c.Value.Name)
		}
	}
}

func TestOffsets(t *testing.T) {
	w, f := newTestWorker(t, nil)
	ctx := t.Context()
	if err := put(t, w, "s", "n", "1"); err != nil {
		t.Fatal(err)
	}
	o := func(partition, offset string) rest.Offset {
		r := rest.Offset{Partition: json.RawMessage(partition)}
		if offset != "" {
			r.Offset = json.RawMessage(offset)
		}
		return r
	}
	g := func(name, want string, offsets ...rest.Offset) {
		t.Helper()
		m, err := w.AlterOffsets(ctx, name, offsets)
		if err != nil {
			m = err.Error()
		}
		if !strings.Contains(m, want) {
			t.Errorf("%q, want %q", m, want)
		}
	}
	g("s", "must be in the STOPPED state", o(`{"a":1}`, `{"b":1}`))
	g("none", "Connector none not found", o(`{"a":1}`, `{"b":1}`))
	_ = w.StopConnector(ctx, "s")
	g("s", "The Connect framework-managed offsets for this connector have been altered successfully. However", o(`{"a":1}`, `{"b":1}`))
	g("s", "The offsets for this connector have been altered successfully", o(`{"a":2}`, `{"b":2}`), o(`{"a":1}`, ""))
	g("s", "Offsets may only contain primitive types as values, but field a contains MAP", o(`{"a":{}}`, ""))
	if got, _ := w.Offsets(ctx, "s"); len(got) != 1 || string(got[0].Partition) != `{"a":2}` {
		t.Errorf("%s", got)
	}
	if m, err := w.ResetOffsets(ctx, "s"); err != nil || !strings.Contains(m, "reset") {
		t.Error(m, err)
	}
	if got, _ := w.Offsets(ctx, "s"); len(got) != 0 {
		t.Errorf("%s", got)
	}
	if err := put(t, w, "s", "mode", "alter"); err != nil {
		t.Fatal(err)
	}
	g("s", "doesn't support external modification of offsets", o(`{"a":1}`, `{"b":1}`))

	if err := put(t, w, "k", "connector.class", "test.Sink", "topics", "t", "n", "1", "consumer.override.group.id", "g"); err != nil {
		t.Fatal(err)
	}
	_ = w.StopConnector(ctx, "k")
	g("k", "altered", o(`{"kafka_topic":"t","kafka_partition":"1"}`, `{"kafka_offset":"7"}`), o(`{"kafka_topic":"t","kafka_partition":0}`, `{"kafka_offset":5}`))
	if got, _ := w.Offsets(ctx, "k"); len(got) != 2 || string(got[0].Partition) != `{"kafka_partition":0,"kafka_topic":"t"}` || string(got[1].Offset) != `{"kafka_offset":7}` {
		t.Errorf("%s", got)
	}
	g("k", "may not be null", o(`{"kafka_topic":null,"kafka_partition":0}`, ""))
	g("k", "cannot be null or missing", rest.Offset{})
	g("k", "Partition values for sink connectors need to be integers", o(`{"kafka_topic":"t","kafka_partition":1.5}`, ""))
	g("k", "Offset values for sink connectors need to be integers", o(`{"kafka_topic":"t","kafka_partition":1}`, `{"kafka_offset":null}`))
	g("k", "Failed to modify offsets for sink connector k", o(`{"kafka_topic":"t","kafka_partition":1}`, `{"kafka_offset":-1}`))
	g("k", "altered", o(`{"kafka_topic":"t","kafka_partition":1}`, ""))
	if len(f.groups["g"]) != 1 {
		t.Error(f.groups)
	}
	f.busy = true
	if _, err := w.ResetOffsets(ctx, "k"); err == nil || err.Error() != "Failed to reset consumer group offsets for sink connector k" {
		t.Error(err)
	}
}

// Many clients at once: no deadlock, and what is left is consistent.
func TestConcurrentChanges(t *testing.T) {
	w, _ := newTestWorker(t, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := "c" + strconv.Itoa(i%3)
			for range 20 {
				_ = put(t, w, name, "n", "2", "tasks.max", "2", "x", strconv.Itoa(i))
				_ = w.PauseConnector(t.Context(), name)
				_, _ = w.RestartConnectorAndTasks(t.Context(), rest.RestartRequest{Connector: name, IncludeTasks: true})
				_ = w.ResumeConnector(t.Context(), name)
				_, _ = w.ConnectorStatus(name)
				w.WriteMetrics(io.Discard)
				_ = w.DeleteConnector(t.Context(), name)
			}
		})
	}
	wg.Wait()
	for _, name := range w.Connectors() {
		if err := w.DeleteConnector(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if len(w.connectors) != 0 || len(w.statuses.connectors) != 0 {
		t.Errorf("left: %d connectors, %d statuses", len(w.connectors), len(w.statuses.connectors))
	}
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const good = "bootstrap.servers=127.0.0.1:1\nkey.converter=Json\nvalue.converter=Json\nlisteners=http://127.0.0.1:0\n" +
		"offset.storage.file.filename=/nowhere\npenstock.admin.listeners=\ndefault.api.timeout.ms=1200\n"
	f := func(file string, code int, says string) {
		t.Helper()
		err := RunStandalone(t.Context(), file, nil, slog.New(slog.DiscardHandler))
		var e *ExitError
		if !errors.As(err, &e) || e.Code != code || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
	f("", exitUsage, "usage")
	f(filepath.Join(dir, "none"), exitStart, "none")
	f(write("a", "x=\\u12g4\n"), exitStart, "alformed")
	f(write("b", "bootstrap.servers=x:1\n"), exitStart, "key.converter")
	f(write("c", good+"rest.extension.classes=x.Y\n"), exitStart, "this REST extension is not supported")
	f(write("d", good+"listeners=ftp://x\n"), exitStart, "Listener")
	f(write("e", good+"listeners=https://127.0.0.1:0\n"), exitStart, "PEM")
	f(write("f", good), exitStart, "bootstrap.servers=[127.0.0.1:1]")
}

func TestPrivateListener(t *testing.T) {
	w, _ := newTestWorker(t, map[string]string{"penstock.admin.listeners": "http://127.0.0.1:0"})
	if err := put(t, w, "c", "n", "1"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/metrics":      "kafka_connect_worker_connector_running_task_count{connector=\"c\"} 1\n",
		"/metrics?":     "kafka_connect_worker_task_startup_success_total 1\n",
		"/debug/pprof/": "goroutine",
	} {
		resp, err := http.Get("http://" + w.PrivateAddr() + path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if !strings.Contains(string(b), want) {
			t.Errorf("%s: %.300s", path, b)
		}
	}
	if resp, err := http.Get("http://" + w.RESTAddr() + "/metrics"); err != nil || resp.StatusCode != 404 {
		t.Error("metrics on the public listener", err)
	}
}
