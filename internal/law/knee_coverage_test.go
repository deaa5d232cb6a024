package law

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

// kneeGrid8 and kneeGrid12 are sizes as sweeps have them, in thousands of pixels.
var (
	kneeGrid8  = []float64{50, 100, 200, 300, 400, 550, 800, 1100}
	kneeGrid12 = []float64{50, 100, 150, 200, 260, 330, 400, 480, 580, 700, 900, 1200}
)

// linearCost and quadraticCost are true costs below the knee.
func linearCost(u float64) float64    { return 1 + 0.01*u }
func quadraticCost(u float64) float64 { return 1 + 0.01*u + 2e-5*u*u }

// kneeSweep draws five trials at every x of cost(min(x, k)) with relative scatter sd.
func kneeSweep(rng *rand.Rand, xs []float64, k, sd float64, cost func(float64) float64) []Point {
	var points []Point
	for range 5 {
		for _, x := range xs {
			points = append(points, Point{X: x, Y: cost(min(x, k)) * (1 + sd*rng.NormFloat64()), Weight: 1})
		}
	}
	return points
}

type kneeCase struct {
	name string
	xs   []float64
	k    float64
	cost func(float64) float64
	sd   float64
}

// study asks for the long simulation behind docs/design/003-knee-intervals.md.
func study() bool { return os.Getenv("WATTLAW_STUDY") != "" }

// kneeCases returns the cases of the test, or of the whole study.
func kneeCases() []kneeCase {
	if !study() {
		return []kneeCase{
			{"linear, between", kneeGrid8, 350, linearCost, 0.03},
			{"quadratic, between", kneeGrid12, 350, quadraticCost, 0.01},
		}
	}
	var out []kneeCase
	for _, xs := range [][]float64{kneeGrid8, kneeGrid12} {
		for _, k := range []float64{350, 400, 640} {
			for _, sd := range []float64{0.01, 0.03, 0.1} {
				out = append(out, kneeCase{"linear", xs, k, linearCost, sd}, kneeCase{"quadratic", xs, k, quadraticCost, sd})
			}
		}
	}
	return out
}

func TestCoverageOfKnee(t *testing.T) {
	for _, c := range kneeCases() {
		t.Run(fmt.Sprintf("%s/%dx5/%g/%g", c.name, len(c.xs), c.k, c.sd), func(t *testing.T) {
			want := map[string]float64{"knee": c.k, "flat": c.cost(c.k), "slope": 0, "at 120": c.cost(120)}
			cover(t, want, func(seed uint64) map[string]Interval {
				rng := rand.New(rand.NewPCG(seed, 31))
				opt := Options{Resamples: 499, Seed: seed, Noise: NoiseProportional}
				k, err := FitKnee(kneeSweep(rng, c.xs, c.k, c.sd, c.cost), KneeOptions{Options: opt})
				if err != nil {
					t.Error(err)
					return nil
				}
				return map[string]Interval{"knee": k.At.CI, "flat": k.Flat.CI, "slope": k.FlatSlope.CI, "at 120": k.Band(120)}
			})
		})
	}
}

// Growth all over holds a knee in 5 % of draws at a level of 95 %, whatever the shape.
func TestKneeFalsePositives(t *testing.T) {
	for _, c := range []kneeCase{
		{"linear", kneeGrid8, 1e9, linearCost, 0.03},
		{"quadratic", kneeGrid12, 1e9, quadraticCost, 0.1},
		{"flat", kneeGrid8, 0, linearCost, 0.03},
	} {
		sets, resamples := 400, 199
		if study() {
			sets, resamples = 2000, 499
		}
		var low, found int
		for seed := range uint64(sets) {
			rng := rand.New(rand.NewPCG(seed, 37))
			opt := Options{Resamples: resamples, Seed: seed, Noise: NoiseProportional}
			k, err := FitKnee(kneeSweep(rng, c.xs, c.k, c.sd, c.cost), KneeOptions{Options: opt})
			if err != nil {
				t.Fatal(err)
			}
			if k.P <= 0.05 {
				low++
			}
			if k.Found {
				found++
			}
		}
		t.Logf("%s: p ≤ 0.05 in %.1f %%, a knee found in %.1f %%", c.name, 100*float64(low)/float64(sets), 100*float64(found)/float64(sets))
		// A true share of 5 % leaves a standard error of 1.1 % in 400 draws.
		if share := float64(low) / float64(sets); share > 0.085 {
			t.Errorf("%s: p ≤ 0.05 in %.1f %% of draws without a knee", c.name, 100*share)
		}
		if found > low {
			t.Errorf("%s: %d knees found, %d with p ≤ 0.05", c.name, found, low)
		}
	}
}
