// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/penstock-io/penstock/connectors"
)

var discard = slog.New(slog.DiscardHandler)

func TestStatusRules(t *testing.T) {
	s := newStatusStore(discard)
	put := func(key string, st State, worker string, generation int32) {
		s.apply(key, appendStatus(nil, Status{State: st, WorkerID: worker, Generation: generation}))
	}
	put("status-task-a-b-0", StateRunning, "w2", 5)
	put("status-task-a-b-0", StateUnassigned, "w1", 5) // late: ignored
	if got := s.Tasks("a-b")[0]; got.State != StateRunning {
		t.Error(got)
	}
	put("status-task-a-b-0", StateUnassigned, "w1", 6)
	if got := s.Tasks("a-b")[0]; got.State != StateUnassigned {
		t.Error(got)
	}
	s.apply("status-task-a-b-0", []byte(`{"state":"NEW","worker_id":"w","generation":1}`))
	s.apply("status-task-a-b-0", []byte(`{"state":"RUNNING","worker_id":"w","generation":1.5}`))
	if got := s.Tasks("a-b")[0]; got.State != StateUnassigned {
		t.Error(got)
	}
	put("status-connector-a-b", StateRunning, "w2", 7)
	if s.maySafely("a-b", -1, Status{WorkerID: "w1", Generation: 6}) || !s.maySafely("a-b", -1, Status{WorkerID: "w2", Generation: 6}) {
		t.Error("safe writes")
	}
	s.apply("status-topic-t:connector-a-b", []byte(`{"topic":{"name":"t","connector":"a-b","task":0,"discoverTimestamp":9}}`))
	if got := s.Topics("a-b"); len(got) != 1 || got[0] != "t" {
		t.Error(got)
	}
	s.apply("status-topic-t:connector-a-b", nil)
	s.apply("status-connector-a-b", nil)
	if _, ok := s.Connector("a-b"); ok || len(s.Topics("a-b")) != 0 || len(s.Tasks("a-b")) != 0 {
		t.Error("tombstones")
	}
	for _, key := range []string{"", "status-task-", "status-task-x", "status-topic-:", "status-topic-x", "status-topic-:connector-", "other"} {
		s.apply(key, []byte(`{}`))
	}
}

func TestStatusWrites(t *testing.T) {
	s := newStatusStore(discard)
	var mu sync.Mutex
	var sent []string
	hold := make(chan struct{})
	s.send = func(key, value []byte, done func(error)) {
		mu.Lock()
		sent = append(sent, string(key)+string(value[:20]))
		n := len(sent)
		mu.Unlock()
		go func() {
			<-hold
			if n == 1 {
				done(errors.New("refused"))
				return
			}
			done(nil)
		}()
	}
	for _, st := range []State{StateRunning, StatePaused, StateFailed} {
		s.PutTask("a", 0, Status{State: st, WorkerID: "w"}, false)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if s.Flush(ctx) == nil {
		t.Error("flushed too early")
	}
	close(hold)
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if len(sent) != 2 || sent[1] != `status-task-a-0{"state":"FAILED","t` {
		t.Error(sent) // what was over before it could be sent is not sent
	}
}

func TestOffsetKeys(t *testing.T) {
	s := newOffsetStore(discard)
	s.apply([]byte(`["c",{"topic":"t","partition":0}]`), []byte(`{"offset":1}`))
	s.apply([]byte(`["c",{"partition":0,"topic":"t"}]`), []byte(`{"offset":2}`))
	got, err := s.get(offsetID{"c", `{"partition":0,"topic":"t"}`})
	if err != nil || string(got) != `{"offset":2}` {
		t.Error(string(got), err)
	}
	w, err := s.Encode("c", []connectors.PartitionOffset{
		{Partition: []byte(`{"topic":"t", "partition":0}`), Offset: []byte(`{"offset":3}`)},
		{Partition: []byte(`{"new":1}`), Offset: []byte(`{}`)},
	})
	want := []Write{
		{[]byte(`["c",{"topic":"t","partition":0}]`), nil},
		{[]byte(`["c",{"partition":0,"topic":"t"}]`), []byte(`{"offset":3}`)},
		{[]byte(`["c",{"new":1}]`), []byte(`{}`)},
	}
	if err != nil || len(w) != 3 {
		t.Fatal(w, err)
	}
	for i := range w {
		if string(w[i].Key) != string(want[i].Key) || string(w[i].Value) != string(want[i].Value) {
			t.Errorf("%s %s", w[i].Key, w[i].Value)
		}
		s.apply(w[i].Key, w[i].Value)
	}
	if l := s.list("c"); len(l) != 2 || string(l[1].Offset) != `{"offset":3}` {
		t.Error(l)
	}
	s.apply([]byte(`["c",{"new":1}]`), nil)
	s.apply([]byte(`["c",null]`), []byte(`{}`))
	s.apply([]byte(`not json`), []byte(`{}`))
	s.apply([]byte(`["d",{}]`), []byte(`{`))
	if l := s.list("c"); len(l) != 1 {
		t.Error(l)
	}
	if _, err := s.get(offsetID{"d", "{}"}); err == nil {
		t.Error("an offset that is not JSON is no offset")
	}
}
