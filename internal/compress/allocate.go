package compress

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Choice is one way to store and compute a unit, with what it costs.
type Choice struct {
	Rank              int
	Parameters, Bytes int64
	MulAdds           int64   // per token
	Seconds           float64 // per token
	Loss              float64 // the change of the KL divergence that is foreseen, nats per token
}

// Unit is what is cut as one: a layer, layers that share a factor, a feed-forward network.
type Unit struct {
	Name    string
	Dense   Choice
	Choices []Choice // ascending in cost; Dense may always be chosen instead
}

// dense stands for Unit.Dense in an allocation.
const dense = -1

// Allocate shares a budget, in units of price, among units: from the cheapest choice of each it takes
// the steps that save most loss per price, along the lower convex hull of a unit's choices. Where all
// steps that are worth taking fit, or all cost the same, no other allocation loses less; else it may
// be off by less than one step (Dantzig, "Discrete-variable extremum problems", 1957).
//
// A unit gets at least the share floor of what Uniform would give it, which keeps layers alive whose
// loss is foreseen badly; where its choices are too coarse for that within the budget, half of it, a
// quarter …. Without a floor a larger budget never loses more. It returns an index into Choices for
// each unit, −1 for Dense, and errs when the cheapest choices exceed the budget.
func Allocate(units []Unit, budget float64, price func(Choice) float64, floor float64) ([]int, error) {
	menus, all, err := newMenus("allocate", units, budget, price)
	if err != nil {
		return nil, err
	}
	if !(floor >= 0 && floor <= 1) {
		return nil, fmt.Errorf("allocate: a floor of %v of the uniform share: want a number from 0 to 1", floor)
	}
	var hulls [][]item
	spent := math.Inf(1)
	for ; spent > budget; floor /= 2 {
		if floor < 1e-3 {
			floor = 0
		}
		hulls, spent = hulls[:0], 0
		for _, m := range menus {
			h := hull(m.from(floor * min(1, budget/all.dense) * m.dense))
			hulls, spent = append(hulls, h), spent+h[0].price
		}
	}
	return climb(hulls, budget-spent), nil
}

// climb takes steps along hulls, the best first, while they fit: one that does not ends its hull.
func climb(hulls [][]item, left float64) []int {
	type step struct {
		unit, to    int
		cost, saves float64 // saves per cost
	}
	var steps []step
	for u, h := range hulls {
		saves := math.Inf(1)
		for to := 1; to < len(h); to++ {
			cost := h[to].price - h[to-1].price
			saves = min(saves, (h[to-1].loss-h[to].loss)/cost) // falls but for rounding
			steps = append(steps, step{u, to, cost, saves})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(b.saves, a.saves) })
	at := make([]int, len(hulls))
	for _, s := range steps {
		if at[s.unit] == s.to-1 && s.cost <= left {
			at[s.unit], left = s.to, left-s.cost
		}
	}
	chosen := make([]int, len(hulls))
	for u, h := range hulls {
		chosen[u] = h[at[u]].choice
	}
	return chosen
}

// Uniform gives every unit the same share of its dense price, the largest whose choices, rounded down
// to what a unit offers, keep within the budget. It returns what Allocate does.
func Uniform(units []Unit, budget float64, price func(Choice) float64) ([]int, error) {
	menus, _, err := newMenus("share uniformly", units, budget, price)
	if err != nil {
		return nil, err
	}
	shares := []float64{0}
	for _, m := range menus {
		for _, it := range m.items {
			shares = append(shares, it.price/m.dense)
		}
	}
	slices.Sort(shares)
	over := func(share float64) bool {
		sum := 0.0
		for _, m := range menus {
			sum += m.under(share).price
		}
		return sum > budget
	}
	first, _ := slices.BinarySearchFunc(shares, true, func(share float64, _ bool) int {
		if over(share) {
			return 0
		}
		return -1
	})
	chosen := make([]int, len(menus))
	for u, m := range menus {
		chosen[u] = m.under(shares[max(first-1, 0)]).choice
	}
	return chosen, nil
}

// item is a choice by its figures alone.
type item struct {
	choice      int
	price, loss float64
}

// menu is what a unit offers: items that rise in price, the last of them dense. None is dearer.
type menu struct {
	items []item
	dense float64 // price of that
}

// newMenus reads units, and sums up the prices of their cheapest and dense choices.
func newMenus(doing string, units []Unit, budget float64, price func(Choice) float64) ([]menu, menuSums, error) {
	var list []menu
	var sums menuSums
	if math.IsNaN(budget) {
		return nil, sums, fmt.Errorf("%s: the budget is not a number", doing)
	}
	for _, u := range units {
		whole := item{dense, price(u.Dense), u.Dense.Loss}
		if !(whole.price > 0) || math.IsInf(whole.price, 0) || math.IsNaN(whole.loss) {
			return nil, sums, fmt.Errorf("%s: unit %s costs %v whole, and loses %v: want a price above 0", doing, u.Name, whole.price, whole.loss)
		}
		m := menu{dense: whole.price}
		for i, c := range u.Choices {
			it := item{i, price(c), c.Loss}
			if !(it.price >= 0) || math.IsNaN(it.loss) || math.IsInf(it.loss, 0) {
				return nil, sums, fmt.Errorf("%s: choice %d of unit %s costs %v and loses %v: want a price from 0 and a finite loss", doing, i, u.Name, it.price, it.loss)
			}
			if it.price < whole.price {
				m.items = append(m.items, it)
			}
		}
		slices.SortStableFunc(m.items, func(a, b item) int { return cmp.Compare(a.price, b.price) })
		m.items = append(m.items, whole)
		list, sums.least, sums.dense = append(list, m), sums.least+m.items[0].price, sums.dense+m.dense
	}
	if sums.least > budget {
		return nil, sums, fmt.Errorf("%s: the cheapest choices of %d units cost %.6g, the budget is %.6g: allow a larger one, or offer lower ranks", doing, len(units), sums.least, budget)
	}
	return list, sums, nil
}

// menuSums are over all units.
type menuSums struct{ least, dense float64 }

// from returns the items of at least a price: the last one always.
func (m menu) from(price float64) []item {
	for i, it := range m.items {
		if it.price >= price {
			return m.items[i:]
		}
	}
	return m.items[len(m.items)-1:]
}

// under returns the dearest item within a share of the dense price, or the cheapest.
func (m menu) under(share float64) item {
	best := m.items[0]
	for _, it := range m.items {
		if it.price/m.dense <= share {
			best = it
		}
	}
	return best
}

// hull returns the items on the lower convex hull of (price, loss), from the cheapest, while the loss
// falls: each step saves less per price than the one before. Items rise in price.
func hull(items []item) []item {
	var h []item
	for _, it := range items {
		if len(h) > 0 && it.loss >= h[len(h)-1].loss {
			continue
		}
		for len(h) > 0 && above(h, it) {
			h = h[:len(h)-1]
		}
		h = append(h, it)
	}
	return h
}

// above says whether the last item of h lies above the line from the one before to next, or costs as
// much as next.
func above(h []item, next item) bool {
	last := h[len(h)-1]
	if last.price >= next.price {
		return true
	}
	if len(h) < 2 {
		return false
	}
	before := h[len(h)-2]
	return (before.loss-last.loss)*(next.price-before.price) < (before.loss-next.loss)*(last.price-before.price)
}
