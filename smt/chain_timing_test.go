// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/invariants"
)

// threeTransforms renames and drops, turns a number of milliseconds into text, and masks.
var threeTransforms = map[string]string{
	"transforms":                  "names,time,mask",
	"transforms.names.type":       "org.apache.kafka.connect.transforms.ReplaceField$Value",
	"transforms.names.renames":    "id:order_id,status:state",
	"transforms.names.exclude":    "note,coupon",
	"transforms.time.type":        "org.apache.kafka.connect.transforms.TimestampConverter$Value",
	"transforms.time.field":       "created",
	"transforms.time.target.type": "string",
	"transforms.time.format":      "yyyy-MM-dd'T'HH:mm:ss.SSS",
	"transforms.mask.type":        "org.apache.kafka.connect.transforms.MaskField$Value",
	"transforms.mask.fields":      "email,customer",
	"transforms.mask.replacement": "***",
}

// benchmarkChain times decoding, the chain and encoding of a batch apart. Each figure is the fastest run: the others had
// company on their core.
func benchmarkChain(b *testing.B, conv codec.Converter, texts []string, set map[string]string) {
	chain, err := NewChain(config.NewProps(set))
	if err != nil {
		b.Fatal(err)
	}
	bt := batch.New()
	best := [3]time.Duration{time.Hour, time.Hour, time.Hour}
	for b.Loop() {
		bt.Reset()
		fillRaw(bt, texts)
		for k, work := range []func() error{
			func() error { return conv.Decode(bt, batch.Value) },
			func() error { return chain.Apply(bt) },
			func() error { return conv.Encode(bt, batch.Value) },
		} {
			start := time.Now()
			if err := work(); err != nil || len(bt.Errs) > 0 {
				b.Fatal(err, bt.Errs)
			}
			best[k] = min(best[k], time.Since(start))
		}
	}
	for k, what := range []string{"decode-ns/record", "chain-ns/record", "encode-ns/record"} {
		b.ReportMetric(float64(best[k].Nanoseconds())/float64(len(texts)), what)
	}
	b.ReportMetric(0, "ns/op")
}

// envelopeTexts are n records of typicalSchema as the converter writes them.
func envelopeTexts(tb testing.TB, n int) []string {
	b := batch.New()
	fillTypical(b, n)
	c := withSchemas(tb)
	if err := c.Encode(b, batch.Value); err != nil {
		tb.Fatal(err)
	}
	texts := make([]string, n)
	for i := range texts {
		texts[i] = string(b.Encoded(batch.Value, i))
	}
	return texts
}

func BenchmarkChain(b *testing.B) {
	jumping := typicalTexts(batch.MaxRows)
	for i := range jumping {
		jumping[i] = strings.Replace(jumping[i], `"created":1700`, fmt.Sprintf(`"created":1%d`, 600+i*37%200), 1)
	}
	b.Run("plain", func(b *testing.B) {
		benchmarkChain(b, schemaless(b, batch.Value), typicalTexts(batch.MaxRows), threeTransforms)
	})
	b.Run("jumping times", func(b *testing.B) { benchmarkChain(b, schemaless(b, batch.Value), jumping, threeTransforms) })
	b.Run("envelope", func(b *testing.B) {
		benchmarkChain(b, withSchemas(b), envelopeTexts(b, batch.MaxRows), threeTransforms)
	})
}

// wideText is a record of 40 fields, those of the transforms among them.
func wideText(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":%d,"status":"paid","note":"x","coupon":null,"created":%d,"email":"c%d@example.com","customer":"customer %d"`,
		i, 1700000000000+int64(i)*977, i, i)
	for k := 7; k < 40; k++ {
		fmt.Fprintf(&b, `,"column_%d":%d`, k, i*k)
	}
	return b.String() + "}"
}

// TestChainDoesNotAllocatePerRow: decoding, three transforms and encoding cost a batch the odd allocation at most, a record
// none, with schemas and without, narrow and wide.
func TestChainDoesNotAllocatePerRow(t *testing.T) {
	if invariants.Enabled {
		t.Skip("invariants allocate")
	}
	chain, err := NewChain(config.NewProps(threeTransforms))
	if err != nil {
		t.Fatal(err)
	}
	wide := make([]string, batch.MaxRows)
	for i := range wide {
		wide[i] = wideText(i)
	}
	f := func(what string, conv codec.Converter, texts []string) {
		t.Helper()
		b := batch.New()
		notPerRow(t, what, func(n int) {
			b.Reset()
			fillRaw(b, texts[:n])
			for _, step := range []func() error{
				func() error { return conv.Decode(b, batch.Value) },
				func() error { return chain.Apply(b) },
				func() error { return conv.Encode(b, batch.Value) },
			} {
				if err := step(); err != nil || len(b.Errs) > 0 {
					t.Fatal(err, b.Errs)
				}
			}
		})
	}
	f("without schemas", schemaless(t, batch.Value), typicalTexts(batch.MaxRows))
	f("40 fields", schemaless(t, batch.Value), wide)
	f("with schemas", withSchemas(t), envelopeTexts(t, batch.MaxRows))
}
