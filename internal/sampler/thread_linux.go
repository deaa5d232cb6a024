package sampler

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	wantedNice  = -10
	wantedSlice = 100_000 // ns: the scheduler lets threads with short slices run first (Linux ≥ 6.12)
)

// raisePriority asks for a higher priority of the calling thread and says what came of it.
// The short slice is what keeps ticks punctual beside a runtime that uses every core: a nice
// value alone does not count against work of other sessions.
func raisePriority() string {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Nice: wantedNice, Runtime: wantedSlice}
	err := unix.SchedSetAttr(0, &attr, 0)
	if err == nil {
		return fmt.Sprintf("nice %d, short slice", wantedNice)
	}
	attr.Nice = 0 // a short slice alone needs no permission
	if unix.SchedSetAttr(0, &attr, 0) == nil {
		return fmt.Sprintf("short slice; nice %d needs CAP_SYS_NICE (%v)", wantedNice, err)
	}
	return fmt.Sprintf("unchanged: nice %d needs CAP_SYS_NICE (%v)", wantedNice, err)
}

// sleepUntil waits for a time of the monotonic clock. A signal may end it early.
func sleepUntil(deadline int64) {
	ts := unix.NsecToTimespec(deadline)
	// Only a signal or a clock that does not exist can make it fail; the caller looks at the time.
	_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil)
}

// threadTime is the CPU time of the calling thread in nanoseconds.
func threadTime() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) // cannot fail for the own thread
	return ts.Nano()
}
