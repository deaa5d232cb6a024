package sampler

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// raisePriority says what came of the wish for a higher priority: macOS offers it to whole
// processes only.
func raisePriority() string { return "unchanged: macOS has no priority per thread without cgo" }

func sleepUntil(deadline int64) { time.Sleep(time.Duration(deadline - measure.Now())) }

// threadTime is the CPU time of the calling thread in nanoseconds.
func threadTime() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) // cannot fail for the own thread
	return ts.Nano()
}
