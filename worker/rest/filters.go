// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/regex"
)

// withCORS answers cross-origin requests as Jetty 12's CrossOriginHandler does with these two settings: an origin is *, or
// a Java regular expression that matches the whole of it. A preflight request goes on to its resource.
func withCORS(h http.Handler, allowOrigin, allowMethods string) http.Handler {
	if strings.TrimSpace(allowOrigin) == "" {
		return h
	}
	origins := splitList(allowOrigin)
	methods := "GET,POST,HEAD"
	if list := splitList(allowMethods); len(list) > 0 {
		methods = strings.Join(list, ",")
	}
	allowed := make([]func(string) bool, len(origins))
	for i, o := range origins {
		allowed[i] = originMatcher(o)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		out := w.Header()
		out.Add("Vary", "Origin")
		if origin != "" && slices.ContainsFunc(allowed, func(match func(string) bool) bool { return match(origin) }) {
			out.Set("Access-Control-Allow-Origin", origin)
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				out.Set("Access-Control-Allow-Methods", methods)
				out.Set("Access-Control-Allow-Headers", "Content-Type")
				out.Set("Access-Control-Max-Age", "60")
			}
		}
		h.ServeHTTP(w, r)
	})
}

// originMatcher compares with a pattern; one that is no regular expression stands for itself.
func originMatcher(pattern string) func(string) bool {
	if pattern == "*" {
		return func(string) bool { return true }
	}
	re, err := regex.Compile(pattern)
	return func(origin string) bool {
		if err != nil {
			return pattern == origin
		}
		ok, err := re.Matches(origin)
		return err == nil && ok
	}
}

func splitList(s string) []string {
	var out []string
	for _, x := range strings.Split(s, ",") {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}

// headerRule is one rule of response.http.headers.config.
type headerRule struct {
	action, name, value string
	offset              time.Duration // of setDate and addDate
}

// parseHeaderRules reads "[action] [header name]:[header value]" rules, separated by commas, in double quotes where a
// rule contains one. Actions are set, add, setDate, addDate; those with Date take milliseconds from now.
func parseHeaderRules(text string) ([]headerRule, error) {
	const key = "response.http.headers.config"
	var rules []headerRule
	for _, rule := range splitQuoted(text) {
		action, header, found := strings.Cut(strings.TrimSpace(rule), " ")
		header = strings.TrimSpace(header)
		if !found || header == "" {
			return nil, config.Invalid(key, text, "Invalid format of header config '"+rule+
				"'. Expected: '[action] [header name]:[header value]'")
		}
		r := headerRule{action: strings.ToLower(action)}
		if !slices.Contains([]string{"set", "add", "setdate", "adddate"}, r.action) {
			return nil, config.Invalid(key, text, "Invalid header config action: '"+action+"'. Expected one of [set, add, setDate, addDate]")
		}
		if r.name, r.value, found = strings.Cut(header, ":"); !found || strings.ContainsAny(strings.TrimSpace(r.name), " \t") {
			return nil, config.Invalid(key, text, "Invalid format of header name and header value '"+header+
				"'. Expected: '[header name]:[header value]'")
		}
		r.name, r.value = strings.TrimSpace(r.name), strings.TrimSpace(r.value)
		if strings.HasSuffix(r.action, "date") {
			ms, err := strconv.ParseInt(r.value, 10, 64)
			if err != nil {
				return nil, config.Invalid(key, text, "The value of "+action+" must be a number of milliseconds, not '"+r.value+"'")
			}
			r.offset = time.Duration(ms) * time.Millisecond
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// splitQuoted splits at commas outside double quotes and drops the quotes.
func splitQuoted(s string) []string {
	var out []string
	var cur strings.Builder
	quoted := false
	flush := func() {
		if strings.TrimSpace(cur.String()) != "" {
			out = append(out, cur.String())
		}
		cur.Reset()
	}
	for _, c := range s {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			flush()
		default:
			cur.WriteRune(c)
		}
	}
	flush()
	return out
}

// withHeaders adds headers to every answer.
func withHeaders(h http.Handler, rules []headerRule) http.Handler {
	if len(rules) == 0 {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := w.Header()
		for _, rule := range rules {
			value := rule.value
			if strings.HasSuffix(rule.action, "date") {
				value = time.Now().Add(rule.offset).UTC().Format(http.TimeFormat)
			}
			if strings.HasPrefix(rule.action, "set") {
				out.Set(rule.name, value)
			} else {
				out.Add(rule.name, value)
			}
		}
		h.ServeHTTP(w, r)
	})
}
