package kernel

import (
	"github.com/wattlaw/wattlaw/internal/kernel/ref"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// reference returns the table of plain-Go primitives. Instruction sets start from it and
// replace what they do faster.
func reference() Primitives {
	panel := ref.Panel{Rows: maxRows}
	return Primitives{
		Name:        "ref",
		Rows:        panel.Rows,
		QuantizeQ8:  ref.QuantizeQ8,
		QuantizeQ8K: ref.QuantizeQ8K,
		Interleave:  ref.Interleave,
		GemmQ8:      panel.GemmQ8,
		GemmQ4:      panel.GemmQ4,
		GemmQ4K:     panel.GemmQ4K,
		GemmQ6K:     panel.GemmQ6K,
		GemmF32:     panel.GemmF32,
		GemmF32x3:   panel.GemmF32x3,
		RowsF64:     panel.Rows,
		GemmF64:     panel.GemmF64,
		GemmF64x3:   panel.GemmF64x3,
		RowDotsF32:  ref.RowDots[float32],
		AddRowsF32:  ref.AddRows[float32],
		SymRowsF32:  ref.SymRows[float32],
		RowDotsF64:  ref.RowDots[float64],
		AddRowsF64:  ref.AddRows[float64],
		SymRowsF64:  ref.SymRows[float64],
		Quantized: map[tensor.DType]Quantized{
			tensor.Q8_0:  {ref.UnpackQ8_0, ref.DotQ8_0},
			tensor.Q4_0:  {ref.UnpackQ4_0, ref.DotQ4_0},
			tensor.IQ4NL: {ref.UnpackIQ4NL, ref.DotIQ4NL},
			tensor.Q4_K:  {ref.UnpackQ4_K, ref.DotQ4_K},
			tensor.Q5_K:  {ref.UnpackQ5_K, ref.DotQ5_K},
			tensor.Q6_K:  {ref.UnpackQ6_K, ref.DotQ6_K},
		},
		Floats: map[tensor.DType]Floats{
			tensor.F32:  {ref.RowF32, ref.DotF32},
			tensor.F16:  {ref.RowF16, ref.DotF16},
			tensor.BF16: {ref.RowBF16, ref.DotBF16},
		},
		ToF16:      ref.ToF16,
		FromF16:    ref.FromF16,
		RoundF16:   ref.RoundF16,
		RoundBF16:  ref.RoundBF16,
		ToBF16:     ref.ToBF16,
		PairBF16:   ref.PairBF16,
		RMSNorm:    ref.RMSNorm,
		LayerNorm:  ref.LayerNorm,
		SwiGLU:     ref.SwiGLU,
		GELU:       ref.GELU,
		QuickGELU:  ref.QuickGELU,
		Add:        ref.Add,
		RopePairs:  ref.RopePairs,
		RopeHalves: ref.RopeHalves,
		Softmax:    ref.Softmax,
		ScaleLanes: ref.ScaleLanes,

		SoftmaxRow:    ref.SoftmaxRow,
		AccumulateF16: ref.AccumulateF16,

		SwiGLUBack:  ref.SwiGLUBack,
		SoftmaxBack: ref.SoftmaxBack,
		RMSNormBack: ref.RMSNormBack,
	}
}
