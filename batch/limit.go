// SPDX-License-Identifier: Apache-2.0

package batch

// limitState remembers what Limit changed.
type limitState struct {
	on   bool
	out  Bitmap // rows kept from the transform
	rows int    // how many of them were alive before
}

// Limit keeps the rows whose bit in mask is 0 away from what follows, until Unlimit: they count as dead, and variants
// are split so that each is wholly inside, or Frozen. A transform under a predicate runs between the two calls.
// mask holds N bits.
func (b *Batch) Limit(mask Bitmap) {
	if b.limit.on {
		panic("BUG: Limit inside Limit")
	}
	b.limit.on, b.limit.rows = true, 0
	b.limit.out = MakeBitmap(b.limit.out, b.N, false)
	for row := range b.N {
		if mask.Get(row) || b.IsDead(row) {
			continue
		}
		b.limit.out.Set(row)
		b.limit.rows++
	}
	b.split(&b.Key, mask)
	b.split(&b.Value, mask)
	if b.limit.rows > 0 {
		if b.deadRows == 0 {
			b.dead = MakeBitmap(b.dead, b.N, false)
		}
		for i, w := range b.limit.out {
			b.dead[i] |= w
		}
		b.deadRows += b.limit.rows
	}
}

// Unlimit ends Limit: the rows that were kept out are alive again, unfrozen.
func (b *Batch) Unlimit() {
	if !b.limit.on {
		panic("BUG: Unlimit without Limit")
	}
	b.limit.on = false
	if b.limit.rows > 0 {
		for i, w := range b.limit.out {
			b.dead[i] &^= w
		}
		b.deadRows -= b.limit.rows
	}
	for _, p := range []*Payload{&b.Key, &b.Value} {
		for i := range p.Variants {
			p.Variants[i].Frozen = false
		}
	}
}

// split cuts every variant that has rows on both sides of mask in two, and freezes the parts outside.
func (b *Batch) split(p *Payload, mask Bitmap) {
	changed := false
	for k := range len(p.Variants) {
		v := &p.Variants[k]
		in := 0
		for pos := range v.Root.N {
			if mask.Get(v.Row(pos)) {
				in++
			}
		}
		if in == v.Root.N {
			continue
		}
		if in == 0 {
			v.Frozen = true
			continue
		}
		changed = true
		inPos, outPos := p.rows(), p.rows()
		for pos := range v.Root.N {
			if mask.Get(v.Row(pos)) {
				inPos = append(inPos, int32(pos))
			} else {
				outPos = append(outPos, int32(pos))
			}
		}
		root := v.Root
		inRoot, outRoot := b.Gather(root, inPos), b.Gather(root, outPos)
		for _, side := range [][]int32{inPos, outPos} {
			for i, pos := range side {
				side[i] = int32(v.Row(int(pos)))
			}
		}
		v.Root, v.Rows = inRoot, inPos
		p.Variants = append(p.Variants, Variant{Schema: v.Schema, Root: outRoot, Rows: outPos, Frozen: true})
	}
	if changed {
		p.index(b.N)
	}
}

// Gather returns a column that holds the rows of v at the given positions, in that order. Views are shared with v.
func (b *Batch) Gather(v *Vec, positions []int32) *Vec {
	g := b.NewVec()
	g.Schema, g.Kind, g.Const, g.Tag, g.N, g.Table = v.Schema, v.Kind, v.Const, v.Tag, len(positions), v.Table
	g.Names = append(g.Names, v.Names...)
	if v.Const {
		g.W = append(g.W, v.W[0])
		if v.Tags != nil {
			g.Tag = v.Tags[0]
		}
		if v.Valid != nil {
			g.Valid = append(g.spareValid[:0], v.Valid[0])
		}
		return g
	}
	if v.Valid != nil {
		g.Valid = MakeBitmap(g.spareValid, len(positions), false)
		for i, p := range positions {
			if v.Valid.Get(int(p)) {
				g.Valid.Set(i)
			}
		}
	}
	switch v.Kind {
	case KindWords, KindDyn:
		for _, p := range positions {
			g.W = append(g.W, v.W[p])
		}
		if v.Tags != nil {
			g.Tags = g.spareTags[:0]
			for _, p := range positions {
				g.Tags = append(g.Tags, v.Tags[p])
			}
		}
	case KindObject, KindStruct:
		for _, kid := range v.Kids {
			g.Kids = append(g.Kids, b.Gather(kid, positions))
		}
	case KindArray, KindMap:
		b.gatherLists(g, v, positions)
	}
	return g
}

func (b *Batch) gatherLists(g, v *Vec, positions []int32) {
	var elements []int32
	g.Offs = append(g.Offs, 0)
	for _, p := range positions {
		for e := v.Offs[p]; e < v.Offs[p+1]; e++ {
			elements = append(elements, e)
		}
		g.Offs = append(g.Offs, int32(len(elements)))
	}
	for _, kid := range v.Kids {
		g.Kids = append(g.Kids, b.Gather(kid, elements))
	}
}
