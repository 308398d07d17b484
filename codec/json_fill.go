// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/jsontext"
)

// filler puts payloads under a schema into typed columns. It knows the ordinary cases only: at anything else it stops,
// what it wrote for the row is cut off again, and the row goes through valueReader, which has the exact rules and errors.
type filler struct {
	json    *JSON
	b       *batch.Batch
	p       *batch.Payload
	buf     []byte         // the slab
	base    unsafe.Pointer // its first byte
	end     int            // of the row at work
	epoch   uint64
	recent  [recentSchemas]*jsonSchema // those met last, the last one first
	split   bool                       // the splitter is at work in this batch
	scratch []byte
}

// recentSchemas is how many schemas' envelopes are looked for in a row before it is taken apart.
const recentSchemas = 4

// maxEnvelope is how much more than its schema an envelope may be that is remembered.
const maxEnvelope = 1024

type span struct{ from, to int }

const errEnvelope = `JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain additional fields.` +
	` If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration.`

func (f *filler) decode(b *batch.Batch, side batch.Side) error {
	f.b, f.p, f.split = b, b.Side(side), false
	f.reload()
	f.epoch++
	stage := batch.ConverterStage(side)
	for row, v := range views(b, side)[:b.N] {
		if v.IsNull() || b.IsDead(row) {
			b.AssignNull(f.p, row)
			continue
		}
		if f.expected(row, v) {
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
	f.b, f.p, f.buf, f.base = nil, nil, nil, nil
	return nil
}

// expected takes a row that starts as one of the rows before did, up to its payload. It reports false, leaving no trace,
// for any other row, and for a payload that is not ordinary.
func (f *filler) expected(row int, v batch.View) bool {
	from, end := v.Off(), v.Off()+v.Len()
	for k, e := range f.recent {
		if e == nil {
			return false
		}
		n := len(e.prefix)
		if n == 0 || n >= v.Len() || unsafe.String((*byte)(unsafe.Add(f.base, from)), n) != e.prefix {
			continue
		}
		f.open(e)
		f.end = end
		root := e.plan.column
		pos := root.N
		if i := f.value(&e.plan, from+n); i >= 0 {
			if i = f.space(i); i < end && byteAt(f.base, i) == '}' {
				f.p.Assign(e.typed-1, row)
				f.met(k, e)
				return true
			}
		}
		truncate(root, pos)
		return false
	}
	return false
}

// met puts the schema at place k of the recent ones first.
func (f *filler) met(k int, e *jsonSchema) {
	if k > 0 {
		copy(f.recent[1:k+1], f.recent[:k])
		f.recent[0] = e
	}
}

// open gives a schema that is not null its variant in the batch at work.
func (f *filler) open(e *jsonSchema) {
	if e.epoch == f.epoch {
		return
	}
	root := f.b.NewColumn(e.schema)
	e.epoch, e.loose = f.epoch, 0
	e.typed = f.p.Add(e.schema, root) + 1
	if e.direct {
		e.plan.bind(root, f.b.N, 0)
	}
}

// row takes one text; the second time around it has been rewritten.
func (f *filler) row(row int, v batch.View) error {
	if f.json.content != nil {
		return f.bare(row, v)
	}
	last := ""
	if f.recent[0] != nil {
		last = f.recent[0].text
	}
	for again := false; ; again = true {
		schema, payload, valid, fits := envelope(f.buf[:v.Off()+v.Len()], v.Off(), last)
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
		e, err := f.entry(f.buf[schema[0]:schema[1]])
		if err != nil {
			return err
		}
		if e.learned != f.epoch && e.schema != nil && e.direct && schema[0] < payload[0] {
			if prefix := f.buf[v.Off():payload[0]]; len(prefix) < len(e.text)+maxEnvelope && string(prefix) != e.prefix {
				e.prefix, e.learned = string(prefix), f.epoch
			}
		}
		return f.payload(row, e, span{payload[0], payload[1]})
	}
}

// entry finds the schema of a text.
func (f *filler) entry(text []byte) (*jsonSchema, error) {
	for k, e := range f.recent {
		if e == nil {
			break
		}
		if string(text) == e.text {
			f.met(k, e)
			return e, nil
		}
	}
	e, err := f.json.read.schema(text)
	if err == nil {
		copy(f.recent[1:], f.recent[:])
		f.recent[0] = e
	}
	return e, err
}

// relaxed rewrites text that Jackson may take though RFC 8259 does not.
func (f *filler) relaxed(v batch.View) (batch.View, error) {
	text, err := relax(nil, f.b.Slab.Bytes(v))
	if err != nil {
		return v, syntaxFault(err)
	}
	v = f.b.Slab.Append(text)
	f.reload()
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
		f.reload()
		return nil
	}
	f.open(e)
	root := f.p.Variants[e.typed-1].Root
	if e.direct {
		n := root.N
		f.end = at.to
		if f.value(&e.plan, at.from) == at.to {
			f.p.Assign(e.typed-1, row)
			return nil
		}
		truncate(root, n)
	}
	x, err := valueReader{f.json.replaceNull}.read(e.schema, node(f.buf[at.from:at.to:at.to]))
	if err != nil {
		return err
	}
	defer f.reload()
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
