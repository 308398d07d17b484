// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/regex"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
)

// aivenPrefix is the package of Aiven's transforms.
const aivenPrefix = "io.aiven.kafka.connect.transforms."

func init() {
	RegisterKeyAndValue(aivenPrefix+"ExtractTopic", aivenTopicConfig, newAivenExtractTopic)
	Register(aivenPrefix+"ExtractTopicFromSchemaName$Value", Plugin{Def: schemaNameTopicConfig, New: newSchemaNameTopic})
}

// Keys that several of Aiven's transforms share.
const (
	aivenFieldName = "field.name"
	skipMissing    = "skip.missing.or.null"
)

func skipMissingKey(what string) *config.Key {
	return config.Bool(skipMissing).Default(false).Low().Doc("Whether records without " + what + " (missing or null) pass as they are instead of failing.")
}

var aivenTopicConfig = config.Def{
	config.String(aivenFieldName).Default(nil).High().
		Doc("Name of the field that holds the topic. Null or empty: the whole key or value is the topic."),
	skipMissingKey("a topic"),
}

// What Aiven's messages list: the types that a topic may have, and their classes.
const (
	topicTypes   = "[INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]"
	topicClasses = "[class java.lang.Byte, class java.lang.Short, class java.lang.Integer, class java.lang.Long, " +
		"class java.lang.Double, class java.lang.Float, class java.lang.Boolean, class java.lang.String]"
)

// AivenExtractTopic names the topic after the key or value, or a field of it.
type AivenExtractTopic struct {
	side  batch.Side
	field string // "": the whole key or value
	skip  bool
}

func newAivenExtractTopic(v config.Values, side batch.Side) (Transform, error) {
	return &AivenExtractTopic{side: side, field: v.String(aivenFieldName), skip: v.Bool(skipMissing)}, nil
}

// Apply renames the topics of the live rows.
func (t *AivenExtractTopic) Apply(b *batch.Batch) error {
	eachRow(b, t.side, func(v *batch.Variant, pos, row int) error {
		topic, err := t.topic(b, v, pos)
		if err != "" {
			return batch.DataFault(err + ": " + recordText(b, row))
		}
		if topic != "" {
			b.Topics.Put(row, b.N, topic)
		}
		return nil
	})
	return nil
}

// topic is the new topic, "" to keep the old one; fault is what is wrong, without the record.
func (t *AivenExtractTopic) topic(b *batch.Batch, v *batch.Variant, pos int) (topic, fault string) {
	switch place := t.side.String(); {
	case v.Schema == nil && t.field == "":
		return t.wholeMap(b.Read(v.Root, pos))
	case v.Schema == nil:
		return t.fieldOfMap(b, v, pos)
	case t.field == "":
		if !topicType(v.Schema) {
			return "", place + " schema type must be " + topicTypes + " if field name is not specified"
		}
		return t.orSkip(b.Read(v.Root, pos), place+" can't be null or empty")
	case v.Schema.Type != batch.Struct:
		return "", place + " schema type must be STRUCT if field name is specified"
	default:
		x, s, state := fieldAt(b, v, pos, t.field)
		switch {
		case state == fieldNoRow:
			return "", place + " can't be null if field name is specified"
		case state != fieldFound:
			return t.orSkip(nil, t.field+" in "+place+" schema can't be missing")
		case !topicType(s):
			return "", t.field + " schema type in " + place + " must be " + topicTypes
		}
		return t.orSkip(x, t.field+" in "+place+" can't be null or empty")
	}
}

func (t *AivenExtractTopic) wholeMap(x any) (topic, fault string) {
	switch {
	case x == nil || text.IsBlank(values.String(x)):
		return t.orSkip(nil, t.side.String()+" can't be null or empty")
	case !topicClass(x):
		return "", "type in " + t.side.String() + " " + values.String(x) + " must be " + topicClasses
	}
	return values.String(x), ""
}

func (t *AivenExtractTopic) fieldOfMap(b *batch.Batch, v *batch.Variant, pos int) (topic, fault string) {
	x, _, state := fieldAt(b, v, pos, t.field)
	place := t.side.String()
	switch {
	case state == fieldNoRow:
		return "", place + " can't be null if field name is specified"
	case state == fieldNoType:
		return "", place + " type must be Map if field name is specified"
	case x != nil && !topicClass(x):
		return "", t.field + " type in " + place + " " + values.String(b.Read(v.Root, pos)) + " must be " + topicClasses
	case x != nil && text.IsBlank(values.String(x)):
		x = nil
	}
	return t.orSkip(x, t.field+" in "+place+" can't be null or empty")
}

// orSkip is the text of x; where there is none the record passes or fails.
func (t *AivenExtractTopic) orSkip(x any, fault string) (topic, _ string) {
	if x != nil {
		topic = values.String(x)
	}
	if topic != "" || t.skip {
		return topic, ""
	}
	return "", fault
}

func topicType(s *batch.Schema) bool { return s.Type.Primitive() && s.Type != batch.Bytes }

func topicClass(x any) bool {
	switch x.(type) {
	case int8, int16, int32, int64, float32, float64, bool, string:
		return true
	}
	return false
}

const (
	schemaNameMap   = "schema.name.topic-map"
	schemaNameRegex = "schema.name.regex"
)

var schemaNameTopicConfig = config.Def{
	config.String(schemaNameMap).Default(nil).Low().Validate(config.ValidatorFunc{Text: "list of name:topic pairs", Check: checkSchemaNameMap}).
		Doc("Topics by schema name: name1:topic1,name2:topic2."),
	config.String(schemaNameRegex).Default(nil).Low().Validate(optionalRegex).
		Doc("A regular expression with one group, which gives the topic, e.g. (?:[.]|^)([^.]*)$ for what follows the last dot."),
}

func checkSchemaNameMap(key string, value any) error {
	list, ok := value.(string)
	if !ok {
		return nil
	}
	for _, pair := range strings.Split(list, ",") {
		if len(strings.Split(pair, ":")) < 2 {
			return config.Invalid(key, value, `Format should be: "SchemaValue1:NewValue1,SchemaValue2:NewValue2"`)
		}
	}
	return nil
}

// SchemaNameTopic names the topic after the name of the value's schema (ExtractTopicFromSchemaName).
type SchemaNameTopic struct {
	topics map[string]string
	regex  *regex.Regex
	seen   map[string]routed
}

func newSchemaNameTopic(v config.Values) (Transform, error) {
	t := &SchemaNameTopic{topics: map[string]string{}}
	if v.IsSet(schemaNameMap) && v.IsSet(schemaNameRegex) {
		return nil, config.Plain("", schemaNameMap+" and "+schemaNameRegex+" should not be defined together.")
	}
	if list := v.String(schemaNameMap); list != "" {
		for _, pair := range strings.Split(list, ",") {
			parts := strings.Split(pair, ":")
			t.topics[parts[0]] = parts[1]
		}
	}
	if v.String(schemaNameRegex) != "" {
		var err error
		if t.regex, err = regex.Compile(v.String(schemaNameRegex)); err != nil {
			return nil, config.Plain(schemaNameRegex, v.String(schemaNameRegex)+" set as "+schemaNameRegex+" is not valid regex.")
		}
	}
	return t, nil
}

// Apply renames the topics, looking once at each schema.
func (t *SchemaNameTopic) Apply(b *batch.Batch) error {
	eachRow(b, batch.Value, func(v *batch.Variant, _, row int) error {
		if v.Schema == nil || v.Schema.Name == nil {
			return batch.DataFault(" value schema name can't be null: " + recordText(b, row))
		}
		name := *v.Schema.Name
		r, ok := t.seen[name]
		if !ok {
			r.topic, r.err = t.route(name)
			if t.seen == nil || len(t.seen) >= maxTopicsSeen {
				t.seen = map[string]routed{}
			}
			t.seen[name] = r
		}
		if r.err != nil {
			return r.err
		}
		b.Topics.Put(row, b.N, r.topic)
		return nil
	})
	return nil
}

func (t *SchemaNameTopic) route(name string) (string, error) {
	if topic, ok := t.topics[name]; ok {
		return topic, nil
	}
	if t.regex == nil {
		return name, nil
	}
	g, err := t.regex.FindGroups(name, 0)
	if err != nil {
		return "", asFault(err)
	}
	if len(g) == 4 && g[2] >= 0 {
		return name[g[2]:g[3]], nil
	}
	return name, nil
}
