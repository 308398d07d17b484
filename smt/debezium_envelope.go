// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/values"
)

// Field names of a change event of Debezium.
const (
	envelopeSuffix = ".Envelope"
	envelopeBefore = "before"
	envelopeAfter  = "after"
	envelopeOp     = "op"
)

// isEnvelope reports a schema whose name says that it is a change event: the test of every transform of Debezium.
func isEnvelope(s *batch.Schema) bool {
	return s != nil && s.Name != nil && strings.HasSuffix(*s.Name, envelopeSuffix)
}

// envelopeRef names a field of a change event that is added to the row or to its headers.
type envelopeRef struct {
	parent string // "source", "transaction", ...; "" for the event itself
	field  string
	name   string // of the header or field to add
}

// parseEnvelopeRefs reads a list such as "op,source.ts_ms,version:V": what has no struct before the dot is looked for
// where Debezium keeps it.
func parseEnvelopeRefs(key, list, prefix string) ([]envelopeRef, error) {
	if list == "" {
		return nil, nil
	}
	var refs []envelopeRef
	for _, item := range splitAt(list, ",") {
		item = strings.TrimSpace(item)
		parts := splitAt(item, ":")
		if len(parts) != 1 && len(parts) != 2 {
			return nil, config.Invalid(key, list, "Unexpected field name: "+item)
		}
		steps := splitAt(parts[0], ".")
		r := envelopeRef{}
		switch len(steps) {
		case 0:
			return nil, config.Invalid(key, list, "Unexpected field name: "+item)
		case 1:
			r.field, r.parent = steps[0], envelopeParent(steps[0])
			r.name = prefix + r.field
		default:
			r.parent, r.field = steps[0], steps[1]
			r.name = prefix + r.parent + "_" + r.field
		}
		if len(parts) == 2 {
			r.name = prefix + parts[1]
		}
		refs = append(refs, r)
	}
	return refs, nil
}

// envelopeParent is the struct that holds a field given by its bare name.
func envelopeParent(field string) string {
	switch field {
	case "id", "data_collection_order", "total_order":
		return "transaction"
	case envelopeOp, "ts_ms", "ts_us", "ts_ns":
		return ""
	case "updateDescription":
		return "updateDescription"
	}
	return "source"
}

// splitAt is String.split for a separator that is no pattern: empty parts at the end are cut off.
func splitAt(s, sep string) []string {
	parts := strings.Split(s, sep)
	if len(parts) == 1 {
		return parts
	}
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// boundRef is an envelopeRef in an event's schema.
type boundRef struct {
	name   string
	parent int // field of the event that holds it, -1: the event itself
	field  int // in the parent, or in the event when root is set
	root   bool
	found  bool // the event has such a field
	schema *batch.Schema
}

// bind finds the field in the schema of an event.
func (r envelopeRef) bind(s *batch.Schema) (boundRef, error) {
	at := boundRef{name: r.name, parent: -1, field: -1}
	inner := s
	if r.parent != "" {
		at.parent = s.Field(r.parent)
		if at.parent < 0 {
			return at, batch.NewFault(batch.NullPointerException,
				`Cannot invoke "org.apache.kafka.connect.data.Field.schema()" because the return value of "org.apache.kafka.connect.data.Schema.field(String)" is null`)
		}
		inner = s.Fields[at.parent].Schema
	}
	if inner.Type != batch.Struct {
		return at, batch.DataFault("Cannot look up fields on non-struct type")
	}
	if at.field = inner.Field(r.field); at.field < 0 {
		// Another transform may have put the field next to the parent.
		if at.field = s.Field(r.field); at.field < 0 {
			return at, nil
		}
		at.root, inner = true, s
	}
	at.found = true
	at.schema = addedSchema(inner.Fields[at.field].Schema)
	return at, nil
}

// addedSchema is SchemaUtil.copySchemaBasics(s).optional().
func addedSchema(s *batch.Schema) *batch.Schema {
	c := schemaBasics(s, s.Type)
	c.Optional = true
	if s.Type == batch.Array {
		c.ValueSchema = s.ValueSchema
	}
	return batch.NewSchema(c)
}

// bindAll is bind for a list, without the fields that the event lacks.
func bindAll(refs []envelopeRef, s *batch.Schema) ([]boundRef, error) {
	var out []boundRef
	for _, r := range refs {
		at, err := r.bind(s)
		if err != nil {
			return nil, err
		}
		if at.found {
			out = append(out, at)
		}
	}
	return out, nil
}

// value reads the field from an event; null when the struct that should hold it is.
func (r *boundRef) value(v *batch.StructValue) (any, error) {
	if r.parent < 0 {
		return v.Vals[r.field], nil
	}
	switch p := v.Vals[r.parent].(type) {
	case nil:
		return nil, nil
	case *batch.StructValue:
		if r.root {
			return v.Vals[r.field], nil
		}
		return p.Vals[r.field], nil
	default:
		return nil, values.CastFault(p, "org.apache.kafka.connect.data.Struct")
	}
}

// column finds the field in a column of events. outer is the struct whose nulls count, nil when there is none. A nil
// column means that only the slow path can tell.
func (r *boundRef) column(root *batch.Vec) (col, outer *batch.Vec) {
	if r.parent >= 0 {
		outer = root.Kids[r.parent]
		if outer.Kind != batch.KindStruct {
			return nil, nil
		}
		if !r.root {
			return outer.Kids[r.field], outer
		}
	}
	return root.Kids[r.field], outer
}

// structText is Struct.getString: the field must exist and be a STRING; defaults do not count.
func structText(v *batch.StructValue, name string) (text string, null bool, err error) {
	x, err := structCell(v, name, batch.String)
	if x == nil || err != nil {
		return "", true, err
	}
	text, ok := x.(string)
	if !ok {
		return "", true, values.CastFault(x, "java.lang.String")
	}
	return text, false, nil
}

// structCell is Struct.getCheckType.
func structCell(v *batch.StructValue, name string, t batch.Type) (any, error) {
	i := v.Schema.Field(name)
	if i < 0 {
		return nil, batch.DataFault(name + " is not a valid field name")
	}
	if v.Schema.Fields[i].Schema.Type != t {
		return nil, batch.DataFault("Field '" + name + "' is not of type " + t.String())
	}
	return v.Vals[i], nil
}

// positions is a list of positions of a variant; all says that it is the identity, and then it is not filled.
type positions struct {
	list []int32
	all  bool
}

// pick is the column at these positions: the column itself when they are all.
func (p *positions) pick(b *batch.Batch, v *batch.Vec) *batch.Vec {
	if p.all {
		return v
	}
	return b.Gather(v, p.list)
}

// nullOutside makes the rows of a column that was picked null where outer, which was not, is null.
func (p *positions) nullOutside(v, outer *batch.Vec) {
	if outer == nil || !hasNulls(outer, nil) {
		return
	}
	v.Flatten()
	if p.all {
		nullWhere(v, outer)
		return
	}
	for i, pos := range p.list {
		if outer.IsNull(int(pos)) {
			v.SetNull(i)
		}
	}
}

// textMemo keeps strings made of cells, so that a text seen before costs no allocation. It is bounded.
type textMemo struct{ seen map[string]string }

// get is the bytes as a string.
func (m *textMemo) get(text []byte) string {
	if s, ok := m.seen[string(text)]; ok {
		return s
	}
	if m.seen == nil || len(m.seen) >= maxTopicsSeen {
		m.seen = make(map[string]string, 8)
	}
	s := string(text)
	m.seen[s] = s
	return s
}

// replaceVariant gives the rows of variant k to the variants that were added since, and seals the payload.
func replaceVariant(b *batch.Batch, p *batch.Payload, k int) {
	p.Variants[k].Rows = p.Variants[k].Rows[:0]
	p.Which, p.Index = nil, nil
	p.Seal(b.N)
}
