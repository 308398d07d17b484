// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/embedded"
	"github.com/penstock-io/penstock/worker"
	"github.com/penstock-io/penstock/worker/rest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const bytesConverter = "org.apache.kafka.connect.converters.ByteArrayConverter"

// pair is two clusters, and a worker at the second.
type pair struct {
	t      *testing.T
	a, b   *embedded.Broker
	dir    string
	worker *worker.Standalone
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{t: t, dir: t.TempDir()}
	for _, b := range []**embedded.Broker{&p.a, &p.b} {
		broker, err := embedded.Start(embedded.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Close)
		*b = broker
	}
	return p
}

func (p *pair) start() {
	p.t.Helper()
	cfg, err := worker.NewConfig(config.NewProps(map[string]string{
		"bootstrap.servers": p.b.Addr(), "listeners": "http://127.0.0.1:0", "penstock.admin.listeners": "",
		"key.converter": bytesConverter, "value.converter": bytesConverter, "header.converter": bytesConverter,
		"offset.storage.file.filename": filepath.Join(p.dir, "offsets"), "offset.flush.interval.ms": "200",
	}))
	if err != nil {
		p.t.Fatal(err)
	}
	var log io.Writer = io.Discard
	if os.Getenv("PENSTOCK_TEST_LOG") != "" {
		log = os.Stderr
	}
	if p.worker, err = worker.NewStandalone(cfg, worker.Deps{Log: slog.New(slog.NewTextHandler(log, nil))}); err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	if err := p.worker.Start(ctx); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.worker.Stop)
}

// put creates a connector.
func (p *pair) put(name, class string, kv ...string) {
	p.t.Helper()
	cfg := map[string]string{
		"name": name, "connector.class": class, "tasks.max": "2", "source.cluster.alias": "a", "target.cluster.alias": "b",
		"source.cluster.bootstrap.servers": p.a.Addr(), "target.cluster.bootstrap.servers": p.b.Addr(),
		"replication.factor": "1", "offset-syncs.topic.replication.factor": "1", "heartbeats.topic.replication.factor": "1",
		"checkpoints.topic.replication.factor": "1", "refresh.topics.interval.seconds": "1", "refresh.groups.interval.seconds": "1",
		"sync.topic.configs.interval.seconds": "1",
	}
	for i := 0; i < len(kv); i += 2 {
		if cfg[kv[i]] = kv[i+1]; kv[i+1] == "" {
			delete(cfg, kv[i])
		}
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	var c rest.Config
	for k, v := range cfg {
		c.Set(k, v)
	}
	if _, _, err := p.worker.PutConnector(ctx, name, c, "", true); err != nil {
		p.t.Fatal(err)
	}
}

func client(t *testing.T, b *embedded.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(50*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (p *pair) topic(topic string, partitions int32, configs map[string]string) {
	p.t.Helper()
	if err := p.a.CreateTopic(topic, partitions, configs); err != nil {
		p.t.Fatal(err)
	}
}

// record is number i of a partition: keys, values, headers, each now and then null or empty.
func record(topic string, partition int32, i int) *kgo.Record {
	r := &kgo.Record{Topic: topic, Partition: partition, Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i))}
	if i%3 != 0 {
		r.Key = fmt.Appendf(nil, "k%d", i)
	}
	if i%5 != 0 {
		r.Value = fmt.Appendf(nil, "v%d of %d", i, partition)
	}
	if i%7 == 0 {
		r.Value = []byte{}
	}
	if i%4 == 0 {
		r.Headers = []kgo.RecordHeader{{Key: "raw", Value: []byte{0, 0xff, byte(i)}}, {Key: "null"}, {Key: "", Value: []byte{}}}
	}
	return r
}

func (p *pair) produce(topic string, partition int32, from, to int) {
	p.t.Helper()
	c := client(p.t, p.a)
	for i := from; i < to; i++ {
		c.Produce(p.t.Context(), record(topic, partition, i), func(_ *kgo.Record, err error) {
			if err != nil {
				p.t.Error(err)
			}
		})
	}
	if err := c.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

func recordText(r *kgo.Record) string {
	out := fmt.Sprintf("%d key %v value %v", r.Timestamp.UnixMilli(), show(r.Key), show(r.Value))
	for _, h := range r.Headers {
		out += fmt.Sprintf(" %s=%v", h.Key, show(h.Value))
	}
	return out
}

func show(p []byte) string {
	if p == nil {
		return "null"
	}
	return fmt.Sprintf("%q", p)
}

// read returns n records of a partition.
func read(t *testing.T, b *embedded.Broker, topic string, partition int32, n int) []*kgo.Record {
	t.Helper()
	c := client(t, b, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out []*kgo.Record
	for len(out) < n && ctx.Err() == nil {
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) { out = append(out, r) })
	}
	if len(out) < n {
		t.Fatalf("%s-%d has %d records, want %d", topic, partition, len(out), n)
	}
	return out
}

// copied checks that a partition of the target holds records 0 to n of the source's, and no more.
func (p *pair) copied(remote, topic string, partition int32, n int) {
	p.t.Helper()
	got := read(p.t, p.b, remote, partition, n)
	if len(got) != n {
		p.t.Errorf("%s-%d has %d records, want %d", remote, partition, len(got), n)
	}
	for i, r := range got {
		if have, want := recordText(r), recordText(record(topic, partition, i)); have != want {
			p.t.Fatalf("%s-%d@%d is %s, want %s", remote, partition, i, have, want)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func (p *pair) topicsOf(b *embedded.Broker) map[string]int {
	details, err := kadm.NewClient(client(p.t, b)).ListTopics(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	out := map[string]int{}
	for name, d := range details {
		out[name] = len(d.Partitions)
	}
	return out
}

func (p *pair) config(b *embedded.Broker, topic, key string) string {
	configs, err := kadm.NewClient(client(p.t, b)).DescribeTopicConfigs(p.t.Context(), topic)
	if err != nil {
		p.t.Fatal(err)
	}
	rc, err := configs.On(topic, nil)
	if err != nil {
		return err.Error()
	}
	for _, c := range rc.Configs {
		if c.Key == key {
			return c.MaybeValue()
		}
	}
	return ""
}

func TestMirror(t *testing.T) {
	p := newPair(t)
	p.topic("orders", 3, map[string]string{"retention.ms": "1234567", "min.insync.replicas": "1"})
	p.topic("users.v1", 1, nil)
	p.topic("skip.replica", 1, nil)
	p.topic("b.loop", 1, nil)
	for part := range int32(3) {
		p.produce("orders", part, 0, 500)
	}
	p.produce("users.v1", 0, 0, 20)
	p.start()
	p.put("mirror", sourceClass)
	for part := range int32(3) {
		p.copied("a.orders", "orders", part, 500)
	}
	p.copied("a.users.v1", "users.v1", 0, 20)
	want := map[string]int{"a.orders": 3, "a.users.v1": 1}
	if got := p.topicsOf(p.b); !maps.Equal(got, want) {
		t.Errorf("the target has %v, want %v", got, want)
	}
	if got := p.config(p.b, "a.orders", "retention.ms"); got != "1234567" {
		t.Errorf("retention.ms of the copy is %s", got)
	}

	// More records, topics and partitions are found while it runs, and after a restart it goes on where it was.
	p.topic("late", 2, nil)
	p.produce("late", 1, 0, 30)
	p.copied("a.late", "late", 1, 30)
	if _, err := kadm.NewClient(client(t, p.a)).UpdatePartitions(t.Context(), 4, "orders"); err != nil {
		t.Fatal(err)
	}
	p.produce("orders", 3, 0, 40)
	p.copied("a.orders", "orders", 3, 40)
	if got := p.topicsOf(p.b); got["a.orders"] != 4 || got["a.late"] != 2 {
		t.Errorf("the target has %v", got)
	}
	p.worker.Stop()
	p.produce("orders", 0, 500, 600)
	p.start()
	p.put("mirror", sourceClass)
	p.copied("a.orders", "orders", 0, 600)
	p.offsets(map[string]string{
		`{"cluster":"a","partition":0,"topic":"orders"}`: `{"offset":599}`, `{"cluster":"a","partition":3,"topic":"orders"}`: `{"offset":39}`,
		`{"cluster":"a","partition":1,"topic":"late"}`: `{"offset":29}`, `{"cluster":"a","partition":0,"topic":"users.v1"}`: `{"offset":19}`,
	})

	// Configs follow.
	value := "7654321"
	if _, err := kadm.NewClient(client(t, p.a)).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: &value}}, "orders"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the copy has the new retention", func() bool { return p.config(p.b, "a.orders", "retention.ms") == value })
}

// offsets waits until the worker has stored these.
func (p *pair) offsets(want map[string]string) {
	p.t.Helper()
	got := map[string]string{}
	defer func() {
		if p.t.Failed() {
			p.t.Logf("offsets are %v", got)
		}
	}()
	eventually(p.t, fmt.Sprint("the stored offsets have ", want), func() bool {
		list, err := p.worker.Offsets(p.t.Context(), "mirror")
		if err != nil {
			p.t.Fatal(err)
		}
		for _, o := range list {
			got[string(o.Partition)] = string(o.Offset)
		}
		for k, v := range want {
			if got[k] != v {
				return false
			}
		}
		return true
	})
}

// syncsOf reads n offset syncs, as topic-partition upstream=downstream.
func syncsOf(t *testing.T, b *embedded.Broker, topic string, n int) []string {
	t.Helper()
	var out []string
	for _, r := range read(t, b, topic, 0, n) {
		size := int(binary.BigEndian.Uint16(r.Key))
		out = append(out, fmt.Sprintf("%s-%d %d=%d", r.Key[2:2+size], binary.BigEndian.Uint32(r.Key[2+size:]),
			binary.BigEndian.Uint64(r.Value), binary.BigEndian.Uint64(r.Value[8:])))
	}
	return out
}

func TestOffsetSyncsOnBothEnds(t *testing.T) {
	p := newPair(t)
	p.topic("t", 1, nil)
	p.produce("t", 0, 0, 350)
	p.start()
	want := []string{"t-0 0=0", "t-0 101=101", "t-0 202=202", "t-0 303=303", "t-0 349=349"}
	p.put("mirror", sourceClass)
	if got := syncsOf(t, p.a, "mm2-offset-syncs.b.internal", 5); !slices.Equal(got, want) {
		t.Errorf("syncs are %v, want %v", got, want)
	}
	if got := p.config(p.a, "mm2-offset-syncs.b.internal", "cleanup.policy"); got != "compact" {
		t.Errorf("cleanup.policy of the offset syncs is %s", got)
	}
	p.put("other", sourceClass, "source.cluster.alias", "c", "offset-syncs.topic.location", "target", "offset.lag.max", "1000000", policyClassKey, defaultPolicyClass)
	want = []string{"t-0 0=0", "t-0 349=349"}
	if got := syncsOf(t, p.b, "mm2-offset-syncs.c.internal", 2); !slices.Equal(got, want) {
		t.Errorf("syncs are %v, want %v", got, want)
	}
}

func TestIdentityPolicyAndNoSyncs(t *testing.T) {
	p := newPair(t)
	p.topic("t", 2, nil)
	p.topic("u", 1, nil)
	p.produce("t", 1, 0, 50)
	p.start()
	p.put("mirror", sourceClass, policyClassKey, identityPolicyClass, "emit.offset-syncs.enabled", "false", "topics", "t.*",
		"offset-syncs.topic.replication.factor", "")
	p.copied("t", "t", 1, 50)
	if got := p.topicsOf(p.b); !maps.Equal(got, map[string]int{"t": 2}) {
		t.Errorf("the target has %v", got)
	}
	if got := p.topicsOf(p.a); len(got) != 2 {
		t.Errorf("the source has %v", got)
	}
}

// A source cluster that is away at the start is looked for again, soon.
func TestSourceComesLater(t *testing.T) {
	p := newPair(t)
	addr := p.a.Addr()
	p.a.Close()
	p.start()
	p.put("mirror", sourceClass, "admin.timeout.ms", "500", "source.cluster.bootstrap.servers", addr)
	a, err := embedded.Start(embedded.Options{Listen: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	p.a = a
	p.topic("t", 1, nil)
	p.produce("t", 0, 0, 10)
	p.copied("a.t", "t", 0, 10)
}

func TestBadSettingsNameTheKey(t *testing.T) {
	p := newPair(t)
	p.start()
	var bare rest.Config
	bare.Set("name", "x")
	bare.Set("connector.class", sourceClass)
	_, _, err := p.worker.PutConnector(t.Context(), "x", bare, "", true)
	if err == nil || !strings.Contains(err.Error(), "source.cluster.alias") {
		t.Errorf("without an alias: %v", err)
	}
	f := func(want string, kv ...string) {
		t.Helper()
		c, err := newSourceConnector(props(kv...))
		if err == nil {
			err = c.Start(t.Context(), contextOf())
			_ = c.Stop()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", kv, err, want)
		}
	}
	f("source.cluster.bootstrap.servers", "source.cluster.bootstrap.servers", "nonsense")
	f("target.admin.request.timeout.ms", "target.admin.request.timeout.ms", "x")
	f("forwarding.admin.class", "forwarding.admin.class", "com.example.Admin")
}

func contextOf() connectors.ConnectorContext {
	return connectors.ConnectorContext{Name: "m", Log: slog.New(slog.DiscardHandler), RequestTaskReconfiguration: func() {}, RaiseError: func(error) {}}
}

func TestHeartbeats(t *testing.T) {
	p := newPair(t)
	p.start()
	p.put("mirror", heartbeatClass)
	before := time.Now().UnixMilli()
	r := read(t, p.b, "heartbeats", 0, 2)[0]
	if string(r.Key) != "\x00\x01a\x00\x01b" || len(r.Value) != 10 || binary.BigEndian.Uint16(r.Value) != 0 {
		t.Errorf("a heartbeat is %q %q", r.Key, r.Value)
	}
	if at := int64(binary.BigEndian.Uint64(r.Value[2:])); at != r.Timestamp.UnixMilli() || at < before-5000 {
		t.Errorf("a heartbeat at %d says %d", r.Timestamp.UnixMilli(), at)
	}
	if got := p.config(p.b, "heartbeats", "cleanup.policy"); got != "compact" {
		t.Errorf("cleanup.policy is %s", got)
	}
	p.offsets(map[string]string{`{"sourceClusterAlias":"a","targetClusterAlias":"b"}`: `{"offset":0}`})
	p.put("none", heartbeatClass, "emit.heartbeats.enabled", "false")
	if tasks, err := p.worker.TaskConfigs("none"); err != nil || len(tasks) != 0 {
		t.Errorf("%d tasks without heartbeats (%v)", len(tasks), err)
	}
}
