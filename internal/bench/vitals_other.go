//go:build !linux

package bench

import (
	"context"
	"math"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"
)

// readVitals asks the operating system for load and memory; the rest is unknown here.
func readVitals(ctx context.Context, _ string) (vitals, error) {
	nan := math.NaN()
	v := vitals{hottest: nan, total: nan, available: nan, swapped: nan, pressure: nan, busy: nan, stolen: nan, quota: nan}
	if memory, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		v.total, v.available = float64(memory.Total), float64(memory.Available)
	}
	if swap, err := mem.SwapMemoryWithContext(ctx); err == nil {
		v.swapped = float64(swap.Used)
	}
	if busy, err := cpu.PercentWithContext(ctx, busySpan, false); err == nil && len(busy) == 1 {
		v.busy = busy[0] / 100
	}
	return v, ctx.Err()
}

// throttleCount is unknown here.
func throttleCount(string) int64 { return 0 }
