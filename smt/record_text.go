// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/values"
)

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
		", key=" + values.String(r.Key) + ", keySchema=" + values.SchemaText(r.KeySchema) + ", value=" + values.String(r.Value) +
		", valueSchema=" + values.SchemaText(r.ValueSchema) + ", timestamp=" + ts + ", headers=ConnectHeaders(headers=" + headersText(r.Headers) + ")}"
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
	parts := make([]string, len(hs))
	for i, h := range hs {
		parts[i] = "ConnectHeader(key=" + h.Key + ", value=" + values.String(h.Value) + ", schema=" + values.SchemaText(h.Schema) + ")"
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
