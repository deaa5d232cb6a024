package sampler

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	lowestRealTime = 1   // of 99: ahead of ordinary work, behind all other real-time work
	wantedNice     = -10 // where real time is not permitted
)

// raisePriority asks for a higher priority of the calling thread and says what came of it.
// Beside a runtime that uses every core, and other sessions that do too, only a real-time
// thread is punctual: nice values count within a session only (autogroup), and a short
// scheduler slice made the longest delay longer. A tick works for microseconds and the kernel
// caps real-time threads, so the lowest such priority harms nobody.
func raisePriority() string {
	attr := unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO,
		Flags: unix.SCHED_FLAG_RESET_ON_FORK, Priority: lowestRealTime,
	}
	err := unix.SchedSetAttr(0, &attr, 0)
	if err == nil {
		return fmt.Sprintf("real-time %d", lowestRealTime)
	}
	if unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), wantedNice) == nil {
		return fmt.Sprintf("nice %d", wantedNice)
	}
	return fmt.Sprintf("unchanged: a higher one needs CAP_SYS_NICE (%v)", err)
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
