// SPDX-License-Identifier: Apache-2.0

package smt

import "github.com/penstock-io/penstock/batch"

// rowFunc is what a transform does to one value: the exact meaning, and the path for shapes that no kernel knows.
type rowFunc func(s *batch.Schema, x any) (*batch.Schema, any, error)

// applySide runs a transform over the variants of a payload. kernel works on a whole variant and reports whether it
// could; where it could not, and has changed nothing, row does the work value by value.
func applySide(b *batch.Batch, side batch.Side, kernel func(p *batch.Payload, k int) bool, row rowFunc) {
	p := b.Side(side)
	// From the end: Split and Rewrite add variants there, which are done.
	for k := len(p.Variants) - 1; k >= 0; k-- {
		if p.Variants[k].Frozen || kernel(p, k) {
			continue
		}
		applyRows(b, p, k, row)
	}
}

// applyRows runs row for every live row of a variant.
func applyRows(b *batch.Batch, p *batch.Payload, k int, row rowFunc) {
	b.Rewrite(p, k, func(i int, s *batch.Schema, x any) (*batch.Schema, any, bool) {
		s, x, err := row(s, x)
		if err != nil {
			b.Fail(i, batch.Transformation, err)
			return nil, nil, false
		}
		return s, x, true
	})
}

// allNull reports that a root has nothing but nulls.
func allNull(root *batch.Vec) bool {
	if root.Kind == batch.KindDyn {
		return root.Tags == nil && root.Tag == batch.TagNull
	}
	return root.N > 0 && root.Valid != nil && !root.Const && root.Valid.Count(root.N) == 0
}

// splitNulls moves the nulls of a variant into one of their own, which transforms that skip nulls do not touch. It
// reports whether rows are left in variant k to be worked on. JSON cells must be resolved before.
func splitNulls(b *batch.Batch, p *batch.Payload, k int) bool {
	root := p.Variants[k].Root
	if root.Const {
		return !root.IsNull(0)
	}
	if root.Kind == batch.KindDyn && root.Tags == nil {
		return root.Tag > batch.TagNull
	}
	if root.Kind != batch.KindDyn && !hasNulls(root, nil) {
		return true
	}
	live := 0
	keep := batch.MakeBitmap(nil, root.N, false)
	for i := range root.N {
		if !root.IsNull(i) {
			keep.Set(i)
			live++
		}
	}
	if live == 0 {
		return false
	}
	b.Split(p, k, keep)
	if root = p.Variants[k].Root; root.Kind != batch.KindDyn {
		root.Valid = nil
	}
	return true
}

// sound reports that the fields of a struct column can be moved as they are: no field holds a null that Struct.put
// would refuse, and no value contradicts its schema. With fill, nulls become defaults first. Where it reports false
// the slow path finds out which row fails, and how. Rows whose own struct is null do not count.
func sound(v *batch.Vec, fill bool) bool {
	for i, kid := range v.Kids {
		s := v.Schema.Fields[i].Schema
		if kid.Kind == batch.KindDyn {
			return false
		}
		if fill && s.HasDefault {
			if hasNulls(kid, v.Valid) && !s.Type.Primitive() {
				return false
			}
		} else if !s.Optional && hasNulls(kid, v.Valid) {
			return false
		}
		if !soundInside(kid) {
			return false
		}
	}
	return true
}

// soundInside is Struct.validate and its likes for the columns below one.
func soundInside(v *batch.Vec) bool {
	for i, kid := range v.Kids {
		if kid.Kind == batch.KindDyn {
			return false
		}
		var parent batch.Bitmap
		if v.Kind == batch.KindStruct {
			parent = v.Valid
		}
		s := kid.Schema
		required := !s.Optional && !(v.Kind == batch.KindStruct && v.Schema.Fields[i].Schema.HasDefault)
		if required && hasNulls(kid, parent) || !soundInside(kid) {
			return false
		}
	}
	return true
}

// hasNulls reports a null in a row that is set in parent (nil: all rows).
func hasNulls(v *batch.Vec, parent batch.Bitmap) bool {
	if v.Valid == nil {
		return false
	}
	if v.Const {
		return v.N > 0 && !v.Valid.Get(0)
	}
	for w := range batch.Words(v.N) {
		missing := ^v.Valid[w]
		if parent != nil {
			missing &= parent[w]
		}
		if rest := v.N - w<<6; rest < 64 {
			missing &= 1<<uint(rest) - 1
		}
		if missing != 0 {
			return true
		}
	}
	return false
}

// filled is a column of a primitive field with its nulls replaced by the schema's default. Without nulls it is v.
func filled(b *batch.Batch, v *batch.Vec, s *batch.Schema) *batch.Vec {
	if !s.HasDefault || !hasNulls(v, nil) {
		return v
	}
	_, cell := b.Tagged(s.Default)
	if v.Const {
		return b.NewConst(s, cell, v.N)
	}
	f := b.NewVec()
	f.Schema, f.N = s, v.N
	f.W = append(f.W, v.W...)
	for i := range f.W {
		if !v.Valid.Get(i) {
			f.W[i] = cell
		}
	}
	return f
}
