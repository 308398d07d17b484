// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"slices"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/internal/values"
)

const byteArrayConverter = "org.apache.kafka.connect.converters.ByteArrayConverter"

func init() {
	Register(byteArrayConverter, Plugin{
		Def:       kafkadefs.MustGet(byteArrayConverter),
		New:       func(config.Values, batch.Side) (Converter, error) { return ByteArray{}, nil },
		NewHeader: func(config.Values) (HeaderConverter, error) { return newHeaders(ByteArray{}), nil },
	})
}

// ByteArray is org.apache.kafka.connect.converters.ByteArrayConverter: bytes in, bytes out, not copied on the way in.
type ByteArray struct{}

// Decode fills the payload of a side.
func (c ByteArray) Decode(b *batch.Batch, side batch.Side) error {
	return decodeColumn(b, side, batch.OptionalBytesSchema, func(v batch.View) (uint64, error) { return uint64(v), nil })
}

// Encode writes the bytes of a side.
func (c ByteArray) Encode(b *batch.Batch, side batch.Side) error {
	if encodeInPlace(b, side, batch.TagBytes) {
		return nil
	}
	return encodeRows(b, side, c, func(dst []byte, v *batch.Vec, i int) ([]byte, bool) {
		if cellTag(v, i) != batch.TagBytes {
			return dst, false
		}
		return append(dst, b.Slab.Bytes(v.View(i))...), true
	})
}

func (c ByteArray) fromConnect(s *batch.Schema, v any) ([]byte, error) {
	if s != nil && s.Type != batch.Bytes {
		return nil, batch.DataFault("Invalid schema type for ByteArrayConverter: " + s.Type.String())
	}
	switch x := v.(type) {
	case nil:
		return nil, nil
	case []byte:
		return notNil(x), nil
	case batch.ByteBuffer:
		return notNil(x), nil
	}
	return nil, batch.DataFault("ByteArrayConverter is not compatible with objects of type " + values.Class(v))
}

func notNil(p []byte) []byte {
	if p == nil {
		return []byte{}
	}
	return p
}

func (c ByteArray) toConnect(_, _ string, p []byte) (*batch.Schema, any, error) {
	if p == nil {
		return batch.OptionalBytesSchema, nil, nil
	}
	return batch.OptionalBytesSchema, slices.Clone(notNil(p)), nil
}
