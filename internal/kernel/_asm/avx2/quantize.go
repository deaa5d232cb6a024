package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// quantizers generates the rounding of activations; x is scaled by inverse scales that the
// caller computed from maxMagnitude.
func quantizers() {
	magnitude := words("magnitude", 0x7fffffff)

	// maxMagnitude is max |x| over n > 0 values, n a multiple of 8
	TEXT("maxMagnitude", NOSPLIT, "func(x *float32, n int) float32")
	Pragma("noescape")
	x, n := Ptr("x"), Ptr("n")
	SHRQ(Imm(3), n)
	top, t, mask := ymm[0], ymm[1], ymm[2]
	zero(top)
	VMOVDQU(magnitude, mask)
	Loop("max", n, func() {
		VANDPS(Mem{Base: x}, mask, t)
		VMAXPS(t, top, top)
		Add(32, x)
	})
	maxAcross(top, t)
	Store(top.AsX(), ReturnIndex(0))
	done()

	roundInt8()
}

// roundInt8 writes q = round(x·scale), and per 16 values their sum.
func roundInt8() {
	order := constant("packOrder", func(i int) byte { return []byte{0, 4, 1, 5, 2, 6, 3, 7}[i/4] * byte(b2i(i%4 == 0)) })
	TEXT("roundInt8", NOSPLIT, "func(q *int8, sums *int32, x *float32, n int, scale float32)")
	Pragma("noescape")
	q, sums, x, n := Ptr("q"), Ptr("sums"), Ptr("x"), Ptr("n")
	s, err := Param("scale").Resolve()
	if err != nil {
		panic(err)
	}
	scale, v, perm, t := ymm[8], ymm[0:4], ymm[9], ymm[4]
	VBROADCASTSS(s.Addr, scale)
	VMOVDQU(order, perm)
	SHRQ(Imm(5), n)
	Loop("round", n, func() {
		for i := range 4 {
			VMULPS(At(x, 32*i), scale, v[i])
			VCVTPS2DQ(v[i], v[i])
		}
		for i := range 2 {
			VPADDD(v[2*i+1], v[2*i], t)
			VEXTRACTI128(Imm(1), t, ymm[5].AsX())
			VPADDD(ymm[5].AsX(), t.AsX(), t.AsX())
			VPSHUFD(Imm(0x4e), t.AsX(), ymm[5].AsX())
			VPADDD(ymm[5].AsX(), t.AsX(), t.AsX())
			VPSHUFD(Imm(0xb1), t.AsX(), ymm[5].AsX())
			VPADDD(ymm[5].AsX(), t.AsX(), t.AsX())
			VMOVD(t.AsX(), At(sums, 4*i))
		}
		VPACKSSDW(v[1], v[0], v[0])
		VPACKSSDW(v[3], v[2], v[2])
		VPACKSSWB(v[2], v[0], v[0])
		VPERMD(v[0], perm, v[0])
		VMOVDQU(v[0], Mem{Base: q})
		Add(128, x)
		Add(32, q)
		Add(8, sums)
	})
	done()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// elementwise generates primitives over n elements, n a positive multiple of 8.
func elementwise() {
	TEXT("toF16", NOSPLIT, "func(dst *uint16, x *float32, n int)")
	Pragma("noescape")
	each([]string{"dst", "x"}, []int{16, 32}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[1]}, ymm[0])
		VCVTPS2PH(Imm(0), ymm[0], Mem{Base: p[0]})
	})
	done()
	TEXT("fromF16", NOSPLIT, "func(dst *float32, x *uint16, n int)")
	Pragma("noescape")
	each([]string{"dst", "x"}, []int{32, 16}, func(p []reg.GPVirtual) {
		VCVTPH2PS(Mem{Base: p[1]}, ymm[0])
		VMOVUPS(ymm[0], Mem{Base: p[0]})
	})
	done()
	TEXT("fromBF16", NOSPLIT, "func(dst *float32, x *uint16, n int)")
	Pragma("noescape")
	each([]string{"dst", "x"}, []int{32, 16}, func(p []reg.GPVirtual) {
		VPMOVZXWD(Mem{Base: p[1]}, ymm[0])
		VPSLLD(Imm(16), ymm[0], ymm[0])
		VMOVDQU(ymm[0], Mem{Base: p[0]})
	})
	done()
	TEXT("roundF16", NOSPLIT, "func(dst, x *float32, n int)")
	Pragma("noescape")
	each([]string{"dst", "x"}, []int{32, 32}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[1]}, ymm[0])
		VCVTPS2PH(Imm(0), ymm[0], ymm[0].AsX())
		VCVTPH2PS(ymm[0].AsX(), ymm[0])
		VMOVUPS(ymm[0], Mem{Base: p[0]})
	})
	done()
	roundBF16()
	sums()
	swiGLU()
	swiGLUBack()
	TEXT("addTo", NOSPLIT, "func(dst, x *float32, n int)")
	Pragma("noescape")
	each([]string{"dst", "x"}, []int{32, 32}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[0]}, ymm[0])
		VADDPS(Mem{Base: p[1]}, ymm[0], ymm[0])
		VMOVUPS(ymm[0], Mem{Base: p[0]})
	})
	done()
	ropes()
	softmax()
	TEXT("scaleLanes", NOSPLIT, "func(x, c *float32, n int)")
	Pragma("noescape")
	VMOVUPS(Mem{Base: Ptr("c")}, ymm[0])
	each([]string{"x"}, []int{32}, func(p []reg.GPVirtual) {
		VMULPS(Mem{Base: p[0]}, ymm[0], ymm[1])
		VMOVUPS(ymm[1], Mem{Base: p[0]})
	})
	done()
}

// each runs body per 8 elements; the pointers advance by the given bytes.
func each(names []string, bytes []int, body func(p []reg.GPVirtual)) {
	var p []reg.GPVirtual
	for _, n := range names {
		p = append(p, Ptr(n))
	}
	n := Ptr("n")
	SHRQ(Imm(3), n)
	Loop("each", n, func() {
		body(p)
		for i, r := range p {
			Add(bytes[i], r)
		}
	})
}

// roundBF16 adds 0x7fff plus the lowest kept bit and clears the dropped bits; a NaN keeps its
// upper bits and becomes quiet.
func roundBF16() {
	one, bias := words("bfOne", 1), words("bfBias", 0x7fff)
	keep, quiet := words("bfKeep", 0xffff0000), words("bfQuiet", 0x00400000)
	TEXT("roundBF16", NOSPLIT, "func(dst, x *float32, n int)")
	Pragma("noescape")
	v, t, nan := ymm[0], ymm[1], ymm[2]
	each([]string{"dst", "x"}, []int{32, 32}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[1]}, v)
		VCMPPS(Imm(3), v, v, nan)
		VPSRLD(Imm(16), v, t)
		VPAND(one, t, t)
		VPADDD(bias, t, t)
		VPADDD(v, t, t)
		VPOR(quiet, v, v)
		VBLENDVPS(nan, v, t, t)
		VPAND(keep, t, t)
		VMOVDQU(t, Mem{Base: p[0]})
	})
	done()
}

// sums generates the two halves of RMSNorm.
func sums() {
	TEXT("sumSquares", NOSPLIT, "func(x *float32, n int) float32")
	Pragma("noescape")
	zero(ymm[0])
	each([]string{"x"}, []int{32}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[0]}, ymm[1])
		VFMADD231PS(ymm[1], ymm[1], ymm[0])
	})
	reduce(ymm[0], ymm[1])
	Store(ymm[0].AsX(), ReturnIndex(0))
	done()

	TEXT("scaleMul", NOSPLIT, "func(dst, x, weight *float32, n int, scale float32)")
	Pragma("noescape")
	s, err := Param("scale").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(s.Addr, ymm[1])
	each([]string{"dst", "x", "weight"}, []int{32, 32, 32}, func(p []reg.GPVirtual) {
		VMULPS(Mem{Base: p[1]}, ymm[1], ymm[0])
		VMULPS(Mem{Base: p[2]}, ymm[0], ymm[0])
		VMOVUPS(ymm[0], Mem{Base: p[0]})
	})
	done()
}

// exp replaces v by eᵛ: v = n·ln2 + r, |r| ≤ ln2/2, eʳ by its Taylor polynomial of degree 7
// (truncation below 6·10⁻⁹). 2ⁿ is multiplied in as two factors, so that results may be
// subnormal, zero (below −104) or infinite (above 88.73).
func exp(v, n, p, t reg.VecPhysical) {
	VMOVUPS(Static("expLow"), t)
	VMAXPS(v, t, v)
	VMOVUPS(Static("expHigh"), t)
	VMINPS(v, t, v)
	VMULPS(Static("expLog2e"), v, n)
	VROUNDPS(Imm(0), n, n)
	VFNMADD231PS(Static("expLn2Hi"), n, v)
	VFNMADD231PS(Static("expLn2Lo"), n, v)
	VMOVUPS(Static("expTaylor7"), p)
	for _, c := range []string{"expTaylor6", "expTaylor5", "expTaylor4", "expTaylor3", "expTaylor2", "expTaylor1", "expTaylor1"} {
		VFMADD213PS(Static(c), v, p)
	}
	VCVTPS2DQ(n, n)
	VPSRAD(Imm(1), n, t)
	VPSUBD(t, n, n)
	for _, half := range []reg.VecPhysical{t, n} {
		VPADDD(Static("expBias"), half, half)
		VPSLLD(Imm(23), half, half)
		VMULPS(half, p, p)
	}
	VMOVAPS(p, v)
}

// expConstants emits what exp reads.
func expConstants() {
	float := func(name string, f float64) { words(name, math.Float32bits(float32(f))) }
	float("expLow", -104)
	float("expHigh", 89)
	float("expLog2e", math.Log2E)
	// ln 2 in two parts: the upper has 12 trailing zero bits, so its product with n is exact
	const hi = 0x1.62ep-1
	float("expLn2Hi", hi)
	float("expLn2Lo", math.Ln2-hi)
	f := 1.0
	for i := 1; i <= 7; i++ {
		f *= float64(i)
		float("expTaylor"+string(rune('0'+i)), 1/f)
	}
	words("expBias", 127)
}

func swiGLU() {
	expConstants()
	TEXT("swiGLU", NOSPLIT, "func(dst, gate, up *float32, n int)")
	Pragma("noescape")
	g, e := ymm[0], ymm[1]
	each([]string{"dst", "gate", "up"}, []int{32, 32, 32}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[1]}, g)
		zero(e)
		VSUBPS(g, e, e)
		exp(e, ymm[3], ymm[4], ymm[5])
		VADDPS(Static("expTaylor1"), e, e)
		VDIVPS(e, g, g)
		VMULPS(Mem{Base: p[2]}, g, g)
		VMOVUPS(g, Mem{Base: p[0]})
	})
	done()
}

// swiGLUBack takes σ(g) as swiGLU does; 1−σ(g) is e⁻ᵍσ(g), which does not cancel. Gates below
// −87 count as −87: e⁻ᵍ stays finite.
func swiGLUBack() {
	low, one := words("gateLow", math.Float32bits(-87)), Static("expTaylor1")
	TEXT("swiGLUBack", NOSPLIT, "func(d, dup, gate, up *float32, n int)")
	Pragma("noescape")
	g, e, d, s, u := ymm[0], ymm[1], ymm[2], ymm[6], ymm[7]
	each([]string{"d", "dup", "gate", "up"}, []int{32, 32, 32, 32}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[2]}, g)
		VMAXPS(low, g, g)
		zero(e)
		VSUBPS(g, e, e)
		exp(e, ymm[3], ymm[4], ymm[5])
		VADDPS(one, e, u)
		VMOVUPS(one, s)
		VDIVPS(u, s, s)
		VMOVUPS(Mem{Base: p[0]}, d)
		VMULPS(s, d, d) // d·σ
		VMULPS(s, e, e)
		VFMADD213PS(one, g, e) // 1 + g·(1−σ)
		VMULPS(d, g, g)
		VMOVUPS(g, Mem{Base: p[1]})
		VMULPS(Mem{Base: p[3]}, d, d)
		VMULPS(d, e, e)
		VMOVUPS(e, Mem{Base: p[0]})
	})
	done()
}

func ropes() {
	TEXT("ropeHalves", NOSPLIT, "func(x, y, cos, sin *float32, n int)")
	Pragma("noescape")
	a, b, c, s, t := ymm[0], ymm[1], ymm[2], ymm[3], ymm[4]
	each([]string{"x", "y", "cos", "sin"}, []int{32, 32, 32, 32}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[0]}, a)
		VMOVUPS(Mem{Base: p[1]}, b)
		VMOVUPS(Mem{Base: p[2]}, c)
		VMOVUPS(Mem{Base: p[3]}, s)
		VMULPS(s, b, t)
		VFMSUB231PS(c, a, t) // a·c − b·s
		VMULPS(c, b, b)
		VFMADD231PS(s, a, b) // b·c + a·s
		VMOVUPS(t, Mem{Base: p[0]})
		VMOVUPS(b, Mem{Base: p[1]})
	})
	done()

	double := constant("ropeDouble", func(i int) byte { return []byte{0, 0, 1, 1, 2, 2, 3, 3}[i/4] * byte(b2i(i%4 == 0)) })
	TEXT("ropePairs", NOSPLIT, "func(x, cos, sin *float32, n int)")
	Pragma("noescape")
	order := ymm[5]
	VMOVDQU(double, order)
	each([]string{"x", "cos", "sin"}, []int{32, 16, 16}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[0]}, a)
		VMOVUPS(Mem{Base: p[1]}, c.AsX())
		VMOVUPS(Mem{Base: p[2]}, s.AsX())
		VPERMPS(c, order, c)
		VPERMPS(s, order, s)
		VPERMILPS(Imm(0xb1), a, t) // neighbours change places
		VMULPS(s, t, t)
		VFMADDSUB213PS(t, c, a) // even lanes a·c − t, odd lanes a·c + t
		VMOVUPS(a, Mem{Base: p[0]})
	})
	done()
}

func softmax() {
	TEXT("softmax", NOSPLIT, "func(s, top, sum, shrink *float32, n int)")
	Pragma("noescape")
	s, top, sum, shrink, n := Ptr("s"), Ptr("top"), Ptr("sum"), Ptr("shrink"), Ptr("n")
	m, t, total := ymm[6], ymm[7], ymm[8]
	VMOVUPS(Mem{Base: top}, t)
	VMOVAPS(t, m)
	p, left := GP64(), GP64()
	MOVQ(s, p)
	MOVQ(n, left)
	Loop("max", left, func() {
		VMAXPS(Mem{Base: p}, m, m)
		Add(32, p)
	})
	VMOVUPS(m, Mem{Base: top})
	VSUBPS(m, t, t)
	exp(t, ymm[3], ymm[4], ymm[5])
	VMOVUPS(t, Mem{Base: shrink})
	VMULPS(Mem{Base: sum}, t, total)
	Loop("exp", n, func() {
		VMOVUPS(Mem{Base: s}, t)
		VSUBPS(m, t, t)
		exp(t, ymm[3], ymm[4], ymm[5])
		VMOVUPS(t, Mem{Base: s})
		VADDPS(t, total, total)
		Add(32, s)
	})
	VMOVUPS(total, Mem{Base: sum})
	done()
}
