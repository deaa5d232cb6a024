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

// clampedTrials are trials in effective pixels: sizes below a clamp at 500 in one group, and in
// another, which costs off more, two of these and sizes above it, which all come out near 500.
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
		for _, x := range []float64{430, 490, 500, 500.5} {
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
		if !above.Offset.CI.Contains(c.off) || above.N != 20 || above.X != (Interval{Lo: 430, Hi: 500.5}) || above.Shared != 2 {
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

// Groups are compared where they meet, whatever the shape of the curve, and nowhere else.
func TestOneCurveComparesAtEqualX(t *testing.T) {
	change := func(by func(x float64, group string) float64) (Curve, GroupOffset) {
		points, groups := clampedTrials(3, 0.01, 0)
		for i := range points {
			points[i].Y *= by(points[i].X, groups[i])
		}
		c, err := OneCurve(points, groups, Options{Noise: NoiseProportional})
		if err != nil {
			t.Fatal(err)
		}
		return c, c.Groups[slices.IndexFunc(c.Groups, func(o GroupOffset) bool { return o.Group == "above" })]
	}
	// A curve that no polynomial follows, alike in both groups: the same cost at equal x.
	c, above := change(func(x float64, _ string) float64 { return 1 + 0.08*math.Sin(x/40) })
	if !c.One || c.Unit != UnitTrial || !(c.LackP < 1e-6) || above.Offset.CI.Hi-above.Offset.CI.Lo > 0.04 || !strings.Contains(strings.Join(c.Doubts, "\n"), "more than repeats scatter") {
		t.Errorf("a wave: %+v", c)
	}
	// The clamped sizes cost more than any others do, but no other group has their x.
	if c, _ := change(func(x float64, group string) float64 { return map[bool]float64{true: 1.3, false: 1}[x >= 500] }); !c.One {
		t.Errorf("a step where nobody meets: %+v", c)
	}
	// The same step where they meet.
	c, above = change(func(x float64, group string) float64 { return map[bool]float64{true: 1.3, false: 1}[group == "above"] })
	if c.One || above.Verdict != stat.Different || math.Abs(above.Offset.Value-0.3) > 0.02 || !(c.P < 1e-6) {
		t.Errorf("a step where they meet: %+v", c)
	}
	// Differences that vary from x to x leave no trial to trust by itself.
	c, above = change(func(x float64, group string) float64 {
		return map[bool]float64{true: 1.2, false: 1}[group == "above" && x == 430]
	})
	if c.One || c.Unit != UnitX || above.Verdict != stat.Inconclusive {
		t.Errorf("an offset at one x: %+v", c)
	}
}

func TestOneCurveWithoutCommonX(t *testing.T) {
	points, groups := clampedTrials(1, 0.01, 0)
	for i := range points {
		if groups[i] == "above" {
			points[i].X++
		}
	}
	c, err := OneCurve(points, groups, Options{})
	if err != nil || c.One || !math.IsNaN(c.P) || c.Groups[0].Shared != 0 || c.Groups[0].Verdict != stat.Inconclusive || !strings.Contains(strings.Join(c.Doubts, "\n"), "shares no x with another") {
		t.Errorf("%+v, %v", c, err)
	}
	if text := c.Text("effective pixels", "cost"); !strings.Contains(text, "not settled") || strings.Contains(text, "NaN") {
		t.Error(text)
	}
	for i := range points {
		points[i].X = math.Min(points[i].X, 430)
		points[i].Y = -points[i].Y
	}
	if c, err := OneCurve(points, groups, Options{}); err != nil || c.One || !strings.Contains(strings.Join(c.Doubts, "\n"), "not above zero") {
		t.Errorf("negative costs: %+v, %v", c, err)
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
