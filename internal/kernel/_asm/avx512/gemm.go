package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

const tokens = 8

// gemms generates the panel kernels: 16 rows in the lanes, 8 tokens broadcast from memory.
func gemms() {
	gemmQ8()
	gemmQ4K()
	gemmQ6K()
	gemmF32()
}

// dots adds the products of words of a panel group with 8 tokens to acc; codes and q point
// At the group.
func dots(acc []reg.VecPhysical, w reg.VecPhysical, codes, q reg.Register, words int) {
	for i := range words {
		VMOVDQU32(At(codes, 64*i), w)
		for t := range tokens {
			VPDPBUSD_BCST(At(q, 4*(tokens*i+t)), w, acc[t])
		}
	}
}

// store writes one accumulator per token, ldo bytes apart.
func store(out, ldo reg.Register, acc []reg.VecPhysical) {
	for t := range tokens {
		VMOVUPS(acc[t], Mem{Base: out})
		if t < tokens-1 {
			ADDQ(ldo, out)
		}
	}
}

func gemmQ8() {
	TEXT("gemmQ8", NOSPLIT, "func(out *float32, ldo int, codes *uint8, scales *float32, q *int8, d *float32, init *int32, groups int)")
	Pragma("noescape")
	acc, sum, w, s, tmp := zmm[0:8], zmm[8:16], zmm[16], zmm[17], zmm[18:20]
	out, ldo := Ptr("out"), Ptr("ldo")
	SHLQ(Imm(2), ldo)
	codes, scales, q, d, init, n := Ptr("codes"), Ptr("scales"), Ptr("q"), Ptr("d"), Ptr("init"), Ptr("groups")
	zero(sum...)
	Loop("group", n, func() {
		for t := range tokens {
			VPBROADCASTD(At(init, 4*t), acc[t])
		}
		dots(acc, w, codes, q, 8)
		VMOVUPS(Mem{Base: scales}, s)
		for t := range tokens {
			VCVTDQ2PS(acc[t], acc[t])
			VMULPS_BCST(At(d, 4*t), s, tmp[t%2])
			VFMADD231PS(tmp[t%2], acc[t], sum[t])
		}
		Add(8*64, codes)
		Add(64, scales)
		Add(8*4*tokens, q)
		Add(4*tokens, d)
		Add(4*tokens, init)
	})
	store(out, ldo, sum)
	VZEROUPPER()
	RET()
}

func gemmQ4K() {
	TEXT("gemmQ4K", NOSPLIT, "func(out *float32, ldo int, codes *uint8, scales, mins *float32, q *int8, d, sums *float32, blocks int)")
	Pragma("noescape")
	acc, block, sum, w, s, m := zmm[0:8], zmm[8:16], zmm[16:24], zmm[24], zmm[25], zmm[26]
	out, ldo := Ptr("out"), Ptr("ldo")
	SHLQ(Imm(2), ldo)
	codes, scales, mins := Ptr("codes"), Ptr("scales"), Ptr("mins")
	q, d, sums, n := Ptr("q"), Ptr("d"), Ptr("sums"), Ptr("blocks")
	zero(sum...)
	Loop("block", n, func() {
		zero(block...)
		g := GP64()
		MOVQ(U32(8), g)
		Loop("group", g, func() {
			zero(acc...)
			dots(acc, w, codes, q, 8)
			VMOVUPS(Mem{Base: scales}, s)
			VMOVUPS(Mem{Base: mins}, m)
			for t := range tokens {
				VCVTDQ2PS(acc[t], acc[t])
				VFMADD231PS_BCST(At(sums, 4*t), m, block[t])
				VFMADD231PS(acc[t], s, block[t])
			}
			Add(8*64, codes)
			Add(64, scales)
			Add(64, mins)
			Add(8*4*tokens, q)
			Add(4*tokens, sums)
		})
		for t := range tokens {
			VFMADD231PS_BCST(At(d, 4*t), block[t], sum[t])
		}
		Add(4*tokens, d)
	})
	store(out, ldo, sum)
	VZEROUPPER()
	RET()
}

func gemmQ6K() {
	TEXT("gemmQ6K", NOSPLIT, "func(out *float32, ldo int, codes *uint8, scales *float32, q *int8, d *float32, init *int32, blocks int)")
	Pragma("noescape")
	acc, block, sum, w, s := zmm[0:8], zmm[8:16], zmm[16:24], zmm[24], zmm[25]
	out, ldo := Ptr("out"), Ptr("ldo")
	SHLQ(Imm(2), ldo)
	codes, scales, q, d, init, n := Ptr("codes"), Ptr("scales"), Ptr("q"), Ptr("d"), Ptr("init"), Ptr("blocks")
	zero(sum...)
	Loop("block", n, func() {
		zero(block...)
		g := GP64()
		MOVQ(U32(16), g)
		Loop("group", g, func() {
			for t := range tokens {
				VPBROADCASTD(At(init, 4*t), acc[t])
			}
			dots(acc, w, codes, q, 4)
			VMOVUPS(Mem{Base: scales}, s)
			for t := range tokens {
				VCVTDQ2PS(acc[t], acc[t])
				VFMADD231PS(acc[t], s, block[t])
			}
			Add(4*64, codes)
			Add(64, scales)
			Add(4*4*tokens, q)
			Add(4*tokens, init)
		})
		for t := range tokens {
			VFMADD231PS_BCST(At(d, 4*t), block[t], sum[t])
		}
		Add(4*tokens, d)
	})
	store(out, ldo, sum)
	VZEROUPPER()
	RET()
}

// gemmF32 keeps two accumulators per token, for even and odd steps, to hide the latency of
// the fused multiply-add. x is addressed as base + t·ts for the tokens, ks per step.
func gemmF32() {
	TEXT("gemmF32", NOSPLIT, "func(out *float32, ldo int, panel, x *float32, ts, ks, k int, accumulate bool)")
	Pragma("noescape")
	even, odd, w := zmm[0:8], zmm[8:16], zmm[16]
	out, ldo := Ptr("out"), Ptr("ldo")
	SHLQ(Imm(2), ldo)
	panel, x, ts, ks, n := Ptr("panel"), Ptr("x"), Ptr("ts"), Ptr("ks"), Ptr("k")
	SHLQ(Imm(2), ts)
	SHLQ(Imm(2), ks)
	ts3, x4 := GP64(), GP64()
	LEAQ(Mem{Base: ts, Index: ts, Scale: 2}, ts3)
	LEAQ(Mem{Base: x, Index: ts, Scale: 4}, x4)
	token := func(t int) Mem {
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
	step := func(acc []reg.VecPhysical, disp int) {
		VMOVUPS(At(panel, disp), w)
		for t := range tokens {
			VFMADD231PS_BCST(token(t), w, acc[t])
		}
		ADDQ(ks, x)
		ADDQ(ks, x4)
	}
	zero(even...)
	zero(odd...)
	acc := Load(Param("accumulate"), GP8())
	TESTB(acc, acc)
	JZ(LabelRef("start"))
	from := GP64()
	MOVQ(out, from)
	for t := range tokens {
		VMOVUPS(Mem{Base: from}, even[t])
		ADDQ(ldo, from)
	}
	Label("start")
	BTRQ(Imm(0), n)
	JCC(LabelRef("pairs"))
	step(even, 0)
	Add(64, panel)
	Label("pairs")
	SHRQ(Imm(1), n)
	JZ(LabelRef("done"))
	Loop("pair", n, func() {
		step(even, 0)
		step(odd, 64)
		Add(128, panel)
	})
	Label("done")
	for t := range tokens {
		VADDPS(odd[t], even[t], even[t])
	}
	store(out, ldo, even)
	VZEROUPPER()
	RET()
}
