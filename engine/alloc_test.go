// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/invariants"
	"github.com/penstock-io/penstock/internal/kafka"
)

// allocated is what the process has allocated outside the embedded broker, by its own account.
func allocated() (objects, bytes int64) {
	runtime.GC() // the profile is that of the last but one collection
	runtime.GC()
	var records []runtime.MemProfileRecord
	n, ok := runtime.MemProfile(nil, true)
	for !ok {
		records = make([]runtime.MemProfileRecord, n+64)
		n, ok = runtime.MemProfile(records, true)
	}
	for i := range records[:n] {
		r := &records[i]
		if ours(r.Stack()) {
			objects += r.AllocObjects
			bytes += r.AllocBytes
		}
	}
	return objects, bytes
}

// ours reports that a stack is not that of the broker, the test or this account.
func ours(stack []uintptr) bool {
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if strings.Contains(f.Function, "/kfake.") || strings.HasPrefix(f.Function, "testing.") || strings.HasSuffix(f.Function, "engine.allocated") {
			return false
		}
		if !more {
			return true
		}
	}
}

// counting is a sink that counts, and looks at the memory now and then.
type counting struct {
	n, first, every int
	look            func()
	all             chan struct{} // closed when n records were put
	seen            int
}

func (s *counting) Open(context.Context, connectors.TaskContext) error { return nil }
func (s *counting) Flush(context.Context) error                        { return nil }
func (s *counting) Close() error                                       { return nil }
func (s *counting) Put(_ context.Context, bs []*batch.Batch) error {
	before := s.seen
	for _, b := range bs {
		s.seen += b.Alive()
	}
	if s.seen < s.first {
		time.Sleep(5 * time.Millisecond) // all batches get their turn
	} else if before < s.first || before/s.every != s.seen/s.every {
		s.look()
	}
	if before < s.n && s.seen >= s.n {
		close(s.all)
	}
	return nil
}

// TestAllocationsOfASink runs JSON records through a whole sink task (own connection, decoding, two transforms, put) and counts what is
// allocated outside the broker, which runs in the same process, once the task is warm.
func TestAllocationsOfASink(t *testing.T) {
	if invariants.Enabled {
		t.Skip("the checks allocate")
	}
	const total, first, every = 160_000, 60_000, 20_000
	r := newRig(t)
	var recs []string
	for i := range 1000 {
		recs = append(recs, fmt.Sprintf(`{"id":%d,"name":"user %d","amount":%d.25,"city":"Berlin","at":%d,"ok":true,"pad":%q}`,
			i, i, i, 1700000000000+i, strings.Repeat("x", 180)))
	}
	r.fill("load", total/len(recs), recs)
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1
	var objects, bytes []int64
	s := &counting{n: total, first: first, every: every, all: make(chan struct{})}
	s.look = func() {
		o, b := allocated()
		objects, bytes = append(objects, o), append(bytes, b)
	}
	r.within(NewBudget(64<<20), "snk", s, map[string]string{
		"topics": "load", "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
		"transforms": "r,m", "transforms.r.type": "org.apache.kafka.connect.transforms.ReplaceField$Value", "transforms.r.renames": "name:user",
		"transforms.m.type": "org.apache.kafka.connect.transforms.MaskField$Value", "transforms.m.fields": "city",
	})
	<-s.all
	// The memory of a batch may grow late; what is allocated per record shows in every stretch.
	least := func(at []int64) float64 {
		low := at[1] - at[0]
		for i := range at[1:] {
			low = min(low, at[i+1]-at[i])
		}
		return float64(low) / every
	}
	t.Logf("%.4f objects and %.2f bytes per record, in the best of %d stretches", least(objects), least(bytes), len(bytes)-1)
	if least(objects) > 0.02 || least(bytes) > 1 {
		t.Error("a warm sink allocates")
	}
}

// fill produces texts some times over, in as few requests as it can.
func (r *rig) fill(topic string, times int, texts []string) {
	r.t.Helper()
	if err := r.broker.CreateTopic(topic, 1, nil); err != nil {
		r.t.Fatal(err)
	}
	cfg, err := kafka.Parse(kafka.RoleProducer, map[string]string{"bootstrap.servers": r.broker.Addr()})
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := kafka.NewProducer(cfg, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer p.Close()
	for range times {
		for _, text := range texts {
			p.Produce(r.t.Context(), &kafka.Record{Topic: topic, Value: []byte(text)}, func(_ *kafka.Record, err error) {
				if err != nil {
					r.t.Error(err)
				}
			})
		}
	}
	if err := p.Flush(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}
