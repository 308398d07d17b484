// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
)

// row unwraps one event: the exact meaning, for shapes that have no kernel. ok is false where the row is dropped.
func (t *Unwrap) row(b *batch.Batch, row int, s *batch.Schema, x any) (out *batch.Schema, y any, ok bool, err error) {
	if len(t.headers) > 0 {
		if err := t.rowHeaders(b, row, x); err != nil {
			return nil, nil, false, err
		}
	}
	out, y, err = t.after.row(s, x)
	if err != nil {
		return nil, nil, false, err
	}
	if y != nil {
		return t.upsert(b, row, out, y, x)
	}
	old, z, err := t.before.row(s, x)
	if err != nil || z == nil || t.deletes == deleteDrop {
		return nil, nil, false, err
	}
	switch t.deletes {
	case deleteRewrite:
		if out, y, err = t.mark(old, z, "true"); err != nil {
			return nil, nil, false, err
		}
	case deleteToTombstone:
		out = nil
	}
	if t.route != "" {
		v, err := requireStruct(z, "Read record to set topic routing for DELETE")
		if err == nil {
			err = t.rowTopic(b, row, v)
		}
		if err != nil {
			return nil, nil, false, err
		}
	}
	if out, y, err = t.dropFields(b, row, out, y); err == nil && y != nil {
		out, y, err = t.rowFields(y, x)
	}
	return out, y, err == nil, err
}

// upsert goes on with a row that has an after.
func (t *Unwrap) upsert(b *batch.Batch, row int, s *batch.Schema, y, event any) (*batch.Schema, any, bool, error) {
	var err error
	if t.deletes == deleteRewrite {
		if _, y, err = t.mark(s, y, "false"); err != nil {
			return nil, nil, false, err
		}
	}
	if t.route != "" {
		v, err := requireStruct(y, "Read record to set topic routing for CREATE / UPDATE")
		if err == nil {
			err = t.rowTopic(b, row, v)
		}
		if err != nil {
			return nil, nil, false, err
		}
	}
	out, y, err := t.rowFields(y, event)
	if err == nil {
		out, y, err = t.dropFields(b, row, out, y)
	}
	return out, y, err == nil, err
}

func (t *Unwrap) rowHeaders(b *batch.Batch, row int, x any) error {
	v, ok := x.(*batch.StructValue)
	if !ok {
		return values.CastFault(x, "org.apache.kafka.connect.data.Struct")
	}
	hs := slices.Clip(b.Headers.Of(row))
	for _, r := range t.headers {
		at, err := r.bind(v.Schema)
		if err != nil {
			return err
		}
		if !at.found {
			continue
		}
		h, err := at.value(v)
		if err == nil {
			err = headerFault(at.schema, h)
		}
		if err != nil {
			return err
		}
		hs = append(hs, batch.Header{Key: at.name, Schema: at.schema, Value: h, Decoded: true, Raw: batch.NullView})
	}
	b.Headers.Set(row, b.N, hs)
	return nil
}

// mark is InsertField of __deleted, which copies the row and fills in defaults on the way.
func (t *Unwrap) mark(s *batch.Schema, x any, deleted string) (*batch.Schema, any, error) {
	v, ok := x.(*batch.StructValue)
	if !ok {
		return s, x, nil
	}
	h := t.marked.get(v.Schema, markDeleted)
	if h.err != nil {
		return nil, nil, h.err
	}
	out := newStruct(h.schema)
	for _, f := range v.Schema.Fields {
		old, err := getField(v, f.Name, t.fill)
		if err == nil {
			err = putField(out, f.Name, old)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return h.schema, out, putField(out, deletedField, deleted)
}

func (t *Unwrap) rowTopic(b *batch.Batch, row int, v *batch.StructValue) error {
	name, null, err := structText(v, t.route)
	if err == nil && !null && text.Trim(name) != "" {
		b.Topics.Put(row, b.N, name)
	}
	return err
}

// rowFields copies a row and adds the fields of the event.
func (t *Unwrap) rowFields(x, event any) (*batch.Schema, any, error) {
	v, err := requireStruct(x, "source field insertion")
	if err != nil {
		return nil, nil, err
	}
	e := event.(*batch.StructValue)
	if _, _, err := structText(e, envelopeOp); err != nil {
		return nil, nil, err
	}
	refs, err := bindAll(t.fields, e.Schema)
	if err != nil {
		return nil, nil, err
	}
	h := t.extended(e.Schema, v.Schema)
	if h.err != nil {
		return nil, nil, h.err
	}
	out := newStruct(h.schema)
	for i, f := range v.Schema.Fields {
		if err := putField(out, f.Name, v.Vals[i]); err != nil {
			return nil, nil, err
		}
	}
	for _, r := range refs {
		f, err := r.value(e)
		if err == nil {
			err = putField(out, r.name, f)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return h.schema, out, nil
}

// dropsFields reports that some live row of a variant has the header that names fields to leave out.
func (t *Unwrap) dropsFields(b *batch.Batch, v *batch.Variant) bool {
	if t.dropHeader == "" || !b.Headers.Any() {
		return false
	}
	for pos := range v.Root.N {
		if row := v.Row(pos); !b.IsDead(row) && t.dropList(b, row) != nil {
			return true
		}
	}
	return false
}

// dropList is the value of the header that names fields to leave out: the first of its name counts.
func (t *Unwrap) dropList(b *batch.Batch, row int) any {
	for _, h := range b.Headers.Of(row) {
		if h.Key == t.dropHeader {
			return b.HeaderValue(&h)
		}
	}
	return nil
}

// dropFields leaves the fields out that the row's header names, of the key first if it is meant too.
func (t *Unwrap) dropFields(b *batch.Batch, row int, s *batch.Schema, x any) (*batch.Schema, any, error) {
	if text.Trim(t.dropHeader) == "" {
		return s, x, nil
	}
	list := t.dropList(b, row)
	if list == nil {
		return s, x, nil
	}
	items, ok := list.([]any)
	if !ok {
		return nil, nil, values.CastFault(list, "java.util.List")
	}
	if len(items) == 0 {
		return s, x, nil
	}
	names := make([]string, len(items))
	for i, item := range items {
		if names[i], ok = item.(string); !ok && item != nil {
			return nil, nil, values.CastFault(item, "java.lang.String")
		}
	}
	if ks, key := b.ValueAt(batch.Key, row); t.dropFromKey && key != nil {
		drop, err := t.dropper(ks, names)
		if err != nil {
			return nil, nil, err
		}
		if drop != nil {
			if ks, key, err = drop.row(ks, key); err != nil {
				return nil, nil, err
			}
			t.keys = append(t.keys, keyRow{row: row, schema: ks, key: key})
		}
	}
	drop, err := t.dropper(s, names)
	if err != nil || drop == nil {
		return s, x, err
	}
	return drop.row(s, x)
}

// dropper is the ReplaceField that leaves the named fields out; nil when there is nothing to leave out.
func (t *Unwrap) dropper(s *batch.Schema, names []string) (*ReplaceField, error) {
	if t.dropOptional {
		if s == nil {
			return nil, batch.NewFault(batch.NullPointerException,
				`Cannot invoke "org.apache.kafka.connect.data.Schema.fields()" because "schema" is null`)
		}
		fields, err := listFields(s)
		if err != nil {
			return nil, err
		}
		var optional []string
		for _, f := range fields {
			if f.Schema.Optional && slices.Contains(names, f.Name) {
				optional = append(optional, f.Name)
			}
		}
		names = optional
	}
	if len(names) == 0 {
		return nil, nil
	}
	list := strings.Join(names, ",")
	if drop, ok := t.drops[list]; ok {
		return drop, nil
	}
	v, err := replaceFieldConfig.Parse(config.Props{"exclude": &list})
	if err != nil {
		return nil, asFault(err)
	}
	made, err := newReplaceField(v, batch.Value)
	if err != nil {
		return nil, asFault(err)
	}
	if t.drops == nil || len(t.drops) >= maxSchemas {
		t.drops = map[string]*ReplaceField{}
	}
	t.drops[list] = made.(*ReplaceField)
	return t.drops[list], nil
}

// replaceKeys gives rows other keys, value by value.
func replaceKeys(b *batch.Batch, keys []keyRow) {
	if len(keys) == 0 {
		return
	}
	fresh := make(map[int]*keyRow, len(keys))
	for i := range keys {
		fresh[keys[i].row] = &keys[i]
	}
	p := &b.Key
	for k := len(p.Variants) - 1; k >= 0; k-- {
		v := &p.Variants[k]
		hit := false
		for pos := 0; pos < v.Root.N && !hit && !v.Frozen; pos++ {
			hit = fresh[v.Row(pos)] != nil
		}
		if !hit {
			continue
		}
		b.Rewrite(p, k, func(row int, s *batch.Schema, x any) (*batch.Schema, any, bool) {
			if f := fresh[row]; f != nil {
				return f.schema, f.key, true
			}
			return s, x, true
		})
	}
}
