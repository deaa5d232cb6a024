package measure

import "golang.org/x/sys/unix"

// monotonic has nanosecond resolution here, unlike CLOCK_MONOTONIC on macOS; neither
// advances differently between processes.
const monotonic = unix.CLOCK_UPTIME_RAW
