// SPDX-License-Identifier: Apache-2.0

package batch

import "slices"

// Type is a Connect type (org.apache.kafka.connect.data.Schema.Type).
type Type uint8

// The Connect types, in Java's order.
const (
	Int8 Type = iota
	Int16
	Int32
	Int64
	Float32
	Float64
	Boolean
	String
	Bytes
	Array
	Map
	Struct
)

var typeNames = [...]string{"INT8", "INT16", "INT32", "INT64", "FLOAT32", "FLOAT64", "BOOLEAN", "STRING", "BYTES", "ARRAY", "MAP", "STRUCT"}

// String is the name of the Java enum constant, e.g. INT32.
func (t Type) String() string { return typeNames[t] }

// ParseType finds a type by the name of its Java constant.
func ParseType(name string) (Type, bool) {
	i := slices.Index(typeNames[:], name)
	return Type(max(i, 0)), i >= 0
}

// Primitive reports every type but ARRAY, MAP and STRUCT.
func (t Type) Primitive() bool { return t < Array }

// Logical is a logical type of Connect, told by the schema's name.
type Logical uint8

// The logical types of Connect.
const (
	NotLogical Logical = iota
	LogicalDecimal
	LogicalDate
	LogicalTime
	LogicalTimestamp
)

// Names of the logical types' schemas.
const (
	DecimalName   = "org.apache.kafka.connect.data.Decimal"
	DateName      = "org.apache.kafka.connect.data.Date"
	TimeName      = "org.apache.kafka.connect.data.Time"
	TimestampName = "org.apache.kafka.connect.data.Timestamp"
)

// Param is one entry of a schema's parameters.
type Param struct{ Key, Value string }

// Field is a field of a STRUCT schema.
type Field struct {
	Name   string
	Schema *Schema
}

// Schema describes values. It is immutable once built, and shared: compare pointers first, then Equal.
// The pointer fields are nil where Java has null. Params nil and Params empty differ, as in Java.
type Schema struct {
	Type        Type
	Optional    bool
	HasDefault  bool
	Name        *string
	Version     *int32
	Doc         *string
	Params      []Param
	Default     any // meaningful when HasDefault
	Fields      []Field
	KeySchema   *Schema // MAP
	ValueSchema *Schema // ARRAY and MAP

	logical Logical
	scale   int32
	index   map[string]int
}

// NewSchema completes s (field index, logical type) and returns it. s must not change afterwards.
func NewSchema(s Schema) *Schema {
	p := &s
	if s.Type == Struct {
		p.index = make(map[string]int, len(s.Fields))
		for i, f := range s.Fields {
			p.index[f.Name] = i
		}
	}
	p.logical = logicalOf(&s)
	if p.logical == LogicalDecimal {
		p.scale = parseScale(s.Param("scale"))
	}
	return p
}

func logicalOf(s *Schema) Logical {
	if s.Name == nil {
		return NotLogical
	}
	switch {
	case *s.Name == DecimalName && s.Type == Bytes:
		return LogicalDecimal
	case *s.Name == DateName && s.Type == Int32:
		return LogicalDate
	case *s.Name == TimeName && s.Type == Int32:
		return LogicalTime
	case *s.Name == TimestampName && s.Type == Int64:
		return LogicalTimestamp
	}
	return NotLogical
}

func parseScale(text string, ok bool) int32 {
	var n int32
	neg := false
	if !ok || text == "" {
		return 0
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '-' && i == 0 {
			neg = true
			continue
		}
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int32(c-'0')
	}
	if neg {
		n = -n
	}
	return n
}

// Logical is the logical type: both the name and the underlying type must fit.
func (s *Schema) Logical() Logical { return s.logical }

// Scale is the scale of a Decimal schema.
func (s *Schema) Scale() int32 { return s.scale }

// Field finds a field of a STRUCT by name: its index, or -1.
func (s *Schema) Field(name string) int {
	if i, ok := s.index[name]; ok {
		return i
	}
	return -1
}

// Param finds a parameter.
func (s *Schema) Param(key string) (string, bool) {
	for _, p := range s.Params {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

// NameText is the name, or "" when there is none.
func (s *Schema) NameText() string {
	if s.Name == nil {
		return ""
	}
	return *s.Name
}

// Copy returns a copy that may be changed before it goes through NewSchema. Slices are shared: replace, do not write.
func (s *Schema) Copy() Schema {
	c := *s
	c.index = nil
	return c
}

// AsOptional returns s or a copy of it with Optional set to on.
func (s *Schema) AsOptional(on bool) *Schema {
	if s.Optional == on {
		return s
	}
	c := s.Copy()
	c.Optional = on
	return NewSchema(c)
}

// Equal compares as ConnectSchema.equals does: every attribute, deeply; the order of Params does not count.
func (s *Schema) Equal(o *Schema) bool {
	if s == o {
		return true
	}
	if s == nil || o == nil || s.Type != o.Type || s.Optional != o.Optional || s.HasDefault != o.HasDefault ||
		!eq(s.Name, o.Name) || !eq(s.Version, o.Version) || !eq(s.Doc, o.Doc) ||
		len(s.Fields) != len(o.Fields) || len(s.Params) != len(o.Params) || (s.Params == nil) != (o.Params == nil) {
		return false
	}
	for _, p := range s.Params {
		if v, ok := o.Param(p.Key); !ok || v != p.Value {
			return false
		}
	}
	for i, f := range s.Fields {
		if f.Name != o.Fields[i].Name || !f.Schema.Equal(o.Fields[i].Schema) {
			return false
		}
	}
	return s.KeySchema.Equal(o.KeySchema) && s.ValueSchema.Equal(o.ValueSchema) && (!s.HasDefault || ValueEqual(s.Default, o.Default))
}

func eq[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// Plain schemas of the primitive types, required and optional, shared by everyone.
var (
	Int8Schema, OptionalInt8Schema       = plain(Int8)
	Int16Schema, OptionalInt16Schema     = plain(Int16)
	Int32Schema, OptionalInt32Schema     = plain(Int32)
	Int64Schema, OptionalInt64Schema     = plain(Int64)
	Float32Schema, OptionalFloat32Schema = plain(Float32)
	Float64Schema, OptionalFloat64Schema = plain(Float64)
	BooleanSchema, OptionalBooleanSchema = plain(Boolean)
	StringSchema, OptionalStringSchema   = plain(String)
	BytesSchema, OptionalBytesSchema     = plain(Bytes)
)

func plain(t Type) (required, optional *Schema) {
	return NewSchema(Schema{Type: t}), NewSchema(Schema{Type: t, Optional: true})
}

func named(t Type, name string, optional bool) *Schema {
	one := int32(1)
	return NewSchema(Schema{Type: t, Name: &name, Version: &one, Optional: optional})
}

// DateSchema is org.apache.kafka.connect.data.Date, required or optional.
func DateSchema(optional bool) *Schema { return named(Int32, DateName, optional) }

// TimeSchema is org.apache.kafka.connect.data.Time, required or optional.
func TimeSchema(optional bool) *Schema { return named(Int32, TimeName, optional) }

// TimestampSchema is org.apache.kafka.connect.data.Timestamp, required or optional.
func TimestampSchema(optional bool) *Schema { return named(Int64, TimestampName, optional) }
