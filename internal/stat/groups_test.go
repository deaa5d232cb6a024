package stat

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestDriftIsFound(t *testing.T) {
	found, trend := 0, 0
	for seed := range uint64(1000) {
		rng, v := Rand(seed), make([]float64, 25)
		for i := range v {
			v[i] = 1 + 0.02*rng.NormFloat64()
		}
		d, err := FindDrift(v, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Found {
			found++
		}
		if d.Trend.P < 0.05 {
			trend++
		}
	}
	if found > 65 || trend > 65 || found < 20 || trend < 20 {
		t.Errorf("without drift, found in %d and trend in %d of 1000; want about 50", found, trend)
	}
	rng, v := Rand(1), make([]float64, 25)
	for i := range v {
		v[i] = 1 + 0.004*float64(i) + 0.01*rng.NormFloat64() // 10 % over the session
	}
	for _, assume := range []Assumption{AssumeNothing, AssumeNormal} {
		d, err := FindDrift(v, Options{Assume: assume})
		if err != nil || !d.Found || !close(d.Relative, 0.065, 0.015) || d.Trend.Tau < 0.5 {
			t.Errorf("%+v, %v", d, err)
		}
	}
	if few, err := FindDrift(v[:7], Options{}); err != nil || len(few.Warnings) == 0 {
		t.Errorf("seven values: %+v, %v", few, err)
	}
}

func TestRelativeMakesLengthsComparable(t *testing.T) {
	got, err := Relative([]int{64, 128, 64, 128, 64, 7}, []float64{1, 10, 2, 30, 3, 0})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0.5, 0.5, 1, 1.5, 1.5, math.NaN()} {
		if got[i] != want && !(math.IsNaN(want) && math.IsNaN(got[i])) {
			t.Errorf("value %d is %v, want %v", i, got[i], want)
		}
	}
}

// observe draws trials in the design of a sweep, complexities rotated over five lengths and
// five repeats, with a true ratio per group and a relative scatter.
func observe(rng *rand.Rand, ratios map[string]float64, scatter float64) []Observation {
	var out []Observation
	names := []string{"low", "medium", "high"}
	for r := range 5 {
		for i, x := range []float64{64, 128, 256, 512, 1024} {
			name := names[(i+r)%3]
			y := (2 + 0.01*x) * ratios[name] * math.Exp(scatter*rng.NormFloat64())
			out = append(out, Observation{Group: name, X: x, Y: y})
		}
	}
	return out
}

func TestGroupIntervalsCover(t *testing.T) {
	truth := map[string]float64{"low": 1, "medium": 1.01, "high": 1.08}
	hits := map[string]int{}
	for seed := range uint64(1000) {
		g, err := CompareGroups(observe(Rand(seed), truth, 0.03), "low", 0.05, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range g.Effects {
			if e.CI.Contains(truth[e.Group]) {
				hits[e.Group]++
			}
		}
	}
	for _, name := range []string{"medium", "high"} {
		if hits[name] < 930 || hits[name] > 970 {
			t.Errorf("%s: covered in %d of 1000", name, hits[name])
		}
	}
}

func TestGroupVerdicts(t *testing.T) {
	for _, c := range []struct {
		high, scatter float64
		want          string
		small         bool // p value
	}{
		{1, 0.01, Equivalent, false},
		{1.02, 0.002, Equivalent, true}, // an effect too small to matter
		{1.2, 0.01, Different, true},
		{1, 0.3, Inconclusive, false},
	} {
		g, err := CompareGroups(observe(Rand(3), map[string]float64{"low": 1, "medium": 1, "high": c.high}, c.scatter), "low", 0.05, Options{})
		if err != nil {
			t.Fatal(err)
		}
		high := g.Effects[0] // names in order: high, medium
		if high.Group != "high" || high.Verdict != c.want || g.P < 0.01 != c.small || g.Freedom != 25-5-2 {
			t.Errorf("ratio %v with scatter %v: %+v, p %v, freedom %d", c.high, c.scatter, high, g.P, g.Freedom)
		}
	}
}

// Exact data gives the exact ratio, however unbalanced, since lengths are taken out.
func TestGroupRatioIsTakenAtTheSameLength(t *testing.T) {
	var obs []Observation
	for i, x := range []float64{10, 100, 1000} {
		for range 1 + 3*i { // the slow group is seen mostly at the longest
			obs = append(obs, Observation{"slow", x, 3 * x})
		}
		for range 7 - 3*i {
			obs = append(obs, Observation{"fast", x, 2 * x})
		}
	}
	g, err := CompareGroups(obs, "fast", 0.05, Options{})
	if err != nil || !close(g.Effects[0].Ratio, 1.5, 1e-9) || g.Effects[0].Verdict != Different {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestGroupsThatCannotBeCompared(t *testing.T) {
	good := observe(Rand(1), map[string]float64{"low": 1, "medium": 1, "high": 1}, 0.01)
	for name, c := range map[string]struct {
		obs       []Observation
		reference string
		margin    float64
	}{
		"none":         {nil, "low", 0.05},
		"no reference": {good, "other", 0.05},
		"one group":    {[]Observation{{"low", 1, 1}, {"low", 1, 2}}, "low", 0.05},
		"margin":       {good, "low", 0},
		"zero cost":    {append([]Observation{{"low", 1, 0}}, good...), "low", 0.05},
		"NaN":          {append([]Observation{{"low", math.NaN(), 1}}, good...), "low", 0.05},
		"apart":        {[]Observation{{"low", 1, 1}, {"low", 1, 2}, {"high", 2, 1}, {"high", 2, 2}}, "low", 0.05},
		"no freedom":   {[]Observation{{"low", 1, 1}, {"high", 1, 2}}, "low", 0.05},
	} {
		if g, err := CompareGroups(c.obs, c.reference, c.margin, Options{}); !errors.Is(err, ErrGroups) {
			t.Errorf("%s: %+v, error %v", name, g, err)
		}
	}
}
