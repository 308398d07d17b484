// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math/big"
	"slices"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/values"
)

const headerFromClass = "org.apache.kafka.connect.transforms.HeaderFrom"

func init() {
	RegisterKeyAndValue(headerFromClass, headerFromConfig, newHeaderFrom)
}

var headerFromConfig = config.Def{
	config.List("fields").Required().High().Validate(config.NonEmptyList).
		Doc("Field names in the record whose values are to be copied or moved to headers."),
	config.List("headers").Required().High().Validate(config.NonEmptyList).
		Doc("Header names, in the same order as the field names listed in the fields configuration property."),
	config.String("operation").Required().High().In("move", "copy").
		Doc("Either move if the fields are to be moved to the headers (removed from the key/value), " +
			"or copy if the fields are to be copied to the headers (retained in the key/value)."),
	replaceNullKey(),
}

// HeaderFrom copies or moves fields of a struct or map to headers. A struct must have the fields, of a map missing ones
// become null headers. Nulls are errors.
type HeaderFrom struct {
	side     batch.Side
	fields   []string
	headers  []string
	move     bool
	defaults bool
	purpose  string
	schemas  schemaCache[*batch.Schema]
	cols     []*batch.Vec // of the fields, while a variant is worked on
	added    []batch.Header
}

func newHeaderFrom(v config.Values, side batch.Side) (Transform, error) {
	t := &HeaderFrom{side: side, fields: v.List("fields"), headers: v.List("headers")}
	if len(t.fields) != len(t.headers) {
		return nil, config.Plain("fields", "'fields' config must have the same number of elements as 'headers' config.")
	}
	t.move = v.String("operation") == "move"
	t.purpose = "header " + v.String("operation")
	var err error
	t.defaults, err = replaceNull(v)
	return t, err
}

// UsesHeaders reports that headers are written as values.
func (t *HeaderFrom) UsesHeaders() bool { return true }

// Apply adds the headers to each live row, and takes the columns out when they move.
func (t *HeaderFrom) Apply(b *batch.Batch) error {
	b.OpenObjects(t.side)
	alignTables(b, t.side, copiedTable)
	p := b.Side(t.side)
	for k := len(p.Variants) - 1; k >= 0; k-- {
		v := &p.Variants[k]
		switch {
		case v.Frozen:
			continue
		case v.Root.Kind == batch.KindObject:
			t.object(b, v)
			continue
		case v.Root.Kind == batch.KindStruct && t.structure(b, v):
			continue
		}
		b.Rewrite(p, k, func(row int, s *batch.Schema, x any) (*batch.Schema, any, bool) {
			s, x, err := t.row(b, row, s, x)
			if err != nil {
				b.Fail(row, batch.Transformation, err)
			}
			return s, x, err == nil
		})
	}
	return nil
}

// own is a column that the headers may keep: what stays in the payload as well may be edited there.
func (t *HeaderFrom) own(b *batch.Batch, kid *batch.Vec) *batch.Vec {
	if kid == nil || t.move {
		return kid
	}
	return b.Clone(kid)
}

func (t *HeaderFrom) object(b *batch.Batch, v *batch.Variant) {
	t.cols = t.cols[:0]
	for _, name := range t.fields {
		kid, _ := v.Root.Kid(name)
		t.cols = append(t.cols, t.own(b, kid))
	}
	var fresh []batch.Header
	for pos := range v.Root.N {
		row := v.Row(pos)
		if b.IsDead(row) {
			continue
		}
		hs := roomFor(b.Headers.Of(row), &fresh, pos, v.Root.N, len(t.cols))
		for i, kid := range t.cols {
			h := batch.Header{Key: t.headers[i], Decoded: true, Raw: batch.NullView}
			h.Column, h.Pos = kid, int32(pos)
			hs = append(hs, h)
		}
		b.Headers.Set(row, b.N, hs)
	}
	copyInPlace(b, v.Root)
	if !t.move {
		return
	}
	for _, name := range t.fields {
		if _, i := v.Root.Kid(name); i >= 0 {
			v.Root.DropKid(i)
		}
	}
}

// structure works where no row can fail; the others go row by row.
func (t *HeaderFrom) structure(b *batch.Batch, v *batch.Variant) bool {
	if hasNulls(v.Root, nil) || t.move && !sound(v.Root, t.defaults) {
		return false
	}
	t.cols = t.cols[:0]
	for _, name := range t.fields {
		kid, i := v.Root.Kid(name)
		if kid == nil || kid.Kind == batch.KindDyn || !v.Schema.Fields[i].Schema.Optional && hasNulls(kid, nil) {
			return false
		}
		t.cols = append(t.cols, t.own(b, kid))
	}
	var fresh []batch.Header
	for pos := range v.Root.N {
		row := v.Row(pos)
		if b.IsDead(row) {
			continue
		}
		hs := roomFor(b.Headers.Of(row), &fresh, pos, v.Root.N, len(t.cols))
		for i, kid := range t.cols {
			s := v.Schema.Fields[v.Schema.Field(t.fields[i])].Schema
			h := batch.Header{Key: t.headers[i], Schema: s, Column: kid, Pos: int32(pos), Decoded: true, Raw: batch.NullView}
			if t.defaults && s.HasDefault && kid.IsNull(pos) {
				h.Value, h.Column = s.Default, nil
			}
			hs = append(hs, h)
		}
		b.Headers.Set(row, b.N, hs)
	}
	if t.move {
		t.dropFields(b, v)
	}
	return true
}

// roomFor makes room for k more headers of one of n rows: rows without any share one array.
func roomFor(hs []batch.Header, fresh *[]batch.Header, pos, n, k int) []batch.Header {
	if len(hs) > 0 {
		return slices.Grow(slices.Clip(hs), k)
	}
	if *fresh == nil {
		*fresh = make([]batch.Header, n*k)
	}
	return (*fresh)[pos*k : pos*k : pos*k+k]
}

func (t *HeaderFrom) dropFields(b *batch.Batch, v *batch.Variant) {
	s := t.schemas.get(v.Schema, t.derive)
	root := b.NewVec()
	root.Kind, root.Schema, root.N = batch.KindStruct, s, v.Root.N
	for i, f := range v.Schema.Fields {
		if slices.Contains(t.fields, f.Name) {
			continue
		}
		kid := v.Root.Kids[i]
		if t.defaults {
			kid = filled(b, kid, f.Schema)
		}
		root.Kids = append(root.Kids, kid)
	}
	v.Schema, v.Root = s, root
}

// derive is the schema without the fields that move.
func (t *HeaderFrom) derive(s *batch.Schema) *batch.Schema {
	out := schemaBasics(s, batch.Struct)
	for _, f := range s.Fields {
		if !slices.Contains(t.fields, f.Name) {
			out.Fields = append(out.Fields, f)
		}
	}
	return batch.NewSchema(out)
}

func (t *HeaderFrom) row(b *batch.Batch, row int, s *batch.Schema, x any) (*batch.Schema, any, error) {
	t.added = t.added[:0]
	s, x, err := t.apply(s, x)
	if err == nil {
		b.Headers.Set(row, b.N, append(slices.Clip(b.Headers.Of(row)), t.added...))
	}
	return s, x, err
}

func (t *HeaderFrom) apply(s *batch.Schema, x any) (*batch.Schema, any, error) {
	if s == nil {
		m, err := requireMap(x, t.purpose)
		if err != nil {
			return nil, nil, err
		}
		out := copyMap(m)
		entries := out.Entries
		out.Entries = out.Entries[:0]
		for i, name := range t.fields {
			f, _ := m.Get(name)
			t.add(t.headers[i], nil, f)
		}
		for _, e := range entries {
			if name, ok := e.Key.(string); !ok || !t.move || !slices.Contains(t.fields, name) {
				out.Entries = append(out.Entries, e)
			}
		}
		return nil, out, nil
	}
	v, err := requireStruct(x, t.purpose)
	if err != nil {
		return nil, nil, err
	}
	out := v
	if t.move {
		s = t.schemas.get(s, t.derive)
		out = newStruct(s)
		for _, f := range s.Fields {
			old, err := getField(v, f.Name, t.defaults)
			if err == nil {
				err = putField(out, f.Name, old)
			}
			if err != nil {
				return nil, nil, err
			}
		}
	}
	for i, name := range t.fields {
		k := v.Schema.Field(name)
		if k < 0 {
			return nil, nil, batch.NewFault(batch.NullPointerException,
				`Cannot invoke "org.apache.kafka.connect.data.Field.schema()" because the return value of "org.apache.kafka.connect.data.Schema.field(String)" is null`)
		}
		f, err := getField(v, name, t.defaults)
		if err == nil {
			err = headerFault(v.Schema.Fields[k].Schema, f)
		}
		if err != nil {
			return nil, nil, err
		}
		t.add(t.headers[i], v.Schema.Fields[k].Schema, f)
	}
	return s, out, nil
}

func (t *HeaderFrom) add(key string, s *batch.Schema, x any) {
	t.added = append(t.added, batch.Header{Key: key, Schema: s, Value: x, Decoded: true, Raw: batch.NullView})
}

// headerFault is ConnectHeaders.checkSchemaMatches.
func headerFault(s *batch.Schema, x any) error {
	if x == nil {
		if s.Optional {
			return nil
		}
		return batch.DataFault("A null value requires an optional schema but was " + values.SchemaText(s))
	}
	ok := false
	switch x.(type) {
	case batch.Decimal:
		ok = s.Type == batch.Bytes && s.NameText() == batch.DecimalName
	case batch.Date:
		switch s.NameText() {
		case batch.DateName, batch.TimeName:
			ok = s.Type == batch.Int32
		case batch.TimestampName:
			ok = s.Type == batch.Int64
		}
	case *big.Int:
	default:
		t, known := values.TypeOf(x)
		ok = known && t == s.Type
	}
	if ok {
		return nil
	}
	return batch.DataFault("The value " + values.String(x) + " is not compatible with the schema " + values.SchemaText(s))
}
