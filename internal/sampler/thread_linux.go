package sampler

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// wantedNice puts the thread ahead of ordinary work without making it a real-time thread,
// which could starve a small machine if a source hung.
const wantedNice = -10

// raisePriority asks for a higher priority of the calling thread and says what came of it.
func raisePriority() string {
	if err := unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), wantedNice); err != nil {
		return fmt.Sprintf("unchanged: nice %d needs CAP_SYS_NICE (%v)", wantedNice, err)
	}
	return fmt.Sprintf("nice %d", wantedNice)
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
