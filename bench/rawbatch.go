// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// The head of a record batch of version 2: offsets of its fields.
const (
	batchHeader   = 61
	atLength      = 8  // of what follows it
	atEpoch       = 12 // partition leader epoch
	atMagic       = 16
	atCRC         = 17 // of everything after it
	atAttributes  = 21
	atLastDelta   = 23
	atFirstTime   = 27
	atMaxTime     = 35
	atProducer    = 43 // id 8, epoch 2, sequence 4
	atCount       = 57
	codecBits     = 7
	rawBatchBytes = 256 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batchSize is the size of the batch at the start of b, which holds its header.
func batchSize(b []byte) int { return int(binary.BigEndian.Uint32(b[atLength:])) + atEpoch }

// lastOffset is the offset of the last record of the batch at the start of b.
func lastOffset(b []byte) int64 {
	return int64(binary.BigEndian.Uint64(b)) + int64(binary.BigEndian.Uint32(b[atLastDelta:]))
}

// walk counts what it has read; the sums keep the compiler from leaving the reading out.
type walk struct {
	records, bytes int64
}

var (
	errCorrupt    = errors.New("corrupt record")
	errCompressed = errors.New("the raw client reads uncompressed batches of version 2 only")
)

// batch checks the CRC of one batch and reads every field of every record.
func (w *walk) batch(b []byte) error {
	if b[atMagic] != 2 || b[atAttributes+1]&codecBits != 0 {
		return errCompressed
	}
	if got, want := crc32.Checksum(b[atAttributes:], castagnoli), binary.BigEndian.Uint32(b[atCRC:]); got != want {
		return fmt.Errorf("batch at offset %d: CRC %08x, want %08x", binary.BigEndian.Uint64(b), got, want)
	}
	rest := b[batchHeader:]
	for range binary.BigEndian.Uint32(b[atCount:]) {
		size, n := varint(rest)
		if n <= 0 || size < 1 || size > int64(len(rest)-n) {
			return errCorrupt
		}
		if err := w.record(rest[n+1 : n+int(size)]); err != nil {
			return err
		}
		rest = rest[n+int(size):]
	}
	return nil
}

// record reads one record behind its length and attributes.
func (w *walk) record(r []byte) error {
	for range 2 { // time and offset
		_, n := varint(r)
		if n <= 0 {
			return errCorrupt
		}
		r = r[n:]
	}
	for range 2 { // key and value
		size, n := varint(r)
		if n <= 0 || size > int64(len(r)-n) {
			return errCorrupt
		}
		r = r[n:]
		if size > 0 {
			w.bytes += size + int64(r[0])
			r = r[size:]
		}
	}
	if _, n := varint(r); n <= 0 {
		return errCorrupt
	}
	w.records++
	return nil
}

// varint reads a zigzag number: most have one byte or two.
func varint(b []byte) (int64, int) {
	if len(b) > 1 {
		if b[0] < 0x80 {
			return int64(b[0]>>1) ^ -int64(b[0]&1), 1
		}
		if b[1] < 0x80 {
			v := uint64(b[0]&0x7f) | uint64(b[1])<<7
			return int64(v>>1) ^ -int64(v&1), 2
		}
	}
	return binary.Varint(b)
}

// reheader makes a batch that was read one to be sent: from offset 0, of no producer.
func reheader(b []byte) {
	binary.BigEndian.PutUint64(b, 0)
	binary.BigEndian.PutUint32(b[atEpoch:], ^uint32(0))
	for i := atProducer; i < atCount; i++ {
		b[i] = 0xff
	}
	binary.BigEndian.PutUint32(b[atCRC:], crc32.Checksum(b[atAttributes:], castagnoli))
}

// batchWriter builds one batch of records without headers.
type batchWriter struct {
	buf   []byte
	count int64
	now   int64
}

func (w *batchWriter) reset() {
	if w.buf == nil {
		w.buf = make([]byte, 0, rawBatchBytes+64<<10)
	}
	w.buf = w.buf[:batchHeader]
	w.count, w.now = 0, time.Now().UnixMilli()
}

func (w *batchWriter) full() bool { return len(w.buf) >= rawBatchBytes }

// add appends a record; a nil key is null.
func (w *batchWriter) add(key, value []byte) {
	keySize := int64(-1)
	if key != nil {
		keySize = int64(len(key))
	}
	size := 1 + 1 + varintSize(w.count) + varintSize(keySize) + len(key) + varintSize(int64(len(value))) + len(value) + 1
	w.buf = binary.AppendVarint(w.buf, int64(size))
	w.buf = append(w.buf, 0, 0) // attributes, time since the batch's
	w.buf = binary.AppendVarint(w.buf, w.count)
	w.buf = append(binary.AppendVarint(w.buf, keySize), key...)
	w.buf = append(binary.AppendVarint(w.buf, int64(len(value))), value...)
	w.buf = append(w.buf, 0) // headers
	w.count++
}

func varintSize(v int64) (n int) {
	for u := uint64(v<<1) ^ uint64(v>>63); ; u >>= 7 {
		n++
		if u < 0x80 {
			return n
		}
	}
}

// finish writes the header and returns the batch, valid until reset.
func (w *batchWriter) finish() []byte {
	b := w.buf
	clear(b[:batchHeader])
	binary.BigEndian.PutUint32(b[atLength:], uint32(len(b)-atEpoch))
	b[atMagic] = 2
	binary.BigEndian.PutUint32(b[atLastDelta:], uint32(w.count-1))
	binary.BigEndian.PutUint64(b[atFirstTime:], uint64(w.now))
	binary.BigEndian.PutUint64(b[atMaxTime:], uint64(w.now))
	binary.BigEndian.PutUint32(b[atCount:], uint32(w.count))
	reheader(b)
	return b
}
