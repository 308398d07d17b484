// SPDX-License-Identifier: Apache-2.0

package batch_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
)

func rows() []batch.Record {
	inner := batch.NewSchema(batch.Schema{Type: batch.Struct, Optional: true, Fields: []batch.Field{{Name: "x", Schema: batch.OptionalInt8Schema}}})
	scale := batch.DecimalName
	dec := batch.NewSchema(batch.Schema{Type: batch.Bytes, Name: &scale, Params: []batch.Param{{Key: "scale", Value: "2"}}})
	s := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "i", Schema: batch.Int32Schema}, {Name: "s", Schema: batch.OptionalStringSchema}, {Name: "in", Schema: inner},
		{Name: "l", Schema: batch.NewSchema(batch.Schema{Type: batch.Array, ValueSchema: batch.Float64Schema})},
		{Name: "m", Schema: batch.NewSchema(batch.Schema{Type: batch.Map, KeySchema: batch.StringSchema, ValueSchema: batch.OptionalInt64Schema})},
		{Name: "d", Schema: dec}, {Name: "t", Schema: batch.TimestampSchema(false)},
	}})
	full := func(i int32, str any, in any) any {
		return &batch.StructValue{Schema: s, Vals: []any{
			i, str, in, []any{1.5, math.Inf(1)}, &batch.MapValue{Entries: []batch.Entry{{Key: "k", Value: int64(i)}, {Key: "n", Value: nil}}},
			batch.Decimal{Unscaled: big.NewInt(-int64(i) * 1000), Scale: 2}, batch.Date(i),
		}}
	}
	obj := func(kv ...any) *batch.MapValue {
		m := &batch.MapValue{}
		for i := 0; i < len(kv); i += 2 {
			m.Put(kv[i].(string), kv[i+1])
		}
		return m
	}
	r := func(vs *batch.Schema, v any) batch.Record {
		return batch.Record{Topic: "t", Partition: 3, Offset: 7, Timestamp: 5, KeySchema: batch.StringSchema, Key: "k", ValueSchema: vs, Value: v}
	}
	return []batch.Record{
		r(s, full(1, "one", &batch.StructValue{Schema: inner, Vals: []any{int8(4)}})),
		r(s, full(2, nil, nil)),
		r(nil, obj("a", int64(1), "b", "x")),
		r(nil, nil),
		r(nil, obj("b", nil, "c", []any{int64(1)})),
		r(nil, int64(4)),
		r(batch.OptionalStringSchema, nil),
		r(batch.Int32Schema, "not a number"),
		r(nil, big.NewInt(5)),
		r(s, full(-3, "three", nil)),
	}
}

func TestLoadReadsBack(t *testing.T) {
	nothing := func() (func(*batch.Batch) error, error) { return func(*batch.Batch) error { return nil }, nil }
	var want []batchtest.Outcome
	for _, r := range rows() {
		want = append(want, batchtest.Kept(r))
	}
	batchtest.Run(t, nothing, rows(), true, want)
}

func TestFailAndDropAreOutcomes(t *testing.T) {
	in := rows()[:3]
	stage := func() (func(*batch.Batch) error, error) {
		return func(b *batch.Batch) error {
			for row := range b.N {
				switch _, v := b.ValueAt(batch.Value, row); v.(type) {
				case *batch.MapValue:
					b.Fail(row, batch.Transformation, batch.DataFault("a map"))
				case *batch.StructValue:
					if !b.IsDead(row) && v.(*batch.StructValue).Get("i") == int32(2) {
						b.Drop(row)
					}
				}
			}
			return nil
		}, nil
	}
	batchtest.Run(t, stage, in, true, []batchtest.Outcome{batchtest.Kept(in[0]), batchtest.Dropped(), batchtest.Failed(batch.DataException, "a map")})
}

func TestBigIntBytesAreJavas(t *testing.T) {
	f := func(text string, want ...byte) {
		t.Helper()
		n, _ := new(big.Int).SetString(text, 10)
		got := batch.BigIntBytes(nil, n)
		if string(got) != string(want) {
			t.Errorf("%s: %x, want %x", text, got, want)
		}
		if back := batch.BigIntFromBytes(got); back.Cmp(n) != 0 {
			t.Errorf("%s reads back as %s", text, back)
		}
	}
	f("0", 0)
	f("1", 1)
	f("127", 0x7f)
	f("128", 0, 0x80)
	f("-1", 0xff)
	f("-128", 0x80)
	f("-129", 0xff, 0x7f)
	f("256", 1, 0)
	f("-256", 0xff, 0)
}

func TestPoolIsTheBackpressure(t *testing.T) {
	p := batch.NewPool(1)
	b, err := p.Take(t.Context())
	if err != nil || p.Free() != 0 {
		t.Fatal(err, p.Free())
	}
	b.Retain()
	b.Release()
	if p.Free() != 0 {
		t.Error("a retained batch went back to the pool")
	}
	b.Release()
	if p.Free() != 1 {
		t.Error("a released batch did not go back to the pool")
	}
	defer func() {
		if recover() == nil {
			t.Error("a second release went unnoticed")
		}
	}()
	b.Release()
}

func TestClassAndTrace(t *testing.T) {
	inner := &batch.Fault{Class: "java.lang.NumberFormatException", Message: `For input string: "x"`}
	err := &batch.Fault{Class: batch.DataException, Message: "bad", Cause: inner}
	if got, want := batch.Trace(err), "org.apache.kafka.connect.errors.DataException: bad\nCaused by: java.lang.NumberFormatException: For input string: \"x\"\n"; got != want {
		t.Errorf("got %q want %q", got, want)
	}
	if !batch.IsRetriable(batch.Retriable(errors.New("x"))) || batch.IsRetriable(err) {
		t.Error("retriable is told wrongly")
	}
}
