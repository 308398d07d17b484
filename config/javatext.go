// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// trim is String.trim: it cuts every char up to U+0020 at both ends, and only those.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

// upper is String.toUpperCase(Locale.ROOT). Go maps rune by rune; of the letters
// that grow, sharp s is the one people type.
func upper(s string) string { return strings.ToUpper(strings.ReplaceAll(s, "ß", "SS")) }

// display is how Java's string concatenation shows a parsed value.
func display(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int16:
		return strconv.FormatInt(int64(v), 10)
	case int32:
		return strconv.FormatInt(int64(v), 10)
	case int64:
		return strconv.FormatInt(v, 10)
	case int:
		return strconv.Itoa(v)
	case float64:
		return doubleText(v)
	case []string:
		return "[" + strings.Join(v, ", ") + "]"
	case Class:
		if v.Interface {
			return "interface " + v.Name
		}
		return "class " + v.Name
	case Password:
		return HiddenText
	}
	return HiddenText // an unknown type may hold anything
}

// doubleText is Double.toString of JDK 19 and later: the shortest decimal that
// reads back, plain between 1E-3 and 1E7, else in scientific notation.
func doubleText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		if math.Signbit(f) {
			return "-0.0"
		}
		return "0.0"
	}
	if a := math.Abs(f); a >= 1e-3 && a < 1e7 {
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	text := strconv.FormatFloat(f, 'E', -1, 64)
	if !strings.Contains(text, ".") { // Java wants two digits, and then the closest two: 4.9E-324
		text = strconv.FormatFloat(f, 'E', 1, 64)
	}
	m, e, _ := strings.Cut(text, "E")
	n, _ := strconv.Atoi(e)
	return m + "E" + strconv.Itoa(n)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hashCode is String.hashCode, over UTF-16 code units.
func hashCode(s string) int32 {
	var h int32
	for _, u := range utf16.Encode([]rune(s)) {
		h = 31*h + int32(u)
	}
	return h
}

// hashSetOrder puts distinct strings into the order in which a java.util.HashSet,
// filled one by one, would iterate. Messages of Kafka show that order.
func hashSetOrder(items []string) []string {
	size := 16
	for len(items) > size*3/4 {
		size *= 2
	}
	buckets := make([][]string, size)
	seen := make(map[string]bool, len(items))
	for _, s := range items {
		if seen[s] {
			continue
		}
		seen[s] = true
		h := uint32(hashCode(s))
		b := int(h^h>>16) & (size - 1)
		buckets[b] = append(buckets[b], s)
	}
	out := make([]string, 0, len(items))
	for _, b := range buckets {
		out = append(out, b...)
	}
	return out
}

// digit is Character.digit(c, 10): any decimal digit of the Basic Multilingual
// Plane counts, -1 for everything else (Java looks at one char at a time).
func digit(r rune) int {
	if r >= '0' && r <= '9' {
		return int(r - '0')
	}
	if r < 0x80 || r > 0xffff || !unicode.Is(unicode.Nd, r) {
		return -1
	}
	for _, t := range unicode.Nd.R16 { // every run of digits starts at a zero
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return int(r-rune(t.Lo)) % 10
		}
	}
	return -1
}

// parseInteger is Integer.parseInt and its sisters for a type of the given bits.
func parseInteger(s string, bits int) (int64, bool) {
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		s = s[1:]
	}
	if s == "" {
		return 0, false
	}
	limit := uint64(1)<<(bits-1) - 1
	if neg {
		limit++
	}
	var n uint64
	for _, r := range s {
		d := digit(r)
		if d < 0 || n > (limit-uint64(d))/10 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	if neg {
		return -int64(n), true
	}
	return int64(n), true
}

// parseDouble is Double.parseDouble on trimmed text: a type suffix is allowed,
// hex floats need their exponent, out of range is infinity or zero, not an error.
func parseDouble(s string) (float64, bool) {
	switch body := strings.TrimLeft(s, "+-"); {
	case len(s)-len(body) > 1:
		return 0, false
	case body == "NaN":
		return math.NaN(), true
	case body == "Infinity":
		return math.Inf(1 - 2*btoi(s[0] == '-')), true
	case body == "" || body[0] != '.' && (body[0] < '0' || body[0] > '9'):
		return 0, false // refuses inf, nan and the like, which Go would take
	}
	if strings.Contains(s, "_") {
		return 0, false
	}
	hex := strings.Contains(s, "0x") || strings.Contains(s, "0X")
	if hex && !strings.ContainsAny(s, "pP") {
		return 0, false
	}
	if last := s[len(s)-1]; last == 'd' || last == 'D' || last == 'f' || last == 'F' {
		s = s[:len(s)-1]
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return f, true
}

// splitList splits on commas with white space around them, keeping empty items,
// as Pattern "\s*,\s*" with limit -1. s is trimmed; an empty one gives an empty list.
func splitList(s string) []string {
	if s == "" {
		return []string{}
	}
	items := strings.Split(s, ",")
	for i, it := range items {
		if i > 0 {
			it = strings.TrimLeft(it, regexSpace)
		}
		if i < len(items)-1 {
			it = strings.TrimRight(it, regexSpace)
		}
		items[i] = it
	}
	return items
}

// regexSpace is \s of java.util.regex.
const regexSpace = " \t\n\x0b\f\r"
