package kernel

import (
	"golang.org/x/sys/cpu"

	"github.com/wattlaw/wattlaw/internal/kernel/avx2"
	"github.com/wattlaw/wattlaw/internal/kernel/avx512"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// native returns the sets of this CPU, the fastest first.
func native() []*Set {
	var sets []*Set
	if hasAVX512VNNI() {
		sets = append(sets, &Set{avx512Table()})
	}
	if x := cpu.X86; x.HasAVX2 && x.HasFMA && x.HasF16C {
		sets = append(sets, &Set{avx2Table()})
	}
	return sets
}

func hasAVX512VNNI() bool {
	x := cpu.X86
	return x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI && x.HasBMI2
}

// avx512Table starts from the oracle and replaces what AVX-512 does faster.
func avx512Table() Primitives {
	t := reference()
	t.Name, t.Rows = "avx512vnni", avx512.Rows
	t.Interleave = avx512.Interleave
	t.GemmQ8, t.GemmQ4, t.GemmQ4K, t.GemmQ6K, t.GemmF32 = avx512.GemmQ8, avx512.GemmQ8, avx512.GemmQ4K, avx512.GemmQ6K, avx512.GemmF32
	t.GemmF32x3 = avx512.GemmF32x3
	t.RowsF64, t.GemmF64, t.GemmF64x3 = avx512.RowsF64, avx512.GemmF64, avx512.GemmF64x3
	t.RowDotsF32, t.AddRowsF32, t.SymRowsF32 = avx512.RowDotsF32, avx512.AddRowsF32, avx512.SymRowsF32
	t.RowDotsF64, t.AddRowsF64, t.SymRowsF64 = avx512.RowDotsF64, avx512.AddRowsF64, avx512.SymRowsF64
	if cpu.X86.HasAVX512BF16 {
		t.GemmBF16, t.GemmBF16x3 = avx512.GemmBF16, avx512.GemmBF16x3
	}
	t.QuantizeQ8, t.QuantizeQ8K = avx512.QuantizeQ8, avx512.QuantizeQ8K
	t.Quantized = map[tensor.DType]Quantized{
		tensor.Q8_0:  {avx512.UnpackQ8_0, avx512.DotQ8_0},
		tensor.Q4_0:  {avx512.UnpackQ4_0, avx512.DotQ4_0},
		tensor.IQ4NL: {avx512.UnpackIQ4NL, avx512.DotIQ4NL},
		tensor.Q4_K:  {avx512.UnpackQ4_K, avx512.DotQ4_K},
		tensor.Q5_K:  {avx512.UnpackQ5_K, avx512.DotQ5_K},
		tensor.Q6_K:  {avx512.UnpackQ6_K, avx512.DotQ6_K},
	}
	t.Floats = map[tensor.DType]Floats{
		tensor.F32:  {avx512.RowF32, avx512.DotF32},
		tensor.F16:  {avx512.RowF16, avx512.DotF16},
		tensor.BF16: {avx512.RowBF16, avx512.DotBF16},
	}
	t.ToF16, t.FromF16, t.RoundF16, t.RoundBF16 = avx512.ToF16, avx512.FromF16, avx512.RoundF16, avx512.RoundBF16
	t.ToBF16, t.PairBF16 = avx512.ToBF16, avx512.PairBF16
	t.RMSNorm, t.SwiGLU, t.Add = avx512.RMSNorm, avx512.SwiGLU, avx512.Add
	t.LayerNorm, t.GELU, t.QuickGELU = avx512.LayerNorm, avx512.GELU, avx512.QuickGELU
	t.RopePairs, t.RopeHalves = avx512.RopePairs, avx512.RopeHalves
	t.Softmax, t.ScaleLanes = avx512.Softmax, avx512.ScaleLanes
	t.SoftmaxRow, t.AccumulateF16 = avx512.SoftmaxRow, avx512.AccumulateF16
	t.SwiGLUBack, t.SoftmaxBack, t.RMSNormBack = avx512.SwiGLUBack, avx512.SoftmaxBack, avx512.RMSNormBack
	return t
}

// avx2Table is the same for AVX2.
func avx2Table() Primitives {
	t := reference()
	t.Name, t.Rows = "avx2", avx2.Rows
	t.Interleave = avx2.Interleave
	t.GemmQ8, t.GemmQ4, t.GemmQ4K, t.GemmQ6K, t.GemmF32 = avx2.GemmQ8, avx2.GemmQ4, avx2.GemmQ4K, avx2.GemmQ6K, avx2.GemmF32
	t.GemmF32x3 = avx2.GemmF32x3
	t.RowsF64, t.GemmF64, t.GemmF64x3 = avx2.RowsF64, avx2.GemmF64, avx2.GemmF64x3
	t.RowDotsF32, t.AddRowsF32, t.SymRowsF32 = avx2.RowDotsF32, avx2.AddRowsF32, avx2.SymRowsF32
	t.RowDotsF64, t.AddRowsF64, t.SymRowsF64 = avx2.RowDotsF64, avx2.AddRowsF64, avx2.SymRowsF64
	t.QuantizeQ8, t.QuantizeQ8K = avx2.QuantizeQ8, avx2.QuantizeQ8K
	t.Quantized = map[tensor.DType]Quantized{
		tensor.Q8_0:  {avx2.UnpackQ8_0, avx2.DotQ8_0},
		tensor.Q4_0:  {avx2.UnpackQ4_0, avx2.DotQ4_0},
		tensor.IQ4NL: {avx2.UnpackIQ4NL, avx2.DotIQ4NL},
		tensor.Q4_K:  {avx2.UnpackQ4_K, avx2.DotQ4_K},
		tensor.Q5_K:  {avx2.UnpackQ5_K, avx2.DotQ5_K},
		tensor.Q6_K:  {avx2.UnpackQ6_K, avx2.DotQ6_K},
	}
	t.Floats = map[tensor.DType]Floats{
		tensor.F32:  {avx2.RowF32, avx2.DotF32},
		tensor.F16:  {avx2.RowF16, avx2.DotF16},
		tensor.BF16: {avx2.RowBF16, avx2.DotBF16},
	}
	t.ToF16, t.FromF16, t.RoundF16, t.RoundBF16 = avx2.ToF16, avx2.FromF16, avx2.RoundF16, avx2.RoundBF16
	t.RMSNorm, t.SwiGLU, t.Add = avx2.RMSNorm, avx2.SwiGLU, avx2.Add
	t.LayerNorm, t.GELU, t.QuickGELU = avx2.LayerNorm, avx2.GELU, avx2.QuickGELU
	t.RopePairs, t.RopeHalves = avx2.RopePairs, avx2.RopeHalves
	t.Softmax, t.ScaleLanes = avx2.Softmax, avx2.ScaleLanes
	t.SoftmaxRow, t.AccumulateF16 = avx2.SoftmaxRow, avx2.AccumulateF16
	t.SwiGLUBack = avx2.SwiGLUBack
	return t
}
