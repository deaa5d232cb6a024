package bench

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/store"
)

// soundVitals is a machine that nothing can be said against.
func soundVitals() vitals {
	return vitals{
		governors: []string{"performance"}, hottest: 40, total: 8e9, available: 6e9, swapped: 0,
		pressure: 0, busy: 0.01, stolen: 0, quota: math.NaN(), supply: supplyMains,
	}
}

func TestJudge(t *testing.T) {
	cases := map[string]struct {
		change   func(*vitals)
		subject  string
		severity string
		say      string
	}{
		"governor":        {func(v *vitals) { v.governors = []string{"performance", "powersave"} }, "governor", severityDoubt, "powersave"},
		"throttled now":   {func(v *vitals) { v.throttling = "under-voltage" }, "throttling", severityBlocker, "under-voltage"},
		"throttled once":  {func(v *vitals) { v.throttled = "3 times" }, "throttling", severityInfo, "3 times"},
		"hot":             {func(v *vitals) { v.hottest = 80 }, "temperature", severityBlocker, "80.0 °C"},
		"warm":            {func(v *vitals) { v.hottest = 65 }, "temperature", severityDoubt, "65.0 °C"},
		"little memory":   {func(v *vitals) { v.available = 0.5e9 }, "memory", severityBlocker, "available"},
		"memory pressure": {func(v *vitals) { v.pressure = 30 }, "memory", severityBlocker, "30 %"},
		"swap":            {func(v *vitals) { v.swapped = 1e9 }, "swap", severityDoubt, "swapped"},
		"busy":            {func(v *vitals) { v.busy = 0.2 }, "other load", severityDoubt, "20 %"},
		"too busy":        {func(v *vitals) { v.busy = 0.9 }, "other load", severityBlocker, "90 %"},
		"steal":           {func(v *vitals) { v.stolen = 0.03 }, "steal", severityDoubt, "3.0 %"},
		"quota":           {func(v *vitals) { v.quota = 1.5 }, "quota", severityDoubt, "1.5 of 2"},
		"battery":         {func(v *vitals) { v.supply = supplyBattery }, "battery", severityBlocker, "plug it in"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := soundVitals()
			c.change(&v)
			findings := v.judge(store.Machine{Cores: 2})
			for _, f := range findings {
				if f.Subject == c.subject && (f.Severity != c.severity || !strings.Contains(f.Text, c.say)) {
					t.Errorf("%+v; want severity %s and a text with %q", f, c.severity, c.say)
				} else if f.Subject != c.subject && f.Severity != severityInfo {
					t.Errorf("an unrelated %+v", f)
				}
			}
			if find(findings, c.subject) == nil {
				t.Errorf("no finding on %s", c.subject)
			}
			if err := refusal(findings); (err != nil) != (c.severity == severityBlocker) {
				t.Errorf("a strict run is refused with %v", err)
			}
		})
	}
}

func TestJudgeSoundAndUnknown(t *testing.T) {
	nan := math.NaN()
	unknown := vitals{hottest: nan, total: nan, available: nan, swapped: nan, pressure: nan, busy: nan, stolen: nan, quota: nan}
	for name, v := range map[string]vitals{"sound": soundVitals(), "unknown": unknown} {
		findings := v.judge(store.Machine{Cores: 2})
		for _, f := range findings {
			if f.Severity != severityInfo || f.When != whenPreflight || f.Text == "" {
				t.Errorf("%s: %+v; want information only", name, f)
			}
		}
		for _, subject := range []string{"governor", "throttling", "temperature", "memory", "other load", "battery"} {
			if find(findings, subject) == nil {
				t.Errorf("%s: nothing is said about %s", name, subject)
			}
		}
	}
	if f := find(soundVitals().judge(store.Machine{Virtual: "kvm"}), "virtual machine"); f == nil || f.Severity != severityDoubt {
		t.Errorf("a virtual machine: %+v; want a doubt", f)
	}
}

func find(findings []store.Finding, subject string) *store.Finding {
	for i := range findings {
		if findings[i].Subject == subject {
			return &findings[i]
		}
	}
	return nil
}

func TestPreflightOfThisMachine(t *testing.T) {
	ctx := context.Background()
	machine := inventory(ctx, "/")
	if machine.Cores < 1 || machine.RAM < 1<<20 || machine.Arch == "" || machine.OS == "" {
		t.Errorf("inventory %+v lacks what every machine has", machine)
	}
	findings, err := preflight(ctx, "/", machine)
	if err != nil || len(findings) < 6 {
		t.Errorf("%d findings, %v", len(findings), err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := preflight(ended, "/", machine); !errors.Is(err, context.Canceled) {
		t.Errorf("pre-flight after the end of its context: %v", err)
	}
}
