// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
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
	quiet(t, "sink", every, objects, bytes, 0.02)
}

// quiet checks what a task allocated in stretches of some records. The memory of a batch may grow late; what is allocated
// per record, or per batch, shows in every stretch.
func quiet(t *testing.T, what string, every int, objects, bytes []int64, limit float64) {
	t.Helper()
	least := func(at []int64) float64 {
		low := at[1] - at[0]
		for i := range at[1:] {
			low = min(low, at[i+1]-at[i])
		}
		return float64(low) / float64(every)
	}
	t.Logf("%.4f objects and %.2f bytes per record, in the best of %d stretches", least(objects), least(bytes), len(bytes)-1)
	if least(objects) > limit || least(bytes) > 1 {
		t.Error("a warm " + what + " allocates")
	}
}

// loading is a source of batches that are made once and copied, and looks at the memory now and then.
type loading struct {
	template *batch.Batch
	n, first int
	every    int
	look     func()
	all      chan struct{} // closed when n records were polled
	seen     int
}

func (s *loading) Open(context.Context, connectors.TaskContext) error { return nil }
func (s *loading) Close() error                                       { return nil }

// Written makes the task ask for offsets, too.
func (s *loading) Written(*batch.Batch) {}

func (s *loading) Poll(ctx context.Context, b *batch.Batch) error {
	before := s.seen
	if s.seen >= s.first && (before < s.first+s.template.N || (before-s.template.N)/s.every != before/s.every) {
		s.look()
	}
	if s.seen >= s.n {
		if s.all != nil {
			close(s.all)
			s.all = nil
		}
		<-ctx.Done()
		return nil
	}
	t := s.template
	b.N = t.N
	b.Slab.Append(t.Slab.Buf())
	key, value := b.NewColumn(batch.StringSchema), b.NewColumn(batch.StringSchema)
	from := t.Value.Variants[0].Root
	key.W, value.W = append(key.W, from.W...), append(value.W, from.W...)
	key.N, value.N = b.N, b.N
	b.Key.Set(batch.StringSchema, key)
	b.Value.Set(batch.StringSchema, value)
	b.Topics.Set("load")
	for range b.N {
		b.Timestamp = append(b.Timestamp, batch.NoTimestamp)
	}
	s.seen += b.N
	for p := range 2 {
		buf := b.Slab.Buf()
		start := len(buf)
		buf = strconv.AppendInt(append(buf, `{"n":`...), int64(s.seen), 10)
		b.Slab.SetBuf(append(buf, '}'))
		b.AddMark(b.Slab.AppendText(`{"p":`+strconv.Itoa(p)+`}`), batch.MakeView(start, b.Slab.Len()-start))
	}
	return nil
}

// TestAllocationsOfASource runs records through a whole source task (a transform, JSON, record batches, own connections, watermarks of two
// source partitions) and counts what is allocated outside the broker: the target is five objects for 1024 records.
func TestAllocationsOfASource(t *testing.T) {
	if invariants.Enabled {
		t.Skip("the checks allocate")
	}
	const total, first, every = 240_000, 60_000, 30_000
	r := newRig(t)
	if err := r.broker.CreateTopic("load", 3, nil); err != nil {
		t.Fatal(err)
	}
	template := batch.New()
	var recs []batch.Record
	for i := range 500 {
		recs = append(recs, batch.Record{Topic: "load", ValueSchema: batch.StringSchema, Value: fmt.Sprint(i, strings.Repeat(" text", 40))})
	}
	template.Load(recs, false)
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1
	var objects, bytes []int64
	all := make(chan struct{})
	s := &loading{template: template, n: total, first: first, every: every, all: all}
	s.look = func() {
		o, b := allocated()
		objects, bytes = append(objects, o), append(bytes, b)
	}
	const json = "org.apache.kafka.connect.json.JsonConverter"
	r.start("src", source(s), map[string]string{"key.converter": json, "value.converter": json, "value.converter.schemas.enable": "false",
		"transforms": "h", "transforms.h.type": "org.apache.kafka.connect.transforms.HoistField$Value", "transforms.h.field": "text"})
	<-all
	quiet(t, "source", every, objects, bytes, 5.0/1024)
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
