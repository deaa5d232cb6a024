package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
)

// small is a shape that fills no tile and rotates only part of a head.
func small(architecture string) model.Config {
	return model.Config{Architecture: architecture, Context: 200, Width: 12, Layers: 2, FFN: 10, Heads: 4, KVHeads: 2,
		HeadDim: 6, RopeDims: 4, Vocab: 19, Eps: 1e-5, RopeBase: 100, RopeScale: 1}
}

// lively returns a model whose weights are large enough that every layer matters.
func lively(t testing.TB, c model.Config, tied bool, opt Options) *Model {
	t.Helper()
	m, err := NewRandom(c, tied, 1, opt)
	if err != nil {
		t.Fatal(err)
	}
	return enliven(m)
}

func enliven(m *Model) *Model {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, p := range m.Params() {
		for i := range p.Value {
			if len(p.Shape) == 2 {
				p.Value[i] = float32(0.4 * rng.NormFloat64())
			} else {
				p.Value[i] += float32(0.3 * rng.NormFloat64())
			}
		}
	}
	return m
}

// examples are sequences of several lengths, one longer than a block of queries; some tokens
// of the second are not learned.
func examples(vocab int) []Sequence {
	rng := rand.New(rand.NewPCG(5, 6))
	var batch []Sequence
	for _, n := range []int{7, 12, 2, 70} {
		var s Sequence
		for range n {
			s.Tokens = append(s.Tokens, int32(rng.IntN(vocab)))
		}
		batch = append(batch, s)
	}
	batch[1].Weights = make([]float32, 12)
	for i, w := range map[int]float32{0: 1, 3: 1, 4: 0.25, 11: 2} {
		batch[1].Weights[i] = w
	}
	return batch
}

var background = context.Background()

// TestGradients holds every layer's gradients against differences of the oracle's loss, for every
// instruction set: within 5e-5 of the largest of the same parameter, some hundred roundings.
func TestGradients(t *testing.T) {
	for _, architecture := range []string{"llama", "qwen2"} {
		for _, tied := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s tied=%v", architecture, tied), func(t *testing.T) {
				batch := examples(19)
				o := newOracle(lively(t, small(architecture), tied, Options{Threads: 1}))
				want, loss := o.gradients(batch), o.loss(batch)
				for _, set := range kernel.Available() {
					m := lively(t, small(architecture), tied, Options{Kernels: set, Threads: 2, Rows: 20})
					got, err := m.Gradients(background, batch)
					if err != nil {
						t.Fatal(err)
					}
					compareGradients(t, m, got, want, loss)
				}
			})
		}
	}
}

func compareGradients(t *testing.T, m *Model, loss float64, want map[string]map[int]float64, wantLoss float64) {
	t.Helper()
	const bound = 5e-5
	if math.Abs(loss-wantLoss) > 1e-6*wantLoss {
		t.Errorf("%s: loss %v, want %v", m.kernels.Name(), loss, wantLoss)
	}
	worst := 0.0
	for _, p := range m.Params() {
		var top, far float64
		for i, d := range want[p.Name] {
			top, far = max(top, math.Abs(d)), max(far, math.Abs(d-float64(p.Grad[i])))
		}
		if !(far <= bound*top) {
			t.Errorf("%s: gradients of %s differ by %.3g of their largest, at most %g is allowed", m.kernels.Name(), p.Name, far/top, bound)
		}
		worst = max(worst, far/top)
	}
	t.Logf("%s: %.3g of the largest", m.kernels.Name(), worst)
}

// TestLogitsEqualTheEngines: the forward pass is the engine's, apart from its cache in float16.
func TestLogitsEqualTheEngines(t *testing.T) {
	const bound = 1e-4 // of the spread
	for _, name := range []string{"shape:tiny@f32", "shape:tiny-qwen2@f32"} {
		t.Run(name, func(t *testing.T) {
			s, format, err := shape.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			src, err := s.Build(format, 0)
			if err != nil {
				t.Fatal(err)
			}
			m, err := New(src, Options{Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			equalsEngine(t, m, name, bound)

			// and what was trained comes back through a file
			shake(m)
			if err := m.Store(src); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "model.gguf")
			if err := src.WriteFile(path); err != nil {
				t.Fatal(err)
			}
			equalsEngine(t, m, path, bound)
		})
	}
}

// shake changes every value a little, as training would.
func shake(m *Model) {
	rng := rand.New(rand.NewPCG(8, 8))
	for _, p := range m.Params() {
		for i := range p.Value {
			p.Value[i] *= float32(1 + 0.1*rng.NormFloat64())
		}
	}
}

func equalsEngine(t *testing.T, m *Model, ref string, bound float64) {
	t.Helper()
	tokens := somewhat(100, m.Config.Vocab)
	got, err := m.Logits(tokens)
	if err != nil {
		t.Fatal(err)
	}
	areTheEngines(t, got, tokens, ref, bound)
}

// somewhat makes n tokens.
func somewhat(n, vocab int) (tokens []int32) {
	rng := rand.New(rand.NewPCG(1, 9))
	for range n {
		tokens = append(tokens, int32(rng.IntN(vocab)))
	}
	return tokens
}

// areTheEngines compares logits, row by row, with those that the engine computes.
func areTheEngines(t *testing.T, got []float32, tokens []int32, ref string, bound float64) {
	t.Helper()
	e, err := engine.Load(ref, engine.Options{Threads: 2, Context: 128})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	low, high, worst := math.Inf(1), math.Inf(-1), 0.0
	err = e.AllLogits(background, tokens, 0, func(at int, want []float32) error {
		for i, w := range want {
			low, high = min(low, float64(w)), max(high, float64(w))
			worst = max(worst, math.Abs(float64(w-got[at*len(want)+i])))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !(worst <= bound*(high-low)) {
		t.Errorf("logits of %s differ by %.3g of their spread, at most %g is allowed", ref, worst/(high-low), bound)
	}
	t.Logf("%s: %.3g of the spread", filepath.Base(ref), worst/(high-low))
}

// TestThreadsChangeNothing: gradients have the same bits on any number of threads.
func TestThreadsChangeNothing(t *testing.T) {
	var want *Model
	for _, threads := range []int{1, 2, 3} {
		m := lively(t, small("qwen2"), true, Options{Threads: threads})
		if _, err := m.Gradients(background, examples(19)); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = m
		}
		sameGradients(t, m, want)
	}
}

// sameGradients fails unless two models have the same bits of gradients.
func sameGradients(t *testing.T, m, want *Model) {
	t.Helper()
	for i, p := range m.Params() {
		for k, g := range p.Grad {
			if g != want.params[i].Grad[k] {
				t.Fatalf("%d threads: gradient %d of %s is %v, with one thread %v", m.threads, k, p.Name, g, want.params[i].Grad[k])
			}
		}
	}
}

func TestSequencesAreChecked(t *testing.T) {
	m := lively(t, small("llama"), true, Options{Threads: 1})
	for text, batch := range map[string][]Sequence{
		"no token to be learned":       {{Tokens: []int32{1, 2}, Weights: []float32{1, 0}}},
		"0 sequences":                  nil,
		"at least two":                 {{Tokens: []int32{1, 2}}, {Tokens: []int32{1}}},
		"token 19 at position 1":       {{Tokens: []int32{1, 19}}},
		"token -1 at position 0":       {{Tokens: []int32{-1, 2}}},
		"but weights of 1":             {{Tokens: []int32{1, 2}, Weights: []float32{1}}},
		"token 1 has weight -1":        {{Tokens: []int32{1, 2}, Weights: []float32{1, -1}}},
		"token 0 has weight NaN":       {{Tokens: []int32{1, 2}, Weights: []float32{float32(math.NaN()), 1}}},
		"more than the context of 200": {{Tokens: make([]int32, 202)}},
	} {
		if _, err := m.Gradients(background, batch); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
	if _, err := m.Logits(nil); err == nil {
		t.Error("no tokens have logits")
	}
	ctx, cancel := context.WithCancel(background)
	cancel()
	if _, err := m.Loss(ctx, examples(19)); err != context.Canceled {
		t.Errorf("error %v, want the cause of the end", err)
	}
}

func TestNewRandomRefuses(t *testing.T) {
	for text, change := range map[string]func(c *model.Config){
		"width of 0":            func(c *model.Config) { c.Width = 0 },
		"layers of -1":          func(c *model.Config) { c.Layers = -1 },
		"no multiple of 3":      func(c *model.Config) { c.KVHeads = 3 },
		"5 rotated features":    func(c *model.Config) { c.RopeDims = 5 },
		"0 rotated features":    func(c *model.Config) { c.RopeDims = 0 },
		"8 rotated features":    func(c *model.Config) { c.RopeDims = 8 },
		"rotary base 0":         func(c *model.Config) { c.RopeBase = 0 },
		"vocabulary of 1073741": func(c *model.Config) { c.Vocab = 1 << 30 },
	} {
		c := small("llama")
		change(&c)
		if _, err := NewRandom(c, true, 1, Options{}); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := NewRandom(small("bert"), true, 1, Options{}); err == nil || !strings.Contains(err.Error(), `"bert"`) {
		t.Errorf("error %v, want one that names the architecture", err)
	}
	s, format, err := shape.Parse("shape:tiny@f32")
	if err != nil {
		t.Fatal(err)
	}
	src, err := s.Build(format, 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(src, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	other := &model.Source{Name: "other", Tensors: src.Tensors[:3]}
	if err := m.Store(other); err == nil || !strings.Contains(err.Error(), "has no tensor") {
		t.Errorf("error %v, want one that names the missing tensor", err)
	}
	src.Tensors = append(src.Tensors, model.Tensor{Name: "blk.0.new.weight"})
	src.Meta = append(src.Meta, model.Entry{Key: "x", Value: gguf.ValueOf(uint32(1))})
	if _, err := New(src, Options{Threads: 1}); err == nil || !strings.Contains(err.Error(), "blk.0.new.weight") {
		t.Errorf("error %v, want one that names the tensor without a place", err)
	}
}
