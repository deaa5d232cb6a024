package compress

import (
	"context"
	"fmt"
)

const (
	// atLeast is the share of its uniform budget that every site gets, however little it is foreseen to
	// suffer: such forecasts are of cuts made alone.
	atLeast = 0.5
	// rehearsal is the part of the calibration that forecasts and comparisons are made on.
	rehearsal = 4
	// searches halve the range of shares that a goal of quality may end in.
	searches = 6
)

// budgets shares a budget among the sites: by what a probe foresees, unless that is worse than the same
// share for all when both are tried on a part of the calibration.
func (c *compressor) budgets(ctx context.Context, data Calibration, budget float64) ([]float64, error) {
	uniform := c.uniform(budget)
	if !c.allocates() || budget >= c.dense() {
		return uniform, nil
	}
	some := c.rehearse(data)
	units, _, err := c.probe(ctx, some, []float64{budget / c.dense()})
	if err != nil {
		return nil, err
	}
	allocated, err := c.allocated(units, budget)
	if err != nil {
		return nil, err
	}
	var kl [2]float64
	for i, budgets := range [][]float64{uniform, allocated} {
		_, r, err := c.trial(ctx, some, budgets)
		if err != nil {
			return nil, err
		}
		kl[i] = r.Held.KL
	}
	if kl[1] < kl[0] {
		return allocated, nil
	}
	return uniform, nil
}

// allocates says whether budgets follow a probe; one of plain cuts would foresee nothing.
func (c *compressor) allocates() bool { return c.does(Allocation) && c.does(Whiten) && c.Sites == 0 }

// dense is the price of all sites as they are.
func (c *compressor) dense() (n float64) {
	for _, s := range c.sites {
		n += c.Goal.price()(s.dense)
	}
	return n
}

// allocated shares a budget by what is foreseen.
func (c *compressor) allocated(units []Unit, budget float64) ([]float64, error) {
	price := c.Goal.price()
	chosen, err := Allocate(units, budget, price, atLeast)
	if err != nil {
		return nil, err
	}
	budgets := make([]float64, len(units))
	for i, u := range units {
		if budgets[i] = price(u.Dense); chosen[i] >= 0 {
			budgets[i] = price(u.Choices[chosen[i]])
		}
	}
	return budgets, nil
}

// rehearse returns a part of the calibration that still has as many rows as is asked of all.
func (c *compressor) rehearse(data Calibration) Calibration {
	if some := data.part(rehearsal); c.check(some) == nil {
		return some
	}
	return data
}

// trial is a run that keeps nothing.
func (c *compressor) trial(ctx context.Context, data Calibration, budgets []float64) (Pair, *Report, error) {
	work, doing := c.work, c.doing
	c.work, c.doing = "", "try"
	defer func() { c.work, c.doing = work, doing }()
	return c.run(ctx, data, budgets)
}

// search finds the least budget at which the model is still good enough, by halving, with trials on a part
// of the calibration; one probe serves them all.
func (c *compressor) search(ctx context.Context, data Calibration) ([]float64, error) {
	some := c.rehearse(data)
	var units []Unit
	var err error
	if c.allocates() {
		if units, _, err = c.probe(ctx, some, []float64{0.5}); err != nil {
			return nil, err
		}
	}
	share := func(budget float64) ([]float64, error) {
		if units == nil {
			return c.uniform(budget), nil
		}
		return c.allocated(units, budget)
	}
	var lo float64
	for _, s := range c.sites {
		lo += c.least(s)
	}
	hi := c.dense()
	best := c.uniform(hi)
	for range searches {
		middle := (lo + hi) / 2
		budgets, err := share(middle)
		if err != nil {
			return nil, err
		}
		out, r, err := c.trial(ctx, some, budgets)
		if err != nil {
			return nil, err
		}
		good, err := c.good(ctx, out, r)
		if err != nil {
			return nil, err
		}
		if c.Tried != nil {
			c.Tried(r, good)
		}
		if good {
			hi, best = middle, budgets
		} else {
			lo = middle
		}
	}
	return best, nil
}

// good says whether a trial is near enough to the original.
func (c *compressor) good(ctx context.Context, out Pair, r *Report) (bool, error) {
	if c.Accept != nil {
		good, err := c.Accept(ctx, out)
		if err != nil {
			return false, fmt.Errorf("judge a trial: %w", err)
		}
		return good, nil
	}
	return r.Held.KL <= c.Goal.KL, nil
}
