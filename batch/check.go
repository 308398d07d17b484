// SPDX-License-Identifier: Apache-2.0

package batch

import "fmt"

// Check verifies the invariants of the batch: lengths agree, views are in range, variants partition the rows.
// Stages call it at their exit in invariants builds. It returns the first violation.
func (b *Batch) Check() error {
	for _, s := range []Side{Key, Value} {
		if err := b.checkPayload(b.Side(s)); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	if n := len(b.Timestamp); n != 0 && n != b.N {
		return fmt.Errorf("%d timestamps for %d rows", n, b.N)
	}
	if b.deadRows != 0 && b.dead.Count(b.N) != b.deadRows {
		return fmt.Errorf("%d rows are dead, %d were counted", b.dead.Count(b.N), b.deadRows)
	}
	return nil
}

func (b *Batch) checkPayload(p *Payload) error {
	if len(p.Variants) == 0 {
		return nil // not decoded, or no rows
	}
	if p.Which != nil {
		if err := p.checkIndex(b.N); err != nil {
			return err
		}
	}
	rows := 0
	for k := range p.Variants {
		v := &p.Variants[k]
		if v.Rows == nil && len(p.Variants) > 1 {
			return fmt.Errorf("variant %d of %d tells no rows", k, len(p.Variants))
		}
		if v.Rows != nil && len(v.Rows) != v.Root.N {
			return fmt.Errorf("variant %d: %d rows, column of %d", k, len(v.Rows), v.Root.N)
		}
		rows += v.Root.N
		for i := 1; i < len(v.Rows); i++ {
			if v.Rows[i] <= v.Rows[i-1] {
				return fmt.Errorf("variant %d: rows are not increasing", k)
			}
		}
		if err := b.checkVec(v.Root, v.Root.N); err != nil {
			return fmt.Errorf("variant %d: %w", k, err)
		}
	}
	if rows != b.N {
		return fmt.Errorf("variants hold %d rows, batch %d", rows, b.N)
	}
	return nil
}

// checkIndex verifies that Which and Index lead back to each row.
func (p *Payload) checkIndex(n int) error {
	if len(p.Which) != n || len(p.Index) != n {
		return fmt.Errorf("an index of %d and %d rows in a batch of %d", len(p.Which), len(p.Index), n)
	}
	for row, k := range p.Which {
		if int(k) >= len(p.Variants) {
			return fmt.Errorf("row %d: variant %d of %d", row, k, len(p.Variants))
		}
		v, pos := &p.Variants[k], int(p.Index[row])
		if pos < 0 || pos >= v.Root.N || v.Row(pos) != row {
			return fmt.Errorf("row %d: variant %d has another row at %d", row, k, pos)
		}
	}
	return nil
}

func (b *Batch) checkVec(v *Vec, n int) error {
	if v.N != n {
		return fmt.Errorf("column of %d rows where %d are expected", v.N, n)
	}
	cells := n
	if v.Const {
		cells = 1
	}
	if v.Valid != nil && len(v.Valid) < Words(cells) {
		return fmt.Errorf("validity of %d words for %d cells", len(v.Valid), cells)
	}
	switch v.Kind {
	case KindWords, KindDyn:
		if len(v.W) != cells {
			return fmt.Errorf("%d cells where %d are expected", len(v.W), cells)
		}
		if v.Tags != nil && len(v.Tags) != cells {
			return fmt.Errorf("%d tags where %d are expected", len(v.Tags), cells)
		}
		return b.checkViews(v, cells)
	case KindArray, KindMap:
		if len(v.Offs) != n+1 {
			return fmt.Errorf("%d offsets for %d rows", len(v.Offs), n)
		}
		n = int(v.Offs[n])
	case KindObject:
		if len(v.Names) != len(v.Kids) {
			return fmt.Errorf("%d names for %d columns", len(v.Names), len(v.Kids))
		}
	case KindStruct:
		if len(v.Schema.Fields) != len(v.Kids) {
			return fmt.Errorf("%d fields for %d columns", len(v.Schema.Fields), len(v.Kids))
		}
	}
	for _, kid := range v.Kids {
		if err := b.checkVec(kid, n); err != nil {
			return err
		}
	}
	return nil
}

func (b *Batch) checkViews(v *Vec, cells int) error {
	for i := range cells {
		t := v.Tag
		switch {
		case v.Kind == KindWords && v.IsNull(i):
			continue
		case v.Kind == KindWords:
			t = TagOfSchema(v.Schema)
		case v.Tags != nil:
			t = v.Tags[i]
		}
		switch t {
		case TagString, TagBytes, TagDecimal, TagJSON, TagJSONObject, TagJSONArray:
			if w := View(v.W[i]); w == NullView || w.Off()+w.Len() > b.Slab.Len() {
				return fmt.Errorf("cell %d: view %d+%d outside a slab of %d bytes", i, w.Off(), w.Len(), b.Slab.Len())
			}
		case TagBoxed:
			if v.W[i] >= uint64(len(b.Boxed)) {
				return fmt.Errorf("cell %d: box %d of %d", i, v.W[i], len(b.Boxed))
			}
		}
	}
	return nil
}
