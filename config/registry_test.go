// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"testing"
)

func TestRegistry(t *testing.T) {
	r := NewRegistry[int]("connector", "Connector")
	r.Register("a.FileStreamSourceConnector", 1)
	r.Register("a.ConnectorConnectorTool", 2)
	r.Register("b.Dup", 3)
	r.Register("c.Dup", 4)
	r.Register("t.Cast$Key", 5)
	r.Register("t.Flatten$Key", 6)
	r.Register("d.ConnectorX", 7)
	f := func(name string, want int, wantClass string) {
		t.Helper()
		got, class, ok := r.Lookup(name)
		if got != want || class != wantClass || ok != (want != 0) {
			t.Fatalf("%s: got %d %s %v", name, got, class, ok)
		}
	}
	f("a.FileStreamSourceConnector", 1, "a.FileStreamSourceConnector")
	f("FileStreamSourceConnector", 1, "a.FileStreamSourceConnector")
	f("FileStreamSource", 1, "a.FileStreamSourceConnector")
	// the suffix counts where it occurs last, and what follows goes with it
	f("Connector", 2, "a.ConnectorConnectorTool")
	f("ConnectorX", 7, "d.ConnectorX") // not cut: the suffix is at its start
	f("ConnectorConnectorTool", 2, "a.ConnectorConnectorTool")
	// two classes of one alias: neither has it
	f("Dup", 0, "")
	f("c.Dup", 4, "c.Dup")
	f("Key", 0, "")
	f("t.Cast$Key", 5, "t.Cast$Key")
	f("filestreamsource", 0, "")
	own := NewRegistry[int]("transformation", "Transformation")
	for i, c := range []string{"x.Filter", "y.Filter", "org.apache.kafka.Filter", "z.Filter", "org.apache.kafka.A$Key", "org.apache.kafka.B$Key", "org.apache.kafka.C$Key", "x.A$Key"} {
		own.Register(c, i)
	}
	// Kafka's own class has an alias that others claim, too
	if i, class, ok := own.Lookup("Filter"); i != 2 || class != "org.apache.kafka.Filter" || !ok {
		t.Errorf("Filter is %s", class)
	}
	if _, class, ok := own.Lookup("Key"); ok {
		t.Errorf("Key is %s", class)
	}
	if got := r.Suggest("filestreamsource"); got != "FileStreamSource" {
		t.Errorf("suggested %q", got)
	}
	if got := r.Aliases("a.FileStreamSourceConnector"); !slices.Equal(got, []string{"FileStreamSource", "FileStreamSourceConnector"}) {
		t.Errorf("aliases %v", got)
	}
	if got := r.Names(); len(got) != 7 || !slices.IsSorted(got) {
		t.Errorf("names %v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a duplicate passed")
		}
	}()
	r.Register("b.Dup", 8)
}

func TestNearest(t *testing.T) {
	known := []string{"connector.class", "tasks.max", "topics", "errors.tolerance", "key.converter"}
	f := func(name, want string) {
		t.Helper()
		if got := Nearest(name, known); got != want {
			t.Fatalf("%s: got %q, want %q", name, got, want)
		}
	}
	f("Connector.class", "connector.class")
	f("tasks_max", "tasks.max")
	f("task.max", "tasks.max")
	f("topcis", "topics")
	f("errors.tolerence", "errors.tolerance")
	f("topics", "")
	f("something.else", "")
	f("", "")
}

func TestUnknownKeys(t *testing.T) {
	d := Def{String("connector.class"), List("transforms")}
	got := UnknownKeys(NewProps(map[string]string{
		"Connector.class": "x", "transforms.a.type": "y", "zzz": "1", "transforms": "a",
	}), []Def{d}, []string{"transforms."})
	if len(got) != 2 || got[0].String() != "unknown configuration Connector.class; did you mean connector.class?" ||
		got[1].String() != "unknown configuration zzz" {
		t.Fatalf("got %v", got)
	}
}
