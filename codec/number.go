// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	const pkg = "org.apache.kafka.connect.converters."
	for _, f := range []fixed{
		{pkg + "ShortConverter", "short", "ShortDeserializer", batch.OptionalInt16Schema, 2},
		{pkg + "IntegerConverter", "integer", "IntegerDeserializer", batch.OptionalInt32Schema, 4},
		{pkg + "LongConverter", "long", "LongDeserializer", batch.OptionalInt64Schema, 8},
		{pkg + "FloatConverter", "float", "Deserializer", batch.OptionalFloat32Schema, 4},
		{pkg + "DoubleConverter", "double", "Deserializer", batch.OptionalFloat64Schema, 8},
		{pkg + "BooleanConverter", "boolean", "BooleanDeserializer", batch.OptionalBooleanSchema, 1},
	} {
		Register(f.class, Plugin{
			Def:       kafkadefs.MustGet(f.class),
			New:       func(config.Values, batch.Side) (Converter, error) { return &Number{f}, nil },
			NewHeader: func(config.Values) (HeaderConverter, error) { return newHeaders(&Number{f}), nil },
		})
	}
}

// fixed describes one of the converters whose values take a fixed number of bytes, big endian.
type fixed struct {
	class        string
	name         string // in messages
	deserializer string // in messages; Kafka's float and double ones do not say which they are
	schema       *batch.Schema
	size         int
}

// Number is Short-, Integer-, Long-, Float-, Double- or BooleanConverter of org.apache.kafka.connect.converters.
type Number struct{ fixed }

// Decode fills the payload of a side.
func (c *Number) Decode(b *batch.Batch, side batch.Side) error {
	return decodeColumn(b, side, c.schema, func(v batch.View) (uint64, error) { return c.cell(b.Slab.Bytes(v)) })
}

func (c *Number) cell(p []byte) (uint64, error) {
	if len(p) == c.size {
		switch c.size {
		case 1:
			if p[0] <= 1 {
				return uint64(p[0]), nil
			}
		case 2:
			return batch.IntCell(int64(int16(binary.BigEndian.Uint16(p)))), nil
		case 4:
			u := binary.BigEndian.Uint32(p)
			if c.schema.Type == batch.Float32 {
				return uint64(u), nil
			}
			return batch.IntCell(int64(int32(u))), nil
		case 8:
			return binary.BigEndian.Uint64(p), nil
		}
	}
	message := "Size of data received by " + c.deserializer + " is not " + strconv.Itoa(c.size)
	if len(p) == 1 && c.size == 1 {
		message = "Unexpected byte received by BooleanDeserializer: " + strconv.Itoa(int(int8(p[0])))
	}
	return 0, &batch.Fault{Class: batch.DataException, Message: "Failed to deserialize " + c.name + ": ",
		Cause: batch.NewFault(batch.SerializationException, message)}
}

// Encode writes the bytes of a side.
func (c *Number) Encode(b *batch.Batch, side batch.Side) error {
	tag := batch.TagOf(c.schema.Type)
	return encodeRows(b, side, c, func(dst []byte, v *batch.Vec, i int) ([]byte, bool) {
		if cellTag(v, i) != tag {
			return dst, false
		}
		return c.append(dst, v.Cell(i)), true
	})
}

func (c *Number) append(dst []byte, cell uint64) []byte {
	switch c.size {
	case 1:
		return append(dst, byte(cell))
	case 2:
		return binary.BigEndian.AppendUint16(dst, uint16(cell))
	case 4:
		return binary.BigEndian.AppendUint32(dst, uint32(cell))
	}
	if c.schema.Type == batch.Float64 && cell&^signBit > infinity {
		cell = javaNaN // of doubles, not of floats, Kafka writes the one NaN that Java knows
	}
	return binary.BigEndian.AppendUint64(dst, cell)
}

// Bits of a double.
const (
	signBit  = 1 << 63
	infinity = 0x7FF0000000000000
	javaNaN  = 0x7FF8000000000000
)

func (c *Number) fromConnect(s *batch.Schema, v any) ([]byte, error) {
	boolean := c.schema.Type == batch.Boolean
	if boolean && s != nil && s.Type != batch.Boolean {
		return nil, batch.DataFault("Invalid schema type for BooleanConverter: " + s.Type.String())
	}
	if v == nil {
		return nil, nil
	}
	if t, ok := values.TypeOf(v); !ok || t != c.schema.Type {
		if boolean {
			return nil, batch.DataFault("BooleanConverter is not compatible with objects of type " + values.Class(v))
		}
		return nil, &batch.Fault{Class: batch.DataException, Message: "Failed to serialize to " + c.name + " (was " + values.Class(v) + "): ",
			Cause: batch.NewFault(batch.ClassCastException, values.Class(v)+" cannot be cast to a number of that type")}
	}
	var cell uint64
	switch x := v.(type) {
	case bool:
		cell = batch.BoolCell(x)
	case int16:
		cell = batch.IntCell(int64(x))
	case int32:
		cell = batch.IntCell(int64(x))
	case int64:
		cell = batch.IntCell(x)
	case float32:
		cell = uint64(math.Float32bits(x))
	case float64:
		cell = math.Float64bits(x)
	}
	return c.append(nil, cell), nil
}

func (c *Number) toConnect(_, _ string, p []byte) (*batch.Schema, any, error) {
	if p == nil {
		return c.schema, nil, nil
	}
	cell, err := c.cell(p)
	if err != nil {
		return nil, nil, err
	}
	switch c.schema.Type {
	case batch.Boolean:
		return c.schema, cell != 0, nil
	case batch.Int16:
		return c.schema, int16(cell), nil
	case batch.Int32:
		return c.schema, int32(cell), nil
	case batch.Float32:
		return c.schema, batch.CellFloat32(cell), nil
	case batch.Float64:
		return c.schema, batch.CellFloat64(cell), nil
	}
	return c.schema, int64(cell), nil
}
