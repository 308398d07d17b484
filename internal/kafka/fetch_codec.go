// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// maxUnpacked bounds what one compressed record batch may unpack to. Producers bound it by max.request.size, 1 MiB by
// default; a batch beyond this is a bomb.
const maxUnpacked = 128 << 20

// maxIdlePlain is the most that an unpacker keeps between batches.
const maxIdlePlain = 8 << 20

var errBomb = errors.New("it unpacks to more than the limit")

// The codecs' ids in a batch's attributes.
const (
	codecNone = iota
	codecGzip
	codecSnappy
	codecLZ4
	codecZstd
)

// unpacker decompresses record batches, one at a time, into memory that it uses again. The zero value is ready.
type unpacker struct {
	limit int // 0 = maxUnpacked
	plain []byte
	src   bytes.Reader
	gzip  *gzip.Reader
	lz4   *lz4.Reader
	zstd  *zstd.Decoder
}

// unpack returns p decompressed: the unpacker's memory, valid until the next call or trim.
func (u *unpacker) unpack(codec int, p []byte) ([]byte, error) {
	limit := u.limit
	if limit == 0 {
		limit = maxUnpacked
	}
	var err error
	switch codec {
	case codecGzip:
		err = u.unpackGzip(p, limit)
	case codecSnappy:
		err = u.unpackSnappy(p, limit)
	case codecLZ4:
		if u.lz4 == nil {
			u.lz4 = lz4.NewReader(nil)
		}
		u.src.Reset(p)
		u.lz4.Reset(&u.src)
		err = u.drain(u.lz4, limit)
	case codecZstd:
		err = u.unpackZstd(p, limit)
	default:
		return nil, corrupt("Unknown compression type id: %d", codec)
	}
	if errors.Is(err, errBomb) {
		return nil, corrupt("Record batch of %d bytes unpacks to more than %d bytes, the limit", len(p), limit)
	}
	if err != nil {
		return nil, corrupt("Failed to decompress record batch: %v", err)
	}
	return u.plain, nil
}

// trim gives back what a giant batch took.
func (u *unpacker) trim() {
	if cap(u.plain) > maxIdlePlain {
		u.plain = nil
	}
}

func (u *unpacker) unpackGzip(p []byte, limit int) error {
	u.src.Reset(p)
	if u.gzip == nil {
		r, err := gzip.NewReader(&u.src)
		if err != nil {
			return err
		}
		u.gzip = r
	} else if err := u.gzip.Reset(&u.src); err != nil {
		return err
	}
	return u.drain(u.gzip, limit)
}

// unpackZstd leaves the limit to the decoder, which knows the size before it allocates.
func (u *unpacker) unpackZstd(p []byte, limit int) error {
	if u.zstd == nil {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(uint64(limit)))
		if err != nil {
			return err
		}
		u.zstd = d
	}
	out, err := u.zstd.DecodeAll(p, u.plain[:0])
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return errBomb
	}
	u.plain = out
	return err
}

// drain reads all of r into plain.
func (u *unpacker) drain(r io.Reader, limit int) error {
	out := u.plain[:0]
	defer func() { u.plain = out }()
	for {
		if cap(out)-len(out) < 512 {
			out = slices.Grow(out, max(64<<10, cap(out)))
		}
		n, err := r.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		if len(out) > limit {
			return errBomb
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// xerialMagic begins the framing that Java's producers put around snappy; others send one bare block.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

// xerialHead is the length of the magic and of two version numbers.
const xerialHead = 16

func (u *unpacker) unpackSnappy(p []byte, limit int) error {
	u.plain = u.plain[:0]
	if !bytes.HasPrefix(p, xerialMagic) {
		return u.snappyBlock(p, limit)
	}
	if len(p) < xerialHead {
		return io.ErrUnexpectedEOF
	}
	for p = p[xerialHead:]; len(p) > 0; {
		if len(p) < 4 {
			return io.ErrUnexpectedEOF
		}
		n := int64(int32(binary.BigEndian.Uint32(p)))
		if p = p[4:]; n < 0 || n > int64(len(p)) {
			return fmt.Errorf("a snappy block of %d bytes where %d are left", n, len(p))
		}
		if err := u.snappyBlock(p[:n], limit); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

func (u *unpacker) snappyBlock(p []byte, limit int) error {
	n, err := s2.DecodedLen(p)
	if err != nil {
		return err
	}
	if n > limit-len(u.plain) {
		return errBomb
	}
	at := len(u.plain)
	u.plain = slices.Grow(u.plain, n)[:at+n]
	_, err = s2.Decode(u.plain[at:at+n:at+n], p)
	return err
}
