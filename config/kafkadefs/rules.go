// SPDX-License-Identifier: Apache-2.0

package kafkadefs

import (
	"regexp"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/config"
)

// javaSplit is String.split: trailing empty parts go, except that of "" itself.
func javaSplit(s, sep string) []string {
	if s == "" {
		return []string{""}
	}
	parts := strings.Split(s, sep)
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// trim is String.trim.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

var (
	castTypes   = []string{"INT8", "INT16", "INT32", "INT64", "FLOAT32", "FLOAT64", "BOOLEAN", "STRING"}
	schemaTypes = append(slices.Clone(castTypes), "BYTES", "ARRAY", "MAP", "STRUCT")
)

// castSpec is the validator of Cast's spec.
func castSpec(text string) config.Validator {
	return config.ValidatorFunc{Text: text, Check: func(key string, value any) error {
		list, _ := value.([]string)
		if len(list) == 0 {
			return config.Plain(key, "Must specify at least one field to cast.")
		}
		whole := false
		for _, mapping := range list {
			parts := javaSplit(mapping, ":")
			if len(parts) > 2 { // Cast borrows the message of ReplaceField, key and all
				return config.Invalid("renames", value, "Invalid rename mapping: "+mapping)
			}
			if len(parts) == 0 {
				return &config.Crash{
					Class:   "java.lang.ArrayIndexOutOfBoundsException",
					Instead: config.Plain(key, "Invalid type found in casting spec: "+mapping),
				}
			}
			name := trim(parts[len(parts)-1])
			switch t := strings.ToUpper(name); {
			case !slices.Contains(schemaTypes, t):
				// Connect means to name a cause and picks the constructor for key and value.
				return &config.Error{
					Key:   "Invalid type found in casting spec: " + name,
					Value: "java.lang.IllegalArgumentException: No enum constant org.apache.kafka.connect.data.Schema.Type." + t,
				}
			case !slices.Contains(castTypes, t):
				return config.Plain(key, "Cast transformation does not support casting to "+t+
					"; supported types are ["+strings.Join(castTypes, ", ")+"]")
			}
			whole = whole || len(parts) == 1
		}
		if whole && len(list) > 1 {
			return config.Plain(key, "Cast transformations that specify a type to cast the entire value to may only "+
				"specify a single cast in their spec")
		}
		return nil
	}}
}

// renames is the validator of ReplaceField's renames.
func renames(text string) config.Validator {
	return config.ValidatorFunc{Text: text, Check: func(key string, value any) error {
		list, ok := value.([]string)
		if !ok {
			return nullPointer(key, "Value must be non-null")
		}
		for _, mapping := range list {
			if len(javaSplit(mapping, ":")) != 2 {
				return config.Invalid("renames", value, "Invalid rename mapping: "+mapping)
			}
		}
		return nil
	}}
}

var listeners = config.ValidatorFunc{
	Text: "List of comma-separated URLs, ex: http://localhost:8080,https://localhost:8443.",
	Check: func(key string, value any) error {
		list, ok := value.([]string)
		if !ok {
			return config.Plain(key, "Invalid value type for listeners (expected list of URLs , ex: "+
				"http://localhost:8080,https://localhost:8443).")
		}
		if len(list) == 0 {
			return config.Plain(key, "Invalid value for listeners, at least one URL is expected, ex: "+
				"http://localhost:8080,https://localhost:8443.")
		}
		for _, s := range list {
			if trim(s) == "" {
				return config.Plain(key, "Empty URL found when parsing listeners list.")
			}
		}
		return nil
	},
}

var responseHeaders = config.ValidatorFunc{
	Text: "Comma-separated header rules, where each header rule is of the form '[action] [header name]:[header value]' " +
		"and optionally surrounded by double quotes if any part of a header rule contains a comma",
	Check: func(key string, value any) error {
		s, _ := value.(string)
		if trim(s) == "" {
			return nil
		}
		for _, rule := range splitHeaderRules(s) {
			if message := headerRuleError(rule); message != "" {
				return config.Plain(key, message)
			}
		}
		return nil
	},
}

const regexSpace = " \t\n\x0b\f\r"

// headerRuleError returns "" for a good rule such as "add X-Frame-Options: DENY".
func headerRuleError(rule string) string {
	trimmed := trim(rule)
	i := strings.IndexAny(trimmed, regexSpace)
	if i < 0 {
		return "Invalid format of header config '" + rule + "'. Expected: '[action] [header name]:[header value]'"
	}
	action, header := trimmed[:i], strings.TrimLeft(trimmed[i:], regexSpace)
	actions := []string{"set", "add", "setDate", "addDate"}
	if !slices.ContainsFunc(actions, func(a string) bool { return strings.EqualFold(a, action) }) {
		return "Invalid header config action: '" + action + "'. Expected one of [" + strings.Join(actions, ", ") + "]"
	}
	parts := javaSplit(trim(header), ":")
	if len(parts) != 2 {
		return "Invalid format of header name and header value pair '" + header +
			"'. Expected: '[header name]:[header value]'"
	}
	if name := trim(parts[0]); name == "" || strings.ContainsAny(name, regexSpace) {
		return "Invalid header name '" + name + "'. The '[header name]' cannot contain whitespace"
	}
	return ""
}

// splitHeaderRules splits on commas as Jetty's StringUtil.csvSplit does: an item
// that begins with a quote ends with one, and what follows it up to the comma is
// dropped.
func splitHeaderRules(s string) []string {
	var rules []string
	for {
		s = strings.TrimLeft(s, regexSpace)
		if s == "" {
			return rules
		}
		if s[0] == '"' {
			item, rest := quotedItem(s[1:])
			rules = append(rules, item)
			_, s, _ = strings.Cut(rest, ",")
			continue
		}
		item, rest, _ := strings.Cut(s, ",")
		rules = append(rules, strings.TrimRight(item, regexSpace))
		s = rest
	}
}

// quotedItem reads up to an unescaped quote or the end.
func quotedItem(s string) (item, rest string) {
	var sb strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return sb.String(), s[i+1:]
		case '\\':
			if i++; i == len(s) {
				return sb.String(), ""
			}
		}
		sb.WriteByte(s[i])
	}
	return sb.String(), ""
}

// isoDuration is what java.time.Duration.parse takes.
var isoDuration = regexp.MustCompile(`(?i)^([-+]?)P(?:([-+]?[0-9]+)D)?` +
	`(T(?:([-+]?[0-9]+)H)?(?:([-+]?[0-9]+)M)?(?:([-+]?[0-9]+)(?:[.,]([0-9]{0,9}))?S)?)?$`)

var offsetReset = config.ValidatorFunc{
	Text: "[latest, earliest, none, by_duration:PnDTnHnMn.nS]",
	Check: func(key string, value any) error {
		s, _ := value.(string)
		switch s {
		case "latest", "earliest", "none":
			return nil
		}
		if d, ok := strings.CutPrefix(s, "by_duration:"); ok && positiveDuration(d) {
			return nil
		}
		return badMode(key, value, "The value must be either 'earliest', 'latest', 'none' or of the format "+
			"'by_duration:<PnDTnHnMn.nS.>'.")
	},
}

// positiveDuration sums up in seconds: enough to tell the sign.
func positiveDuration(s string) bool {
	m := isoDuration.FindStringSubmatch(s)
	if m == nil || strings.EqualFold(m[3], "T") || m[2] == "" && m[3] == "" {
		return false
	}
	total := 0.0
	for i, unit := range []float64{2: 86400, 4: 3600, 5: 60, 6: 1} {
		total += number(m[i]) * unit
	}
	if fraction := number("0." + m[7]); strings.HasPrefix(m[6], "-") {
		total -= fraction
	} else {
		total += fraction
	}
	if m[1] == "-" {
		total = -total
	}
	return total >= 0
}

// badMode repeats the value and the key within the message, as Kafka does.
func badMode(key string, value any, rest string) error {
	shown := "null"
	if s := config.ConvertToString(value); s != nil {
		shown = *s
	}
	return config.Invalid(key, value, "Invalid value `"+shown+"` for configuration "+key+". "+rest)
}

func shareMode(a, b string, anyCase bool) config.Validator {
	return config.ValidatorFunc{Text: "[" + a + ", " + b + "]", Check: func(key string, value any) error {
		s, _ := value.(string)
		if anyCase {
			s = strings.ToLower(s)
		}
		if s == a || s == b {
			return nil
		}
		order := "be '" + a + "' or '" + b + "'."
		return badMode(key, value, "The value must either "+order)
	}}
}
