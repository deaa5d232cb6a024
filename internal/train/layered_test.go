package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
)

// storedEncoder makes a source of a model's encoder of images.
func storedEncoder(m *Model) *model.Source {
	v, _ := m.Vision()
	meta := append([]model.Entry{{Key: "general.architecture", Value: gguf.ValueOf(model.VisionArchitecture)}}, v.Meta()...)
	return &model.Source{Name: "mmproj", Meta: meta, Tensors: m.VisionTensors()}
}

// layeredCase is a model, and the same to be computed part by part.
type layeredCase struct {
	name  string
	whole *Model
	parts *Layered
	batch []Sequence
}

// layeredCases are models of all architectures, tied and not, dense and factorized, with sequences that
// pass in several groups.
func layeredCases(t *testing.T) (list []layeredCase) {
	t.Helper()
	opt := Options{Threads: 2, Rows: 20}
	add := func(name string, whole *Model, s, mmproj *model.Source, batch []Sequence) {
		l, err := OpenLayered(s, mmproj, opt)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, layeredCase{name, whole, l, batch})
	}
	for _, architecture := range []string{"llama", "qwen2"} {
		m := lively(t, small(architecture), architecture == "qwen2", opt)
		add(architecture, m, stored(m), nil, examples(19))
	}
	cut := factorize(t, stored(list[0].whole), append(smallCuts(), lowRankCut(7, "output")))
	m, err := New(cut, opt)
	if err != nil {
		t.Fatal(err)
	}
	add("factorized", m, cut, nil, examples(19))
	m = livelySeeing(t, opt, nil)
	add("qwen2vl", m, stored(m), storedEncoder(m), sights())
	return list
}

// stack loads all parts.
func (c layeredCase) stack(t *testing.T) (list []*Loaded) {
	t.Helper()
	for i := range c.parts.Parts() {
		p, err := c.parts.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func (c layeredCase) begin(t *testing.T) *Stream {
	t.Helper()
	s, err := c.parts.Begin(c.batch)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// through advances a stream past the parts that it stands before, up to the one of that index.
func through(t *testing.T, s *Stream, parts []*Loaded, end int) *Stream {
	t.Helper()
	for s.Part() < end {
		if err := parts[s.Part()].Forward(background, s, nil); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// near fails unless two lists agree within a bound of the largest of want.
func near(t *testing.T, what string, got, want []float32, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	var top, far float64
	for i, w := range want {
		top, far = max(top, math.Abs(float64(w))), max(far, math.Abs(float64(w-got[i])))
	}
	if !(far <= bound*top) {
		t.Errorf("%s: differs by %.3g of the largest, at most %g is allowed", what, far/top, bound)
	}
}

// TestLayeredEqualsModel: the stream behind the last block, and the loss, are those of Model.
func TestLayeredEqualsModel(t *testing.T) {
	for _, c := range layeredCases(t) {
		t.Run(c.name, func(t *testing.T) {
			parts := c.stack(t)
			last := len(parts) - 1
			s := through(t, c.begin(t), parts, last)
			var p pass
			for _, sequence := range c.batch {
				p.append(c.whole, sequence.Tokens[:len(sequence.Tokens)-1], sequence.Images)
			}
			c.whole.forward(&p)
			near(t, "stream", s.X().Data, c.whole.buffers.out, 1e-5)

			d, err := parts[last].Divergence(background, s, parts[last].Clone(), s.Clone())
			if err != nil {
				t.Fatal(err)
			}
			want, err := c.whole.Loss(background, c.batch)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.loss(c.batch); math.Abs(got-want) > 1e-5*want {
				t.Errorf("loss %v, want %v", got, want)
			}
			for i, kl := range d.KL {
				if kl > 1e-6 || !d.SameTop[i] {
					t.Errorf("token %d diverges from itself by %g", i, kl)
				}
			}
		})
	}
}

// TestLayeredLogitsEqualTheEngines, through the last part's head.
func TestLayeredLogitsEqualTheEngines(t *testing.T) {
	for _, name := range []string{"shape:tiny@f32", "shape:tiny-qwen2@f32"} {
		s, format, err := shape.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		src, err := s.Build(format, 0)
		if err != nil {
			t.Fatal(err)
		}
		c := layeredCase{}
		if c.parts, err = OpenLayered(src, nil, Options{Threads: 2}); err != nil {
			t.Fatal(err)
		}
		tokens := somewhat(100, c.parts.outline.Config.Vocab)
		c.batch = []Sequence{{Tokens: append(tokens, 0)}}
		parts := c.stack(t)
		last := len(parts) - 1
		end := through(t, c.begin(t), parts, last)
		logits := c.parts.predict(0, parts[last].body.(*readout), end, end.learned())
		areTheEngines(t, compact(logits), tokens, name, 1e-4)
	}
}

// loss is the weighted mean.
func (d Divergence) loss(batch []Sequence) float64 {
	var sum, total float64
	at := 0
	for _, s := range batch {
		for t := range s.Tokens[1:] {
			if w := float64(s.weight(t + 1)); w > 0 {
				sum, total = sum+w*d.Loss[at], total+w
				at++
			}
		}
	}
	return sum / total
}

// TestSitesSeeWhatLayersMultiply: at every site, Until sees what Forward does, all rows of it once; and a
// change of the site's weights changes the stream as the tapped input says where the layer adds to it.
func TestSitesSeeWhatLayersMultiply(t *testing.T) {
	for _, c := range layeredCases(t) {
		t.Run(c.name, func(t *testing.T) {
			parts := c.stack(t)
			s := c.begin(t)
			for _, p := range parts {
				before := s.Clone()
				seen := make([][]float32, len(p.Part().Sites))
				err := p.Forward(background, s, func(site, first int, x linalg.Matrix) error {
					if first*x.Cols != len(seen[site]) || x.Cols != p.Part().Sites[site].Inputs {
						return fmt.Errorf("site %d: rows from %d of %d features behind %d values", site, first, x.Cols, len(seen[site]))
					}
					seen[site] = append(seen[site], compact(x)...)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				for site := range seen {
					near(t, p.Part().Name, p.inputs(t, before, site), seen[site], 0)
				}
				p.addsToStream(t, before, s, seen)
			}
		})
	}
}

// TestPassSeesOutputs: what layers make is the product of their inputs, before biases, all sequences come by
// once, and other streams may be computed in between.
func TestPassSeesOutputs(t *testing.T) {
	for _, c := range layeredCases(t) {
		t.Run(c.name, func(t *testing.T) {
			parts := c.stack(t)
			s, aside, want := c.begin(t), c.begin(t), c.begin(t)
			for i, p := range parts[:len(parts)-1] {
				inputs, outputs := map[string][]float32{}, map[string][]float32{}
				var groups []int
				err := p.Pass(background, s, Taps{
					Input: func(site, _ int, x linalg.Matrix) error {
						for _, layer := range p.Part().Sites[site].Layers {
							inputs[layer] = append(inputs[layer], compact(x)...)
						}
						return nil
					},
					Output: func(layer string, first int, y linalg.Matrix) {
						if first*y.Cols != len(outputs[layer]) {
							t.Errorf("%s: rows from %d behind %d values", layer, first, len(outputs[layer]))
						}
						outputs[layer] = append(outputs[layer], compact(y)...)
					},
					Group: func(sequences []int) error {
						groups = append(groups, sequences...)
						if aside.Part() != i {
							return nil
						}
						return p.Until(background, aside.Select(sequences), 0, func(int, linalg.Matrix) error { return nil })
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				for layer, x := range inputs {
					w := p.Weight(layer)
					y := linalg.Dense(len(x)/w.Cols, w.Rows, make([]float32, len(x)/w.Cols*w.Rows))
					p.of.outline.gemm.Gemm(linalg.Plain, linalg.Transposed, 1, linalg.Dense(y.Rows, w.Cols, x), w, 0, y)
					near(t, layer, outputs[layer], y.Data, 1e-6)
				}
				if len(groups) != len(c.batch) || !slices.IsSorted(groups) {
					t.Errorf("%s: sequences %v of %d", p.Part().Name, groups, len(c.batch))
				}
				through(t, want, parts, i+1)
				through(t, aside, parts, i+1)
				near(t, p.Part().Name, s.X().Data, want.X().Data, 0)
			}
		})
	}
}

// inputs gathers what Until sees.
func (p *Loaded) inputs(t *testing.T, s *Stream, site int) (all []float32) {
	t.Helper()
	unchanged := s.Clone()
	err := p.Until(background, s, site, func(first int, x linalg.Matrix) error {
		all = append(all, compact(x)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the stream that Until leaves", s.X().Data, unchanged.X().Data, 0)
	return all
}

// addsToStream checks, for a block, that its stream behind is that before, and both branches' products of
// the tapped inputs with the weights.
func (p *Loaded) addsToStream(t *testing.T, before, behind *Stream, seen [][]float32) {
	t.Helper()
	if len(seen) != 4 {
		return
	}
	want := before.Clone()
	for _, site := range []int{1, 3} {
		name := p.Part().Sites[site].Layers[0]
		w, x := p.Weight(name), want.X()
		for r := range x.Rows {
			for i := range x.Cols {
				for k, v := range seen[site][r*w.Cols : (r+1)*w.Cols] {
					x.Data[r*x.Stride+i] += w.Data[i*w.Stride+k] * v
				}
				if b := p.Bias(name); b != nil {
					x.Data[r*x.Stride+i] += b[i]
				}
			}
		}
	}
	near(t, p.Part().Name+" by its sites", behind.X().Data, want.X().Data, 1e-5)
}

// TestStreamsAreCut: parts of streams, and several as one, give what the whole gives.
func TestStreamsAreCut(t *testing.T) {
	for _, c := range layeredCases(t) {
		parts := c.stack(t)
		last := len(parts) - 1
		whole := through(t, c.begin(t), parts, last)
		first := c.begin(t)
		for at := range last {
			cut := Join(first.Select([]int{2, 0}), first.Select([]int{3, 1}))
			order := []int{2, 0, 3, 1}
			want := whole.Select(order)
			near(t, c.name+" cut", through(t, cut, parts, last).X().Data, want.X().Data, 1e-6)
			through(t, first, parts, at+1)
		}
	}
}

// TestClonesShareUntilSet, and a narrower feed-forward network gives what its zeros would.
func TestClonesShareUntilSet(t *testing.T) {
	for _, c := range layeredCases(t) {
		t.Run(c.name, func(t *testing.T) {
			parts := c.stack(t)
			s := c.begin(t)
			p := parts[s.Part()]
			sites := p.Part().Sites
			zeros, narrow := p.Clone(), p.Clone()
			keep := 7
			for site := 2; site < 4; site++ {
				for _, layer := range sites[site].Layers {
					p.cutFeatures(layer, site == 3, keep, zeros, narrow)
				}
			}
			before := s.Clone()
			want, got, original := s.Clone(), s.Clone(), s.Clone()
			for q, stream := range map[*Loaded]*Stream{zeros: want, narrow: got, p: original} {
				if err := q.Forward(background, stream, nil); err != nil {
					t.Fatal(err)
				}
			}
			near(t, "narrow", got.X().Data, want.X().Data, 1e-6)
			if again := through(t, before, parts, s.Part()+1); math.Abs(float64(again.x[0]-original.x[0])) != 0 || again.x[0] == want.x[0] {
				t.Errorf("the original changed with its clones")
			}
		})
	}
}

// cutFeatures sets a layer's weights of features from keep on to zero, and leaves them out.
func (p *Loaded) cutFeatures(layer string, down bool, keep int, zeros, narrow *Loaded) {
	w := p.Weight(layer)
	z := linalg.Dense(w.Rows, w.Cols, append([]float32(nil), compact(w)...))
	rows, cols := keep, w.Cols
	if down {
		rows, cols = w.Rows, keep
	}
	for i := range w.Rows {
		for k := range w.Cols {
			if i >= rows || k >= cols {
				z.Data[i*w.Cols+k] = 0
			}
		}
	}
	zeros.Set(layer, z)
	narrow.Set(layer, linalg.Matrix{Rows: rows, Cols: cols, Stride: z.Stride, Data: z.Data})
	if b := p.Bias(layer); b != nil && !down {
		narrow.SetBias(layer, b[:keep])
	}
}

func TestLayeredRefuses(t *testing.T) {
	c := layeredCases(t)[0]
	parts := c.stack(t)
	expect := func(text string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
	s := c.begin(t)
	ended, cancel := context.WithCancel(background)
	cancel()
	expect(`stands before "blk.0"`, parts[1].Forward(background, s, nil))
	expect("no site 4", parts[0].Until(background, s, 4, nil))
	expect("canceled", parts[0].Until(ended, s, 0, nil))
	expect("canceled", parts[0].Forward(ended, s, nil))
	expect("begin it again", parts[0].Forward(background, s, nil))
	other := c.parts.clone(t, c)
	expect("another model", parts[0].Forward(background, other, nil))
	bad := parts[0].Clone()
	bad.Set("blk.0.ffn_up", linalg.Dense(9, 12, make([]float32, 9*12)))
	expect(`layer "blk.0.ffn_up" has weights of 9 × 12, want 10 × 12`, bad.Forward(background, c.begin(t), nil))
	_, err := parts[0].Divergence(background, s, parts[0], s)
	expect("predicts nothing", err)
	_, err = c.parts.Load(3)
	expect("the model has 3", err)
	_, err = c.parts.Begin([]Sequence{{Tokens: []int32{1, 19}}})
	expect("token 19", err)
}

// clone begins the same sequences in the same model, opened once more.
func (l *Layered) clone(t *testing.T, c layeredCase) *Stream {
	t.Helper()
	again, err := OpenLayered(l.source, l.mmproj, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	c.parts = again
	return c.begin(t)
}

// TestDamagedWeightsAreRefused names the tensor, be it read with a part or for a token.
func TestDamagedWeightsAreRefused(t *testing.T) {
	m := lively(t, small("llama"), true, Options{Threads: 1})
	rng := rand.New(rand.NewPCG(1, 2))
	for i, name := range []string{"blk.1.attn_v.weight", "blk.1.ffn_norm.weight", "token_embd.weight"} {
		s := stored(m)
		data := s.Tensor(name).Data
		at := rng.IntN(len(data)/4) * 4
		if i == 2 {
			at = 0
		}
		copy(data[at:], []byte{0, 0, 0xc0, 0x7f}) // NaN
		l, err := OpenLayered(s, nil, Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			_, err = l.Load(1)
		} else {
			_, err = l.Begin([]Sequence{{Tokens: []int32{0, 1}}})
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one that names %q", err, name)
		}
	}
}
