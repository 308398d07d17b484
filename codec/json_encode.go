// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"math/big"
	"strconv"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/jackson"
	"github.com/penstock-io/penstock/internal/jsontext"
)

// encoder prints columns as JSON, row by row. Names are printed once per batch; cells that are still JSON text are
// copied where Jackson would print the same, and reprinted where not.
type encoder struct {
	json  *JSON
	b     *batch.Batch
	names map[*batch.Vec][]string // `,"name":` of each kid
	texts map[string]string       // name -> `,"name":`
}

// Encode appends the bytes of every live row to b.Out.
func (j *JSON) Encode(b *batch.Batch, side batch.Side) error {
	e := &j.enc
	e.begin(b)
	p, out, stage := b.Side(side), b.Out.Side(side, b.N), batch.ConverterStage(side)
	for k := range p.Variants {
		v := &p.Variants[k]
		var head []byte
		var err error
		if j.schemas {
			if head, err = e.head(v.Schema); err != nil {
				e.failAll(v, stage, err)
				continue
			}
		}
		for pos := range v.Root.N {
			row := v.Row(pos)
			if b.IsDead(row) || v.Schema == nil && v.Root.Kind == batch.KindDyn && e.isNull(v.Root, pos) {
				continue
			}
			start := len(b.Out.Buf)
			buf := append(b.Out.Buf, head...)
			if buf, err = e.cell(buf, v.Root, v.Schema, pos); err != nil {
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
	e.b = nil
	return nil
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

// head is what precedes the payload in an envelope.
func (e *encoder) head(s *batch.Schema) ([]byte, error) {
	head := []byte(`{"schema":null,"payload":`)
	if s != nil {
		text, err := e.json.write.text(s)
		if err != nil {
			return nil, err
		}
		head = append(append([]byte(`{"schema":`), text...), `,"payload":`...)
	}
	return head, nil
}

const maxNames = 4096

func (e *encoder) begin(b *batch.Batch) {
	e.b = b
	if e.names == nil {
		e.names = map[*batch.Vec][]string{}
	}
	clear(e.names)
	if e.texts == nil || len(e.texts) > maxNames {
		e.texts = map[string]string{}
	}
}

// prefixes are the names of v's kids as they are printed.
func (e *encoder) prefixes(v *batch.Vec) []string {
	if p, ok := e.names[v]; ok {
		return p
	}
	p := make([]string, 0, len(v.Kids))
	for k := range v.Kids {
		name := ""
		if v.Kind == batch.KindObject {
			name = v.Names[k]
		} else {
			name = v.Schema.Fields[k].Name
		}
		t, ok := e.texts[name]
		if !ok {
			t = string(append(jackson.AppendString([]byte{','}, name), ':'))
			e.texts[name] = t
		}
		p = append(p, t)
	}
	e.names[v] = p
	return p
}

// cell appends row i of a column; s is the schema it is declared under.
func (e *encoder) cell(dst []byte, v *batch.Vec, s *batch.Schema, i int) ([]byte, error) {
	if v.Kind == batch.KindDyn {
		return e.tagged(dst, v.TagAt(i), v.Cell(i), s)
	}
	if v.IsNull(i) {
		return e.json.appendNull(dst, s, 1)
	}
	switch v.Kind {
	case batch.KindObject:
		return e.object(dst, v, i)
	case batch.KindStruct:
		return e.structure(dst, v, i)
	case batch.KindArray:
		return e.list(dst, v, i)
	case batch.KindMap:
		if v.Schema.KeySchema == nil || v.Schema.KeySchema.Type != batch.String {
			return e.json.appendValue(dst, s, e.b.Read(v, i), 1)
		}
		return e.mapping(dst, v, i)
	}
	return e.word(dst, v.Schema, v.Cell(i))
}

func (e *encoder) word(dst []byte, s *batch.Schema, cell uint64) ([]byte, error) {
	switch s.Logical() {
	case batch.LogicalDecimal:
		scale, unscaled := e.b.Slab.Decimal(batch.View(cell))
		if !e.json.numeric && int32(scale) == s.Scale() && len(s.Params) > 0 {
			if _, ok := s.Param("scale"); ok {
				return jackson.AppendBase64(dst, unscaled), nil
			}
		}
		return e.json.appendDecimal(dst, s, batch.Decimal{Unscaled: batch.BigIntFromBytes(unscaled), Scale: scale})
	case batch.LogicalDate, batch.LogicalTime, batch.LogicalTimestamp:
		return appendDate(dst, s.Logical(), batch.Date(cell))
	}
	return e.tagged(dst, batch.TagOf(s.Type), cell, s)
}

func (e *encoder) tagged(dst []byte, t batch.Tag, cell uint64, s *batch.Schema) ([]byte, error) {
	switch t {
	case batch.TagMissing, batch.TagNull:
		return e.json.appendNull(dst, s, 1)
	case batch.TagBool:
		return strconv.AppendBool(dst, cell != 0), nil
	case batch.TagInt8, batch.TagInt16, batch.TagInt32, batch.TagInt64:
		return jackson.AppendInt(dst, batch.Int(cell)), nil
	case batch.TagFloat32:
		return jackson.AppendFloat(dst, batch.CellFloat32(cell)), nil
	case batch.TagFloat64:
		return jackson.AppendDouble(dst, batch.CellFloat64(cell)), nil
	case batch.TagString:
		return jackson.AppendStringBytes(dst, e.b.Slab.Bytes(batch.View(cell))), nil
	case batch.TagBytes:
		return jackson.AppendBase64(dst, e.b.Slab.Bytes(batch.View(cell))), nil
	case batch.TagJSON, batch.TagJSONObject, batch.TagJSONArray:
		return appendJSON(dst, e.b.Slab.Bytes(batch.View(cell))), nil
	case batch.TagDecimal:
		return dst, noSchemaType(batch.Decimal{Unscaled: new(big.Int)})
	case batch.TagDate:
		return dst, noSchemaType(batch.Date(0))
	}
	return e.json.appendValue(dst, s, e.b.Boxed[cell], 1)
}

func (e *encoder) object(dst []byte, v *batch.Vec, i int) (_ []byte, err error) {
	names := e.prefixes(v)
	skip := 1 // the comma before the first name
	dst = append(dst, '{')
	for k, kid := range v.Kids {
		if kid.Kind == batch.KindDyn {
			t := kid.TagAt(i)
			if t == batch.TagMissing {
				continue
			}
			if t == batch.TagJSON {
				dst = append(dst, names[k][skip:]...)
				dst = appendJSON(dst, e.b.Slab.Bytes(kid.View(i)))
				skip = 0
				continue
			}
		}
		dst = append(dst, names[k][skip:]...)
		skip = 0
		if dst, err = e.cell(dst, kid, nil, i); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func (e *encoder) structure(dst []byte, v *batch.Vec, i int) (_ []byte, err error) {
	names := e.prefixes(v)
	dst = append(dst, '{')
	for k, kid := range v.Kids {
		name := names[k]
		if k == 0 {
			name = name[1:]
		}
		dst = append(dst, name...)
		if dst, err = e.cell(dst, kid, v.Schema.Fields[k].Schema, i); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func (e *encoder) list(dst []byte, v *batch.Vec, i int) (_ []byte, err error) {
	dst = append(dst, '[')
	for x := v.Offs[i]; x < v.Offs[i+1]; x++ {
		if x > v.Offs[i] {
			dst = append(dst, ',')
		}
		if dst, err = e.cell(dst, v.Kids[0], v.Schema.ValueSchema, int(x)); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func (e *encoder) mapping(dst []byte, v *batch.Vec, i int) (_ []byte, err error) {
	dst = append(dst, '{')
	for x := v.Offs[i]; x < v.Offs[i+1]; x++ {
		if x > v.Offs[i] {
			dst = append(dst, ',')
		}
		start := len(dst)
		if dst, err = e.cell(dst, v.Kids[0], v.Schema.KeySchema, int(x)); err != nil {
			return dst, err
		}
		if dst[start] != '"' { // a null key
			dst = jackson.AppendString(dst[:start], string(dst[start:]))
		}
		dst = append(dst, ':')
		if dst, err = e.cell(dst, v.Kids[1], v.Schema.ValueSchema, int(x)); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendJSON reprints validated text as Jackson prints what JsonConverter reads without schema: no white space, strings
// with Jackson's escapes, integers of 64 bits, reals as doubles.
func appendJSON(dst, text []byte) []byte {
	switch text[0] {
	case '"':
		return appendJSONString(dst, text)
	case '{', '[':
		dst, _ = appendTree(dst, text, 0)
		return dst
	case 't', 'f', 'n':
		return append(dst, text...)
	}
	return appendNumber(dst, text)
}

func appendJSONString(dst, tok []byte) []byte {
	if printsAsItIs(tok) {
		return append(dst, tok...)
	}
	if bytes.IndexByte(tok, '\\') >= 0 {
		return jackson.AppendStringBytes(dst, jsontext.AppendUnquoted(nil, tok))
	}
	return jackson.AppendStringBytes(dst, tok[1:len(tok)-1])
}

// printsAsItIs reports whether a validated string token has neither escapes nor characters beyond the basic plane, which
// Jackson would escape: no backslash and no byte from F0 up.
func printsAsItIs(tok []byte) bool {
	const ones, highs, slants = 0x0101010101010101, 0x8080808080808080, '\\' * 0x0101010101010101
	i := 0
	for ; i+8 <= len(tok); i += 8 {
		w := load(tok, i)
		s := w ^ slants
		if ((s-ones)&^s|w&(w<<1)&(w<<2)&(w<<3))&highs != 0 {
			return false
		}
	}
	for _, c := range tok[i:] {
		if c == '\\' || c >= 0xF0 {
			return false
		}
	}
	return true
}

// stringStop is the index after the validated string at text[i].
func stringStop(text []byte, i int) int {
	for j := i + 1; ; j++ {
		j += bytes.IndexByte(text[j:], '"')
		slants := 0
		for text[j-1-slants] == '\\' {
			slants++
		}
		if slants%2 == 0 {
			return j + 1
		}
	}
}

// appendNumber copies a number that Java would print the same: a short integer, or a real of at most 15 digits (which
// a double tells apart) between 10^-3 and 10^7 without needless zeros.
func appendNumber(dst, tok []byte) []byte {
	if canonical(tok) {
		return append(dst, tok...)
	}
	if n, ok := jsontext.Int(tok); ok {
		return jackson.AppendInt(dst, n)
	}
	return jackson.AppendDouble(dst, jsontext.Float(tok))
}

func canonical(tok []byte) bool {
	s := tok
	if s[0] == '-' {
		s = s[1:]
		if s[0] == '0' {
			return false
		}
	}
	whole := 0
	for whole < len(s) && s[whole]-'0' <= 9 {
		whole++
	}
	if whole == len(s) {
		return len(s) <= 18
	}
	fraction := s[whole+1:]
	if s[whole] != '.' || whole > 7 || len(s) > 16 || s[0] == '0' && (len(fraction) == 0 || fraction[0] == '0') {
		return false
	}
	for _, c := range fraction {
		if c-'0' > 9 {
			return false
		}
	}
	return len(fraction) == 1 || fraction[len(fraction)-1] != '0'
}

func appendTree(dst, text []byte, i int) ([]byte, int) {
	switch text[i] {
	case '{', '[':
	case '"':
		end := stringStop(text, i)
		return appendJSONString(dst, text[i:end]), end
	default:
		end, _ := jsontext.Value(text, i)
		return appendJSON(dst, text[i:end]), end
	}
	object := text[i] == '{'
	dst = append(dst, text[i])
	i = jsontext.Space(text, i+1)
	for text[i] != '}' && text[i] != ']' {
		if object {
			end := stringStop(text, i)
			dst = append(appendJSONString(dst, text[i:end]), ':')
			i = jsontext.Space(text, jsontext.Space(text, end)+1)
		}
		dst, i = appendTree(dst, text, i)
		if i = jsontext.Space(text, i); text[i] == ',' {
			dst = append(dst, ',')
			i = jsontext.Space(text, i+1)
		}
	}
	return append(dst, text[i]), i + 1
}
