package stat

import (
	"fmt"
	"math"
)

// Drift says whether values changed over a session.
type Drift struct {
	// Thirds compares the first third of the values (base) with the last (other).
	Thirds Comparison `json:"thirds"`
	// Relative is Thirds.Difference over the center of all values; NaN when that is 0.
	Relative float64 `json:"relative"`
	// Trend is the Mann–Kendall test over all values in order: it also sees slow, steady
	// drift, and little of a bump in the middle.
	Trend    Trend    `json:"trend"`
	Found    bool     `json:"found"` // the thirds differ significantly at the level
	Warnings []string `json:"warnings"`
}

// minDrift is the least number of values in which thirds can differ significantly: with
// fewer than four in each, Mann–Whitney cannot reach 5 %.
const minDrift = 12

// FindDrift compares the first third of values, in order of time, with the last third, and
// tests for a trend over all. The values must be comparable: divide the cost of each trial by
// the median of its length first (Relative does). It assumes independent values, and that
// their order was random (interleaved).
func FindDrift(values []float64, opt Options) (Drift, error) {
	if err := check("drift", values); err != nil {
		return Drift{}, err
	}
	third := len(values) / 3
	if third < 2 {
		return Drift{}, fmt.Errorf("stat: drift: %d values; want at least 6, better %d", len(values), minDrift)
	}
	c, err := Compare(values[:third], values[len(values)-third:], opt)
	if err != nil {
		return Drift{}, err
	}
	order := make([]float64, len(values))
	for i := range order {
		order[i] = float64(i)
	}
	trend, err := Kendall(order, values)
	if err != nil {
		return Drift{}, err
	}
	d := Drift{Thirds: c, Trend: trend, Found: c.Significant(), Warnings: c.Warnings, Relative: math.NaN()}
	center := Median(values)
	if opt.Assume == AssumeNormal {
		center = Mean(values)
	}
	if center != 0 {
		d.Relative = c.Difference / center
	}
	if len(values) < minDrift {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%d values are too few to find drift: %d or more are needed", len(values), minDrift))
	}
	return d, nil
}

// Relative divides each value by the median of the values with the same key, so that trials
// of different length become comparable. Values of a key whose median is 0 become NaN.
func Relative[K comparable](keys []K, values []float64) ([]float64, error) {
	if len(keys) != len(values) {
		return nil, fmt.Errorf("stat: relative: %d keys for %d values", len(keys), len(values))
	}
	groups := map[K][]float64{}
	for i, k := range keys {
		groups[k] = append(groups[k], values[i])
	}
	medians := make(map[K]float64, len(groups))
	for k, g := range groups {
		medians[k] = Median(g)
	}
	out := make([]float64, len(values))
	for i, k := range keys {
		out[i] = math.NaN()
		if m := medians[k]; m != 0 {
			out[i] = values[i] / m
		}
	}
	return out, nil
}
