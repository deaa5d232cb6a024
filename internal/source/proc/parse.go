package proc

import (
	"bytes"

	"github.com/wattlaw/wattlaw/internal/source"
)

// userHertz is the unit of times in /proc: sysconf(_SC_CLK_TCK) is 100 on every Linux that
// this program is built for (proc_pid_stat(5)).
const userHertz = 100

// cpuTimes are the times of all cores since boot in core-seconds.
type cpuTimes struct {
	busy, steal float64
}

// parseStat reads the first line of /proc/stat (proc_stat(5)): "cpu" user nice system idle
// iowait irq softirq steal guest guest_nice. Guest time is part of user already.
func parseStat(b []byte) (cpuTimes, bool) {
	const prefix = "cpu "
	if !bytes.HasPrefix(b, []byte(prefix)) {
		return cpuTimes{}, false
	}
	b = b[len(prefix):]
	var field [8]int64
	for i := range field {
		v, rest, ok := source.ParseInt(b)
		if !ok || v < 0 {
			return cpuTimes{}, false
		}
		field[i], b = v, rest
	}
	const user, nice, system, irq, softirq, steal = 0, 1, 2, 5, 6, 7
	busy := field[user] + field[nice] + field[system] + field[irq] + field[softirq]
	return cpuTimes{float64(busy) / userHertz, float64(field[steal]) / userHertz}, true
}

// countCores counts the lines "cpu0", "cpu1", … of /proc/stat: the cores that are online.
func countCores(b []byte) (n int) {
	for line := range bytes.Lines(b) {
		if len(line) > 3 && bytes.HasPrefix(line, []byte("cpu")) && line[3] >= '0' && line[3] <= '9' {
			n++
		}
	}
	return n
}

// parsePidStat reads user and system time from /proc/PID/stat (proc_pid_stat(5)): fields 14
// and 15, counted behind the last parenthesis, as the command name may hold anything.
func parsePidStat(b []byte) (seconds float64, ok bool) {
	b = b[bytes.LastIndexByte(b, ')')+1:]
	b = source.TrimSpace(b)
	const before = 11 // state, ppid, … cmajflt: fields 3 to 13
	for range before {
		i := bytes.IndexByte(b, ' ')
		if i < 0 {
			return 0, false
		}
		b = b[i+1:]
	}
	user, b, ok1 := source.ParseInt(b)
	system, _, ok2 := source.ParseInt(b)
	return float64(user+system) / userHertz, ok1 && ok2
}

// parseStatm reads size and resident pages from /proc/PID/statm (proc_pid_statm(5)).
func parseStatm(b []byte) (size, resident int64, ok bool) {
	size, b, ok1 := source.ParseInt(b)
	resident, _, ok2 := source.ParseInt(b)
	return size, resident, ok1 && ok2
}

// parseKiB finds the line "key: N kB" of /proc/meminfo or /proc/PID/smaps_rollup and
// returns N in bytes.
func parseKiB(b []byte, key string) (int64, bool) {
	for len(b) > 0 {
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		if len(line) <= len(key) || line[len(key)] != ':' || string(line[:len(key)]) != key {
			continue
		}
		v, _, ok := source.ParseInt(line[len(key)+1:])
		return v << 10, ok && v >= 0 && v < 1<<52
	}
	return 0, false
}
