// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"fmt"
	"strings"
	"testing"
)

// TestOpenObjects compares what columns read as with what the text read as.
func TestOpenObjects(t *testing.T) {
	f := func(objects int, texts ...string) {
		t.Helper()
		b := New()
		b.N = len(texts)
		root := b.NewColumn(nil)
		want := make([]any, len(texts))
		for i, text := range texts {
			root.PushTag(TagJSON, uint64(b.Slab.AppendText(text)))
			want[i] = b.Read(root, i)
		}
		b.Value.Set(nil, root)
		b.OpenObjects(Value)
		if err := b.Check(); err != nil {
			t.Fatal(err)
		}
		got := 0
		for i := range b.Value.Variants {
			if v := &b.Value.Variants[i]; v.Root.Kind == KindObject {
				got += v.Root.N
			}
		}
		if got != objects {
			t.Errorf("%.100q: %d rows have columns, want %d", texts, got, objects)
		}
		for row := range texts {
			if _, x := b.ValueAt(Value, row); !ValueEqual(x, want[row]) {
				t.Errorf("%.100s reads as %.100v", texts[row], x)
			}
		}
	}
	// All rows are objects, in the same order of keys and in others, with keys missing and repeated.
	f(2, `{"a":1,"b":"x"}`, `{"a":2,"b":null}`)
	f(4, `{"a":1,"b":"x"}`, `{"b":true,"a":[1,{"c":2}]}`, `{"c":0}`, `{}`)
	f(2, `{"a":1,"a":{"b":2}}`, `{ "a" : 1.5 , "a" : "last" }`)
	// Escaped names.
	f(2, `{"a\u0062":1}`, `{"ab":2,"\"":3}`)
	// Others in between.
	f(2, `null`, `{"a":1}`, `[1]`, `7`, `{"b":2}`)
	f(0, `null`, `1`)
	f(0)
	// A row with too many keys stays a map.
	var wide strings.Builder
	for i := range maxOpenColumns + 1 {
		fmt.Fprintf(&wide, `"k%d":%d,`, i, i)
	}
	f(1, `{`+strings.TrimSuffix(wide.String(), ",")+`}`, `{"a":1}`)
	f(2, `{"a":1}`, `{`+strings.TrimSuffix(wide.String(), ",")+`}`, `{"b":1}`)
}

// TestOpenObjectsBoxed opens maps that did not come from JSON, unless they have other keys than strings.
func TestOpenObjectsBoxed(t *testing.T) {
	maps := []any{
		&MapValue{Entries: []Entry{{"a", int32(1)}, {"b", []any{"x"}}}},
		&MapValue{Entries: []Entry{{int32(1), "x"}}},
		&MapValue{Entries: []Entry{{"b", Date(5)}}},
	}
	b := New()
	b.N = len(maps)
	root := b.NewColumn(nil)
	for _, m := range maps {
		root.PushTag(TagBoxed, b.Box(m))
	}
	b.Value.Set(nil, root)
	b.OpenObjects(Value)
	if err := b.Check(); err != nil {
		t.Fatal(err)
	}
	if len(b.Value.Variants) != 2 {
		t.Errorf("%d variants", len(b.Value.Variants))
	}
	for row, m := range maps {
		if _, x := b.ValueAt(Value, row); !ValueEqual(x, m) {
			t.Errorf("row %d reads as %v", row, x)
		}
	}
}

// TestClone checks that a copy does not follow its original.
func TestClone(t *testing.T) {
	s := NewSchema(Schema{Type: Struct, Fields: []Field{
		{"n", OptionalInt64Schema}, {"l", NewSchema(Schema{Type: Array, ValueSchema: StringSchema})},
	}})
	b := New()
	v := b.NewColumn(s)
	x := &StructValue{Schema: s, Vals: []any{int64(7), []any{"a", "b"}}}
	b.Append(v, x)
	g := b.Clone(v)
	v.Kids[0].W[0] = 8
	v.Kids[0].SetNull(0)
	v.Kids[1].Offs[1] = 0
	if got := b.Read(g, 0); !ValueEqual(got, x) {
		t.Errorf("the copy reads as %v", got)
	}
}
