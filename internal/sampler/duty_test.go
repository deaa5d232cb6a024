//go:build linux || darwin

package sampler

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source/proc"
)

// A program that keeps 37 % of one core busy for 10 s and holds 512 MiB for 5 s of them is
// sampled like any runtime. CPU and memory areas must agree within 1 % with what the program
// was told to do and measured itself.
func TestKnownDuty(t *testing.T) {
	s, w, r := sampleDuty(t)
	all := s.Window(w, time.Second)
	cpu, rss := series(t, all, proc.ProcessCPU), series(t, all, proc.ProcessRSS)

	const told = dutyFraction * dutySeconds
	within(t, "CPU time by the program itself", r.CPU, told, 0.005)
	area := measure.AUC(cpu.Rate(w), w, 0)
	within(t, "CPU area against the program", area.Value, r.CPU, 0.01)
	within(t, "CPU area against the order", area.Value, told, 0.01)
	within(t, "CPU counter against the program", measure.CounterDelta(cpu, w).Value, r.CPU, 0.01)
	o, c := s.Observer(), measure.Closure(cpu, w)
	// On a machine too busy for punctual ticks, closure is there to say so.
	if late := float64(o.LateTicks) / float64(o.Ticks); !c.OK() || (late <= 0.01 && c.Value > 0.005) {
		t.Errorf("closure %+v with %.1f %% late ticks", c, 100*late)
	}

	before := measure.Window{Start: w.Start, End: r.Memory.Start - 2e8}
	idle := measure.AUC(rss, before, 0)
	if !idle.OK() {
		t.Fatal(idle.Reason)
	}
	memory := measure.AUC(rss, w, idle.Value/before.Seconds())
	within(t, "memory area", memory.Value, r.ByteSecs, 0.01)
	if least, most := dutyBytes*dutyHold, dutyBytes*r.Memory.Seconds(); r.ByteSecs < least || r.ByteSecs > most {
		t.Errorf("the program held %g byte·s, which is not between %g and %g", r.ByteSecs, least, most)
	}
	t.Logf("closure %.4f, CPU %.4f core·s (program %.4f), memory %.4f GiB·s (program %.4f), %d ticks, %d late, %.4f %% of a core",
		c.Value, area.Value, r.CPU, memory.Value/(1<<30), r.ByteSecs/(1<<30), o.Ticks, o.LateTicks, 100*o.CoreFraction)
}

// sampleDuty runs the program under a sampler, with marks before and after its work.
func sampleDuty(t *testing.T) (*Sampler, measure.Window, dutyReport) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), dutyEnv+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the program: %v", err)
		}
	}()
	s := start(t, DefaultRate, proc.NewProcess("/", cmd.Process.Pid), proc.NewRSS("/", cmd.Process.Pid))
	w := measure.Window{Start: s.Mark()}
	if _, err := stdin.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	var r dutyReport
	if err := json.NewDecoder(stdout).Decode(&r); err != nil {
		t.Fatal(err)
	}
	w.End = s.Mark()
	return s, w, r
}

func within(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if !(math.Abs(got-want) <= relative*math.Abs(want)) {
		t.Errorf("%s = %.6g, want %.6g within %.1f %%", what, got, want, 100*relative)
	}
}
