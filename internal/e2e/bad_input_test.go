// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// A worker that cannot start ends by itself with the exit code of the JVM's scripts, and its output names the cause.
func TestWorkerRefusesToStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// Not deferred: parallel subtests run after this function has returned.
	t.Cleanup(func() { taken.Close() })
	f := func(name string, code int, says string, change func(dir string, s *stack.WorkerSpec)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := spec(t)
			change(s.Dir, &s)
			w, err := stack.Launch(s)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Kill()
			got, err := w.WaitExit(150 * time.Second)
			if err != nil {
				t.Fatalf("%v\n%s", err, w.Tail(40))
			}
			if got != code {
				t.Errorf("exit code %d, want %d", got, code)
			}
			if !regexp.MustCompile(says).MatchString(w.Output()) {
				t.Errorf("the output does not say %q", says)
			}
			if t.Failed() {
				t.Log(w.Tail(40))
			}
		})
	}
	connector := func(t *testing.T, dir, name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// Nobody listens on port 1.
	f("unreachable broker", 2, `(?i)kafka cluster|127\.0\.0\.1:1\b`, func(_ string, s *stack.WorkerSpec) {
		s.Brokers = "127.0.0.1:1"
		s.Props["default.api.timeout.ms"], s.Props["request.timeout.ms"] = "6000", "3000"
		s.Props["admin.default.api.timeout.ms"], s.Props["admin.request.timeout.ms"] = "6000", "3000"
	})
	f("REST port in use", 2, `(?i)unable to (start|initialize) REST server|address already in use|bind`, func(_ string, s *stack.WorkerSpec) {
		s.Props["listeners"] = "http://" + taken.Addr().String()
	})
	f("malformed escape in worker properties", 2, `(?i)malformed \\uxxxx`, func(_ string, s *stack.WorkerSpec) {
		s.Raw = "client.id=\\u12g4\n"
	})
	f("missing offset.storage.file.filename", 2, `offset\.storage\.file\.filename`, func(_ string, s *stack.WorkerSpec) {
		s.Props["offset.storage.file.filename"] = ""
	})
	f("bad number in worker properties", 2, `Invalid value soon for configuration offset\.flush\.interval\.ms`, func(_ string, s *stack.WorkerSpec) {
		s.Props["offset.flush.interval.ms"] = "soon"
	})
	f("unknown converter class", 2, `no\.such\.Converter`, func(_ string, s *stack.WorkerSpec) {
		s.Props["value.converter"] = "no.such.Converter"
	})
	f("unknown connector class in a file", 3, `no\.such\.Connector`, func(dir string, s *stack.WorkerSpec) {
		s.Connectors = []string{connector(t, dir, "bad.json", `{"name":"bad-class","connector.class":"no.such.Connector","topic":"x"}`)}
	})
	f("missing connector option in a file", 3, `Missing required configuration "topic"`, func(dir string, s *stack.WorkerSpec) {
		s.Connectors = []string{connector(t, dir, "bad.properties", "name=no-topic\nconnector.class=FileStreamSource\nfile=/dev/null\n")}
	})
	f("connector file that is not there", 3, `nowhere\.properties`, func(dir string, s *stack.WorkerSpec) {
		s.Connectors = []string{filepath.Join(dir, "nowhere.properties")}
	})
	f("connector file without a name", 3, `(?i)name`, func(dir string, s *stack.WorkerSpec) {
		s.Connectors = []string{connector(t, dir, "bad.json", `{"connector.class":"FileStreamSource","file":"/dev/null","topic":"x"}`)}
	})
	f("corrupt offset file", 3, `(?i)offset|stream|header`, func(dir string, s *stack.WorkerSpec) {
		s.Props["offset.storage.file.filename"] = connector(t, dir, "offsets", "this is not a Java object stream")
	})
}

// Wrong requests are refused with the status and the words of Kafka Connect, and the worker goes on.
func TestRESTRefusesBadConnectors(t *testing.T) {
	w := start(t, spec(t))
	f := func(name string, status int, says string, config map[string]string) {
		t.Run(name, func(t *testing.T) {
			var answer *stack.HTTPError
			if err := w.Put(unique(t, "c"), config); !errors.As(err, &answer) {
				t.Fatalf("want a refusal, got %v", err)
			}
			if answer.Status != status {
				t.Errorf("status %d, want %d", answer.Status, status)
			}
			if !strings.Contains(answer.Body, says) {
				t.Errorf("%q is not in the answer", says)
			}
			if t.Failed() {
				t.Log(answer)
			}
		})
	}
	f("unknown class", 400, "Failed to find any class that implements Connector and which name matches no.such.Connector",
		map[string]string{"connector.class": "no.such.Connector"})
	f("no class", 400, "contains no connector type", map[string]string{"topic": "x"})
	f("missing option", 400, `Missing required configuration \"topic\" which has no default value.`,
		map[string]string{"connector.class": "FileStreamSource", "file": "/dev/null"})
	f("bad number", 400, "Invalid value many for configuration tasks.max",
		map[string]string{"connector.class": "FileStreamSource", "file": "/dev/null", "topic": "x", "tasks.max": "many"})
	f("bad transform", 400, "no.such.Transform",
		map[string]string{"connector.class": "FileStreamSource", "file": "/dev/null", "topic": "x", "transforms": "a", "transforms.a.type": "no.such.Transform"})
	f("sink without topics", 400, "topics", map[string]string{"connector.class": "FileStreamSink", "file": "/dev/null"})
	if err := w.Call("GET", "/", nil, nil); err != nil {
		t.Fatal(err)
	}
}

// A record that cannot be read fails its task and nothing else; with errors.tolerance=all it is left out.
func TestMalformedRecord(t *testing.T) {
	w := start(t, spec(t))
	topic := unique(t, "topic")
	createTopic(t, topic, 1)
	produce(t, topic, `{"schema":{"type":"string","optional":false},"payload":"first"}`, `{"schema":`, `{"schema":{"type":"string","optional":false},"payload":"last"}`)
	sink := func(name, out string, more map[string]string) string {
		config := map[string]string{"connector.class": "FileStreamSink", "topics": topic, "file": out,
			"key.converter": stringConverter, "value.converter": "org.apache.kafka.connect.json.JsonConverter"}
		for k, v := range more {
			config[k] = v
		}
		if err := w.Put(name, config); err != nil {
			t.Fatal(err)
		}
		return name
	}
	dir := t.TempDir()

	strict := sink(unique(t, "strict"), filepath.Join(dir, "strict.txt"), nil)
	trace := failedTrace(t, w, strict)
	if first, _, _ := strings.Cut(trace, "\n"); !strings.HasPrefix(first, "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler") {
		t.Errorf("the trace begins with %q", first)
	}
	for _, want := range []string{"Caused by: org.apache.kafka.connect.errors.DataException", "Converting byte[] to Kafka Connect data failed due to serialization error"} {
		if !strings.Contains(trace, want) {
			t.Errorf("the trace does not say %q:\n%s", want, trace)
		}
	}

	// The worker lives on: the next connector on the same topic steps over the record.
	tolerant := filepath.Join(dir, "tolerant.txt")
	name := sink(unique(t, "tolerant"), tolerant, map[string]string{"errors.tolerance": "all"})
	eventually(t, 60*time.Second, "both good records", func() bool {
		healthy(t, w, name)
		b, _ := os.ReadFile(tolerant)
		return string(b) == "first\nlast\n"
	})
	if err := w.Delete(strict); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Status(strict); err == nil {
		t.Error("a deleted connector still has a status")
	}
}

// A task that cannot start is FAILED with its cause first; the others go on.
func TestFailedTask(t *testing.T) {
	w := start(t, spec(t))
	topic := unique(t, "topic")
	createTopic(t, topic, 1)
	produce(t, topic, "x")
	dir := t.TempDir()
	name, out := unique(t, "sink"), filepath.Join(dir, "no", "such", "folder", "out.txt")
	if err := w.Put(name, map[string]string{"connector.class": "FileStreamSink", "topics": topic, "file": out,
		"key.converter": stringConverter, "value.converter": stringConverter}); err != nil {
		t.Fatal(err)
	}
	// The class is Connect's; the words may be better ones, if they name the file.
	first, _, _ := strings.Cut(failedTrace(t, w, name), "\n")
	if !strings.HasPrefix(first, "org.apache.kafka.connect.errors.ConnectException: ") || !strings.Contains(first, out) {
		t.Errorf("the trace begins with %q", first)
	}
	// A source whose file is not there yet waits for it and is no failure.
	source, in := unique(t, "source"), filepath.Join(dir, "later.txt")
	if err := w.Put(source, map[string]string{"connector.class": "FileStreamSource", "topic": topic, "file": in,
		"key.converter": stringConverter, "value.converter": stringConverter}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "a running source", func() bool {
		s, err := w.Status(source)
		return err == nil && s.Running(1)
	})
	if err := os.WriteFile(in, []byte("now\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the line of the new file", func() bool { return len(readTopic(t, topic)[0]) == 2 })
	// After the folder is made, a restart of the failed task is enough.
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := w.Call("POST", "/connectors/"+name+"/tasks/0/restart", nil, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, 60*time.Second, "the sink's lines after its restart", func() bool {
		b, _ := os.ReadFile(out)
		return string(b) == "x\nnow\n"
	})
}
