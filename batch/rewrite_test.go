// SPDX-License-Identifier: Apache-2.0

package batch_test

import (
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
)

// stageOver makes a stage that calls f for every variant of the value that is not frozen, from the last to the first.
func stageOver(f func(b *batch.Batch, p *batch.Payload, k int)) func() (func(*batch.Batch) error, error) {
	return func() (func(*batch.Batch) error, error) {
		return func(b *batch.Batch) error {
			for k := len(b.Value.Variants) - 1; k >= 0; k-- {
				if !b.Value.Variants[k].Frozen {
					f(b, &b.Value, k)
				}
			}
			return nil
		}, nil
	}
}

func TestRewriteKeepsAndReplaces(t *testing.T) {
	fails := func(s *batch.Schema, x any) bool { return s == batch.Int32Schema || s != nil && x == nil }
	var same, texts []batchtest.Outcome
	for _, r := range rows() {
		same = append(same, batchtest.Kept(r))
		if fails(r.ValueSchema, r.Value) {
			texts = append(texts, batchtest.Failed(batch.DataException, "no"))
			continue
		}
		if r.Value != nil {
			r.ValueSchema, r.Value = batch.StringSchema, "text"
		}
		texts = append(texts, batchtest.Kept(r))
	}
	batchtest.Run(t, stageOver(func(b *batch.Batch, p *batch.Payload, k int) {
		b.Rewrite(p, k, func(_ int, s *batch.Schema, x any) (*batch.Schema, any, bool) { return s, x, true })
	}), rows(), true, same)

	batchtest.Run(t, stageOver(func(b *batch.Batch, p *batch.Payload, k int) {
		b.Rewrite(p, k, func(row int, s *batch.Schema, x any) (*batch.Schema, any, bool) {
			switch {
			case fails(s, x):
				b.Fail(row, batch.Transformation, batch.DataFault("no"))
				return nil, nil, false
			case x == nil:
				return s, x, true
			}
			return batch.StringSchema, "text", true
		})
	}), rows(), true, texts)
}

func TestSplit(t *testing.T) {
	var same []batchtest.Outcome
	for _, r := range rows() {
		same = append(same, batchtest.Kept(r))
	}
	batchtest.Run(t, stageOver(func(b *batch.Batch, p *batch.Payload, k int) {
		n := p.Variants[k].Root.N
		keep := batch.MakeBitmap(nil, n, false)
		for i := 0; i < n; i += 2 {
			keep.Set(i)
		}
		want := len(p.Variants)
		if n < 2 {
			want = -1
		}
		if got := b.Split(p, k, keep); got != want {
			t.Errorf("split of %d rows: variant %d, want %d", n, got, want)
		}
	}), rows(), true, same)
}

// TestSealForgetsTheIndex: a payload that shrinks to one variant must not keep the index of its former ones.
func TestSealForgetsTheIndex(t *testing.T) {
	b := batch.New()
	b.Load([]batch.Record{
		{Timestamp: batch.NoTimestamp, ValueSchema: batch.Int64Schema, Value: int64(1)},
		{Timestamp: batch.NoTimestamp, ValueSchema: batch.StringSchema, Value: "x"},
	}, false)
	p := &b.Value
	p.Variants = p.Variants[:0]
	k := p.Add(batch.Int64Schema, b.NewConst(batch.Int64Schema, batch.IntCell(5), 2))
	p.Assign(k, 0)
	p.Assign(k, 1)
	p.Seal(2)
	if err := b.Check(); err != nil {
		t.Fatal(err)
	}
	if _, x := b.ValueAt(batch.Value, 1); x != int64(5) {
		t.Errorf("got %v", x)
	}
	p.Which, p.Index = []uint16{0, 1}, []int32{0, 0}
	if b.Check() == nil {
		t.Error("a stale index is not noticed")
	}
}
