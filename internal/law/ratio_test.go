package law

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
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
