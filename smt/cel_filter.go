// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math/bits"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/regex"
)

func init() {
	for _, prefix := range []string{"io.debezium.transforms.", "io.penstock.transforms."} {
		Register(prefix+"Filter", Plugin{Def: celFilterConfig, New: newCELFilter})
	}
	Register("io.debezium.transforms.ContentBasedRouter", Plugin{Def: celRouterConfig, New: newCELRouter})
	Register("io.penstock.transforms.Router", Plugin{Def: celRouterConfig, New: newCELRouter})
}

// Keys of the expression transforms, as Debezium names them.
const (
	celCondition       = "condition"
	celTopicExpression = "topic.expression"
	celNullMode        = "null.handling.mode"
	celTopicRegex      = "topic.regex"
	celLanguage        = "language"
)

var celFilterConfig = celConfig(config.String(celCondition).Required().High().Validate(celExpression(true)).Width(config.WidthMedium).
	Display("Filtering condition").
	Doc("A condition in CEL. A record for which it is true is kept, one for which it is false is dropped."))

var celRouterConfig = celConfig(config.String(celTopicExpression).Required().High().Validate(celExpression(false)).Width(config.WidthMedium).
	Display("Topic name expression").
	Doc("An expression in CEL for the name of the topic. Where it is null, the record keeps its topic."))

func celConfig(expression *config.Key) config.Def {
	return config.Def{
		config.String(celTopicRegex).Default(nil).Low().Validate(optionalRegex).Width(config.WidthLong).Display("Topic regex").
			Doc("A regular expression for the topics that the transform works on; records of others pass. Without it, all."),
		config.String(celLanguage).Default("cel").High().Validate(validLanguage).Width(config.WidthMedium).Display("Expression language").
			Doc("The language of the expression: cel, which is the only one."),
		expression,
		config.String(celNullMode).Default("keep").Low().InAnyCase("drop", "keep", "evaluate").Width(config.WidthShort).
			Display("Handle null records").
			Doc("What becomes of records without a value: keep passes them, drop drops them, evaluate asks the expression."),
	}
}

// optionalRegex is validRegex for keys that may be empty or null.
var optionalRegex config.Validator = config.ValidatorFunc{Text: "valid regex", Check: func(key string, value any) error {
	if pattern, ok := value.(string); !ok || pattern == "" {
		return nil
	}
	return validRegex.Validate(key, value)
}}

// validLanguage takes cel, and tells users of the JVM's script engines how to write the same.
var validLanguage config.Validator = config.ValidatorFunc{Text: "[cel]", Check: func(key string, value any) error {
	name, _ := value.(string)
	if strings.EqualFold(name, "cel") {
		return nil
	}
	return config.Invalid(key, value, "only cel is supported: there is no JVM to run scripts. Set "+key+
		"=cel and write the expression in CEL. Fields, comparisons, &&, ||, ! and ?: look as they do in Groovy, e.g. "+
		"value.op == 'u' && value.before.id == 2; write has(value.x) for an existing field, "+
		"x in ['a', 'b'] for one of several values, x.startsWith('a') or x.matches('re') for text")
}}

// celExpression compiles an expression, so that a wrong one is found when the configuration is checked.
func celExpression(boolean bool) config.Validator {
	return config.ValidatorFunc{Text: "CEL expression", Check: func(key string, value any) error {
		text, ok := value.(string)
		if !ok {
			return config.Invalid(key, value, "must be a CEL expression, e.g. value.op == 'u'")
		}
		if _, err := compileCEL(text, boolean); err != nil {
			return config.Invalid(key, value, err.Error())
		}
		return nil
	}}
}

// celScope says which rows the expression is asked about.
type celScope struct {
	topics *regex.Regex    // nil: all
	seen   map[string]bool // topic -> answer
	nulls  string          // keep, drop or evaluate
	mask   batch.Bitmap    // memory of rows
}

func newCELScope(v config.Values) (celScope, error) {
	s := celScope{nulls: strings.ToLower(v.String(celNullMode))}
	if v.String(celTopicRegex) != "" {
		var err error
		if s.topics, err = regex.Compile(v.String(celTopicRegex)); err != nil {
			return s, config.Invalid(celTopicRegex, v.String(celTopicRegex), err.Error())
		}
	}
	return s, nil
}

// rows returns the live rows that the expression is asked about, and drops the tombstones that are to be dropped.
func (s *celScope) rows(b *batch.Batch) batch.Bitmap {
	s.mask = batch.MakeBitmap(s.mask, b.N, false)
	mask := s.mask
	fillBits(mask, b.N)
	if !b.AllAlive() {
		for row := range b.N {
			mask.Put(row, !b.IsDead(row))
		}
	}
	if s.topics != nil {
		for row := range b.N {
			if mask.Get(row) && !s.matches(b.Topics.At(row)) {
				mask.Clear(row)
			}
		}
	}
	if s.nulls == "evaluate" {
		return mask
	}
	for k := range b.Value.Variants {
		v := &b.Value.Variants[k]
		if !mayBeNull(v.Root) {
			continue
		}
		for pos := range v.Root.N {
			row := v.Row(pos)
			if !mask.Get(row) || !isNullCell(b, v.Root, pos) {
				continue
			}
			mask.Clear(row)
			if s.nulls == "drop" {
				b.Drop(row)
			}
		}
	}
	return mask
}

func (s *celScope) matches(topic string) bool {
	on, ok := s.seen[topic]
	if !ok {
		on, _ = s.topics.Matches(topic)
		if s.seen == nil || len(s.seen) >= maxTopicsSeen {
			s.seen = map[string]bool{}
		}
		s.seen[topic] = on
	}
	return on
}

// mayBeNull reports that a root may have null rows.
func mayBeNull(root *batch.Vec) bool { return root.Kind == batch.KindDyn || root.Valid != nil }

// isNullCell is Vec.IsNull that looks into undecoded text, too.
func isNullCell(b *batch.Batch, v *batch.Vec, i int) bool {
	if v.Kind == batch.KindDyn && v.TagAt(i) == batch.TagJSON {
		return b.Slab.Bytes(v.View(i))[0] == 'n'
	}
	return v.IsNull(i)
}

// CELFilter keeps the rows for which a condition holds (io.debezium.transforms.Filter). Comparisons of fields with
// constants run over columns; where a column does not tell, CEL evaluates the row.
type CELFilter struct {
	scope celScope
	expr  *celProgram
}

func newCELFilter(v config.Values) (Transform, error) {
	scope, err := newCELScope(v)
	if err != nil {
		return nil, err
	}
	expr, err := compileCEL(v.String(celCondition), true)
	if err != nil {
		return nil, config.Invalid(celCondition, v.String(celCondition), err.Error())
	}
	return &CELFilter{scope: scope, expr: expr}, nil
}

// UsesHeaders reports whether the condition names headers.
func (t *CELFilter) UsesHeaders() bool { return t.expr.headers }

// Apply drops the rows for which the condition is false, and fails those for which it has no answer.
func (t *CELFilter) Apply(b *batch.Batch) error {
	mask := t.scope.rows(b)
	yes, open := t.expr.test(b)
	for w := range mask {
		if yes != nil {
			mask[w] &= ^yes[w] | open[w]
		}
		for ; mask[w] != 0; mask[w] &= mask[w] - 1 {
			row := w<<6 + bits.TrailingZeros64(mask[w])
			if yes != nil && !open.Get(row) {
				b.Drop(row)
				continue
			}
			keep, err := t.expr.evalBool(b, row)
			switch {
			case err != nil:
				b.Fail(row, batch.Transformation, err)
			case !keep:
				b.Drop(row)
			}
		}
	}
	return nil
}

// CELRouter gives rows the topic that an expression names (io.debezium.transforms.ContentBasedRouter).
type CELRouter struct {
	scope celScope
	expr  *celProgram
}

func newCELRouter(v config.Values) (Transform, error) {
	scope, err := newCELScope(v)
	if err != nil {
		return nil, err
	}
	expr, err := compileCEL(v.String(celTopicExpression), false)
	if err != nil {
		return nil, config.Invalid(celTopicExpression, v.String(celTopicExpression), err.Error())
	}
	return &CELRouter{scope: scope, expr: expr}, nil
}

// UsesHeaders reports whether the expression names headers.
func (t *CELRouter) UsesHeaders() bool { return t.expr.headers }

// Apply renames the topics of the rows.
func (t *CELRouter) Apply(b *batch.Batch) error {
	mask := t.scope.rows(b)
	// All names are found before the first one changes: the expression may ask for the topic.
	names := make([]celTopic, b.N)
	if t.expr.route == nil {
		for row := range b.N {
			names[row].open = true
		}
	} else {
		t.expr.routes(b, t.expr.route, mask, names)
	}
	for row := range b.N {
		if !mask.Get(row) || !names[row].open {
			continue
		}
		topic, null, err := t.expr.evalText(b, row)
		if err != nil {
			b.Fail(row, batch.Transformation, err)
			mask.Clear(row)
			continue
		}
		names[row] = celTopic{name: topic, keep: null}
	}
	for row := range b.N {
		if mask.Get(row) && !names[row].keep {
			b.Topics.Put(row, b.N, names[row].name)
		}
	}
	return nil
}
