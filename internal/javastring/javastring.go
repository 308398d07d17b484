// SPDX-License-Identifier: Apache-2.0

// Package javastring prints Connect values as Java's String.valueOf does: what FileStreamSink writes, StringConverter
// encodes and messages of Connect show.
package javastring

import (
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/text"
)

// Of is Append as a string.
func Of(x any) string { return string(Append(nil, x)) }

// Append appends String.valueOf(x), WTF-8. A byte[] prints as [B@0: Java shows an address, which means nothing.
func Append(dst []byte, x any) []byte {
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
		n := strconv.Itoa(len(v))
		return append(dst, "java.nio.HeapByteBuffer[pos=0 lim="+n+" cap="+n+"]"...)
	case batch.Decimal:
		return number.Decimal(v).Append(dst)
	case *big.Int:
		return v.Append(dst, 10)
	case batch.Date:
		return time.UnixMilli(int64(v)).UTC().AppendFormat(dst, "Mon Jan 02 15:04:05 UTC 2006")
	case []any:
		return appendList(dst, v)
	case *batch.MapValue:
		return appendMap(dst, v)
	case *batch.StructValue:
		return appendStruct(dst, v)
	}
	return fmt.Append(dst, x)
}

func appendList(dst []byte, list []any) []byte {
	dst = append(dst, '[')
	for i, e := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = Append(dst, e)
	}
	return append(dst, ']')
}

// appendMap prints a map with string keys in the order of Java's HashMap, any other in its own.
func appendMap(dst []byte, m *batch.MapValue) []byte {
	order := make([]int, len(m.Entries))
	keys := make([]string, 0, len(m.Entries))
	for i, e := range m.Entries {
		order[i] = i
		if k, ok := e.Key.(string); ok {
			keys = append(keys, k)
		}
	}
	if len(keys) == len(m.Entries) {
		order = text.HashOrder(keys)
	}
	dst = append(dst, '{')
	for i, at := range order {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(Append(dst, m.Entries[at].Key), '=')
		dst = Append(dst, m.Entries[at].Value)
	}
	return append(dst, '}')
}

// appendStruct prints the fields that are set, as Struct.toString does.
func appendStruct(dst []byte, s *batch.StructValue) []byte {
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
		dst = Append(dst, s.Vals[i])
	}
	return append(dst, '}')
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
