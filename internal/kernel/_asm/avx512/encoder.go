package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// encoder generates what vision encoders need besides: layer normalization and the GELUs.
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
	v, total, mean, scale, w := zmm[0], zmm[1], zmm[2], zmm[3], zmm[4]
	TEXT("sum", NOSPLIT, "func(x *float32, n int) float32")
	Pragma("noescape")
	x, n := Ptr("x"), Ptr("n")
	zero(total)
	each(n, func(k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: x}, k, full, v)
		VADDPS(v, total, total)
		Add(64, x)
	})
	reduce(total, v)
	Store(total.AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()

	TEXT("sumCentered", NOSPLIT, "func(x *float32, n int, mean float32) float32")
	Pragma("noescape")
	x, n = Ptr("x"), Ptr("n")
	broadcast("mean", mean)
	zero(total)
	each(n, func(k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: x}, k, full, v)
		if full {
			VSUBPS(mean, v, v)
		} else {
			VSUBPS_Z(mean, v, k, v)
		}
		VFMADD231PS(v, v, total)
		Add(64, x)
	})
	reduce(total, v)
	Store(total.AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()

	TEXT("centerMul", NOSPLIT, "func(dst, x, weight *float32, n int, mean, scale float32)")
	Pragma("noescape")
	dst, x, weight, n := Ptr("dst"), Ptr("x"), Ptr("weight"), Ptr("n")
	broadcast("mean", mean)
	broadcast("scale", scale)
	each(n, func(k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: x}, k, full, v)
		loadF(Mem{Base: weight}, k, full, w)
		VSUBPS(mean, v, v)
		VMULPS(scale, v, v)
		VMULPS(w, v, v)
		storeF(v, k, full, Mem{Base: dst})
		Add(64, x)
		Add(64, weight)
		Add(64, dst)
	})
	VZEROUPPER()
	RET()
}

// sigmoidGate replaces x by x·σ(u), u = x·(linear + cubic·x²). Values below −bound count as
// −bound, so that the reciprocal of 1+e⁻ᵘ is a normal number; it is taken as in swiGLU.
func sigmoidGate() {
	TEXT("sigmoidGate", NOSPLIT, "func(x *float32, n int, linear, cubic, bound float32)")
	Pragma("noescape")
	x, n := Ptr("x"), Ptr("n")
	c := loadExp()
	v, u, r, s := zmm[0], zmm[1], zmm[5], zmm[6]
	one, two, linear, cubic, high, low := c.taylor[6], zmm[28], zmm[29], zmm[30], zmm[31], zmm[15]
	splatFloat(2, two)
	broadcast("linear", linear)
	broadcast("cubic", cubic)
	broadcast("bound", high)
	zero(low)
	VSUBPS(high, low, low)
	each(n, func(k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: x}, k, full, v)
		VMAXPS(v, low, v)
		VMINPS(v, high, u)
		VMULPS(u, u, s)
		VFMADD213PS(linear, cubic, s)
		VPXORD(r, r, r)
		VSUBPS(u, r, u)
		VMULPS(s, u, u)
		c.exp(u, zmm[3], zmm[4])
		VADDPS(one, u, u)
		VRCP14PS(u, r)
		VFNMADD213PS(two, r, u)
		VMULPS(u, r, r)
		VMULPS(r, v, v)
		storeF(v, k, full, Mem{Base: x})
		Add(64, x)
	})
	VZEROUPPER()
	RET()
}
