// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
)

// errUnauthorized is a request of somebody who may not make it.
//
//lint:ignore ST1005 the words of Connect
var errUnauthorized = errors.New("User cannot access the resource.")

// BasicAuth admits requests with a name and a password that one of its lists has (JaasBasicAuthFilter with
// PropertyFileLoginModule). As in Connect an empty list admits everybody, and requests between workers, which are signed,
// need no password.
type BasicAuth struct {
	lists []map[string][sha256.Size]byte // passwords are kept as digests
	log   *slog.Logger
}

// NewBasicAuth makes a guard of lists of passwords by name.
func NewBasicAuth(log *slog.Logger, lists ...map[string]string) *BasicAuth {
	a := &BasicAuth{log: log}
	for _, l := range lists {
		sums := make(map[string][sha256.Size]byte, len(l))
		for name, password := range l {
			sums[name] = sha256.Sum256([]byte(password))
		}
		a.lists = append(a.lists, sums)
	}
	return a
}

// check is nil for a request that is admitted. It may be called on a nil guard, which admits everything.
func (a *BasicAuth) check(r *http.Request) error {
	if a == nil || betweenWorkers(r) {
		return nil
	}
	name, password, given, err := credentials(r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(password))
	for _, l := range a.lists {
		want, known := l[name]
		if len(l) == 0 || given && known && subtle.ConstantTimeCompare(want[:], sum[:]) == 1 {
			return nil
		}
	}
	if a.log != nil {
		a.log.Debug("request refused: no or wrong credentials", slog.String("method", r.Method), slog.String("path", r.URL.Path),
			slog.String("remote", r.RemoteAddr))
	}
	return errUnauthorized
}

// betweenWorkers tells the two requests that workers send to each other by method and path.
func betweenWorkers(r *http.Request) bool {
	rest, ok := strings.CutPrefix(r.URL.Path, "/connectors/")
	name, what, cut := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	if !ok || !cut || name == "" {
		return false
	}
	return r.Method == http.MethodPost && what == "tasks" || r.Method == http.MethodPut && what == "fence"
}

// credentials reads an Authorization header. One that is absent or not of the form Basic base64(name:password) gives none;
// only text that is not base64 is an error.
func credentials(header string) (name, password string, given bool, err error) {
	method, text, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(method, "Basic") {
		return "", "", false, nil
	}
	raw, err := javaBase64(text)
	if err != nil {
		return "", "", false, err
	}
	name, password, ok = strings.Cut(strings.ToValidUTF8(string(raw), "\uFFFD"), ":")
	if !ok || name == "" {
		return "", "", false, nil
	}
	return name, password, true, nil
}

// javaBase64 decodes as java.util.Base64.getDecoder: padding may be left out, but not be wrong.
func javaBase64(text string) ([]byte, error) {
	wrong := func(message string) error {
		return &Error{Status: http.StatusInternalServerError, Class: "java.lang.IllegalArgumentException", Message: message}
	}
	body := strings.TrimRight(text, "=")
	for i := range len(body) {
		c := body[i]
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' {
			continue
		}
		if c == '=' {
			return nil, wrong("Input byte array has incorrect ending byte at " + strconv.Itoa(i+1))
		}
		return nil, wrong("Illegal base64 character " + strconv.FormatInt(int64(c), 16))
	}
	padding := len(text) - len(body)
	switch {
	case len(body)%4 == 1:
		return nil, wrong("Last unit does not have enough valid bits")
	case padding > 0 && (padding > 2 || len(text)%4 != 0):
		return nil, wrong("Input byte array has wrong 4-byte ending unit")
	}
	return base64.RawStdEncoding.DecodeString(body)
}

// refuse answers a request that was not admitted.
func refuse(w http.ResponseWriter, contentType string) {
	text := errUnauthorized.Error()
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, text)
}

// guarded admits requests to resources that are ours.
func (x *api) guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch err := x.Guard.check(r); {
		case errors.Is(err, errUnauthorized):
			refuse(w, jsonType)
		case err != nil:
			sendError(w, err)
		default:
			h.ServeHTTP(w, r)
		}
	})
}
