// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/regex"
)

// jsonPathExpr is a path of JsonPath over structs, maps and lists: names, indexes, [*] and filters.
type jsonPathExpr struct{ steps []jsonStep }

// jsonStep is one step: a filter, all elements, an index, or a name.
type jsonStep struct {
	name    string
	index   int
	isIndex bool
	all     bool
	filter  *jsonTest
}

// jsonTest is a condition inside [?( )].
type jsonTest struct {
	op    string // && || ! exists == != < <= > >= =~ in nin
	kids  []*jsonTest
	path  *jsonPathExpr // left operand: @.a.b
	value any           // right operand: string, *big.Rat, bool, nil, or []any of them
	regex *regex.Regex
}

// definite reports whether the path leads to at most one value.
func (p *jsonPathExpr) definite() bool {
	for _, s := range p.steps {
		if s.all || s.filter != nil {
			return false
		}
	}
	return true
}

// first is what a definite path leads to in a row; nil when there is nothing. It reads one field of the row.
func (p *jsonPathExpr) first(b *batch.Batch, v *batch.Variant, pos int) any {
	if len(p.steps) == 0 || p.steps[0].name == "" {
		found, _ := p.find(b.Read(v.Root, pos))
		return firstOf(found)
	}
	x, _, state := fieldAt(b, v, pos, p.steps[0].name)
	if state != fieldFound {
		return nil
	}
	found, _ := (&jsonPathExpr{p.steps[1:]}).find(x)
	return firstOf(found)
}

func firstOf(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// find is everything that the path leads to. missing says that a name or index before any [*] or filter led nowhere,
// or to null.
func (p *jsonPathExpr) find(x any) (found []any, missing bool) {
	found = []any{x}
	definite := true
	for _, s := range p.steps {
		var next []any
		for _, y := range found {
			next = s.append(next, y)
		}
		definite = definite && !s.all && s.filter == nil
		if found = next; definite && (len(found) == 0 || found[0] == nil) {
			return nil, true
		}
	}
	return found, definite && x == nil
}

// append appends what the step leads to from x.
func (s *jsonStep) append(dst []any, x any) []any {
	list, isList := x.([]any)
	switch {
	case s.filter != nil:
		if !isList {
			list = []any{x}
		}
		for _, y := range list {
			if y != nil && s.filter.holds(y) {
				dst = append(dst, y)
			}
		}
		return dst
	case s.all && isList:
		return append(dst, list...)
	case s.all:
		return appendMembers(dst, x)
	case s.isIndex:
		i := s.index
		if i < 0 {
			i += len(list)
		}
		if i >= 0 && i < len(list) {
			dst = append(dst, list[i])
		}
		return dst
	}
	if y, _, state := fieldOf(x, s.name); state == fieldFound {
		dst = append(dst, y)
	}
	return dst
}

func appendMembers(dst []any, x any) []any {
	switch y := x.(type) {
	case *batch.MapValue:
		for _, e := range y.Entries {
			dst = append(dst, e.Value)
		}
	case *batch.StructValue:
		for _, f := range y.Schema.Fields {
			dst = append(dst, y.Get(f.Name))
		}
	}
	return dst
}

// holds tests a value. What is missing or null satisfies no comparison, but == null.
func (t *jsonTest) holds(x any) bool {
	switch t.op {
	case "&&":
		return t.kids[0].holds(x) && t.kids[1].holds(x)
	case "||":
		return t.kids[0].holds(x) || t.kids[1].holds(x)
	case "!":
		return !t.kids[0].holds(x)
	}
	found, _ := t.path.find(x)
	if t.op == "exists" {
		return len(found) > 0
	}
	left := firstOf(found)
	if t.value == nil && t.regex == nil {
		return (left == nil) == (t.op == "==")
	}
	if left == nil {
		return false
	}
	switch t.op {
	case "==":
		return jsonSame(left, t.value)
	case "!=":
		return !jsonSame(left, t.value)
	case "in", "nin":
		in := false
		for _, v := range t.value.([]any) {
			in = in || jsonSame(left, v)
		}
		return in == (t.op == "in")
	case "=~":
		s, ok := left.(string)
		on, err := t.regex.Matches(s)
		return ok && on && err == nil
	}
	return t.ordered(left)
}

// jsonSame compares a value with a literal. Text that reads as a number equals it, as in JsonPath.
func jsonSame(x, literal any) bool {
	switch l := literal.(type) {
	case nil:
		return x == nil
	case bool:
		b, ok := x.(bool)
		return ok && b == l
	case *big.Rat:
		n := numberOf(x)
		if s, ok := x.(string); ok {
			n = jsonNumber(s)
		}
		return n != nil && n.Cmp(l) == 0
	case string:
		if s, ok := x.(string); ok {
			return s == l
		}
		n, m := numberOf(x), jsonNumber(l)
		return n != nil && m != nil && n.Cmp(m) == 0
	}
	return false
}

// jsonNumber reads a number of moderate size; nil when the text is none.
func jsonNumber(s string) *big.Rat {
	if s == "" || len(s) > 40 || strings.Trim(s, "+-.eE0123456789") != "" {
		return nil
	}
	if _, err := strconv.ParseFloat(s, 64); err != nil {
		return nil
	}
	n, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil
	}
	return n
}

func (t *jsonTest) ordered(x any) bool {
	order := 0
	switch l := t.value.(type) {
	case *big.Rat:
		n := numberOf(x)
		if n == nil {
			return false
		}
		order = n.Cmp(l)
	case string:
		s, ok := x.(string)
		if !ok {
			return false
		}
		order = strings.Compare(s, l)
	default:
		return false
	}
	switch t.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// jsonPathParser reads paths and filters.
type jsonPathParser struct {
	text  string
	i     int
	depth int
	fault string
}

// maxJSONPathDepth bounds the nesting of conditions.
const maxJSONPathDepth = 50

// parseJSONPath reads a path; fault says what is wrong or not supported.
func parseJSONPath(text string) (path *jsonPathExpr, fault string) {
	p := &jsonPathParser{text: strings.TrimSpace(text)}
	if !strings.HasPrefix(p.text, "$") {
		p.text = "$." + p.text
	}
	p.i = 1
	path = p.path()
	if p.fault == "" && p.i < len(p.text) {
		p.fail("unexpected text")
	}
	return path, p.fault
}

func (p *jsonPathParser) fail(what string) {
	if p.fault == "" {
		p.fault = what + " at position " + strconv.Itoa(p.i) + " of the JSON path " + p.text +
			"; supported are $.a.b, ['a'], [0], [*], and [?(@.a == 'x' && @.b > 1)] with ==, !=, <, <=, >, >=, =~, in, nin, &&, ||, !"
	}
}

func (p *jsonPathParser) space() {
	for p.i < len(p.text) && p.text[p.i] == ' ' {
		p.i++
	}
}

// take skips white space and then s, if it is there.
func (p *jsonPathParser) take(s string) bool {
	p.space()
	if strings.HasPrefix(p.text[p.i:], s) {
		p.i += len(s)
		return true
	}
	return false
}

// path reads the steps after $ or @.
func (p *jsonPathParser) path() *jsonPathExpr {
	out := &jsonPathExpr{}
	for p.fault == "" && p.i < len(p.text) {
		switch {
		case strings.HasPrefix(p.text[p.i:], ".."):
			p.fail("deep scans (..) are not supported")
		case p.text[p.i] == '.':
			p.i++
			if p.i < len(p.text) && p.text[p.i] == '*' {
				p.i++
				out.steps = append(out.steps, jsonStep{all: true})
				continue
			}
			out.steps = append(out.steps, jsonStep{name: p.name()})
		case p.text[p.i] == '[':
			p.i++
			out.steps = append(out.steps, p.bracket())
		default:
			return out
		}
	}
	return out
}

func (p *jsonPathParser) name() string {
	start := p.i
	for p.i < len(p.text) && !strings.ContainsRune(".[]()=!<>&|, '\"~", rune(p.text[p.i])) {
		p.i++
	}
	if p.i == start {
		p.fail("a name is missing")
	} else if p.i < len(p.text) && p.text[p.i] == '(' {
		p.fail("functions are not supported")
	}
	return p.text[start:p.i]
}

func (p *jsonPathParser) bracket() jsonStep {
	var s jsonStep
	switch p.space(); {
	case p.take("?"):
		if !p.take("(") {
			p.fail("( is missing")
		}
		s.filter = p.or()
		if !p.take(")") {
			p.fail(") is missing")
		}
	case p.take("*"):
		s.all = true
	case p.i < len(p.text) && (p.text[p.i] == '\'' || p.text[p.i] == '"'):
		s.name = p.quoted()
	default:
		start := p.i
		for p.i < len(p.text) && (p.text[p.i] == '-' || p.text[p.i] >= '0' && p.text[p.i] <= '9') {
			p.i++
		}
		n, err := strconv.Atoi(p.text[start:p.i])
		if err != nil {
			p.fail("a name in quotes, an index, * or ?( is missing")
		}
		s.index, s.isIndex = n, true
	}
	if !p.take("]") {
		p.fail("] is missing")
	}
	return s
}

// quoted reads a text in quotes; a backslash keeps the next byte.
func (p *jsonPathParser) quoted() string {
	quote := p.text[p.i]
	var out strings.Builder
	for p.i++; p.i < len(p.text); p.i++ {
		switch c := p.text[p.i]; {
		case c == quote:
			p.i++
			return out.String()
		case c == '\\' && p.i+1 < len(p.text):
			p.i++
			out.WriteByte(p.text[p.i])
		default:
			out.WriteByte(c)
		}
	}
	p.fail("a closing quote is missing")
	return ""
}

func (p *jsonPathParser) or() *jsonTest {
	if p.depth++; p.depth > maxJSONPathDepth {
		p.fail("the condition is too deep")
		return &jsonTest{}
	}
	t := p.and()
	for p.fault == "" && p.take("||") {
		t = &jsonTest{op: "||", kids: []*jsonTest{t, p.and()}}
	}
	p.depth--
	return t
}

func (p *jsonPathParser) and() *jsonTest {
	t := p.unary()
	for p.fault == "" && p.take("&&") {
		t = &jsonTest{op: "&&", kids: []*jsonTest{t, p.unary()}}
	}
	return t
}

func (p *jsonPathParser) unary() *jsonTest {
	switch {
	case p.take("!"):
		if p.depth++; p.depth > maxJSONPathDepth {
			p.fail("the condition is too deep")
			return &jsonTest{}
		}
		t := &jsonTest{op: "!", kids: []*jsonTest{p.unary()}}
		p.depth--
		return t
	case p.take("("):
		t := p.or()
		if !p.take(")") {
			p.fail(") is missing")
		}
		return t
	}
	return p.comparison()
}

func (p *jsonPathParser) comparison() *jsonTest {
	if !p.take("@") {
		p.fail("a field (@.name) is missing")
		return &jsonTest{}
	}
	t := &jsonTest{op: "exists", path: p.path()}
	for _, op := range []string{"==", "!=", "<=", ">=", "=~", "<", ">", "in ", "nin ", "in[", "nin["} {
		if !p.take(op) {
			continue
		}
		if strings.HasSuffix(op, "[") {
			p.i--
		}
		t.op = strings.TrimRight(op, " [")
		p.operand(t)
		break
	}
	return t
}

func (p *jsonPathParser) operand(t *jsonTest) {
	p.space()
	switch {
	case t.op == "=~":
		t.regex = p.pattern()
	case t.op == "in" || t.op == "nin":
		list := []any{}
		if !p.take("[") {
			p.fail("[ is missing")
		}
		for p.fault == "" && !p.take("]") {
			list = append(list, p.literal())
			p.take(",")
		}
		t.value = list
	default:
		t.value = p.literal()
		if t.value == nil && t.op != "==" && t.op != "!=" {
			p.fail("null has no order")
		}
	}
}

func (p *jsonPathParser) literal() any {
	p.space()
	if p.i < len(p.text) && (p.text[p.i] == '\'' || p.text[p.i] == '"') {
		return p.quoted()
	}
	start := p.i
	for p.i < len(p.text) && !strings.ContainsRune(" )],&|", rune(p.text[p.i])) {
		p.i++
	}
	switch word := p.text[start:p.i]; word {
	case "true", "false":
		return word == "true"
	case "null":
		return nil
	default:
		if n := jsonNumber(word); n != nil {
			return n
		}
	}
	p.i = start
	p.fail("a text in quotes, a number, true, false or null is missing")
	return nil
}

// pattern reads /regex/flags.
func (p *jsonPathParser) pattern() *regex.Regex {
	if !p.take("/") {
		p.fail("a regular expression (/.../) is missing")
		return nil
	}
	end := p.i
	for end < len(p.text) && p.text[end] != '/' {
		if p.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.text) {
		p.fail("the closing / is missing")
		return nil
	}
	text := p.text[p.i:end]
	p.i = end + 1
	if p.i < len(p.text) && p.text[p.i] == 'i' {
		text = "(?i)" + text
		p.i++
	}
	re, err := regex.Compile(text)
	if err != nil {
		p.fail("a wrong regular expression: " + err.Error())
	}
	return re
}
