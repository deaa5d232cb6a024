package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

func quantizers() {
	quantizeQ8()
	quantizeQ8K()
}

// maxAcross leaves the largest lane of v in its lowest.
func maxAcross(v, tmp reg.VecPhysical) {
	VEXTRACTF64X4(Imm(1), v, tmp.AsY())
	VMAXPS(tmp.AsY(), v.AsY(), v.AsY())
	VEXTRACTF128(Imm(1), v.AsY(), tmp.AsX())
	VMAXPS(tmp.AsX(), v.AsX(), v.AsX())
	VPERMILPD(Imm(1), v.AsX(), tmp.AsX())
	VMAXPS(tmp.AsX(), v.AsX(), v.AsX())
	VPSHUFD(Imm(0x55), v.AsX(), tmp.AsX())
	VMAXSS(tmp.AsX(), v.AsX(), v.AsX())
}

// addAcross leaves the sum of v's integers in its lowest lane.
func addAcross(v, tmp reg.VecPhysical) {
	VEXTRACTI64X4(Imm(1), v, tmp.AsY())
	VPADDD(tmp.AsY(), v.AsY(), v.AsY())
	VEXTRACTI128(Imm(1), v.AsY(), tmp.AsX())
	VPADDD(tmp.AsX(), v.AsX(), v.AsX())
	VPSHUFD(Imm(0x4e), v.AsX(), tmp.AsX())
	VPADDD(tmp.AsX(), v.AsX(), v.AsX())
	VPSHUFD(Imm(0xb1), v.AsX(), tmp.AsX())
	VPADDD(tmp.AsX(), v.AsX(), v.AsX())
}

func quantizeQ8() {
	TEXT("quantizeQ8", NOSPLIT, "func(q *int8, d *float32, sums *int32, x *float32, groups int)")
	Pragma("noescape")
	q, d, sums, x, n := Ptr("q"), Ptr("d"), Ptr("sums"), Ptr("x"), Ptr("groups")
	abs, top127, zeros := zmm[31], zmm[30], zmm[29]
	splat(0x7fffffff, abs)
	splatFloat(127, top127)
	zero(zeros)
	Loop("group", n, func() {
		a, b, top, t, inv := zmm[0], zmm[1], zmm[2], zmm[3], zmm[4]
		VMOVUPS(Mem{Base: x}, a)
		VMOVUPS(At(x, 64), b)
		VPANDD(a, abs, top)
		VPANDD(b, abs, t)
		VMAXPS(t, top, top)
		maxAcross(top, t)
		nonzero := K()
		VCMPSS(Imm(4), zeros.AsX(), top.AsX(), nonzero)
		VDIVSS_Z(top.AsX(), top127.AsX(), nonzero, inv.AsX())
		VDIVSS(top127.AsX(), top.AsX(), top.AsX())
		VCVTPS2PH(Imm(0), top.AsX(), top.AsX())
		VCVTPH2PS(top.AsX(), top.AsX())
		VMOVSS(top.AsX(), Mem{Base: d})
		VBROADCASTSS(inv.AsX(), inv)
		VMULPS(inv, a, a)
		VMULPS(inv, b, b)
		VCVTPS2DQ(a, a)
		VCVTPS2DQ(b, b)
		VPMOVSDB(a, Mem{Base: q})
		VPMOVSDB(b, At(q, 16))
		VPADDD(b, a, a)
		addAcross(a, b)
		VMOVD(a.AsX(), Mem{Base: sums})
		Add(128, x)
		Add(32, q)
		Add(4, d)
		Add(4, sums)
	})
	VZEROUPPER()
	RET()
}

func quantizeQ8K() {
	TEXT("quantizeQ8K", NOSPLIT, "func(q *int8, d *float32, sums *int32, x *float32, blocks int)")
	Pragma("noescape")
	q, d, sums, x, n := Ptr("q"), Ptr("d"), Ptr("sums"), Ptr("x"), Ptr("blocks")
	abs, ones, first := zmm[31], zmm[30], K()
	splat(0x7fffffff, abs)
	splat(0x01010101, ones)
	r := GP32()
	MOVL(U32(0x1111), r)
	KMOVW(r, first)
	Loop("block", n, func() {
		top, t, inv := zmm[0], zmm[1], zmm[2]
		VPANDD(Mem{Base: x}, abs, top)
		for i := 1; i < 16; i++ {
			VPANDD(At(x, 64*i), abs, t)
			VMAXPS(t, top, top)
		}
		maxAcross(top, t)
		VBROADCASTSS(top.AsX(), top)
		// the first value of that magnitude, for its sign
		value, bits := GP64(), GP32()
		MOVQ(x, value)
		Label("find")
		VPANDD(Mem{Base: value}, abs, t)
		k := K()
		VPCMPEQD(t, top, k)
		Add(64, value)
		KMOVW(k, bits)
		TESTL(bits, bits)
		JZ(LabelRef("find"))
		TZCNTL(bits, bits)
		VMOVSS(Mem{Base: value, Index: bits.As64(), Scale: 4, Disp: -64}, t.AsX())
		VPXORD(inv, inv, inv)
		nonzero := K()
		VCMPSS(Imm(4), inv.AsX(), t.AsX(), nonzero)
		c := zmm[3]
		splatFloat(-127, c)
		VDIVSS_Z(t.AsX(), c.AsX(), nonzero, inv.AsX())
		splatFloat(1, c)
		VDIVSS_Z(inv.AsX(), c.AsX(), nonzero, t.AsX())
		VMOVSS(t.AsX(), Mem{Base: d})
		VBROADCASTSS(inv.AsX(), inv)
		for i := range 16 {
			v := zmm[4+i%4]
			VMULPS(At(x, 64*i), inv, v)
			VCVTPS2DQ(v, v)
			VPMOVSDB(v, At(q, 16*i))
		}
		for i := range 4 { // each lane of 128 bits is one sum
			s, u := zmm[8+i], zmm[12+i]
			VPXORD(s, s, s)
			VPDPBUSD(At(q, 64*i), ones, s)
			VPSHUFD(Imm(0x4e), s, u)
			VPADDD(u, s, s)
			VPSHUFD(Imm(0xb1), s, u)
			VPADDD(u, s, s)
			VPCOMPRESSD_Z(s, first, s)
			VMOVDQU32(s.AsX(), At(sums, 16*i))
		}
		Add(1024, x)
		Add(256, q)
		Add(4, d)
		Add(64, sums)
	})
	VZEROUPPER()
	RET()
}
