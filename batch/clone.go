// SPDX-License-Identifier: Apache-2.0

package batch

// Clone returns a copy of a column and its children, for a column that goes to a second place: transforms edit columns
// in place, so two payloads must not share one. The bytes behind the views are shared.
func (b *Batch) Clone(v *Vec) *Vec {
	g := b.NewVec()
	g.Schema, g.Kind, g.Const, g.Tag, g.N, g.Table = v.Schema, v.Kind, v.Const, v.Tag, v.N, v.Table
	g.W = append(g.W, v.W...)
	g.Offs = append(g.Offs, v.Offs...)
	g.Names = append(g.Names, v.Names...)
	if v.Tags != nil {
		g.Tags = append(g.spareTags[:0], v.Tags...)
	}
	if v.Valid != nil {
		g.Valid = append(g.spareValid[:0], v.Valid...)
	}
	for _, kid := range v.Kids {
		g.Kids = append(g.Kids, b.Clone(kid))
	}
	return g
}
