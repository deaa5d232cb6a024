package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// softmaxRow takes two passes over n > 0 vectors of 8 scores.
func softmaxRow() {
	TEXT("softmaxRow", NOSPLIT, "func(s *float32, n int) float32")
	Pragma("noescape")
	s, n := Ptr("s"), Ptr("n")
	m, t, total := ymm[6], ymm[7], ymm[8]
	VMOVUPS(Mem{Base: s}, m)
	at, left := GP64(), GP64()
	MOVQ(s, at)
	MOVQ(n, left)
	Loop("max", left, func() {
		VMAXPS(Mem{Base: at}, m, m)
		Add(32, at)
	})
	maxAcross(m, t)
	VBROADCASTSS(m.AsX(), m)
	zero(total)
	Loop("exp", n, func() {
		VMOVUPS(Mem{Base: s}, t)
		VSUBPS(m, t, t)
		exp(t, ymm[3], ymm[4], ymm[5])
		VMOVUPS(t, Mem{Base: s})
		VADDPS(t, total, total)
		Add(32, s)
	})
	reduce(total, t)
	Store(total.AsX(), ReturnIndex(0))
	done()
}

// accumulateF16 walks all rows once per 32 columns, then per 8; n is a multiple of 8.
func accumulateF16() {
	TEXT("accumulateF16", NOSPLIT, "func(out, p *float32, v *uint16, ldv, rows, n int)")
	Pragma("noescape")
	out, v, ldv, n := Ptr("out"), Ptr("v"), Ptr("ldv"), Ptr("n")
	SHLQ(Imm(1), ldv)
	columns := func(label string, vectors int) {
		p, left, row := Ptr("p"), Ptr("rows"), GP64()
		MOVQ(v, row)
		for i := range vectors {
			VMOVUPS(At(out, 32*i), ymm[i])
		}
		Loop(label, left, func() {
			VBROADCASTSS(Mem{Base: p}, ymm[8])
			for i := range vectors {
				VCVTPH2PS(At(row, 16*i), ymm[4+i])
				VFMADD231PS(ymm[4+i], ymm[8], ymm[i])
			}
			ADDQ(ldv, row)
			Add(4, p)
		})
		for i := range vectors {
			VMOVUPS(ymm[i], At(out, 32*i))
		}
		Add(32*vectors, out)
		Add(16*vectors, v)
	}
	Label("wide")
	CMPQ(n, Imm(32))
	JL(LabelRef("narrow"))
	columns("wideRow", 4)
	Add(-32, n)
	JMP(LabelRef("wide"))
	Label("narrow")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	columns("narrowRow", 1)
	Add(-8, n)
	JMP(LabelRef("narrow"))
	Label("done")
	done()
}

// maxAcross leaves the largest lane of v in its lowest.
func maxAcross(v, tmp reg.VecPhysical) {
	VEXTRACTF128(Imm(1), v, tmp.AsX())
	VMAXPS(tmp.AsX(), v.AsX(), v.AsX())
	VPERMILPD(Imm(1), v.AsX(), tmp.AsX())
	VMAXPS(tmp.AsX(), v.AsX(), v.AsX())
	VPSHUFD(Imm(0x55), v.AsX(), tmp.AsX())
	VMAXSS(tmp.AsX(), v.AsX(), v.AsX())
}
