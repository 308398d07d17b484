// SPDX-License-Identifier: Apache-2.0

package values

import (
	"math/big"
	"testing"

	"github.com/penstock-io/penstock/batch"
)

// The recorded vectors (codec/testdata/vectors) are the real test of this package; these are its corners.

func TestClassAndString(t *testing.T) {
	f := func(v any, class, text string) {
		t.Helper()
		if c, s := ClassName(v), String(v); c != class || s != text {
			t.Errorf("got %s %q, want %s %q", c, s, class, text)
		}
	}
	f(int8(1), "java.lang.Byte", "1")
	f(1.0, "java.lang.Double", "1.0")
	f([]byte{1}, "[B", "[B@0")
	f([]any{"a", nil, int32(2)}, "java.util.ArrayList", "[a, null, 2]")
	f(&batch.MapValue{Entries: []batch.Entry{{Key: "a", Value: true}}}, "java.util.LinkedHashMap", "{a=true}")
	f(batch.Decimal{Unscaled: big.NewInt(150), Scale: 2}, "java.math.BigDecimal", "1.50")
	f(batch.Date(0), "java.util.Date", "Thu Jan 01 00:00:00 UTC 1970")
	f(batch.Date(-62135596800000), "java.util.Date", "Mon Jan 03 00:00:00 UTC 1")
	f(batch.ByteBuffer{1, 2}, "java.nio.HeapByteBuffer", "java.nio.HeapByteBuffer[pos=0 lim=2 cap=2]")
}

func TestParseGuesses(t *testing.T) {
	f := func(text string, want any) {
		t.Helper()
		got := Parse(text)
		if !batch.ValueEqual(got.value(), want) {
			t.Errorf("%s: got %s (%s), want %s", text, String(got.value()), ClassName(got.value()), String(want))
		}
	}
	f("null", nil)
	f("true", true)
	f("127", int8(127))
	f("128", int16(128))
	f("1.5", float32(1.5))
	f("[1, 300]", []any{int16(1), int16(300)})
	f(`["a", null]`, `["a", null]`) // the common schema is a required STRING, which null does not fit
	f("[1,", "[1,")
	f("2020-01-01", batch.Date(1577836800000))
	f("a:b", "a:b")
}

func TestProjectDropsAndDefaults(t *testing.T) {
	source := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{{Name: "a", Schema: batch.Int8Schema}, {Name: "gone", Schema: batch.StringSchema}}})
	five := batch.NewSchema(batch.Schema{Type: batch.Int32, HasDefault: true, Default: int32(5)})
	target := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{{Name: "a", Schema: batch.Float64Schema}, {Name: "new", Schema: five}}})
	v, err := Project(source, &batch.StructValue{Schema: source, Vals: []any{int8(3), "x"}}, target)
	if err != nil {
		t.Fatal(err)
	}
	if want := (&batch.StructValue{Schema: target, Vals: []any{3.0, int32(5)}}); !batch.ValueEqual(v, want) {
		t.Errorf("got %s", String(v))
	}
	if _, err := Project(batch.StringSchema, "x", batch.Int8Schema); batch.ClassOf(err) != batch.SchemaProjectorErr {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"[1,2]", `{"a":[1,{"b":null}]}`, "12:34:56.789Z", `\:`, `"`, "[[]", "{1:2}", "1e40", "٣", "[,]", " true ", "[\"a\\\"b\"]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := Parse(s)
		if p == nil {
			return
		}
		if p.Schema != nil && p.Schema.Type.Primitive() {
			if err := Validate(p.Schema, p.Value); err != nil {
				t.Fatalf("%q: %v", s, err)
			}
		}
		if _, err := ToString(p.Value); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
	})
}
