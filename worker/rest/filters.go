// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-io/penstock/config"
)

// withCORS answers cross-origin requests as Jetty's CrossOriginFilter does with these two settings.
func withCORS(h http.Handler, allowOrigin, allowMethods string) http.Handler {
	if strings.TrimSpace(allowOrigin) == "" {
		return h
	}
	origins := splitList(allowOrigin)
	methods := splitList(allowMethods)
	if len(methods) == 0 {
		methods = []string{http.MethodGet, http.MethodPost, http.MethodHead}
	}
	anyOrigin := slices.Contains(origins, "*")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		out := w.Header()
		if !anyOrigin {
			out.Add("Vary", "Origin")
		}
		if origin != "" && (anyOrigin || slices.ContainsFunc(origins, func(o string) bool { return matchOrigin(o, origin) })) {
			wanted := r.Header.Get("Access-Control-Request-Method")
			preflight := r.Method == http.MethodOptions && wanted != ""
			if !preflight || slices.Contains(methods, wanted) {
				out.Set("Access-Control-Allow-Origin", origin)
				out.Set("Access-Control-Allow-Credentials", "true")
			}
			if preflight && slices.Contains(methods, wanted) {
				out.Set("Access-Control-Max-Age", "1800")
				out.Set("Access-Control-Allow-Methods", strings.Join(methods, ","))
				out.Set("Access-Control-Allow-Headers", "X-Requested-With,Content-Type,Accept,Origin")
			}
		}
		h.ServeHTTP(w, r)
	})
}

// matchOrigin compares an origin with a pattern in which * stands for anything.
func matchOrigin(pattern, origin string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == origin
	}
	if !strings.HasPrefix(origin, parts[0]) {
		return false
	}
	rest := origin[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, p)
		if i < 0 {
			return false
		}
		rest = rest[i+len(p):]
	}
	return strings.HasSuffix(rest, last)
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
