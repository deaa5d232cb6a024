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

// imageTruth is what the synthetic machine does with images.
type imageTruth struct {
	clamps  []imaging.Clamp
	sizes   []imaging.Size
	repeats int
	noise   float64
	excess  float64 // relative growth of cost per doubling of nominal pixels above the knee
	reload  bool
	silent  bool // the backend tells neither its preprocessing nor its layouts
}

// sidesOf makes square sizes; builtinSizes are the sides of the built-in plan for images.
func sidesOf(sides ...int) []imaging.Size {
	var sizes []imaging.Size
	for _, side := range sides {
		sizes = append(sizes, imaging.Size{Width: side, Height: side})
	}
	return sizes
}

var builtinSizes = sidesOf(56, 84, 112, 140, 168, 196, 224, 252, 280, 336, 448, 672)

// oneClamp is a clear knee at 224×224, twoClamps the same model under two limits.
var (
	oneClamp  = imageTruth{clamps: []imaging.Clamp{{MaxTokens: 64}}, sizes: builtinSizes, repeats: 2, noise: 0.008}
	twoClamps = imageTruth{
		clamps: []imaging.Clamp{{MaxTokens: 64}, {Policy: imaging.PolicyLongestSide, LongestSide: 448}},
		sizes:  sidesOf(84, 112, 168, 224, 252, 336, 448, 560, 672), repeats: 1, noise: 0.008,
	}
)

func qwenContract(clamp imaging.Clamp) imaging.Contract {
	return imaging.Contract{
		Family: imaging.FamilyDynamic, Patch: 14, Merge: 2, Clamp: clamp, Filter: imaging.FilterBilinear, Pad: true,
		Mean: [3]float32{0.48, 0.46, 0.41}, Std: [3]float32{0.27, 0.26, 0.28},
	}
}

const imageModel = "shape:qwen2-vl-2b@q4_0"

func newImageFixture(t imageTruth) *fixture {
	random := rand.New(rand.NewPCG(11, 11))
	machine := newFixture(truth{fixed: 1, slope: 0, repeats: 1, model: imageModel, estimated: true})
	f := &fixture{run: machine.run, samples: map[int]store.Samples{}}
	f.run.ID = "20261124T101500-qwen2-vl-2b-19ce"
	f.run.Plan = []byte(`{"model":["` + imageModel + `"],"backend":"native","tokens":[32],"output_tokens":4,"repeats":3,"resolutions":["56x56","672x672"],"clamp":["tokens:64"]}`)
	f.run.Configs = nil
	type cell struct {
		config, size, level, repeat int
	}
	var cells []cell
	for i, clamp := range t.clamps {
		contract := qwenContract(clamp)
		id := "native/" + imageModel
		if len(t.clamps) > 1 {
			id += "#" + clamp.String()
		}
		config := machine.run.Configs[0]
		config.ID, config.Architecture, config.Quant, config.Parameters, config.Bytes = id, "qwen2vl", "Q4_0", 2_208_985_600, 1_311_000_000
		config.Clamp, config.Vision = clamp.String(), &contract
		if t.silent {
			config.Vision = nil
		}
		f.run.Configs = append(f.run.Configs, config)
		for j := range t.sizes {
			for level := range complexityLevels {
				for r := range t.repeats {
					cells = append(cells, cell{i, j, level, r})
				}
			}
		}
	}
	f.run.Planned = len(cells)
	random.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	clock := int64(3e12)
	kinds := []string{"gradient", "shapes", "text"}
	for seq, c := range cells {
		trial := t.trial(f.run, f.run.Configs[c.config], t.clamps[c.config], t.sizes[c.size], clock, random)
		trial.Seq, trial.Repeat, trial.Complexity = seq, c.repeat, complexityLevels[c.level]
		trial.Image.Kind = kinds[(c.level+c.repeat)%3]
		trial.PromptHash = fmt.Sprintf("%016x", random.Uint64())
		f.samples[seq] = plain.series(trial, f.run.Channels, random)
		f.trials = append(f.trials, trial)
		clock = trial.End + 1.2e9
	}
	return f
}

// trial costs fixed + b·pixels + c·pixels² of what the model sees: projections, and
// attention over patches.
func (t imageTruth) trial(run store.Run, config store.Config, clamp imaging.Clamp, size imaging.Size, clock int64, random *rand.Rand) store.Trial {
	contract := qwenContract(clamp)
	layout, err := contract.Layout(size)
	if err != nil {
		panic(err) // the fixture's own sizes are sound
	}
	seen := float64(layout.Pixels)
	if knee, limited := contract.Knee(size); limited && float64(size.Pixels()) > knee {
		seen *= 1 + t.excess*math.Log2(float64(size.Pixels())/knee)
	}
	jitter := func() float64 { return 1 + t.noise*random.NormFloat64() }
	costs := []struct {
		name string
		cost float64
	}{
		{measure.PhaseEncode, (0.06 + 21e-6*seen + 6e-12*seen*seen) * jitter()},
		{measure.PhasePrefill, (0.42 + 9e-6*seen) * jitter()},
		{measure.PhaseDecode, 0.62 * jitter()},
	}
	if t.reload {
		costs = append([]struct {
			name string
			cost float64
		}{{measure.PhaseLoad, 0.8 * jitter()}}, costs...)
	}
	trial := store.Trial{
		Run: run.ID, Config: config.ID, X: size.Pixels(), TokensIn: 32 + layout.Tokens + 2, TokensOut: 4, Requests: 1, Start: clock,
		Wall: run.Created.Add(time.Duration(clock - 3e12)), PhaseFigures: map[string]map[string]store.Figure{},
		Baselines: []store.Baseline{
			{Channel: "system.cpu", Level: idleCores, Sigma: 0.006, Seconds: 3, Stable: true},
			{Channel: "system.memory", Level: idleRAM, Sigma: 2e6, Seconds: 3, Stable: true},
		},
		Image: &store.Image{Layout: layout, Sequence: layout.Tokens + 2},
	}
	if t.silent {
		trial.Image = &store.Image{Layout: imaging.Layout{Nominal: size}}
	}
	measured := func(v float64) store.Figure { return store.Figure{Value: v, Quality: measure.Measured, N: 30} }
	amounts := func(cost float64) map[string]store.Figure {
		wall := cost / 1.9
		joules := idleWatts*wall + wattsPerCore*cost
		return map[string]store.Figure{
			store.MetricCPUCoreSeconds: measured(cost), store.MetricCPUAUCCore: measured(cost * 1.004),
			store.MetricCPUAUCPercent: measured(cost * 1.004 / fixtureCores * 100), store.MetricWallSeconds: measured(wall),
			store.MetricRAMAUC:                          measured(1.6 * wall * (1 + 0.004*random.NormFloat64())),
			store.MetricJoules + "estimate.cpu":         {Value: 0.9 * joules, Quality: measure.Estimated},
			store.MetricJoulesAdjusted + "estimate.cpu": {Value: 0.9 * wattsPerCore * cost, Quality: measure.Estimated},
		}
	}
	total, loading := 0.0, 0.0
	for _, c := range costs {
		start := clock + int64(total/1.9*1e9)
		total += c.cost
		if c.name == measure.PhaseLoad {
			loading = c.cost
		}
		trial.Phases = append(trial.Phases, measure.Phase{Name: c.name, Start: start, End: clock + int64(total/1.9*1e9)})
		trial.PhaseFigures[c.name] = amounts(c.cost)
	}
	trial.End = clock + int64(total/1.9*1e9)
	trial.Figures = amounts(total)
	trial.Figures[store.MetricPeakRSS] = measured(1.7e9 + 900*seen)
	trial.Figures[store.MetricPrefillRate] = measured(float64(trial.TokensIn) / (costs[len(costs)-2].cost / 1.9))
	trial.Figures[store.MetricDecodeRate] = measured(4 / (0.62 / 1.9))
	trial.Figures[store.MetricClosure] = measured(math.Abs(0.0011 + 0.0006*random.NormFloat64()))
	if t.reload {
		trial.WithoutLoad = amounts(total - loading)
	}
	return trial
}
