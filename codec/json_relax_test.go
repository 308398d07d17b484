// SPDX-License-Identifier: Apache-2.0

package codec

import "testing"

// TestRelax holds what Jackson 2.21 answered.
func TestRelax(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, err := relax(nil, []byte(in))
		if want == "!" {
			if err == nil {
				t.Errorf("%q: got %s, want an error", in, got)
			}
			return
		}
		if err != nil || string(got) != want {
			t.Errorf("%q: got %s %v, want %s", in, got, err, want)
		}
	}
	f("true,", "true")
	f("truex", "!")
	f("true\"", "true")
	f("null$", "null")
	f("true:", "true")
	f("trueé", "!")
	f("\"\xf0\x80\x80\x80\"", `"\uffc0\udc00"`)
	f("\"\xf7\xbf\xbf\xbf\"", `"\udfbf\udfff"`)
	f("\"\xe0\x80\x80\"", `"\u0000"`)
	f("\"\xed\xa0\x80\"", "!")
	f(`{"a":1}x`, `{"a":1}`)
	f("1 x", "1")
	f("1,2", "!")
	f("\xef\xbb\xbf", "!")
	f("\xef\xbb\xbf1", "1")
	f("-0012.50", "-12.50")
	f(" { \"a\" : [ 00 ] } ", `{"a":[0]}`)
	f("1e2147483648", "1e999999999")
	f("1e2147483649", "!")
	f("  ", "")
}

func TestBase64AsJackson(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, err := appendBase64(nil, []byte(in))
		if want == "!" {
			if err == nil {
				t.Errorf("%q: got %q, want an error", in, got)
			}
			return
		}
		if err != nil || string(got) != want {
			t.Errorf("%q: got %q %v, want %q", in, got, err, want)
		}
	}
	f("AQID ", "\x01\x02\x03")
	f(" AQ== ", "\x01")
	f("AQI=AQ==", "\x01\x02\x01")
	f(" ", "")
	f("AQIDB", "!")
	f("A Q==", "!")
	f("AQ", "!")
	f("_-8=", "!")
}
