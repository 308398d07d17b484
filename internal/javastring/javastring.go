// SPDX-License-Identifier: Apache-2.0

// Package javastring prints Connect values as Java's String.valueOf does: what FileStreamSink writes, StringConverter
// encodes and messages of Connect show.
package javastring

import (
	"fmt"
	"math/big"
	"strconv"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/simpledate"
	"github.com/penstock-io/penstock/internal/java/text"
)

// Of is Append as a string.
func Of(x any) string { return string(Append(nil, x)) }

// Append appends String.valueOf(x), WTF-8. A byte[] prints as [B@0: Java shows an address, which means nothing. Maps
// with string keys print in the order of a java.util.HashMap, which is what Kafka's converters make, unless their
// Table says otherwise.
func Append(dst []byte, x any) []byte { return printer{hashed: true}.append(dst, x) }

// AppendInOrder is Append with the entries of a map in their own order, as a LinkedHashMap prints them, unless the
// value says that it is a HashMap.
func AppendInOrder(dst []byte, x any) []byte { return printer{}.append(dst, x) }

// printer prints values; hashed says that every map is a HashMap.
type printer struct{ hashed bool }

func (p printer) append(dst []byte, x any) []byte {
	switch v := x.(type) {
	case nil:
		return append(dst, "null"...)
	case string:
		return append(dst, v...)
	case bool:
		return strconv.AppendBool(dst, v)
	case int8:
		return strconv.AppendInt(dst, int64(v), 10)
	case int16:
		return strconv.AppendInt(dst, int64(v), 10)
	case int32:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float32:
		return number.AppendFloat(dst, v)
	case float64:
		return number.AppendDouble(dst, v)
	case []byte:
		return append(dst, "[B@0"...)
	case batch.ByteBuffer:
		return fmt.Appendf(dst, "java.nio.HeapByteBuffer[pos=0 lim=%d cap=%d]", len(v), len(v))
	case batch.Decimal:
		return number.Decimal(v).Append(dst)
	case *big.Int:
		return v.Append(dst, 10)
	case batch.Date:
		return appendDate(dst, int64(v))
	case []any:
		return p.appendList(dst, v)
	case *batch.MapValue:
		return p.appendMap(dst, v)
	case *batch.StructValue:
		return p.appendStruct(dst, v)
	}
	return fmt.Append(dst, x)
}

func (p printer) appendList(dst []byte, list []any) []byte {
	dst = append(dst, '[')
	for i, e := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = p.append(dst, e)
	}
	return append(dst, ']')
}

// appendMap prints a HashMap with string keys in its order, any other map in its own.
func (p printer) appendMap(dst []byte, m *batch.MapValue) []byte {
	var order []int
	if (p.hashed || m.Hash || m.Table > 0) && m.Table != batch.LinkedTable {
		order = hashOrder(m)
	}
	dst = append(dst, '{')
	for i := range m.Entries {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		e := m.Entries[i]
		if order != nil {
			e = m.Entries[order[i]]
		}
		dst = append(p.append(dst, e.Key), '=')
		dst = p.append(dst, e.Value)
	}
	return append(dst, '}')
}

// hashOrder is the order of a HashMap's entries; nil when some key is no string.
func hashOrder(m *batch.MapValue) []int {
	keys := make([]string, 0, len(m.Entries))
	for _, e := range m.Entries {
		k, ok := e.Key.(string)
		if !ok {
			return nil
		}
		keys = append(keys, k)
	}
	return text.AppendHashOrder(make([]int, 0, len(keys)), keys, int(m.Table))
}

// appendStruct prints the fields that are set, as Struct.toString does.
func (p printer) appendStruct(dst []byte, s *batch.StructValue) []byte {
	dst = append(dst, "Struct{"...)
	first := true
	for i, f := range s.Schema.Fields {
		if s.Vals[i] == nil {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(dst, f.Name...), '=')
		dst = p.append(dst, s.Vals[i])
	}
	return append(dst, '}')
}

// gregorian is the first millisecond of the Gregorian calendar; before it Java counts by the Julian one.
const gregorian = -12219292800000

// julianText prints a Date of the Julian calendar.
var julianText = sync.OnceValue(func() *simpledate.Format {
	f, err := simpledate.New("EEE MMM dd HH:mm:ss zzz y", time.UTC)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return f
})

// appendDate is java.util.Date.toString in UTC.
func appendDate(dst []byte, ms int64) []byte {
	if ms < gregorian {
		return julianText().AppendFormat(dst, ms)
	}
	return time.UnixMilli(ms).UTC().AppendFormat(dst, "Mon Jan 02 15:04:05 UTC 2006")
}

// Schema is ConnectSchema.toString.
func Schema(s *batch.Schema) string {
	switch {
	case s == nil:
		return "null"
	case s.Name != nil:
		return "Schema{" + *s.Name + ":" + s.Type.String() + "}"
	}
	return "Schema{" + s.Type.String() + "}"
}
