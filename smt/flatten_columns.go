// SPDX-License-Identifier: Apache-2.0

package smt

import "github.com/penstock-io/penstock/batch"

func (t *Flatten) structColumns(b *batch.Batch, p *batch.Payload, k int) bool {
	root := p.Variants[k].Root
	plan := t.plans.get(root.Schema, t.plan)
	if plan.err != nil || !t.liftable(root, plan) {
		return false
	}
	if !splitNulls(b, p, k) {
		return true
	}
	v := &p.Variants[k]
	out := b.NewVec()
	out.Kind, out.Schema, out.N = batch.KindStruct, plan.schema, v.Root.N
	for i, path := range plan.paths {
		out.Kids = append(out.Kids, lift(b, v.Root, path, plan.schema.Fields[i].Schema))
	}
	v.Schema, v.Root = plan.schema, out
	return true
}

// liftable reports that every leaf can become a column of the output as Struct.put would have it, nulls included.
func (t *Flatten) liftable(root *batch.Vec, plan *flattenPlan) bool {
	for i, path := range plan.paths {
		at, parent := root, root.Valid
		for _, step := range path[:len(path)-1] {
			at = at.Kids[step]
			if at.Kind != batch.KindStruct {
				return false
			}
			parent = at.Valid
		}
		kid := at.Kids[path[len(path)-1]]
		if kid.Kind == batch.KindDyn || !soundInside(kid) {
			return false
		}
		s := at.Schema.Fields[path[len(path)-1]].Schema
		switch nulls := hasNulls(kid, parent); {
		case nulls && s.HasDefault && !s.Type.Primitive():
			return false
		case nulls && !s.HasDefault && !plan.schema.Fields[i].Schema.Optional:
			return false
		}
	}
	return true
}

// lift returns the leaf at the end of a path as a column under schema s: null where a struct on the way is null, the
// default of the leaf's own schema where it is null itself.
func lift(b *batch.Batch, root *batch.Vec, path []int, s *batch.Schema) *batch.Vec {
	at, gaps := root, false
	for _, step := range path[:len(path)-1] {
		at = at.Kids[step]
		gaps = gaps || hasNulls(at, nil)
	}
	last := path[len(path)-1]
	kid := at.Kids[last]
	own := at.Schema.Fields[last].Schema
	if !gaps {
		if own.Type.Primitive() {
			kid = filled(b, kid, own)
		}
		kid.Schema = s
		return kid
	}
	kid.Flatten()
	out := b.NewVec()
	out.Schema, out.Kind, out.N = s, kid.Kind, kid.N
	out.W = append(out.W, kid.W...)
	out.Offs = append(out.Offs, kid.Offs...)
	out.Kids = append(out.Kids, kid.Kids...)
	var cell uint64
	fill := own.HasDefault && own.Type.Primitive()
	if fill {
		_, cell = b.Tagged(own.Default)
	}
	for i := range kid.N {
		switch {
		case liftNull(root, path, i):
			out.SetNull(i)
		case !kid.IsNull(i):
		case fill:
			out.W[i] = cell
		default:
			out.SetNull(i)
		}
	}
	return out
}

// liftNull reports that a struct on the way to a leaf is null in row i.
func liftNull(root *batch.Vec, path []int, i int) bool {
	for _, step := range path[:len(path)-1] {
		if root = root.Kids[step]; root.IsNull(i) {
			return true
		}
	}
	return false
}

func (t *Flatten) objectColumns(b *batch.Batch, p *batch.Payload, k int) bool {
	if !flattenable(b, p.Variants[k].Root) {
		return false
	}
	if !splitNulls(b, p, k) {
		return true
	}
	v := &p.Variants[k]
	out := b.NewVec()
	out.Kind, out.N, out.Table = batch.KindObject, v.Root.N, batch.LinkedTable
	clear(t.seen)
	if !t.liftObject(b, out, v.Root, "") {
		return false
	}
	v.Root = out
	return true
}

// flattenable reports that no cell at the top has a type that Connect refuses; those below show when they are opened.
func flattenable(b *batch.Batch, root *batch.Vec) bool {
	for _, kid := range root.Kids {
		if kid.Kind == batch.KindObject {
			if hasNulls(kid, nil) || !flattenable(b, kid) {
				return false
			}
			continue
		}
		if kid.Tags == nil && kid.Tag < batch.TagDecimal {
			continue
		}
		for i := range kid.W {
			switch kid.TagAt(i) {
			case batch.TagDecimal, batch.TagDate:
				return false
			case batch.TagBoxed:
				if !flattenBoxed(b, kid, i) {
					return false
				}
			}
		}
	}
	return true
}

func flattenBoxed(b *batch.Batch, kid *batch.Vec, i int) bool {
	switch b.Boxed[kid.Cell(i)].(type) {
	case []any, batch.ByteBuffer, []byte:
		return true
	}
	return b.IsMap(kid, i)
}

// liftObject appends the columns of a map to out, those of the maps inside it included.
func (t *Flatten) liftObject(b *batch.Batch, out, root *batch.Vec, prefix string) bool {
	var room [64]int
	for _, k := range keyOrder(b, room[:0], root) {
		kid, name := root.Kids[k], t.join(prefix, root.Names[k])
		if kid.Kind == batch.KindObject {
			if !t.liftObject(b, out, kid, name) {
				return false
			}
			continue
		}
		maps, others := countMaps(b, kid)
		if maps > 0 {
			kid.Flatten()
			inner := b.OpenColumn(kid)
			if inner == nil || !flattenable(b, inner) || !t.liftObject(b, out, inner, name) {
				return false
			}
			if others == 0 {
				continue
			}
			kid = withoutMaps(b, kid)
		}
		// Two members that end under one name: which one wins is a matter of the row.
		if t.seen[name] {
			return false
		}
		t.seen[name] = true
		out.Names = append(out.Names, name)
		out.Kids = append(out.Kids, kid)
	}
	return true
}

// countMaps counts the cells that are maps, and those that are something else (a missing key is nothing).
func countMaps(b *batch.Batch, kid *batch.Vec) (maps, others int) {
	if kid.Tags == nil && kid.Tag < batch.TagJSON {
		return 0, len(kid.W)
	}
	for i := range kid.W {
		switch {
		case b.IsMap(kid, i):
			maps++
		case kid.TagAt(i) != batch.TagMissing:
			others++
		}
	}
	return maps, others
}

// withoutMaps is a column in which the maps are missing.
func withoutMaps(b *batch.Batch, kid *batch.Vec) *batch.Vec {
	out := b.NewVec()
	out.Kind = batch.KindDyn
	for i, cell := range kid.W {
		if b.IsMap(kid, i) {
			out.PushTag(batch.TagMissing, 0)
			continue
		}
		out.PushTag(kid.TagAt(i), cell)
	}
	return out
}
