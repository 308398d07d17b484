// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceMaxVersion is the newest version that names topics: from 13 on they are known by id.
const produceMaxVersion = 12

// rowsRequest is a produce request with one chunk per partition. It is a kmsg.Request of our own, because then the
// rows are written once, into the buffer that goes to the socket.
//
// kgo calls AppendTo from a goroutine of its own, and may still do so when the call that passed the request has
// returned. The chunks belong to their producer again by then, so abandon cuts the request off from them.
type rowsRequest struct {
	version int16
	acks    int16
	timeout int32
	packer  kgo.Compressor // nil = none

	mu     sync.Mutex
	chunks []*chunk // sorted by topic; nil once abandoned
	stamps []producerStamp
	raw    []byte       // the records before a codec, reused
	packed bytes.Buffer // behind it, reused
}

// Key implements kmsg.Request.
func (*rowsRequest) Key() int16 { return int16(kmsg.Produce) }

// MaxVersion implements kmsg.Request.
func (*rowsRequest) MaxVersion() int16 { return produceMaxVersion }

// SetVersion implements kmsg.Request.
func (r *rowsRequest) SetVersion(v int16) { r.version = v }

// GetVersion implements kmsg.Request.
func (r *rowsRequest) GetVersion() int16 { return r.version }

// IsFlexible implements kmsg.Request.
func (r *rowsRequest) IsFlexible() bool { return r.version >= 9 }

// ResponseKind implements kmsg.Request.
func (r *rowsRequest) ResponseKind() kmsg.Response {
	resp := kmsg.NewPtrProduceResponse()
	resp.Version = r.version
	return resp
}

// ReadFrom implements kmsg.Request. Nobody reads requests here.
func (*rowsRequest) ReadFrom([]byte) error { panic("BUG: a produce request is only written") }

// abandon makes any later AppendTo write a request without rows, and waits for one that is at work.
func (r *rowsRequest) abandon() {
	r.mu.Lock()
	r.chunks, r.stamps = r.chunks[:0], r.stamps[:0]
	r.mu.Unlock()
}

// AppendTo implements kmsg.Request.
func (r *rowsRequest) AppendTo(dst []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := wire{flexible: r.IsFlexible()}
	dst = slices.Grow(dst, r.size())
	dst = w.noString(dst) // transactional id
	dst = binary.BigEndian.AppendUint16(dst, uint16(r.acks))
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.timeout))
	topics := 0
	for at := 0; at < len(r.chunks); at = r.topicEnd(at) {
		topics++
	}
	dst = w.count(dst, topics)
	for at := 0; at < len(r.chunks); {
		end := r.topicEnd(at)
		dst = w.text(dst, r.chunks[at].p.topic.name)
		dst = w.count(dst, end-at)
		for ; at < end; at++ {
			dst = binary.BigEndian.AppendUint32(dst, uint32(r.chunks[at].p.index))
			dst = r.appendBatch(dst, w, at)
			dst = w.tags(dst)
		}
		dst = w.tags(dst)
	}
	return w.tags(dst)
}

// size is about what the request takes, so that the buffer grows once.
func (r *rowsRequest) size() int {
	n := 64
	for _, c := range r.chunks {
		n += c.bytes + len(c.p.topic.name) + 32
	}
	return n
}

// topicEnd is one past the last chunk of the topic of chunk at.
func (r *rowsRequest) topicEnd(at int) int {
	topic := r.chunks[at].p.topic
	for at < len(r.chunks) && r.chunks[at].p.topic == topic {
		at++
	}
	return at
}

func (r *rowsRequest) appendBatch(dst []byte, w wire, at int) []byte {
	c, stamp := r.chunks[at], r.stamps[at]
	if r.packer != nil {
		var flags []kgo.CompressFlag
		if r.version < 7 {
			flags = append(flags, kgo.CompressDisableZstd)
		}
		r.raw, _ = c.appendRecords(slices.Grow(r.raw[:0], c.bytes), 0)
		r.packed.Reset()
		packed, codec := r.packer.Compress(&r.packed, r.raw, flags...)
		// What does not get smaller goes as it is, as franz-go does it.
		if codec > kgo.CodecNone && len(packed) < len(r.raw) {
			return c.appendPacked(w.blob(dst, batchHeaderBytes+len(packed)), stamp, int16(codec), packed)
		}
	}
	return c.appendPlain(w.blob(dst, c.bytes), stamp)
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

func (w wire) count(dst []byte, n int) []byte {
	if w.flexible {
		return binary.AppendUvarint(dst, uint64(n)+1)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

// blob starts a byte string of n bytes.
func (w wire) blob(dst []byte, n int) []byte { return w.count(dst, n) }

func (w wire) tags(dst []byte) []byte {
	if w.flexible {
		return append(dst, 0)
	}
	return dst
}
