// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"bytes"
	"math"
	"unsafe"
)

// Kind is how a column stores its rows.
type Kind uint8

// The storage kinds.
const (
	// KindWords is a leaf under a schema: W holds one cell per row, Valid the nulls.
	KindWords Kind = iota
	// KindDyn is a leaf whose rows carry their own type: Tags (or Tag for all) and W. Its Schema is nil, or a schema
	// that the values were declared under but do not fit (then every value is boxed).
	KindDyn
	// KindObject is a schemaless map with string keys: Names and Kids. Every row is a map; a key that a row lacks is
	// TagMissing in that kid. Kids are KindDyn, or KindObject where every row has a map under that key.
	KindObject
	// KindStruct follows Schema.Fields: one kid per field. Cells of kids under a null struct mean nothing.
	KindStruct
	// KindArray holds Offs (N+1) into Kids[0].
	KindArray
	// KindMap holds Offs (N+1) into Kids[0], the keys, and Kids[1], the values.
	KindMap
)

// Tag is the type of one cell of a KindDyn column.
type Tag uint8

// The tags. Of a JSON tag the cell is a view of validated JSON text.
const (
	TagMissing    Tag = iota // the map has no such key
	TagNull                  // the key is there and null
	TagBool                  // cell 0 or 1
	TagInt8                  // int64 in the cell, as for every integer
	TagInt16                 //
	TagInt32                 //
	TagInt64                 //
	TagFloat32               // math.Float32bits
	TagFloat64               // math.Float64bits
	TagString                // view, WTF-8
	TagBytes                 // view
	TagDecimal               // view: see AppendDecimal
	TagDate                  // java.util.Date: int64 milliseconds
	TagJSON                  // view of any JSON value, not looked at yet; Resolve turns it into another tag
	TagJSONObject            // view of the text of an object
	TagJSONArray             // view of the text of an array
	TagBoxed                 // index into Batch.Boxed
)

// Vec is one column of N rows. See Kind for which fields are in use. Vecs belong to the batch they came from
// (Batch.NewVec) and are reused after its release.
type Vec struct {
	Schema *Schema
	Kind   Kind
	Const  bool // KindWords and KindDyn: W (and Tags or Valid) hold one cell that stands for all N rows
	Tag    Tag  // KindDyn: the tag of all rows when Tags is nil
	N      int
	W      []uint64
	Valid  Bitmap // every kind but KindDyn: nil = no nulls
	Tags   []Tag
	Offs   []int32
	Names  []string
	Kids   []*Vec
	Table  int32 // KindObject: in which order Java lists the keys of its maps; see MapValue.Table

	// Memory kept for reuse while the field in use is nil.
	spareTags  []Tag
	spareValid Bitmap
}

// reset empties v for reuse, keeping memory.
func (v *Vec) reset() {
	if v.Tags != nil {
		v.spareTags = v.Tags
	}
	if v.Valid != nil {
		v.spareValid = v.Valid
	}
	clear(v.Kids)
	*v = Vec{W: v.W[:0], Offs: v.Offs[:0], Names: v.Names[:0], Kids: v.Kids[:0], spareTags: v.spareTags[:0], spareValid: v.spareValid[:0]}
}

// At is the index of row i's cell: i, or 0 for a constant column.
func (v *Vec) At(i int) int {
	if v.Const {
		return 0
	}
	return i
}

// Cell is the word of row i.
func (v *Vec) Cell(i int) uint64 { return v.W[v.At(i)] }

// View is the cell of row i as a view.
func (v *Vec) View(i int) View { return View(v.W[v.At(i)]) }

// TagAt is the tag of row i of a KindDyn column.
func (v *Vec) TagAt(i int) Tag {
	if v.Tags == nil {
		return v.Tag
	}
	return v.Tags[v.At(i)]
}

// IsNull reports a null (or missing, or JSON null not yet resolved is not seen: Resolve first) in row i.
func (v *Vec) IsNull(i int) bool {
	if v.Kind == KindDyn {
		return v.TagAt(i) <= TagNull
	}
	return v.Valid != nil && !v.Valid.Get(v.At(i))
}

// AnyMissing reports whether some row of a child of a KindObject column lacks its key.
func (v *Vec) AnyMissing() bool {
	switch {
	case v.Kind != KindDyn:
		return false
	case len(v.Tags) == 0:
		return v.Tag == TagMissing
	}
	tags := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v.Tags))), len(v.Tags))
	return bytes.IndexByte(tags, byte(TagMissing)) >= 0
}

// SetNull makes row i of a column that is not KindDyn null. The column must not be constant.
func (v *Vec) SetNull(i int) {
	if v.Valid == nil {
		v.Valid = MakeBitmap(v.spareValid, max(v.N, i+1), true)
	}
	v.Valid = v.Valid.grow(i + 1)
	v.Valid.Clear(i)
}

// SetTag gives row i of a KindDyn column its own tag. The column must not be constant and W must hold row i.
func (v *Vec) SetTag(i int, t Tag) {
	if v.Tags == nil {
		if t == v.Tag && v.N > 0 {
			return
		}
		v.expandTags(max(v.N, i+1))
	}
	v.Tags[i] = t
}

// expandTags gives every row its own tag, n rows long.
func (v *Vec) expandTags(n int) {
	tags := v.spareTags[:0]
	for range n {
		tags = append(tags, v.Tag)
	}
	v.Tags = tags
}

// MakeTags returns n tags, all t, in memory of v's own that is free while Tags is nil. They are not v's before they are
// assigned to Tags.
func (v *Vec) MakeTags(n int, t Tag) []Tag {
	if cap(v.spareTags) < n {
		v.spareTags = make([]Tag, 0, n+n/4)
	}
	tags := v.spareTags[:n]
	for i := range tags {
		tags[i] = t
	}
	return tags
}

// Push appends one cell to a KindWords column.
func (v *Vec) Push(cell uint64) {
	if v.Valid != nil {
		v.Valid = v.Valid.grow(v.N + 1)
		v.Valid.Set(v.N)
	}
	v.W = append(v.W, cell)
	v.N++
}

// PushNull appends a null to a column that is not KindDyn; the kids of a struct must be given a null too.
func (v *Vec) PushNull() {
	if v.Valid == nil {
		v.Valid = MakeBitmap(v.spareValid, v.N+1, true)
	}
	v.Valid = v.Valid.grow(v.N + 1)
	v.Valid.Clear(v.N)
	switch v.Kind {
	case KindWords:
		v.W = append(v.W, 0)
	case KindArray, KindMap:
		v.closeList()
	}
	v.N++
}

// PushValid appends a row that is not null to a KindStruct, KindArray or KindMap column, after its kids were appended.
func (v *Vec) PushValid() {
	if v.Valid != nil {
		v.Valid = v.Valid.grow(v.N + 1)
		v.Valid.Set(v.N)
	}
	if v.Kind == KindArray || v.Kind == KindMap {
		v.closeList()
	}
	v.N++
}

func (v *Vec) closeList() {
	if len(v.Offs) == 0 {
		v.Offs = append(v.Offs, 0)
	}
	v.Offs = append(v.Offs, int32(v.Kids[0].N))
}

// PushTag appends one cell with its tag to a KindDyn column.
func (v *Vec) PushTag(t Tag, cell uint64) {
	if v.Tags == nil {
		if v.N == 0 {
			v.Tag = t
		} else if t != v.Tag {
			v.expandTags(v.N)
		}
	}
	if v.Tags != nil {
		v.Tags = append(v.Tags, t)
	}
	v.W = append(v.W, cell)
	v.N++
}

// Flatten turns a constant column into one with a cell per row.
func (v *Vec) Flatten() {
	if !v.Const {
		return
	}
	v.Const = false
	w := v.W[0]
	v.W = v.W[:0]
	for range v.N {
		v.W = append(v.W, w)
	}
	if v.Tags != nil {
		v.Tag = v.Tags[0]
		v.spareTags, v.Tags = v.Tags[:0], nil
	}
	if v.Valid != nil {
		ok := v.Valid.Get(0)
		v.Valid = MakeBitmap(v.Valid, v.N, ok)
	}
}

// Kid is the child under a name of a KindObject or KindStruct column, and its index; nil and -1 when there is none.
func (v *Vec) Kid(name string) (*Vec, int) {
	if v.Kind == KindStruct {
		if i := v.Schema.Field(name); i >= 0 {
			return v.Kids[i], i
		}
		return nil, -1
	}
	for i, n := range v.Names {
		if n == name {
			return v.Kids[i], i
		}
	}
	return nil, -1
}

// DropKid takes the child i of a KindObject column away.
func (v *Vec) DropKid(i int) {
	v.Names = append(v.Names[:i], v.Names[i+1:]...)
	v.Kids = append(v.Kids[:i], v.Kids[i+1:]...)
}

// SetKid puts a child of a KindObject column, replacing the one of that name.
func (v *Vec) SetKid(name string, kid *Vec) {
	if _, i := v.Kid(name); i >= 0 {
		v.Kids[i] = kid
		return
	}
	v.Names = append(v.Names, name)
	v.Kids = append(v.Kids, kid)
}

// BoolCell is the cell of a boolean.
func BoolCell(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}

// IntCell is the cell of any integer, Date, Time or Timestamp (milliseconds).
func IntCell(n int64) uint64 { return uint64(n) }

// Float32Cell is the cell of a FLOAT32.
func Float32Cell(f float32) uint64 { return uint64(math.Float32bits(f)) }

// Float64Cell is the cell of a FLOAT64.
func Float64Cell(f float64) uint64 { return math.Float64bits(f) }

// Int, Float32 and Float64 read a cell back.
func Int(cell uint64) int64 { return int64(cell) }

// CellFloat32 reads a FLOAT32 cell.
func CellFloat32(cell uint64) float32 { return math.Float32frombits(uint32(cell)) }

// CellFloat64 reads a FLOAT64 cell.
func CellFloat64(cell uint64) float64 { return math.Float64frombits(cell) }
