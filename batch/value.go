// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"bytes"
	"math"
	"math/big"
)

// Where a single Connect value is passed around (slow paths, tests, defaults) it is an `any` of these dynamic types,
// which stand for the Java classes beside them:
//
//	nil                  null                     string      String (WTF-8: lone surrogates are 3-byte sequences)
//	bool                 Boolean                  []byte      byte[]
//	int8 int16           Byte Short               ByteBuffer  java.nio.ByteBuffer
//	int32 int64          Integer Long             Decimal     java.math.BigDecimal
//	float32 float64      Float Double             *big.Int    java.math.BigInteger
//	[]any                List                     Date        java.util.Date
//	*MapValue            Map, in insertion order  *StructValue Struct

// ByteBuffer is a java.nio.ByteBuffer: the same Connect type as byte[], another Java class in messages.
type ByteBuffer []byte

// Decimal is a java.math.BigDecimal. The scale counts: 1.0 is not 1.00.
type Decimal struct {
	Unscaled *big.Int
	Scale    int32
}

// Date is a java.util.Date, in milliseconds since the epoch: what Date, Time and Timestamp schemas hold.
type Date int64

// Entry is an entry of a MapValue.
type Entry struct{ Key, Value any }

// MapValue is a java.util.Map. Keys may be any value; order is that of insertion and means nothing.
type MapValue struct {
	Entries []Entry
	Hash    bool // messages call it java.util.HashMap, which JsonConverter makes, and not LinkedHashMap

	// Table is the capacity of the java.util.HashMap that Java has in this place: Entries were put one after another
	// into `new HashMap<>(Table)`. That decides the order in which it lists them. 0: an ordinary new HashMap<>(), or
	// nobody knows. LinkedTable: a map that lists Entries as they are.
	Table int32
}

// LinkedTable is the Table of a LinkedHashMap.
const LinkedTable int32 = -1

// Get finds a string key.
func (m *MapValue) Get(key string) (any, bool) {
	for _, e := range m.Entries {
		if k, ok := e.Key.(string); ok && k == key {
			return e.Value, true
		}
	}
	return nil, false
}

// Put sets a string key, replacing an entry that is there.
func (m *MapValue) Put(key string, v any) {
	for i, e := range m.Entries {
		if k, ok := e.Key.(string); ok && k == key {
			m.Entries[i].Value = v
			return
		}
	}
	m.Entries = append(m.Entries, Entry{key, v})
}

// StructValue is a Struct: Vals follow Schema.Fields; nil is unset, before defaults are applied.
type StructValue struct {
	Schema *Schema
	Vals   []any
}

// Get is Struct.get: the value of a field, or the default where it is null. The field must exist.
func (s *StructValue) Get(name string) any {
	i := s.Schema.Field(name)
	v := s.Vals[i]
	if v == nil && s.Schema.Fields[i].Schema.HasDefault {
		return s.Schema.Fields[i].Schema.Default
	}
	return v
}

// ValueEqual compares two values as Java's equals would, except that byte[] and ByteBuffer compare by content and NaN
// equals NaN. The order of map entries does not count.
func ValueEqual(a, b any) bool {
	switch x := a.(type) {
	case float64:
		y, ok := b.(float64)
		return ok && (math.Float64bits(x) == math.Float64bits(y) || x != x && y != y)
	case float32:
		y, ok := b.(float32)
		return ok && (math.Float32bits(x) == math.Float32bits(y) || x != x && y != y)
	case []byte:
		return equalBytes(x, b)
	case ByteBuffer:
		return equalBytes(x, b)
	case Decimal:
		y, ok := b.(Decimal)
		return ok && x.Scale == y.Scale && x.Unscaled.Cmp(y.Unscaled) == 0
	case *big.Int:
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	case []any:
		y, ok := b.([]any)
		return ok && equalLists(x, y)
	case *MapValue:
		y, ok := b.(*MapValue)
		return ok && equalMaps(x, y)
	case *StructValue:
		y, ok := b.(*StructValue)
		return ok && x.Schema.Equal(y.Schema) && equalLists(x.Vals, y.Vals)
	}
	switch b.(type) {
	case []byte, ByteBuffer, []any: // not comparable: a is of another type, or it was handled above
		return false
	}
	return a == b
}

func equalBytes(a []byte, b any) bool {
	switch y := b.(type) {
	case []byte:
		return bytes.Equal(a, y)
	case ByteBuffer:
		return bytes.Equal(a, y)
	}
	return false
}

func equalLists(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !ValueEqual(a[i], b[i]) {
			return false
		}
	}
	return true
}

func equalMaps(a, b *MapValue) bool {
	if len(a.Entries) != len(b.Entries) {
		return false
	}
	used := make([]bool, len(b.Entries))
next:
	for _, e := range a.Entries {
		for i, f := range b.Entries {
			if !used[i] && ValueEqual(e.Key, f.Key) && ValueEqual(e.Value, f.Value) {
				used[i] = true
				continue next
			}
		}
		return false
	}
	return true
}
