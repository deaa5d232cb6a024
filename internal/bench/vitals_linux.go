package bench

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// readVitals reads the kernel's files below root; what is absent stays unknown.
func readVitals(ctx context.Context, root string) (vitals, error) {
	v := vitals{governors: governors(root)}
	v.throttling, v.throttled = throttling(root)
	v.hottest = hottest(root)
	v.total, v.available, v.swapped = memory(read(root, "proc/meminfo"))
	v.pressure = pressure(read(root, "proc/pressure/memory"))
	v.quota = quota(read(root, "sys/fs/cgroup/cpu.max"))
	v.supply = supplyOf(root)
	before := parseTicks(read(root, "proc/stat"))
	select {
	case <-ctx.Done():
		return v, ctx.Err()
	case <-time.After(busySpan):
	}
	v.busy, v.stolen = parseTicks(read(root, "proc/stat")).since(before)
	return v, nil
}

// read returns a file's text, empty when it cannot be read.
func read(path ...string) string {
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		return ""
	}
	return string(data)
}

// number reads a file that holds one number, NaN when there is none.
func number(path ...string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSpace(read(path...)), 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// ticks holds ticks of the whole machine.
type ticks struct{ busy, stolen, all float64 }

// parseTicks reads the first line of /proc/stat: user nice system idle iowait irq softirq
// steal, in ticks (kernel.org, filesystems/proc). Guest time is part of user time.
func parseTicks(text string) ticks {
	nan := ticks{math.NaN(), math.NaN(), math.NaN()}
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return nan
	}
	var v [8]float64
	var all float64
	for i := range v {
		n, err := strconv.ParseUint(fields[i+1], 10, 64)
		if err != nil {
			return nan
		}
		v[i] = float64(n)
		all += v[i]
	}
	return ticks{busy: v[0] + v[1] + v[2] + v[5] + v[6], stolen: v[7], all: all}
}

// since returns the busy and the stolen part of the time between two readings.
func (s ticks) since(before ticks) (busy, stolen float64) {
	all := s.all - before.all
	if !(all > 0) {
		return math.NaN(), math.NaN()
	}
	return (s.busy - before.busy) / all, (s.stolen - before.stolen) / all
}

// memory reads /proc/meminfo, whose numbers are in KiB.
func memory(text string) (total, available, swapped float64) {
	values := map[string]float64{}
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(line, ":")
		if kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 54); err == nil {
			values[name] = float64(kib) * 1024
		}
	}
	get := func(name string) float64 {
		if v, ok := values[name]; ok {
			return v
		}
		return math.NaN()
	}
	return get("MemTotal"), get("MemAvailable"), get("SwapTotal") - get("SwapFree")
}

// pressure reads avg10 of the line "some" of /proc/pressure/memory, in percent
// (kernel.org, accounting/psi).
func pressure(text string) float64 {
	line, _, _ := strings.Cut(text, "\n")
	for field := range strings.FieldsSeq(line) {
		if value, ok := strings.CutPrefix(field, "avg10="); ok {
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				return v
			}
		}
	}
	return math.NaN()
}

// quota reads "QUOTA PERIOD" in microseconds of a control group's cpu.max, as cores; NaN
// when it is "max" or absent.
func quota(text string) float64 {
	var most, period float64
	if n, err := fmt.Sscan(text, &most, &period); n != 2 || err != nil || !(period > 0) {
		return math.NaN()
	}
	return most / period
}

// hottest reads all thermal zones, in millidegrees Celsius.
func hottest(root string) float64 {
	zones, _ := filepath.Glob(filepath.Join(root, "sys/class/thermal/thermal_zone*/temp"))
	highest := math.NaN()
	for _, zone := range zones {
		celsius := number(zone) / 1000
		// Zones of absent devices read as absurd values.
		if celsius > -50 && celsius < 150 && !(celsius <= highest) {
			highest = celsius
		}
	}
	return highest
}

// supplyOf says what drives the machine.
func supplyOf(root string) supply {
	dirs, err := filepath.Glob(filepath.Join(root, "sys/class/power_supply/*"))
	if err != nil {
		return supplyUnknown
	}
	out := supplyNoBattery
	for _, dir := range dirs {
		// Batteries of mice and headsets say scope "Device".
		if strings.TrimSpace(read(dir, "type")) != "Battery" || strings.TrimSpace(read(dir, "scope")) == "Device" {
			continue
		}
		if strings.TrimSpace(read(dir, "status")) == "Discharging" {
			return supplyBattery
		}
		out = supplyMains
	}
	return out
}

// throttling says what slows the processor down now, and what did since the start. It
// reads the Raspberry Pi's firmware flags (bits 0–3 now, the same shifted by 16 since the
// start: raspberrypi.com, vcgencmd get_throttled) and Intel's counts of thermal throttling.
func throttling(root string) (now, before string) {
	if flags, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(read(root, "sys/devices/platform/soc/soc:firmware/get_throttled")), "0x"), 16, 32); err == nil {
		return throttleFlags(flags & 0xf), throttleFlags(flags >> 16 & 0xf)
	}
	if n := throttleCount(root); n > 0 {
		return "", fmt.Sprintf("%d times for heat", n)
	}
	return "", ""
}

func throttleFlags(bits uint64) string {
	var out []string
	for i, name := range []string{"under-voltage", "frequency capped", "throttled", "soft temperature limit"} {
		if bits>>i&1 == 1 {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}

// throttleCount is how often any core was slowed down for heat since the start.
func throttleCount(root string) (count int64) {
	files, _ := filepath.Glob(filepath.Join(root, "sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count"))
	for _, file := range files {
		if n, err := strconv.ParseInt(strings.TrimSpace(read(file)), 10, 64); err == nil {
			count += n
		}
	}
	return count
}
