// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
)

// avroDec is a step of the decoder, made for an Avro schema and the Connect schema that it is read as.
type avroDec struct {
	op     avroOp
	schema *batch.Schema
	size   int  // fixed: its size, else -1
	null   int  // opNullable and opUnion: the branch that is null, -1 for none
	empty  bool // a value may take no bytes at all
	noName bool // opDecimal: the schema has no scale, which is an error of every value
	kids   []*avroDec
	names  []string     // opEnum
	views  []batch.View // opEnum: the symbols in the slab of the batch at work
	epoch  uint64
}

// maxAvroEmpty bounds the elements of an array in a record that take no bytes: without it a few bytes could ask for
// billions of nulls.
const maxAvroEmpty = 1 << 20

// avroRow decodes rows.
type avroRow struct {
	b     *batch.Batch
	buf   []byte // the slab up to the end of the row
	at    int
	epoch uint64
	empty int
	seen  map[string]int // keys of a large map
}

func eofFault() error { return batch.NewFault("java.io.EOFException", "") }

func avroFault(class, message string) error { return batch.NewFault("org.apache.avro."+class, message) }

// newAvroDec makes the decoder of a schema.
func newAvroDec(s *batch.Schema, a *avroSchema) *avroDec {
	d := &avroDec{schema: s, size: -1, null: -1, op: leafOp(s)}
	if b, ok := a.isNullUnion(); ok {
		d.op = opNullable
		for i, x := range a.branches {
			if x.kind == avroNull {
				d.null = i
			}
		}
		d.kids = []*avroDec{newAvroDec(s, b)}
		return d
	}
	add := func(s *batch.Schema, a *avroSchema) { d.kids = append(d.kids, newAvroDec(s, a)) }
	switch a.kind {
	case avroFixed:
		d.size, d.empty = a.size, a.size == 0
	case avroEnum:
		d.op, d.names = opEnum, a.symbols
	case avroArray:
		if s.Type == batch.Array {
			d.op = opArray
			add(s.ValueSchema, a.items)
			break
		}
		d.op = opEntries
		add(s.KeySchema, a.items.fields[0].schema)
		add(s.ValueSchema, a.items.fields[1].schema)
	case avroMap:
		d.op = opMap
		add(s.KeySchema, &avroSchema{kind: avroString})
		add(s.ValueSchema, a.items)
	case avroRecord:
		d.op, d.empty = opRecord, true
		for i, f := range a.fields {
			add(s.Fields[i].Schema, f.schema)
			d.empty = d.empty && d.kids[i].empty
		}
	case avroUnion:
		d.op = opUnion
		for i, b := range a.branches {
			if b.kind == avroNull {
				d.null = i
				continue
			}
			add(s.Fields[len(d.kids)].Schema, b)
		}
	}
	if d.op == opDecimal {
		_, ok := s.Param("scale")
		d.noName = !ok
	}
	return d
}

// long reads an int or long; bits is 32 or 64.
func (r *avroRow) long(bits int) (int64, error) {
	if r.at < len(r.buf) && r.buf[r.at] < 0x80 {
		c := int64(r.buf[r.at])
		r.at++
		return c>>1 ^ -(c & 1), nil
	}
	return r.longer(bits)
}

func (r *avroRow) longer(bits int) (int64, error) {
	most := 10
	if bits == 32 {
		most = 5
	}
	var n uint64
	for i := range most {
		if r.at >= len(r.buf) {
			return 0, eofFault()
		}
		c := r.buf[r.at]
		r.at++
		n |= uint64(c&0x7F) << (7 * i)
		if c < 0x80 {
			if bits == 32 {
				n &= 1<<32 - 1
			}
			return int64(n>>1) ^ -int64(n&1), nil
		}
	}
	if bits == 32 {
		return 0, batch.NewFault("org.apache.avro.InvalidNumberEncodingException", "Invalid int encoding")
	}
	return 0, batch.NewFault("org.apache.avro.InvalidNumberEncodingException", "Invalid long encoding")
}

// take skips n bytes and returns where they start.
func (r *avroRow) take(n int64) (int, error) {
	if n < 0 {
		return 0, avroFault("AvroRuntimeException", "Malformed data. Length is negative: "+strconv.FormatInt(n, 10))
	}
	if n > int64(len(r.buf)-r.at) {
		return 0, eofFault()
	}
	at := r.at
	r.at += int(n)
	return at, nil
}

// reload takes the slab up again after it grew; the row's bytes are where they were.
func (r *avroRow) reload() { r.buf = r.b.Slab.Buf()[:len(r.buf)] }

// value appends one value to a column.
func (r *avroRow) value(d *avroDec, v *batch.Vec) error {
	switch d.op {
	case opInt, opDate, opTime, opTimestamp:
		return r.number(d, v)
	case opString, opBytes:
		return r.view(d, v)
	case opNullable:
		n, err := r.long(32)
		switch {
		case err != nil:
			return err
		case n == int64(d.null):
			r.b.AppendNull(v)
			return nil
		case n == 1-int64(d.null):
			return r.value(d.kids[0], v)
		}
		return badUnion(n)
	case opRecord:
		for i, kid := range d.kids {
			if err := r.value(kid, v.Kids[i]); err != nil {
				return err
			}
		}
		v.PushValid()
		return nil
	case opFloat:
		at, err := r.take(4)
		if err != nil {
			return err
		}
		v.Push(uint64(binary.LittleEndian.Uint32(r.buf[at:])))
	case opDouble:
		at, err := r.take(8)
		if err != nil {
			return err
		}
		v.Push(binary.LittleEndian.Uint64(r.buf[at:]))
	case opBool:
		at, err := r.take(1)
		if err != nil {
			return err
		}
		v.Push(batch.BoolCell(r.buf[at] == 1))
	case opDecimal:
		return r.decimal(d, v)
	case opEnum:
		return r.symbol(d, v)
	case opUnion:
		return r.union(d, v)
	default:
		return r.list(d, v)
	}
	return nil
}

func badUnion(n int64) error {
	return avroFault("AvroTypeException", "Union index out of bounds: "+strconv.FormatInt(n, 10))
}

func (r *avroRow) number(d *avroDec, v *batch.Vec) error {
	bits := 32
	if d.schema.Type == batch.Int64 {
		bits = 64
	}
	n, err := r.long(bits)
	if err != nil {
		return err
	}
	switch {
	case d.schema.Type == batch.Int8:
		n = int64(int8(n))
	case d.schema.Type == batch.Int16:
		n = int64(int16(n))
	case d.op == opDate:
		n *= values.DayMillis
	case d.op == opTime:
		t, err := values.MillisToTime(int32(n))
		if err != nil {
			return err
		}
		n = int64(t)
	}
	v.Push(batch.IntCell(n))
	return nil
}

// bytes finds the bytes of a string, bytes or fixed.
func (r *avroRow) bytes(d *avroDec) (at, n int, err error) {
	size := int64(d.size)
	if d.size < 0 {
		if size, err = r.long(64); err != nil {
			return 0, 0, err
		}
	}
	at, err = r.take(size)
	return at, int(size), err
}

func (r *avroRow) view(d *avroDec, v *batch.Vec) error {
	at, n, err := r.bytes(d)
	if err != nil {
		return err
	}
	cell := batch.MakeView(at, n)
	if d.op == opString && !utf8.Valid(r.buf[at:at+n]) {
		cell = r.b.Slab.AppendText(text.FromUTF8(r.buf[at : at+n]))
		r.reload()
	}
	v.Push(uint64(cell))
	return nil
}

func (r *avroRow) decimal(d *avroDec, v *batch.Vec) error {
	at, n, err := r.bytes(d)
	if err != nil {
		return err
	}
	p := r.buf[at : at+n]
	if d.noName || n == 0 {
		_, err := values.BytesToDecimal(d.schema, p)
		if err == nil {
			err = batch.NewFault(batch.NumberFormatException, "Zero length BigInteger")
		}
		return err
	}
	for len(p) > 1 && (p[0] == 0 && p[1] < 0x80 || p[0] == 0xFF && p[1] >= 0x80) { // the shortest form
		p = p[1:]
	}
	v.Push(uint64(r.b.Slab.AppendDecimal(d.schema.Scale(), p)))
	r.reload()
	return nil
}

func (r *avroRow) symbol(d *avroDec, v *batch.Vec) error {
	n, err := r.long(32)
	if err != nil {
		return err
	}
	if n < 0 || n >= int64(len(d.names)) {
		return avroFault("AvroTypeException", "Enumeration out of range: max is "+strconv.FormatInt(int64(len(d.names)), 10)+
			" but received "+strconv.FormatInt(n, 10))
	}
	if d.epoch != r.epoch {
		d.epoch, d.views = r.epoch, d.views[:0]
		for _, name := range d.names {
			d.views = append(d.views, r.b.Slab.AppendText(name))
		}
		r.reload()
	}
	v.Push(uint64(d.views[n]))
	return nil
}

func (r *avroRow) union(d *avroDec, v *batch.Vec) error {
	n, err := r.long(32)
	if err != nil {
		return err
	}
	if n == int64(d.null) {
		r.b.AppendNull(v)
		return nil
	}
	k := n
	if d.null >= 0 && n > int64(d.null) {
		k--
	}
	if k < 0 || k >= int64(len(d.kids)) {
		return badUnion(n)
	}
	for i, kid := range d.kids {
		if i != int(k) {
			r.b.AppendNull(v.Kids[i])
		} else if err := r.value(kid, v.Kids[i]); err != nil {
			return err
		}
	}
	v.PushValid()
	return nil
}

// list reads an array or a map: blocks of elements, each with its count, and with its size where the count is negative.
func (r *avroRow) list(d *avroDec, v *batch.Vec) error {
	from := v.Kids[0].N
	empty := true
	for _, kid := range d.kids {
		empty = empty && kid.empty
	}
	for {
		n, err := r.long(64)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		if n < 0 {
			if _, err := r.long(64); err != nil {
				return err
			}
			n = -n
		}
		if empty {
			if r.empty += int(min(uint64(n), maxAvroEmpty+1)); r.empty > maxAvroEmpty {
				return avroFault("SystemLimitException", "Cannot read collections larger than "+strconv.FormatInt(maxAvroEmpty, 10)+" items")
			}
		} else if n < 0 || n > int64(len(r.buf)-r.at) {
			return eofFault()
		}
		for range n {
			for i, kid := range d.kids {
				if err := r.value(kid, v.Kids[i]); err != nil {
					return err
				}
			}
		}
	}
	v.PushValid()
	if d.op != opArray {
		r.distinct(v, from)
	}
	return nil
}

// distinct drops the earlier of two entries of a map with one key, as putting them into a Java map does.
func (r *avroRow) distinct(v *batch.Vec, from int) {
	n := v.Kids[0].N - from
	if n < 2 || r.differ(v.Kids[0], from) {
		return
	}
	m := r.b.Read(v, v.N-1).(*batch.MapValue)
	kept := &batch.MapValue{Table: m.Table}
	places := map[string]int{} // of keys that are text
next:
	for _, e := range m.Entries {
		if text, ok := e.Key.(string); ok {
			if i, ok := places[text]; ok {
				kept.Entries[i].Value = e.Value
			} else {
				places[text] = len(kept.Entries)
				kept.Entries = append(kept.Entries, e)
			}
			continue
		}
		for i := range kept.Entries {
			if batch.ValueEqual(kept.Entries[i].Key, e.Key) {
				kept.Entries[i].Value = e.Value
				continue next
			}
		}
		kept.Entries = append(kept.Entries, e)
	}
	truncate(v, v.N-1)
	r.b.Append(v, kept)
	r.reload()
}

// differ reports that the keys from a row on are all different, or that there are not few of them to compare.
func (r *avroRow) differ(keys *batch.Vec, from int) bool {
	if keys.Kind != batch.KindWords {
		return false
	}
	text := keys.Schema.Type == batch.String
	if keys.N-from > 16 {
		return text && r.differMany(keys, from)
	}
	for i := from; i < keys.N; i++ {
		for j := from; j < i; j++ {
			if keys.W[i] == keys.W[j] || text && string(r.b.Slab.Bytes(keys.View(i))) == string(r.b.Slab.Bytes(keys.View(j))) {
				return false
			}
		}
	}
	return text || keys.Schema.Type != batch.Bytes
}

func (r *avroRow) differMany(keys *batch.Vec, from int) bool {
	if r.seen == nil {
		r.seen = map[string]int{}
	}
	clear(r.seen)
	for i := from; i < keys.N; i++ {
		r.seen[string(r.b.Slab.Bytes(keys.View(i)))] = i
	}
	return len(r.seen) == keys.N-from
}
