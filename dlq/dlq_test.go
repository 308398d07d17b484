// SPDX-License-Identifier: Apache-2.0

package dlq

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-io/penstock/internal/embedded"
	"github.com/penstock-io/penstock/internal/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCauseOf(t *testing.T) {
	f := func(stage, exception, message, code, field, expected, got string) {
		t.Helper()
		c := CauseOf(stage, "x.Y", exception, message)
		if c.Code != code || c.Field != field || c.Expected != expected || c.Got != got {
			t.Errorf("CauseOf(%s, %s, %q) = %+v; want %s field %q expected %q got %q", stage, exception, message, c, code, field, expected, got)
		}
	}
	const data = "org.apache.kafka.connect.errors.DataException"
	f("VALUE_CONVERTER", data, "Converting byte[] to Kafka Connect data failed due to serialization error: ", "value-converter.malformed", "", "", "")
	f("KEY_CONVERTER", data, `JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain additional fields.`,
		"key-converter.no-envelope", "", "", "")
	f("VALUE_CONVERTER", data, `Invalid value: null used for required field: "a.b", schema type: INT32`, "value-converter.null", "a.b", "INT32", "")
	f("TRANSFORMATION", data, "Only Struct objects supported for [field replacement], found: java.lang.String",
		"transformation.wrong-type", "", "Struct", "java.lang.String")
	f("TRANSFORMATION", data, "Field does not exist: total", "transformation.missing-field", "total", "", "")
	f("TRANSFORMATION", "java.lang.NumberFormatException", `For input string: "12x"`, "transformation.bad-value", "", "", "12x")
	f("KAFKA_PRODUCE", "org.apache.kafka.common.errors.RecordTooLargeException", "big", "kafka-produce.too-large", "", "", "")
	f("TASK_PUT", "java.lang.NullPointerException", "", "task-put.null", "", "", "")
	f("TASK_PUT", "java.lang.IllegalStateException", "no", "task-put.failed", "", "", "")
	f("", "", "", "unknown.failed", "", "", "")
}

func FuzzParse(f *testing.F) {
	f.Add("__connect.errors.partition", []byte("12"), "penstock.errors.cause", []byte(`{"code":"a.b","partition":1}`))
	f.Add("__connect.errors.offset", []byte("x"), "penstock.errors.source.partition", []byte(`{`))
	f.Fuzz(func(t *testing.T, k1 string, v1 []byte, k2 string, v2 []byte) {
		l := Parse(&kafka.Record{Headers: []kafka.Header{{Key: k1, Value: v1}, {Key: k2, Value: v2}}})
		if l.Cause.Code == "" {
			t.Fatal("a letter without a code")
		}
		m := marks{}
		m.readMark("q", &kafka.Record{Key: v1, Value: v2})
	})
}

// Spans in any order agree with a plain set.
func TestMarks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		m, want := marks{}, map[Place]bool{}
		for range rng.IntN(20) {
			p, first := int32(rng.IntN(2)), int64(rng.IntN(60))
			s := span{first, first + int64(rng.IntN(8))}
			m.add(p, s)
			for at := s.first; at <= s.last; at++ {
				want[Place{p, at}] = true
			}
		}
		for p := range int32(2) {
			for at := range int64(70) {
				if m.has(Place{p, at}) != want[Place{p, at}] {
					t.Fatalf("%d-%d: %v, spans %v", p, at, !want[Place{p, at}], m)
				}
			}
			for i := 1; i < len(m[p]); i++ {
				if m[p][i].first <= m[p][i-1].last+1 {
					t.Fatalf("spans touch: %v", m[p])
				}
			}
		}
	}
}

// broker starts a broker and returns a queue on it, with a function that writes letters.
func broker(t *testing.T) (q *Queue, write func(n int, headers ...string)) {
	t.Helper()
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	servers := map[string]string{"bootstrap.servers": b.Addr()}
	q = &Queue{Topic: "dead", Consumer: servers, Producer: servers, Admin: servers}
	cfg, err := kafka.Parse(kafka.RoleProducer, servers)
	if err != nil {
		t.Fatal(err)
	}
	p, err := kafka.NewProducer(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	next := 0
	return q, func(n int, headers ...string) {
		t.Helper()
		for range n {
			r := &kafka.Record{Topic: "dead", Partition: kafka.AnyPartition, Value: fmt.Appendf(nil, "v%d", next)}
			for i := 0; i < len(headers); i += 2 {
				r.Headers = append(r.Headers, kafka.Header{Key: headers[i], Value: []byte(headers[i+1])})
			}
			if err := p.ProduceSync(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			next++
		}
	}
}

// target notes what it gets, and fails letters and calls as told.
type target struct {
	got  []string
	bad  func(l *Letter) error
	call func() error
}

func (d *target) Deliver(_ context.Context, letters []*Letter, _ func(*kafka.Record)) ([]error, error) {
	if d.call != nil {
		if err := d.call(); err != nil {
			return nil, err
		}
	}
	errs := make([]error, len(letters))
	for i, l := range letters {
		if d.bad != nil {
			if errs[i] = d.bad(l); errs[i] != nil {
				continue
			}
		}
		d.got = append(d.got, string(l.Value))
	}
	return errs, nil
}

func summary(t *testing.T, q *Queue) (s Summary) {
	t.Helper()
	if err := q.Each(t.Context(), Filter{}, func(e Entry) error { s.Add(e); return nil }); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReplay(t *testing.T) {
	q, write := broker(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	write(30, HeaderStage, "VALUE_CONVERTER", HeaderConnector, "c", HeaderException, "a.SerializationException")
	write(10, HeaderStage, "TRANSFORMATION", HeaderConnector, "c")
	write(10, HeaderStage, "VALUE_CONVERTER", HeaderConnector, "other")
	write(5)

	d := &target{}
	dry, err := q.Replay(ctx, Options{DryRun: true, Filter: Filter{Connector: "c"}}, d)
	if err != nil || dry.Replayed != 45 || len(d.got) != 0 {
		t.Fatalf("dry run: %+v, %v, delivered %d", dry, err, len(d.got))
	}
	// Half of the letters of a stage fail again; they stay.
	d.bad = func(l *Letter) error {
		if l.Offset%2 == 1 {
			return errors.New("still bad")
		}
		return nil
	}
	r, err := q.Replay(ctx, Options{Chunk: 7, Filter: Filter{Connector: "c", Stage: "value_converter"}}, d)
	if err != nil || r.Replayed != 15 || r.Failed != 15 || len(d.got) != 15 {
		t.Fatalf("first: %+v, %v, delivered %d", r, err, len(d.got))
	}
	// A call that fails marks nothing.
	broken := &target{call: func() error { return errors.New("down") }}
	if r, err = q.Replay(ctx, Options{}, broken); err == nil || r.Replayed != 0 {
		t.Fatalf("broken: %+v, %v", r, err)
	}
	// The rest: what was replayed is passed over.
	d.bad = nil
	r, err = q.Replay(ctx, Options{Chunk: 11}, d)
	if err != nil || r.Matched != 55 || r.Already != 15 || r.Replayed != 40 {
		t.Fatalf("second: %+v, %v", r, err)
	}
	seen := map[string]int{}
	for _, v := range d.got {
		seen[v]++
	}
	if len(seen) != 55 || len(d.got) != 55 {
		t.Fatalf("%d deliveries of %d letters", len(d.got), len(seen))
	}
	if s := summary(t, q); s.Unreplayed != 0 || s.Letters != 55 {
		t.Fatalf("left: %+v", s)
	}
	if r, err = q.Replay(ctx, Options{}, d); err != nil || r.Replayed != 0 || len(d.got) != 55 {
		t.Fatalf("third: %+v, %v", r, err)
	}
}

func TestReplayLimits(t *testing.T) {
	q, write := broker(t)
	write(20)
	d := &target{}
	r, err := q.Replay(t.Context(), Options{Limit: 6, Chunk: 4}, d)
	if err != nil || r.Replayed != 6 {
		t.Fatalf("limit: %+v, %v", r, err)
	}
	if r, err = q.Replay(t.Context(), Options{Rate: 20, Limit: 10}, d); err != nil || r.Replayed != 10 {
		t.Fatalf("rate: %+v, %v", r, err)
	}
}

// A newer replay shuts an older one out before it can mark anything.
func TestReplayFenced(t *testing.T) {
	q, write := broker(t)
	write(4)
	inner := &target{}
	outer := &target{}
	outer.call = func() error {
		_, err := q.Replay(t.Context(), Options{}, inner)
		return err
	}
	_, err := q.Replay(t.Context(), Options{}, outer)
	if err == nil || len(inner.got) != 4 {
		t.Fatalf("the older replay ended with %v, the newer delivered %d", err, len(inner.got))
	}
	if s := summary(t, q); s.Unreplayed != 0 {
		t.Fatalf("left: %+v", s)
	}
}

func TestReplayToTopic(t *testing.T) {
	q, write := broker(t)
	write(3, HeaderTopic, "orders", "mine", "x")
	write(2)
	r, err := q.Replay(t.Context(), Options{}, ToTopic{})
	if err != nil || r.Replayed != 3 || r.Failed != 2 || !strings.Contains(r.Failures[0].Err.Error(), "name one") {
		t.Fatalf("%+v, %v", r, err)
	}
	back := &Queue{Topic: "orders", Consumer: q.Consumer}
	n := 0
	err = back.Each(t.Context(), Filter{}, func(e Entry) error {
		if len(e.Headers) != 1 || e.Headers[0].Key != "mine" || e.Stage != "" {
			t.Errorf("record %d has headers %v, stage %q", n, e.Headers, e.Stage)
		}
		n++
		return nil
	})
	if err != nil || n != 3 {
		t.Fatalf("%d records in the topic, %v", n, err)
	}
}
