package main

import (
	. "github.com/mmcloughlin/avo/build"
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

// gemmF32 keeps one accumulator per token: each output is one chain of fused multiply-adds in
// the order of the features, as in gemmF32x3, so that both give the same bits.
func gemmF32() {
	TEXT("gemmF32", NOSPLIT, "func(out *float32, ldo int, panel, x *float32, ts, ks, k int, accumulate bool)")
	Pragma("noescape")
	sum, w := zmm[0:8], zmm[16]
	out, ldo := Ptr("out"), Ptr("ldo")
	SHLQ(Imm(2), ldo)
	panel, x, ts, ks, n := Ptr("panel"), Ptr("x"), Ptr("ts"), Ptr("ks"), Ptr("k")
	SHLQ(Imm(2), ts)
	SHLQ(Imm(2), ks)
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
		VMOVUPS(Mem{Base: panel}, w)
		for t := range tokens {
			VFMADD231PS_BCST(token(t), w, sum[t])
		}
		Add(64, panel)
		advance()
	})
	store(out, ldo, sum)
	VZEROUPPER()
	RET()
}

// gemmF32x3 multiplies three panels, ps floats apart, with 8 tokens, to outputs os floats
// apart: an activation is fetched once for the three, which spares the caches.
func gemmF32x3() {
	TEXT("gemmF32x3", NOSPLIT, "func(out *float32, ldo, os int, panel *float32, ps int, x *float32, ts, ks, k int, accumulate bool)")
	Pragma("noescape")
	sum, w := zmm[0:24], zmm[24:27]
	out, ldo, os := Ptr("out"), Ptr("ldo"), Ptr("os")
	panel, ps, x, ts, ks, n := Ptr("panel"), Ptr("ps"), Ptr("x"), Ptr("ts"), Ptr("ks"), Ptr("k")
	for _, r := range []reg.GPVirtual{ldo, os, ps, ts, ks} {
		SHLQ(Imm(2), r)
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
			for i := range 3 {
				VFMADD231PS_BCST(token(t), w[i], sum[3*t+i])
			}
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
