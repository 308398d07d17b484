// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"bytes"
	"math"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/jsontext"
)

// celMasks says of every row of a batch whether a condition holds: yes, or open (not known); otherwise no.
type celMasks struct{ yes, open batch.Bitmap }

// test evaluates the condition over the columns. Two nils: only CEL can tell of any row.
func (p *celProgram) test(b *batch.Batch) (yes, open batch.Bitmap) {
	if p.pred == nil {
		return nil, nil
	}
	m := p.eval2(b, p.pred, 0)
	return m.yes, m.open
}

// eval2 evaluates a node into the masks of a depth.
func (p *celProgram) eval2(b *batch.Batch, n *celPred, depth int) celMasks {
	for len(p.scratch) <= depth {
		p.scratch = append(p.scratch, celMasks{})
	}
	switch n.op {
	case celOpen:
		m := p.clean(b, depth)
		fillBits(m.open, b.N)
		return m
	case celNot:
		m := p.eval2(b, n.kids[0], depth)
		for w := range m.yes {
			m.yes[w] = ^(m.yes[w] | m.open[w])
		}
		return m
	case celAnd, celOr:
		m := p.eval2(b, n.kids[0], depth)
		for _, kid := range n.kids[1:] {
			k := p.eval2(b, kid, depth+1)
			for w := range m.yes {
				if n.op == celAnd {
					no := ^(m.yes[w] | m.open[w]) | ^(k.yes[w] | k.open[w])
					m.yes[w] &= k.yes[w]
					m.open[w] = ^(no | m.yes[w])
				} else {
					m.yes[w] |= k.yes[w]
					m.open[w] = (m.open[w] | k.open[w]) &^ m.yes[w]
				}
			}
		}
		return m
	}
	m := p.clean(b, depth)
	switch n.leaf.root {
	case "value":
		testSide(b, &b.Value, &n.leaf, m)
	case "key":
		testSide(b, &b.Key, &n.leaf, m)
	default:
		testMeta(b, &n.leaf, m)
	}
	return m
}

func (p *celProgram) clean(b *batch.Batch, depth int) celMasks {
	m := &p.scratch[depth]
	m.yes, m.open = batch.MakeBitmap(m.yes, b.N, false), batch.MakeBitmap(m.open, b.N, false)
	return *m
}

// fillBits sets the first n bits.
func fillBits(m batch.Bitmap, n int) {
	for i := range n >> 6 {
		m[i] = ^uint64(0)
	}
	if n&63 != 0 {
		m[n>>6] |= 1<<(uint(n)&63) - 1
	}
}

// The answers of a test.
const (
	celNo = iota
	celYes
	celUnknown
)

func (m celMasks) put(row, answer int) {
	switch answer {
	case celYes:
		m.yes.Set(row)
	case celUnknown:
		m.open.Set(row)
	}
}

// testMeta tests topic, partition or timestamp.
func testMeta(b *batch.Batch, leaf *celLeaf, m celMasks) {
	last, answer := "", -1
	for row := range b.N {
		c := scalar{tag: batch.TagInt64}
		switch leaf.root {
		case "topic":
			topic := b.Topics.At(row)
			if answer < 0 || topic != last {
				last, answer = topic, leaf.answer(scalar{tag: batch.TagString, text: []byte(topic)})
			}
			m.put(row, answer)
			continue
		case "partition":
			n := b.PartitionAt(row)
			c.cell = batch.IntCell(int64(n))
			if n == batch.NoPartition {
				c.tag = batch.TagNull
			}
		default:
			n := b.TimestampAt(row)
			c.cell = batch.IntCell(n)
			if n == batch.NoTimestamp {
				c.tag = batch.TagNull
			}
		}
		m.put(row, leaf.answer(c))
	}
}

// testSide tests a field of every row.
func testSide(b *batch.Batch, p *batch.Payload, leaf *celLeaf, m celMasks) {
	if len(p.Variants) == 0 {
		fillBits(m.open, b.N)
	}
	for k := range p.Variants {
		v := &p.Variants[k]
		if !v.Frozen {
			testVariant(b, v, leaf, m)
		}
	}
}

func testVariant(b *batch.Batch, v *batch.Variant, leaf *celLeaf, m celMasks) {
	col, steps := v.Root, leaf.steps
	var above []*batch.Vec // structs and maps on the way: where one is null, there is no answer
	for len(steps) > 0 && (col.Kind == batch.KindStruct || col.Kind == batch.KindObject) {
		if col.Valid != nil {
			above = append(above, col)
		}
		kid, _ := col.Kid(steps[0])
		if kid == nil {
			answer := celUnknown
			if leaf.test == celHas && len(steps) == 1 && len(above) == 0 {
				answer = celNo
			}
			for pos := range v.Root.N {
				m.put(v.Row(pos), answer)
			}
			return
		}
		col, steps = kid, steps[1:]
	}
	if len(above) == 0 && len(steps) == 0 && wordsFast(col, v, leaf, m) {
		return
	}
	for pos := range v.Root.N {
		m.put(v.Row(pos), testCell(b, col, pos, above, steps, leaf))
	}
}

// testCell tests one row, whatever the column.
func testCell(b *batch.Batch, col *batch.Vec, pos int, above []*batch.Vec, steps []string, leaf *celLeaf) int {
	for _, a := range above {
		if a.IsNull(pos) {
			return celUnknown
		}
	}
	if col.Kind != batch.KindDyn {
		switch {
		case len(steps) > 0:
			return celUnknown
		case leaf.test == celHas:
			return celYes
		case col.IsNull(pos):
			if col.Schema != nil && col.Schema.HasDefault {
				return celUnknown
			}
			return leaf.answer(scalar{tag: batch.TagNull})
		case col.Kind != batch.KindWords:
			return leaf.answer(scalar{tag: batch.TagJSONObject})
		}
		return leaf.answer(scalarOf(b, batch.TagOfSchema(col.Schema), col.Cell(pos)))
	}
	tag, cell := col.TagAt(pos), col.Cell(pos)
	if len(steps) > 0 {
		if tag != batch.TagJSON && tag != batch.TagJSONObject {
			return celUnknown
		}
		text, missing := jsonPath(b.Slab.Bytes(batch.View(cell)), steps)
		switch {
		case text == nil && missing && leaf.test == celHas:
			return celNo
		case text == nil:
			return celUnknown
		case leaf.test == celHas:
			return celYes
		}
		return leaf.answer(textScalar(text))
	}
	if leaf.test == celHas {
		if tag == batch.TagMissing {
			return celNo
		}
		return celYes
	}
	if tag == batch.TagMissing {
		return celUnknown
	}
	return leaf.answer(scalarOf(b, tag, cell))
}

// wordsFast tests a column of integers or booleans against one number, in a loop over plain words.
func wordsFast(col *batch.Vec, v *batch.Variant, leaf *celLeaf, m celMasks) bool {
	if col.Kind != batch.KindWords || col.Const || v.Rows != nil || leaf.test > celGreaterEqual || leaf.consts[0].tag != batch.TagInt64 {
		return false
	}
	switch batch.TagOfSchema(col.Schema) {
	case batch.TagInt8, batch.TagInt16, batch.TagInt32, batch.TagInt64:
	default:
		return false
	}
	if col.Valid != nil && (col.Schema.HasDefault || leaf.test > celNotEqual) {
		return false
	}
	k := leaf.consts[0].n
	// x > k is x >= k+1, and so on: three loops do for six tests.
	switch leaf.test {
	case celEqual, celNotEqual:
		for i, w := range col.W[:col.N] {
			m.yes[i>>6] |= batch.BoolCell(int64(w) == k) << (uint(i) & 63)
		}
	case celLess, celGreaterEqual:
		for i, w := range col.W[:col.N] {
			m.yes[i>>6] |= batch.BoolCell(int64(w) < k) << (uint(i) & 63)
		}
	default:
		for i, w := range col.W[:col.N] {
			m.yes[i>>6] |= batch.BoolCell(int64(w) <= k) << (uint(i) & 63)
		}
	}
	if col.Valid != nil {
		for w := range m.yes {
			m.yes[w] &= col.Valid[w]
		}
	}
	if leaf.test == celNotEqual || leaf.test == celGreater || leaf.test == celGreaterEqual {
		for w := range m.yes {
			m.yes[w] = ^m.yes[w]
		}
	}
	return true
}

// scalar is a cell taken out of its column. Of text that needs decoding, and of values that CEL has types of its own
// for, the tag is TagJSON: nothing is known.
type scalar struct {
	tag  batch.Tag
	cell uint64
	text []byte // TagString: borrowed
}

func scalarOf(b *batch.Batch, tag batch.Tag, cell uint64) scalar {
	switch tag {
	case batch.TagJSON:
		return quickScalar(b.Slab.Bytes(batch.View(cell)))
	case batch.TagString:
		return scalar{tag: tag, text: b.Slab.Bytes(batch.View(cell))}
	case batch.TagBytes, batch.TagDecimal, batch.TagDate, batch.TagBoxed, batch.TagMissing:
		return scalar{tag: batch.TagJSON}
	}
	return scalar{tag: tag, cell: cell}
}

// quickScalar is textScalar without decoding: text with escapes stays unknown.
func quickScalar(text []byte) scalar {
	if text[0] == '"' && jsontext.Escaped(text) {
		return scalar{tag: batch.TagJSON}
	}
	return textScalar(text)
}

// textScalar reads the text of a JSON value; objects and arrays are only recognized.
func textScalar(text []byte) scalar {
	tag := jsonTag(text)
	switch tag {
	case batch.TagString:
		if jsontext.Escaped(text) {
			return scalar{tag: tag, text: jsontext.AppendUnquoted(nil, text)}
		}
		return scalar{tag: tag, text: text[1 : len(text)-1]}
	case batch.TagBool:
		return scalar{tag: tag, cell: batch.BoolCell(text[0] == 't')}
	case batch.TagInt64:
		n, _ := jsontext.Int(text)
		return scalar{tag: tag, cell: batch.IntCell(n)}
	case batch.TagFloat64:
		return scalar{tag: tag, cell: batch.Float64Cell(jsontext.Float(text))}
	}
	return scalar{tag: tag}
}

// answer tests one value.
func (l *celLeaf) answer(c scalar) int {
	switch l.test {
	case celEqual:
		return celEquals(c, &l.consts[0])
	case celNotEqual:
		switch celEquals(c, &l.consts[0]) {
		case celNo:
			return celYes
		case celYes:
			return celNo
		}
		return celUnknown
	case celIn:
		out := celNo
		for i := range l.consts {
			switch celEquals(c, &l.consts[i]) {
			case celYes:
				return celYes
			case celUnknown:
				out = celUnknown
			}
		}
		return out
	case celHas:
		return celYes
	case celTrue:
		if c.tag != batch.TagBool {
			return celUnknown
		}
		return int(c.cell)
	case celPrefix, celSuffix, celContains:
		if c.tag != batch.TagString {
			return celUnknown
		}
		return l.inText(c.text)
	}
	return l.ordered(c)
}

func (l *celLeaf) inText(text []byte) int {
	part := l.consts[0].text
	on := false
	switch l.test {
	case celPrefix:
		on = bytes.HasPrefix(text, part)
	case celSuffix:
		on = bytes.HasSuffix(text, part)
	default:
		on = bytes.Contains(text, part)
	}
	return int(batch.BoolCell(on))
}

// celEquals is == of a value and a constant. Values of different types are not equal, but numbers compare as such.
func celEquals(c scalar, k *celConst) int {
	if c.tag == batch.TagJSON {
		return celUnknown
	}
	on := false
	switch k.tag {
	case batch.TagNull:
		on = c.tag == batch.TagNull
	case batch.TagBool:
		on = c.tag == batch.TagBool && int64(c.cell) == k.n
	case batch.TagString:
		on = c.tag == batch.TagString && bytes.Equal(c.text, k.text)
	default:
		order, ok := celNumbers(c, k)
		on = ok && order == 0
	}
	return int(batch.BoolCell(on))
}

// celNumbers compares numbers; ok is false where one is none, or no number at all (NaN).
func celNumbers(c scalar, k *celConst) (order int, ok bool) {
	var f float64
	switch c.tag {
	case batch.TagInt8, batch.TagInt16, batch.TagInt32, batch.TagInt64:
		n := batch.Int(c.cell)
		if k.tag == batch.TagInt64 {
			return compare(n, k.n), true
		}
		f = float64(n)
	case batch.TagFloat32:
		f = float64(batch.CellFloat32(c.cell))
	case batch.TagFloat64:
		f = batch.CellFloat64(c.cell)
	default:
		return 0, false
	}
	if math.IsNaN(f) || math.IsNaN(k.f) {
		return 0, false
	}
	return compare(f, k.f), true
}

func compare[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// ordered tests with <, <=, >, >=.
func (l *celLeaf) ordered(c scalar) int {
	k := &l.consts[0]
	var order int
	switch {
	case k.tag == batch.TagString && c.tag == batch.TagString:
		order = bytes.Compare(c.text, k.text)
	case k.tag == batch.TagInt64 || k.tag == batch.TagFloat64:
		var ok bool
		if order, ok = celNumbers(c, k); !ok {
			return celUnknown
		}
	default:
		return celUnknown
	}
	on := false
	switch l.test {
	case celLess:
		on = order < 0
	case celLessEqual:
		on = order <= 0
	case celGreater:
		on = order > 0
	default:
		on = order >= 0
	}
	return int(batch.BoolCell(on))
}

// jsonPath goes down into the text of a JSON value. It returns nil where there is nothing; missing says that only the
// last step failed, in an object.
func jsonPath(text []byte, steps []string) (value []byte, missing bool) {
	for i, step := range steps {
		if text[0] != '{' {
			return nil, false
		}
		if text = memberText(text, step); text == nil {
			return nil, i == len(steps)-1
		}
	}
	return text, false
}

// memberText is the text of a member of a JSON object; nil when there is none.
func memberText(text []byte, name string) []byte {
	start, end, ok := jsonMember(text, name)
	if !ok {
		return nil
	}
	return text[start:end]
}

// routes gives the rows in mask the topics of a route.
func (p *celProgram) routes(b *batch.Batch, r *celRoute, mask batch.Bitmap, names []celTopic) {
	if r.pred == nil {
		for row := range b.N {
			if mask.Get(row) {
				names[row] = celTopic{name: r.name, keep: r.keep, open: r.needsEval}
			}
		}
		return
	}
	m := p.eval2(b, r.pred, 0)
	yes, no := batch.MakeBitmap(nil, b.N, false), batch.MakeBitmap(nil, b.N, false)
	for row := range b.N {
		switch {
		case !mask.Get(row):
		case m.open.Get(row):
			names[row].open = true
		case m.yes.Get(row):
			yes.Set(row)
		default:
			no.Set(row)
		}
	}
	p.routes(b, r.yes, yes, names)
	p.routes(b, r.no, no, names)
}
