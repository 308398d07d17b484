// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-io/penstock/internal/invariants"
)

// someRecords makes n records of all forms: null, empty and large keys and values, headers here and there.
func someRecords(r *rand.Rand, n int) []*kgo.Record {
	field := func() []byte {
		switch r.IntN(5) {
		case 0:
			return nil
		case 1:
			return []byte{}
		case 2:
			return bytes.Repeat([]byte{byte('a' + r.IntN(26))}, 60+r.IntN(10))
		case 3:
			return bytes.Repeat([]byte("xy"), 4000+r.IntN(5000))
		}
		return fmt.Appendf(nil, `{"n":%d}`, r.Uint32())
	}
	var out []*kgo.Record
	for i := range n {
		rec := &kgo.Record{Key: field(), Value: field(), Offset: int64(i), Timestamp: time.UnixMilli(1_700_000_000_000 + r.Int64N(10_000) - 5_000)}
		for range max(0, r.IntN(6)-3) {
			rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: fmt.Sprint("h", r.IntN(100)), Value: field()})
		}
		out = append(out, rec)
	}
	return out
}

// encodeBatch writes records as one record batch, with kmsg.
func encodeBatch(recs []*kgo.Record, base int64, codec int, edit func(*kmsg.RecordBatch)) []byte {
	var plain []byte
	first := recs[0].Timestamp.UnixMilli()
	for _, rec := range recs {
		k := kmsg.Record{Key: rec.Key, Value: rec.Value, TimestampDelta64: rec.Timestamp.UnixMilli() - first, OffsetDelta: int32(rec.Offset - recs[0].Offset)}
		for _, h := range rec.Headers {
			k.Headers = append(k.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
		}
		body := k.AppendTo(nil) // with length 0 in front
		k.Length = int32(len(body) - 1)
		plain = k.AppendTo(plain)
	}
	b := kmsg.RecordBatch{
		FirstOffset: base, PartitionLeaderEpoch: 3, Magic: 2, Attributes: int16(codec), NumRecords: int32(len(recs)),
		LastOffsetDelta: int32(recs[len(recs)-1].Offset - recs[0].Offset), FirstTimestamp: first, MaxTimestamp: first + 99,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, Records: pack(codec, plain),
	}
	if edit != nil {
		edit(&b)
	}
	return sealBatch(b.AppendTo(nil))
}

// sealBatch makes length and checksum right.
func sealBatch(p []byte) []byte {
	binary.BigEndian.PutUint32(p[8:], uint32(len(p)-batchLengthFrom))
	binary.BigEndian.PutUint32(p[batchCRCAt:], crc32.Checksum(p[batchCRCFrom:], castagnoli))
	return p
}

func pack(codec int, plain []byte) []byte {
	var out bytes.Buffer
	switch codec {
	case codecGzip:
		w := gzip.NewWriter(&out)
		_, _ = w.Write(plain)
		_ = w.Close()
	case codecSnappy:
		return s2.EncodeSnappy(nil, plain)
	case codecLZ4:
		w := lz4.NewWriter(&out)
		_, _ = w.Write(plain)
		_ = w.Close()
	case codecZstd:
		w, _ := zstd.NewWriter(nil)
		return w.EncodeAll(plain, nil)
	default:
		return plain
	}
	return out.Bytes()
}

func xerial(plain []byte) []byte {
	out := append(slices.Clone(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1)
	for block := range slices.Chunk(plain, 1000) {
		packed := s2.EncodeSnappy(nil, block)
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(packed))), packed...)
	}
	return out
}

// feeder is a drainer whose response is in memory: the whole of the parser without sockets.
type feeder struct {
	f *rowFetcher
	p *fetchPart
}

func newFeeder(edit func(*ClientConfig)) *feeder {
	cfg := &ClientConfig{fetch: fetchRules{checkCRC: true}, RequestTimeout: time.Second, backoff: func(int) time.Duration { return time.Millisecond }}
	if edit != nil {
		edit(cfg)
	}
	f := &rowFetcher{cfg: cfg, rules: &cfg.fetch, parts: map[TopicPartition]*fetchPart{}, poke: make(chan struct{}, 1), tidy: make(chan struct{}, 1)}
	f.ctx = context.Background()
	f.gate, f.log = &sync.RWMutex{}, slog.New(slog.DiscardHandler)
	f.drain.f = f
	tp := TopicPartition{"t", 0}
	b := &fetchBroker{f: f, poke: make(chan struct{}, 1)}
	p := &fetchPart{TopicPartition: tp, assignment: 7, state: partLive, from: b, epoch: -1, replica: -1}
	b.parts, f.parts[tp] = []*fetchPart{p}, p
	return &feeder{f, p}
}

// response wraps record batches as a fetch response for partition 0 of t.
func response(version int16, records []byte, end int64, aborted ...abortedTx) []byte {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version, resp.SessionID = version, 77
	part := kmsg.NewFetchResponseTopicPartition()
	part.HighWatermark, part.LastStableOffset, part.RecordBatches = end, end, records
	for _, a := range aborted {
		tx := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
		tx.ProducerID, tx.FirstOffset = a.producer, a.first
		part.AbortedTransactions = append(part.AbortedTransactions, tx)
	}
	topic := kmsg.NewFetchResponseTopic()
	topic.Topic, topic.Partitions = "t", []kmsg.FetchResponseTopicPartition{part}
	resp.Topics = []kmsg.FetchResponseTopic{topic}
	return resp.AppendTo(nil)
}

// give makes the response the next one.
func (f *feeder) give(body []byte, version int16) {
	b := f.p.from
	if b == nil {
		return
	}
	b.request++
	b.version, b.size, b.state = version, 0, brokerAnswers
	f.f.drain.begin(b)
	f.f.drain.buf, f.f.drain.w = body, len(body)
}

// rows drains the response.
func (f *feeder) rows(maxRows, maxBytes int) (recs []*kgo.Record, sets []int, err error) {
	var set RowSet
	d := &f.f.drain
	for d.b != nil {
		start := len(set.Buf)
		set.clear(start)
		if err = d.run(&set, start, maxRows, maxBytes+start); err != nil {
			return recs, sets, err
		}
		for i := range set.N {
			r := &kgo.Record{Offset: set.Offset[i], Timestamp: time.UnixMilli(set.Timestamp[i]), LeaderEpoch: set.LeaderEpoch,
				Key: slices.Clone(set.Bytes(set.Key[i])), Value: slices.Clone(set.Bytes(set.Value[i]))}
			set.Headers(i, func(k, v []byte) {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(k), Value: slices.Clone(v)})
			})
			recs = append(recs, r)
		}
		if set.N > 0 {
			sets = append(sets, set.N)
		}
	}
	return recs, sets, nil
}

func sameRecords(t testing.TB, got, want []*kgo.Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, g := range got {
		w := want[i]
		if g.Offset != w.Offset || !g.Timestamp.Equal(w.Timestamp) || !bytes.Equal(g.Key, w.Key) || !bytes.Equal(g.Value, w.Value) ||
			(g.Key == nil) != (w.Key == nil) || (g.Value == nil) != (w.Value == nil) || len(g.Headers) != len(w.Headers) {
			t.Fatalf("record %d is\n%+v, want\n%+v", i, g, w)
		}
		for k, h := range g.Headers {
			if h.Key != w.Headers[k].Key || !bytes.Equal(h.Value, w.Headers[k].Value) || (h.Value == nil) != (w.Headers[k].Value == nil) {
				t.Fatalf("header %d of record %d is %+v, want %+v", k, i, h, w.Headers[k])
			}
		}
	}
}

func TestParserReadsWhatKmsgWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	f := func(name string, codec, rows, maxRows, maxBytes int, from int64, edit func(*kmsg.RecordBatch)) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			want := someRecords(r, rows)
			var log []byte
			for chunk := range slices.Chunk(want, 50) {
				log = append(log, encodeBatch(chunk, chunk[0].Offset, codec, edit)...)
			}
			log = append(log, log[:70]...) // the last one is cut off
			for _, version := range []int16{minFetchVersion, 11, maxFetchVersion} {
				fd := newFeeder(nil)
				fd.p.pos = from
				fd.give(response(version, log, int64(rows)), version)
				got, sets, err := fd.rows(maxRows, maxBytes)
				if err != nil {
					t.Fatal(err)
				}
				sameRecords(t, got, want[from:])
				if slices.Max(sets) > maxRows || fd.p.pos != int64(rows) || fd.p.epoch != 3 {
					t.Errorf("sets %v, position %d, epoch %d", sets, fd.p.pos, fd.p.epoch)
				}
			}
		})
	}
	f("plain", codecNone, 500, 1024, 1<<20, 0, nil)
	f("from the middle", codecNone, 500, 1024, 1<<20, 123, nil)
	f("few at once", codecNone, 200, 7, 1<<20, 3, nil)
	f("few bytes at once", codecNone, 200, 1000, 300, 0, nil)
	f("gzip", codecGzip, 300, 1024, 1<<20, 60, nil)
	f("snappy", codecSnappy, 300, 33, 1<<20, 0, nil)
	f("snappy of java", codecSnappy, 300, 33, 1<<20, 0, func(b *kmsg.RecordBatch) {
		plain, err := s2.Decode(nil, b.Records)
		if err != nil {
			t.Fatal(err)
		}
		b.Records = xerial(plain)
	})
	f("lz4", codecLZ4, 300, 1024, 1<<20, 299, nil)
	f("zstd", codecZstd, 300, 1024, 1<<20, 0, nil)
}

func TestParserTimestampsOfTheLog(t *testing.T) {
	recs := someRecords(rand.New(rand.NewPCG(3, 3)), 4)
	fd := newFeeder(nil)
	fd.give(response(12, encodeBatch(recs, 0, 0, func(b *kmsg.RecordBatch) { b.Attributes |= attrLogAppend; b.MaxTimestamp = 4711 }), 4), 12)
	got, _, err := fd.rows(10, 1<<20)
	if err != nil || len(got) != 4 || got[0].Timestamp.UnixMilli() != 4711 || got[3].Timestamp.UnixMilli() != 4711 {
		t.Error(got, err)
	}
}

// A compacted batch has gaps, and its header says where it ends.
func TestParserGaps(t *testing.T) {
	all := someRecords(rand.New(rand.NewPCG(3, 4)), 10)
	left := []*kgo.Record{all[0], all[4], all[7]}
	fd := newFeeder(nil)
	fd.give(response(12, encodeBatch(left, 0, 0, func(b *kmsg.RecordBatch) { b.LastOffsetDelta = 9 }), 10), 12)
	got, _, err := fd.rows(10, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	sameRecords(t, got, left)
	if fd.p.pos != 10 {
		t.Errorf("position %d", fd.p.pos)
	}
}

func TestParserTransactions(t *testing.T) {
	of := func(producer int64, control bool, marker int16, base int64) []byte {
		recs := []*kgo.Record{{Offset: base, Value: []byte("v"), Timestamp: time.UnixMilli(1)}}
		if control {
			recs[0].Key = binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(marker))
		}
		return encodeBatch(recs, base, 0, func(b *kmsg.RecordBatch) {
			b.ProducerID, b.Attributes = producer, b.Attributes|attrTransactional
			if control {
				b.Attributes |= attrControl
			}
		})
	}
	log := slices.Concat(of(1, false, 0, 0), of(2, false, 0, 1), of(1, true, 0, 2), of(1, false, 0, 3), of(2, true, 1, 4), of(1, true, 1, 5))
	f := func(committed bool, want ...int64) {
		t.Helper()
		fd := newFeeder(func(c *ClientConfig) { c.ReadCommitted = committed })
		fd.give(response(12, log, 6, abortedTx{1, 0}), 12)
		got, _, err := fd.rows(10, 1<<20)
		var offsets []int64
		for _, r := range got {
			offsets = append(offsets, r.Offset)
		}
		if err != nil || !slices.Equal(offsets, want) || fd.p.pos != 6 {
			t.Errorf("read_committed %v: offsets %v, want %v; position %d, %v", committed, offsets, want, fd.p.pos, err)
		}
	}
	f(false, 0, 1, 3)
	f(true, 1, 3)
}

func TestParserCorruption(t *testing.T) {
	recs := someRecords(rand.New(rand.NewPCG(5, 5)), 30)
	batches := [][]byte{}
	for c := range slices.Chunk(recs, 10) {
		batches = append(batches, encodeBatch(c, c[0].Offset, 0, nil))
	}
	f := func(name, reason string, spoil func(p []byte) []byte) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			fd := newFeeder(nil)
			log := slices.Concat(batches[0], spoil(slices.Clone(batches[1])), batches[2])
			fd.give(response(12, log, 30), 12)
			got, _, err := fd.rows(1000, 1<<20)
			if len(got) != 0 || err != nil {
				// The rows before come first.
				sameRecords(t, got, recs[:len(got)])
			}
			var at *PartitionError
			var bad *CorruptError
			for range 3 { // rows before the error may come in a set of their own
				if err != nil {
					break
				}
				_, _, err = fd.rows(1000, 1<<20)
			}
			if !errors.As(err, &at) || !errors.As(err, &bad) || at.TopicPartition != (TopicPartition{"t", 0}) {
				t.Fatalf("error %v", err)
			}
			if bad.Offset < 10 || bad.Offset > 20 || bad.Next != 20 || !strings.Contains(err.Error(), reason) {
				t.Errorf("%v: offset %d, next %d", err, bad.Offset, bad.Next)
			}
			// Skipped, as the engine does when errors are tolerated.
			fd.p.pos, fd.p.failed = bad.Next, false
			fd.f.void(fd.p)
			fd.give(response(12, batches[2], 30), 12)
			got, _, err = fd.rows(1000, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			sameRecords(t, got, recs[20:])
		})
	}
	f("a bit", "stored crc", func(p []byte) []byte { p[80] ^= 4; return p })
	f("magic", "Unknown record magic 9", func(p []byte) []byte { p[16] = 9; return p })
	f("codec", "Unknown compression type id: 6", func(p []byte) []byte { p[22] |= 6; return sealBatch(p) })
	f("not zstd", "decompress", func(p []byte) []byte { p[22] |= codecZstd; return sealBatch(p) })
	f("not gzip", "decompress", func(p []byte) []byte { p[22] |= codecGzip; return sealBatch(p) })
	f("not lz4", "decompress", func(p []byte) []byte { p[22] |= codecLZ4; return sealBatch(p) })
	f("more records", "record", func(p []byte) []byte { binary.BigEndian.PutUint32(p[57:], 11); return sealBatch(p) })
	f("fewer records", "Incorrect declared batch size", func(p []byte) []byte { binary.BigEndian.PutUint32(p[57:], 9); return sealBatch(p) })
	f("count below 0", "record count", func(p []byte) []byte { binary.BigEndian.PutUint32(p[57:], math.MaxUint32); return sealBatch(p) })
	f("record length", "record", func(p []byte) []byte { p[batchHeaderBytes] = 0x7f; return sealBatch(p) })
	f("bomb", "unpacks to more", func([]byte) []byte {
		return encodeBatch([]*kgo.Record{{Offset: 10}, {Offset: 19}}, 10, 0, func(b *kmsg.RecordBatch) {
			b.Attributes, b.Records = codecZstd, pack(codecZstd, make([]byte, maxUnpacked+1))
		})
	})
}

// message writes a message of magic 0 or 1.
func message(magic, attrs int8, offset, stamp int64, key, value []byte) []byte {
	p := binary.BigEndian.AppendUint64(nil, uint64(offset))
	p = append(p, 0, 0, 0, 0, 0, 0, 0, 0, byte(magic), byte(attrs))
	if magic == 1 {
		p = binary.BigEndian.AppendUint64(p, uint64(stamp))
	}
	for _, f := range [][]byte{key, value} {
		if f == nil {
			p = append(p, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		p = append(binary.BigEndian.AppendUint32(p, uint32(len(f))), f...)
	}
	binary.BigEndian.PutUint32(p[8:], uint32(len(p)-12))
	binary.BigEndian.PutUint32(p[12:], crc32.ChecksumIEEE(p[16:]))
	return p
}

func TestParserReadsOldMessages(t *testing.T) {
	inner := func(magic int8, base int64) []byte {
		return slices.Concat(message(magic, 0, base, 21, []byte("k"), []byte("a")), message(magic, 0, base+2, 22, nil, []byte("b")))
	}
	log := slices.Concat(
		message(0, 0, 0, 0, nil, []byte("zero")),
		message(1, 0, 1, 11, []byte("k"), nil),
		message(0, codecGzip, 4, 0, nil, pack(codecGzip, inner(0, 2))),
		message(1, codecSnappy, 9, 30, nil, xerial(inner(1, 0))),
		message(1, codecLZ4|attrLogAppend, 12, 40, nil, pack(codecLZ4, inner(1, 0))),
		encodeBatch([]*kgo.Record{{Offset: 13, Value: []byte("new"), Timestamp: time.UnixMilli(50)}}, 13, 0, nil),
	)
	fd := newFeeder(nil)
	fd.give(response(12, log, 14), 12)
	got, _, err := fd.rows(100, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, r := range got {
		text = append(text, fmt.Sprintf("%d@%d %s=%s", r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Value))
	}
	want := []string{"0@-1 =zero", "1@11 k=", "2@-1 k=a", "4@-1 =b", "7@21 k=a", "9@22 =b", "10@40 k=a", "12@40 =b", "13@50 =new"}
	if !slices.Equal(text, want) {
		t.Errorf("got %q", text)
	}
}

func TestParserDoesNotAllocate(t *testing.T) {
	recs := someRecords(rand.New(rand.NewPCG(9, 9)), 200)
	f := func(codec int, limit float64) {
		t.Helper()
		body := response(12, encodeBatch(recs, 0, codec, nil), 200)
		fd := newFeeder(nil)
		var set RowSet
		loop := func() {
			fd.p.pos = 0
			fd.f.void(fd.p)
			fd.give(body, 12)
			for d := &fd.f.drain; d.b != nil; {
				set.Buf = set.Buf[:0]
				set.clear(0)
				if err := d.run(&set, 0, 64, 1<<20); err != nil {
					t.Fatal(err)
				}
			}
		}
		loop()
		if n := testing.AllocsPerRun(50, loop); n > limit {
			t.Errorf("codec %d: %.0f allocations for 200 rows", codec, n)
		}
	}
	f(codecNone, 0)
	f(codecSnappy, 0)
	if !invariants.Enabled { // the race detector empties the pools of the codec
		f(codecZstd, 0)
	}
	f(codecGzip, 0)
	f(codecLZ4, 4)
}

// FuzzFetchResponse feeds anything as a response; what kgo makes of the same records must be what we make of them.
func FuzzFetchResponse(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for codec := range 5 {
		f.Add(encodeBatch(someRecords(r, 3), 0, codec, nil), int64(0))
	}
	f.Add(message(1, codecGzip, 9, 30, nil, pack(codecGzip, message(1, 0, 0, 1, nil, []byte("x")))), int64(0))
	f.Fuzz(func(t *testing.T, log []byte, from int64) {
		if len(log) > 1<<16 {
			return
		}
		fd := newFeeder(nil)
		fd.f.drain.unpack.limit, fd.f.drain.legacy.inner.limit = 1<<20, 1<<20
		fd.p.pos = max(from, 0)
		body := response(12, log, math.MaxInt64)
		fd.give(slices.Clone(body), 12)
		got, _, _ := fd.rows(10, 1000)
		for i := 1; i < len(got); i++ {
			_ = got[i].Value
		}
		// The same bytes as the whole of the response.
		fd = newFeeder(nil)
		fd.f.drain.unpack.limit, fd.f.drain.legacy.inner.limit = 1<<20, 1<<20
		fd.give(slices.Clone(log), 12)
		_, _, _ = fd.rows(10, 1000)
	})
}

// FuzzAgainstKgo lets kgo read a batch whose records are fuzzed, with a right checksum.
func FuzzAgainstKgo(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 5 {
		p := encodeBatch(someRecords(r, 3), 0, 0, nil)
		f.Add(p[batchHeaderBytes:], uint16(3), uint16(2))
	}
	f.Fuzz(func(t *testing.T, records []byte, count, last uint16) {
		p := make([]byte, batchHeaderBytes, batchHeaderBytes+len(records))
		p[16] = 2
		p = append(p, records...)
		binary.BigEndian.PutUint32(p[23:], uint32(last))
		binary.BigEndian.PutUint32(p[57:], uint32(count))
		sealBatch(p)
		fd := newFeeder(nil)
		fd.give(response(12, p, math.MaxInt64), 12)
		got, _, err := fd.rows(100, 1<<20)
		want, kerr := kgoReads(p)
		if err != nil || kerr != nil {
			return // who is stricter is another matter, as long as nothing breaks
		}
		if !slices.IsSortedFunc(want, func(a, b *kgo.Record) int { return int(a.Offset - b.Offset) }) {
			return
		}
		for i := 1; i < len(want); i++ {
			if want[i].Offset == want[i-1].Offset {
				return
			}
		}
		if len(want) < int(count) {
			return // kgo ends at what it cannot read
		}
		sameRecords(t, got, want)
	})
}

func kgoReads(p []byte) ([]*kgo.Record, error) {
	part := kmsg.NewFetchResponseTopicPartition()
	part.RecordBatches, part.HighWatermark, part.LastStableOffset = p, math.MaxInt64, math.MaxInt64
	got, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: "t", IsolationLevel: kgo.ReadUncommitted()}, &part, kgo.DefaultDecompressor(), nil)
	return got.Records, got.Err
}
