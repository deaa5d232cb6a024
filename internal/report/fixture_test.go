package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// fixture is a synthetic run with known truth, for tests and to look at the report.
type fixture struct {
	run     store.Run
	trials  []store.Trial
	answers []store.Answer
	samples map[int]store.Samples
}

func (f *fixture) of(seq int) (store.Samples, error) {
	s, ok := f.samples[seq]
	if !ok {
		return store.Samples{}, fmt.Errorf("trial %d: %w", seq, store.ErrNotFound)
	}
	return s, nil
}

// truth is what the synthetic machine does.
type truth struct {
	fixed, slope, curve float64 // CPU core-seconds: fixed + slope·n + curve·n²
	noise               float64 // relative
	high                float64 // cost factor of high complexity
	drift               float64 // relative rise over the run
	measured            bool    // the machine has a readable energy counter
	estimated           bool    // and an estimate
	model               string
	repeats             int
}

var plain = truth{
	fixed: 0.52, slope: 0.0041, noise: 0.008, high: 1, estimated: true, model: "shape:smollm2-135m@q8_0", repeats: 5,
}

const (
	fixtureCores = 2
	fixtureRAM   = 8 << 30
	idleCores    = 0.04
	idleRAM      = 1.62e9
	idleWatts    = 3.1
	wattsPerCore = 5.6
)

// newFixture simulates 5 lengths × repeats × 3 complexities in a shuffled order.
func newFixture(t truth) *fixture {
	random := rand.New(rand.NewPCG(7, 7))
	config := store.Config{
		ID: "native/" + t.model, Backend: "native", Model: t.model, Architecture: "llama", Quant: "Q8_0",
		Parameters: 134_515_008, Bytes: 143_072_256, Threads: 2, Kernel: "avx2", Meaningless: true,
		Load: measure.Phase{Name: measure.PhaseLoad, Start: 0, End: 412e6},
	}
	f := &fixture{samples: map[int]store.Samples{}, run: store.Run{
		ID: "20261123T231500-smollm2-135m-7f3a", Created: time.Date(2026, 11, 23, 23, 15, 0, 0, time.UTC), Tool: "0.1.0",
		Plan: []byte(`{"model":["` + "shape:smollm2-135m@q8_0" + `"],"backend":"native","tokens":[64,128,256,512,1024],"output_tokens":16,"repeats":5,` +
			`"complexity":["low","medium","high"],"seed":1,"rate":20,"baseline":{"seconds":3,"timeout":10,"threshold":0.03}}`),
		Machine: store.Machine{
			Hostname: "bench-01", OS: "Debian GNU/Linux 12", Kernel: "6.1.0-31-amd64", Arch: "amd64",
			CPU: "Intel(R) Core(TM) i5-7200U CPU @ 2.50GHz", Cores: fixtureCores,
			Features: []string{"avx", "avx2", "fma", "f16c"}, RAM: fixtureRAM, Governor: "powersave",
		},
		Status: store.StatusComplete, Planned: 15 * t.repeats, Channels: t.channels(), Configs: []store.Config{config},
		Findings: []store.Finding{
			{When: "preflight", Severity: "doubt", Subject: "governor", Text: "the frequency governor is powersave: clocks follow the load; set it with: sudo cpupower frequency-set -g performance"},
			{When: "preflight", Severity: "info", Subject: "load", Text: "load of the last minute is 0.12"},
		},
		Observer: store.Observer{CoreFraction: 0.00072, Ticks: 6214, LateTicks: 9, RateHz: 20},
	}}
	type cell struct {
		x, repeat  int
		complexity string
	}
	var cells []cell
	for _, x := range []int{64, 128, 256, 512, 1024} {
		for r := range t.repeats {
			for _, c := range complexityLevels {
				cells = append(cells, cell{x, r, c})
			}
		}
	}
	random.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	clock := int64(3e12)
	for seq, c := range cells {
		n := float64(c.x)
		cost := (t.fixed + t.slope*n + t.curve*n*n) * (1 + t.noise*random.NormFloat64()) * (1 + t.drift*float64(seq)/float64(len(cells)))
		if c.complexity == "high" {
			cost *= t.high
		}
		trial := t.trial(f.run, config.ID, clock, cost, n, random)
		trial.Seq, trial.X, trial.Repeat, trial.Complexity = seq, c.x, c.repeat, c.complexity
		trial.PromptHash = fmt.Sprintf("%016x", random.Uint64())
		f.samples[seq] = t.series(trial, f.run.Channels, random)
		f.trials = append(f.trials, trial)
		clock = trial.End + 1.2e9
	}
	return f
}

func (t truth) channels() []measure.Channel {
	cs := []measure.Channel{
		{Name: "process.cpu", Source: "proc", Kind: measure.KindCPUTime, Scope: measure.ScopeProcess, Quality: measure.Measured},
		{Name: "system.cpu", Source: "proc", Kind: measure.KindCPUTime, Scope: measure.ScopeSystem, Quality: measure.Measured},
		{Name: "process.rss", Source: "proc", Kind: measure.KindMemory, Scope: measure.ScopeProcess, Quality: measure.Measured},
		{Name: "system.memory", Source: "proc", Kind: measure.KindMemory, Scope: measure.ScopeSystem, Quality: measure.Measured},
		{Name: "cpu.frequency", Source: "cpufreq", Kind: measure.KindFrequency, Scope: measure.ScopePackage, Quality: measure.Measured},
	}
	counter := measure.Channel{Name: "powercap.package-0", Source: "powercap", Kind: measure.KindEnergy, Scope: measure.ScopePackage, Quality: measure.Measured}
	if !t.measured {
		counter.Quality, counter.Reason = measure.Unavailable, "no permission to read /sys/class/powercap/intel-rapl:0/energy_uj; run: sudo chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj"
	}
	cs = append(cs, counter)
	if t.estimated {
		cs = append(cs, measure.Channel{Name: "estimate.cpu", Source: "estimate", Kind: measure.KindEnergy, Scope: measure.ScopePackage,
			Quality: measure.Estimated, Reason: "busy cores × an assumed 5.6 W", Uncertainty: 0.4})
	}
	return cs
}

func (t truth) trial(run store.Run, config string, clock int64, cost, n float64, random *rand.Rand) store.Trial {
	decodeShare := min(0.9, 0.48/cost)
	wall := cost / 1.93
	prefillEnd := clock + int64(wall*(1-decodeShare)*1e9)
	end := clock + int64(wall*1e9)
	measured := func(v float64) store.Figure { return store.Figure{Value: v, Quality: measure.Measured, N: 30} }
	phase := func(share float64) map[string]store.Figure {
		return map[string]store.Figure{
			store.MetricCPUCoreSeconds: measured(cost * share), store.MetricWallSeconds: measured(wall * share),
			store.MetricRAMAUC: measured(0.31 * wall * share),
		}
	}
	trial := store.Trial{
		Run: run.ID, Config: config, TokensIn: int(n), TokensOut: 16, Start: clock, End: end,
		Wall: run.Created.Add(time.Duration(clock - 3e12)),
		Phases: []measure.Phase{
			{Name: measure.PhasePrefill, Start: clock, End: prefillEnd}, {Name: measure.PhaseDecode, Start: prefillEnd, End: end},
		},
		Baselines: []store.Baseline{
			{Channel: "system.cpu", Level: idleCores, Sigma: 0.006, Seconds: 3, Stable: true},
			{Channel: "system.memory", Level: idleRAM, Sigma: 2e6, Seconds: 3, Stable: true},
		},
		PhaseFigures: map[string]map[string]store.Figure{measure.PhasePrefill: phase(1 - decodeShare), measure.PhaseDecode: phase(decodeShare)},
		Figures: map[string]store.Figure{
			store.MetricCPUCoreSeconds: measured(cost), store.MetricCPUAUCCore: measured(cost * 1.004),
			store.MetricCPUAUCPercent: measured(cost * 1.004 / fixtureCores * 100), store.MetricWallSeconds: measured(wall),
			store.MetricRAMAUC:        measured(wall * (0.31 + 0.00004*n) * (1 + 0.004*random.NormFloat64())),
			store.MetricRAMAUCPercent: measured(wall * 3.9), store.MetricPeakRSS: measured(2.1e8 + 5e4*n),
			store.MetricPrefillRate: measured(n / (wall * (1 - decodeShare))), store.MetricDecodeRate: measured(16 / (wall * decodeShare)),
			store.MetricClosure: measured(math.Abs(0.0011 + 0.0006*random.NormFloat64())),
		},
	}
	joules := idleWatts*wall + wattsPerCore*cost
	energy := func(channel string, q measure.Quality, f float64) {
		trial.Figures[store.MetricJoules+channel] = store.Figure{Value: joules * f, Quality: q, Source: channel, Scope: measure.ScopePackage}
		trial.Figures[store.MetricJoulesAdjusted+channel] = store.Figure{Value: wattsPerCore * cost * f, Quality: q, Source: channel, Scope: measure.ScopePackage}
		for name, share := range map[string]float64{measure.PhasePrefill: 1 - decodeShare, measure.PhaseDecode: decodeShare} {
			trial.PhaseFigures[name][store.MetricJoules+channel] = store.Figure{Value: joules * f * share, Quality: q}
		}
	}
	if t.measured {
		energy("powercap.package-0", measure.Measured, 1+0.01*random.NormFloat64())
	}
	if t.estimated {
		energy("estimate.cpu", measure.Estimated, 0.9)
	}
	if len(trial.PromptHash) == 0 && wall < 0.25 {
		trial.Doubts = append(trial.Doubts, "the window is shorter than ten samples")
	}
	return trial
}

// series draws the samples around a trial: idle, busy, idle.
func (t truth) series(trial store.Trial, channels []measure.Channel, random *rand.Rand) store.Samples {
	s := store.Samples{Run: trial.Run, Seq: trial.Seq}
	var times []int64
	for at := trial.Start - 8e8; at < trial.End+6e8; at += 5e7 {
		times = append(times, at+int64(2e5*random.ExpFloat64()))
	}
	busy := trial.Figures[store.MetricCPUCoreSeconds].Value / trial.Figures[store.MetricWallSeconds].Value
	for _, c := range channels {
		if c.Quality == measure.Unavailable {
			continue
		}
		series := measure.Series{Channel: c, T: times}
		level, last := 10.0, times[0]
		for _, at := range times {
			inside := max(0, min(1, float64(min(at, trial.End)-max(last, trial.Start))/5e7))
			cores := inside*busy*(1-0.02*random.Float64()) + 0.001*random.Float64()
			step := float64(at-last) / 1e9
			progress := max(0, min(1, float64(at-trial.Start)/float64(trial.End-trial.Start)))
			v := 0.0
			switch c.Name {
			case "process.cpu":
				level += cores * step
				v = level
			case "system.cpu":
				level += (cores + idleCores*(1+0.2*random.NormFloat64())) * step
				v = level
			case "process.rss":
				v = 1.6e8 + 5e4*float64(trial.TokensIn)*progress
			case "system.memory":
				v = idleRAM + 2e6*random.NormFloat64() + 3.2e8*inside
			case "cpu.frequency":
				v = 8e8 + 2.3e9*inside + 2e7*random.NormFloat64()
			default:
				level += (idleWatts + wattsPerCore*cores) * step
				v = level
			}
			if random.IntN(200) == 0 {
				v = math.NaN()
			}
			series.V, last = append(series.V, v), at
		}
		s.Series = append(s.Series, series)
	}
	return s
}

// answered adds answers to n tasks by every configuration, at every size: right more often the
// more effective pixels the model sees, at a cost that grows with them. Energy is estimated, and
// measured if it is to be.
func (f *fixture) answered(n int, sizes []imaging.Size, measured bool) *fixture {
	random := rand.New(rand.NewPCG(17, 17))
	f.run.Tasks = &store.TaskSet{Name: "builtin:pictures", SHA256: "00", N: n}
	if len(sizes) == 0 {
		sizes = []imaging.Size{{}}
		f.run.Tasks.Name = "builtin:stories"
	}
	for _, c := range f.run.Configs {
		for _, size := range sizes {
			for i := range n {
				a := store.Answer{
					Run: f.run.ID, Seq: len(f.answers), Config: c.ID, Task: fmt.Sprintf("test-1-%d", i), Group: []string{"number", "colour"}[i%2],
					Box: size, Text: "42", TokensIn: 40, TokensOut: 3, Start: 1, End: 2, Wall: time.Unix(1.7e9, 0).UTC(),
				}
				chance, cost := 0.93, 0.31*(1+0.02*random.NormFloat64())
				if size != (imaging.Size{}) {
					layout, err := c.Vision.Layout(size)
					if err != nil {
						panic(err)
					}
					a.Image = &store.Image{Layout: layout, Sequence: layout.Tokens + 2}
					chance = 0.97 - 0.6*math.Exp(-float64(layout.Pixels)/20_000)
					cost *= 1 + float64(layout.Pixels)/10_000
				}
				a.Right = random.Float64() < chance
				figure := func(v float64, q measure.Quality) store.Figure { return store.Figure{Value: v, Quality: q} }
				a.Figures = map[string]store.Figure{
					store.MetricCPUCoreSeconds: figure(cost, measure.Measured), store.MetricWallSeconds: figure(cost/2, measure.Measured),
					store.MetricRAMAUC:                        store.Unavailable("no baseline"),
					store.MetricJoules + "estimate.cpu":       figure(wattsPerCore*cost, measure.Estimated),
					store.MetricJoules + "powercap.package-0": store.Unavailable("no permission"),
				}
				if measured {
					a.Figures[store.MetricJoules+"powercap.package-0"] = figure(6*cost, measure.Measured)
				}
				f.answers = append(f.answers, a)
			}
		}
	}
	return f
}
