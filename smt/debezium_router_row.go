// SPDX-License-Identifier: Apache-2.0

package smt

import "github.com/penstock-io/penstock/batch"

// logicalPurpose is what the router says it was doing when a value is no struct.
const logicalPurpose = "Updating schema"

// keyRow routes one key: the exact meaning. A null loses its schema.
func (t *LogicalRouter) keyRow(r *logicalRoute, _ *batch.Schema, x any) (*batch.Schema, any, error) {
	if x == nil {
		return nil, nil, nil
	}
	old, err := requireStruct(x, logicalPurpose)
	if err != nil {
		return nil, nil, err
	}
	h := t.keySchema(old.Schema, r.topic)
	if h.err != nil {
		return nil, nil, h.err
	}
	key, err := copyFields(old, h.schema)
	if err != nil || !t.unique {
		return h.schema, key, err
	}
	if r.keyed != nil {
		return nil, nil, r.keyed
	}
	return h.schema, key, putField(key, t.keyField, r.table)
}

// copyFields puts the fields of a struct, without defaults, into a new one.
func copyFields(old *batch.StructValue, s *batch.Schema) (*batch.StructValue, error) {
	out := newStruct(s)
	for i, f := range old.Schema.Fields {
		if err := putField(out, f.Name, old.Vals[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// valueRow renames the schemas of one event.
func (t *LogicalRouter) valueRow(r *logicalRoute, s *batch.Schema, x any) (*batch.Schema, any, error) {
	if x == nil {
		return s, nil, nil
	}
	old, err := requireStruct(x, logicalPurpose)
	if err != nil {
		return nil, nil, err
	}
	e := t.envelope(old.Schema, r.topic)
	if e.err != nil {
		return nil, nil, e.err
	}
	out := newStruct(e.schema)
	for _, f := range old.Schema.Fields {
		y := old.Get(f.Name)
		if isRowField(f.Name) && e.row != nil && y != nil {
			v, err := requireStruct(y, logicalPurpose)
			if err == nil {
				y, err = copyFields(v, e.row)
			}
			if err != nil {
				return nil, nil, err
			}
		}
		if err := putField(out, f.Name, y); err != nil {
			return nil, nil, err
		}
	}
	return e.schema, out, nil
}
