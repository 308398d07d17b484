// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/jackson"
)

// encoder prints columns as JSON, row by row. What is the same in all rows of a column is found out once per batch
// (printer); cells that are still JSON text are copied where Jackson would print the same, and reprinted where not.
type encoder struct {
	json  *JSON
	b     *batch.Batch
	base  unsafe.Pointer    // of the slab
	texts map[string]string // name -> `,"name":`, with room for wide loads behind it
	root  printer

	scratch []byte
	perRow  int // bytes of a row in the last batch of some size, and an eighth
}

// Encode appends the bytes of every live row to b.Out.
func (j *JSON) Encode(b *batch.Batch, side batch.Side) error {
	e := &j.enc
	e.begin(b)
	p, out, stage := b.Side(side), b.Out.Side(side, b.N), batch.ConverterStage(side)
	e.reserve(b)
	before := len(b.Out.Buf)
	for k := range p.Variants {
		v := &p.Variants[k]
		var head []byte
		var err error
		if j.schemas {
			if head, err = j.write.head(v.Schema); err != nil {
				e.failAll(v, stage, err)
				continue
			}
		}
		e.prepare(&e.root, v.Root, v.Schema)
		for pos := range v.Root.N {
			row := v.Row(pos)
			if b.IsDead(row) || v.Schema == nil && v.Root.Kind == batch.KindDyn && e.isNull(v.Root, pos) {
				continue
			}
			start := len(b.Out.Buf)
			buf := append(b.Out.Buf, head...)
			if buf, err = e.cell(buf, &e.root, pos); err != nil {
				b.Fail(row, stage, err)
				b.Out.Buf = buf[:start]
				continue
			}
			if j.schemas {
				buf = append(buf, '}')
			}
			b.Out.Buf = buf
			out[row] = batch.MakeView(start, len(buf)-start)
		}
	}
	if b.N >= manyRows {
		e.perRow = (len(b.Out.Buf) - before) / b.N * 9 / 8
	}
	e.end()
	return nil
}

// manyRows are enough to guess from how long the next ones are.
const manyRows = 64

// reserve makes room for about what will be written, at once: memory that grows as it fills is left behind several times.
func (e *encoder) reserve(b *batch.Batch) {
	buf := b.Out.Buf
	if n := min(e.perRow*b.N, 2*batch.MaxBytes); b.N >= manyRows && cap(buf)-len(buf) < n {
		b.Out.Buf = append(make([]byte, 0, len(buf)+n), buf...)
	}
}

// isNull tells a null value without schema, for which there are no bytes.
func (e *encoder) isNull(v *batch.Vec, pos int) bool {
	switch t := v.TagAt(pos); t {
	case batch.TagMissing, batch.TagNull:
		return true
	case batch.TagJSON:
		return e.b.Slab.Bytes(v.View(pos))[0] == 'n'
	case batch.TagBoxed:
		return e.b.Boxed[v.Cell(pos)] == nil
	}
	return false
}

func (e *encoder) failAll(v *batch.Variant, stage batch.Stage, err error) {
	for pos := range v.Root.N {
		if row := v.Row(pos); !e.b.IsDead(row) {
			e.b.Fail(row, stage, err)
		}
	}
}

const maxNames = 4096

func (e *encoder) begin(b *batch.Batch) {
	e.b = b
	b.Slab.Reserve(0)
	e.base = unsafe.Pointer(unsafe.SliceData(b.Slab.Buf()))
	if e.texts == nil || len(e.texts) > maxNames {
		e.texts = map[string]string{}
	}
}

// maxScratch is how much memory a converter keeps between batches for a text at work.
const maxScratch = 1 << 20

// end lets go of the batch, and of what one giant text took.
func (e *encoder) end() {
	e.b, e.base = nil, nil
	if cap(e.scratch) > maxScratch {
		e.scratch = nil
	}
}

// printer is a column made ready for printing: everything about it that does not depend on the row.
type printer struct {
	column *batch.Vec
	schema *batch.Schema // that it is declared under; nil: none
	prefix string        // `,"name":` of a kid that has a name, with room for wide loads behind it

	// Of a leaf. A constant column has one cell: rows are masked to 0.
	leaf bool
	word bool        // typed, with a logical type
	tag  batch.Tag   // of all rows, unless there are tags
	tags []batch.Tag // nil: tag
	rows int         // mask of a row

	// The cells, where every row has one of the same tag, not null, that encoder.plain prints.
	plain []uint64
	kids  []printer

	// Of a map whose rows have tables of several sizes in Java: the capacity they started from. Else 0, and the kids are
	// in Java's order.
	table int
}

// prepare makes p the printer of column v, declared under s. Memory of kids is used again.
func (e *encoder) prepare(p *printer, v *batch.Vec, s *batch.Schema) {
	p.column, p.schema, p.rows = v, s, -1
	if v.Const {
		p.rows = 0
	}
	p.leaf, p.word, p.tags, p.plain = false, false, nil, nil
	n := len(v.Kids)
	switch v.Kind {
	case batch.KindDyn:
		p.leaf, p.tag, p.tags = true, v.Tag, v.Tags
		n = 0
	case batch.KindWords:
		p.leaf, p.word, p.tag = true, v.Schema.Logical() != batch.NotLogical, batch.TagOf(v.Schema.Type)
		n = 0
	}
	if p.leaf && !p.word && p.tags == nil && v.Valid == nil && !v.Const && isPlain(p.tag) {
		p.plain = v.W
	}
	for len(p.kids) < n {
		p.kids = append(p.kids, printer{})
	}
	p.kids = p.kids[:n]
	var room [64]int
	var order []int
	order, p.table = mapOrder(room[:0], v)
	for to := range n {
		k := to
		if len(order) > 0 {
			k = order[to]
		}
		kid := v.Kids[k]
		var ks *batch.Schema
		name := ""
		switch v.Kind {
		case batch.KindObject:
			name = e.prefix(v.Names[k])
		case batch.KindStruct:
			f := &v.Schema.Fields[k]
			name, ks = e.prefix(f.Name), f.Schema
		case batch.KindArray:
			ks = v.Schema.ValueSchema
		case batch.KindMap:
			ks = [...]*batch.Schema{v.Schema.KeySchema, v.Schema.ValueSchema}[k]
		}
		p.kids[to].prefix = name
		e.prepare(&p.kids[to], kid, ks)
	}
}

// prefixSlack is how much may be read behind a prefix.
const prefixSlack = 16

func (e *encoder) prefix(name string) string {
	t, ok := e.texts[name]
	if !ok {
		p := append(jackson.AppendString([]byte{','}, name), ':')
		n := len(p)
		t = string(append(p, make([]byte, prefixSlack)...))[:n]
		e.texts[name] = t
	}
	return t
}
