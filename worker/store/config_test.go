// SPDX-License-Identifier: Apache-2.0

package store

import (
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/config"
)

func props(kv ...string) config.Props {
	m := map[string]string{}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return config.NewProps(m)
}

// history applies records given as key, value pairs; the value "-" is a tombstone.
func history(t *testing.T, events ConfigEvents, live bool, kv ...string) (*configLog, []string) {
	t.Helper()
	var warned []string
	l := newConfigLog(events, func(text, key string) { warned = append(warned, key+": "+text) })
	l.live = live
	for i := 0; i < len(kv); i += 2 {
		v := []byte(kv[i+1])
		if kv[i+1] == "-" {
			v = nil
		}
		l.apply(int64(i/2), kv[i], v)
	}
	return l, warned
}

const one = `{"properties":{"a":"1"}}`

func TestConfigLog(t *testing.T) {
	l, warned := history(t, ConfigEvents{}, true,
		"session-key", `{"key":"cX4TfATlODie1yzRaH8HoBs0ES4ay6KwRN2hcczjhPc=","algorithm":"HmacSHA256","creation-timestamp":1795341169659}`,
		"target-state-stp", `{"state":"PAUSED","state.v2":"STOPPED"}`,
		"connector-stp", one,
		"connector-src-1", one,
		"task-src-1-0", `{"properties":{"t":"0","n":null}}`,
		"task-src-1-1", `{"properties":{"t":"1"}}`,
		"commit-src-1", `{"tasks":2}`,
	)
	if len(warned) != 0 {
		t.Error(warned)
	}
	c := l.now
	if c.Offset != 7 || c.Session == nil || len(c.Session.Key) != 32 || c.Session.Created != 1795341169659 {
		t.Errorf("%+v", c)
	}
	if got := c.Names(); !reflect.DeepEqual(got, []string{"src-1", "stp"}) {
		t.Error(got)
	}
	if c.Target("stp") != Stopped || c.Target("src-1") != Started {
		t.Error(c.Target("stp"), c.Target("src-1"))
	}
	src := c.Connector("src-1")
	if len(src.Tasks) != 2 || src.TaskCount != 2 || src.Generation != 0 || !src.PendingFencing || src.Tasks[0]["n"] != nil || *src.Tasks[1]["t"] != "1" {
		t.Errorf("%+v", src)
	}
	before := l.now
	l.apply(7, "commit-src-1", []byte(`{"tasks":0}`))
	if n := l.now.Connector("src-1"); len(n.Tasks) != 0 || n.Generation != 0 || n.Inconsistent {
		t.Errorf("%+v", n)
	}
	if len(before.Connector("src-1").Tasks) != 2 {
		t.Error("a snapshot changed")
	}
	l.apply(8, "tasks-fencing-src-1", []byte(`{"task-count":2}`))
	if n := l.now.Connector("src-1"); n.PendingFencing || n.FencedTasks != 2 {
		t.Errorf("%+v", n)
	}
	l.apply(9, "connector-src-1", nil)
	l.apply(10, "target-state-src-1", nil)
	if l.now.Connector("src-1") != nil || l.now.Offset != 11 {
		t.Error(l.now)
	}
}

func TestConfigLogIncomplete(t *testing.T) {
	l, _ := history(t, ConfigEvents{}, false,
		"connector-a", one, "task-a-1", one, "commit-a", `{"tasks":2}`)
	if a := l.now.Connector("a"); !a.Inconsistent || len(a.Tasks) != 0 || a.TaskCount != 2 {
		t.Errorf("%+v", a)
	}
	l.apply(3, "task-a-0", []byte(one))
	l.apply(4, "commit-a", []byte(`{"tasks":1}`))
	if a := l.now.Connector("a"); a.Inconsistent || len(a.Tasks) != 1 {
		t.Errorf("%+v", a)
	}
	l.apply(5, "task-gone-0", []byte(one))
	l.apply(6, "commit-gone", []byte(`{"tasks":1}`))
	l.apply(7, "connector-gone", []byte(one))
	if g := l.now.Connector("gone"); g.TaskCount != -1 || len(g.Tasks) != 0 {
		t.Errorf("%+v", g)
	}
}

func TestConfigLogBad(t *testing.T) {
	f := func(key, value string, offset int64) {
		t.Helper()
		l, warned := history(t, ConfigEvents{}, true, key, value)
		if l.now.Offset != offset || len(warned) != 1 || !strings.HasPrefix(warned[0], key) {
			t.Errorf("%s %s: offset %d, %v", key, value, l.now.Offset, warned)
		}
	}
	f("connector-a", "{", -1)
	f("connector-a", `[]`, 1)
	f("connector-a", `{"properties":{"x":1}}`, 1)
	f("target-state-a", `{"state":"GONE"}`, 1)
	f("task-a", one, 1)
	f("commit-a-", `{"tasks":"1"}`, 1)
	f("other", `{}`, 1)
	f("session-key", `{"key":"!","algorithm":"x","creation-timestamp":1}`, 1)
	f("session-key", `{"key":"","algorithm":"x","creation-timestamp":1.5}`, 1)
	f("logger-cluster-x", `{}`, 1)
}

func TestConfigEvents(t *testing.T) {
	var got []string
	note := func(what string) func(string) { return func(n string) { got = append(got, what+" "+n) } }
	ev := ConfigEvents{
		Connector: note("connector"), Removed: note("removed"), Target: note("target"), Tasks: note("tasks"),
		Restart: func(r Restart) { got = append(got, "restart "+r.Connector) },
		Logger:  func(n, l string) { got = append(got, "logger "+n+" "+l) },
	}
	records := []string{
		"target-state-a", `{"state":"PAUSED"}`, // before the connector: no news
		"connector-a", one,
		"target-state-a", `{"state":"PAUSED"}`, // no change
		"target-state-a", `{"state":"STARTED","state.v2":"STARTED"}`,
		"task-a-0", one, "commit-a", `{"tasks":1}`,
		"restart-connector-a", `{"include-tasks":true,"only-failed":false}`,
		"logger-cluster-x", `{"level":"DEBUG"}`,
		"connector-a", "-", "target-state-a", "-",
	}
	history(t, ev, false, records...)
	if len(got) != 0 {
		t.Errorf("history is no news: %v", got)
	}
	history(t, ev, true, records...)
	want := []string{"connector a", "target a", "tasks a", "restart a", "logger x DEBUG", "removed a"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestConfigBytes(t *testing.T) {
	f := func(got []byte, want string) {
		t.Helper()
		if string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	p := props("name", "c<>&/\u2028é\x01\"\\\t")
	p["n"] = nil
	f(appendProperties(nil, p), "{\"properties\":{\"name\":\"c<>&/\u2028é\\u0001\\\"\\\\\\t\",\"n\":null}}")
	f(targetValue(Stopped), `{"state":"PAUSED","state.v2":"STOPPED"}`)
	f(targetValue(Started), `{"state":"STARTED","state.v2":"STARTED"}`)
	f(commitValue(3), `{"tasks":3}`)
	f(fencingValue(3), `{"task-count":3}`)
	f(restartValue(Restart{"x", true, false}), `{"include-tasks":true,"only-failed":false}`)
	f(loggerValue("DEBUG"), `{"level":"DEBUG"}`)
	f(sessionValue(SessionKey{[]byte{1}, "HmacSHA256", 5}), `{"key":"AQ==","algorithm":"HmacSHA256","creation-timestamp":5}`)
	f(appendStatus(nil, Status{State: StateRunning, WorkerID: "w1:8083", Generation: 3}),
		`{"state":"RUNNING","trace":null,"worker_id":"w1:8083","generation":3,"version":null}`)
	f(appendTopicStatus(nil, TopicStatus{"t1", "src", 0, 7}), `{"topic":{"name":"t1","connector":"src","task":0,"discoverTimestamp":7}}`)
}

func FuzzConfigLog(f *testing.F) {
	f.Add("connector-a", []byte(one))
	f.Add("commit-a", []byte(`{"tasks":2}`))
	f.Add("target-state-a", []byte(`{"state":"PAUSED","state.v2":3}`))
	f.Fuzz(func(_ *testing.T, key string, value []byte) {
		l := newConfigLog(ConfigEvents{}, func(string, string) {})
		l.live = true
		l.apply(0, "connector-a", []byte(one))
		l.apply(1, key, value)
		s := newStatusStore(discard)
		s.apply(key, value)
		o := newOffsetStore(discard)
		o.apply([]byte(key), value)
	})
}
