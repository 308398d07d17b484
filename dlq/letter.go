// SPDX-License-Identifier: Apache-2.0

package dlq

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-io/penstock/internal/kafka"
)

// Headers of a letter. Those of Kafka Connect (DeadLetterQueueReporter) start with Prefix.
const (
	Prefix          = "__connect.errors."
	HeaderTopic     = Prefix + "topic"
	HeaderPartition = Prefix + "partition"
	HeaderOffset    = Prefix + "offset"
	HeaderConnector = Prefix + "connector.name"
	HeaderTask      = Prefix + "task.id"
	HeaderStage     = Prefix + "stage"
	HeaderClass     = Prefix + "class.name"
	HeaderException = Prefix + "exception.class.name"
	HeaderMessage   = Prefix + "exception.message"
	HeaderTrace     = Prefix + "exception.stacktrace"

	// OwnPrefix starts the headers that Connect does not have.
	OwnPrefix = "penstock.errors."
	// HeaderCause holds a Cause as JSON.
	HeaderCause = OwnPrefix + "cause"
	// HeaderSourcePartition and HeaderSourceOffset are JSON objects: where a source read the record.
	HeaderSourcePartition = OwnPrefix + "source.partition"
	HeaderSourceOffset    = OwnPrefix + "source.offset"
)

// Place is where a letter lies in its queue.
type Place struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
}

// Letter is a record of a dead letter queue, taken apart. Fields that its headers do not tell have their zero value, and
// -1 for numbers.
type Letter struct {
	Place
	Time time.Time
	// Topic, Origin and At are topic, partition and offset of the original record. Topic of a source's letter is the one
	// it was meant for.
	Topic     string
	Origin    int32
	At        int64
	Connector string
	Task      int
	Stage     string
	Class     string
	Exception string
	Message   string
	Trace     string
	Cause     Cause
	// SourcePartition and SourceOffset are set for the letters of sources.
	SourcePartition, SourceOffset json.RawMessage
	// Key, Value and Headers are those of the original record.
	Key, Value []byte
	Headers    []kafka.Header
}

// FromSource tells whether a source wrote the letter: key and value are JSON with a schema then, whatever the connector's
// converters are.
func (l *Letter) FromSource() bool { return l.SourcePartition != nil }

// Parse takes a record apart. It never fails: what cannot be read is as if it were not there. A header that occurs twice
// counts as it was written last, because a letter may have been in a queue before.
func Parse(r *kafka.Record) *Letter {
	l := &Letter{
		Place: Place{r.Partition, r.Offset}, Time: r.Timestamp, Origin: -1, At: -1, Task: -1, Key: r.Key, Value: r.Value,
	}
	for _, h := range r.Headers {
		if !strings.HasPrefix(h.Key, Prefix) && !strings.HasPrefix(h.Key, OwnPrefix) {
			l.Headers = append(l.Headers, h)
			continue
		}
		l.take(h.Key, h.Value)
	}
	if l.Cause.Code == "" {
		l.Cause = CauseOf(l.Stage, l.Class, l.Exception, l.Message)
	}
	return l
}

func (l *Letter) take(key string, value []byte) {
	text := string(value)
	switch key {
	case HeaderTopic:
		l.Topic = text
	case HeaderPartition:
		l.Origin = int32(number(text, 32))
	case HeaderOffset:
		l.At = number(text, 64)
	case HeaderConnector:
		l.Connector = text
	case HeaderTask:
		l.Task = int(number(text, 32))
	case HeaderStage:
		l.Stage = text
	case HeaderClass:
		l.Class = text
	case HeaderException:
		l.Exception = text
	case HeaderMessage:
		l.Message = text
	case HeaderTrace:
		l.Trace = text
	case HeaderSourcePartition:
		l.SourcePartition = object(value)
	case HeaderSourceOffset:
		l.SourceOffset = object(value)
	case HeaderCause:
		var c Cause
		if json.Unmarshal(value, &c) == nil {
			l.Cause = c
		}
	}
}

func number(text string, bits int) int64 {
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return -1
	}
	return n
}

func object(value []byte) json.RawMessage {
	if len(value) == 0 || value[0] != '{' || !json.Valid(value) {
		return nil
	}
	return value
}
