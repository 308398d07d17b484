// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
)

func TestParseConnectorFile(t *testing.T) {
	f := func(text, name, state string, config map[string]string) {
		t.Helper()
		got, err := ParseConnectorFile("c.json", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		m := got.Config.Strings()
		if got.Name != name || got.InitialState != state || len(m) != len(config) {
			t.Fatalf("%s: got %+v %v", text, got, m)
		}
		for k, v := range config {
			if m[k] != v {
				t.Fatalf("%s: %s is %q, want %q", text, k, m[k], v)
			}
		}
	}
	// flat JSON; numbers keep their text
	f(`{"name":"a","n":1.50,"b":true,"z":null,"big":12345678901234567890}`, "a", "",
		map[string]string{"name": "a", "n": "1.50", "b": "true", "big": "12345678901234567890"})
	// a create request, with the name filled in and unknown members passed over
	f(`{"name":"a","config":{"k":"v"},"initial_state":"paused","x":[1]}`, "a", "PAUSED",
		map[string]string{"name": "a", "k": "v"})
	f(`{"name":"a","config":{"name":"a"}}`, "a", "", map[string]string{"name": "a"})
	// properties
	f("name=a\nk=v \n", "a", "", map[string]string{"name": "a", "k": "v "})
}

func TestParseConnectorFileErrors(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := ParseConnectorFile("c.json", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Fatalf("%s: got %v, want %s", text, err, want)
		}
	}
	f(`{"k":"v"}`, "Connector configuration at 'c.json' is missing the mandatory 'name' configuration")
	f(`k=v`, "Connector configuration at 'c.json' is missing the mandatory 'name' configuration")
	f(`{"name":"a","config":{"name":"b"}}`,
		"Connector name configuration in 'config' doesn't match the one specified in 'name' at 'c.json'")
	f(`{"name":"a","config":{},"initial_state":"x"}`, "Connector configuration at 'c.json': Unknown initial_state x")
	f(`{"name":"a",}`, "Connector configuration at 'c.json' is missing the mandatory 'name' configuration; it was read")
	f("a=\\u1", "c.json:1: ")
}

func FuzzParseConnectorFile(f *testing.F) {
	for _, s := range []string{`{"name":"a"}`, `{"name":"a","config":{"k":1}}`, "name=a", `[1]`, `{"a":{"b":`, "", "null"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		req, err := ParseConnectorFile("f", raw)
		if err != nil {
			return
		}
		if _, ok := req.Config["name"]; !ok {
			t.Fatalf("%q: no name in %v", raw, req)
		}
	})
}

func FuzzCheckRegex(f *testing.F) {
	for _, s := range []string{"a", "[a&&[^b]]", `\p{IsLatin}+?`, "(?x)# c\n(?<n>a)\\k<n>", `\Q[\E`, "a{1,2}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if err := CheckRegex(s); err != nil && err.Error() == "" {
			t.Fatal("an error without text")
		}
	})
}
