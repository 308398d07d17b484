// SPDX-License-Identifier: Apache-2.0

package values

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/simpledate"
)

// ClassName is value.getClass().getName(): "java.lang.String", "[B", "java.util.ArrayList".
func ClassName(v any) string {
	switch v.(type) {
	case bool:
		return "java.lang.Boolean"
	case int8:
		return "java.lang.Byte"
	case int16:
		return "java.lang.Short"
	case int32:
		return "java.lang.Integer"
	case int64:
		return "java.lang.Long"
	case float32:
		return "java.lang.Float"
	case float64:
		return "java.lang.Double"
	case string:
		return "java.lang.String"
	case []byte:
		return "[B"
	case batch.ByteBuffer:
		return "java.nio.HeapByteBuffer"
	case batch.Decimal:
		return "java.math.BigDecimal"
	case *big.Int:
		return "java.math.BigInteger"
	case batch.Date:
		return "java.util.Date"
	case []any:
		return "java.util.ArrayList"
	case *batch.MapValue:
		return "java.util.LinkedHashMap"
	case *batch.StructValue:
		return "org.apache.kafka.connect.data.Struct"
	}
	return fmt.Sprintf("%T", v)
}

// Class is value.getClass() as a text: "class java.lang.String".
func Class(v any) string { return "class " + ClassName(v) }

// String is value.toString(), "null" for nil. The address that Java prints for arrays is 0 here.
func String(v any) string { return string(AppendString(nil, v)) }

// AppendString appends String(v).
func AppendString(dst []byte, v any) []byte {
	switch x := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, x)
	case int8:
		return strconv.AppendInt(dst, int64(x), 10)
	case int16:
		return strconv.AppendInt(dst, int64(x), 10)
	case int32:
		return strconv.AppendInt(dst, int64(x), 10)
	case int64:
		return strconv.AppendInt(dst, x, 10)
	case float32:
		return number.AppendFloat(dst, x)
	case float64:
		return number.AppendDouble(dst, x)
	case string:
		return append(dst, x...)
	case []byte:
		return append(dst, "[B@0"...)
	case batch.ByteBuffer:
		return fmt.Appendf(dst, "java.nio.HeapByteBuffer[pos=0 lim=%d cap=%d]", len(x), len(x))
	case batch.Decimal:
		return Number(x).Append(dst)
	case *big.Int:
		return x.Append(dst, 10)
	case batch.Date:
		return appendDate(dst, int64(x))
	case []any:
		dst = append(dst, '[')
		for i, e := range x {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = AppendString(dst, e)
		}
		return append(dst, ']')
	case *batch.MapValue:
		dst = append(dst, '{')
		for i, e := range x.Entries {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(AppendString(dst, e.Key), '=')
			dst = AppendString(dst, e.Value)
		}
		return append(dst, '}')
	case *batch.StructValue:
		return appendStruct(dst, x)
	}
	return fmt.Append(dst, v)
}

func appendStruct(dst []byte, x *batch.StructValue) []byte {
	dst = append(dst, "Struct{"...)
	first := true
	for i, f := range x.Schema.Fields {
		if x.Vals[i] == nil {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(dst, f.Name...), '=')
		dst = AppendString(dst, x.Vals[i])
	}
	return append(dst, '}')
}

// gregorian is the first millisecond of the Gregorian calendar; before it Java counts by the Julian one.
const gregorian = -12219292800000

var dateText = lazyFormat("EEE MMM dd HH:mm:ss zzz y")

// appendDate is java.util.Date.toString in UTC.
func appendDate(dst []byte, ms int64) []byte {
	if ms < gregorian {
		return dateText().AppendFormat(dst, ms)
	}
	return time.UnixMilli(ms).UTC().AppendFormat(dst, "Mon Jan 02 15:04:05 UTC 2006")
}

// lazyFormat compiles a pattern of ours on first use.
func lazyFormat(pattern string) func() *simpledate.Format {
	return sync.OnceValue(func() *simpledate.Format {
		f, err := simpledate.New(pattern, time.UTC)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		return f
	})
}

// SchemaText is schema.toString(): "Schema{name:TYPE}".
func SchemaText(s *batch.Schema) string {
	if s == nil {
		return "null"
	}
	if s.Name != nil {
		return "Schema{" + *s.Name + ":" + s.Type.String() + "}"
	}
	return "Schema{" + s.Type.String() + "}"
}

// ParamsText is the toString of a schema's parameters: "{a=b, c=d}", or "null".
func ParamsText(s *batch.Schema) string {
	if s.Params == nil {
		return "null"
	}
	var parts []string
	for _, p := range s.Params {
		parts = append(parts, p.Key+"="+p.Value)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Number turns a decimal value into the arithmetic form.
func Number(d batch.Decimal) number.Decimal {
	return number.Decimal{Unscaled: d.Unscaled, Scale: d.Scale}
}

// FromNumber is the inverse of Number.
func FromNumber(d number.Decimal) batch.Decimal {
	if d.Unscaled == nil {
		return batch.Decimal{Unscaled: new(big.Int), Scale: d.Scale}
	}
	return batch.Decimal{Unscaled: d.Unscaled, Scale: d.Scale}
}
