// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"
)

// Def is the definition of a set of configuration keys, in order, as Java's
// ConfigDef. It is built as a table and read-only afterwards; it may be shared
// between goroutines.
//
//	var hoistFieldConfig = config.Def{
//		config.String("field").Required().Doc("Name of the field to wrap into."),
//	}
type Def []*Key

// KeyInfo describes one configuration key. Everything the REST interface shows of
// a key is here.
type KeyInfo struct {
	Name string
	Type Type
	// Required keys have no default; otherwise an absent key has Default, which
	// is nil (Java's null) or a value of the Go type of Type.
	Required bool
	Default  any
	// Validator may be nil. It sees defaults and nulls, too.
	Validator Validator
	// Recommender may be nil: then nothing is recommended and the key is visible.
	Recommender Recommender
	Importance  Importance
	// Group is "" for none; Order is the place in the group, -1 for none.
	Group       string
	Order       int
	Width       Width
	DisplayName string
	// Dependents are keys that are parsed and shown after this one.
	Dependents []string
	// Internal keys are not part of the documentation.
	Internal bool
	// Doc is what the key does, in a sentence or two.
	Doc string
}

// DefaultText returns the default as the REST interface shows it, nil for null.
// For a required key it is nil, too.
func (k KeyInfo) DefaultText() *string {
	if k.Required {
		return nil
	}
	return ConvertToString(k.Default)
}

// Recommender proposes values for a key, given what the other keys parsed to. It
// is Java's ConfigDef.Recommender; absent or unparsable keys are nil in parsed.
type Recommender interface {
	// Values returns proposals of the key's Go type.
	Values(key string, parsed map[string]any) []any
	// Visible tells whether the key matters at all.
	Visible(key string, parsed map[string]any) bool
}

// Key is one entry of a Def under construction. Its methods change it and return
// it, so that a table line reads as a sentence.
type Key struct{ info KeyInfo }

// NewKey makes a key from a complete description. Default must fit Type.
func NewKey(info KeyInfo) *Key {
	k := &Key{info: info}
	if !info.Required {
		k.Default(info.Default)
	}
	return k
}

func newKey(name string, t Type) *Key {
	return &Key{info: KeyInfo{Name: name, Type: t, DisplayName: name, Order: -1}}
}

// Bool starts a BOOLEAN key. Like all of these: optional, null by default.
func Bool(name string) *Key { return newKey(name, TypeBoolean) }

// String starts a STRING key.
func String(name string) *Key { return newKey(name, TypeString) }

// Int starts an INT key, 32 bits.
func Int(name string) *Key { return newKey(name, TypeInt) }

// Short starts a SHORT key, 16 bits.
func Short(name string) *Key { return newKey(name, TypeShort) }

// Long starts a LONG key, 64 bits.
func Long(name string) *Key { return newKey(name, TypeLong) }

// Double starts a DOUBLE key.
func Double(name string) *Key { return newKey(name, TypeDouble) }

// List starts a LIST key: comma separated strings.
func List(name string) *Key { return newKey(name, TypeList) }

// ClassName starts a CLASS key.
func ClassName(name string) *Key { return newKey(name, TypeClass) }

// Secret starts a PASSWORD key.
func Secret(name string) *Key { return newKey(name, TypePassword) }

// Info returns a copy of the description.
func (k *Key) Info() KeyInfo { return k.info }

// Required takes the default away: an absent key is an error.
func (k *Key) Required() *Key {
	k.info.Required = true
	k.info.Default = nil
	return k
}

// Default sets what an absent key stands for: nil, a value of the key's Go type,
// an int for any number, a string for a CLASS, a PASSWORD or a LIST. Anything else
// is a bug in the table and panics.
func (k *Key) Default(v any) *Key {
	k.info.Required = false
	d, ok := coerce(k.info.Type, v)
	if !ok {
		panic(fmt.Sprintf("BUG: default of %s is a %T, which does not fit %s", k.info.Name, v, k.info.Type))
	}
	k.info.Default = d
	return k
}

// Doc sets the documentation.
func (k *Key) Doc(text string) *Key {
	k.info.Doc = text
	return k
}

// Importance sets the importance.
func (k *Key) Importance(i Importance) *Key {
	k.info.Importance = i
	return k
}

// High is Importance(High), the most written of all.
func (k *Key) High() *Key { return k.Importance(High) }

// Low is Importance(Low).
func (k *Key) Low() *Key { return k.Importance(Low) }

// Group sets the group and the place in it.
func (k *Key) Group(name string, order int) *Key {
	k.info.Group, k.info.Order = name, order
	return k
}

// Width sets the width of a form field.
func (k *Key) Width(w Width) *Key {
	k.info.Width = w
	return k
}

// Display sets the name that people read.
func (k *Key) Display(name string) *Key {
	k.info.DisplayName = name
	return k
}

// Dependents names the keys that depend on this one.
func (k *Key) Dependents(names ...string) *Key {
	k.info.Dependents = names
	return k
}

// Validate sets the validator; several are tried in order, the first error counts.
func (k *Key) Validate(vs ...Validator) *Key {
	if len(vs) == 1 {
		k.info.Validator = vs[0]
	} else {
		k.info.Validator = All(vs...)
	}
	return k
}

// In is Validate(OneOf(values...)).
func (k *Key) In(values ...string) *Key { return k.Validate(OneOf(values...)) }

// InAnyCase is Validate(OneOfAnyCase(values...)).
func (k *Key) InAnyCase(values ...string) *Key { return k.Validate(OneOfAnyCase(values...)) }

// AtLeast is Validate(AtLeast(low)) for whole numbers.
func (k *Key) AtLeast(low int64) *Key { return k.Validate(AtLeast(low)) }

// Between is Validate(Between(low, high)) for whole numbers.
func (k *Key) Between(low, high int64) *Key { return k.Validate(Between(low, high)) }

// NonEmpty is Validate(NonEmptyString).
func (k *Key) NonEmpty() *Key { return k.Validate(NonEmptyString) }

// Recommend sets the recommender.
func (k *Key) Recommend(r Recommender) *Key {
	k.info.Recommender = r
	return k
}

// Internal takes the key out of the documentation.
func (k *Key) Internal() *Key {
	k.info.Internal = true
	return k
}

// Find returns the description of a key.
func (d Def) Find(name string) (KeyInfo, bool) {
	for _, k := range d {
		if k.info.Name == name {
			return k.info, true
		}
	}
	return KeyInfo{}, false
}

// Names returns the keys in order of definition.
func (d Def) Names() []string {
	names := make([]string, len(d))
	for i, k := range d {
		names[i] = k.info.Name
	}
	return names
}

// Groups returns the names of the groups in order of appearance, without "".
func (d Def) Groups() []string {
	var groups []string
	seen := map[string]bool{"": true}
	for _, k := range d {
		if g := k.info.Group; !seen[g] {
			seen[g] = true
			groups = append(groups, g)
		}
	}
	return groups
}

// With returns a new definition: d followed by more. Keys are shared with both. A
// key of d that more defines again gives way, in its place, as when a connector
// redefines a key of the framework.
func (d Def) With(more Def) Def {
	out := make(Def, len(d), len(d)+len(more))
	copy(out, d)
	at := make(map[string]int, len(d))
	for i, k := range d {
		at[k.info.Name] = i
	}
	for _, k := range more {
		if i, ok := at[k.info.Name]; ok {
			out[i] = k
			continue
		}
		out = append(out, k)
	}
	return out
}

// Prefixed returns a new definition whose names and dependents carry prefix, as in
// "transforms.hoist." before the keys of a transformation. A group that is not ""
// replaces that of every key.
func (d Def) Prefixed(prefix, group string) Def {
	out := make(Def, len(d))
	for i, k := range d {
		info := k.info
		info.Name = prefix + info.Name
		info.Dependents = make([]string, len(k.info.Dependents))
		for j, dep := range k.info.Dependents {
			info.Dependents[j] = prefix + dep
		}
		if group != "" {
			info.Group = group
		}
		out[i] = &Key{info: info}
	}
	return out
}

// coerce fits a default into the Go type of t.
func coerce(t Type, v any) (any, bool) {
	if v == nil {
		return nil, true
	}
	switch t {
	case TypeBoolean:
		b, ok := v.(bool)
		return b, ok
	case TypeString:
		s, ok := v.(string)
		return s, ok
	case TypeInt, TypeShort, TypeLong, TypeDouble:
		return coerceNumber(t, v)
	case TypeList:
		switch v := v.(type) {
		case []string:
			return v, true
		case string:
			return splitList(trim(v)), true
		}
	case TypeClass:
		switch v := v.(type) {
		case Class:
			return v, true
		case string:
			return Class{Name: v}, true
		}
	case TypePassword:
		switch v := v.(type) {
		case Password:
			return v, true
		case string:
			return NewPassword(v), true
		}
	}
	return nil, false
}

func coerceNumber(t Type, v any) (any, bool) {
	var n int64
	switch v := v.(type) {
	case int:
		n = int64(v)
	case int16:
		n = int64(v)
	case int32:
		n = int64(v)
	case int64:
		n = v
	case float64:
		return v, t == TypeDouble
	default:
		return nil, false
	}
	switch t {
	case TypeInt:
		return int32(n), int64(int32(n)) == n
	case TypeShort:
		return int16(n), int64(int16(n)) == n
	case TypeDouble:
		return float64(n), true
	default:
		return n, true
	}
}

// ConvertToString renders a parsed value as ConfigDef.convertToString does for the
// REST interface: lists joined with commas, classes by name, passwords hidden, nil
// for null.
func ConvertToString(v any) *string {
	var s string
	switch v := v.(type) {
	case nil:
		return nil
	case []string:
		s = strings.Join(v, ",")
	case Class:
		s = v.Name
	default:
		s = display(v)
	}
	return &s
}
