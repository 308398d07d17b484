// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// embedded is a bench on an in-process broker.
func embedded(t *testing.T) *bench {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b := &bench{options: &options{partitions: 3, shape: "plain", seed: 1}, dir: t.TempDir(), brokers: strings.Join(cluster.ListenAddrs(), ",")}
	if b.client, err = kgo.NewClient(kgo.SeedBrokers(b.brokers)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.client.Close)
	b.admin = kadm.NewClient(b.client)
	return b
}

// TestRawClients has every raw client do its job, and holds what arrives against the truth as a race does.
func TestRawClients(t *testing.T) {
	b := embedded(t)
	s := spec{shape: "plain", partitions: 3, seed: 1, n: 20_000}
	topic, err := b.filled(s)
	if err != nil {
		t.Fatal(err)
	}
	want := digests{}
	if err := s.records(func(i int64, key, value []byte) error {
		want.add(s.partition(i), key, value)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got, err := b.readTopic(topic, 0); err != nil || want.differs(got) != "" {
		t.Fatalf("%v %s", err, want.differs(got))
	}
	s.n = 5_000
	file, lines, err := b.linesFile(s)
	if err != nil {
		t.Fatal(err)
	}
	run := func(n string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		if err := rawMain(append([]string{"-brokers", b.brokers, "-n", n}, args...), &out); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		var r result
		if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Records == 0 {
			t.Errorf("%v: %s", err, out.Bytes())
		}
	}
	holds := func(topic string, want digests) {
		t.Helper()
		if got, err := b.readTopic(topic, 0); err != nil || want.differs(got) != "" {
			t.Errorf("%s: %v %s", topic, err, want.differs(got))
		}
	}
	for _, topic := range []string{"lines-raw", "lines-kgo"} {
		if err := b.createTopic(topic, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.createTopic("copied", 3); err != nil {
		t.Fatal(err)
	}
	run("20000", "-topic", topic)
	run("20000", "-topic", topic, "-peer", kgoPeer)
	run("5000", "-topic", "lines-raw", "-file", file)
	holds("lines-raw", lines)
	run("5000", "-topic", "lines-kgo", "-file", file, "-peer", kgoPeer)
	holds("lines-kgo", lines)
	run("20000", "-topic", topic, "-copy", "copied")
	holds("copied", want)
	if err := rawMain([]string{"-peer", "rust", "-topic", topic}, &bytes.Buffer{}); err == nil {
		t.Error("an unknown peer is no error")
	}
}
