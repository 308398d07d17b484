// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// Under the names of Kafka's own scripts the binary is that script, so that units and images keep working.
func TestCalledAsScript(t *testing.T) {
	if system.kind != stack.Penstock {
		t.Skip("the JVM's scripts are not ours to test")
	}
	f := func(name string) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			link := filepath.Join(dir, name)
			if err := os.Symlink(system.binary, link); err != nil {
				t.Fatal(err)
			}
			// Without arguments: what to type and exit code 1, as the scripts have it.
			p, err := stack.Start("usage", dir, nil, link)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Kill()
			if code, err := p.WaitExit(20 * time.Second); err != nil || code != 1 || !strings.Contains(p.Output(), "WORKER.properties") {
				t.Errorf("without arguments: exit code %d, %v, want 1 and what to type:\n%s", code, err, p.Output())
			}
			ports, err := stack.FreePorts(1)
			if err != nil {
				t.Fatal(err)
			}
			url := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
			file := filepath.Join(dir, "worker.properties")
			err = stack.WriteProperties(file, map[string]string{
				"bootstrap.servers": system.broker.Addr, "listeners": url, "offset.storage.file.filename": filepath.Join(dir, "offsets"),
				"key.converter": stringConverter, "value.converter": stringConverter,
			}, "")
			if err != nil {
				t.Fatal(err)
			}
			w, err := stack.Start("worker", dir, nil, link, file)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Kill()
			eventually(t, 30*time.Second, "an answer of "+url, func() bool {
				resp, err := http.Get(url + "/connectors")
				if err != nil {
					return false
				}
				resp.Body.Close()
				return resp.StatusCode == http.StatusOK
			})
			if err := w.Stop(30 * time.Second); err != nil {
				t.Error(err)
			}
		})
	}
	f("connect-standalone")
	f("connect-standalone.sh")
}
