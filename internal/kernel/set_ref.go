package kernel

import (
	"github.com/wattlaw/wattlaw/internal/kernel/ref"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// reference returns the table of plain-Go primitives. Instruction sets start from it and
// replace what they do faster.
func reference() table {
	panel := ref.Panel{Rows: maxRows}
	return table{
		name:        "ref",
		rows:        panel.Rows,
		quantizeQ8:  ref.QuantizeQ8,
		quantizeQ8K: ref.QuantizeQ8K,
		interleave:  ref.Interleave,
		gemmQ8:      panel.GemmQ8,
		gemmQ4K:     panel.GemmQ4K,
		gemmQ6K:     panel.GemmQ6K,
		gemmF32:     panel.GemmF32,
		quantized: map[tensor.DType]quantized{
			tensor.Q8_0:  {ref.UnpackQ8_0, ref.DotQ8_0},
			tensor.Q4_0:  {ref.UnpackQ4_0, ref.DotQ4_0},
			tensor.IQ4NL: {ref.UnpackIQ4NL, ref.DotIQ4NL},
			tensor.Q4_K:  {ref.UnpackQ4_K, ref.DotQ4_K},
			tensor.Q5_K:  {ref.UnpackQ5_K, ref.DotQ5_K},
			tensor.Q6_K:  {ref.UnpackQ6_K, ref.DotQ6_K},
		},
		floats: map[tensor.DType]floats{
			tensor.F32:  {ref.RowF32, ref.DotF32},
			tensor.F16:  {ref.RowF16, ref.DotF16},
			tensor.BF16: {ref.RowBF16, ref.DotBF16},
		},
		toF16:      ref.ToF16,
		fromF16:    ref.FromF16,
		roundF16:   ref.RoundF16,
		roundBF16:  ref.RoundBF16,
		rmsNorm:    ref.RMSNorm,
		swiGLU:     ref.SwiGLU,
		add:        ref.Add,
		ropePairs:  ref.RopePairs,
		ropeHalves: ref.RopeHalves,
		softmax:    ref.Softmax,
		scaleLanes: ref.ScaleLanes,
	}
}
