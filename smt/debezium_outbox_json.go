// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/jsontext"
)

// outboxJSON makes structs of payloads that are JSON text, guessing the schema (JsonSchemaData).
type outboxJSON struct {
	nulls  bool // nulls become BYTES fields
	empty  bool // empty arrays become arrays of STRING
	adjust func(string) string
	seen   map[string]*batch.Schema // schemas by their text, so that equal ones are one
}

func newOutboxJSON(nulls, empty bool, names string) *outboxJSON {
	return &outboxJSON{nulls: nulls, empty: empty, adjust: nameAdjuster(names, false)}
}

// errNoSchema stands for the exceptions that Debezium logs, leaving the payload as it is.
var errNoSchema = errors.New("no schema for the JSON text")

// convert turns a payload into a struct. What cannot be stays as it is; as in Debezium the schema may then be the
// guessed one all the same, which the text does not fit.
func (j *outboxJSON) convert(name, payload string, s *batch.Schema) (*batch.Schema, any) {
	if payload == "" || payload[0] != '{' && payload[0] != '[' {
		return s, payload
	}
	raw := []byte(payload)
	end, ok := jsontext.Value(raw, 0)
	if !ok {
		return s, payload
	}
	node := parseNode(raw[:end])
	guess, err := j.schema(&name, node)
	if err != nil {
		return s, payload
	}
	if guess == nil || guess.Type != batch.Struct {
		return guess, payload
	}
	guess = j.shared(guess)
	x, err := j.object(node, guess)
	if err != nil {
		return guess, payload
	}
	return guess, x
}

// shared is the schema that was made first among equals.
func (j *outboxJSON) shared(s *batch.Schema) *batch.Schema {
	key := string(appendShape(nil, s))
	if have, ok := j.seen[key]; ok {
		return have
	}
	if j.seen == nil || len(j.seen) >= maxWrappers {
		j.seen = map[string]*batch.Schema{}
	}
	j.seen[key] = s
	return s
}

// appendShape writes a guessed schema as text that only equal ones share.
func appendShape(dst []byte, s *batch.Schema) []byte {
	dst = append(dst, byte('a'+s.Type))
	if s.Optional {
		dst = append(dst, '?')
	}
	if s.Name != nil {
		dst = append(append(dst, *s.Name...), 0)
	}
	if s.Type == batch.Array {
		return appendShape(dst, s.ValueSchema)
	}
	for _, f := range s.Fields {
		dst = append(append(append(dst, '('), f.Name...), 0)
		dst = append(appendShape(dst, f.Schema), ')')
	}
	return dst
}

// jsonNode is a JSON value; members of objects keep their order, and a repeated key its last value.
type jsonNode struct {
	kind  byte // {, [, ", 0 (a number), t, n
	tok   []byte
	names []string
	kids  []*jsonNode
}

// parseNode reads validated text.
func parseNode(raw []byte) *jsonNode {
	n, _ := parseNodeAt(raw, jsontext.Space(raw, 0))
	return n
}

func parseNodeAt(raw []byte, i int) (*jsonNode, int) {
	n := &jsonNode{kind: raw[i]}
	if n.kind != '{' && n.kind != '[' {
		end, _ := jsontext.Value(raw, i)
		n.tok = raw[i:end]
		switch {
		case n.kind == 'f':
			n.kind = 't'
		case n.kind == '-' || n.kind >= '0' && n.kind <= '9':
			n.kind = 0
		}
		return n, end
	}
	closing := n.kind + 2
	i = jsontext.Space(raw, i+1)
	for raw[i] != closing {
		name := ""
		if n.kind == '{' {
			end, _ := jsontext.StringEnd(raw, i)
			name = string(jsontext.AppendUnquoted(nil, raw[i:end]))
			i = jsontext.Space(raw, jsontext.Space(raw, end)+1)
		}
		var kid *jsonNode
		kid, i = parseNodeAt(raw, i)
		if at := slices.Index(n.names, name); at >= 0 && n.kind == '{' {
			n.kids[at] = kid
		} else {
			n.kids = append(n.kids, kid)
			if n.kind == '{' {
				n.names = append(n.names, name)
			}
		}
		if i = jsontext.Space(raw, i); raw[i] == ',' {
			i = jsontext.Space(raw, i+1)
		}
	}
	return n, i + 1
}

// number is the type and value of a number: nil for integers that no INT64 holds.
func (n *jsonNode) number() (*batch.Schema, any) {
	if !jsontext.Integral(n.tok) {
		return batch.OptionalFloat64Schema, jsontext.Float(n.tok)
	}
	v, err := strconv.ParseInt(string(n.tok), 10, 64)
	switch {
	case err != nil:
		return batch.OptionalFloat64Schema, nil
	case v >= math.MinInt32 && v <= math.MaxInt32:
		return batch.OptionalInt32Schema, int32(v)
	}
	return batch.OptionalInt64Schema, v
}

// schema guesses the schema of a node; nil without error means that it is left out. name is nil where Java has null.
func (j *outboxJSON) schema(name *string, n *jsonNode) (*batch.Schema, error) {
	switch n.kind {
	case '"':
		return batch.OptionalStringSchema, nil
	case 't':
		return batch.OptionalBooleanSchema, nil
	case 0:
		s, _ := n.number()
		return s, nil
	case '[':
		return j.array(name, n)
	case '{':
		return j.structure(name, n)
	}
	if j.nulls {
		return batch.OptionalBytesSchema, nil
	}
	return nil, nil
}

func (j *outboxJSON) structure(name *string, n *jsonNode) (*batch.Schema, error) {
	s := batch.Schema{Type: batch.Struct, Name: name, Optional: true}
	prefix := ""
	if name != nil && strings.TrimSpace(*name) != "" {
		prefix = *name + "."
	}
	for i, kid := range n.kids {
		field := j.adjust(n.names[i])
		inner := prefix + field
		f, err := j.schema(&inner, kid)
		if err != nil {
			return nil, err
		}
		if f == nil || slices.ContainsFunc(s.Fields, func(o batch.Field) bool { return o.Name == field }) {
			continue
		}
		if err := addField(&s, field, f); err != nil {
			return nil, err
		}
	}
	return batch.NewSchema(s), nil
}

func (j *outboxJSON) array(name *string, n *jsonNode) (*batch.Schema, error) {
	s := batch.Schema{Type: batch.Array, Optional: true}
	if len(n.kids) == 0 {
		if !j.empty {
			return nil, nil
		}
		s.ValueSchema = batch.OptionalStringSchema
		return batch.NewSchema(s), nil
	}
	sample, err := uniform(n)
	if err != nil {
		return nil, err
	}
	if sample.kind == '{' {
		s.ValueSchema, err = j.elements(name, n)
	} else {
		s.ValueSchema, err = j.schema(nil, sample)
	}
	if err == nil && s.ValueSchema == nil {
		err = errNoSchema
	}
	if err != nil {
		return nil, err
	}
	return batch.NewSchema(s), nil
}

// uniform is the first element that is not null; all others must be of its type.
func uniform(n *jsonNode) (*jsonNode, error) {
	var first *jsonNode
	for _, kid := range n.kids {
		switch {
		case kid.kind == 'n':
			continue
		case first == nil:
			first = kid
		case kid.kind != first.kind:
			return nil, errNoSchema
		}
		if kid.kind == 0 {
			a, _ := first.number()
			if b, _ := kid.number(); a != b {
				return nil, errNoSchema
			}
		}
	}
	if first == nil {
		return n.kids[0], nil
	}
	return first, nil
}

// elements merges the schemas of the objects of an array.
func (j *outboxJSON) elements(name *string, n *jsonNode) (*batch.Schema, error) {
	var different []*batch.Schema
	for _, kid := range n.kids {
		if kid.kind != '{' {
			continue
		}
		s, err := j.structure(name, kid)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(different, s.Equal) {
			different = append(different, s)
		}
	}
	merged := different[0]
	for _, s := range different[1:] {
		merged = mergeShapes(merged, s)
	}
	return merged, nil
}

// mergeShapes has the fields of both; a null's BYTES gives way to another type. The result is not optional.
func mergeShapes(a, b *batch.Schema) *batch.Schema {
	out := schemaBasics(a, batch.Struct)
	out.Fields = slices.Clone(a.Fields)
	for _, f := range b.Fields {
		at := slices.IndexFunc(out.Fields, func(o batch.Field) bool { return o.Name == f.Name })
		switch {
		case at < 0:
			out.Fields = append(out.Fields, f)
		case out.Fields[at].Schema.Type == batch.Bytes && f.Schema.Type != batch.Bytes:
			out.Fields[at] = f
		}
	}
	return batch.NewSchema(out)
}

func (j *outboxJSON) object(n *jsonNode, s *batch.Schema) (any, error) {
	if s.Type != batch.Struct {
		return nil, errNoSchema
	}
	out := newStruct(s)
	for _, f := range s.Fields {
		at := slices.Index(n.names, f.Name)
		if at < 0 {
			continue
		}
		x, err := j.value(n.kids[at], f.Schema)
		if err == nil {
			err = putField(out, f.Name, x)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (j *outboxJSON) value(n *jsonNode, s *batch.Schema) (any, error) {
	switch n.kind {
	case '"':
		return string(jsontext.AppendUnquoted(nil, n.tok)), nil
	case 't':
		return n.tok[0] == 't', nil
	case 0:
		_, x := n.number()
		if x == nil {
			return nil, errNoSchema
		}
		return x, nil
	case '{':
		return j.object(n, s)
	case '[':
		if s.Type != batch.Array && len(n.kids) > 0 {
			return nil, errNoSchema
		}
		list := make([]any, 0, len(n.kids))
		for _, kid := range n.kids {
			x, err := j.value(kid, s.ValueSchema)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		return list, nil
	}
	return nil, nil
}

// nameAdjuster makes names that Avro accepts, in one of two ways; dots are fine in names of schemas, not in those of
// fields.
func nameAdjuster(mode string, dots bool) func(string) string {
	const hex = "0123456789abcdef"
	first := func(c uint16) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' && mode == "avro" }
	if mode == "none" {
		return func(name string) string { return name }
	}
	return func(name string) string {
		var out []uint16
		for i, c := range text.AppendUTF16(nil, name) {
			digit := c >= '0' && c <= '9'
			switch {
			case first(c), i > 0 && (digit || dots && c == '.'):
				out = append(out, c)
			case mode == "avro":
				out = append(out, '_')
				if i == 0 && digit {
					out = append(out, c)
				}
			default:
				// Java pads with two zeros what has up to two digits, and nothing else.
				out = append(out, '_', 'u')
				if c < 0x100 {
					out = append(out, '0', '0')
				}
				for shift := 12; shift >= 0; shift -= 4 {
					if c>>shift != 0 || shift == 0 {
						out = append(out, uint16(hex[c>>shift&15]))
					}
				}
			}
		}
		return text.FromUTF16(out)
	}
}
