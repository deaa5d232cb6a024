package kernel

import (
	"golang.org/x/sys/cpu"

	"github.com/wattlaw/wattlaw/internal/kernel/avx512"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// native returns the sets of this CPU, the fastest first.
func native() []*Set {
	var sets []*Set
	if hasAVX512VNNI() {
		sets = append(sets, &Set{avx512Table()})
	}
	return sets
}

func hasAVX512VNNI() bool {
	x := cpu.X86
	return x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI && x.HasFMA && x.HasBMI2
}

// avx512Table starts from the oracle and replaces what AVX-512 does faster.
func avx512Table() table {
	t := reference()
	t.name, t.rows = "avx512vnni", avx512.Rows
	t.interleave = avx512.Interleave
	t.gemmQ8, t.gemmQ4K, t.gemmQ6K, t.gemmF32 = avx512.GemmQ8, avx512.GemmQ4K, avx512.GemmQ6K, avx512.GemmF32
	t.quantizeQ8, t.quantizeQ8K = avx512.QuantizeQ8, avx512.QuantizeQ8K
	t.quantized = map[tensor.DType]quantized{
		tensor.Q8_0:  {avx512.UnpackQ8_0, avx512.DotQ8_0},
		tensor.Q4_0:  {avx512.UnpackQ4_0, avx512.DotQ4_0},
		tensor.IQ4NL: {avx512.UnpackIQ4NL, avx512.DotIQ4NL},
		tensor.Q4_K:  {avx512.UnpackQ4_K, avx512.DotQ4_K},
		tensor.Q5_K:  {avx512.UnpackQ5_K, avx512.DotQ5_K},
		tensor.Q6_K:  {avx512.UnpackQ6_K, avx512.DotQ6_K},
	}
	t.floats = map[tensor.DType]floats{
		tensor.F32:  {avx512.RowF32, avx512.DotF32},
		tensor.F16:  {avx512.RowF16, avx512.DotF16},
		tensor.BF16: {avx512.RowBF16, avx512.DotBF16},
	}
	t.toF16, t.fromF16, t.roundF16, t.roundBF16 = avx512.ToF16, avx512.FromF16, avx512.RoundF16, avx512.RoundBF16
	t.rmsNorm, t.swiGLU, t.add = avx512.RMSNorm, avx512.SwiGLU, avx512.Add
	t.ropePairs, t.ropeHalves = avx512.RopePairs, avx512.RopeHalves
	t.softmax, t.scaleLanes = avx512.Softmax, avx512.ScaleLanes
	return t
}
