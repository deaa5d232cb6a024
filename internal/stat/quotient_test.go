package stat

import (
	"errors"
	"math"
	"testing"
)

// pairedCosts draws costs at lengths, where both of a pair share most of their scatter.
func pairedCosts(seed uint64, ratio float64) (base, other []float64, block []int) {
	rng := Rand(seed)
	for k, cost := range []float64{1, 2, 4, 8} {
		for range 5 {
			common := 1 + 0.05*rng.NormFloat64()
			base = append(base, cost*common*(1+0.01*rng.NormFloat64()))
			other = append(other, ratio*cost*common*(1+0.01*rng.NormFloat64()))
			block = append(block, k)
		}
	}
	return base, other, block
}

func TestRatioOfSumsCovers(t *testing.T) {
	const truth, rounds = 0.4, 300
	covered, width := 0, 0.0
	for seed := range uint64(rounds) {
		base, other, block := pairedCosts(seed, truth)
		e, err := RatioOfSums(base, other, block, Options{Resamples: 400})
		if err != nil {
			t.Fatal(err)
		}
		if e.CI.Contains(truth) {
			covered++
		}
		width += e.CI.Width() / rounds
	}
	if share := float64(covered) / rounds; share < 0.9 || share > 0.985 {
		t.Errorf("95 %% intervals cover %.1f %% of the time", 100*share)
	}
	// Were the pairs broken up, the common scatter of 5 % would stand in the interval.
	if width > 0.012 {
		t.Errorf("mean width %.4f: the pairing is lost", width)
	}
}

func TestRatioOfSums(t *testing.T) {
	base, other := []float64{1, 3, 5, 7}, []float64{2, 6, 10, 14}
	for _, block := range [][]int{nil, {0, 0, 1, 1}, {4, 3, 2, 1}} {
		e, err := RatioOfSums(base, other, block, Options{})
		if err != nil || math.Abs(e.Value-2) > 1e-12 || math.Abs(e.CI.Lo-2) > 1e-9 || math.Abs(e.CI.Hi-2) > 1e-9 || e.N != 4 {
			t.Errorf("blocks %v: %+v, %v; want 2 without scatter", block, e, err)
		}
	}
	if e, err := RatioOfSums([]float64{10, 10.5}, []float64{-1, 1}, nil, Options{}); err != nil || !e.CI.Contains(0) {
		t.Errorf("a cost about zero over one that is not: %+v, %v", e, err)
	}
	for name, base := range map[string][]float64{"below zero": {-1, -2}, "about zero": {-1, 1.2}} {
		if _, err := RatioOfSums(base, []float64{1, 1}, nil, Options{}); !errors.Is(err, ErrNoRatio) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := RatioOfSums([]float64{1}, []float64{1}, nil, Options{}); err == nil {
		t.Error("one pair has an interval")
	}
	if _, err := RatioOfSums([]float64{1, 2}, []float64{1, 2}, []int{1}, Options{}); err == nil {
		t.Error("two pairs in one block number")
	}
}
