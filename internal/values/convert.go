// SPDX-License-Identifier: Apache-2.0

package values

import (
	"encoding/base64"
	"math/big"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
)

// ConvertTo is Values.convertTo: a value of schema from (nil: unknown) as one of schema to.
func ConvertTo(to, from *batch.Schema, v any) (any, error) {
	if v == nil {
		if to.Optional {
			return nil, nil
		}
		return nil, errNull
	}
	switch to.Type {
	case batch.Bytes:
		if LogicalName(to) == batch.LogicalDecimal {
			return toDecimal(to, v)
		}
		return toBytes(to, v)
	case batch.String:
		return ToString(v)
	case batch.Boolean:
		return ToBoolean(from, v)
	case batch.Int8:
		return ToByte(from, v)
	case batch.Int16:
		return ToShort(from, v)
	case batch.Int32:
		switch LogicalName(to) {
		case batch.LogicalDate:
			return ToDate(from, v)
		case batch.LogicalTime:
			return ToTime(from, v)
		}
		return ToInteger(from, v)
	case batch.Int64:
		if LogicalName(to) == batch.LogicalTimestamp {
			return ToTimestamp(from, v)
		}
		return ToLong(from, v)
	case batch.Float32:
		return ToFloat(from, v)
	case batch.Float64:
		return ToDouble(from, v)
	case batch.Array:
		return toList(to, v)
	case batch.Map:
		return toMap(to, v)
	}
	return toStruct(to, v)
}

var (
	errNull       = batch.DataFault("Unable to convert a null value to a schema that requires a value")
	errNullParsed = batch.NewFault(batch.NullPointerException, `the text "null" has no value to look at`)
)

func unable(v any, to string) *batch.Fault {
	return batch.DataFault("Unable to convert " + String(v) + " (" + Class(v) + ") to " + to)
}

// parsed is parseString(v).value() where v is a text, v itself otherwise. Java stumbles over the text "null".
func parsed(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return v, nil
	}
	t := Parse(s)
	if t == nil {
		return nil, errNullParsed
	}
	return t.Value, nil
}

// ToBoolean is Values.convertToBoolean. For these functions nil gives nil, from may be nil, and what cannot be converted
// is a DataException.
func ToBoolean(from *batch.Schema, v any) (any, error) {
	switch v.(type) {
	case nil, bool:
		return v, nil
	case string:
		p, err := parsed(v)
		if err != nil {
			return nil, err
		}
		if on, ok := p.(bool); ok {
			return on, nil
		}
	}
	n, err := asLong(v, from)
	if err != nil {
		return nil, err
	}
	return n != 0, nil
}

// narrow is the frame of the conversions to integers: T is the Java class aimed at.
func narrow[T int8 | int16 | int32 | int64](from *batch.Schema, v any) (any, error) {
	if _, ok := v.(T); ok || v == nil {
		return v, nil
	}
	n, err := asLong(v, from)
	if err != nil {
		return nil, err
	}
	return T(n), nil
}

// ToByte is Values.convertToByte: higher bits are dropped, as in the next ones.
func ToByte(from *batch.Schema, v any) (any, error) { return narrow[int8](from, v) }

// ToShort is Values.convertToShort.
func ToShort(from *batch.Schema, v any) (any, error) { return narrow[int16](from, v) }

// ToInteger is Values.convertToInteger.
func ToInteger(from *batch.Schema, v any) (any, error) { return narrow[int32](from, v) }

// ToLong is Values.convertToLong.
func ToLong(from *batch.Schema, v any) (any, error) { return narrow[int64](from, v) }

// ToFloat is Values.convertToFloat.
func ToFloat(from *batch.Schema, v any) (any, error) {
	if _, ok := v.(float32); ok || v == nil {
		return v, nil
	}
	f, err := asDouble(v, from)
	if err != nil {
		return nil, err
	}
	return float32(f), nil
}

// ToDouble is Values.convertToDouble.
func ToDouble(from *batch.Schema, v any) (any, error) {
	if _, ok := v.(float64); ok || v == nil {
		return v, nil
	}
	f, err := asDouble(v, from)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// ToList is Values.convertToList.
func ToList(v any) (any, error) { return toList(&batch.Schema{Type: batch.Array}, v) }

// ToMap is Values.convertToMap.
func ToMap(v any) (any, error) { return toMap(&batch.Schema{Type: batch.Map}, v) }

// ToStruct is Values.convertToStruct.
func ToStruct(v any) (any, error) { return toStruct(&batch.Schema{Type: batch.Struct}, v) }

func collection[T any](to *batch.Schema, v any) (any, error) {
	if v == nil {
		return nil, errNull
	}
	v, err := parsed(v)
	if err != nil {
		return nil, err
	}
	if _, ok := v.(T); ok {
		return v, nil
	}
	if v == nil {
		return nil, errNullParsed
	}
	return nil, unable(v, SchemaText(to))
}

func toList(to *batch.Schema, v any) (any, error) { return collection[[]any](to, v) }

func toMap(to *batch.Schema, v any) (any, error) { return collection[*batch.MapValue](to, v) }

func toStruct(to *batch.Schema, v any) (any, error) {
	if v == nil {
		return nil, errNull
	}
	if _, ok := v.(*batch.StructValue); ok {
		return v, nil
	}
	return nil, unable(v, SchemaText(to))
}

// ToDate is Values.convertToDate. Unlike the others, the conversions to dates and decimals refuse nil.
func ToDate(from *batch.Schema, v any) (any, error) {
	v, done, err := temporalValue(from, v)
	if err != nil || done {
		return v, err
	}
	if d, ok := v.(batch.Date); ok {
		switch LogicalName(from) {
		case batch.LogicalDate:
			return d, nil
		case batch.LogicalTimestamp:
			return DaysToDate(int32(d / DayMillis)), nil
		}
	}
	n, err := asLong(v, from)
	if err != nil {
		return nil, err
	}
	return DaysToDate(int32(n)), nil
}

// ToTime is Values.convertToTime.
func ToTime(from *batch.Schema, v any) (any, error) {
	v, done, err := temporalValue(from, v)
	if err != nil || done {
		return v, err
	}
	var n int64
	d, ok := v.(batch.Date)
	switch l := LogicalName(from); {
	case ok && l == batch.LogicalTime:
		return d, nil
	case ok && l == batch.LogicalTimestamp:
		n = ((int64(d) % DayMillis) + DayMillis) % DayMillis
	default:
		if n, err = asLong(v, from); err != nil {
			return nil, err
		}
	}
	t, err := MillisToTime(int32(n))
	if err != nil {
		return nil, err
	}
	return t, nil
}

// ToTimestamp is Values.convertToTimestamp.
func ToTimestamp(from *batch.Schema, v any) (any, error) {
	v, done, err := temporalValue(from, v)
	if err != nil || done {
		return v, err
	}
	if d, ok := v.(batch.Date); ok {
		switch LogicalName(from) {
		case batch.LogicalDate:
			days, err := DateToDays(d)
			if err != nil {
				return nil, err
			}
			return DaysToDate(days), nil
		case batch.LogicalTime:
			ms, err := TimeToMillis(d)
			if err != nil {
				return nil, err
			}
			return batch.Date(ms), nil
		case batch.LogicalTimestamp:
			return d, nil
		}
	}
	n, err := asLong(v, from)
	if err != nil {
		return nil, err
	}
	return batch.Date(n), nil
}

// temporalValue is the common start: texts are parsed, and a date without schema is the answer already.
func temporalValue(from *batch.Schema, v any) (_ any, done bool, err error) {
	if v == nil {
		return nil, false, errNull
	}
	if v, err = parsed(v); err != nil {
		return nil, false, err
	}
	if v == nil {
		return nil, false, errNullParsed
	}
	_, ok := v.(batch.Date)
	return v, ok && from == nil, nil
}

// ToDecimal is Values.convertToDecimal; the scale counts for bytes only.
func ToDecimal(v any, scale int32) (any, error) {
	if v == nil {
		return nil, errNull
	}
	return toDecimal(DecimalSchema(scale), v)
}

// DecimalSchema is Decimal.schema(scale).
func DecimalSchema(scale int32) *batch.Schema {
	name, one := batch.DecimalName, int32(1)
	return batch.NewSchema(batch.Schema{Type: batch.Bytes, Name: &name, Version: &one,
		Params: []batch.Param{{Key: "scale", Value: strconv.Itoa(int(scale))}}})
}

func toDecimal(to *batch.Schema, v any) (any, error) {
	var d number.Decimal
	var err error
	switch x := v.(type) {
	case batch.ByteBuffer:
		return decimalOfBytes(to, x)
	case []byte:
		return decimalOfBytes(to, x)
	case batch.Decimal:
		return x, nil
	case string:
		d, err = number.ParseDecimal(x)
	default:
		f, ok := doubleOf(v)
		if !ok {
			return nil, unable(v, SchemaText(to))
		}
		d, err = number.DecimalFromDouble(f)
	}
	if err != nil {
		return nil, fault(err)
	}
	return FromNumber(d), nil
}

func decimalOfBytes(to *batch.Schema, p []byte) (any, error) {
	d, err := BytesToDecimal(to, p)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func toBytes(to *batch.Schema, v any) (any, error) {
	switch x := v.(type) {
	case batch.ByteBuffer:
		return []byte(x), nil
	case []byte:
		return x, nil
	case batch.Decimal:
		p, err := DecimalToBytes(to, x)
		if err != nil {
			return nil, err
		}
		return p, nil
	}
	return nil, unable(v, SchemaText(to))
}

// longOf is Number.longValue, false when v is no Number.
func longOf(v any) (int64, bool) {
	switch x := v.(type) {
	case int8:
		return int64(x), true
	case int16:
		return int64(x), true
	case int32:
		return int64(x), true
	case int64:
		return x, true
	case float32:
		return number.DoubleToLong(float64(x)), true
	case float64:
		return number.DoubleToLong(x), true
	case batch.Decimal:
		return Number(x).Int64(), true
	case *big.Int:
		return int64(new(big.Int).And(x, new(big.Int).SetUint64(1<<64-1)).Uint64()), true
	}
	return 0, false
}

// doubleOf is Number.doubleValue.
func doubleOf(v any) (float64, bool) {
	switch x := v.(type) {
	case float32:
		return float64(x), true
	case float64:
		return x, true
	case batch.Decimal:
		return Number(x).Float64(), true
	case *big.Int:
		return number.Decimal{Unscaled: x}.Float64(), true
	}
	n, ok := longOf(v)
	return float64(n), ok
}

func asLong(v any, from *batch.Schema) (int64, error) {
	var cause error
	if n, ok := longOf(v); ok {
		return n, nil
	}
	if s, ok := v.(string); ok {
		d, err := number.ParseDecimal(s)
		if err == nil {
			return d.Int64(), nil
		}
		cause = fault(err)
	}
	return notNumber(v, from, cause)
}

func notNumber(v any, from *batch.Schema, cause error) (int64, error) {
	if v == nil {
		return 0, errNullParsed
	}
	to := "a number"
	if from != nil {
		if d, ok := v.(batch.Date); ok {
			switch LogicalName(from) {
			case batch.LogicalDate:
				n, err := DateToDays(d)
				return int64(n), err
			case batch.LogicalTime:
				n, err := TimeToMillis(d)
				return int64(n), err
			case batch.LogicalTimestamp:
				return int64(d), nil
			}
		}
		to = SchemaText(from)
	}
	f := unable(v, to)
	f.Cause = cause
	return 0, f
}

func asDouble(v any, from *batch.Schema) (float64, error) {
	if f, ok := doubleOf(v); ok {
		return f, nil
	}
	if s, ok := v.(string); ok {
		if d, err := number.ParseDecimal(s); err == nil {
			return d.Float64(), nil
		}
	}
	n, err := asLong(v, from)
	return float64(n), err
}

// ToString is Values.convertToString: JSON-like text that Parse reads back, mostly. A value that is no Connect value is
// a DataException.
func ToString(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	text, err := AppendText(nil, v)
	if err != nil {
		return nil, err
	}
	return string(text), nil
}

// AppendText appends what ToString gives; "null" for nil.
func AppendText(dst []byte, v any) ([]byte, error) { return appendText(dst, v, false) }

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func appendText(dst []byte, v any, embedded bool) ([]byte, error) {
	switch x := v.(type) {
	case string:
		if embedded {
			return append(append(append(dst, '"'), escapes.Replace(x)...), '"'), nil
		}
		return append(dst, x...), nil
	case []byte:
		return appendText64(dst, x, embedded), nil
	case batch.ByteBuffer:
		return appendText64(dst, x, embedded), nil
	case []any:
		return appendAll(dst, '[', ']', len(x), func(dst []byte, i int) ([]byte, error) { return appendText(dst, x[i], true) })
	case *batch.MapValue:
		return appendAll(dst, '{', '}', len(x.Entries), func(dst []byte, i int) ([]byte, error) {
			return appendPair(dst, x.Entries[i].Key, x.Entries[i].Value)
		})
	case *batch.StructValue:
		return appendAll(dst, '{', '}', len(x.Vals), func(dst []byte, i int) ([]byte, error) {
			f := x.Schema.Fields[i]
			return appendPair(dst, f.Name, x.Get(f.Name))
		})
	case batch.Date:
		f := timestampFormat
		if x < DayMillis {
			f = timeFormat
		} else if x%DayMillis == 0 {
			f = dateFormat
		}
		return f().AppendFormat(dst, int64(x)), nil
	case nil, bool, int8, int16, int32, int64, float32, float64, batch.Decimal, *big.Int:
		return AppendString(dst, v), nil
	}
	return dst, batch.DataFault("Failed to serialize unexpected value type " + ClassName(v) + ": " + String(v))
}

func appendText64(dst, p []byte, embedded bool) []byte {
	if !embedded {
		return base64.StdEncoding.AppendEncode(dst, p)
	}
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), p), '"')
}

func appendPair(dst []byte, k, v any) ([]byte, error) {
	dst, err := appendText(dst, k, true)
	if err != nil {
		return dst, err
	}
	return appendText(append(dst, ':'), v, true)
}

func appendAll(dst []byte, open, end byte, n int, one func(dst []byte, i int) ([]byte, error)) (_ []byte, err error) {
	dst = append(dst, open)
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = one(dst, i); err != nil {
			return dst, err
		}
	}
	return append(dst, end), nil
}
