// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

func init() {
	RegisterKeyAndValue(aivenPrefix+"ExtractTimestamp", aivenTimestampConfig, newAivenExtractTimestamp)
}

const timestampResolution = "timestamp.resolution"

var aivenTimestampConfig = config.Def{
	config.String(aivenFieldName).Required().High().NonEmpty().
		Doc("Name of the field that holds the timestamp: an INT64 or a Timestamp, never null."),
	config.String(timestampResolution).Default("milliseconds").Low().Validate(config.ValidatorFunc{
		Text: "milliseconds, seconds", Check: func(key string, value any) error {
			if s, _ := value.(string); s != "milliseconds" && s != "seconds" {
				return config.Invalid(key, value, "Unsupported resolution type '"+s+"'. Supported are: milliseconds, seconds")
			}
			return nil
		}}).
		Doc("What an INT64 counts since the epoch: milliseconds or seconds. Timestamps do not need it."),
}

// AivenExtractTimestamp gives records the timestamp that a field holds.
type AivenExtractTimestamp struct {
	side    batch.Side
	field   string
	seconds bool
}

func newAivenExtractTimestamp(v config.Values, side batch.Side) (Transform, error) {
	return &AivenExtractTimestamp{side: side, field: v.String(aivenFieldName), seconds: v.String(timestampResolution) == "seconds"}, nil
}

// Apply sets the timestamps of the live rows.
func (t *AivenExtractTimestamp) Apply(b *batch.Batch) error {
	for len(b.Timestamp) < b.N {
		b.Timestamp = append(b.Timestamp, batch.NoTimestamp)
	}
	p := b.Side(t.side)
	if len(p.Variants) == 1 && t.column(b, &p.Variants[0]) {
		return nil
	}
	eachRow(b, t.side, func(v *batch.Variant, pos, row int) error {
		x, _, state := fieldAt(b, v, pos, t.field)
		what := ""
		switch y := x.(type) {
		case int64:
			b.Timestamp[row] = t.millis(y)
			return nil
		case batch.Date:
			b.Timestamp[row] = int64(y)
			return nil
		case nil:
			switch state {
			case fieldNoRow:
				what = t.side.String() + " can't be null"
			case fieldNoType:
				what = t.side.String() + " type must be STRUCT or MAP"
			default:
				what = t.field + " field must be present and its value can't be null"
			}
		default:
			what = t.field + " field must be INT64 or org.apache.kafka.connect.data.Timestamp"
		}
		return batch.DataFault(what + ": " + recordText(b, row))
	})
	return nil
}

// column copies a column of timestamps without nulls, which all batches of one schema have.
func (t *AivenExtractTimestamp) column(b *batch.Batch, v *batch.Variant) bool {
	if v.Frozen || v.Rows != nil || v.Root.Kind != batch.KindStruct || !b.AllAlive() || hasNulls(v.Root, nil) {
		return false
	}
	kid, _ := v.Root.Kid(t.field)
	if kid == nil || kid.Kind != batch.KindWords || hasNulls(kid, nil) {
		return false
	}
	tag := batch.TagOfSchema(kid.Schema)
	if tag != batch.TagInt64 && tag != batch.TagDate {
		return false
	}
	for i := range b.N {
		n := batch.Int(kid.Cell(i))
		if tag == batch.TagInt64 {
			n = t.millis(n)
		}
		b.Timestamp[i] = n
	}
	return true
}

// millis is TimeUnit.toMillis, which saturates.
func (t *AivenExtractTimestamp) millis(n int64) int64 {
	switch {
	case !t.seconds:
		return n
	case n > math.MaxInt64/1000:
		return math.MaxInt64
	case n < math.MinInt64/1000:
		return math.MinInt64
	}
	return n * 1000
}
