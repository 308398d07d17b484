// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"github.com/penstock-io/penstock/batch"
)

// debeziumException is the class of what Debezium's transforms throw.
const debeziumException = "io.debezium.DebeziumException"

// celEnv declares the variables of expressions, under the names of Debezium's scripts.
var celEnv = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("key", cel.DynType),
		cel.Variable("value", cel.DynType),
		cel.Variable("keySchema", cel.DynType),
		cel.Variable("valueSchema", cel.DynType),
		cel.Variable("topic", cel.StringType),
		cel.Variable("partition", cel.DynType),
		cel.Variable("timestamp", cel.DynType),
		cel.Variable("header", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("headers", cel.MapType(cel.StringType, cel.DynType)),
		cel.CrossTypeNumericComparisons(true),
		ext.Strings(),
	)
})

// celProgram is a compiled expression. It belongs to one transform.
type celProgram struct {
	text    string
	prog    cel.Program
	headers bool      // names header or headers
	pred    *celPred  // the condition as column loops; nil: only CEL can tell
	route   *celRoute // the topic expression as column loops

	scratch []celMasks
	schemas schemaCache[ref.Val]
	row     celRow
}

// compileCEL parses and checks an expression for a condition or a topic.
func compileCEL(text string, boolean bool) (*celProgram, error) {
	env, err := celEnv()
	if err != nil {
		return nil, err
	}
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, celIssue(issues.Err())
	}
	freeNulls(parsed.NativeRep().Expr())
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, celIssue(issues.Err())
	}
	out := checked.OutputType()
	switch {
	case boolean && !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType):
		return nil, fmt.Errorf("the condition must be true or false, but its type is %s", out)
	case !boolean && !out.IsExactType(cel.StringType) && !out.IsExactType(cel.DynType) && !out.IsExactType(cel.NullType):
		return nil, fmt.Errorf("the expression must be a topic name or null, but its type is %s", out)
	}
	prog, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, celIssue(err)
	}
	p := &celProgram{text: text, prog: prog}
	root := checked.NativeRep().Expr()
	p.headers = namesHeaders(root)
	if boolean {
		p.pred = compilePred(root)
	} else {
		p.route = compileRoute(root)
	}
	p.row.prog = p
	return p, nil
}

// celIssue is what the compiler says, in one line.
func celIssue(err error) error {
	text := strings.TrimSpace(strings.TrimPrefix(err.Error(), "ERROR: "))
	if line, _, ok := strings.Cut(text, "\n"); ok {
		text = line
	}
	return errors.New("not a CEL expression: " + strings.TrimPrefix(text, "<input>:"))
}

// freeNulls lets null stand beside a text in c ? 'topic' : null, as scripts have it.
func freeNulls(e ast.Expr) {
	fac := ast.NewExprFactory()
	next := maxID(e) + 1
	walkCEL(e, func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Conditional {
			return
		}
		for _, arm := range e.AsCall().Args()[1:] {
			if arm.Kind() == ast.LiteralKind && arm.AsLiteral() == types.NullValue {
				arm.SetKindCase(fac.NewCall(arm.ID(), "dyn", fac.NewLiteral(next, types.NullValue)))
				next++
			}
		}
	})
}

func maxID(e ast.Expr) int64 {
	id := int64(0)
	walkCEL(e, func(e ast.Expr) { id = max(id, e.ID()) })
	return id
}

// walkCEL visits an expression and all below it, parents last.
func walkCEL(e ast.Expr, f func(ast.Expr)) {
	ast.PostOrderVisit(e, ast.NewExprVisitor(f))
}

func namesHeaders(e ast.Expr) bool {
	found := false
	walkCEL(e, func(e ast.Expr) {
		if e.Kind() == ast.IdentKind && (e.AsIdent() == "header" || e.AsIdent() == "headers") {
			found = true
		}
	})
	return found
}

// evalBool evaluates the condition for a row.
func (p *celProgram) evalBool(b *batch.Batch, row int) (bool, error) {
	v, err := p.eval(b, row)
	if err != nil {
		return false, err
	}
	on, ok := v.(types.Bool)
	if !ok {
		return false, p.wrongResult(b, row, v, "Boolean")
	}
	return bool(on), nil
}

// evalText evaluates the topic expression for a row.
func (p *celProgram) evalText(b *batch.Batch, row int) (topic string, null bool, err error) {
	v, err := p.eval(b, row)
	switch t := v.(type) {
	case nil:
		return "", false, err
	case types.Null:
		return "", true, nil
	case types.String:
		return string(t), false, nil
	}
	return "", false, p.wrongResult(b, row, v, "String")
}

func (p *celProgram) eval(b *batch.Batch, row int) (ref.Val, error) {
	p.row.b, p.row.row = b, row
	v, _, err := p.prog.Eval(&p.row)
	p.row.b = nil
	if err != nil {
		return nil, p.fault(b, row, err.Error())
	}
	return v, nil
}

func (p *celProgram) wrongResult(b *batch.Batch, row int, v ref.Val, want string) error {
	return p.fault(b, row, fmt.Sprintf("Value '%v' returned by the expression is not a %s", v.Value(), want))
}

func (p *celProgram) fault(b *batch.Batch, row int, cause string) error {
	return &batch.Fault{
		Class:   debeziumException,
		Message: "Error while evaluating expression '" + p.text + "' for record '" + recordText(b, row) + "'",
		Cause:   batch.NewFault(debeziumException, cause),
	}
}
