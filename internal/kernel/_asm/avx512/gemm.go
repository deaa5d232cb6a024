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
	gemmPanel("gemmF32", "float32", 2, multiplyF32)
	gemmPanels("gemmF32x3", "float32", 2, multiplyF32)
	gemmPanel("gemmF64", "float64", 3, multiplyF64)
	gemmPanels("gemmF64x3", "float64", 3, multiplyF64)
	gemmPanel("gemmBF16", "float32", 2, multiplyBF16)
	gemmPanels("gemmBF16x3", "float32", 2, multiplyBF16)
}

// group is one step of a panel kernel: words of codes times 8 tokens into a set of integer
// sums. Two sets alternate, so that while one fills the other is converted and scaled: the
// eight chains of dependent products alone would leave the ports idle.
type group struct {
	sums     [2][]reg.VecPhysical
	w        reg.VecPhysical
	words    int
	codes, q reg.Register
	start    func(acc []reg.VecPhysical) // first value of the sums
	load     func(set int)               // scales of the group, and on to the next
	scale    func(set, t int)            // adds token t's sums of the group that load has passed
}

// fill multiplies one group into a set; if prev is a set, it is scaled meanwhile.
func (g group) fill(set, prev int) {
	acc := g.sums[set]
	g.start(acc)
	for i := range g.words {
		VMOVDQU32(At(g.codes, 64*i), g.w)
		for t := range tokens {
			VPDPBUSD_BCST(At(g.q, 4*(tokens*i+t)), g.w, acc[t])
		}
		if prev >= 0 {
			per := tokens / g.words
			for t := i * per; t < (i+1)*per; t++ {
				g.scale(prev, t)
			}
		}
	}
	Add(64*g.words, g.codes)
	Add(4*tokens*g.words, g.q)
	g.load(set)
}

// drain scales the last set.
func (g group) drain(set int) {
	for t := range tokens {
		g.scale(set, t)
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
	sum, s, tmp := zmm[16:24], zmm[25:27], zmm[27:29]
	out, ldo := Ptr("out"), Ptr("ldo")
	SHLQ(Imm(2), ldo)
	codes, scales, q, d, init, n := Ptr("codes"), Ptr("scales"), Ptr("q"), Ptr("d"), Ptr("init"), Ptr("groups")
	g := group{sums: [2][]reg.VecPhysical{zmm[0:8], zmm[8:16]}, w: zmm[24], words: 8, codes: codes, q: q}
	g.start = func(acc []reg.VecPhysical) {
		for t := range tokens {
			VPBROADCASTD(At(init, 4*t), acc[t])
		}
	}
	g.load = func(set int) {
		VMOVUPS(Mem{Base: scales}, s[set])
		Add(64, scales)
		Add(4*tokens, d)
		Add(4*tokens, init)
	}
	g.scale = func(set, t int) {
		acc := g.sums[set]
		VCVTDQ2PS(acc[t], acc[t])
		VMULPS_BCST(At(d, 4*t-4*tokens), s[set], tmp[t%2])
		VFMADD231PS(tmp[t%2], acc[t], sum[t])
	}
	zero(sum...)
	g.fill(0, -1)
	DECQ(n)
	JZ(LabelRef("last0"))
	Label("group")
	g.fill(1, 0)
	DECQ(n)
	JZ(LabelRef("last1"))
	g.fill(0, 1)
	DECQ(n)
	JNZ(LabelRef("group"))
	Label("last0")
	g.drain(0)
	store(out, ldo, sum)
	VZEROUPPER()
	RET()
	Label("last1")
	g.drain(1)
	store(out, ldo, sum)
	VZEROUPPER()
	RET()
}

// blocks emits the loop over superblocks of groups groups: the sums of a superblock are
// scaled by d and added to the output, where the totals live, as registers are scarce.
func (g group) blocks(groups int, out, ldo, d, n reg.GPVirtual, block []reg.VecPhysical) {
	clearTile(out, ldo, block[0])
	Loop("block", n, func() {
		zero(block...)
		pairs := GP64()
		MOVQ(U32(groups/2-1), pairs)
		g.fill(0, -1)
		Loop("pair", pairs, func() {
			g.fill(1, 0)
			g.fill(0, 1)
		})
		g.fill(1, 0)
		g.drain(1)
		at := GP64()
		MOVQ(out, at)
		for t := range tokens {
			VMOVUPS(Mem{Base: at}, g.w)
			VFMADD231PS_BCST(At(d, 4*t), block[t], g.w)
			VMOVUPS(g.w, Mem{Base: at})
			if t < tokens-1 {
				ADDQ(ldo, at)
			}
		}
		Add(4*tokens, d)
	})
	VZEROUPPER()
	RET()
}

// clearTile zeroes the outputs.
func clearTile(out, ldo reg.GPVirtual, v reg.VecPhysical) {
	at := GP64()
	MOVQ(out, at)
	zero(v)
	store(at, ldo, []reg.VecPhysical{v, v, v, v, v, v, v, v})
}

func gemmQ4K() {
	TEXT("gemmQ4K", NOSPLIT, "func(out *float32, ldo int, codes *uint8, scales, mins *float32, q *int8, d, sums *float32, blocks int)")
	Pragma("noescape")
	block, s, m := zmm[16:24], zmm[25:27], zmm[27:29]
	out, ldo := Ptr("out"), Ptr("ldo")
	SHLQ(Imm(2), ldo)
	codes, scales, mins := Ptr("codes"), Ptr("scales"), Ptr("mins")
	q, d, sums, n := Ptr("q"), Ptr("d"), Ptr("sums"), Ptr("blocks")
	g := group{sums: [2][]reg.VecPhysical{zmm[0:8], zmm[8:16]}, w: zmm[24], words: 8, codes: codes, q: q}
	g.start = func(acc []reg.VecPhysical) { zero(acc...) }
	g.load = func(set int) {
		VMOVUPS(Mem{Base: scales}, s[set])
		VMOVUPS(Mem{Base: mins}, m[set])
		Add(64, scales)
		Add(64, mins)
		Add(4*tokens, sums)
	}
	g.scale = func(set, t int) {
		acc := g.sums[set]
		VCVTDQ2PS(acc[t], acc[t])
		VFMADD231PS_BCST(At(sums, 4*t-4*tokens), m[set], block[t])
		VFMADD231PS(acc[t], s[set], block[t])
	}
	g.blocks(8, out, ldo, d, n, block)
}

func gemmQ6K() {
	TEXT("gemmQ6K", NOSPLIT, "func(out *float32, ldo int, codes *uint8, scales *float32, q *int8, d *float32, init *int32, blocks int)")
	Pragma("noescape")
	block, s := zmm[16:24], zmm[25:27]
	out, ldo := Ptr("out"), Ptr("ldo")
	SHLQ(Imm(2), ldo)
	codes, scales, q, d, init, n := Ptr("codes"), Ptr("scales"), Ptr("q"), Ptr("d"), Ptr("init"), Ptr("blocks")
	g := group{sums: [2][]reg.VecPhysical{zmm[0:8], zmm[8:16]}, w: zmm[24], words: 4, codes: codes, q: q}
	g.start = func(acc []reg.VecPhysical) {
		for t := range tokens {
			VPBROADCASTD(At(init, 4*t), acc[t])
		}
	}
	g.load = func(set int) {
		VMOVUPS(Mem{Base: scales}, s[set])
		Add(64, scales)
		Add(4*tokens, init)
	}
	g.scale = func(set, t int) {
		acc := g.sums[set]
		VCVTDQ2PS(acc[t], acc[t])
		VFMADD231PS(acc[t], s[set], block[t])
	}
	g.blocks(16, out, ldo, d, n, block)
}
