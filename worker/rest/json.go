// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/penstock-io/penstock/internal/java/jackson"
)

// writer builds one JSON text with Jackson's escapes. Fields appear in the order of the calls.
type writer struct {
	b     []byte
	comma bool
}

func (w *writer) sep() {
	if w.comma {
		w.b = append(w.b, ',')
	}
	w.comma = true
}

func (w *writer) open(c byte) {
	w.sep()
	w.b = append(w.b, c)
	w.comma = false
}

func (w *writer) close(c byte) {
	w.b = append(w.b, c)
	w.comma = true
}

func (w *writer) key(k string) {
	w.sep()
	w.b = append(jackson.AppendString(w.b, k), ':')
	w.comma = false
}

func (w *writer) str(s string) {
	w.sep()
	w.b = jackson.AppendString(w.b, s)
}

func (w *writer) strOrNull(s *string) {
	if s == nil {
		w.raw("null")
		return
	}
	w.str(*s)
}

func (w *writer) raw(s string) {
	w.sep()
	w.b = append(w.b, s...)
}

func (w *writer) num(n int64)   { w.raw(strconv.FormatInt(n, 10)) }
func (w *writer) truth(b bool)  { w.raw(strconv.FormatBool(b)) }
func (w *writer) bytes() []byte { return w.b }

func (w *writer) field(k, v string) {
	w.key(k)
	w.str(v)
}

func (w *writer) fieldUnlessEmpty(k, v string) {
	if v != "" {
		w.field(k, v)
	}
}

func (w *writer) strings(ss []string) {
	w.open('[')
	for _, s := range ss {
		w.str(s)
	}
	w.close(']')
}

// body is anything that a resource answers with.
type body interface{ writeJSON(w *writer) }

type list[T body] []T

func (l list[T]) writeJSON(w *writer) {
	w.open('[')
	for _, x := range l {
		x.writeJSON(w)
	}
	w.close(']')
}

type stringList []string

func (l stringList) writeJSON(w *writer) { w.strings(l) }

func (c Config) writeJSON(w *writer) {
	w.open('{')
	for _, k := range c.keys {
		w.key(k)
		w.strOrNull(c.values[k])
	}
	w.close('}')
}

func writeTaskID(w *writer, connector string, task int) {
	w.open('{')
	w.field("connector", connector)
	w.key("task")
	w.num(int64(task))
	w.close('}')
}

func (i ConnectorInfo) writeJSON(w *writer) {
	w.open('{')
	w.field("name", i.Name)
	w.key("config")
	i.Config.writeJSON(w)
	w.key("tasks")
	w.open('[')
	for _, t := range i.Tasks {
		writeTaskID(w, i.Name, t)
	}
	w.close(']')
	w.field("type", i.Type)
	w.close('}')
}

func (s InstanceState) writeFields(w *writer) {
	w.field("state", s.State)
	w.field("worker_id", s.WorkerID)
	w.fieldUnlessEmpty("version", s.Version)
	w.fieldUnlessEmpty("trace", s.Trace)
}

func (s InstanceState) writeJSON(w *writer) {
	w.open('{')
	s.writeFields(w)
	w.close('}')
}

func (s TaskState) writeJSON(w *writer) {
	w.open('{')
	w.key("id")
	w.num(int64(s.ID))
	s.writeFields(w)
	w.close('}')
}

func (s ConnectorState) writeJSON(w *writer) {
	w.open('{')
	w.field("name", s.Name)
	w.key("connector")
	s.Connector.writeJSON(w)
	w.key("tasks")
	list[TaskState](s.Tasks).writeJSON(w)
	w.field("type", s.Type)
	w.close('}')
}

func (t TaskInfo) writeJSON(w *writer) {
	w.open('{')
	w.key("id")
	writeTaskID(w, t.Connector, t.Task)
	w.key("config")
	t.Config.writeJSON(w)
	w.close('}')
}

func (o Offset) writeJSON(w *writer) {
	w.open('{')
	w.key("partition")
	w.raw(rawOrNull(o.Partition))
	w.key("offset")
	w.raw(rawOrNull(o.Offset))
	w.close('}')
}

func rawOrNull(m json.RawMessage) string {
	if len(m) == 0 {
		return "null"
	}
	return string(m)
}

func (p PluginInfo) writeJSON(w *writer) {
	w.open('{')
	w.field("class", p.Class)
	w.field("type", p.Type)
	w.fieldUnlessEmpty("version", p.Version)
	w.close('}')
}

func (k ConfigKey) writeJSON(w *writer) {
	w.open('{')
	w.field("name", k.Name)
	w.field("type", k.Type)
	w.key("required")
	w.truth(k.Required)
	w.key("default_value")
	w.strOrNull(k.DefaultValue)
	w.field("importance", k.Importance)
	w.field("documentation", k.Documentation)
	w.key("group")
	w.strOrNull(k.Group)
	w.key("order_in_group")
	w.num(int64(k.OrderInGroup))
	w.field("width", k.Width)
	w.field("display_name", k.DisplayName)
	w.key("dependents")
	w.strings(k.Dependents)
	w.close('}')
}

func (v ConfigValue) writeJSON(w *writer) {
	w.open('{')
	w.field("name", v.Name)
	w.key("value")
	w.strOrNull(v.Value)
	w.key("recommended_values")
	w.open('[')
	for _, r := range v.Recommended {
		w.strOrNull(r)
	}
	w.close(']')
	w.key("errors")
	w.strings(v.Errors)
	w.key("visible")
	w.truth(v.Visible)
	w.close('}')
}

func (c ConfigInfos) writeJSON(w *writer) {
	w.open('{')
	w.field("name", c.Name)
	w.key("error_count")
	w.num(int64(c.ErrorCount))
	w.key("groups")
	w.strings(c.Groups)
	w.key("configs")
	w.open('[')
	for _, i := range c.Configs {
		w.open('{')
		w.key("definition")
		if i.Definition != nil {
			i.Definition.writeJSON(w)
		} else {
			w.raw("null")
		}
		w.key("value")
		if i.Value != nil {
			i.Value.writeJSON(w)
		} else {
			w.raw("null")
		}
		w.close('}')
	}
	w.close(']')
	w.close('}')
}

func (l LoggerLevel) writeJSON(w *writer) {
	w.open('{')
	w.field("level", l.Level)
	w.key("last_modified")
	if l.LastModified == 0 {
		w.raw("null")
	} else {
		w.num(l.LastModified)
	}
	w.close('}')
}

func (e *Error) writeJSON(w *writer) {
	w.open('{')
	w.key("error_code")
	w.num(int64(e.Status))
	w.field("message", e.Message)
	w.close('}')
}

// message is {"message": ...}.
type message string

func (m message) writeJSON(w *writer) {
	w.open('{')
	w.field("message", string(m))
	w.close('}')
}

// errEmptyBody is what an absent body means: Connect dies of a null pointer there.
var errEmptyBody = BadRequest("The request has no body; a JSON object is expected")

func notJSON(err error) *Error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return BadRequest("The request body ends in the middle of its JSON text")
	}
	return BadRequest("The request body is not the expected JSON: " + err.Error())
}

// parseStringMap reads a JSON object as Jackson reads a Map<String, String>: scalars become their text, null stays null,
// the last of duplicate names wins, what follows the object is ignored.
func parseStringMap(raw []byte) (Config, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	t, err := dec.Token()
	switch {
	case errors.Is(err, io.EOF), err == nil && t == nil:
		return Config{}, errEmptyBody
	case err != nil:
		return Config{}, notJSON(err)
	case t != json.Delim('{'):
		return Config{}, BadRequest("The request body must be a JSON object whose values are strings")
	}
	return readStringMap(dec)
}

func readStringMap(dec *json.Decoder) (Config, error) {
	c := Config{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return Config{}, notJSON(err)
		}
		key, _ := t.(string)
		if t, err = dec.Token(); err != nil {
			return Config{}, notJSON(err)
		}
		v, null, ok := scalar(t)
		switch {
		case !ok:
			return Config{}, BadRequest("The value of '" + key + "' must be a string, not a JSON object or array")
		case null:
			c.SetNull(key)
		default:
			c.Set(key, v)
		}
	}
	if _, err := dec.Token(); err != nil {
		return Config{}, notJSON(err)
	}
	return c, nil
}

func scalar(t json.Token) (text string, null, ok bool) {
	switch t := t.(type) {
	case nil:
		return "", true, true
	case string:
		return t, false, true
	case json.Number:
		return t.String(), false, true
	case bool:
		return strconv.FormatBool(t), false, true
	}
	return "", false, false
}

// parseMembers reads a JSON object whose members are all in known. Others are refused, as Jackson does by default.
func parseMembers(raw []byte, known ...string) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	var members map[string]json.RawMessage
	if err := dec.Decode(&members); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errEmptyBody
		}
		return nil, notJSON(err)
	}
	if members == nil {
		return nil, errEmptyBody
	}
	for _, m := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(known, m) {
			return nil, BadRequest(fmt.Sprintf("Unrecognized field %q; known are %q", m, known))
		}
	}
	return members, nil
}

// memberText reads a scalar member; null and absence are "" and false.
func memberText(members map[string]json.RawMessage, name string) (string, bool, error) {
	raw, ok := members[name]
	if !ok {
		return "", false, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	t, err := dec.Token()
	if err != nil {
		return "", false, notJSON(err)
	}
	s, null, ok := scalar(t)
	if !ok {
		return "", false, BadRequest("The value of '" + name + "' must be a string")
	}
	return s, !null, nil
}
