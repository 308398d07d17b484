// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math/bits"
	"strings"
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/jsontext"
)

// maxColumns is how many different keys the objects of a batch may have. A row that brings more keeps its text whole.
const maxColumns = 256

// maxKnownKeys bounds what a splitter remembers between batches, so that keys made of data do not pile up.
const maxKnownKeys = 8 * maxColumns

// lookAhead is how many predicted keys may be missing in a row before a key is looked up by hash.
const lookAhead = 4

// column is a key that was seen, and its column in the batch at work.
type column struct {
	key
	name   string
	kid    *batch.Vec
	epoch  uint64 // of the batch that kid belongs to
	listed bool   // is in order
	id     int    // place in all

	// The cells so far, n of them, and their tags once a row lacked the key: kid's memory, long enough for the batch.
	cells []uint64
	tags  []batch.Tag
	n     int
}

func newColumn(name, quoted string) *column { return &column{key: newKey(quoted), name: name} }

// splitter cuts JSON text without schema into columns. Objects become one variant: a KindObject column whose kids are
// views of undecoded text. Every other value goes to a dynamic variant.
//
// Most streams repeat their keys in the same order. So the keys seen so far are kept in that order, and the next key
// of a row is compared with the next one predicted: one comparison of memory, no hashing.
type splitter struct {
	known  map[string]*column
	all    []*column // known, as index counts them
	index  keyIndex
	order  []*column
	misses int // keys found by hash in this batch

	b       *batch.Batch
	p       *batch.Payload
	buf     []byte // the slab
	epoch   uint64
	root    *batch.Vec // of the object variant, nil: none yet
	object  int
	loose   *batch.Vec // of the dynamic variant, nil: none yet
	dynamic int
	full    bool // the row at work has one key too many
	scratch []byte
}

// begin starts a batch: rows follow in order, then end.
func (s *splitter) begin(b *batch.Batch, p *batch.Payload) {
	if s.known == nil || len(s.known) > maxKnownKeys {
		s.known, s.all, s.index, s.order = map[string]*column{}, nil, keyIndex{}, nil
	}
	if s.misses > 64 {
		for _, c := range s.order {
			c.listed = false
		}
		s.order = s.order[:0]
	}
	s.b, s.p = b, p
	s.reload()
	s.root, s.loose, s.misses = nil, nil, 0
	s.epoch++
}

// reload looks at the slab again after something was appended to it, and makes sure of the slack behind it.
func (s *splitter) reload() {
	s.b.Slab.Reserve(0)
	s.buf = s.b.Slab.Buf()
}

// end brings all columns to the same length and lets go of the batch.
func (s *splitter) end() {
	if s.root != nil {
		for _, name := range s.root.Names {
			s.known[name].settle(s.root.N)
		}
	}
	s.b, s.p, s.buf, s.root, s.loose = nil, nil, nil, nil, nil
	if cap(s.scratch) > maxScratch {
		s.scratch = nil
	}
}

// row takes the text at [i,end) of the slab as the value of a row. It reports false, leaving no trace, when the text is
// not what RFC 8259 allows.
func (s *splitter) row(row, i, end int) bool {
	buf := s.buf[:end]
	if i = jsontext.Space(buf, i); i == end {
		s.b.AssignNull(s.p, row)
		return true
	}
	if buf[i] != '{' {
		return s.other(row, i, buf)
	}
	if s.root == nil {
		s.root = s.b.NewVec()
		s.root.Kind = batch.KindObject
		s.object = s.p.Add(nil, s.root)
	}
	kids := len(s.root.Kids)
	s.full = false
	if s.members(buf, i) {
		s.root.N++
		s.p.Assign(s.object, row)
		return true
	}
	s.undo(kids)
	if !s.full {
		return false
	}
	stop, ok := jsontext.Value(buf, i)
	if ok {
		s.assignLoose(row, batch.TagJSONObject, uint64(batch.MakeView(i, stop-i)))
	}
	return ok
}

// other takes a value that is no object. What follows the first value is none of our business, as in Java, except that
// a number or literal must end there.
func (s *splitter) other(row, i int, buf []byte) bool {
	stop, ok := jsontext.Value(buf, i)
	if !ok {
		return false
	}
	if c := buf[i]; c != '[' && c != '"' && stop < len(buf) && buf[stop] != ' ' && buf[stop] != '\n' && buf[stop] != '\t' && buf[stop] != '\r' {
		return false
	}
	tag, cell := s.b.ResolveCell(uint64(batch.MakeView(i, stop-i)))
	s.reload()
	if tag == batch.TagNull {
		s.b.AssignNull(s.p, row)
		return true
	}
	s.assignLoose(row, tag, cell)
	return true
}

func (s *splitter) assignLoose(row int, tag batch.Tag, cell uint64) {
	if s.loose == nil {
		s.loose = s.b.NewColumn(nil)
		s.dynamic = s.p.Add(nil, s.loose)
	}
	s.loose.PushTag(tag, cell)
	s.p.Assign(s.dynamic, row)
}

// members cuts the object at buf[i] into the next position of the columns.
func (s *splitter) members(buf []byte, i int) bool {
	base, end := unsafe.Pointer(unsafe.SliceData(buf)), len(buf)
	pos, order, epoch := s.root.N, s.order, s.epoch
	if i = skipSpace(base, buf, i+1); i < end && byteAt(base, i) == '}' {
		return true
	}
	for k := 0; i < end; k++ {
		var c *column
		if k < len(order) && order[k].matches(base, i, end) {
			c = order[k]
			i += len(c.quoted)
		} else {
			if c, i, k = s.key(buf, i, k); c == nil {
				return false
			}
			order = s.order
		}
		if c.epoch != epoch && !s.adopt(c) {
			return false
		}
		if byteAt(base, i) <= ' ' {
			i = skipSpace(base, buf, i)
		}
		if i >= end {
			return false
		}
		start := i
		if ch := byteAt(base, i); ch == '"' {
			i++
			m := special(wordAt(base, i))
			for long := i + longString; m == 0 && i < long; m = special(wordAt(base, i)) {
				i += 8
			}
			if i += bits.TrailingZeros64(m) >> 3 & 7; m == 0 {
				i = jsontext.PlainEnd(buf, min(i, end))
			}
			if byteAt(base, i) == '"' && i-start < jsontext.MaxStringBytes {
				i++
			} else {
				i = token(base, buf, start)
			}
		} else if i = plainNumber(base, i, ch, end); i < 0 {
			i = token(base, buf, start)
		}
		if i < 0 {
			return false
		}
		if pos < len(c.cells) {
			c.cells[pos] = uint64(batch.MakeView(start, i-start))
		}
		if c.n != pos || c.tags != nil {
			c.tagged(pos)
		}
		c.n = pos + 1
		if byteAt(base, i) <= ' ' {
			i = skipSpace(base, buf, i)
		}
		if i >= end {
			return false
		}
		if ch := byteAt(base, i); ch != ',' {
			return ch == '}'
		}
		if i++; byteAt(base, i) <= ' ' {
			i = skipSpace(base, buf, i)
		}
	}
	return false
}

// longString is where a string is long enough for jsontext.PlainEnd.
const longString = 40

// tagged gives the cell at pos its tag, and the rows before it that lack the key theirs.
func (c *column) tagged(pos int) {
	if c.tags == nil {
		if c.n > pos {
			return // the key came twice: the last one wins
		}
		c.tags = c.kid.MakeTags(len(c.cells), batch.TagMissing)
		for i := range c.tags[:c.n] {
			c.tags[i] = batch.TagJSON
		}
		clear(c.cells[c.n:pos])
		clear(c.cells[pos+1:])
	}
	c.tags[pos] = batch.TagJSON
}

// settle hands the cells of rows rows over to kid.
func (c *column) settle(rows int) {
	if c.n < rows && c.tags == nil {
		c.tagged(rows - 1)
		c.tags[rows-1], c.cells[rows-1] = batch.TagMissing, 0
	}
	c.kid.W, c.kid.N = c.cells[:rows], rows
	if c.tags != nil {
		c.kid.Tags = c.tags[:rows]
	}
	c.cells, c.tags, c.n = nil, nil, 0
}

// key finds the column of the key at buf[i], which is not the one predicted at k. It returns the index after the colon
// and the place in the order where the prediction goes on; a nil column when the text is wrong.
func (s *splitter) key(buf []byte, i, k int) (*column, int, int) {
	base := unsafe.Pointer(unsafe.SliceData(buf))
	for next := k + 1; next < len(s.order) && next <= k+lookAhead; next++ {
		if s.order[next].matches(base, i, len(buf)) {
			return s.order[next], i + len(s.order[next].quoted), next
		}
	}
	n := 0
	if i < len(buf) {
		n = quotedAt(base, i, len(buf))
	}
	if n == 0 {
		return s.otherKey(buf, i, k)
	}
	slot := s.index.slot(unsafe.Add(base, i), n)
	if at := int(*slot) - 1; at >= 0 {
		if c := s.all[at]; len(c.quoted) == n && c.matches(base, i, len(buf)) && c.listed {
			s.misses++
			return c, i + n, k - 1
		}
	}
	c, after, next := s.otherKey(buf, i, k)
	if c != nil && len(c.quoted) == n {
		*slot = int32(c.id + 1)
	}
	return c, after, next
}

// otherKey is key by name.
func (s *splitter) otherKey(buf []byte, i, k int) (*column, int, int) {
	if i >= len(buf) || buf[i] != '"' {
		return nil, i, k
	}
	end, ok := jsontext.StringEnd(buf, i)
	if !ok || end-i > jsontext.MaxNameBytes {
		return nil, i, k
	}
	tok := buf[i:end]
	i = end
	if i = jsontext.Space(buf, i); i >= len(buf) || buf[i] != ':' {
		return nil, i, k
	}
	name := tok[1 : len(tok)-1]
	if jsontext.Escaped(tok) {
		s.scratch = jsontext.AppendUnquoted(s.scratch[:0], tok)
		name = s.scratch
	}
	c, ok := s.known[string(name)]
	if !ok {
		c = newColumn(string(name), string(tok)+":")
		c.id = len(s.all)
		s.known[c.name] = c
		s.all = append(s.all, c)
	} else {
		s.misses++
	}
	if !c.listed && len(s.order) < maxColumns {
		c.listed = true
		k = min(k, len(s.order))
		s.order = append(s.order, nil)
		copy(s.order[k+1:], s.order[k:])
		s.order[k] = c
		return c, i + 1, k
	}
	return c, i + 1, k - 1
}

// adopt gives a key a column in this batch; false when there are too many.
func (s *splitter) adopt(c *column) bool {
	if len(s.root.Kids) == maxColumns {
		s.full = true
		return false
	}
	kid := s.b.NewVec()
	kid.Kind, kid.Tag = batch.KindDyn, batch.TagJSON
	s.root.Names = append(s.root.Names, c.name)
	s.root.Kids = append(s.root.Kids, kid)
	c.kid, c.epoch = kid, s.epoch
	if cap(kid.W) < s.b.N {
		kid.W = makeCells(s.b.N, len(s.root.Kids))
	}
	c.cells, c.tags, c.n = kid.W[:s.b.N], nil, 0
	return true
}

// makeCells makes room for the cells of n rows in column k. Columns are written side by side, row by row: each starts at
// another line of the cache, lest they drive each other out.
func makeCells(n, k int) []uint64 {
	skip := k % 32 * 8
	return make([]uint64, skip, skip+n+n/4)[skip:]
}

// undo takes back what a row that failed has written, with the columns that it brought.
func (s *splitter) undo(kids int) {
	for i, name := range s.root.Names {
		c := s.known[name]
		if i >= kids {
			c.epoch, c.kid, c.cells, c.tags, c.n = 0, nil, nil, nil, 0
			s.root.Kids[i] = nil
			continue
		}
		c.n = min(c.n, s.root.N)
		if c.tags != nil {
			c.tags[s.root.N] = batch.TagMissing
		}
	}
	s.root.Names, s.root.Kids = s.root.Names[:kids], s.root.Kids[:kids]
}

// relaxed rewrites the text of a row that row refused, and takes it in its new form. The error is Jackson's.
func (s *splitter) relaxed(row int, v batch.View) error {
	text, err := relax(s.scratch[:0], s.b.Slab.Bytes(v))
	if err != nil {
		return err
	}
	s.scratch = text
	w := s.b.Slab.Append(text)
	s.reload()
	if !s.row(row, w.Off(), w.Off()+w.Len()) {
		panic("BUG: rewritten JSON is refused: " + strings.ToValidUTF8(string(text[:min(len(text), 200)]), "?"))
	}
	return nil
}
