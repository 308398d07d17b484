// SPDX-License-Identifier: Apache-2.0

package jsontext

import (
	"strings"
	"testing"
)

// endOfPlain is PlainEnd byte by byte.
func endOfPlain(b []byte, i int) int {
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' && b[i] < 0x80 {
		i++
	}
	return i
}

func checkPlain(t *testing.T, b []byte, i int) {
	t.Helper()
	want := endOfPlain(b, i)
	if got := plainEnd(b, i); got != want {
		t.Fatalf("by words, %q from %d: %d, want %d", b, i, got, want)
	}
	if got := PlainEnd(b, i); got != want {
		t.Fatalf("%q from %d: %d, want %d", b, i, got, want)
	}
}

// TestPlainEnd puts every byte at every place of texts of many lengths. Run it with the build tag penstock_simd, too.
func TestPlainEnd(t *testing.T) {
	for n := range 140 {
		b := []byte(strings.Repeat("plain text ~!", 12)[:n])
		for from := 0; from <= n; from += 7 {
			checkPlain(t, b, from)
		}
		for at := range n {
			old := b[at]
			for _, c := range []byte{0, 0x1f, 0x20, 0x21, '"', '#', '[', '\\', ']', 0x7f, 0x80, 0xc3, 0xff} {
				b[at] = c
				checkPlain(t, b, 0)
				checkPlain(t, b, at/2)
			}
			b[at] = old
		}
	}
}

// FuzzPlainEnd compares what the build has with the twin by words and the loop over bytes.
func FuzzPlainEnd(f *testing.F) {
	f.Add([]byte(strings.Repeat("x", 100)+"\"\\\x1f\x80"), 3)
	f.Add([]byte(strings.Repeat("é", 40)), 0)
	f.Fuzz(func(t *testing.T, b []byte, i int) {
		if i >= 0 && i <= len(b) {
			checkPlain(t, b, i)
		}
	})
}

var sink int

func BenchmarkPlainEnd(b *testing.B) {
	text := []byte(strings.Repeat("the quick brown fox ", 500))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		sink += PlainEnd(text, 0)
	}
}
