// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// newReader reads the partitions of t from their beginnings on the batch path.
func newReader(t testing.TB, c *kfake.Cluster, path Path, start map[TopicPartition]int64, kv ...string) *Reader {
	t.Helper()
	props := with(map[string]string{"bootstrap.servers": strings.Join(c.ListenAddrs(), ","), "retry.backoff.ms": "10", "reconnect.backoff.ms": "10"}, kv...)
	r, err := OpenReader(testContext(t), mustParse(t, RoleConsumer, props), ReaderOptions{Start: start, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func fromStart(partitions int) map[TopicPartition]int64 {
	m := map[TopicPartition]int64{}
	for p := range partitions {
		m[TopicPartition{"t", int32(p)}] = 0
	}
	return m
}

// readRows reads n rows, by partition.
func readRows(t testing.TB, r *Reader, n int) map[int32][]*kgo.Record {
	t.Helper()
	out := map[int32][]*kgo.Record{}
	ctx := testContext(t)
	var set RowSet
	for got := 0; got < n; {
		rs, err := polled(ctx, r, &set)
		if err != nil || len(rs) == 0 {
			t.Fatalf("%d of %d rows, %v", got, n, err)
		}
		got += len(rs)
		out[set.Partition] = append(out[set.Partition], rs...)
	}
	return out
}

func fillLog(t testing.TB, c *kfake.Cluster, recs []*kgo.Record, opts ...kgo.Opt) {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic("t"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(testContext(t), recs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func numbers(from, to, partitions int) []*kgo.Record {
	var recs []*kgo.Record
	for i := from; i < to; i++ {
		recs = append(recs, &kgo.Record{Partition: int32(i % partitions), Value: strconv.AppendInt(nil, int64(i/partitions), 10)})
	}
	return recs
}

func wantRows(t testing.TB, got []*kgo.Record, from, n int) {
	t.Helper()
	if len(got) != n {
		t.Fatalf("%d rows, want %d", len(got), n)
	}
	for i, r := range got {
		if r.Offset != int64(from+i) || string(r.Value) != strconv.Itoa(from+i) {
			t.Fatalf("row %d is %s at offset %d", from+i, r.Value, r.Offset)
		}
	}
}

// What either path reads of one log is the same, whatever its batches are packed with.
func TestReaderPathsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	f := func(name string, codec kgo.CompressionCodec) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			c := faultCluster(t, 2, 3)
			recs := someRecords(r, 300)
			for i, rec := range recs {
				rec.Topic, rec.Partition = "", int32(i%3)
			}
			for chunk := range slices.Chunk(recs, 40) {
				fillLog(t, c, chunk, kgo.ProducerBatchCompression(codec))
			}
			want := readRows(t, newReader(t, c, PathClient, fromStart(3)), 300)
			got := readRows(t, newReader(t, c, PathBatch, fromStart(3)), 300)
			for p := range want {
				sameRecords(t, got[p], want[p])
			}
		})
	}
	f("none", kgo.NoCompression())
	f("gzip", kgo.GzipCompression())
	f("snappy", kgo.SnappyCompression())
	f("lz4", kgo.Lz4Compression())
	f("zstd", kgo.ZstdCompression())
}

// A fault that passes is not heard of.
func TestReaderSurvives(t *testing.T) {
	f := func(name string, fault func(c *kfake.Cluster), kv ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			c := faultCluster(t, 2, 1)
			fillLog(t, c, numbers(0, 10, 1))
			r := newReader(t, c, PathBatch, fromStart(1), kv...)
			wantRows(t, readRows(t, r, 10)[0], 0, 10)
			fault(c)
			fillLog(t, c, numbers(10, 20, 1))
			wantRows(t, readRows(t, r, 10)[0], 10, 10)
			fillLog(t, c, numbers(20, 30, 1))
			wantRows(t, readRows(t, r, 10)[0], 20, 10)
		})
	}
	code := func(e *kerr.Error, count int) func(*kfake.Cluster) {
		return func(c *kfake.Cluster) { c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: e, Count: count}) }
	}
	whole := func(e *kerr.Error) func(*kfake.Cluster) {
		return func(c *kfake.Cluster) {
			c.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
				resp := req.ResponseKind().(*kmsg.FetchResponse)
				resp.ErrorCode = e.Code
				return resp, nil, true
			})
		}
	}
	f("not leader", code(kerr.NotLeaderForPartition, 2))
	f("unknown topic", code(kerr.UnknownTopicOrPartition, 2))
	f("fenced epoch", code(kerr.FencedLeaderEpoch, 2))
	f("unknown epoch", code(kerr.UnknownLeaderEpoch, 2))
	f("storage", code(kerr.KafkaStorageError, 1))
	f("offset not available", code(kerr.OffsetNotAvailable, 1))
	f("unknown server error", code(kerr.UnknownServerError, 1))
	f("session lost", whole(kerr.FetchSessionIDNotFound))
	f("session epoch", whole(kerr.InvalidFetchSessionEpoch))
	f("leader moves", func(c *kfake.Cluster) {
		if err := c.MoveTopicPartition("t", 0, 1-c.PartitionInfo("t", 0).Leader); err != nil {
			t.Error(err)
		}
	})
	f("connection cut", func(c *kfake.Cluster) {
		c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, errors.New("cut"), true })
	})
	f("no answer", func(c *kfake.Cluster) {
		c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, nil, true })
	}, "request.timeout.ms", "600")
}

// spoiler changes or cuts what a broker writes.
type spoiler struct {
	spoil atomic.Pointer[func(p []byte) (n int)] // how much of p to write, less = cut
}

func (s *spoiler) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return spoilListener{l, s}, err
}

type spoilListener struct {
	net.Listener
	s *spoiler
}

func (l spoilListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return spoilConn{c, l.s}, err
}

type spoilConn struct {
	net.Conn
	s *spoiler
}

func (c spoilConn) Write(p []byte) (int, error) {
	f := c.s.spoil.Load()
	if f == nil {
		return c.Conn.Write(p)
	}
	p = slices.Clone(p)
	n := (*f)(p)
	if n == len(p) {
		return c.Conn.Write(p)
	}
	_, _ = c.Conn.Write(p[:n])
	_ = c.Conn.Close()
	return n, net.ErrClosed
}

// A response that ends in its middle is asked for again, and no row comes twice.
func TestReaderCutInTheMiddle(t *testing.T) {
	s := &spoiler{}
	c := faultCluster(t, 1, 2, kfake.ListenFn(s.listen))
	for i := range 20 {
		fillLog(t, c, numbers(i*100, i*100+100, 2))
	}
	r := rand.New(rand.NewPCG(11, 11))
	var mu sync.Mutex
	cuts := 0
	f := func(p []byte) int {
		mu.Lock()
		defer mu.Unlock()
		if len(p) < 2000 || cuts == 10 {
			return len(p)
		}
		cuts++
		return r.IntN(len(p))
	}
	s.spoil.Store(&f)
	got := readRows(t, newReader(t, c, PathBatch, fromStart(2), "fetch.max.bytes", "5000"), 2000)
	for p := range int32(2) {
		wantRows(t, got[p], 0, 1000)
	}
	if cuts < 5 {
		t.Errorf("%d cuts", cuts)
	}
}

// A batch that was changed on its way is named, and can be passed.
func TestReaderCorruptBatch(t *testing.T) {
	s := &spoiler{}
	c := faultCluster(t, 1, 1, kfake.ListenFn(s.listen))
	for i := range 3 {
		fillLog(t, c, []*kgo.Record{{Value: fmt.Appendf(nil, "value-%d-a", i)}, {Value: fmt.Appendf(nil, "value-%d-b", i)}})
	}
	f := func(p []byte) int {
		if i := bytes.Index(p, []byte("value-1-a")); i >= 0 {
			p[i] ^= 1
		}
		return len(p)
	}
	s.spoil.Store(&f)
	r := newReader(t, c, PathBatch, fromStart(1))
	if got := readRows(t, r, 2)[0]; string(got[1].Value) != "value-0-b" {
		t.Fatalf("%s", got[1].Value)
	}
	var set RowSet
	err := r.PollRows(testContext(t), &set, 10, 1000)
	var at *PartitionError
	var bad *CorruptError
	if !errors.As(err, &at) || !errors.As(err, &bad) || at.String() != "t-0" || bad.Offset != 2 || bad.Next != 4 || set.N != 0 {
		t.Fatalf("%v, %d rows", err, set.N)
	}
	// It is said once, and nothing of the partition comes until Seek.
	short, cancel := context.WithTimeout(testContext(t), 200*time.Millisecond)
	defer cancel()
	if err := r.PollRows(short, &set, 10, 1000); err != nil || set.N != 0 {
		t.Fatal(err, set.N)
	}
	r.Seek(map[TopicPartition]int64{{"t", 0}: bad.Next})
	if got := readRows(t, r, 2)[0]; string(got[0].Value) != "value-2-a" {
		t.Fatalf("%s", got[0].Value)
	}
}

func TestReaderOutOfRange(t *testing.T) {
	f := func(reset string, start int64, want int, reason string) {
		t.Helper()
		t.Run(reset+strconv.FormatInt(start, 10), func(t *testing.T) {
			c := faultCluster(t, 1, 1)
			fillLog(t, c, numbers(0, 10, 1))
			r := newReader(t, c, PathBatch, map[TopicPartition]int64{{"t", 0}: start}, "auto.offset.reset", reset)
			if reason != "" {
				var set RowSet
				var at *PartitionError
				if err := r.PollRows(testContext(t), &set, 10, 1000); !errors.As(err, &at) || !strings.Contains(err.Error(), reason) {
					t.Error(err)
				}
				return
			}
			late := want == 10 // the end: only what comes later, some time
			done := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for i := 10; late; i++ {
					select {
					case <-done:
						return
					case <-time.After(20 * time.Millisecond):
						fillLog(t, c, numbers(i, i+1, 1))
					}
				}
			})
			got := readRows(t, r, 1)[0]
			close(done)
			wg.Wait()
			if o := got[0].Offset; o != int64(want) && !late || o < int64(want) {
				t.Errorf("starts at %d", o)
			}
		})
	}
	f("earliest", NoOffset, 0, "")
	f("earliest", 99, 0, "")
	f("latest", NoOffset, 10, "")
	f("latest", 99, 10, "")
	f("by_duration:PT1H", NoOffset, 0, "")
	f("none", 5, 5, "")
	f("none", NoOffset, 0, "NoOffsetForPartitionException")
	f("none", 99, 0, "OffsetOutOfRangeException")
}

func TestReaderTransactions(t *testing.T) {
	c := faultCluster(t, 1, 1)
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic("t"), kgo.TransactionalID("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx := testContext(t)
	for i := range 6 {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(ctx, &kgo.Record{Value: strconv.AppendInt(nil, int64(i), 10)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(ctx, kgo.TransactionEndTry(i%2 == 0)); err != nil {
			t.Fatal(err)
		}
	}
	f := func(isolation string, want ...string) {
		t.Helper()
		var got []string
		for _, r := range readRows(t, newReader(t, c, PathBatch, fromStart(1), "isolation.level", isolation), len(want))[0] {
			got = append(got, string(r.Value))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v", isolation, got)
		}
	}
	f("read_committed", "0", "2", "4")
	f("read_uncommitted", "0", "1", "2", "3", "4", "5")
}

func TestReaderPauseSeekWake(t *testing.T) {
	onBothPaths(t, func(t *testing.T, path Path) {
		c := faultCluster(t, 1, 2)
		fillLog(t, c, numbers(0, 20, 2))
		r := newReader(t, c, path, fromStart(2))
		var set RowSet
		ctx := testContext(t)
		if err := r.PollRows(ctx, &set, 1, 1000); err != nil || set.N != 1 {
			t.Fatal(set.N, err)
		}
		first, other := set.Partition, 1-set.Partition
		r.Pause(TopicPartition{"t", first})
		if got := readRows(t, r, 10); len(got[other]) != 10 {
			t.Fatalf("the other partition gave %d", len(got[other]))
		}
		go func() { time.Sleep(50 * time.Millisecond); r.Wake() }()
		if err := r.PollRows(ctx, &set, 10, 1000); err != nil || set.N != 0 {
			t.Fatal(set.N, err)
		}
		r.Resume(TopicPartition{"t", first})
		wantRows(t, readRows(t, r, 9)[first], 1, 9)
		began := time.Now()
		r.Seek(map[TopicPartition]int64{{"t", other}: 5})
		wantRows(t, readRows(t, r, 5)[other], 5, 5)
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("seek took %v", d)
		}
	})
}

func TestReaderLargeRecord(t *testing.T) {
	c := faultCluster(t, 1, 1)
	big := bytes.Repeat([]byte("x"), 900_000)
	fillLog(t, c, []*kgo.Record{{Value: []byte("a")}, {Value: big}, {Value: []byte("b")}})
	r := newReader(t, c, PathBatch, fromStart(1), "fetch.max.bytes", "1000", "max.partition.fetch.bytes", "1000")
	var set RowSet
	for _, want := range []int{1, 900_000, 1} {
		set.Buf = set.Buf[:0]
		if err := r.PollRows(testContext(t), &set, 10, 500); err != nil || set.N != 1 || len(set.Bytes(set.Value[0])) != want {
			t.Fatalf("%d rows, want one of %d bytes, %v", set.N, want, err)
		}
	}
}

// knowEpochs makes a new leader know the epochs before its own, as real ones do; kfake learns of an epoch with its first
// batch, and a consumer that asks sooner is told that its rows are lost.
func knowEpochs(c *kfake.Cluster) {
	c.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := kreq.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		for _, rt := range kreq.(*kmsg.OffsetForLeaderEpochRequest).Topics {
			t := kmsg.NewOffsetForLeaderEpochResponseTopic()
			t.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				p.Partition, p.LeaderEpoch, p.EndOffset = rp.Partition, rp.LeaderEpoch, 1<<40
				t.Partitions = append(t.Partitions, p)
			}
			resp.Topics = append(resp.Topics, t)
		}
		return resp, nil, true
	})
}

// A log that was cut below the position is read again from where it differs, or ends the partition.
func TestReaderTruncation(t *testing.T) {
	f := func(reset string, end int64, want int64, reason string) {
		t.Helper()
		t.Run(reset+strconv.FormatInt(end, 10), func(t *testing.T) {
			c := faultCluster(t, 2, 1)
			fillLog(t, c, numbers(0, 10, 1))
			r := newReader(t, c, PathBatch, fromStart(1), "auto.offset.reset", reset)
			readRows(t, r, 10)
			c.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
				resp := kreq.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
				t := kmsg.NewOffsetForLeaderEpochResponseTopic()
				p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				if p.EndOffset = end; end >= 0 {
					p.LeaderEpoch = 0
				}
				t.Topic, t.Partitions = "t", append(t.Partitions, p)
				resp.Topics = append(resp.Topics, t)
				return resp, nil, true
			})
			if err := c.MoveTopicPartition("t", 0, 1-c.PartitionInfo("t", 0).Leader); err != nil {
				t.Fatal(err)
			}
			if reason != "" {
				var set RowSet
				if err := r.PollRows(testContext(t), &set, 10, 1000); err == nil || !strings.Contains(err.Error(), reason) {
					t.Error(err)
				}
				return
			}
			if got := readRows(t, r, 1)[0]; got[0].Offset != want {
				t.Errorf("goes on at %d", got[0].Offset)
			}
		})
	}
	f("earliest", 7, 7, "")
	f("latest", 7, 7, "")
	f("earliest", -1, 0, "")
	f("none", 7, 0, "LogTruncationException")
}

// Under faults of all kinds every row comes once, in order.
func TestReaderChaos(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			s := &spoiler{}
			c := faultCluster(t, 3, 4, kfake.ListenFn(s.listen))
			r := rand.New(rand.NewPCG(seed, 1))
			var mu sync.Mutex
			cut := func(p []byte) int {
				mu.Lock()
				defer mu.Unlock()
				if len(p) > 300 && r.IntN(20) == 0 {
					return r.IntN(len(p))
				}
				return len(p)
			}
			knowEpochs(c)
			const n = 4000
			fillLog(t, c, numbers(0, n/2, 4))
			s.spoil.Store(&cut)
			done := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(seed, 2))
				codes := []*kerr.Error{kerr.NotLeaderForPartition, kerr.UnknownLeaderEpoch, kerr.FencedLeaderEpoch, kerr.KafkaStorageError, kerr.UnknownTopicOrPartition}
				for {
					select {
					case <-done:
						return
					case <-time.After(20 * time.Millisecond):
					}
					switch rnd.IntN(3) {
					case 0:
						_ = c.MoveTopicPartition("t", int32(rnd.IntN(4)), int32(rnd.IntN(3)))
					case 1:
						c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: codes[rnd.IntN(len(codes))], Count: 1})
					case 2:
						c.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
							resp := req.ResponseKind().(*kmsg.FetchResponse)
							resp.ErrorCode = kerr.FetchSessionIDNotFound.Code
							return resp, nil, true
						})
					}
				}
			})
			reader := newReader(t, c, PathBatch, fromStart(4), "fetch.max.bytes", "3000")
			first := readRows(t, reader, n/2)
			s.spoil.Store(nil)
			fillLog(t, c, numbers(n/2, n, 4))
			s.spoil.Store(&cut)
			second := readRows(t, reader, n/2)
			close(done)
			wg.Wait()
			s.spoil.Store(nil)
			for p := range int32(4) {
				wantRows(t, append(first[p], second[p]...), 0, n/4)
			}
		})
	}
}
