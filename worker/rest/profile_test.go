// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/engine"
)

// profilingHerder is fakeHerder with a profile.
type profilingHerder struct{ fakeHerder }

func (h *profilingHerder) Profile(name string) (ConnectorProfile, error) {
	if name != "c/1" {
		return ConnectorProfile{}, NotFound("No status found for connector " + name)
	}
	bound := engine.Bound{Stage: "put", Share: 0.9, Why: "because"}
	return ConnectorProfile{Connector: name, WorkerID: "w:1", WindowSeconds: 60, BoundBy: ConnectorBound{Task: 0, Bound: bound},
		Tasks: []engine.Profile{{State: engine.Running, BoundBy: bound, Stages: []engine.StageTime{{Stage: "put", Lane: "deliver", Role: "work"}}}}}, nil
}

func TestProfile(t *testing.T) {
	handler := API{Herder: &profilingHerder{}}.Handler(true)
	f := func(query string, status int, contentType string, parts ...string) []byte {
		t.Helper()
		resp := request(handler, http.MethodGet, "/penstock/connectors/"+query, "")
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status || resp.Header.Get("Content-Type") != contentType {
			t.Errorf("%s: %d %s\n%s", query, resp.StatusCode, resp.Header.Get("Content-Type"), body)
		}
		for _, p := range parts {
			if !strings.Contains(string(body), p) {
				t.Errorf("%s: no %s in\n%s", query, p, body)
			}
		}
		return body
	}
	raw := f("c%2F1/profile", 200, jsonType, `"bound_by": {`, `"task": 0`, `"stage": "put"`)
	var p ConnectorProfile
	if err := json.Unmarshal(raw, &p); err != nil || p.Tasks[0].Stages[0].Lane != "deliver" || p.BoundBy.Why != "because" {
		t.Errorf("%v %+v", err, p)
	}
	f("c%2F1/profile?format=text", 200, "text/plain; charset=utf-8", "connector c/1 on w:1", "bound by put of task 0", "deliver")
	f("c%2F1/profile?format=xml", 400, jsonType, "json or text")
	f("nobody/profile", 404, jsonType, "nobody")
	f("c%2F1/profile?cpu=x", 400, jsonType, "seconds")
	f("c%2F1/profile?cpu=-1", 400, jsonType, "seconds")
	f("c%2F1/profile?cpu=600", 400, jsonType, "60")
	f("c%2F1/profile?cpu=0.05", 200, "application/octet-stream")
	if resp := request(serve(&fakeHerder{}, true), http.MethodGet, "/penstock/connectors/c/profile", ""); resp.StatusCode != 404 {
		t.Errorf("a herder without profiles: %d", resp.StatusCode)
	}
}

// TestCPUProfileKeepsOneConnector burns time under two labels, and looks for the samples of one.
func TestCPUProfileKeepsOneConnector(t *testing.T) {
	stop, done := make(chan struct{}), make(chan struct{}, 2)
	for _, name := range []string{"mine", "other"} {
		go pprof.Do(context.Background(), pprof.Labels("connector", name), func(context.Context) {
			for n := 0; ; n++ {
				select {
				case <-stop:
					done <- struct{}{}
					return
				default:
					_ = strings.Repeat("x", n&1023)
				}
			}
		})
	}
	all := func() []byte {
		var raw bytes.Buffer
		if err := pprof.StartCPUProfile(&raw); err != nil {
			t.Fatal(err)
		}
		for range 200_000 {
			_ = strings.Repeat("y", 4096)
		}
		pprof.StopCPUProfile()
		z, err := gzip.NewReader(&raw)
		if err != nil {
			t.Fatal(err)
		}
		p, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}()
	close(stop)
	<-done
	<-done
	count := func(profile []byte) (n int) {
		_ = protoFields(profile, func(field int, _ uint64, _, _ []byte) error {
			if field == profileSample {
				n++
			}
			return nil
		})
		return n
	}
	mine, err := samplesOf(all, "connector", "mine")
	if err != nil {
		t.Fatal(err)
	}
	if n, of := count(mine), count(all); n == 0 || n >= of {
		t.Errorf("%d of %d samples kept", n, of)
	}
	none, err := samplesOf(all, "connector", "nobody")
	if n := count(none); err != nil || n != 0 {
		t.Errorf("%d samples of nobody, %v", n, err)
	}
}

func FuzzSamplesOf(f *testing.F) {
	f.Add([]byte("\x12\x06\x1a\x04\x08\x01\x10\x02\x32\x00\x32\x01k\x32\x01v"))
	f.Add([]byte("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, p []byte) {
		out, err := samplesOf(p, "k", "v")
		if err == nil && len(out) > len(p) {
			t.Errorf("%d bytes of %d", len(out), len(p))
		}
	})
}
