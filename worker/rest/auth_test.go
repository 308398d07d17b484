// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What the filter of the JVM's worker answers, recorded from it.
func TestBasicAuth(t *testing.T) {
	guard := NewBasicAuth(nil, map[string]string{"admin": "adm:in=1", "usér": "pw x", "empty": ""})
	h := API{Herder: &fakeHerder{}, Guard: guard}.Handler(true)
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	f := func(method, path, authorization string, want int, text string) {
		t.Helper()
		r := httptest.NewRequest(method, path, strings.NewReader(""))
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want || !strings.Contains(w.Body.String(), text) {
			t.Errorf("%s %s %s: %d %s, want %d %s", method, path, authorization, w.Code, w.Body, want, text)
		}
		if want != http.StatusUnauthorized {
			return
		}
		kind := "application/json"
		if method == http.MethodOptions {
			kind = "text/plain"
		}
		if w.Header().Get("Content-Type") != kind || w.Body.String() != "User cannot access the resource." || w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s %s: %v %s", method, path, w.Header(), w.Body)
		}
	}
	f("GET", "/", "", 401, "")
	f("GET", "/", basic("admin:adm:in=1"), 200, "version")
	f("GET", "/", "bAsIc YWRtaW46YWRtOmluPTE=", 200, "version")
	f("GET", "/", "Basic YWRtaW46YWRtOmluPTE", 200, "version") // padding may be left out
	f("GET", "/", "bearer YWRtaW46YWRtOmluPTE=", 401, "")
	f("GET", "/", "Basic", 401, "")
	f("GET", "/", " Basic YWRtaW46YWRtOmluPTE=", 401, "")
	f("GET", "/", "Basic YWRtaW4=", 401, "") // no colon
	f("GET", "/", basic(":adm:in=1"), 401, "")
	f("GET", "/", basic("admin:adm:in"), 401, "")
	f("GET", "/", basic("admin:"), 401, "")
	f("GET", "/", basic("empty:"), 200, "version")
	f("GET", "/", basic("usér:pw x"), 200, "version")
	f("GET", "/", "Basic %%%", 500, `{"error_code":500,"message":"Illegal base64 character 25"}`)
	f("GET", "/", "Basic YWRtaW46YWRtOmluPTE==", 500, "wrong 4-byte ending unit")
	f("GET", "/", "Basic A", 500, "enough valid bits")
	f("GET", "/health", "", 401, "")
	f("GET", "/admin/loggers", "", 401, "")
	f("OPTIONS", "/connectors", "", 401, "")
	f("OPTIONS", "/connectors", basic("empty:"), 200, "GET")
	// First there must be such a method.
	f("GET", "/nope", "", 404, "HTTP 404 Not Found")
	f("DELETE", "/connectors", "", 405, "")
	// Requests between workers are signed instead.
	f("GET", "/connectors/x/tasks", "", 401, "")
	for _, path := range []string{"/connectors/x/tasks", "/connectors/x/tasks/"} {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("[]"))
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code == 401 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	r := httptest.NewRequest(http.MethodPut, "/connectors/x/fence", nil)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code == 401 {
		t.Errorf("fence: %d", w.Code)
	}
	// An empty file admits everybody, a second one is asked too.
	h = API{Herder: &fakeHerder{}, Guard: NewBasicAuth(nil, map[string]string{})}.Handler(true)
	f("GET", "/", "", 200, "version")
	h = API{Herder: &fakeHerder{}, Guard: NewBasicAuth(nil, map[string]string{"a": "b"}, map[string]string{"c": "d"})}.Handler(true)
	f("GET", "/", basic("c:d"), 200, "version")
	f("GET", "/", basic("c:b"), 401, "")
	// /admin/loggers on a listener of its own has no guard.
	h = API{Herder: &fakeHerder{}, Guard: guard}.AdminHandler()
	f("GET", "/admin/loggers", "", 200, "")
}

func FuzzBasicAuth(f *testing.F) {
	f.Add("Basic YWRtaW46YWRtOmluPTE=")
	f.Add("Basic %%%")
	guard := NewBasicAuth(nil, map[string]string{"admin": "secret"})
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", header)
		if err := guard.check(r); err == nil && !strings.EqualFold(header, "Basic YWRtaW46c2VjcmV0") && !strings.Contains(header, "YWRtaW46c2VjcmV0") {
			t.Errorf("%q is admitted", header)
		}
	})
}
