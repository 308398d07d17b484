// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// far is a herder that leaves its changes to another worker.
type far struct {
	Herder
	to string
}

func (f *far) RestartTask(_ context.Context, _ string, _ int) error {
	return &Elsewhere{URL: f.to, Message: "not here"}
}

func TestForward(t *testing.T) {
	var got []string
	leader := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")+string(body))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"error_code":409,"message":"x"}`)
	}))
	defer leader.Close()
	f := &far{to: leader.URL + "/"}
	h := API{Herder: f}.Handler(false)
	ask := func(path string) (int, string) {
		req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(""))
		req.Header.Set("Authorization", "Basic x")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w.Code, w.Body.String()
	}
	if code, body := ask("/connectors/a%2Fb%20c/tasks/0/restart"); code != 409 || body != `{"error_code":409,"message":"x"}` {
		t.Error(code, body)
	}
	if code, _ := ask("/connectors/a/tasks/0/restart?forward=true&x=1"); code != 409 {
		t.Error(code)
	}
	if code, body := ask("/connectors/a/tasks/0/restart?forward=false"); code != 409 || !strings.Contains(body, "conflicting operation") {
		t.Error(code, body)
	}
	f.to = ""
	if code, _ := ask("/connectors/a/tasks/0/restart"); code != 409 {
		t.Error(code)
	}
	want := []string{
		"POST /connectors/a%2Fb%20c/tasks/0/restart?forward=true Basic x",
		"POST /connectors/a/tasks/0/restart?forward=false&x=1 Basic x",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
