// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math/big"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/text"
)

func testConverter(t *testing.T, class string) Converter {
	t.Helper()
	p, _, ok := Registry.Lookup(class)
	if !ok {
		t.Fatalf("no %s", class)
	}
	v, err := p.Def.Parse(config.NewProps(map[string]string{"converter.type": "value"}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.New(v, batch.Value)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// encoded gives the bytes of all rows: "<null>", "!class" of an error, or the text.
func encoded(t *testing.T, c Converter, rows []batch.Record, dead int) []string {
	t.Helper()
	b := batch.New()
	b.Load(rows, false)
	if dead >= 0 {
		b.Drop(dead)
	}
	if err := c.Encode(b, batch.Value); err != nil {
		t.Fatal(err)
	}
	var out []string
	for row := range rows {
		switch err := failure(b, row); {
		case err != nil:
			out = append(out, "!"+err.Error())
		case b.Out.Value[row].IsNull():
			out = append(out, "<null>")
		default:
			out = append(out, string(b.Encoded(batch.Value, row)))
		}
	}
	return out
}

// TestStringEncodesAnything takes rows of all column forms at once, alone, and with a dead one among them.
func TestStringEncodesAnything(t *testing.T) {
	rows := schemaRows()[3:]
	rows = append(rows, batch.Record{Value: big.NewInt(7)}, batch.Record{ValueSchema: batch.StringSchema, Value: text.FromUTF16([]uint16{0xD800, 'a'})})
	want := []string{"-5", "<null>", "text", "{a=1, b=[x, null]}", "<null>", "4", "loose", "", "7", "?a"}
	c := testConverter(t, "StringConverter")
	check := func(got, want []string) {
		t.Helper()
		for i := range want {
			if want[i] != "" && got[i] != want[i] {
				t.Errorf("row %d: got %q, want %q", i, got[i], want[i])
			}
		}
	}
	check(encoded(t, c, rows, -1), want)
	for i := range rows {
		check(encoded(t, c, rows[i:i+1], -1), want[i:i+1])
	}
	if got := encoded(t, c, rows, 2); got[2] != "<null>" || got[3] != want[3] {
		t.Errorf("with a dead row: %q", got)
	}
}

func TestFixedSizeConverters(t *testing.T) {
	f := func(class, in, want string) {
		t.Helper()
		c := testConverter(t, "org.apache.kafka.connect.converters."+class)
		b := batch.New()
		loadRaw(b, []string{in, in})
		b.Raw.Value = append(b.Raw.Value, batch.NullView)
		b.N = 3
		if err := c.Decode(b, batch.Value); err != nil || b.Check() != nil {
			t.Fatal(err, b.Check())
		}
		if want != "" {
			if err := failure(b, 1); err == nil || !strings.Contains(batch.Trace(err), want) {
				t.Errorf("%s %x: %v", class, in, err)
			}
			return
		}
		if err := c.Encode(b, batch.Value); err != nil || len(b.Errs) > 0 {
			t.Fatal(err, b.Errs)
		}
		if got := string(b.Encoded(batch.Value, 1)); got != in || !b.Out.Value[2].IsNull() {
			t.Errorf("%s: %x came back as %x", class, in, got)
		}
	}
	f("ShortConverter", "\xff\xfe", "")
	f("IntegerConverter", "\xff\x00\x00\x01", "")
	f("LongConverter", "\x80\x00\x00\x00\x00\x00\x00\x01", "")
	f("FloatConverter", "\x3f\xc0\x00\x00", "")
	f("DoubleConverter", "\xbf\xf8\x00\x00\x00\x00\x00\x00", "")
	f("BooleanConverter", "\x01", "")
	f("ByteArrayConverter", "\x00anything\xff", "")
	f("LongConverter", "\x00", "Size of data received by LongDeserializer is not 8")
	f("BooleanConverter", "\x02", "Unexpected byte received by BooleanDeserializer: 2")
}

func TestHeadersPassThroughUntouched(t *testing.T) {
	p, _, _ := HeaderRegistry.Lookup("SimpleHeaderConverter")
	hc, err := p.NewHeader(config.Values{})
	if err != nil {
		t.Fatal(err)
	}
	b := batch.New()
	b.N = 2
	b.Headers.Add(0, 2, batch.Header{Key: "n", Raw: b.Slab.AppendText("17")})
	b.Headers.Add(0, 2, batch.Header{Key: "none", Raw: batch.NullView})
	raw := b.Slab.AppendText("raw")
	b.Headers.Add(1, 2, batch.Header{Key: "raw", Raw: raw})
	if err := hc.EncodeHeaders(b); err != nil || b.Headers.Of(1)[0].Raw != raw {
		t.Error("a header that was not decoded was encoded", err)
	}
	if err := hc.DecodeHeaders(b); err != nil || b.Headers.Of(0)[0].Value != int8(17) || b.Headers.Of(0)[1].Value != nil {
		t.Error(b.Headers.Of(0), err)
	}
}

// What goes out as it lies in the slab is not copied, and nothing else is taken for it.
func TestEncodeInPlace(t *testing.T) {
	f := func(class string, s *batch.Schema, inPlace bool, want string, cells ...any) {
		t.Helper()
		var rows []batch.Record
		for _, v := range cells {
			rows = append(rows, batch.Record{ValueSchema: s, Value: v})
		}
		b := batch.New()
		b.Load(rows, false)
		if err := testConverter(t, class).Encode(b, batch.Value); err != nil || len(b.Errs) > 0 {
			t.Fatal(err, b.Errs)
		}
		var got []string
		for row := range rows {
			if p := b.Encoded(batch.Value, row); p == nil {
				got = append(got, "<null>")
			} else {
				got = append(got, string(p))
			}
		}
		if strings.Join(got, ",") != want || b.Out.ValueInSlab != inPlace {
			t.Errorf("%s of %q: %q, in place %v", class, cells, got, b.Out.ValueInSlab)
		}
	}
	const bytesConverter = "org.apache.kafka.connect.converters.ByteArrayConverter"
	f("StringConverter", batch.StringSchema, true, "a,\u00e4,,c", "a", "\u00e4", "", "c")
	f("StringConverter", batch.OptionalStringSchema, true, "a,<null>,c", "a", nil, "c")
	f("StringConverter", nil, true, "a,b", "a", "b")
	f("StringConverter", nil, false, "a,1", "a", int32(1))
	f("StringConverter", batch.Int32Schema, false, "1,2", int32(1), int32(2))
	f("StringConverter", batch.StringSchema, false, "?a,\ud55c", text.FromUTF16([]uint16{0xD800, 'a'}), "\ud55c")
	f(bytesConverter, batch.OptionalBytesSchema, true, "\xed\xa0\x80,<null>,", []byte("\xed\xa0\x80"), nil, []byte{})
	f(bytesConverter, nil, true, "a,b", []byte("a"), []byte("b"))
}
