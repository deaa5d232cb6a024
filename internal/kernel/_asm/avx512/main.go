// Command avx512 generates the assembly of package kernel/avx512.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/wattlaw/wattlaw/internal/kernel/_asm/gen"
)

func main() {
	ConstraintExpr("amd64")
	gemms()
	interleaves()
	ByteConstants()
	rowDots()
	unpacks()
	quantizers()
	elementwise()
	encoder()
	gradients()
	RowProducts(zmm)
	Generate()
}

var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

// zero clears vector registers.
func zero(regs ...reg.VecPhysical) {
	for _, r := range regs {
		VPXORD(r, r, r)
	}
}
