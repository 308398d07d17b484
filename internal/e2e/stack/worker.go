// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Kind tells which implementation of the worker runs.
type Kind string

// The kinds of worker.
const (
	Penstock Kind = "penstock"
	JVM      Kind = "jvm"
)

// WorkerSpec says what to start.
type WorkerSpec struct {
	Kind Kind
	// Mode is standalone or distributed.
	Mode string
	// Binary is the penstock binary; unused for the JVM.
	Binary string
	// Dir takes worker.properties, the log, and in standalone mode the offset file "offsets".
	Dir string
	// Brokers becomes bootstrap.servers.
	Brokers string
	// Props override or extend the worker properties; a key with an empty value is left out. Without listeners among
	// them every start gets free ports.
	Props map[string]string
	// Raw is appended to worker.properties as it is.
	Raw string
	// Env is added to the environment ("KEY=value").
	Env []string
	// Plugins are more folders for the JVM's plugin.path.
	Plugins []string
	// Connectors are connector files for standalone mode.
	Connectors []string
}

// Worker is a running Connect worker.
type Worker struct {
	*Proc
	// URL is the address of its REST API.
	URL string
	// AdminURL is where penstock serves /metrics and /debug/pprof; empty for the JVM.
	AdminURL string
	// RootAfter is the time from exec until GET / answered, RootCPU the CPU time used by then. Set by WaitREST.
	RootAfter, RootCPU time.Duration
}

// Build makes the penstock binary of this source tree at path, as a release is made: static, without debug tables.
func Build(path string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./cmd/penstock")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build penstock: %w\n%s", err, out)
	}
	return nil
}

// StartWorker starts a worker and returns when it answers GET /connectors.
func StartWorker(s WorkerSpec) (*Worker, error) {
	w, err := Launch(s)
	if err != nil {
		return nil, err
	}
	if err := w.WaitREST(2 * time.Minute); err != nil {
		w.Kill()
		return nil, err
	}
	return w, nil
}

// Launch starts a worker and does not wait for anything, for starts that must fail or are timed.
func Launch(s WorkerSpec) (*Worker, error) {
	ports, err := []int{0, 0}, error(nil)
	if s.Props["listeners"] == "" {
		if ports, err = FreePorts(2); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return nil, err
	}
	props := map[string]string{
		"bootstrap.servers": s.Brokers,
		"listeners":         fmt.Sprintf("http://127.0.0.1:%d", ports[0]),
		"key.converter":     "org.apache.kafka.connect.json.JsonConverter",
		"value.converter":   "org.apache.kafka.connect.json.JsonConverter",
	}
	if s.Mode == "standalone" {
		props["offset.storage.file.filename"] = filepath.Join(s.Dir, "offsets")
	} else {
		for _, kind := range []string{"config", "offset", "status"} {
			props[kind+".storage.topic"] = "connect-" + kind + "s"
			props[kind+".storage.replication.factor"] = "1"
		}
		props["group.id"] = "connect-cluster"
	}
	argv := []string{s.Binary, s.Mode}
	if s.Kind == Penstock {
		props["penstock.admin.listeners"] = fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	}
	if s.Kind == JVM {
		if argv[0], err = script("jvm-connect"); err != nil {
			return nil, err
		}
		out, err := exec.Command(argv[0], "plugin-path").Output()
		if err != nil {
			return nil, fmt.Errorf("find the file connectors' jars: %w", err)
		}
		props["plugin.path"] = strings.Join(append([]string{strings.TrimSpace(string(out))}, s.Plugins...), ",")
		props["plugin.discovery"] = "service_load"
	}
	maps.Copy(props, s.Props)
	file := filepath.Join(s.Dir, "worker.properties")
	if err := WriteProperties(file, props, s.Raw); err != nil {
		return nil, err
	}
	argv = append(append(argv, file), s.Connectors...)
	p, err := Start(string(s.Kind), s.Dir, s.Env, argv...)
	if err != nil {
		return nil, err
	}
	return &Worker{Proc: p, URL: props["listeners"], AdminURL: props["penstock.admin.listeners"]}, nil
}

// WriteProperties writes a Java properties file, raw text last; keys with an empty value are left out.
func WriteProperties(path string, props map[string]string, raw string) error {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(props)) {
		if props[k] != "" {
			b.WriteString(k + "=" + strings.ReplaceAll(props[k], `\`, `\\`) + "\n")
		}
	}
	return os.WriteFile(path, []byte(b.String()+raw), 0o644)
}

// WriteConnector writes config as a connector file (the flat JSON form, which needs a name) and returns its path.
func WriteConnector(dir, name string, config map[string]string) (string, error) {
	config = maps.Clone(config)
	config["name"] = name
	b, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name+".json")
	return path, os.WriteFile(path, b, 0o644)
}

// WaitREST waits until GET / and then GET /connectors answer (the second only when a distributed worker has joined).
func (w *Worker) WaitREST(limit time.Duration) error {
	answers := func(path string) func() bool {
		return func() bool { return w.Call("GET", path, nil, nil) == nil }
	}
	if err := w.ready(limit, answers("/")); err != nil {
		return err
	}
	w.RootAfter = time.Since(w.Started)
	if s, err := ReadUsage(w.PID()); err == nil {
		w.RootCPU = s.CPU
	}
	return w.ready(limit, answers("/connectors"))
}

// An HTTPError is an answer of the REST API that is not a success.
type HTTPError struct {
	Status  int
	Request string
	Body    string
}

// Error names the request and what came back.
func (e *HTTPError) Error() string {
	return fmt.Sprintf("%s: status %d: %s", e.Request, e.Status, e.Body)
}

var restClient = &http.Client{Timeout: 20 * time.Second}

// Call sends a REST request with body as JSON (nil: none) and decodes a success into out (nil: ignored).
// An answer of status 300 and more is an *HTTPError.
func (w *Worker) Call(method, path string, body, out any) error {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, w.URL+path, r)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := restClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return &HTTPError{resp.StatusCode, method + " " + path, string(b)}
	}
	if out == nil || len(b) == 0 {
		return nil
	}
	return json.Unmarshal(b, out)
}

// Put creates or changes a connector.
func (w *Worker) Put(name string, config map[string]string) error {
	return w.Call("PUT", "/connectors/"+name+"/config", config, nil)
}

// Delete removes a connector.
func (w *Worker) Delete(name string) error { return w.Call("DELETE", "/connectors/"+name, nil, nil) }

// Status is the answer of GET /connectors/NAME/status.
type Status struct {
	Name      string      `json:"name"`
	Connector TaskState   `json:"connector"`
	Tasks     []TaskState `json:"tasks"`
	Type      string      `json:"type"`
}

// TaskState is the state of a connector or of one of its tasks.
type TaskState struct {
	ID       int    `json:"id"`
	State    string `json:"state"`
	WorkerID string `json:"worker_id"`
	Trace    string `json:"trace"`
}

// Status asks for the state of a connector and its tasks.
func (w *Worker) Status(name string) (Status, error) {
	var s Status
	err := w.Call("GET", "/connectors/"+name+"/status", nil, &s)
	return s, err
}

// Failed returns the first trace of a failed connector or task, and whether there is one.
func (s Status) Failed() (string, bool) {
	for _, t := range append([]TaskState{s.Connector}, s.Tasks...) {
		if t.State == "FAILED" {
			return t.Trace, true
		}
	}
	return "", false
}

// Running tells whether the connector and n tasks or more are RUNNING.
func (s Status) Running(n int) bool {
	for _, t := range s.Tasks {
		if t.State != "RUNNING" {
			return false
		}
	}
	return s.Connector.State == "RUNNING" && len(s.Tasks) >= n
}
