// SPDX-License-Identifier: Apache-2.0

package values

import (
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/simpledate"
	"github.com/penstock-io/penstock/internal/javastring"
)

// ClassName is value.getClass().getName(): "java.lang.String", "[B"; "null" for nil. Lists are ArrayLists, as those of the
// converters.
func ClassName(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
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
		if x.Hash {
			return "java.util.HashMap"
		}
		return "java.util.LinkedHashMap"
	case *batch.StructValue:
		return "org.apache.kafka.connect.data.Struct"
	}
	return "java.lang.Object"
}

// Class is value.getClass() as a text: "class java.lang.String".
func Class(v any) string { return "class " + ClassName(v) }

// String is value.toString(), "null" for nil. The address that Java prints for arrays is 0 here.
func String(v any) string { return string(AppendString(nil, v)) }

// AppendString appends String(v).
func AppendString(dst []byte, v any) []byte { return javastring.AppendInOrder(dst, v) }

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
func SchemaText(s *batch.Schema) string { return javastring.Schema(s) }

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
