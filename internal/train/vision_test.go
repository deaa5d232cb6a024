package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// smallSeeing is a pair of shapes that fill no tile.
func smallSeeing() (model.Config, model.VisionConfig) {
	c := small("qwen2vl")
	c.RopeDims, c.RopeSections = 6, [3]int{1, 1, 1}
	return c, model.VisionConfig{Projector: model.ProjectorQwen2VL, Width: 16, Layers: 2, Heads: 2, FFN: 10, Output: c.Width, Patch: 3,
		Merge: 2, ImageSize: 12, Eps: 1e-5, Activation: model.QuickGELU, Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.5, 0.5, 0.5}}
}

func livelySeeing(t testing.TB, opt Options, change func(v *model.VisionConfig)) *Model {
	t.Helper()
	c, v := smallSeeing()
	if change != nil {
		change(&v)
	}
	m, err := NewRandomSeeing(c, v, true, 1, opt)
	if err != nil {
		t.Fatal(err)
	}
	return enliven(m)
}

// viewOf makes a view of so many embeddings of side pixels.
func viewOf(rng *rand.Rand, rows, columns, side int) imaging.View {
	v := imaging.View{Size: imaging.Size{Width: columns * side, Height: rows * side}}
	for range channels * v.Size.Width * v.Size.Height {
		v.Data = append(v.Data, float32(rng.NormFloat64()))
	}
	return v
}

// see appends a view to a sequence, under ids that are no tokens.
func (s *Sequence) see(v imaging.View, side int) {
	s.Images = append(s.Images, Image{At: len(s.Tokens), View: v})
	for range v.Size.Width / side * v.Size.Height / side {
		s.Tokens, s.Weights = append(s.Tokens, -7), append(s.Weights, 0)
	}
}

func (s *Sequence) read(rng *rand.Rand, n, vocab int) {
	for range n {
		s.Tokens, s.Weights = append(s.Tokens, int32(rng.IntN(vocab))), append(s.Weights, 1)
	}
}

// sights are sequences with images at their beginning, in their middle and one behind the other;
// one image has more patches than a block of queries, and one sequence no image.
func sights() []Sequence {
	const side, vocab = 6, 19
	rng := rand.New(rand.NewPCG(7, 7))
	batch := make([]Sequence, 4)
	batch[0].read(rng, 4, vocab)
	batch[0].see(viewOf(rng, 2, 3, side), side)
	batch[0].read(rng, 5, vocab)
	batch[1].see(viewOf(rng, 1, 1, side), side)
	batch[1].read(rng, 2, vocab)
	batch[1].see(viewOf(rng, 3, 1, side), side)
	batch[1].see(viewOf(rng, 1, 2, side), side)
	batch[1].read(rng, 3, vocab)
	batch[2].read(rng, 9, vocab)
	batch[3].see(viewOf(rng, 3, 6, side), side)
	batch[3].read(rng, 2, vocab)
	return batch
}

// TestSeeingGradients holds the gradients of decoder and encoder against differences of the oracle's
// loss; those of the large image for a smaller encoder, as the oracle is slow.
func TestSeeingGradients(t *testing.T) {
	for activation, c := range map[model.Activation]struct {
		width, layers int
		batch         []Sequence
	}{model.QuickGELU: {16, 2, sights()[:3]}, model.GELU: {8, 1, sights()[3:]}} {
		t.Run(string(activation), func(t *testing.T) {
			lively := func(opt Options) *Model {
				return livelySeeing(t, opt, func(v *model.VisionConfig) {
					v.Activation, v.Width, v.Heads, v.Layers = activation, c.width, c.width/8, c.layers
				})
			}
			o := newOracle(lively(Options{Threads: 1}))
			want, loss := o.gradients(c.batch), o.loss(c.batch)
			for _, set := range kernel.Available() {
				m := lively(Options{Kernels: set, Threads: 2, Rows: 25})
				got, err := m.Gradients(background, c.batch)
				if err != nil {
					t.Fatal(err)
				}
				compareGradients(t, m, got, want, loss)
			}
		})
	}
}

// TestSeeingOnAnyThreads: gradients have the same bits on any number of threads.
func TestSeeingOnAnyThreads(t *testing.T) {
	var want *Model
	for _, threads := range []int{1, 2, 3} {
		m := livelySeeing(t, Options{Threads: threads}, nil)
		if _, err := m.Gradients(background, sights()); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = m
		}
		sameGradients(t, m, want)
	}
}

// TestSeeingLogitsEqualTheEngines: behind an image, and behind every token after it, before and
// after both files were trained and stored.
func TestSeeingLogitsEqualTheEngines(t *testing.T) {
	const ref, bound = "shape:tiny-qwen2vl@f32", 1e-4
	s, format, err := shape.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	src, err := s.Build(format, 0)
	if err != nil {
		t.Fatal(err)
	}
	mmproj := s.BuildVision(shape.VisionFormat(format), 0)
	m, err := NewSeeing(src, mmproj, Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	seesAsTheEngine(t, m, ref, engine.Options{Threads: 2, Context: 256}, bound)

	shake(m)
	if err := m.Store(src); err != nil {
		t.Fatal(err)
	}
	if err := m.StoreVision(mmproj); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := [2]string{filepath.Join(dir, "model.gguf"), filepath.Join(dir, "mmproj.gguf")}
	for i, source := range []*model.Source{src, mmproj} {
		if err := source.WriteFile(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	seesAsTheEngine(t, m, files[0], engine.Options{Projector: files[1], Threads: 2, Context: 256}, bound)

	again, err := NewSeeing(src, mmproj, Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Params() {
		for k, v := range p.Value {
			if v != again.params[i].Value[k] {
				t.Fatalf("value %d of %s is %v after it was stored as %v", k, p.Name, again.params[i].Value[k], v)
			}
		}
	}
}

func seesAsTheEngine(t *testing.T, m *Model, ref string, opt engine.Options, bound float64) {
	t.Helper()
	e, err := engine.Load(ref, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	img := imaging.NewRGB(imaging.Size{Width: 120, Height: 70})
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7 % 251)
	}
	views, layout, err := e.Vision().Apply(img)
	if err != nil {
		t.Fatal(err)
	}
	marker := func(text string) []int32 {
		return e.Tokenizer().Encode(text, tokenizer.EncodeOptions{ParseSpecial: true})
	}
	before, after := []int32{3, 77, 200}, []int32{5, 9, 250, 12, 44}
	tokens := append(append([]int32(nil), before...), marker("<|vision_start|>")...)
	image := Image{At: len(tokens), View: views[0]}
	for range layout.Tokens {
		tokens = append(tokens, -1)
	}
	tokens = append(tokens, marker("<|vision_end|>")...)
	seen := len(tokens)
	got, err := m.Logits(append(tokens, after...), image)
	if err != nil {
		t.Fatal(err)
	}
	low, high, worst := math.Inf(1), math.Inf(-1), 0.0
	for n := range len(after) + 1 {
		prompt := append(append(append([]int32(nil), before...), engine.ImageToken), after[:n]...)
		want, err := e.PromptLogits(background, engine.Request{Tokens: prompt, Images: []imaging.RGB{img}})
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			low, high = min(low, float64(w)), max(high, float64(w))
			worst = max(worst, math.Abs(float64(w-got[(seen-1+n)*len(want)+i])))
		}
	}
	if !(worst <= bound*(high-low)) {
		t.Errorf("logits of %s differ by %.3g of their spread, at most %g is allowed", ref, worst/(high-low), bound)
	}
	t.Logf("%s: %.3g of the spread", filepath.Base(ref), worst/(high-low))
}

// TestResumeSeeing: a training with images goes on to the same bits, on any number of threads.
func TestResumeSeeing(t *testing.T) {
	start := func(threads int, eps float64) *Trainer {
		c, v := smallSeeing()
		v.Eps = eps
		m, err := NewRandomSeeing(c, v, true, 1, Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		list := sights()
		tr, err := NewTrainer(m, quick, func(i uint64) (Sequence, error) { return list[i%4], nil })
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	whole, first, second := start(1, 1e-5), start(2, 1e-5), start(3, 1e-5)
	begin := steps(t, whole, 1).Loss
	if end := steps(t, whole, 5).Loss; !(end < begin) {
		t.Errorf("the loss went from %v to %v", begin, end)
	}
	path := filepath.Join(t.TempDir(), "seeing.checkpoint")
	steps(t, first, 3)
	if err := first.Save(path); err != nil {
		t.Fatal(err)
	}
	if err := second.Resume(path); err != nil {
		t.Fatal(err)
	}
	steps(t, second, 3)
	sameState(t, "resumed and finished", second, whole)
	if err := start(1, 1e-3).Resume(path); err == nil || !strings.Contains(err.Error(), "another shape") {
		t.Errorf("error %v, want one that names the shape", err)
	}
}

func TestImagesAreChecked(t *testing.T) {
	m := livelySeeing(t, Options{Threads: 1}, nil)
	rng := rand.New(rand.NewPCG(1, 1))
	for text, spoil := range map[string]func(s *Sequence){
		"image 0 of 15x12":       func(s *Sequence) { s.Images[0].View.Size.Width = 15 },
		"image 0 of 0x12":        func(s *Sequence) { s.Images[0].View.Size.Width = 0 },
		"with 100 values":        func(s *Sequence) { s.Images[0].View.Data = s.Images[0].View.Data[:100] },
		"6 tokens from position": func(s *Sequence) { s.Images[0].At = 9 },
		"from position -1":       func(s *Sequence) { s.Images[0].At = -1 },
		"behind those of the":    func(s *Sequence) { s.Images = append(s.Images, s.Images[0]) },
		"a token behind them":    func(s *Sequence) { s.Tokens, s.Weights = s.Tokens[:10], s.Weights[:10] },
		"token 7 belongs to":     func(s *Sequence) { s.Weights[7] = 0.5 },
		"and no weights":         func(s *Sequence) { s.Weights = nil },
		"token -7 at position 4": func(s *Sequence) { s.Images = nil },
	} {
		var s Sequence
		s.read(rng, 4, 19)
		s.see(viewOf(rng, 2, 3, 6), 6)
		s.read(rng, 3, 19)
		if _, err := m.Loss(background, []Sequence{s}); err != nil {
			t.Fatal(err)
		}
		spoil(&s)
		if _, err := m.Gradients(background, []Sequence{s}); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
	c, _ := smallSeeing()
	blind := lively(t, c, true, Options{Threads: 1})
	if _, err := blind.Loss(background, sights()); err == nil || !strings.Contains(err.Error(), "without an encoder") {
		t.Errorf("error %v, want one that names the missing encoder", err)
	}
	if _, err := m.Distill(background, sights(), blind, 0.5); err == nil || !strings.Contains(err.Error(), "images as the model does") {
		t.Errorf("error %v, want one that names the teacher's eyes", err)
	}
}

func TestNewRandomSeeingRefuses(t *testing.T) {
	for text, change := range map[string]func(c *model.Config, v *model.VisionConfig){
		`projector "idefics3"`:   func(_ *model.Config, v *model.VisionConfig) { v.Projector = model.ProjectorIdefics3 },
		"encoder's width of 0":   func(_ *model.Config, v *model.VisionConfig) { v.Width = 0 },
		"embeddings of 11":       func(_ *model.Config, v *model.VisionConfig) { v.Output = 11 },
		"16 features in 8 heads": func(_ *model.Config, v *model.VisionConfig) { v.Heads = 8 },
		"apart":                  func(_ *model.Config, v *model.VisionConfig) { v.FFN = v.Width },
		"3 × 3 patches":          func(_ *model.Config, v *model.VisionConfig) { v.Merge = 3 },
		`activation "silu"`:      func(_ *model.Config, v *model.VisionConfig) { v.Activation = model.SiLU },
		"epsilon NaN":            func(_ *model.Config, v *model.VisionConfig) { v.Eps = math.NaN() },
		"patch of 0":             func(_ *model.Config, v *model.VisionConfig) { v.Patch = 0 },
		"belongs to architecture": func(c *model.Config, _ *model.VisionConfig) {
			c.Architecture, c.RopeSections = "qwen2", [3]int{}
		},
		"add up to 3":          func(c *model.Config, _ *model.VisionConfig) { c.RopeSections = [3]int{1, 1, 2} },
		"without the sections": func(c *model.Config, _ *model.VisionConfig) { c.RopeSections = [3]int{} },
	} {
		c, v := smallSeeing()
		change(&c, &v)
		if _, err := NewRandomSeeing(c, v, true, 1, Options{}); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
}

// TestNewSeeingRefuses: encoders of other families, and files that do not belong together.
func TestNewSeeingRefuses(t *testing.T) {
	build := func(name string) (*model.Source, *model.Source) {
		s, format, err := shape.Parse(fmt.Sprintf("shape:%s@f32", name))
		if err != nil {
			t.Fatal(err)
		}
		src, err := s.Build(format, 0)
		if err != nil {
			t.Fatal(err)
		}
		return src, s.BuildVision(format, 0)
	}
	src, mmproj := build("tiny-qwen2vl")
	windows, windowed := build("tiny-qwen25vl")
	for text, pair := range map[string][2]*model.Source{
		"qwen2.5vl_merger":  {windows, windowed},
		`architecture "qwe`: {src, src},
	} {
		if _, err := NewSeeing(pair[0], pair[1], Options{Threads: 1}); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
	mmproj.Tensor("v.blk.0.ffn_up.weight").Shape = []int{96, 64} // as older files have it
	mmproj.Tensor("v.blk.0.ffn_down.weight").Shape = []int{64, 96}
	if _, err := NewSeeing(src, mmproj, Options{Threads: 1}); err == nil || !strings.Contains(err.Error(), "ffn_") {
		t.Errorf("error %v, want one that names the swapped layer", err)
	}
}
