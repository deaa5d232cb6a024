//go:build !windows

package speed

import (
	"math"

	"golang.org/x/sys/unix"
)

// cpuSeconds returns the processor time of this process so far (getrusage(2)), NaN when
// the system does not say.
func cpuSeconds() float64 {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) != nil {
		return math.NaN()
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
