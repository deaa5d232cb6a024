package law

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/stat"
)

func TestRatioNeedsABase(t *testing.T) {
	good := mustFit(t, curvePoints(1, 0.01, line), Options{Noise: NoiseProportional})
	none := mustFit(t, curvePoints(1, 0.01, func(x float64) float64 { return 0.01 * x }), Options{Noise: NoiseProportional})
	if c, err := Ratio(good, good, "b"); err != nil || c.Value != 1 || !c.CI.Contains(1) {
		t.Errorf("a law over itself: %+v, %v", c, err)
	}
	b, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	var read Law
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		"no coefficient":  second(Ratio(good, good, "c")),
		"not told from":   second(Ratio(none, good, "a")),
		"bootstrap draws": second(Ratio(good, read, "b")),
		`"b" in both`:     second(Ratio(good, Law{}, "b")),
	} {
		if !errors.Is(err, ErrRatio) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to say %q", err, want)
		}
	}
}

// Trials of the same prompts share most of their scatter: the ratio of paired laws is as well known
// as the rest of it allows, and covers the truth.
func TestPairedLaws(t *testing.T) {
	const rounds = 60
	var covered, alone [2]float64
	var width, wide float64
	for seed := range uint64(rounds) {
		rng := stat.Rand(seed)
		var base, other []Point
		for _, x := range []float64{64, 128, 256, 512, 1024} {
			for range 5 {
				common := 1 + 0.03*rng.NormFloat64()
				own := func() float64 { return 1 + 0.005*rng.NormFloat64() }
				base = append(base, Point{X: x, Y: (0.5 + 0.004*x) * common * own(), Weight: 1})
				other = append(other, Point{X: x, Y: (0.3 + 0.001*x) * common * own(), Weight: 1})
			}
		}
		opt := Options{Noise: NoiseProportional, Seed: 1, Resamples: 200}
		a, b := mustFit(t, base, opt), mustFit(t, other, opt)
		for i, name := range []string{"a", "b"} {
			ratio, err := PairedRatio(a, b, name)
			if err != nil {
				t.Fatal(err)
			}
			if ratio.CI.Contains([]float64{0.6, 0.25}[i]) {
				covered[i]++
			}
			difference, err := PairedDifference(a, b, name)
			if err != nil {
				t.Fatal(err)
			}
			if difference.CI.Contains([]float64{-0.2, -0.003}[i]) {
				alone[i]++
			}
			if name == "b" {
				width += ratio.CI.Width()
				free, err := Ratio(a, b, name)
				if err != nil {
					t.Fatal(err)
				}
				wide += free.CI.Width()
			}
		}
	}
	for i := range covered {
		if covered[i] < 0.85*rounds || alone[i] < 0.85*rounds {
			t.Errorf("coefficient %d: of %d intervals, %.0f of ratios and %.0f of differences cover", i, rounds, covered[i], alone[i])
		}
	}
	if !(width < 0.5*wide) {
		t.Errorf("paired intervals have %.2f of the width of independent ones", width/wide)
	}
}

func second[T any](_ T, err error) error { return err }

func TestFitTwoRecoversPlane(t *testing.T) {
	var points []Point2
	for i, in := range []float64{64, 256, 1024, 4096} {
		for j, out := range []float64{8, 32, 128} {
			for r := range 5 {
				points = append(points, Point2{In: in, Out: out, Y: (3 + 0.01*in + 0.2*out) * (1 + 0.001*float64((3*r+i+j)%5-2)), Weight: 1})
			}
		}
	}
	l, err := FitTwo(points, Options{Noise: NoiseProportional})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{3, 0.01, 0.2} {
		near(t, l.Coef[i].Name, l.Coef[i].Value, want, 0.005)
		if !l.Coef[i].CI.Contains(want) {
			t.Errorf("%+v leaves out %v", l.Coef[i], want)
		}
	}
	near(t, "at", l.At(1000, 100), 33, 0.002)
	if len(l.Doubts) != 0 || l.N != 60 || l.In.Hi != 4096 || l.Out.Lo != 8 {
		t.Errorf("%+v", l)
	}
	for i := range points {
		points[i].Y += 1e-4 * points[i].In * points[i].Out
	}
	if l, err = FitTwo(points, Options{}); err != nil || !strings.Contains(strings.Join(l.Doubts, "\n"), "c·in·out") {
		t.Errorf("an output token that costs more after a long prompt: %q, %v", l.Doubts, err)
	}
}

func TestFitTwoRefuses(t *testing.T) {
	grid := func(in, out, y func(i int) float64) []Point2 {
		var points []Point2
		for i := range 12 {
			points = append(points, Point2{In: in(i), Out: out(i), Y: y(i), Weight: 1})
		}
		return points
	}
	up := func(i int) float64 { return float64(1 + i) }
	flat := func(int) float64 { return 5 }
	wave := func(i int) float64 { return float64(1 + i*i%7) }
	for want, points := range map[string][]Point2{
		"3 points":             grid(up, wave, up)[:3],
		"predictor 1 does not": grid(flat, up, wave),
		"predictor 2 does not": grid(up, flat, wave),
		"every cost is 5":      grid(up, wave, flat),
		"coefficients apart":   grid(up, func(i int) float64 { return 3 * up(i) }, wave),
		"weight":               append(grid(up, wave, up), Point2{In: 1, Out: 2, Y: 3}),
	} {
		if _, err := FitTwo(points, Options{}); !errors.Is(err, ErrPoints) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to say %q", err, want)
		}
	}
}
