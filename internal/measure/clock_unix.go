//go:build linux || darwin

package measure

import "golang.org/x/sys/unix"

// Now returns nanoseconds of the monotonic clock that all processes of this machine share
// since it was started (Linux: CLOCK_MONOTONIC; macOS: CLOCK_UPTIME_RAW; Windows:
// QueryPerformanceCounter). Time stamps of different processes may be compared; time
// stamps of different boots or machines may not. Now does not allocate.
func Now() int64 {
	var ts unix.Timespec
	// The call can only fail for an unknown clock, which these are not.
	_ = unix.ClockGettime(monotonic, &ts)
	return ts.Nano()
}
