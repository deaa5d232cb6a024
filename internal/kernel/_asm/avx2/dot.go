package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// addLanes adds the lanes of a row's sum into the lowest.
func addLanes(s reg.VecPhysical) { reduce(s, ymm[15]) }

func reduce(s, tmp reg.VecPhysical) {
	VEXTRACTF128(Imm(1), s, tmp.AsX())
	VADDPS(tmp.AsX(), s.AsX(), s.AsX())
	VPERMILPD(Imm(1), s.AsX(), tmp.AsX())
	VADDPS(tmp.AsX(), s.AsX(), s.AsX())
	VPSHUFD(Imm(0x55), s.AsX(), tmp.AsX())
	VADDSS(tmp.AsX(), s.AsX(), s.AsX())
}

// rowDots generates the row-wise products and the unpacking that shares their steps.
func rowDots() {
	ones := Static("wordOnes")
	signed := func(codes, x, prod, _ reg.VecPhysical) { // |w|·(x with the sign of w)
		VPSIGNB(codes, x, prod)
		VPABSB(codes, codes)
		VPMADDUBSW(prod, codes, prod)
		VPMADDWD(ones, prod, prod)
	}
	low := words("nibbles", 0x0f0f0f0f)
	shifts := constant("nibbleShifts", func(i int) byte { // 0 for the lower lane, 4 for the upper
		if i >= 16 && i%4 == 0 {
			return 4
		}
		return 0
	})
	nibbles := func(block Mem, codes reg.VecPhysical) {
		VBROADCASTI128(block, codes)
		VPSRLVD(shifts, codes, codes)
		VPAND(low, codes, codes)
	}
	dotBlock32("dotQ8_0", 34, nil, func(w Row, codes reg.VecPhysical) { VMOVDQU(w(2), codes) }, signed)
	eight := words("eights", 0x08080808)
	dotBlock32("dotQ4_0", 18,
		func(x, offset reg.VecPhysical) { // 8·x in pairs, as the codes' products come
			VMOVDQU(eight, offset)
			VPMADDUBSW(x, offset, offset)
		},
		func(w Row, codes reg.VecPhysical) { nibbles(w(2), codes) },
		func(codes, x, prod, offset reg.VecPhysical) {
			VPMADDUBSW(x, codes, prod)
			VPSUBW(offset, prod, prod)
			VPMADDWD(ones, prod, prod)
		})
	levels := iq4Levels()
	dotBlock32("dotIQ4NL", 18, nil, func(w Row, codes reg.VecPhysical) {
		nibbles(w(2), codes)
		VBROADCASTI128(levels, ymm[14])
		VPSHUFB(codes, ymm[14], codes)
	}, signed)
	dotQ4K("dotQ4_K", 144, 16)
	dotQ4K("dotQ5_K", 176, 48)
	dotQ6K()
	dotFloat("dotF32", 4, func(m Mem, v reg.VecPhysical) { VMOVUPS(m, v) })
	dotFloat("dotF16", 2, func(m Mem, v reg.VecPhysical) { VCVTPH2PS(m, v) })
	dotFloat("dotBF16", 2, func(m Mem, v reg.VecPhysical) {
		VPMOVZXWD(m, v)
		VPSLLD(Imm(16), v, v)
	})
}

// iq4Levels emits the signed levels of IQ4_NL.
func iq4Levels() Mem {
	m := GLOBL("iq4Levels", 8|16)
	for i, v := range []int{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113} {
		DATA(i, U8(uint8(v)))
	}
	return m
}

// dotBlock32 multiplies one block of 32 values per row and step: sum += dot·scale·d.
func dotBlock32(name string, bytes int, shared func(x, offset reg.VecPhysical), load func(w Row, codes reg.VecPhysical),
	multiply func(codes, x, prod, offset reg.VecPhysical)) {
	TEXT(name, NOSPLIT, "func(y *float32, w *uint8, stride, rows int, q *int8, d *float32, blocks int)")
	Pragma("noescape")
	RowsLoop(addLanes, func(suffix string, rows Rows) []reg.VecPhysical {
		w := rows.At
		sum, x, offset, ds := ymm[0:len(w)], ymm[4], ymm[5], ymm[6]
		q, d, left := Ptr("q"), Ptr("d"), Ptr("blocks")
		zero(sum...)
		Loop("block"+suffix, left, func() {
			VMOVDQU(Mem{Base: q}, x)
			VBROADCASTSS(Mem{Base: d}, ds)
			if shared != nil {
				shared(x, offset)
			}
			for i := range w {
				codes, prod, scale := ymm[7+i%2*3], ymm[8+i%2*3], ymm[9+i%2*3]
				load(w[i], codes)
				multiply(codes, x, prod, offset)
				VCVTDQ2PS(prod, prod)
				VPBROADCASTW(w[i](0), scale.AsX())
				VCVTPH2PS(scale.AsX(), scale)
				VMULPS(ds, scale, scale)
				VFMADD231PS(scale, prod, sum[i])
			}
			rows.Advance(bytes)
			Add(32, q)
			Add(4, d)
		})
		return sum
	})
}

// superblocks runs body once per 256 values for each group of rows.
func superblocks(bytes int, body func(w []Row, q, d, sums reg.GPVirtual, sum []reg.VecPhysical)) {
	RowsLoop(addLanes, func(suffix string, rows Rows) []reg.VecPhysical {
		w := rows.At
		sum := ymm[0:len(w)]
		q, d, sums, left := Ptr("q"), Ptr("d"), Ptr("sums"), Ptr("blocks")
		zero(sum...)
		Loop("block"+suffix, left, func() {
			body(w, q, d, sums, sum)
			rows.Advance(bytes)
			Add(256, q)
			Add(4, d)
			Add(64, sums)
		})
		return sum
	})
}

// scaleFactor leaves half(scale)·d in all lanes of v.
func scaleFactor(scale Mem, d, v reg.VecPhysical) {
	VPBROADCASTW(scale, v.AsX())
	VCVTPH2PS(v.AsX(), v)
	VMULPS(d, v, v)
}

// wordOf emits the shuffle that copies one word of each 128-bit lane over that lane.
func wordOf(name string, lower, upper int) Mem {
	return constant(name, func(i int) byte {
		if i < 16 {
			return byte(2*lower + i%2)
		}
		return byte(2*upper + i%2)
	})
}

// dotQ4K: codes times activations stay below 31·127·2 in 16 bits; the 6-bit scales are
// multiplied in as integers, so a superblock is exact until its single conversion.
func dotQ4K(name string, bytes, codesAt int) {
	five := bytes == 176
	var scaleOf [8]Mem
	for g := range scaleOf {
		scaleOf[g] = wordOf(fmt.Sprintf("%sWord%d", name, g), g, g)
	}
	sixteen := words(name+"Sixteen", 0x10101010)
	TEXT(name, NOSPLIT, "func(y *float32, w *uint8, stride, rows int, q *int8, d *float32, sums *int32, blocks int)")
	Pragma("noescape")
	superblocks(bytes, func(w []Row, q, d, sums reg.GPVirtual, sum []reg.VecPhysical) {
		minSums, ds, acc, scales, v, lo, hi, t, high := ymm[4], ymm[5], ymm[6], ymm[7], ymm[8], ymm[9], ymm[10], ymm[11], ymm[12]
		VMOVDQU(Mem{Base: sums}, minSums)
		VPHADDD(At(sums, 32), minSums, minSums)
		VPERMQ(Imm(0xd8), minSums, minSums)
		VCVTDQ2PS(minSums, minSums)
		VBROADCASTSS(Mem{Base: d}, ds)
		for i, w := range w {
			ScaleBytes(w, scales)
			VPSHUFD(Imm(0xd8), scales.AsX(), scales.AsX()) // s0–7 m0–7
			VPSRLDQ(Imm(8), scales.AsX(), v.AsX())
			VPMOVZXBD(v.AsX(), v)
			VCVTDQ2PS(v, v)
			VMULPS(minSums, v, v)
			scaleFactor(w(2), ds, t)
			VFNMADD231PS(t, v, sum[i])
			VPMOVZXBW(scales.AsX(), scales)
			VPERMQ(Imm(0x44), scales, scales)
			zero(acc)
			if five {
				VMOVDQU(w(16), high)
			}
			for j := range 4 {
				codes5(w(codesAt+32*j), j, five, sixteen, v, lo, hi, high, t)
				for b, codes := range []reg.VecPhysical{lo, hi} {
					VPMADDUBSW(At(q, 64*j+32*b), codes, codes)
					VPSHUFB(scaleOf[2*j+b], scales, t)
					VPMADDWD(t, codes, codes)
					VPADDD(codes, acc, acc)
				}
			}
			VCVTDQ2PS(acc, acc)
			scaleFactor(w(0), ds, t)
			VFMADD231PS(t, acc, sum[i])
		}
	})
}

// shiftTo moves bit from of every byte to bit to; the other bits are to be masked.
func shiftTo(to, from int, v, out reg.VecPhysical) {
	if from <= to {
		VPSLLW(Imm(uint64(to-from)), v, out)
	} else {
		VPSRLW(Imm(uint64(from-to)), v, out)
	}
}

// dotQ6K: codes below 64 times activations stay below 63·127·2 in 16 bits; scales are
// multiplied in as integers and the codes' offset of 32 is taken off through the sums.
func dotQ6K() {
	var scaleOf [4]Mem
	for g := range scaleOf {
		scaleOf[g] = wordOf(fmt.Sprintf("dotQ6_KWords%d", g), 2*g, 2*g+1)
	}
	words("bitPairs", 0x30303030)
	TEXT("dotQ6_K", NOSPLIT, "func(y *float32, w *uint8, stride, rows int, q *int8, d *float32, sums *int32, blocks int)")
	Pragma("noescape")
	superblocks(210, func(w []Row, q, d, sums reg.GPVirtual, sum []reg.VecPhysical) {
		ds, acc, scales, v, t, high, words, low := ymm[4], ymm[5], ymm[6], ymm[7], ymm[8], ymm[9], ymm[10], ymm[11:13]
		VBROADCASTSS(Mem{Base: d}, ds)
		for i, w := range w {
			VPMOVSXBD(w(192), acc)
			VPMULLD(Mem{Base: sums}, acc, acc)
			VPMOVSXBD(w(200), t)
			VPMULLD(At(sums, 32), t, t)
			VPADDD(t, acc, acc)
			VPSLLD(Imm(5), acc, acc)
			zero(t)
			VPSUBD(acc, t, acc)
			VPMOVSXBW(w(192), words)
			for half := range 2 {
				VPERMQ(Imm([]uint64{0x44, 0xee}[half]), words, scales)
				VMOVDQU(w(128+32*half), high)
				VMOVDQU(w(64*half), low[0])
				VMOVDQU(w(64*half+32), low[1])
				for g := range 4 {
					codes6(g, low, v, high, t)
					VPMADDUBSW(At(q, 128*half+32*g), v, v)
					VPSHUFB(scaleOf[g], scales, t)
					VPMADDWD(t, v, v)
					VPADDD(v, acc, acc)
				}
			}
			VCVTDQ2PS(acc, acc)
			scaleFactor(w(208), ds, t)
			VFMADD231PS(t, acc, sum[i])
		}
	})
}

// dotFloat multiplies rows of floats of size bytes; n is a multiple of 8.
func dotFloat(name string, size int, load func(m Mem, v reg.VecPhysical)) {
	TEXT(name, NOSPLIT, "func(y *float32, w *uint8, stride, rows int, x *float32, n int)")
	Pragma("noescape")
	RowsLoop(addLanes, func(suffix string, rows Rows) []reg.VecPhysical {
		w := rows.At
		even, odd, v := ymm[0:len(w)], ymm[4:4+len(w)], ymm[8:12]
		x, left := Ptr("x"), Ptr("n")
		SHRQ(Imm(3), left)
		zero(even...)
		zero(odd...)
		step := func(sum []reg.VecPhysical) {
			for i := range w {
				load(w[i](0), v[i])
				VFMADD231PS(Mem{Base: x}, v[i], sum[i])
			}
			rows.Advance(8 * size)
			Add(32, x)
		}
		BTRQ(Imm(0), left)
		JCC(LabelRef("pairs" + suffix))
		step(even)
		Label("pairs" + suffix)
		SHRQ(Imm(1), left)
		JZ(LabelRef("sum" + suffix))
		Loop("pair"+suffix, left, func() {
			step(even)
			step(odd)
		})
		Label("sum" + suffix)
		for i := range w {
			VADDPS(odd[i], even[i], even[i])
		}
		return even
	})
}
