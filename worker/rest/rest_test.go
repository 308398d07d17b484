// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/config"
)

// fakeHerder has one connector, c/1, and remembers what it was asked to do.
type fakeHerder struct {
	notReady bool
	sick     error
	did      []string
	got      Config
	offsets  []Offset
}

func (h *fakeHerder) do(what string) error {
	h.did = append(h.did, what)
	return nil
}

func (h *fakeHerder) info() ConnectorInfo {
	c := Config{}
	c.Set("name", "c/1")
	c.Set("text", "<&>\u2028é\x01\"")
	return ConnectorInfo{Name: "c/1", Config: c, Tasks: []int{0}, Type: "source"}
}

func (h *fakeHerder) KafkaClusterID() string       { return "cluster" }
func (h *fakeHerder) Health(context.Context) error { return h.sick }
func (h *fakeHerder) Ready() bool                  { return !h.notReady }
func (h *fakeHerder) Connectors() []string {
	if h.notReady {
		return nil
	}
	return []string{"c/1"}
}
func (h *fakeHerder) ConnectorInfo(name string) (ConnectorInfo, error) {
	if name != "c/1" {
		return ConnectorInfo{}, NotFound("Connector " + name + " not found")
	}
	return h.info(), nil
}

func (h *fakeHerder) ConnectorStatus(name string) (ConnectorState, error) {
	if name != "c/1" {
		return ConnectorState{}, NotFound("No status found for connector " + name)
	}
	return ConnectorState{
		Name: name, Type: "source", Connector: InstanceState{State: "RUNNING", WorkerID: "w:1", Version: "v"},
		Tasks: []TaskState{{1, InstanceState{State: "FAILED", WorkerID: "w:1", Trace: "boom\n"}}, {0, InstanceState{State: "RUNNING", WorkerID: "w:1"}}},
	}, nil
}

func (h *fakeHerder) TaskStatus(name string, task int) (TaskState, error) {
	s, err := h.ConnectorStatus(name)
	if err != nil || task != 0 {
		return TaskState{}, NotFound("No status found for task")
	}
	return s.Tasks[1], nil
}

func (h *fakeHerder) TaskConfigs(name string) ([]TaskInfo, error) {
	i, err := h.ConnectorInfo(name)
	return []TaskInfo{{name, 0, i.Config}}, err
}
func (h *fakeHerder) ActiveTopics(string) []string  { return []string{"t"} }
func (h *fakeHerder) ResetActiveTopics(name string) { _ = h.do("reset " + name) }
func (h *fakeHerder) PutConnector(_ context.Context, name string, cfg Config, initial TargetState, replace bool) (ConnectorInfo, bool, error) {
	h.got = cfg
	_ = h.do("put " + name + " " + string(initial))
	if name == "c/1" && !replace {
		return ConnectorInfo{}, false, AlreadyExists("Connector c/1 already exists")
	}
	return h.info(), name != "c/1", nil
}

func (h *fakeHerder) PatchConnector(_ context.Context, name string, patch Config) (ConnectorInfo, error) {
	h.got = patch
	return h.ConnectorInfo(name)
}
func (h *fakeHerder) DeleteConnector(_ context.Context, n string) error  { return h.do("delete " + n) }
func (h *fakeHerder) PauseConnector(_ context.Context, n string) error   { return h.do("pause " + n) }
func (h *fakeHerder) ResumeConnector(_ context.Context, n string) error  { return h.do("resume " + n) }
func (h *fakeHerder) StopConnector(_ context.Context, n string) error    { return h.do("stop " + n) }
func (h *fakeHerder) RestartConnector(_ context.Context, n string) error { return h.do("restart " + n) }
func (h *fakeHerder) RestartConnectorAndTasks(_ context.Context, r RestartRequest) (ConnectorState, error) {
	_ = h.do("restart all")
	return h.ConnectorStatus(r.Connector)
}
func (h *fakeHerder) RestartTask(context.Context, string, int) error { return errors.New("boom") }
func (h *fakeHerder) Offsets(context.Context, string) ([]Offset, error) {
	return []Offset{{json.RawMessage(`{"p":1}`), json.RawMessage(`{"o":2}`)}}, nil
}

func (h *fakeHerder) AlterOffsets(_ context.Context, _ string, o []Offset) (string, error) {
	h.offsets = o
	return "altered", nil
}
func (h *fakeHerder) ResetOffsets(context.Context, string) (string, error) { return "reset", nil }
func (h *fakeHerder) Plugins() []PluginInfo {
	return []PluginInfo{{"a.B", "sink", "1"}, {"a.C", "predicate", ""}}
}

func (h *fakeHerder) PluginConfig(name, version string) ([]ConfigKey, error) {
	group := "G"
	return []ConfigKey{{Name: name + version, Type: "STRING", Group: &group, Dependents: nil}}, nil
}

func (h *fakeHerder) Validate(_ context.Context, c Config) (ConfigInfos, error) {
	h.got = c
	if !c.Has("connector.class") {
		return ConfigInfos{}, BadRequest("no class")
	}
	return ConfigInfos{Name: "n", Configs: []ConfigInfo{{Value: &ConfigValue{Name: "x", Errors: []string{"e"}}}}}, nil
}

func (h *fakeHerder) LoggerLevels() map[string]LoggerLevel {
	return map[string]LoggerLevel{"root": {Level: "INFO"}, "b": {"WARN", 5}}
}
func (h *fakeHerder) LoggerLevel(name string) (LoggerLevel, bool) {
	return LoggerLevel{Level: "INFO"}, name == "root"
}
func (h *fakeHerder) SetLoggerLevel(n, level string) []string { return []string{n + "=" + level} }
func (h *fakeHerder) SetClusterLoggerLevel(_ context.Context, n, level string) error {
	return h.do(n + "=" + level)
}

func serve(h *fakeHerder, tracking bool) http.Handler {
	return API{Herder: h, Version: "v", Commit: "c", TopicTracking: tracking, TopicTrackingReset: true}.Handler(true)
}

func request(handler http.Handler, method, path, body string, headers ...string) *http.Response {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, path, r)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, req)
	return w.Result()
}

func TestResources(t *testing.T) {
	f := func(call, body string, status int, want string) {
		t.Helper()
		h := &fakeHerder{}
		method, path, _ := strings.Cut(call, " ")
		resp := request(serve(h, true), method, path, body)
		got, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status || string(got) != want {
			t.Errorf("%s %s\n got  %d %s\n want %d %s", call, body, resp.StatusCode, got, status, want)
		}
	}
	const info = `{"name":"c/1","config":{"name":"c/1","text":"<&>` + "\u2028" + `é\u0001\""},"tasks":[{"connector":"c/1","task":0}],"type":"source"}`
	const state = `{"name":"c/1","connector":{"state":"RUNNING","worker_id":"w:1","version":"v"},"tasks":[` +
		`{"id":0,"state":"RUNNING","worker_id":"w:1"},{"id":1,"state":"FAILED","worker_id":"w:1","trace":"boom\n"}],"type":"source"}`
	// root and health
	f("GET /", "", 200, `{"version":"v","commit":"c","kafka_cluster_id":"cluster"}`)
	f("GET /health", "", 200, `{"status":"healthy","message":"Worker has completed startup and is ready to handle requests."}`)
	// connectors; a slash in a name comes escaped, or it is another path
	f("GET /connectors", "", 200, `["c/1"]`)
	f("GET /connectors/", "", 200, `["c/1"]`)
	f("GET /connectors?expand=info", "", 200, `{"c/1":{"info":`+info+`}}`)
	f("GET /connectors/c%2F1", "", 200, info)
	f("GET /connectors/c/1", "", 404, `{"error_code":404,"message":"HTTP 404 Not Found"}`)
	f("GET /connectors/c%2F1/status", "", 200, state)
	f("GET /connectors/x", "", 404, `{"error_code":404,"message":"Connector x not found"}`)
	f("DELETE /connectors/c%2F1", "", 204, "")
	f("PUT /connectors/c%2F1/config", `{"a":1}`, 200, info)
	f("PATCH /connectors/c%2F1/config", `{"a":null}`, 200, info)
	f("PUT /connectors/c%2F1/config", `{"a":[1]}`, 400, `{"error_code":400,"message":"The value of 'a' must be a string, not a JSON object or array"}`)
	f("PUT /connectors/new/config", `{"name":"other"}`, 400,
		`{"error_code":400,"message":"Connector name configuration (other) doesn't match connector name in the URL (new)"}`)
	f("POST /connectors", `{"name":"c/1","config":{}}`, 409, `{"error_code":409,"message":"Connector c/1 already exists"}`)
	f("POST /connectors", `{"name":"n","config":{},"other":1}`, 400,
		`{"error_code":400,"message":"Unrecognized field \"other\"; known are [\"name\" \"config\" \"initial_state\"]"}`)
	// states
	f("PUT /connectors/c%2F1/pause", "", 202, "")
	f("PUT /connectors/c%2F1/resume", "", 202, "")
	f("PUT /connectors/c%2F1/stop", "", 204, "")
	f("POST /connectors/c%2F1/restart", "", 204, "")
	f("POST /connectors/c%2F1/restart?includeTasks=True", "", 202, strings.Replace(strings.Replace(state, `{"id":0,"state":"RUNNING","worker_id":"w:1"},`, "", 1), `"trace":"boom\n"}]`, `"trace":"boom\n"},{"id":0,"state":"RUNNING","worker_id":"w:1"}]`, 1))
	// tasks
	f("GET /connectors/c%2F1/tasks/0/status", "", 200, `{"id":0,"state":"RUNNING","worker_id":"w:1"}`)
	f("GET /connectors/c%2F1/tasks/99999999999/status", "", 404, `{"error_code":404,"message":"HTTP 404 Not Found"}`)
	f("POST /connectors/c%2F1/tasks/0/restart", "", 500, `{"error_code":500,"message":"boom"}`)
	f("PUT /connectors/c%2F1/fence", "", 500,
		`{"error_code":500,"message":"Kafka Connect in standalone mode does not support exactly-once source connectors."}`)
	// topics, offsets
	f("GET /connectors/c%2F1/topics", "", 200, `{"c/1":{"topics":["t"]}}`)
	f("PUT /connectors/c%2F1/topics/reset", "", 202, "")
	f("GET /connectors/c%2F1/offsets", "", 200, `{"offsets":[{"partition":{"p":1},"offset":{"o":2}}]}`)
	f("PATCH /connectors/c%2F1/offsets", `{"offsets":[{"partition":{"p":1}}]}`, 200, `{"message":"altered"}`)
	f("PATCH /connectors/c%2F1/offsets", `{"offsets":[{"partition":3}]}`, 400, `{"error_code":400,"message":"The value of 'partition' must be a JSON object or null"}`)
	f("DELETE /connectors/c%2F1/offsets", "", 200, `{"message":"reset"}`)
	// plugins
	f("GET /connector-plugins", "", 200, `[{"class":"a.B","type":"sink","version":"1"}]`)
	f("GET /connector-plugins?connectorsOnly=false", "", 200, `[{"class":"a.B","type":"sink","version":"1"},{"class":"a.C","type":"predicate"}]`)
	f("GET /connector-plugins/P/config?version=2", "", 200, `[{"name":"P2","type":"STRING","required":false,"default_value":null,`+
		`"importance":"","documentation":"","group":"G","order_in_group":0,"width":"","display_name":"","dependents":[]}]`)
	f("PUT /connector-plugins/P/config/validate", `{"connector.class":"x.PConnector"}`, 200, `{"name":"n","error_count":0,"groups":[],"configs":[`+
		`{"definition":null,"value":{"name":"x","value":null,"recommended_values":[],"errors":["e"],"visible":false}}]}`)
	f("PUT /connector-plugins/P/config/validate", `{"connector.class":"x.Q"}`, 400,
		`{"error_code":400,"message":"Included connector type x.Q does not match request type P"}`)
	f("PUT /connector-plugins/P/config/validate", `{}`, 500,
		`{"error_code":500,"message":"org.apache.kafka.connect.runtime.rest.errors.BadRequestException: no class"}`)
	// loggers
	f("GET /admin/loggers", "", 200, `{"b":{"level":"WARN","last_modified":5},"root":{"level":"INFO","last_modified":null}}`)
	f("PUT /admin/loggers/a?scope=WORKER", `{"level":"debug"}`, 200, `["a=DEBUG"]`)
	f("PUT /admin/loggers/a?scope=cluster", `{"level":"debug"}`, 204, "")
	// bodies that are none
	f("POST /connectors", "null", 400, `{"error_code":400,"message":"The request has no body; a JSON object is expected"}`)
	f("PUT /connectors/n/config", `{"a"`, 400, `{"error_code":400,"message":"The request body ends in the middle of its JSON text"}`)
}

// What Jersey decides before a resource is asked.
func TestNegotiation(t *testing.T) {
	f := func(method, path string, status int, contentType string, headers ...string) {
		t.Helper()
		resp := request(serve(&fakeHerder{}, false), method, path, "", headers...)
		if resp.StatusCode != status || resp.Header.Get("Content-Type") != contentType {
			t.Errorf("%s %s %v: got %d %q, want %d %q", method, path, headers, resp.StatusCode, resp.Header.Get("Content-Type"), status, contentType)
		}
	}
	const js = "application/json"
	f("GET", "/connectors", 200, js)
	f("GET", "/connectors", 200, js, "Accept", "text/html, application/*;q=0.5")
	f("GET", "/connectors", 406, "", "Accept", "text/html")
	f("GET", "/connectors", 200, js, "Accept", "application/json;q=0")
	f("GET", "/connectors", 200, js+";charset=utf-8", "Accept", "application/json; charset=utf-8")
	f("GET", "/connectors//x", 400, "")
	f("GET", "/connectors/../connectors", 404, "")
	f("GET", "/connectors", 415, "", "Content-Type", "text/plain")
	f("GET", "/", 200, js, "Content-Type", "text/plain") // declares no type
	f("PUT", "/connectors", 405, "")
	f("GET", "/nowhere", 404, "")
	f("HEAD", "/connectors", 200, js)
	f("OPTIONS", "/connectors", 200, "text/plain", "Accept", "*/*")
	f("OPTIONS", "/connectors", 200, js, "Accept", js)
	f("GET", "/connectors/c%2F1/topics", 403, js)
	f("PUT", "/connectors/c%2F1/topics/reset", 403, js)

	resp := request(serve(&fakeHerder{}, true), "PUT", "/connectors/a%20b/config", `{"x":true,"n":1.50}`)
	if resp.StatusCode != 201 || resp.Header.Get("Location") != "http://example.com/connectors/a%20b" {
		t.Errorf("create: %d %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	resp = request(serve(&fakeHerder{}, true), "POST", "/connectors", "{}", "Content-Type", "")
	if resp.StatusCode != 415 || resp.Header.Get("Content-Type") != js {
		t.Errorf("a body of no type: %d %q", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
}

func TestHealth(t *testing.T) {
	f := func(h *fakeHerder, status int) {
		t.Helper()
		if resp := request(serve(h, true), "GET", "/health", ""); resp.StatusCode != status {
			t.Errorf("got %d, want %d", resp.StatusCode, status)
		}
	}
	f(&fakeHerder{}, 200)
	f(&fakeHerder{notReady: true}, 503)
	f(&fakeHerder{sick: errors.New("stuck")}, 500)
}

// A worker that has read nothing yet does not say that there is nothing.
func TestListOfStartingWorker(t *testing.T) {
	for _, path := range []string{"/connectors", "/connectors?expand=status"} {
		if resp := request(serve(&fakeHerder{notReady: true}, true), "GET", path, ""); resp.StatusCode != 503 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

// Scalars become texts as Jackson makes them; the order is kept.
func TestConfigBodies(t *testing.T) {
	c, err := parseStringMap([]byte(` {"b":1.50,"a":true,"n":null,"b":"2"} trailing`))
	if err != nil {
		t.Fatal(err)
	}
	var w writer
	c.writeJSON(&w)
	if got := string(w.bytes()); got != `{"b":"2","a":"true","n":null}` {
		t.Error(got)
	}
	c.Delete("a")
	if d := c.Clone(); d.Has("a") || len(d.Keys()) != 2 {
		t.Error(d.Keys())
	}
	if c := NewConfig([]string{"y", "x", "z"}, config.NewProps(map[string]string{"x": "1", "y": "2"})); strings.Join(c.Keys(), "") != "yx" {
		t.Error(c.Keys())
	}
}

func TestCORS(t *testing.T) {
	f := func(allow, methods, method, origin, asked, wantOrigin, wantMethods string) {
		t.Helper()
		h := withCORS(serve(&fakeHerder{}, true), allow, methods)
		resp := request(h, method, "/connectors", "", "Origin", origin, "Access-Control-Request-Method", asked, "Accept", "*/*")
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != wantOrigin {
			t.Errorf("origin %q, want %q", got, wantOrigin)
		}
		if got := resp.Header.Get("Access-Control-Allow-Methods"); got != wantMethods {
			t.Errorf("methods %q, want %q", got, wantMethods)
		}
	}
	f("", "", "GET", "http://a", "", "", "")
	f("*", "", "GET", "http://a", "", "http://a", "")
	f("http://a", "", "GET", "http://b", "", "", "")
	f(`http://.*\.a`, "", "GET", "http://x.a", "", "http://x.a", "")
	f("http://a", "", "OPTIONS", "http://b", "GET", "", "")
	f("*", "", "OPTIONS", "http://a", "POST", "http://a", "GET,POST,HEAD")
	f("*", "", "OPTIONS", "http://a", "DELETE", "http://a", "GET,POST,HEAD")
	f("*", "GET, PUT", "OPTIONS", "http://a", "PUT", "http://a", "GET,PUT")
}

func TestHeaderRules(t *testing.T) {
	f := func(rules, want string) {
		t.Helper()
		r, err := parseHeaderRules(rules)
		if err != nil {
			if want != "error" {
				t.Errorf("%s: %v", rules, err)
			}
			return
		}
		resp := request(withHeaders(serve(&fakeHerder{}, true), r), "GET", "/", "")
		if got := strings.Join(resp.Header.Values("X-A"), "|"); got != want {
			t.Errorf("%s: got %q, want %q", rules, got, want)
		}
	}
	f("", "")
	f("set X-A: 1", "1")
	f("add X-A:1, add X-A:2, set X-A:3", "3")
	f(`"add X-A: a, b", add X-A:c`, "a, b|c")
	f("put X-A:1", "error")
	f("set X-A", "error")
	f("setDate X-A:soon", "error")
}

func TestListeners(t *testing.T) {
	f := func(uri, scheme, host string, port int, wrong bool) {
		t.Helper()
		s, h, p, err := parseListener("listeners", uri)
		if (err != nil) != wrong || !wrong && (s != scheme || h != host || p != port) {
			t.Errorf("%s: %s %s %d %v", uri, s, h, p, err)
		}
	}
	f("http://:8083", "http", "", 8083, false)
	f("HTTPS://[::1]:0", "https", "::1", 0, false)
	f("http://localhost", "", "", 0, true)
	f("ftp://a:1", "", "", 0, true)

	s, err := Listen(ServerOptions{Listeners: []string{"http://127.0.0.1:0"}, AdvertisedHost: "me", AdvertisedPort: 9})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	if s.AdvertisedURL() != "http://me:9/" || s.WorkerID() != "me:9" {
		t.Error(s.AdvertisedURL(), s.WorkerID())
	}
	if _, err := Listen(ServerOptions{Listeners: []string{"http://" + s.Addr()}}); err == nil || !strings.Contains(err.Error(), s.Addr()) {
		t.Errorf("a taken port: %v", err)
	}
	admin := []string{"http://127.0.0.1:0"}
	two, err := Listen(ServerOptions{Listeners: []string{"http://127.0.0.1:0"}, AdminListeners: &admin})
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close(t.Context())
	two.Serve(API{Herder: &fakeHerder{}})
	for path, want := range map[string]int{"http://" + two.Addr() + "/admin/loggers": 404, "http://" + two.AdminAddr() + "/admin/loggers": 200,
		"http://" + two.AdminAddr() + "/connectors": 404} {
		resp, err := http.Get(path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

func FuzzBodies(f *testing.F) {
	for _, s := range []string{`{"name":"a","config":{"b":1}}`, `{"offsets":[{"partition":{"a":1},"offset":null}]}`, `{`, `null`, `[]`, `{"a":{"b":1}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, path := range []string{"/connectors", "/connectors/x/offsets", "/connectors/x/config"} {
			method := map[string]string{"/connectors": "POST", "/connectors/x/offsets": "PATCH", "/connectors/x/config": "PUT"}[path]
			req := httptest.NewRequest(method, path, strings.NewReader(string(raw)))
			req.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			serve(&fakeHerder{}, true).ServeHTTP(w, req)
			if b := w.Body.Bytes(); len(b) > 0 && !json.Valid(b) {
				t.Fatalf("%s: %s", path, b)
			}
		}
	})
}
