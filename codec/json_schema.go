// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"slices"

	"github.com/bytedance/sonic/ast"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/jsontext"
	"github.com/penstock-io/penstock/internal/values"
)

// jsonSchema is a schema that was read, and where its rows go in the batch at work.
type jsonSchema struct {
	schema *batch.Schema // nil: the text was null
	text   string        // that it was read from
	direct bool          // columns can hold every value that the schema lets through
	plan   plan          // when direct

	prefix  string // what stood before the payload in a row of this schema
	learned uint64 // epoch in which prefix was taken

	epoch uint64 // of the batch that the variants belong to
	typed int    // 1 + variant
	loose int    // 1 + variant of values that contradict the schema
}

// schemaReader reads the schemas of envelopes (JsonConverter.asConnectSchema). They are remembered by their text, so
// that the same text gives the same *batch.Schema.
type schemaReader struct {
	replaceNull bool
	limit       int
	byText      map[string]*jsonSchema
}

// schema reads validated text; the error is JsonConverter's.
func (r *schemaReader) schema(text []byte) (*jsonSchema, error) {
	if s, ok := r.byText[string(text)]; ok {
		return s, nil
	}
	n := trimmed(text)
	var s *batch.Schema
	if len(n) > 0 && !n.is('n') {
		var err error
		if s, err = r.parse(string(n)); err != nil {
			return nil, err
		}
	}
	if r.byText == nil || len(r.byText) >= r.limit {
		// Java's cache forgets the eldest; a stream with that many schemas at once is not worth more than this.
		r.byText = map[string]*jsonSchema{}
	}
	for _, o := range r.byText {
		if o.schema.Equal(s) {
			s = o.schema
			break
		}
	}
	e := &jsonSchema{schema: s, text: string(text), direct: isDirect(s)}
	if e.direct {
		e.plan = newPlan(s, r.replaceNull)
	}
	r.byText[e.text] = e
	return e, nil
}

// isDirect reports whether the Java classes that JSON gives are those of the columns. They are not where a logical name
// stands on another type: Java goes by the name.
func isDirect(s *batch.Schema) bool {
	if s == nil {
		return true
	}
	if values.LogicalName(s) != s.Logical() {
		return false
	}
	for _, f := range s.Fields {
		if !isDirect(f.Schema) {
			return false
		}
	}
	return isDirect(s.KeySchema) && isDirect(s.ValueSchema)
}

var schemaTypes = map[string]batch.Type{
	"boolean": batch.Boolean, "int8": batch.Int8, "int16": batch.Int16, "int32": batch.Int32, "int64": batch.Int64,
	"float": batch.Float32, "double": batch.Float64, "bytes": batch.Bytes, "string": batch.String,
	"array": batch.Array, "map": batch.Map, "struct": batch.Struct,
}

// schemaObject is a schema's JSON taken apart by sonic: a schema is read once, a tree is what it wants. A repeated
// member counts as the last one.
type schemaObject map[string]node

func openObject(text string) schemaObject {
	o := schemaObject{}
	root, err := ast.NewSearcher(text).GetByPath()
	if err != nil || root.TypeSafe() != ast.V_OBJECT {
		return o
	}
	_ = root.ForEach(func(path ast.Sequence, n *ast.Node) bool {
		if raw, err := n.Raw(); err == nil && path.Key != nil {
			o[*path.Key] = trimmed([]byte(raw))
		}
		return true
	})
	return o
}

func (r *schemaReader) parse(text string) (*batch.Schema, error) {
	o := openObject(text)
	if !o["type"].is('"') {
		return nil, batch.DataFault("Schema must contain 'type' field")
	}
	t, ok := schemaTypes[o["type"].text()]
	if !ok {
		return nil, batch.DataFault("Unknown schema type: " + o["type"].text())
	}
	s := batch.Schema{Type: t, Optional: o["optional"].is('t')}
	if err := r.inner(&s, o); err != nil {
		return nil, err
	}
	if n := o["name"]; n.is('"') {
		name := n.text()
		s.Name = &name
	}
	if n := o["version"]; n.isIntegral() {
		version := int32(n.long())
		s.Version = &version
	}
	if n := o["doc"]; n.is('"') {
		doc := n.text()
		s.Doc = &doc
	}
	if n := o["parameters"]; n.is('{') {
		for _, m := range distinct(n) {
			if !m.value.is('"') {
				return nil, batch.DataFault("Schema parameters must have string values.")
			}
			s.Params = append(s.Params, batch.Param{Key: m.name, Value: m.value.text()})
		}
	}
	if n, ok := o["default"]; ok {
		if err := r.setDefault(&s, n); err != nil {
			return nil, err
		}
	}
	return batch.NewSchema(s), nil
}

func (r *schemaReader) inner(s *batch.Schema, o schemaObject) (err error) {
	builder := func(message string) error { return batch.NewFault(batch.SchemaBuilderException, message) }
	switch s.Type {
	case batch.Array:
		if n := o["items"]; n == nil || n.is('n') {
			return batch.DataFault("Array schema did not specify the element type")
		}
		s.ValueSchema, err = r.parse(string(o["items"]))
	case batch.Map:
		if o["keys"] == nil {
			return batch.DataFault("Map schema did not specify the key type")
		}
		if o["values"] == nil {
			return batch.DataFault("Map schema did not specify the value type")
		}
		if s.KeySchema, err = r.orNull(o["keys"]); err != nil {
			return err
		}
		if s.ValueSchema, err = r.orNull(o["values"]); err != nil {
			return err
		}
		if s.KeySchema == nil {
			return builder("keySchema cannot be null.")
		}
		if s.ValueSchema == nil {
			return builder("valueSchema cannot be null.")
		}
	case batch.Struct:
		if !o["fields"].is('[') {
			return batch.DataFault(`Struct schema's "fields" argument is not an array.`)
		}
		s.Fields = []batch.Field{}
		o["fields"].elements(func(n node) bool {
			err = r.field(s, n)
			return err == nil
		})
	}
	return err
}

func (r *schemaReader) orNull(n node) (*batch.Schema, error) {
	if n.is('n') {
		return nil, nil
	}
	return r.parse(string(n))
}

func (r *schemaReader) field(s *batch.Schema, n node) error {
	name := n.member("field")
	if !name.is('"') {
		return batch.DataFault("Struct schema's field name not specified properly")
	}
	fs, err := r.parse(string(n))
	if err != nil {
		return err
	}
	f := batch.Field{Name: name.text(), Schema: fs}
	if f.Name == "" {
		return batch.NewFault(batch.SchemaBuilderException, "fieldName cannot be null.")
	}
	if slices.ContainsFunc(s.Fields, func(g batch.Field) bool { return g.Name == f.Name }) {
		return batch.NewFault(batch.SchemaBuilderException, "Cannot create field because of field name duplication "+f.Name)
	}
	s.Fields = append(s.Fields, f)
	return nil
}

// setDefault is SchemaBuilder.defaultValue of the converted default. A Struct always fails there: its schema is the
// finished one and the builder never equals it.
func (r *schemaReader) setDefault(s *batch.Schema, n node) error {
	built := batch.NewSchema(*s)
	v, err := valueReader{r.replaceNull}.read(built, n)
	if err != nil {
		return err
	}
	err = values.Validate(built, v)
	if _, ok := v.(*batch.StructValue); ok {
		err = batch.DataFault("Struct schemas do not match.")
	}
	if err != nil {
		return &batch.Fault{Class: batch.SchemaBuilderException, Message: "Invalid default value", Cause: err}
	}
	s.Default, s.HasDefault = v, v != nil
	return nil
}

// envelope finds the two members of the envelope at buf[i]. valid says that the text is RFC 8259 throughout; fits, that
// there are the two members and no other. Numbers and literals at the top are left to relax, which knows what may follow.
func envelope(buf []byte, i int, lastSchema string) (schema, payload [2]int, valid, fits bool) {
	i = jsontext.Space(buf, i)
	if i >= len(buf) {
		return schema, payload, true, false
	}
	if buf[i] != '{' {
		_, ok := jsontext.Value(buf, i)
		return schema, payload, ok && (buf[i] == '[' || buf[i] == '"'), false
	}
	other := false
	i = jsontext.Space(buf, i+1)
	if i < len(buf) && buf[i] == '}' {
		return schema, payload, true, false
	}
	for {
		if i >= len(buf) || buf[i] != '"' {
			return schema, payload, false, false
		}
		end, ok := jsontext.StringEnd(buf, i)
		if !ok {
			return schema, payload, false, false
		}
		name := buf[i:end]
		if i = jsontext.Space(buf, end); i >= len(buf) || buf[i] != ':' {
			return schema, payload, false, false
		}
		i = jsontext.Space(buf, i+1)
		isSchema := nameIs(name, "schema")
		if isSchema && lastSchema != "" && predicted(buf, i, lastSchema) {
			end = i + len(lastSchema)
		} else if end, ok = jsontext.ValueAt(buf, i, 1); !ok {
			return schema, payload, false, false
		}
		switch {
		case isSchema:
			schema = [2]int{i, end}
		case nameIs(name, "payload"):
			payload = [2]int{i, end}
		default:
			other = true
		}
		if i = jsontext.Space(buf, end); i >= len(buf) {
			return schema, payload, false, false
		}
		if buf[i] == '}' {
			return schema, payload, true, !other && schema[1] > 0 && payload[1] > 0
		}
		if buf[i] != ',' {
			return schema, payload, false, false
		}
		i = jsontext.Space(buf, i+1)
	}
}

func predicted(buf []byte, i int, quoted string) bool {
	return len(buf)-i >= len(quoted) && string(buf[i:i+len(quoted)]) == quoted
}
