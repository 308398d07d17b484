// SPDX-License-Identifier: Apache-2.0

//go:build penstock_simd

#include "textflag.h"

// func plainBlocks(p *byte, n int) int
//
// Y0 quotes, Y1 backslashes, Y2 blanks. As signed bytes, what is below a blank is a control or beyond ASCII.
TEXT ·plainBlocks(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	XORQ AX, AX
	MOVL $0x22, DX
	VMOVD DX, X0
	VPBROADCASTB X0, Y0
	MOVL $0x5C, DX
	VMOVD DX, X1
	VPBROADCASTB X1, Y1
	MOVL $0x20, DX
	VMOVD DX, X2
	VPBROADCASTB X2, Y2
	SUBQ $32, CX

block:
	CMPQ AX, CX
	JGT  done
	VMOVDQU (SI)(AX*1), Y3
	VPCMPEQB Y0, Y3, Y4
	VPCMPEQB Y1, Y3, Y5
	VPCMPGTB Y3, Y2, Y6
	VPOR Y4, Y5, Y4
	VPOR Y4, Y6, Y4
	VPMOVMSKB Y4, DX
	TESTL DX, DX
	JNZ  found
	ADDQ $32, AX
	JMP  block

found:
	BSFL DX, DX
	ADDQ DX, AX

done:
	VZEROUPPER
	MOVQ AX, ret+16(FP)
	RET
