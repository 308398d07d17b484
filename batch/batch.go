// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"math"
	"sync/atomic"
)

// NoTimestamp is the timestamp of a record that has none.
const NoTimestamp = int64(math.MinInt64)

// NoPartition is the partition of a record that leaves the choice to the producer.
const NoPartition = int32(-1)

// Origin says where the rows of a batch came from. It is set once and never written by a transform.
type Origin struct {
	Topic       string // sink: the topic fetched from
	Partition   int32
	LeaderEpoch int32
	First, Last int64 // sink: offsets of the first row and of the last; committing the batch means Last+1
}

// Raw is what was fetched, one entry per row: views into the slab, NullView for null. Empty for sources. Nothing changes
// it until the release: dead letter queues write it.
type Raw struct {
	Key, Value []View
	Headers    [][]Header // nil: no row has any
}

// Mark says that the rows since the previous mark came from a source partition and end at a source offset.
// Both are the JSON texts of Connect's offset maps, in the slab.
type Mark struct {
	End       int // row after the last one covered
	Partition View
	Offset    View
}

// Batch holds N rows as columns. See the package comment for the picture and the rules of ownership.
type Batch struct {
	N         int
	Slab      Slab
	Origin    Origin
	Raw       Raw
	Key       Payload
	Value     Payload
	Headers   Headers
	Topics    TopicCol
	Partition []int32 // per row; nil: Origin.Partition (sink) or NoPartition (source)
	Timestamp []int64 // per row, milliseconds; NoTimestamp: none
	TimestampType
	Offset []int64 // sink: original offset per row; nil for sources
	Marks  []Mark  // source
	Errs   []RowError
	Boxed  []any
	Out    Out

	dead     Bitmap
	deadRows int
	limit    limitState

	vecs []*Vec
	used int

	pool      *Pool
	refs      atomic.Int32
	accounted int // see Account
}

// TimestampType tells a record's time of creation from the time of its append to the log.
type TimestampType int8

// The timestamp types, with Kafka's ids.
const (
	NoTimestampType TimestampType = -1
	CreateTime      TimestampType = 0
	LogAppendTime   TimestampType = 1
)

// New returns a batch that belongs to no pool: for tests and one-off work.
func New() *Batch {
	b := &Batch{}
	b.refs.Store(1)
	b.TimestampType = CreateTime
	b.Origin.Partition = NoPartition
	return b
}

// Side returns the payload of a side.
func (b *Batch) Side(s Side) *Payload {
	if s == Key {
		return &b.Key
	}
	return &b.Value
}

// NewVec returns an empty column that belongs to the batch.
func (b *Batch) NewVec() *Vec {
	if b.used == len(b.vecs) {
		b.vecs = append(b.vecs, &Vec{})
	}
	v := b.vecs[b.used]
	b.used++
	v.reset()
	return v
}

// NewColumn returns an empty column shaped for a schema, with its kids; a nil schema gives a KindDyn column.
func (b *Batch) NewColumn(s *Schema) *Vec {
	v := b.NewVec()
	v.Schema = s
	switch {
	case s == nil:
		v.Kind = KindDyn
	case s.Type == Struct:
		v.Kind = KindStruct
		for _, f := range s.Fields {
			v.Kids = append(v.Kids, b.NewColumn(f.Schema))
		}
	case s.Type == Array:
		v.Kind = KindArray
		v.Kids = append(v.Kids, b.NewColumn(s.ValueSchema))
		v.Offs = append(v.Offs, 0)
	case s.Type == Map:
		v.Kind = KindMap
		v.Kids = append(v.Kids, b.NewColumn(s.KeySchema), b.NewColumn(s.ValueSchema))
		v.Offs = append(v.Offs, 0)
	}
	return v
}

// NewConst returns a constant KindWords column of n rows.
func (b *Batch) NewConst(s *Schema, cell uint64, n int) *Vec {
	v := b.NewVec()
	v.Schema, v.Const, v.N = s, true, n
	v.W = append(v.W, cell)
	return v
}

// NewConstDyn returns a constant KindDyn column of n rows.
func (b *Batch) NewConstDyn(t Tag, cell uint64, n int) *Vec {
	v := b.NewVec()
	v.Kind, v.Const, v.Tag, v.N = KindDyn, true, t, n
	v.W = append(v.W, cell)
	return v
}

// NewNulls returns a constant column of n nulls under a schema (or KindDyn when it is nil).
func (b *Batch) NewNulls(s *Schema, n int) *Vec {
	if s == nil {
		return b.NewConstDyn(TagNull, 0, n)
	}
	if s.Type.Primitive() {
		v := b.NewConst(s, 0, n)
		v.Valid = MakeBitmap(v.spareValid, 1, false)
		return v
	}
	v := b.NewColumn(s)
	for range n {
		b.AppendNull(v)
	}
	return v
}

// Box puts a value that fits no cell aside and returns its TagBoxed cell.
func (b *Batch) Box(v any) uint64 {
	b.Boxed = append(b.Boxed, v)
	return uint64(len(b.Boxed) - 1)
}

// IsDead reports whether a row was dropped or failed, or is kept from the running transform by a predicate.
func (b *Batch) IsDead(row int) bool { return b.deadRows > 0 && b.dead.Get(row) }

// AllAlive reports that no row is dead: kernels may skip the test.
func (b *Batch) AllAlive() bool { return b.deadRows == 0 }

// Alive is the number of rows that are not dead.
func (b *Batch) Alive() int { return b.N - b.deadRows }

// Drop takes a row out of the live set: it was filtered. It still counts for offsets.
func (b *Batch) Drop(row int) {
	if b.deadRows == 0 {
		b.dead = MakeBitmap(b.dead, b.N, false)
	}
	if !b.dead.Get(row) {
		b.dead.Set(row)
		b.deadRows++
	}
}

// Fail takes a row out of the live set because of a data error in a stage.
func (b *Batch) Fail(row int, stage Stage, err error) {
	if b.IsDead(row) {
		return
	}
	b.Drop(row)
	b.Errs = append(b.Errs, RowError{Row: row, Stage: stage, Err: err})
}

// TimestampAt is the timestamp of a row in milliseconds, or NoTimestamp.
func (b *Batch) TimestampAt(row int) int64 {
	if len(b.Timestamp) == 0 {
		return NoTimestamp
	}
	return b.Timestamp[row]
}

// PartitionAt is the partition of a row, or NoPartition.
func (b *Batch) PartitionAt(row int) int32 {
	if b.Partition == nil {
		return b.Origin.Partition
	}
	return b.Partition[row]
}

// AddMark covers the rows since the last mark up to now: they come from a source partition and end at offset.
// Both are JSON texts of Connect offset maps.
func (b *Batch) AddMark(partition, offset View) {
	b.Marks = append(b.Marks, Mark{End: b.N, Partition: partition, Offset: offset})
}
