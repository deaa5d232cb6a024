package heal

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tn"
	"github.com/wattlaw/wattlaw/internal/train"
)

var background = context.Background()

const vocab = 40

// config is a small decoder's, whose rows blocks of 32 divide.
func config(architecture string) model.Config {
	return model.Config{Architecture: architecture, Context: 64, Width: 32, Layers: 2, FFN: 64, Heads: 2, KVHeads: 1, HeadDim: 16,
		RopeDims: 16, Vocab: vocab, Eps: 1e-5, RopeBase: 1000, RopeScale: 1}
}

// enliven makes weights so large that every layer matters.
func enliven(t testing.TB, m *train.Model, err error) *train.Model {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, p := range m.Params() {
		if len(p.Shape) == 2 {
			for i := range p.Value {
				p.Value[i] = float32(rng.NormFloat64() / math.Sqrt(float64(p.Shape[0])))
			}
		}
	}
	return m
}

func source(architecture string, entries []model.Entry, tensors []model.Tensor) *model.Source {
	meta := append([]model.Entry{{Key: "general.architecture", Value: gguf.ValueOf(architecture)}}, entries...)
	return &model.Source{Name: architecture, Meta: meta, Tensors: tensors}
}

func original(t testing.TB, c model.Config) Pair {
	m, err := train.NewRandom(c, true, 1, train.Options{})
	m = enliven(t, m, err)
	return Pair{Language: source(c.Architecture, c.Meta(), m.Tensors())}
}

func lowRank(dt tensor.DType, layers ...string) model.Cut {
	return model.Cut{Layers: layers, Limits: tn.UpTo(32, 2), DType: dt}
}

// cut makes a compressed model, its factors in a type: pairs of full rank, which only rounding harms in
// coarse types, and a chain, which loses much.
func cut(t testing.TB, s *model.Source, dt tensor.DType) *model.Source {
	t.Helper()
	chain := model.Cut{Layers: []string{"blk.1.ffn_down"}, Sites: []tn.Site{{Out: 8, In: 2}, {Out: 4, In: 32}}, Limits: tn.UpTo(8, 2), DType: tensor.F16}
	out, _, err := model.Factorize(linalg.NewMultiplierOf[float64](kernel.Best(), 1), s, []model.Cut{lowRank(dt, "blk.0.ffn_gate", "blk.0.ffn_up"),
		lowRank(dt, "blk.1.attn_output"), chain})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// texts are random ones; the first tokens of each are not learned.
func texts(seed uint64, n int) []train.Sequence {
	rng := rand.New(rand.NewPCG(seed, 0))
	list := make([]train.Sequence, n)
	for i := range list {
		s := train.Sequence{Tokens: make([]int32, 12+rng.IntN(12)), Weights: make([]float32, 0, 24)}
		for k := range s.Tokens {
			s.Tokens[k], s.Weights = int32(rng.IntN(vocab)), append(s.Weights, float32(min(k/3, 1)))
		}
		list[i] = s
	}
	return list
}

// endless is data that never comes again.
func endless(i uint64) (train.Sequence, error) { return texts(1000+i, 1)[0], nil }

// encoded is what a file would hold of a model's tensors.
func encoded(p Pair) []byte {
	var b bytes.Buffer
	for _, s := range []*model.Source{p.Language, p.Encoder} {
		if s != nil {
			for _, t := range s.Tensors {
				b.Write(t.Data)
			}
		}
	}
	return b.Bytes()
}

func types(s *model.Source) map[string]tensor.DType {
	list := map[string]tensor.DType{}
	for _, t := range s.Tensors {
		list[t.Name] = t.DType
	}
	return list
}

func heal(t *testing.T, dense, small Pair, held []train.Sequence, opt Options) Report {
	t.Helper()
	opt.Batch, opt.Recipe = 8, "test"
	r, err := Distill(background, dense, small, endless, held, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDistill: healing lowers the divergence on what it has not seen, by either optimizer and in
// any format, and says what a file with the same tensors has.
func TestDistill(t *testing.T) {
	dense, held := original(t, config("llama")), texts(2, 20)
	for name, c := range map[string]struct {
		dt   tensor.DType
		opt  Options
		gain float64
	}{
		"muon":   {tensor.F32, Options{}, 1.4},
		"adamw":  {tensor.Q8_0, Options{AdamW: true}, 1.1},
		"coarse": {tensor.Q4_0, Options{}, 1.5},
	} {
		t.Run(name, func(t *testing.T) {
			small := Pair{Language: cut(t, dense.Language, c.dt)}
			before := encoded(small)
			c.opt.Steps, c.opt.Rate = 60, 3e-3
			r := heal(t, dense, small, held, c.opt)
			t.Logf("divergence %.4f → %.4f", r.Before, r.After)
			if !r.Better || !(r.After*c.gain < r.Before) || r.Steps != 60 {
				t.Errorf("divergence %v → %v in %d steps, better: %v", r.Before, r.After, r.Steps, r.Better)
			}
			if !bytes.Equal(encoded(small), before) || !reflect.DeepEqual(types(r.Model.Language), types(small.Language)) {
				t.Error("the model that was healed has changed, or the new one has other types")
			}
			if got := divergence(t, dense, r.Model, held); got != r.After {
				t.Errorf("the new model has a divergence of %v, said were %v", got, r.After)
			}
			if n, err := r.Model.Language.Count("wattlaw.compress.heal.steps", 1, 1000); err != nil || n != 60 {
				t.Errorf("%d steps in the metadata, %v", n, err)
			}
		})
	}
}

func divergence(t *testing.T, dense, small Pair, held []train.Sequence) float64 {
	t.Helper()
	teacher, err := dense.open(train.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := small.open(train.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kl, err := m.Divergence(background, held, teacher)
	if err != nil {
		t.Fatal(err)
	}
	return kl
}

// interrupted heals until some steps are done, when its context ends.
func interrupted(t *testing.T, dense, small Pair, held []train.Sequence, opt Options, steps int) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(background)
	stop := errors.New("stop")
	opt.Report = func(p Progress) {
		if p.Step == steps {
			cancel(stop)
		}
	}
	opt.Batch, opt.Recipe = 8, "test"
	if _, err := Distill(ctx, dense, small, endless, held, opt); !errors.Is(err, stop) {
		t.Fatalf("error %v, want that of the context", err)
	}
	if _, err := os.Stat(opt.Checkpoint); err != nil {
		t.Fatal(err)
	}
}

// TestResume: a healing that was interrupted ends in the same bits, with rounded steps too.
func TestResume(t *testing.T) {
	dense, held := original(t, config("qwen2")), texts(2, 5)
	for _, dt := range []tensor.DType{tensor.Q8_0, tensor.Q4_0} {
		small := Pair{Language: cut(t, dense.Language, dt)}
		opt := Options{Steps: 20, Train: train.Options{Threads: 2}}
		whole := heal(t, dense, small, held, opt)
		opt.Checkpoint, opt.Train.Threads = filepath.Join(t.TempDir(), "heal.checkpoint"), 1
		interrupted(t, dense, small, held, opt, 7)
		first := 0
		opt.Report = func(p Progress) {
			if first == 0 {
				first = p.Step
			}
			if want := float64(p.Step) / 20; math.Abs(p.Done-want) > 1e-9 {
				t.Errorf("a share of %v done after step %d of 20", p.Done, p.Step)
			}
		}
		rest := heal(t, dense, small, held, opt)
		if first != 8 || rest.After != whole.After || rest.Before != whole.Before || !bytes.Equal(encoded(rest.Model), encoded(whole.Model)) {
			t.Errorf("%v: resumed at step %d, divergence %v → %v, without interruption %v → %v", dt, first, rest.Before, rest.After, whole.Before, whole.After)
		}
		if again := heal(t, dense, small, held, opt); again.Steps != 20 || again.After != whole.After {
			t.Errorf("%v: healed again after the end: %+v", dt, again)
		}
	}
}

// TestTimeBox: a healing by time ends, also in two parts; the shares of the second go on from the first's.
func TestTimeBox(t *testing.T) {
	dense, held := original(t, config("llama")), texts(2, 5)
	small := Pair{Language: cut(t, dense.Language, tensor.F32)}
	opt := Options{Time: 300 * time.Millisecond, Checkpoint: filepath.Join(t.TempDir(), "heal.checkpoint")}
	interrupted(t, dense, small, held, opt, 1)
	var shares []float64
	opt.Report = func(p Progress) { shares = append(shares, p.Done) }
	r := heal(t, dense, small, held, opt)
	if r.Steps != 1+len(shares) || !slices.IsSorted(shares) || len(shares) > 0 && shares[len(shares)-1] != 1 {
		t.Errorf("%d steps behind the first, shares %v", r.Steps, shares)
	}
}

// TestKeepsTheBetter: what learns from anything but the original gets worse, and stays as it was.
func TestKeepsTheBetter(t *testing.T) {
	dense := original(t, config("llama"))
	small := Pair{Language: cut(t, dense.Language, tensor.Q8_0)}
	r := heal(t, dense, small, texts(2, 5), Options{Steps: 30, Rate: 0.02, Answers: 1})
	if r.Better || !(r.After > r.Before) || r.Model.Language != small.Language {
		t.Errorf("divergence %v → %v, better: %v", r.Before, r.After, r.Better)
	}
}

// TestSeeing: decoder and encoder are healed together.
func TestSeeing(t *testing.T) {
	c := config("qwen2vl")
	c.RopeSections = [3]int{2, 3, 3}
	v := model.VisionConfig{Projector: model.ProjectorQwen2VL, Width: 16, Layers: 1, Heads: 2, FFN: 32, Output: c.Width, Patch: 4, Merge: 2,
		ImageSize: 16, Eps: 1e-6, Activation: model.QuickGELU, Std: [3]float32{1, 1, 1}}
	m, err := train.NewRandomSeeing(c, v, true, 1, train.Options{})
	m = enliven(t, m, err)
	dense := Pair{source(c.Architecture, c.Meta(), m.Tensors()), source(model.VisionArchitecture, v.Meta(), m.VisionTensors())}
	g := linalg.NewMultiplierOf[float64](kernel.Best(), 1)
	encoder, _, err := model.Factorize(g, dense.Encoder, []model.Cut{{Layers: []string{"mm.0"}, Limits: tn.UpTo(16, 2), DType: tensor.F32}})
	if err != nil {
		t.Fatal(err)
	}
	small := Pair{cut(t, dense.Language, tensor.Q8_0), encoder}
	list := texts(1, 300)
	rng := rand.New(rand.NewPCG(5, 5))
	for i := range list {
		view := imaging.View{Size: imaging.Size{Width: 16, Height: 8}}
		for range 3 * 16 * 8 {
			view.Data = append(view.Data, float32(rng.NormFloat64()))
		}
		list[i].Images = []train.Image{{At: 1, View: view}} // two tokens, which are not learned
	}
	r, err := Distill(background, dense, small, Epochs(list[10:], 1), list[:10], Options{Steps: 50, Batch: 8, Rate: 3e-3})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Better || !(r.After < 0.8*r.Before) || bytes.Equal(r.Model.Encoder.Tensor("mm.0.lr_a").Data, encoder.Tensor("mm.0.lr_a").Data) {
		t.Errorf("divergence %v → %v", r.Before, r.After)
	}
	t.Logf("divergence %.4f → %.4f", r.Before, r.After)
	if _, err := Distill(background, Pair{Language: dense.Language}, small, nil, list, Options{Steps: 1}); err == nil || !strings.Contains(err.Error(), "encoder") {
		t.Errorf("error %v, want one about the missing encoder", err)
	}
}

func TestRefuses(t *testing.T) {
	dense, held := original(t, config("llama")), texts(2, 2)
	small := Pair{Language: cut(t, dense.Language, tensor.F32)}
	wide, other := config("llama"), config("llama")
	wide.RopeBase, other.Vocab = 77, 41
	words := func(p Pair, last string) Pair {
		s := *p.Language
		s.Vocab.Tokens = append(make([]string, vocab-1), last)
		return Pair{Language: &s}
	}
	steps := Options{Steps: 1}
	for text, c := range map[string]struct {
		dense, small Pair
		held         []train.Sequence
		opt          Options
	}{
		"RopeBase":                             {original(t, wide), small, held, steps},
		"as Vocab":                             {original(t, other), small, held, steps},
		`is "b" instead of "a"`:                {words(dense, "a"), words(small, "b"), held, steps},
		"0 tokens instead of 40":               {words(dense, "a"), small, held, steps},
		"no token to be learned":               {dense, small, nil, steps},
		"want a time or a number":              {dense, small, held, Options{}},
		"-1s and 1 steps":                      {dense, small, held, Options{Steps: 1, Time: -time.Second}},
		"share of 2":                           {dense, small, held, Options{Steps: 1, Answers: 2}},
		"batch of -1":                          {dense, small, held, Options{Steps: 1, Batch: -1}},
		"there are no sequences to learn from": {dense, small, held, steps},
	} {
		_, err := Distill(background, c.dense, c.small, Epochs(nil, 1), c.held, c.opt)
		if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "heal llama") {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
	opt := Options{Steps: 3, Checkpoint: filepath.Join(t.TempDir(), "heal.checkpoint")}
	interrupted(t, dense, small, held, opt, 1)
	opt.Recipe = "another"
	if _, err := Distill(background, dense, small, Epochs(texts(1, 5), 1), held, opt); err == nil || !strings.Contains(err.Error(), "remove the file to begin anew") {
		t.Errorf("error %v, want one that tells what to do with the checkpoint", err)
	}
}

// TestEpochs: every sequence occurs once in a round, and any index gives the same at any time.
func TestEpochs(t *testing.T) {
	list := texts(1, 7)
	a, b := Epochs(list, 3), Epochs(list, 3)
	var rounds [2][]int32
	for i := range uint64(14) {
		s, err := a(i)
		if err != nil {
			t.Fatal(err)
		}
		rounds[i/7] = append(rounds[i/7], s.Tokens...)
	}
	if slices.Equal(rounds[0], rounds[1]) {
		t.Error("two rounds have one order")
	}
	slices.Sort(rounds[0])
	slices.Sort(rounds[1])
	if !slices.Equal(rounds[0], rounds[1]) {
		t.Error("two rounds have other sequences")
	}
	for _, i := range []uint64{9, 2, 13, 0} {
		x, _ := a(i)
		y, _ := b(i)
		if !slices.Equal(x.Tokens, y.Tokens) {
			t.Errorf("sequence %d depends on what was asked for before", i)
		}
	}
}

// TestWithPrompts gives prompts a little weight, and images none; the data stay as they are.
func TestWithPrompts(t *testing.T) {
	view := imaging.View{Size: imaging.Size{Width: 32, Height: 16}} // of 2×1 embeddings
	was := train.Sequence{Tokens: make([]int32, 8), Weights: []float32{0, 0, 0, 0, 1, 0.5, 0, 2}, Images: []train.Image{{At: 1, View: view}}}
	data := withPrompts(func(uint64) (train.Sequence, error) { return was, nil }, model.VisionConfig{Patch: 8, Merge: 2})
	got, err := data(0)
	if want := []float32{0.1, 0, 0, 0.1, 1, 0.5, 0.1, 2}; err != nil || !slices.Equal(got.Weights, want) || was.Weights[0] != 0 {
		t.Errorf("%v, %v, want %v; the data are %v", got.Weights, err, want, was.Weights)
	}
	was.Weights = nil
	if got, err := data(0); err != nil || got.Weights != nil {
		t.Errorf("all alike: %v, %v", got.Weights, err)
	}
}
