package law

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wattlaw/wattlaw/internal/stat"
)

func mustKnee(t *testing.T, points []Point, opt KneeOptions) Knee {
	t.Helper()
	if opt.Resamples == 0 {
		opt.Resamples = 499
	}
	k, err := FitKnee(points, opt)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// kneePoints draws a sweep with noise in proportion to cost.
func kneePoints(seed uint64, xs []float64, k, sd float64, cost func(float64) float64) []Point {
	return kneeSweep(rand.New(rand.NewPCG(seed, 43)), xs, k, sd, cost)
}

var proportional = Options{Noise: NoiseProportional}

func kneeDoubted(k Knee, text string) bool {
	return slices.ContainsFunc(k.Doubts, func(d string) bool { return strings.Contains(d, text) })
}

func TestKneeIsFound(t *testing.T) {
	for _, shape := range []struct {
		name string
		cost func(float64) float64
	}{{Linear, linearCost}, {Quadratic, quadraticCost}} {
		for _, at := range []float64{350, 400, 640} {
			for _, sd := range []float64{0.01, 0.03, 0.1} {
				t.Run(fmt.Sprintf("%s/%g/%g", shape.name, at, sd), func(t *testing.T) {
					k := mustKnee(t, kneePoints(4, kneeGrid12, at, sd, shape.cost), KneeOptions{Options: Options{Noise: NoiseProportional, Level: 0.99}, Predicted: at})
					if !k.Found || !k.Agrees || k.P > 0.01 || k.TooCoarse {
						t.Fatalf("%s\n%+v", k.Text("pixels", "cost"), k)
					}
					near(t, "knee", k.At.Value, at, 4*sd+0.001)
					near(t, "flat", k.Flat.Value, shape.cost(at), 2*sd)
					near(t, "cost above", k.Cost(2000), k.Flat.Value, 1e-9)
					near(t, "cost below", k.Cost(150), shape.cost(150), 3*sd)
					if shape.name == Quadratic && sd < 0.1 && k.Shape != Quadratic {
						t.Errorf("shape %s", k.Shape)
					}
					if at < 500 && sd == 0.01 && k.FlatVerdict != stat.Equivalent {
						t.Errorf("flat slope %+v is %s", k.FlatSlope, k.FlatVerdict)
					}
				})
			}
		}
	}
}

// With no scatter the knee is found exactly, wherever it lies.
func TestExactKnee(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Float64Range(260, 690).Draw(t, "knee")
		b, c := rapid.Float64Range(0.001, 0.1).Draw(t, "b"), rapid.SampledFrom([]float64{0, 1e-5, 1e-4}).Draw(t, "c")
		cost := func(u float64) float64 { return 1 + b*u + c*u*u }
		k, err := FitKnee(kneePoints(1, kneeGrid12, at, 0, cost), KneeOptions{Options: Options{Resamples: 100}, Predicted: at})
		if err != nil || !k.Found || math.Abs(k.At.Value-at) > 1e-6*at || !(k.At.CI.Width() < 1e-3*at) {
			t.Fatalf("%+v, %v, want %v", k.At, err, at)
		}
	})
}

func TestNoKneeHere(t *testing.T) {
	for _, c := range []struct {
		name, doubt string
		k           float64
		cost        func(float64) float64
	}{
		{"growing all over", "not told from", 1e9, linearCost},
		{"growing ever faster", "not told from", 1e9, quadraticCost},
		{"knee beyond the largest", "not below the largest x", 1300, linearCost},
		{"flat all over", "", 0, linearCost},
		{"falling", "does not grow", 1e9, func(u float64) float64 { return 20 - 0.01*u }},
		{"a smooth curve that levels off", "without a knee fits better", 1e9, func(u float64) float64 { return math.Pow(u, 0.4) }},
	} {
		k := mustKnee(t, kneePoints(2, kneeGrid12, c.k, 0.01, c.cost), KneeOptions{Options: proportional, Predicted: 1300})
		if k.Found || k.Agrees || !kneeDoubted(k, c.doubt) || !strings.HasPrefix(k.Text("pixels", "cost"), "No knee") {
			t.Errorf("%s: %s\n%+v", c.name, k.Text("pixels", "cost"), k)
		}
	}
}

func TestKneeWhereItIsNotPredicted(t *testing.T) {
	k := mustKnee(t, kneePoints(3, kneeGrid12, 350, 0.01, linearCost), KneeOptions{Options: proportional, Predicted: 500})
	if !k.Found || k.Agrees || !kneeDoubted(k, "leaves out the predicted 500") || !strings.Contains(k.Text("pixels", "cost"), "not where predicted") {
		t.Errorf("%s %q", k.Text("pixels", "cost"), k.Doubts)
	}
	if k.Gap != (Interval{Lo: 330, Hi: 400}) {
		t.Errorf("gap %v", k.Gap)
	}
}

// One trial in which something else ran widens the interval and is named; the knee stays.
func TestKneeWithOutliers(t *testing.T) {
	points := kneePoints(5, kneeGrid12, 350, 0.01, linearCost)
	clean := mustKnee(t, points, KneeOptions{Options: proportional})
	points[3].Y *= 1.5
	points[34].Y *= 1.4
	k := mustKnee(t, points, KneeOptions{Options: proportional, Predicted: 350})
	if !k.Agrees || k.At.CI.Width() < 2*clean.At.CI.Width() {
		t.Errorf("%+v, without outliers %+v", k.At, clean.At)
	}
	for _, want := range []string{"trial 4 (x = 200", "trial 35 (x = 900"} {
		if !kneeDoubted(k, want) {
			t.Errorf("no doubt names %s: %q", want, k.Doubts)
		}
	}
}

// Below a floor small images are enlarged: their cost is that of the floor.
func TestKneeWithFloor(t *testing.T) {
	cost := func(u float64) float64 { return quadraticCost(max(u, 130)) }
	points := kneePoints(6, append([]float64{20}, kneeGrid12...), 350, 0.01, cost)
	k := mustKnee(t, points, KneeOptions{Options: proportional, Predicted: 350, Floor: 130})
	if !k.Agrees || k.Shape != Quadratic || k.X.Lo != 20 || kneeDoubted(k, "floor") {
		t.Errorf("%s\n%+v", k.Text("pixels", "cost"), k)
	}
	near(t, "cost below the floor", k.Cost(20), quadraticCost(130), 0.02)
	if k = mustKnee(t, points, KneeOptions{Options: proportional}); !kneeDoubted(k, "raised to a floor") {
		t.Errorf("a floor that was not given: %q", k.Doubts)
	}
}

// Sizes are rounded to whole patches, so that costs repeat but lie off the curve by a few per
// cent: then trials are no independent values.
func TestKneeWithSteps(t *testing.T) {
	found, covered := 0, 0
	for seed := range uint64(40) {
		points := kneePoints(seed, kneeGrid12, 420, 0.002, quadraticCost)
		rng := rand.New(rand.NewPCG(seed, 47))
		step := map[float64]float64{}
		for _, x := range kneeGrid12 {
			step[x] = 1 + 0.02*rng.NormFloat64()
		}
		for i := range points {
			points[i].Y *= step[points[i].X]
		}
		k := mustKnee(t, points, KneeOptions{Options: Options{Noise: NoiseProportional, Resamples: 199}})
		if k.Unit != UnitX || !kneeDoubted(k, "more than their repeats scatter") {
			t.Fatalf("%+v", k)
		}
		if k.Found {
			found++
		}
		if k.At.CI.Contains(420) {
			covered++
		}
	}
	if found < 38 || covered < 34 {
		t.Errorf("found %d of 40, covered %d", found, covered)
	}
}

func TestCoarseGrids(t *testing.T) {
	for _, c := range []struct {
		name      string
		xs        []float64
		predicted float64
		coarse    bool
		add       []float64
	}{
		{"fine", kneeGrid12, 350, false, nil},
		{"fine, on the grid", kneeGrid12, 400, false, nil},
		{"a wide gap", []float64{50, 100, 150, 200, 800, 1000}, 350, true, []float64{280, 437.5}},
		{"on a grid of doublings", []float64{50, 100, 200, 400, 800, 1600}, 400, true, []float64{320, 500}},
		{"one above", []float64{50, 100, 150, 200, 260, 300, 400}, 350, true, []float64{547}},
		{"one below", []float64{300, 400, 500, 600, 800}, 350, true, []float64{224}},
		{"all below", []float64{50, 100, 150, 200, 250, 300}, 350, true, []float64{437.5, 547}},
	} {
		k := mustKnee(t, kneePoints(7, c.xs, 350, 0.01, linearCost), KneeOptions{Options: proportional, Predicted: c.predicted})
		if k.TooCoarse != c.coarse || kneeDoubted(k, "too coarse") != c.coarse {
			t.Errorf("%s: %+v", c.name, k)
		}
		for _, want := range c.add {
			if !slices.ContainsFunc(k.Add, func(x float64) bool { return math.Abs(x-want) < 1 }) {
				t.Errorf("%s: add %v, want about %v", c.name, k.Add, want)
			}
		}
	}
}

// A knee between two x that lie too far apart is recognised without a prediction as well.
func TestCoarseWithoutPrediction(t *testing.T) {
	k := mustKnee(t, kneePoints(8, []float64{50, 100, 150, 200, 800, 1000}, 350, 0.01, linearCost), KneeOptions{Options: proportional})
	if !k.Found || !k.TooCoarse || k.Gap != (Interval{Lo: 200, Hi: 800}) {
		t.Errorf("%+v", k)
	}
}

// Adding what a grid lacks makes it fine enough.
func TestAddingMendsTheGrid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfNDistinct(rapid.Float64Range(10, 5000), 3, 8, func(x float64) float64 { return x }).Draw(t, "x")
		slices.Sort(xs)
		knee := rapid.Float64Range(10, 5000).Draw(t, "knee")
		xs = append(xs, missing(xs, knee)...)
		slices.Sort(xs)
		if more := missing(xs, knee); len(more) > 0 {
			t.Fatalf("still lacking %v", more)
		}
	})
}

func TestKneeFollowsUnits(t *testing.T) {
	points := kneePoints(9, kneeGrid12, 350, 0.03, quadraticCost)
	base := mustKnee(t, points, KneeOptions{Options: proportional})
	scaled := slices.Clone(points)
	for i := range scaled {
		scaled[i].X *= 1e3
		scaled[i].Y *= 1e-9
	}
	k := mustKnee(t, scaled, KneeOptions{Options: proportional})
	near(t, "knee", k.At.Value, base.At.Value*1e3, 1e-9)
	near(t, "upper end", k.At.CI.Hi, base.At.CI.Hi*1e3, 1e-6)
	near(t, "flat", k.Flat.CI.Lo, base.Flat.CI.Lo*1e-9, 1e-6)
	near(t, "cost", k.Cost(150e3), base.Cost(150)*1e-9, 1e-9)
	near(t, "p", k.P, base.P, 1e-9)
}

func TestKneeRefuses(t *testing.T) {
	good := kneePoints(1, kneeGrid12, 350, 0.01, linearCost)
	bad := slices.Clone(good)
	bad[5].X = math.NaN()
	for name, points := range map[string][]Point{
		"none": nil, "three": good[:3], "x NaN": bad,
		"two sizes": {{1, 1, 1}, {2, 2, 1}, {1, 1.1, 1}, {2, 2.1, 1}},
		"equal":     {{1, 5, 1}, {2, 5, 1}, {3, 5, 1}, {4, 5, 1}},
	} {
		if _, err := FitKnee(points, KneeOptions{}); !errors.Is(err, ErrPoints) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var many []Point
	for i := range maxKneeX + 1 {
		many = append(many, Point{X: float64(i), Y: float64(i), Weight: 1})
	}
	if _, err := FitKnee(many, KneeOptions{}); !errors.Is(err, ErrPoints) || !strings.Contains(err.Error(), "round x") {
		t.Errorf("%d different x: %v", len(many), err)
	}
	if _, err := FitKnee(good, KneeOptions{Floor: 1e6}); !errors.Is(err, ErrPoints) {
		t.Errorf("a floor above all x: %v", err)
	}
	for _, opt := range []KneeOptions{{Predicted: -1}, {Predicted: math.NaN()}, {Floor: math.Inf(1)}, {Options: Options{Level: 3}}, {Options: Options{Noise: "pink"}}} {
		if _, err := FitKnee(good, opt); err == nil {
			t.Errorf("options %+v are accepted", opt)
		}
	}
	if k := (Knee{}); !math.IsNaN(k.Cost(1)) || !math.IsNaN(k.Band(1).Lo) {
		t.Error("a knee never fitted has a cost")
	}
}

// Whatever the numbers, the result is an error or something that JSON can hold and give back.
func TestKneeNeverPanics(t *testing.T) {
	odd := rapid.OneOf(rapid.Float64Range(0, 100), rapid.SampledFrom([]float64{0, 1, 2, 3, 3, 5, 1e25, -1e25, 1e-25, 1e30}))
	rapid.Check(t, func(t *rapid.T) {
		var points []Point
		var groups []string
		for range rapid.IntRange(0, 14).Draw(t, "n") {
			points = append(points, Point{X: odd.Draw(t, "x"), Y: odd.Draw(t, "y"), Weight: rapid.OneOf(rapid.Just(1.0), rapid.Float64Range(1e-6, 1e6)).Draw(t, "w")})
			groups = append(groups, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "group"))
		}
		opt := KneeOptions{Options: Options{Resamples: 100, Noise: rapid.SampledFrom([]Noise{NoiseGiven, NoiseProportional}).Draw(t, "noise")}, Predicted: max(0, odd.Draw(t, "predicted"))}
		if k, err := FitKnee(points, opt); err == nil {
			k.Text("x", "y")
			sameJSON(t, k, &Knee{})
		}
		if c, err := OneCurve(points, groups, opt.Options); err == nil {
			c.Text("x", "y")
			sameJSON(t, c, &Curve{})
		}
	})
}

type fataler interface{ Fatalf(string, ...any) }

// sameJSON writes v, reads it into back and writes that: the same bytes.
func sameJSON(t fataler, v, back any) {
	first, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%+v: %v", v, err)
	}
	if err := json.Unmarshal(first, back); err != nil {
		t.Fatalf("%s: %v", first, err)
	}
	if second, err := json.Marshal(back); err != nil || string(second) != string(first) {
		t.Fatalf("%s becomes %s, %v", first, second, err)
	}
}

func TestKneeJSON(t *testing.T) {
	k := mustKnee(t, kneePoints(1, kneeGrid12, 350, 0.01, quadraticCost), KneeOptions{Options: proportional, Floor: 60})
	b, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	var read Knee
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatal(err)
	}
	if read.Text("x", "y") != k.Text("x", "y") || read.Cost(10) != k.Cost(10) || read.At != k.At || !math.IsNaN(read.Band(1).Lo) {
		t.Errorf("read back %+v, want %+v", read, k)
	}
	none := mustKnee(t, kneePoints(2, kneeGrid8, 1e9, 0.03, linearCost), KneeOptions{Options: proportional})
	if b, err = json.Marshal(none); err != nil || !strings.Contains(string(b), `"hi":null`) {
		t.Fatalf("%s, %v", b, err)
	}
	if err := json.Unmarshal(b, &read); err != nil || !math.IsInf(read.At.CI.Hi, 1) {
		t.Errorf("%+v, %v", read.At, err)
	}
}
