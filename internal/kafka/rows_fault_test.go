// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// faultCluster is brokers whose topic t has partitions, for tests that make them fail.
func faultCluster(t testing.TB, brokers, partitions int, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(brokers), kfake.SeedTopics(int32(partitions), "t"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func batchProducer(t testing.TB, c *kfake.Cluster, kv ...string) *Producer {
	t.Helper()
	p := newProducerOn(t, c.ListenAddrs()[0], PathBatch, append([]string{"retry.backoff.ms", "10", "reconnect.backoff.ms", "10"}, kv...)...)
	if p.Path() != PathBatch {
		t.Fatal("the client path was taken")
	}
	return p
}

// readLog reads the n records of topic t from the start, by partition.
func readLog(t testing.TB, c *kfake.Cluster, n int) map[int32][]string {
	t.Helper()
	return readTopic(t, c, "t", n)
}

func readTopic(t testing.TB, c *kfake.Cluster, topic string, n int) map[int32][]string {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx := testContext(t)
	out := map[int32][]string{}
	for got := 0; got < n; {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatalf("%d of %d records: %v", got, n, err)
		}
		f.EachRecord(func(r *kgo.Record) { out[r.Partition] = append(out[r.Partition], string(r.Value)) })
		got += f.NumRecords()
	}
	total := 0
	for _, p := range c.PartitionInfos(topic) {
		total += int(p.HighWatermark)
	}
	if total != n {
		t.Errorf("%d records in the log, want %d", total, n)
	}
	return out
}

func numbered(from, to int) *Rows {
	var values []string
	for i := from; i < to; i++ {
		values = append(values, strconv.Itoa(i))
	}
	return textRows("t", values...)
}

func wantNumbers(t testing.TB, got []string, n int) {
	t.Helper()
	if len(got) != n {
		t.Fatalf("%d records, want %d", len(got), n)
	}
	for i, v := range got {
		if v != strconv.Itoa(i) {
			t.Fatalf("record %d is %s", i, v)
		}
	}
}

// A fault that passes costs a retry: what was written is in the log once, in order.
func TestBatchPathRetries(t *testing.T) {
	f := func(name string, fault func(c *kfake.Cluster), kv ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			c := faultCluster(t, 2, 1)
			p := batchProducer(t, c, kv...)
			if errs := produceRows(t, p, numbered(0, 10)); errs != nil {
				t.Fatal(errs)
			}
			fault(c)
			if errs := produceRows(t, p, numbered(10, 20)); errs != nil {
				t.Fatal(errs)
			}
			if errs := produceRows(t, p, numbered(20, 30)); errs != nil {
				t.Fatal(errs)
			}
			wantNumbers(t, readLog(t, c, 30)[0], 30)
		})
	}
	code := func(e *kerr.Error, count int) func(*kfake.Cluster) {
		return func(c *kfake.Cluster) { c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: e, Count: count}) }
	}
	f("not leader", code(kerr.NotLeaderForPartition, 2))
	f("unknown topic", code(kerr.UnknownTopicOrPartition, 2))
	f("not enough replicas", code(kerr.NotEnoughReplicas, 3))
	// The append happened: the retry is a duplicate.
	f("timed out after the append", code(kerr.RequestTimedOut, 1))
	f("out of order", code(kerr.OutOfOrderSequenceNumber, 1))
	f("unknown producer", code(kerr.UnknownProducerID, 2))
	f("fenced epoch", code(kerr.InvalidProducerEpoch, 1))
	f("leader moves", func(c *kfake.Cluster) {
		if err := c.MoveTopicPartition("t", 0, 1-c.PartitionInfo("t", 0).Leader); err != nil {
			t.Error(err)
		}
	})
	f("connection cut before the append", func(c *kfake.Cluster) {
		c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, errors.New("cut"), true })
	})
	f("no answer", func(c *kfake.Cluster) {
		c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, nil, true })
	}, "request.timeout.ms", "300")
	f("not idempotent", code(kerr.NotLeaderForPartition, 2), "enable.idempotence", "false")
	f("leader's ack", code(kerr.NotLeaderForPartition, 1), "acks", "1")
}

// cutter closes the connection of an answer that it was told to lose: the broker did its work, the client cannot know.
type cutter struct{ armed atomic.Int32 }

func (k *cutter) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return cutListener{l, k}, err
}

type cutListener struct {
	net.Listener
	cutter *cutter
}

func (l cutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return cutConn{c, l.cutter}, err
}

type cutConn struct {
	net.Conn
	cutter *cutter
}

func (c cutConn) Write(p []byte) (int, error) {
	if c.cutter.armed.Load() > 0 && c.cutter.armed.Add(-1) >= 0 {
		_ = c.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

func TestBatchPathConnectionCutAfterAppend(t *testing.T) {
	k := &cutter{}
	c := faultCluster(t, 1, 1, kfake.ListenFn(k.listen))
	p := batchProducer(t, c)
	if errs := produceRows(t, p, numbered(0, 10)); errs != nil {
		t.Fatal(errs)
	}
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.DropControl()
		k.armed.Store(1)
		return nil, nil, false
	})
	for i := 10; i < 30; i += 10 {
		if errs := produceRows(t, p, numbered(i, i+10)); errs != nil {
			t.Fatal(errs)
		}
	}
	wantNumbers(t, readLog(t, c, 30)[0], 30)
}

func TestBatchPathSplitsWhatIsTooLarge(t *testing.T) {
	c := faultCluster(t, 1, 1)
	if err := c.CreateTopic("small", 1, map[string]string{"max.message.bytes": "2000"}); err != nil {
		t.Fatal(err)
	}
	p := batchProducer(t, c)
	rows := numbered(0, 2000)
	rows.Topic = "small"
	rows.Headers = func(i int) []Header { return []Header{{Key: "n", Value: []byte{byte(i)}}, {Key: "null"}} }
	big := textRows("small", "a", strings.Repeat("x", 3000), "c")
	if errs := produceRows(t, p, rows); errs != nil {
		t.Fatal(errs[0])
	}
	if errs := produceRows(t, p, big); len(errs) != 1 || errs[0].Row != 1 || !errors.Is(errs[0].Err, kerr.MessageTooLarge) {
		t.Fatal(errs)
	}
	if n := c.PartitionInfo("small", 0).HighWatermark; n != 2002 {
		t.Errorf("%d records in the log", n)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics("small"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for n := 0; n < 2000; {
		f := cl.PollFetches(testContext(t))
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			if n < 2000 && (string(r.Value) != strconv.Itoa(n) || len(r.Headers) != 2 || r.Headers[0].Value[0] != byte(n) || r.Headers[1].Value != nil) {
				t.Errorf("record %d is %s %v", n, r.Value, r.Headers)
			}
			n++
		})
	}
}

// What no retry mends fails every row of the batch, and those that come after do well.
func TestBatchPathFatal(t *testing.T) {
	f := func(e *kerr.Error, kv ...string) {
		t.Helper()
		c := faultCluster(t, 1, 1)
		p := batchProducer(t, c, kv...)
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: e})
		errs := produceRows(t, p, numbered(0, 3))
		if len(errs) != 3 || !errors.Is(errs[0].Err, e) {
			t.Errorf("%v: %v", e, errs)
		}
		if errs := produceRows(t, p, numbered(0, 3)); errs != nil {
			t.Errorf("after %v: %v", e, errs)
		}
		wantNumbers(t, readLog(t, c, 3)[0], 3)
	}
	f(kerr.TopicAuthorizationFailed)
	f(kerr.InvalidRecord)
	f(kerr.UnknownServerError)
	f(kerr.PolicyViolation, "enable.idempotence", "false")
}

func TestBatchPathMayNotBeIdempotent(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := batchProducer(t, c)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.ClusterAuthorizationFailed, TopLevel: true})
	errs := produceRows(t, p, numbered(0, 2))
	if len(errs) != 2 || !strings.Contains(errs[0].Err.Error(), "enable.idempotence=false") {
		t.Fatal(errs)
	}
	if errs := produceRows(t, p, numbered(0, 2)); errs != nil {
		t.Fatal(errs)
	}
}

func TestBatchPathDeliveryTimeout(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := batchProducer(t, c, "delivery.timeout.ms", "1000", "request.timeout.ms", "500", "linger.ms", "0")
	fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	start := time.Now()
	errs := produceRows(t, p, numbered(0, 2))
	if took := time.Since(start); len(errs) != 2 || !errors.Is(errs[0].Err, kgo.ErrRecordTimeout) || took < time.Second || took > 10*time.Second {
		t.Fatal(errs, time.Since(start))
	}
	fault.Remove()
	if errs := produceRows(t, p, numbered(0, 2)); errs != nil {
		t.Fatal(errs)
	}
	wantNumbers(t, readLog(t, c, 2)[0], 2)
}

func TestBatchPathRetriesRunOut(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := batchProducer(t, c, "retries", "2")
	fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	if errs := produceRows(t, p, numbered(0, 1)); len(errs) != 1 || !errors.Is(errs[0].Err, kgo.ErrRecordRetries) || !errors.Is(errs[0].Err, kerr.NotEnoughReplicas) {
		t.Fatal(errs)
	}
	if n := fault.Hits(); n != 3 {
		t.Errorf("%d tries, want 3", n)
	}
}

func TestBatchPathTopicVanishes(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := batchProducer(t, c, "max.block.ms", "400")
	if errs := produceRows(t, p, numbered(0, 1)); errs != nil {
		t.Fatal(errs)
	}
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce, kmsg.Metadata}, Topic: "t", Err: kerr.UnknownTopicOrPartition, Count: -1})
	if errs := produceRows(t, p, numbered(1, 2)); len(errs) != 1 || !IsUnknownTopic(errs[0].Err) {
		t.Fatal(errs)
	}
}

// A broker that is down for a while stops nothing but the clock, and Close does not wait for it.
func TestBatchPathClose(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := batchProducer(t, c)
	if errs := produceRows(t, p, numbered(0, 1)); errs != nil {
		t.Fatal(errs)
	}
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return nil, nil, true // never answered
	})
	got := make(chan []RowError, 2)
	for range 2 {
		if err := p.ProduceRows(testContext(t), numbered(0, 5), func(errs []RowError) { got <- slices.Clone(errs) }); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.Buffered(); n != 10 {
		t.Errorf("%d rows buffered", n)
	}
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := p.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush: %v", err)
	}
	p.Close()
	for range 2 {
		if errs := <-got; len(errs) != 5 || !errors.Is(errs[0].Err, ErrClosed) {
			t.Error(errs)
		}
	}
	if err := p.ProduceRows(testContext(t), numbered(0, 1), nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestBatchPathBufferMemory(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := batchProducer(t, c, "buffer.memory", "100")
	release := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-release })
		return nil, nil, false
	})
	done := make(chan []RowError, 2)
	note := func(errs []RowError) { done <- slices.Clone(errs) }
	if err := p.ProduceRows(testContext(t), numbered(0, 50), note); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := p.ProduceRows(short, numbered(50, 60), note); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a full buffer took more: %v", err)
	}
	close(release)
	if err := p.ProduceRows(testContext(t), numbered(50, 60), note); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if errs := <-done; errs != nil {
			t.Error(errs)
		}
	}
	if err := p.Flush(testContext(t)); err != nil {
		t.Error(err)
	}
	wantNumbers(t, readLog(t, c, 60)[0], 60)
}

// holdProduce keeps the next produce request unanswered, tells that it came, and lets go when release is closed.
func holdProduce(c *kfake.Cluster) (came, release chan struct{}) {
	came, release = make(chan struct{}), make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.DropControl()
		close(came)
		c.SleepControl(func() { <-release })
		return nil, nil, false
	})
	return came, release
}

func sendNumbers(t testing.TB, p *Producer, from, to int) {
	t.Helper()
	if err := p.ProduceRows(testContext(t), numbered(from, to), func(errs []RowError) {
		if errs != nil {
			t.Error(errs)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// Calls that come while a request is in flight share the next one.
func TestBatchPathMergesCalls(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := batchProducer(t, c)
	seen := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Observe: true, Count: -1})
	came, release := holdProduce(c)
	sendNumbers(t, p, 0, 1)
	<-came
	for i := 1; i < 100; i++ {
		sendNumbers(t, p, i, i+1)
	}
	close(release)
	if err := p.Flush(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if n := seen.Hits(); n != 2 {
		t.Errorf("%d requests for 100 calls", n)
	}
	wantNumbers(t, readLog(t, c, 100)[0], 100)
}

// A partition whose leader moves under a request in flight waits for its answer before it sends to the new leader.
func TestBatchPathLeaderMovesInFlight(t *testing.T) {
	c := faultCluster(t, 2, 1)
	p := batchProducer(t, c)
	sendNumbers(t, p, 0, 1)
	if err := p.Flush(testContext(t)); err != nil {
		t.Fatal(err)
	}
	seen := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Observe: true, Count: -1})
	came, release := holdProduce(c)
	sendNumbers(t, p, 1, 2)
	<-came
	if err := c.MoveTopicPartition("t", 0, 1-c.PartitionInfo("t", 0).Leader); err != nil {
		t.Fatal(err)
	}
	p.rows.refresh([]string{"t"}, time.Second)
	sendNumbers(t, p, 2, 3)
	time.Sleep(50 * time.Millisecond)
	if n := seen.Hits(); n != 0 {
		t.Errorf("%d requests overtook the one in flight", n)
	}
	close(release)
	if err := p.Flush(testContext(t)); err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, readLog(t, c, 3)[0], 3)
}

// Rows that failed without a word on their fate leave sequence numbers that nobody may use again: the broker would
// take the next rows for them.
func TestBatchPathFailsUnsure(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := batchProducer(t, c, "retries", "1")
	if errs := produceRows(t, p, numbered(0, 3)); errs != nil {
		t.Fatal(errs)
	}
	fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 2})
	if errs := produceRows(t, p, numbered(3, 6)); len(errs) != 3 || fault.Hits() != 2 {
		t.Fatal(errs)
	}
	if errs := produceRows(t, p, numbered(6, 9)); errs != nil {
		t.Fatal(errs)
	}
	wantNumbers(t, readLog(t, c, 9)[0], 9) // 3 to 5 were there after all
}

// Random faults under load from several goroutines: every row is in the log once, in the order of its goroutine.
func TestBatchPathChaos(t *testing.T) {
	const writers, calls, perCall = 4, 50, 250 // 50,000 rows
	k := &cutter{}
	c := faultCluster(t, 3, 6, kfake.ListenFn(k.listen))
	p := batchProducer(t, c, "request.timeout.ms", "1000")
	chaos(c, k, 20261122)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(7, uint64(w)))
			for n := range calls {
				rows := &Rows{Topic: "t", N: perCall}
				for i := range perCall {
					text := strconv.Itoa(w) + " " + strconv.Itoa(n*perCall+i)
					rows.Value = append(rows.Value, PackBytes(uint32(len(rows.Buf)), uint32(len(text))))
					rows.Buf = append(rows.Buf, text...)
					rows.Partition = append(rows.Partition, int32(rng.IntN(6)))
				}
				if err := p.ProduceRows(context.Background(), rows, func(errs []RowError) {
					if errs != nil {
						t.Errorf("%d rows failed: %v", len(errs), errs[0].Err)
					}
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	k.armed.Store(-1 << 20)
	for partition, values := range readLog(t, c, writers*calls*perCall) {
		last := [writers]int{-1, -1, -1, -1}
		for _, v := range values {
			who, text, _ := strings.Cut(v, " ")
			w, _ := strconv.Atoi(who)
			n, _ := strconv.Atoi(text)
			if n <= last[w] {
				t.Fatalf("partition %d: row %d of writer %d comes after %d", partition, n, w, last[w])
			}
			last[w] = n
		}
	}
}

// chaos makes about a third of the first few hundred produce requests fail in one way or another.
func chaos(c *kfake.Cluster, k *cutter, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	left := 300
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if left--; left < 0 {
			return nil, nil, false
		}
		codes := []*kerr.Error{kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.RequestTimedOut, kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch}
		switch at := rng.IntN(30); {
		case at < len(codes):
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: codes[at], Partitions: []int32{rng.Int32N(6)}})
		case at == 6:
			return nil, errors.New("cut"), true
		case at == 7:
			k.armed.Store(1) // this append is answered by a cut
		}
		return nil, nil, false
	})
}
