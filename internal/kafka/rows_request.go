// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	produceKey = int16(kmsg.Produce)
	// produceMinVersion is the first with record batches of magic 2, and of brokers since 0.11.
	produceMinVersion = 3
	// produceMaxVersion is the newest version that names topics: from 13 on they are known by id.
	produceMaxVersion = 12
)

// rowsRequest is a produce request with one chunk per partition.
type rowsRequest struct {
	chunks      []*chunk // sorted by topic
	version     int16
	conn        *brokerConn // it was sent on
	correlation int32
	sentAt      time.Time
	writing     bool // its rows are being read; rowWriter.mu
}

func (r *rowsRequest) reset() {
	clear(r.chunks)
	*r = rowsRequest{chunks: r.chunks[:0]}
}

// deadline is the first of those of its chunks.
func (r *rowsRequest) deadline() time.Time {
	first := r.chunks[0].deadline
	for _, c := range r.chunks {
		if c.deadline.Before(first) {
			first = c.deadline
		}
	}
	return first
}

// topicEnd is one past the last chunk of the topic of chunk at.
func (r *rowsRequest) topicEnd(at int) int {
	topic := r.chunks[at].p.topic
	for at < len(r.chunks) && r.chunks[at].p.topic == topic {
		at++
	}
	return at
}

// rowsPacker writes requests. Its memory holds one record batch at a time, not a request: without a codec the length of
// what is to come is known before it is encoded, and each batch goes to the socket while it is in the cache.
type rowsPacker struct {
	out    []byte
	raw    []byte // the records of one batch before a codec
	packed []byte // all records of a request behind it, one after the other
	ends   []int  // where each ends in packed; as the one before when it did not get smaller
	codecs []int16
	buffer bytes.Buffer
	snappy framedSnappy
	part   [1][]byte // what is written: an argument list of its own would be allocated
}

// writeStep is how much is gathered before it is written.
const writeStep = 128 << 10

// maxIdlePacker is what a packer keeps between requests.
const maxIdlePacker = 4 << 20

// plan compresses what is to be compressed and returns the length of the request's body.
func (k *rowsPacker) plan(r *rowsRequest, w *rowWriter) int {
	k.packed, k.ends, k.codecs = k.packed[:0], k.ends[:0], k.codecs[:0]
	if w.packer != nil {
		for _, c := range r.chunks {
			packer := w.packer
			if w.rules.snappy {
				packer = &k.snappy
			}
			k.compress(r, c, packer)
		}
	}
	k.out = k.appendHead(k.out[:0], r, w)
	n := len(k.out)
	f := wire{flexible: r.version >= 9}
	for at := 0; at < len(r.chunks); {
		end := r.topicEnd(at)
		n += f.textLen(r.chunks[at].p.topic.name) + f.countLen(end-at) + f.tagsLen()
		for ; at < end; at++ {
			size := k.batchLen(r, at)
			n += 4 + f.countLen(size) + size + f.tagsLen()
		}
	}
	return n + f.tagsLen()
}

func (k *rowsPacker) compress(r *rowsRequest, c *chunk, packer kgo.Compressor) {
	var flags []kgo.CompressFlag
	if r.version < 7 {
		flags = append(flags, kgo.CompressDisableZstd)
	}
	k.raw, _ = c.appendRecords(slices.Grow(k.raw[:0], c.bytes), 0)
	k.buffer.Reset()
	packed, codec := packer.Compress(&k.buffer, k.raw, flags...)
	// What does not get smaller goes as it is, as franz-go does it.
	if codec <= kgo.CodecNone || len(packed) >= len(k.raw) {
		codec, packed = kgo.CodecNone, nil
	}
	k.packed = append(k.packed, packed...)
	k.ends, k.codecs = append(k.ends, len(k.packed)), append(k.codecs, int16(codec))
}

// batchLen is the bytes of the record batch at.
func (k *rowsPacker) batchLen(r *rowsRequest, at int) int {
	if p := k.packedOf(at); p != nil {
		return batchHeaderBytes + len(p)
	}
	return r.chunks[at].bytes
}

// packedOf is what a codec made of a chunk, nil when it goes as it is.
func (k *rowsPacker) packedOf(at int) []byte {
	if len(k.codecs) == 0 || k.codecs[at] == int16(kgo.CodecNone) {
		return nil
	}
	from := 0
	if at > 0 {
		from = k.ends[at-1]
	}
	return k.packed[from:k.ends[at]]
}

func (k *rowsPacker) appendHead(dst []byte, r *rowsRequest, w *rowWriter) []byte {
	f := wire{flexible: r.version >= 9}
	dst = f.noString(dst) // transactional id
	dst = binary.BigEndian.AppendUint16(dst, uint16(acksWire(w.rules.acks)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(min(w.cfg.RequestTimeout.Milliseconds(), 1<<31-1)))
	topics := 0
	for at := 0; at < len(r.chunks); at = r.topicEnd(at) {
		topics++
	}
	return f.count(dst, topics)
}

func acksWire(a kgo.Acks) int16 {
	switch a {
	case kgo.NoAck():
		return 0
	case kgo.LeaderAck():
		return 1
	}
	return -1
}

// write sends the body that plan measured.
func (k *rowsPacker) write(conn requestWriter, r *rowsRequest, w *rowWriter) error {
	f := wire{flexible: r.version >= 9}
	out := k.appendHead(k.out[:0], r, w)
	for at := 0; at < len(r.chunks); {
		end := r.topicEnd(at)
		out = f.text(out, r.chunks[at].p.topic.name)
		out = f.count(out, end-at)
		for ; at < end; at++ {
			c, size := r.chunks[at], k.batchLen(r, at)
			out = growBatch(out, size+64)
			out = binary.BigEndian.AppendUint32(out, uint32(c.p.index))
			out = f.count(out, size)
			if p := k.packedOf(at); p != nil {
				out = c.appendPacked(out, c.stamp, k.codecs[at], p)
			} else {
				out = c.appendPlain(out, c.stamp)
			}
			out = f.tags(out)
			if len(out) >= writeStep {
				if err := k.send(conn, out); err != nil {
					k.out = out
					return err
				}
				out = out[:0]
			}
		}
		out = f.tags(out)
	}
	out = f.tags(out)
	k.out = out
	err := k.send(conn, out)
	k.shrink()
	return err
}

// growBatch makes room for n bytes of a record batch. Batches get as large as the rows that wait: memory doubles, so that
// it does not grow with each that is a little larger.
func growBatch(out []byte, n int) []byte {
	if cap(out)-len(out) >= n {
		return out
	}
	grown := make([]byte, len(out), 1<<bits.Len(uint(len(out)+n-1)))
	copy(grown, out)
	return grown
}

func (k *rowsPacker) send(conn requestWriter, out []byte) error {
	k.part[0] = out
	err := conn.write(k.part[:]...)
	k.part[0] = nil
	return err
}

// requestWriter is the part of brokerConn that takes a body.
type requestWriter interface {
	write(body ...[]byte) error
}

// shrink drops memory that one huge record made.
func (k *rowsPacker) shrink() {
	for _, b := range []*[]byte{&k.out, &k.raw, &k.packed} {
		if cap(*b) > maxIdlePacker {
			*b = nil
		}
	}
	if k.buffer.Cap() > maxIdlePacker {
		k.buffer = bytes.Buffer{}
	}
}

// wire writes the parts that flexible versions changed.
type wire struct{ flexible bool }

func (w wire) noString(dst []byte) []byte {
	if w.flexible {
		return append(dst, 0)
	}
	return append(dst, 0xff, 0xff)
}

func (w wire) text(dst []byte, s string) []byte {
	if w.flexible {
		dst = binary.AppendUvarint(dst, uint64(len(s))+1)
	} else {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	}
	return append(dst, s...)
}

func (w wire) textLen(s string) int {
	if w.flexible {
		return uvarintLen(uint64(len(s))+1) + len(s)
	}
	return 2 + len(s)
}

// count starts an array or a byte string.
func (w wire) count(dst []byte, n int) []byte {
	if w.flexible {
		return binary.AppendUvarint(dst, uint64(n)+1)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

func (w wire) countLen(n int) int {
	if w.flexible {
		return uvarintLen(uint64(n) + 1)
	}
	return 4
}

func (w wire) tags(dst []byte) []byte {
	if w.flexible {
		return append(dst, 0)
	}
	return dst
}

func (w wire) tagsLen() int {
	if w.flexible {
		return 1
	}
	return 0
}
