// SPDX-License-Identifier: Apache-2.0

package text

import (
	"slices"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
)

// doubleByte decodes a charset of one- and two-byte characters as the JDK's DoubleByte.Decoder does. x/text knows the
// same characters but recovers from malformed input differently: how many bytes a replacement stands for differs.
type doubleByte struct {
	single [256]rune          // 0: no character of one byte
	pairs  [256]*[256]rune    // by leading byte; nil: not one
	build  func() *doubleByte // made on first use: it takes some milliseconds
}

// newDoubleByte makes the tables of a charset from x/text's, but for single bytes that the JDK's lacks.
func newDoubleByte(e encoding.Encoding, lacks ...byte) *doubleByte {
	return &doubleByte{build: sync.OnceValue(func() *doubleByte {
		t := &doubleByte{}
		dec := e.NewDecoder()
		one := func(p ...byte) rune {
			out, err := dec.Bytes(p)
			r, size := utf8.DecodeRune(out)
			if err != nil || r == utf8.RuneError || size != len(out) {
				return 0
			}
			return r
		}
		for b := range 256 {
			if t.single[b] = one(byte(b)); slices.Contains(lacks, byte(b)) {
				t.single[b] = 0
			}
			if b < 0x80 || b != 0 && t.single[b] != 0 {
				continue
			}
			for trail := 0x40; trail < 256; trail++ {
				if r := one(byte(b), byte(trail)); r != 0 {
					if t.pairs[b] == nil {
						t.pairs[b] = &[256]rune{}
					}
					t.pairs[b][trail] = r
				}
			}
		}
		return t
	})}
}

// appendDecode appends the characters of b as UTF-8.
func (d *doubleByte) appendDecode(dst, b []byte) []byte {
	t := d.build()
	for i := 0; i < len(b); {
		b1 := b[i]
		i++
		switch {
		case b1 == 0 || t.single[b1] != 0:
			dst = utf8.AppendRune(dst, t.single[b1])
			continue
		case i == len(b):
			return append(dst, replacement...)
		}
		b2 := b[i]
		if t.pairs[b1] != nil && t.pairs[b1][b2] != 0 {
			dst = utf8.AppendRune(dst, t.pairs[b1][b2])
			i++
			continue
		}
		dst = append(dst, replacement...)
		// The second byte goes with the first only when it could not begin anything itself.
		if t.pairs[b1] != nil && t.pairs[b2] == nil && t.single[b2] == 0 {
			i++
		}
	}
	return dst
}
