// SPDX-License-Identifier: Apache-2.0

//go:build penstock_simd

package jsontext

import "golang.org/x/sys/cpu"

// wide reports that plainBlocks works here.
var wide = cpu.X86.HasAVX2

// plainBlocks returns how many bytes at p, of n, are before the first one that ends a plain run, as far as whole blocks of 32
// bytes tell: when it finds none it stops at the last block's end.
//
//go:noescape
func plainBlocks(p *byte, n int) int
