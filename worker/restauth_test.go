// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/embedded"
)

func TestJAASFile(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		entries, err := parseJAASFile(text)
		got := fmt.Sprint(entries["KafkaConnect"])
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	f("", "[]")
	f(`KafkaConnect { a.B required file="/x y"; };`, `[{a.B map[file:/x y]}]`)
	f("// one\nOther{x.Y optional;};\n/* two\n */ KafkaConnect{\n a.B REQUIRED\n file=/p debug=true;c.D Sufficient\n;\n};", "[{a.B map[debug:true file:/p]} {c.D map[]}]")
	f(`KafkaConnect { a.B required file="C:\\x \"y\""; };`, `C:\x "y"`)
	f(`KafkaConnect { a.B required file="}"; };`, "[{a.B map[file:}]}]")
	f(`KafkaConnect { };`, "[]")
	// What is wrong is named with its line, and no value is quoted.
	f("KafkaConnect {\n a.B maybe file=\"secret\"; };", "line 2: there should be required")
	f("KafkaConnect {\n a.B required password=secret }", "line 2: there should be =")
	f("KafkaConnect {\n a.B required file= ; };", "the option file has no value")
	f("KafkaConnect {\n a.B required file=\"x\n; };", "does not end on its line")
	f("KafkaConnect", "there should be {")
	f("KafkaConnect { a.B required;", "there should be the class")
	f("KafkaConnect { a.B required; }", "there should be ;")
	f("/* x", "a comment does not end")
	f("A { x.Y required; }; A { };", "a second entry")
}

func FuzzJAASFile(f *testing.F) {
	f.Add(`KafkaConnect { a.B required file="/x"; };`)
	f.Add("/* */ // \n A {};")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseJAASFile(text)
		if err != nil {
			return
		}
		for _, modules := range entries {
			for _, m := range modules {
				if m.class == "" && !strings.Contains(text, `""`) {
					t.Errorf("a module without a class in %q", text)
				}
			}
		}
	})
}

func TestJAASFileName(t *testing.T) {
	f := func(property, options, want string) {
		t.Helper()
		c := &Config{Props: config.Props{}}
		if property != "" {
			c.Props = config.NewProps(map[string]string{jaasFileKey: property})
		}
		if got, _ := c.jaasFile(options); got != want {
			t.Errorf("%q %q: got %q, want %q", property, options, got, want)
		}
	}
	f("", "", "")
	f("/a", "-Djava.security.auth.login.config=/b", "/a")
	f("", "-Xmx1g  -Djava.security.auth.login.config=/b -Dx=y", "/b")
	f("", "-Djava.security.auth.login.config==/b", "/b")
	f("", `-Djava.security.auth.login.config="/b"`, "/b")
	f("file:/a/b", "", "/a/b")
	f("file:///a/b", "", "/a/b")
}

// guardedProps are the properties of a worker behind a password file.
func guardedProps(t *testing.T, credentials string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	users := write("credentials.properties", credentials)
	jaas := write("jaas.conf", "KafkaConnect {\n "+propertyFileClass+" required\n file=\""+users+"\";\n};\n")
	return map[string]string{extensionsKey: basicAuthClass, jaasFileKey: jaas}
}

func TestBasicAuthConfig(t *testing.T) {
	f := func(props map[string]string, want string) {
		t.Helper()
		cfg, err := NewDistributedConfig(clusterProps("127.0.0.1:1", props))
		if err == nil {
			_, err = cfg.restGuard(slog.New(slog.DiscardHandler))
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: got %v, want %s", props, err, want)
		}
	}
	f(nil, "")
	f(guardedProps(t, "a=b\n"), "")
	f(map[string]string{extensionsKey: "com.example.Guard"}, "this REST extension is not supported")
	f(map[string]string{extensionsKey: basicAuthClass + ", x.Y"}, "x.Y")
	t.Setenv(jaasOptions, "")
	f(map[string]string{extensionsKey: basicAuthClass}, "needs a JAAS file")
	f(map[string]string{extensionsKey: basicAuthClass, jaasFileKey: "/nowhere/jaas"}, "/nowhere/jaas")
	path := filepath.Join(t.TempDir(), "jaas")
	bad := func(text string) map[string]string {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return map[string]string{extensionsKey: "BasicAuthSecurityRestExtension", jaasFileKey: path}
	}
	f(bad("Other { };"), "no entry KafkaConnect")
	f(bad("KafkaConnect { com.example.Ldap required; };"), "com.example.Ldap, which is not supported")
	f(bad("KafkaConnect { "+propertyFileClass+" required; };"), "Property Credentials file must be specified")
	f(bad("KafkaConnect { "+propertyFileClass+" required file=\"/nowhere/users\"; };"), "/nowhere/users")
}

func TestBasicAuthStandalone(t *testing.T) {
	// A name and a password with what properties files escape.
	h := startGuarded(t, "admin=adm:in\nus\\u00e9r=pw\\ x\nempty=\n")
	f := func(method, path, user, password string, want int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(h, "/")+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			req.SetBasicAuth(user, password)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != want {
			t.Errorf("%s %s as %s: %d %s, want %d", method, path, user, resp.StatusCode, body, want)
		}
		if want == 401 && (string(body) != "User cannot access the resource." || resp.Header.Get("Content-Type") != "application/json") {
			t.Errorf("%s %s: %q %v", method, path, body, resp.Header)
		}
	}
	f("GET", "/", "", "", 401)
	f("GET", "/", "admin", "adm:in", 200)
	f("GET", "/", "admin", "admin", 401)
	f("GET", "/", "admin", "", 401)
	f("GET", "/", "empty", "", 200)
	f("GET", "/connectors", "usér", "pw x", 200)
	f("GET", "/connectors", "nobody", "", 401)
	f("GET", "/health", "", "", 401)
	f("GET", "/admin/loggers", "", "", 401)
	f("GET", "/connector-plugins/", "", "", 401)
	f("GET", "/connectors/x/tasks", "", "", 401)
	f("GET", "/penstock/health", "", "", 401)
	f("GET", "/penstock/health", "admin", "adm:in", 200)
	f("GET", "/penstock/openapi.json", "", "", 401)
	// What does not exist is not guarded, as in Connect.
	f("GET", "/nope", "", "", 404)
	f("DELETE", "/connectors", "", "", 405)
}

// startGuarded starts a standalone worker with basic authentication and returns its URL.
func startGuarded(t *testing.T, credentials string) string {
	t.Helper()
	props := guardedProps(t, credentials)
	for k, v := range map[string]string{
		bootstrapKey: "127.0.0.1:1", offsetFileKey: filepath.Join(t.TempDir(), "offsets"), "listeners": "http://127.0.0.1:0",
		"key.converter": "org.apache.kafka.connect.storage.StringConverter", "value.converter": "org.apache.kafka.connect.storage.StringConverter",
	} {
		props[k] = v
	}
	cfg, err := NewConfig(config.NewProps(props))
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewStandalone(cfg, Deps{ClusterID: "c", NoPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.RESTURL()
}

// Requests that a follower passes on carry the caller's credentials; those between workers are signed instead.
func TestBasicAuthCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a broker and two workers")
	}
	b, err := embedded.Start(embedded.Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	props := guardedProps(t, "admin=secret\n")
	workers := []*member{joinCluster(t, b.Addr(), props), joinCluster(t, b.Addr(), props)}
	ask := func(w *member, method, path, body, password string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(w.RESTURL(), "/")+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		req.SetBasicAuth("admin", password)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	dir := t.TempDir()
	for i, w := range workers {
		body := fmt.Sprintf(`{"name":"c%d","config":{"connector.class":"FileStreamSink","topics":"t","file":"%s/%d","tasks.max":"2"}}`, i, dir, i)
		if code, text := ask(w, "POST", "/connectors", body, "wrong"); code != 401 {
			t.Errorf("%d %s", code, text)
		}
		if code, text := ask(w, "POST", "/connectors", body, "secret"); code != 201 {
			t.Errorf("%d %s", code, text)
		}
	}
	for _, w := range workers {
		for _, name := range []string{"c0", "c1"} {
			w.until(name+" runs", func() bool {
				_, text := ask(w, "GET", "/connectors/"+name+"/status", "", "secret")
				return strings.Count(text, `"RUNNING"`) == 3
			})
		}
	}
	// The doctor has no password, and sees the clock and the cluster nevertheless.
	cfg, err := NewDistributedConfig(clusterProps(b.Addr(), props))
	if err != nil {
		t.Fatal(err)
	}
	d, err := Diagnose(t.Context(), cfg, nil)
	if err != nil || !d.OK || !strings.Contains(findings(d, LevelInfo), "asks for a password") {
		t.Errorf("%v %+v", err, d)
	}
}
