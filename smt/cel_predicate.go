// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/penstock-io/penstock/batch"
)

// celPred is a condition in a form that column loops can evaluate. Every node says of each row yes, no, or that it does
// not know (which is also its word for errors); && and || pass over what is not known where the other side decides, as
// CEL passes over errors. Rows that are left open are given to CEL.
type celPred struct {
	op   celOp
	kids []*celPred // celAnd, celOr, celNot
	leaf celLeaf    // celTest
}

type celOp uint8

const (
	celTest celOp = iota
	celAnd
	celOr
	celNot
	celOpen // nothing is known: CEL must tell
)

// celLeaf is a test of one field.
type celLeaf struct {
	root   string   // value, key, topic, partition, timestamp
	steps  []string // into value or key
	test   celTestKind
	consts []celConst
}

type celTestKind uint8

const (
	celEqual celTestKind = iota
	celNotEqual
	celLess
	celLessEqual
	celGreater
	celGreaterEqual
	celIn
	celHas
	celPrefix
	celSuffix
	celContains
	celTrue // the field itself is the condition
)

// celConst is a constant of an expression.
type celConst struct {
	tag  batch.Tag // TagNull, TagBool, TagInt64, TagFloat64, TagString
	n    int64     // also 0 or 1
	f    float64
	text []byte
}

// compilePred turns a condition into column loops as far as they can tell anything; nil when they cannot.
func compilePred(e ast.Expr) *celPred {
	p := predOf(e)
	if !p.knows() {
		return nil
	}
	return p
}

// knows reports whether a node may have an answer.
func (p *celPred) knows() bool {
	switch p.op {
	case celTest:
		return true
	case celOpen:
		return false
	}
	for _, k := range p.kids {
		if k.knows() {
			return true
		}
	}
	return false
}

var celTests = map[string]celTestKind{
	operators.Equals: celEqual, operators.NotEquals: celNotEqual, operators.Less: celLess, operators.LessEquals: celLessEqual,
	operators.Greater: celGreater, operators.GreaterEquals: celGreaterEqual,
	"startsWith": celPrefix, "endsWith": celSuffix, "contains": celContains,
}

// celFlipped is what a comparison is with its sides swapped.
var celFlipped = map[celTestKind]celTestKind{
	celEqual: celEqual, celNotEqual: celNotEqual, celLess: celGreater, celLessEqual: celGreaterEqual,
	celGreater: celLess, celGreaterEqual: celLessEqual,
}

var celOpens = &celPred{op: celOpen}

func predOf(e ast.Expr) *celPred {
	switch e.Kind() {
	case ast.SelectKind, ast.IdentKind:
		if root, steps, ok := celPath(e); ok && (root == "value" || root == "key") {
			return &celPred{leaf: celLeaf{root: root, steps: steps, test: celTrue}}
		}
		if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
			if root, steps, ok := celPath(e.AsSelect().Operand()); ok && (root == "value" || root == "key") {
				return &celPred{leaf: celLeaf{root: root, steps: append(steps, e.AsSelect().FieldName()), test: celHas}}
			}
		}
	case ast.CallKind:
		return predOfCall(e.AsCall())
	}
	return celOpens
}

func predOfCall(c ast.CallExpr) *celPred {
	args := c.Args()
	switch name := c.FunctionName(); name {
	case operators.LogicalAnd, operators.LogicalOr:
		p := &celPred{op: celAnd}
		if name == operators.LogicalOr {
			p.op = celOr
		}
		for _, a := range args {
			p.kids = append(p.kids, predOf(a))
		}
		return p
	case operators.LogicalNot:
		return &celPred{op: celNot, kids: []*celPred{predOf(args[0])}}
	case operators.In, operators.OldIn:
		return predOfIn(args)
	default:
		test, ok := celTests[name]
		switch {
		case !ok:
			return celOpens
		case c.IsMemberFunction():
			if len(args) != 1 {
				return celOpens
			}
			return predOfTest(c.Target(), args[0], test)
		case test < celIn:
			if args[0].Kind() == ast.LiteralKind {
				return predOfTest(args[1], args[0], celFlipped[test])
			}
			return predOfTest(args[0], args[1], test)
		}
	}
	return celOpens
}

func predOfTest(field, constant ast.Expr, test celTestKind) *celPred {
	root, steps, ok := celPath(field)
	k, isConst := celConstOf(constant)
	if !ok || !isConst || test >= celPrefix && k.tag != batch.TagString {
		return celOpens
	}
	return &celPred{leaf: celLeaf{root: root, steps: steps, test: test, consts: []celConst{k}}}
}

func predOfIn(args []ast.Expr) *celPred {
	root, steps, ok := celPath(args[0])
	if !ok || args[1].Kind() != ast.ListKind {
		return celOpens
	}
	leaf := celLeaf{root: root, steps: steps, test: celIn}
	for _, e := range args[1].AsList().Elements() {
		k, ok := celConstOf(e)
		if !ok {
			return celOpens
		}
		leaf.consts = append(leaf.consts, k)
	}
	return &celPred{leaf: leaf}
}

// celPath reads value.a['b'].c: the variable and the steps.
func celPath(e ast.Expr) (root string, steps []string, ok bool) {
	switch e.Kind() {
	case ast.IdentKind:
		switch root = e.AsIdent(); root {
		case "value", "key", "topic", "partition", "timestamp":
			return root, nil, true
		}
	case ast.SelectKind:
		if s := e.AsSelect(); !s.IsTestOnly() {
			root, steps, ok = celPath(s.Operand())
			return root, append(steps, s.FieldName()), ok && (root == "value" || root == "key")
		}
	case ast.CallKind:
		c := e.AsCall()
		if c.FunctionName() != operators.Index || c.Args()[1].Kind() != ast.LiteralKind {
			return "", nil, false
		}
		if name, is := c.Args()[1].AsLiteral().(types.String); is {
			root, steps, ok = celPath(c.Args()[0])
			return root, append(steps, string(name)), ok && (root == "value" || root == "key")
		}
	}
	return "", nil, false
}

func celConstOf(e ast.Expr) (celConst, bool) {
	if e.Kind() != ast.LiteralKind {
		return celConst{}, false
	}
	switch v := e.AsLiteral().(type) {
	case types.Null:
		return celConst{tag: batch.TagNull}, true
	case types.Bool:
		return celConst{tag: batch.TagBool, n: int64(batch.BoolCell(bool(v)))}, true
	case types.Int:
		return celConst{tag: batch.TagInt64, n: int64(v), f: float64(v)}, true
	case types.Double:
		return celConst{tag: batch.TagFloat64, f: float64(v)}, true
	case types.String:
		return celConst{tag: batch.TagString, text: []byte(v)}, true
	}
	return celConst{}, false
}

// celRoute is a topic expression in a form that column loops can evaluate: c ? a : b over topics, constants and null.
type celRoute struct {
	pred      *celPred // nil: a leaf
	yes, no   *celRoute
	name      string
	keep      bool // null, or the topic as it is
	needsEval bool // an arm that only CEL can evaluate
}

// celTopic is what a route makes of a row.
type celTopic struct {
	name string
	keep bool
	open bool // CEL must tell
}

// compileRoute is compilePred for topics.
func compileRoute(e ast.Expr) *celRoute {
	r := routeOf(e)
	if r.needsEval {
		return nil
	}
	return r
}

func routeOf(e ast.Expr) *celRoute {
	switch e.Kind() {
	case ast.LiteralKind:
		switch v := e.AsLiteral().(type) {
		case types.Null:
			return &celRoute{keep: true}
		case types.String:
			return &celRoute{name: string(v)}
		}
	case ast.IdentKind:
		if e.AsIdent() == "topic" {
			return &celRoute{keep: true}
		}
	case ast.CallKind:
		c := e.AsCall()
		switch c.FunctionName() {
		case "dyn":
			return routeOf(c.Args()[0])
		case operators.Conditional:
			pred := compilePred(c.Args()[0])
			if pred == nil {
				break
			}
			return &celRoute{pred: pred, yes: routeOf(c.Args()[1]), no: routeOf(c.Args()[2])}
		}
	}
	return &celRoute{needsEval: true}
}
