// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"encoding/binary"

	"github.com/klauspost/compress/s2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// framedSnappy compresses as Java's producer does (org.xerial.snappy.SnappyOutputStream): a header, then blocks of
// 32 KB, each behind its length. Readers take bare snappy as well, but not all of them, and not in bounded memory.
type framedSnappy struct{ block []byte }

const (
	snappyHead  = "\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01" // magic, version, oldest version that reads it
	snappyBlock = 32 << 10
)

// Compress implements kgo.Compressor. It is for one goroutine at a time.
func (f *framedSnappy) Compress(dst *bytes.Buffer, src []byte, _ ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	if f.block == nil {
		f.block = make([]byte, s2.MaxEncodedLen(snappyBlock))
	}
	dst.WriteString(snappyHead)
	for len(src) > 0 {
		n := min(len(src), snappyBlock)
		packed := s2.EncodeSnappy(f.block, src[:n])
		dst.Write(binary.BigEndian.AppendUint32(dst.AvailableBuffer(), uint32(len(packed))))
		dst.Write(packed)
		src = src[n:]
	}
	return dst.Bytes(), kgo.CodecSnappy
}
