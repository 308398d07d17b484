// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	_ "github.com/penstock-io/penstock/connectors/all"
	"github.com/penstock-io/penstock/internal/embedded"
)

// differs are the answers that are meant to differ from those of Kafka Connect; docs/differences.md explains each.
var differs = map[string]string{
	"plugins":                 "other connectors are built in; MirrorMaker is not yet",
	"plugins-all":             "as above",
	"plugins-true":            "as above",
	"create-noconfig":         "400 instead of a null pointer",
	"create-nobody":           "400 instead of a null pointer",
	"create-emptyobject":      "400 instead of a null pointer",
	"create-malformed":        "400 for what is no JSON",
	"create-array":            "400 for the wrong JSON",
	"create-badstate":         "400 for an unknown state",
	"validate-malformed":      "400 for what is no JSON",
	"validate-array":          "400 for the wrong JSON",
	"config-put-malformed":    "400 for what is no JSON",
	"offsets-patch-malformed": "400 for what is no JSON",
	"restart-unknown":         "404 instead of a null pointer",
}

type step struct {
	ID      string             `json:"id"`
	Method  string             `json:"method"`
	Path    string             `json:"path"`
	JSON    json.RawMessage    `json:"json"`
	Raw     *string            `json:"raw"`
	Headers map[string]*string `json:"headers"`
	Until   json.RawMessage    `json:"until"`
	Within  float64            `json:"within"`
	Silent  bool               `json:"silent"`
	Sort    bool               `json:"sort"`
	Only    []string           `json:"only"`
	Keep    []string           `json:"keep"`
	Loose   bool               `json:"looseMessage"`
	Write   map[string]string  `json:"write"`
	Sleep   float64            `json:"sleep"`
}

type recorded struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    any               `json:"body"`
}

// TestReplay sends the requests that were recorded with Kafka Connect 4.3.1 to a worker of ours with an embedded broker
// and compares status, headers and body.
func TestReplay(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	dir := t.TempDir()
	r := &replayer{t: t, base: "http://" + startTestWorker(t, dir).RESTAddr(), tmp: dir}
	r.version = Version
	want := loadRecording(t)
	passed := 0
	for _, s := range loadSteps(t) {
		got := r.step(s)
		if got == nil {
			continue
		}
		w, ok := want[s.ID]
		if !ok {
			t.Errorf("%s is not in the recording", s.ID)
			continue
		}
		same := got.Status == w.Status && reflect.DeepEqual(got.Headers, w.Headers) && reflect.DeepEqual(got.Body, w.Body)
		reason, known := differs[s.ID]
		switch {
		case same && known:
			t.Errorf("%s does not differ any more (%s)", s.ID, reason)
		case !same && !known:
			t.Errorf("%s %s %s\n want %d %v %s\n got  %d %v %s", s.ID, s.Method, s.Path, w.Status, w.Headers, short(w.Body), got.Status, got.Headers, short(got.Body))
			diff(t, "", w.Body, got.Body)
		case same:
			passed++
		}
	}
	t.Logf("%d answers are the same, %d differ on purpose", passed, len(differs))
}

func short(v any) string {
	b, _ := json.Marshal(v)
	if len(b) > 600 {
		b = append(b[:600], "..."...)
	}
	return string(b)
}

// diff logs the leaves in which two bodies differ.
func diff(t *testing.T, path string, a, b any) {
	t.Helper()
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			for k := range x {
				diff(t, path+"/"+k, x[k], y[k])
			}
			return
		}
	case []any:
		if y, ok := b.([]any); ok && len(x) == len(y) {
			for i := range x {
				diff(t, path+"/"+strconv.Itoa(i), x[i], y[i])
			}
			return
		}
	}
	if !reflect.DeepEqual(a, b) {
		t.Logf("   %s: want %s, got %s", path, short(a), short(b))
	}
}

// startTestWorker runs a worker beside an embedded broker, both for the time of the test.
func startTestWorker(t *testing.T, dir string) *Standalone {
	t.Helper()
	broker, err := embedded.Start(embedded.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	cfg, err := NewConfig(config.NewProps(map[string]string{
		"bootstrap.servers": broker.Addr(), "listeners": "http://127.0.0.1:0",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
		"offset.storage.file.filename": filepath.Join(dir, "offsets"), "offset.flush.interval.ms": "1000", "penstock.admin.listeners": "",
	}))
	if err != nil {
		t.Fatal(err)
	}
	var log io.Writer = io.Discard
	if os.Getenv("PENSTOCK_TEST_LOG") != "" {
		log = os.Stderr
	}
	w, err := NewStandalone(cfg, Deps{Log: slog.New(slog.NewTextHandler(log, nil)), Offsets: &memoryOffsets{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := w.Start(ctx); err != nil {
		t.Fatal(err)
	}
	return w
}

func loadSteps(t *testing.T) []step {
	t.Helper()
	raw, err := os.ReadFile("testdata/rest-contract/steps.json")
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	if err := json.Unmarshal(raw, &steps); err != nil {
		t.Fatal(err)
	}
	return steps
}

func loadRecording(t *testing.T) map[string]recorded {
	t.Helper()
	f, err := os.Open("testdata/rest-contract/reference-standalone.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]recorded{}
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var r recorded
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out[r.ID] = r
	}
	return out
}

// replayer sends steps and puts placeholders where answers vary from run to run.
type replayer struct {
	t         *testing.T
	base, tmp string
	version   string
}

func (r *replayer) step(s step) *recorded {
	if s.Sleep > 0 {
		time.Sleep(time.Duration(s.Sleep*float64(time.Second)) / 10)
	}
	for name, text := range s.Write {
		f, err := os.OpenFile(r.fill(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			r.t.Fatal(err)
		}
		_, _ = f.WriteString(text)
		_ = f.Close()
	}
	if s.Method == "" {
		return nil
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		status, headers, raw := r.send(s)
		var parsed any
		if len(raw) > 0 && json.Unmarshal(raw, &parsed) != nil {
			parsed = map[string]any{"{text}": string(raw)}
		}
		if s.Until != nil && !r.holds(s.Until, status, parsed) {
			if time.Now().Before(end) {
				continue
			}
			r.t.Errorf("%s: not reached %s: %d %s", s.ID, s.Until, status, raw)
		}
		if s.Silent {
			return nil
		}
		return r.record(s, status, headers, parsed)
	}
}

func (r *replayer) record(s step, status int, headers http.Header, parsed any) *recorded {
	body := r.norm(parsed, "")
	if list, ok := body.([]any); ok && s.Sort {
		sortByJSON(list)
	}
	if m, ok := body.(map[string]any); ok {
		for k := range m {
			if s.Only != nil && !slices.Contains(s.Only, k) || s.Keep != nil && !slices.Contains(s.Keep, k) {
				delete(m, k)
			}
		}
		if _, ok := m["message"]; ok && s.Loose {
			m["message"] = "{any}"
		}
	}
	out := &recorded{ID: s.ID, Status: status, Headers: map[string]string{}, Body: body}
	for _, k := range []string{"content-type", "location", "allow", "www-authenticate", "access-control-allow-origin", "access-control-allow-methods"} {
		if v := headers.Get(k); v != "" {
			if k == "allow" {
				parts := strings.Split(v, ",")
				for i := range parts {
					parts[i] = strings.TrimSpace(parts[i])
				}
				sort.Strings(parts)
				v = strings.Join(parts, ",")
			}
			out.Headers[k] = r.text(v)
		}
	}
	return out
}

func (r *replayer) send(s step) (int, http.Header, []byte) {
	var body io.Reader
	headers := map[string]string{"Accept": "application/json"}
	switch {
	case s.JSON != nil:
		body = strings.NewReader(r.fill(string(s.JSON)))
		headers["Content-Type"] = "application/json"
	case s.Raw != nil:
		body = strings.NewReader(r.fill(*s.Raw))
		headers["Content-Type"] = "application/json"
	}
	req, err := http.NewRequest(s.Method, r.base+s.Path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	for k, v := range s.Headers {
		if v == nil {
			req.Header.Del(k)
		} else {
			req.Header.Set(k, *v)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatalf("%s: %v", s.ID, err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, raw
}

func (r *replayer) fill(s string) string { return strings.ReplaceAll(s, "{tmp}", r.tmp) }

func (r *replayer) text(s string) string {
	s = strings.ReplaceAll(s, r.tmp, "{tmp}")
	s = strings.ReplaceAll(s, r.base, "{base}")
	return strings.ReplaceAll(s, strings.TrimPrefix(r.base, "http://"), "{worker}")
}

var connectorList = regexp.MustCompile(`(?s)(available connectors are: ).*`)

func (r *replayer) norm(x any, key string) any {
	switch x := x.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, v := range x {
			out[r.text(k)] = r.norm(v, k)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, v := range x {
			out[i] = r.norm(v, "")
		}
		if key == "offsets" {
			sortByJSON(out)
		}
		return out
	case string:
		return r.normText(x, key)
	case float64:
		if key == "last_modified" {
			return "{ms}"
		}
	}
	return x
}

func (r *replayer) normText(x, key string) string {
	switch {
	case key == "documentation" && x != "":
		return "{doc}"
	case key == "commit" || key == "kafka_cluster_id":
		return "{" + key + "}"
	case key == "version" && x == r.version:
		return "{version}"
	case key == "message":
		x = connectorList.ReplaceAllString(x, "${1}{list}")
	}
	return r.text(x)
}

func sortByJSON(list []any) {
	text := func(v any) string {
		b, _ := json.Marshal(v)
		return string(b)
	}
	sort.Slice(list, func(i, j int) bool { return text(list[i]) < text(list[j]) })
}

// holds evaluates an until condition, or a list of them.
func (r *replayer) holds(raw json.RawMessage, status int, body any) bool {
	type condition struct {
		Status int
		At     string
		Is     any
		Len    *int
		Min    *float64
	}
	var all []condition
	if raw[0] == '[' {
		_ = json.Unmarshal(raw, &all)
	} else {
		all = make([]condition, 1)
		_ = json.Unmarshal(raw, &all[0])
	}
	for _, c := range all {
		if c.Status != 0 && status != c.Status {
			return false
		}
		if c.At == "" {
			continue
		}
		v := at(body, c.At)
		list, isList := v.([]any)
		if c.Is != nil && !reflect.DeepEqual(v, c.Is) || c.Len != nil && (!isList || len(list) != *c.Len) {
			return false
		}
	}
	return true
}

func at(body any, path string) any {
	for p := range strings.SplitSeq(path, ".") {
		switch x := body.(type) {
		case map[string]any:
			body = x[p]
		case []any:
			i, err := strconv.Atoi(p)
			if err != nil || i >= len(x) {
				return nil
			}
			body = x[i]
		default:
			return nil
		}
	}
	return body
}

// memoryOffsets is an offset store without a file.
type memoryOffsets struct {
	mu sync.Mutex
	m  map[string][]connectors.PartitionOffset
}

func canonical(raw json.RawMessage) string {
	var v any
	_ = json.Unmarshal(raw, &v)
	b, _ := json.Marshal(v)
	return string(b)
}

func (o *memoryOffsets) Get(_ context.Context, connector string, partition json.RawMessage) (json.RawMessage, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, x := range o.m[connector] {
		if canonical(x.Partition) == canonical(partition) {
			return x.Offset, nil
		}
	}
	return nil, nil
}

func (o *memoryOffsets) Set(_ context.Context, connector string, offsets []connectors.PartitionOffset) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.m == nil {
		o.m = map[string][]connectors.PartitionOffset{}
	}
	for _, x := range offsets {
		o.m[connector] = slices.DeleteFunc(o.m[connector], func(y connectors.PartitionOffset) bool {
			return canonical(y.Partition) == canonical(x.Partition)
		})
		if x.Offset != nil {
			o.m[connector] = append(o.m[connector], connectors.PartitionOffset{Partition: slices.Clone(x.Partition), Offset: slices.Clone(x.Offset)})
		}
	}
	return nil
}

func (o *memoryOffsets) List(_ context.Context, connector string) ([]connectors.PartitionOffset, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.m[connector]), nil
}
