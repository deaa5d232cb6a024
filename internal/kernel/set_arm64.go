package kernel

import (
	"runtime"

	"golang.org/x/sys/cpu"

	"github.com/wattlaw/wattlaw/internal/kernel/neon"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// native returns the sets of this CPU. The cpu package detects no features outside Linux;
// every arm64 Mac has the dot product instructions.
func native() []*Set {
	if runtime.GOOS == "darwin" || cpu.ARM64.HasASIMDDP {
		return []*Set{{neonTable()}}
	}
	return nil
}

// neonTable starts from the oracle and replaces what NEON does faster.
func neonTable() Primitives {
	t := reference()
	t.Name, t.Rows, t.Centered = "neon", neon.Rows, true
	t.Interleave = neon.Interleave
	t.GemmQ8, t.GemmQ4, t.GemmQ4K, t.GemmQ6K, t.GemmF32 = neon.GemmQ8, neon.GemmQ8, neon.GemmQ4K, neon.GemmQ6K, neon.GemmF32
	t.Quantized = map[tensor.DType]Quantized{
		tensor.Q8_0:  {neon.UnpackQ8_0, neon.DotQ8_0},
		tensor.Q4_0:  {neon.UnpackQ4_0, neon.DotQ4_0},
		tensor.IQ4NL: {neon.UnpackIQ4NL, neon.DotIQ4NL},
		tensor.Q4_K:  {neon.UnpackQ4_K, neon.DotQ4_K},
		tensor.Q5_K:  {neon.UnpackQ5_K, neon.DotQ5_K},
		tensor.Q6_K:  {neon.UnpackQ6_K, neon.DotQ6_K},
	}
	t.Floats = map[tensor.DType]Floats{
		tensor.F32:  {neon.RowF32, neon.DotF32},
		tensor.F16:  {neon.RowF16, neon.DotF16},
		tensor.BF16: {neon.RowBF16, neon.DotBF16},
	}
	t.GemmF32x3 = neon.GemmF32x3
	t.RowsF64, t.GemmF64, t.GemmF64x3 = neon.RowsF64, neon.GemmF64, neon.GemmF64x3
	t.RowDotsF32, t.AddRowsF32, t.SymRowsF32 = neon.RowDots[float32], neon.AddRows[float32], neon.SymRows[float32]
	t.RowDotsF64, t.AddRowsF64, t.SymRowsF64 = neon.RowDots[float64], neon.AddRows[float64], neon.SymRows[float64]
	t.QuantizeQ8, t.QuantizeQ8K = neon.QuantizeQ8, neon.QuantizeQ8K
	t.ToF16, t.FromF16, t.RoundF16, t.RoundBF16 = neon.ToF16, neon.FromF16, neon.RoundF16, neon.RoundBF16
	t.RMSNorm, t.SwiGLU, t.Add = neon.RMSNorm, neon.SwiGLU, neon.Add
	t.LayerNorm, t.GELU, t.QuickGELU = neon.LayerNorm, neon.GELU, neon.QuickGELU
	t.RopePairs, t.RopeHalves = neon.RopePairs, neon.RopeHalves
	t.Softmax, t.ScaleLanes = neon.Softmax, neon.ScaleLanes
	t.SoftmaxRow, t.AccumulateF16 = neon.SoftmaxRow, neon.AccumulateF16
	return t
}
