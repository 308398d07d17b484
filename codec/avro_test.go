// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"errors"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
)

// avroWide is a record with a field of most kinds.
const avroWide = `{"type":"record","name":"R","namespace":"a.b","fields":[{"name":"i","type":"int"},{"name":"l","type":["null","long"]},
{"name":"s","type":"string"},{"name":"d","type":"double"},{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},
{"name":"m","type":{"type":"map","values":["string","null"]}},{"name":"a","type":{"type":"array","items":{"type":"array","items":"int"}}},
{"name":"x","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},{"name":"f","type":{"type":"fixed","name":"F","size":3}},
{"name":"u","type":["null","int","string","E"]},{"name":"z","type":{"type":"array","items":{"type":"record","name":"Z","fields":[]}}},
{"name":"o","type":{"type":"array","items":{"type":"record","name":"MapEntry","namespace":"io.confluent.connect.avro","fields":[
{"name":"key","type":"int"},{"name":"value","type":"string"}]}}}]}`

// avroWideRow is a row of avroWide.
var avroWideRow = []byte("\x02\x02\x08\x04ab\x00\x00\x00\x00\x00\x00\xf0\x3f\x02" + "\x04\x02k\x00\x02v\x02q\x02\x00" + "\x02\x04\x02\x04\x00\x00" +
	"\x04\x01\x00" + "abc" + "\x04\x02y" + "\x06\x00" + "\x02\x02\x02w\x00")

func TestAvroMalformed(t *testing.T) {
	f := func(schema, bytes, class string) {
		t.Helper()
		_, _, err := AvroMapping{Meta: true}.Decode([]byte(schema), []byte(bytes))
		var fault *batch.Fault
		if !errors.As(err, &fault) || fault.Class != class {
			t.Errorf("%s %q: got %v, want class %s", schema, bytes, err, class)
		}
	}
	const eof, number = "java.io.EOFException", "org.apache.avro.InvalidNumberEncodingException"
	for i := range avroWideRow {
		f(avroWide, string(avroWideRow[:i]), eof)
	}
	f(`"int"`, "\xff\xff\xff\xff\xff\x01", number)
	f(`"long"`, strings.Repeat("\xff", 11), number)
	f(`"string"`, "\x01", "org.apache.avro.AvroRuntimeException")
	f(`"string"`, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01x", eof)
	f(`["null","int"]`, "\x04", "org.apache.avro.AvroTypeException")
	f(`["null","int","string"]`, "\x01", "org.apache.avro.AvroTypeException")
	f(`{"type":"enum","name":"E","symbols":["A"]}`, "\x02", "org.apache.avro.AvroTypeException")
	f(`{"type":"array","items":"int"}`, "\xfe\xff\xff\xff\x0f", eof)
	f(`{"type":"array","items":{"type":"record","name":"Z","fields":[]}}`, "\xfe\xff\xff\xff\xff\x0f\x00", "org.apache.avro.SystemLimitException")
	f(`{"type":"bytes","logicalType":"decimal","precision":4}`, "\x00", batch.NumberFormatException)
	f(`{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]}`, "\x00", batch.DataException)
}

func TestAvroDuplicateKeys(t *testing.T) {
	_, x, err := AvroMapping{}.Decode([]byte(`{"type":"map","values":"int"}`), []byte("\x06\x02a\x02\x02b\x04\x02a\x06\x00"))
	if err != nil {
		t.Fatal(err)
	}
	want := &batch.MapValue{Entries: []batch.Entry{{Key: "a", Value: int32(3)}, {Key: "b", Value: int32(2)}}}
	if !batch.ValueEqual(x, want) {
		t.Errorf("got %v", x)
	}
}

func FuzzAvroDecode(f *testing.F) {
	f.Add([]byte(avroWide), avroWideRow)
	f.Add([]byte(`["null",{"type":"map","values":"long"}]`), []byte("\x02\x01\x04\x02a\x02\x00"))
	f.Fuzz(func(t *testing.T, schema, row []byte) {
		m := AvroMapping{Meta: true}
		s, x, err := m.Decode(schema, row)
		if err != nil {
			return
		}
		if !batch.Fits(s, x) {
			t.Errorf("%s %q: the value does not fit the schema", schema, row)
		}
	})
}

// TestAvroAllocations decodes into columns that have been used before.
func TestAvroAllocations(t *testing.T) {
	a, s, err := AvroMapping{Meta: true}.parse([]byte(avroWide))
	if err != nil {
		t.Fatal(err)
	}
	d, b := newAvroDec(s, a), batch.New()
	r := avroRow{}
	decode := func() {
		b.Reset()
		b.N = 100
		column := b.NewColumn(s)
		r.b, r.epoch = b, r.epoch+1
		for range b.N {
			v := b.Slab.Append(avroWideRow)
			r.buf, r.at = b.Slab.Buf(), v.Off()
			if err := r.value(d, column); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 5 {
		decode()
	}
	if n := testing.AllocsPerRun(20, decode); n > 0 {
		t.Errorf("%v allocations per batch", n)
	}
}
