// SPDX-License-Identifier: Apache-2.0

package configcase

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
)

// outcome is the "expect" of a case: one of its members is set.
type outcome struct {
	Parsed map[string]any `json:"parsed,omitzero"`
	Values []valueCase    `json:"values,omitzero"`
	Error  *errorCase     `json:"error,omitempty"`
}

type valueCase struct {
	Name        string   `json:"name"`
	Value       any      `json:"value"`
	Recommended []any    `json:"recommended"`
	Errors      []string `json:"errors"`
	Visible     bool     `json:"visible"`
	Unknown     bool     `json:"unknown,omitempty"`
}

type errorCase struct {
	Phase string `json:"phase"`
	Class string `json:"class"`
	// Message is nil where the JVM composed the text.
	Message *string `json:"message,omitempty"`
}

var options = config.Options{Classes: kafkadefs.Class}

func runParse(d config.Def, props config.Props) outcome {
	vs, err := d.ParseWith(props, options)
	if err != nil {
		return failure("parse", err)
	}
	out := outcome{Parsed: map[string]any{}}
	for _, name := range d.Names() {
		out.Parsed[name] = tagged(vs.Get(name))
	}
	return out
}

func runValidate(d config.Def, props config.Props) outcome {
	values, err := d.ValidateAsJava(props, options)
	if err != nil {
		return failure("validate", err)
	}
	out := outcome{Values: []valueCase{}}
	for _, v := range values {
		c := valueCase{
			Name: v.Name, Value: tagged(v.Value), Recommended: []any{}, Errors: []string{},
			Visible: v.Visible, Unknown: v.Unknown,
		}
		for _, r := range v.Recommended {
			c.Recommended = append(c.Recommended, tagged(r))
		}
		c.Errors = append(c.Errors, v.Errors...)
		out.Values = append(out.Values, c)
	}
	return out
}

func failure(phase string, err error) outcome {
	e := &errorCase{Phase: phase}
	var crash *config.Crash
	var ce *config.Error
	switch {
	case errors.As(err, &crash):
		e.Class = crash.Class
	case errors.As(err, &ce):
		text := ce.Error()
		e.Class, e.Message = ce.JavaClass(), &text
	}
	return outcome{Error: e}
}

// tagged writes a value in the notation of the vectors.
func tagged(v any) any {
	switch v := v.(type) {
	case int16:
		return map[string]any{"i16": v}
	case int32:
		return map[string]any{"i32": v}
	case int64:
		return map[string]any{"i64": strconv.FormatInt(v, 10)}
	case float64:
		return map[string]any{"f64": *config.ConvertToString(v)}
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return map[string]any{"array": list}
	case config.Class:
		return map[string]any{"class": v.Name}
	case config.Password:
		return map[string]any{"password": v.Reveal()}
	default:
		return v
	}
}

// same compares two outcomes as JSON: values as sets by name, floats as numbers,
// and texts that quote Java's regex compiler by Connect's own part.
func same(expect, got json.RawMessage) (bool, error) {
	e, err := normalised(expect)
	if err != nil {
		return false, err
	}
	g, err := normalised(got)
	if err != nil {
		return false, err
	}
	if x, ok := e["error"].(map[string]any); ok {
		y, _ := g["error"].(map[string]any)
		return y != nil && sameError(x, y), nil
	}
	return reflect.DeepEqual(e, g), nil
}

// sameError compares failures. Without a message only the failing counts, and a
// cause is for reading.
func sameError(x, y map[string]any) bool {
	if x["message"] == nil {
		return true
	}
	return x["class"] == y["class"] && x["message"] == y["message"] && x["phase"] == y["phase"]
}

func normalised(raw json.RawMessage) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return nil, err
	}
	if list, ok := m["values"].([]any); ok {
		byName := map[string]any{}
		for _, v := range list {
			if v, ok := v.(map[string]any); ok {
				name, _ := v["name"].(string)
				byName[name] = v
			}
		}
		m["values"] = byName
	}
	n, _ := normalise(m).(map[string]any)
	return n, nil
}

func normalise(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok && k == "f64" {
				if f, err := strconv.ParseFloat(s, 64); err == nil {
					v[k] = config.ConvertToString(f)
					continue
				}
			}
			v[k] = normalise(x)
		}
		return v
	case []any:
		for i, x := range v {
			v[i] = normalise(x)
		}
		return v
	case string:
		return withoutRegexText(v)
	default:
		return v
	}
}

// withoutRegexText cuts what Pattern.compile says, which is for reading.
func withoutRegexText(s string) string {
	for _, intro := range []string{"Invalid regex: ", "Syntax error in regular expression: "} {
		if i := strings.Index(s, intro); i >= 0 {
			return s[:i+len(intro)]
		}
	}
	return s
}
