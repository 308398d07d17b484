// SPDX-License-Identifier: Apache-2.0

// Package codeccase runs golden vectors of converters: one recorded case through the converter of this engine, and what
// came out against what Kafka Connect's class gave. Tests and the conformance command share it.
//
//	conv.from, conv.to     a converter, over a batch of one row
//	hconv.from, hconv.to   a header converter
//	avro.…                 the mapping between Connect and Avro
//	values.parse, values.convert, values.infer, project, schema.validate   internal/values
package codeccase

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
	"github.com/penstock-io/penstock/internal/vectors"
)

// Case is one line of the vectors.
type Case struct {
	ID     string          `json:"id"`
	Op     string          `json:"op"`
	Class  string          `json:"class"`
	Config json.RawMessage `json:"config"`
	IsKey  bool            `json:"isKey"`
	Text   json.RawMessage `json:"text"`
	Bytes  *string         `json:"bytes"`
	Fn     string          `json:"fn"`
	Scale  int32           `json:"scale"`
	Schema json.RawMessage `json:"schema"`
	Value  json.RawMessage `json:"value"`
	Source json.RawMessage `json:"source"`
	Target json.RawMessage `json:"target"`
	Expect Expect          `json:"expect"`
}

// Expect is what Kafka Connect gave.
type Expect struct {
	Error  *vectors.Error  `json:"error"`
	Bytes  *string         `json:"bytes"`
	Schema json.RawMessage `json:"schema"`
	Value  json.RawMessage `json:"value"`
}

// result is what we gave: bytes or a schema and value.
type result struct {
	bytes  []byte // conv.from and hconv.from; nil: null
	schema *batch.Schema
	value  any
	ops    int // which of the above count
}

const (
	hasBytes = 1 << iota
	hasSchema
	hasValue
)

// Kind is the part of a case's id before the dash.
func Kind(line []byte) string {
	var c struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(line, &c); err != nil {
		return ""
	}
	kind, _, _ := bytes.Cut([]byte(c.ID), []byte("-"))
	return string(kind)
}

// Run plays one case. detail says what differs; it is empty for a case that passes.
func Run(line []byte) (pass bool, detail string) {
	var c Case
	if err := json.Unmarshal(line, &c); err != nil {
		return false, "read case: " + err.Error()
	}
	defer func() {
		if r := recover(); r != nil {
			pass, detail = false, fmt.Sprintf("panic: %v", r)
		}
	}()
	var r result
	var err error
	if strings.HasPrefix(c.Op, "avro.") {
		r, detail, err = c.avro(line)
	} else {
		r, err = c.run()
	}
	if detail == "" {
		detail = c.compare(r, err)
	}
	return detail == "", detail
}

// errCase marks a case that cannot be played: a fault of the vectors or of this package.
var errCase = errors.New("cannot play the case")

func (c *Case) compare(r result, err error) string {
	if errors.Is(err, errCase) {
		return err.Error()
	}
	if c.Expect.Error != nil {
		return c.Expect.Error.Matches(err)
	}
	if err != nil {
		return fmt.Sprintf("failed: %s: %v", vectors.ClassOf(err), err)
	}
	if r.ops == 0 {
		return ""
	}
	if r.ops&hasBytes != 0 {
		return c.compareBytes(r.bytes)
	}
	ws, werr := vectors.Schema(c.Expect.Schema)
	if werr != nil {
		return werr.Error()
	}
	if r.ops&hasSchema != 0 && !r.schema.Equal(ws) {
		return "got  " + vectors.Show(r.schema, r.value) + "\nwant " + string(c.Expect.Schema)
	}
	if r.ops&hasValue == 0 {
		return ""
	}
	context := ws
	if context == nil {
		context = r.schema
	}
	wv, werr := vectors.Value(c.Expect.Value, context)
	if werr != nil {
		return werr.Error()
	}
	if !batch.ValueEqual(r.value, wv) {
		return "got  " + vectors.Show(r.schema, r.value) + "\nwant " + string(c.Expect.Value)
	}
	return ""
}

func (c *Case) compareBytes(got []byte) string {
	if (got == nil) != (c.Expect.Bytes == nil) {
		return fmt.Sprintf("got %q, want %v", got, c.Expect.Bytes)
	}
	if got == nil {
		return ""
	}
	want, err := base64.StdEncoding.DecodeString(*c.Expect.Bytes)
	if err != nil {
		return err.Error()
	}
	if bytes.Equal(got, want) || sameJSON(got, want) || sameAddress(string(got), string(want)) {
		return ""
	}
	return fmt.Sprintf("got  %s\nwant %s", got, want)
}

// sameAddress lets the addresses of objects differ.
func sameAddress(got, want string) bool {
	e := vectors.Error{Class: batch.DataException, Message: &want}
	return e.Matches(batch.DataFault(got)) == ""
}

// sameJSON lets the members of objects come in another order, and nothing else: numbers and strings are compared as they
// are written.
func sameJSON(a, b []byte) bool {
	x, err1 := ordered(a)
	y, err2 := ordered(b)
	return err1 == nil && err2 == nil && x == y
}

// run plays the operation.
func (c *Case) run() (result, error) {
	switch c.Op {
	case "conv.from", "conv.to", "hconv.from", "hconv.to":
		return c.convert()
	case "project":
		return c.project()
	}
	s, v, err := vectors.SchemaAndValue(c.Schema, c.Value)
	if err != nil {
		return result{}, fmt.Errorf("%w: %w", errCase, err)
	}
	switch c.Op {
	case "values.parse":
		t, err := c.text()
		if err != nil {
			return result{}, err
		}
		r := result{ops: hasSchema | hasValue}
		if p := values.Parse(t); p != nil {
			r.schema, r.value = p.Schema, p.Value
		}
		return r, nil
	case "values.convert":
		v, err := convertTo(c.Fn, s, v, c.Scale)
		return result{value: v, ops: hasValue}, err
	case "values.infer":
		s, err := values.Infer(v)
		return result{schema: s, ops: hasSchema}, err
	case "schema.validate":
		return result{}, values.Validate(s, v)
	}
	return result{}, fmt.Errorf("%w: op %q", errCase, c.Op)
}

func (c *Case) project() (result, error) {
	source, v, err := vectors.SchemaAndValue(c.Source, c.Value)
	if err != nil {
		return result{}, fmt.Errorf("%w: %w", errCase, err)
	}
	target, err := vectors.Schema(c.Target)
	if err != nil {
		return result{}, fmt.Errorf("%w: %w", errCase, err)
	}
	out, err := values.Project(source, v, target)
	return result{schema: target, value: out, ops: hasValue}, err
}

func convertTo(fn string, s *batch.Schema, v any, scale int32) (any, error) {
	switch fn {
	case "Boolean":
		return values.ToBoolean(s, v)
	case "Byte":
		return values.ToByte(s, v)
	case "Short":
		return values.ToShort(s, v)
	case "Integer":
		return values.ToInteger(s, v)
	case "Long":
		return values.ToLong(s, v)
	case "Float":
		return values.ToFloat(s, v)
	case "Double":
		return values.ToDouble(s, v)
	case "String":
		return values.ToString(v)
	case "List":
		return values.ToList(v)
	case "Map":
		return values.ToMap(v)
	case "Struct":
		return values.ToStruct(v)
	case "Date":
		return values.ToDate(s, v)
	case "Time":
		return values.ToTime(s, v)
	case "Timestamp":
		return values.ToTimestamp(s, v)
	case "Decimal":
		return values.ToDecimal(v, scale)
	}
	return nil, fmt.Errorf("%w: fn %q", errCase, fn)
}

// text is the input as a text.
func (c *Case) text() (string, error) {
	v, err := vectors.Value(c.Text, nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errCase, err)
	}
	t, _ := v.(string)
	return t, nil
}

// input is the bytes to decode; nil for null.
func (c *Case) input() ([]byte, error) {
	if c.Bytes != nil {
		p, err := base64.StdEncoding.DecodeString(*c.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errCase, err)
		}
		return append([]byte{}, p...), nil
	}
	if len(c.Text) == 0 || string(c.Text) == "null" {
		return nil, nil
	}
	t, err := c.text()
	return []byte(text.ToUTF8(t)), err
}

// setup makes the converter's configuration. The class wants to know what it converts; Connect tells it.
func (c *Case) setup(def config.Def, kind string) (config.Values, error) {
	props, err := vectors.Config(c.Config)
	if err != nil {
		return config.Values{}, fmt.Errorf("%w: %w", errCase, err)
	}
	if _, ok := def.Find("converter.type"); ok {
		props["converter.type"] = &kind
	}
	return def.Parse(config.Props(props))
}

func (c *Case) convert() (result, error) {
	if c.Op[0] == 'h' {
		return c.header()
	}
	p, _, ok := codec.Registry.Lookup(c.Class)
	if !ok {
		return result{}, fmt.Errorf("%w: no converter %s", errCase, c.Class)
	}
	side := batch.Value
	if c.IsKey {
		side = batch.Key
	}
	v, err := c.setup(p.Def, side.String())
	if err != nil {
		return result{}, err
	}
	conv, err := p.New(v, side)
	if err != nil {
		return result{}, err
	}
	if c.Op == "conv.from" {
		return c.encode(conv, side)
	}
	return c.decode(conv, side)
}

func (c *Case) encode(conv codec.Converter, side batch.Side) (result, error) {
	s, v, err := vectors.SchemaAndValue(c.Schema, c.Value)
	if err != nil {
		return result{}, fmt.Errorf("%w: %w", errCase, err)
	}
	rec := batch.Record{Topic: "topic", Timestamp: batch.NoTimestamp, ValueSchema: s, Value: v}
	if side == batch.Key {
		rec.KeySchema, rec.Key, rec.ValueSchema, rec.Value = s, v, nil, nil
	}
	b := batch.New()
	b.Load([]batch.Record{rec}, false)
	if err := conv.Encode(b, side); err != nil {
		return result{}, err
	}
	if len(b.Errs) > 0 {
		return result{}, b.Errs[0].Err
	}
	r := result{ops: hasBytes}
	if p := b.Encoded(side, 0); p != nil {
		r.bytes = append([]byte{}, p...)
	}
	return r, nil
}

func (c *Case) decode(conv codec.Converter, side batch.Side) (result, error) {
	p, err := c.input()
	if err != nil {
		return result{}, err
	}
	b := batch.New()
	b.N = 1
	view := batch.NullView
	if p != nil {
		view = b.Slab.Append(p)
	}
	b.Raw.Key, b.Raw.Value = []batch.View{view}, []batch.View{view}
	if err := conv.Decode(b, side); err != nil {
		return result{}, err
	}
	if len(b.Errs) > 0 {
		return result{}, b.Errs[0].Err
	}
	if err := b.Check(); err != nil {
		return result{}, fmt.Errorf("%w: %w", errCase, err)
	}
	r := result{ops: hasSchema | hasValue}
	r.schema, r.value = b.ValueAt(side, 0)
	return r, nil
}

func (c *Case) header() (result, error) {
	p, _, ok := codec.HeaderRegistry.Lookup(c.Class)
	if !ok {
		return result{}, fmt.Errorf("%w: no header converter %s", errCase, c.Class)
	}
	v, err := c.setup(p.Def, "header")
	if err != nil {
		return result{}, err
	}
	conv, err := p.NewHeader(v)
	if err != nil {
		return result{}, err
	}
	b := batch.New()
	b.N = 1
	h := batch.Header{Key: "header", Raw: batch.NullView}
	if c.Op == "hconv.from" {
		h.Decoded = true
		if h.Schema, h.Value, err = vectors.SchemaAndValue(c.Schema, c.Value); err != nil {
			return result{}, fmt.Errorf("%w: %w", errCase, err)
		}
		b.Headers.Add(0, 1, h)
		err = conv.EncodeHeaders(b)
	} else {
		in, ierr := c.input()
		if ierr != nil {
			return result{}, ierr
		}
		if in != nil {
			h.Raw = b.Slab.Append(in)
		}
		b.Headers.Add(0, 1, h)
		err = conv.DecodeHeaders(b)
	}
	if err != nil {
		return result{}, err
	}
	if len(b.Errs) > 0 {
		return result{}, b.Errs[0].Err
	}
	h = b.Headers.Of(0)[0]
	if c.Op == "hconv.to" {
		return result{schema: h.Schema, value: h.Value, ops: hasSchema | hasValue}, nil
	}
	r := result{ops: hasBytes}
	if !h.Raw.IsNull() {
		r.bytes = append([]byte{}, b.Slab.Bytes(h.Raw)...)
	}
	return r, nil
}
