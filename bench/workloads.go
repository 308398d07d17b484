// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	stringConverter = "org.apache.kafka.connect.storage.StringConverter"
	bytesConverter  = "org.apache.kafka.connect.converters.ByteArrayConverter"
	jsonConverter   = "org.apache.kafka.connect.json.JsonConverter"
)

// The kinds of workload, by how they are measured.
const (
	sinkKind    = "sink"    // drain a topic
	fileKind    = "file"    // fill a topic from a file
	genKind     = "gen"     // fill a topic from a generator
	mirrorKind  = "mirror"  // copy a topic
	startupKind = "startup" // exec to the first REST answer
	idleKind    = "idle"    // CPU and memory with nothing to do
	latencyKind = "latency" // produced to written by a sink
	scaleKind   = "scale"   // one core, then two
)

// A target is a figure that a workload must reach: a ratio to a peer, or a limit that is absolute.
type target struct {
	peer  string  // the peer of a ratio; "" for an absolute limit
	what  string  // the row it is about: a name of rows
	least float64 // a ratio of this or more
	most  float64 // an absolute figure of this or less
}

// A workload is one row of BENCHMARKS.md: what runs and how it is measured.
type workload struct {
	name, doc string
	kind      string
	// small and full are the records of a run in the two sizes; for latency, records that count.
	small, full int64
	// share divides the records of the JVM's runs in the small size, and says that it may have fewer in the full one:
	// of sources, where the start is not measured.
	share   int64
	config  map[string]string
	records spec // shape and, unless 0, size and partitions
	targets []target
	// group is the name under which -run selects it besides its own; "figures" are the rows of the table.
	group string
	// only lists who can run it beside penstock; nil: everyone.
	only []string
	// connectors of an idle worker.
	connectors int
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

// jsonSchemas is JSON with its schema in every record.
var jsonSchemas = map[string]string{
	"key.converter": jsonConverter, "value.converter": jsonConverter,
	"key.converter.schemas.enable": "true", "value.converter.schemas.enable": "true",
}

var (
	nullSink  = map[string]string{"connector.class": "NullSink"}
	fileSink  = map[string]string{"connector.class": "FileStreamSink", "file": "/dev/null"}
	generator = map[string]string{"connector.class": "io.penstock.connect.DatagenSourceConnector", "template": "events", "rate": "0"}
)

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

// mirror is MirrorMaker 2's connector from the broker to itself; its aliases and the topic are set per run.
var mirror = with(converters(bytesConverter), map[string]string{
	"connector.class":        "org.apache.kafka.connect.mirror.MirrorSourceConnector",
	"header.converter":       bytesConverter,
	"replication.factor":     "1",
	"refresh.topics.enabled": "false", "sync.topic.configs.enabled": "false", "sync.topic.acls.enabled": "false",
	"offset-syncs.topic.replication.factor": "1",
})

const (
	perCPURow = "records per CPU-second"
	peakRow   = "peak RSS, MiB"
	allocsRow = "heap allocations per record"
	bytesRow  = "heap bytes per record"
)

// lean are the targets of every data workload.
var lean = []target{{what: peakRow, most: 80}, {what: allocsRow, most: 0.005}, {what: bytesRow, most: 1}}

func ratio(peer string, least float64) target {
	return target{peer: peer, what: perCPURow, least: least}
}

// workloads are all there is: the rows of the figures first, then the shapes and sweeps.
var workloads = append(figures, sweeps()...)

var figures = []*workload{
	{name: "null-bytes", doc: "sink: 308-byte records as bytes, dropped: the worker's own cost", kind: sinkKind, small: 1_000_000, full: 3_000_000,
		config: with(nullSink, converters(bytesConverter)), targets: append(lean[:3:3], ratio(bestPeer, 4), ratio(rawPeer, 0.9))},
	{name: "file-sink", doc: "sink: String to FileStreamSink /dev/null", kind: sinkKind, small: 500_000, full: 3_000_000,
		config: with(fileSink, converters(stringConverter)), targets: append(lean[:3:3], ratio(bestPeer, 5))},
	{name: "null-json", doc: "sink: JSON without schema decoded, dropped", kind: sinkKind, small: 300_000, full: 2_000_000,
		config: with(nullSink, converters(jsonConverter)), targets: append(lean[:3:3], ratio(bestPeer, 9))},
	{name: "null-json-3smt", doc: "sink: JSON, rename and drop, timestamp to text, mask, dropped", kind: sinkKind, small: 300_000, full: 2_000_000,
		config: with(nullSink, converters(jsonConverter), threeTransforms), targets: append(lean[:3:3], ratio(bestPeer, 13))},
	{name: "null-schema-3smt", doc: "sink: JSON with its schema in every record, the same three transforms, dropped", kind: sinkKind, small: 100_000, full: 1_000_000,
		records: spec{shape: "schema"}, config: with(nullSink, jsonSchemas, threeTransforms), targets: append(lean[:3:3], ratio(bestPeer, 13))},
	{name: "gen-json", doc: "source: generator to JSON", kind: genKind, small: 600_000, full: 3_000_000, share: 6,
		config: with(generator, converters(jsonConverter)), targets: append(lean[:3:3], ratio(jvmPeer, 25), ratio(bestPeer, 15))},
	{name: "gen-schema", doc: "source: generator to JSON with its schema in every record", kind: genKind, small: 300_000, full: 1_000_000, share: 6,
		config: with(generator, jsonSchemas), targets: append(lean[:3:3], ratio(jvmPeer, 45), ratio(bestPeer, 40))},
	{name: "file-source", doc: "source: FileStreamSource, 308-byte lines as String, into one partition", kind: fileKind, small: 600_000, full: 1_000_000, share: 6,
		config: with(map[string]string{"connector.class": "FileStreamSource"}, converters(stringConverter)), targets: append(lean[:3:3], ratio(jvmPeer, 30))},
	{name: "mirror", doc: "topic to topic, bytes: MirrorMaker 2's MirrorSourceConnector", kind: mirrorKind, small: 500_000, full: 3_000_000, share: 5,
		config: mirror, targets: append(lean[:3:3], ratio(bestPeer, 15), ratio(rawPeer, 0.8))},
	{name: "startup", doc: "exec of a worker without connectors to the first answer of GET /", kind: startupKind,
		targets: []target{{what: startRow, most: 0.1}, {what: idleRow, most: 20}}},
	{name: "latency", doc: "1,000 records a second: produced to a topic until FileStreamSink has written them, beside a raw consumer of the same records", kind: latencyKind,
		only: []string{jvmPeer}, small: 5_000, full: 20_000, config: with(fileSink, converters(stringConverter)), targets: []target{{what: addedRow, most: 3}}},
	{name: "idle", doc: "20 connectors with nothing to do", kind: idleKind, connectors: 20, only: []string{jvmPeer}, targets: []target{{what: idleCPURow, most: 1}}},
	{name: "idle-1000", doc: "1,000 connectors with nothing to do", kind: idleKind, connectors: 1000, only: []string{}, targets: []target{{what: idleRow, most: 250}}},
	{name: "scale", doc: "JSON and three transforms with two tasks: one core, then two", kind: scaleKind, small: 1_000_000, full: 5_000_000, only: []string{},
		config: with(nullSink, converters(jsonConverter), threeTransforms), targets: []target{{what: speedupRow, least: 1.8}}},
}

func init() {
	for _, w := range figures {
		w.group = "figures"
	}
}

// sweeps are the shapes of records, sizes of records and numbers of partitions.
func sweeps() (out []*workload) {
	for _, name := range []string{"nested", "escapes", "nonascii", "reordered", "nulls", "floats", "wide"} {
		for _, base := range []string{"null-json", "null-json-3smt"} {
			w := *figures[slices.IndexFunc(figures, func(w *workload) bool { return w.name == base })]
			w.name, w.group, w.records.shape = base+"-"+name, "shapes", name
			w.small = 150_000
			w.doc += ": " + name
			out = append(out, &w)
		}
	}
	for _, size := range []int{100, 300, 1_000, 10_000, 100_000} {
		w := *figures[0]
		w.name, w.group, w.doc = "size-"+strconv.Itoa(size), "sizes", fmt.Sprintf("sink: values of %d bytes as bytes, dropped", size)
		w.records = spec{shape: "sized", size: size}
		w.small, w.full = min(1_000_000, 300_000_000/int64(size)), min(5_000_000, 1_000_000_000/int64(size))
		w.targets = nil
		out = append(out, &w)
	}
	for _, n := range []int32{1, 6, 50, 200} {
		w := *figures[0]
		w.name, w.group, w.doc = fmt.Sprintf("partitions-%d", n), "partitions", fmt.Sprintf("sink: 308-byte records as bytes out of %d partitions, dropped", n)
		w.records.partitions = n
		w.targets = nil
		out = append(out, &w)
	}
	return out
}

// isSink, isSource, isData: how a workload's data flows.
func (w *workload) isSink() bool { return w.kind == sinkKind }
func (w *workload) isSource() bool {
	return w.kind == fileKind || w.kind == genKind || w.kind == mirrorKind
}
func (w *workload) isData() bool { return w.isSink() || w.isSource() }

// runsOn tells whether a peer takes part.
func (w *workload) runsOn(peer string) bool {
	switch {
	case peer == ours:
		return true
	case peer == rawPeer || peer == kgoPeer:
		// The generator has no twin among the raw clients, and a raw copy is made by own connections alone.
		return w.only == nil && (w.kind == sinkKind || w.kind == fileKind || w.kind == mirrorKind && peer == rawPeer)
	}
	return w.only == nil || slices.Contains(w.only, peer)
}

// find is the workload of a name; nil when there is none.
func find(name string) *workload {
	for _, w := range workloads {
		if w.name == name {
			return w
		}
	}
	return nil
}

// selectWorkloads are those of a list of names and groups, in the order of the table; "all" is every one.
func selectWorkloads(list string) ([]*workload, error) {
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		wanted[strings.TrimSpace(name)] = false
	}
	var out []*workload
	for _, w := range workloads {
		hit := false
		for _, name := range []string{w.name, w.group, "all"} {
			if _, ok := wanted[name]; ok {
				wanted[name], hit = true, true
			}
		}
		if hit {
			out = append(out, w)
		}
	}
	for name, used := range wanted {
		if !used {
			return nil, fmt.Errorf("no workload or group %q; -list shows them", name)
		}
	}
	return out, nil
}
