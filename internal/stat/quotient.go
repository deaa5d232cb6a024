package stat

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrNoRatio is wrapped when a ratio has no bounded value: its base is not told from zero.
var ErrNoRatio = errors.New("stat: no ratio")

// pairedBlock is pairs that are alike: how many, and their means.
type pairedBlock struct{ n, base, other, scale float64 }

// RatioOfSums returns Σ other / Σ base of values that belong together in pairs, such as the costs
// of the same prompts on two configurations, with its percentile bootstrap interval. block says
// which pairs are alike, such as those of one prompt length; nil takes all as alike.
//
// A resample keeps the blocks and deals the pairs' distances from the means of their block anew:
// both of a pair together, relative to the block's mean of base, pooled over all blocks, since
// blocks of few pairs know little of their own scatter, and widened for the means that were
// estimated. Where no block has two pairs, all pairs count as one block.
func RatioOfSums(base, other []float64, block []int, opt Options) (Estimate, error) {
	if len(base) != len(other) || block != nil && len(block) != len(base) {
		return Estimate{}, fmt.Errorf("stat: ratio of %d to %d values in %d blocks", len(other), len(base), len(block))
	}
	opt, err := checkTwo(base, other, 2, opt)
	if err != nil {
		return Estimate{}, err
	}
	out := Estimate{N: len(base), Level: opt.Level, Method: Percentile, Warnings: []string{}}
	blocks, residuals := pairedResiduals(base, other, block)
	if residuals == nil {
		out.Warnings = append(out.Warnings, "one pair per block: what blocks differ in counts as scatter")
		blocks, residuals = pairedResiduals(base, other, nil)
	}
	rng := Rand(opt.Seed)
	draws := make([]float64, opt.Resamples)
	var ok bool
	if out.Value, ok = quotient(blocks, nil); !ok {
		return Estimate{}, fmt.Errorf("%w: the values of base add up to %.3g", ErrNoRatio, Mean(base)*float64(len(base)))
	}
	for i := range draws {
		if draws[i], ok = quotient(blocks, func() [2]float64 { return residuals[rng.IntN(len(residuals))] }); !ok {
			return Estimate{}, fmt.Errorf("%w: the values of base scatter around zero", ErrNoRatio)
		}
	}
	out.CI = PercentileInterval(draws, opt.Level)
	return out, nil
}

// quotient is the ratio of the sums over all blocks, with as many residuals added as there are
// pairs; false where the base is not above zero.
func quotient(blocks []pairedBlock, draw func() [2]float64) (float64, bool) {
	var base, other float64
	for _, b := range blocks {
		base, other = base+b.n*b.base, other+b.n*b.other
		if draw == nil {
			continue
		}
		for range int(b.n) {
			r := draw()
			base, other = base+b.scale*r[0], other+b.scale*r[1]
		}
	}
	return other / base, base > 0
}

// pairedResiduals returns the blocks in order and the distances of all pairs from them; no
// distances where every block has a single pair.
func pairedResiduals(base, other []float64, block []int) (blocks []pairedBlock, residuals [][2]float64) {
	of := func(i int) int {
		if block == nil {
			return 0
		}
		return block[i]
	}
	at := map[int][]int{}
	var order []int
	for i := range base {
		if _, known := at[of(i)]; !known {
			order = append(order, of(i))
		}
		at[of(i)] = append(at[of(i)], i)
	}
	slices.Sort(order)
	for _, key := range order {
		b := pairedBlock{n: float64(len(at[key]))}
		for _, i := range at[key] {
			b.base, b.other = b.base+base[i]/b.n, b.other+other[i]/b.n
		}
		b.scale = 1
		if b.base > 0 {
			b.scale = b.base
		}
		for _, i := range at[key] {
			residuals = append(residuals, [2]float64{(base[i] - b.base) / b.scale, (other[i] - b.other) / b.scale})
		}
		blocks = append(blocks, b)
	}
	n, free := len(residuals), len(residuals)-len(blocks)
	if free == 0 {
		return blocks, nil
	}
	widen := math.Sqrt(float64(n) / float64(free))
	for i := range residuals {
		residuals[i][0] *= widen
		residuals[i][1] *= widen
	}
	return blocks, residuals
}
