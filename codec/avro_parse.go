// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"slices"
	"strings"
)

// maxAvroDepth is how deep schemas may nest: a bound on recursion, far above any use.
const maxAvroDepth = 500

// avroParser reads schemas (org.apache.avro.Schema.Parser). names are the named types met so far, by full name; those
// of referenced schemas stay from one call to the next.
type avroParser struct {
	names map[string]*avroSchema
}

// parse reads one schema from its text.
func (p *avroParser) parse(text []byte) (*avroSchema, error) {
	v, err := readOrdered(text)
	if err != nil {
		return nil, avroSchemaFault("not a schema: " + err.Error())
	}
	if p.names == nil {
		p.names = map[string]*avroSchema{}
	}
	return p.schema(v, "", 0)
}

var avroPrimitives = func() map[string]avroType {
	m := map[string]avroType{}
	for t := avroNull; t <= avroString; t++ {
		m[avroTypeNames[t]] = t
	}
	return m
}()

func (p *avroParser) schema(v any, space string, depth int) (*avroSchema, error) {
	if depth > maxAvroDepth {
		return nil, avroSchemaFault("schema nests too deep")
	}
	switch x := v.(type) {
	case string:
		return p.named(x, space)
	case []any:
		u := &avroSchema{kind: avroUnion}
		for _, e := range x {
			b, err := p.schema(e, space, depth+1)
			if err != nil {
				return nil, err
			}
			if b.kind == avroUnion {
				return nil, avroSchemaFault("Nested union: " + string(appendOrdered(nil, v)))
			}
			if slices.ContainsFunc(u.branches, func(o *avroSchema) bool { return o.fullName() == b.fullName() }) {
				return nil, avroSchemaFault("Duplicate in union:" + b.fullName())
			}
			u.branches = append(u.branches, b)
		}
		return u, nil
	case jsonObject:
		return p.object(x, space, depth)
	}
	return nil, avroSchemaFault("No type: " + string(appendOrdered(nil, v)))
}

func (p *avroParser) named(name, space string) (*avroSchema, error) {
	if t, ok := avroPrimitives[name]; ok {
		return &avroSchema{kind: t}, nil
	}
	if space != "" && !strings.Contains(name, ".") {
		if s := p.names[space+"."+name]; s != nil {
			return s, nil
		}
	}
	if s := p.names[name]; s != nil {
		return s, nil
	}
	return nil, avroSchemaFault(`Undefined name: "` + name + `"`)
}

func (p *avroParser) object(o jsonObject, space string, depth int) (_ *avroSchema, err error) {
	t, _ := o.get("type")
	kind, ok := t.(string)
	if !ok {
		return p.schema(t, space, depth+1)
	}
	s := &avroSchema{}
	reserved := []string{"type"}
	switch kind {
	case "record", "error", "enum", "fixed":
		return p.definition(o, kind, space, depth)
	case "array", "map":
		s.kind = avroArray
		key := "items"
		if kind == "map" {
			s.kind, key = avroMap, "values"
		}
		items, ok := o.get(key)
		if !ok {
			return nil, avroSchemaFault(strings.ToUpper(kind[:1]) + kind[1:] + " has no " + key + " type: " + string(appendOrdered(nil, o)))
		}
		if s.items, err = p.schema(items, space, depth+1); err != nil {
			return nil, err
		}
		reserved = append(reserved, key)
	default:
		t, primitive := avroPrimitives[kind]
		if !primitive {
			return p.named(kind, space)
		}
		s.kind = t
	}
	s.keep(o, reserved...)
	return s, nil
}

// keep takes the attributes over that the type does not define.
func (s *avroSchema) keep(o jsonObject, reserved ...string) {
	for _, m := range o {
		if !slices.Contains(reserved, m.name) {
			s.props = append(s.props, m)
		}
	}
}

func (p *avroParser) definition(o jsonObject, kind, space string, depth int) (*avroSchema, error) {
	s := &avroSchema{kind: avroRecord}
	name, ok := o.text("name")
	if !ok {
		return nil, avroSchemaFault("No name in schema: " + string(appendOrdered(nil, o)))
	}
	if strings.Contains(name, ".") {
		s.space, s.name = splitAvroName(name)
	} else {
		s.space, s.name = space, name
		if own, ok := o.text("namespace"); ok {
			s.space = own
		}
	}
	if err := checkAvroName(s.name); err != nil {
		return nil, err
	}
	if p.names[s.fullName()] != nil {
		return nil, avroSchemaFault("Can't redefine: " + s.fullName())
	}
	if doc, ok := o.text("doc"); ok {
		s.doc = &doc
	}
	p.names[s.fullName()] = s
	reserved := []string{"type", "name", "namespace", "doc", "aliases"}
	var err error
	switch kind {
	case "enum":
		s.kind, err = avroEnum, s.parseEnum(o)
		reserved = append(reserved, "symbols", "default")
	case "fixed":
		size, _ := o.get("size")
		n, _ := size.(json.Number)
		i, ierr := n.Int64()
		if ierr != nil || i < 0 || i > 1<<31-1 {
			return nil, avroSchemaFault("Invalid or no size: " + string(appendOrdered(nil, o)))
		}
		s.kind, s.size = avroFixed, int(i)
		reserved = append(reserved, "size")
	default:
		err = p.fields(s, o, depth)
		reserved = append(reserved, "fields")
	}
	s.keep(o, reserved...)
	return s, err
}

func (s *avroSchema) parseEnum(o jsonObject) error {
	list, _ := o.get("symbols")
	symbols, ok := list.([]any)
	if !ok {
		return avroSchemaFault("Enum has no symbols: " + string(appendOrdered(nil, o)))
	}
	for _, e := range symbols {
		symbol, _ := e.(string)
		if err := checkAvroName(symbol); err != nil {
			return err
		}
		if slices.Contains(s.symbols, symbol) {
			return avroSchemaFault("Duplicate enum symbol: " + symbol)
		}
		s.symbols = append(s.symbols, symbol)
	}
	if d, ok := o.text("default"); ok {
		s.fallback = &d
	}
	return nil
}

func (p *avroParser) fields(s *avroSchema, o jsonObject, depth int) error {
	list, _ := o.get("fields")
	fields, ok := list.([]any)
	if !ok {
		return avroSchemaFault("Record has no fields: " + string(appendOrdered(nil, o)))
	}
	for _, e := range fields {
		m, _ := e.(jsonObject)
		name, ok := m.text("name")
		if !ok {
			return avroSchemaFault("No field name: " + string(appendOrdered(nil, e)))
		}
		if err := checkAvroName(name); err != nil {
			return err
		}
		if slices.ContainsFunc(s.fields, func(f avroField) bool { return f.name == name }) {
			return avroSchemaFault("Duplicate field " + name + " in record " + s.fullName())
		}
		t, ok := m.get("type")
		if !ok {
			return avroSchemaFault("No field type: " + string(appendOrdered(nil, e)))
		}
		fs, err := p.schema(t, s.space, depth+1)
		if err != nil {
			return err
		}
		f := avroField{name: name, schema: fs}
		f.def, f.hasDefault = m.get("default")
		if doc, ok := m.text("doc"); ok {
			f.doc = &doc
		}
		s.fields = append(s.fields, f)
	}
	return nil
}
