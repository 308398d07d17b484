// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/jsontext"
)

const extractFieldClass = "org.apache.kafka.connect.transforms.ExtractField"

func init() {
	RegisterKeyAndValue(extractFieldClass, extractFieldConfig, newExtractField)
}

var extractFieldConfig = config.Def{
	config.String("field").Required().Doc("Field name to extract."),
	replaceNullKey(),
	fieldSyntaxKey(),
}

// replaceNullConfig is a key that many transforms share.
const replaceNullConfig = "replace.null.with.default"

func replaceNullKey() *config.Key {
	return config.Bool(replaceNullConfig).Default(true).Doc("Whether to replace fields that have a default value and that are null " +
		"to the default value. When set to true, the default value is used, otherwise null is used.")
}

// replaceNull reads replace.null.with.default. Java unboxes it, which a null does not survive.
func replaceNull(v config.Values) (bool, error) {
	if v.IsNull(replaceNullConfig) {
		return false, batch.NewFault(batch.NullPointerException, replaceNullConfig+" is null")
	}
	return v.Bool(replaceNullConfig), nil
}

// ExtractField puts a field in place of the struct or map that it is in. Nulls pass through, but a struct's null takes
// the schema of the field. A field that a schema lacks is an error, one that a map lacks is null.
type ExtractField struct {
	side     batch.Side
	path     FieldPath
	defaults bool
}

const extractPurpose = "field extraction"

func newExtractField(v config.Values, side batch.Side) (Transform, error) {
	path, err := ParseFieldPath(v.String("field"), fieldSyntaxOf(v))
	if v.IsNull("field") {
		path, err = nullPath(fieldSyntaxOf(v))
	}
	if err != nil {
		return nil, err
	}
	defaults, err := replaceNull(v)
	return &ExtractField{side: side, path: path, defaults: defaults}, err
}

// nullPath is the path of a field whose name is null: no schema and no map of ours has it.
func nullPath(syntax FieldSyntax) (FieldPath, error) {
	if syntax == FieldSyntaxV2 {
		return FieldPath{}, batch.NewFault(batch.NullPointerException, "field is null")
	}
	return FieldPath{Text: "null", Steps: []string{"\xff"}}, nil
}

// Apply extracts the field from every row. The field's column becomes the root.
func (t *ExtractField) Apply(b *batch.Batch) error {
	b.OpenObjects(t.side)
	applySide(b, t.side, func(p *batch.Payload, k int) bool {
		v := &p.Variants[k]
		switch v.Root.Kind {
		case batch.KindStruct:
			return t.structure(b, v)
		case batch.KindObject:
			return t.object(b, v)
		}
		return v.Schema == nil && onlyNulls(v.Root)
	}, t.row)
	return nil
}

func (t *ExtractField) structure(b *batch.Batch, v *batch.Variant) bool {
	s, err := t.path.SchemaOf(v.Schema)
	if err == nil && s == nil {
		err = batch.NewFault(batch.IllegalArgument, "Unknown field: "+t.path.Text)
	}
	if err != nil {
		failRows(b, v, err)
		return true
	}
	at := v.Root
	var outer []*batch.Vec // structs on the way that have nulls
	for i, step := range t.path.Steps {
		if at.Kind != batch.KindStruct {
			return false
		}
		if hasNulls(at, nil) {
			if i > 0 && at.Schema.HasDefault {
				return false
			}
			outer = append(outer, at)
		}
		at, _ = at.Kid(step)
	}
	if at.Kind == batch.KindDyn {
		return false
	}
	if t.defaults && s.HasDefault && hasNulls(at, nil) {
		if !s.Type.Primitive() {
			return false
		}
		at = filled(b, at, s)
	}
	for _, o := range outer {
		nullWhere(at, o)
	}
	v.Schema, v.Root = s, at
	return true
}

// nullWhere makes the rows of a column null where those of outer are.
func nullWhere(v, outer *batch.Vec) {
	v.Flatten()
	for i := range v.N {
		if outer.IsNull(i) {
			v.SetNull(i)
		}
	}
}

func (t *ExtractField) object(b *batch.Batch, v *batch.Variant) bool {
	if err := t.path.noSteps(); err != nil {
		failRows(b, v, err)
		return true
	}
	at := v.Root
	for i, step := range t.path.Steps {
		kid, _ := at.Kid(step)
		switch {
		case kid == nil:
			v.Root = b.NewConstDyn(batch.TagNull, 0, v.Root.N)
			return true
		case kid.Kind == batch.KindObject:
			at = kid
			continue
		}
		if rest := t.path.Steps[i+1:]; len(rest) > 0 {
			v.Root = t.inside(b, v, kid, rest)
			return true
		}
		missingToNull(kid)
		at = kid
	}
	v.Root = at
	return true
}

// missingToNull makes the cells of a key that some maps lack nulls.
func missingToNull(v *batch.Vec) {
	if v.Tags == nil {
		v.Tag = max(v.Tag, batch.TagNull)
		return
	}
	for i, tag := range v.Tags {
		v.Tags[i] = max(tag, batch.TagNull)
	}
}

// inside follows the rest of a path into the cells of a column.
func (t *ExtractField) inside(b *batch.Batch, v *batch.Variant, kid *batch.Vec, steps []string) *batch.Vec {
	out := b.NewColumn(nil)
	for pos := range kid.N {
		tag, cell := kid.TagAt(pos), kid.Cell(pos)
		for _, step := range steps {
			if b.IsDead(v.Row(pos)) {
				tag, cell = batch.TagNull, 0
				break
			}
			var err error
			if tag, cell, err = memberCell(b, tag, cell, step); err != nil {
				b.Fail(v.Row(pos), batch.Transformation, err)
			}
		}
		out.PushTag(max(tag, batch.TagNull), cell)
	}
	return out
}

// memberCell is the cell under a key of a cell that holds a map; null stays null, a missing key is null.
func memberCell(b *batch.Batch, tag batch.Tag, cell uint64, key string) (batch.Tag, uint64, error) {
	if tag == batch.TagJSON {
		tag, cell = b.ResolveCell(cell)
	}
	switch tag {
	case batch.TagMissing, batch.TagNull:
		return batch.TagNull, 0, nil
	case batch.TagJSONObject:
		view := batch.View(cell)
		if start, end, ok := jsonMember(b.Slab.Bytes(view), key); ok {
			return batch.TagJSON, uint64(batch.MakeView(view.Off()+start, end-start)), nil
		}
		return batch.TagNull, 0, nil
	case batch.TagBoxed:
		if m, ok := b.Boxed[cell].(*batch.MapValue); ok {
			x, _ := m.Get(key)
			tag, cell = b.Tagged(x)
			return tag, cell, nil
		}
	}
	return batch.TagNull, 0, requireMapFault(b.ReadTagged(tag, cell), "nested field access")
}

// jsonMember finds the value of a key in the text of a JSON object; of a repeated key the last counts.
func jsonMember(text []byte, key string) (start, end int, ok bool) {
	i := jsontext.Space(text, 1)
	for text[i] != '}' {
		stop, _ := jsontext.StringEnd(text, i)
		name := text[i+1 : stop-1]
		if jsontext.Escaped(text[i:stop]) {
			name = jsontext.AppendUnquoted(nil, text[i:stop])
		}
		i = jsontext.Space(text, jsontext.Space(text, stop)+1)
		stop, _ = jsontext.Value(text, i)
		if string(name) == key {
			start, end, ok = i, stop, true
		}
		if i = jsontext.Space(text, stop); text[i] == ',' {
			i = jsontext.Space(text, i+1)
		}
	}
	return start, end, ok
}

func (t *ExtractField) row(s *batch.Schema, x any) (*batch.Schema, any, error) {
	if s == nil {
		if x == nil {
			return nil, nil, nil
		}
		m, err := requireMap(x, extractPurpose)
		if err != nil {
			return nil, nil, err
		}
		out, err := t.path.FromMap(m)
		return nil, out, err
	}
	var v *batch.StructValue
	if x != nil {
		var err error
		if v, err = requireStruct(x, extractPurpose); err != nil {
			return nil, nil, err
		}
	}
	field, err := t.path.SchemaOf(s)
	if err != nil {
		return nil, nil, err
	}
	if field == nil {
		return nil, nil, batch.NewFault(batch.IllegalArgument, "Unknown field: "+t.path.Text)
	}
	out, err := t.path.FromStruct(v, t.defaults)
	return field, out, err
}

// failRows fails every live row of a variant.
func failRows(b *batch.Batch, v *batch.Variant, err error) {
	for pos := range v.Root.N {
		b.Fail(v.Row(pos), batch.Transformation, err)
	}
}

// onlyNulls reports that every row of a root is null, as far as its form tells.
func onlyNulls(root *batch.Vec) bool {
	if root.Kind == batch.KindDyn {
		return root.Tags == nil && root.Tag <= batch.TagNull
	}
	return root.N > 0 && hasNulls(root, nil) && (root.Const || root.Valid.Count(root.N) == 0)
}
