package train

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// spoil gives all layers of a part factors of a rank, whose product has little to do with the weights;
// those of the first site share one.
func (p *Loaded) spoil(rank int) {
	rng := rand.New(rand.NewPCG(9, 9))
	random := func(rows, cols int) linalg.Matrix {
		m := linalg.Dense(rows, cols, make([]float32, rows*cols))
		for i := range m.Data {
			m.Data[i] = float32(0.3 * rng.NormFloat64())
		}
		return m
	}
	for i, s := range p.Part().Sites {
		a := random(rank, s.Inputs)
		for j, layer := range s.Layers {
			if j > 0 && i > 0 {
				a = random(rank, s.Inputs)
			}
			p.SetFactors(layer, random(s.Outputs[j], rank), a)
		}
	}
}

// matchCases calls f for the first and the last part of every kind, with a clone whose layers are
// factors, the stream before it and that behind it.
func matchCases(t *testing.T, f func(t *testing.T, original, p *Loaded, in, target *Stream)) {
	for _, c := range layeredCases(t) {
		parts := c.stack(t)
		s := c.begin(t)
		for _, original := range parts[:len(parts)-1] {
			in := s.Clone()
			through(t, s, parts, in.Part()+1)
			p := original.Clone()
			p.spoil(5)
			t.Run(c.name+" "+original.Part().Name, func(t *testing.T) { f(t, original, p, in, s.Clone()) })
		}
	}
}

// TestFactorsAreTheirProduct: what is computed through factors is what their product would.
func TestFactorsAreTheirProduct(t *testing.T) {
	matchCases(t, func(t *testing.T, original, p *Loaded, in, _ *Stream) {
		dense := p.Clone()
		for _, site := range p.Part().Sites {
			for _, layer := range site.Layers {
				b, a := p.Factors(layer)
				w := linalg.Dense(b.Rows, a.Cols, make([]float32, b.Rows*a.Cols))
				p.of.outline.gemm.Gemm(linalg.Plain, linalg.Plain, 1, b, a, 0, w)
				near(t, layer, p.Weight(layer).Data, w.Data, 1e-6)
				dense.Set(layer, w)
				if b, _ := original.Factors(layer); b.Data != nil {
					t.Errorf("the original of %s has factors", layer)
				}
			}
		}
		got, want := in.Clone(), in.Clone()
		for q, s := range map[*Loaded]*Stream{p: got, dense: want} {
			if err := q.Forward(background, s, nil); err != nil {
				t.Fatal(err)
			}
		}
		near(t, "through factors", got.X().Data, want.X().Data, 1e-5)
	})
}

// TestMatchGradients holds the gradients of the difference against differences of it, at the place of
// every parameter where they are largest.
func TestMatchGradients(t *testing.T) {
	matchCases(t, func(t *testing.T, _, p *Loaded, in, target *Stream) {
		m := matching{Loaded: p, opt: MatchOptions{Skip: 1}, learner: &Model{params: p.learnable()}}
		difference := func(gradients bool) float64 {
			d, err := m.pass(background, in, target, gradients)
			if err != nil {
				t.Fatal(err)
			}
			return d / 2
		}
		difference(true)
		for _, q := range m.learner.params {
			at := 0
			for i, g := range q.Grad {
				if math.Abs(float64(g)) > math.Abs(float64(q.Grad[at])) {
					at = i
				}
			}
			value := q.Value[at]
			const h = 2e-3
			q.Value[at] = value + h
			up := difference(false)
			q.Value[at] = value - h
			down := difference(false)
			q.Value[at] = value
			want := (up - down) / float64((value+h)-(value-h))
			if far := math.Abs(want - float64(q.Grad[at])); !(far <= 2e-3*math.Abs(want)+2e-5) {
				t.Errorf("gradient %d of %s is %v, want %v", at, q.Name, q.Grad[at], want)
			}
		}
	})
}

// TestMatchComesCloser, says truly how close, leaves dense weights and the original alone, and what was
// shared shared.
func TestMatchComesCloser(t *testing.T) {
	matchCases(t, func(t *testing.T, original, p *Loaded, in, target *Stream) {
		last := p.Part().Sites[len(p.Part().Sites)-1].Layers[0]
		p.Set(last, original.Weight(last))
		dense := append([]float32(nil), p.Weight(last).Data...)
		before, after, err := p.Match(background, in, target, MatchOptions{Steps: 25, Batch: 3, Rate: 0.02, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !(after < 0.8*before) {
			t.Errorf("from %g to %g", before, after)
		}
		near(t, "dense weights", p.Weight(last).Data, dense, 0)
		first := p.Part().Sites[0].Layers
		_, a := p.Factors(first[0])
		if _, b := p.Factors(first[len(first)-1]); len(first) > 1 && &a.Data[0] != &b.Data[0] {
			t.Errorf("the factor that layers share came apart")
		}
		got := in.Clone()
		if err := original.Forward(background, got, nil); err != nil {
			t.Fatal(err)
		}
		near(t, "the original's stream", got.X().Data, target.X().Data, 0)
		if again, _, err := p.Match(background, in, target, MatchOptions{Steps: 1, Rate: 1e3}); err != nil || math.Abs(again-after) > 1e-9*after {
			t.Errorf("difference %g after one of %g, error %v", again, after, err)
		}
		if _, kept, err := p.Match(background, in, target, MatchOptions{Steps: 1, Rate: 1e3}); err != nil || kept != after {
			t.Errorf("difference %g was kept after a bad step, want %g; error %v", kept, after, err)
		}
	})
}

func TestMatchRefuses(t *testing.T) {
	c := layeredCases(t)[0]
	parts := c.stack(t)
	in := c.begin(t)
	target := through(t, in.Clone(), parts, 1)
	end := through(t, in.Clone(), parts, 2)
	p := parts[0]
	match := func(text string, ctx context.Context, p *Loaded, in, target *Stream, opt MatchOptions) {
		t.Helper()
		if _, _, err := p.Match(ctx, in, target, opt); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
	good := MatchOptions{Steps: 2, Rate: 1e-3}
	ended, cancel := context.WithCancel(background)
	cancel()
	match("canceled", ended, p, in, target, good)
	match("at least one", background, p, in, target, MatchOptions{Rate: 1})
	match("learning rate", background, p, in, target, MatchOptions{Steps: 1})
	match(`before "blk.1"`, background, p, in, end, good)
	match("other sequences", background, p, in, target.Select([]int{0, 1}), good)
	match("no stream", background, parts[2], end, end, good)
}
