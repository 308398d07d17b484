// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"
	"testing"

	"github.com/penstock-io/penstock/batch"
)

func TestParseFieldPath(t *testing.T) {
	f := func(path string, want ...string) {
		t.Helper()
		p, err := ParseFieldPath(path, FieldSyntaxV2)
		if err != nil || !slices.Equal(p.Steps, want) {
			t.Errorf("%s: got %q, %v; want %q", path, p.Steps, err, want)
		}
	}
	f("")
	f("a", "a")
	f("a.b.c", "a", "b", "c")
	f(".", "", "")
	f("a..b", "a", "", "b")
	f("a.b.", "a", "b", "")
	// backticks wrap dots
	f("`a.b`", "a.b")
	f("`a.b`.c", "a.b", "c")
	f("c.`a.b`.d", "c", "a.b", "d")
	// a backtick inside a name needs no escape unless a dot follows
	f("a`b.c", "a`b", "c")
	f("`a`b.c`", "a`b.c")
	f("`a\\`.b`", "a`.b")
	f("`a.b`.", "a.b", "")

	bad := func(path, want string) {
		t.Helper()
		_, err := ParseFieldPath(path, FieldSyntaxV2)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
	bad("`a", "Incomplete backtick pair in path: [`a], consider adding a backslash before backtick at position 0 to escape it")
	bad("é.`a.b\\`", "Incomplete backtick pair in path: [é.`a.b\\`], consider adding a backslash before backtick at position 2 to escape it")

	if p, err := ParseFieldPath("a.`b", FieldSyntaxV1); err != nil || !slices.Equal(p.Steps, []string{"a.`b"}) {
		t.Errorf("V1: got %q, %v", p.Steps, err)
	}
}

func TestFieldPathValues(t *testing.T) {
	inner := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{{Name: "x", Schema: batch.Int32Schema}}})
	outer := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{{Name: "in", Schema: inner}, {Name: "s", Schema: batch.StringSchema}}})
	v := &batch.StructValue{Schema: outer, Vals: []any{&batch.StructValue{Schema: inner, Vals: []any{int32(7)}}, "t"}}
	m := &batch.MapValue{}
	sub := &batch.MapValue{}
	sub.Put("x", int64(8))
	m.Put("in", sub)
	m.Put("s", "t")

	f := func(path string, wantStruct, wantMap any, structErr, mapErr string) {
		t.Helper()
		p, err := ParseFieldPath(path, FieldSyntaxV2)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.FromStruct(v, true)
		if got != wantStruct || errText(err) != structErr {
			t.Errorf("%s in a struct: got %v, %v", path, got, err)
		}
		got, err = p.FromMap(m)
		if got != wantMap || errText(err) != mapErr {
			t.Errorf("%s in a map: got %v, %v", path, got, err)
		}
	}
	f("in.x", int32(7), int64(8), "", "")
	f("in.y", nil, nil, "", "")
	f("no.x", nil, nil, "", "")
	f("s.x", nil, nil, "Only Struct objects supported for [nested field access], found: java.lang.String",
		"Only Map objects supported in absence of schema for [nested field access], found: java.lang.String")
	f("", nil, nil, "fromIndex(0) > toIndex(-1)", "fromIndex(0) > toIndex(-1)")

	p, _ := ParseFieldPath("in.x", FieldSyntaxV2)
	if s, err := p.SchemaOf(outer); s != batch.Int32Schema || err != nil {
		t.Errorf("schema: %v, %v", s, err)
	}
	p, _ = ParseFieldPath("s.x", FieldSyntaxV2)
	if _, err := p.SchemaOf(outer); errText(err) != "Cannot look up fields on non-struct type" {
		t.Errorf("schema: %v", err)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
