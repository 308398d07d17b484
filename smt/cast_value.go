// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"encoding/base64"
	"math/big"
	"strconv"
	"strings"
	"sync"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/simpledate"
	"github.com/penstock-io/penstock/internal/javastring"
	"github.com/penstock-io/penstock/internal/values"
)

const millisPerDay = 24 * 60 * 60 * 1000

// castValue is Cast.castValueToType; s is nil without a schema.
func castValue(s *batch.Schema, x any, target batch.Type) (any, error) {
	if x == nil {
		return nil, nil
	}
	var from batch.Type
	if s != nil {
		from = s.Type
	} else {
		var ok bool
		if from, ok = values.TypeOf(x); !ok {
			return nil, batch.DataFault("Cast transformation was passed a value of type class " + values.ClassName(x) + " which is not supported by Connect's data API")
		}
	}
	if !from.Primitive() {
		return nil, castFromFault(from)
	}
	if s != nil && s.Name != nil && target != batch.String {
		var err error
		if x, err = encodeLogical(*s.Name, x); err != nil {
			return nil, err
		}
	}
	switch target {
	case batch.String:
		return castText(x)
	case batch.Boolean:
		switch y := x.(type) {
		case bool:
			return y, nil
		case string:
			return strings.EqualFold(y, "true"), nil
		}
		n, err := castLong(x)
		return n != 0, err
	}
	return castNumber(x, target)
}

func castFromFault(from batch.Type) error {
	return batch.DataFault("Cast transformation does not support casting from " + from.String() +
		"; supported types are [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]")
}

// encodeLogical is Cast.encodeLogicalType: dates become the numbers that stand for them. Only the schema's name counts.
func encodeLogical(name string, x any) (any, error) {
	if name != batch.DateName && name != batch.TimeName && name != batch.TimestampName {
		return x, nil
	}
	d, ok := x.(batch.Date)
	if !ok {
		return nil, values.CastFault(x, "java.util.Date")
	}
	switch name {
	case batch.DateName:
		if d%millisPerDay != 0 {
			return nil, batch.DataFault("Kafka Connect Date type should not have any time fields set to non-zero values.")
		}
		return int32(d / millisPerDay), nil
	case batch.TimeName:
		if d < 0 || d > millisPerDay {
			return nil, batch.DataFault("Kafka Connect Time type should not have any date fields set to non-zero values.")
		}
		return int32(d), nil
	}
	return int64(d), nil
}

// castLong is Number.longValue.
func castLong(x any) (int64, error) {
	switch y := x.(type) {
	case int8:
		return int64(y), nil
	case int16:
		return int64(y), nil
	case int32:
		return int64(y), nil
	case int64:
		return y, nil
	case float32:
		return number.DoubleToLong(float64(y)), nil
	case float64:
		return number.DoubleToLong(y), nil
	case batch.Decimal:
		return number.Decimal(y).Int64(), nil
	case *big.Int:
		return number.Decimal{Unscaled: y}.Int64(), nil
	}
	return 0, batch.DataFault("Unexpected type in Cast transformation: class " + values.ClassName(x))
}

func castNumber(x any, target batch.Type) (any, error) {
	switch y := x.(type) {
	case bool:
		return narrow(int64(batch.BoolCell(y)), target), nil
	case string:
		return parseNumber(y, target)
	case float32:
		return narrowDouble(float64(y), target), nil
	case float64:
		return narrowDouble(y, target), nil
	case batch.Decimal:
		switch target {
		case batch.Float32:
			return number.Decimal(y).Float32(), nil
		case batch.Float64:
			return number.Decimal(y).Float64(), nil
		}
	}
	n, err := castLong(x)
	if err != nil {
		return nil, err
	}
	return narrow(n, target), nil
}

// narrow is a Java cast of an integer.
func narrow(n int64, target batch.Type) any {
	switch target {
	case batch.Int8:
		return int8(n)
	case batch.Int16:
		return int16(n)
	case batch.Int32:
		return int32(n)
	case batch.Int64:
		return n
	case batch.Float32:
		return float32(n)
	}
	return float64(n)
}

// narrowDouble is a Java cast of a float or double: integers saturate at int or long before they wrap.
func narrowDouble(v float64, target batch.Type) any {
	switch target {
	case batch.Int8:
		return number.DoubleToByte(v)
	case batch.Int16:
		return number.DoubleToShort(v)
	case batch.Int32:
		return number.DoubleToInt(v)
	case batch.Int64:
		return number.DoubleToLong(v)
	case batch.Float32:
		return float32(v)
	}
	return v
}

func parseNumber(s string, target batch.Type) (x any, err error) {
	switch target {
	case batch.Int8:
		x, err = number.ParseByte(s)
	case batch.Int16:
		x, err = number.ParseShort(s)
	case batch.Int32:
		x, err = number.ParseInt(s)
	case batch.Int64:
		x, err = number.ParseLong(s)
	case batch.Float32:
		x, err = number.ParseFloat(s)
	default:
		x, err = number.ParseDouble(s)
	}
	if err != nil {
		return nil, castRangeFault(s, err)
	}
	return x, nil
}

func castRangeFault(s string, err error) error {
	return &batch.Fault{
		Class: batch.DataException, Message: "Value (" + s + ") was out of range for requested data type",
		Cause: batch.NewFault(batch.NumberFormatException, err.Error()),
	}
}

// castText is Cast.castToString.
func castText(x any) (any, error) {
	switch y := x.(type) {
	case string:
		return y, nil
	case bool:
		return strconv.FormatBool(y), nil
	case float32:
		return number.FormatFloat(y), nil
	case float64:
		return number.FormatDouble(y), nil
	case batch.Decimal:
		return number.Decimal(y).String(), nil
	case *big.Int:
		return y.String(), nil
	case []byte:
		return base64.StdEncoding.EncodeToString(y), nil
	case batch.ByteBuffer:
		return base64.StdEncoding.EncodeToString(y), nil
	case batch.Date:
		return dateFormatFor(int64(y)).Format(int64(y)), nil
	case int8, int16, int32, int64:
		n, err := castLong(x)
		return strconv.FormatInt(n, 10), err
	}
	return javastring.Of(x), nil
}

// castDateFormats are the formats of Values.dateFormatFor: times, dates, timestamps.
var castDateFormats = sync.OnceValue(func() (formats [3]*simpledate.Format) {
	for i, pattern := range []string{"HH:mm:ss.SSS'Z'", "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"} {
		f, err := simpledate.New(pattern, nil)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		formats[i] = f
	}
	return formats
})

// dateFormatFor is Values.dateFormatFor: dates of the first day (or before it) print as times, midnights as dates.
func dateFormatFor(ms int64) *simpledate.Format {
	switch {
	case ms < millisPerDay:
		return castDateFormats()[0]
	case ms%millisPerDay == 0:
		return castDateFormats()[1]
	}
	return castDateFormats()[2]
}
