// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math/big"
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/jackson"
)

// The functions below write past the length of dst, within its capacity: room is made for a whole cell at once, with
// smallCell to spare, and what is short goes there eight or sixteen bytes at a time without looking how short it is.

// smallCell is more than a number, a literal, or a copy of sixteen bytes takes.
const smallCell = 48

// room makes sure of n bytes behind dst.
func room(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		return append(dst, make([]byte, n)...)[:len(dst)]
	}
	return dst
}

// tail is the first byte behind dst.
func tail(dst []byte) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(dst)), len(dst))
}

// copy16 copies n bytes, sixteen at a time.
func copy16(to, from unsafe.Pointer, n int) {
	type sixteen [2]uint64
	*(*sixteen)(to) = *(*sixteen)(from)
	for i := 16; i < n; i += 16 {
		*(*sixteen)(unsafe.Add(to, i)) = *(*sixteen)(unsafe.Add(from, i))
	}
}

// cell appends row i of a column.
func (e *encoder) cell(dst []byte, p *printer, i int) ([]byte, error) {
	if p.leaf {
		return e.leaf(dst, p, i, "")
	}
	v := p.column
	if v.IsNull(i) {
		return e.json.appendNull(dst, p.schema, 1)
	}
	switch v.Kind {
	case batch.KindObject, batch.KindStruct:
		return e.members(dst, p, i)
	case batch.KindArray:
		return e.list(dst, p, i)
	}
	if v.Schema.KeySchema == nil || v.Schema.KeySchema.Type != batch.String {
		return e.json.appendValue(dst, p.schema, e.b.Read(v, i), 1)
	}
	return e.mapping(dst, p, i)
}

// members appends an object: the kids with their names, but those that the row lacks.
func (e *encoder) members(dst []byte, p *printer, i int) (_ []byte, err error) {
	if p.table != 0 {
		return e.tableMembers(dst, p, i)
	}
	start := len(dst)
	for k := range p.kids {
		kid := &p.kids[k]
		if i < len(kid.plain) {
			dst = room(dst, len(kid.prefix)+smallCell)
			copy16(tail(dst), unsafe.Pointer(unsafe.StringData(kid.prefix)), len(kid.prefix))
			dst = e.plain(dst[:len(dst)+len(kid.prefix)], kid.tag, kid.plain[i])
			continue
		}
		if kid.leaf {
			if dst, err = e.leaf(dst, kid, i, kid.prefix); err != nil {
				return dst, err
			}
			continue
		}
		if dst, err = e.cell(append(dst, kid.prefix...), kid, i); err != nil {
			return dst, err
		}
	}
	if len(dst) == start {
		return append(dst, '{', '}'), nil
	}
	dst[start] = '{' // in place of the first comma
	return append(dst, '}'), nil
}

// leaf appends a cell behind a prefix; nothing at all where a member is missing.
func (e *encoder) leaf(dst []byte, p *printer, i int, prefix string) ([]byte, error) {
	v := p.column
	at := i & p.rows
	t := p.tag
	if p.tags != nil {
		t = p.tags[at]
	}
	if t == batch.TagMissing && prefix != "" && p.schema == nil {
		return dst, nil
	}
	dst = room(dst, len(prefix)+smallCell)
	if prefix != "" {
		copy16(tail(dst), unsafe.Pointer(unsafe.StringData(prefix)), len(prefix))
		dst = dst[:len(dst)+len(prefix)]
	}
	if v.Valid != nil && !v.Valid.Get(at) {
		return e.json.appendNull(dst, p.schema, 1)
	}
	cell := v.W[at]
	if p.word {
		return e.logical(dst, p, cell)
	}
	if isPlain(t) {
		return e.plain(dst, t, cell), nil
	}
	return e.tagged(dst, t, cell, p.schema)
}

// isPlain reports whether plain prints cells of a tag.
func isPlain(t batch.Tag) bool {
	return t == batch.TagJSON || t == batch.TagString || t >= batch.TagBool && t <= batch.TagInt64 || t == batch.TagFloat64
}

// plain appends a cell of the tags that most have. There is room for a small one.
func (e *encoder) plain(dst []byte, t batch.Tag, cell uint64) []byte {
	switch t {
	case batch.TagJSON:
		return e.scalar(dst, cell)
	case batch.TagString:
		return e.text(dst, cell)
	case batch.TagFloat64:
		return appendDouble(dst, batch.CellFloat64(cell))
	case batch.TagBool:
		return appendBool(dst, cell != 0)
	}
	return appendInt(dst, int64(cell))
}

// tagged appends what leaf leaves.
func (e *encoder) tagged(dst []byte, t batch.Tag, cell uint64, s *batch.Schema) ([]byte, error) {
	switch t {
	case batch.TagMissing, batch.TagNull:
		return e.json.appendNull(dst, s, 1)
	case batch.TagFloat32:
		return jackson.AppendFloat(dst, batch.CellFloat32(cell)), nil
	case batch.TagBytes:
		return jackson.AppendBase64(dst, e.b.Slab.Bytes(batch.View(cell))), nil
	case batch.TagJSONObject, batch.TagJSONArray:
		return e.tree(dst, batch.View(cell)), nil
	case batch.TagDecimal:
		return dst, noSchemaType(batch.Decimal{Unscaled: new(big.Int)})
	case batch.TagDate:
		return dst, noSchemaType(batch.Date(0))
	}
	return e.json.appendValue(dst, s, e.b.Boxed[cell], 1)
}

func (e *encoder) logical(dst []byte, p *printer, cell uint64) ([]byte, error) {
	s := p.column.Schema
	switch s.Logical() {
	case batch.LogicalTimestamp:
		return appendInt(dst, int64(cell)), nil
	case batch.LogicalDate, batch.LogicalTime:
		return appendDate(dst, s.Logical(), batch.Date(cell))
	}
	scale, unscaled := e.b.Slab.Decimal(batch.View(cell))
	if !e.json.numeric && int32(scale) == s.Scale() && len(s.Params) > 0 {
		if _, ok := s.Param("scale"); ok {
			return jackson.AppendBase64(dst, unscaled), nil
		}
	}
	return e.json.appendDecimal(dst, s, batch.Decimal{Unscaled: batch.BigIntFromBytes(unscaled), Scale: scale})
}

func (e *encoder) list(dst []byte, p *printer, i int) (_ []byte, err error) {
	v := p.column
	dst = append(dst, '[')
	for x := v.Offs[i]; x < v.Offs[i+1]; x++ {
		if x > v.Offs[i] {
			dst = append(dst, ',')
		}
		if dst, err = e.cell(dst, &p.kids[0], int(x)); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func (e *encoder) mapping(dst []byte, p *printer, i int) (_ []byte, err error) {
	v := p.column
	dst = append(dst, '{')
	for x := v.Offs[i]; x < v.Offs[i+1]; x++ {
		if x > v.Offs[i] {
			dst = append(dst, ',')
		}
		start := len(dst)
		if dst, err = e.cell(dst, &p.kids[0], int(x)); err != nil {
			return dst, err
		}
		if dst[start] != '"' { // a null key
			dst = jackson.AppendString(dst[:start], string(dst[start:]))
		}
		dst = append(dst, ':')
		if dst, err = e.cell(dst, &p.kids[1], int(x)); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// text appends a string cell in quotes. It is copied by words; where one of them has something that Jackson escapes, or
// may have, the string is done again, with care.
func (e *encoder) text(dst []byte, cell uint64) []byte {
	n := batch.View(cell).Len()
	from := unsafe.Add(e.base, batch.View(cell).Off())
	start := len(dst)
	dst = room(dst, n+smallCell)
	to := tail(dst)
	*(*byte)(to) = '"'
	to = unsafe.Add(to, 1)
	i := 0
	for ; i+8 <= n; i += 8 {
		w := wordAt(from, i)
		*(*uint64)(unsafe.Add(to, i)) = w
		if special(w) != 0 && escaped(w) {
			return jackson.AppendStringBytes(dst, unsafe.Slice((*byte)(from), n))
		}
	}
	if i < n {
		w := wordAt(from, i) & (1<<(8*(n-i)) - 1)
		*(*uint64)(unsafe.Add(to, i)) = w
		if w |= everySpace << (8 * (n - i)); special(w) != 0 && escaped(w) {
			return jackson.AppendStringBytes(dst, unsafe.Slice((*byte)(from), n))
		}
	}
	*(*byte)(unsafe.Add(to, n)) = '"'
	return dst[:start+n+2]
}

// escaped reports whether there may be a byte in w that Jackson escapes: a quote, a backslash, a control, the first byte
// of a surrogate, or of a character beyond the basic plane.
func escaped(w uint64) bool {
	q, s, d := w^everyQuote, w^everySlant, w^(0xED*everyOne)
	return ((q-everyOne)&^q|(s-everyOne)&^s|(d-everyOne)&^d|(w-everySpace)&^w|w&(w<<1)&(w<<2)&(w<<3))&everyHigh != 0
}

// appendBool appends a boolean. There is room for eight bytes.
func appendBool(dst []byte, on bool) []byte {
	const yes, no = 't' | 'r'<<8 | 'u'<<16 | 'e'<<24, 'f' | 'a'<<8 | 'l'<<16 | 's'<<24 | 'e'<<32
	if on {
		*(*uint64)(tail(dst)) = yes
		return dst[:len(dst)+4]
	}
	*(*uint64)(tail(dst)) = no
	return dst[:len(dst)+5]
}
