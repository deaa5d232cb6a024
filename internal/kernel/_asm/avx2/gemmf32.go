package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// gemmF32 keeps one accumulator per token; x is addressed as base + t·ts, ks per step.
func gemmF32() {
	TEXT("gemmF32", NOSPLIT, "func(out *float32, ldo int, panel, x *float32, ts, ks, k int, accumulate bool)")
	Pragma("noescape")
	sum, w, x1 := ymm[0:8], ymm[8], ymm[9:13]
	out, ldo := Ptr("out"), Ptr("ldo")
	SHLQ(Imm(2), ldo)
	panel, x, ts, ks, n := Ptr("panel"), Ptr("x"), Ptr("ts"), Ptr("ks"), Ptr("k")
	SHLQ(Imm(2), ts)
	SHLQ(Imm(2), ks)
	token, advance := RowPointers(x, ts, tokens)
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
			VBROADCASTSS(token(t), x1[t%4])
			VFMADD231PS(x1[t%4], w, sum[t])
		}
		Add(32, panel)
		advance(ks)
	})
	store(out, ldo, sum)
	done()
}

// gemmF32x3 multiplies three panels, ps floats apart, with 4 of the 8 tokens per pass, to
// outputs os floats apart: 12 accumulators per 7 loads, each a chain as in gemmF32.
func gemmF32x3() {
	TEXT("gemmF32x3", NOSPLIT, "func(out *float32, ldo, os int, panel *float32, ps int, x *float32, ts, ks, k int, accumulate bool)")
	Pragma("noescape")
	sum, w, b := ymm[0:12], ymm[12:15], ymm[15]
	third := func(base, step reg.GPVirtual, i int) Mem {
		if i == 0 {
			return Mem{Base: base}
		}
		return Mem{Base: base, Index: step, Scale: uint8(i)}
	}
	pass := GP64()
	XORQ(pass, pass)
	Label("pass")
	out, ldo, os, panel, ps := Ptr("out"), Ptr("ldo"), Ptr("os"), Ptr("panel"), Ptr("ps")
	x, ts, ks, n := Ptr("x"), Ptr("ts"), Ptr("ks"), Ptr("k")
	for _, r := range []reg.GPVirtual{ldo, os, ps, ts, ks} {
		SHLQ(Imm(2), r)
	}
	for _, p := range [][2]reg.GPVirtual{{out, ldo}, {x, ts}} {
		skip := GP64()
		MOVQ(p[1], skip)
		IMULQ(pass, skip)
		LEAQ(Mem{Base: p[0], Index: skip, Scale: half}, p[0])
	}
	token, advance := RowPointers(x, ts, half)
	zero(sum...)
	acc := Load(Param("accumulate"), GP8())
	TESTB(acc, acc)
	JZ(LabelRef("step3"))
	from := GP64()
	MOVQ(out, from)
	for t := range half {
		for i := range 3 {
			VMOVUPS(third(from, os, i), sum[3*t+i])
		}
		ADDQ(ldo, from)
	}
	Loop("step3", n, func() {
		for i := range 3 {
			VMOVUPS(third(panel, ps, i), w[i])
		}
		for t := range half {
			VBROADCASTSS(token(t), b)
			for i := range 3 {
				VFMADD231PS(b, w[i], sum[3*t+i])
			}
		}
		Add(32, panel)
		advance(ks)
	})
	for t := range half {
		for i := range 3 {
			VMOVUPS(sum[3*t+i], third(out, os, i))
		}
		ADDQ(ldo, out)
	}
	INCQ(pass)
	CMPQ(pass, Imm(2))
	JL(LabelRef("pass"))
	done()
}
