// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// A broker with TLS and SASL: keys made by Java's own keytool, credentials as an administrator makes them. A file goes
// through source, topic and sink with each mechanism and each form of truststore.
func TestSecuredBroker(t *testing.T) {
	dir, err := os.MkdirTemp(system.dir, "secured-")
	if err != nil {
		t.Fatal(err)
	}
	keys := makeKeys(t, dir)
	ports, err := stack.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", ports[0])
	listeners := "PLAINTEXT://127.0.0.1:{PORT},CONTROLLER://127.0.0.1:{CONTROLLER_PORT},SASL_SSL://" + addr
	broker, err := stack.StartBroker(dir, []string{"BROKER_FORMAT=--add-scram SCRAM-SHA-512=[name=scram-user,password=scram-secret]"},
		"listeners="+listeners, "advertised.listeners="+listeners,
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512",
		`listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_plain-user="plain-secret";`,
		`listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;`,
		"ssl.keystore.location="+keys+"/server.p12", "ssl.keystore.type=PKCS12", "ssl.keystore.password=server-secret",
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Kill)

	plain := map[string]string{"sasl.mechanism": "PLAIN",
		"sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required username="plain-user" password="plain-secret";`}
	scram := map[string]string{"sasl.mechanism": "SCRAM-SHA-512",
		"sasl.jaas.config": `org.apache.kafka.common.security.scram.ScramLoginModule required username="scram-user" password="scram-secret";`}
	trust := func(kind, file string) map[string]string {
		out := map[string]string{"ssl.truststore.type": kind, "ssl.truststore.location": filepath.Join(keys, file)}
		if kind != "PEM" {
			out["ssl.truststore.password"] = "trust-secret"
		}
		return out
	}
	// secured is a worker whose own clients and whose connectors' clients all have the settings, as users write them.
	secured := func(t *testing.T, settings ...map[string]string) stack.WorkerSpec {
		t.Helper()
		s := spec(t)
		s.Brokers = addr
		client := map[string]string{"security.protocol": "SASL_SSL"}
		for _, m := range settings {
			maps.Copy(client, m)
		}
		for k, v := range client {
			for _, prefix := range []string{"", "producer.", "consumer.", "admin."} {
				s.Props[prefix+k] = v
			}
		}
		return s
	}
	f := func(name string, settings ...map[string]string) {
		t.Run(name, func(t *testing.T) {
			s := secured(t, settings...)
			w := start(t, s)
			in, out, topic := filepath.Join(s.Dir, "in.txt"), filepath.Join(s.Dir, "out.txt"), unique(t, "topic")
			if err := os.WriteFile(in, []byte("one\ntwo\nthree\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			var names []string
			for what, config := range map[string]map[string]string{
				"source": {"connector.class": "FileStreamSource", "file": in, "topic": topic},
				"sink":   {"connector.class": "FileStreamSink", "file": out, "topics": topic, "consumer.override.metadata.max.age.ms": "1000"},
			} {
				config["key.converter"], config["value.converter"] = stringConverter, stringConverter
				names = append(names, unique(t, what))
				if err := w.Put(names[len(names)-1], config); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, 60*time.Second, "the lines on the other side", func() bool {
				healthy(t, w, names...)
				b, _ := os.ReadFile(out) // not there yet
				return string(b) == "one\ntwo\nthree\n"
			})
			for _, secret := range []string{"plain-secret", "scram-secret", "trust-secret"} {
				if strings.Contains(w.Output(), secret) {
					t.Errorf("the log shows %q", secret)
				}
			}
			stop(t, w)
		})
	}
	f("PLAIN, PEM truststore", plain, trust("PEM", "ca.pem"))
	f("SCRAM-SHA-512, PKCS12 truststore", scram, trust("PKCS12", "trust.p12"))
	f("SCRAM-SHA-512, JKS truststore", scram, trust("JKS", "trust.jks"))

	t.Run("wrong password", func(t *testing.T) {
		s := secured(t, scram, trust("PEM", "ca.pem"),
			map[string]string{"sasl.jaas.config": `org.apache.kafka.common.security.scram.ScramLoginModule required username="scram-user" password="wrong-secret";`})
		w, err := stack.Launch(s)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Kill()
		code, err := w.WaitExit(120 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if code != 2 || !strings.Contains(strings.ToLower(w.Output()), "authentication") || strings.Contains(w.Output(), "wrong-secret") {
			t.Errorf("exit code %d, want 2, with the word authentication and without the password:\n%s", code, w.Tail(30))
		}
	})
}

// makeKeys makes the broker's keystore for 127.0.0.1 and its certificate as PEM, PKCS12 and JKS truststores.
func makeKeys(t *testing.T, dir string) string {
	t.Helper()
	keytool := func(args ...string) {
		cmd := exec.Command("keytool", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("keytool %v: %v\n%s", args, err, out)
		}
	}
	keytool("-genkeypair", "-alias", "server", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "2", "-dname", "CN=127.0.0.1",
		"-ext", "san=ip:127.0.0.1", "-ext", "bc=ca:true", "-storetype", "PKCS12", "-keystore", "server.p12", "-storepass", "server-secret")
	keytool("-exportcert", "-rfc", "-alias", "server", "-keystore", "server.p12", "-storepass", "server-secret", "-file", "ca.pem")
	keytool("-importcert", "-noprompt", "-alias", "ca", "-file", "ca.pem", "-storetype", "PKCS12", "-keystore", "trust.p12", "-storepass", "trust-secret")
	keytool("-importcert", "-noprompt", "-alias", "ca", "-file", "ca.pem", "-storetype", "JKS", "-keystore", "trust.jks", "-storepass", "trust-secret")
	return dir
}
