package speed

import (
	"math"

	"golang.org/x/sys/windows"
)

// cpuSeconds returns the processor time of this process so far (GetProcessTimes), NaN when
// the system does not say.
func cpuSeconds() float64 {
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &user) != nil {
		return math.NaN()
	}
	// These two count units of 100 ns; Filetime's own methods would take them for dates.
	ticks := func(t windows.Filetime) float64 { return float64(uint64(t.HighDateTime)<<32 | uint64(t.LowDateTime)) }
	return (ticks(kernel) + ticks(user)) / 1e7
}
