package law

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// curvePoints draws five trials at every x of grid8 around f with relative scatter sd.
func curvePoints(seed uint64, sd float64, f func(x float64) float64) []Point {
	rng := rand.New(rand.NewPCG(seed, 17))
	var points []Point
	for range 5 {
		for _, x := range grid8 {
			points = append(points, Point{X: x, Y: f(x) * (1 + sd*rng.NormFloat64()), Weight: 1})
		}
	}
	return points
}

func line(x float64) float64 { return trueA + trueB*x }

func mustFit(t *testing.T, points []Point, opt Options) Law {
	t.Helper()
	l, err := Fit(points, opt)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func rival(t *testing.T, l Law, kind string) Rival {
	t.Helper()
	i := slices.IndexFunc(l.Rivals, func(r Rival) bool { return r.Kind == kind })
	if i < 0 {
		t.Fatalf("no %s among the rivals %v", kind, l.Rivals)
	}
	return l.Rivals[i]
}

func near(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if !(math.Abs(got-want) <= relative*math.Abs(want)) {
		t.Errorf("%s = %v, want %v within %v", what, got, want, relative)
	}
}

func TestFitRecoversLine(t *testing.T) {
	l := mustFit(t, curvePoints(1, 0.005, line), Options{Noise: NoiseProportional})
	near(t, "a", l.A().Value, trueA, 0.02)
	near(t, "b", l.B().Value, trueB, 0.01)
	near(t, "Theil–Sen", l.TheilSen.Value, trueB, 0.02)
	if l.Best != Linear || l.LinearTo != 1024 || l.LinearFrom != 64 {
		t.Errorf("best %s, linear for %v … %v", l.Best, l.LinearFrom, l.LinearTo)
	}
	if l.N != 40 || l.X != (Interval{Lo: 64, Hi: 1024}) || l.R2 < 0.999 || l.Level != 0.95 {
		t.Errorf("n %d, x %v, R² %v, level %v", l.N, l.X, l.R2, l.Level)
	}
	if len(l.Doubts) != 0 {
		t.Errorf("a clean line leaves doubts: %q", l.Doubts)
	}
	if held := rival(t, l, Linear).HeldOutError; held > 0.01 {
		t.Errorf("held-out error %v of a true line", held)
	}
}

func TestFitRecoversQuadratic(t *testing.T) {
	f := func(x float64) float64 { return 2 + 0.01*x + 2e-5*x*x }
	l := mustFit(t, curvePoints(2, 0.002, f), Options{Noise: NoiseProportional})
	q := rival(t, l, Quadratic)
	near(t, "a", q.Coef["a"], 2, 0.02)
	near(t, "b", q.Coef["b"], 0.01, 0.03)
	near(t, "c", q.Coef["c"], 2e-5, 0.02)
	if l.Best != Quadratic || !doubted(l, "quadratic curve fits better") {
		t.Errorf("best %s, doubts %q", l.Best, l.Doubts)
	}
	if q.HeldOutError > 0.02 || rival(t, l, Linear).HeldOutError < 5*q.HeldOutError {
		t.Errorf("held-out errors: quadratic %v, linear %v", q.HeldOutError, rival(t, l, Linear).HeldOutError)
	}
	if l.LinearTo >= 1024 && l.LinearFrom <= 64 || !doubted(l, "linear holds within 5 % only") {
		t.Errorf("linear for %v … %v, doubts %q", l.LinearFrom, l.LinearTo, l.Doubts)
	}
	if far := l.Predict(4096); !(far.Apart > 0.3) || far.Times != 4 {
		t.Errorf("extrapolation hides the curve: %+v", far)
	}
}

func TestFitRecoversPowerLaw(t *testing.T) {
	for _, p := range []float64{0.5, 1, 1.37, 2.2} {
		l := mustFit(t, curvePoints(3, 0.002, func(x float64) float64 { return 0.03 * math.Pow(x, p) }), Options{Noise: NoiseProportional})
		r := rival(t, l, Power)
		near(t, "p", r.Coef["p"], p, 0.01)
		near(t, "power at 500", r.At(500), 0.03*math.Pow(500, p), 0.01)
		if p != 1 && l.Best != Power {
			t.Errorf("p = %v: best is %s", p, l.Best)
		}
	}
}

// The stretch in which 2 + 0.01·x + c·x² stays within 5 % of the fitted line is found by
// bisection here and by scanning there.
func TestLinearRangeEndsWhereTheCurveLeaves(t *testing.T) {
	l := mustFit(t, curvePoints(4, 0.0005, func(x float64) float64 { return 20 + 0.01*x + 2e-5*x*x }), Options{})
	off := func(x float64) float64 { return deviation(rival(t, l, l.Best).At(x), l.At(x)) }
	for _, end := range []float64{l.LinearFrom, l.LinearTo} {
		inside := off(end) <= withinLinear
		edge := end == l.X.Lo || end == l.X.Hi || math.Abs(off(end)-withinLinear) < 0.005
		if !inside || !edge {
			t.Errorf("end %v: off by %v", end, off(end))
		}
	}
}

func TestOutlierIsNamed(t *testing.T) {
	points := curvePoints(5, 0.005, line)
	points[15].Y *= 1.5 // the last of the second round: x = 1024
	l := mustFit(t, points, Options{Noise: NoiseProportional})
	if !doubted(l, "trial 16 (x = 1024") {
		t.Errorf("doubts %q", l.Doubts)
	}
	near(t, "Theil–Sen", l.TheilSen.Value, trueB, 0.02)
}

func TestRobustSlopeDisagrees(t *testing.T) {
	points := curvePoints(6, 0.001, line)
	for i := range points {
		if points[i].X == 1024 && i%2 == 1 && i < 24 {
			points[i].Y *= 3
		}
	}
	if l := mustFit(t, points, Options{}); l.TheilSen.CI.Contains(l.B().Value) {
		t.Errorf("outliers pull the fit to %v, inside the robust %v", l.B().Value, l.TheilSen.CI)
	}
}

func TestDoubtsOfPoorData(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	var points []Point
	for range 3 {
		for _, x := range []float64{100, 150, 200} {
			points = append(points, Point{X: x, Y: 5 + rng.NormFloat64(), Weight: 1})
		}
	}
	l := mustFit(t, points, Options{})
	for _, want := range []string{"only 3 different x", "fewer than 5 repeats", "factor of 2", "R² is only", "slope's interval"} {
		if !doubted(l, want) {
			t.Errorf("no doubt says %q: %q", want, l.Doubts)
		}
	}
	if got := rival(t, l, Quadratic).HeldOutError; !math.IsNaN(got) {
		t.Errorf("a parabola through two lengths predicts the third: %v", got)
	}
}

func TestDoubtsOfFixedCost(t *testing.T) {
	if l := mustFit(t, curvePoints(1, 0.01, func(x float64) float64 { return 0.01 * x }), Options{Noise: NoiseProportional}); !doubted(l, "fixed cost's interval") {
		t.Errorf("no fixed cost: doubts %q", l.Doubts)
	}
	bent := func(x float64) float64 { return 0.001 * x * math.Sqrt(x) }
	if l := mustFit(t, curvePoints(1, 0.01, bent), Options{}); !doubted(l, "fixed cost is negative") {
		t.Errorf("a curve through zero: doubts %q", l.Doubts)
	}
}

func TestGrowingScatterIsDoubted(t *testing.T) {
	points := curvePoints(9, 0.05, line)
	if l := mustFit(t, points, Options{}); !doubted(l, "scatter grows") {
		t.Errorf("doubts %q", l.Doubts)
	}
	if l := mustFit(t, points, Options{Noise: NoiseProportional}); doubted(l, "scatter") {
		t.Errorf("right weights, doubts %q", l.Doubts)
	}
}

func doubted(l Law, text string) bool {
	return slices.ContainsFunc(l.Doubts, func(d string) bool { return strings.Contains(d, text) })
}

func TestFitRefusesWhatCarriesNoLaw(t *testing.T) {
	good := curvePoints(1, 0.01, line)
	with := func(change func(p *Point)) []Point {
		points := slices.Clone(good)
		change(&points[7])
		return points
	}
	nan := math.NaN()
	for name, points := range map[string][]Point{
		"none":            nil,
		"two":             good[:2],
		"two lengths":     {{1, 1, 1}, {2, 2, 1}, {1, 1.1, 1}, {2, 2.1, 1}},
		"equal costs":     {{1, 5, 1}, {2, 5, 1}, {3, 5, 1}},
		"zeros":           {{0, 0, 1}, {1, 0, 1}, {2, 0, 1}},
		"close x":         {{1e9, 1, 1}, {1e9 + 1, 2, 1}, {1e9 + 2, 3, 1}},
		"weights apart":   {{1, 1, 1e-20}, {2, 2, 1}, {3, 2.5, 1}},
		"x NaN":           with(func(p *Point) { p.X = nan }),
		"y infinite":      with(func(p *Point) { p.Y = math.Inf(1) }),
		"weight NaN":      with(func(p *Point) { p.Weight = nan }),
		"weight 0":        with(func(p *Point) { p.Weight = 0 }),
		"weight negative": with(func(p *Point) { p.Weight = -1 }),
		"y huge":          with(func(p *Point) { p.Y = 1e300 }),
		"x tiny":          with(func(p *Point) { p.X = 1e-300 }),
	} {
		if l, err := Fit(points, Options{}); !errors.Is(err, ErrPoints) {
			t.Errorf("%s: law %v, error %v", name, l.Coef, err)
		}
	}
	for _, opt := range []Options{{Level: 2}, {Level: nan}, {Resamples: -1}, {Resamples: 1 << 40}, {Noise: "pink"}} {
		if _, err := Fit(good, opt); err == nil {
			t.Errorf("options %+v are accepted", opt)
		}
	}
	if _, err := Fit(with(func(p *Point) { p.Y = -1000 }), Options{Noise: NoiseProportional}); !errors.Is(err, ErrPoints) {
		t.Errorf("a negative cost has proportional noise: %v", err)
	}
}

func TestExactLineHasNoScatter(t *testing.T) {
	l := mustFit(t, curvePoints(1, 0, line), Options{})
	near(t, "a", l.A().Value, trueA, 1e-12)
	near(t, "b", l.B().Value, trueB, 1e-12)
	if l.Best != Linear || l.A().CI.Width() > 1e-9 {
		t.Errorf("best %s, a %+v", l.Best, l.A())
	}
}

// Costs that scatter at one length only, and there evenly about the line, bound neither
// coefficient: an interval of no width would be a lie.
func TestScatterAtOneLengthIsNoInterval(t *testing.T) {
	points := []Point{{1, 1, 1}, {2, 1.5, 1}, {2, 2.5, 1}, {3, 3, 1}, {4, 4, 1}}
	if l, err := Fit(points, Options{}); !errors.Is(err, ErrPoints) || !strings.Contains(err.Error(), "add repeats") {
		t.Errorf("%+v, %v", l.Coef, err)
	}
}

func TestSameSeedSameLaw(t *testing.T) {
	points := curvePoints(1, 0.02, line)
	a, b := mustFit(t, points, Options{Seed: 3}), mustFit(t, points, Options{Seed: 3})
	if a.A() != b.A() || a.B() != b.B() {
		t.Errorf("%+v differs from %+v", a.Coef, b.Coef)
	}
	if c := mustFit(t, points, Options{Seed: 4}); c.A() == a.A() {
		t.Error("another seed gives the same interval")
	}
}

func TestBandAgreesWithCoefficients(t *testing.T) {
	l := mustFit(t, curvePoints(1, 0.02, line), Options{Level: 0.9})
	if l.Band(0) != l.A().CI {
		t.Errorf("band at 0 is %v, a's interval %v", l.Band(0), l.A().CI)
	}
	wide := mustFit(t, curvePoints(1, 0.02, line), Options{Level: 0.99})
	if wide.Band(500).Width() <= l.Band(500).Width() {
		t.Error("the 99 % band is not wider than the 90 % band")
	}
	if got := (Law{}).Band(1); !math.IsNaN(got.Lo) || !math.IsNaN((Law{}).At(1)) {
		t.Error("a law never fitted has a value")
	}
}

// Units do not matter: scaling x and y scales the law and nothing else.
func TestFitFollowsUnits(t *testing.T) {
	points := curvePoints(1, 0.02, line)
	base := mustFit(t, points, Options{})
	for _, s := range []struct{ x, y float64 }{{1e-6, 1e9}, {1e12, 1e-15}, {1024, 1}} {
		scaled := slices.Clone(points)
		for i := range scaled {
			scaled[i].X *= s.x
			scaled[i].Y *= s.y
		}
		l := mustFit(t, scaled, Options{})
		near(t, "a", l.A().Value, base.A().Value*s.y, 1e-9)
		near(t, "b", l.B().Value, base.B().Value*s.y/s.x, 1e-9)
		near(t, "b lo", l.B().CI.Lo, base.B().CI.Lo*s.y/s.x, 1e-6)
		if l.Best != base.Best {
			t.Errorf("best %s becomes %s", base.Best, l.Best)
		}
	}
}

// The solver agrees with gonum's QR on random weighted problems.
func TestSolverAgainstGonum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(6, 30).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "k")
		rng := stat.Rand(rapid.Uint64().Draw(t, "seed"))
		cols, w, y := make([][]float64, k), make([]float64, n), make([]float64, n)
		A, b := mat.NewDense(n, k, nil), mat.NewVecDense(n, nil)
		for i := range n {
			w[i], y[i] = 0.1+rng.Float64(), rng.NormFloat64()
			b.SetVec(i, y[i]*math.Sqrt(w[i]))
		}
		for j := range cols {
			cols[j] = make([]float64, n)
			for i := range n {
				cols[j][i] = rng.NormFloat64()
				A.Set(i, j, cols[j][i]*math.Sqrt(w[i]))
			}
		}
		p, err := newWLS(cols, w)
		if err != nil {
			t.Fatal(err)
		}
		coef, _ := p.solve(y)
		var want mat.VecDense
		if err := want.SolveVec(A, b); err != nil {
			t.Skip(err)
		}
		for j := range coef {
			if math.Abs(coef[j]-want.AtVec(j)) > 1e-8*(1+math.Abs(want.AtVec(j))) {
				t.Fatalf("coefficient %d is %v, gonum says %v", j, coef[j], want.AtVec(j))
			}
		}
		var leverage float64
		for _, h := range p.h {
			leverage += h
		}
		if math.Abs(leverage-float64(k)) > 1e-9 {
			t.Fatalf("leverages add up to %v, want %d", leverage, k)
		}
	})
}

// Whatever the numbers, Fit ends in an error or in a law that JSON can hold.
func TestFitNeverPanics(t *testing.T) {
	odd := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-10, 10), rapid.SampledFrom([]float64{0, 1, 2, 64, 1024, 1e30, -1e30, 1e-30, math.MaxFloat64, math.Inf(1), math.NaN()}))
	tame := rapid.OneOf(rapid.Float64Range(0, 100), rapid.SampledFrom([]float64{0, 1, 2, 3, 1e25, -1e25, 1e-25}))
	rapid.Check(t, func(t *rapid.T) {
		number, weight := odd, odd
		if rapid.IntRange(0, 3).Draw(t, "tame") > 0 {
			number, weight = tame, rapid.OneOf(rapid.Just(1.0), rapid.Float64Range(1e-6, 1e6))
		}
		var points []Point
		var pairs []Point2
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			p := Point{X: number.Draw(t, "x"), Y: number.Draw(t, "y"), Weight: weight.Draw(t, "w")}
			points = append(points, p)
			pairs = append(pairs, Point2{In: p.X, Out: number.Draw(t, "x2"), Y: p.Y, Weight: p.Weight})
		}
		opt := Options{Resamples: 100, Noise: rapid.SampledFrom([]Noise{NoiseGiven, NoiseProportional}).Draw(t, "noise")}
		if l, err := Fit(points, opt); err == nil {
			if _, err := json.Marshal(l); err != nil {
				t.Fatalf("law %+v: %v", l, err)
			}
		}
		if l, err := FitTwo(pairs, opt); err == nil {
			if _, err := json.Marshal(l); err != nil {
				t.Fatalf("law %+v: %v", l, err)
			}
		}
	})
}

func TestRivalJSONKeepsAbsence(t *testing.T) {
	want := Rival{Kind: Power, Coef: map[string]float64{"k": 1, "p": 2}, AICc: math.Inf(1), R2: 0.5, HeldOutError: math.NaN()}
	b, err := json.Marshal(want)
	if err != nil || !strings.Contains(string(b), `"held_out_error":null`) {
		t.Fatalf("%s, %v", b, err)
	}
	var got Rival
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(got.HeldOutError) || !math.IsNaN(got.AICc) || got.R2 != 0.5 || got.Coef["p"] != 2 {
		t.Errorf("read back %+v", got)
	}
}
