// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/registry"
)

// avroServer knows avroWide as id 1, a string as 2, and a record within itself as 3; 503 is in trouble.
func avroServer(t *testing.T) *registry.Client {
	schemas := map[string]string{"/schemas/ids/1": avroWide, "/schemas/ids/2": `"string"`,
		"/schemas/ids/3": `{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]}`}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := schemas[r.URL.Path]
		switch {
		case r.URL.Path == "/schemas/ids/503":
			w.WriteHeader(503)
		case ok:
			_ = json.NewEncoder(w).Encode(map[string]string{"schema": s})
		default:
			w.WriteHeader(404)
			_, _ = w.Write([]byte(`{"error_code":40403,"message":"Schema not found"}`))
		}
	}))
	t.Cleanup(server.Close)
	c, err := registry.Open(registry.Config{URLs: []string{server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fetchedRows(rows ...string) *batch.Batch {
	b := batch.New()
	b.N = len(rows)
	b.Topics.Set("orders")
	for _, row := range rows {
		b.Raw.Value = append(b.Raw.Value, b.Slab.Append([]byte(row)))
	}
	b.Raw.Key = b.Raw.Value
	return b
}

func TestAvroReader(t *testing.T) {
	c := NewAvroReader(AvroMapping{Meta: true}, avroServer(t), 100)
	wide := "\x00\x00\x00\x00\x01" + string(avroWideRow)
	b := fetchedRows(wide, "\x00\x00\x00\x00\x02\x02x", "\x01\x00\x00\x00\x02\x02x", "\x00\x00", "\x00\x00\x00\x00\x09x", wide[:30],
		"\x00\x00\x00\x00\x03\x00", wide, "\x00\x00\x00\x00\x02\x02y")
	b.Raw.Value = append(b.Raw.Value, batch.NullView)
	b.N++
	if err := c.Decode(b, batch.Value); err != nil {
		t.Fatal(err)
	}
	if err := b.Check(); err != nil {
		t.Fatal(err)
	}
	_, first := b.ValueAt(batch.Value, 0)
	_, again := b.ValueAt(batch.Value, 7)
	if _, y := b.ValueAt(batch.Value, 8); y != "y" || first == nil || !batch.ValueEqual(first, again) {
		t.Errorf("got %v, %v, %v", first, again, y)
	}
	if s, x := b.ValueAt(batch.Value, 9); s != nil || x != nil {
		t.Errorf("a null became %v", x)
	}
	want := []string{"Unknown magic byte!", "Unknown magic byte!", "Error retrieving Avro value schema for id 9",
		"Error deserializing Avro message for id 1", "Recursive Avro schemas are not supported: R contains itself"}
	if len(b.Errs) != len(want) {
		t.Fatalf("%d rows failed", len(b.Errs))
	}
	for i, e := range b.Errs {
		f := e.Err.(*batch.Fault)
		if f.Class != batch.DataException || f.Message != "Failed to deserialize data for topic orders to Avro: " || f.Cause.Error() != want[i] {
			t.Errorf("row %d: %s", e.Row, batch.Trace(e.Err))
		}
	}
}

func TestAvroReaderRegistryDown(t *testing.T) {
	c := NewAvroReader(AvroMapping{}, avroServer(t), 100)
	err := c.Decode(fetchedRows("\x00\x00\x00\x01\xf7x"), batch.Value)
	if err == nil || !batch.IsRetriable(err) {
		t.Errorf("got %v", err)
	}
}

func TestAvroReaderAllocations(t *testing.T) {
	c := NewAvroReader(AvroMapping{}, avroServer(t), 100)
	row := append([]byte("\x00\x00\x00\x00\x01"), avroWideRow...)
	b := batch.New()
	decode := func() {
		b.Reset()
		b.N = 200
		b.Raw.Value = b.Raw.Value[:0]
		for range b.N {
			b.Raw.Value = append(b.Raw.Value, b.Slab.Append(row))
		}
		if err := c.Decode(b, batch.Value); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		decode()
	}
	if n := testing.AllocsPerRun(20, decode); n > 2 {
		t.Errorf("%v allocations per batch", n)
	}
}
