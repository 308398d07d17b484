// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"bytes"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	RegisterKeyAndValue(aivenPrefix+"CaseTransform", aivenCaseConfig, newAivenCase)
}

const (
	aivenFieldNames = "field.names"
	caseName        = "case"
)

var aivenCaseConfig = config.Def{
	config.List(aivenFieldNames).Required().High().Doc("Names of the fields whose texts to change."),
	config.String(caseName).Required().High().In("lower", "upper").Doc("The case to change to: lower or upper."),
}

// AivenCase changes the case of texts (CaseTransform). In maps, other values become texts, and missing fields null, as
// in Aiven's.
type AivenCase struct {
	side   batch.Side
	fields []string
	upper  bool
	caser  cases.Caser
}

func newAivenCase(v config.Values, side batch.Side) (Transform, error) {
	t := &AivenCase{side: side, fields: v.List(aivenFieldNames), upper: v.String(caseName) == "upper"}
	t.caser = cases.Lower(language.Und)
	if t.upper {
		t.caser = cases.Upper(language.Und)
	}
	return t, nil
}

// append appends a text in the other case.
func (t *AivenCase) append(dst, s []byte) []byte {
	for _, c := range s {
		if c >= 0x80 {
			return append(dst, t.caser.Bytes(bytes.Clone(s))...)
		}
	}
	for _, c := range s {
		switch {
		case t.upper && 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case !t.upper && 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// Apply changes the columns, or row by row where the rows differ.
func (t *AivenCase) Apply(b *batch.Batch) error {
	b.OpenObjects(t.side)
	alignTables(b, t.side, copiedTable, t.fields...)
	p := b.Side(t.side)
	for k := len(p.Variants) - 1; k >= 0; k-- {
		v := &p.Variants[k]
		if v.Frozen || t.columns(b, v) {
			continue
		}
		rewriteRows(b, p, k, func(row int, s *batch.Schema, x any) (*batch.Schema, any, error) {
			return t.row(b, row, s, x)
		})
	}
	return nil
}

func (t *AivenCase) columns(b *batch.Batch, v *batch.Variant) bool {
	root := v.Root
	if root.Kind != batch.KindStruct && root.Kind != batch.KindObject || hasNulls(root, nil) {
		return false
	}
	typed := root.Kind == batch.KindStruct
	if typed && !sound(root, true) {
		return false
	}
	out := b.NewVec()
	out.Kind, out.Schema, out.N = root.Kind, root.Schema, root.N
	if typed {
		for _, kid := range root.Kids {
			out.Kids = append(out.Kids, filled(b, kid, kid.Schema))
		}
	} else {
		copyKeys(b, out, root, copiedTable)
	}
	for _, name := range t.fields {
		kid, i := out.Kid(name)
		switch {
		case i < 0 && typed, typed && kid.Schema.Type != batch.String:
			continue
		case i < 0:
			out.SetKid(name, b.NewConstDyn(batch.TagNull, 0, out.N))
			continue
		}
		edited := editStrings(b, kid, t.append)
		if edited == nil {
			return false
		}
		if edited.Kind == batch.KindDyn {
			missingToNull(edited)
		}
		out.Kids[i] = edited
	}
	v.Root = out
	return true
}

func (t *AivenCase) row(b *batch.Batch, row int, s *batch.Schema, x any) (*batch.Schema, any, error) {
	switch y := x.(type) {
	case nil:
		return nil, nil, batch.DataFault(t.side.String() + " Value can't be null: " + recordText(b, row))
	case *batch.StructValue:
		out, err := copyStruct(y, y.Schema)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range t.fields {
			if i := y.Schema.Field(name); i >= 0 {
				if text, ok := out.Vals[i].(string); ok {
					out.Vals[i] = string(t.append(nil, []byte(text)))
				}
			}
		}
		return y.Schema, out, nil
	case *batch.MapValue:
		out := copyMap(y)
		for _, name := range t.fields {
			old, _ := out.Get(name)
			if old != nil {
				old = string(t.append(nil, values.AppendString(nil, old)))
			}
			out.Put(name, old)
		}
		return s, out, nil
	}
	return nil, nil, batch.DataFault("Value type must be STRUCT or MAP: " + recordText(b, row))
}

// copyStruct puts the fields of v, defaults for nulls, into a new struct whose schema starts with the same fields.
func copyStruct(v *batch.StructValue, s *batch.Schema) (*batch.StructValue, error) {
	out := newStruct(s)
	for _, f := range v.Schema.Fields {
		if err := putField(out, f.Name, v.Get(f.Name)); err != nil {
			return nil, err
		}
	}
	return out, nil
}
