// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a registry in memory.
type fake struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string
	status int    // answers everything with this, when not 0
	auth   string // header that requests must have
	wait   time.Duration
}

func newFake(t *testing.T) *fake {
	f := &fake{}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+r.URL.RequestURI())
	status, wait := f.status, f.wait
	f.mu.Unlock()
	time.Sleep(wait)
	fail := func(status, code int, text string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error_code":%d,"message":%q}`, code, text)
	}
	var body struct{ Schema string }
	if r.Method == http.MethodPost {
		_ = json.NewDecoder(r.Body).Decode(&body)
	}
	switch {
	case status != 0:
		fail(status, status, "trouble")
	case f.auth != "" && r.Header.Get("Authorization") != f.auth:
		fail(401, 401, "Unauthorized")
	case r.URL.Path == "/schemas/ids/7":
		fmt.Fprint(w, `{"schema":"\"int\"","references":[{"name":"a","subject":"sa","version":1}]}`)
	case strings.HasPrefix(r.URL.Path, "/schemas/ids/"):
		fail(404, 40403, "Schema not found")
	case r.URL.Path == "/subjects/sa/versions/1":
		fmt.Fprint(w, `{"subject":"sa","version":1,"id":2,"schema":"A","references":[{"name":"b","subject":"sb","version":3}]}`)
	case r.URL.Path == "/subjects/sb/versions/3", strings.HasSuffix(r.URL.Path, "/versions/latest"):
		fmt.Fprint(w, `{"subject":"sb","version":3,"id":3,"schema":"B"}`)
	case body.Schema == "bad":
		fail(409, 409, "Schema being registered is incompatible")
	case r.Method == http.MethodPost:
		fmt.Fprint(w, `{"id":11,"subject":"s","version":1,"schema":"x"}`)
	default:
		fail(404, 404, "Not Found")
	}
}

func (f *fake) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

func client(t *testing.T, c Config) *Client {
	t.Helper()
	cl, err := newClient(c)
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

func TestOneRequestForOneID(t *testing.T) {
	f := newFake(t)
	f.wait = 20 * time.Millisecond
	cl := client(t, Config{URLs: []string{f.URL}})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if s, err := cl.Schema(context.Background(), 7); err != nil || s.Text != `"int"` || s.Type != "AVRO" {
				t.Errorf("got %v, %v", s, err)
			}
		})
	}
	wg.Wait()
	for range 3 {
		_, err := cl.Schema(context.Background(), 8)
		var e *Error
		if !errors.As(err, &e) || e.Code != 40403 || e.Retriable() || e.Error() != "Schema not found; error code: 40403" {
			t.Errorf("got %v", err)
		}
	}
	if n := len(f.requests()); n != 2 {
		t.Errorf("%d requests: %v", n, f.requests())
	}
}

func TestReferencesComeInOrder(t *testing.T) {
	f := newFake(t)
	cl := client(t, Config{URLs: []string{f.URL}})
	s, err := cl.Schema(context.Background(), 7)
	if err != nil {
		t.Fatal(err)
	}
	refs, err := cl.Resolve(context.Background(), s)
	if err != nil || len(refs) != 2 || refs[0].Text != "B" || refs[1].Text != "A" {
		t.Errorf("got %v, %v", refs, err)
	}
}

func TestRegisterAndLookup(t *testing.T) {
	f := newFake(t)
	cl := client(t, Config{URLs: []string{f.URL}})
	ctx := context.Background()
	for range 2 {
		if id, err := cl.Register(ctx, "t-value", Schema{Text: "x"}, true); id != 11 || err != nil {
			t.Errorf("got %d, %v", id, err)
		}
		if id, err := cl.Lookup(ctx, "t-value", Schema{Text: "x"}, false); id != 11 || err != nil {
			t.Errorf("got %d, %v", id, err)
		}
	}
	if _, id, err := cl.Latest(ctx, "t-value", time.Hour); id != 3 || err != nil {
		t.Errorf("got %d, %v", id, err)
	}
	want := "[POST /subjects/t-value/versions?normalize=true POST /subjects/t-value GET /subjects/t-value/versions/latest]"
	if got := fmt.Sprint(f.requests()); got != want {
		t.Errorf("got %s", got)
	}
	_, err := cl.Register(ctx, "t-value", Schema{Text: "bad"}, false)
	var e *Error
	if !errors.As(err, &e) || e.Status != 409 || e.Retriable() {
		t.Errorf("got %v", err)
	}
}

func TestFailover(t *testing.T) {
	bad, good, gone := newFake(t), newFake(t), newFake(t)
	bad.status = 503
	gone.Close()
	cl := client(t, Config{URLs: []string{gone.URL, bad.URL, good.URL}})
	for range 2 {
		if _, _, err := cl.Latest(context.Background(), "s", time.Nanosecond); err != nil {
			t.Fatal(err)
		}
	}
	if n, m := len(bad.requests()), len(good.requests()); n != 1 || m != 2 {
		t.Errorf("%d and %d requests", n, m)
	}
}

func TestRetries(t *testing.T) {
	f := newFake(t)
	f.status = 500
	cl := client(t, Config{URLs: []string{f.URL}, Retries: 2, Wait: time.Millisecond})
	_, err := cl.Schema(context.Background(), 7)
	var e *Error
	if !errors.As(err, &e) || !e.Retriable() || len(f.requests()) != 3 {
		t.Errorf("got %v after %d requests", err, len(f.requests()))
	}
	f.mu.Lock()
	f.status = 0
	f.mu.Unlock()
	if _, err := cl.Schema(context.Background(), 7); err != nil {
		t.Errorf("trouble was remembered: %v", err)
	}
}

func TestCredentials(t *testing.T) {
	f := newFake(t)
	check := func(auth string, c Config) {
		t.Helper()
		f.auth = auth
		if _, err := client(t, c).Schema(context.Background(), 7); err != nil {
			t.Error(err)
		}
	}
	const basic = "Basic dXNlcjpzM2NyZXQ="
	check(basic, Config{URLs: []string{f.URL}, User: "user", Password: "s3cret"})
	withUser := strings.Replace(f.URL, "http://", "http://user:s3cret@", 1)
	check(basic, Config{URLs: []string{withUser}})
	check("Bearer tok", Config{URLs: []string{f.URL}, Bearer: "tok"})
	f.Close()
	_, err := client(t, Config{URLs: []string{withUser}}).Schema(context.Background(), 7)
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	if _, err := newClient(Config{URLs: []string{"user:s3cret@host"}}); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := memo[int, int]{limit: 100}
	for i := range 10_000 {
		if v, err := m.get(i, 0, func() (int, error) { return i, nil }); v != i || err != nil {
			t.Fatal(v, err)
		}
	}
	if len(m.answers) > 100 {
		t.Errorf("%d answers are remembered", len(m.answers))
	}
}

func TestOpenShares(t *testing.T) {
	a, err := Open(Config{URLs: []string{"http://127.0.0.1:1"}, User: "u"})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Open(Config{URLs: []string{"http://127.0.0.1:1"}, User: "u"})
	c, _ := Open(Config{URLs: []string{"http://127.0.0.1:1"}, User: "v"})
	if a != b || a == c {
		t.Error("clients are shared by addresses and credentials")
	}
}
