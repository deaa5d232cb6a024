package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// addLanes adds the lanes of a row's sum into the lowest.
func addLanes(s reg.VecPhysical) { reduce(s, zmm[31]) }

// reduce adds the lanes of s into its lowest.
func reduce(s, tmp reg.VecPhysical) {
	VEXTRACTF64X4(Imm(1), s, tmp.AsY())
	VADDPS(tmp.AsY(), s.AsY(), s.AsY())
	VEXTRACTF32X4(Imm(1), s.AsY(), tmp.AsX())
	VADDPS(tmp.AsX(), s.AsX(), s.AsX())
	VPERMILPD(Imm(1), s.AsX(), tmp.AsX())
	VADDPS(tmp.AsX(), s.AsX(), s.AsX())
	VPSHUFD(Imm(0x55), s.AsX(), tmp.AsX())
	VADDSS(tmp.AsX(), s.AsX(), s.AsX())
}

// splat fills a register with a 32-bit pattern.
func splat(pattern uint32, v reg.VecPhysical) {
	r := GP32()
	MOVL(U32(pattern), r)
	VPBROADCASTD(r, v)
}

// table emits read-only words and loads them into a register.
func table(name string, words [16]uint32, v reg.VecPhysical) {
	m := GLOBL(name, 8|16)
	for i, x := range words {
		DATA(4*i, U32(x))
	}
	VMOVDQU32(m, v)
}

// wordMask loads a mask register.
func wordMask(bits uint64) reg.OpmaskVirtual {
	r, k := GP64(), K()
	MOVQ(U64(bits), r)
	KMOVQ(r, k)
	return k
}

// block32 describes a format of 32 values per block behind a binary16 scale.
type block32 struct {
	name   string
	bytes  int
	offset uint32 // of the codes
	setup  func()
	// load reads the codes of two consecutive blocks, or of one with the upper half unspecified
	load func(w Row, pair bool, upper reg.OpmaskVirtual, codes reg.VecPhysical)
}

// rowDots generates the row-wise primitives.
func rowDots() {
	dotBlock32(block32{"dotQ8_0", 34, 128, func() { splat(0x80808080, zmm[20]) },
		func(w Row, pair bool, _ reg.OpmaskVirtual, codes reg.VecPhysical) {
			VMOVDQU32(w(2), codes.AsY())
			if pair {
				VINSERTI64X4(Imm(1), w(36), codes, codes)
			}
			VPXORD(zmm[20], codes, codes)
		}})
	nibbles := func(w Row, pair bool, upper reg.OpmaskVirtual, codes reg.VecPhysical) {
		VBROADCASTI32X4(w(2), codes)
		if pair {
			VBROADCASTI32X4(w(20), upper, codes)
		}
		VPSRLVD(zmm[21], codes, codes)
		VPANDD(zmm[20], codes, codes)
	}
	shifts := func() {
		splat(0x0f0f0f0f, zmm[20])
		table("nibbleShifts", [16]uint32{4: 4, 5: 4, 6: 4, 7: 4, 12: 4, 13: 4, 14: 4, 15: 4}, zmm[21])
	}
	dotBlock32(block32{"dotQ4_0", 18, 8, shifts, nibbles})
	dotBlock32(block32{"dotIQ4NL", 18, 128, func() {
		splat(0x0f0f0f0f, zmm[20])
		VMOVDQU32(Static("nibbleShifts"), zmm[21])
		VBROADCASTI32X4(IQ4Codes(), zmm[22])
	}, func(w Row, pair bool, upper reg.OpmaskVirtual, codes reg.VecPhysical) {
		nibbles(w, pair, upper, codes)
		VPSHUFB(codes, zmm[22], codes)
	}})
	dotQ4K()
	dotQ6K()
	dotFloat("dotF32", 4, func(m Mem, v, _ reg.VecPhysical) { VMOVUPS(m, v) },
		func(m Mem, k reg.OpmaskVirtual, v reg.VecPhysical) { VMOVUPS_Z(m, k, v) })
	dotFloat("dotF16", 2, func(m Mem, v, _ reg.VecPhysical) { VCVTPH2PS(m, v) },
		func(m Mem, k reg.OpmaskVirtual, v reg.VecPhysical) {
			VMOVDQU16_Z(m, k, v.AsY())
			VCVTPH2PS(v.AsY(), v)
		})
	dotFloat("dotBF16", 2, func(m Mem, v, _ reg.VecPhysical) {
		VPMOVZXWD(m, v)
		VPSLLD(Imm(16), v, v)
	}, func(m Mem, k reg.OpmaskVirtual, v reg.VecPhysical) {
		VMOVDQU16_Z(m, k, v.AsY())
		VPMOVZXWD(v.AsY(), v)
		VPSLLD(Imm(16), v, v)
	})
}

// dotBlock32 multiplies two blocks per step: lanes 0–7 belong to the first, 8–15 to the
// second. Each lane starts at −offset·Σq of its four values, so the codes' offset cancels
// exactly; then sum += dot·scale·d.
func dotBlock32(f block32) {
	TEXT(f.name, NOSPLIT, "func(y *float32, w *uint8, stride, rows int, q *int8, d *float32, blocks int)")
	Pragma("noescape")
	x, offset, init, ds, upperBits := zmm[16], zmm[17], zmm[18], zmm[19], uint64(0xff00)
	upper := wordMask(upperBits)
	splat(f.offset*0x01010101, offset)
	f.setup()
	RowsLoop(addLanes, func(suffix string, rows Rows) []reg.VecPhysical {
		w := rows.At
		n := len(w)
		sum, codes, acc, scale := zmm[0:n], zmm[4:4+n], zmm[8:8+n], zmm[12:12+n]
		qp, dp, left := Ptr("q"), Ptr("d"), Ptr("blocks")
		zero(sum...)
		step := func(pair bool) {
			if pair {
				VMOVDQU32(Mem{Base: qp}, x)
			} else {
				VMOVDQU32(Mem{Base: qp}, x.AsY())
			}
			VPXORD(ds, ds, ds)
			VPXORD(init, init, init)
			VPDPBUSD(x, offset, init)
			VPSUBD(init, ds, init)
			VBROADCASTSS(Mem{Base: dp}, ds.AsY())
			if pair {
				VBROADCASTSS(At(dp, 4), upper, ds)
			}
			for i := range w {
				f.load(w[i], pair, upper, codes[i])
				VMOVDQA32(init, acc[i])
				VPDPBUSD(x, codes[i], acc[i])
				VPBROADCASTW(w[i](0), scale[i].AsY())
				if pair {
					VPBROADCASTW(w[i](f.bytes), upper, scale[i].AsY())
				}
				VCVTDQ2PS(acc[i], acc[i])
				VCVTPH2PS(scale[i].AsY(), scale[i])
				VMULPS(ds, scale[i], scale[i])
				VFMADD231PS(scale[i], acc[i], sum[i])
			}
		}
		SUBQ(Imm(2), left)
		JL(LabelRef("tail" + suffix))
		Label("pair" + suffix)
		step(true)
		Add(64, qp)
		Add(8, dp)
		rows.Advance(2 * f.bytes)
		SUBQ(Imm(2), left)
		JGE(LabelRef("pair" + suffix))
		Label("tail" + suffix)
		CMPQ(left, I8(-1))
		JNE(LabelRef("sum" + suffix))
		step(false)
		Label("sum" + suffix)
		return sum
	})
}

// dotFloat multiplies rows of floats of size bytes, 16 at a time in two alternating sums.
func dotFloat(name string, size int, load func(m Mem, v, tmp reg.VecPhysical), part func(m Mem, k reg.OpmaskVirtual, v reg.VecPhysical)) {
	TEXT(name, NOSPLIT, "func(y *float32, w *uint8, stride, rows int, x *float32, n int)")
	Pragma("noescape")
	rem := Ptr("n")
	ANDQ(Imm(15), rem)
	mask := tailMask(rem)
	RowsLoop(addLanes, func(suffix string, rows Rows) []reg.VecPhysical {
		w := rows.At
		k := len(w)
		even, odd, v := zmm[0:k], zmm[4:4+k], zmm[8:8+k]
		x, left := Ptr("x"), Ptr("n")
		SHRQ(Imm(4), left)
		zero(even...)
		zero(odd...)
		step := func(sum []reg.VecPhysical) {
			for i := range w {
				load(w[i](0), v[i], nil)
				VFMADD231PS(Mem{Base: x}, v[i], sum[i])
			}
			rows.Advance(16 * size)
			Add(64, x)
		}
		BTRQ(Imm(0), left)
		JCC(LabelRef("pairs" + suffix))
		step(even)
		Label("pairs" + suffix)
		SHRQ(Imm(1), left)
		JZ(LabelRef("tail" + suffix))
		Label("pair" + suffix)
		step(even)
		step(odd)
		DECQ(left)
		JNZ(LabelRef("pair" + suffix))
		Label("tail" + suffix)
		TESTQ(rem, rem)
		JZ(LabelRef("sum" + suffix))
		VMOVUPS_Z(Mem{Base: x}, mask, zmm[16])
		for i := range w {
			part(w[i](0), mask, v[i])
			VFMADD231PS(zmm[16], v[i], even[i])
		}
		Label("sum" + suffix)
		for i := range w {
			VADDPS(odd[i], even[i], even[i])
		}
		return even
	})
}
