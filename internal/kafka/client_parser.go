// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	forConsumer = RoleConsumer
	forProducer = RoleProducer
	forAdmin    = RoleAdmin
	forAll      = forConsumer | forProducer | forAdmin
)

type kind uint8

const (
	kindString kind = iota
	kindBoolean
	kindShort
	kindInt
	kindLong
	kindDouble
	kindList
	kindClass
	kindPassword
)

// effect says what a key that parses does in this client.
type effect uint8

const (
	honoured       effect = iota
	noEffect              // the user may rely on it: warn
	noEffectSilent        // tuning of the JVM client: nobody can tell
)

// clientKey is one row of clientKeys.
type clientKey struct {
	name     string
	roles    Role
	kind     kind
	min, max *int64   // bounds of a number, nil = none
	oneOf    []string // allowed texts, nil = any
	anyCase  bool     // oneOf ignores case
	nonEmpty bool
	effect   effect
}

func bound(n int64) *int64 { return &n }

var clientKeyByName = func() map[string]*clientKey {
	m := make(map[string]*clientKey, len(clientKeys))
	for i := range clientKeys {
		m[clientKeys[i].name] = &clientKeys[i]
	}
	return m
}()

// parser holds the properties of one client while they are checked and translated.
type parser struct {
	role     Role
	props    map[string]string
	values   map[string]any // the typed value of each key that is present and valid
	errs     []error
	warnings []string
}

// checkAll parses every key present, in order, so that errors and warnings come sorted.
func (p *parser) checkAll() {
	for _, name := range slices.Sorted(maps.Keys(p.props)) {
		k := clientKeyByName[name]
		if k == nil || k.roles&p.role == 0 {
			p.unknown(name, k)
			continue
		}
		if v, ok := p.check(k, p.props[name]); ok {
			p.values[name] = v
			if k.effect == noEffect {
				p.warnf("%s has no effect: Penstock's %s does not use it", name, p.role)
			}
		}
	}
}

func (p *parser) unknown(name string, k *clientKey) {
	if k != nil {
		p.warnf("%s is not a key of the %s and is ignored", name, p.role)
		return
	}
	if near := nearestKey(name, p.role); near != "" {
		p.warnf("%s is not a known key of the %s and is ignored; did you mean %s?", name, p.role, near)
		return
	}
	p.warnf("%s is not a known key of the %s and is ignored", name, p.role)
}

// check applies ConfigDef's parse and validate rules to one value.
func (p *parser) check(k *clientKey, text string) (any, bool) {
	trimmed := strings.TrimFunc(text, func(r rune) bool { return r <= ' ' }) // String.trim
	switch k.kind {
	case kindBoolean:
		switch {
		case strings.EqualFold(trimmed, "true"):
			return true, true
		case strings.EqualFold(trimmed, "false"):
			return false, true
		}
		p.fail(k.name, text, "Expected value to be either true or false")
	case kindShort, kindInt, kindLong:
		n, ok := javaInteger(trimmed, k.kind)
		if !ok {
			p.fail(k.name, text, "Not a number of type "+[...]string{kindShort: "SHORT", kindInt: "INT", kindLong: "LONG"}[k.kind])
			return nil, false
		}
		return n, p.inBounds(k, n)
	case kindDouble:
		if _, err := strconv.ParseFloat(trimmed, 64); err != nil {
			p.fail(k.name, text, "Not a number of type DOUBLE")
			return nil, false
		}
		return trimmed, true
	case kindList:
		return splitList(trimmed), true
	case kindPassword:
		return trimmed, true
	case kindString, kindClass:
		return trimmed, p.isAllowed(k, trimmed)
	}
	return nil, false
}

func (p *parser) inBounds(k *clientKey, n int64) bool {
	if k.min != nil && n < *k.min {
		p.fail(k.name, strconv.FormatInt(n, 10), fmt.Sprintf("Value must be at least %d", *k.min))
		return false
	}
	if k.max != nil && n > *k.max {
		p.fail(k.name, strconv.FormatInt(n, 10), fmt.Sprintf("Value must be no more than %d", *k.max))
		return false
	}
	return true
}

func (p *parser) isAllowed(k *clientKey, s string) bool {
	switch {
	case k.nonEmpty && s == "":
		p.fail(k.name, s, "String must be non-empty")
		return false
	case k.oneOf == nil:
		return true
	case k.anyCase:
		if slices.ContainsFunc(k.oneOf, func(o string) bool { return strings.EqualFold(o, s) }) {
			return true
		}
		p.fail(k.name, s, "String must be one of (case insensitive): "+strings.Join(k.oneOf, ", "))
		return false
	}
	if slices.Contains(k.oneOf, s) {
		return true
	}
	p.fail(k.name, s, "String must be one of: "+strings.Join(k.oneOf, ", "))
	return false
}

// javaInteger is Integer.parseInt and its siblings: decimal, one sign, no underscores.
func javaInteger(s string, k kind) (int64, bool) {
	bits := [...]int{kindShort: 16, kindInt: 32, kindLong: 64}[k]
	n, err := strconv.ParseInt(s, 10, bits)
	return n, err == nil
}

// splitList is ConfigDef's LIST: commas with white space around them, inner empties kept.
func splitList(s string) []string {
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1] // String.split drops trailing empties only with limit 0; a trailing comma is harmless
	}
	return parts
}

// has reports whether the user gave the key, valid or not.
func (p *parser) has(key string) bool { _, ok := p.props[key]; return ok }

func (p *parser) text(key, def string) string {
	if v, ok := p.values[key].(string); ok {
		return v
	}
	return def
}

func (p *parser) long(key string, def int64) int64 {
	if v, ok := p.values[key].(int64); ok {
		return v
	}
	return def
}

func (p *parser) flag(key string, def bool) bool {
	if v, ok := p.values[key].(bool); ok {
		return v
	}
	return def
}

func (p *parser) list(key string, def []string) []string {
	if v, ok := p.values[key].([]string); ok {
		return v
	}
	return def
}

// millis reads a duration; anything past a century is "never" and comes back as the largest Duration.
func (p *parser) millis(key string, def int64) time.Duration {
	n := p.long(key, def)
	if n > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Millisecond
}

// nearestKey finds the key of the role that a misspelt name most likely meant: equal but for case, or within two
// edits (three for long names). Empty when nothing is near.
func nearestKey(name string, role Role) string {
	limit := 2
	if len(name) > 16 {
		limit = 3
	}
	best, bestAt := "", limit+1
	lower := strings.ToLower(name)
	for i := range clientKeys {
		k := &clientKeys[i]
		if k.roles&role == 0 {
			continue
		}
		if d := editDistance(lower, k.name, bestAt); d < bestAt {
			best, bestAt = k.name, d
		}
	}
	return best
}

// editDistance is Levenshtein's, cut short at limit.
func editDistance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	prev, cur := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		cur[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			cur[j+1] = min(prev[j]+cost, prev[j+1]+1, cur[j]+1)
		}
		prev, cur = cur, prev
	}
	return min(prev[len(b)], limit)
}
