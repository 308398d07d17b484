// SPDX-License-Identifier: Apache-2.0

package batch

// Side says which payload of a record is meant.
type Side uint8

// The two payloads of a record.
const (
	Key Side = iota
	Value
)

// String is "key" or "value".
func (s Side) String() string {
	if s == Key {
		return "key"
	}
	return "value"
}

// Variant is the rows of one payload that share a schema and a shape.
type Variant struct {
	Schema *Schema // nil: schemaless (or null without schema)
	Root   *Vec    // Root.N rows, one per position
	Rows   []int32 // position -> row of the batch, increasing; nil: position = row (the only variant)
	Frozen bool    // set while a predicate keeps a transform away from these rows: see Batch.Limit
}

// Row is the row of the batch at position p.
func (v *Variant) Row(p int) int {
	if v.Rows == nil {
		return p
	}
	return int(v.Rows[p])
}

// Payload is one side of the rows: a dense union over the schemas and shapes seen. After Seal each row belongs to
// exactly one variant; variants are never empty, except that a batch of no rows has none.
type Payload struct {
	Variants []Variant
	Which    []uint16 // variant of a row; nil when there is one variant
	Index    []int32  // position of a row inside its variant; nil when there is one variant

	spareRows  [][]int32
	spareWhich []uint16
	spareIndex []int32
	null       int // 1 + index of the variant of rows without value and schema, 0: none yet
}

// reset empties p, keeping memory.
func (p *Payload) reset() {
	for i := range p.Variants {
		if r := p.Variants[i].Rows; r != nil {
			p.spareRows = append(p.spareRows, r[:0])
		}
		p.Variants[i] = Variant{}
	}
	p.Variants = p.Variants[:0]
	if p.Which != nil {
		p.spareWhich, p.spareIndex = p.Which, p.Index
	}
	p.Which, p.Index, p.null = nil, nil, 0
}

// Locate finds the variant of a row and the position in it.
func (p *Payload) Locate(row int) (*Variant, int) {
	if p.Which == nil {
		return &p.Variants[0], row
	}
	return &p.Variants[p.Which[row]], int(p.Index[row])
}

// Add starts a variant with the given root, to be filled with Assign. It returns its index.
func (p *Payload) Add(schema *Schema, root *Vec) int {
	p.Variants = append(p.Variants, Variant{Schema: schema, Root: root, Rows: p.rows()})
	return len(p.Variants) - 1
}

func (p *Payload) rows() []int32 {
	if n := len(p.spareRows); n > 0 {
		r := p.spareRows[n-1]
		p.spareRows = p.spareRows[:n-1]
		return r[:0]
	}
	return make([]int32, 0, 64)
}

// Assign says that the next position of a variant is this row. Rows come in increasing order.
func (p *Payload) Assign(variant, row int) {
	v := &p.Variants[variant]
	v.Rows = append(v.Rows, int32(row))
}

// AssignNull gives a row no value and no schema: a tombstone, or a row that failed to decode.
func (b *Batch) AssignNull(p *Payload, row int) {
	if p.null == 0 {
		root := b.NewVec()
		root.Kind, root.Tag, root.Const = KindDyn, TagNull, true
		root.W = append(root.W, 0)
		p.null = p.Add(nil, root) + 1
	}
	p.Assign(p.null-1, row)
	p.Variants[p.null-1].Root.N++
}

// Set makes root the only variant, for all rows of the batch.
func (p *Payload) Set(schema *Schema, root *Vec) {
	p.reset()
	p.Variants = append(p.Variants, Variant{Schema: schema, Root: root})
}

// Seal ends the assignment of n rows: it drops empty variants and builds Which and Index, or the identity.
func (p *Payload) Seal(n int) {
	kept := p.Variants[:0]
	for i := range p.Variants {
		v := p.Variants[i]
		if len(v.Rows) == 0 {
			if v.Rows != nil {
				p.spareRows = append(p.spareRows, v.Rows)
			}
			continue
		}
		kept = append(kept, v)
	}
	clear(p.Variants[len(kept):])
	p.Variants, p.null = kept, 0
	if len(kept) == 1 && len(kept[0].Rows) == n {
		p.spareRows = append(p.spareRows, kept[0].Rows[:0])
		kept[0].Rows = nil
		p.Which, p.Index = nil, nil // of the variants before
		return
	}
	p.index(n)
}

// index rebuilds Which and Index from the variants' Rows.
func (p *Payload) index(n int) {
	if cap(p.spareWhich) < n {
		p.spareWhich, p.spareIndex = make([]uint16, n, n+n/2), make([]int32, n, n+n/2)
	}
	p.Which, p.Index = p.spareWhich[:n], p.spareIndex[:n]
	for k := range p.Variants {
		for pos, row := range p.Variants[k].Rows {
			p.Which[row], p.Index[row] = uint16(k), int32(pos)
		}
	}
}
