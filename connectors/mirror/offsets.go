// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/java/jackson"
	"github.com/penstock-io/penstock/internal/javastring"
	"github.com/penstock-io/penstock/internal/kafka"
)

// partitionJSON is the source partition of a topic-partition, its members in the order of Java's HashMap, which is how the
// JVM worker stores it.
func partitionJSON(alias string, tp kafka.TopicPartition) []byte {
	p := jackson.AppendString([]byte(`{"cluster":`), alias)
	p = strconv.AppendInt(append(p, `,"partition":`...), int64(tp.Partition), 10)
	p = jackson.AppendString(append(p, `,"topic":`...), tp.Topic)
	return append(p, '}')
}

// appendOffset appends the source offset of a record.
func appendOffset(dst []byte, offset int64) []byte {
	return append(strconv.AppendInt(append(dst, `{"offset":`...), offset, 10), '}')
}

// offsetOf reads a stored source offset; -1 stands for none (MirrorUtils.unwrapOffset).
func offsetOf(stored json.RawMessage) (int64, error) {
	if len(stored) == 0 {
		return -1, nil
	}
	var o struct{ Offset *int64 }
	if err := json.Unmarshal(stored, &o); err != nil {
		return 0, fmt.Errorf("the stored offset is %s: offset must be a number", stored)
	}
	if o.Offset == nil {
		return -1, nil
	}
	return *o.Offset, nil
}

// offsetRules says what the offsets of a connector look like: the members of a source partition that must be strings, and
// whether there is a partition number in it and every offset is 0.
type offsetRules struct {
	texts     []string
	partition bool
	onlyZero  bool
}

// check is what the alterOffsets methods of the three connectors have in common. Removals are always allowed, so that
// garbage can be cleaned up.
func (r offsetRules) check(offsets []connectors.PartitionOffset) error {
	for _, o := range offsets {
		offset, err := object(o.Offset)
		if err != nil {
			return err
		}
		if offset == nil {
			continue
		}
		partition, err := object(o.Partition)
		if err != nil {
			return err
		}
		if partition == nil {
			return fault("Source partitions may not be null")
		}
		for _, key := range r.texts {
			if err := wantText(partition, key); err != nil {
				return err
			}
		}
		if r.partition {
			if err := wantPartition(partition); err != nil {
				return err
			}
		}
		if err := r.wantOffset(partition, offset); err != nil {
			return err
		}
	}
	return nil
}

func fault(format string, args ...any) error {
	return batch.NewFault(batch.ConnectException, fmt.Sprintf(format, args...))
}

func missing(partition *batch.MapValue, key string) error {
	return fault("Source partition %s is missing the '%s' key, which is required", javastring.AppendInOrder(nil, partition), key)
}

func refuse(partition *batch.MapValue, value any, key, why string) error {
	return fault("Source partition %s has an invalid value %s for the '%s' key, which %s",
		javastring.AppendInOrder(nil, partition), javastring.AppendInOrder(nil, value), key, why)
}

func wantText(partition *batch.MapValue, key string) error {
	value, ok := partition.Get(key)
	if !ok {
		return missing(partition, key)
	}
	if _, ok := value.(string); !ok {
		return refuse(partition, value, key, "must be a string")
	}
	return nil
}

func wantPartition(partition *batch.MapValue) error {
	const key = "partition"
	value, ok := partition.Get(key)
	if !ok {
		return missing(partition, key)
	}
	n, ok := value.(int64)
	if !ok || n > math.MaxInt32 {
		return refuse(partition, value, key, "must be an integer")
	}
	if int32(n) < 0 { // Java narrows before it looks
		return refuse(partition, value, key, "cannot be negative")
	}
	return nil
}

func (r offsetRules) wantOffset(partition, offset *batch.MapValue) error {
	const key = "offset"
	fail := func(format string, args ...any) error {
		args = append([]any{javastring.AppendInOrder(nil, offset), javastring.AppendInOrder(nil, partition)}, args...)
		return fault("Source offset %s for source partition %s "+format, args...)
	}
	value, ok := offset.Get(key)
	if !ok {
		return fail("is missing the '%s' key, which is required", key)
	}
	n, ok := value.(int64)
	shown := javastring.AppendInOrder(nil, value)
	switch {
	case !ok:
		return fail("has an invalid value %s for the '%s' key, which must be an integer", shown, key)
	case r.onlyZero && n != 0:
		return fail("has an invalid value %s for the '%s' key; the only accepted value is 0", shown, key)
	case n < 0:
		return fail("has an invalid value %s for the '%s' key, which cannot be negative", shown, key)
	}
	return nil
}

// object reads a JSON object with its members in order; nil for null.
func object(text json.RawMessage) (*batch.MapValue, error) {
	if len(text) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := value(d)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", text, err)
	}
	m, ok := v.(*batch.MapValue)
	if !ok && v != nil {
		return nil, fault("%s is not a map", text)
	}
	return m, nil
}

// value reads the next JSON value as Jackson gives it to the connector.
func value(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			return list(d)
		}
		return members(d)
	case json.Number:
		if n, err := strconv.ParseInt(t.String(), 10, 64); err == nil {
			return n, nil
		}
		f, err := t.Float64()
		return f, err
	default:
		return t, nil
	}
}

func members(d *json.Decoder) (any, error) {
	m := &batch.MapValue{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := value(d)
		if err != nil {
			return nil, err
		}
		m.Put(key.(string), v)
	}
	_, err := d.Token()
	return m, err
}

func list(d *json.Decoder) (any, error) {
	out := []any{}
	for d.More() {
		v, err := value(d)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := d.Token()
	return out, err
}
