// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Type is the type of a configuration key, as ConfigDef.Type.
type Type uint8

// The types of configuration keys and the Go values they parse to.
const (
	TypeBoolean  Type = iota // bool
	TypeString               // string, trimmed
	TypeInt                  // int32
	TypeShort                // int16
	TypeLong                 // int64
	TypeDouble               // float64
	TypeList                 // []string
	TypeClass                // Class
	TypePassword             // Password
)

var typeNames = [...]string{"BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"}

// String returns the name that the REST interface shows, such as "BOOLEAN".
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

// ParseType is the inverse of Type.String.
func ParseType(name string) (Type, bool) {
	for i, n := range typeNames {
		if n == name {
			return Type(i), true
		}
	}
	return 0, false
}

// Importance is ConfigDef.Importance.
type Importance uint8

// How much a key matters to most users. The zero value is Medium.
const (
	Medium Importance = iota
	High
	Low
)

// String returns "HIGH", "MEDIUM" or "LOW".
func (i Importance) String() string {
	switch i {
	case High:
		return "HIGH"
	case Low:
		return "LOW"
	default:
		return "MEDIUM"
	}
}

// Width is ConfigDef.Width: how wide a form field for the value should be.
type Width uint8

// The widths.
const (
	WidthNone Width = iota
	WidthShort
	WidthMedium
	WidthLong
)

// String returns "NONE", "SHORT", "MEDIUM" or "LONG".
func (w Width) String() string {
	switch w {
	case WidthShort:
		return "SHORT"
	case WidthMedium:
		return "MEDIUM"
	case WidthLong:
		return "LONG"
	default:
		return "NONE"
	}
}

// HiddenText is what stands in place of a secret, as in Java's Password.
const HiddenText = "[hidden]"

// Password is a secret. It prints as [hidden] whatever the verb; only Reveal
// gives the text away.
type Password struct{ secret string }

// NewPassword wraps a secret.
func NewPassword(secret string) Password { return Password{secret} }

// Reveal returns the secret itself. Its result belongs in client settings, never
// in logs, errors or REST answers.
func (p Password) Reveal() string { return p.secret }

// String returns [hidden].
func (p Password) String() string { return HiddenText }

// Format writes [hidden] for every verb, %d and %#v included, which would
// otherwise print the field.
func (p Password) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, HiddenText) }

// MarshalText writes [hidden], also into JSON.
func (p Password) MarshalText() ([]byte, error) { return []byte(HiddenText), nil }

// LogValue writes [hidden] into logs.
func (p Password) LogValue() slog.Value { return slog.StringValue(HiddenText) }

// Kind is a set of Connect's plugin interfaces that a class implements.
type Kind uint16

// The plugin interfaces that validators ask about.
const (
	KindSource Kind = 1 << iota
	KindSink
	KindConverter
	KindHeaderConverter
	KindTransformation
	KindPredicate
	KindConfigProvider
	KindRestExtension
	KindOverridePolicy
)

// Class is the value of a CLASS key: a Java class name, resolved.
type Class struct {
	// Name is the full binary name, such as "a.b.Cast$Value", never an alias.
	Name string
	// Kinds are the plugin interfaces it implements, itself included.
	Kinds Kind
	// Abstract is set for interfaces and abstract classes, Interface for the former.
	Abstract, Interface bool
	// Children names the public classes nested in an abstract one that could be
	// meant instead, joined with ", ".
	Children string
	// Private is set when there is no public constructor without arguments.
	Private bool
}

// String returns the class name.
func (c Class) String() string { return c.Name }

// ClassResolver finds a class by full name or alias; false when there is none.
type ClassResolver func(name string) (Class, bool)

// Props are configuration properties as ConfigDef sees them: an absent key takes
// its default, a nil value is Java's null and does not.
type Props map[string]*string

// NewProps converts a map without nulls. The strings are shared, the map is new.
func NewProps(m map[string]string) Props {
	p := make(Props, len(m))
	for k, v := range m {
		p[k] = &v
	}
	return p
}

// Strings converts to a map without nulls: null values are left out.
func (p Props) Strings() map[string]string {
	m := make(map[string]string, len(p))
	for k, v := range p {
		if v != nil {
			m[k] = *v
		}
	}
	return m
}

// Get returns the value of a key, "" and false when it is absent or null.
func (p Props) Get(key string) (string, bool) {
	if v := p[key]; v != nil {
		return *v, true
	}
	return "", false
}
