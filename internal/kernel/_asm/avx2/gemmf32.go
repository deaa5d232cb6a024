package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

// word is what the products of floats differ in by type.
type word struct {
	suffix, name string
	shift        uint64 // a word has 1<<shift bytes
	broadcast    func(ops ...Op)
	multiplyAdd  func(ops ...Op)
}

var floatWords = []word{
	{"F32", "float32", 2, func(ops ...Op) { VBROADCASTSS(ops[0], ops[1]) }, func(ops ...Op) { VFMADD231PS(ops[0], ops[1], ops[2]) }},
	{"F64", "float64", 3, func(ops ...Op) { VBROADCASTSD(ops[0], ops[1]) }, func(ops ...Op) { VFMADD231PD(ops[0], ops[1], ops[2]) }},
}

// gemmFloat keeps one accumulator per token; x is addressed as base + t·ts, ks per step.
func gemmFloat(f word) {
	TEXT("gemm"+f.suffix, NOSPLIT, fmt.Sprintf("func(out *%[1]s, ldo int, panel, x *%[1]s, ts, ks, k int, accumulate bool)", f.name))
	Pragma("noescape")
	sum, w, x1 := ymm[0:8], ymm[8], ymm[9:13]
	out, ldo := Ptr("out"), Ptr("ldo")
	SHLQ(Imm(f.shift), ldo)
	panel, x, ts, ks, n := Ptr("panel"), Ptr("x"), Ptr("ts"), Ptr("ks"), Ptr("k")
	SHLQ(Imm(f.shift), ts)
	SHLQ(Imm(f.shift), ks)
	token, advance := RowPointers(x, ts, tokens)
	zero(sum...)
	acc := Load(Param("accumulate"), GP8())
	TESTB(acc, acc)
	JZ(LabelRef("step"))
	from := GP64()
	MOVQ(out, from)
	for t := range tokens {
		VMOVUPS(Mem{Base: from}, sum[t])
		ADDQ(ldo, from)
	}
	Loop("step", n, func() {
		VMOVUPS(Mem{Base: panel}, w)
		for t := range tokens {
			f.broadcast(token(t), x1[t%4])
			f.multiplyAdd(x1[t%4], w, sum[t])
		}
		Add(32, panel)
		advance(ks)
	})
	store(out, ldo, sum)
	done()
}

// gemmFloatx3 multiplies three panels, ps floats apart, with 4 of the 8 tokens per pass, to
// outputs os floats apart: 12 accumulators per 7 loads, each a chain as in gemmFloat.
func gemmFloatx3(f word) {
	TEXT("gemm"+f.suffix+"x3", NOSPLIT, fmt.Sprintf("func(out *%[1]s, ldo, os int, panel *%[1]s, ps int, x *%[1]s, ts, ks, k int, accumulate bool)", f.name))
	Pragma("noescape")
	sum, w, b := ymm[0:12], ymm[12:15], ymm[15]
	third := func(base, step reg.GPVirtual, i int) Mem {
		if i == 0 {
			return Mem{Base: base}
		}
		return Mem{Base: base, Index: step, Scale: uint8(i)}
	}
	pass := GP64()
	XORQ(pass, pass)
	Label("pass")
	out, ldo, os, panel, ps := Ptr("out"), Ptr("ldo"), Ptr("os"), Ptr("panel"), Ptr("ps")
	x, ts, ks, n := Ptr("x"), Ptr("ts"), Ptr("ks"), Ptr("k")
	for _, r := range []reg.GPVirtual{ldo, os, ps, ts, ks} {
		SHLQ(Imm(f.shift), r)
	}
	for _, p := range [][2]reg.GPVirtual{{out, ldo}, {x, ts}} {
		skip := GP64()
		MOVQ(p[1], skip)
		IMULQ(pass, skip)
		LEAQ(Mem{Base: p[0], Index: skip, Scale: half}, p[0])
	}
	token, advance := RowPointers(x, ts, half)
	zero(sum...)
	acc := Load(Param("accumulate"), GP8())
	TESTB(acc, acc)
	JZ(LabelRef("step3"))
	from := GP64()
	MOVQ(out, from)
	for t := range half {
		for i := range 3 {
			VMOVUPS(third(from, os, i), sum[3*t+i])
		}
		ADDQ(ldo, from)
	}
	Loop("step3", n, func() {
		for i := range 3 {
			VMOVUPS(third(panel, ps, i), w[i])
		}
		for t := range half {
			f.broadcast(token(t), b)
			for i := range 3 {
				f.multiplyAdd(b, w[i], sum[3*t+i])
			}
		}
		Add(32, panel)
		advance(ks)
	})
	for t := range half {
		for i := range 3 {
			VMOVUPS(sum[3*t+i], third(out, os, i))
		}
		ADDQ(ldo, out)
	}
	INCQ(pass)
	CMPQ(pass, Imm(2))
	JL(LabelRef("pass"))
	done()
}
