package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

func elementwise() {
	conversions()
	rmsNorm()
	swiGLU()
	addVectors()
	ropes()
	softmax()
	scaleLanes()
	softmaxRow()
	accumulateF16()
}

// splatFloat fills a register with a float.
func splatFloat(f float32, v reg.VecPhysical) { splat(math.Float32bits(f), v) }

// each emits body for whole vectors of 16 elements and once more, masked, for the rest. body
// advances its pointers; mask is nil when all lanes take part.
func each(n reg.GPVirtual, body func(mask reg.OpmaskVirtual, full bool)) {
	SUBQ(Imm(16), n)
	JL(LabelRef("tail"))
	Label("full")
	body(nil, true)
	SUBQ(Imm(16), n)
	JGE(LabelRef("full"))
	Label("tail")
	ADDQ(Imm(16), n)
	JZ(LabelRef("done"))
	body(tailMask(n), false)
	Label("done")
}

// loadF and storeF move floats, of the masked lanes only in the tail.
func loadF(m Mem, k reg.OpmaskVirtual, full bool, v reg.VecPhysical) {
	if full {
		VMOVUPS(m, v)
	} else {
		VMOVUPS_Z(m, k, v)
	}
}

func storeF(v reg.VecPhysical, k reg.OpmaskVirtual, full bool, m Mem) {
	if full {
		VMOVUPS(v, m)
	} else {
		VMOVUPS(v, k, m)
	}
}

// load16 and store16 move half words.
func load16(m Mem, k reg.OpmaskVirtual, full bool, v reg.VecPhysical) {
	if full {
		VMOVDQU16(m, v.AsY())
	} else {
		VMOVDQU16_Z(m, k, v.AsY())
	}
}

func store16(v reg.VecPhysical, k reg.OpmaskVirtual, full bool, m Mem) {
	if full {
		VMOVDQU16(v.AsY(), m)
	} else {
		VMOVDQU16(v.AsY(), k, m)
	}
}

func conversions() {
	TEXT("toF16", NOSPLIT, "func(dst *uint16, x *float32, n int)")
	Pragma("noescape")
	dst, x, n := Ptr("dst"), Ptr("x"), Ptr("n")
	each(n, func(k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: x}, k, full, zmm[0])
		VCVTPS2PH(Imm(0), zmm[0], zmm[0].AsY())
		store16(zmm[0], k, full, Mem{Base: dst})
		Add(64, x)
		Add(32, dst)
	})
	VZEROUPPER()
	RET()

	widen("fromF16", func(v reg.VecPhysical) { VCVTPH2PS(v.AsY(), v) })
	widen("fromBF16", func(v reg.VecPhysical) {
		VPMOVZXWD(v.AsY(), v)
		VPSLLD(Imm(16), v, v)
	})

	TEXT("roundF16", NOSPLIT, "func(dst, x *float32, n int)")
	Pragma("noescape")
	dst, x, n = Ptr("dst"), Ptr("x"), Ptr("n")
	each(n, func(k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: x}, k, full, zmm[0])
		VCVTPS2PH(Imm(0), zmm[0], zmm[0].AsY())
		VCVTPH2PS(zmm[0].AsY(), zmm[0])
		storeF(zmm[0], k, full, Mem{Base: dst})
		Add(64, x)
		Add(64, dst)
	})
	VZEROUPPER()
	RET()

	roundBF16("roundBF16", "float32", storeF, 64)
	roundBF16("toBF16", "uint16", func(v reg.VecPhysical, k reg.OpmaskVirtual, full bool, m Mem) {
		VPSRLD(Imm(16), v, v)
		VPMOVDW(v, v.AsY())
		store16(v, k, full, m)
	}, 32)
	pairBF16("pairBF16x16", zmm[0], zmm[1], zmm[2], zmm[3])
	pairBF16("pairBF16x8", reg.Y0, reg.Y1, reg.Y2, reg.Y3)
}

func widen(name string, convert func(v reg.VecPhysical)) {
	TEXT(name, NOSPLIT, "func(dst *float32, x *uint16, n int)")
	Pragma("noescape")
	dst, x, n := Ptr("dst"), Ptr("x"), Ptr("n")
	each(n, func(k reg.OpmaskVirtual, full bool) {
		load16(Mem{Base: x}, k, full, zmm[0])
		convert(zmm[0])
		storeF(zmm[0], k, full, Mem{Base: dst})
		Add(32, x)
		Add(64, dst)
	})
	VZEROUPPER()
	RET()
}

// nearestBF16 loads the constants for rounding to bfloat16 and returns what rounds v to t. It adds
// 0x7fff plus the lowest kept bit and clears the dropped bits; a NaN keeps its upper bits and
// becomes quiet.
func nearestBF16() func(v, t reg.VecPhysical) {
	one, half, keep, quiet := zmm[28], zmm[29], zmm[30], zmm[31]
	splat(1, one)
	splat(0x7fff, half)
	splat(0xffff0000, keep)
	splat(0x00400000, quiet)
	return func(v, t reg.VecPhysical) {
		as := reg.VecPhysical.AsZ
		if v.Size() == 32 {
			as = reg.VecPhysical.AsY
		}
		nan := K()
		VCMPPS(Imm(3), v, v, nan)
		VPSRLD(Imm(16), v, t)
		VPANDD(as(one), t, t)
		VPADDD(as(half), t, t)
		VPADDD(v, t, t)
		VPORD(as(quiet), v, nan, t)
		VPANDD(as(keep), t, t)
	}
}

// roundBF16 stores results as floats or as their upper halves.
func roundBF16(name, result string, store func(v reg.VecPhysical, k reg.OpmaskVirtual, full bool, m Mem), bytes int) {
	TEXT(name, NOSPLIT, "func(dst *"+result+", x *float32, n int)")
	Pragma("noescape")
	round := nearestBF16()
	dst, x, n := Ptr("dst"), Ptr("x"), Ptr("n")
	each(n, func(k reg.OpmaskVirtual, full bool) {
		v, t := zmm[0], zmm[1]
		loadF(Mem{Base: x}, k, full, v)
		round(v, t)
		store(t, k, full, Mem{Base: dst})
		Add(64, x)
		Add(bytes, dst)
	})
	VZEROUPPER()
	RET()
}

// pairBF16 rounds pairs of rows, ldx floats apart, to n > 0 rows of words, as wide as a register.
func pairBF16(name string, low, high, lowRounded, highRounded reg.VecPhysical) {
	TEXT(name, NOSPLIT, "func(dst *uint32, x *float32, ldx, n int)")
	Pragma("noescape")
	round := nearestBF16()
	dst, x, ldx, n := Ptr("dst"), Ptr("x"), Ptr("ldx"), Ptr("n")
	SHLQ(Imm(2), ldx)
	Loop("pair", n, func() {
		VMOVUPS(Mem{Base: x}, low)
		VMOVUPS(Mem{Base: x, Index: ldx, Scale: 1}, high)
		LEAQ(Mem{Base: x, Index: ldx, Scale: 2}, x)
		round(low, lowRounded)
		round(high, highRounded)
		VPSRLD(Imm(16), lowRounded, lowRounded)
		VPORD(lowRounded, highRounded, highRounded)
		VMOVUPS(highRounded, Mem{Base: dst})
		Add(int(low.Size()), dst)
	})
	VZEROUPPER()
	RET()
}

// rmsNorm generates the two halves of RMSNorm: the sum of squares, and the scaling.
func rmsNorm() {
	TEXT("sumSquares", NOSPLIT, "func(x *float32, n int) float32")
	Pragma("noescape")
	x, n := Ptr("x"), Ptr("n")
	sum, v := zmm[0], zmm[1]
	zero(sum)
	each(n, func(k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: x}, k, full, v)
		VFMADD231PS(v, v, sum)
		Add(64, x)
	})
	reduce(sum, v)
	Store(sum.AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()

	TEXT("scaleMul", NOSPLIT, "func(dst, x, weight *float32, n int, scale float32)")
	Pragma("noescape")
	dst, x, weight, n := Ptr("dst"), Ptr("x"), Ptr("weight"), Ptr("n")
	s, err := Param("scale").Resolve()
	if err != nil {
		panic(err)
	}
	scale, w := zmm[3], zmm[2]
	VBROADCASTSS(s.Addr, scale)
	each(n, func(k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: x}, k, full, v)
		loadF(Mem{Base: weight}, k, full, w)
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

// expConstants are the registers that exp needs.
type expConstants struct {
	low, high, log2e, ln2Hi, ln2Lo reg.VecPhysical
	taylor                         []reg.VecPhysical // 1/7!, 1/6!, … 1/2!, 1
}

// loadExp fills registers from zmm[16] on.
func loadExp() expConstants {
	c := expConstants{zmm[16], zmm[17], zmm[18], zmm[19], zmm[20], zmm[21:28]}
	splatFloat(-104, c.low)
	splatFloat(89, c.high)
	splatFloat(float32(math.Log2E), c.log2e)
	// ln 2 in two parts: the upper has 12 trailing zero bits, so its product with n is exact
	const hi = 0x1.62ep-1
	lo := math.Ln2 - hi
	splatFloat(hi, c.ln2Hi)
	splatFloat(float32(lo), c.ln2Lo)
	f := 5040.0
	for i, r := range c.taylor {
		splatFloat(float32(1/f), r)
		f /= float64(7 - i)
	}
	return c
}

// exp replaces v by eᵛ: v = n·ln2 + r, |r| ≤ ln2/2, eʳ by its Taylor polynomial of degree 7
// (truncation below 6·10⁻⁹), scaled by 2ⁿ. Below −104 the result is 0, above 88.73 infinite.
func (c expConstants) exp(v, n, p reg.VecPhysical) {
	VMAXPS(v, c.low, v)
	VMINPS(v, c.high, v)
	VMULPS(c.log2e, v, n)
	VRNDSCALEPS(Imm(0), n, n)
	VFNMADD231PS(c.ln2Hi, n, v)
	VFNMADD231PS(c.ln2Lo, n, v)
	VMOVAPS(c.taylor[0], p)
	for _, t := range c.taylor[1:] {
		VFMADD213PS(t, v, p)
	}
	VFMADD213PS(c.taylor[6], v, p)
	VSCALEFPS(n, p, v)
}

// swiGLU takes the reciprocal of 1+e⁻ᵍ from the 14-bit estimate and one Newton step, r(2−er),
// which squares its error; division would take longer than all the rest. Gates below −87 count
// as −87, so that the reciprocal is a normal number.
func swiGLU() {
	TEXT("swiGLU", NOSPLIT, "func(dst, gate, up *float32, n int)")
	Pragma("noescape")
	dst, gate, up, n := Ptr("dst"), Ptr("gate"), Ptr("up"), Ptr("n")
	c := loadExp()
	one, two, low, r := c.taylor[6], zmm[28], zmm[29], zmm[5]
	splatFloat(2, two)
	splatFloat(-87, low)
	each(n, func(k reg.OpmaskVirtual, full bool) {
		g, e, u := zmm[0], zmm[1], zmm[2]
		loadF(Mem{Base: gate}, k, full, g)
		loadF(Mem{Base: up}, k, full, u)
		VMAXPS(g, low, g)
		VPXORD(e, e, e)
		VSUBPS(g, e, e)
		c.exp(e, zmm[3], zmm[4])
		VADDPS(one, e, e)
		VRCP14PS(e, r)
		VFNMADD213PS(two, r, e)
		VMULPS(e, r, r)
		VMULPS(r, g, g)
		VMULPS(u, g, g)
		storeF(g, k, full, Mem{Base: dst})
		Add(64, gate)
		Add(64, up)
		Add(64, dst)
	})
	VZEROUPPER()
	RET()
}

func addVectors() {
	TEXT("addTo", NOSPLIT, "func(dst, x *float32, n int)")
	Pragma("noescape")
	dst, x, n := Ptr("dst"), Ptr("x"), Ptr("n")
	each(n, func(k reg.OpmaskVirtual, full bool) {
		loadF(Mem{Base: x}, k, full, zmm[0])
		loadF(Mem{Base: dst}, k, full, zmm[1])
		VADDPS(zmm[0], zmm[1], zmm[0])
		storeF(zmm[0], k, full, Mem{Base: dst})
		Add(64, x)
		Add(64, dst)
	})
	VZEROUPPER()
	RET()
}

func ropes() {
	TEXT("ropeHalves", NOSPLIT, "func(x, y, cos, sin *float32, n int)")
	Pragma("noescape")
	x, y, cos, sin, n := Ptr("x"), Ptr("y"), Ptr("cos"), Ptr("sin"), Ptr("n")
	each(n, func(k reg.OpmaskVirtual, full bool) {
		a, b, c, s, t := zmm[0], zmm[1], zmm[2], zmm[3], zmm[4]
		loadF(Mem{Base: x}, k, full, a)
		loadF(Mem{Base: y}, k, full, b)
		loadF(Mem{Base: cos}, k, full, c)
		loadF(Mem{Base: sin}, k, full, s)
		VMULPS(s, b, t)
		VFMSUB231PS(c, a, t) // a·c − b·s
		VMULPS(c, b, b)
		VFMADD231PS(s, a, b) // b·c + a·s
		storeF(t, k, full, Mem{Base: x})
		storeF(b, k, full, Mem{Base: y})
		for _, p := range []reg.GPVirtual{x, y, cos, sin} {
			Add(64, p)
		}
	})
	VZEROUPPER()
	RET()

	// n counts elements of x, two per angle; the mask of the tail's angles has every second bit.
	TEXT("ropePairs", NOSPLIT, "func(x, cos, sin *float32, n int)")
	Pragma("noescape")
	x, cos, sin, n = Ptr("x"), Ptr("cos"), Ptr("sin"), Ptr("n")
	double := zmm[31]
	table("ropeDouble", [16]uint32{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7}, double)
	each(n, func(k reg.OpmaskVirtual, full bool) {
		v, c, s, t := zmm[0], zmm[1], zmm[2], zmm[3]
		loadF(Mem{Base: x}, k, full, v)
		if full {
			VMOVUPS(Mem{Base: cos}, c.AsY())
			VMOVUPS(Mem{Base: sin}, s.AsY())
		} else {
			half := GP64()
			MOVQ(n, half)
			SHRQ(Imm(1), half)
			angles := tailMask(half)
			VMOVUPS_Z(Mem{Base: cos}, angles, c.AsY())
			VMOVUPS_Z(Mem{Base: sin}, angles, s.AsY())
		}
		VPERMPS(c, double, c)
		VPERMPS(s, double, s)
		VPERMILPS(Imm(0xb1), v, t) // neighbours change places
		VMULPS(s, t, t)
		VFMADDSUB213PS(t, c, v) // even lanes v·c − t, odd lanes v·c + t
		storeF(v, k, full, Mem{Base: x})
		Add(64, x)
		Add(32, cos)
		Add(32, sin)
	})
	VZEROUPPER()
	RET()
}

func softmax() {
	TEXT("softmax", NOSPLIT, "func(s, top, sum, shrink *float32, n int)")
	Pragma("noescape")
	s, top, sum, shrink, n := Ptr("s"), Ptr("top"), Ptr("sum"), Ptr("shrink"), Ptr("n")
	c := loadExp()
	m, t, total := zmm[5], zmm[6], zmm[7]
	VMOVUPS(Mem{Base: top}, t)
	VMOVAPS(t, m)
	at, left := GP64(), GP64()
	MOVQ(s, at)
	MOVQ(n, left)
	Loop("max", left, func() {
		VMAXPS(Mem{Base: at}, m, m)
		Add(64, at)
	})
	VMOVUPS(m, Mem{Base: top})
	VSUBPS(m, t, t)
	c.exp(t, zmm[3], zmm[4])
	VMOVUPS(t, Mem{Base: shrink})
	VMULPS(Mem{Base: sum}, t, total)
	Loop("exp", n, func() {
		VMOVUPS(Mem{Base: s}, t)
		VSUBPS(m, t, t)
		c.exp(t, zmm[3], zmm[4])
		VMOVUPS(t, Mem{Base: s})
		VADDPS(t, total, total)
		Add(64, s)
	})
	VMOVUPS(total, Mem{Base: sum})
	VZEROUPPER()
	RET()
}

func scaleLanes() {
	TEXT("scaleLanes", NOSPLIT, "func(x, c *float32, n int)")
	Pragma("noescape")
	x, c, n := Ptr("x"), Ptr("c"), Ptr("n")
	VMOVUPS(Mem{Base: c}, zmm[0])
	Loop("row", n, func() {
		VMULPS(Mem{Base: x}, zmm[0], zmm[1])
		VMOVUPS(zmm[1], Mem{Base: x})
		Add(64, x)
	})
	VZEROUPPER()
	RET()
}

// softmaxRow takes two passes over n > 0 vectors of 16 scores.
func softmaxRow() {
	TEXT("softmaxRow", NOSPLIT, "func(s *float32, n int) float32")
	Pragma("noescape")
	s, n := Ptr("s"), Ptr("n")
	c := loadExp()
	m, t, total := zmm[5], zmm[6], zmm[7]
	VMOVUPS(Mem{Base: s}, m)
	at, left := GP64(), GP64()
	MOVQ(s, at)
	MOVQ(n, left)
	Loop("max", left, func() {
		VMAXPS(Mem{Base: at}, m, m)
		Add(64, at)
	})
	maxAcross(m, t)
	VBROADCASTSS(m.AsX(), m)
	zero(total)
	Loop("exp", n, func() {
		VMOVUPS(Mem{Base: s}, t)
		VSUBPS(m, t, t)
		c.exp(t, zmm[3], zmm[4])
		VMOVUPS(t, Mem{Base: s})
		VADDPS(t, total, total)
		Add(64, s)
	})
	reduce(total, t)
	Store(total.AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// accumulateF16 walks all rows once per 64 columns, then per 16, the last masked.
func accumulateF16() {
	TEXT("accumulateF16", NOSPLIT, "func(out, p *float32, v *uint16, ldv, rows, n int)")
	Pragma("noescape")
	out, v, ldv, n := Ptr("out"), Ptr("v"), Ptr("ldv"), Ptr("n")
	SHLQ(Imm(1), ldv)
	columns := func(label string, vectors int, mask reg.OpmaskVirtual) {
		p, left, row := Ptr("p"), Ptr("rows"), GP64()
		MOVQ(v, row)
		for i := range vectors {
			loadF(At(out, 64*i), mask, mask == nil, zmm[i])
		}
		Loop(label, left, func() {
			for i := range vectors {
				x := zmm[4+i]
				if mask == nil {
					VCVTPH2PS(At(row, 32*i), x)
				} else {
					VMOVDQU16_Z(Mem{Base: row}, mask, x.AsY())
					VCVTPH2PS(x.AsY(), x)
				}
				VFMADD231PS_BCST(Mem{Base: p}, x, zmm[i])
			}
			ADDQ(ldv, row)
			Add(4, p)
		})
		for i := range vectors {
			storeF(zmm[i], mask, mask == nil, At(out, 64*i))
		}
		Add(64*vectors, out)
		Add(32*vectors, v)
	}
	Label("wide")
	CMPQ(n, Imm(64))
	JL(LabelRef("narrow"))
	columns("wideRow", 4, nil)
	Add(-64, n)
	JMP(LabelRef("wide"))
	Label("narrow")
	CMPQ(n, Imm(16))
	JL(LabelRef("rest"))
	columns("narrowRow", 1, nil)
	Add(-16, n)
	JMP(LabelRef("narrow"))
	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	columns("restRow", 1, tailMask(n))
	Label("done")
	VZEROUPPER()
	RET()
}
