// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/penstock-io/penstock/internal/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startBroker(t testing.TB, o embedded.Options) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func mustParse(t testing.TB, role Role, props map[string]string) *ClientConfig {
	t.Helper()
	c, err := Parse(role, props)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func with(base map[string]string, kv ...string) map[string]string {
	for i := 0; i < len(kv); i += 2 {
		base[kv[i]] = kv[i+1]
	}
	return base
}

func newProducer(t testing.TB, b *embedded.Broker, kv ...string) *Producer {
	t.Helper()
	return newProducerOn(t, b.Addr(), PathClient, kv...)
}

// onBothPaths runs a test of ProduceRows for either path.
func onBothPaths(t *testing.T, f func(t *testing.T, path Path)) {
	t.Helper()
	for _, path := range []Path{PathClient, PathBatch} {
		t.Run(string(path), func(t *testing.T) { f(t, path) })
	}
}

func newProducerOn(t testing.TB, addr string, path Path, kv ...string) *Producer {
	t.Helper()
	p, err := OpenProducer(mustParse(t, RoleProducer, with(SourceProducerDefaults(addr, "test-producer"), kv...)), ProducerOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func consumerConfig(t testing.TB, b *embedded.Broker, name string, kv ...string) *ClientConfig {
	t.Helper()
	return mustParse(t, RoleConsumer, with(SinkConsumerDefaults(b.Addr(), name, "test-consumer"), kv...))
}

func newConsumer(t testing.TB, cfg *ClientConfig, o ConsumerOptions) *Consumer {
	t.Helper()
	c, err := NewConsumer(testContext(t), cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newAdmin(t testing.TB, b *embedded.Broker) *Admin {
	t.Helper()
	a, err := NewAdmin(mustParse(t, RoleAdmin, AdminDefaults(b.Addr(), "test-admin")), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// textRows packs one row per value; "" is a null.
func textRows(topic string, values ...string) *Rows {
	r := &Rows{N: len(values), Topic: topic}
	for _, v := range values {
		if v == "" {
			r.Value = append(r.Value, NullBytes)
			continue
		}
		r.Value = append(r.Value, PackBytes(uint32(len(r.Buf)), uint32(len(v))))
		r.Buf = append(r.Buf, v...)
	}
	return r
}

func produceRows(t testing.TB, p *Producer, rows *Rows) []RowError {
	t.Helper()
	got := make(chan []RowError, 1)
	if err := p.ProduceRows(testContext(t), rows, func(errs []RowError) { got <- slices.Clone(errs) }); err != nil {
		t.Fatal(err)
	}
	return <-got
}

// polled copies the rows of one PollRows into records, which are easier to look at.
func polled(ctx context.Context, c interface {
	PollRows(context.Context, *RowSet, int, int) error
}, set *RowSet) ([]*kgo.Record, error) {
	set.Buf = set.Buf[:0]
	err := c.PollRows(ctx, set, 1000, 1<<20)
	var out []*kgo.Record
	for i := range set.N {
		r := &kgo.Record{
			Topic: set.Topic, Partition: set.Partition, LeaderEpoch: set.LeaderEpoch, Offset: set.Offset[i],
			Key: slices.Clone(set.Bytes(set.Key[i])), Value: slices.Clone(set.Bytes(set.Value[i])), Timestamp: time.UnixMilli(set.Timestamp[i]),
		}
		set.Headers(i, func(k, v []byte) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(k), Value: slices.Clone(v)})
		})
		out = append(out, r)
	}
	return out, err
}

// collect polls until n records came.
func collect(t testing.TB, c *Consumer, n int) map[TopicPartition][]string {
	t.Helper()
	ctx := testContext(t)
	out := map[TopicPartition][]string{}
	var set RowSet
	for got := 0; got < n; {
		rs, err := polled(ctx, c, &set)
		if err != nil {
			t.Fatal(err)
		}
		if len(rs) == 0 {
			t.Fatalf("timeout with %d of %d records", got, n)
		}
		got += len(rs)
		for _, r := range rs {
			out[set.TopicPartition] = append(out[set.TopicPartition], string(r.Value))
		}
	}
	return out
}

func TestRoundTrip(t *testing.T) { onBothPaths(t, testRoundTrip) }

func testRoundTrip(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	p := newProducerOn(t, b.Addr(), path)
	if err := b.CreateTopic("t", 3, nil); err != nil {
		t.Fatal(err)
	}
	rows := textRows("t", "a", "b", "", "skipped", "e")
	rows.Partition = []int32{0, 0, 2, 1, 0}
	rows.Timestamp = []int64{1000, 2000, 3000, 4000, NowMillis}
	rows.Skip = func(i int) bool { return i == 3 }
	rows.Headers = func(i int) []Header {
		if i == 1 {
			return []Header{{Key: "h", Value: []byte("v")}}
		}
		return nil
	}
	if errs := produceRows(t, p, rows); errs != nil {
		t.Fatal(errs)
	}
	c := newConsumer(t, consumerConfig(t, b, "rt"), ConsumerOptions{Topics: []string{"t"}, Path: path})
	ctx := testContext(t)
	var set RowSet
	for seen := 0; seen < 4; {
		rs, err := polled(ctx, c, &set)
		if err != nil || len(rs) == 0 {
			t.Fatal(len(rs), err)
		}
		seen += len(rs)
		for _, r := range rs {
			switch string(r.Value) {
			case "b":
				if r.Partition != 0 || r.Timestamp.UnixMilli() != 2000 || len(r.Headers) != 1 || r.Headers[0].Key != "h" || r.Key != nil {
					t.Errorf("row 1 came back as %+v", r)
				}
			case "":
				if r.Value != nil || r.Partition != 2 {
					t.Errorf("null came back as %+v", r)
				}
			case "skipped":
				t.Error("a skipped row was sent")
			case "e":
				if time.Since(r.Timestamp).Abs() > time.Minute {
					t.Errorf("now is %v", r.Timestamp)
				}
			}
		}
	}
}

func TestKeyedRowsGoWhereJavaPutsThem(t *testing.T) { onBothPaths(t, testKeyedRowsGoWhereJavaPutsThem) }

func testKeyedRowsGoWhereJavaPutsThem(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	p := newProducerOn(t, b.Addr(), path)
	if err := b.CreateTopic("t", 7, nil); err != nil {
		t.Fatal(err)
	}
	rows := &Rows{Topic: "t", N: 50}
	for i := range rows.N {
		key := "key-" + strconv.Itoa(i)
		view := PackBytes(uint32(len(rows.Buf)), uint32(len(key)))
		rows.Buf = append(rows.Buf, key...)
		rows.Key, rows.Value = append(rows.Key, view), append(rows.Value, view)
	}
	if errs := produceRows(t, p, rows); errs != nil {
		t.Fatal(errs)
	}
	c := newConsumer(t, consumerConfig(t, b, "keys"), ConsumerOptions{Topics: []string{"t"}})
	for tp, values := range collect(t, c, rows.N) {
		for _, v := range values {
			if want := Murmur2Partition([]byte(v), 7); want != tp.Partition {
				t.Errorf("%s is in partition %d, Java's is %d", v, tp.Partition, want)
			}
		}
	}
}

func TestMurmur2(t *testing.T) {
	f := func(key string, want int32) {
		t.Helper()
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
	// The values of Kafka's own UtilsTest.
	f("21", -973932308)
	f("foobar", -790332482)
	f("a-little-bit-long-string", -985981536)
	f("a-little-bit-longer-string", -1486304829)
	f("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)
	f("abc", 479470107)
}

func TestCommitAndResume(t *testing.T) { onBothPaths(t, testCommitAndResume) }

func testCommitAndResume(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	p := newProducer(t, b)
	produceRows(t, p, textRows("t", "0", "1", "2", "3"))
	ctx := testContext(t)
	tp := TopicPartition{"t", 0}
	c := newConsumer(t, consumerConfig(t, b, "cr"), ConsumerOptions{Path: path, Topics: []string{"t"}})
	collect(t, c, 4)
	if err := c.Commit(ctx, map[TopicPartition]Offset{tp: {Offset: 2, LeaderEpoch: -1, Metadata: "m"}}); err != nil {
		t.Fatal(err)
	}
	lag, err := c.Lag(ctx, map[TopicPartition]int64{tp: 1})
	if err != nil || lag[tp] != 3 {
		t.Fatalf("lag %v %v", lag, err)
	}
	c.Close()
	if err := c.PollRows(ctx, &RowSet{}, 1, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Poll after Close: %v", err)
	}
	if err := c.Commit(ctx, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Commit after Close: %v", err)
	}
	a := newAdmin(t, b)
	got, err := a.GroupOffsets(ctx, "connect-cr")
	if err != nil || len(got) != 1 || got[tp] != (Offset{Offset: 2, LeaderEpoch: -1, Metadata: "m"}) {
		t.Fatalf("committed %v %v", got, err)
	}
	// The next member starts there, and is told.
	var start Offset
	c = newConsumer(t, consumerConfig(t, b, "cr"), ConsumerOptions{Path: path, Topics: []string{"t"}, OnAssigned: func(r *Rebalance) { start = r.Offset(tp) }})
	if rest := collect(t, c, 2)[tp]; !slices.Equal(rest, []string{"2", "3"}) {
		t.Errorf("read %v", rest)
	}
	if start.Offset != 2 {
		t.Errorf("started at %+v", start)
	}
}

func TestSeek(t *testing.T) { onBothPaths(t, testSeek) }

func testSeek(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	p := newProducer(t, b)
	produceRows(t, p, textRows("t", "0", "1", "2", "3"))
	tp := TopicPartition{"t", 0}
	c := newConsumer(t, consumerConfig(t, b, "seek"), ConsumerOptions{
		Path:       path,
		Topics:     []string{"t"},
		OnAssigned: func(r *Rebalance) { r.Seek(tp, 3) },
	})
	if got := collect(t, c, 1)[tp]; !slices.Equal(got, []string{"3"}) {
		t.Fatalf("after Seek in OnAssigned: %v", got)
	}
	c.Seek(map[TopicPartition]int64{tp: 1, {"t", 9}: 5})
	if got := collect(t, c, 3)[tp]; !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Fatalf("after Seek: %v", got)
	}
}

func TestPauseKeepsRecords(t *testing.T) { onBothPaths(t, testPauseKeepsRecords) }

func testPauseKeepsRecords(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	p := newProducer(t, b)
	produceRows(t, p, textRows("t", "0"))
	tp := TopicPartition{"t", 0}
	c := newConsumer(t, consumerConfig(t, b, "pause"), ConsumerOptions{Path: path, Topics: []string{"t"}})
	collect(t, c, 1)
	c.PauseAll()
	if got := c.Paused(); !slices.Equal(got, []TopicPartition{tp}) {
		t.Fatalf("paused %v", got)
	}
	produceRows(t, p, textRows("t", "1", "2"))
	short, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	var set RowSet
	if err := c.PollRows(short, &set, 100, 1<<20); err != nil || set.N != 0 {
		t.Fatalf("a paused partition gave %d records, %v", set.N, err)
	}
	c.Resume(tp)
	if got := collect(t, c, 2)[tp]; !slices.Equal(got, []string{"1", "2"}) {
		t.Fatalf("after Resume: %v", got)
	}
}

// poller polls until its consumer closes, so that rebalances proceed.
func poller(t *testing.T, c *Consumer) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			err := c.PollRows(ctx, &RowSet{}, 100, 1<<20)
			cancel()
			if errors.Is(err, ErrClosed) {
				return
			}
		}
	})
	t.Cleanup(func() { c.Close(); wg.Wait() })
}

func TestRevokedPartitionsAreNotCommitted(t *testing.T) {
	onBothPaths(t, testRevokedPartitionsAreNotCommitted)
}

func testRevokedPartitionsAreNotCommitted(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	if err := b.CreateTopic("t", 2, nil); err != nil {
		t.Fatal(err)
	}
	p := newProducer(t, b)
	rows := textRows("t", "x", "y")
	rows.Partition = []int32{0, 1}
	produceRows(t, p, rows)
	ctx := testContext(t)
	fast := []string{"heartbeat.interval.ms", "100"}

	var mu sync.Mutex
	var first *Consumer
	var during, inside error
	var revoked, firstAssignment []TopicPartition
	var oldAssignment uint64
	again := make(chan *Rebalance, 1)
	first = newConsumer(t, consumerConfig(t, b, "rv", fast...), ConsumerOptions{
		Path:   path,
		Topics: []string{"t"},
		OnAssigned: func(r *Rebalance) {
			mu.Lock()
			defer mu.Unlock()
			if firstAssignment == nil {
				firstAssignment, oldAssignment = r.Partitions, r.Assignment
				return
			}
			select {
			case again <- r:
			default:
			}
		},
		OnRevoked: func(r *Rebalance) {
			mu.Lock()
			defer mu.Unlock()
			if revoked != nil {
				return
			}
			revoked = r.Partitions
			during = first.Commit(ctx, map[TopicPartition]Offset{{"t", 0}: {Offset: 99, LeaderEpoch: -1}})
			inside = r.Commit(ctx, map[TopicPartition]Offset{{"t", 0}: {Offset: 1, LeaderEpoch: -1}, {"t", 1}: {Offset: 1, LeaderEpoch: -1}})
		},
	})
	collect(t, first, 2)
	poller(t, first)
	second := newConsumer(t, consumerConfig(t, b, "rv", fast...), ConsumerOptions{Path: path, Topics: []string{"t"}})
	poller(t, second)
	select {
	case <-again:
	case <-ctx.Done():
		t.Fatal("no second assignment")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(revoked) != 2 || len(firstAssignment) != 2 {
		t.Fatalf("the eager flow gives up everything: assigned %v, revoked %v", firstAssignment, revoked)
	}
	if !errors.Is(during, ErrRebalancing) {
		t.Errorf("Commit inside a callback: %v", during)
	}
	if inside != nil {
		t.Errorf("Rebalance.Commit: %v", inside)
	}
	var kept, gone TopicPartition
	first.Owned(func(tp TopicPartition, _ uint64) { kept = tp })
	gone = TopicPartition{"t", 1 - kept.Partition}
	// What is gone is left out, and so is what was fetched under the assignment before; the rest goes through.
	err := ErrRebalancing
	for errors.Is(err, ErrRebalancing) { // until the callback has returned
		err = first.Commit(ctx, map[TopicPartition]Offset{gone: {Offset: 99, LeaderEpoch: -1}, kept: {Offset: 99, LeaderEpoch: -1, Assignment: oldAssignment}})
	}
	var notOwned *NotOwnedError
	if !errors.As(err, &notOwned) || len(notOwned.Partitions) != 2 || !errors.Is(err, ErrNotOwned) {
		t.Errorf("Commit of what is gone: %v", err)
	}
	got, err := newAdmin(t, b).GroupOffsets(ctx, "connect-rv")
	if err != nil || got[gone].Offset != 1 || got[kept].Offset != 1 {
		t.Errorf("committed %v %v", got, err)
	}
}

func TestPattern(t *testing.T) { onBothPaths(t, testPattern) }

func testPattern(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	p := newProducer(t, b)
	produceRows(t, p, textRows("in-a", "a"))
	produceRows(t, p, textRows("out", "no"))
	c := newConsumer(t, consumerConfig(t, b, "pat", "metadata.max.age.ms", "250"), ConsumerOptions{
		Path:  path,
		Match: func(topic string) bool { return topic[:2] == "in" },
	})
	if got := collect(t, c, 1); len(got[TopicPartition{"in-a", 0}]) != 1 {
		t.Fatal(got)
	}
	// A topic that appears later is joined.
	produceRows(t, p, textRows("in-b", "b"))
	// The group starts over, and nothing was committed.
	if got := collect(t, c, 2); len(got[TopicPartition{"in-b", 0}]) != 1 {
		t.Fatal(got)
	}
}

func TestUnknownTopic(t *testing.T) { onBothPaths(t, testUnknownTopic) }

func testUnknownTopic(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{NoAutoCreate: true})
	p := newProducerOn(t, b.Addr(), path, "max.block.ms", "300")
	err := p.ProduceRows(testContext(t), textRows("nope", "x"), func([]RowError) { t.Error("done was called") })
	if err == nil || !IsUnknownTopic(err) || err.Error() != "org.apache.kafka.common.errors.TimeoutException: Topic nope not present in metadata after 300 ms. (UNKNOWN_TOPIC_OR_PARTITION)" {
		t.Fatal(err)
	}
}

func TestRowErrors(t *testing.T) { onBothPaths(t, testRowErrors) }

func testRowErrors(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	p := newProducerOn(t, b.Addr(), path, "max.request.size", "1000")
	rows := textRows("t", "a", string(make([]byte, 5000)), "c")
	errs := produceRows(t, p, rows)
	if len(errs) != 1 || errs[0].Row != 1 {
		t.Fatalf("%v", errs)
	}
	// A partition that does not exist fails its row.
	rows = textRows("t", "a", "b")
	rows.Partition = []int32{0, 77}
	if errs = produceRows(t, p, rows); len(errs) != 1 || errs[0].Row != 1 {
		t.Fatalf("%v", errs)
	}
}

func TestTransactions(t *testing.T) { onBothPaths(t, testTransactions) }

func testTransactions(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	p := newProducerOn(t, b.Addr(), path, "transactional.id", "tx")
	ctx := testContext(t)
	if err := p.InitTransactions(ctx); err != nil {
		t.Fatal(err)
	}
	for i, commit := range []bool{true, false, true} {
		if err := p.Begin(); err != nil {
			t.Fatal(err)
		}
		if errs := produceRows(t, p, textRows("t", fmt.Sprint(i))); errs != nil {
			t.Fatal(errs)
		}
		end := p.Abort
		if commit {
			end = p.Commit
		}
		if err := end(ctx); err != nil {
			t.Fatal(err)
		}
	}
	c := newConsumer(t, consumerConfig(t, b, "tx", "isolation.level", "read_committed"), ConsumerOptions{Topics: []string{"t"}})
	if got := collect(t, c, 2)[TopicPartition{"t", 0}]; !slices.Equal(got, []string{"0", "2"}) {
		t.Errorf("read committed: %v", got)
	}
	// Another producer of the id, here the admin's fencing, ends this one.
	if err := newAdmin(t, b).FenceProducers(ctx, time.Second, "tx"); err != nil {
		t.Fatal(err)
	}
	if err := p.Begin(); err != nil {
		t.Fatal(err)
	}
	produceRows(t, p, textRows("t", "zombie"))
	if err := p.Commit(ctx); err == nil {
		t.Error("a fenced producer committed")
	}
}

func TestAdmin(t *testing.T) {
	b := startBroker(t, embedded.Options{ClusterID: "cid"})
	a := newAdmin(t, b)
	ctx := testContext(t)
	if err := a.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	if id, err := a.ClusterID(ctx); id != "cid" || err != nil {
		t.Error(id, err)
	}
	made, err := a.CreateTopic(ctx, NewTopic{Name: "t", Partitions: 2, ReplicationFactor: 1, Configs: map[string]string{"cleanup.policy": "compact"}})
	if !made || err != nil {
		t.Fatal(made, err)
	}
	if made, err = a.CreateTopic(ctx, NewTopic{Name: "t", Partitions: 2, ReplicationFactor: 1}); made || err != nil {
		t.Fatal(made, err)
	}
	if _, err := a.CreateTopic(ctx, NewTopic{Name: "none", Partitions: 0, ReplicationFactor: 1}); err == nil {
		t.Error("a topic without partitions was made")
	}
	topics, err := a.DescribeTopics(ctx, "t", "missing")
	if err != nil || len(topics) != 1 || topics["t"].Partitions != 2 {
		t.Error(topics, err)
	}
	if cfg, err := a.TopicConfig(ctx, "t"); err != nil || cfg["cleanup.policy"] != "compact" {
		t.Error(cfg, err)
	}
	if all, err := a.Topics(ctx); err != nil || len(all) != 1 {
		t.Error(all, err)
	}
	tp := TopicPartition{"t", 1}
	rows := textRows("t", "a", "b")
	rows.Partition = []int32{1, 1}
	produceRows(t, newProducer(t, b), rows)
	if ends, err := a.EndOffsets(ctx, false, tp, TopicPartition{"t", 0}); err != nil || ends[tp] != 2 || ends[TopicPartition{"t", 0}] != 0 {
		t.Error(ends, err)
	}
	if err := a.AlterGroupOffsets(ctx, "g", map[TopicPartition]Offset{tp: {Offset: 1, LeaderEpoch: -1}}); err != nil {
		t.Fatal(err)
	}
	if got, err := a.GroupOffsets(ctx, "g"); err != nil || got[tp].Offset != 1 {
		t.Error(got, err)
	}
	if err := a.DeleteGroupOffsets(ctx, "g", tp); err != nil {
		t.Error(err)
	}
	if got, err := a.GroupOffsets(ctx, "g"); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	for range 2 {
		if err := a.DeleteGroup(ctx, "g"); err != nil {
			t.Error(err)
		}
	}
	if err := a.DeleteTopic(ctx, "t"); err != nil {
		t.Error(err)
	}
}

func TestPingUnreachable(t *testing.T) {
	b := startBroker(t, embedded.Options{})
	addr := b.Addr()
	b.Close()
	a, err := NewAdmin(mustParse(t, RoleAdmin, AdminDefaults(addr, "x")), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var u *UnreachableError
	if err := a.Ping(ctx); !errors.As(err, &u) || u.Bootstrap[0] != addr {
		t.Fatal(err)
	}
}

func TestPatternWithoutATopicYet(t *testing.T) {
	b := startBroker(t, embedded.Options{})
	c := newConsumer(t, consumerConfig(t, b, "pat", "metadata.max.age.ms", "250"), ConsumerOptions{
		Match: func(topic string) bool { return topic == "later" },
	})
	produceRows(t, newProducer(t, b), textRows("later", "x"))
	if got := collect(t, c, 1); len(got[TopicPartition{"later", 0}]) != 1 {
		t.Fatal(got)
	}
}

func TestProduceUnreachable(t *testing.T) { onBothPaths(t, testProduceUnreachable) }

func testProduceUnreachable(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	p := newProducerOn(t, b.Addr(), path, "max.block.ms", "400")
	addr := b.Addr()
	b.Close()
	err := p.ProduceRows(testContext(t), textRows("t", "x"), func([]RowError) { t.Error("done was called") })
	var u *UnreachableError
	if !errors.As(err, &u) || u.Bootstrap[0] != addr {
		t.Fatal(err)
	}
	// Without a limit the task waits, as Connect's does, until it is told to stop.
	p2 := newProducerOn(t, addr, path)
	ctx, cancel := context.WithTimeout(context.Background(), 600*time.Millisecond)
	defer cancel()
	if err := p2.ProduceRows(ctx, textRows("t", "x"), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestProduceIsFedByManyTopics(t *testing.T) { onBothPaths(t, testProduceIsFedByManyTopics) }

func testProduceIsFedByManyTopics(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	p := newProducerOn(t, b.Addr(), path)
	rows := textRows("", "0", "1", "2", "3", "4", "5")
	rows.TopicOf = func(i int) string { return "t" + strconv.Itoa(i%2) }
	if errs := produceRows(t, p, rows); errs != nil {
		t.Fatal(errs)
	}
	c := newConsumer(t, consumerConfig(t, b, "many"), ConsumerOptions{Path: path, Topics: []string{"t0", "t1"}})
	got := collect(t, c, 6)
	if !slices.Equal(got[TopicPartition{"t0", 0}], []string{"0", "2", "4"}) || !slices.Equal(got[TopicPartition{"t1", 0}], []string{"1", "3", "5"}) {
		t.Fatal(got)
	}
}

// An empty value is not a null, even when there are no bytes at all.
func TestEmptyIsNotNull(t *testing.T) {
	onBothPaths(t, func(t *testing.T, path Path) {
		b := startBroker(t, embedded.Options{})
		p := newProducerOn(t, b.Addr(), path)
		if errs := produceRows(t, p, &Rows{N: 1, Topic: "t", Key: []uint64{NullBytes}, Value: []uint64{PackBytes(0, 0)}}); errs != nil {
			t.Fatal(errs)
		}
		var set RowSet
		c := newConsumer(t, consumerConfig(t, b, "empty"), ConsumerOptions{Path: path, Topics: []string{"t"}})
		rs, err := polled(testContext(t), c, &set)
		if err != nil || len(rs) != 1 {
			t.Fatal(len(rs), err)
		}
		if r := rs[0]; r.Key != nil || r.Value == nil {
			t.Errorf("%+v", r)
		}
	})
}

func TestAllRowsSkipped(t *testing.T) { onBothPaths(t, testAllRowsSkipped) }

func testAllRowsSkipped(t *testing.T, path Path) {
	p := newProducerOn(t, startBroker(t, embedded.Options{}).Addr(), path)
	rows := textRows("t", "a", "b")
	rows.Skip = func(int) bool { return true }
	if errs := produceRows(t, p, rows); errs != nil {
		t.Fatal(errs)
	}
}

func TestProduceRowsDoesNotAllocatePerRow(t *testing.T) {
	onBothPaths(t, testProduceRowsDoesNotAllocatePerRow)
}

func testProduceRowsDoesNotAllocatePerRow(t *testing.T, path Path) {
	b := startBroker(t, embedded.Options{})
	p := newProducerOn(t, b.Addr(), path)
	rows := &Rows{N: 2048, Topic: "t", Buf: make([]byte, 64)}
	for range rows.N {
		rows.Value = append(rows.Value, PackBytes(0, 64))
	}
	got := make(chan struct{})
	done := func([]RowError) { got <- struct{}{} }
	run := func() {
		if err := p.ProduceRows(context.Background(), rows, done); err != nil {
			t.Error(err)
		}
		<-got
	}
	run()
	// The embedded broker's own allocations are in here as well; they too are per batch.
	if n := testing.AllocsPerRun(10, run); n > float64(rows.N)/4 {
		t.Errorf("%.0f allocations for %d rows", n, rows.N)
	}
}

func TestRecordPool(t *testing.T) {
	p := newRecordPool()
	s := p.GetRecords(100)
	if len(s) != 0 || cap(s) != 128 {
		t.Fatalf("len %d cap %d", len(s), cap(s))
	}
	p.PutRecords(s)
	if again := p.GetRecords(65); &again[:1][0] != &s[:1][0] {
		t.Error("the slice was not reused")
	}
	// Idle memory is bounded, and a class that went out of use makes room for the one in use.
	for range 100 {
		p.PutRecords(make([]Record, 0, 4096))
	}
	for range 100 {
		p.PutRecords(make([]Record, 0, 1024))
	}
	if p.idle > pooledIdleBytes || len(p.classes[12].free) != 0 || len(p.classes[10].free) == 0 {
		t.Errorf("idle %d, %d of 4096 and %d of 1024", p.idle, len(p.classes[12].free), len(p.classes[10].free))
	}
	p.PutRecords(make([]Record, 0, 1000)) // not one of ours
	p.PutRecords(nil)
}
