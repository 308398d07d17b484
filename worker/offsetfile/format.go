// SPDX-License-Identifier: Apache-2.0

package offsetfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Entry is one pair of the map; nil is Java's null, an empty slice is not.
type Entry struct{ Key, Value []byte }

// maxFileBytes bounds what Read takes in. An offset is some hundred bytes.
const maxFileBytes = 1 << 30

// Type codes of Java's object stream.
const (
	tcNull      = 0x70
	tcReference = 0x71
	tcClassDesc = 0x72
	tcObject    = 0x73
	tcArray     = 0x75
	tcBlockData = 0x77
	tcEndBlock  = 0x78
	baseHandle  = 0x7E0000
)

const (
	mapHead = "\xac\xed\x00\x05" + "sr\x00\x11java.util.HashMap\x05\x07\xda\xc1\xc3\x16\x60\xd1\x03\x00\x02" +
		"F\x00\x0aloadFactorI\x00\x09thresholdxp" + "\x3f\x40\x00\x00"
	firstArray = "ur\x00\x02[B\xac\xf3\x17\xf8\x06\x08\x54\xe0\x02\x00\x00xp"
	nextArray  = "uq\x00\x7e\x00\x02"
)

// Append appends the stream that the JVM writes for a HashMap which it iterates in the order of entries.
func Append(dst []byte, entries []Entry) []byte {
	buckets, threshold := 16, 0
	if len(entries) > 0 {
		for len(entries) > buckets*3/4 {
			buckets *= 2
		}
		threshold = buckets * 3 / 4
	}
	dst = append(dst, mapHead...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(threshold))
	dst = append(dst, tcBlockData, 8)
	dst = binary.BigEndian.AppendUint32(dst, uint32(buckets))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(entries)))
	head := firstArray
	for _, e := range entries {
		for _, b := range [2][]byte{e.Key, e.Value} {
			if b == nil {
				dst = append(dst, tcNull)
				continue
			}
			dst = append(dst, head...)
			head = nextArray
			dst = binary.BigEndian.AppendUint32(dst, uint32(len(b)))
			dst = append(dst, b...)
		}
	}
	return append(dst, tcEndBlock)
}

// Read reads a stream that holds a HashMap<byte[],byte[]>. An empty stream, and one that ends too early, gives no
// entries, as the JVM worker takes it; other damage is an error that names the place.
func Read(r io.Reader) ([]Entry, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read offsets: %w", err)
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("read offsets: more than %d bytes", maxFileBytes)
	}
	rd := reader{data: data}
	entries, err := rd.read()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read offsets: byte %d: %w", rd.pos, err)
	}
	return entries, nil
}

// reader walks the stream; every method fails with io.ErrUnexpectedEOF when it ends too early.
type reader struct {
	data    []byte
	pos     int
	handles [][]byte // arrays by handle; nil for what is no array
}

func (r *reader) take(n int) ([]byte, error) {
	if n > len(r.data)-r.pos {
		return nil, io.ErrUnexpectedEOF
	}
	b := r.data[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b, nil
}

func (r *reader) byte() (byte, error) {
	b, err := r.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (r *reader) uint32() (uint32, error) {
	b, err := r.take(4)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(b), nil
}

// expect takes bytes that must stand here.
func (r *reader) expect(want, what string) error {
	rest := r.data[r.pos:]
	n := min(len(rest), len(want))
	if string(rest[:n]) != want[:n] {
		return fmt.Errorf("want %s (%x), got %x", what, want, rest[:n])
	}
	if n < len(want) {
		return io.ErrUnexpectedEOF
	}
	r.pos += n
	return nil
}

func (r *reader) read() ([]Entry, error) {
	if err := r.expect("\xac\xed\x00\x05", "a Java object stream"); err != nil {
		return nil, err
	}
	if err := r.expect("s", "an object"); err != nil {
		return nil, err
	}
	dataBytes, err := r.mapClass()
	if err != nil {
		return nil, err
	}
	r.handles = append(r.handles, nil) // the map
	if _, err := r.take(dataBytes); err != nil {
		return nil, err
	}
	if err := r.expect("w\x08", "the size of a HashMap"); err != nil {
		return nil, err
	}
	if _, err := r.uint32(); err != nil { // buckets: the JVM ignores them too
		return nil, err
	}
	size, err := r.uint32()
	if err != nil {
		return nil, err
	}
	if int32(size) < 0 {
		return nil, fmt.Errorf("illegal mappings count %d", int32(size))
	}
	var entries []Entry
	for range size {
		key, err := r.array()
		if err != nil {
			return nil, err
		}
		value, err := r.array()
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{Key: key, Value: value})
	}
	return entries, r.expect("x", "the end of the map")
}

// mapClass reads the class of the object and gives the size of its fields.
func (r *reader) mapClass() (fieldBytes int, err error) {
	if err := r.expect("r", "a class"); err != nil {
		return 0, err
	}
	name, err := r.utf()
	if err != nil {
		return 0, err
	}
	if name != "java.util.HashMap" {
		return 0, fmt.Errorf("expected HashMap but found %q", name)
	}
	if _, err := r.take(8); err != nil {
		return 0, err
	}
	r.handles = append(r.handles, nil)
	if err := r.expect("\x03", "a class with its own writeObject"); err != nil {
		return 0, err
	}
	count, err := r.take(2)
	if err != nil {
		return 0, err
	}
	for range binary.BigEndian.Uint16(count) {
		kind, err := r.byte()
		if err != nil {
			return 0, err
		}
		if _, err := r.utf(); err != nil {
			return 0, err
		}
		switch kind {
		case 'F', 'I':
			fieldBytes += 4
		default:
			return 0, fmt.Errorf("unexpected field of type %q", kind)
		}
	}
	return fieldBytes, r.expect("xp", "the end of the class")
}

func (r *reader) utf() (string, error) {
	n, err := r.take(2)
	if err != nil {
		return "", err
	}
	b, err := r.take(int(binary.BigEndian.Uint16(n)))
	return string(b), err
}

// array reads a byte array, null, or a reference to an array read before. The result shares the stream's memory.
func (r *reader) array() ([]byte, error) {
	code, err := r.byte()
	if err != nil {
		return nil, err
	}
	switch code {
	case tcNull:
		return nil, nil
	case tcReference:
		h, err := r.uint32()
		if err != nil {
			return nil, err
		}
		i := int64(h) - baseHandle
		if i < 0 || i >= int64(len(r.handles)) || r.handles[i] == nil {
			return nil, fmt.Errorf("handle %#x is no byte array", h)
		}
		return r.handles[i], nil
	case tcArray:
	default:
		return nil, fmt.Errorf("expected a byte array, got type code %#x", code)
	}
	if err := r.arrayClass(); err != nil {
		return nil, err
	}
	n, err := r.uint32()
	if err != nil {
		return nil, err
	}
	if int32(n) < 0 {
		return nil, fmt.Errorf("array of length %d", int32(n))
	}
	b, err := r.take(int(n))
	if err != nil {
		return nil, err
	}
	r.handles = append(r.handles, b)
	return b, nil
}

// arrayClass reads the class byte[] or a reference to it. It is always the third thing in the stream that gets a
// handle, behind HashMap's class and the map.
func (r *reader) arrayClass() error {
	if len(r.handles) > 2 {
		return r.expect("q\x00\x7e\x00\x02", "the class byte[]")
	}
	r.handles = append(r.handles, nil)
	return r.expect(firstArray[1:], "the class byte[]")
}

// equal tells whether two values of the map are the same, null included.
func equal(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
