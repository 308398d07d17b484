// SPDX-License-Identifier: Apache-2.0

package batch_test

import (
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
)

func TestOpenColumn(t *testing.T) {
	b := batch.New()
	v := b.NewColumn(nil)
	push := func(tag batch.Tag, text string) { v.PushTag(tag, uint64(b.Slab.AppendText(text))) }
	push(batch.TagJSON, `{"a":1,"b":{"c":[2]}}`)
	push(batch.TagJSON, `"{"`)
	push(batch.TagJSONObject, `{ "b" : null , "a" : "x", "a" : "y" }`)
	v.PushTag(batch.TagMissing, 0)
	m := &batch.MapValue{}
	m.Put("z", int8(4))
	v.PushTag(batch.TagBoxed, b.Box(m))
	v.PushTag(batch.TagBoxed, b.Box(&batch.MapValue{Entries: []batch.Entry{{Key: int8(1), Value: "no string"}}}))
	push(batch.TagJSON, `{}`)

	root := b.OpenColumn(v)
	b.N = v.N
	b.Value.Set(nil, root)
	if err := b.Check(); err != nil {
		t.Fatal(err)
	}
	want := []string{`{"a":int64(1) "b":{"c":[int64(2) ] } }`, `{}`, `{"b":null "a":"y" }`, `{}`, `{"z":int8(4) }`, `{}`, `{}`}
	for i, w := range want {
		if got := batchtest.ShowValue(b.Read(root, i)); got != w {
			t.Errorf("row %d: got %s, want %s", i, got, w)
		}
		if is := i == 0 || i == 2 || i == 4 || i == 6; b.IsMap(v, i) != is {
			t.Errorf("row %d: IsMap is %v", i, !is)
		}
	}
}
