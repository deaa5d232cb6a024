package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

const (
	tokens = 8
	half   = 4 // tokens per pass: 16 registers hold no more
)

// gemms generates the panel kernels: 8 rows in the lanes, 4 of the 8 tokens per pass.
func gemms() {
	ones := words("wordOnes", 0x00010001)
	gemmQ8(ones)
	gemmQ4(ones)
	gemmQ4K(ones)
	gemmQ6K(ones)
	for _, f := range floatWords {
		gemmFloat(f)
		gemmFloatx3(f)
	}
}

// passes emits the loop over the two halves of a tile of tokens. Pointers to activations
// start 16·pass bytes further, outputs 4·pass tokens further.
func passes(body func(ldo, out reg.GPVirtual, pointers func(names ...string) []reg.GPVirtual)) {
	pass := GP64()
	XORQ(pass, pass)
	Label("pass")
	ldo, out, skip := Ptr("ldo"), Ptr("out"), GP64()
	SHLQ(Imm(2), ldo)
	MOVQ(ldo, skip)
	IMULQ(pass, skip)
	SHLQ(Imm(2), skip)
	ADDQ(skip, out)
	body(ldo, out, func(names ...string) []reg.GPVirtual {
		var p []reg.GPVirtual
		offset := GP64()
		MOVQ(pass, offset)
		SHLQ(Imm(4), offset)
		for _, n := range names {
			r := Ptr(n)
			ADDQ(offset, r)
			p = append(p, r)
		}
		return p
	})
	INCQ(pass)
	CMPQ(pass, Imm(2))
	JL(LabelRef("pass"))
	done()
}

// store writes one accumulator per token, ldo bytes apart.
func store(out, ldo reg.Register, acc []reg.VecPhysical) {
	for t, v := range acc {
		VMOVUPS(v, Mem{Base: out})
		if t < len(acc)-1 {
			ADDQ(ldo, out)
		}
	}
}

// smallDots adds n words of a panel to 16-bit sums: the products of chunk words with small
// codes fit in 16 bits, so they are widened, into acc, only then. The first chunk sets acc.
func smallDots(acc, sum []reg.VecPhysical, w, x, ones reg.VecPhysical, codes, q reg.Register, n, chunk int, fresh bool) {
	for i := 0; i < n; i += chunk {
		for j := i; j < i+chunk; j++ {
			VMOVDQU(At(codes, 32*j), w)
			for t := range half {
				VPBROADCASTD(At(q, 4*(tokens*j+t)), x)
				if j == i {
					VPMADDUBSW(x, w, sum[t])
				} else {
					VPMADDUBSW(x, w, x)
					VPADDW(x, sum[t], sum[t])
				}
			}
		}
		for t := range half {
			if fresh && i == 0 {
				VPMADDWD(sum[t], ones, acc[t])
			} else {
				VPMADDWD(sum[t], ones, sum[t])
				VPADDD(sum[t], acc[t], acc[t])
			}
		}
	}
}

// gemmQ8 multiplies signed codes: |w| times x with the sign of w, below 128·127·2 in 16 bits.
func gemmQ8(onesAt Mem) {
	flip := words("signFlip", 0x80808080)
	TEXT("gemmQ8", NOSPLIT, "func(out *float32, ldo int, codes *uint8, scales *float32, q *int8, d *float32, groups int)")
	Pragma("noescape")
	acc, sum, w, abs, x, ones := ymm[0:4], ymm[4:8], ymm[8], ymm[9], ymm[10:12], ymm[12]
	VMOVDQU(onesAt, ones)
	passes(func(ldo, out reg.GPVirtual, pointers func(names ...string) []reg.GPVirtual) {
		codes, scales, n := Ptr("codes"), Ptr("scales"), Ptr("groups")
		p := pointers("q", "d")
		q, d := p[0], p[1]
		zero(sum...)
		Loop("group", n, func() {
			zero(acc...)
			for i := range 8 {
				VMOVDQU(At(codes, 32*i), w)
				VPXOR(flip, w, w)
				VPABSB(w, abs)
				for t := range half {
					v := x[t%2]
					VPBROADCASTD(At(q, 4*(tokens*i+t)), v)
					VPSIGNB(w, v, v)
					VPMADDUBSW(v, abs, v)
					VPMADDWD(v, ones, v)
					VPADDD(v, acc[t], acc[t])
				}
			}
			VMOVUPS(Mem{Base: scales}, w)
			for t := range half {
				VCVTDQ2PS(acc[t], acc[t])
				VBROADCASTSS(At(d, 4*t), x[t%2])
				VMULPS(x[t%2], w, x[t%2])
				VFMADD231PS(x[t%2], acc[t], sum[t])
			}
			Add(8*32, codes)
			Add(32, scales)
			Add(8*4*tokens, q)
			Add(4*tokens, d)
		})
		store(out, ldo, sum)
	})
}

func gemmQ4(onesAt Mem) {
	TEXT("gemmQ4", NOSPLIT, "func(out *float32, ldo int, codes *uint8, scales *float32, q *int8, d *float32, init *int32, groups int)")
	Pragma("noescape")
	acc, sum, short, w, x, ones := ymm[0:4], ymm[4:8], ymm[8:12], ymm[12], ymm[13], ymm[14]
	VMOVDQU(onesAt, ones)
	passes(func(ldo, out reg.GPVirtual, pointers func(names ...string) []reg.GPVirtual) {
		codes, scales, n := Ptr("codes"), Ptr("scales"), Ptr("groups")
		p := pointers("q", "d", "init")
		q, d, init := p[0], p[1], p[2]
		zero(sum...)
		Loop("group", n, func() {
			for t := range half {
				VPBROADCASTD(At(init, 4*t), acc[t])
			}
			smallDots(acc, short, w, x, ones, codes, q, 8, 8, false)
			VMOVUPS(Mem{Base: scales}, w)
			for t := range half {
				VCVTDQ2PS(acc[t], acc[t])
				VBROADCASTSS(At(d, 4*t), x)
				VMULPS(x, w, x)
				VFMADD231PS(x, acc[t], sum[t])
			}
			Add(8*32, codes)
			Add(32, scales)
			Add(8*4*tokens, q)
			Add(4*tokens, d)
			Add(4*tokens, init)
		})
		store(out, ldo, sum)
	})
}

// gemmQ4K keeps the totals in the output: with the sums of a superblock they would not fit
// the registers.
func gemmQ4K(onesAt Mem) {
	TEXT("gemmQ4K", NOSPLIT, "func(out *float32, ldo int, codes *uint8, scales, mins *float32, q *int8, d, sums *float32, blocks int)")
	Pragma("noescape")
	acc, block, short, w, x, ones := ymm[0:4], ymm[4:8], ymm[8:12], ymm[12], ymm[13], ymm[14]
	VMOVDQU(onesAt, ones)
	passes(func(ldo, out reg.GPVirtual, pointers func(names ...string) []reg.GPVirtual) {
		codes, scales, mins, n := Ptr("codes"), Ptr("scales"), Ptr("mins"), Ptr("blocks")
		p := pointers("q", "d", "sums")
		q, d, sums := p[0], p[1], p[2]
		clearTile(out, ldo, w)
		Loop("block", n, func() {
			zero(block...)
			g := GP64()
			MOVQ(U32(8), g)
			Loop("group", g, func() {
				smallDots(acc, short, w, x, ones, codes, q, 8, 4, true)
				VMOVUPS(Mem{Base: mins}, w)
				for t := range half {
					VBROADCASTSS(At(sums, 4*t), x)
					VFMADD231PS(x, w, block[t])
				}
				VMOVUPS(Mem{Base: scales}, w)
				for t := range half {
					VCVTDQ2PS(acc[t], acc[t])
					VFMADD231PS(acc[t], w, block[t])
				}
				Add(8*32, codes)
				Add(32, scales)
				Add(32, mins)
				Add(8*4*tokens, q)
				Add(4*tokens, sums)
			})
			addTile(out, ldo, d, block, x)
			Add(4*tokens, d)
		})
	})
}

// clearTile zeroes the outputs of a pass.
func clearTile(out, ldo reg.GPVirtual, v reg.VecPhysical) {
	at := GP64()
	MOVQ(out, at)
	zero(v)
	store(at, ldo, []reg.VecPhysical{v, v, v, v})
}

// addTile adds block·d to the outputs of a pass.
func addTile(out, ldo, d reg.GPVirtual, block []reg.VecPhysical, x reg.VecPhysical) {
	at := GP64()
	MOVQ(out, at)
	for t, b := range block {
		VBROADCASTSS(At(d, 4*t), x)
		VFMADD213PS(Mem{Base: at}, x, b)
		VMOVUPS(b, Mem{Base: at})
		if t < half-1 {
			ADDQ(ldo, at)
		}
	}
}

func gemmQ6K(onesAt Mem) {
	TEXT("gemmQ6K", NOSPLIT, "func(out *float32, ldo int, codes *uint8, scales *float32, q *int8, d *float32, init *int32, blocks int)")
	Pragma("noescape")
	acc, block, short, w, x, ones := ymm[0:4], ymm[4:8], ymm[8:12], ymm[12], ymm[13], ymm[14]
	VMOVDQU(onesAt, ones)
	passes(func(ldo, out reg.GPVirtual, pointers func(names ...string) []reg.GPVirtual) {
		codes, scales, n := Ptr("codes"), Ptr("scales"), Ptr("blocks")
		p := pointers("q", "d", "init")
		q, d, init := p[0], p[1], p[2]
		clearTile(out, ldo, w)
		Loop("block", n, func() {
			zero(block...)
			g := GP64()
			MOVQ(U32(16), g)
			Loop("group", g, func() {
				for t := range half {
					VPBROADCASTD(At(init, 4*t), acc[t])
				}
				smallDots(acc, short, w, x, ones, codes, q, 4, 2, false)
				VMOVUPS(Mem{Base: scales}, w)
				for t := range half {
					VCVTDQ2PS(acc[t], acc[t])
					VFMADD231PS(acc[t], w, block[t])
				}
				Add(4*32, codes)
				Add(32, scales)
				Add(4*4*tokens, q)
				Add(4*tokens, init)
			})
			addTile(out, ldo, d, block, x)
			Add(4*tokens, d)
		})
	})
}

// interleave8 transposes 8×8 words at a time; n is a multiple of 8, rows are stride words long.
func interleave8() {
	TEXT("interleave8", NOSPLIT, "func(dst, src *uint32, stride, n int)")
	Pragma("noescape")
	dst, src, stride, n := Ptr("dst"), Ptr("src"), Ptr("stride"), Ptr("n")
	SHLQ(Imm(2), stride)
	row, advance := RowPointers(src, stride, 8)
	step := GP64()
	MOVQ(U32(32), step)
	SHRQ(Imm(3), n)
	Loop("square", n, func() {
		for i := range 8 {
			VMOVDQU(row(i), ymm[i])
		}
		for j, r := range Transpose8(ymm[0:8], ymm[8:16]) {
			VMOVDQU(r, At(dst, 32*j))
		}
		advance(step)
		Add(8*32, dst)
	})
	done()
}
