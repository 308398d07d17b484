// SPDX-License-Identifier: Apache-2.0

package batch_test

import (
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
)

// TestReadKeepsTheOrderOfARowsText reads rows whose members come in another order than the columns.
func TestReadKeepsTheOrderOfARowsText(t *testing.T) {
	b := batch.New()
	v := b.NewColumn(nil)
	for _, text := range []string{`{"a":1,"b":2,"c":3}`, `{"c":1,"b":2,"a":3}`, `{"d":0,"b":1,"a":2}`, `{"b":1}`} {
		v.PushTag(batch.TagJSON, uint64(b.Slab.AppendText(text)))
	}
	root := b.OpenColumn(v)
	f := func(row int, want string) {
		t.Helper()
		if got := batchtest.ShowValue(b.Read(root, row)); got != want {
			t.Errorf("row %d: got %s, want %s", row, got, want)
		}
	}
	f(0, `{"a":int64(1) "b":int64(2) "c":int64(3) }`)
	f(1, `{"c":int64(1) "b":int64(2) "a":int64(3) }`)
	f(2, `{"d":int64(0) "b":int64(1) "a":int64(2) }`)
	f(3, `{"b":int64(1) }`)
	// a member that a transform has put stays where its column is
	put := b.NewColumn(nil)
	for range 4 {
		put.PushTag(batch.TagNull, 0)
	}
	root.SetKid("b", put)
	f(1, `{"c":int64(1) "b":null "a":int64(3) }`)
	f(2, `{"d":int64(0) "b":null "a":int64(2) }`)
}
