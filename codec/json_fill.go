// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/binary"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/jsontext"
	"github.com/penstock-io/penstock/internal/values"
)

// filler puts payloads under a schema into typed columns. It knows the ordinary cases only: at anything else it stops,
// what it wrote for the row is cut off again, and the row goes through valueReader, which has the exact rules and errors.
type filler struct {
	json  *JSON
	b     *batch.Batch
	p     *batch.Payload
	buf   []byte // the slab
	epoch uint64
	last  string // text of the schema met last
	entry *jsonSchema
	spans []span // of the members of the structs being filled
	split bool   // the splitter is at work in this batch
}

type span struct{ from, to int }

const errEnvelope = `JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain additional fields.` +
	` If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration.`

func (f *filler) decode(b *batch.Batch, side batch.Side) error {
	f.b, f.p, f.buf, f.split = b, b.Side(side), b.Slab.Buf(), false
	f.epoch++
	stage := batch.ConverterStage(side)
	for row, v := range views(b, side)[:b.N] {
		if v.IsNull() || b.IsDead(row) {
			b.AssignNull(f.p, row)
			continue
		}
		if err := f.row(row, v); err != nil {
			b.Fail(row, stage, err)
			b.AssignNull(f.p, row)
		}
	}
	if f.split {
		f.json.split.end()
	}
	f.p.Seal(b.N)
	f.b, f.p, f.buf = nil, nil, nil
	return nil
}

// row takes one text; the second time around it has been rewritten.
func (f *filler) row(row int, v batch.View) error {
	if f.json.content != nil {
		return f.bare(row, v)
	}
	for again := false; ; again = true {
		schema, payload, valid, fits := envelope(f.buf[:v.Off()+v.Len()], v.Off(), f.last)
		if !valid && !again {
			var err error
			if v, err = f.relaxed(v); err != nil {
				return err
			}
			continue
		}
		if !fits {
			return batch.DataFault(errEnvelope)
		}
		text := f.buf[schema[0]:schema[1]]
		if f.entry == nil || string(text) != f.last {
			e, err := f.json.read.schema(text)
			if err != nil {
				return err
			}
			f.entry, f.last = e, string(text)
		}
		return f.payload(row, f.entry, span{payload[0], payload[1]})
	}
}

// relaxed rewrites text that Jackson may take though RFC 8259 does not.
func (f *filler) relaxed(v batch.View) (batch.View, error) {
	text, err := relax(nil, f.b.Slab.Bytes(v))
	if err != nil {
		return v, syntaxFault(err)
	}
	v = f.b.Slab.Append(text)
	f.buf = f.b.Slab.Buf()
	return v, nil
}

// bare takes a text without envelope, whose schema is schema.content.
func (f *filler) bare(row int, v batch.View) error {
	i := jsontext.Space(f.buf[:v.Off()+v.Len()], v.Off())
	end, ok := jsontext.Value(f.buf[:v.Off()+v.Len()], i)
	if c := byte(0); ok {
		c = f.buf[i]
		ok = c == '{' || c == '[' || c == '"'
	}
	if !ok {
		w, err := f.relaxed(v)
		if err != nil {
			return err
		}
		i, end = w.Off(), w.Off()+w.Len()
	}
	return f.payload(row, f.json.content, span{i, end})
}

func (f *filler) payload(row int, e *jsonSchema, at span) error {
	if e.schema == nil {
		if !f.split {
			f.split = true
			f.json.split.begin(f.b, f.p)
		}
		f.json.split.reload()
		if !f.json.split.row(row, at.from, at.to) {
			panic("BUG: validated JSON is refused")
		}
		f.buf = f.b.Slab.Buf()
		return nil
	}
	if e.epoch != f.epoch {
		e.epoch, e.typed, e.loose = f.epoch, 0, 0
	}
	if e.typed == 0 {
		e.typed = f.p.Add(e.schema, f.b.NewColumn(e.schema)) + 1
	}
	root := f.p.Variants[e.typed-1].Root
	if e.direct {
		n := root.N
		f.spans = f.spans[:0]
		if f.put(root, e.schema, at) {
			f.p.Assign(e.typed-1, row)
			return nil
		}
		truncate(root, n)
	}
	x, err := valueReader{f.json.replaceNull}.read(e.schema, node(f.buf[at.from:at.to:at.to]))
	if err != nil {
		return err
	}
	defer func() { f.buf = f.b.Slab.Buf() }()
	if f.b.Append(root, x) {
		f.p.Assign(e.typed-1, row)
		return nil
	}
	if e.loose == 0 {
		column := f.b.NewVec()
		column.Kind, column.Schema = batch.KindDyn, e.schema
		e.loose = f.p.Add(e.schema, column) + 1
	}
	f.p.Variants[e.loose-1].Root.PushTag(batch.TagBoxed, f.b.Box(x))
	f.p.Assign(e.loose-1, row)
	return nil
}

// truncate cuts a typed column back to n rows.
func truncate(v *batch.Vec, n int) {
	v.N = n
	switch v.Kind {
	case batch.KindWords, batch.KindDyn:
		v.W = v.W[:n]
	case batch.KindStruct:
		for _, kid := range v.Kids {
			truncate(kid, n)
		}
	case batch.KindArray, batch.KindMap:
		v.Offs = v.Offs[:n+1]
		for _, kid := range v.Kids {
			truncate(kid, int(v.Offs[n]))
		}
	}
}

// put appends the value at a place in the text; an empty place is a missing member. False: not an ordinary case.
func (f *filler) put(v *batch.Vec, s *batch.Schema, at span) bool {
	if at.from == at.to || f.buf[at.from] == 'n' {
		if s.HasDefault && f.json.replaceNull {
			ok := f.b.Append(v, s.Default)
			f.buf = f.b.Slab.Buf()
			return ok
		}
		if s.Optional {
			f.b.AppendNull(v)
		}
		return s.Optional
	}
	switch s.Type {
	case batch.Struct:
		return f.buf[at.from] == '{' && f.structure(v, s, at)
	case batch.Array:
		return f.buf[at.from] == '[' && f.list(v, s, at)
	case batch.Map:
		return f.buf[at.from] == '{' && s.KeySchema.Type == batch.String && f.mapping(v, s, at)
	case batch.String:
		return f.buf[at.from] == '"' && f.text(v, at)
	case batch.Boolean:
		v.Push(batch.BoolCell(f.buf[at.from] == 't'))
		return true
	}
	n := node(f.buf[at.from:at.to])
	switch s.Logical() {
	case batch.NotLogical:
	case batch.LogicalDecimal:
		return f.decimal(v, s, n)
	default:
		return date(v, s, n)
	}
	if s.Type == batch.Bytes {
		return f.bytes(v, at)
	}
	return n.isNumber() && putNumber(v, s.Type, n)
}

func putNumber(v *batch.Vec, t batch.Type, n node) bool {
	switch t {
	case batch.Float32:
		v.Push(batch.Float32Cell(n.float()))
		return true
	case batch.Float64:
		v.Push(batch.Float64Cell(jsontext.Float(n)))
		return true
	}
	i, ok := jsontext.Int(n)
	if !ok {
		i = n.long()
	}
	switch t {
	case batch.Int8:
		i = int64(int8(i))
	case batch.Int16:
		i = int64(int16(i))
	case batch.Int32:
		i = int64(int32(i))
	}
	v.Push(batch.IntCell(i))
	return true
}

func date(v *batch.Vec, s *batch.Schema, n node) bool {
	if s.Logical() == batch.LogicalTimestamp {
		if !n.isIntegral() {
			return false
		}
		i, _ := jsontext.Int(n)
		v.Push(batch.IntCell(i))
		return true
	}
	if !n.isInt() {
		return false
	}
	i, _ := jsontext.Int(n)
	if s.Logical() == batch.LogicalDate {
		v.Push(batch.IntCell(int64(values.DaysToDate(int32(i)))))
		return true
	}
	v.Push(batch.IntCell(i))
	return i >= 0 && i <= values.DayMillis
}

// text appends a string: a view of the slab as it is, unless there are escapes.
func (f *filler) text(v *batch.Vec, at span) bool {
	tok := f.buf[at.from:at.to]
	if !jsontext.Escaped(tok) {
		v.Push(uint64(batch.MakeView(at.from+1, len(tok)-2)))
		return true
	}
	start := len(f.buf)
	f.buf = jsontext.AppendUnquoted(f.buf, tok)
	f.b.Slab.SetBuf(f.buf)
	v.Push(uint64(batch.MakeView(start, len(f.buf)-start)))
	return true
}

// base64 appends what a plain string decodes to.
func (f *filler) base64(at span) (start int, ok bool) {
	tok := f.buf[at.from:at.to]
	if tok[0] != '"' || jsontext.Escaped(tok) {
		return 0, false
	}
	start = len(f.buf)
	buf, err := appendBase64(f.buf, tok[1:len(tok)-1])
	if err != nil {
		return 0, false
	}
	f.buf = buf
	f.b.Slab.SetBuf(buf)
	return start, true
}

func (f *filler) bytes(v *batch.Vec, at span) bool {
	start, ok := f.base64(at)
	if ok {
		v.Push(uint64(batch.MakeView(start, len(f.buf)-start)))
	}
	return ok
}

func (f *filler) decimal(v *batch.Vec, s *batch.Schema, n node) bool {
	scale, err := values.Scale(s)
	if err != nil {
		return false
	}
	if n.isNumber() {
		d := values.FromNumber(n.decimal())
		f.b.Slab.SetBuf(f.buf)
		v.Push(uint64(f.b.Slab.AppendDecimal(d.Scale, batch.BigIntBytes(nil, d.Unscaled))))
		f.buf = f.b.Slab.Buf()
		return true
	}
	if n[0] != '"' || jsontext.Escaped(n) || len(n) <= 2 {
		return false
	}
	// The cell is the scale, then the bytes. BigInteger's shortest form is not the one sent, necessarily.
	start := len(f.buf)
	buf, err := appendBase64(binary.BigEndian.AppendUint32(f.buf, uint32(scale)), n[1:len(n)-1])
	if err != nil || len(buf) == start+4 {
		return false
	}
	unscaled := buf[start+4:]
	for len(unscaled) > 1 && (unscaled[0] == 0 && unscaled[1] < 0x80 || unscaled[0] == 0xFF && unscaled[1] >= 0x80) {
		copy(unscaled, unscaled[1:])
		unscaled = unscaled[:len(unscaled)-1]
	}
	f.buf = buf[:start+4+len(unscaled)]
	f.b.Slab.SetBuf(f.buf)
	v.Push(uint64(batch.MakeView(start, len(f.buf)-start)))
	return true
}

func (f *filler) structure(v *batch.Vec, s *batch.Schema, at span) bool {
	base := len(f.spans)
	for range s.Fields {
		f.spans = append(f.spans, span{})
	}
	if !f.scan(s, base, at) {
		return false
	}
	for k := range s.Fields {
		if !f.put(v.Kids[k], s.Fields[k].Schema, f.spans[base+k]) {
			return false
		}
	}
	f.spans = f.spans[:base]
	v.PushValid()
	return true
}

// scan notes where the fields of a struct are. Fields come in the schema's order mostly, so the next one is tried first.
func (f *filler) scan(s *batch.Schema, base int, at span) bool {
	buf := f.buf[:at.to]
	i := jsontext.Space(buf, at.from+1)
	next := 0
	for buf[i] != '}' {
		k := -1
		if next < len(s.Fields) {
			name := s.Fields[next].Name
			if end := i + 1 + len(name); end < len(buf) && buf[end] == '"' && string(buf[i+1:end]) == name && !jsontext.Escaped(buf[i:end]) {
				k, i = next, end+1
			}
		}
		if k < 0 {
			end, _ := jsontext.StringEnd(buf, i)
			tok := buf[i:end]
			if jsontext.Escaped(tok) {
				k = s.Field(node(tok).text())
			} else {
				k = s.Field(string(tok[1 : len(tok)-1]))
			}
			i = end
		}
		i = jsontext.Space(buf, jsontext.Space(buf, i)+1)
		end, ok := jsontext.Value(buf, i)
		if !ok {
			return false
		}
		if k >= 0 {
			f.spans[base+k] = span{i, end}
			next = k + 1
		}
		if i = jsontext.Space(buf, end); buf[i] == ',' {
			i = jsontext.Space(buf, i+1)
		}
	}
	return true
}

func (f *filler) list(v *batch.Vec, s *batch.Schema, at span) bool {
	i := jsontext.Space(f.buf, at.from+1)
	for f.buf[i] != ']' {
		end, ok := jsontext.Value(f.buf[:at.to], i)
		if !ok || !f.put(v.Kids[0], s.ValueSchema, span{i, end}) {
			return false
		}
		if i = jsontext.Space(f.buf, end); f.buf[i] == ',' {
			i = jsontext.Space(f.buf, i+1)
		}
	}
	v.PushValid()
	return true
}

// maxPlainKeys bounds the maps whose keys are compared one by one to find repetitions.
const maxPlainKeys = 32

func (f *filler) mapping(v *batch.Vec, s *batch.Schema, at span) bool {
	first := v.Kids[0].N
	i := jsontext.Space(f.buf, at.from+1)
	for f.buf[i] != '}' {
		end, _ := jsontext.StringEnd(f.buf, i)
		if !f.text(v.Kids[0], span{i, end}) || f.repeated(v.Kids[0], first) {
			return false
		}
		i = jsontext.Space(f.buf, jsontext.Space(f.buf, end)+1)
		end, ok := jsontext.Value(f.buf[:at.to], i)
		if !ok || !f.put(v.Kids[1], s.ValueSchema, span{i, end}) {
			return false
		}
		if i = jsontext.Space(f.buf, end); f.buf[i] == ',' {
			i = jsontext.Space(f.buf, i+1)
		}
	}
	v.PushValid()
	return true
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
