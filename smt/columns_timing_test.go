// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"testing"

	"github.com/penstock-io/penstock/batch"
)

// Sink keeps the compiler from removing what the benchmarks measure.
var Sink int

// benchmarkField runs a transform over batches of 1024 rows of undecoded text; the time includes filling the columns,
// which BenchmarkFillOnly measures alone.
func benchmarkField(bench *testing.B, class string, kv ...string) {
	const rows = 1024
	names := []string{"id", "name", "ts", "note", "in"}
	b := batch.New()
	var tr Transform
	if class != "" {
		conf := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			conf[kv[i]] = kv[i+1]
		}
		tr = transformOf(bench, "org.apache.kafka.connect.transforms."+class+"$Value", conf)
	}
	bench.ReportAllocs()
	for bench.Loop() {
		b.Reset()
		b.N = rows
		root := b.NewVec()
		root.Kind, root.N = batch.KindObject, rows
		for _, name := range names {
			kid := b.NewVec()
			kid.Kind, kid.Tag, kid.N = batch.KindDyn, batch.TagJSON, rows
			cell := sampleCell(b, name)
			for range rows {
				kid.W = append(kid.W, cell)
			}
			root.Names = append(root.Names, name)
			root.Kids = append(root.Kids, kid)
		}
		b.Value.Set(nil, root)
		if tr == nil {
			continue
		}
		if err := tr.Apply(b); err != nil || len(b.Errs) > 0 {
			bench.Fatal(err, b.Errs)
		}
	}
	Sink += b.Slab.Len()
	bench.ReportMetric(float64(bench.Elapsed().Nanoseconds())/float64(bench.N)/rows, "ns/row")
}

func BenchmarkFillOnly(b *testing.B) { benchmarkField(b, "") }

func BenchmarkReplaceField(b *testing.B) {
	benchmarkField(b, "ReplaceField", "renames", "id:ID,name:NAME", "exclude", "note")
}

func BenchmarkMaskField(b *testing.B) {
	benchmarkField(b, "MaskField", "fields", "name", "replacement", "***")
}

func BenchmarkMaskFieldZero(b *testing.B) { benchmarkField(b, "MaskField", "fields", "id,in") }

func BenchmarkCastToString(b *testing.B) { benchmarkField(b, "Cast", "spec", "id:string") }

func BenchmarkCastToFloat64(b *testing.B) { benchmarkField(b, "Cast", "spec", "ts:float64") }

func BenchmarkTimestampToString(b *testing.B) {
	benchmarkField(b, "TimestampConverter", "field", "ts", "target.type", "string", "format", "yyyy-MM-dd'T'HH:mm:ss.SSS")
}

func BenchmarkTimestampToTimestamp(b *testing.B) {
	benchmarkField(b, "TimestampConverter", "field", "ts", "target.type", "Timestamp")
}

func BenchmarkFlatten(b *testing.B) { benchmarkField(b, "Flatten") }
