package kernel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Set is the primitives of one instruction set and the drivers over them. It is immutable
// and safe for concurrent use; every call runs on the calling goroutine alone.
type Set struct{ table }

// table is what an instruction set provides. Each primitive is defined by the function of
// the same name in ref; lengths follow from the slices.
type table struct {
	name string
	rows int // outputs per panel tile, at most maxRows

	quantizeQ8  func(q []int8, d []float32, sums []int32, x []float32)
	quantizeQ8K func(q []int8, d []float32, sums []int32, x []float32)
	interleave  func(dst, src []uint32, rows, n int)
	gemmQ8      func(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, init []int32)
	gemmQ4K     func(out []float32, ldo int, codes []uint8, scales, mins []float32, q []int8, d, sums []float32)
	gemmQ6K     func(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, init []int32)
	gemmF32     func(out []float32, ldo int, panel, x []float32, ts, ks int, accumulate bool)
	quantized   map[tensor.DType]quantized
	floats      map[tensor.DType]floats

	toF16      func(dst []uint16, x []float32)
	fromF16    func(dst []float32, x []uint16)
	roundF16   func(dst, x []float32)
	roundBF16  func(dst, x []float32)
	rmsNorm    func(dst, x, weight []float32, eps float32)
	swiGLU     func(dst, gate, up []float32)
	add        func(dst, x []float32)
	ropePairs  func(x, cos, sin []float32)
	ropeHalves func(x, cos, sin []float32)
	softmax    func(s, top, sum, shrink []float32)
	scaleLanes func(x, c []float32)
}

// quantized holds the primitives of a quantized weight format.
type quantized struct {
	unpack func(codes []uint8, scales, mins []float32, row []byte)
	dot    func(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32)
}

// floats holds the primitives of a weight format read as floats.
type floats struct {
	row func(dst []float32, row []byte)
	dot func(y []float32, w []byte, stride int, x []float32)
}

// maxRows bounds table.rows: the widest tile, 16 lanes of 512 bits.
const maxRows = 16

// Name returns the instruction set's name: "ref", "avx2", "avx512vnni" or "neon".
func (s *Set) Name() string { return s.name }

// Available returns the sets that this CPU can run, the fastest first; ref is always last.
func Available() []*Set { return append(native(), &Set{reference()}) }

// Best returns the fastest set that this CPU supports.
func Best() *Set { return Available()[0] }

// ByName returns the set of that name. It errs when the name is unknown or the CPU lacks
// the instructions, and lists what is available.
func ByName(name string) (*Set, error) {
	all := Available()
	if i := slices.IndexFunc(all, func(s *Set) bool { return s.name == name }); i >= 0 {
		return all[i], nil
	}
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	return nil, fmt.Errorf("kernel set %q: not available on this CPU; use one of: %s", name, strings.Join(names, ", "))
}
