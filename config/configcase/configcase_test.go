// SPDX-License-Identifier: Apache-2.0

package configcase

import "testing"

func TestRun(t *testing.T) {
	f := func(op, line string, wantPass, wantErr bool) {
		t.Helper()
		pass, got, err := Run(op, []byte(line))
		if pass != wantPass || (err != nil) != wantErr {
			t.Fatalf("%s: got %v %s %v", line, pass, got, err)
		}
	}
	f("cfg.parse", `{"def":[{"name":"k","type":"INT"}],"config":{"k":"1"},"expect":{"parsed":{"k":{"i32":1}}}}`, true, false)
	f("cfg.parse", `{"def":[{"name":"k","type":"INT"}],"config":{"k":"1"},"expect":{"parsed":{"k":{"i32":2}}}}`, false, false)
	// floats compare as numbers, the text of the regex compiler does not compare
	f("cfg.parse", `{"def":[{"name":"k","type":"DOUBLE","default":"1"}],"config":{},"expect":{"parsed":{"k":{"f64":"1e0"}}}}`,
		true, false)
	f("cfg.parse", `{"class":"org.apache.kafka.connect.transforms.RegexRouter","config":{"regex":"["},"expect":{"error":`+
		`{"phase":"parse","class":"org.apache.kafka.common.config.ConfigException","message":`+
		`"Invalid value [ for configuration regex: Invalid regex: whatever"}}}`, true, false)
	f("cfg.parse", `{"class":"no.such.Class","config":{},"expect":{}}`, false, true)
	f("other", `{"def":[],"config":{},"expect":{}}`, false, true)
	f("cfg.parse", `{`, false, true)
}
