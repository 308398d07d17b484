// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/penstock-io/penstock/batch"
)

func TestValueRoundTrip(t *testing.T) {
	f := func(schema, value string) {
		t.Helper()
		s, v, err := SchemaAndValue(json.RawMessage(schema), json.RawMessage(value))
		if err != nil {
			t.Fatal(err)
		}
		js, _ := json.Marshal(EncodeSchema(s))
		jv, _ := json.Marshal(EncodeValue(v))
		s2, v2, err := SchemaAndValue(js, jv)
		if err != nil {
			t.Fatalf("%s %s: %v", js, jv, err)
		}
		if !s.Equal(s2) || !batch.ValueEqual(v, v2) {
			t.Errorf("%s %s reads back as %s", schema, value, Show(s2, v2))
		}
	}
	f(`null`, `null`)
	f(`null`, `{"array":[true,{"i8":1},{"i64":"-5"},{"f32":"1.5"},{"f64":"NaN"},{"bytes":"AQ=="}]}`)
	f(`{"type":"STRUCT","name":"n","version":2,"doc":"d","params":[],"fields":[{"name":"a","schema":{"type":"INT32","default":{"i32":5}}}]}`, `{"struct":{"f":[["a",{"i32":1}]]}}`)
	f(`{"type":"MAP","keySchema":{"type":"STRING"},"valueSchema":null}`, `{"map":[["a",{"dec":{"unscaled":"12","scale":1}}]]}`)
	f(`null`, `{"u16":[55296,97]}`)
}

func TestErrorMatches(t *testing.T) {
	msg := "x is [B@* here"
	e := &Error{Class: batch.DataException, Message: &msg}
	if d := e.Matches(batch.DataFault("x is [B@1f2e here")); d != "" {
		t.Error(d)
	}
	if e.Matches(batch.DataFault("x is [B@1f2e there")) == "" || e.Matches(nil) == "" {
		t.Error("a wrong message matched")
	}
	if (&Error{Class: "java.lang.NullPointerException"}).Matches(errors.New("anything")) != "" {
		t.Error("without a message any error matches")
	}
}
