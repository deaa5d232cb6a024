package gen

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// RowProducts emits the products of the rows of a dense matrix with vectors, in both float
// types: rowDots, addRows, and symRows, which does both while it reads the matrix once. v are
// the vector registers, of 256 or 512 bits.
func RowProducts(v []reg.VecPhysical) {
	for _, double := range []bool{false, true} {
		for _, kind := range []rowProduct{
			{name: "rowDots", dots: true}, {name: "addRows", adds: true}, {name: "symRows", dots: true, adds: true},
		} {
			kind.double, kind.v = double, v
			kind.emit()
		}
	}
}

// rowProduct is one of them: dots writes d[r] = Σ_j a[r·ld+j]·x[j], adds adds c[r]·a[r·ld+j] to y[j].
type rowProduct struct {
	name               string
	dots, adds, double bool
	v                  []reg.VecPhysical
}

func (k rowProduct) emit() {
	word, suffix, shift := "float32", "F32", uint64(2)
	if k.double {
		word, suffix, shift = "float64", "F64", 3
	}
	params := map[[2]bool]string{{true, false}: "d, a, x", {false, true}: "y, a, c", {true, true}: "y, d, a, x, c"}[[2]bool{k.dots, k.adds}]
	TEXT(k.name+suffix, NOSPLIT, fmt.Sprintf("func(%s *%s, ld, rows, n int)", params, word))
	Pragma("noescape")
	a, ld, left, ld3 := Ptr("a"), Ptr("ld"), Ptr("rows"), GP64()
	SHLQ(Imm(shift), ld)
	LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, ld3)
	var c, d reg.GPVirtual
	if k.adds {
		c = Ptr("c")
	}
	if k.dots {
		d = Ptr("d")
	}
	for _, rows := range []int{DotRows, 1} {
		group := fmt.Sprintf("rows%d", rows)
		Label(group)
		CMPQ(left, Imm(uint64(rows)))
		JL(LabelRef("end" + group))
		k.group(group, rows, a, ld, ld3, c, d, shift)
		for range rows {
			ADDQ(ld, a)
		}
		if k.adds {
			Add(rows<<shift, c)
		}
		if k.dots {
			Add(rows<<shift, d)
		}
		SUBQ(Imm(uint64(rows)), left)
		JMP(LabelRef(group))
		Label("end" + group)
	}
	VZEROUPPER()
	RET()
}

// group multiplies rows rows: whole vectors, then one element after the other.
func (k rowProduct) group(label string, rows int, a, ld, ld3, c, d reg.GPVirtual, shift uint64) {
	sum, factor, x, y, row, tmp := k.v[0:rows], k.v[4:4+rows], k.v[8], k.v[9], k.v[10], k.v[11]
	at, n, xp, yp := GP64(), GP64(), GP64(), GP64()
	MOVQ(a, at)
	if k.dots {
		Load(Param("x"), xp)
		for _, s := range sum {
			VXORPS(s.AsX(), s.AsX(), s.AsX())
		}
	}
	if k.adds {
		Load(Param("y"), yp)
		for r, f := range factor {
			k.broadcast(Mem{Base: c, Disp: r << shift}, f)
		}
	}
	element := func(r int) Mem {
		return []Mem{{Base: at}, {Base: at, Index: ld, Scale: 1}, {Base: at, Index: ld, Scale: 2}, {Base: at, Index: ld3, Scale: 1}}[r]
	}
	step := func(move func(from, to Op), as func(v reg.VecPhysical) reg.Register, fma func(a, b, sum Op), bytes int) {
		if k.dots {
			move(Mem{Base: xp}, as(x))
		}
		if k.adds {
			move(Mem{Base: yp}, as(y))
		}
		for r := range rows {
			var from Op = element(r)
			if k.dots && k.adds {
				move(from, as(row))
				from = as(row)
			}
			if k.dots {
				fma(from, as(x), as(sum[r]))
			}
			if k.adds {
				fma(from, as(factor[r]), as(y))
			}
		}
		if k.adds {
			move(as(y), Mem{Base: yp})
			Add(bytes, yp)
		}
		if k.dots {
			Add(bytes, xp)
		}
		Add(bytes, at)
	}
	size := int(k.v[0].Size())
	lanes := uint64(size >> shift)
	Load(Param("n"), n)
	SHRQ(Imm(map[uint64]uint64{4: 2, 8: 3, 16: 4}[lanes]), n)
	JZ(LabelRef("whole" + label))
	Loop("vectors"+label, n, func() {
		step(k.move, func(v reg.VecPhysical) reg.Register { return v }, k.fma, size)
	})
	Label("whole" + label)
	if k.dots {
		for _, s := range sum {
			k.reduce(s, tmp)
		}
	}
	Load(Param("n"), n)
	ANDQ(Imm(lanes-1), n)
	JZ(LabelRef("done" + label))
	Loop("elements"+label, n, func() {
		step(k.moveOne, func(v reg.VecPhysical) reg.Register { return v.AsX() }, k.fmaOne, 1<<shift)
	})
	Label("done" + label)
	if k.dots {
		for r, s := range sum {
			k.moveOne(s.AsX(), Mem{Base: d, Disp: r << shift})
		}
	}
}

func (k rowProduct) broadcast(from, to Op) {
	if k.double {
		VBROADCASTSD(from, to)
	} else {
		VBROADCASTSS(from, to)
	}
}

func (k rowProduct) move(from, to Op) { VMOVUPS(from, to) }

func (k rowProduct) moveOne(from, to Op) {
	if k.double {
		VMOVSD(from, to)
	} else {
		VMOVSS(from, to)
	}
}

func (k rowProduct) fma(a, b, sum Op) {
	if k.double {
		VFMADD231PD(a, b, sum)
	} else {
		VFMADD231PS(a, b, sum)
	}
}

func (k rowProduct) fmaOne(a, b, sum Op) {
	if k.double {
		VFMADD231SD(a, b, sum)
	} else {
		VFMADD231SS(a, b, sum)
	}
}

// reduce adds the lanes of s into its lowest.
func (k rowProduct) reduce(s, tmp reg.VecPhysical) {
	add := VADDPS
	if k.double {
		add = VADDPD
	}
	if s.Size() == 64 {
		VEXTRACTF64X4(Imm(1), s, tmp.AsY())
		add(tmp.AsY(), s.AsY(), s.AsY())
	}
	VEXTRACTF128(Imm(1), s.AsY(), tmp.AsX())
	add(tmp.AsX(), s.AsX(), s.AsX())
	VPERMILPD(Imm(1), s.AsX(), tmp.AsX())
	add(tmp.AsX(), s.AsX(), s.AsX())
	if !k.double {
		VPSHUFD(Imm(0x55), s.AsX(), tmp.AsX())
		VADDSS(tmp.AsX(), s.AsX(), s.AsX())
	}
}
