// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/bytedance/sonic"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
)

const timingRows = 2048

// orderText is a record of 12 fields and about 300 bytes.
func orderText(i int) string {
	return fmt.Sprintf(`{"id":%d,"customer":"customer number %d","email":"someone%d@example.com","status":"shipped","amount":%d.25,`+
		`"currency":"EUR","items":[{"sku":"A-%d","n":2},{"sku":"B-77","n":1}],"paid":true,"coupon":null,"created":%d,`+
		`"note":"leave it at the door, please","address":{"city":"Zürich","zip":"8001"}}`, i, i, i, i%900+1, i, 1700000000000+i)
}

func testJSON(tb testing.TB, settings ...string) *JSON {
	tb.Helper()
	m := map[string]string{"converter.type": "value"}
	for i := 0; i < len(settings); i += 2 {
		m[settings[i]] = settings[i+1]
	}
	v, err := kafkadefs.MustGet(kafkadefs.JSONConverter).Parse(config.NewProps(m))
	if err != nil {
		tb.Fatal(err)
	}
	j, err := newJSON(v)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

// loadRaw makes b a batch of fetched values.
func loadRaw(b *batch.Batch, rows []string) (size int64) {
	b.Reset()
	b.N = len(rows)
	for _, r := range rows {
		b.Raw.Value = append(b.Raw.Value, b.Slab.AppendText(r))
		size += int64(len(r))
	}
	b.Slab.Reserve(1 << 16)
	return size
}

func orders(n int) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = orderText(i)
	}
	return rows
}

// again makes the payload of b undecoded, so that a decoder can be timed on the same bytes.
func again(b *batch.Batch, rows []string) { loadRaw(b, rows) }

func BenchmarkJSONDecode(b *testing.B) {
	rows := orders(timingRows)
	c := testJSON(b, "schemas.enable", "false")
	bt := batch.New()
	b.SetBytes(loadRaw(bt, rows))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		again(bt, rows)
		b.StartTimer()
		if err := c.Decode(bt, batch.Value); err != nil || len(bt.Errs) > 0 {
			b.Fatal(err, bt.Errs)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*timingRows), "ns/record")
}

func BenchmarkJSONEncode(b *testing.B) {
	rows := orders(timingRows)
	c := testJSON(b, "schemas.enable", "false")
	bt := batch.New()
	b.SetBytes(loadRaw(bt, rows))
	if err := c.Decode(bt, batch.Value); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		bt.Out.Buf = bt.Out.Buf[:0]
		if err := c.Encode(bt, batch.Value); err != nil || len(bt.Errs) > 0 {
			b.Fatal(err, bt.Errs)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*timingRows), "ns/record")
}

func envelopes(n int) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"},{"type":"string","optional":true,"field":"name"},`+
			`{"type":"double","optional":true,"field":"price"},{"type":"boolean","optional":false,"field":"on"}],"optional":false,"name":"order"},`+
			`"payload":{"id":%d,"name":"customer number %d","price":%d.5,"on":true}}`, i, i, i)
	}
	return rows
}

func BenchmarkJSONDecodeSchema(b *testing.B) {
	rows := envelopes(timingRows)
	c := testJSON(b)
	bt := batch.New()
	b.SetBytes(loadRaw(bt, rows))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		again(bt, rows)
		b.StartTimer()
		if err := c.Decode(bt, batch.Value); err != nil || len(bt.Errs) > 0 {
			b.Fatal(err, bt.Errs)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*timingRows), "ns/record")
}

func BenchmarkJSONEncodeSchema(b *testing.B) {
	rows := envelopes(timingRows)
	c := testJSON(b)
	bt := batch.New()
	b.SetBytes(loadRaw(bt, rows))
	if err := c.Decode(bt, batch.Value); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		bt.Out.Buf = bt.Out.Buf[:0]
		if err := c.Encode(bt, batch.Value); err != nil || len(bt.Errs) > 0 {
			b.Fatal(err, bt.Errs)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*timingRows), "ns/record")
}

// What others take for the same record.

func BenchmarkSonicUnmarshal(b *testing.B) {
	text := []byte(orderText(7))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var m map[string]any
		if err := sonic.Unmarshal(text, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSonicValid(b *testing.B) {
	text := []byte(orderText(7))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if !sonic.Valid(text) {
			b.Fatal("invalid")
		}
	}
}

func BenchmarkStdUnmarshal(b *testing.B) {
	text := []byte(orderText(7))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDecodeDoesNotAllocate: in the steady state a batch costs no allocation, so a record costs none.
func TestDecodeDoesNotAllocate(t *testing.T) {
	f := func(name string, rows []string, settings ...string) {
		t.Helper()
		c := testJSON(t, settings...)
		bt := batch.New()
		loadRaw(bt, rows)
		if err := c.Decode(bt, batch.Value); err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(5, func() {
			loadRaw(bt, rows)
			if err := c.Decode(bt, batch.Value); err != nil {
				t.Fatal(err)
			}
		})
		if n > 0 {
			t.Errorf("%s: %v allocations per batch of %d", name, n, len(rows))
		}
	}
	f("objects", orders(512), "schemas.enable", "false")
	f("envelopes", envelopes(512))
	f("scalars", []string{`1`, `"x"`, `true`, `null`, `2.5`, `[1,2]`}, "schemas.enable", "false")
}

// TestEncodeDoesNotAllocate allows the few allocations that a batch, not a record, costs.
func TestEncodeDoesNotAllocate(t *testing.T) {
	f := func(name string, rows []string, settings ...string) {
		t.Helper()
		c := testJSON(t, settings...)
		bt := batch.New()
		loadRaw(bt, rows)
		if err := c.Decode(bt, batch.Value); err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(5, func() {
			bt.Out.Buf = bt.Out.Buf[:0]
			if err := c.Encode(bt, batch.Value); err != nil {
				t.Fatal(err)
			}
		})
		if n > 4 {
			t.Errorf("%s: %v allocations per batch of %d", name, n, len(rows))
		}
	}
	f("objects", orders(512), "schemas.enable", "false")
	f("envelopes", envelopes(512))
}
