// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/simpledate"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	RegisterKeyAndValue(confluentPrefix+"ExtractTopic", confluentTopicConfig, newConfluentExtractTopic)
	Register(confluentPrefix+"ExtractTopic$Header", Plugin{Def: confluentHeaderTopicConfig, New: func(v config.Values) (Transform, error) {
		return &HeaderTopic{name: v.String("field"), skip: v.Bool(skipMissing)}, nil
	}})
	Register(confluentPrefix+"MessageTimestampRouter", Plugin{Def: messageTimestampConfig, New: newMessageTimestampRouter})
}

var confluentTopicConfig = config.Def{
	config.String("field").Default("").
		Doc("The field that holds the topic. Empty: the whole key or value, which must be a string."),
	config.String("field.format").Default("PLAIN").InAnyCase("JSON_PATH", "PLAIN").
		Doc("How the field is written: PLAIN is a name, JSON_PATH a path into nested fields, e.g. $.a.b or $[\"a\"][\"b\"]."),
	skipMissingKey("a topic"),
}

var confluentHeaderTopicConfig = config.Def{
	config.String("field").Required().NonEmpty().Doc("Key of the header that holds the topic."),
	config.String("field.format").Default("PLAIN").InAnyCase("PLAIN").Doc("How the header is written: PLAIN is its key."),
	skipMissingKey("a topic"),
}

// ConfluentExtractTopic names the topic after a text in the key or value (io.confluent.connect.transforms.ExtractTopic).
type ConfluentExtractTopic struct {
	side batch.Side
	path *jsonPathExpr // nil: the whole key or value
	text string
	skip bool
}

func newConfluentExtractTopic(v config.Values, side batch.Side) (Transform, error) {
	t := &ConfluentExtractTopic{side: side, text: v.String("field"), skip: v.Bool(skipMissing)}
	switch {
	case t.text == "":
	case strings.EqualFold(v.String("field.format"), "JSON_PATH"):
		path, fault := parseJSONPath(t.text)
		if fault == "" && !path.definite() {
			fault = "the path must lead to one field"
		}
		if fault != "" {
			return nil, config.Invalid("field", t.text, fault)
		}
		t.path = path
	default:
		t.path = &jsonPathExpr{steps: []jsonStep{{name: t.text}}}
	}
	return t, nil
}

// Apply renames the topics of the live rows.
func (t *ConfluentExtractTopic) Apply(b *batch.Batch) error {
	eachRow(b, t.side, func(v *batch.Variant, pos, row int) error {
		var x any
		if t.path == nil {
			x = b.Read(v.Root, pos)
		} else {
			x = t.path.first(b, v, pos)
		}
		return routeByText(b, row, x, t.skip, t.what())
	})
	return nil
}

func (t *ConfluentExtractTopic) what() string {
	if t.path == nil {
		return "the record " + t.side.String()
	}
	return "field '" + t.text + "' of the record " + t.side.String()
}

// routeByText gives a row the topic that x is.
func routeByText(b *batch.Batch, row int, x any, skip bool, what string) error {
	switch topic := x.(type) {
	case nil:
		if skip {
			return nil
		}
		return batch.DataFault("Cannot use " + what + " as the topic name: it is missing or null")
	case string:
		if topic == "" {
			return batch.DataFault("Cannot use " + what + " as the topic name: it is empty")
		}
		b.Topics.Put(row, b.N, topic)
		return nil
	}
	return batch.DataFault("Cannot use " + what + " as the topic name: it must be a string, but it is a " + values.ClassName(x))
}

// HeaderTopic names the topic after the text of a header (io.confluent.connect.transforms.ExtractTopic$Header).
type HeaderTopic struct {
	name string
	skip bool
}

// UsesHeaders is true: the value of the header is read.
func (*HeaderTopic) UsesHeaders() bool { return true }

// Apply renames the topics of the live rows; of several headers of the name the last counts.
func (t *HeaderTopic) Apply(b *batch.Batch) error {
	for row := range b.N {
		if b.IsDead(row) {
			continue
		}
		var x any
		for _, h := range b.Headers.Of(row) {
			if h.Key == t.name {
				x = b.HeaderValue(&h)
			}
		}
		if err := routeByText(b, row, x, t.skip, "header '"+t.name+"'"); err != nil {
			b.Fail(row, batch.Transformation, err)
		}
	}
	return nil
}

const (
	messageKeys        = "message.timestamp.keys"
	messageFormat      = "message.timestamp.format"
	topicTimeFormat    = "topic.timestamp.format"
	messageTopicFormat = "topic.format"
)

var messageTimestampConfig = config.Def{
	config.String(messageTopicFormat).Default("${topic}-${timestamp}").High().
		Doc("The new topic: ${topic} stands for the old one, ${timestamp} for the timestamp."),
	config.String(messageFormat).Default("yyyy-MM-dd").High().Validate(validDateFormat).
		Doc("The format of the timestamp in the message, as of java.text.SimpleDateFormat. Numbers are milliseconds since the epoch."),
	config.String(topicTimeFormat).Default("yyyyMMdd").High().Validate(validDateFormat).
		Doc("The format of the timestamp in the topic, as of java.text.SimpleDateFormat."),
	config.List(messageKeys).Required().High().Doc("Names of the fields to look for the timestamp in; the first one present counts."),
}

var validDateFormat config.Validator = config.ValidatorFunc{Text: "SimpleDateFormat pattern", Check: func(key string, value any) error {
	pattern, _ := value.(string)
	if _, err := simpledate.New(pattern, nil); err != nil || pattern == "" {
		return config.Invalid(key, value, "must be a pattern of java.text.SimpleDateFormat, e.g. yyyy-MM-dd")
	}
	return nil
}}

// MessageTimestampRouter renames topics after the old name and a timestamp in the value, in UTC
// (io.confluent.connect.transforms.MessageTimestampRouter). Unlike Confluent's, it reads structs, too.
type MessageTimestampRouter struct {
	keys        []string
	topicFormat string
	in, out     *simpledate.Format
}

func newMessageTimestampRouter(v config.Values) (Transform, error) {
	t := &MessageTimestampRouter{keys: v.List(messageKeys), topicFormat: v.String(messageTopicFormat)}
	var err error
	if t.in, err = simpledate.New(v.String(messageFormat), nil); err != nil {
		return nil, config.Invalid(messageFormat, v.String(messageFormat), err.Error())
	}
	if t.out, err = simpledate.New(v.String(topicTimeFormat), nil); err != nil {
		return nil, config.Invalid(topicTimeFormat, v.String(topicTimeFormat), err.Error())
	}
	return t, nil
}

// Apply renames the topics of the live rows.
func (t *MessageTimestampRouter) Apply(b *batch.Batch) error {
	eachRow(b, batch.Value, func(v *batch.Variant, pos, row int) error {
		for _, key := range t.keys {
			x, _, state := fieldAt(b, v, pos, key)
			if state == fieldNoType || state == fieldNoRow {
				break
			}
			if x == nil {
				continue
			}
			ms, ok := t.millis(x)
			if !ok {
				return batch.DataFault("Cannot read field '" + key + "' as a timestamp of the format " + t.in.Pattern() + ": " + recordText(b, row))
			}
			name := strings.ReplaceAll(t.topicFormat, "${topic}", b.Topics.At(row))
			b.Topics.Put(row, b.N, strings.ReplaceAll(name, "${timestamp}", t.out.Format(ms)))
			return nil
		}
		return batch.DataFault("No timestamp found in any of the fields " + strings.Join(t.keys, ", ") + ": " + recordText(b, row))
	})
	return nil
}

func (t *MessageTimestampRouter) millis(x any) (int64, bool) {
	switch y := x.(type) {
	case int64:
		return y, true
	case int32:
		return int64(y), true
	case batch.Date:
		return int64(y), true
	case string:
		ms, _, ok := t.in.Parse(y)
		return ms, ok
	}
	return 0, false
}
