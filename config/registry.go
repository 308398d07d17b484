// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"
	"sync"
)

// Registry maps Java class names to plugins of one kind. Plugins register from
// init; a second plugin of the same name panics there. Afterwards it is read-only
// and safe for concurrent use. The zero value is not usable: see NewRegistry.
//
// A plugin answers to its full class name, its simple name, and its simple name
// without the suffix of its kind (FileStreamSourceConnector → FileStreamSource).
// An alias that two plugins share is dropped, as Connect's plugin loader does, unless
// one of them alone is Kafka's own.
type Registry[T any] struct {
	kind     string
	suffixes []string

	mu      sync.RWMutex
	entries map[string]T
	aliases map[string]string   // alias -> class name, "" when ambiguous
	claims  map[string][]string // classes by the aliases they would like
}

// NewRegistry makes a registry. kind names the plugins in panics, such as
// "transformation". Each suffix is cut off for a short alias: "Connector" for
// connectors, else the name of the interface, such as "Converter". Connect's aliases
// are shared by all kinds, so header converters want "HeaderConverter" and
// "Converter": StringConverter is String there, too.
func NewRegistry[T any](kind string, suffixes ...string) *Registry[T] {
	return &Registry[T]{kind: kind, suffixes: suffixes, entries: map[string]T{}, aliases: map[string]string{}, claims: map[string][]string{}}
}

// Register adds a plugin under its full Java class name.
func (r *Registry[T]) Register(className string, plugin T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if className == "" {
		panic("BUG: " + r.kind + " without a class name")
	}
	if _, ok := r.entries[className]; ok {
		panic("BUG: " + r.kind + " " + className + " registered twice")
	}
	r.entries[className] = plugin
	simple := SimpleName(className)
	names := []string{simple}
	for _, suffix := range r.suffixes {
		names = append(names, PrunedName(simple, suffix))
	}
	for _, alias := range names {
		if !slices.Contains(r.claims[alias], className) {
			r.claims[alias] = append(r.claims[alias], className)
		}
		r.aliases[alias] = ownerOf(r.claims[alias])
	}
}

// ownerOf says which of the classes that claim an alias has it; "" when it is ambiguous. Kafka's own classes win over
// others: what is built in here besides them is not on the plugin path of a worker that has only Kafka's, where the
// alias works.
func ownerOf(claims []string) string {
	own := slices.DeleteFunc(slices.Clone(claims), func(c string) bool { return !apacheClass(c) })
	switch {
	case len(claims) == 1:
		return claims[0]
	case len(own) == 1:
		return own[0]
	}
	return ""
}

func apacheClass(name string) bool { return strings.HasPrefix(name, "org.apache.kafka.") }

// Lookup finds a plugin by class name or alias, and returns its full class name.
func (r *Registry[T]) Lookup(name string) (plugin T, className string, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if p, ok := r.entries[name]; ok {
		return p, name, true
	}
	if full := r.aliases[name]; full != "" {
		return r.entries[full], full, true
	}
	return plugin, "", false
}

// Names returns the full class names, sorted.
func (r *Registry[T]) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := make([]string, 0, len(r.entries))
	for n := range r.entries {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Aliases returns the usable aliases of a class, shortest first.
func (r *Registry[T]) Aliases(className string) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []string
	for alias, owner := range r.aliases {
		if owner == className && alias != className {
			out = append(out, alias)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return out
}

// Suggest returns the class name or alias nearest to a name that Lookup did not
// find, "" when nothing is near.
func (r *Registry[T]) Suggest(name string) string {
	known := r.Names()
	r.mu.RLock()
	for alias, owner := range r.aliases {
		if owner != "" {
			known = append(known, alias)
		}
	}
	r.mu.RUnlock()
	return Nearest(name, known)
}

// SimpleName is Class.getSimpleName for a binary class name: what follows the last
// dot, and of nested classes the last dollar sign.
func SimpleName(className string) string {
	s := className[strings.LastIndexByte(className, '.')+1:]
	if i := strings.LastIndexByte(s, '$'); i >= 0 && i < len(s)-1 {
		s = s[i+1:]
	}
	return s
}

// PrunedName cuts a simple name at the last occurrence of suffix, unless that is
// its start or suffix does not occur. What follows the suffix goes, too: that is
// how Connect does it.
func PrunedName(simple, suffix string) string {
	if i := strings.LastIndex(simple, suffix); suffix != "" && i > 0 {
		return simple[:i]
	}
	return simple
}
