// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math/big"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/regex"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	Register(aivenPrefix+"TombstoneHandler", Plugin{Def: aivenTombstoneConfig, New: func(v config.Values) (Transform, error) {
		return &TombstoneHandler{fail: strings.EqualFold(v.String(tombstoneBehavior), "fail")}, nil
	}})
	Register(aivenPrefix+"MakeTombstone", Plugin{Def: config.Def{}, New: func(config.Values) (Transform, error) { return MakeTombstone{}, nil }})
	RegisterKeyAndValue(aivenPrefix+"FilterByFieldValue", filterByValueConfig, newFilterByFieldValue)
}

const tombstoneBehavior = "behavior"

var aivenTombstoneConfig = config.Def{
	config.String(tombstoneBehavior).Required().Validate(config.ValidatorFunc{Text: "drop_silent, drop_warn, fail", Check: checkTombstoneBehavior}).
		Doc("What becomes of tombstones: drop_silent and drop_warn drop them, fail fails them."),
}

func checkTombstoneBehavior(key string, value any) error {
	s, _ := value.(string)
	switch strings.ToLower(s) {
	case "drop_silent", "drop_warn", "fail":
		return nil
	case "":
		return config.Invalid(key, value, "String must be non-empty")
	}
	return config.Invalid(key, value, "Unsupported behavior name: "+s+". Supported are: drop_silent,drop_warn,fail")
}

// TombstoneHandler drops or fails records without a value (those of Aiven and of Confluent).
type TombstoneHandler struct{ fail bool }

// Apply looks at the nulls of the values.
func (t *TombstoneHandler) Apply(b *batch.Batch) error {
	eachRow(b, batch.Value, func(v *batch.Variant, pos, row int) error {
		switch {
		case !isNullCell(b, v.Root, pos):
			return nil
		case t.fail:
			return batch.DataFault("Tombstone record encountered, failing due to configured 'fail' behavior")
		}
		b.Drop(row)
		return nil
	})
	return nil
}

// MakeTombstone takes values and their schemas away.
type MakeTombstone struct{}

// Apply replaces the columns of the values.
func (MakeTombstone) Apply(b *batch.Batch) error {
	for k := range b.Value.Variants {
		if v := &b.Value.Variants[k]; !v.Frozen {
			v.Schema, v.Root = nil, b.NewConstDyn(batch.TagNull, 0, v.Root.N)
		}
	}
	return nil
}

const (
	filterValue   = "field.value"
	filterPattern = "field.value.pattern"
	filterMatches = "field.value.matches"
)

var filterByValueConfig = config.Def{
	config.String(aivenFieldName).Default(nil).High().Doc("Name of the field to look at. Null or empty: the whole key or value."),
	config.String(filterValue).Default(nil).High().Doc("The value to match. Either this or a pattern."),
	config.String(filterPattern).Default(nil).High().Validate(optionalRegex).Doc("A regular expression to find in the value. Either this or a value."),
	config.Bool(filterMatches).Default(true).Doc("Whether to keep the records that match, or those that do not."),
}

// FilterByFieldValue keeps records by the value of a field. Unlike Aiven's, it compares numbers whatever their types,
// and looks at a whole key or value under a schema, too.
type FilterByFieldValue struct {
	side     batch.Side
	field    string
	expected string
	number   *big.Rat // expected as a number
	pattern  *regex.Regex
	matches  bool
}

func newFilterByFieldValue(v config.Values, side batch.Side) (Transform, error) {
	t := &FilterByFieldValue{side: side, field: v.String(aivenFieldName), expected: v.String(filterValue), matches: v.Bool(filterMatches)}
	pattern := v.String(filterPattern)
	if v.IsNull(filterValue) == (pattern == "") {
		return nil, config.Plain("", "Either field.value or field.value.pattern have to be set to apply filter transform")
	}
	if pattern != "" {
		var err error
		if t.pattern, err = regex.Compile(pattern); err != nil {
			return nil, config.Invalid(filterPattern, pattern, err.Error())
		}
		return t, nil
	}
	if typed := values.Parse(t.expected); typed != nil {
		t.number = numberOf(typed.Value)
	}
	return t, nil
}

// Apply drops the rows that are not wanted. Rows whose key or value is null pass.
func (t *FilterByFieldValue) Apply(b *batch.Batch) error {
	eachRow(b, t.side, func(v *batch.Variant, pos, row int) error {
		if isNullCell(b, v.Root, pos) {
			return nil
		}
		var x any
		if t.field == "" {
			x = b.Read(v.Root, pos)
		} else {
			var state fieldState
			x, _, state = fieldAt(b, v, pos, t.field)
			switch {
			case state == fieldNoType:
				return values.CastFault(b.Read(v.Root, pos), t.container(v))
			case state == fieldNone && v.Schema != nil:
				return batch.NewFault(batch.NullPointerException,
					`Cannot invoke "org.apache.kafka.connect.data.Field.index()" because "field" is null`)
			}
		}
		on, err := t.match(x)
		if err == nil && on != t.matches {
			b.Drop(row)
		}
		return err
	})
	return nil
}

func (t *FilterByFieldValue) container(v *batch.Variant) string {
	if v.Schema == nil {
		return "java.util.Map"
	}
	return "org.apache.kafka.connect.data.Struct"
}

func (t *FilterByFieldValue) match(x any) (bool, error) {
	switch {
	case x == nil:
		return false, nil
	case t.pattern != nil:
		s, err := values.ToString(x)
		if err != nil {
			return false, asFault(err)
		}
		on, err := t.pattern.Find(s.(string))
		if err != nil {
			return false, asFault(err)
		}
		return on, nil
	}
	switch y := x.(type) {
	case string:
		return y == t.expected, nil
	case bool:
		return strings.EqualFold(t.expected, values.String(y)), nil
	}
	n := numberOf(x)
	return n != nil && t.number != nil && n.Cmp(t.number) == 0, nil
}

// numberOf is a number of any class, nil for other values.
func numberOf(x any) *big.Rat {
	switch y := x.(type) {
	case int8:
		return big.NewRat(int64(y), 1)
	case int16:
		return big.NewRat(int64(y), 1)
	case int32:
		return big.NewRat(int64(y), 1)
	case int64:
		return big.NewRat(y, 1)
	case float32:
		return new(big.Rat).SetFloat64(float64(y))
	case float64:
		return new(big.Rat).SetFloat64(y)
	case *big.Int:
		return new(big.Rat).SetInt(y)
	case batch.Decimal:
		if y.Scale < -maxFilterScale || y.Scale > maxFilterScale {
			return nil
		}
		pow := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(y.Scale, -y.Scale))), nil)
		if y.Scale >= 0 {
			return new(big.Rat).SetFrac(y.Unscaled, pow)
		}
		return new(big.Rat).SetInt(pow.Mul(pow, y.Unscaled))
	}
	return nil
}

// maxFilterScale bounds the work that comparing one decimal may be.
const maxFilterScale = 10_000
