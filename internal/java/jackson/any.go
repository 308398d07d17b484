// SPDX-License-Identifier: Apache-2.0

package jackson

import (
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/text"
)

// Field is one member of an Object.
type Field struct {
	Name  string
	Value any
}

// Object is a JSON object that keeps the order of its members, as a LinkedHashMap does.
type Object []Field

// maxDepth is Jackson's limit of nesting when writing.
const maxDepth = 1000

// AppendAny appends a value without schema, the form of offsets and of messages inside the worker: nil, bool, signed
// integers, floats, string, []byte, *big.Int, number.Decimal, []any, Object, and map[string]any in the order of a
// HashMap. Any other type is an error, and so is nesting beyond 1,000.
func AppendAny(dst []byte, v any) ([]byte, error) { return appendAny(dst, v, 0) }

func appendAny(dst []byte, v any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, fmt.Errorf("write JSON: nested deeper than %d", maxDepth)
	}
	switch x := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		if x {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	case int8:
		return AppendInt(dst, int64(x)), nil
	case int16:
		return AppendInt(dst, int64(x)), nil
	case int32:
		return AppendInt(dst, int64(x)), nil
	case int64:
		return AppendInt(dst, x), nil
	case int:
		return AppendInt(dst, int64(x)), nil
	case float32:
		return AppendFloat(dst, x), nil
	case float64:
		return AppendDouble(dst, x), nil
	case string:
		return AppendString(dst, x), nil
	case []byte:
		return AppendBase64(dst, x), nil
	case *big.Int:
		return x.Append(dst, 10), nil
	case number.Decimal:
		return x.Append(dst), nil
	}
	return appendContainer(dst, v, depth+1)
}

func appendContainer(dst []byte, v any, depth int) ([]byte, error) {
	var err error
	switch x := v.(type) {
	case []any:
		dst = append(dst, '[')
		for i, e := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendAny(dst, e, depth); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case Object:
		dst = append(dst, '{')
		for i, f := range x {
			if dst, err = appendMember(dst, i, f.Name, f.Value, depth); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	case map[string]any:
		keys := slices.Sorted(maps.Keys(x)) // where buckets collide the order of insertion counts, which is not known
		dst = append(dst, '{')
		for i, k := range text.HashOrder(keys) {
			if dst, err = appendMember(dst, i, keys[k], x[keys[k]], depth); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	}
	return dst, fmt.Errorf("write JSON: values of type %T are not supported", v)
}

func appendMember(dst []byte, i int, name string, v any, depth int) ([]byte, error) {
	if i > 0 {
		dst = append(dst, ',')
	}
	dst = AppendString(dst, name)
	return appendAny(append(dst, ':'), v, depth)
}
