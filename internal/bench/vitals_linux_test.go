package bench

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// tree writes files below a new root.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestReadVitals(t *testing.T) {
	v, err := readVitals(context.Background(), tree(t, map[string]string{
		"proc/stat":             "cpu  10 0 5 100 0 0 0 7 0 0\n",
		"proc/meminfo":          "MemTotal:        8000000 kB\nMemFree: 1 kB\nMemAvailable:    2000000 kB\nSwapTotal: 500 kB\nSwapFree: 400 kB\nHugePages_Total:       0\n",
		"proc/pressure/memory":  "some avg10=12.50 avg60=1.00 avg300=0.00 total=9\nfull avg10=99.00 avg60=0.00 avg300=0.00 total=0\n",
		"sys/fs/cgroup/cpu.max": "150000 100000\n",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil\n",
		"sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance\n",
		"sys/class/thermal/thermal_zone0/temp":                 "41000\n",
		"sys/class/thermal/thermal_zone1/temp":                 "55500\n",
		"sys/class/thermal/thermal_zone2/temp":                 "-274000\n",
		"sys/class/power_supply/BAT0/type":                     "Battery\n",
		"sys/class/power_supply/BAT0/status":                   "Full\n",
		"sys/class/power_supply/hid/type":                      "Battery\n",
		"sys/class/power_supply/hid/scope":                     "Device\n",
		"sys/class/power_supply/hid/status":                    "Discharging\n",
		"sys/devices/platform/soc/soc:firmware/get_throttled":  "50005\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string][2]float64{
		"total": {v.total, 8000000 * 1024}, "available": {v.available, 2000000 * 1024}, "swapped": {v.swapped, 100 * 1024},
		"pressure": {v.pressure, 12.5}, "quota": {v.quota, 1.5}, "hottest": {v.hottest, 55.5},
	}
	for name, pair := range numbers {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
	if !slices.Equal(v.governors, []string{"performance", "schedutil"}) {
		t.Errorf("governors %v", v.governors)
	}
	if v.throttling != "under-voltage, throttled" || v.throttled != "under-voltage, throttled" {
		t.Errorf("throttling %q, before %q", v.throttling, v.throttled)
	}
	if v.supply != supplyMains {
		t.Errorf("supply %v, want mains: a headset's battery does not drive the machine", v.supply)
	}
	if !math.IsNaN(v.busy) {
		t.Errorf("busy %v although no tick passed", v.busy)
	}
}

func TestReadVitalsOfNothing(t *testing.T) {
	v, err := readVitals(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]float64{
		"hottest": v.hottest, "total": v.total, "available": v.available, "swapped": v.swapped,
		"pressure": v.pressure, "busy": v.busy, "stolen": v.stolen, "quota": v.quota,
	} {
		if !math.IsNaN(x) {
			t.Errorf("%s is %v where nothing can be read, want NaN", name, x)
		}
	}
}

func TestStat(t *testing.T) {
	before := parseTicks("cpu  100 0 50 1000 10 5 5 20 30 0\ncpu0 1 2\n")
	after := parseTicks("cpu  150 10 60 1100 10 5 5 40 99 0\n")
	busy, stolen := after.since(before)
	// 70 ticks of work, 100 idle, 20 stolen.
	if math.Abs(busy-70.0/190) > 1e-12 || math.Abs(stolen-20.0/190) > 1e-12 {
		t.Errorf("busy %v, stolen %v; want 70/190 and 20/190", busy, stolen)
	}
	for _, text := range []string{"", "cpu 1 2 3", "cpu a b c d e f g h", "intr 1 2 3 4 5 6 7 8"} {
		if s := parseTicks(text); !math.IsNaN(s.all) {
			t.Errorf("%q reads as %+v, want NaN", text, s)
		}
	}
}

func TestThrottleCount(t *testing.T) {
	root := tree(t, map[string]string{
		"sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "2\n",
		"sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "3\n",
	})
	if n := throttleCount(root); n != 5 {
		t.Errorf("%d throttling events, want 5", n)
	}
}
