package kernel

import (
	"golang.org/x/sys/cpu"

	"github.com/wattlaw/wattlaw/internal/kernel/avx512"
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
	return t
}
