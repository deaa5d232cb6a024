package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// words16 emits 32 words and loads them.
func words16(name string, words func(i int) uint16, v reg.VecPhysical) {
	m := GLOBL(name, 8|16)
	for i := range 32 {
		DATA(2*i, U16(words(i)))
	}
	VMOVDQU32(m, v)
}

// superblocks runs body once per 256 values for each group of rows.
func superblocks(bytes int, body func(w []Row, q, d, sums reg.GPVirtual, sum []reg.VecPhysical)) {
	RowsLoop(addLanes, func(suffix string, rows Rows) []reg.VecPhysical {
		w := rows.At
		sum := zmm[0:len(w)]
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

// scaled adds acc·half(scale)·d to sum.
func scaled(scale, d Mem, acc, tmp, sum reg.VecPhysical) {
	VPBROADCASTW(scale, tmp.AsY())
	VCVTPH2PS(tmp.AsY(), tmp)
	VMULPS_BCST(d, tmp, tmp)
	VFMADD231PS(tmp, acc, sum)
}

// dotQ4K generates dotQ4_K and dotQ5_K. Codes times activations stay below 31·127·2 in 16
// bits; the 6-bit scales are multiplied in as integers, so a superblock is exact until its
// single conversion. Scales and minimums are unpacked to bytes s0–3 m0–3 s4–7 m4–7; the
// minimums meet the sums of 32 activations, laid out alike with zeros at the scales.
func dotQ4K() {
	for _, five := range []bool{false, true} {
		name, bytes, codesAt := "dotQ4_K", 144, 16
		if five {
			name, bytes, codesAt = "dotQ5_K", 176, 48
		}
		TEXT(name, NOSPLIT, "func(y *float32, w *uint8, stride, rows int, q *int8, d *float32, sums *int32, blocks int)")
		Pragma("noescape")
		index, low, shift, pairs, minSums := zmm[8:12], zmm[12], zmm[13], zmm[14], zmm[15]
		bitMasks, sixteen := zmm[16:20], zmm[20]
		prefix := name
		for j := range 4 {
			words16(fmt.Sprintf("%sScales%d", prefix, j), func(i int) uint16 {
				g := 2*j + i/16
				return uint16(g + g/4*4)
			}, index[j])
			if five {
				words16(fmt.Sprintf("%sBits%d", prefix, j), func(i int) uint16 { return 0x0101 << (2*j + i/16) }, bitMasks[j])
			}
		}
		words16(prefix+"Shifts", func(i int) uint16 { return uint16(i / 16 * 4) }, shift)
		table(prefix+"Pairs", [16]uint32{4: 0, 5: 2, 6: 4, 7: 6, 12: 8, 13: 10, 14: 12, 15: 14}, pairs)
		splat(0x0f0f0f0f, low)
		splat(0x10101010, sixteen)
		minLanes := wordMask(0xf0f0)
		superblocks(bytes, func(w []Row, q, d, sums reg.GPVirtual, sum []reg.VecPhysical) {
			VMOVDQU32(Mem{Base: sums}, minSums)
			VPSRLQ(Imm(32), minSums, zmm[21])
			VPADDD(zmm[21], minSums, minSums)
			VPERMD_Z(minSums, pairs, minLanes, minSums)
			VCVTDQ2PS(minSums, minSums)
			for i, w := range w {
				acc, scales, v, t := zmm[4+i], zmm[22], zmm[23], zmm[24]
				ScaleBytes(w, scales)
				// minimums: sum −= minSums·m·dmin·d
				VPMOVZXBD(scales.AsX(), v)
				VCVTDQ2PS(v, v)
				VMULPS(minSums, v, v)
				VPBROADCASTW(w(2), t.AsY())
				VCVTPH2PS(t.AsY(), t)
				VMULPS_BCST(Mem{Base: d}, t, t)
				VFNMADD231PS(t, v, sum[i])
				VPMOVZXBW(scales.AsX(), scales.AsY())
				zero(acc)
				if five {
					VBROADCASTI64X4(w(16), zmm[26])
				}
				for j := range 4 {
					VBROADCASTI64X4(w(codesAt+32*j), v)
					VPSRLVW(shift, v, v)
					VPANDD(low, v, v)
					if five {
						k := K()
						VPTESTMB(bitMasks[j], zmm[26], k)
						VPADDB(sixteen, v, k, v)
					}
					VPMADDUBSW(At(q, 64*j), v, v)
					VPERMW(scales, index[j], t)
					VPDPWSSD(t, v, acc)
				}
				VCVTDQ2PS(acc, acc)
				scaled(w(0), Mem{Base: d}, acc, t, sum[i])
			}
		})
	}
}

// dotQ6K: codes below 64 times activations stay below 63·127·2 in 16 bits; the int8 scales
// are multiplied in as integers and the codes' offset of 32 is taken off through the sums of
// 16 activations, so a superblock is exact until its single conversion.
func dotQ6K() {
	TEXT("dotQ6_K", NOSPLIT, "func(y *float32, w *uint8, stride, rows int, q *int8, d *float32, sums *int32, blocks int)")
	Pragma("noescape")
	index, low, high, left, right, offsets := zmm[8:12], zmm[12], zmm[13], zmm[14], zmm[15], zmm[16]
	for j := range 4 {
		words16(fmt.Sprintf("dotQ6_KScales%d", j), func(i int) uint16 { return uint16(4*j + i/8) }, index[j])
	}
	words16("dotQ6_KLeft", func(i int) uint16 { return uint16(4 - i/16*2) }, left)
	words16("dotQ6_KRight", func(i int) uint16 { return uint16(i / 16 * 2) }, right)
	splat(0x0f0f0f0f, low)
	splat(0x30303030, high)
	superblocks(210, func(w []Row, q, d, sums reg.GPVirtual, sum []reg.VecPhysical) {
		VPXORD(offsets, offsets, offsets)
		VMOVDQU32(Mem{Base: sums}, zmm[17])
		VPSLLD(Imm(5), zmm[17], zmm[17])
		VPSUBD(zmm[17], offsets, offsets)
		for i, w := range w {
			acc, scales, v, t, h := zmm[4+i], zmm[22], zmm[23:25], zmm[25], zmm[26]
			VPMOVSXBD(w(192), acc)
			VPMULLD(offsets, acc, acc)
			VPMOVSXBW(w(192), scales.AsY())
			for half := range 2 {
				codes6(w(64*half), w(128+32*half), h, t, v[0], v[1], low, high, left, right)
				for part := range 2 {
					j := 2*half + part
					VPMADDUBSW(At(q, 64*j), v[part], v[part])
					VPERMW(scales, index[j], t)
					VPDPWSSD(t, v[part], acc)
				}
			}
			VCVTDQ2PS(acc, acc)
			scaled(w(208), Mem{Base: d}, acc, t, sum[i])
		}
	})
}
