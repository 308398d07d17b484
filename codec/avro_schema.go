// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/jackson"
)

// avroType is a type of the Avro specification.
type avroType uint8

const (
	avroNull avroType = iota
	avroBoolean
	avroInt
	avroLong
	avroFloat
	avroDouble
	avroBytes
	avroString
	avroRecord
	avroEnum
	avroFixed
	avroArray
	avroMap
	avroUnion
)

var avroTypeNames = [...]string{"null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "enum", "fixed", "array", "map", "union"}

// avroSchema is a parsed Avro schema. Named types that are referred to are the same pointer again.
type avroSchema struct {
	kind     avroType
	name     string // record, enum and fixed: without namespace
	space    string
	doc      *string
	fields   []avroField
	symbols  []string
	fallback *string // default of an enum
	size     int     // fixed
	items    *avroSchema
	branches []*avroSchema
	props    jsonObject // every attribute that the specification does not name
}

type avroField struct {
	name       string
	schema     *avroSchema
	doc        *string
	hasDefault bool
	def        any // as readOrdered gives it
}

// jsonObject is a JSON object with its members in order.
type jsonObject []jsonMember

type jsonMember struct {
	name  string
	value any
}

func (o jsonObject) get(name string) (any, bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

func (o jsonObject) text(name string) (string, bool) {
	v, _ := o.get(name)
	s, ok := v.(string)
	return s, ok
}

const errAvroSchema = "org.apache.avro.SchemaParseException"

func avroSchemaFault(message string) error { return batch.NewFault(errAvroSchema, message) }

// readOrdered decodes JSON: nil, bool, json.Number, string, []any or jsonObject.
func readOrdered(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := orderedValue(d)
	if err != nil {
		return nil, err
	}
	if d.More() {
		return nil, avroSchemaFault("dangling content after end of schema")
	}
	return v, nil
}

func orderedValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if delim == '[' {
		list := []any{}
		for d.More() {
			v, err := orderedValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	object := jsonObject{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := orderedValue(d)
		if err != nil {
			return nil, err
		}
		object = append(object, jsonMember{name.(string), v})
	}
	_, err = d.Token()
	return object, err
}

// fullName is the name with its namespace.
func (s *avroSchema) fullName() string {
	switch {
	case s.kind < avroRecord || s.kind > avroFixed:
		return avroTypeNames[s.kind]
	case s.space == "":
		return s.name
	}
	return s.space + "." + s.name
}

// prop is an attribute that is text.
func (s *avroSchema) prop(name string) (string, bool) { return s.props.text(name) }

// setProp sets an attribute unless it is there.
func (s *avroSchema) setProp(name string, v any) {
	if _, ok := s.props.get(name); !ok {
		s.props = append(s.props, jsonMember{name, v})
	}
}

// checkAvroName refuses what Avro's Schema.validateName refuses.
func checkAvroName(name string) error {
	if name == "" {
		return avroSchemaFault("Empty name")
	}
	for i, c := range name {
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80
		switch {
		case letter, i > 0 && c >= '0' && c <= '9':
		case i == 0:
			return avroSchemaFault("Illegal initial character: " + name)
		default:
			return avroSchemaFault("Illegal character in: " + name)
		}
	}
	return nil
}

// splitAvroName cuts a full name at its last dot.
func splitAvroName(name string) (space, simple string) {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

// appendText prints the schema as Avro's Schema.toString does: names relative to the namespace around, each named type
// once. names are those printed already.
func (s *avroSchema) appendText(dst []byte, space string, names map[string]*avroSchema) []byte {
	if s.kind >= avroRecord && s.kind <= avroFixed {
		return s.appendNamed(dst, space, names)
	}
	switch s.kind {
	case avroUnion:
		dst = append(dst, '[')
		for i, b := range s.branches {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = b.appendText(dst, space, names)
		}
		return append(dst, ']')
	case avroArray:
		dst = s.items.appendText(append(dst, `{"type":"array","items":`...), space, names)
	case avroMap:
		dst = s.items.appendText(append(dst, `{"type":"map","values":`...), space, names)
	default:
		if len(s.props) == 0 {
			return jackson.AppendString(dst, avroTypeNames[s.kind])
		}
		dst = jackson.AppendString(append(dst, `{"type":`...), avroTypeNames[s.kind])
	}
	return append(appendProps(dst, s.props), '}')
}

func (s *avroSchema) appendNamed(dst []byte, space string, names map[string]*avroSchema) []byte {
	full := s.fullName()
	if names[full] != nil { // even where another type had the name: Avro looks no further
		if s.space == space {
			return jackson.AppendString(dst, s.name)
		}
		return jackson.AppendString(dst, full)
	}
	names[full] = s
	dst = jackson.AppendString(append(dst, `{"type":`...), avroTypeNames[s.kind])
	dst = jackson.AppendString(append(dst, `,"name":`...), s.name)
	if s.space != space {
		dst = jackson.AppendString(append(dst, `,"namespace":`...), s.space)
	}
	if s.doc != nil {
		dst = jackson.AppendString(append(dst, `,"doc":`...), *s.doc)
	}
	switch s.kind {
	case avroFixed:
		dst = jackson.AppendInt(append(dst, `,"size":`...), int64(s.size))
	case avroEnum:
		dst = append(dst, `,"symbols":[`...)
		for i, x := range s.symbols {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = jackson.AppendString(dst, x)
		}
		dst = append(dst, ']')
		if s.fallback != nil {
			dst = jackson.AppendString(append(dst, `,"default":`...), *s.fallback)
		}
	default:
		dst = append(dst, `,"fields":[`...)
		for i, f := range s.fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = jackson.AppendString(append(dst, `{"name":`...), f.name)
			dst = f.schema.appendText(append(dst, `,"type":`...), s.space, names)
			if f.doc != nil {
				dst = jackson.AppendString(append(dst, `,"doc":`...), *f.doc)
			}
			if f.hasDefault {
				dst = appendOrdered(append(dst, `,"default":`...), f.def)
			}
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
	}
	return append(appendProps(dst, s.props), '}')
}

func appendProps(dst []byte, props jsonObject) []byte {
	for _, p := range props {
		dst = jackson.AppendString(append(dst, ','), p.name)
		dst = appendOrdered(append(dst, ':'), p.value)
	}
	return dst
}

func appendOrdered(dst []byte, v any) []byte {
	switch x := v.(type) {
	case bool:
		if x {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case json.Number:
		return append(dst, x...)
	case string:
		return jackson.AppendString(dst, x)
	case []any:
		dst = append(dst, '[')
		for i, e := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendOrdered(dst, e)
		}
		return append(dst, ']')
	case jsonObject:
		dst = append(dst, '{')
		for i, m := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = jackson.AppendString(dst, m.name)
			dst = appendOrdered(append(dst, ':'), m.value)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}
