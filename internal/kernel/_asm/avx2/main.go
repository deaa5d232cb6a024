// Command avx2 generates the assembly of package kernel/avx2.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

func main() {
	ConstraintExpr("amd64")
	ByteConstants()
	gemms()
	interleave8()
	rowDots()
	unpacks()
	quantizers()
	elementwise()
	encoder()
	softmaxRow()
	accumulateF16()
	RowProducts(ymm)
	Generate()
}

var ymm = []reg.VecPhysical{
	reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
}

// constant emits 32 bytes and returns their address.
func constant(name string, b func(i int) byte) Mem {
	m := GLOBL(name, 8|16)
	for i := range 32 {
		DATA(i, U8(b(i)))
	}
	return m
}

// words emits eight equal 32-bit words.
func words(name string, w uint32) Mem {
	return constant(name, func(i int) byte { return byte(w >> (i % 4 * 8)) })
}

// zero clears vector registers.
func zero(regs ...reg.VecPhysical) {
	for _, r := range regs {
		VPXOR(r, r, r)
	}
}

// done ends a function.
func done() {
	VZEROUPPER()
	RET()
}
