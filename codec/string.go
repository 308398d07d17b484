// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
)

const stringConverter = "org.apache.kafka.connect.storage.StringConverter"

func init() {
	Register(stringConverter, Plugin{
		Def: kafkadefs.MustGet(stringConverter),
		New: func(v config.Values, side batch.Side) (Converter, error) { return newString(v, side) },
		NewHeader: func(v config.Values) (HeaderConverter, error) {
			c, err := newString(v, batch.Value)
			if err != nil {
				return nil, err
			}
			return newHeaders(c), nil
		},
	})
}

// String is org.apache.kafka.connect.storage.StringConverter: any value goes out as its Java toString, bytes come in as
// an optional STRING. UTF-8 that is well-formed is not copied on the way in.
type String struct{ write, read *text.Charset }

func newString(v config.Values, side batch.Side) (*String, error) {
	c := &String{}
	var err error
	if c.write, err = encoding(v, side.String()+".serializer.encoding"); err != nil {
		return nil, err
	}
	if c.read, err = encoding(v, side.String()+".deserializer.encoding"); err != nil {
		return nil, err
	}
	return c, nil
}

// encoding is converter.encoding, or what the serializers' own key says, which they see because Connect hands them the
// whole configuration.
func encoding(v config.Values, key string) (*text.Charset, error) {
	name := v.String("converter.encoding")
	if own, ok := v.Originals().Get(key); ok {
		name = own
	}
	cs, err := text.LookupCharset(name)
	if err != nil {
		return nil, &batch.Fault{Class: batch.SerializationException, Message: "Unsupported encoding " + name, Cause: javaFault(err)}
	}
	return cs, nil
}

// javaFault gives an error of the Java rooms as a Fault of the class it names.
func javaFault(err error) error {
	if j, ok := err.(interface{ JavaClass() string }); ok {
		return batch.NewFault(j.JavaClass(), err.Error())
	}
	return err
}

// Decode fills the payload of a side.
func (c *String) Decode(b *batch.Batch, side batch.Side) error {
	utf := c.read.IsUTF8()
	return decodeColumn(b, side, batch.OptionalStringSchema, func(v batch.View) (uint64, error) {
		p := b.Slab.Bytes(v)
		if utf && utf8.Valid(p) {
			return uint64(v), nil
		}
		buf := b.Slab.Buf()
		start := len(buf)
		buf = c.read.AppendDecode(buf, p)
		b.Slab.SetBuf(buf)
		return uint64(batch.MakeView(start, len(buf)-start)), nil
	})
}

// Encode writes the bytes of a side.
func (c *String) Encode(b *batch.Batch, side batch.Side) error {
	utf := c.write.IsUTF8()
	if utf && encodeInPlace(b, side, batch.TagString) {
		return nil
	}
	return encodeRows(b, side, c, func(dst []byte, v *batch.Vec, i int) ([]byte, bool) {
		t := cellTag(v, i)
		if t == batch.TagString {
			p := b.Slab.Bytes(v.View(i))
			s := unsafe.String(unsafe.SliceData(p), len(p))
			if utf {
				return text.AppendUTF8(dst, s), true
			}
			return c.write.AppendEncode(dst, s), true
		}
		if !utf {
			return dst, false
		}
		switch t {
		case batch.TagBool:
			return strconv.AppendBool(dst, v.Cell(i) != 0), true
		case batch.TagInt8, batch.TagInt16, batch.TagInt32, batch.TagInt64:
			return strconv.AppendInt(dst, batch.Int(v.Cell(i)), 10), true
		case batch.TagFloat32:
			return number.AppendFloat(dst, batch.CellFloat32(v.Cell(i))), true
		case batch.TagFloat64:
			return number.AppendDouble(dst, batch.CellFloat64(v.Cell(i))), true
		}
		return dst, false
	})
}

func (c *String) fromConnect(_ *batch.Schema, v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	return c.write.AppendEncode([]byte{}, values.String(v)), nil
}

func (c *String) toConnect(_, _ string, p []byte) (*batch.Schema, any, error) {
	if p == nil {
		return batch.OptionalStringSchema, nil, nil
	}
	return batch.OptionalStringSchema, string(c.read.AppendDecode(nil, p)), nil
}
