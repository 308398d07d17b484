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
// a transform makes, whose capacity is table of the number of keys. Of the keys that the transform then puts, either
// all rows have one, or none, where that decides its place in a bucket. Only rows that lack keys can differ.
func alignTables(b *batch.Batch, side batch.Side, table func(n int) int, puts ...string) {
	p := b.Side(side)
	for k := 0; k < len(p.Variants); k++ { // Split adds variants at the end
		v := &p.Variants[k]
		root := v.Root
		if v.Frozen || root.Kind != batch.KindObject || root.N == 0 {
			continue
		}
		gaps := gappy(root)
		if gaps == 0 {
			continue
		}
		var room [maxContested]*batch.Vec
		var contested []*batch.Vec
		if len(p.Variants) < manyVariants {
			contested = contestedKids(room[:0], root, table, puts)
		}
		n := len(root.Kids)
		// The copy of an empty map is larger than that of a small one.
		if len(contested) == 0 && gaps < n && tablesOf(root, n-gaps, table) == tablesOf(root, n, table) {
			continue
		}
		first, rest := rowTables(root, 0, table, contested), 0
		keep := batch.MakeBitmap(nil, root.N, true)
		for i := 1; i < root.N; i++ {
			if rowTables(root, i, table, contested) != first {
				keep.Clear(i)
				rest++
			}
		}
		if rest > 0 {
			b.Split(p, k, keep)
		}
	}
}

// Rows that lack now this, now that key, would end in a variant each. Then the order inside a bucket is given up, where
// it hangs on who came first.
const (
	maxContested = 4
	manyVariants = 16
)

// tables is what the order of a row's keys depends on.
type tables struct {
	now, next int    // sizes
	has       uint64 // which of the contested keys the row has
}

func tablesOf(root *batch.Vec, n int, table func(n int) int) tables {
	if root.Table == batch.LinkedTable {
		return tables{next: table(n)}
	}
	return tables{now: text.TableSize(n, int(root.Table)), next: table(n)}
}

func rowTables(root *batch.Vec, i int, table func(n int) int, contested []*batch.Vec) tables {
	t := tablesOf(root, keysAt(root, i), table)
	for k, kid := range contested {
		if kid.TagAt(i) != batch.TagMissing {
			t.has |= 1 << k
		}
	}
	return t
}

// contestedKids appends the columns of the keys to be put that some rows lack and that share a bucket of the copy with
// another key; maxContested at most.
func contestedKids(dst []*batch.Vec, root *batch.Vec, table func(n int) int, puts []string) []*batch.Vec {
	size := table(rowKeys(root))
	for _, name := range puts {
		kid, at := root.Kid(name)
		if kid == nil || !kid.AnyMissing() || len(dst) == maxContested {
			continue
		}
		for i, other := range root.Names {
			if i != at && text.SameBucket(name, other, size) {
				dst = append(dst, kid)
				break
			}
		}
	}
	return dst
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
		if !allMissing(root.Kids[i]) { // else a put would find the key
			out.Names = append(out.Names, root.Names[i])
			out.Kids = append(out.Kids, root.Kids[i])
		}
	}
	out.Table = int32(table(rowKeys(root)))
}

// copyInPlace is copyKeys of `new HashMap<>(map)` for a transform that edits root itself.
func copyInPlace(b *batch.Batch, root *batch.Vec) {
	var room [64]int
	var names [64]string
	var kids [64]*batch.Vec
	oldNames, oldKids := append(names[:0], root.Names...), append(kids[:0], root.Kids...)
	table := copiedTable(rowKeys(root))
	order := keyOrder(b, room[:0], root)
	clear(root.Kids)
	root.Names, root.Kids, root.Table = root.Names[:0], root.Kids[:0], int32(table)
	for _, i := range order {
		if !allMissing(oldKids[i]) {
			root.Names, root.Kids = append(root.Names, oldNames[i]), append(root.Kids, oldKids[i])
		}
	}
}

// allMissing reports that no row has the key of a column.
func allMissing(kid *batch.Vec) bool {
	if kid.Kind != batch.KindDyn || kid.N == 0 {
		return false
	}
	for i := range kid.W {
		if kid.TagAt(i) != batch.TagMissing {
			return false
		}
	}
	return true
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
