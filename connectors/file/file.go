// SPDX-License-Identifier: Apache-2.0

// Package file holds FileStreamSource and FileStreamSink, by Apache's class names and keys.
package file

import (
	"bytes"
	"encoding/json"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
)

const defaultBatchSize = 2000

var sourceConfig = config.Def{
	config.String("file").Default(nil).High().Doc("Source filename. If not specified, the standard input will be used"),
	config.String("topic").Required().NonEmpty().High().Doc("The topic to publish data to"),
	config.Int("batch.size").Default(int32(defaultBatchSize)).Low().
		Doc("The maximum number of records the source task can read from the file each time it is polled"),
}

var sinkConfig = config.Def{
	config.String("file").Default(nil).High().Doc("Destination filename. If not specified, the standard output will be used"),
}

func init() {
	connectors.Register("org.apache.kafka.connect.file.FileStreamSourceConnector", connectors.Plugin{
		Kind: connectors.SourceKind, Def: sourceConfig, TaskClass: "org.apache.kafka.connect.file.FileStreamSourceTask",
		NewConnector: func(cfg map[string]string) (connectors.Connector, error) {
			return &sourceConnector{connectors.Single(cfg)}, nil
		},
		NewSource: func() connectors.Source { return &Source{} },
		// Standard input cannot be read again; a file that is only appended to can.
		ExactlyOnce: func(cfg map[string]string) bool { return cfg["file"] != "" },
	})
	connectors.Register("org.apache.kafka.connect.file.FileStreamSinkConnector", connectors.Plugin{
		Kind: connectors.SinkKind, Def: sinkConfig, TaskClass: "org.apache.kafka.connect.file.FileStreamSinkTask",
		NewConnector: func(cfg map[string]string) (connectors.Connector, error) {
			return &sinkConnector{connectors.PerTask(cfg)}, nil
		},
		NewSink: func() connectors.Sink { return &Sink{} },
	})
}

// sourceConnector makes one task: only one input stream makes sense.
type sourceConnector struct{ connectors.Connector }

// AlterOffsets checks offsets set through REST, as FileStreamSourceConnector.alterOffsets does.
func (*sourceConnector) AlterOffsets(cfg map[string]string, offsets []connectors.PartitionOffset) (bool, error) {
	fail := func(text string) (bool, error) { return false, batch.NewFault(batch.ConnectException, text) }
	if cfg["file"] == "" {
		return fail("Offsets cannot be modified if the 'file' configuration is unspecified. " +
			"This is because stdin is used for input and offsets are not tracked.")
	}
	for _, o := range offsets {
		if isNull(o.Offset) {
			continue // anything may be removed, garbage included
		}
		var offset map[string]json.RawMessage
		position, ok := json.RawMessage(nil), false
		if json.Unmarshal(o.Offset, &offset) == nil {
			position, ok = offset["position"]
		}
		var n int64
		switch {
		case !ok:
			return fail("Offset objects should either be null or contain the key 'position'")
		case json.Unmarshal(position, &n) != nil || isNull(position):
			return fail("The value for the 'position' key in the offset is expected to be a Long value")
		case n < 0:
			return fail("The value for the 'position' key in the offset should be a non-negative value")
		case isNull(o.Partition):
			return fail("Partition objects cannot be null")
		}
		var partition map[string]json.RawMessage
		if json.Unmarshal(o.Partition, &partition) != nil || partition["filename"] == nil {
			return fail("Partition objects should contain the key 'filename'")
		}
	}
	return true, nil
}

// sinkConnector makes tasks.max tasks.
type sinkConnector struct{ connectors.Connector }

// AlterOffsets has no objection: the sink keeps no offsets of its own (FileStreamSinkConnector.alterOffsets).
func (*sinkConnector) AlterOffsets(map[string]string, []connectors.PartitionOffset) (bool, error) {
	return true, nil
}

func isNull(p json.RawMessage) bool {
	return len(p) == 0 || bytes.Equal(bytes.TrimSpace(p), []byte("null"))
}
