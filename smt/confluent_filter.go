// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

func init() {
	RegisterKeyAndValue(confluentPrefix+"Filter", confluentFilterConfig, newConfluentFilter)
}

const (
	filterCondition = "filter.condition"
	filterType      = "filter.type"
	filterMissing   = "missing.or.null.behavior"
)

var confluentFilterConfig = config.Def{
	config.String(filterCondition).Required().High().Validate(config.ValidatorFunc{Text: "JSON path", Check: checkJSONPath}).
		Doc("A JSON path. A record matches when the path leads to something, e.g. $.key[?(@.name == 'value')]."),
	config.String(filterType).Required().High().In("include", "exclude").
		Doc("Whether to keep the records that match (include) or to drop them (exclude)."),
	config.String(filterMissing).Default("fail").In("fail", "include", "exclude").
		Doc("What becomes of records that lack a field of the path, or have null there: fail, include or exclude them."),
}

func checkJSONPath(key string, value any) error {
	text, _ := value.(string)
	if _, fault := parseJSONPath(text); text == "" || fault != "" {
		if fault == "" {
			fault = "must be a JSON path, e.g. $[?(@.op == 'u')]"
		}
		return config.Invalid(key, value, fault)
	}
	return nil
}

// ConfluentFilter keeps or drops records by a JSON path (io.confluent.connect.transforms.Filter).
type ConfluentFilter struct {
	side    batch.Side
	text    string
	path    *jsonPathExpr
	include bool
	missing string
}

func newConfluentFilter(v config.Values, side batch.Side) (Transform, error) {
	path, fault := parseJSONPath(v.String(filterCondition))
	if fault != "" {
		return nil, config.Invalid(filterCondition, v.String(filterCondition), fault)
	}
	return &ConfluentFilter{
		side: side, text: v.String(filterCondition), path: path,
		include: v.String(filterType) == "include", missing: v.String(filterMissing),
	}, nil
}

// Apply drops the rows that are not wanted.
func (t *ConfluentFilter) Apply(b *batch.Batch) error {
	eachRow(b, t.side, func(v *batch.Variant, pos, row int) error {
		on, missing := t.match(b, v, pos)
		switch {
		case !missing:
			if on != t.include {
				b.Drop(row)
			}
		case t.missing == "exclude":
			b.Drop(row)
		case t.missing == "fail":
			return batch.DataFault("The " + t.side.String() + " has no field for the filter condition " + t.text + ", or it is null: " + recordText(b, row))
		}
		return nil
	})
	return nil
}

// match looks at as little of a row as the path tells.
func (t *ConfluentFilter) match(b *batch.Batch, v *batch.Variant, pos int) (on, missing bool) {
	steps := t.path.steps
	if isNullCell(b, v.Root, pos) {
		return false, true
	}
	if len(steps) > 0 && steps[0].name != "" {
		x, _, state := fieldAt(b, v, pos, steps[0].name)
		if state != fieldFound || x == nil {
			return false, true
		}
		found, missing := (&jsonPathExpr{steps[1:]}).find(x)
		return len(found) > 0, missing
	}
	found, missing := t.path.find(b.Read(v.Root, pos))
	return len(found) > 0, missing
}
