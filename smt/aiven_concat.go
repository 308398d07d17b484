// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	RegisterKeyAndValue(aivenPrefix+"ConcatFields", aivenConcatConfig, newAivenConcat)
}

const (
	concatOutput    = "output.field.name"
	concatMissing   = "field.replace.missing"
	concatDelimiter = "delimiter"
)

var aivenConcatConfig = config.Def{
	config.List(aivenFieldNames).Required().High().Doc("Names of the fields to join."),
	config.String(concatOutput).Required().High().NonEmpty().Doc("Name of the field for the joined text."),
	config.String(concatMissing).Default("").High().Doc("What stands for a field that is missing or null."),
	config.String(concatDelimiter).Default("").High().Doc("What stands between the fields."),
}

// AivenConcat joins the texts of fields into a new one (ConcatFields). As Aiven's does, it gives structs a schema that
// has the fields and nothing else: no name, no version.
type AivenConcat struct {
	side               batch.Side
	fields             []string
	output             string
	missing, delimiter string
	plans              schemaCache[concatPlan]
}

type concatPlan struct {
	schema *batch.Schema
	err    error
}

func newAivenConcat(v config.Values, side batch.Side) (Transform, error) {
	return &AivenConcat{
		side: side, fields: v.List(aivenFieldNames), output: v.String(concatOutput),
		missing: v.String(concatMissing), delimiter: v.String(concatDelimiter),
	}, nil
}

func (t *AivenConcat) plan(s *batch.Schema) concatPlan {
	out := batch.Schema{Type: batch.Struct}
	for _, f := range s.Fields {
		if err := addField(&out, f.Name, f.Schema); err != nil {
			return concatPlan{err: err}
		}
	}
	if err := addField(&out, t.output, batch.OptionalStringSchema); err != nil {
		return concatPlan{err: err}
	}
	return concatPlan{schema: batch.NewSchema(out)}
}

// Apply adds the column, or works row by row where the rows differ.
func (t *AivenConcat) Apply(b *batch.Batch) error {
	b.OpenObjects(t.side)
	alignTables(b, t.side, copiedTable, t.output)
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

func (t *AivenConcat) columns(b *batch.Batch, v *batch.Variant) bool {
	root := v.Root
	if root.Kind != batch.KindStruct && root.Kind != batch.KindObject || hasNulls(root, nil) {
		return false
	}
	typed := root.Kind == batch.KindStruct
	out := b.NewVec()
	out.Kind, out.N = root.Kind, root.N
	var plan concatPlan
	if typed {
		if plan = t.plans.get(root.Schema, t.plan); plan.err != nil || !sound(root, true) {
			return false
		}
	}
	if typed {
		for _, kid := range root.Kids {
			out.Kids = append(out.Kids, filled(b, kid, kid.Schema))
		}
	} else {
		copyKeys(b, out, root, copiedTable)
	}
	joined := t.join(b, root, out)
	if typed {
		joined.Schema, out.Schema = batch.OptionalStringSchema, plan.schema
		out.Kids = append(out.Kids, joined)
		v.Schema = plan.schema
	} else {
		joined.Kind, joined.Tag = batch.KindDyn, batch.TagString
		out.SetKid(t.output, joined)
	}
	v.Root = out
	return true
}

// join makes the column of joined texts out of the kids of out, whose fields root names.
func (t *AivenConcat) join(b *batch.Batch, root, out *batch.Vec) *batch.Vec {
	var kids []*batch.Vec
	for _, name := range t.fields {
		kid, i := root.Kid(name)
		if i >= 0 {
			if root.Kind == batch.KindStruct {
				kid = out.Kids[i] // with defaults for nulls
			}
			b.Resolve(kid)
		}
		kids = append(kids, kid)
	}
	joined := b.NewVec()
	var row []byte // the slab may not be appended to while a value is read from it
	for i := range root.N {
		row = row[:0]
		for k, kid := range kids {
			if k > 0 {
				row = append(row, t.delimiter...)
			}
			row = t.appendCell(b, row, kid, i)
		}
		joined.W = append(joined.W, uint64(b.Slab.Append(row)))
	}
	joined.N = root.N
	return joined
}

func (t *AivenConcat) appendCell(b *batch.Batch, dst []byte, kid *batch.Vec, i int) []byte {
	if kid == nil || kid.IsNull(i) {
		return append(dst, t.missing...)
	}
	if kid.Kind == batch.KindDyn && kid.TagAt(i) == batch.TagString || kid.Kind == batch.KindWords && kid.Schema.Type == batch.String {
		return append(dst, b.Slab.Bytes(kid.View(i))...)
	}
	return values.AppendString(dst, b.Read(kid, i))
}

func (t *AivenConcat) row(b *batch.Batch, row int, s *batch.Schema, x any) (*batch.Schema, any, error) {
	var text []byte
	for k, name := range t.fields {
		if k > 0 {
			text = append(text, t.delimiter...)
		}
		if f, _, _ := fieldOf(x, name); f != nil {
			text = values.AppendString(text, f)
		} else {
			text = append(text, t.missing...)
		}
	}
	switch y := x.(type) {
	case nil:
		return nil, nil, batch.DataFault(t.side.String() + " Value can't be null: " + recordText(b, row))
	case *batch.StructValue:
		plan := t.plans.get(y.Schema, t.plan)
		if plan.err != nil {
			return nil, nil, plan.err
		}
		out, err := copyStruct(y, plan.schema)
		if err != nil {
			return nil, nil, err
		}
		out.Vals[len(out.Vals)-1] = string(text)
		return plan.schema, out, nil
	case *batch.MapValue:
		out := copyMap(y)
		out.Put(t.output, string(text))
		return s, out, nil
	}
	return nil, nil, batch.DataFault("Value type must be STRUCT or MAP: " + recordText(b, row))
}
