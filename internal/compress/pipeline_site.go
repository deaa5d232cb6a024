package compress

import (
	"context"
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/train"
)

// site is what several layers that read one input are cut by.
type site struct {
	at          int // among all
	part, index int // of the part, and of the site in it
	layers      []string
	rows        []int // outputs of each layer
	inputs      int
	types       []tensor.DType // as stored
	dense       Choice
}

// outputs counts those of the layers [i, j).
func (s *site) outputs(i, j int) (n int) {
	for _, rows := range s.rows[i:j] {
		n += rows
	}
	return n
}

// mostOutputs is that of a site that is cut: moments of the words of a vocabulary would take more memory than
// the rest of the model, and heads lose most by a cut.
const mostOutputs = 1 << 16

// findSites lists what can be cut: layers that are stored dense.
func (c *compressor) findSites() {
	for i, p := range c.parts {
		for k, from := range p.Sites {
			s := &site{at: len(c.sites), part: i, index: k, layers: from.Layers, rows: from.Outputs, inputs: from.Inputs}
			for _, layer := range from.Layers {
				t := c.in.tensor(layer + ".weight")
				if t == nil || len(t.Shape) != 2 {
					s = nil
					break
				}
				s.types = append(s.types, t.DType)
				s.dense.Parameters += t.Values()
				s.dense.Bytes += t.Bytes()
			}
			if s != nil && s.outputs(0, len(s.rows)) <= mostOutputs {
				s.dense.MulAdds = s.dense.Parameters
				c.sites = append(c.sites, s)
			}
		}
	}
}

// bundle is layers [first, end) of a site that share a first factor of some rank; rank 0 leaves them dense.
type bundle struct{ first, end, rank int }

// worthwhile is the share of a dense layer's parameters that its factors may have at most.
const worthwhile = 0.9

// step is what ranks are multiples of: what the blocks of formats divide, where the matrix is large enough
// for that to leave a choice.
func (c *compressor) step(s *site, b bundle) int {
	small := min(s.inputs, s.outputs(b.first, b.end))
	switch block := c.factorType(s, b.first, 0).BlockValues(); {
	case block > 32 && small >= 16*block:
		return block
	case block > 1 && small >= 256:
		return 32
	case small >= 64:
		return 8
	}
	return 1
}

// choices lists the ranks that save enough, in rising order.
func (c *compressor) choices(s *site, first, end int) (list []bundle) {
	rows := s.outputs(first, end)
	step := c.step(s, bundle{first, end, 0})
	for rank := step; float64(rank)*float64(s.inputs+rows) <= worthwhile*float64(rows)*float64(s.inputs); rank += step {
		list = append(list, bundle{first, end, rank})
	}
	return list
}

// cost counts what a bundle takes.
func (c *compressor) cost(s *site, b bundle) (n Choice) {
	if b.rank == 0 {
		for i := b.first; i < b.end; i++ {
			t := c.in.tensor(s.layers[i] + ".weight")
			n.Parameters, n.Bytes = n.Parameters+t.Values(), n.Bytes+t.Bytes()
		}
		n.MulAdds = n.Parameters
		return n
	}
	n.Rank = b.rank
	n.Parameters = int64(b.rank) * int64(s.inputs+s.outputs(b.first, b.end))
	n.MulAdds = n.Parameters
	n.Bytes = matrixBytes(c.factorType(s, b.first, s.inputs), b.rank, s.inputs)
	for i := b.first; i < b.end; i++ {
		n.Bytes += matrixBytes(c.factorType(s, i, b.rank), s.rows[i], b.rank)
	}
	return n
}

func matrixBytes(dt tensor.DType, rows, cols int) int64 {
	return int64(rows) * int64(cols/dt.BlockValues()*dt.BlockBytes())
}

// factorType is the type in which a factor of a layer with rows of cols values is stored; that which is
// wanted for 0 columns.
func (c *compressor) factorType(s *site, layer, cols int) tensor.DType {
	dt := s.types[layer]
	if c.Format != nil {
		source := c.in.Language
		if c.encoding(s.part) {
			source = c.in.Encoder
		}
		return model.MixtureOf(source, *c.Format).DType(s.layers[layer]+".weight", cols)
	}
	if cols%dt.BlockValues() == 0 && encodable(dt) {
		return dt
	}
	if cols%tensor.Q8_0.BlockValues() == 0 {
		return tensor.Q8_0
	}
	return tensor.F16
}

// encodable says whether values can be written in a type.
func encodable(dt tensor.DType) bool {
	n := dt.BlockValues()
	return n > 0 && tensor.QuantizeRows(make([]byte, dt.BlockBytes()), dt, make([]float32, n), nil) == nil
}

// SiteReport is what became of the layers that read one input.
type SiteReport struct {
	Layers []string `json:"layers"`
	// Ranks of the layers; 0 is a dense one.
	Ranks []int `json:"ranks"`
	// Features is what a narrowed feed-forward network has; 0 for layers that are factorized.
	Features int `json:"features,omitempty"`
	// Shared says that the layers have one first factor.
	Shared     bool  `json:"shared,omitempty"`
	Parameters int64 `json:"parameters"`
	Dense      int64 `json:"dense"` // parameters of the dense layers
	// Loss is the share of what the layers make that the cut leaves out, by the calibration; 0 where nothing
	// is cut. Predicted is that of the factors before they are rounded.
	Loss      float64 `json:"loss"`
	Predicted float64 `json:"predicted"`
	// Ridge is what was added to the Gram matrix's diagonal, Raised that it had to be more than asked for.
	Ridge  float64 `json:"ridge"`
	Raised bool    `json:"raised,omitempty"`
}

// site cuts the layers of one site to a budget and puts the products into cut.
func (c *compressor) site(ctx context.Context, l *lane, s *site, budget float64, original, cut *train.Loaded) ([]model.Replacement, SiteReport, error) {
	r := SiteReport{Layers: s.layers, Ranks: make([]int, len(s.layers)), Dense: s.dense.Parameters, Parameters: s.dense.Parameters}
	budget += c.carry
	price := c.Goal.price()
	if price(s.dense) <= budget {
		c.carry = budget - price(s.dense)
		return nil, r, nil
	}
	w := stacked(original, s.layers)
	x, err := c.spectra(ctx, l, s, original, cut, w)
	if err != nil {
		return nil, r, err
	}
	r.Ridge, r.Raised = x.whole.o.Ridge.Lambda, x.whole.o.Ridge.Raised
	if c.Sites > 0 {
		made, report, used, err := c.chains(s, x, budget, cut)
		r.Ranks, r.Loss, r.Predicted, r.Parameters = report.Ranks, report.Loss, report.Predicted, used.Parameters
		c.carry = budget - price(used)
		return made, r, err
	}
	bundles := c.choose(s, x, budget)
	used, predicted := c.taken(s, x, bundles)
	var made []model.Replacement
	var lost float64
	for _, b := range bundles {
		if b.rank == 0 {
			continue
		}
		replacement, loss, err := c.replace(s, b, x, cut)
		if err != nil {
			return nil, r, err
		}
		for i := b.first; i < b.end; i++ {
			r.Ranks[i] = b.rank
		}
		r.Shared = b.end-b.first > 1
		made, lost = append(made, replacement), lost+loss
	}
	if whole := x.whole.Losses()[0]; whole > 0 {
		r.Loss, r.Predicted = lost/whole, predicted/whole
	}
	r.Parameters = used.Parameters
	c.carry = budget - price(used)
	return made, r, nil
}

// replace cuts a bundle, puts the product of the factors into cut, and returns their loss.
func (c *compressor) replace(s *site, b bundle, x spectra, cut *train.Loaded) (r model.Replacement, loss float64, err error) {
	f, err := c.factorize(s, b, x.of(s, b))
	if err != nil {
		return r, 0, err
	}
	if r, err = f.encode(s.layers[b.first:b.end]); err != nil {
		return r, 0, err
	}
	return r, f.loss, c.set(cut, r)
}

// taken returns what bundles cost, and what they lose before they are rounded.
func (c *compressor) taken(s *site, x spectra, list []bundle) (cost Choice, loss float64) {
	for _, b := range list {
		cost = sum(cost, c.cost(s, b))
		if b.rank > 0 {
			loss += x.of(s, b).Losses()[b.rank]
		}
	}
	return cost, loss
}

// stacked copies layers' weights into one matrix.
func stacked(p *train.Loaded, layers []string) (w linalg.Matrix) {
	for _, layer := range layers {
		m := p.Weight(layer)
		w.Data = slices.Grow(w.Data, m.Rows*m.Cols)
		for i := range m.Rows {
			w.Data = append(w.Data, m.Data[i*m.Stride:i*m.Stride+m.Cols]...)
		}
		w.Rows, w.Cols = w.Rows+m.Rows, m.Cols
	}
	w.Stride = w.Cols
	return w
}

// spectra are those of a site's layers together, and where there are several of each.
type spectra struct {
	whole   *Spectrum
	singles []*Spectrum
}

// spectra computes what can be lost at which rank.
func (c *compressor) spectra(ctx context.Context, l *lane, s *site, original, cut *train.Loaded, w linalg.Matrix) (x spectra, err error) {
	var m *Moments
	if c.does(Whiten) {
		if m, err = c.moments(ctx, l, s, original, cut, w); err != nil {
			return x, err
		}
	}
	return c.spectraOf(m, s, w, c.does(Anchor))
}

// spectraOf is spectra of known moments, which have targets if it is anchored.
func (c *compressor) spectraOf(m *Moments, s *site, w linalg.Matrix, anchored bool) (x spectra, err error) {
	defer c.clock.time("factorize")()
	o, err := c.objective(m, w, anchored)
	if err != nil {
		return x, err
	}
	if x.whole, err = o.Spectrum(c.g64); err != nil || len(s.layers) == 1 {
		return x, err
	}
	for i, rows := range s.rows {
		one, err := o.Outputs(s.outputs(0, i), rows).Spectrum(c.g64)
		if err != nil {
			return x, err
		}
		x.singles = append(x.singles, one)
	}
	return x, nil
}

// objective is that of a site's layers together.
func (c *compressor) objective(m *Moments, w linalg.Matrix, anchored bool) (*Objective, error) {
	switch {
	case !c.does(Whiten):
		return Plain(w), nil
	case anchored:
		return m.Toward(w, c.Ridge)
	}
	return m.Whitened(w, c.Ridge)
}

// of returns the spectrum of a bundle.
func (x spectra) of(s *site, b bundle) *Spectrum {
	if b.end-b.first == len(s.layers) {
		return x.whole
	}
	return x.singles[b.first]
}

// choose returns the bundles of least loss within a budget, or those that take least where none are.
func (c *compressor) choose(s *site, x spectra, budget float64) []bundle {
	price := c.Goal.price()
	var best []bundle
	var least, taken float64
	take := func(list []bundle) {
		cost, loss := c.taken(s, x, list)
		used := price(cost)
		better := used < taken
		if used <= budget {
			better = taken > budget || loss < least
		}
		if best == nil || better {
			best, least, taken = list, loss, used
		}
	}
	if len(s.layers) == 1 || c.does(Share) {
		for _, b := range c.choices(s, 0, len(s.layers)) {
			take([]bundle{b})
		}
	}
	if len(s.layers) > 1 {
		if list := c.separate(s, x, budget); list != nil {
			take(list)
		}
	}
	if best == nil { // no rank saves enough
		best = []bundle{{0, len(s.layers), 0}}
	}
	return best
}

// separate gives layers first factors of their own: it begins with the least ranks, and raises where that
// takes most off the loss for its price.
func (c *compressor) separate(s *site, x spectra, budget float64) []bundle {
	price := c.Goal.price()
	options := make([][]bundle, len(s.layers))
	at := make([]int, len(s.layers))
	var used float64
	for i := range s.layers {
		if options[i] = c.choices(s, i, i+1); len(options[i]) == 0 {
			options[i] = []bundle{{i, i + 1, 0}}
		}
		used += price(c.cost(s, options[i][0]))
	}
	for {
		best, bestGain, bestPrice := -1, 0.0, 0.0
		for i, list := range options {
			if at[i]+1 >= len(list) {
				continue
			}
			now, next := list[at[i]], list[at[i]+1]
			more := price(c.cost(s, next)) - price(c.cost(s, now))
			losses := x.singles[i].Losses()
			gain := (losses[now.rank] - losses[next.rank]) / max(more, 1e-9)
			if used+more <= budget && (best < 0 || gain > bestGain) {
				best, bestGain, bestPrice = i, gain, more
			}
		}
		if best < 0 {
			break
		}
		at[best]++
		used += bestPrice
	}
	var list []bundle
	for i := range options {
		list = append(list, options[i][at[i]])
	}
	return list
}

// sum adds two costs.
func sum(a, b Choice) Choice {
	return Choice{Parameters: a.Parameters + b.Parameters, Bytes: a.Bytes + b.Bytes, MulAdds: a.MulAdds + b.MulAdds}
}
