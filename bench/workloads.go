// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
)

const (
	stringConverter = "org.apache.kafka.connect.storage.StringConverter"
	bytesConverter  = "org.apache.kafka.connect.converters.ByteArrayConverter"
	jsonConverter   = "org.apache.kafka.connect.json.JsonConverter"
)

// The kinds of workload, by how they are measured.
const (
	sinkKind    = "sink"    // drain a topic
	sourceKind  = "source"  // fill a topic from a file
	startupKind = "startup" // exec to the first REST answer
	idleKind    = "idle"    // CPU and memory with nothing to do
	latencyKind = "latency" // line appended to record consumed
)

// A workload is one row of BENCHMARKS.md: what runs and how it is measured.
type workload struct {
	name, doc string
	kind      string
	records   int64 // records of a run unless -records says otherwise; lines for latency
	config    map[string]string
}

// with merges connector configs; later ones win.
func with(parts ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, p := range parts {
		maps.Copy(out, p)
	}
	return out
}

// converters sets the same converter for key and value; JSON without schemas.
func converters(class string) map[string]string {
	out := map[string]string{"key.converter": class, "value.converter": class}
	if class == jsonConverter {
		out["key.converter.schemas.enable"], out["value.converter.schemas.enable"] = "false", "false"
	}
	return out
}

var nullSink = map[string]string{"connector.class": "NullSink"}

// threeTransforms renames and drops fields, turns a number of milliseconds into text, and masks two fields: each
// touches a part of the record, and together seven of its fourteen fields.
var threeTransforms = map[string]string{
	"transforms":                  "names,time,mask",
	"transforms.names.type":       "org.apache.kafka.connect.transforms.ReplaceField$Value",
	"transforms.names.renames":    "user_id:uid,event:kind",
	"transforms.names.exclude":    "session,tags",
	"transforms.time.type":        "org.apache.kafka.connect.transforms.TimestampConverter$Value",
	"transforms.time.field":       "ts",
	"transforms.time.target.type": "string",
	"transforms.time.format":      "yyyy-MM-dd'T'HH:mm:ss.SSS",
	"transforms.mask.type":        "org.apache.kafka.connect.transforms.MaskField$Value",
	"transforms.mask.fields":      "email,ip",
	"transforms.mask.replacement": "***",
}

var workloads = []*workload{
	{"null-bytes", "sink: 308-byte records as bytes, dropped: the worker's own cost", sinkKind, 3_000_000,
		with(nullSink, converters(bytesConverter))},
	{"null-json", "sink: JSON without schema decoded, dropped", sinkKind, 3_000_000,
		with(nullSink, converters(jsonConverter))},
	{"null-json-3smt", "sink: JSON, rename and drop, timestamp to text, mask, dropped", sinkKind, 3_000_000,
		with(nullSink, converters(jsonConverter), threeTransforms)},
	{"file-sink", "sink: String to FileStreamSink /dev/null", sinkKind, 3_000_000,
		with(map[string]string{"connector.class": "FileStreamSink", "file": "/dev/null"}, converters(stringConverter))},
	{"file-source", "source: FileStreamSource, 308-byte lines as String, into one partition", sourceKind, 1_000_000,
		with(map[string]string{"connector.class": "FileStreamSource"}, converters(stringConverter))},
	{"startup", "exec of a worker without connectors to the first answer of GET /", startupKind, 0, nil},
	{"idle", "20 connectors with nothing to do, watched for 20 s", idleKind, 0, nil},
	{"latency", "line appended to a file to record read by a consumer, 50 lines a second", latencyKind, 1_000,
		with(map[string]string{"connector.class": "FileStreamSource"}, converters(stringConverter))},
}
