// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

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

// gathered is a connection that keeps what is written.
type gathered struct{ bytes []byte }

func (g *gathered) write(body ...[]byte) error {
	for _, b := range body {
		g.bytes = append(g.bytes, b...)
	}
	return nil
}

func TestRequestIsKmsgs(t *testing.T) {
	f := func(version int16, codec kgo.CompressionCodec, acks kgo.Acks) {
		t.Helper()
		packer, err := kgo.DefaultCompressor(codec)
		if err != nil {
			t.Fatal(err)
		}
		w := &rowWriter{cfg: &ClientConfig{RequestTimeout: 1234 * time.Millisecond}, rules: &produceRules{acks: acks}, packer: packer}
		req := &rowsRequest{version: version}
		want := kmsg.NewPtrProduceRequest()
		want.Acks, want.TimeoutMillis = acksWire(acks), 1234
		for _, topic := range []string{"a", strings.Repeat("b", 200)} {
			rt := &rowTopic{name: topic}
			kt := kmsg.NewProduceRequestTopic()
			kt.Topic = topic
			for _, index := range []int32{3, 0, 2000} {
				c := oneChunk(textRows(topic, "x", strings.Repeat("y", int(index)*100)))
				c.p.topic, c.p.index, c.stamp = rt, index, producerStamp{id: 5, epoch: 1, seq: index}
				req.chunks = append(req.chunks, c)
				kp := kmsg.NewProduceRequestTopicPartition()
				kp.Partition, kp.Records = index, c.appendPlain(nil, c.stamp)
				if packer != nil {
					raw, _ := c.appendRecords(nil, 0)
					var flags []kgo.CompressFlag
					if version < 7 {
						flags = append(flags, kgo.CompressDisableZstd)
					}
					if packed, id := packer.Compress(new(bytes.Buffer), raw, flags...); id > 0 && len(packed) < len(raw) {
						kp.Records = c.appendPacked(nil, c.stamp, int16(id), packed)
					}
				}
				kt.Partitions = append(kt.Partitions, kp)
			}
			want.Topics = append(want.Topics, kt)
		}
		want.SetVersion(version)
		var got gathered
		var k rowsPacker
		for range 2 { // the second time in used memory
			got.bytes = got.bytes[:0]
			n := k.plan(req, w)
			if err := k.write(&got, req, w); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.bytes, want.AppendTo(nil)) {
				t.Errorf("version %d: not what kmsg writes", version)
			}
			if n != len(got.bytes) {
				t.Errorf("version %d: %d bytes, announced %d", version, len(got.bytes), n)
			}
		}
	}
	for version := int16(produceMinVersion); version <= produceMaxVersion; version++ {
		f(version, kgo.NoCompression(), kgo.AllISRAcks())
		f(version, kgo.GzipCompression(), kgo.LeaderAck())
		f(version, kgo.ZstdCompression(), kgo.NoAck())
	}
}

func TestReplyIsKmsgs(t *testing.T) {
	text := "too bad"
	for version := int16(produceMinVersion); version <= produceMaxVersion; version++ {
		resp := kmsg.NewPtrProduceResponse()
		resp.Version, resp.ThrottleMillis = version, 250
		for _, topic := range []string{"a", strings.Repeat("b", 200)} {
			kt := kmsg.NewProduceResponseTopic()
			kt.Topic = topic
			for i := range int32(3) {
				kp := kmsg.NewProduceResponseTopicPartition()
				kp.Partition, kp.ErrorCode, kp.BaseOffset = i, int16(i), 1<<40+int64(i)
				if i == 1 {
					kp.ErrorMessage = &text
					kp.ErrorRecords = []kmsg.ProduceResponseTopicPartitionErrorRecord{{RelativeOffset: 3, ErrorMessage: &text}, {}}
				}
				if i == 2 {
					kp.CurrentLeader.LeaderID, kp.CurrentLeader.LeaderEpoch = 7, 9
				}
				kt.Partitions = append(kt.Partitions, kp)
			}
			resp.Topics = append(resp.Topics, kt)
		}
		rack := "r"
		resp.Brokers = []kmsg.ProduceResponseBroker{{NodeID: 7, Host: "there", Port: 9, Rack: &rack}, {NodeID: 8}}
		r := rowsReply{body: resp.AppendTo(nil)}
		if err := r.parse(version); err != nil {
			t.Fatal(version, err)
		}
		if len(r.results) != 6 || r.throttle != 250*time.Millisecond {
			t.Fatalf("version %d: %+v", version, r)
		}
		for at, got := range r.results {
			want := rowsResult{topic: []byte(resp.Topics[at/3].Topic), partition: int32(at % 3), code: int16(at % 3), base: 1<<40 + int64(at%3), leader: -1, leaderEpoch: -1}
			if at%3 == 1 && version >= 8 {
				want.message = []byte(text)
			}
			if at%3 == 2 && version >= 9 {
				want.leader, want.leaderEpoch = 7, 9
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("version %d: %+v, want %+v", version, got, want)
			}
		}
		if version >= 10 && (len(r.nodes) != 2 || r.nodes[0].id != 7 || string(r.nodes[0].host) != "there" || r.nodes[0].port != 9) {
			t.Errorf("version %d: %+v", version, r.nodes)
		}
		if n := testing.AllocsPerRun(10, func() { _ = r.parse(version) }); n > 0 {
			t.Errorf("version %d: %v allocations", version, n)
		}
	}
}

func FuzzReply(f *testing.F) {
	resp := kmsg.NewPtrProduceResponse()
	resp.Topics = []kmsg.ProduceResponseTopic{{Topic: "t", Partitions: []kmsg.ProduceResponseTopicPartition{{ErrorCode: 6, CurrentLeader: kmsg.ProduceResponseTopicPartitionCurrentLeader{LeaderID: 1}}}}}
	for _, v := range []int16{3, 5, 8, 9, 10, 12} {
		resp.Version = v
		f.Add(v, resp.AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		if version < produceMinVersion || version > produceMaxVersion {
			return
		}
		var r rowsReply
		r.body = body
		if r.parse(version) != nil {
			return
		}
		resp := kmsg.NewPtrProduceResponse()
		resp.Version = version
		if resp.ReadFrom(bytes.Clone(body)) != nil {
			return
		}
		n := 0
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				if n >= len(r.results) || r.results[n].partition != p.Partition || r.results[n].code != p.ErrorCode || string(r.results[n].topic) != topic.Topic || r.results[n].base != p.BaseOffset {
					t.Fatalf("partition %d of %+v", n, r.results)
				}
				n++
			}
		}
		if n != len(r.results) {
			t.Fatalf("%d results, want %d", len(r.results), n)
		}
	})
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

// franz-go, which reads both forms of snappy, reads this one.
func TestFramedSnappy(t *testing.T) {
	var f framedSnappy
	var buffer bytes.Buffer
	unpacker := kgo.DefaultDecompressor()
	for _, n := range []int{1, 100, snappyBlock, snappyBlock + 1, 1 << 20} {
		src := make([]byte, n)
		for i := range src {
			src[i] = byte(i * i >> 7)
		}
		buffer.Reset()
		packed, codec := f.Compress(&buffer, src)
		if got, err := unpacker.Decompress(packed, codec); err != nil || !bytes.Equal(got, src) || !bytes.HasPrefix(packed, []byte(snappyHead)) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if allocs := testing.AllocsPerRun(5, func() { buffer.Reset(); f.Compress(&buffer, src) }); allocs > 0 {
			t.Errorf("%d bytes: %v allocations", n, allocs)
		}
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
