// SPDX-License-Identifier: Apache-2.0

package offsetkey

import "testing"

func TestAppendJava(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got, err := AppendJava(nil, []byte(text))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	f(`{ "filename" : "\/tmp\/\u0061 b" }`, `{"filename":"/tmp/a b"}`)
	f("{\"z\":1,\n\"a\":[ 1 , {\"x\":null}, [] ], \"n\": -0}", `{"z":1,"a":[1,{"x":null},[]],"n":0}`)
	f(`{"t": true, "f": 1.50, "e":1E2, "é":"\ud83d\ude00"}`, `{"t":true,"f":1.5,"e":100.0,"é":"\uD83D\uDE00"}`)
	f(` null `, `null`)
	f(`{}`, `{}`)
	for _, bad := range []string{"", "{", `{"a" 1}`, "[1,", "nope"} {
		if got, err := AppendJava(nil, []byte(bad)); err == nil {
			t.Errorf("%s became %s", bad, got)
		}
	}
}
