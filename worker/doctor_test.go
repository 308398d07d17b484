// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/embedded"
	"github.com/penstock-io/penstock/worker/store"
)

func TestMissingPlugins(t *testing.T) {
	cfg, err := NewDistributedConfig(clusterProps("127.0.0.1:1", nil))
	if err != nil {
		t.Fatal(err)
	}
	f := func(props map[string]string, want ...string) {
		t.Helper()
		var got []string
		for _, m := range cfg.missingPlugins("c", config.NewProps(props)) {
			got = append(got, m.Key+"="+m.Class)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%v: got %v, want %v", props, got, want)
		}
	}
	f(map[string]string{"connector.class": "FileStreamSource"})
	f(map[string]string{"connector.class": " FileStreamSink ", "key.converter": "JsonConverter", "value.converter": "Json", "header.converter": "SimpleHeaderConverter"})
	f(map[string]string{"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "transforms": "a, b",
		"transforms.a.type": "org.apache.kafka.connect.transforms.HoistField$Value", "transforms.b.type": "com.example.Mask$Key",
		"predicates": "p", "predicates.p.type": "com.example.IsBig", "value.converter": "com.example.AvroConverter",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "header.converter": "com.example.Headers"},
		"value.converter=com.example.AvroConverter", "header.converter=com.example.Headers",
		"transforms.b.type=com.example.Mask$Key", "predicates.p.type=com.example.IsBig")
	// No class at all is for validation to complain about; a variable is shown as it is written.
	f(map[string]string{"topics": "t"})
	f(map[string]string{"connector.class": "${nowhere:x:y}"}, "connector.class=${nowhere:x:y}")
}

// findings are those of a level, as text.
func findings(d *Diagnosis, l Level) string {
	var b strings.Builder
	for _, f := range d.Findings {
		if f.Level == l {
			b.WriteString(f.About + ": " + f.Text + "\n")
		}
	}
	return b.String()
}

func TestDoctor(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a broker and workers")
	}
	b, err := embedded.Start(embedded.Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	look := func(props map[string]string) *Diagnosis {
		t.Helper()
		cfg, err := NewDistributedConfig(clusterProps(b.Addr(), props))
		if err != nil {
			t.Fatal(err)
		}
		d, err := Diagnose(t.Context(), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	want := func(d *Diagnosis, l Level, text string) {
		t.Helper()
		if !strings.Contains(findings(d, l), text) {
			t.Errorf("no %s with %q in %+v", l, text, d.Findings)
		}
	}
	// Before there is anything; and looking makes nothing.
	for range 2 {
		d := look(nil)
		want(d, LevelWarning, "topic configs does not exist")
		want(d, LevelInfo, "would be the first")
		if !d.OK {
			t.Errorf("%+v", d.Findings)
		}
	}
	want(look(map[string]string{"config.storage.replication.factor": "9"}), LevelProblem, "replication factor 9, but there are")

	w := joinCluster(t, b.Addr(), nil)
	w.want(201, "POST", "/connectors", `{"name":"snk","config":{"connector.class":"FileStreamSink","file":"`+t.TempDir()+`/out","topics":"t","tasks.max":"4"}}`)
	w.running("snk", 4)
	d := look(nil)
	if !d.OK || len(d.Members) != 1 || len(d.Members[0].Tasks) != 4 || len(d.Moves.Tasks) != 2 || len(d.Moves.Connectors) != 0 {
		t.Errorf("%+v", d)
	}
	want(d, LevelOK, "the group of 1 members uses sessioned")
	want(d, LevelOK, "answers, version ")
	want(look(map[string]string{"connect.protocol": "compatible"}), LevelWarning, "brings all of it down to compatible")
	want(look(map[string]string{"exactly.once.source.support": "enabled"}), LevelProblem, "preparing on all workers first")
	want(look(map[string]string{"config.storage.topic": "offsets"}), LevelProblem, "must have 1")
	want(look(map[string]string{"config.storage.topic": "others"}), LevelProblem, "they use another topic")
	want(look(map[string]string{"bootstrap.servers": "127.0.0.1:1", "admin.default.api.timeout.ms": "1000"}), LevelProblem, "the brokers do not answer")

	// A connector that this worker could not run.
	props := config.NewProps(map[string]string{"name": "x", "connector.class": "com.example.Missing"})
	if err := w.configs.PutConnector(t.Context(), "x", props, store.Stopped); err != nil {
		t.Fatal(err)
	}
	d = look(nil)
	want(d, LevelProblem, "does not have the class com.example.Missing")
	if d.OK || len(d.Missing) != 1 {
		t.Errorf("%+v", d)
	}
	var text bytes.Buffer
	if err := d.WriteText(&text); err != nil || !strings.Contains(text.String(), "do not join yet") {
		t.Errorf("%v %s", err, text.String())
	}
	if raw, err := json.Marshal(d); err != nil || !strings.Contains(string(raw), `"moves_here":{"connectors":[`) {
		t.Errorf("%v %s", err, raw)
	}
	if err := tryJoin(t, b.Addr(), nil); err == nil || !strings.Contains(err.Error(), "connector x needs com.example.Missing (connector.class)") {
		t.Errorf("joined: %v", err)
	}
	if err := tryJoin(t, b.Addr(), map[string]string{"penstock.join.unsupported": "warn"}); err != nil {
		t.Errorf("did not join: %v", err)
	}
}

// tryJoin starts a worker and stops it.
func tryJoin(t *testing.T, bootstrap string, props map[string]string) error {
	t.Helper()
	cfg, err := NewDistributedConfig(clusterProps(bootstrap, props))
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDistributed(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop()
	return d.Start(context.Background())
}
