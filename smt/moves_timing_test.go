// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"testing"

	"github.com/penstock-io/penstock/batch"
)

// benchmarkTransform times filling a batch of 2,048 rows and a transform over it. The transforms here are so much
// cheaper than the filling that stopping the clock for it would make them run for minutes: compare with BenchmarkFillStruct
// and BenchmarkFillObject.
func benchmarkTransform(b *testing.B, fill func(*batch.Batch, int), class string, pairs ...string) {
	b.Helper()
	tr := Transform(Filter{})
	if class != "" {
		tr = mustTransform(b, class, pairs...)
	}
	bt := batch.New()
	b.ReportAllocs()
	for b.Loop() {
		bt.Reset()
		fill(bt, batch.MaxRows)
		if class == "" {
			continue
		}
		if err := tr.Apply(bt); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch.MaxRows, "ns/row")
}

func BenchmarkFillStruct(b *testing.B) { benchmarkTransform(b, fillStruct, "") }

func BenchmarkFillObject(b *testing.B) { benchmarkTransform(b, fillObject, "") }

func BenchmarkInsertField(b *testing.B) {
	benchmarkTransform(b, fillStruct, insertFieldClass+"$Value", "topic.field", "t", "offset.field", "o", "timestamp.field", "ts",
		"static.field", "s", "static.value", "x")
}

func BenchmarkExtractField(b *testing.B) {
	benchmarkTransform(b, fillObject, extractFieldClass+"$Value", "field", "name")
}

func BenchmarkValueToKey(b *testing.B) {
	benchmarkTransform(b, fillStruct, valueToKeyClass, "fields", "id")
}

func BenchmarkTimestampRouter(b *testing.B) {
	benchmarkTransform(b, fillStruct, timestampRouterClass)
}

func BenchmarkRegexRouter(b *testing.B) {
	benchmarkTransform(b, fillStruct, regexRouterClass, "regex", "topic-(.*)", "replacement", "t$1")
}

func BenchmarkHeaderFrom(b *testing.B) {
	benchmarkTransform(b, fillStruct, headerFromClass+"$Value", "fields", "id", "headers", "id", "operation", "copy")
}
