// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/batch"
)

// Error is an expected failure: the class that traces show and, where Connect composed it, the message.
type Error struct {
	Phase   string  `json:"phase"` // configure, apply, parse or validate
	Class   string  `json:"class"`
	Message *string `json:"message"` // nil: the JVM composed the text, only the failing counts
	Cause   *Error  `json:"cause"`
}

// Matches tells whether err is the failure expected, "" when it is. With a message, class and message must be equal;
// without one (the JVM made it up) any error will do.
func (e *Error) Matches(err error) string {
	if err == nil {
		return "no error, want " + e.String()
	}
	if e.Message == nil {
		return ""
	}
	class, message := ClassOf(err), err.Error()
	if class == e.Class && sameMessage(message, *e.Message) {
		return ""
	}
	return fmt.Sprintf("got  %s: %s\nwant %s", class, message, e)
}

// sameMessage compares texts; "@*" in want stands for the address of an object.
func sameMessage(got, want string) bool {
	if !strings.Contains(want, "@*") {
		return got == want
	}
	parts := strings.Split(want, "@*")
	if !strings.HasPrefix(got, parts[0]) {
		return false
	}
	got = got[len(parts[0]):]
	for _, p := range parts[1:] {
		got = strings.TrimPrefix(got, "@")
		got = strings.TrimLeft(got, "0123456789abcdef*")
		if !strings.HasPrefix(got, p) {
			return false
		}
		got = got[len(p):]
	}
	return got == ""
}

// String is class and message.
func (e *Error) String() string {
	if e.Message == nil {
		return e.Class
	}
	return e.Class + ": " + *e.Message
}

// ClassOf is the Java class of err: of a batch.Fault, or of any error that says JavaClass.
func ClassOf(err error) string {
	var f *batch.Fault
	if errors.As(err, &f) {
		return f.Class
	}
	var j interface{ JavaClass() string }
	if errors.As(err, &j) {
		return j.JavaClass()
	}
	return batch.ConnectException
}

// Record is a record of a case, with its kind.
type Record struct {
	batch.Record
	Sink bool
}

type recordJSON struct {
	Kind        string          `json:"kind"`
	Topic       *string         `json:"topic"`
	Partition   *int32          `json:"partition"`
	Offset      *string         `json:"offset"`
	Timestamp   *string         `json:"timestamp"`
	KeySchema   json.RawMessage `json:"keySchema"`
	Key         json.RawMessage `json:"key"`
	ValueSchema json.RawMessage `json:"valueSchema"`
	Value       json.RawMessage `json:"value"`
	Headers     []struct {
		Key    json.RawMessage `json:"key"`
		Schema json.RawMessage `json:"schema"`
		Value  json.RawMessage `json:"value"`
	} `json:"headers"`
}

// ReadRecord decodes a record; null is nil (the record was filtered out).
func ReadRecord(raw json.RawMessage) (*Record, error) {
	if isNull(raw) {
		return nil, nil
	}
	var j recordJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	r := &Record{Sink: j.Kind == "sink"}
	r.Partition, r.Timestamp = batch.NoPartition, batch.NoTimestamp
	if j.Topic != nil {
		r.Topic = *j.Topic
	}
	if j.Partition != nil {
		r.Partition = *j.Partition
	}
	var err error
	if r.Offset, err = integer(j.Offset, 0); err != nil {
		return nil, err
	}
	if r.Timestamp, err = integer(j.Timestamp, batch.NoTimestamp); err != nil {
		return nil, err
	}
	if r.KeySchema, r.Key, err = SchemaAndValue(j.KeySchema, j.Key); err != nil {
		return nil, err
	}
	if r.ValueSchema, r.Value, err = SchemaAndValue(j.ValueSchema, j.Value); err != nil {
		return nil, err
	}
	for _, h := range j.Headers {
		hd := batch.Header{Decoded: true, Raw: batch.NullView}
		if hd.Key, err = readText(h.Key); err != nil {
			return nil, err
		}
		if hd.Schema, hd.Value, err = SchemaAndValue(h.Schema, h.Value); err != nil {
			return nil, err
		}
		r.Headers = append(r.Headers, hd)
	}
	return r, nil
}

func integer(t *string, none int64) (int64, error) {
	if t == nil {
		return none, nil
	}
	return strconv.ParseInt(*t, 10, 64)
}

// SchemaAndValue decodes a schema and a value under it.
func SchemaAndValue(schema, value json.RawMessage) (*batch.Schema, any, error) {
	s, err := Schema(schema)
	if err != nil {
		return nil, nil, err
	}
	v, err := Value(value, s)
	return s, v, err
}

// Config reads a configuration: strings, nil where the case sets null.
func Config(raw json.RawMessage) (map[string]*string, error) {
	m := map[string]*string{}
	if isNull(raw) {
		return m, nil
	}
	err := json.Unmarshal(raw, &m)
	return m, err
}

// Show prints a schema and a value in the forms of the vectors.
func Show(s *batch.Schema, v any) string {
	sj, err := json.Marshal(EncodeSchema(s))
	if err != nil {
		return err.Error()
	}
	vj, err := json.Marshal(EncodeValue(v))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("schema=%s value=%s", sj, vj)
}
