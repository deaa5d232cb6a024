package kernel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Set is the primitives of one instruction set and the drivers over them. It is immutable
// and safe for concurrent use; every call runs on the calling goroutine alone.
type Set struct{ p Primitives }

// Primitives is what an instruction set provides. Each primitive is defined by the function of
// the same name in ref; lengths follow from the slices.
type Primitives struct {
	Name string
	Rows int // outputs per panel tile, at most maxRows

	// Centered tells that codes are signed bytes with the format's offset subtracted: Unpack
	// writes them so, and the panel primitives expect them and leave init out.
	Centered bool

	QuantizeQ8  func(q []int8, d []float32, sums []int32, x []float32)
	QuantizeQ8K func(q []int8, d []float32, sums []int32, x []float32)
	Interleave  func(dst, src []uint32, rows, n int)
	GemmQ8      func(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, init []int32)
	GemmQ4      func(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, init []int32)
	GemmQ4K     func(out []float32, ldo int, codes []uint8, scales, mins []float32, q []int8, d, sums []float32)
	GemmQ6K     func(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, init []int32)
	GemmF32     func(out []float32, ldo int, panel, x []float32, ts, ks int, accumulate bool)
	// GemmF32x3 must add in GemmF32's order, to the same bits.
	GemmF32x3 func(out []float32, ldo, os int, panel, x []float32, ts, ks int, accumulate bool)
	// GemmBF16 and GemmBF16x3 are the same for words of two bfloat16, or nil: weights of that
	// type are then multiplied as float32.
	GemmBF16   func(out []float32, ldo int, panel, x []float32, ts, ks int, accumulate bool)
	GemmBF16x3 func(out []float32, ldo, os int, panel, x []float32, ts, ks int, accumulate bool)
	// GemmF64 and GemmF64x3 are the same for float64, with RowsF64 outputs per panel tile.
	RowsF64   int
	GemmF64   func(out []float64, ldo int, panel, x []float64, ts, ks int, accumulate bool)
	GemmF64x3 func(out []float64, ldo, os int, panel, x []float64, ts, ks int, accumulate bool)
	// Products of the rows of a dense matrix, ld apart, with vectors.
	RowDotsF32 func(d, a []float32, ld int, x []float32)
	AddRowsF32 func(y, a []float32, ld int, c []float32)
	SymRowsF32 func(y, d, a []float32, ld int, x, c []float32)
	RowDotsF64 func(d, a []float64, ld int, x []float64)
	AddRowsF64 func(y, a []float64, ld int, c []float64)
	SymRowsF64 func(y, d, a []float64, ld int, x, c []float64)

	Quantized map[tensor.DType]Quantized
	Floats    map[tensor.DType]Floats

	ToF16      func(dst []uint16, x []float32)
	FromF16    func(dst []float32, x []uint16)
	RoundF16   func(dst, x []float32)
	RoundBF16  func(dst, x []float32)
	ToBF16     func(dst []uint16, x []float32)
	PairBF16   func(dst []uint32, x []float32, ldx, width int) // width is 8 or Rows
	RMSNorm    func(dst, x, weight []float32, eps float32)
	LayerNorm  func(dst, x, weight, bias []float32, eps float32)
	SwiGLU     func(dst, gate, up []float32)
	GELU       func(x []float32)
	QuickGELU  func(x []float32)
	Add        func(dst, x []float32)
	RopePairs  func(x, cos, sin []float32)
	RopeHalves func(x, cos, sin []float32)
	Softmax    func(s, top, sum, shrink []float32)
	ScaleLanes func(x, c []float32)

	SoftmaxRow    func(s []float32) float32
	AccumulateF16 func(out, p []float32, v []uint16, ldv int)

	SwiGLUBack  func(d, dup, gate, up []float32)
	SoftmaxBack func(d, p []float32, scale float32)
	RMSNormBack func(dx, dw, dy, x, weight []float32, eps float32)
}

// Quantized holds the primitives of a quantized weight format.
type Quantized struct {
	Unpack func(codes []uint8, scales, mins []float32, row []byte)
	Dot    func(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32)
}

// Floats holds the primitives of a weight format read as floats.
type Floats struct {
	Row func(dst []float32, row []byte)
	Dot func(y []float32, w []byte, stride int, x []float32)
}

// maxRows bounds Primitives.Rows: the widest tile, 16 lanes of 512 bits.
const maxRows = 16

// Primitives returns the table, for drivers elsewhere (linalg, train) and for the tests that hold
// every primitive against its oracle.
func (s *Set) Primitives() Primitives { return s.p }

// Name returns the instruction set's name: "ref", "avx2", "avx512vnni" or "neon".
func (s *Set) Name() string { return s.p.Name }

// BFloat16 reports whether the CPU multiplies pairs of bfloat16: whether GemmBF16 is there.
func (s *Set) BFloat16() bool { return s.p.GemmBF16 != nil }

// Available returns the sets that this CPU can run, the fastest first; ref is always last.
func Available() []*Set { return append(native(), &Set{reference()}) }

// Best returns the fastest set that this CPU supports.
func Best() *Set { return Available()[0] }

// ByName returns the set of that name. It errs when the name is unknown or the CPU lacks
// the instructions, and lists what is available.
func ByName(name string) (*Set, error) {
	all := Available()
	if i := slices.IndexFunc(all, func(s *Set) bool { return s.p.Name == name }); i >= 0 {
		return all[i], nil
	}
	var names []string
	for _, s := range all {
		names = append(names, s.p.Name)
	}
	return nil, fmt.Errorf("kernel set %q: not available on this CPU; use one of: %s", name, strings.Join(names, ", "))
}
