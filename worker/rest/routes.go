// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-io/penstock/internal/java/text"
)

const (
	// requestTimeout is how long a call may wait for the herder, healthTimeout how long GET /health does. Neither is
	// configurable in Connect.
	requestTimeout = 90 * time.Second
	healthTimeout  = 10 * time.Second
	// maxBodyBytes bounds a request body: far above any configuration, far below the memory of a worker.
	maxBodyBytes = 64 << 20

	jsonType = "application/json"
)

// answer is what a resource method returns.
type answer struct {
	status   int
	location string // path, made absolute
	body     body   // nil = none
}

// call is one request to a resource.
type call struct {
	*http.Request
	api *api
	raw []byte // the body, once read: it goes along when the request is passed on
}

// method handles one HTTP method of a resource. A returned error becomes an error body.
type method func(c *call) (answer, error)

// resource is what one path offers, by HTTP method. GET serves HEAD.
type resource struct {
	methods map[string]method
	// consumes is set for the resources that declare a JSON content type; only / and /health do not.
	consumes bool
	// entity holds the methods that read a body.
	entity map[string]bool
	log    *slog.Logger
	api    *api
}

func ok(b body) answer                { return answer{status: http.StatusOK, body: b} }
func (c *call) herder() Herder        { return c.api.herder }
func (c *call) connector() string     { return c.PathValue("connector") }
func (c *call) flag(name string) bool { return strings.EqualFold(c.URL.Query().Get(name), "true") }
func (c *call) body() ([]byte, error) {
	if c.raw != nil {
		return c.raw, nil
	}
	var err error
	c.raw, err = io.ReadAll(http.MaxBytesReader(nil, c.Body, maxBodyBytes))
	return c.raw, err
}
func (c *call) config() (Config, error) {
	raw, err := c.body()
	if err != nil {
		return Config{}, BadRequest("The request body cannot be read: " + err.Error())
	}
	return parseStringMap(raw)
}

// task reads the {task} of the path; a text that is no int makes the path unknown, as in Jersey.
func (c *call) task() (int, error) {
	n, err := strconv.ParseInt(c.PathValue("task"), 10, 32)
	if err != nil {
		return 0, NotFound("HTTP 404 Not Found")
	}
	return int(n), nil
}

// ServeHTTP chooses the method in the order of Jersey: method, content type, acceptable answer.
func (res *resource) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.Method
	if name == http.MethodHead {
		name = http.MethodGet
	}
	m, found := res.methods[name]
	switch {
	case r.Method == http.MethodOptions:
		if res.admitted(w, r, optionsType(r)) {
			res.options(w, r)
		}
		return
	case !found:
		bare(w, http.StatusMethodNotAllowed)
		return
	case res.consumes && !consumable(r.Header.Get("Content-Type")):
		bare(w, http.StatusUnsupportedMediaType)
		return
	case !acceptable(r.Header.Values("Accept"), jsonType):
		bare(w, http.StatusNotAcceptable)
		return
	}
	if !res.admitted(w, r, jsonTypeFor(r.Header.Values("Accept"))) {
		return
	}
	timeout := requestTimeout
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	c := &call{Request: r.WithContext(ctx), api: res.api}
	a, err := res.invoke(c, m, name)
	if to := (*Elsewhere)(nil); errors.As(err, &to) {
		res.forward(w, c.Request, c.raw, to)
		return
	}
	if err != nil {
		res.fail(w, r, err)
		return
	}
	res.write(w, r, a)
}

// admitted asks the guard, once it is known that there is such a method, and answers for those it refuses.
func (res *resource) admitted(w http.ResponseWriter, r *http.Request, contentType string) bool {
	err := res.api.Guard.check(r)
	switch {
	case err == nil:
		return true
	case errors.Is(err, errUnauthorized):
		refuse(w, contentType)
	default:
		res.fail(w, r, err)
	}
	return false
}

// invoke calls the method; a bug in it is an answer of 500, not the end of the connection.
func (res *resource) invoke(c *call, m method, name string) (a answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			res.log.Error("request handler panicked", slog.String("path", c.URL.Path), slog.Any("err", p))
			err = Internal("Internal error of the worker; see its log")
		}
	}()
	if res.entity[name] && c.Header.Get("Content-Type") == "" && c.ContentLength != 0 {
		// Jersey finds the method, but nothing that can read a body of no type.
		return answer{}, &Error{Status: http.StatusUnsupportedMediaType, Message: statusText(http.StatusUnsupportedMediaType)}
	}
	return m(c)
}

func (res *resource) write(w http.ResponseWriter, r *http.Request, a answer) {
	h := w.Header()
	if a.location != "" {
		h.Set("Location", baseURL(r)+(&url.URL{Path: a.location}).EscapedPath())
	}
	if a.body == nil {
		h["Content-Type"] = nil
		w.WriteHeader(a.status)
		return
	}
	send(w, a.status, jsonTypeFor(r.Header.Values("Accept")), a.body)
}

// jsonTypeFor is the content type of an answer: with the charset that the client asked for by name, if it did.
func jsonTypeFor(accept []string) string {
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		t, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err == nil && t == jsonType && params["charset"] != "" {
			return jsonType + ";charset=" + params["charset"]
		}
	}
	return jsonType
}

func (res *resource) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, text := statusOf(err)
	at := slog.LevelDebug
	if status >= http.StatusInternalServerError {
		at = slog.LevelError
	}
	res.log.Log(r.Context(), at, "request failed", slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", status), slog.Any("err", err))
	send(w, status, jsonType, &Error{Status: status, Message: text})
}

// options answers OPTIONS as Jersey does for a resource without a method for it.
func (res *resource) options(w http.ResponseWriter, r *http.Request) {
	methods := []string{http.MethodOptions}
	for m := range res.methods {
		methods = append(methods, m)
		if m == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	allow := strings.Join(hashSet(methods), ", ")
	h := w.Header()
	h.Set("Allow", strings.ReplaceAll(allow, ", ", ","))
	h.Set("Content-Type", optionsType(r))
	if acceptable(r.Header.Values("Accept"), "text/plain") {
		_, _ = io.WriteString(w, allow)
		return
	}
	h.Set("Content-Length", "0")
}

// optionsType is the content type of an answer to OPTIONS: plain text, unless something else was asked for.
func optionsType(r *http.Request) string {
	accept := r.Header.Values("Accept")
	if acceptable(accept, "text/plain") {
		return "text/plain"
	}
	first, _, _ := mime.ParseMediaType(strings.Split(accept[0], ",")[0])
	return first
}

// hashSet puts texts in the order of a java.util.HashSet.
func hashSet(items []string) []string {
	out := make([]string, len(items))
	for i, at := range text.HashOrder(items) {
		out[i] = items[at]
	}
	return out
}

// bare answers a request that no resource method took: the error body without a content type, as Jersey has it.
func bare(w http.ResponseWriter, status int) {
	send(w, status, "", &Error{Status: status, Message: statusText(status)})
}

func statusText(status int) string {
	return "HTTP " + strconv.Itoa(status) + " " + http.StatusText(status)
}

func send(w http.ResponseWriter, status int, contentType string, b body) {
	var j writer
	b.writeJSON(&j)
	h := w.Header()
	if contentType == "" {
		h["Content-Type"] = nil // or net/http would guess
	} else {
		h.Set("Content-Type", contentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(j.b)))
	w.WriteHeader(status)
	_, _ = w.Write(j.bytes())
}

func baseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// consumable tells whether a Content-Type is that of JSON, or absent.
func consumable(contentType string) bool {
	if contentType == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == jsonType
}

// acceptable tells whether Accept headers admit a type; none at all admits everything. A quality of 0 admits it too, as
// it does in Jersey when there is nothing else to choose.
func acceptable(headers []string, want string) bool {
	if len(headers) == 0 {
		return true
	}
	group, _, _ := strings.Cut(want, "/")
	for _, part := range strings.Split(strings.Join(headers, ","), ",") {
		t, _, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		if t == want || t == "*/*" || t == "*" || t == group+"/*" {
			return true
		}
	}
	return false
}
