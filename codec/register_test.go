// SPDX-License-Identifier: Apache-2.0

package codec

import "testing"

func TestAliases(t *testing.T) {
	f := func(name, converter, header string) {
		t.Helper()
		if _, class, _ := Registry.Lookup(name); class != converter {
			t.Errorf("converter %s: %q, want %q", name, class, converter)
		}
		if _, class, _ := HeaderRegistry.Lookup(name); class != header {
			t.Errorf("header converter %s: %q, want %q", name, class, header)
		}
	}
	const json, bytes = "org.apache.kafka.connect.json.JsonConverter", "org.apache.kafka.connect.converters.ByteArrayConverter"
	f("Json", json, json)
	f("JsonConverter", json, json)
	f("ByteArray", bytes, bytes)
	f("String", stringConverter, stringConverter)
	f("Simple", "", simpleHeaderConverter)
	f("SimpleHeaderConverter", "", simpleHeaderConverter)
	f("Nothing", "", "")
}
