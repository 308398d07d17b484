// SPDX-License-Identifier: Apache-2.0

//go:build !penstock_simd || !amd64

package jsontext

// wide reports that plainBlocks works here.
const wide = false

func plainBlocks(*byte, int) int { return 0 }
