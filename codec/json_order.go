// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/text"
)

// mapOrder appends the order in which JsonConverter writes the keys of maps that a transform has made; none where the
// columns are in order. Where that depends on how many keys a row has, it returns the capacity of the tables instead.
func mapOrder(dst []int, v *batch.Vec) (order []int, table int) {
	if v.Kind != batch.KindObject || v.Table <= 0 {
		return nil, 0
	}
	gaps := 0
	for _, kid := range v.Kids {
		if kid.AnyMissing() {
			gaps++
		}
	}
	if gaps == 0 {
		return text.AppendHashOrder(dst, v.Names, int(v.Table)), 0
	}
	size := text.TableSize(len(v.Names), int(v.Table))
	if text.TableSize(len(v.Names)-gaps, int(v.Table)) != size {
		return nil, int(v.Table)
	}
	return text.AppendTableOrder(dst, v.Names, size), 0
}

// tableMembers is members for a printer with a table: the order is found row by row.
func (e *encoder) tableMembers(dst []byte, p *printer, i int) (_ []byte, err error) {
	var roomKids, roomOrder [64]int
	var roomNames [64]string
	kids, names := roomKids[:0], roomNames[:0]
	for k := range p.kids {
		if v := p.column.Kids[k]; v.Kind == batch.KindDyn && v.TagAt(i) == batch.TagMissing {
			continue
		}
		kids, names = append(kids, k), append(names, p.column.Names[k])
	}
	start := len(dst)
	for _, at := range text.AppendHashOrder(roomOrder[:0], names, p.table) {
		kid := &p.kids[kids[at]]
		if kid.leaf {
			dst, err = e.leaf(dst, kid, i, kid.prefix)
		} else {
			dst, err = e.cell(append(dst, kid.prefix...), kid, i)
		}
		if err != nil {
			return dst, err
		}
	}
	if len(dst) == start {
		return append(dst, '{', '}'), nil
	}
	dst[start] = '{' // in place of the first comma
	return append(dst, '}'), nil
}

// entriesInOrder is the entries of a map without schema: in Java's order where a transform has made the map, in that of
// the text where it is as it came.
func entriesInOrder(m *batch.MapValue) []batch.Entry {
	if m.Table <= 0 {
		return m.Entries
	}
	keys := make([]string, 0, len(m.Entries))
	for _, e := range m.Entries {
		k, ok := e.Key.(string)
		if !ok {
			return m.Entries
		}
		keys = append(keys, k)
	}
	out := make([]batch.Entry, 0, len(keys))
	for _, i := range text.AppendHashOrder(make([]int, 0, len(keys)), keys, int(m.Table)) {
		out = append(out, m.Entries[i])
	}
	return out
}
