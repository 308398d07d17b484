// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"
)

// Values are the parsed values of a definition, Java's AbstractConfig. They are
// read-only and may be shared. The getters panic when the definition lacks the key
// or gives it another type: that is a bug of the caller, not of the user. A null
// is the zero value of the getter's type; ask IsNull where it matters.
type Values struct {
	parsed    map[string]any
	originals Props
}

// Get returns the parsed value, nil for null.
func (v Values) Get(key string) any {
	x, ok := v.parsed[key]
	if !ok {
		panic(fmt.Sprintf("BUG: unknown configuration %q", key))
	}
	return x
}

// Has tells whether the definition knows the key.
func (v Values) Has(key string) bool {
	_, ok := v.parsed[key]
	return ok
}

// IsNull tells whether the value of a key is null.
func (v Values) IsNull(key string) bool { return v.Get(key) == nil }

// IsSet tells whether the user gave the key, be it as null.
func (v Values) IsSet(key string) bool {
	_, ok := v.originals[key]
	return ok
}

func get[T any](v Values, key string) T {
	var zero T
	x := v.Get(key)
	if x == nil {
		return zero
	}
	t, ok := x.(T)
	if !ok {
		panic(fmt.Sprintf("BUG: configuration %q is a %T, not a %T", key, x, zero))
	}
	return t
}

// Bool returns a BOOLEAN.
func (v Values) Bool(key string) bool { return get[bool](v, key) }

// String returns a STRING, "" for null.
func (v Values) String(key string) string { return get[string](v, key) }

// Int returns an INT.
func (v Values) Int(key string) int { return int(get[int32](v, key)) }

// Short returns a SHORT.
func (v Values) Short(key string) int16 { return get[int16](v, key) }

// Long returns a LONG.
func (v Values) Long(key string) int64 { return get[int64](v, key) }

// Double returns a DOUBLE.
func (v Values) Double(key string) float64 { return get[float64](v, key) }

// List returns a LIST. It is shared: do not change it.
func (v Values) List(key string) []string { return get[[]string](v, key) }

// Class returns a CLASS.
func (v Values) Class(key string) Class { return get[Class](v, key) }

// Password returns a PASSWORD.
func (v Values) Password(key string) Password { return get[Password](v, key) }

// Originals returns the properties as the user gave them, unknown keys included.
// It is shared: do not change it.
func (v Values) Originals() Props { return v.originals }

// OriginalsWithPrefix returns the original properties under prefix, with the prefix
// cut off. A key that is the prefix and nothing else is left out.
func (v Values) OriginalsWithPrefix(prefix string) Props {
	p := Props{}
	for k, s := range v.originals {
		if rest, ok := strings.CutPrefix(k, prefix); ok && rest != "" {
			p[rest] = s
		}
	}
	return p
}
