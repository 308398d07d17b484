// SPDX-License-Identifier: Apache-2.0

package values

import (
	"github.com/penstock-io/penstock/batch"
)

// Validate is ConnectSchema.validateValue(schema, value).
func Validate(s *batch.Schema, v any) error { return validate(s, v, "value") }

// ValidateField is ConnectSchema.validateValue(field, schema, value): what Struct.put does.
func ValidateField(field string, s *batch.Schema, v any) error {
	return validate(s, v, `field: "`+field+`"`)
}

func validate(s *batch.Schema, v any, at string) error {
	if v == nil {
		if !s.Optional {
			return NullRequired(at, s)
		}
		return nil
	}
	if !expects(s, v) {
		m := "Invalid Java object for schema"
		if s.Name != nil {
			m += ` "` + *s.Name + `"`
		}
		return batch.DataFault(m + " with type " + s.Type.String() + ": " + Class(v) + " for " + at)
	}
	// A logical name wins over the type, so the value need not have the shape that the type promises: Java casts.
	switch s.Type {
	case batch.Struct:
		x, ok := v.(*batch.StructValue)
		if !ok {
			return CastFault(v, "org.apache.kafka.connect.data.Struct")
		}
		return validateStruct(s, x)
	case batch.Array:
		x, ok := v.([]any)
		if !ok {
			return CastFault(v, "java.util.List")
		}
		return validateList(s, x, "element of array "+at)
	case batch.Map:
		x, ok := v.(*batch.MapValue)
		if !ok {
			return CastFault(v, "java.util.Map")
		}
		return validateMap(s, x, at)
	}
	return nil
}

// NullRequired is the error for a null where the schema requires a value; at says where: `field: "a"`.
func NullRequired(at string, s *batch.Schema) error {
	return batch.DataFault("Invalid value: null used for required " + at + ", schema type: " + s.Type.String())
}

// CastFault is the ClassCastException of a Java cast, which the JVM words.
func CastFault(v any, to string) error {
	return batch.NewFault(batch.ClassCastException, Class(v)+" cannot be cast to class "+to)
}

func validateStruct(s *batch.Schema, x *batch.StructValue) error {
	if !x.Schema.Equal(s) {
		return batch.DataFault("Struct schemas do not match.")
	}
	return ValidateStruct(x)
}

// ValidateStruct is Struct.validate.
func ValidateStruct(x *batch.StructValue) error {
	for i, f := range x.Schema.Fields {
		if x.Vals[i] == nil && (f.Schema.Optional || f.Schema.HasDefault) {
			continue
		}
		if err := ValidateField(f.Name, f.Schema, x.Vals[i]); err != nil {
			return err
		}
	}
	return nil
}

func validateList(s *batch.Schema, list []any, at string) error {
	if s.ValueSchema == nil {
		return batch.DataFault("No schema defined for " + at)
	}
	for _, e := range list {
		if err := validate(s.ValueSchema, e, at); err != nil {
			return err
		}
	}
	return nil
}

func validateMap(s *batch.Schema, m *batch.MapValue, at string) error {
	keyAt, valueAt := "key of map "+at, "value of map "+at
	if s.KeySchema == nil {
		return batch.DataFault("No schema defined for " + keyAt)
	}
	if s.ValueSchema == nil {
		return batch.DataFault("No schema defined for " + valueAt)
	}
	for _, e := range m.Entries {
		if err := validate(s.KeySchema, e.Key, keyAt); err != nil {
			return err
		}
		if err := validate(s.ValueSchema, e.Value, valueAt); err != nil {
			return err
		}
	}
	return nil
}

// LogicalName tells the logical type by name alone, as Java does; batch.Schema.Logical wants the type to fit, too.
func LogicalName(s *batch.Schema) batch.Logical {
	if s == nil || s.Name == nil {
		return batch.NotLogical
	}
	switch *s.Name {
	case batch.DecimalName:
		return batch.LogicalDecimal
	case batch.DateName:
		return batch.LogicalDate
	case batch.TimeName:
		return batch.LogicalTime
	case batch.TimestampName:
		return batch.LogicalTimestamp
	}
	return batch.NotLogical
}

func expects(s *batch.Schema, v any) bool {
	switch LogicalName(s) {
	case batch.LogicalDecimal:
		_, ok := v.(batch.Decimal)
		return ok
	case batch.LogicalDate, batch.LogicalTime, batch.LogicalTimestamp:
		_, ok := v.(batch.Date)
		return ok
	}
	t, ok := TypeOf(v)
	return ok && t == s.Type
}

// TypeOf is ConnectSchema.schemaType: the Connect type of a value's class; false for classes that have none, such as
// those of the logical types.
func TypeOf(v any) (batch.Type, bool) {
	switch v.(type) {
	case bool:
		return batch.Boolean, true
	case int8:
		return batch.Int8, true
	case int16:
		return batch.Int16, true
	case int32:
		return batch.Int32, true
	case int64:
		return batch.Int64, true
	case float32:
		return batch.Float32, true
	case float64:
		return batch.Float64, true
	case string:
		return batch.String, true
	case []byte, batch.ByteBuffer:
		return batch.Bytes, true
	case []any:
		return batch.Array, true
	case *batch.MapValue:
		return batch.Map, true
	case *batch.StructValue:
		return batch.Struct, true
	}
	return 0, false
}
