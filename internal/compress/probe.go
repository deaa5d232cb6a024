package compress

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/train"
)

// Profile says how sensitive a model's predictions are to the cut of each site alone.
type Profile struct {
	Model       string        `json:"model"`
	Calibration string        `json:"calibration"` // hash of the sequences
	Tokens      int           `json:"tokens"`      // held-out ones that divergence was measured on
	Cuts        []Sensitivity `json:"cuts"`
}

// Sensitivity is what one cut does, everything else being as it was.
type Sensitivity struct {
	Part   string   `json:"part"`
	Layers []string `json:"layers"`
	// Level is the share of the price of the dense layers that was to be kept, Kept the one that was: ranks
	// come in steps.
	Level float64 `json:"level"`
	Kept  float64 `json:"kept"`
	Ranks []int   `json:"ranks"` // of the layers; 0 is a dense one
	// Shared says that the layers have one first factor.
	Shared bool `json:"shared,omitempty"`
	// KL is the mean divergence from the whole model, in nats a token.
	KL      float64 `json:"kl"`
	KLError float64 `json:"kl_error"`
	// Loss is the share of what the layers make that the cut leaves out.
	Loss       float64 `json:"loss"`
	Parameters int64   `json:"parameters"`
	Bytes      int64   `json:"bytes"`
	MulAdds    int64   `json:"mul_adds"`
	// Seconds of a token on this machine, and those of the dense layers; 0 where they were not measured.
	Seconds      float64 `json:"seconds,omitempty"`
	DenseSeconds float64 `json:"dense_seconds,omitempty"`
}

// prober goes through the parts once, with streams of a few held-out sequences that differ in one cut each.
type prober struct {
	*compressor
	calibration, base *train.Stream
	variants          []variant
	units             []Unit // of each site; losses are those of the spectrum until the end
	tokens            int
	cuts              []Sensitivity
}

// variant is the stream behind one cut.
type variant struct {
	cut    int // index of its sensitivity
	site   int
	loss   float64 // by the spectrum
	stream *train.Stream
	head   *train.Loaded // of the last part, where the cut is in there
}

// variantBytes bounds the memory of all variants.
const variantBytes = 256 << 20

// probe measures the divergence that each level does to each site, and returns what every choice of
// theirs is foreseen to do: divergence grows as what a cut leaves out of the layers' outputs, which the
// spectrum knows for every rank.
func (c *compressor) probe(ctx context.Context, data Calibration, levels []float64) ([]Unit, *Profile, error) {
	p := &prober{compressor: c}
	var err error
	if p.calibration, err = c.layered.Begin(data.Sequences); err != nil {
		return nil, nil, err
	}
	if p.base, err = c.layered.Begin(p.few(data.Held, len(c.sites)*len(levels))); err != nil {
		return nil, nil, err
	}
	for i := range c.parts {
		if err := context.Cause(ctx); err != nil {
			return nil, nil, err
		}
		c.tell("probe "+c.parts[i].Name, i)
		if err := p.part(ctx, i, levels); err != nil {
			return nil, nil, fmt.Errorf("probe %s: %w", c.parts[i].Name, err)
		}
	}
	p.foresee()
	return p.units, &Profile{c.in.Language.Name, data.Hash, p.tokens, p.cuts}, nil
}

// few returns as many sequences that predict anything as variants of them have room; if there are images
// in any, in the first.
func (p *prober) few(list []train.Sequence, variants int) []train.Sequence {
	left := variantBytes / (4 * p.width * max(variants, 1))
	list = slices.DeleteFunc(slices.Clone(list), func(s train.Sequence) bool { return !predicts(s) })
	if i := slices.IndexFunc(list, func(s train.Sequence) bool { return len(s.Images) > 0 }); i > 0 {
		list[0], list[i] = list[i], list[0]
	}
	for i, s := range list {
		if left -= len(s.Tokens); left < 0 && i > 0 {
			return list[:i]
		}
	}
	return list
}

// part cuts every site of a part to every level, and advances all streams.
func (p *prober) part(ctx context.Context, i int, levels []float64) error {
	original, err := p.load(i)
	if err != nil {
		return err
	}
	moments, err := p.pass(ctx, i, original)
	if err != nil {
		return err
	}
	last := i == len(p.parts)-1
	behind := len(p.variants)
	for _, s := range p.sites {
		if s.part != i {
			continue
		}
		if err := p.cut(ctx, s, moments[s.index], levels, original, last); err != nil {
			return err
		}
	}
	done := p.clock.time("probe")
	defer done()
	if last {
		return p.measure(ctx, original)
	}
	for _, v := range p.variants[:behind] {
		if err := original.Forward(ctx, v.stream, nil); err != nil {
			return err
		}
	}
	if p.base.Part() == i {
		return original.Forward(ctx, p.base, nil)
	}
	return nil
}

// pass advances the calibration past a part, and returns the moments of its sites.
func (p *prober) pass(ctx context.Context, i int, original *train.Loaded) (list []*Moments, err error) {
	defer p.clock.time("moments")()
	list = make([]*Moments, len(p.parts[i].Sites))
	if p.calibration.Part() != i {
		return list, nil
	}
	sinks := p.sinks(p.calibration)
	for k, s := range p.parts[i].Sites {
		list[k] = NewMoments(s.Inputs, 0)
	}
	return list, original.Forward(ctx, p.calibration, func(site, first int, x linalg.Matrix) error {
		p.buffers[0] = appendRows(p.buffers[0][:0], x, first, sinks)
		return list[site].Add(p.g, linalg.Dense(len(p.buffers[0])/x.Cols, x.Cols, p.buffers[0]), linalg.Matrix{})
	})
}

// cut makes the variants of a site, and lists what it can be cut to.
func (p *prober) cut(ctx context.Context, s *site, m *Moments, levels []float64, original *train.Loaded, last bool) error {
	x, err := p.spectraOf(m, s, stacked(original, s.layers), false)
	if err != nil {
		return err
	}
	p.units = append(p.units, p.unit(s, x))
	price := p.Goal.price()
	whole := x.whole.Losses()[0]
	if p.base.Part() != s.part { // the held-out sequences have no images
		return nil
	}
	for _, level := range levels {
		bundles := p.choose(s, x, level*price(s.dense))
		cost, loss := p.taken(s, x, bundles)
		if cost.Parameters == s.dense.Parameters {
			continue // no rank saves enough
		}
		cut := original.Clone()
		k := Sensitivity{Part: p.parts[s.part].Name, Layers: s.layers, Level: level, Kept: price(cost) / price(s.dense), Ranks: make([]int, len(s.layers)),
			Loss: loss / max(whole, math.SmallestNonzeroFloat64), Parameters: cost.Parameters, Bytes: cost.Bytes, MulAdds: cost.MulAdds}
		for _, b := range bundles {
			if b.rank == 0 {
				continue
			}
			for i := b.first; i < b.end; i++ {
				k.Ranks[i] = b.rank
			}
			k.Shared = b.end-b.first > 1
			if _, _, err := p.replace(s, b, x, cut); err != nil {
				return err
			}
		}
		v := variant{cut: len(p.cuts), site: s.at, loss: loss, stream: p.base.Clone()}
		done := p.clock.time("probe")
		if last {
			v.head = cut
		} else if err := cut.Forward(ctx, v.stream, nil); err != nil {
			return err
		}
		done()
		p.cuts, p.variants = append(p.cuts, k), append(p.variants, v)
	}
	return nil
}

// levelsOf a unit that are offered to the allocation.
const unitLevels = 24

// unit lists what a site can be cut to, with the losses of its spectrum.
func (p *prober) unit(s *site, x spectra) Unit {
	u := Unit{Name: s.layers[0], Dense: s.dense}
	price := p.Goal.price()
	lo, hi := p.least(s), worthwhile*price(s.dense)
	for i := range unitLevels + 1 {
		cost, loss := p.taken(s, x, p.choose(s, x, lo+(hi-lo)*float64(i)/unitLevels))
		cost.Loss = loss
		n := len(u.Choices)
		if cost.Parameters < s.dense.Parameters && (n == 0 || price(cost) > price(u.Choices[n-1])) {
			u.Choices = append(u.Choices, cost)
		}
	}
	return u
}

// measure compares the predictions of all variants with those of the whole model.
func (p *prober) measure(ctx context.Context, original *train.Loaded) error {
	for _, v := range p.variants {
		head := original
		if v.head != nil {
			head = v.head
		}
		d, err := original.Divergence(ctx, p.base, head, v.stream)
		if err != nil {
			return err
		}
		x := summarized(d)
		p.cuts[v.cut].KL, p.cuts[v.cut].KLError, p.tokens = x.KL, x.KLError, x.Tokens
	}
	return nil
}

// foresee turns losses of spectra into divergences: by the ratio that was measured, between two levels
// interpolated by the logarithm of the loss.
func (p *prober) foresee() {
	for u := range p.units {
		var known [][2]float64 // log loss, divergence per loss
		for _, v := range p.variants {
			if v.site == u && v.loss > 0 {
				known = append(known, [2]float64{math.Log(v.loss), max(p.cuts[v.cut].KL, 0) / v.loss})
			}
		}
		for i := range p.units[u].Choices {
			if loss := &p.units[u].Choices[i].Loss; *loss > 0 {
				*loss *= ratio(known, math.Log(*loss))
			}
		}
	}
}

// ratio interpolates; known may be in any order.
func ratio(known [][2]float64, at float64) float64 {
	if len(known) == 0 {
		return 1
	}
	below, above := -1, -1
	for i, k := range known {
		if k[0] <= at && (below < 0 || k[0] > known[below][0]) {
			below = i
		}
		if k[0] >= at && (above < 0 || k[0] < known[above][0]) {
			above = i
		}
	}
	switch {
	case below < 0:
		return known[above][1]
	case above < 0 || known[above][0] == known[below][0]:
		return known[below][1]
	}
	t := (at - known[below][0]) / (known[above][0] - known[below][0])
	return known[below][1] + t*(known[above][1]-known[below][1])
}
