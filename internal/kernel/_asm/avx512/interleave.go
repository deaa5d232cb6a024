package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

func interleaves() {
	interleave16()
	interleave8()
}

// transpose16 transposes 16×16 words from in to out, both 16 registers; in is destroyed.
// out[j] holds word j of all rows.
func transpose16(in, tmp []reg.VecPhysical) []reg.VecPhysical {
	for i := 0; i < 16; i += 2 {
		VPUNPCKLDQ(in[i+1], in[i], tmp[i])
		VPUNPCKHDQ(in[i+1], in[i], tmp[i+1])
	}
	// Per four rows 4q…4q+3, in[4q+c] becomes words c, c+4, c+8, c+12 in its four lanes.
	for q := 0; q < 16; q += 4 {
		VPUNPCKLQDQ(tmp[q+2], tmp[q], in[q])
		VPUNPCKHQDQ(tmp[q+2], tmp[q], in[q+1])
		VPUNPCKLQDQ(tmp[q+3], tmp[q+1], in[q+2])
		VPUNPCKHQDQ(tmp[q+3], tmp[q+1], in[q+3])
	}
	out := make([]reg.VecPhysical, 16)
	for c := range 4 {
		a, b, e, f := in[c], in[4+c], in[8+c], in[12+c]
		lo01, hi01, lo23, hi23 := tmp[4*c], tmp[4*c+1], tmp[4*c+2], tmp[4*c+3]
		VSHUFI32X4(Imm(0x44), b, a, lo01) // a0 a1 b0 b1
		VSHUFI32X4(Imm(0xee), b, a, hi01) // a2 a3 b2 b3
		VSHUFI32X4(Imm(0x44), f, e, lo23)
		VSHUFI32X4(Imm(0xee), f, e, hi23)
		VSHUFI32X4(Imm(0x88), lo23, lo01, a) // a0 b0 e0 f0
		VSHUFI32X4(Imm(0xdd), lo23, lo01, b)
		VSHUFI32X4(Imm(0x88), hi23, hi01, e)
		VSHUFI32X4(Imm(0xdd), hi23, hi01, f)
		out[c], out[c+4], out[c+8], out[c+12] = a, b, e, f
	}
	return out
}

func interleave16() {
	TEXT("interleave16", NOSPLIT, "func(dst, src *uint32, n int)")
	Pragma("noescape")
	dst, src, n := Ptr("dst"), Ptr("src"), Ptr("n")
	stride := GP64()
	MOVQ(n, stride)
	SHLQ(Imm(2), stride)
	row, advance := RowPointers(src, stride, 16)
	CMPQ(n, Imm(16))
	JL(LabelRef("tail"))
	Label("full")
	for i := range 16 {
		VMOVDQU32(row(i), zmm[i])
	}
	for j, r := range transpose16(zmm[0:16], zmm[16:32]) {
		VMOVDQU32(r, At(dst, 64*j))
	}
	advance(Imm(64))
	Add(16*64, dst)
	SUBQ(Imm(16), n)
	CMPQ(n, Imm(16))
	JGE(LabelRef("full"))
	Label("tail")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	mask := tailMask(n)
	for i := range 16 {
		VMOVDQU32_Z(row(i), mask, zmm[i])
	}
	for j, r := range transpose16(zmm[0:16], zmm[16:32]) {
		VMOVDQU32(r, At(dst, 64*j))
		CMPQ(n, Imm(uint64(j+1)))
		JE(LabelRef("done"))
	}
	Label("done")
	VZEROUPPER()
	RET()
}

// tailMask returns a mask of the n lowest lanes, 0 < n < 64.
func tailMask(n reg.GPVirtual) reg.OpmaskVirtual {
	bits := GP64()
	MOVQ(I64(-1), bits)
	BZHIQ(n, bits, bits)
	k := K()
	KMOVQ(bits, k)
	return k
}

func interleave8() {
	TEXT("interleave8", NOSPLIT, "func(dst, src *uint32, n int)")
	Pragma("noescape")
	ymm := make([]reg.VecPhysical, 16)
	for i := range ymm {
		ymm[i] = zmm[i].AsY().(reg.VecPhysical)
	}
	dst, src, n := Ptr("dst"), Ptr("src"), Ptr("n")
	stride := GP64()
	MOVQ(n, stride)
	SHLQ(Imm(2), stride)
	row, advance := RowPointers(src, stride, 8)
	CMPQ(n, Imm(8))
	JL(LabelRef("tail"))
	Label("full")
	for i := range 8 {
		VMOVDQU(row(i), ymm[i])
	}
	for j, r := range Transpose8(ymm[0:8], ymm[8:16]) {
		VMOVDQU(r, At(dst, 32*j))
	}
	advance(Imm(32))
	Add(8*32, dst)
	SUBQ(Imm(8), n)
	CMPQ(n, Imm(8))
	JGE(LabelRef("full"))
	Label("tail")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	mask := tailMask(n)
	for i := range 8 {
		VMOVDQU32_Z(row(i), mask, ymm[i])
	}
	for j, r := range Transpose8(ymm[0:8], ymm[8:16]) {
		VMOVDQU(r, At(dst, 32*j))
		CMPQ(n, Imm(uint64(j+1)))
		JE(LabelRef("done"))
	}
	Label("done")
	VZEROUPPER()
	RET()
}
