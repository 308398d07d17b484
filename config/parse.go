// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"slices"
	"strings"
)

// Options change how a definition is applied. The zero value is fine.
type Options struct {
	// Classes resolves CLASS values. Without it every well-formed name is taken
	// as it stands, and nothing is known of the class.
	Classes ClassResolver
	// Hidden tells of keys whose value is secret although their type is not, such
	// as those that came out of a config provider. Errors then show [hidden].
	Hidden func(key string) bool
}

// Value is one key of a validation, Java's ConfigValue.
type Value struct {
	Name string
	// Value is nil or of the key's Go type; also nil when the text did not parse.
	Value any
	// Recommended holds proposals of the key's Go type.
	Recommended []any
	// Errors are the messages, in the order in which they were found.
	Errors []string
	// Visible is false when the key does not matter under the given properties.
	Visible bool
	// Unknown marks a key that others name as their dependent but nobody defines.
	Unknown bool
}

// Parse turns properties into typed values. The first problem is returned as an
// *Error. Keys that d does not define are left alone; Values.Originals has them.
func (d Def) Parse(props Props) (Values, error) { return d.ParseWith(props, Options{}) }

// ParseStrings is Parse for properties without nulls.
func (d Def) ParseStrings(m map[string]string) (Values, error) { return d.Parse(NewProps(m)) }

// ParseWith is Parse with options.
func (d Def) ParseWith(props Props, o Options) (Values, error) {
	if missing := d.undefinedDependents(); len(missing) > 0 {
		return Values{}, Plain("", "Some configurations in are referred in the dependents, but not defined: "+
			strings.Join(missing, ","))
	}
	vs := Values{parsed: make(map[string]any, len(d)), originals: props}
	for _, k := range d {
		v, errs, err := k.apply(props, o, true)
		if err == nil && len(errs) > 0 {
			err = errs[0]
		}
		if err != nil {
			return Values{}, asError(k.info.Name, err)
		}
		vs.parsed[k.info.Name] = v
	}
	return vs, nil
}

// Validate checks properties and reports on every key of d, in its order, with all
// errors of each. Keys that d does not define are not reported.
func (d Def) Validate(props Props) []Value { return d.ValidateWith(props, Options{}) }

// ValidateWith is Validate with options.
func (d Def) ValidateWith(props Props, o Options) []Value {
	values, _ := d.validate(props, o, false)
	return values
}

// ValidateAsJava is ValidateWith, but gives up with a *Crash where Connect's own
// validators die of an unexpected exception, and REST answers with status 500.
func (d Def) ValidateAsJava(props Props, o Options) ([]Value, error) {
	return d.validate(props, o, true)
}

func (d Def) validate(props Props, o Options, crash bool) ([]Value, error) {
	parsed := make(map[string]any, len(d))
	values := make([]Value, len(d))
	for i, k := range d {
		v, errs, err := k.apply(props, o, false)
		if err != nil {
			if crash {
				return nil, err
			}
			errs = append(errs, asError(k.info.Name, err))
		}
		parsed[k.info.Name] = v
		values[i] = Value{Name: k.info.Name, Value: v, Visible: true}
		for _, e := range errs {
			values[i].Errors = append(values[i].Errors, e.Error())
		}
	}
	for i, k := range d {
		if r := k.info.Recommender; r != nil {
			values[i].Recommended = r.Values(k.info.Name, parsed)
			values[i].Visible = r.Visible(k.info.Name, parsed)
		}
	}
	for _, name := range d.undefinedDependents() {
		values = append(values, Value{
			Name: name, Unknown: true,
			Errors: []string{name + " is referred in the dependents, but not defined."},
		})
	}
	return values, nil
}

func (d Def) undefinedDependents() []string {
	var missing []string
	for _, k := range d {
		for _, dep := range k.info.Dependents {
			if _, ok := d.Find(dep); !ok {
				missing = append(missing, dep)
			}
		}
	}
	return hashSetOrder(missing)
}

// apply parses and validates one key. The errors are those of the configuration;
// err is a crash of the validator. With first, nothing is validated that did not
// parse, as in ConfigDef.parse; without, the validator then sees nil.
func (k *Key) apply(props Props, o Options, first bool) (v any, errs []*Error, err error) {
	raw, set := props[k.info.Name]
	switch {
	case set && raw != nil:
		var e *Error
		if v, e = ParseValue(k.info.Name, *raw, k.info.Type, o.Classes); e != nil {
			errs = append(errs, e)
		}
	case !set && k.info.Required:
		errs = append(errs, Plain(k.info.Name, "Missing required configuration \""+k.info.Name+
			"\" which has no default value."))
	case !set:
		v = k.info.Default
		if c, ok := v.(Class); ok && o.Classes != nil {
			if full, ok := o.Classes(c.Name); ok {
				v = full
			}
		}
	}
	if list, ok := v.([]string); ok && first {
		if _, ok := k.info.Validator.(ValidList); ok { // parsing forgives repetitions, which validation reports
			v = distinct(list)
		}
	}
	if k.info.Validator != nil && !(first && len(errs) > 0) {
		if e := k.info.Validator.Validate(k.info.Name, v); e != nil {
			var c *Crash
			if errors.As(e, &c) {
				err = c
			} else {
				errs = append(errs, asError(k.info.Name, e))
			}
		}
	}
	if raw != nil && o.Hidden != nil && o.Hidden(k.info.Name) {
		for i, e := range errs {
			errs[i] = e.hide(*raw)
		}
		var c *Crash
		if errors.As(err, &c) {
			err = &Crash{Class: c.Class, Instead: c.Instead.hide(*raw)}
		}
	}
	return v, errs, err
}

// distinct returns the items without repetitions, in order of first appearance.
func distinct(items []string) []string {
	out := make([]string, 0, len(items))
	for _, it := range items {
		if !slices.Contains(out, it) {
			out = append(out, it)
		}
	}
	return out
}

// hide returns a copy of e that does not show raw.
func (e *Error) hide(raw string) *Error {
	h := *e
	h.Value = HiddenText
	for _, secret := range []string{raw, trim(raw)} {
		if secret != "" {
			h.Message = strings.ReplaceAll(h.Message, secret, HiddenText)
		}
	}
	return &h
}

// ParseValue is ConfigDef.parseType for text: it returns a value of the Go type of
// t, or an *Error whose message is Java's. A nil resolver takes every well-formed
// class name.
func ParseValue(key, raw string, t Type, classes ClassResolver) (any, *Error) {
	s := trim(raw)
	switch t {
	case TypeBoolean:
		if strings.EqualFold(s, "true") {
			return true, nil
		}
		if strings.EqualFold(s, "false") {
			return false, nil
		}
		return nil, invalid(key, raw, "Expected value to be either true or false")
	case TypeString:
		return s, nil
	case TypePassword:
		return NewPassword(s), nil
	case TypeInt, TypeShort, TypeLong, TypeDouble:
		if n, ok := parseNumber(s, t); ok {
			return n, nil
		}
		return nil, invalid(key, raw, "Not a number of type "+t.String())
	case TypeList:
		return splitList(s), nil
	case TypeClass:
		if classes == nil {
			if isClassName(s) {
				return Class{Name: s}, nil
			}
		} else if c, ok := classes(s); ok {
			return c, nil
		}
		return nil, invalid(key, raw, "Class "+raw+" could not be found.")
	}
	panic("BUG: type " + t.String())
}

func parseNumber(s string, t Type) (any, bool) {
	switch t {
	case TypeInt:
		n, ok := parseInteger(s, 32)
		return int32(n), ok
	case TypeShort:
		n, ok := parseInteger(s, 16)
		return int16(n), ok
	case TypeLong:
		n, ok := parseInteger(s, 64)
		return n, ok
	default:
		return parseDouble(s)
	}
}

// isClassName tells whether s could be a Java class name: identifiers with dots.
func isClassName(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		for i, r := range part {
			letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '$' || r >= 0x80
			if !letter && (i == 0 || r < '0' || r > '9') {
				return false
			}
		}
		if part == "" {
			return false
		}
	}
	return true
}
