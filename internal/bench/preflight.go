package bench

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// Severities of findings.
const (
	severityInfo    = "info"
	severityDoubt   = "doubt"
	severityBlocker = "blocker"
)

// When a finding was made.
const (
	whenPreflight = "preflight"
	whenBaseline  = "baseline"
	whenTrial     = "trial"
	whenDrift     = "drift"
)

// vitals is the state of the machine before a run. Numbers that it does not tell are NaN.
type vitals struct {
	governors  []string
	throttling string  // why the processor is slowed down right now; empty when it is not
	throttled  string  // the same since the machine was started
	hottest    float64 // °C of the hottest sensor
	total      float64 // bytes of memory
	available  float64 // bytes of memory that programs can still get
	swapped    float64 // bytes of memory that were moved to disk
	pressure   float64 // percent of the last 10 s in which some task waited for memory
	busy       float64 // part of the machine that was busy over busySpan
	stolen     float64 // part of the machine that a hypervisor took over busySpan
	quota      float64 // cores that a control group allows
	supply     supply
}

// supply is what drives the machine.
type supply uint8

const (
	supplyUnknown   supply = iota
	supplyNoBattery        // there is nothing but mains
	supplyMains            // there is a battery, and it does not drive the machine
	supplyBattery
)

// busySpan is how long the load of the idle machine is watched.
const busySpan = 500 * time.Millisecond

// Thresholds of the pre-flight checks.
const (
	warmCelsius     = 65
	hotCelsius      = 80
	leastAvailable  = 0.10 // of the memory
	mostPressure    = 5    // percent
	mostSwap        = 64 << 20
	busyFraction    = 0.10
	tooBusyFraction = 0.50
	stolenFraction  = 0.01
)

// preflight looks at the machine for busySpan and judges what it sees.
func preflight(ctx context.Context, root string, machine store.Machine) ([]store.Finding, error) {
	v, err := readVitals(ctx, root)
	if err != nil {
		return nil, err
	}
	return v.judge(machine), nil
}

// judge turns the vitals into findings, one per subject, whether good or bad.
func (v vitals) judge(machine store.Machine) []store.Finding {
	var j judgement
	v.judgeProcessor(&j)
	v.judgeMemory(&j)
	v.judgeLoad(&j, machine.Cores)
	switch v.supply {
	case supplyNoBattery:
		j.add(severityInfo, "battery", "there is none")
	case supplyMains:
		j.add(severityInfo, "battery", "the machine runs on mains")
	case supplyBattery:
		j.add(severityBlocker, "battery", "the machine runs on its battery, which may slow the processor down: plug it in")
	default:
		j.add(severityInfo, "battery", "not checked on this system")
	}
	if machine.Virtual != "" {
		j.add(severityDoubt, "virtual machine", "this is a virtual machine (%s): neighbours share its processor, and energy counters are rarely passed on; measure on the bare machine for figures that hold", machine.Virtual)
	}
	return j
}

func (v vitals) judgeProcessor(j *judgement) {
	switch {
	case len(v.governors) == 0:
		j.add(severityInfo, "governor", "no frequency governor is seen")
	case slices.Equal(v.governors, []string{"performance"}):
		j.add(severityInfo, "governor", "performance")
	default:
		j.add(severityDoubt, "governor", "the frequency governor is %s: clocks follow the load; fix them with: sudo cpupower frequency-set -g performance", strings.Join(v.governors, ", "))
	}
	switch {
	case v.throttling != "":
		j.add(severityBlocker, "throttling", "the processor is slowed down now: %s; cool the machine or give it a stronger supply", v.throttling)
	case v.throttled != "":
		j.add(severityInfo, "throttling", "the processor was slowed down since the machine was started: %s", v.throttled)
	default:
		j.add(severityInfo, "throttling", "none is seen")
	}
	switch {
	case math.IsNaN(v.hottest):
		j.add(severityInfo, "temperature", "no temperature sensor is seen")
	case v.hottest >= hotCelsius:
		j.add(severityBlocker, "temperature", "the hottest sensor reads %v: let the machine cool below %v", unit.Celsius(v.hottest), unit.Celsius(warmCelsius))
	case v.hottest >= warmCelsius:
		j.add(severityDoubt, "temperature", "the hottest sensor reads %v before any work: clocks may fall during the run", unit.Celsius(v.hottest))
	default:
		j.add(severityInfo, "temperature", "the hottest sensor reads %v", unit.Celsius(v.hottest))
	}
}

func (v vitals) judgeMemory(j *judgement) {
	free := unit.Bytes(v.available)
	switch {
	case math.IsNaN(v.available) || math.IsNaN(v.total):
		j.add(severityInfo, "memory", "the memory in use is not seen")
	case v.available < leastAvailable*v.total:
		j.add(severityBlocker, "memory", "only %v of %v are available: close other programs", free, unit.Bytes(v.total))
	case v.pressure > mostPressure:
		j.add(severityBlocker, "memory", "tasks waited for memory during %.0f %% of the last 10 s: close other programs", v.pressure)
	default:
		j.add(severityInfo, "memory", "%v of %v are available", free, unit.Bytes(v.total))
	}
	switch {
	case v.swapped > mostSwap:
		j.add(severityDoubt, "swap", "%v were swapped to disk: reading them back costs time and energy that would be counted as the model's", unit.Bytes(v.swapped))
	case v.swapped >= 0:
		j.add(severityInfo, "swap", "%v in use", unit.Bytes(v.swapped))
	}
}

func (v vitals) judgeLoad(j *judgement, cores int) {
	switch {
	case math.IsNaN(v.busy):
		j.add(severityInfo, "other load", "the load of the machine is not seen")
	case v.busy > tooBusyFraction:
		j.add(severityBlocker, "other load", "other programs keep %.0f %% of the processor busy: stop them", 100*v.busy)
	case v.busy > busyFraction:
		j.add(severityDoubt, "other load", "other programs keep %.0f %% of the processor busy", 100*v.busy)
	default:
		j.add(severityInfo, "other load", "%.0f %% of the processor is busy", 100*v.busy)
	}
	if v.stolen > stolenFraction {
		j.add(severityDoubt, "steal", "the hypervisor gave %.1f %% of the processor to others", 100*v.stolen)
	}
	if v.quota < float64(cores) {
		j.add(severityDoubt, "quota", "a control group allows %.2g of %d cores: long work will be paused to keep to it", v.quota, cores)
	}
}

// judgement collects pre-flight findings.
type judgement []store.Finding

func (j *judgement) add(severity, subject, format string, args ...any) {
	*j = append(*j, store.Finding{When: whenPreflight, Severity: severity, Subject: subject, Text: fmt.Sprintf(format, args...)})
}

// refusal is the error of a strict run, nil when nothing stands in the way.
func refusal(findings []store.Finding) error {
	var reasons []string
	for _, f := range findings {
		if f.Severity == severityBlocker {
			reasons = append(reasons, f.Subject+": "+f.Text)
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return fmt.Errorf("pre-flight, strict: %s; without --strict the run goes on and records this", strings.Join(reasons, "; "))
}
