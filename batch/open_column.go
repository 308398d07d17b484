// SPDX-License-Identifier: Apache-2.0

package batch

// OpenColumn makes columns of the maps inside a KindDyn column: a KindObject column as long as v, in which a row has
// the members of its map, or none where v has no map there. Maps are JSON text of objects, seen or not, and boxed maps
// with string keys. v is left as it is; the cells of the new columns are undecoded text. It returns nil when there are
// too many keys.
func (b *Batch) OpenColumn(v *Vec) *Vec {
	root := b.NewVec()
	root.Kind = KindObject
	for i := range v.N {
		ok := true
		switch cell := v.View(i); v.TagAt(i) {
		case TagJSONObject:
			ok = b.openText(root, cell)
		case TagJSON:
			if b.Slab.Bytes(cell)[0] == '{' {
				ok = b.openText(root, cell)
			}
		case TagBoxed:
			if m, is := b.Boxed[cell].(*MapValue); is && stringKeys(m) {
				ok = b.openMap(root, m)
			}
		}
		if !ok {
			return nil
		}
		root.N++
	}
	for _, kid := range root.Kids {
		pad(kid, root.N)
	}
	return root
}

// IsMap reports whether OpenColumn would find a map in row i of a KindDyn column.
func (b *Batch) IsMap(v *Vec, i int) bool {
	switch cell := v.View(i); v.TagAt(i) {
	case TagJSONObject:
		return true
	case TagJSON:
		return b.Slab.Bytes(cell)[0] == '{'
	case TagBoxed:
		m, is := b.Boxed[cell].(*MapValue)
		return is && stringKeys(m)
	}
	return false
}
