// SPDX-License-Identifier: Apache-2.0

// Package batchtest is the harness of converters, transforms and connectors: rows in, rows expected, rerun in every
// form a batch can take. Any difference between the forms is a bug.
package batchtest

import (
	"fmt"
	"testing"

	"github.com/penstock-io/penstock/batch"
)

// Outcome is what became of a row: a record, nothing (dropped), or an error.
type Outcome struct {
	Record  *batch.Record // nil: dropped, when Class is empty
	Class   string        // Java class of the error
	Message string        // checked when not empty
}

// Kept is the outcome of a row that lives on.
func Kept(r batch.Record) Outcome { return Outcome{Record: &r} }

// Dropped is the outcome of a row that was filtered.
func Dropped() Outcome { return Outcome{} }

// Failed is the outcome of a row with a data error.
func Failed(class, message string) Outcome { return Outcome{Class: class, Message: message} }

// Run applies a stage to the rows in: all at once, in batches of 1, 3 and 7, among dead rows, with rows of another schema
// in between, under a predicate that spares every second row, and through a recycled (poisoned) batch. make is called for a fresh stage
// per form. Every form must give the outcomes want.
func Run(t *testing.T, make func() (func(*batch.Batch) error, error), in []batch.Record, sink bool, want []Outcome) {
	t.Helper()
	b := batch.New()
	form := func(name string, size int, weave func([]batch.Record) ([]batch.Record, []int), limit bool) {
		t.Helper()
		apply, err := make()
		if err != nil {
			t.Fatalf("%s: cannot make the stage: %v", name, err)
		}
		for lo := 0; lo < len(in); lo += size {
			hi := min(lo+size, len(in))
			rows, at := weave(in[lo:hi])
			b.Reset()
			b.Load(rows, sink)
			mine := map[int]bool{}
			for _, row := range at {
				mine[row] = true
			}
			mask := batch.MakeBitmap(nil, b.N, true)
			for row := range rows {
				if !mine[row] && !limit {
					b.Drop(row)
				}
				if !mine[row] {
					mask.Clear(row)
				}
			}
			if limit {
				b.Limit(mask)
			}
			err := apply(b)
			if limit {
				b.Unlimit()
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := b.Check(); err != nil {
				t.Fatalf("%s: the batch is broken: %v", name, err)
			}
			for i, row := range at {
				if d := Diff(b, row, want[lo+i]); d != "" {
					t.Errorf("%s: row %d: %s", name, lo+i, d)
				}
			}
			if limit {
				for row := range rows {
					if got := b.RecordAt(row); !mine[row] && !got.Equal(rows[row]) {
						t.Errorf("%s: row %d, kept out by a predicate, changed:\ngot  %s\nwant %s", name, row, Show(got), Show(rows[row]))
					}
				}
			}
		}
	}
	plain := func(rs []batch.Record) ([]batch.Record, []int) {
		at := []int{}
		for i := range rs {
			at = append(at, i)
		}
		return rs, at
	}
	form("all at once", max(len(in), 1), plain, false)
	for _, n := range []int{1, 3, 7} {
		form(fmt.Sprintf("batches of %d", n), n, plain, false)
	}
	form("among dead rows of another schema", max(len(in), 1), woven(other()), false)
	form("among dead tombstones", max(len(in), 1), woven(batch.Record{Topic: "dead", Timestamp: batch.NoTimestamp}), false)
	if len(in) > 0 {
		form("every second row spared", max(len(in), 1), woven(in[0]), true)
		form("among rows of another schema, spared", max(len(in), 1), woven(other()), true)
	}
}

// other is a row whose schema no test uses.
func other() batch.Record {
	s := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{{Name: "batchtest", Schema: batch.OptionalStringSchema}}})
	v := &batch.StructValue{Schema: s, Vals: []any{"other"}}
	return batch.Record{Topic: "other", Timestamp: 1, KeySchema: s, Key: v, ValueSchema: s, Value: v}
}

// woven puts a filler before, between and after the rows.
func woven(filler batch.Record) func([]batch.Record) ([]batch.Record, []int) {
	return func(rs []batch.Record) ([]batch.Record, []int) {
		rows, at := []batch.Record{filler}, []int{}
		for _, r := range rs {
			at = append(at, len(rows))
			rows = append(rows, r, filler)
		}
		return rows, at
	}
}

// Diff compares one row of a batch with the outcome wanted: "" when they agree.
func Diff(b *batch.Batch, row int, want Outcome) string {
	var got *batch.RowError
	for i := range b.Errs {
		if b.Errs[i].Row == row {
			got = &b.Errs[i]
		}
	}
	switch {
	case want.Class != "":
		if got == nil {
			return fmt.Sprintf("no error, want %s: %s (row is %s)", want.Class, want.Message, Show(b.RecordAt(row)))
		}
		if class := batch.ClassOf(got.Err); class != want.Class || want.Message != "" && got.Err.Error() != want.Message {
			return fmt.Sprintf("got %s: %s\nwant %s: %s", class, got.Err.Error(), want.Class, want.Message)
		}
	case got != nil:
		return fmt.Sprintf("failed: %s: %v", batch.ClassOf(got.Err), got.Err)
	case want.Record == nil:
		if !b.IsDead(row) {
			return "not dropped: " + Show(b.RecordAt(row))
		}
	case b.IsDead(row):
		return "dropped"
	default:
		if r := b.RecordAt(row); !r.Equal(*want.Record) {
			return fmt.Sprintf("\ngot  %s\nwant %s", Show(r), Show(*want.Record))
		}
	}
	return ""
}

// Show prints a record for a test's message.
func Show(r batch.Record) string {
	return fmt.Sprintf("{%s-%d@%d ts=%d key=%s %s value=%s %s headers=%s}", r.Topic, r.Partition, r.Offset, r.Timestamp,
		ShowSchema(r.KeySchema), ShowValue(r.Key), ShowSchema(r.ValueSchema), ShowValue(r.Value), showHeaders(r.Headers))
}

func showHeaders(hs []batch.Header) string {
	s := "["
	for _, h := range hs {
		s += fmt.Sprintf(" %s:%s %s", h.Key, ShowSchema(h.Schema), ShowValue(h.Value))
	}
	return s + "]"
}

// ShowSchema prints a schema for a test's message.
func ShowSchema(s *batch.Schema) string {
	if s == nil {
		return "-"
	}
	t := s.Type.String()
	if s.Name != nil {
		t += "(" + *s.Name + ")"
	}
	if s.Version != nil {
		t += fmt.Sprintf("v%d", *s.Version)
	}
	if s.Optional {
		t += "?"
	}
	if s.HasDefault {
		t += "=" + ShowValue(s.Default)
	}
	if s.Doc != nil {
		t += fmt.Sprintf("#%q", *s.Doc)
	}
	if s.Params != nil {
		t += fmt.Sprint(s.Params)
	}
	for _, f := range s.Fields {
		t += " " + f.Name + ":" + ShowSchema(f.Schema)
	}
	if s.KeySchema != nil {
		t += "<" + ShowSchema(s.KeySchema) + ">"
	}
	if s.ValueSchema != nil {
		t += "[" + ShowSchema(s.ValueSchema) + "]"
	}
	return t
}

// ShowValue prints a value, with its type, for a test's message.
func ShowValue(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("%q", x)
	case []byte:
		return fmt.Sprintf("bytes(%x)", x)
	case batch.Decimal:
		return fmt.Sprintf("dec(%se-%d)", x.Unscaled, x.Scale)
	case []any:
		s := "["
		for _, e := range x {
			s += ShowValue(e) + " "
		}
		return s + "]"
	case *batch.MapValue:
		s := "{"
		for _, e := range x.Entries {
			s += ShowValue(e.Key) + ":" + ShowValue(e.Value) + " "
		}
		return s + "}"
	case *batch.StructValue:
		s := "Struct{"
		for i, f := range x.Schema.Fields {
			s += f.Name + ":" + ShowValue(x.Vals[i]) + " "
		}
		return s + "}"
	}
	return fmt.Sprintf("%T(%v)", v, v)
}
