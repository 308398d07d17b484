// SPDX-License-Identifier: Apache-2.0

package values

import (
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/java/simpledate"
	"github.com/penstock-io/penstock/internal/java/text"
)

// Typed is a value with its schema (SchemaAndValue). A nil *Typed is Java's null, which parsing "null" gives.
type Typed struct {
	Schema *batch.Schema
	Value  any
}

// Parse is Values.parseString: it guesses what a text means. Numbers get the smallest type, dates and times in ISO form
// their logical type, [..] and {..:..} a list or map; anything else is the STRING itself. It never fails.
func Parse(s string) *Typed {
	if s == "" {
		return &Typed{batch.StringSchema, s}
	}
	p := parser{tokens: tokens{text: s}}
	t, err := p.parse(false, 0)
	if err != nil {
		return &Typed{batch.StringSchema, s}
	}
	return t
}

// tokens cuts a text at the delimiters : , { } [ ] " unless a backslash stands before them.
type tokens struct {
	text string
	at   int
	next string // taken from the text but not consumed
	prev string
}

func (t *tokens) mark() int { return t.at - len(t.next) }

func (t *tokens) rewind(at int) { t.at, t.next, t.prev = at, "", "" }

func (t *tokens) hasNext() bool { return t.next != "" || t.at < len(t.text) }

func (t *tokens) take() string {
	if t.next != "" {
		t.prev, t.next = t.next, ""
		return t.prev
	}
	t.prev = t.cut()
	return t.prev
}

// takeN takes n tokens as one text, or none and "" when there are fewer.
func (t *tokens) takeN(n int) string {
	start := t.mark()
	for range n {
		if !t.hasNext() {
			t.rewind(start)
			return ""
		}
		t.take()
	}
	return t.text[start:t.at]
}

func (t *tokens) cut() string {
	start := t.at
	escaped := false
	for t.at < len(t.text) {
		switch t.text[t.at] {
		case '\\':
			escaped = !escaped
		case ':', ',', '{', '}', '[', ']', '"':
			if !escaped {
				if start == t.at {
					t.at++
				}
				return t.text[start:t.at]
			}
			escaped = false
		default:
			escaped = false
		}
		t.at++
	}
	return t.text[start:]
}

// consume takes the next token if it is the one expected, white space around it aside.
func (t *tokens) consume(want string) bool {
	if t.next == "" {
		if t.at >= len(t.text) {
			return false
		}
		t.next = t.cut()
	}
	got := t.next
	if got != want {
		got = text.Trim(got)
		for got == "" && t.at < len(t.text) {
			// Blank tokens before the one wanted are skipped for good.
			t.next = t.cut()
			got = text.Trim(t.next)
		}
	}
	if got != want {
		return false
	}
	t.next = ""
	return true
}

type parser struct{ tokens }

// maxNesting bounds recursion; Java's stack ends somewhere beyond.
const maxNesting = 3000

func (p *parser) parse(embedded bool, depth int) (*Typed, error) {
	if depth > maxNesting {
		return nil, batch.DataFault("nested too deeply")
	}
	switch {
	case !p.hasNext():
		return nil, nil
	case embedded && p.consume(`"`):
		return p.quoted(), nil
	case p.literal(embedded, "null"):
		return nil, nil
	case p.literal(embedded, "true"):
		return &Typed{batch.BooleanSchema, true}, nil
	case p.literal(embedded, "false"):
		return &Typed{batch.BooleanSchema, false}, nil
	}
	start := p.mark()
	var t *Typed
	err := errNoCollection
	if p.consume("[") {
		t, err = p.array(depth)
	} else if p.consume("{") {
		t, err = p.mapping(depth)
	}
	if err == nil {
		return t, nil
	}
	if err != errNoCollection {
		p.rewind(start)
	}
	token := p.take()
	if text.Trim(token) == "" {
		return &Typed{batch.StringSchema, token}, nil
	}
	return p.scalar(embedded, text.Trim(token))
}

var errNoCollection error = batch.DataFault("neither a list nor a map")

// literal takes a word that stands alone: at the top nothing may follow it.
func (p *parser) literal(embedded bool, word string) bool {
	start := p.mark()
	if p.consume(word) && (embedded || !p.hasNext()) {
		return true
	}
	p.rewind(start)
	return false
}

func (p *parser) scalar(embedded bool, token string) (*Typed, error) {
	first, _ := text.DecodeRune(token)
	digit := number.Digit(first, 10) >= 0
	if digit {
		if t := p.splitTemporal(token); t != nil {
			return t, nil
		}
	}
	if digit || first == '+' || first == '-' {
		if t := parseNumber(token); t != nil {
			return t, nil
		}
	}
	if embedded {
		return nil, batch.DataFault("Failed to parse embedded value")
	}
	return &Typed{batch.StringSchema, p.text}, nil
}

func (p *parser) quoted() *Typed {
	var s strings.Builder
	for p.hasNext() && !p.consume(`"`) {
		s.WriteString(p.take())
	}
	if t := temporal(s.String()); t != nil {
		return t
	}
	return &Typed{batch.StringSchema, s.String()}
}

func (p *parser) array(depth int) (*Typed, error) {
	list := []any{}
	var m merger
	for p.hasNext() {
		if p.consume("]") {
			s := batch.NewSchema(batch.Schema{Type: batch.Array, ValueSchema: m.common})
			if m.common == nil {
				return &Typed{s, list}, nil
			}
			return alignList(s, list)
		}
		if p.consume(",") {
			return nil, batch.DataFault("Unable to parse an empty array element: " + p.text)
		}
		e, err := p.parse(true, depth+1)
		if err != nil {
			return nil, err
		}
		m.merge(e)
		list = append(list, e.value())
		at := p.mark()
		if p.consume("]") {
			p.rewind(at)
		} else if !p.consume(",") {
			return nil, batch.DataFault("Array elements missing ',' delimiter")
		}
	}
	return nil, batch.DataFault("Array is missing terminating ']': " + p.text)
}

func (t *Typed) value() any {
	if t == nil {
		return nil
	}
	return t.Value
}

func (p *parser) mapping(depth int) (*Typed, error) {
	m := &batch.MapValue{}
	var keys, vals merger
	for p.hasNext() {
		if p.consume("}") {
			return alignMap(m, keys.common, vals.common)
		}
		if p.consume(",") {
			return nil, batch.DataFault("Unable to parse a map entry with no key or value: " + p.text)
		}
		k, err := p.parse(true, depth+1)
		if err != nil {
			return nil, err
		}
		if k.value() == nil {
			return nil, batch.DataFault("Map entry may not have a null key: " + p.text)
		}
		if !p.consume(":") {
			return nil, batch.DataFault("Map entry is missing ':' in " + p.text)
		}
		v, err := p.parse(true, depth+1)
		if err != nil {
			return nil, err
		}
		putEntry(m, k.Value, v.value())
		p.consume(",")
		keys.merge(k)
		vals.merge(v)
	}
	return nil, batch.DataFault("Map is missing terminating '}': " + p.text)
}

// putEntry is Map.put.
func putEntry(m *batch.MapValue, k, v any) {
	if _, identity := k.([]byte); !identity {
		for i := range m.Entries {
			if batch.ValueEqual(m.Entries[i].Key, k) {
				m.Entries[i].Value = v
				return
			}
		}
	}
	m.Entries = append(m.Entries, batch.Entry{Key: k, Value: v})
}

func alignList(s *batch.Schema, list []any) (*Typed, error) {
	out := make([]any, 0, len(list))
	for _, e := range list {
		v, err := ConvertTo(s.ValueSchema, nil, e)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return &Typed{s, out}, nil
}

func alignMap(m *batch.MapValue, ks, vs *batch.Schema) (*Typed, error) {
	if ks == nil {
		return &Typed{batch.NewSchema(batch.Schema{Type: batch.Map}), m}, nil
	}
	out := &batch.MapValue{}
	for _, e := range m.Entries {
		k, err := ConvertTo(ks, nil, e.Key)
		if err != nil {
			return nil, err
		}
		v := e.Value
		if vs != nil {
			if v, err = ConvertTo(vs, nil, v); err != nil {
				return nil, err
			}
		}
		putEntry(out, k, v)
	}
	return &Typed{batch.NewSchema(batch.Schema{Type: batch.Map, KeySchema: ks, ValueSchema: vs}), out}, nil
}

// splitTemporal puts a time together that the colons in it have cut into five tokens.
func (p *parser) splitTemporal(token string) *Typed {
	at := p.mark()
	if rest := p.takeN(4); rest != "" {
		if t := temporal(token + rest); t != nil {
			return t
		}
	}
	p.rewind(at)
	return temporal(token)
}

func parseNumber(token string) *Typed {
	d, err := number.ParseDecimal(token)
	if err != nil {
		return nil
	}
	if t := exact(d); t != nil {
		return t
	}
	if d.Scale != 0 {
		if f := d.Float32(); !isInf(float64(f)) {
			return &Typed{batch.Float32Schema, f}
		}
		if f := d.Float64(); !isInf(f) {
			return &Typed{batch.Float64Schema, f}
		}
	}
	return &Typed{DecimalSchema(d.Scale), FromNumber(d)}
}

func isInf(f float64) bool { return f > maxDouble || f < -maxDouble }

const maxDouble = 0x1p1023 * (1 + (1 - 0x1p-52))

// exact gives a whole number of up to 64 bits its smallest type.
func exact(d number.Decimal) *Typed {
	n, err := d.Int64Exact()
	if err != nil {
		return nil
	}
	switch {
	case n == int64(int8(n)):
		return &Typed{batch.Int8Schema, int8(n)}
	case n == int64(int16(n)):
		return &Typed{batch.Int16Schema, int16(n)}
	case n == int64(int32(n)):
		return &Typed{batch.Int32Schema, int32(n)}
	}
	return &Typed{batch.Int64Schema, n}
}

// Shared schemas of the logical types.
var (
	dateSchema      = batch.DateSchema(false)
	timeSchema      = batch.TimeSchema(false)
	timestampSchema = batch.TimestampSchema(false)

	dateFormat      = lazyFormat("yyyy-MM-dd")
	timeFormat      = lazyFormat("HH:mm:ss.SSS'Z'")
	timestampFormat = lazyFormat("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'")
)

// temporal reads a date, time or timestamp, told by length; nil when it is none.
func temporal(token string) *Typed {
	token = strings.ReplaceAll(token, `\:`, ":")
	var s *batch.Schema
	var f *simpledate.Format
	switch text.UTF16Len(token) {
	case len("HH:mm:ss.SSSZ"):
		s, f = timeSchema, timeFormat()
	case len("yyyy-MM-ddTHH:mm:ss.SSSZ"):
		s, f = timestampSchema, timestampFormat()
	case len("yyyy-MM-dd"):
		s, f = dateSchema, dateFormat()
	default:
		return nil
	}
	ms, _, ok := f.Parse(token)
	if !ok {
		return nil
	}
	return &Typed{s, batch.Date(ms)}
}

// merger finds the schema that all elements fit, nulls aside.
type merger struct {
	common *batch.Schema
	failed bool
}

func (m *merger) merge(t *Typed) {
	if t == nil || t.Schema == nil || m.failed {
		return
	}
	if m.common == nil {
		m.common = t.Schema
		return
	}
	m.common = mergeSchemas(m.common, t.Schema)
	m.failed = m.common == nil
}

// rank orders the numeric types by width; -1 for others.
func rank(t batch.Type) int {
	switch t {
	case batch.Int8, batch.Int16, batch.Int32, batch.Int64, batch.Float32, batch.Float64:
		return int(t)
	}
	return -1
}

func mergeSchemas(a, b *batch.Schema) *batch.Schema {
	if a.Type != b.Type {
		ra, rb := rank(a.Type), rank(b.Type)
		switch {
		case ra < 0 || rb < 0:
			return nil
		case ra > rb:
			return a
		}
		return b
	}
	if a.Optional == b.Optional {
		if a.Optional {
			return a
		}
		return b
	}
	if !a.Equal(b) {
		return nil
	}
	return a
}
