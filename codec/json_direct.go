// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/binary"
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/jsontext"
	"github.com/penstock-io/penstock/internal/values"
)

// The functions below validate and decode the text of a row in one go: each appends what it reads at i to the plan's
// column and returns the index after it, or -1 for what is not an ordinary case. Like those of json_tokens.go they may
// look past the end of the row; who calls them compares the index with the end.

// value appends one value.
func (f *filler) value(p *plan, i int) int {
	base := f.base
	ch := byteAt(base, i)
	switch p.kind {
	case planText:
		if ch == '"' {
			if next := plainString(base, i+1, f.end); next >= 0 && next-i <= jsontext.MaxStringBytes {
				push(p.column, uint64(batch.MakeView(i+1, next-i-2)))
				return next
			}
			return f.text(p.column, i)
		}
	case planInt8, planInt16, planInt32, planInt64, planDate, planTime, planTimestamp:
		if ch <= '9' {
			return f.integer(p, i)
		}
	case planFloat32, planFloat64:
		if ch <= '9' {
			return f.float(p, i)
		}
	case planBool:
		if ch == 't' || ch == 'f' {
			push(p.column, batch.BoolCell(ch == 't'))
			return word(base, i)
		}
	case planStruct:
		if ch == '{' {
			return f.structure(p, i)
		}
	case planArray:
		if ch == '[' {
			return f.list(p, i)
		}
	case planMap:
		if ch == '{' {
			return f.mapping(p, i)
		}
	case planBytes:
		if ch == '"' {
			return f.bytes(p.column, i, -1)
		}
	case planDecimal:
		if ch == '"' {
			return f.bytes(p.column, i, int64(p.scale))
		}
		if ch <= '9' {
			return f.decimal(p, i)
		}
	}
	if ch == 'n' && f.null(p) {
		return word(base, i)
	}
	return -1
}

// push is Vec.Push for columns that have no nulls yet, mostly.
func push(v *batch.Vec, cell uint64) {
	if v.Valid != nil {
		v.Push(cell)
		return
	}
	v.W = append(v.W, cell)
	v.N++
}

// null appends what a null, or no member at all, becomes; false where that is an error.
func (f *filler) null(p *plan) bool {
	switch {
	case p.kind == planNone:
		return false
	case p.fill:
		ok := f.b.Append(p.column, p.schema.Default)
		f.reload()
		return ok
	case !p.schema.Optional:
		return false
	}
	f.b.AppendNull(p.column)
	return true
}

// reload looks at the slab again after something was appended to it, and makes sure of the slack behind it. Old memory
// stays good for the row at work, and so does a base that was taken before.
func (f *filler) reload() {
	f.b.Slab.Reserve(0)
	f.buf = f.b.Slab.Buf()
	f.base = unsafe.Pointer(unsafe.SliceData(f.buf))
}

// space skips white space, of which there is none or a blank as a rule.
func (f *filler) space(i int) int {
	if byteAt(f.base, i) > ' ' {
		return i
	}
	return jsontext.Space(f.buf[:f.end], i)
}

// structure takes members in any order, the schema's by preference. A key that comes twice is not an ordinary case.
func (f *filler) structure(p *plan, i int) int {
	base, end := f.base, f.end
	pos, next, filled := p.column.N, 0, 0
	i = f.space(i + 1)
	if byteAt(base, i) == '}' {
		return f.endStruct(p, i, filled)
	}
	for i < end {
		k := next
		if k < len(p.keys) && p.keys[k].matches(base, i, end) {
			i += len(p.keys[k].quoted)
		} else if k, i = p.find(f, i, next); i < 0 {
			return -1
		}
		i = f.space(i)
		if k >= 0 {
			kid := &p.kids[k]
			if i >= end || kid.kind == planNone || kid.column.N != pos {
				return -1
			}
			i = f.value(kid, i)
			filled++
			next = k + 1
		} else {
			i = f.skip(i)
		}
		if i < 0 {
			return -1
		}
		if i = f.space(i); i >= end {
			return -1
		}
		if c := byteAt(base, i); c != ',' {
			if c == '}' {
				return f.endStruct(p, i, filled)
			}
			return -1
		}
		i = f.space(i + 1)
	}
	return -1
}

// skip passes over a value that nobody asked for.
func (f *filler) skip(i int) int {
	next := -1
	switch ch := byteAt(f.base, i); {
	case ch == '"':
		next, _ = stringAt(f.base, i, f.end)
	case ch <= '9':
		if end, ok := jsontext.NumberEnd(f.buf[:f.end], i); ok {
			next = end
		}
	default:
		next = nested(f.base, i, f.end)
	}
	return next
}

// endStruct fills what the members left out. i is the closing brace.
func (f *filler) endStruct(p *plan, i, filled int) int {
	if i >= f.end {
		return -1
	}
	if filled < len(p.kids) {
		pos := p.column.N
		for k := range p.kids {
			if kid := &p.kids[k]; kid.kind == planNone || kid.column.N == pos && !f.null(kid) {
				return -1
			}
		}
	}
	p.column.PushValid()
	return i + 1
}

func (f *filler) list(p *plan, i int) int {
	base, end := f.base, f.end
	item := &p.kids[0]
	if item.kind == planNone {
		return -1
	}
	if i = f.space(i + 1); byteAt(base, i) == ']' {
		p.column.PushValid()
		return i + 1
	}
	for i < end {
		if i = f.value(item, i); i < 0 {
			return -1
		}
		i = f.space(i)
		if c := byteAt(base, i); c != ',' {
			if c != ']' {
				return -1
			}
			p.column.PushValid()
			return i + 1
		}
		i = f.space(i + 1)
	}
	return -1
}

// maxPlainKeys bounds the maps whose keys are compared one by one to find repetitions.
const maxPlainKeys = 32

// mapping takes the maps whose keys are strings.
func (f *filler) mapping(p *plan, i int) int {
	base, end := f.base, f.end
	keys, item := p.column.Kids[0], &p.kids[1]
	first := keys.N
	if item.kind == planNone {
		return -1
	}
	if i = f.space(i + 1); byteAt(base, i) == '}' {
		p.column.PushValid()
		return i + 1
	}
	for i < end && byteAt(base, i) == '"' {
		from := i
		if i = f.text(keys, i); i < 0 || i-from > jsontext.MaxNameBytes || f.repeated(keys, first) {
			return -1
		}
		if i = f.space(i); byteAt(base, i) != ':' {
			return -1
		}
		if i = f.space(i + 1); i >= end {
			return -1
		}
		if i = f.value(item, i); i < 0 {
			return -1
		}
		i = f.space(i)
		if c := byteAt(base, i); c != ',' {
			if c != '}' {
				return -1
			}
			p.column.PushValid()
			return i + 1
		}
		i = f.space(i + 1)
	}
	return -1
}

// repeated reports whether the key added last is among the others of its map, or too many to tell cheaply.
func (f *filler) repeated(keys *batch.Vec, first int) bool {
	if keys.N-first > maxPlainKeys {
		return true
	}
	last := f.b.Slab.Bytes(keys.View(keys.N - 1))
	for i := first; i < keys.N-1; i++ {
		if string(f.b.Slab.Bytes(keys.View(i))) == string(last) {
			return true
		}
	}
	return false
}

// text appends a string: a view of the slab as it is, unless there are escapes.
func (f *filler) text(v *batch.Vec, i int) int {
	next, escaped := stringAt(f.base, i, f.end)
	if next < 0 || next > f.end {
		return -1
	}
	if !escaped {
		push(v, uint64(batch.MakeView(i+1, next-i-2)))
		return next
	}
	start := len(f.buf)
	f.b.Slab.SetBuf(jsontext.AppendUnquoted(f.buf, f.buf[i:next]))
	f.reload()
	push(v, uint64(batch.MakeView(start, len(f.buf)-start)))
	return next
}

// integer appends a number as an integer, or as the Date, Time or Timestamp that it stands for.
func (f *filler) integer(p *plan, i int) int {
	n, next := integerAt(f.base, i)
	if next < 0 {
		var ok bool
		if next, ok = jsontext.NumberEnd(f.buf[:f.end], i); !ok {
			return -1
		}
		tok := node(f.buf[i:next])
		if p.kind >= planDate && (p.kind != planTimestamp || !tok.isIntegral()) {
			return -1
		}
		n = tok.long()
	}
	switch p.kind {
	case planInt8:
		n = int64(int8(n))
	case planInt16:
		n = int64(int16(n))
	case planInt32:
		n = int64(int32(n))
	case planDate:
		if n != int64(int32(n)) {
			return -1
		}
		n = int64(values.DaysToDate(int32(n)))
	case planTime:
		if n < 0 || n > values.DayMillis {
			return -1
		}
	}
	push(p.column, batch.IntCell(n))
	return next
}

// maxSingle is the largest integer up to which every one is exact in a float.
const maxSingle = 1 << 24

func (f *filler) float(p *plan, i int) int {
	n, places, next := decimalAt(f.base, i)
	single := p.kind == planFloat32
	if next >= 0 && (!single || n <= maxSingle && n >= -maxSingle && places <= 10) {
		if single {
			push(p.column, batch.Float32Cell(float32(n)/float32(tens[places])))
		} else {
			push(p.column, batch.Float64Cell(float64(n)/tens[places]))
		}
		return next
	}
	next, ok := jsontext.NumberEnd(f.buf[:f.end], i)
	if !ok {
		return -1
	}
	tok := node(f.buf[i:next])
	if single {
		push(p.column, batch.Float32Cell(tok.float()))
	} else {
		push(p.column, batch.Float64Cell(jsontext.Float(tok)))
	}
	return next
}

// bytes appends what a plain string decodes to: with a scale in front as a Decimal, else alone. BigInteger's shortest form
// is not the one sent, necessarily.
func (f *filler) bytes(v *batch.Vec, i int, scale int64) int {
	next := plainString(f.base, i+1, f.end)
	if next < 0 || next > f.end {
		return -1
	}
	buf, start := f.buf, len(f.buf)
	if scale >= 0 {
		buf = binary.BigEndian.AppendUint32(buf, uint32(scale))
	}
	from := len(buf)
	buf, err := appendBase64(buf, f.buf[i+1:next-1])
	if err != nil || scale >= 0 && len(buf) == from {
		return -1
	}
	if scale >= 0 {
		unscaled := buf[from:]
		for len(unscaled) > 1 && (unscaled[0] == 0 && unscaled[1] < 0x80 || unscaled[0] == 0xFF && unscaled[1] >= 0x80) {
			copy(unscaled, unscaled[1:])
			unscaled = unscaled[:len(unscaled)-1]
		}
		buf = buf[:from+len(unscaled)]
	}
	f.b.Slab.SetBuf(buf)
	push(v, uint64(batch.MakeView(start, len(buf)-start)))
	f.reload()
	return next
}

// decimal appends a number as a Decimal, with the scale that its digits have.
func (f *filler) decimal(p *plan, i int) int {
	next, ok := jsontext.NumberEnd(f.buf[:f.end], i)
	if !ok {
		return -1
	}
	if n, places, stop := decimalAt(f.base, i); stop == next {
		var raw [8]byte
		binary.BigEndian.PutUint64(raw[:], uint64(n))
		short := raw[:]
		for len(short) > 1 && (short[0] == 0 && short[1] < 0x80 || short[0] == 0xFF && short[1] >= 0x80) {
			short = short[1:]
		}
		push(p.column, uint64(f.b.Slab.AppendDecimal(int32(places), short)))
	} else {
		d := values.FromNumber(node(f.buf[i:next]).decimal())
		push(p.column, uint64(f.b.Slab.AppendDecimal(d.Scale, batch.BigIntBytes(nil, d.Unscaled))))
	}
	f.reload()
	return next
}
