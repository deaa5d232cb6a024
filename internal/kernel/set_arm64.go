package kernel

import (
	"runtime"

	"golang.org/x/sys/cpu"

	"github.com/wattlaw/wattlaw/internal/kernel/neon"
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
	t.Name, t.Rows = "neon", neon.Rows
	t.Interleave = neon.Interleave
	t.GemmF32 = neon.GemmF32
	return t
}
