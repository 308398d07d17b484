// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/jackson"
	"github.com/penstock-io/penstock/internal/java/text"
)

// Prefixes of the keys of the config topic.
const (
	targetPrefix  = "target-state-"
	connPrefix    = "connector-"
	taskPrefix    = "task-"
	commitPrefix  = "commit-"
	restartPrefix = "restart-connector-"
	fencingPrefix = "tasks-fencing-"
	sessionKeyKey = "session-key"
	loggerPrefix  = "logger-cluster-"
)

// configKind is a kind of record: which keys it has, and what it does.
type configKind struct {
	match func(key string) (rest string, ok bool)
	apply func(l *configLog, rest string, doc *record) error
}

func prefixed(prefix string) func(string) (string, bool) {
	return func(key string) (string, bool) { return strings.CutPrefix(key, prefix) }
}

// configKinds are tried in the order in which the JVM tries them.
var configKinds = []configKind{
	{prefixed(targetPrefix), (*configLog).target},
	{prefixed(connPrefix), (*configLog).connector},
	{prefixed(taskPrefix), func(l *configLog, rest string, doc *record) error {
		at := strings.LastIndexByte(rest, '-')
		if at < 0 {
			return errors.New("its key has no task number")
		}
		id, err := strconv.ParseInt(rest[at+1:], 10, 32)
		if err != nil {
			return errors.New("its key has no task number")
		}
		return l.task(rest[:at], int(id), doc)
	}},
	{prefixed(commitPrefix), (*configLog).commit},
	{prefixed(restartPrefix), (*configLog).restart},
	{prefixed(fencingPrefix), (*configLog).fencing},
	{func(key string) (string, bool) { return "", key == sessionKeyKey }, func(l *configLog, _ string, doc *record) error { return l.sessionKey(doc) }},
	{prefixed(loggerPrefix), (*configLog).logger},
}

// record is the value of a record: a JSON object. A nil one is a tombstone.
type record struct{ fields map[string]json.RawMessage }

// parseRecord reads a value; nil for a tombstone and for null.
func parseRecord(value []byte) (*record, error) {
	if len(value) == 0 {
		return nil, nil
	}
	if !json.Valid(value) {
		return nil, errors.New("not JSON")
	}
	if bytes.Equal(bytes.TrimSpace(value), []byte("null")) {
		return nil, nil
	}
	r := &record{}
	_ = json.Unmarshal(value, &r.fields) // what is no object has no fields
	return r, nil
}

func errField(name, want string) error { return fmt.Errorf("field %s should be %s", name, want) }

func (r *record) text(name string) (string, bool) {
	var s *string
	if raw, ok := r.fields[name]; !ok || json.Unmarshal(raw, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

func (r *record) boolean(name string) bool {
	var b bool
	return json.Unmarshal(r.fields[name], &b) == nil && b
}

func (r *record) integer(name string) (int64, error) {
	n, err := strconv.ParseInt(string(bytes.TrimSpace(r.fields[name])), 10, 64)
	if err != nil {
		return 0, errField(name, "an integer")
	}
	return n, nil
}

func (r *record) properties() (config.Props, error) {
	var raw map[string]json.RawMessage
	if json.Unmarshal(r.fields["properties"], &raw) != nil || raw == nil {
		return nil, errField("properties", "an object")
	}
	out := make(config.Props, len(raw))
	for k, v := range raw {
		var s *string
		if json.Unmarshal(v, &s) != nil {
			return nil, errField("properties."+k, "a string")
		}
		out[k] = s
	}
	return out, nil
}

func (r *record) sessionKey() (SessionKey, error) {
	var k SessionKey
	encoded, ok := r.text("key")
	if !ok {
		return k, errField("key", "a string")
	}
	var err error
	if k.Key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
		return k, errField("key", "base64")
	}
	if k.Algorithm, ok = r.text("algorithm"); !ok {
		return k, errField("algorithm", "a string")
	}
	k.Created, err = r.integer("creation-timestamp")
	return k, err
}

// appendProperties writes {"properties":{…}} with the keys in the order of a java.util.HashMap.
func appendProperties(dst []byte, p config.Props) []byte {
	dst = append(dst, `{"properties":{`...)
	keys := slices.Sorted(maps.Keys(p))
	for i, at := range text.HashOrder(keys) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jackson.AppendString(dst, keys[at]), ':')
		if v := p[keys[at]]; v != nil {
			dst = jackson.AppendString(dst, *v)
		} else {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, "}}"...)
}

// targetValue is {"state":…,"state.v2":…}: readers that do not know STOPPED see PAUSED.
func targetValue(t Target) []byte {
	old := t
	if t == Stopped {
		old = Paused
	}
	return fmt.Appendf(nil, `{"state":%q,"state.v2":%q}`, old, t)
}

func commitValue(tasks int) []byte { return fmt.Appendf(nil, `{"tasks":%d}`, tasks) }

func fencingValue(tasks int) []byte { return fmt.Appendf(nil, `{"task-count":%d}`, tasks) }

func sessionValue(k SessionKey) []byte {
	dst := append([]byte(nil), `{"key":`...)
	dst = jackson.AppendString(dst, base64.StdEncoding.EncodeToString(k.Key))
	dst = append(dst, `,"algorithm":`...)
	dst = jackson.AppendString(dst, k.Algorithm)
	return fmt.Appendf(dst, `,"creation-timestamp":%d}`, k.Created)
}

func restartValue(r Restart) []byte {
	return fmt.Appendf(nil, `{"include-tasks":%t,"only-failed":%t}`, r.IncludeTasks, r.OnlyFailed)
}

func loggerValue(level string) []byte {
	return append(jackson.AppendString(append([]byte(nil), `{"level":`...), level), '}')
}
