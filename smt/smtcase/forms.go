// SPDX-License-Identifier: Apache-2.0

package smtcase

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/vectors"
)

// expectation is a record of a case and what should become of it.
type expectation struct {
	in, out *vectors.Record
	want    outcome
	lazy    bool // the maps are those of the JSON converter, which makes HashMaps; the vectors' are LinkedHashMaps
}

// forms runs the stage over the record in each form of a batch.
func (e *expectation) forms(stage apply) string {
	in := e.in.Record
	for _, f := range []struct {
		name  string
		rows  []batch.Record
		at    []int // where the record is
		spare int   // a row that a predicate keeps away, -1 for none
		dead  int   // a row that was dropped before, -1 for none
	}{
		{"alone", []batch.Record{in}, []int{0}, -1, -1},
		{"among others", []batch.Record{tombstone(e.in), in, filler(e.in), in}, []int{1, 3}, -1, 2},
		{"beside a spared row", []batch.Record{in, in, in}, []int{0, 2}, 1, -1},
	} {
		b := batch.New()
		b.Load(f.rows, e.in.Sink)
		if f.dead >= 0 {
			b.Drop(f.dead)
		}
		if d := e.applyTo(b, stage, f.at, f.spare, f.rows); d != "" {
			return f.name + ": " + d
		}
	}
	return e.lazyForms(stage)
}

func (e *expectation) applyTo(b *batch.Batch, stage apply, at []int, spare int, rows []batch.Record) string {
	if spare >= 0 {
		mask := batch.MakeBitmap(nil, b.N, true)
		mask.Clear(spare)
		b.Limit(mask)
	}
	err := stage(b)
	if spare >= 0 {
		b.Unlimit()
	}
	if err != nil {
		return "fatal: " + err.Error()
	}
	if err := b.Check(); err != nil {
		return "the batch is broken: " + err.Error()
	}
	for _, row := range at {
		if d := e.diff(b, row); d != "" {
			return d
		}
	}
	if spare >= 0 && !b.RecordAt(spare).Equal(rows[spare]) {
		return "the spared row changed: " + batchtest.Show(b.RecordAt(spare))
	}
	return ""
}

// lazyForms runs the stage over the record with its maps as JSON text, which is how the JSON converter hands them on:
// one cell for the whole map, and a column of text per key.
func (e *expectation) lazyForms(stage apply) string {
	in := e.in.Record
	var key, value []byte
	if in.KeySchema == nil {
		key, _ = jsonMap(in.Key)
	}
	if in.ValueSchema == nil {
		value, _ = jsonMap(in.Value)
	}
	if key == nil && value == nil {
		return ""
	}
	e.lazy = true
	for _, open := range []bool{false, true} {
		b := batch.New()
		b.Load([]batch.Record{in, in}, e.in.Sink)
		for side, text := range map[batch.Side][]byte{batch.Key: key, batch.Value: value} {
			if text == nil {
				continue
			}
			root := b.NewColumn(nil)
			for range b.N {
				root.PushTag(batch.TagJSONObject, uint64(b.Slab.Append(text)))
			}
			b.Side(side).Set(nil, root)
			if open {
				b.OpenObjects(side)
			}
		}
		if d := e.applyTo(b, stage, []int{0, 1}, -1, nil); d != "" {
			return fmt.Sprintf("as JSON text (columns: %v): %s", open, d)
		}
	}
	return ""
}

// diff compares a row with what is expected.
func (e *expectation) diff(b *batch.Batch, row int) string {
	var got error
	for i := range b.Errs {
		if b.Errs[i].Row == row {
			got = b.Errs[i].Err
		}
	}
	if e.want.Error != nil {
		if got == nil {
			return "no error, want " + e.want.Error.String() + "\nrow is " + batchtest.Show(b.RecordAt(row))
		}
		if e.lazy {
			text := strings.ReplaceAll(got.Error(), "java.util.HashMap", "java.util.LinkedHashMap")
			text = strings.ReplaceAll(text, "[B@0", "[B@*")
			if m := e.want.Error.Message; m != nil && sameLetters(text, *m) {
				text = *m // a HashMap prints its entries in another order
			}
			got = batch.NewFault(vectors.ClassOf(got), text)
		}
		return e.want.Error.Matches(got)
	}
	switch {
	case got != nil:
		return "failed: " + vectors.ClassOf(got) + ": " + got.Error()
	case e.out == nil:
		if !b.IsDead(row) {
			return "not dropped"
		}
		return ""
	case b.IsDead(row):
		return "dropped"
	}
	if r := b.RecordAt(row); !r.Equal(e.out.Record) && !sameButHeaderStructs(r, e.out.Record) {
		return "\ngot  " + batchtest.Show(r) + "\nwant " + batchtest.Show(e.out.Record)
	}
	return ""
}

// sameLetters reports texts of the same bytes in any order.
func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return bytes.Equal(x, y)
}

// sameButHeaderStructs compares records without asking which schema the structs in headers carry themselves: that of a
// default lacks the default, and the vectors do not tell.
func sameButHeaderStructs(a, b batch.Record) bool {
	loose := func(hs []batch.Header) []batch.Header {
		out := slices.Clone(hs)
		for i, h := range out {
			if v, ok := h.Value.(*batch.StructValue); ok {
				m := &batch.MapValue{}
				for k, f := range v.Schema.Fields {
					m.Entries = append(m.Entries, batch.Entry{Key: f.Name, Value: v.Vals[k]})
				}
				out[i].Value = m
			}
		}
		return out
	}
	a.Headers, b.Headers = loose(a.Headers), loose(b.Headers)
	return a.Equal(b)
}

// filler is a row of a schema that no case uses, near enough to the record to be in one batch with it.
func filler(in *vectors.Record) batch.Record {
	s := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{{Name: "smtcase", Schema: batch.OptionalStringSchema}}})
	v := &batch.StructValue{Schema: s, Vals: []any{"filler"}}
	r := tombstone(in)
	r.KeySchema, r.Key, r.ValueSchema, r.Value = s, v, s, v
	return r
}

// tombstone is a row without key and value.
func tombstone(in *vectors.Record) batch.Record {
	return batch.Record{Topic: in.Topic, Partition: in.Partition, Offset: in.Offset, Timestamp: in.Timestamp}
}

// jsonMap is the text of a map that reads back from JSON as it is; nil and false for others.
func jsonMap(x any) ([]byte, bool) {
	m, ok := x.(*batch.MapValue)
	if !ok || !plain(m) {
		return nil, false
	}
	return appendJSON(nil, m), true
}

// plain reports a value that JSON without schemas gives: maps with string keys, lists, int64, float64, text, booleans.
func plain(x any) bool {
	switch v := x.(type) {
	case nil, bool, int64:
		return true
	case float64:
		return v == v && v-v == 0 && strings.ContainsAny(number.FormatDouble(v), ".E")
	case string:
		return utf8.ValidString(v)
	case []any:
		for _, e := range v {
			if !plain(e) {
				return false
			}
		}
		return true
	case *batch.MapValue:
		for _, e := range v.Entries {
			if k, ok := e.Key.(string); !ok || !utf8.ValidString(k) || !plain(e.Value) {
				return false
			}
		}
		return true
	}
	return false
}

func appendJSON(dst []byte, x any) []byte {
	switch v := x.(type) {
	case float64:
		return append(dst, number.FormatDouble(v)...)
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',', ' ')
			}
			dst = appendJSON(dst, e)
		}
		return append(dst, ']')
	case *batch.MapValue:
		dst = append(dst, '{')
		for i, e := range v.Entries {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendJSON(dst, e.Key), ':')
			dst = appendJSON(dst, e.Value)
		}
		return append(dst, '}')
	}
	text, err := json.Marshal(x)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return append(dst, text...)
}
