// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/javastring"
)

// orderCase is what Kafka's transforms made of schemaless JSON on Java 17: as text, and as JsonConverter writes it.
type orderCase struct {
	Config map[string]string
	Rows   []string
	Text   []string
	JSON   []string
}

// TestKeyOrder compares the order of keys after chains of transforms with Java's: a row alone, and beside others.
func TestKeyOrder(t *testing.T) {
	name := "testdata/key_order.jsonl"
	if other := os.Getenv("PENSTOCK_KEY_ORDER"); other != "" {
		name = other
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c orderCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		checkOrder(t, c)
		for i := range c.Rows {
			checkOrder(t, orderCase{c.Config, c.Rows[i : i+1], c.Text[i : i+1], c.JSON[i : i+1]})
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func checkOrder(t *testing.T, c orderCase) {
	t.Helper()
	chain, err := NewChain(config.NewProps(c.Config))
	if err != nil {
		t.Fatal(err)
	}
	conv := schemaless(t, batch.Value)
	b := batch.New()
	fillRaw(b, c.Rows)
	for i := range c.Rows {
		b.Offset[i], b.Timestamp[i] = 42, 1700000000000
	}
	for _, work := range []func() error{
		func() error { return conv.Decode(b, batch.Value) },
		func() error { return chain.Apply(b) },
		func() error { return conv.Encode(b, batch.Value) },
	} {
		if err := work(); err != nil || len(b.Errs) > 0 {
			t.Fatal(c.Config, err, b.Errs)
		}
	}
	for i := range c.Rows {
		_, v := b.ValueAt(batch.Value, i)
		if got := string(javastring.Append(nil, v)); got != c.Text[i] {
			t.Errorf("%v\n%s (%d of %d)\n got %s\nwant %s", c.Config, c.Rows[i], i, len(c.Rows), got, c.Text[i])
		}
		if got := string(b.Encoded(batch.Value, i)); got != c.JSON[i] {
			t.Errorf("%v\n%s (%d of %d)\n got %s\nwant %s", c.Config, c.Rows[i], i, len(c.Rows), got, c.JSON[i])
		}
	}
}
