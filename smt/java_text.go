// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
)

// schemaText is ConnectSchema.toString.
func schemaText(s *batch.Schema) string {
	if s == nil {
		return "null"
	}
	if s.Name != nil {
		return "Schema{" + *s.Name + ":" + s.Type.String() + "}"
	}
	return "Schema{" + s.Type.String() + "}"
}

// valueText is String.valueOf for a value, as messages of Connect show it.
func valueText(x any) string {
	switch v := x.(type) {
	case nil:
		return "null"
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float32:
		return number.FormatFloat(v)
	case float64:
		return number.FormatDouble(v)
	case []byte:
		return "[B@0"
	case batch.ByteBuffer:
		n := strconv.Itoa(len(v))
		return "java.nio.HeapByteBuffer[pos=0 lim=" + n + " cap=" + n + "]"
	case batch.Decimal:
		return decimalText(v)
	case *big.Int:
		return v.String()
	case batch.Date:
		return time.UnixMilli(int64(v)).UTC().Format("Mon Jan 02 15:04:05 UTC 2006")
	case []any:
		return "[" + joinTexts(len(v), func(i int) string { return valueText(v[i]) }, ", ") + "]"
	case *batch.MapValue:
		return "{" + joinTexts(len(v.Entries), func(i int) string {
			return valueText(v.Entries[i].Key) + "=" + valueText(v.Entries[i].Value)
		}, ", ") + "}"
	case *batch.StructValue:
		parts := []string{}
		for i, f := range v.Schema.Fields {
			if v.Vals[i] != nil {
				parts = append(parts, f.Name+"="+valueText(v.Vals[i]))
			}
		}
		return "Struct{" + strings.Join(parts, ",") + "}"
	}
	return fmt.Sprint(x)
}

func joinTexts(n int, at func(int) string, sep string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = at(i)
	}
	return strings.Join(parts, sep)
}

// decimalText is BigDecimal.toString.
func decimalText(d batch.Decimal) string {
	n, err := number.DecimalFromBytes(batch.BigIntBytes(nil, d.Unscaled), d.Scale)
	if err != nil {
		return d.Unscaled.String()
	}
	return n.String()
}

// recordText is ConnectRecord.toString of a row. A source record's partition and offset are not known here.
func recordText(b *batch.Batch, row int) string {
	r := b.RecordAt(row)
	text := "SourceRecord{sourcePartition=null, sourceOffset=null} "
	if len(b.Offset) > 0 {
		kind := "CreateTime"
		switch {
		case r.Timestamp == batch.NoTimestamp || b.TimestampType == batch.NoTimestampType:
			kind = "NoTimestampType"
		case b.TimestampType == batch.LogAppendTime:
			kind = "LogAppendTime"
		}
		offset := strconv.FormatInt(r.Offset, 10)
		text = "SinkRecord{kafkaOffset=" + offset + ", timestampType=" + kind + ", originalTopic=" + b.Origin.Topic +
			", originalKafkaPartition=" + partitionText(b.Origin.Partition) + ", originalKafkaOffset=" + offset + "} "
	}
	ts := "null"
	if r.Timestamp != batch.NoTimestamp {
		ts = strconv.FormatInt(r.Timestamp, 10)
	}
	return text + "ConnectRecord{topic='" + r.Topic + "', kafkaPartition=" + partitionText(r.Partition) +
		", key=" + valueText(r.Key) + ", keySchema=" + schemaText(r.KeySchema) + ", value=" + valueText(r.Value) +
		", valueSchema=" + schemaText(r.ValueSchema) + ", timestamp=" + ts + ", headers=ConnectHeaders(headers=" + headersText(r.Headers) + ")}"
}

func partitionText(p int32) string {
	if p == batch.NoPartition {
		return "null"
	}
	return strconv.Itoa(int(p))
}

func headersText(hs []batch.Header) string {
	if len(hs) == 0 {
		return ""
	}
	return "[" + joinTexts(len(hs), func(i int) string {
		return "ConnectHeader(key=" + hs[i].Key + ", value=" + valueText(hs[i].Value) + ", schema=" + schemaText(hs[i].Schema) + ")"
	}, ", ") + "]"
}
