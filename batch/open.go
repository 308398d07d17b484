// SPDX-License-Identifier: Apache-2.0

package batch

import "github.com/penstock-io/penstock/internal/jsontext"

// maxOpenColumns bounds the columns that OpenObjects makes: a column is as long as the batch, so rows of ever new keys
// would fill the memory. Rows past it stay boxed maps. 512 columns of 2,048 rows are 8 MiB.
const maxOpenColumns = 512

// OpenObjects makes columns of schemaless maps that are still one cell each: of the rows of unfrozen KindDyn variants,
// those that hold the JSON text of an object, or a boxed map with string keys, move to KindObject variants. What is
// left in KindDyn variants afterwards is no map, or a map that has no columns (keys that are not strings, too many
// keys, among maps of another Table) and is boxed. Without such rows it costs a look at each variant.
func (b *Batch) OpenObjects(side Side) {
	p := b.Side(side)
	changed := false
	for k := range len(p.Variants) {
		v := &p.Variants[k]
		if v.Frozen || v.Schema != nil || v.Root.Kind != KindDyn || !b.mayOpen(v.Root) {
			continue
		}
		v.Root.Flatten()
		b.Resolve(v.Root)
		root, opened := b.open(v.Root)
		if len(opened) == 0 {
			continue
		}
		if len(opened) == v.Root.N {
			v.Root = root
			continue
		}
		b.take(p, k, opened, root)
		changed = true
	}
	if changed {
		p.Seal(b.N)
	}
}

// mayOpen reports whether a KindDyn column has cells that could be maps.
func (b *Batch) mayOpen(v *Vec) bool {
	if v.Tags == nil {
		return v.N > 0 && v.Tag >= TagJSON && v.Tag != TagJSONArray
	}
	for _, t := range v.Tags {
		if t >= TagJSON && t != TagJSONArray {
			return true
		}
	}
	return false
}

// take moves some positions of a variant, whose rows are now in root, to a variant of their own.
func (b *Batch) take(p *Payload, k int, positions []int32, root *Vec) {
	old := p.Variants[k]
	rest := make([]int32, 0, old.Root.N-len(positions))
	fresh := p.Add(nil, root)
	at := 0
	for pos := range old.Root.N {
		if at < len(positions) && int(positions[at]) == pos {
			p.Assign(fresh, old.Row(pos))
			at++
			continue
		}
		rest = append(rest, int32(pos))
	}
	gathered := b.Gather(old.Root, rest)
	for i, pos := range rest {
		rest[i] = int32(old.Row(int(pos)))
	}
	p.Variants[k].Root, p.Variants[k].Rows = gathered, rest
}

// open reads the maps of a KindDyn column into a KindObject column, and says at which positions they were.
func (b *Batch) open(v *Vec) (root *Vec, positions []int32) {
	root = b.NewVec()
	root.Kind = KindObject
	for i := range v.N {
		ok := false
		switch v.TagAt(i) {
		case TagJSONObject:
			ok = sameTable(root, 0) && b.openText(root, v.View(i))
			if !ok {
				v.W[i] = b.Box(valueOfJSON(b.Slab.Bytes(v.View(i))))
				v.SetTag(i, TagBoxed)
			}
		case TagBoxed:
			if m, is := b.Boxed[v.W[i]].(*MapValue); is && stringKeys(m) && sameTable(root, m.Table) {
				ok = b.openMap(root, m)
			}
		}
		if !ok {
			continue
		}
		root.N++
		for _, kid := range root.Kids {
			pad(kid, root.N)
		}
		positions = append(positions, int32(i))
	}
	return root, positions
}

// sameTable reports whether a map of that Table can be a row of root; the first row sets what is.
func sameTable(root *Vec, table int32) bool {
	if root.N == 0 {
		root.Table = table
	}
	return root.Table == table
}

// openText appends the members of a JSON object to the columns of root as row root.N; of a repeated key the last
// counts. It reports false, leaving root as it was, when there are too many columns.
func (b *Batch) openText(root *Vec, view View) bool {
	text := b.Slab.Bytes(view)
	before, next := len(root.Kids), 0
	i := jsontext.Space(text, 1)
	for text[i] != '}' {
		end, _ := jsontext.StringEnd(text, i)
		kid, at := memberColumn(root, text[i:end], next)
		if kid == nil {
			if len(root.Kids) >= maxOpenColumns {
				return unwind(root, before)
			}
			kid, at = b.addColumn(root, string(jsontext.AppendUnquoted(nil, text[i:end])))
		}
		next = at + 1
		i = jsontext.Space(text, jsontext.Space(text, end)+1)
		end, _ = jsontext.Value(text, i)
		putCell(kid, root.N, TagJSON, uint64(MakeView(view.Off()+i, end-i)))
		if i = jsontext.Space(text, end); text[i] == ',' {
			i = jsontext.Space(text, i+1)
		}
	}
	return true
}

// memberColumn finds the column of a key given as JSON text, trying next first: rows mostly repeat the order.
func memberColumn(root *Vec, tok []byte, next int) (*Vec, int) {
	name := tok[1 : len(tok)-1]
	if jsontext.Escaped(tok) {
		name = jsontext.AppendUnquoted(nil, tok)
	}
	if next < len(root.Names) && root.Names[next] == string(name) {
		return root.Kids[next], next
	}
	for i, n := range root.Names {
		if n == string(name) {
			return root.Kids[i], i
		}
	}
	return nil, -1
}

func (b *Batch) openMap(root *Vec, m *MapValue) bool {
	before := len(root.Kids)
	for _, e := range m.Entries {
		kid, _ := root.Kid(e.Key.(string))
		if kid == nil {
			if len(root.Kids) >= maxOpenColumns {
				return unwind(root, before)
			}
			kid, _ = b.addColumn(root, e.Key.(string))
		}
		t, cell := b.tagged(e.Value)
		putCell(kid, root.N, t, cell)
	}
	return true
}

func (b *Batch) addColumn(root *Vec, name string) (*Vec, int) {
	kid := b.NewColumn(nil)
	root.Names = append(root.Names, name)
	root.Kids = append(root.Kids, kid)
	return kid, len(root.Kids) - 1
}

// pad appends missing cells up to n rows.
func pad(kid *Vec, n int) {
	for kid.N < n {
		kid.PushTag(TagMissing, 0)
	}
}

// putCell sets row i, which is the last one or the one after it.
func putCell(kid *Vec, i int, t Tag, cell uint64) {
	pad(kid, i)
	if kid.N == i {
		kid.PushTag(t, cell)
		return
	}
	kid.SetTag(i, t)
	kid.W[i] = cell
}

// unwind takes back the cells of row root.N, and the columns that it added after the first n.
func unwind(root *Vec, n int) bool {
	clear(root.Kids[n:])
	root.Names, root.Kids = root.Names[:n], root.Kids[:n]
	for _, kid := range root.Kids {
		if kid.N > root.N {
			kid.N = root.N
			kid.W = kid.W[:root.N]
			if kid.Tags != nil {
				kid.Tags = kid.Tags[:root.N]
			}
		}
	}
	return false
}
