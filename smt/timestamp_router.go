// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/simpledate"
)

const timestampRouterClass = "org.apache.kafka.connect.transforms.TimestampRouter"

func init() {
	Register(timestampRouterClass, Plugin{Def: timestampRouterConfig, New: newTimestampRouter})
}

var timestampRouterConfig = config.Def{
	config.String("topic.format").Default("${topic}-${timestamp}").High().
		Doc("Format string which can contain ${topic} and ${timestamp} as placeholders for the topic and timestamp, respectively."),
	config.String("timestamp.format").Default("yyyyMMdd").High().
		Doc("Format string for the timestamp that is compatible with java.text.SimpleDateFormat."),
}

// TimestampRouter renames topics after the old name and the record's timestamp, in UTC. A record without a timestamp
// is an error; so is, for every record, a format that Java does not understand.
type TimestampRouter struct {
	topicFormat string
	format      *simpledate.Format
	err         error             // what is wrong with the formats: Java finds out at the first record
	seen        map[string]string // topic, a zero byte and the formatted timestamp -> new topic
	key         []byte
}

func newTimestampRouter(v config.Values) (Transform, error) {
	t := &TimestampRouter{topicFormat: v.String("topic.format")}
	if v.IsNull("timestamp.format") || v.IsNull("topic.format") {
		t.err = batch.NewFault(batch.NullPointerException, "format")
	}
	if !v.IsNull("timestamp.format") {
		var err error
		if t.format, err = simpledate.New(v.String("timestamp.format"), nil); err != nil {
			t.err = asFault(err)
		}
	}
	return t, nil
}

// Apply renames the topics of the live rows.
func (t *TimestampRouter) Apply(b *batch.Batch) error {
	if b.AllAlive() && b.N > 0 && t.err == nil && t.sameTopic(b) {
		return nil
	}
	for row := range b.N {
		if b.IsDead(row) {
			continue
		}
		ts := b.TimestampAt(row)
		if ts == batch.NoTimestamp {
			b.Fail(row, batch.Transformation, batch.DataFault("Timestamp missing on record: "+recordText(b, row)))
			continue
		}
		if t.err != nil {
			b.Fail(row, batch.Transformation, t.err)
			continue
		}
		b.Topics.Put(row, b.N, t.route(b.Topics.At(row), ts))
	}
	return nil
}

// sameTopic gives all rows one topic, if that is what they come to: most batches lie within a day.
func (t *TimestampRouter) sameTopic(b *batch.Batch) bool {
	topic, same := b.Topics.Const()
	if !same {
		return false
	}
	name, last := "", batch.NoTimestamp
	for row := range b.N {
		ts := b.TimestampAt(row)
		if ts == batch.NoTimestamp {
			return false
		}
		if ts == last {
			continue
		}
		routed := t.route(topic, ts)
		if row > 0 && routed != name {
			return false
		}
		name, last = routed, ts
	}
	b.Topics.Set(name)
	return true
}

// route is the new topic. Names are kept: most rows of a batch share theirs.
func (t *TimestampRouter) route(topic string, millis int64) string {
	t.key = append(append(t.key[:0], topic...), 0)
	t.key = t.format.AppendFormat(t.key, millis)
	if name, ok := t.seen[string(t.key)]; ok {
		return name
	}
	name := strings.ReplaceAll(t.topicFormat, "${topic}", topic)
	name = strings.ReplaceAll(name, "${timestamp}", string(t.key[len(topic)+1:]))
	if t.seen == nil || len(t.seen) >= maxTopicsSeen {
		t.seen = map[string]string{}
	}
	t.seen[string(t.key)] = name
	return name
}
