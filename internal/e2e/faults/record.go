// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"bytes"
	"hash/crc32"
	"math/rand/v2"
	"strconv"
)

// A stream makes the records that go one way: the same ones for the same name and seed.
type stream struct {
	name string
	seed uint64
}

// append appends record seq: "NAME SEQ CRC PAYLOAD". It has no line breaks, is valid UTF-8, and is mostly a few hundred
// bytes long; some records have no payload, a few are larger than a page of memory or a read buffer.
func (s stream) append(dst []byte, seq int) []byte {
	from := len(dst)
	dst = append(append(dst, s.name...), ' ')
	dst = append(strconv.AppendInt(dst, int64(seq), 10), ' ')
	r := rand.New(rand.NewPCG(s.seed^uint64(crc32.ChecksumIEEE([]byte(s.name))), uint64(seq)))
	payload := make([]byte, 0, 512)
	n := 50 + r.IntN(350)
	switch k := r.IntN(1000); {
	case k < 10:
		n = 0
	case k < 13:
		n = r.IntN(30_000)
	}
	for len(payload) < n {
		switch k := r.IntN(100); {
		case k < 2:
			payload = append(payload, "Gdańsk 東京 🚰 "...)
		case k < 40: // compresses
			payload = append(payload, "status=ok "...)
		default:
			payload = strconv.AppendUint(payload, r.Uint64(), 36)
			payload = append(payload, ' ')
		}
	}
	sum := crc32.Update(crc32.ChecksumIEEE(dst[from:]), crc32.IEEETable, payload)
	dst = append(strconv.AppendUint(dst, uint64(sum), 16), ' ')
	return append(dst, payload...)
}

// verdict is what a line turned out to be.
type verdict int

const (
	whole   verdict = iota // a record, as it was made
	torn                   // the beginning of one
	corrupt                // anything else
)

// parse reads a line. seq is valid for whole lines.
func (s stream) parse(line []byte) (seq int, v verdict) {
	rest, ok := bytes.CutPrefix(line, []byte(s.name+" "))
	if !ok {
		if bytes.HasPrefix([]byte(s.name+" "), line) {
			return 0, torn
		}
		return 0, corrupt
	}
	number, rest, ok := bytes.Cut(rest, []byte{' '})
	seq, err := strconv.Atoi(string(number))
	if !ok {
		if err == nil || len(number) == 0 {
			return 0, torn
		}
		return 0, corrupt
	}
	if err != nil || seq < 0 {
		return 0, corrupt
	}
	head := len(line) - len(rest)
	if text, payload, ok := bytes.Cut(rest, []byte{' '}); ok {
		sum, err := strconv.ParseUint(string(text), 16, 32)
		if err == nil && crc32.Update(crc32.ChecksumIEEE(line[:head]), crc32.IEEETable, payload) == uint32(sum) {
			return seq, whole
		}
	}
	if bytes.HasPrefix(s.append(nil, seq), line) {
		return 0, torn
	}
	return 0, corrupt
}
