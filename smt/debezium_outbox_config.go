// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

const outboxClass = "io.debezium.transforms.outbox.EventRouter"

func init() {
	Register(outboxClass, Plugin{Def: outboxConfig, New: newOutbox})
}

const (
	outboxTable     = "Table"
	outboxRouter    = "Router"
	outboxTracing   = "Tracing"
	outboxPlacement = "table.fields.additional.placement"
)

var outboxConfig = config.Def{
	config.String("table.field.event.id").Default("id").Low().Group(outboxTable, 1).Doc("Column of the event's id, which becomes the header id."),
	config.String("table.field.event.key").Default("aggregateid").Low().Group(outboxTable, 2).Doc("Column that becomes the key."),
	config.String("table.field.event.type").Default("type").Low().Group(outboxTable, 3).Doc("Column of the event's type. Accepted; nothing reads it."),
	config.String("table.field.event.payload").Default("payload").Low().Group(outboxTable, 4).Doc("Column that becomes the value."),
	config.String("table.field.event.timestamp").Group(outboxTable, 5).
		Doc("Column that becomes the timestamp, one of Debezium's INT64 timestamps; otherwise it is the event's ts_ms."),
	config.List(outboxPlacement).High().Group(outboxTable, 6).Validate(validPlacements).
		Doc("Further columns, and where they go: column:header[:name], column:envelope[:name], column:partition."),
	config.String("table.field.additional.missing").Default("error").Group(outboxTable, 7).Validate(anyCaseOrAbsent("error", "ignore")).
		Doc("What to do about a further column that the table lacks."),
	config.String("table.field.event.schema.version").Low().Group(outboxTable, 8).Doc("INT32 column that becomes the version of the value's schema."),
	config.String("table.op.invalid.behavior").Default("warn").Group(outboxTable, 9).Validate(anyCaseOrAbsent("warn", "error", "fatal")).
		Doc("What to do about updates of the table: warn and error drop them, fatal fails the record."),
	config.Bool("table.expand.json.payload").Default(false).Group(outboxTable, 10).
		Doc("Whether a payload that is JSON text becomes a struct. What is not an object stays text."),
	config.String("table.json.payload.null.behavior").Default("ignore").Group(outboxTable, 11).Validate(anyCaseOrAbsent("ignore", "optional_bytes")).
		Doc("Whether JSON nulls are left out, or become null fields of type BYTES."),
	config.String("table.json.payload.empty.array.behavior").Default("ignore").Group(outboxTable, 12).Validate(anyCaseOrAbsent("ignore", "optional_string")).
		Doc("Whether empty JSON arrays are left out, or become arrays of STRING."),
	config.String("route.by.field").Default("aggregatetype").High().Group(outboxRouter, 1).Doc("Column that decides about the topic."),
	config.String("route.topic.regex").Default("(?<routedByValue>.*)").Low().Group(outboxRouter, 2).Validate(debeziumRegex).
		Doc("Regular expression that the column's value is taken apart with."),
	config.String("route.topic.replacement").Default("outbox.event.${routedByValue}").High().Group(outboxRouter, 3).
		Doc("The topic, made of the groups of the expression."),
	config.Bool("route.tombstone.on.empty.payload").Default(false).High().Group(outboxRouter, 4).
		Doc("Whether an event with an empty payload becomes a tombstone."),
	config.String("tracing.span.context.field").Default("tracingspancontext").High().Group(outboxTracing, 1).Doc("Accepted; no spans are made."),
	config.String("tracing.operation.name").Default("debezium-read").High().Group(outboxTracing, 2).Doc("Accepted; no spans are made."),
	config.Bool("tracing.with.context.field.only").Default(false).High().Group(outboxTracing, 3).Doc("Accepted; no spans are made."),
	config.String("field.name.adjustment.mode").Default("none").Low().Validate(anyCaseOrAbsent("none", "avro", "avro_unicode")).
		Doc("How names of fields of an expanded payload are adjusted."),
}

var validPlacements = config.ValidatorFunc{
	Text: "list of colon-delimited pairs or trios, e.g. <code>id:header,field_name:envelope:alias,field_name:partition</code>",
	Check: func(key string, value any) error {
		list, _ := value.([]string)
		for _, item := range list {
			if n := len(splitPair(item)); n != 2 && n != 3 {
				return config.Invalid(key, list, "A comma-separated list of valid String pairs or trios is expected but got: ["+strings.Join(list, ", ")+"]")
			}
			if _, ok := placements[strings.ToLower(strings.TrimSpace(splitPair(item)[1]))]; !ok {
				return config.Invalid(key, list, "The place of "+item+" must be header, envelope or partition")
			}
		}
		return nil
	},
}

// placement says where a further column goes.
type placement uint8

const (
	toHeader placement = iota
	toEnvelope
	toPartition
)

var placements = map[string]placement{"header": toHeader, "envelope": toEnvelope, "partition": toPartition}

// placedField is a further column.
type placedField struct {
	field, alias string
	to           placement
}

// outboxNames are the columns of the outbox table. Oracle folds names, so its defaults are in capitals.
type outboxNames struct{ id, key, payload, timestamp, route string }

func newOutbox(v config.Values) (Transform, error) {
	t := &Outbox{
		version: v.String("table.field.event.schema.version"), ignoreMissing: choice(v, "table.field.additional.missing", "error") == "ignore",
		fatal: choice(v, "table.op.invalid.behavior", "warn") == "fatal", tombstones: flag(v, "route.tombstone.on.empty.payload", false),
		headersOnly: true, after: ExtractField{defaults: true}, versions: map[int64]hoisted{},
	}
	for _, item := range v.List(outboxPlacement) {
		parts := splitPair(item)
		f := placedField{field: strings.TrimSpace(parts[0]), alias: strings.TrimSpace(parts[0]), to: placements[strings.ToLower(strings.TrimSpace(parts[1]))]}
		if len(parts) == 3 {
			f.alias = strings.TrimSpace(parts[2])
		}
		t.placed = append(t.placed, f)
		t.headersOnly = t.headersOnly && f.to != toEnvelope
	}
	name := func(key string, oracle bool) string {
		s := v.String(key)
		if oracle && !v.IsSet(key) {
			return strings.ToUpper(s)
		}
		return s
	}
	for i := range t.names {
		oracle := i == 1
		t.names[i] = outboxNames{
			id: name("table.field.event.id", oracle), key: name("table.field.event.key", oracle), payload: name("table.field.event.payload", oracle),
			timestamp: name("table.field.event.timestamp", oracle), route: name("route.by.field", oracle),
		}
	}
	if flag(v, "table.expand.json.payload", false) {
		t.expand = newOutboxJSON(choice(v, "table.json.payload.null.behavior", "ignore") == "optional_bytes",
			choice(v, "table.json.payload.empty.array.behavior", "ignore") == "optional_string", choice(v, "field.name.adjustment.mode", "none"))
	}
	regex, replacement := v.String("route.topic.regex"), v.String("route.topic.replacement")
	rv, err := regexRouterConfig.Parse(config.Props{"regex": &regex, "replacement": &replacement})
	if err != nil {
		return nil, err
	}
	router, err := newRegexRouter(rv)
	if err != nil {
		return nil, err
	}
	t.router = router.(*RegexRouter)
	t.after.path, err = ParseFieldPath(envelopeAfter, FieldSyntaxV1)
	return t, err
}

// Names of Debezium's timestamps.
const (
	debeziumMillis = "io.debezium.time.Timestamp"
	debeziumMicros = "io.debezium.time.MicroTimestamp"
	debeziumNanos  = "io.debezium.time.NanoTimestamp"
)

// timeDivisor is what a column's timestamps are divided by to get milliseconds; 0 when the schema is none of Debezium's.
func timeDivisor(s *batch.Schema) int64 {
	switch s.NameText() {
	case debeziumMillis:
		return 1
	case debeziumMicros:
		return 1_000
	case debeziumNanos:
		return 1_000_000
	}
	return 0
}
