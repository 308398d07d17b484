// SPDX-License-Identifier: Apache-2.0

package batch

// Split cuts a variant in two: positions whose bit is set in keep stay, the others become a new variant of the same
// schema at the end of Variants, whose index it returns; -1 when there is nothing to cut (all stay, or none). Old Root
// and Rows of the variant must not be used afterwards.
func (b *Batch) Split(p *Payload, k int, keep Bitmap) int {
	v := &p.Variants[k]
	n := keep.Count(v.Root.N)
	if n == 0 || n == v.Root.N {
		return -1
	}
	inPos, outPos := p.rows(), p.rows()
	for pos := range v.Root.N {
		if keep.Get(pos) {
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
	p.Variants = append(p.Variants, Variant{Schema: v.Schema, Root: outRoot, Rows: outPos, Frozen: v.Frozen})
	p.index(b.N)
	return len(p.Variants) - 1
}

// Rewrite replaces the rows of a variant by what f makes of them, value by value: the slow, general way for shapes
// that no kernel knows. Dead rows, and rows that f reports not ok, are left without a value; f must Fail or Drop the
// latter. f returns shared schemas: each pointer makes a variant. Index k holds another variant afterwards, or none:
// walk Variants from the end. It returns how many variants were added at the end.
func (b *Batch) Rewrite(p *Payload, k int, f func(row int, s *Schema, x any) (*Schema, any, bool)) int {
	old := p.Variants[k]
	var q Payload
	w := newBuilder(b, &q)
	for pos := range old.Root.N {
		row := old.Row(pos)
		if !b.IsDead(row) {
			if s, x, ok := f(row, old.Schema, b.Read(old.Root, pos)); ok {
				w.Add(row, s, x)
				continue
			}
		}
		b.AssignNull(&q, row)
	}
	p.Variants = append(p.Variants[:k], p.Variants[k+1:]...)
	p.Variants = append(p.Variants, q.Variants...)
	p.null = 0
	if len(p.Variants) == 1 {
		p.Variants[0].Rows = nil
		p.Which, p.Index = nil, nil
	} else {
		p.index(b.N)
	}
	return len(q.Variants)
}
