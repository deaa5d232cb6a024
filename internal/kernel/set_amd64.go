package kernel

import (
	"golang.org/x/sys/cpu"

	"github.com/wattlaw/wattlaw/internal/kernel/avx512"
	"github.com/wattlaw/wattlaw/internal/kernel/ref"
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
	t.quantized = map[tensor.DType]quantized{
		tensor.Q8_0:  {ref.UnpackQ8_0, avx512.DotQ8_0},
		tensor.Q4_0:  {ref.UnpackQ4_0, avx512.DotQ4_0},
		tensor.IQ4NL: {ref.UnpackIQ4NL, avx512.DotIQ4NL},
		tensor.Q4_K:  {ref.UnpackQ4_K, avx512.DotQ4_K},
		tensor.Q5_K:  {ref.UnpackQ5_K, avx512.DotQ5_K},
		tensor.Q6_K:  {ref.UnpackQ6_K, avx512.DotQ6_K},
	}
	t.floats = map[tensor.DType]floats{
		tensor.F32:  {ref.RowF32, avx512.DotF32},
		tensor.F16:  {ref.RowF16, avx512.DotF16},
		tensor.BF16: {ref.RowBF16, avx512.DotBF16},
	}
	return t
}
