package compress

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tn"
	"github.com/wattlaw/wattlaw/internal/train"
)

// split divides a number of features into n factors that are as equal as its divisors allow, the larger first.
func split(features, n int) (list []int) {
	for ; n > 1; n-- {
		best := 1
		for d := 1; d <= features; d++ {
			root := d
			for range n - 1 {
				root *= d
			}
			if features%d == 0 && root <= features {
				best = d // the largest that is not above the n-th root
			}
			if root > features {
				break
			}
		}
		list, features = append(list, best), features/best
	}
	list = append(list, features)
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// chainSites are those of a layer's matrix product operator.
func (c *compressor) chainSites(s *site, layer int) (list []tn.Site) {
	outs, ins := split(s.rows[layer], c.Sites), split(s.inputs, c.Sites)
	for k := range outs {
		list = append(list, tn.Site{Out: outs[k], In: ins[k]})
	}
	return list
}

// bonds are chi, but where less is the most that can matter.
func bonds(sites []tn.Site, chi int) (list []int) {
	all := 1
	for _, s := range sites {
		all *= s.Out * s.In
	}
	left := 1
	for _, s := range sites[:len(sites)-1] {
		left *= s.Out * s.In
		list = append(list, min(chi, left, all/left))
	}
	return list
}

// chainCost counts what a layer takes as an operator; its rank is the bond.
func (c *compressor) chainCost(s *site, layer, chi int) Choice {
	sites := c.chainSites(s, layer)
	list := bonds(sites, chi)
	n := tn.Parameters(sites, list)
	schedule := tn.Cheaper(sites, list)
	return Choice{Rank: chi, Parameters: n, MulAdds: schedule.MulAdds(), Bytes: n / int64(tensor.F16.BlockValues()) * int64(tensor.F16.BlockBytes())}
}

// chains cuts each of a site's layers to an operator with the widest bonds that its share of the budget allows.
func (c *compressor) chains(s *site, x spectra, budget float64, cut *train.Loaded) (made []model.Replacement, r SiteReport, used Choice, err error) {
	r.Ranks = make([]int, len(s.layers))
	price := c.Goal.price()
	var lost float64
	for i, layer := range s.layers {
		b := bundle{i, i + 1, 0}
		whole := c.cost(s, b)
		left := budget * price(whole) / price(s.dense)
		chi, before := 0, int64(0)
		for next := 1; ; next++ {
			cost := c.chainCost(s, i, next)
			if cost.Parameters == before || float64(cost.Parameters) > worthwhile*float64(whole.Parameters) || next > 1 && price(cost) > left {
				break
			}
			chi, before = next, cost.Parameters
		}
		if chi == 0 {
			used = sum(used, whole)
			continue
		}
		o := x.of(s, b).o
		done := c.clock.time("factorize")
		m, loss, err := o.Chain(c.g64, c.chainSites(s, i), chi)
		done()
		if err != nil {
			return nil, r, used, fmt.Errorf("%s: %w", layer, err)
		}
		replacement := model.Replacement{Layers: []string{layer}}
		if replacement.Tensors, err = model.EncodeMPO(layer, m, tensor.F16); err != nil {
			return nil, r, used, err
		}
		if err := c.set(cut, replacement); err != nil {
			return nil, r, used, err
		}
		r.Ranks[i], lost, used = chi, lost+loss, sum(used, c.chainCost(s, i, chi))
		made = append(made, replacement)
	}
	if whole := x.whole.Losses()[0]; whole > 0 {
		r.Loss = lost / whole
		r.Predicted = r.Loss
	}
	return made, r, used, nil
}

// leastChains is the lowest price of a site's layers as operators.
func (c *compressor) leastChains(s *site) (n float64) {
	price := c.Goal.price()
	for i := range s.layers {
		whole := price(c.cost(s, bundle{i, i + 1, 0}))
		n += min(whole, price(c.chainCost(s, i, 1)))
	}
	return n
}
