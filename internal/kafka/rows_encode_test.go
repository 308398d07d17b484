// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// oneChunk puts all rows into one chunk.
func oneChunk(rows *Rows) *chunk {
	c := &chunk{p: &rowPartition{topic: &rowTopic{name: "t"}, stamp: noStamp}}
	call := &rowCall{rows: rows, now: 1000}
	for i := range rows.N {
		var headers []Header
		if rows.Headers != nil {
			headers = rows.Headers(i)
		}
		record, total := c.grow(rows.bodyLen(i, headers), call.millis(i))
		c.add(call, i, call.millis(i), record, total, headers)
	}
	return c
}

// oddRows are nulls, empties, long ones, headers, timestamps before and after the first.
func oddRows() *Rows {
	r := &Rows{Topic: "t", Buf: []byte(strings.Repeat("0123456789", 3000))}
	sizes := []uint32{0, 1, 63, 64, 127, 8191, 8192, 20000}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		view := func() uint64 {
			if rng.IntN(5) == 0 {
				return NullBytes
			}
			return PackBytes(rng.Uint32N(100), sizes[rng.IntN(len(sizes))])
		}
		r.Key, r.Value = append(r.Key, view()), append(r.Value, view())
		millis := []int64{NowMillis, 0, -5, 999, 1_700_000_000_000, math.MaxInt64 / 4}[rng.IntN(6)]
		r.Timestamp = append(r.Timestamp, millis)
		r.N++
	}
	r.Headers = func(i int) []Header {
		return [][]Header{nil, {}, {{Key: "k"}}, {{Key: "", Value: []byte{}}, {Key: "long", Value: make([]byte, 200)}}}[i%4]
	}
	return r
}

func TestChunkIsWhatKmsgReads(t *testing.T) {
	rows := oddRows()
	c := oneChunk(rows)
	raw := c.appendPlain([]byte("before"), producerStamp{id: 77, epoch: 3, seq: 9})[len("before"):]
	if len(raw) != c.bytes {
		t.Fatalf("%d bytes, announced %d", len(raw), c.bytes)
	}
	var b kmsg.RecordBatch
	if err := b.ReadFrom(raw); err != nil {
		t.Fatal(err)
	}
	if int(b.Length) != len(raw)-12 || b.Magic != 2 || uint32(b.CRC) != crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)) ||
		b.ProducerID != 77 || b.ProducerEpoch != 3 || b.FirstSequence != 9 || b.NumRecords != 300 || b.LastOffsetDelta != 299 ||
		b.PartitionLeaderEpoch != -1 || b.MaxTimestamp != math.MaxInt64/4 {
		t.Fatalf("%+v", b)
	}
	rest := b.Records
	call := c.segs[0].call
	for i := range rows.N {
		n, w := binary.Varint(rest)
		var r kmsg.Record
		if err := r.ReadFrom(rest[:w+int(n)]); err != nil {
			t.Fatal(i, err)
		}
		rest = rest[w+int(n):]
		key, value := viewBytes(rows.Buf, rows.Key, i), viewBytes(rows.Buf, rows.Value, i)
		if int(r.OffsetDelta) != i || r.TimestampDelta64+b.FirstTimestamp != call.millis(i) || !bytes.Equal(r.Key, key) ||
			(r.Key == nil) != (key == nil) || !bytes.Equal(r.Value, value) || (r.Value == nil) != (value == nil) || len(r.Headers) != len(rows.Headers(i)) {
			t.Fatalf("row %d came back as %+v", i, r)
		}
		for k, h := range rows.Headers(i) {
			if r.Headers[k].Key != h.Key || !bytes.Equal(r.Headers[k].Value, h.Value) || (h.Value == nil) != (r.Headers[k].Value == nil) {
				t.Fatalf("row %d header %d: %+v", i, k, r.Headers[k])
			}
		}
	}
	if len(rest) != 0 {
		t.Errorf("%d bytes left", len(rest))
	}
}

func TestRequestIsKmsgs(t *testing.T) {
	for version := int16(3); version <= produceMaxVersion; version++ {
		req := &rowsRequest{acks: -1, timeout: 1234}
		want := kmsg.NewPtrProduceRequest()
		want.Acks, want.TimeoutMillis = -1, 1234
		for _, topic := range []string{"a", strings.Repeat("b", 200)} {
			rt := &rowTopic{name: topic}
			kt := kmsg.NewProduceRequestTopic()
			kt.Topic = topic
			for _, index := range []int32{3, 0} {
				c := oneChunk(textRows(topic, "x", strings.Repeat("y", int(index)*100)))
				c.p.topic, c.p.index = rt, index
				req.chunks, req.stamps = append(req.chunks, c), append(req.stamps, noStamp)
				kp := kmsg.NewProduceRequestTopicPartition()
				kp.Partition, kp.Records = index, c.appendPlain(nil, noStamp)
				kt.Partitions = append(kt.Partitions, kp)
			}
			want.Topics = append(want.Topics, kt)
		}
		req.SetVersion(version)
		want.SetVersion(version)
		if got := req.AppendTo(nil); !bytes.Equal(got, want.AppendTo(nil)) {
			t.Errorf("version %d:\n%x\n%x", version, got, want.AppendTo(nil))
		}
		req.abandon()
		want.Topics = nil
		if got := req.AppendTo(nil); !bytes.Equal(got, want.AppendTo(nil)) {
			t.Errorf("abandoned, version %d: %x", version, got)
		}
	}
}

func TestVarint(t *testing.T) {
	for _, n := range []int64{0, -1, 1, 63, 64, -64, -65, 8191, 8192, -8192, 1 << 20, math.MaxInt64, math.MinInt64} {
		want := binary.AppendVarint(nil, n)
		if got := appendVarint(nil, n); !bytes.Equal(got, want) || varintLen(n) != len(want) {
			t.Errorf("%d: %x of %d, want %x", n, got, varintLen(n), want)
		}
	}
}

func TestNextSequence(t *testing.T) {
	f := func(seq int32, n int, want int32) {
		t.Helper()
		if got := nextSequence(seq, n); got != want {
			t.Errorf("%d + %d = %d, want %d", seq, n, got, want)
		}
	}
	f(0, 5, 5)
	f(math.MaxInt32, 1, 0)
	f(math.MaxInt32-2, 10, 7)
}

// The codecs' output is read back by franz-go; what does not shrink is sent as it is.
func TestBatchPathCompression(t *testing.T) {
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			c := faultCluster(t, 1, 1)
			p := batchProducer(t, c, "compression.type", codec)
			if errs := produceRows(t, p, numbered(0, 1)); errs != nil {
				t.Fatal(errs)
			}
			if errs := produceRows(t, p, numbered(1, 3000)); errs != nil {
				t.Fatal(errs)
			}
			wantNumbers(t, readLog(t, c, 3000)[0], 3000)
		})
	}
}

// A batch has its rows' headers and timestamps, over calls that have none, too.
func TestChunkOfSeveralCalls(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := batchProducer(t, c)
	release := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-release })
		return nil, nil, false
	})
	send := func(change func(*Rows)) {
		rows := textRows("t", "a", "b")
		change(rows)
		if err := p.ProduceRows(testContext(t), rows, func(errs []RowError) {
			if errs != nil {
				t.Error(errs)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	send(func(*Rows) {})
	send(func(r *Rows) { r.Timestamp = []int64{5000, 4000} })
	send(func(r *Rows) {
		r.Headers = func(i int) []Header { return []Header{{Key: "h", Value: []byte{byte(i)}}}[:i] }
	})
	send(func(r *Rows) { r.KeyBuf, r.Key = []byte("key"), []uint64{NullBytes, PackBytes(0, 3)} })
	close(release)
	if err := p.Flush(testContext(t)); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var got []*kgo.Record
	for len(got) < 8 {
		f := cl.PollFetches(testContext(t))
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		got = append(got, f.Records()...)
	}
	for i, r := range got {
		if string(r.Value) != []string{"a", "b"}[i%2] || len(r.Headers) != len([][]int{7: nil, 5: {0}}[i]) || (string(r.Key) == "key") != (i == 7) {
			t.Errorf("record %d: %+v", i, r)
		}
	}
	if got[2].Timestamp.UnixMilli() != 5000 || got[3].Timestamp.UnixMilli() != 4000 {
		t.Error(got[2].Timestamp, got[3].Timestamp)
	}
	if n := c.PartitionInfo("t", 0).HighWatermark; n != 8 {
		t.Error(n)
	}
}

// Unkeyed rows of many calls reach every partition, and a leaderless one is not chosen.
func TestBatchPathSpreads(t *testing.T) {
	c := faultCluster(t, 1, 4, kfake.BlackholeProduce())
	p := batchProducer(t, c)
	rows := &Rows{N: 100, Topic: "t", Buf: make([]byte, 1000)}
	for range rows.N {
		rows.Value = append(rows.Value, PackBytes(0, 1000))
	}
	for range 100 {
		if errs := produceRows(t, p, rows); errs != nil {
			t.Fatal(errs)
		}
	}
	for _, info := range c.PartitionInfos("t") {
		if info.HighWatermark < 500 || info.HighWatermark%100 != 0 {
			t.Errorf("partition %d got %d rows", info.Partition, info.HighWatermark)
		}
	}
}
