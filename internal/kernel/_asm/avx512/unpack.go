package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// unpacks generates the primitives that read a row as codes, scales and minimums.
func unpacks() {
	unpackBlock32("unpackQ8_0", 34, func() { splat(0x80808080, zmm[20]) }, func(src, dst reg.GPVirtual) {
		VPXORD(At(src, 2), zmm[20].AsY(), zmm[0].AsY())
		VMOVDQU32(zmm[0].AsY(), Mem{Base: dst})
	})
	nibbles := func(src reg.GPVirtual) {
		VBROADCASTI32X4(At(src, 2), zmm[0].AsY())
		VPSRLVD(zmm[21].AsY(), zmm[0].AsY(), zmm[0].AsY())
		VPANDD(zmm[20].AsY(), zmm[0].AsY(), zmm[0].AsY())
	}
	shifts := func() {
		splat(0x0f0f0f0f, zmm[20])
		VMOVDQU32(Static("nibbleShifts"), zmm[21])
	}
	unpackBlock32("unpackQ4_0", 18, shifts, func(src, dst reg.GPVirtual) {
		nibbles(src)
		VMOVDQU32(zmm[0].AsY(), Mem{Base: dst})
	})
	unpackBlock32("unpackIQ4NL", 18, func() {
		shifts()
		VBROADCASTI32X4(Static("iq4Codes"), zmm[22])
	}, func(src, dst reg.GPVirtual) {
		nibbles(src)
		VPSHUFB(zmm[0].AsY(), zmm[22].AsY(), zmm[0].AsY())
		VMOVDQU32(zmm[0].AsY(), Mem{Base: dst})
	})
	unpackQ4K("unpackQ4_K", 144, 16)
	unpackQ4K("unpackQ5_K", 176, 48)
	unpackQ6K()
}

// unpackBlock32 walks blocks of 32 values behind a binary16 scale.
func unpackBlock32(name string, bytes int, setup func(), body func(src, dst reg.GPVirtual)) {
	TEXT(name, NOSPLIT, "func(codes *uint8, scales *float32, row *uint8, blocks int)")
	Pragma("noescape")
	dst, scales, src, n := Ptr("codes"), Ptr("scales"), Ptr("row"), Ptr("blocks")
	setup()
	Loop("block", n, func() {
		VPBROADCASTW(Mem{Base: src}, zmm[1].AsX())
		VCVTPH2PS(zmm[1].AsX(), zmm[1].AsX())
		VMOVSS(zmm[1].AsX(), Mem{Base: scales})
		body(src, dst)
		Add(bytes, src)
		Add(32, dst)
		Add(4, scales)
	})
	VZEROUPPER()
	RET()
}

// unpackQ4K reads Q4_K, or Q5_K with its extra bit, superblock by superblock.
func unpackQ4K(name string, bytes, codesAt int) {
	five := bytes == 176
	TEXT(name, NOSPLIT, "func(codes *uint8, scales, mins *float32, row *uint8, blocks int)")
	Pragma("noescape")
	dst, scales, mins, src, n := Ptr("codes"), Ptr("scales"), Ptr("mins"), Ptr("row"), Ptr("blocks")
	low, shift, sixteen, scaleLanes, minLanes := zmm[12], zmm[13], zmm[14], K(), K()
	splat(0x0f0f0f0f, low)
	splat(0x10101010, sixteen)
	VMOVDQU32(Static("dotQ4_KShifts"), shift)
	if five {
		for j := range 4 {
			VMOVDQU32(Static(fmt.Sprintf("dotQ5_KBits%d", j)), zmm[16+j])
		}
	}
	r := GP32()
	MOVL(U32(0x0f0f), r)
	KMOVW(r, scaleLanes)
	MOVL(U32(0xf0f0), r)
	KMOVW(r, minLanes)
	Loop("block", n, func() {
		s, d, m := zmm[0], zmm[1], zmm[2]
		ScaleBytes(func(disp int) Mem { return At(src, disp) }, s)
		VPMOVZXBD(s.AsX(), s)
		VCVTDQ2PS(s, s)
		VPBROADCASTW(Mem{Base: src}, d.AsY())
		VCVTPH2PS(d.AsY(), d)
		VMULPS(s, d, d)
		VPCOMPRESSD_Z(d, scaleLanes, d)
		VMOVUPS(d.AsY(), Mem{Base: scales})
		VPBROADCASTW(At(src, 2), m.AsY())
		VCVTPH2PS(m.AsY(), m)
		VPXORD(d, d, d)
		VSUBPS(m, d, m)
		VMULPS(s, m, m)
		VPCOMPRESSD_Z(m, minLanes, m)
		VMOVUPS(m.AsY(), Mem{Base: mins})
		if five {
			VBROADCASTI64X4(At(src, 16), zmm[4])
		}
		for j := range 4 {
			v := zmm[5]
			VBROADCASTI64X4(At(src, codesAt+32*j), v)
			VPSRLVW(shift, v, v)
			VPANDD(low, v, v)
			if five {
				k := K()
				VPTESTMB(zmm[16+j], zmm[4], k)
				VPADDB(sixteen, v, k, v)
			}
			VMOVDQU32(v, At(dst, 64*j))
		}
		Add(bytes, src)
		Add(256, dst)
		Add(32, scales)
		Add(32, mins)
	})
	VZEROUPPER()
	RET()
}

func unpackQ6K() {
	TEXT("unpackQ6_K", NOSPLIT, "func(codes *uint8, scales *float32, row *uint8, blocks int)")
	Pragma("noescape")
	dst, scales, src, n := Ptr("codes"), Ptr("scales"), Ptr("row"), Ptr("blocks")
	low, high, left, right := zmm[12], zmm[13], zmm[14], zmm[15]
	splat(0x0f0f0f0f, low)
	splat(0x30303030, high)
	VMOVDQU32(Static("dotQ6_KLeft"), left)
	VMOVDQU32(Static("dotQ6_KRight"), right)
	Loop("block", n, func() {
		s, d := zmm[0], zmm[1]
		VPMOVSXBD(At(src, 192), s)
		VCVTDQ2PS(s, s)
		VPBROADCASTW(At(src, 208), d.AsY())
		VCVTPH2PS(d.AsY(), d)
		VMULPS(s, d, d)
		VMOVUPS(d, Mem{Base: scales})
		for half := range 2 {
			codes6(At(src, 64*half), At(src, 128+32*half), zmm[2], zmm[3], zmm[4], zmm[5], low, high, left, right)
			VMOVDQU32(zmm[4], At(dst, 128*half))
			VMOVDQU32(zmm[5], At(dst, 128*half+64))
		}
		Add(210, src)
		Add(256, dst)
		Add(64, scales)
	})
	VZEROUPPER()
	RET()
}

// codes6 joins 64 bytes of nibbles and 32 bytes of bit pairs to the 128 codes of half a
// superblock: the low nibbles with pairs 0 and 1 in first, the high ones with 2 and 3 in second.
func codes6(nibbles, pairs Mem, h, t, first, second, low, high, left, right reg.VecPhysical) {
	VBROADCASTI64X4(pairs, h)
	VMOVDQU32(nibbles, first)
	VPSRLW(Imm(4), first, second)
	VPSLLVW(left, h, t)
	VPANDD(high, t, t)
	VPTERNLOGD(Imm(0xec), low, t, first) // first = t | first&low
	VPSRLVW(right, h, t)
	VPANDD(high, t, t)
	VPTERNLOGD(Imm(0xec), low, t, second)
}
