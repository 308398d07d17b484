// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// key is a member's name as it stands in the text: with its quotes and the colon right behind, so that a key that was
// predicted is compared at once.
type key struct {
	quoted string
	// What two loads of eight bytes find, at its start and at next, under a mask where it is shorter: that is all of a key
	// of up to 16 bytes.
	head, tail, mask uint64
	next             int
}

func newKey(quoted string) key {
	k := key{quoted: quoted, mask: ^uint64(0)}
	p := append([]byte(quoted), make([]byte, 8)...)
	switch n := len(quoted); {
	case n < 8:
		k.mask = 1<<(8*n) - 1
	case n <= 16:
		k.next = n - 8
	default:
		k.next = 8
	}
	k.head, k.tail = load(p, 0), load(p, k.next)
	return k
}

func load(p []byte, i int) uint64 { return binary.LittleEndian.Uint64(p[i:]) }

// matches reports whether the key is what stands at i of the slab that starts at base, in a row that goes to end.
func (k *key) matches(base unsafe.Pointer, i, end int) bool {
	return ((wordAt(base, i)^k.head)|(wordAt(base, i+k.next)^k.tail))&k.mask == 0 && (len(k.quoted) <= 16 || k.long(base, i, end))
}

func (k *key) long(base unsafe.Pointer, i, end int) bool {
	n := len(k.quoted)
	return i+n <= end && unsafe.String((*byte)(unsafe.Add(base, i)), n) == k.quoted
}

// keyIndex finds keys that prediction missed, by a hash of their first and last eight bytes. It may forget and may be
// wrong: whoever asks compares the key it names, and has a map for the rest.
type keyIndex struct{ slots []int32 }

const keySlots = 1024

// quotedAt is the length, with quotes and colon, of the plain key at i; 0 when it is none, or not one for keyIndex.
func quotedAt(base unsafe.Pointer, i, end int) int {
	if byteAt(base, i) != '"' {
		return 0
	}
	next := plainString(base, i+1, end)
	if next < 0 || next >= end || byteAt(base, next) != ':' {
		return 0
	}
	return next + 1 - i
}

// slot is where the key of n bytes at p belongs; eight bytes may be read from p on.
func (x *keyIndex) slot(p unsafe.Pointer, n int) *int32 {
	if x.slots == nil {
		x.slots = make([]int32, keySlots)
	}
	h := wordAt(p, 0)
	if n < 8 {
		h &= 1<<(8*n) - 1
	} else {
		h = bits.RotateLeft64(h, 21) ^ wordAt(p, n-8)
	}
	h = (h ^ uint64(n)) * 0x9E3779B97F4A7C15
	return &x.slots[h>>(64-10)]
}
