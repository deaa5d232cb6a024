// Package gen holds what the generators share: addressing, loops, constants, and the walk
// over rows that all row-wise products have in common.
package gen

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Ptr loads a pointer or integer parameter into a register.
func Ptr(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

// At addresses base+disp.
func At(base reg.Register, disp int) Mem { return Mem{Base: base, Disp: disp} }

// Loop runs body n times, n > 0 in a register that it counts down.
func Loop(label string, n reg.GPVirtual, body func()) {
	Label(label)
	body()
	DECQ(n)
	JNZ(LabelRef(label))
}

// Add advances a pointer by a constant.
func Add(n int, r reg.Register) { ADDQ(I32(n), r) }

// Static addresses a table that another function has emitted.
func Static(name string) Mem {
	return Mem{Symbol: Symbol{Name: name, Static: true}, Base: reg.StaticBase}
}

// DotRows is the number of rows that a row-wise product multiplies together: they share the
// loads of the activations and hide each other's latencies.
const DotRows = 4

// Rows is a group of rows that are multiplied together.
type Rows struct {
	At    []Row
	base  reg.GPVirtual // advances through the rows
	ahead reg.GPVirtual // advances four times as fast through the next group
}

// Advance moves on by bytes in every row. A full group asks for as much of the next group:
// short rows end too soon for the hardware to find their streams.
func (r Rows) Advance(bytes int) {
	if n := len(r.At); n > 1 {
		for i := 0; i < n*bytes; i += 64 {
			PREFETCHT0(At(r.ahead, i))
		}
		Add(n*bytes, r.ahead)
	}
	Add(bytes, r.base)
}

// Row addresses bytes of one row of the current group, relative to the current block.
type Row func(disp int) Mem

// RowsLoop emits body for as many groups of DotRows rows as there are, then for single rows.
// body must return one vector of sums per row, whose lanes reduce adds up.
func RowsLoop(reduce func(s reg.VecPhysical), body func(suffix string, w Rows) []reg.VecPhysical) {
	y, w, stride, left := Ptr("y"), Ptr("w"), Ptr("stride"), Ptr("rows")
	stride3, base, ahead := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	rows := []Row{
		func(disp int) Mem { return Mem{Base: base, Disp: disp} },
		func(disp int) Mem { return Mem{Base: base, Index: stride, Scale: 1, Disp: disp} },
		func(disp int) Mem { return Mem{Base: base, Index: stride, Scale: 2, Disp: disp} },
		func(disp int) Mem { return Mem{Base: base, Index: stride3, Scale: 1, Disp: disp} },
	}
	for _, n := range []int{DotRows, 1} {
		suffix := map[int]string{DotRows: "4", 1: "1"}[n]
		Label("rows" + suffix)
		CMPQ(left, Imm(uint64(n)))
		JL(LabelRef("end" + suffix))
		MOVQ(w, base)
		if n > 1 {
			LEAQ(Mem{Base: w, Index: stride, Scale: DotRows}, ahead)
		}
		for i, s := range body(suffix, Rows{rows[:n], base, ahead}) {
			reduce(s)
			VMOVSS(s.AsX(), Mem{Base: y, Disp: 4 * i})
		}
		for range n {
			ADDQ(stride, w)
		}
		Add(4*n, y)
		SUBQ(Imm(uint64(n)), left)
		JMP(LabelRef("rows" + suffix))
		Label("end" + suffix)
	}
	VZEROUPPER()
	RET()
}

// RowPointers returns addressing of rows stride bytes apart, from base registers four rows
// apart that advance together.
func RowPointers(src, stride reg.GPVirtual, rows int) (row func(i int) Mem, advance func(bytes Op)) {
	stride3, step := GP64(), GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	bases := []reg.GPVirtual{src}
	MOVQ(stride, step)
	SHLQ(Imm(2), step)
	for i := 4; i < rows; i += 4 {
		p := GP64()
		MOVQ(bases[len(bases)-1], p)
		ADDQ(step, p)
		bases = append(bases, p)
	}
	row = func(i int) Mem {
		m := Mem{Base: bases[i/4], Index: stride, Scale: uint8(i % 4)}
		switch i % 4 {
		case 0:
			m = Mem{Base: bases[i/4]}
		case 3:
			m.Index, m.Scale = stride3, 1
		}
		return m
	}
	advance = func(bytes Op) {
		for _, p := range bases {
			ADDQ(bytes, p)
		}
	}
	return row, advance
}

// IQ4Codes emits the levels of IQ4_NL, offset by 128.
func IQ4Codes() Mem {
	m := GLOBL("iq4Codes", 8|16)
	for i, v := range []int{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113} {
		DATA(i, U8(v+128))
	}
	return m
}

// ByteConstants emits 64-bit constants of equal bytes.
func ByteConstants() {
	for _, b := range []uint64{0x0f, 0x30, 0x3f} {
		GLOBL(fmt.Sprintf("bytes%02x", b), 8|16)
		DATA(0, U64(b*0x0101010101010101))
	}
}

// ScaleBytes unpacks the 6-bit scales and minimums of a K-quant block to bytes s0–3 m0–3
// s4–7 m4–7.
func ScaleBytes(block Row, v reg.VecPhysical) {
	a, b, c := GP64(), GP64(), GP64()
	MOVQ(block(4), a)
	MOVL(block(12), c.As32())
	MOVQ(c, b)
	SHLQ(Imm(28), b)
	ORQ(b, c)
	ANDQ(Static("bytes0f"), c)
	MOVQ(a, b)
	SHRQ(Imm(2), b)
	ANDQ(Static("bytes30"), b)
	ORQ(b, c)
	ANDQ(Static("bytes3f"), a)
	VMOVQ(a, v.AsX())
	VPINSRQ(Imm(1), c, v.AsX(), v.AsX())
}

// Transpose8 transposes 8×8 words.
func Transpose8(in, tmp []reg.VecPhysical) []reg.VecPhysical {
	for i := 0; i < 8; i += 2 {
		VPUNPCKLDQ(in[i+1], in[i], tmp[i])
		VPUNPCKHDQ(in[i+1], in[i], tmp[i+1])
	}
	for q := 0; q < 8; q += 4 {
		VPUNPCKLQDQ(tmp[q+2], tmp[q], in[q])
		VPUNPCKHQDQ(tmp[q+2], tmp[q], in[q+1])
		VPUNPCKLQDQ(tmp[q+3], tmp[q+1], in[q+2])
		VPUNPCKHQDQ(tmp[q+3], tmp[q+1], in[q+3])
	}
	out := make([]reg.VecPhysical, 8)
	for c := range 4 {
		VPERM2I128(Imm(0x20), in[4+c], in[c], tmp[c])
		VPERM2I128(Imm(0x31), in[4+c], in[c], tmp[4+c])
		out[c], out[4+c] = tmp[c], tmp[4+c]
	}
	return out
}
