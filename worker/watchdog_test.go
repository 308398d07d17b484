// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/embedded"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/rest"
)

// wall is a sink that can be told to hang, to fail, or to keep what it gets.
type wall struct {
	mu      sync.Mutex
	got     []string
	hang    chan struct{} // closed: not
	fail    atomic.Int32  // so many puts fail
	opened  atomic.Int32
	hanging atomic.Bool
}

var theWall atomic.Pointer[wall]

func init() {
	connectors.Register("test.Wall", connectors.Plugin{Kind: connectors.SinkKind, Hidden: true, TaskClass: "test.WallTask", Def: config.Def{},
		NewConnector: func(cfg map[string]string) (connectors.Connector, error) { return connectors.PerTask(cfg), nil },
		NewSink:      func() connectors.Sink { return theWall.Load() }})
}

func (w *wall) Open(context.Context, connectors.TaskContext) error { w.opened.Add(1); return nil }
func (w *wall) Put(_ context.Context, bs []*batch.Batch) error {
	if w.hanging.Load() {
		<-w.hang
	}
	if w.fail.Add(-1) >= 0 {
		return errors.New("the wall is down")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range bs {
		for row := range b.N {
			if !b.IsDead(row) {
				_, v := b.ValueAt(batch.Value, row)
				w.got = append(w.got, fmt.Sprint(v))
			}
		}
	}
	return nil
}
func (w *wall) Flush(context.Context) error { return nil }
func (w *wall) Close() error                { return nil }
func (w *wall) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.got)
}

// liveWorker is a standalone worker on an embedded broker, with the topic numbers of the given values.
func liveWorker(t *testing.T, values ...string) (s *Standalone, call func(method, path, body string) (int, string)) {
	t.Helper()
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	cfg, err := NewConfig(config.NewProps(map[string]string{
		"bootstrap.servers": b.Addr(), "offset.storage.file.filename": t.TempDir() + "/offsets", "listeners": "http://127.0.0.1:0",
		"key.converter": "org.apache.kafka.connect.storage.StringConverter", "value.converter": "org.apache.kafka.connect.storage.StringConverter",
		"penstock.admin.listeners": "", "offset.flush.interval.ms": "200", "consumer.heartbeat.interval.ms": "200",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if s, err = NewStandalone(cfg, Deps{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	pc, err := kafka.Parse(kafka.RoleProducer, map[string]string{"bootstrap.servers": b.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := kafka.NewProducer(pc, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, v := range values {
		if err := p.ProduceSync(t.Context(), &kafka.Record{Topic: "numbers", Partition: 0, Value: []byte(v)}); err != nil {
			t.Fatal(err)
		}
	}
	return s, func(method, path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.RESTAddr()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		raw, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(raw)
	}
}

func TestAHungTaskIsNamedAndRestarted(t *testing.T) {
	w := &wall{hang: make(chan struct{})}
	theWall.Store(w)
	defer close(w.hang)
	w.hanging.Store(true)
	s, call := liveWorker(t, "1", "2", "3")
	if err := put(t, s, "c", "connector.class", "test.Wall", "topics", "numbers", "penstock.watchdog.call.ms", "100",
		"penstock.restart.policy", "on-failure", "penstock.restart.backoff.ms", "500"); err != nil {
		t.Fatal(err)
	}
	var h rest.TaskHealth
	eventually(t, func() bool {
		_, body := call("GET", "/penstock/health", "")
		return json.Unmarshal([]byte(body), &h) == nil && !h.Healthy
	})
	tr := h.Troubles[0]
	if tr.Connector != "c" || tr.Call != "put" || !strings.Contains(tr.Stack, "(*wall).Put") || tr.Since.IsZero() {
		t.Errorf("%+v", tr)
	}
	if _, body := call("GET", "/connectors/c/status", ""); !strings.Contains(body, `"state":"RUNNING"`) || strings.Contains(body, "hang") {
		t.Errorf("the status is %s", body)
	}
	w.hanging.Store(false)
	for end := time.Now().Add(25 * time.Second); w.count() < 3 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	eventually(t, func() bool {
		_, body := call("GET", "/penstock/health", "")
		return json.Unmarshal([]byte(body), &h) == nil && h.Healthy
	})
	if w.opened.Load() < 2 || w.count() < 3 {
		t.Errorf("opened %d times, %d records", w.opened.Load(), w.count())
	}
}

func TestDeadLettersOverREST(t *testing.T) {
	w := &wall{}
	theWall.Store(w)
	s, call := liveWorker(t, "x1", "2", "x3", "4")
	dead := []string{"connector.class", "test.Wall", "topics", "numbers", "errors.tolerance", "all", "errors.deadletterqueue.topic.name", "dead",
		"errors.deadletterqueue.topic.replication.factor", "1", "errors.deadletterqueue.context.headers.enable", "true"}
	if err := put(t, s, "c", append(dead, "value.converter", "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable", "false")...); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return w.count() == 2 })
	var l rest.LetterList
	eventually(t, func() bool {
		_, body := call("GET", "/penstock/connectors/c/dlq?values=true", "")
		return json.Unmarshal([]byte(body), &l) == nil && l.Summary.Unreplayed == 2
	})
	if x := l.Letters[1]; *x.Value != "x3" || *x.At != 2 || x.Cause.Code != "value-converter.malformed" || x.Topic != "numbers" {
		t.Errorf("%+v", x)
	}
	f := func(body string, status, replayed, already int) {
		t.Helper()
		code, answer := call("POST", "/penstock/connectors/c/dlq/replay", body)
		var st rest.ReplayStatus
		if err := json.Unmarshal([]byte(answer), &st); err != nil || code != status || st.Replayed != replayed || st.Already != already || st.Error != "" {
			t.Errorf("replay %s: %d %s", body, code, answer)
		}
	}
	f(`{"dry_run":true}`, 200, 2, 0)
	f(`{"code":"put"}`, 200, 0, 0)
	f(`{"limit":1,"config":{"value.converter":"org.apache.kafka.connect.storage.StringConverter","value.converter.schemas.enable":null}}`, 200, 1, 0)
	if _, err := s.PatchConnector(t.Context(), "c", conf("value.converter", "org.apache.kafka.connect.storage.StringConverter")); err != nil {
		t.Fatal(err)
	}
	f(``, 200, 1, 1)
	f(``, 200, 0, 2)
	if w.count() != 4 || w.got[2] != "x1" || w.got[3] != "x3" {
		t.Errorf("got %v", w.got)
	}
	if code, body := call("POST", "/penstock/connectors/c/dlq/replay", `{"rat":1}`); code != 400 || !strings.Contains(body, "rat") {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := call("GET", "/penstock/connectors/nobody/dlq", ""); code != 404 {
		t.Errorf("an unknown connector is %d", code)
	}
	if code, body := call("PUT", "/connector-plugins/test.Wall/config/validate",
		`{"connector.class":"test.Wall","name":"c","topics":"a","penstock.errors.retry.max":"-7"}`); code != 200 || !strings.Contains(body, "penstock.errors.retry.max: Value must be at least -1") {
		t.Errorf("%d %s", code, body)
	}
}

func TestRestartBudget(t *testing.T) {
	w := &wall{}
	theWall.Store(w)
	w.fail.Store(1000)
	s, _ := liveWorker(t, "1")
	if err := put(t, s, "c", "connector.class", "test.Wall", "topics", "numbers", "penstock.restart.policy", "on-failure", "penstock.restart.max", "1",
		"penstock.restart.backoff.ms", "1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { h := s.TaskHealth(); return len(h.Restarts) == 1 && h.Restarts[0].Count == 1 })
	time.Sleep(50 * time.Millisecond)
	if !strings.Contains(states(s, "c"), "FAILED") && w.opened.Load() > 2 {
		t.Errorf("%s, opened %d times", states(s, "c"), w.opened.Load())
	}
}
