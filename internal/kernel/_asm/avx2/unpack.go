package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// unpacks generates the primitives that read a row as codes, scales and minimums.
func unpacks() {
	unpackBlock32("unpackQ8_0", 34, func(src reg.GPVirtual, v reg.VecPhysical) {
		VMOVDQU(At(src, 2), v)
		VPXOR(Static("signFlip"), v, v)
	})
	nibbles := func(src reg.GPVirtual, v reg.VecPhysical) {
		VBROADCASTI128(At(src, 2), v)
		VPSRLVD(Static("nibbleShifts"), v, v)
		VPAND(Static("nibbles"), v, v)
	}
	unpackBlock32("unpackQ4_0", 18, nibbles)
	levels := IQ4Codes()
	unpackBlock32("unpackIQ4NL", 18, func(src reg.GPVirtual, v reg.VecPhysical) {
		nibbles(src, v)
		VBROADCASTI128(levels, ymm[1])
		VPSHUFB(v, ymm[1], v)
	})
	unpackQ4K("unpackQ4_K", 144, 16)
	unpackQ4K("unpackQ5_K", 176, 48)
	unpackQ6K()
}

// unpackBlock32 walks blocks of 32 values behind a binary16 scale.
func unpackBlock32(name string, bytes int, load func(src reg.GPVirtual, v reg.VecPhysical)) {
	TEXT(name, NOSPLIT, "func(codes *uint8, scales *float32, row *uint8, blocks int)")
	Pragma("noescape")
	dst, scales, src, n := Ptr("codes"), Ptr("scales"), Ptr("row"), Ptr("blocks")
	Loop("block", n, func() {
		VPBROADCASTW(Mem{Base: src}, ymm[2].AsX())
		VCVTPH2PS(ymm[2].AsX(), ymm[2].AsX())
		VMOVSS(ymm[2].AsX(), Mem{Base: scales})
		load(src, ymm[0])
		VMOVDQU(ymm[0], Mem{Base: dst})
		Add(bytes, src)
		Add(32, dst)
		Add(4, scales)
	})
	done()
}

// codes5 leaves the 64 codes of part j of a superblock in lo and hi: nibbles, and for Q5_K
// the fifth bits from high.
func codes5(codes Mem, j int, five bool, sixteen Mem, v, lo, hi, high, t reg.VecPhysical) {
	VMOVDQU(codes, v)
	VPAND(Static("nibbles"), v, lo)
	VPSRLW(Imm(4), v, hi)
	VPAND(Static("nibbles"), hi, hi)
	if !five {
		return
	}
	for b, codes := range []reg.VecPhysical{lo, hi} {
		shiftTo(4, 2*j+b, high, t)
		VPAND(sixteen, t, t)
		VPOR(t, codes, codes)
	}
}

// codes6 leaves group g of four of half a superblock of Q6_K in v: nibbles from low, bit
// pairs from high.
func codes6(g int, low []reg.VecPhysical, v, high, t reg.VecPhysical) {
	if g < 2 {
		VPAND(Static("nibbles"), low[g], v)
	} else {
		VPSRLW(Imm(4), low[g-2], v)
		VPAND(Static("nibbles"), v, v)
	}
	shiftTo(4, 2*g, high, t)
	VPAND(Static("bitPairs"), t, t)
	VPOR(t, v, v)
}

func unpackQ4K(name string, bytes, codesAt int) {
	five := bytes == 176
	TEXT(name, NOSPLIT, "func(codes *uint8, scales, mins *float32, row *uint8, blocks int)")
	Pragma("noescape")
	dst, scales, mins, src, n := Ptr("codes"), Ptr("scales"), Ptr("mins"), Ptr("row"), Ptr("blocks")
	s, m, d, v, lo, hi, t, high := ymm[0], ymm[1], ymm[2], ymm[3], ymm[4], ymm[5], ymm[6], ymm[7]
	Loop("block", n, func() {
		ScaleBytes(func(disp int) Mem { return At(src, disp) }, s)
		VPSHUFD(Imm(0xd8), s.AsX(), s.AsX()) // s0–7 m0–7
		VPSRLDQ(Imm(8), s.AsX(), m.AsX())
		for i, x := range []reg.VecPhysical{s, m} {
			VPMOVZXBD(x.AsX(), x)
			VCVTDQ2PS(x, x)
			VPBROADCASTW(At(src, 2*i), d.AsX())
			VCVTPH2PS(d.AsX(), d)
			if i == 1 {
				zero(t)
				VSUBPS(d, t, d)
			}
			VMULPS(d, x, x)
			VMOVUPS(x, Mem{Base: []reg.GPVirtual{scales, mins}[i]})
		}
		if five {
			VMOVDQU(At(src, 16), high)
		}
		for j := range 4 {
			codes5(At(src, codesAt+32*j), j, five, Static("dotQ5_KSixteen"), v, lo, hi, high, t)
			VMOVDQU(lo, At(dst, 64*j))
			VMOVDQU(hi, At(dst, 64*j+32))
		}
		Add(bytes, src)
		Add(256, dst)
		Add(32, scales)
		Add(32, mins)
	})
	done()
}

func unpackQ6K() {
	TEXT("unpackQ6_K", NOSPLIT, "func(codes *uint8, scales *float32, row *uint8, blocks int)")
	Pragma("noescape")
	dst, scales, src, n := Ptr("codes"), Ptr("scales"), Ptr("row"), Ptr("blocks")
	d, v, t, high, low := ymm[0], ymm[1], ymm[2], ymm[3], ymm[4:6]
	Loop("block", n, func() {
		VPBROADCASTW(At(src, 208), d.AsX())
		VCVTPH2PS(d.AsX(), d)
		for i := range 2 {
			VPMOVSXBD(At(src, 192+8*i), v)
			VCVTDQ2PS(v, v)
			VMULPS(d, v, v)
			VMOVUPS(v, At(scales, 32*i))
		}
		for half := range 2 {
			VMOVDQU(At(src, 128+32*half), high)
			VMOVDQU(At(src, 64*half), low[0])
			VMOVDQU(At(src, 64*half+32), low[1])
			for g := range 4 {
				codes6(g, low, v, high, t)
				VMOVDQU(v, At(dst, 128*half+32*g))
			}
		}
		Add(210, src)
		Add(256, dst)
		Add(64, scales)
	})
	done()
}
