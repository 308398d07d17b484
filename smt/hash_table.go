// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/text"
)

// Java's transforms copy a schemaless map into a new HashMap. The order in which that lists its keys depends on how many
// buckets it has, and inside a bucket on the order of the map before; sinks and JsonConverter show it. The functions
// below put columns and entries in the order of the old map and note the capacity of the new one (batch.MapValue.Table).

// copiedTable is the capacity of `new HashMap<>(map)`.
func copiedTable(n int) int { return text.CopiedTableSize(n) }

// replacedTable is the capacity of `new HashMap<>(map.size())`.
func replacedTable(n int) int { return text.TableSize(0, max(n, 1)) }

// alignTables splits variants of maps so that in each all rows have tables of the same size: now, and in the copy that
// a transform makes, whose capacity is table of the number of keys. Only rows that lack keys can differ.
func alignTables(b *batch.Batch, side batch.Side, table func(n int) int) {
	p := b.Side(side)
	for k := 0; k < len(p.Variants); k++ { // Split adds variants at the end
		v := &p.Variants[k]
		root := v.Root
		if v.Frozen || root.Kind != batch.KindObject || root.N == 0 {
			continue
		}
		sizes := func(n int) [2]int {
			if root.Table == batch.LinkedTable {
				return [2]int{0, table(n)}
			}
			return [2]int{text.TableSize(n, int(root.Table)), table(n)}
		}
		n := len(root.Kids)
		if sizes(n-gappy(root)) == sizes(n) {
			continue
		}
		first, rest := sizes(keysAt(root, 0)), 0
		keep := batch.MakeBitmap(nil, root.N, true)
		for i := 1; i < root.N; i++ {
			if sizes(keysAt(root, i)) != first {
				keep.Clear(i)
				rest++
			}
		}
		if rest > 0 {
			b.Split(p, k, keep)
		}
	}
}

// gappy counts the columns of keys that some row lacks.
func gappy(root *batch.Vec) int {
	n := 0
	for _, kid := range root.Kids {
		if kid.AnyMissing() {
			n++
		}
	}
	return n
}

// keysAt counts the keys of the map in row i.
func keysAt(root *batch.Vec, i int) int {
	n := 0
	for _, kid := range root.Kids {
		if kid.Kind != batch.KindDyn || kid.TagAt(i) != batch.TagMissing {
			n++
		}
	}
	return n
}

// copyKeys gives out the columns of root, in the order in which Java lists the keys, and the capacity of the copy. The
// rows of root have tables of one size: see alignTables.
func copyKeys(b *batch.Batch, out, root *batch.Vec, table func(n int) int) {
	var room [64]int
	for _, i := range keyOrder(b, room[:0], root) {
		out.Names = append(out.Names, root.Names[i])
		out.Kids = append(out.Kids, root.Kids[i])
	}
	out.Table = int32(table(rowKeys(root)))
}

// copyInPlace is copyKeys of `new HashMap<>(map)` for a transform that edits root itself.
func copyInPlace(b *batch.Batch, root *batch.Vec) {
	var room [64]int
	var names [64]string
	var kids [64]*batch.Vec
	oldNames, oldKids := append(names[:0], root.Names...), append(kids[:0], root.Kids...)
	for to, from := range keyOrder(b, room[:0], root) {
		root.Names[to], root.Kids[to] = oldNames[from], oldKids[from]
	}
	root.Table = int32(copiedTable(rowKeys(root)))
}

// rowKeys is the number of keys of the first row that has any: that stands for all.
func rowKeys(root *batch.Vec) int {
	n := len(root.Kids)
	for i := range root.N {
		if n = keysAt(root, i); n > 0 {
			break
		}
	}
	return n
}

// keyOrder appends the order in which Java lists the keys of root.
func keyOrder(b *batch.Batch, dst []int, root *batch.Vec) []int {
	if root.Table == batch.LinkedTable {
		for i := range root.Names {
			dst = append(dst, i)
		}
		return dst
	}
	n := rowKeys(root)
	size := text.TableSize(n, int(root.Table))
	if n == len(root.Names) {
		dst = text.AppendHashOrder(dst, root.Names, int(root.Table))
	} else {
		dst = text.AppendTableOrder(dst, root.Names, size)
	}
	if root.Table != 0 {
		return dst
	}
	// Nobody has copied these maps: inside a bucket the order is that of the text.
	for i := 1; i < len(dst); i++ {
		for j := i; j > 0; j-- {
			x, y := dst[j-1], dst[j]
			if !text.SameBucket(root.Names[x], root.Names[y], size) || !textBefore(b, root.Kids[y], root.Kids[x]) {
				break
			}
			dst[j-1], dst[j] = y, x
		}
	}
	return dst
}

// textBefore reports whether x stands before y in the text of the first row that has both.
func textBefore(b *batch.Batch, x, y *batch.Vec) bool {
	if x.Kind != batch.KindDyn || y.Kind != batch.KindDyn {
		return false
	}
	for i := range min(x.N, y.N) {
		if x.TagAt(i) == batch.TagJSON && y.TagAt(i) == batch.TagJSON {
			return x.View(i).Off() < y.View(i).Off()
		}
	}
	return false
}

// inHashOrder is the entries of a map in the order in which Java lists them; as they are when some key is no string.
func inHashOrder(m *batch.MapValue) []batch.Entry {
	if m.Table == batch.LinkedTable {
		return m.Entries
	}
	keys := make([]string, 0, len(m.Entries))
	for _, e := range m.Entries {
		s, ok := e.Key.(string)
		if !ok {
			return m.Entries
		}
		keys = append(keys, s)
	}
	out := make([]batch.Entry, 0, len(m.Entries)+1)
	for _, i := range text.AppendHashOrder(make([]int, 0, len(keys)), keys, int(m.Table)) {
		out = append(out, m.Entries[i])
	}
	return out
}

// copyMap is new HashMap(map): entries are copied, values are not.
func copyMap(m *batch.MapValue) *batch.MapValue {
	entries := append(make([]batch.Entry, 0, len(m.Entries)+1), inHashOrder(m)...)
	return &batch.MapValue{Entries: entries, Table: int32(copiedTable(len(entries)))}
}
