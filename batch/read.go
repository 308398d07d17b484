// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"slices"

	"github.com/penstock-io/penstock/internal/jsontext"
)

// ValueAt returns the schema and the value of one row of a payload: the slow, general way to read. Nulls are nil,
// before defaults. A row that failed to decode reads as nil.
func (b *Batch) ValueAt(side Side, row int) (*Schema, any) {
	p := b.Side(side)
	if len(p.Variants) == 0 {
		return nil, nil
	}
	v, pos := p.Locate(row)
	return v.Schema, b.Read(v.Root, pos)
}

// Read returns row i of a column as a Value. Bytes and strings are copies.
func (b *Batch) Read(v *Vec, i int) any {
	if v.Kind == KindDyn {
		return b.ReadTagged(v.TagAt(i), v.Cell(i))
	}
	if v.IsNull(i) {
		return nil
	}
	switch v.Kind {
	case KindObject:
		return b.readObject(v, i)
	case KindStruct:
		s := &StructValue{Schema: v.Schema, Vals: make([]any, len(v.Kids))}
		for k, kid := range v.Kids {
			s.Vals[k] = b.Read(kid, i)
		}
		return s
	case KindArray:
		list := make([]any, 0, v.Offs[i+1]-v.Offs[i])
		for e := v.Offs[i]; e < v.Offs[i+1]; e++ {
			list = append(list, b.Read(v.Kids[0], int(e)))
		}
		return list
	case KindMap:
		m := &MapValue{Entries: make([]Entry, 0, v.Offs[i+1]-v.Offs[i])}
		for e := v.Offs[i]; e < v.Offs[i+1]; e++ {
			m.Entries = append(m.Entries, Entry{b.Read(v.Kids[0], int(e)), b.Read(v.Kids[1], int(e))})
		}
		return m
	}
	return b.readWord(v.Schema, v.Cell(i))
}

// readObject reads a row of a KindObject column. Members that are still text keep the order they have in the row's
// text, which need not be that of the columns: in a Java HashMap it decides among the keys of a bucket. Where a
// transform has made the map (Table), that has put the columns in order.
func (b *Batch) readObject(v *Vec, i int) *MapValue {
	m := &MapValue{Entries: make([]Entry, 0, len(v.Kids)), Table: v.Table}
	var at [64]int // where the text of a member begins, -1: it is none
	begins, last, inOrder := at[:0], -1, true
	for k, kid := range v.Kids {
		begin := -1
		if kid.Kind == KindDyn {
			switch kid.TagAt(i) {
			case TagMissing:
				continue
			case TagJSON:
				begin = View(kid.Cell(i)).Off()
				inOrder, last = inOrder && begin >= last, begin
			}
		}
		begins = append(begins, begin)
		m.Entries = append(m.Entries, Entry{v.Names[k], b.Read(kid, i)})
	}
	if !inOrder && v.Table == 0 {
		sortTexts(m.Entries, begins)
	}
	return m
}

// sortTexts sorts the entries with begins of 0 and more by them; the others stay where they are.
func sortTexts(entries []Entry, begins []int) {
	for i, begin := range begins {
		if begin < 0 {
			continue
		}
		e, hole := entries[i], i
		for j := i - 1; j >= 0; j-- {
			if begins[j] < 0 {
				continue
			}
			if begins[j] <= begin {
				break
			}
			entries[hole], begins[hole] = entries[j], begins[j]
			hole = j
		}
		entries[hole], begins[hole] = e, begin
	}
}

// readWord reads a cell of a typed leaf.
func (b *Batch) readWord(s *Schema, cell uint64) any {
	switch s.Logical() {
	case LogicalDate, LogicalTime, LogicalTimestamp:
		return Date(cell)
	case LogicalDecimal:
		return b.ReadTagged(TagDecimal, cell)
	}
	return b.ReadTagged(TagOf(s.Type), cell)
}

// TagOf is the tag of plain (not logical) cells of a primitive type.
func TagOf(t Type) Tag {
	switch t {
	case Boolean:
		return TagBool
	case Int8:
		return TagInt8
	case Int16:
		return TagInt16
	case Int32:
		return TagInt32
	case Int64:
		return TagInt64
	case Float32:
		return TagFloat32
	case Float64:
		return TagFloat64
	case String:
		return TagString
	}
	return TagBytes
}

// TagOfSchema is the tag of the cells of a typed leaf under s.
func TagOfSchema(s *Schema) Tag {
	switch s.Logical() {
	case LogicalDate, LogicalTime, LogicalTimestamp:
		return TagDate
	case LogicalDecimal:
		return TagDecimal
	}
	return TagOf(s.Type)
}

// ReadTagged reads a cell of the given tag as a Value.
func (b *Batch) ReadTagged(t Tag, cell uint64) any {
	switch t {
	case TagBool:
		return cell != 0
	case TagInt8:
		return int8(cell)
	case TagInt16:
		return int16(cell)
	case TagInt32:
		return int32(cell)
	case TagInt64:
		return int64(cell)
	case TagFloat32:
		return CellFloat32(cell)
	case TagFloat64:
		return CellFloat64(cell)
	case TagString:
		return b.Slab.Text(View(cell))
	case TagBytes:
		return slices.Clone(nonNil(b.Slab.Bytes(View(cell))))
	case TagDecimal:
		scale, unscaled := b.Slab.Decimal(View(cell))
		return Decimal{Unscaled: BigIntFromBytes(unscaled), Scale: scale}
	case TagDate:
		return Date(cell)
	case TagJSON, TagJSONObject, TagJSONArray:
		return valueOfJSON(b.Slab.Bytes(View(cell)))
	case TagBoxed:
		return b.Boxed[cell]
	}
	return nil
}

func nonNil(p []byte) []byte {
	if p == nil {
		return []byte{}
	}
	return p
}

// valueOfJSON reads validated JSON text as JsonConverter does without schemas: integers are int64, reals float64.
func valueOfJSON(text []byte) any {
	v, _ := jsonValue(text, 0)
	return v
}

func jsonValue(text []byte, i int) (any, int) {
	i = jsontext.Space(text, i)
	switch text[i] {
	case '{':
		return jsonObject(text, i)
	case '[':
		list := []any{}
		i = jsontext.Space(text, i+1)
		for text[i] != ']' {
			var v any
			v, i = jsonValue(text, i)
			list = append(list, v)
			if i = jsontext.Space(text, i); text[i] == ',' {
				i = jsontext.Space(text, i+1)
			}
		}
		return list, i + 1
	}
	end, _ := jsontext.Value(text, i)
	tok := text[i:end]
	switch tok[0] {
	case '"':
		return string(jsontext.AppendUnquoted(nil, tok)), end
	case 't':
		return true, end
	case 'f':
		return false, end
	case 'n':
		return nil, end
	}
	if n, ok := jsontext.Int(tok); ok {
		return n, end
	}
	return jsontext.Float(tok), end
}

func jsonObject(text []byte, i int) (any, int) {
	m := &MapValue{Hash: true}
	i = jsontext.Space(text, i+1)
	for text[i] != '}' {
		end, _ := jsontext.Value(text, i)
		key := string(jsontext.AppendUnquoted(nil, text[i:end]))
		i = jsontext.Space(text, end)
		var v any
		v, i = jsonValue(text, i+1)
		m.Put(key, v)
		if i = jsontext.Space(text, i); text[i] == ',' {
			i = jsontext.Space(text, i+1)
		}
	}
	return m, i + 1
}
