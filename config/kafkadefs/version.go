// SPDX-License-Identifier: Apache-2.0

package kafkadefs

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/penstock-io/penstock/config"
)

// pluginVersion is the validator of *.plugin.version: a version, latest, or a
// Maven range such as [1.0,2.0).
var pluginVersion = config.ValidatorFunc{
	Text: runtime + "ConnectorConfig$PluginVersionValidator",
	Check: func(key string, value any) error {
		s, ok := value.(string)
		if !ok || s == "latest" {
			return nil
		}
		restricted, message := checkVersionRange(trim(s))
		if message == "" && !restricted {
			_, message = checkVersionRange("[" + trim(s) + "]")
		}
		if message == "" {
			return nil
		}
		err := config.Plain(key, message)
		err.Class = runtime + "isolation.VersionedPluginLoadingException"
		return err
	},
}

// bound is an end of a range; nil is open.
type bound = *string

// checkVersionRange reads a Maven version specification: restricted tells whether
// it is in brackets, message is "" or what is wrong.
func checkVersionRange(spec string) (restricted bool, message string) {
	rest := spec
	var upper bound
	for n := 0; strings.HasPrefix(rest, "[") || strings.HasPrefix(rest, "("); n++ {
		end := strings.IndexAny(rest, ")]")
		if end < 0 {
			return false, "Unbounded range: " + spec
		}
		lo, hi, message := restriction(rest[:end+1])
		if message != "" {
			return false, message
		}
		if n > 0 && (upper == nil || lo == nil || compareVersions(*lo, *upper) < 0) {
			return false, "Ranges overlap: " + spec
		}
		upper, restricted = hi, true
		rest = trim(rest[end+1:])
		rest = trim(strings.TrimPrefix(rest, ","))
	}
	if rest != "" && restricted {
		return false, "Only fully-qualified sets allowed in multiple set scenario: " + spec
	}
	return restricted, ""
}

func restriction(spec string) (lo, hi bound, message string) {
	lowIn, highIn := spec[0] == '[', spec[len(spec)-1] == ']'
	body := trim(spec[1 : len(spec)-1])
	low, high, two := strings.Cut(body, ",")
	if !two {
		if !lowIn || !highIn {
			return nil, nil, "Single version must be surrounded by []: " + spec
		}
		return &body, &body, ""
	}
	low, high = trim(low), trim(high)
	if low != "" {
		lo = &low
	}
	if high != "" {
		hi = &high
	}
	if lo == nil || hi == nil {
		return lo, hi, ""
	}
	switch c := compareVersions(high, low); {
	case c < 0:
		return nil, nil, "Range defies version ordering: " + spec
	case c == 0 && (!lowIn || !highIn):
		return nil, nil, "Range cannot have identical boundaries: " + spec
	}
	return lo, hi, ""
}

// qualifiers are ordered words; "" is the release itself.
var qualifiers = []string{"alpha", "beta", "milestone", "rc", "snapshot", "", "sp"}

// shortQualifiers stand for words right before a digit only.
var shortQualifiers = map[string]string{"a": "alpha", "b": "beta", "m": "milestone"}

// compareVersions compares as Maven's ComparableVersion does for the versions that
// occur in practice: numbers by value, known qualifiers before or after the
// release, 1 equal to 1.0.
func compareVersions(a, b string) int {
	x, y := versionTokens(a), versionTokens(b)
	for i := range max(len(x), len(y)) {
		s, t := "", ""
		if i < len(x) {
			s = x[i]
		}
		if i < len(y) {
			t = y[i]
		}
		if c := compareTokens(s, t); c != 0 {
			return c
		}
	}
	return 0
}

// versionTokens cuts at dots, dashes and between digits and letters; zeroes and
// words for the release at the end count for nothing.
func versionTokens(v string) []string {
	var tokens []string
	start := 0
	flush := func(end int) {
		if end > start {
			token := v[start:end]
			if end < len(v) && unicode.IsDigit(rune(v[end])) && shortQualifiers[token] != "" {
				token = shortQualifiers[token]
			}
			tokens = append(tokens, canonical(token))
		}
	}
	v = strings.ToLower(v)
	for i, r := range v {
		switch {
		case r == '.' || r == '-' || r == '_':
			flush(i)
			start = i + 1
		case i > start && unicode.IsDigit(r) != unicode.IsDigit(rune(v[i-1])):
			flush(i)
			start = i
		}
	}
	flush(len(v))
	for len(tokens) > 0 && tokens[len(tokens)-1] == "" {
		tokens = tokens[:len(tokens)-1]
	}
	return tokens
}

func canonical(token string) string {
	switch token {
	case "ga", "final", "release":
		return ""
	case "cr":
		return "rc"
	}
	return strings.TrimLeft(token, "0")
}

func compareTokens(s, t string) int {
	sn, tn := isNumber(s), isNumber(t)
	switch {
	case sn && tn:
		if len(s) != len(t) {
			return len(s) - len(t)
		}
		return strings.Compare(s, t)
	case sn:
		return 1 // a number is newer than any word, and than nothing
	case tn:
		return -1
	}
	si, ti := slices.Index(qualifiers, s), slices.Index(qualifiers, t)
	if si < 0 {
		si = len(qualifiers)
	}
	if ti < 0 {
		ti = len(qualifiers)
	}
	if si != ti || si < len(qualifiers) {
		return si - ti
	}
	return strings.Compare(s, t)
}

func isNumber(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// number reads a decimal, 0 for anything else.
func number(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}
