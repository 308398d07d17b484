// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

const piiClass = "io.penstock.transforms.PIIRemove$Value"

func TestPIIRemove(t *testing.T) {
	inner := batch.NewSchema(batch.Schema{Type: batch.Struct, Optional: true, Fields: []batch.Field{
		{Name: "email", Schema: batch.OptionalStringSchema}, {Name: "zip", Schema: batch.Int32Schema},
	}})
	list := batch.NewSchema(batch.Schema{Type: batch.Array, ValueSchema: inner})
	attrs := batch.NewSchema(batch.Schema{Type: batch.Map, KeySchema: batch.StringSchema, ValueSchema: batch.StringSchema})
	name := "com.acme.Person"
	s := batch.NewSchema(batch.Schema{Type: batch.Struct, Name: &name, Fields: []batch.Field{
		{Name: "id", Schema: batch.Int64Schema}, {Name: "home", Schema: inner}, {Name: "all", Schema: list}, {Name: "attrs", Schema: attrs},
	}})
	place := func(s *batch.Schema, vals ...any) *batch.StructValue {
		return &batch.StructValue{Schema: s, Vals: vals}
	}
	in := place(s, int64(7), place(inner, "a@b.c", int32(123)), []any{place(inner, nil, int32(4)), nil},
		&batch.MapValue{Entries: []batch.Entry{{Key: "ssn", Value: "111"}, {Key: "color", Value: "red"}}})
	free := objectOf("id", int64(7), "home", objectOf("email", "a@b.c", "zip", int64(123)), "all", []any{objectOf("email", nil, "zip", int64(4)), nil},
		"attrs", objectOf("ssn", "111", "color", "red"))

	gone := batch.NewSchema(batch.Schema{Type: batch.Struct, Optional: true, Fields: inner.Fields[1:]})
	goneList := batch.NewSchema(batch.Schema{Type: batch.Array, ValueSchema: gone})
	out := batch.NewSchema(batch.Schema{Type: batch.Struct, Name: &name, Fields: []batch.Field{
		{Name: "id", Schema: batch.Int64Schema}, {Name: "home", Schema: gone}, {Name: "all", Schema: goneList}, {Name: "attrs", Schema: attrs},
	}})
	checkExtra(t, piiClass, map[string]string{"drop.fields": "**.email,attrs.s*"},
		[4]any{s, in, out, place(out, int64(7), place(gone, int32(123)), []any{place(gone, int32(4)), nil},
			&batch.MapValue{Entries: []batch.Entry{{Key: "color", Value: "red"}}})},
		[4]any{nil, free, nil, objectOf("id", int64(7), "home", objectOf("zip", int64(123)), "all", []any{objectOf("zip", int64(4)), nil}, "attrs", objectOf("color", "red"))},
		[4]any{nil, nil, nil, nil}, [4]any{s, nil, out, nil}, [4]any{nil, "text", nil, "text"})

	masked := func(mode string, zip any) map[string]string {
		return map[string]string{"drop.fields": "home.*,attrs.ssn", "mode": mode, "token.key": "secret", "salt": "pepper"}
	}
	checkExtra(t, piiClass, masked("mask", nil),
		[4]any{s, in, s, place(s, int64(7), place(inner, "****", int32(0)), in.Vals[2],
			&batch.MapValue{Entries: []batch.Entry{{Key: "ssn", Value: "****"}, {Key: "color", Value: "red"}}})},
		[4]any{nil, free, nil, objectOf("id", int64(7), "home", objectOf("email", "****", "zip", int64(0)), "all", free.Entries[2].Value,
			"attrs", objectOf("ssn", "****", "color", "red"))})

	for mode, leaf := range map[string]leafEdit{"hash": newPIIHasher("pepper"), "tokenise": testTokeniser()} {
		texts := batch.NewSchema(batch.Schema{Type: batch.Struct, Optional: true, Fields: []batch.Field{
			{Name: "email", Schema: batch.OptionalStringSchema}, {Name: "zip", Schema: batch.StringSchema},
		}})
		out := batch.NewSchema(batch.Schema{Type: batch.Struct, Name: &name, Fields: []batch.Field{
			{Name: "id", Schema: batch.Int64Schema}, {Name: "home", Schema: texts}, {Name: "all", Schema: list}, {Name: "attrs", Schema: attrs},
		}})
		email, zip, ssn := leaf.value("a@b.c"), leaf.value(int32(123)), leaf.value("111")
		checkExtra(t, piiClass, masked(mode, zip),
			[4]any{s, in, out, place(out, int64(7), place(texts, email, zip), in.Vals[2],
				&batch.MapValue{Entries: []batch.Entry{{Key: "ssn", Value: ssn}, {Key: "color", Value: "red"}}})},
			[4]any{nil, free, nil, objectOf("id", int64(7), "home", objectOf("email", email, "zip", zip), "all", free.Entries[2].Value,
				"attrs", objectOf("ssn", ssn, "color", "red"))})
	}
}

func testTokeniser() leafEdit {
	v := mustValues(piiConfig, map[string]string{"drop.fields": "a:tokenise", "token.key": "secret"})
	tr, err := newPIIRemove(v, batch.Value)
	if err != nil {
		panic(err)
	}
	return tr.(*PIIRemove).editor.rules.(*piiRules).rules[0].leaf
}

func TestPIITokens(t *testing.T) {
	leaf := testTokeniser()
	f := func(s string, size int) {
		t.Helper()
		got := leaf.value(s).(string)
		if len(got) != size || got != leaf.value(s) || strings.ToUpper(got) != got {
			t.Errorf("%s: token %s, want %d characters", s, got, size)
		}
	}
	f("", 16)
	f("4111111111111111", 16)
	f("someone@example.com", 26)
	f(strings.Repeat("long ", 10), 52)
	if leaf.value("a") == leaf.value("b") {
		t.Error("tokens are the same")
	}
	if got, want := newPIIHasher("").value("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestGlobPath(t *testing.T) {
	f := func(pattern, path string, match, below bool) {
		t.Helper()
		steps := strings.Split(path, ".")
		if got := globPath(strings.Split(pattern, "."), steps, false); got != match {
			t.Errorf("%s on %s: %v", pattern, path, got)
		}
		if got := globPath(strings.Split(pattern, "."), steps, true); got != below {
			t.Errorf("%s below %s: %v", pattern, path, got)
		}
	}
	f("a", "a", true, false)
	f("a.b", "a", false, true)
	f("a.*", "a.b", true, false)
	f("a.*", "a.b.c", false, false)
	f("a.**", "a", false, true)
	f("a.**", "a.b.c", true, true)
	f("**.c", "c", true, true)
	f("**.c", "a.b.c", true, true)
	f("**.c", "a.b", false, true)
	f("a.**.c", "a.c", true, true)
	f("a.**.c", "b.c", false, false)
	f("*mail*", "email2", true, false)
	f("s?n", "ssn", true, false)
	f("s?n", "sn", false, false)
	f("*", "", true, false)
}

// TestPIIErrors checks what a wrong configuration is told, and that it tells no secret.
func TestPIIErrors(t *testing.T) {
	f := func(conf map[string]string, want string) {
		t.Helper()
		plugin, _, _ := Transforms.Lookup(piiClass)
		v, err := plugin.Def.Parse(config.NewProps(conf))
		if err == nil {
			_, err = plugin.New(v)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %s", conf, err, want)
		}
	}
	f(map[string]string{"drop.fields": ""}, "drop.fields")
	f(map[string]string{"drop.fields": "a:burn"}, "unknown mode burn")
	f(map[string]string{"drop.fields": "a..b"}, "empty step")
	f(map[string]string{"drop.fields": "a:tokenise"}, "token.key")
	f(map[string]string{"drop.fields": "a", "mode": "x"}, "mode")
}

// FuzzParseJSONPath: no path crashes the parser, nor the evaluation of what it took.
func FuzzParseJSONPath(f *testing.F) {
	for _, s := range []string{"$.a.b", `$["a"][0][*]`, "$[?(@.a == 'x' && !(@.b > 1.5) || @.c in [1,'2',null])]", "$.a[?(@.b =~ /x\\/y/i)]", "$..a", "$[?(", "$[?(@.a nin ['b'])].c"} {
		f.Add(s)
	}
	x := objectOf("a", objectOf("b", "x", "c", []any{int64(1), "2", nil}), "c", 1.5)
	f.Fuzz(func(t *testing.T, s string) {
		if path, fault := parseJSONPath(s); fault == "" {
			path.find(x)
		}
	})
}
