package law

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// clampedTrials are trials in effective pixels: sizes below a clamp at 500 in one group, and
// sizes above it, which all come out near 500, in another that costs off more.
func clampedTrials(seed uint64, sd, off float64) (points []Point, groups []string) {
	rng := rand.New(rand.NewPCG(seed, 41))
	add := func(group string, x, more float64) {
		points = append(points, Point{X: x, Y: quadraticCost(x) * (1 + more) * (1 + sd*rng.NormFloat64()), Weight: 1})
		groups = append(groups, group)
	}
	for range 5 {
		for _, x := range []float64{50, 120, 200, 280, 360, 430, 490} {
			add("below", x, 0)
		}
		for _, x := range []float64{485, 492, 500, 500.5} {
			add("above", x, off)
		}
	}
	return points, groups
}

func TestOneCurve(t *testing.T) {
	for _, c := range []struct {
		name    string
		sd, off float64
		one     bool
		verdict string
		text    string
	}{
		{"one curve", 0.02, 0, true, stat.Equivalent, "follows one quadratic curve"},
		{"an offset too small to matter", 0.005, 0.02, true, stat.Equivalent, "follows one"},
		{"above costs more", 0.02, 0.15, false, stat.Different, "does not follow one curve"},
		{"too noisy", 0.2, 0, false, stat.Inconclusive, "not settled"},
	} {
		points, groups := clampedTrials(1, c.sd, c.off)
		got, err := OneCurve(points, groups, Options{Noise: NoiseProportional})
		if err != nil {
			t.Fatal(err)
		}
		above := got.Groups[slices.IndexFunc(got.Groups, func(o GroupOffset) bool { return o.Group == "above" })]
		if got.One != c.one || above.Verdict != c.verdict || !strings.Contains(got.Text("effective pixels", "cost"), c.text) {
			t.Errorf("%s: %+v, %q", c.name, got, got.Text("effective pixels", "cost"))
		}
		if !above.Offset.CI.Contains(c.off) || above.N != 20 || above.X != (Interval{Lo: 485, Hi: 500.5}) {
			t.Errorf("%s: %+v, want an offset of %v", c.name, above, c.off)
		}
		if small := got.P < 0.05; small != (c.off > 0) {
			t.Errorf("%s: p = %v", c.name, got.P)
		}
	}
}

func TestOneCurveCoverage(t *testing.T) {
	cover(t, map[string]float64{"above": 0.03, "below": 1/1.03 - 1}, func(seed uint64) map[string]Interval {
		points, groups := clampedTrials(seed, 0.03, 0.03)
		c, err := OneCurve(points, groups, Options{Noise: NoiseProportional, Resamples: 499, Seed: seed})
		if err != nil {
			t.Error(err)
			return nil
		}
		out := map[string]Interval{}
		for _, o := range c.Groups {
			out[o.Group] = o.Offset.CI
		}
		return out
	})
}

// Means that repeat exactly but lie off every curve leave no trial to trust by itself.
func TestOneCurveWithSteps(t *testing.T) {
	points, groups := clampedTrials(3, 0.001, 0)
	for i := range points {
		if int(points[i].X)%20 == 0 {
			points[i].Y *= 1.06
		}
	}
	c, err := OneCurve(points, groups, Options{Noise: NoiseProportional})
	if err != nil {
		t.Fatal(err)
	}
	if c.Unit != UnitX || !(c.LackP < 1e-6) || c.Worst < 0.02 || !strings.Contains(strings.Join(c.Doubts, "\n"), "more than repeats scatter") {
		t.Errorf("%+v", c)
	}
}

func TestOneCurveRefuses(t *testing.T) {
	points, groups := clampedTrials(1, 0.02, 0)
	bad := slices.Clone(points)
	bad[3].Y = math.NaN()
	for name, err := range map[string]error{
		"no groups":   second(OneCurve(points, nil, Options{})),
		"one group":   second(OneCurve(points, slices.Repeat([]string{"a"}, len(points)), Options{})),
		"not finite":  second(OneCurve(bad, groups, Options{})),
		"few points":  second(OneCurve(points[:2], groups[:2], Options{})),
		"none at all": second(OneCurve(nil, nil, Options{})),
	} {
		if !errors.Is(err, ErrPoints) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOneCurveJSON(t *testing.T) {
	// Three trials leave neither an offset nor a lack of fit to tell.
	c, err := OneCurve([]Point{{1, 1, 1}, {2, 2.1, 1}, {3, 2.9, 1}}, []string{"a", "a", "b"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(c)
	if err != nil || !strings.Contains(string(b), `"lack_p":null`) || c.One {
		t.Fatalf("%s, %v", b, err)
	}
	var read Curve
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(read.LackP) || len(read.Groups) != 2 || read.Groups[0].N != 2 || read.Coef[1].Value != c.Coef[1].Value {
		t.Errorf("read back %+v", read)
	}
}
