// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Validator checks a parsed value, Java's ConfigDef.Validator. It also sees nil:
// the value of an absent, null or unparsable key. It must not keep the value.
type Validator interface {
	// Validate returns nil, an *Error, or a *Crash.
	Validate(key string, value any) error
	// String describes what is valid, for documentation.
	String() string
}

// ValidatorFunc is a validator made of a function and its description.
type ValidatorFunc struct {
	Check func(key string, value any) error
	Text  string
}

// Validate calls Check.
func (v ValidatorFunc) Validate(key string, value any) error { return v.Check(key, value) }

// String returns Text.
func (v ValidatorFunc) String() string { return v.Text }

// All tries validators in order and stops at the first error (CompositeValidator).
func All(vs ...Validator) Validator { return allOf(vs) }

type allOf []Validator

func (a allOf) Validate(key string, value any) error {
	for _, v := range a {
		if err := v.Validate(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (a allOf) String() string {
	texts := make([]string, len(a))
	for i, v := range a {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}

// bound is an end of a range, with its text because messages show 1 and 1.0 apart.
type bound struct {
	value float64
	text  string
}

type numberRange struct{ low, high *bound }

// Number is what bounds of a range are written in. Messages show a float64 with
// its fraction, as in "at least 0.5".
type Number interface{ int | int32 | int64 | float64 }

// AtLeast is ConfigDef.Range.atLeast. Null is refused.
func AtLeast[N Number](low N) Validator { return numberRange{low: newBound(low)} }

// AtMost is a range without a lower end.
func AtMost[N Number](high N) Validator { return numberRange{high: newBound(high)} }

// Between is ConfigDef.Range.between, both ends included. Null is refused.
func Between[N Number](low, high N) Validator {
	return numberRange{newBound(low), newBound(high)}
}

func newBound[N Number](n N) *bound {
	if f, ok := any(n).(float64); ok {
		return &bound{f, doubleText(f)}
	}
	return &bound{float64(n), strconv.FormatInt(int64(n), 10)}
}

func (r numberRange) Validate(key string, value any) error {
	var f float64
	switch n := value.(type) {
	case nil:
		return invalid(key, nil, "Value must be non-null")
	case int16:
		f = float64(n)
	case int32:
		f = float64(n)
	case int64:
		f = float64(n)
	case float64:
		f = n
	default:
		return wrongType(key, value, "Value must be a number")
	}
	if r.low != nil && f < r.low.value {
		return invalid(key, value, "Value must be at least "+r.low.text)
	}
	if r.high != nil && f > r.high.value {
		return invalid(key, value, "Value must be no more than "+r.high.text)
	}
	return nil
}

func (r numberRange) String() string {
	switch {
	case r.low == nil && r.high == nil:
		return "[...]"
	case r.low == nil:
		return "[...," + r.high.text + "]"
	case r.high == nil:
		return "[" + r.low.text + ",...]"
	default:
		return "[" + r.low.text + ",...," + r.high.text + "]"
	}
}

// wrongType is Java's ClassCastException: a validator on a key of another type.
func wrongType(key string, value any, message string) error {
	return &Crash{Class: "java.lang.ClassCastException", Instead: invalid(key, value, message)}
}

// text returns a STRING value; isNull for nil.
func text(key string, value any) (s string, isNull bool, err error) {
	switch v := value.(type) {
	case nil:
		return "", true, nil
	case string:
		return v, false, nil
	default:
		return "", false, wrongType(key, value, "Value must be a string")
	}
}

type oneOf []string

// OneOf is ConfigDef.ValidString: exactly one of the values. Null is refused.
func OneOf(values ...string) Validator { return oneOf(values) }

func (o oneOf) Validate(key string, value any) error {
	s, isNull, err := text(key, value)
	if err != nil {
		return err
	}
	if isNull || !slices.Contains(o, s) {
		return invalid(key, value, "String must be one of: "+strings.Join(o, ", "))
	}
	return nil
}

func (o oneOf) String() string { return "[" + strings.Join(o, ", ") + "]" }

type oneOfAnyCase []string

// OneOfAnyCase is ConfigDef.CaseInsensitiveValidString. Null is refused.
func OneOfAnyCase(values ...string) Validator {
	o := make([]string, len(values))
	for i, v := range values {
		o[i] = upper(v)
	}
	return oneOfAnyCase(hashSetOrder(o)) // Java keeps them in a HashSet, and shows it
}

func (o oneOfAnyCase) Validate(key string, value any) error {
	s, isNull, err := text(key, value)
	if err != nil {
		return err
	}
	if isNull || !slices.Contains(o, upper(s)) {
		return invalid(key, value, "String must be one of (case insensitive): "+strings.Join(o, ", "))
	}
	return nil
}

func (o oneOfAnyCase) String() string { return "(case insensitive) [" + strings.Join(o, ", ") + "]" }

// NonEmptyString is ConfigDef.NonEmptyString. Null passes.
var NonEmptyString Validator = ValidatorFunc{Text: "non-empty string", Check: func(key string, value any) error {
	s, isNull, err := text(key, value)
	if err == nil && !isNull && s == "" {
		return invalid(key, value, "String must be non-empty")
	}
	return err
}}

// NonEmptyStringWithoutControlChars is the validator of connector names. Null passes.
var NonEmptyStringWithoutControlChars Validator = ValidatorFunc{
	Text:  "non-empty string without ISO control characters",
	Check: checkNoControlChars,
}

func checkNoControlChars(key string, value any) error {
	s, isNull, err := text(key, value)
	if err != nil || isNull {
		return err
	}
	if s == "" {
		return invalid(key, value, "String may not be empty")
	}
	var found []string
	for _, u := range utf16.Encode([]rune(s)) {
		if u <= 0x1f || u >= 0x7f && u <= 0x9f {
			found = append(found, strconv.Itoa(int(u)))
		}
	}
	if found != nil {
		return invalid(key, value, "String may not contain control sequences but had the following ASCII chars: "+
			strings.Join(found, ", "))
	}
	return nil
}

// NonNull is ConfigDef.NonNullValidator.
var NonNull Validator = ValidatorFunc{Text: "non-null string", Check: func(key string, value any) error {
	if value == nil {
		return invalid(key, nil, "entry must be non null")
	}
	return nil
}}

// list returns a LIST value; isNull for nil.
func list(key string, value any) (items []string, isNull bool, err error) {
	switch v := value.(type) {
	case nil:
		return nil, true, nil
	case []string:
		return v, false, nil
	default:
		return nil, false, wrongType(key, value, "Value must be a list")
	}
}

// ValidList is ConfigDef.ValidList: a list without duplicates and empty items.
type ValidList struct {
	// Values are the allowed items; none means any.
	Values []string
	// EmptyAllowed and NullAllowed let an empty list and a null pass.
	EmptyAllowed, NullAllowed bool
}

// Validate checks the list as a whole, then its items in order.
func (v ValidList) Validate(key string, value any) error {
	items, isNull, err := list(key, value)
	switch {
	case err != nil:
		return err
	case isNull && v.NullAllowed:
		return nil
	case isNull:
		return Plain(key, "Configuration '"+key+"' values must not be null.")
	case len(items) == 0 && !v.EmptyAllowed:
		valid := "any non-empty value"
		if len(v.Values) > 0 {
			valid = oneOf(v.Values).String()
		}
		return Plain(key, "Configuration '"+key+"' must not be empty. Valid values include: "+valid)
	case hasDuplicate(items):
		return Plain(key, "Configuration '"+key+"' values must not be duplicated.")
	}
	for _, it := range items {
		if it == "" {
			return Plain(key, "Configuration '"+key+"' values must not be empty.")
		}
		if len(v.Values) > 0 {
			if err := oneOf(v.Values).Validate(key, it); err != nil {
				return err
			}
		}
	}
	return nil
}

// String returns the allowed items, "" for any.
func (v ValidList) String() string {
	if len(v.Values) == 0 {
		return ""
	}
	return oneOf(v.Values).String()
}

func hasDuplicate(items []string) bool {
	seen := make(map[string]bool, len(items))
	for _, it := range items {
		if seen[it] {
			return true
		}
		seen[it] = true
	}
	return false
}

// ListSize is ConfigDef.ListSize.atMostOfSize.
func ListSize(most int) Validator {
	return ValidatorFunc{
		Text: "List containing maximum of " + strconv.Itoa(most) + " elements",
		Check: func(key string, value any) error {
			items, _, err := list(key, value)
			if err == nil && len(items) > most {
				return invalid(key, value, "exceeds maximum list size of ["+strconv.Itoa(most)+"].")
			}
			return err
		},
	}
}

// NonEmptyList is Connect's NonEmptyListValidator. Null is refused, empty items pass.
var NonEmptyList Validator = ValidatorFunc{Text: "non-empty list", Check: func(key string, value any) error {
	items, _, err := list(key, value)
	if err == nil && len(items) == 0 {
		return invalid(key, value, "Empty list")
	}
	return err
}}

// UniqueAliases is the validator of transforms, predicates and topic creation
// groups; what is "transformation", "predicate" or "topic creation group".
func UniqueAliases(what string) Validator {
	suffix := " aliases"
	if what == "topic creation group" {
		what, suffix = "topic creation", " groups"
	}
	return All(NonNull, ValidatorFunc{Text: "unique " + what + suffix, Check: func(key string, value any) error {
		items, _, err := list(key, value)
		if err == nil && hasDuplicate(items) {
			return invalid(key, value, "Duplicate alias provided.")
		}
		return err
	}})
}

// Concrete checks that a CLASS implements the plugin interface of kind and can be
// created; iface is its full Java name. Null passes.
func Concrete(iface string, kind Kind) Validator {
	simple := iface[strings.LastIndexByte(iface, '.')+1:]
	subclass := ValidatorFunc{Text: "A concrete subclass of " + iface, Check: func(key string, value any) error {
		c, ok := value.(Class)
		switch {
		case value == nil:
			return nil
		case !ok:
			return wrongType(key, value, "Value must be a class")
		case c.Kinds&kind == 0:
			return Plain(key, "Class "+display(c)+" does not implement the "+simple+" interface")
		case c.Abstract:
			message := "This class is abstract and cannot be created."
			if c.Children != "" {
				message += " Did you mean " + c.Children + "?"
			}
			return Plain(key, message)
		}
		return nil
	}}
	return All(subclass, Instantiable)
}

// Instantiable checks that a CLASS has a public constructor without arguments.
var Instantiable Validator = ValidatorFunc{
	Text: "A class with a public, no-argument constructor",
	Check: func(key string, value any) error {
		if c, ok := value.(Class); ok && c.Private {
			return invalid(key, c.Name, "Could not find a public no-argument constructor for class: "+c.Name+".<init>()")
		}
		return nil
	},
}
