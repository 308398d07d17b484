// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// The document and the resources have the same paths and methods.
func TestOpenAPI(t *testing.T) {
	h := API{Herder: &fakeHerder{}}.Handler(true)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/penstock/openapi.json", nil))
	var doc struct {
		Paths      map[string]map[string]json.RawMessage
		Components map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != http.StatusOK {
		t.Fatal(w.Code, err)
	}
	for path, item := range doc.Paths {
		var want []string
		for m := range item {
			if m != "parameters" {
				want = append(want, strings.ToUpper(m))
			}
		}
		slices.Sort(want)
		if strings.HasPrefix(path, "/penstock/") {
			continue
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodOptions, strings.NewReplacer("{", "", "}", "").Replace(path), nil))
		var got []string
		for m := range strings.SplitSeq(w.Header().Get("Allow"), ",") {
			if m != http.MethodHead && m != http.MethodOptions {
				got = append(got, m)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: documented %v, served %v", path, want, got)
		}
	}
	// Every reference leads somewhere.
	for part := range strings.SplitSeq(string(openAPI), `"$ref": "#/components/`) {
		kind, rest, ok := strings.Cut(part, "/")
		if name, _, _ := strings.Cut(rest, `"`); ok && !strings.HasPrefix(part, "{") && doc.Components[kind][name] == nil {
			t.Errorf("there is no %s %s", kind, name)
		}
	}
}
