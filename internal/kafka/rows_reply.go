// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// rowsReply is a produce response, read from memory that the next one reuses. Topics and messages are views of it.
type rowsReply struct {
	body     []byte
	results  []rowsResult
	nodes    []replyNode
	throttle time.Duration
}

// rowsResult is what a broker says of one partition.
type rowsResult struct {
	topic       []byte
	partition   int32
	code        int16
	base        int64  // offset of the first record, -1 = unknown
	message     []byte // nil = none
	leader      int32  // the current one as the broker knows it, -1 = it does not say
	leaderEpoch int32
}

// replyNode is where a new leader is.
type replyNode struct {
	id   int32
	host []byte
	port int32
}

// maxReplyBytes bounds a produce response: a few dozen bytes a partition, and messages.
const maxReplyBytes = 32 << 20

// receive reads the response to req, which is the next one of its connection.
func (r *rowsReply) receive(ctx context.Context, req *rowsRequest) error {
	correlation, n, err := req.conn.receive(ctx)
	if err != nil {
		return err
	}
	if correlation != req.correlation || n > maxReplyBytes {
		err = fmt.Errorf("produce request %d is answered by %d bytes for %d", req.correlation, n, correlation)
		req.conn.fail(err)
		return err
	}
	if cap(r.body) < n {
		r.body = make([]byte, max(n, 4<<10))
	}
	r.body = r.body[:n]
	if n > 0 {
		if err := req.conn.read(r.body); err != nil {
			return err
		}
	}
	if err := r.parse(req.version); err != nil {
		err = &ConnError{Node: req.conn.node, Addr: req.conn.addr, Err: err}
		req.conn.fail(err)
		return err
	}
	return nil
}

// parse reads body as a response of versions 3 to 12 (ProduceResponse.json).
func (r *rowsReply) parse(version int16) error {
	r.results, r.nodes, r.throttle = r.results[:0], r.nodes[:0], 0
	in := replyReader{rest: r.body, flexible: version >= 9}
	for topics := in.count(); topics > 0 && !in.bad; topics-- {
		topic := in.text()
		for partitions := in.count(); partitions > 0 && !in.bad; partitions-- {
			res := rowsResult{topic: topic, partition: in.int32(), code: in.int16(), base: in.int64(), leader: -1, leaderEpoch: -1}
			in.skip(8) // log append time
			if version >= 5 {
				in.skip(8) // log start offset
			}
			if version >= 8 {
				for errs := in.count(); errs > 0 && !in.bad; errs-- {
					in.int32()
					in.text()
					in.skipTags()
				}
				res.message = in.text()
			}
			for n := in.tagCount(); n > 0; n-- {
				if tag, field := in.tag(); tag == 0 && !in.bad {
					res.leader, res.leaderEpoch = field.int32(), field.int32()
					in.bad = in.bad || field.bad
				}
			}
			r.results = append(r.results, res)
		}
		in.skipTags()
	}
	r.throttle = time.Duration(max(in.int32(), 0)) * time.Millisecond
	for n := in.tagCount(); n > 0; n-- {
		tag, field := in.tag()
		if tag != 0 || in.bad {
			continue
		}
		for nodes := field.count(); nodes > 0 && !field.bad; nodes-- {
			node := replyNode{id: field.int32(), host: field.text(), port: field.int32()}
			field.text() // rack
			field.skipTags()
			r.nodes = append(r.nodes, node)
		}
		in.bad = field.bad
	}
	if in.bad {
		return errBadReply
	}
	return nil
}

var errBadReply = errors.New("the produce response cannot be read")

// replyReader reads a response. Once bad, it stays so and returns zeros.
type replyReader struct {
	rest     []byte
	flexible bool
	bad      bool
}

func (r *replyReader) skip(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *replyReader) int16() int16 {
	if b := r.skip(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *replyReader) int32() int32 {
	if b := r.skip(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *replyReader) int64() int64 {
	if b := r.skip(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *replyReader) uvarint() uint32 {
	n, used := binary.Uvarint(r.rest)
	if used <= 0 || n > 1<<31 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[used:]
	return uint32(n)
}

// count is the length of an array. Each element takes a byte at least, so more than that is bad.
func (r *replyReader) count() int {
	n := 0
	if r.flexible {
		n = int(r.uvarint()) - 1
	} else {
		n = int(r.int32())
	}
	if n > len(r.rest) {
		r.bad, r.rest = true, nil
		return 0
	}
	return max(n, 0)
}

// text is a string, nil when null.
func (r *replyReader) text() []byte {
	n := 0
	if r.flexible {
		n = int(r.uvarint()) - 1
	} else {
		n = int(r.int16())
	}
	if n < 0 {
		return nil
	}
	return r.skip(n)
}

func (r *replyReader) skipTags() {
	for n := r.tagCount(); n > 0; n-- {
		r.tag()
	}
}

// tagCount is how many tagged fields follow, each for tag.
func (r *replyReader) tagCount() int {
	if !r.flexible {
		return 0
	}
	n := int(r.uvarint())
	if n > len(r.rest) {
		r.bad, r.rest = true, nil
		return 0
	}
	return n
}

// tag is the next tagged field, with a reader of its own.
func (r *replyReader) tag() (tag uint32, field replyReader) {
	tag = r.uvarint()
	return tag, replyReader{rest: r.skip(int(r.uvarint())), flexible: true}
}
