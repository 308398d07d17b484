// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math/big"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	RegisterKeyAndValue("org.apache.kafka.connect.transforms.MaskField", maskFieldConfig, newMaskField)
}

var maskFieldConfig = config.Def{
	config.List("fields").Required().High().Validate(config.ValidList{}).Doc("Names of the fields to mask."),
	config.String("replacement").Default(nil).Low().NonEmpty().
		Doc("What the fields become instead of null, zero or empty: converted to each field's own type (numbers and strings only)."),
	defaultForNullKey(),
}

// MaskField replaces fields with the zero of their type, or with a replacement converted to it. A null stays null, and
// a key that a map lacks appears as null. Nulls as whole values are refused: Kafka's does not skip tombstones.
//
// What a field becomes depends on its type alone, so a column without nulls turns into a constant.
type MaskField struct {
	side        batch.Side
	fields      []string // in the order of a Java HashSet, which decides what fails first
	masked      map[string]bool
	replacement *string
	fill        bool
	byTag       [batch.TagBoxed + 1]maskResult
	plans       schemaCache[*maskPlan]
}

// maskResult is what a value of one Java class becomes.
type maskResult struct {
	known bool
	value any
	err   error
}

// maskPlan says what to do with the fields of one schema.
type maskPlan struct {
	fields []int // to mask
	slow   bool  // some field has no constant form
}

func newMaskField(v config.Values, side batch.Side) (Transform, error) {
	t := &MaskField{side: side, masked: setOf(v.List("fields")), fill: v.Bool(defaultForNull)}
	if !v.IsNull("replacement") {
		r := v.String("replacement")
		t.replacement = &r
	}
	fields := v.List("fields")
	room := max(len(fields)*4/3+1, 16) // as new HashSet<>(list) makes its table
	for _, i := range text.AppendHashOrder(nil, fields, room) {
		t.fields = append(t.fields, fields[i])
	}
	return t, nil
}

// Apply masks whole columns.
func (t *MaskField) Apply(b *batch.Batch) error {
	b.OpenObjects(t.side)
	alignTables(b, t.side, copiedTable, t.fields...)
	applySide(b, t.side, func(p *batch.Payload, k int) bool {
		switch v := &p.Variants[k]; v.Root.Kind {
		case batch.KindStruct:
			return t.structColumns(b, v)
		case batch.KindObject:
			return t.objectColumns(b, v)
		}
		return false
	}, t.row)
	return nil
}

func (t *MaskField) row(s *batch.Schema, x any) (*batch.Schema, any, error) {
	if s == nil {
		m, err := requireMap(x, "mask fields")
		if err != nil {
			return nil, nil, err
		}
		out := copyMap(m)
		for _, f := range t.fields {
			old, _ := m.Get(f)
			v, err := t.mask(old)
			if err != nil {
				return nil, nil, err
			}
			out.Put(f, v)
		}
		return nil, out, nil
	}
	v, err := requireStruct(x, "mask fields")
	if err != nil {
		return nil, nil, err
	}
	out := newStruct(v.Schema)
	for _, f := range v.Schema.Fields {
		x, err := getField(v, f.Name, t.fill)
		if err == nil && t.masked[f.Name] {
			x, err = t.mask(x)
		}
		if err == nil {
			err = putField(out, f.Name, x)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return s, out, nil
}

// mask is what a value becomes.
func (t *MaskField) mask(x any) (any, error) {
	if x == nil {
		return nil, nil
	}
	if t.replacement == nil {
		return zeroOf(x)
	}
	return replaceBy(*t.replacement, x)
}

// zeroOf is MaskField.maskWithNullValue.
func zeroOf(x any) (any, error) {
	switch x.(type) {
	case bool:
		return false, nil
	case int8:
		return int8(0), nil
	case int16:
		return int16(0), nil
	case int32:
		return int32(0), nil
	case int64:
		return int64(0), nil
	case float32:
		return float32(0), nil
	case float64:
		return float64(0), nil
	case *big.Int:
		return new(big.Int), nil
	case batch.Decimal:
		return batch.Decimal{Unscaled: new(big.Int)}, nil
	case batch.Date:
		return batch.Date(0), nil
	case string:
		return "", nil
	case []any:
		return []any{}, nil
	case *batch.MapValue:
		return &batch.MapValue{}, nil
	}
	return nil, batch.DataFault("Cannot mask value of type: class " + values.ClassName(x))
}

// replaceBy is MaskField.maskWithCustomReplacement: r as a value of x's class. Numbers go through BigDecimal, so that
// 1.5 is a good replacement for an integer, and through the low bits of a long, so that 300 is one for a byte.
func replaceBy(r string, x any) (any, error) {
	switch x.(type) {
	case string:
		return r, nil
	case *big.Int:
		n, err := number.ParseBigInteger(r)
		if err != nil {
			return nil, maskNumberFault(r, "to number", err)
		}
		return n, nil
	case int8, int16, int32, int64, float32, float64, batch.Decimal:
	default:
		return nil, batch.DataFault("Cannot mask value of type class " + values.ClassName(x) + " with custom replacement.")
	}
	d, err := number.ParseDecimal(r)
	if err != nil {
		into := "to a number"
		if _, ok := x.(batch.Decimal); ok {
			into = "to number"
		}
		return nil, maskNumberFault(r, into, err)
	}
	switch x.(type) {
	case int8:
		return int8(d.Int64()), nil
	case int16:
		return int16(d.Int64()), nil
	case int32:
		return int32(d.Int64()), nil
	case int64:
		return d.Int64(), nil
	case float32:
		return float32(d.Float64()), nil
	case float64:
		return d.Float64(), nil
	}
	if d.Unscaled == nil {
		d.Unscaled = new(big.Int)
	}
	return batch.Decimal{Unscaled: d.Unscaled, Scale: d.Scale}, nil
}

func maskNumberFault(r, into string, err error) error {
	return &batch.Fault{
		Class: batch.DataException, Message: "Unable to convert " + r + " (class java.lang.String) " + into,
		Cause: batch.NewFault(batch.NumberFormatException, err.Error()),
	}
}
