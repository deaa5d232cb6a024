package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// strided returns addressing of one value of each of the 8 tokens, ts bytes apart, and the
// step to the next feature, ks bytes further.
func strided(x, ts, ks reg.GPVirtual) (token func(t int) Mem, advance func()) {
	ts3, x4 := GP64(), GP64()
	LEAQ(Mem{Base: ts, Index: ts, Scale: 2}, ts3)
	LEAQ(Mem{Base: x, Index: ts, Scale: 4}, x4)
	token = func(t int) Mem {
		base := x
		if t >= 4 {
			base = x4
		}
		switch t % 4 {
		case 1:
			return Mem{Base: base, Index: ts, Scale: 1}
		case 2:
			return Mem{Base: base, Index: ts, Scale: 2}
		case 3:
			return Mem{Base: base, Index: ts3, Scale: 1}
		}
		return Mem{Base: base}
	}
	return token, func() {
		ADDQ(ks, x)
		ADDQ(ks, x4)
	}
}

// multiply adds the products of one word of a token, at x, with those of panels.
type multiply func(x Mem, sum, panels []reg.VecPhysical, spare reg.VecPhysical)

func multiplyF64(x Mem, sum, panels []reg.VecPhysical, _ reg.VecPhysical) {
	for i, w := range panels {
		VFMADD231PD_BCST(x, w, sum[i])
	}
}

func multiplyF32(x Mem, sum, panels []reg.VecPhysical, _ reg.VecPhysical) {
	for i, w := range panels {
		VFMADD231PS_BCST(x, w, sum[i])
	}
}

// multiplyBF16 takes words of two bfloat16: two features.
func multiplyBF16(x Mem, sum, panels []reg.VecPhysical, spare reg.VecPhysical) {
	VPBROADCASTD(x, spare)
	for i, w := range panels {
		vdpbf16ps(spare, w, sum[i])
	}
}

// vdpbf16ps emits VDPBF16PS x, w, sum, which the assembler lacks: EVEX.512.F3.0F38.W0 52 /r.
func vdpbf16ps(x, w, sum reg.VecPhysical) {
	number := func(r reg.VecPhysical) uint32 { return uint32(r.PhysicalIndex()) }
	inverse := func(n uint32, bit int) uint32 { return ^n >> bit & 1 }
	r, v, m := number(sum), number(w), number(x)
	p0 := inverse(r, 3)<<7 | inverse(m, 4)<<6 | inverse(m, 3)<<5 | inverse(r, 4)<<4 | 2
	p1 := ^v&15<<3 | 1<<2 | 2
	p2 := uint32(2)<<5 | inverse(v, 4)<<3
	Commentf("VDPBF16PS %s, %s, %s", x.Asm(), w.Asm(), sum.Asm())
	Instruction(&ir.Instruction{Opcode: "LONG", Operands: []Op{U32(0x62 | p0<<8 | p1<<16 | p2<<24)}})
	Instruction(&ir.Instruction{Opcode: "WORD", Operands: []Op{U16(0x52 | (0xc0|r&7<<3|m&7)<<8)}})
}

// gemmPanel keeps one accumulator per token: each output is one chain of fused multiply-adds in
// the order of the features, as in gemmPanels, so that both give the same bits. Words are of
// type word, 1<<shift bytes.
func gemmPanel(name, word string, shift uint64, add multiply) {
	TEXT(name, NOSPLIT, fmt.Sprintf("func(out *%[1]s, ldo int, panel, x *%[1]s, ts, ks, k int, accumulate bool)", word))
	Pragma("noescape")
	sum, w, spare := zmm[0:8], zmm[16:17], zmm[27:32]
	out, ldo := Ptr("out"), Ptr("ldo")
	SHLQ(Imm(shift), ldo)
	panel, x, ts, ks, n := Ptr("panel"), Ptr("x"), Ptr("ts"), Ptr("ks"), Ptr("k")
	SHLQ(Imm(shift), ts)
	SHLQ(Imm(shift), ks)
	token, advance := strided(x, ts, ks)
	zero(sum...)
	acc := Load(Param("accumulate"), GP8())
	TESTB(acc, acc)
	JZ(LabelRef("step"))
	from := GP64()
	MOVQ(out, from)
	for t := range tokens {
		VMOVUPS(Mem{Base: from}, sum[t])
		ADDQ(ldo, from)
	}
	Loop("step", n, func() {
		VMOVUPS(Mem{Base: panel}, w[0])
		for t := range tokens {
			add(token(t), sum[t:t+1], w, spare[t%len(spare)])
		}
		Add(64, panel)
		advance()
	})
	store(out, ldo, sum)
	VZEROUPPER()
	RET()
}

// gemmPanels multiplies three panels, ps words apart, with 8 tokens, to outputs os floats
// apart: an activation is fetched once for the three, which spares the caches.
func gemmPanels(name, word string, shift uint64, add multiply) {
	TEXT(name, NOSPLIT, fmt.Sprintf("func(out *%[1]s, ldo, os int, panel *%[1]s, ps int, x *%[1]s, ts, ks, k int, accumulate bool)", word))
	Pragma("noescape")
	sum, w, spare := zmm[0:24], zmm[24:27], zmm[27:32]
	out, ldo, os := Ptr("out"), Ptr("ldo"), Ptr("os")
	panel, ps, x, ts, ks, n := Ptr("panel"), Ptr("ps"), Ptr("x"), Ptr("ts"), Ptr("ks"), Ptr("k")
	for _, r := range []reg.GPVirtual{ldo, os, ps, ts, ks} {
		SHLQ(Imm(shift), r)
	}
	token, advance := strided(x, ts, ks)
	third := func(base, step reg.GPVirtual, i int) Mem {
		if i == 0 {
			return Mem{Base: base}
		}
		return Mem{Base: base, Index: step, Scale: uint8(i)}
	}
	zero(sum...)
	acc := Load(Param("accumulate"), GP8())
	TESTB(acc, acc)
	JZ(LabelRef("step"))
	from := GP64()
	MOVQ(out, from)
	for t := range tokens {
		for i := range 3 {
			VMOVUPS(third(from, os, i), sum[3*t+i])
		}
		ADDQ(ldo, from)
	}
	Loop("step", n, func() {
		for i := range 3 {
			VMOVUPS(third(panel, ps, i), w[i])
		}
		for t := range tokens {
			add(token(t), sum[3*t:3*t+3], w, spare[t%len(spare)])
		}
		Add(64, panel)
		advance()
	})
	for t := range tokens {
		for i := range 3 {
			VMOVUPS(sum[3*t+i], third(out, os, i))
		}
		ADDQ(ldo, out)
	}
	VZEROUPPER()
	RET()
}
