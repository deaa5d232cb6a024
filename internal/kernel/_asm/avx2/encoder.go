package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// encoder generates what vision encoders need besides: layer normalization and the GELUs,
// over n elements, n a positive multiple of 8.
func encoder() {
	layerNorm()
	sigmoidGate()
}

// broadcast fills a register with a float parameter.
func broadcast(name string, v reg.VecPhysical) {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(p.Addr, v)
}

// layerNorm generates the steps of LayerNorm: the sum, the squares about the mean, the scaling.
func layerNorm() {
	v, total, mean, scale := ymm[0], ymm[1], ymm[2], ymm[3]
	TEXT("sum", NOSPLIT, "func(x *float32, n int) float32")
	Pragma("noescape")
	zero(total)
	each([]string{"x"}, []int{32}, func(p []reg.GPVirtual) { VADDPS(Mem{Base: p[0]}, total, total) })
	reduce(total, v)
	Store(total.AsX(), ReturnIndex(0))
	done()

	TEXT("sumCentered", NOSPLIT, "func(x *float32, n int, mean float32) float32")
	Pragma("noescape")
	broadcast("mean", mean)
	zero(total)
	each([]string{"x"}, []int{32}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[0]}, v)
		VSUBPS(mean, v, v)
		VFMADD231PS(v, v, total)
	})
	reduce(total, v)
	Store(total.AsX(), ReturnIndex(0))
	done()

	TEXT("centerMul", NOSPLIT, "func(dst, x, weight *float32, n int, mean, scale float32)")
	Pragma("noescape")
	broadcast("mean", mean)
	broadcast("scale", scale)
	each([]string{"dst", "x", "weight"}, []int{32, 32, 32}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[1]}, v)
		VSUBPS(mean, v, v)
		VMULPS(scale, v, v)
		VMULPS(Mem{Base: p[2]}, v, v)
		VMOVUPS(v, Mem{Base: p[0]})
	})
	done()
}

// sigmoidGate replaces x by x·σ(u), u = x·(linear + cubic·x²). Values below −bound count as
// −bound: e⁻ᵘ stays finite.
func sigmoidGate() {
	TEXT("sigmoidGate", NOSPLIT, "func(x *float32, n int, linear, cubic, bound float32)")
	Pragma("noescape")
	v, u, s, linear, cubic, high, low := ymm[0], ymm[1], ymm[2], ymm[9], ymm[10], ymm[11], ymm[12]
	broadcast("linear", linear)
	broadcast("cubic", cubic)
	broadcast("bound", high)
	zero(low)
	VSUBPS(high, low, low)
	each([]string{"x"}, []int{32}, func(p []reg.GPVirtual) {
		VMOVUPS(Mem{Base: p[0]}, v)
		VMAXPS(v, low, v)
		VMINPS(v, high, u)
		VMULPS(u, u, s)
		VFMADD213PS(linear, cubic, s)
		zero(ymm[3])
		VSUBPS(u, ymm[3], u)
		VMULPS(s, u, u)
		exp(u, ymm[3], ymm[4], ymm[5])
		VADDPS(Static("expTaylor1"), u, u)
		VDIVPS(u, v, v)
		VMOVUPS(v, Mem{Base: p[0]})
	})
	done()
}
