// SPDX-License-Identifier: Apache-2.0

package kafkadefs

import (
	"strings"
	"testing"

	"github.com/penstock-io/penstock/config"
)

func TestAllDefinitionsLoad(t *testing.T) {
	if len(Names()) < 70 {
		t.Fatalf("only %d definitions", len(Names()))
	}
	for _, class := range Names() {
		d := MustGet(class)
		seen := map[string]bool{}
		for _, k := range d {
			info := k.Info()
			if info.Doc == "" || info.DisplayName == "" || seen[info.Name] {
				t.Errorf("%s: %+v", class, info)
			}
			seen[info.Name] = true
		}
	}
	if _, ok := Get("no.such.Class"); ok {
		t.Error("found a class that is not there")
	}
}

func TestDocsNameRealKeys(t *testing.T) {
	known := map[string]bool{}
	for _, class := range Names() {
		base, _, _ := strings.Cut(class, "#")
		simple, _, _ := strings.Cut(base[strings.LastIndexByte(base, '.')+1:], "$")
		for _, name := range MustGet(class).Names() {
			known[name] = true
			known[simple+"/"+name] = true
		}
	}
	for key := range loadDocs() {
		if !known[key] {
			t.Errorf("docs.txt: %s is no key", key)
		}
	}
}

func TestDefaultsAreValid(t *testing.T) {
	for _, class := range Names() {
		for _, k := range MustGet(class) {
			info := k.Info()
			if info.Required || info.Validator == nil || info.Default == nil {
				continue
			}
			if err := info.Validator.Validate(info.Name, info.Default); err != nil {
				t.Errorf("%s: %v", class, err)
			}
		}
	}
}

func TestPluginVersion(t *testing.T) {
	f := func(value any, want string) {
		t.Helper()
		got := ""
		if err := pluginVersion.Validate("k", value); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Fatalf("%v: got %q, want %q", value, got, want)
		}
	}
	for _, ok := range []string{
		"", "latest", "LATEST", "1", "1,2", "[1]", "[1,1]", "(1,2)", "[1,2),[3,4]", "[a,b]", "[1.0-alpha,1.0]", "(,)", "[,]",
		"[]", "( ,1]", "[1,2] , [3,]", " [1] ", "[1.0.0,1]", "bad[",
	} {
		f(ok, "")
	}
	f(nil, "")
	f("[1,2", "Unbounded range: [1,2")
	f("[", "Unbounded range: [")
	f("[2,1]", "Range defies version ordering: [2,1]")
	f("[b,a]", "Range defies version ordering: [b,a]")
	f("[1.0,1.0-alpha]", "Range defies version ordering: [1.0,1.0-alpha]")
	f("[1.10,1.9]", "Range defies version ordering: [1.10,1.9]")
	f("[1-sp,1-ga]", "Range defies version ordering: [1-sp,1-ga]")
	f("(1)", "Single version must be surrounded by []: (1)")
	f("[1,3),[2,4]", "Ranges overlap: [1,3),[2,4]")
	f("[1,2)x", "Only fully-qualified sets allowed in multiple set scenario: [1,2)x")
	f("]", "Only fully-qualified sets allowed in multiple set scenario: []]")
}

func TestOffsetReset(t *testing.T) {
	f := func(value string, ok bool) {
		t.Helper()
		if err := offsetReset.Validate("k", value); (err == nil) != ok {
			t.Fatalf("%s: got %v", value, err)
		}
	}
	for _, s := range []string{"latest", "none", "by_duration:P1D", "by_duration:pt1h2m3.5s", "by_duration:P+1DT-1H"} {
		f(s, true)
	}
	for _, s := range []string{
		"LATEST", "by_duration", "by_duration:", "by_duration:-PT1S", "by_duration:PT-1S", "by_durationPT1S", "by_duration:PT",
		"by_duration:P", "by_duration:P1DT", "by_duration:PT1.5H",
	} {
		f(s, false)
	}
}

func TestResponseHeaders(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		got := ""
		if err := responseHeaders.Validate("k", value); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Fatalf("%s: got %q, want %q", value, got, want)
		}
	}
	f("", "")
	f(`add X-Frame-Options: DENY, "set Cache-Control: no-cache, no-store", SETDATE Date: 1`, "")
	f("bad", "Invalid format of header config 'bad'. Expected: '[action] [header name]:[header value]'")
	f("put A: b", "Invalid header config action: 'put'. Expected one of [set, add, setDate, addDate]")
	f("add A", "Invalid format of header name and header value pair 'A'. Expected: '[header name]:[header value]'")
	f("add A B: c", "Invalid header name 'A B'. The '[header name]' cannot contain whitespace")
}

func TestTopicCreation(t *testing.T) {
	v, err := TopicCreation("logs", 2, 7).ParseStrings(nil)
	if err != nil || v.Short("replication.factor") != 2 || v.Int("partitions") != 7 {
		t.Fatalf("got %v, %v", v, err)
	}
	if i, _ := TopicCreation("logs", 2, 7).Find("include"); i.Group != "logs" || !strings.HasSuffix(i.DisplayName, " logs") {
		t.Fatalf("got %+v", i)
	}
	if _, err := TopicCreation("default", 1, 1).ParseStrings(nil); err == nil {
		t.Fatal("the default group has required keys")
	}
}

func TestWithPlugins(t *testing.T) {
	d := WithPlugins(MustGet(Connector), Plugins{
		Converters: func() []config.Class { return []config.Class{{Name: "a.C"}} },
		Versions:   func(class string) []string { return []string{"1 of " + class} },
	})
	for _, v := range d.Validate(config.NewProps(map[string]string{"connector.class": "X"})) {
		switch v.Name {
		case "key.converter":
			if len(v.Recommended) != 1 || v.Recommended[0] != any(config.Class{Name: "a.C"}) {
				t.Errorf("got %v", v.Recommended)
			}
		case "connector.plugin.version":
			if len(v.Recommended) != 1 || v.Recommended[0] != "1 of X" || !v.Visible {
				t.Errorf("got %+v", v)
			}
		case "header.converter", "key.converter.plugin.version":
			if len(v.Recommended) != 0 {
				t.Errorf("got %+v", v)
			}
		}
	}
}

func TestClass(t *testing.T) {
	c, ok := Class("org.apache.kafka.connect.json.JsonConverter")
	if !ok || c.Kinds != config.KindConverter|config.KindHeaderConverter || c.Abstract || c.Private {
		t.Errorf("got %+v", c)
	}
	if c, _ = Class("org.apache.kafka.connect.transforms.Cast"); !c.Abstract ||
		c.Children != "org.apache.kafka.connect.transforms.Cast$Key, org.apache.kafka.connect.transforms.Cast$Value" {
		t.Errorf("got %+v", c)
	}
	if _, ok = Class("JsonConverter"); ok {
		t.Error("aliases are not for this table")
	}
}
