// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math"
	"testing"

	"github.com/penstock-io/penstock/internal/java/simpledate"
)

func TestDayMemo(t *testing.T) {
	f := func(pattern string) {
		t.Helper()
		format, err := simpledate.New(pattern, nil)
		if err != nil {
			t.Fatal(err)
		}
		var m dayMemo
		for _, base := range []int64{0, -1000, 1700000000000, -62135596800000, math.MinInt64, math.MaxInt64 - 172_800_000} {
			for _, ms := range []int64{0, 0, 1, 11, 111, 999, 1000, 1001, 500, 500, 501, 1999, 7, 8, 2000, 2000,
				3_599_999, 3_600_000, 43_199_999, 43_200_000, 46_800_123, 79_200_000, 86_399_999, 86_400_000, 86_400_001, 86_400_002, 86_400_003, 86_400_004, 172_799_999} {
				got := string(m.append(nil, format, base+ms))
				if want := format.Format(base + ms); got != want {
					t.Errorf("%s: %d: got %s, want %s", pattern, base+ms, got, want)
				}
			}
		}
	}
	f("yyyy-MM-dd'T'HH:mm:ss.SSS")
	f("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'")
	f("SSSss")
	f("yyyy-MM-dd")
	f("HH:mm:ss")
	// widths that the digits change, and two places
	f("ss.S")
	f("ss.SS")
	f("ss.SSSS")
	f("SSS-SSS")
	f("SSSSSS")
	f("'111'SSS'000'")
	// other ways to count hours
	f("hh:mm:ss a")
	f("KK:mm")
	f("kk:mm")
	f("K:mm:ss")
	f("H:mm")
	f("a")
	f("HH a")
	f("yyyyMMddHHmmssSSS")
	f("SSS ss mm HH")
	f("D w u")
	f("EEEE, d MMMM yyyy G HH:mm:ss.SSS z")
}
