// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"strconv"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/jsontext"
	"github.com/penstock-io/penstock/internal/values"
)

// valueReader turns JSON into single values (JsonConverter.convertToConnect): the general path, for headers, defaults,
// schemas that columns cannot hold, and for the exact error.
type valueReader struct{ replaceNull bool }

// read converts n under a schema, nil for none.
func (r valueReader) read(s *batch.Schema, n node) (any, error) {
	if s == nil {
		return r.schemaless(n), nil
	}
	if n == nil || n.is('n') {
		if s.HasDefault && r.replaceNull {
			return s.Default, nil
		}
		if s.Optional {
			return nil, nil
		}
		return nil, batch.DataFault("Invalid null value for required " + s.Type.String() + " field")
	}
	if l := values.LogicalName(s); l != batch.NotLogical {
		return r.logical(l, s, n)
	}
	switch s.Type {
	case batch.Struct:
		return r.structure(s, n)
	case batch.Array:
		return r.list(s, n)
	case batch.Map:
		return r.mapping(s, n)
	}
	return primitive(s.Type, n)
}

func primitive(t batch.Type, n node) (any, error) {
	switch t {
	case batch.Boolean:
		return n.is('t'), nil
	case batch.Int8:
		return int8(n.long()), nil
	case batch.Int16:
		return int16(n.long()), nil
	case batch.Int32:
		return int32(n.long()), nil
	case batch.Int64:
		return n.long(), nil
	case batch.Float32:
		return n.float(), nil
	case batch.Float64:
		return n.double(), nil
	}
	if !n.is('"') {
		return nil, nil // textValue() and binaryValue() of what is no text
	}
	if t == batch.String {
		return n.text(), nil
	}
	p, err := appendBase64([]byte{}, jsontext.AppendUnquoted(nil, n))
	if err != nil {
		return nil, &batch.Fault{Class: batch.DataException, Message: "Invalid bytes field", Cause: err}
	}
	return p, nil
}

func (r valueReader) logical(l batch.Logical, s *batch.Schema, n node) (any, error) {
	switch l {
	case batch.LogicalDecimal:
		if n.isNumber() {
			return values.FromNumber(n.decimal()), nil
		}
		if !n.is('"') {
			return nil, batch.DataFault("Invalid type for Decimal, underlying representation should be numeric or bytes but was " + n.kind())
		}
		p, err := appendBase64(nil, jsontext.AppendUnquoted(nil, n))
		if err == nil {
			var d batch.Decimal
			if d, err = values.BytesToDecimal(s, p); err == nil {
				return d, nil
			}
		}
		return nil, &batch.Fault{Class: batch.DataException, Message: "Invalid bytes for Decimal field", Cause: err}
	case batch.LogicalDate:
		if !n.isInt() {
			return nil, batch.DataFault("Invalid type for Date, underlying representation should be integer but was " + n.kind())
		}
		return values.DaysToDate(int32(n.long())), nil
	case batch.LogicalTime:
		if !n.isInt() {
			return nil, batch.DataFault("Invalid type for Time, underlying representation should be integer but was " + n.kind())
		}
		d, err := values.MillisToTime(int32(n.long()))
		if err != nil {
			return nil, err
		}
		return d, nil
	}
	if !n.isIntegral() {
		return nil, batch.DataFault("Invalid type for Timestamp, underlying representation should be integral but was " + n.kind())
	}
	return batch.Date(n.long()), nil
}

func (r valueReader) structure(s *batch.Schema, n node) (any, error) {
	if !n.is('{') {
		return nil, batch.DataFault("Structs should be encoded as JSON objects, but found " + n.kind())
	}
	found := make([]node, len(s.Fields))
	n.members(func(name []byte, value node) {
		key := name[1 : len(name)-1]
		if jsontext.Escaped(name) {
			key = jsontext.AppendUnquoted(nil, name)
		}
		if i := s.Field(string(key)); i >= 0 {
			found[i] = value
		}
	})
	x := &batch.StructValue{Schema: s, Vals: make([]any, len(s.Fields))}
	for i, f := range s.Fields {
		v, err := r.read(f.Schema, found[i])
		if err != nil {
			return nil, err
		}
		if err := values.ValidateField(f.Name, f.Schema, v); err != nil {
			return nil, err
		}
		x.Vals[i] = v
	}
	return x, nil
}

// list takes any node, as Java's loop over a node's elements does: an object's are its values, others have none.
func (r valueReader) list(s *batch.Schema, n node) (any, error) {
	list := []any{}
	var failed error
	one := func(e node) bool {
		v, err := r.read(s.ValueSchema, e)
		if err != nil {
			failed = err
			return false
		}
		list = append(list, v)
		return true
	}
	switch {
	case n.is('['):
		n.elements(one)
	case n.is('{'):
		for _, m := range distinct(n) {
			if !one(m.value) {
				break
			}
		}
	}
	return list, failed
}

type member struct {
	name  string
	value node
}

// distinct lists the members of an object as a LinkedHashMap holds them: the first place, the last value.
func distinct(n node) []member {
	var ms []member
	var at map[string]int
	n.members(func(name []byte, value node) {
		m := member{node(name).text(), value}
		if len(ms) == 16 {
			at = make(map[string]int, 64)
			for i, o := range ms {
				at[o.name] = i
			}
		}
		if at != nil {
			if i, ok := at[m.name]; ok {
				ms[i].value = value
				return
			}
			at[m.name] = len(ms)
		} else {
			for i := range ms {
				if ms[i].name == m.name {
					ms[i].value = value
					return
				}
			}
		}
		ms = append(ms, m)
	})
	return ms
}

func (r valueReader) mapping(s *batch.Schema, n node) (any, error) {
	m := &batch.MapValue{}
	if s.KeySchema.Type == batch.String {
		if !n.is('{') {
			return nil, batch.DataFault("Maps with string fields should be encoded as JSON objects, but found " + n.kind())
		}
		for _, e := range distinct(n) {
			v, err := r.read(s.ValueSchema, e.value)
			if err != nil {
				return nil, err
			}
			m.Entries = append(m.Entries, batch.Entry{Key: e.name, Value: v})
		}
		return m, nil
	}
	if !n.is('[') {
		return nil, batch.DataFault("Maps with non-string fields should be encoded as JSON array of tuples, but found " + n.kind())
	}
	var failed error
	n.elements(func(e node) bool {
		failed = r.pair(s, m, e)
		return failed == nil
	})
	return m, failed
}

func (r valueReader) pair(s *batch.Schema, m *batch.MapValue, e node) error {
	if !e.is('[') {
		return batch.DataFault("Found invalid map entry instead of array tuple: " + e.kind())
	}
	var two []node
	e.elements(func(v node) bool {
		two = append(two, v)
		return true
	})
	if len(two) != 2 {
		return batch.DataFault("Found invalid map entry, expected length 2 but found :" + strconv.Itoa(len(two)))
	}
	k, err := r.read(s.KeySchema, two[0])
	if err != nil {
		return err
	}
	v, err := r.read(s.ValueSchema, two[1])
	if err != nil {
		return err
	}
	if _, ok := k.([]byte); !ok { // arrays are equal only to themselves in Java
		for i := range m.Entries {
			if batch.ValueEqual(m.Entries[i].Key, k) {
				m.Entries[i].Value = v
				return nil
			}
		}
	}
	m.Entries = append(m.Entries, batch.Entry{Key: k, Value: v})
	return nil
}

func (r valueReader) schemaless(n node) any {
	if len(n) == 0 {
		return nil
	}
	switch n[0] {
	case '{':
		m := &batch.MapValue{}
		for _, e := range distinct(n) {
			m.Entries = append(m.Entries, batch.Entry{Key: e.name, Value: r.schemaless(e.value)})
		}
		return m
	case '[':
		list := []any{}
		n.elements(func(e node) bool {
			list = append(list, r.schemaless(e))
			return true
		})
		return list
	case '"':
		return n.text()
	case 't', 'f':
		return n[0] == 't'
	case 'n':
		return nil
	}
	if i, ok := jsontext.Int(n); ok {
		return i
	}
	return n.double()
}
