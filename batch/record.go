// SPDX-License-Identifier: Apache-2.0

package batch

// Record is one row outside of a batch: for tests, previews, conformance vectors and connectors whose rows are few. The
// data path never makes one.
type Record struct {
	Topic       string
	Partition   int32 // NoPartition: none
	Offset      int64 // sink
	Timestamp   int64 // milliseconds, or NoTimestamp
	KeySchema   *Schema
	Key         any
	ValueSchema *Schema
	Value       any
	Headers     []Header
}

// Load fills an empty batch with records. sink says whether they have offsets.
func (b *Batch) Load(records []Record, sink bool) {
	b.N = len(records)
	b.Partition = make([]int32, 0, len(records))
	key, value := NewBuilder(b, Key), NewBuilder(b, Value)
	for i, r := range records {
		if i == 0 {
			b.Topics.Set(r.Topic)
			b.Origin = Origin{Topic: r.Topic, Partition: r.Partition, First: r.Offset}
		}
		b.Topics.Put(i, b.N, r.Topic)
		b.Partition = append(b.Partition, r.Partition)
		b.Timestamp = append(b.Timestamp, r.Timestamp)
		if sink {
			b.Offset = append(b.Offset, r.Offset)
			b.Origin.Last = r.Offset
		}
		key.Add(i, r.KeySchema, r.Key)
		value.Add(i, r.ValueSchema, r.Value)
		if len(r.Headers) > 0 {
			hs := make([]Header, len(r.Headers))
			for k, h := range r.Headers {
				h.Decoded, h.Raw = true, NullView
				hs[k] = h
			}
			b.Headers.Set(i, b.N, hs)
		}
	}
	key.Done()
	value.Done()
	b.Headers.Decoded = true
}

// RecordAt reads one row as a record. Dead rows can be read too; ask IsDead.
func (b *Batch) RecordAt(row int) Record {
	r := Record{Topic: b.Topics.At(row), Partition: b.PartitionAt(row), Timestamp: b.TimestampAt(row)}
	if len(b.Offset) > 0 {
		r.Offset = b.Offset[row]
	}
	r.KeySchema, r.Key = b.ValueAt(Key, row)
	r.ValueSchema, r.Value = b.ValueAt(Value, row)
	for _, h := range b.Headers.Of(row) {
		h.Value, h.Column = b.HeaderValue(&h), nil
		r.Headers = append(r.Headers, h)
	}
	return r
}

// Equal compares two records by schema and value; the order of headers counts, raw header bytes do not.
func (r Record) Equal(o Record) bool {
	if r.Topic != o.Topic || r.Partition != o.Partition || r.Offset != o.Offset || r.Timestamp != o.Timestamp ||
		!r.KeySchema.Equal(o.KeySchema) || !r.ValueSchema.Equal(o.ValueSchema) ||
		!ValueEqual(r.Key, o.Key) || !ValueEqual(r.Value, o.Value) || len(r.Headers) != len(o.Headers) {
		return false
	}
	for i, h := range r.Headers {
		g := o.Headers[i]
		if h.Key != g.Key || !h.Schema.Equal(g.Schema) || !ValueEqual(h.Value, g.Value) {
			return false
		}
	}
	return true
}
