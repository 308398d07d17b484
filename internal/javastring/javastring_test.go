// SPDX-License-Identifier: Apache-2.0

package javastring

import (
	"math/big"
	"testing"

	"github.com/penstock-io/penstock/batch"
)

// What Java prints (Java 17, UTC).
func TestDate(t *testing.T) {
	f := func(ms int64, want string) {
		t.Helper()
		if got := Of(batch.Date(ms)); got != want {
			t.Errorf("%d: got %s, want %s", ms, got, want)
		}
	}
	f(0, "Thu Jan 01 00:00:00 UTC 1970")
	f(-1, "Wed Dec 31 23:59:59 UTC 1969")
	f(1700000000123, "Tue Nov 14 22:13:20 UTC 2023")
	f(-12219292800000, "Fri Oct 15 00:00:00 UTC 1582")
	f(-12219292800001, "Thu Oct 04 23:59:59 UTC 1582")
	f(-62135596800000, "Mon Jan 03 00:00:00 UTC 1")
	f(-62135769600001, "Fri Dec 31 23:59:59 UTC 1")
	f(-62200000000000, "Thu Dec 19 14:13:20 UTC 3")
	f(-99999999999999, "Thu Feb 26 14:13:20 UTC 1200")
	f(253402300800000, "Sat Jan 01 00:00:00 UTC 10000")
	f(999999999999999, "Fri Sep 27 01:46:39 UTC 33658")
	f(-30610224000000, "Wed Dec 27 00:00:00 UTC 999")
	f(-4611686018427387904, "Tue Jun 11 08:23:32 UTC 146133543")
	f(-58979923200000, "Sat Jan 02 00:00:00 UTC 101")
}

func TestAppend(t *testing.T) {
	f := func(x any, want, inOrder string) {
		t.Helper()
		if got := Of(x); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := string(AppendInOrder(nil, x)); got != inOrder {
			t.Errorf("in order: got %s, want %s", got, inOrder)
		}
	}
	same := func(x any, want string) {
		t.Helper()
		f(x, want, want)
	}
	same(nil, "null")
	same("a", "a")
	same(true, "true")
	same(int8(-1), "-1")
	same(1e10, "1.0E10")
	same(float32(1.5), "1.5")
	same([]byte{1, 2}, "[B@0")
	same(batch.ByteBuffer{1, 2}, "java.nio.HeapByteBuffer[pos=0 lim=2 cap=2]")
	same(batch.Decimal{Unscaled: big.NewInt(5), Scale: 9}, "5E-9")
	same(big.NewInt(7), "7")
	same([]any{int64(1), nil, "x"}, "[1, null, x]")
	entries := []batch.Entry{{Key: "b", Value: "x"}, {Key: "apple", Value: nil}, {Key: "zebra", Value: int64(1)}}
	f(&batch.MapValue{Entries: entries}, "{zebra=1, apple=null, b=x}", "{b=x, apple=null, zebra=1}")
	same(&batch.MapValue{Entries: entries, Hash: true}, "{zebra=1, apple=null, b=x}")
	same(&batch.MapValue{Entries: []batch.Entry{{Key: int32(2), Value: "b"}, {Key: int32(1), Value: "a"}}}, "{2=b, 1=a}")
	s := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "a", Schema: batch.Int64Schema}, {Name: "b", Schema: batch.OptionalStringSchema}, {Name: "c", Schema: batch.OptionalStringSchema},
	}})
	same(&batch.StructValue{Schema: s, Vals: []any{int64(1), nil, "x"}}, "Struct{a=1,c=x}")
}

func TestSchema(t *testing.T) {
	name := "x.Y"
	for want, s := range map[string]*batch.Schema{
		"null": nil, "Schema{INT64}": batch.Int64Schema, "Schema{x.Y:STRING}": batch.NewSchema(batch.Schema{Type: batch.String, Name: &name}),
	} {
		if got := Schema(s); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
