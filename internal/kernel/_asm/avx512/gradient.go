package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// gradients generates what training needs on its way back.
func gradients() {
	swiGLUBack()
	softmaxBack()
	rmsNormBack()
}

// pointers emits body for whole vectors and the tail of n floats behind each pointer.
func pointers(names []string, body func(p []reg.GPVirtual, k reg.OpmaskVirtual, full bool)) {
	var p []reg.GPVirtual
	for _, name := range names {
		p = append(p, Ptr(name))
	}
	each(Ptr("n"), func(k reg.OpmaskVirtual, full bool) {
		body(p, k, full)
		for _, r := range p {
			Add(64, r)
		}
	})
}

// swiGLUBack takes σ(g) as swiGLU does; 1−σ(g) is e⁻ᵍσ(g), which does not cancel.
func swiGLUBack() {
	TEXT("swiGLUBack", NOSPLIT, "func(d, dup, gate, up *float32, n int)")
	Pragma("noescape")
	c := loadExp()
	one, two, low := c.taylor[6], zmm[28], zmm[29]
	splatFloat(2, two)
	splatFloat(-87, low)
	pointers([]string{"d", "dup", "gate", "up"}, func(p []reg.GPVirtual, k reg.OpmaskVirtual, full bool) {
		g, e, u, d, s, t := zmm[0], zmm[1], zmm[2], zmm[5], zmm[6], zmm[7]
		loadF(Mem{Base: p[0]}, k, full, d)
		loadF(Mem{Base: p[2]}, k, full, g)
		loadF(Mem{Base: p[3]}, k, full, u)
		VMAXPS(g, low, g)
		VPXORD(e, e, e)
		VSUBPS(g, e, e)
		c.exp(e, zmm[3], zmm[4])
		VADDPS(one, e, t)
		VRCP14PS(t, s)
		VFNMADD213PS(two, s, t)
		VMULPS(t, s, s) // σ
		VMULPS(d, u, u)
		VMULPS(s, u, u) // d·up·σ
		VMULPS(s, d, d)
		VMULPS(g, d, d) // d·g·σ
		storeF(d, k, full, Mem{Base: p[1]})
		VMULPS(s, e, e)
		VFMADD213PS(one, g, e) // 1 + g·(1−σ)
		VMULPS(u, e, e)
		storeF(e, k, full, Mem{Base: p[0]})
	})
	VZEROUPPER()
	RET()
}

// softmaxBack generates the steps of SoftmaxBack: the sum of products, the differences from it.
func softmaxBack() {
	a, b, total := zmm[0], zmm[1], zmm[2]
	TEXT("dot", NOSPLIT, "func(x, y *float32, n int) float32")
	Pragma("noescape")
	zero(total)
	pointers([]string{"x", "y"}, func(p []reg.GPVirtual, k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: p[0]}, k, full, a)
		loadF(Mem{Base: p[1]}, k, full, b)
		VFMADD231PS(a, b, total)
	})
	reduce(total, a)
	Store(total.AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()

	mean, scale := zmm[3], zmm[4]
	TEXT("centerScale", NOSPLIT, "func(d, p *float32, n int, mean, scale float32)")
	Pragma("noescape")
	broadcast("mean", mean)
	broadcast("scale", scale)
	pointers([]string{"d", "p"}, func(p []reg.GPVirtual, k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: p[0]}, k, full, a)
		loadF(Mem{Base: p[1]}, k, full, b)
		VSUBPS(mean, a, a)
		VMULPS(scale, b, b)
		VMULPS(b, a, a)
		storeF(a, k, full, Mem{Base: p[0]})
	})
	VZEROUPPER()
	RET()
}

// rmsNormBack generates the steps of RMSNormBack: both sums, then both gradients.
func rmsNormBack() {
	x, w, d, t, squares, total := zmm[0], zmm[1], zmm[2], zmm[3], zmm[4], zmm[5]
	TEXT("normSums", NOSPLIT, "func(dy, x, weight *float32, n int) (squares, dot float32)")
	Pragma("noescape")
	zero(squares, total)
	pointers([]string{"dy", "x", "weight"}, func(p []reg.GPVirtual, k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: p[0]}, k, full, d)
		loadF(Mem{Base: p[1]}, k, full, x)
		loadF(Mem{Base: p[2]}, k, full, w)
		VMULPS(d, w, w)
		VFMADD231PS(x, x, squares)
		VFMADD231PS(x, w, total)
	})
	reduce(squares, t)
	reduce(total, t)
	Store(squares.AsX(), ReturnIndex(0))
	Store(total.AsX(), ReturnIndex(1))
	VZEROUPPER()
	RET()

	scale, shrink := zmm[6], zmm[7]
	TEXT("normBack", NOSPLIT, "func(dx, dw, dy, x, weight *float32, n int, scale, shrink float32)")
	Pragma("noescape")
	broadcast("scale", scale)
	broadcast("shrink", shrink)
	pointers([]string{"dx", "dw", "dy", "x", "weight"}, func(p []reg.GPVirtual, k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: p[2]}, k, full, d)
		loadF(Mem{Base: p[3]}, k, full, x)
		loadF(Mem{Base: p[4]}, k, full, w)
		VMULPS(scale, d, d)
		loadF(Mem{Base: p[0]}, k, full, t)
		VFMADD231PS(d, w, t)
		VFNMADD231PS(shrink, x, t)
		storeF(t, k, full, Mem{Base: p[0]})
		loadF(Mem{Base: p[1]}, k, full, t)
		VFMADD231PS(d, x, t)
		storeF(t, k, full, Mem{Base: p[1]})
	})
	VZEROUPPER()
	RET()
}
