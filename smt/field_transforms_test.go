// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math/big"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/config"
)

const transforms = "org.apache.kafka.connect.transforms."

// objectOf makes a schemaless map.
func objectOf(kv ...any) *batch.MapValue {
	m := &batch.MapValue{}
	for i := 0; i < len(kv); i += 2 {
		m.Put(kv[i].(string), kv[i+1])
	}
	return m
}

// checkValues runs a transform of values over pairs of input and outcome: schema and value, or an error in their place.
func checkValues(t *testing.T, class string, conf map[string]string, cases ...[4]any) {
	t.Helper()
	var in []batch.Record
	var want []batchtest.Outcome
	for _, c := range cases {
		r := batch.Record{Topic: "t", Timestamp: 1}
		r.ValueSchema, _ = c[0].(*batch.Schema)
		r.Value = c[1]
		in = append(in, r)
		if f, ok := c[2].(*batch.Fault); ok {
			want = append(want, batchtest.Failed(f.Class, f.Message))
			continue
		}
		r.ValueSchema, _ = c[2].(*batch.Schema)
		r.Value = c[3]
		want = append(want, batchtest.Kept(r))
	}
	batchtest.Run(t, func() (func(*batch.Batch) error, error) {
		return transformOf(t, transforms+class+"$Value", conf).Apply, nil
	}, in, true, want)
}

func TestReplaceField(t *testing.T) {
	in := batch.NewSchema(batch.Schema{Type: batch.Struct, Optional: true, Fields: []batch.Field{
		{Name: "dont", Schema: batch.StringSchema}, {Name: "abc", Schema: batch.OptionalInt32Schema}, {Name: "foo", Schema: batch.BooleanSchema},
	}})
	out := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "xyz", Schema: batch.OptionalInt32Schema}, {Name: "bar", Schema: batch.BooleanSchema},
	}})
	conf := map[string]string{"exclude": "dont", "renames": "abc:xyz,foo:bar"}
	checkValues(t, "ReplaceField", conf,
		[4]any{in, &batch.StructValue{Schema: in, Vals: []any{"x", int32(1), true}}, out, &batch.StructValue{Schema: out, Vals: []any{int32(1), true}}},
		// a null keeps its schema
		[4]any{in, nil, in, nil},
		[4]any{nil, nil, nil, nil},
		[4]any{nil, objectOf("dont", "x", "abc", int64(2), "etc", nil), nil, objectOf("xyz", int64(2), "etc", nil)},
		[4]any{nil, objectOf(), nil, objectOf()},
		[4]any{nil, "text", batch.DataFault("Only Map objects supported in absence of schema for [field replacement], found: java.lang.String"), nil},
		[4]any{batch.Int8Schema, int8(1), batch.DataFault("Only Struct objects supported for [field replacement], found: java.lang.Byte"), nil},
	)
	// the first letters of the alphabet are in the order of their hashes: b comes after a, and stays
	checkValues(t, "ReplaceField", map[string]string{"renames": "a:b"},
		[4]any{nil, objectOf("b", int64(2), "a", int64(1)), nil, objectOf("b", int64(2))})
}

func TestMaskField(t *testing.T) {
	def := batch.NewSchema(batch.Schema{Type: batch.Int32, HasDefault: true, Default: int32(5)})
	s := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "a", Schema: batch.OptionalStringSchema}, {Name: "b", Schema: def}, {Name: "c", Schema: batch.TimestampSchema(false)},
	}})
	row := func(a, b, c any) any { return &batch.StructValue{Schema: s, Vals: []any{a, b, c}} }
	checkValues(t, "MaskField", map[string]string{"fields": "a,b,c"},
		[4]any{s, row("x", int32(1), batch.Date(7)), s, row("", int32(0), batch.Date(0))},
		// null stays null; with a default it is masked
		[4]any{s, row(nil, nil, batch.Date(8)), s, row(nil, int32(0), batch.Date(0))},
		[4]any{nil, objectOf("a", []any{int64(1)}, "b", big.NewInt(4), "d", "kept"), nil, objectOf("a", []any{}, "b", new(big.Int), "c", nil, "d", "kept")},
		[4]any{nil, nil, batch.DataFault("Only Map objects supported in absence of schema for [mask fields], found: null"), nil},
		[4]any{nil, objectOf("a", []byte{1}), batch.DataFault("Cannot mask value of type: class [B"), nil},
	)
	checkValues(t, "MaskField", map[string]string{"fields": "a,b", "replacement": "300"},
		[4]any{nil, objectOf("a", "text", "b", int8(1)), nil, objectOf("a", "300", "b", int8(44))},
		[4]any{nil, objectOf("a", "text", "b", 1.5), nil, objectOf("a", "300", "b", 300.0)},
		[4]any{nil, objectOf("a", true), batch.DataFault("Cannot mask value of type class java.lang.Boolean with custom replacement."), nil},
	)
	// without defaults a null in a required field is refused
	checkValues(t, "MaskField", map[string]string{"fields": "a", "replace.null.with.default": "false"},
		[4]any{s, row("x", nil, batch.Date(7)), batch.DataFault(`Invalid value: null used for required field: "b", schema type: INT32`), nil},
		[4]any{s, row("x", int32(2), batch.Date(7)), s, row("", int32(2), batch.Date(7))},
	)
}

func TestCast(t *testing.T) {
	in := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "i", Schema: batch.OptionalInt64Schema}, {Name: "f", Schema: batch.Float64Schema}, {Name: "s", Schema: batch.StringSchema},
	}})
	out := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "i", Schema: batch.NewSchema(batch.Schema{Type: batch.Int8, Optional: true})}, {Name: "f", Schema: batch.StringSchema}, {Name: "s", Schema: batch.Int16Schema},
	}})
	conf := map[string]string{"spec": "i:int8,f:string,s:int16"}
	checkValues(t, "Cast", conf,
		[4]any{in, &batch.StructValue{Schema: in, Vals: []any{int64(300), 1e10, "-12"}}, out, &batch.StructValue{Schema: out, Vals: []any{int8(44), "1.0E10", int16(-12)}}},
		[4]any{in, &batch.StructValue{Schema: in, Vals: []any{nil, 0.1, "7"}}, out, &batch.StructValue{Schema: out, Vals: []any{nil, "0.1", int16(7)}}},
		[4]any{in, &batch.StructValue{Schema: in, Vals: []any{nil, 0.1, "x"}}, batch.DataFault("Value (x) was out of range for requested data type"), nil},
		[4]any{nil, objectOf("i", 3.9, "s", "99999"), batch.DataFault("Value (99999) was out of range for requested data type"), nil},
		[4]any{nil, objectOf("i", 3.9, "k", true), nil, objectOf("i", int8(3), "f", nil, "s", nil, "k", true)},
		[4]any{nil, objectOf("i", objectOf()), batch.DataFault("Cast transformation does not support casting from MAP; supported types are [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]"), nil},
		[4]any{nil, nil, nil, nil},
	)
	checkValues(t, "Cast", map[string]string{"spec": "string"},
		[4]any{batch.OptionalBytesSchema, []byte("abc"), batch.OptionalStringSchema, "YWJj"},
		[4]any{batch.OptionalBytesSchema, nil, batch.OptionalBytesSchema, nil},
		[4]any{nil, int64(-5), nil, "-5"},
		[4]any{nil, nil, nil, nil},
		[4]any{nil, true, nil, "true"},
	)
}

func TestTimestampConverter(t *testing.T) {
	checkValues(t, "TimestampConverter", map[string]string{"field": "ts", "target.type": "string", "format": "yyyy-MM-dd'T'HH:mm:ss.SSS"},
		[4]any{nil, objectOf("ts", int64(1700000000123), "k", "v"), nil, objectOf("ts", "2023-11-14T22:13:20.123", "k", "v")},
		[4]any{nil, objectOf("ts", batch.Date(-1)), nil, objectOf("ts", "1969-12-31T23:59:59.999")},
		[4]any{nil, objectOf("k", "v"), nil, objectOf("k", "v", "ts", nil)},
		[4]any{nil, objectOf("ts", "nope"), batch.DataFault("Could not parse timestamp: value (nope) does not match pattern (yyyy-MM-dd'T'HH:mm:ss.SSS)"), nil},
		[4]any{nil, objectOf("ts", 1.5), batch.DataFault("TimestampConverter does not support class java.lang.Double objects as timestamps"), nil},
	)
	checkValues(t, "TimestampConverter", map[string]string{"target.type": "unix", "unix.precision": "nanoseconds"},
		[4]any{batch.TimestampSchema(true), batch.Date(5), batch.OptionalInt64Schema, int64(5_000_000)},
		[4]any{batch.TimestampSchema(true), nil, batch.OptionalInt64Schema, nil},
		// what does not fit saturates
		[4]any{nil, batch.Date(1 << 62), nil, int64(1<<63 - 1)},
		[4]any{nil, int64(7_999_999), nil, int64(7_000_000)},
		[4]any{batch.Int32Schema, int32(1), batch.NewFault(batch.ConnectException, "Schema Schema{INT32} does not correspond to a known timestamp type format"), nil},
	)
}

func TestFlatten(t *testing.T) {
	inner := batch.NewSchema(batch.Schema{Type: batch.Struct, Optional: true, Fields: []batch.Field{{Name: "x", Schema: batch.Int32Schema}}})
	in := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{{Name: "k", Schema: batch.StringSchema}, {Name: "in", Schema: inner}}})
	out := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "k", Schema: batch.StringSchema}, {Name: "in_x", Schema: batch.NewSchema(batch.Schema{Type: batch.Int32, Optional: true})},
	}})
	checkValues(t, "Flatten", map[string]string{"delimiter": "_"},
		[4]any{in, &batch.StructValue{Schema: in, Vals: []any{"a", &batch.StructValue{Schema: inner, Vals: []any{int32(1)}}}}, out, &batch.StructValue{Schema: out, Vals: []any{"a", int32(1)}}},
		// what is below a null is null
		[4]any{in, &batch.StructValue{Schema: in, Vals: []any{"b", nil}}, out, &batch.StructValue{Schema: out, Vals: []any{"b", nil}}},
		[4]any{nil, objectOf("a", objectOf("b", objectOf("c", int64(1)), "d", []any{})), nil, objectOf("a_b_c", int64(1), "a_d", []any{})},
		[4]any{nil, objectOf("a", objectOf(), "b", int64(2)), nil, objectOf("b", int64(2))},
		[4]any{nil, objectOf("a", int64(1), "b", nil), nil, objectOf("a", int64(1), "b", nil)},
		[4]any{nil, nil, nil, nil},
		[4]any{nil, objectOf("a", objectOf("b", batch.Date(1))), batch.DataFault("Flatten transformation was passed a value of type class java.util.Date which is not supported by Connect's data API"), nil},
	)
}

// TestFieldConfigErrors checks what a wrong configuration is told.
func TestFieldConfigErrors(t *testing.T) {
	f := func(class string, conf map[string]string, want string) {
		t.Helper()
		plugin, _, ok := Transforms.Lookup(transforms + class + "$Key")
		if !ok {
			t.Fatalf("no class %s", class)
		}
		v, err := plugin.Def.Parse(config.NewProps(conf))
		if err == nil {
			_, err = plugin.New(v)
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s %v: got %v, want %s", class, conf, err, want)
		}
	}
	f("ReplaceField", map[string]string{"renames": "a"}, "Invalid value [a] for configuration renames: Invalid rename mapping: a")
	f("MaskField", map[string]string{"fields": ""}, "Configuration 'fields' must not be empty. Valid values include: any non-empty value")
	f("Cast", map[string]string{"spec": "a:struct"}, "Cast transformation does not support casting to STRUCT; supported types are [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]")
	f("TimestampConverter", map[string]string{"target.type": "string"}, "TimestampConverter requires format option to be specified when using string timestamps")
	f("TimestampConverter", map[string]string{"target.type": "unix", "format": "b"}, "Invalid value java.lang.IllegalArgumentException: Illegal pattern character 'b' for configuration TimestampConverter requires a SimpleDateFormat-compatible pattern for string timestamps: b")
}
