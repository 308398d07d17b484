// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math/big"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/bytedance/sonic"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
)

func schemaRows() []batch.Record {
	name, dec := "rec", batch.DecimalName
	inner := batch.NewSchema(batch.Schema{Type: batch.Struct, Optional: true, Fields: []batch.Field{{Name: "x", Schema: batch.OptionalInt8Schema}, {Name: "y\"", Schema: batch.StringSchema}}})
	scale := batch.NewSchema(batch.Schema{Type: batch.Bytes, Name: &dec, Params: []batch.Param{{Key: "scale", Value: "2"}}})
	s := batch.NewSchema(batch.Schema{Type: batch.Struct, Name: &name, Fields: []batch.Field{
		{Name: "i", Schema: batch.Int32Schema}, {Name: "s", Schema: batch.OptionalStringSchema}, {Name: "in", Schema: inner},
		{Name: "l", Schema: batch.NewSchema(batch.Schema{Type: batch.Array, ValueSchema: batch.OptionalFloat64Schema})},
		{Name: "m", Schema: batch.NewSchema(batch.Schema{Type: batch.Map, KeySchema: batch.StringSchema, ValueSchema: batch.OptionalInt64Schema})},
		{Name: "p", Schema: batch.NewSchema(batch.Schema{Type: batch.Map, Optional: true, KeySchema: batch.Int16Schema, ValueSchema: batch.BooleanSchema})},
		{Name: "d", Schema: scale}, {Name: "t", Schema: batch.TimestampSchema(false)}, {Name: "day", Schema: batch.DateSchema(true)}, {Name: "b", Schema: batch.BytesSchema},
		{Name: "f", Schema: batch.Float32Schema},
	}})
	full := func(i int32, str, in any, text string) batch.Record {
		return batch.Record{Topic: "t", Timestamp: 1, ValueSchema: s, Value: &batch.StructValue{Schema: s, Vals: []any{
			i, str, in, []any{1.5, nil}, &batch.MapValue{Entries: []batch.Entry{{Key: text, Value: int64(i)}, {Key: "n"}}},
			&batch.MapValue{Entries: []batch.Entry{{Key: int16(i), Value: true}}},
			batch.Decimal{Unscaled: big.NewInt(int64(i) * -1000), Scale: 2}, batch.Date(i), batch.Date(86400000), []byte(text), float32(i) / 3,
		}}}
	}
	r := func(s *batch.Schema, v any) batch.Record {
		return batch.Record{Topic: "t", Timestamp: 1, ValueSchema: s, Value: v}
	}
	return []batch.Record{
		full(1, "one", &batch.StructValue{Schema: inner, Vals: []any{int8(4), "q\"\n"}}, "k"),
		full(2, nil, nil, "é\\"),
		full(-300000, "😀\x01", &batch.StructValue{Schema: inner, Vals: []any{nil, ""}}, "a longer key, with text"),
		r(batch.Int64Schema, int64(-5)), r(batch.OptionalStringSchema, nil), r(batch.StringSchema, "text"),
		r(nil, &batch.MapValue{Entries: []batch.Entry{{Key: "a", Value: int64(1)}, {Key: "b", Value: []any{"x", nil}}}}),
		r(nil, nil), r(nil, int64(4)), r(nil, "loose"), full(7, "", nil, ""),
	}
}

// TestSchemaRoundTrip encodes records of many schemas and decodes them again, in batches of several sizes.
func TestSchemaRoundTrip(t *testing.T) {
	in := schemaRows()
	c := testJSON(t)
	for _, size := range []int{len(in), 1, 3, 7} {
		for lo := 0; lo < len(in); lo += size {
			part := in[lo:min(lo+size, len(in))]
			b := batch.New()
			b.Load(part, false)
			if err := c.Encode(b, batch.Value); err != nil || len(b.Errs) > 0 {
				t.Fatal(err, b.Errs)
			}
			out := batch.New()
			out.N = len(part)
			for row := range part {
				v := batch.NullView
				if !b.Out.Value[row].IsNull() {
					v = out.Slab.Append(b.Out.Bytes(b.Out.Value[row]))
				}
				out.Raw.Value = append(out.Raw.Value, v)
			}
			if err := c.Decode(out, batch.Value); err != nil || len(out.Errs) > 0 {
				t.Fatal(err, out.Errs)
			}
			if err := out.Check(); err != nil {
				t.Fatal(err)
			}
			for row, want := range part {
				s, v := out.ValueAt(batch.Value, row)
				if !s.Equal(want.ValueSchema) || !batch.ValueEqual(v, want.Value) {
					t.Errorf("batches of %d, row %d:\ngot  %s %s\nwant %s %s", size, lo+row, batchtest.ShowSchema(s), batchtest.ShowValue(v),
						batchtest.ShowSchema(want.ValueSchema), batchtest.ShowValue(want.Value))
				}
			}
		}
	}
}

// TestSameTextSameSchema: transforms compare schemas by pointer first.
func TestSameTextSameSchema(t *testing.T) {
	c := testJSON(t)
	var first *batch.Schema
	decodeAll(t, c, append(envelopes(4), strings.Replace(envelopes(1)[0], `"optional":true`, `"optional": true`, 1)), 1, false, func(b *batch.Batch, row, _ int) {
		s, _ := b.ValueAt(batch.Value, row)
		if first == nil {
			first = s
		}
		if s != first {
			t.Error("an equal schema has another pointer")
		}
	})
}

// TestFailedRowLeavesNoTrace: a row that fails half way through must not shift the columns of the next.
func TestFailedRowLeavesNoTrace(t *testing.T) {
	const schema = `{"schema":{"type":"struct","fields":[{"field":"a","type":"array","items":{"type":"int32"}},{"field":"b","type":"string"}]},"payload":`
	rows := []string{schema + `{"a":[1,2],"b":"x"}}`, schema + `{"a":[3,4]}}`, schema + `{"a":[5],"b":7}}`, schema + `{"a":[null],"b":"y"}}`, schema + `{"b":"z","a":[6]}}`}
	want := map[int]string{
		1: "Invalid null value for required STRING field",
		2: `Invalid value: null used for required field: "b", schema type: STRING`,
		3: "Invalid null value for required INT32 field",
	}
	decodeAll(t, testJSON(t), rows, len(rows), false, func(b *batch.Batch, row, i int) {
		err := failure(b, row)
		if m, bad := want[i]; bad {
			if err == nil || err.Error() != m {
				t.Errorf("row %d: %v, want %s", i, err, m)
			}
			return
		}
		_, v := b.ValueAt(batch.Value, row)
		if x, ok := v.(*batch.StructValue); !ok || len(x.Vals[0].([]any)) != 2-i/4 {
			t.Errorf("row %d: %s", i, batchtest.ShowValue(v))
		}
	})
}

// TestSonicIsNative proves that sonic runs its own machine code with this toolchain, not encoding/json in disguise: the
// substitute says so on standard error when a program starts, and its API is a type of another file.
func TestSonicIsNative(t *testing.T) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("sonic has no native code for " + runtime.GOARCH)
	}
	if os.Getenv("PENSTOCK_SONIC_CHILD") != "" {
		return
	}
	kind := reflect.TypeOf(sonic.ConfigDefault).String()
	if kind != "*sonic.frozenConfig" && kind != "sonic.frozenConfig" {
		t.Errorf("sonic's API is a %s", kind)
	}
	frames := stackInside(t)
	if !strings.Contains(frames, "sonic/internal/decoder") || strings.Contains(frames, "encoding/json.(*decodeState)") {
		t.Errorf("sonic decodes by other means:\n%s", frames)
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestSonicIsNative$")
	cmd.Env = append(os.Environ(), "PENSTOCK_SONIC_CHILD=1")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "fallback") || strings.Contains(string(out), "sonic only supports") {
		t.Errorf("sonic complains: %v: %s", err, out)
	}
}

// spy is decoded by a method, from which the stack shows who called.
type spy struct{ frames string }

func (s *spy) UnmarshalJSON([]byte) error {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		s.frames += f.Function + "\n"
		if !more {
			return nil
		}
	}
}

func stackInside(t *testing.T) string {
	t.Helper()
	var s spy
	if err := sonic.Unmarshal([]byte(`{"a":1}`), &s); err != nil {
		t.Fatal(err)
	}
	return s.frames
}
