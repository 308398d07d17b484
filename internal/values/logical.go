// SPDX-License-Identifier: Apache-2.0

package values

import (
	"fmt"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
)

// DayMillis is the length of a day.
const DayMillis = 24 * 60 * 60 * 1000

// DateToDays is Date.fromLogical.
func DateToDays(d batch.Date) (int32, error) {
	if d%DayMillis != 0 {
		return 0, batch.DataFault("Kafka Connect Date type should not have any time fields set to non-zero values.")
	}
	return int32(d / DayMillis), nil
}

// DaysToDate is Date.toLogical.
func DaysToDate(days int32) batch.Date { return batch.Date(days) * DayMillis }

// TimeToMillis is Time.fromLogical.
func TimeToMillis(d batch.Date) (int32, error) {
	if d < 0 || d > DayMillis {
		return 0, batch.DataFault("Kafka Connect Time type should not have any date fields set to non-zero values.")
	}
	return int32(d), nil
}

// MillisToTime is Time.toLogical.
func MillisToTime(ms int32) (batch.Date, error) {
	if ms < 0 || ms > DayMillis {
		return 0, batch.DataFault("Time values must use number of milliseconds greater than 0 and less than 86400000")
	}
	return batch.Date(ms), nil
}

// Scale is the scale of a Decimal schema, or the error that Java raises over its parameters.
func Scale(s *batch.Schema) (int32, error) {
	if s.Params == nil {
		return 0, batch.NewFault(batch.NullPointerException, "the schema has no parameters")
	}
	text, ok := s.Param("scale")
	if !ok {
		return 0, batch.DataFault("Invalid Decimal schema: scale parameter not found.")
	}
	n, err := number.ParseInt(text)
	if err != nil {
		return 0, &batch.Fault{Class: batch.DataException, Message: "Invalid scale parameter found in Decimal schema: ", Cause: fault(err)}
	}
	return n, nil
}

// DecimalToBytes is Decimal.fromLogical: the unscaled value, if the scale is the schema's.
func DecimalToBytes(s *batch.Schema, d batch.Decimal) ([]byte, error) {
	scale, err := Scale(s)
	if err != nil {
		return nil, err
	}
	if d.Scale != scale {
		return nil, batch.DataFault(fmt.Sprintf("Decimal value has mismatching scale for given Decimal schema. Schema has scale %d, value has scale %d.", scale, d.Scale))
	}
	return batch.BigIntBytes(nil, d.Unscaled), nil
}

// BytesToDecimal is Decimal.toLogical.
func BytesToDecimal(s *batch.Schema, p []byte) (batch.Decimal, error) {
	if len(p) == 0 {
		return batch.Decimal{}, batch.NewFault(batch.NumberFormatException, "Zero length BigInteger")
	}
	scale, err := Scale(s)
	if err != nil {
		return batch.Decimal{}, err
	}
	return batch.Decimal{Unscaled: batch.BigIntFromBytes(p), Scale: scale}, nil
}

// fault turns an error of the Java packages into a Fault of the class it names.
func fault(err error) error {
	if j, ok := err.(interface{ JavaClass() string }); ok {
		return batch.NewFault(j.JavaClass(), err.Error())
	}
	return err
}
