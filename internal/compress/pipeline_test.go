package compress

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/builtin"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/world"
)

const testVocab = 300

// testConfig is a small decoder's.
func testConfig(architecture string) model.Config {
	c := model.Config{Architecture: architecture, Context: 128, Width: 64, Layers: 2, FFN: 128, Heads: 4, KVHeads: 2, HeadDim: 16,
		RopeDims: 16, Eps: 1e-5, RopeBase: 10000, RopeScale: 1, Vocab: testVocab}
	if architecture == "qwen2vl" {
		c.RopeSections = [3]int{2, 3, 3}
	}
	return c
}

// random makes a model whose layers have spectra that fall, as those of trained ones do.
func random(t testing.TB, architecture string, tied bool) Pair {
	t.Helper()
	var m *train.Model
	var p Pair
	var err error
	c := testConfig(architecture)
	sees := architecture == "qwen2vl"
	v := model.VisionConfig{Projector: model.ProjectorQwen2VL, Width: 32, Layers: 2, Heads: 2, FFN: 64, Output: c.Width, Patch: 8,
		Merge: model.QwenMerge, ImageSize: 64, Eps: 1e-6, Activation: model.QuickGELU, Std: [3]float32{1, 1, 1}}
	if sees {
		m, err = train.NewRandomSeeing(c, v, tied, 1, train.Options{Threads: 1})
	} else {
		m, err = train.NewRandom(c, tied, 1, train.Options{Threads: 1})
	}
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, q := range m.Params() {
		if len(q.Shape) == 2 && !strings.Contains(q.Name, "embd") {
			fade(rng, q.Value, q.Shape[0])
		}
	}
	vocab, err := tokenizer.Synthetic("qwen2", testVocab, 1, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
	if err != nil {
		t.Fatal(err)
	}
	p.Language = &model.Source{Name: "test", Vocab: vocab, Tensors: m.Tensors(),
		Meta: append(model.GeneralMeta(architecture, "test", "", model.F32), c.Meta()...)}
	if sees {
		p.Encoder = &model.Source{Name: "test encoder", Tensors: m.VisionTensors(),
			Meta: append(model.GeneralMeta(model.VisionArchitecture, "test", "", model.F32), v.Meta()...)}
	}
	return p
}

// fade makes a matrix the sum of a few strong directions and noise.
func fade(rng *rand.Rand, w []float32, cols int) {
	rows := len(w) / cols
	for i := range w {
		w[i] = float32(0.02 * rng.NormFloat64())
	}
	for k := range 16 {
		u, v := make([]float64, rows), make([]float64, cols)
		for i := range u {
			u[i] = rng.NormFloat64()
		}
		for j := range v {
			v[j] = rng.NormFloat64()
		}
		size := 1.5 / math.Sqrt(float64(rows*cols)) / float64(k+1)
		for i := range u {
			for j := range v {
				w[i*cols+j] += float32(size * u[i] * v[j] * math.Sqrt(float64(cols)) / 2)
			}
		}
	}
}

// sequences are random ones, with pictures for a model that sees.
func sequences(n int, sees bool) (list []train.Sequence) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range n {
		var s train.Sequence
		for i := range 48 {
			s.Tokens, s.Weights = append(s.Tokens, int32(rng.IntN(testVocab))), append(s.Weights, 1)
			if sees && i >= 2 && i < 18 {
				s.Weights[i] = 0
			}
		}
		if sees {
			view := imaging.View{Size: imaging.Size{Width: 64, Height: 64}, Data: make([]float32, 3*64*64)}
			for i := range view.Data {
				view.Data[i] = float32(rng.NormFloat64())
			}
			s.Images = []train.Image{{At: 2, View: view}}
		}
		list = append(list, s)
	}
	return list
}

func calibration(t testing.TB, list []train.Sequence) Calibration {
	t.Helper()
	d, err := Split(list)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func keep(share float64) Options {
	return Options{Goal: Goal{Measure: Parameters, Share: share}, Threads: 1, Version: "test"}
}

// load writes a model and lets the engine load it.
func load(t testing.TB, p Pair) *engine.Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := p.Write(path, path+".mmproj"); err != nil {
		t.Fatal(err)
	}
	opt := engine.Options{Threads: 1}
	if p.Encoder != nil {
		opt.Projector = path + ".mmproj"
	}
	e, err := engine.Load(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// TestCompress cuts models of text and of images, which the engine loads, to no more than was asked for.
func TestCompress(t *testing.T) {
	for _, c := range []struct {
		architecture string
		tied         bool
		opt          func(*Options)
	}{
		{"llama", false, func(*Options) {}},
		{"llama", true, func(o *Options) { f := model.Q8_0; o.Format = &f }},
		{"qwen2", true, func(o *Options) { o.Goal = Goal{Measure: Bytes, Amount: 250e3} }},
		{"qwen2vl", true, func(*Options) {}},
		{"llama", true, func(o *Options) { o.Sites = 2 }},
	} {
		sees := c.architecture == "qwen2vl"
		in := random(t, c.architecture, c.tied)
		opt := keep(0.6)
		c.opt(&opt)
		out, r, err := Compress(context.Background(), in, calibration(t, sequences(20, sees)), opt)
		if err != nil {
			t.Fatal(c.architecture, err)
		}
		price := opt.Goal.price()
		target := opt.Goal.Amount
		if target == 0 {
			target = opt.Goal.Share * price(r.Before)
		}
		if got := price(r.After); got > target || got < 0.85*target {
			t.Errorf("%s: %g, want up to %g", c.architecture, got, target)
		}
		if !(r.Held.KL >= 0 && r.Held.KL < 1) || r.Held.Tokens == 0 {
			t.Errorf("%s: held-out divergence %+v", c.architecture, r.Held)
		}
		if a := out.Language.Text("general.architecture"); a != c.architecture+"-lr" || out.Language.Text(metaPrefix+"version") != "test" {
			t.Errorf("architecture %q, version %q", a, out.Language.Text(metaPrefix+"version"))
		}
		if sees && !strings.HasSuffix(out.Encoder.Text("general.architecture"), "-lr") {
			t.Error("the encoder was not cut")
		}
		load(t, out)
	}
}

// TestNarrow makes a model of its old architecture.
func TestNarrow(t *testing.T) {
	in := random(t, "qwen2vl", true)
	opt := keep(0.9)
	opt.LlamaCpp = true
	out, r, err := Compress(context.Background(), in, calibration(t, sequences(20, true)), opt)
	if err != nil {
		t.Fatal(err)
	}
	if a := out.Language.Text("general.architecture"); a != "qwen2vl" || len(out.Language.Tensors) != len(in.Language.Tensors) {
		t.Errorf("architecture %q, %d tensors", a, len(out.Language.Tensors))
	}
	if got := float64(r.After.Parameters); got > 0.9*float64(r.Before.Parameters) {
		t.Errorf("%+v of %+v", r.After, r.Before)
	}
	if !(r.Held.KL >= 0 && r.Held.KL < 1) {
		t.Errorf("%+v", r.Held)
	}
	load(t, out)
	opt.Goal.Share = 0.2
	if _, _, err := Compress(context.Background(), in, calibration(t, sequences(20, true)), opt); err == nil || !strings.Contains(err.Error(), "at least") {
		t.Error(err)
	}
}

// TestWholeEnergy counts no table of embeddings, which no product reads.
func TestWholeEnergy(t *testing.T) {
	for _, tied := range []bool{false, true} {
		c, err := open(random(t, "llama", tied), keep(0.5))
		if err != nil {
			t.Fatal(err)
		}
		all := c.whole()
		c.Goal.Measure = Energy
		want := all.Parameters
		if !tied {
			want -= testVocab * 64
		}
		if got := c.whole(); got.Parameters != want || got.Bytes != 4*want || got.MulAdds != want {
			t.Errorf("tied %v: %+v of %+v", tied, got, all)
		}
	}
}

// TestRefused says what is wrong and what to do.
func TestRefused(t *testing.T) {
	in := random(t, "llama", true)
	broken := random(t, "llama", true)
	data := broken.Language.Tensor("blk.1.attn_v.weight").Data
	copy(data[40:], []byte{0, 0, 0xc0, 0x7f}) // NaN
	good := calibration(t, sequences(20, false))
	for name, c := range map[string]struct {
		in   Pair
		data Calibration
		opt  Options
		want string
	}{
		"few tokens":   {in, calibration(t, sequences(3, false)), keep(0.6), "reads 128 features"},
		"NaN":          {broken, good, keep(0.6), "blk.1.attn_v.weight"},
		"too small":    {in, good, keep(0.01), "ask for at least"},
		"nothing held": {in, Calibration{Sequences: good.Sequences}, keep(0.6), "held out"},
		"nothing to predict": {in, Calibration{Sequences: good.Sequences, Held: []train.Sequence{{Tokens: []int32{1, 2}, Weights: make([]float32, 2)}}},
			keep(0.6), "weight above 0"},
		"no image held":             {random(t, "qwen2vl", true), Calibration{Sequences: sequences(20, true), Held: good.Held}, keep(0.6), "none has an image"},
		"images without an encoder": {in, calibration(t, sequences(20, true)), keep(0.6), "no encoder"},
	} {
		if _, _, err := Compress(context.Background(), c.in, c.data, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := Split(sequences(1, false)); err == nil {
		t.Error("one sequence is split")
	}
}

// TestSearch finds a small model that is near enough.
func TestSearch(t *testing.T) {
	in, data := random(t, "llama", true), calibration(t, sequences(20, false))
	opt := keep(0)
	opt.Goal = Goal{Measure: Parameters, KL: 0.01}
	opt.Without = []Step{Allocation}
	tried := 0
	opt.Tried = func(*Report, bool) { tried++ }
	_, r, err := Compress(context.Background(), in, data, opt)
	if err != nil {
		t.Fatal(err)
	}
	if r.Held.KL > 0.02 || r.After.Parameters >= r.Before.Parameters || tried != searches {
		t.Errorf("%+v after %d trials: %d of %d parameters", r.Held, tried, r.After.Parameters, r.Before.Parameters)
	}
}

// TestAblation: on a trained model whitening matters, and so does what layers before have changed.
func TestAblation(t *testing.T) {
	f, err := builtin.Open(builtin.Prefix + "scribe")
	if err != nil {
		t.Fatal(err)
	}
	src, err := model.FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	data := stories(t, src, 24)
	kl := map[string]float64{}
	for _, without := range []string{"", "anchor", "anchor,whiten"} {
		opt := keep(0.6)
		format := model.F16
		opt.Format = &format
		steps, err := ParseSteps("allocate," + without)
		if err != nil {
			t.Fatal(err)
		}
		opt.Without = steps
		_, r, err := Compress(context.Background(), Pair{Language: src}, data, opt)
		if err != nil {
			t.Fatal(err)
		}
		kl[without] = r.Held.KL
	}
	t.Logf("KL without steps: %v", kl)
	if !(kl["anchor"] < kl["anchor,whiten"]/1.5) || !(kl[""] < 1.1*kl["anchor"]) {
		t.Errorf("KL without steps: %v", kl)
	}
}

// stories are sequences of the small world.
func stories(t testing.TB, src *model.Source, n int) Calibration {
	t.Helper()
	tok, err := tokenizer.New(src.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	s, err := world.NewStories(world.Options{Split: world.Train, Seed: 9})
	if err != nil {
		t.Fatal(err)
	}
	var list []train.Sequence
	for i := range n {
		var q train.Sequence
		add := func(text string, weight float32, special bool) {
			for _, id := range tok.Encode(text, tokenizer.EncodeOptions{AddSpecial: special}) {
				q.Tokens, q.Weights = append(q.Tokens, id), append(q.Weights, weight)
			}
		}
		for k, e := range s.Study(uint64(i), 8) {
			if k == 0 {
				add(e.Prompt(), 0, true)
			} else {
				add("\n"+e.Ask(), 0, false)
			}
			add(" "+e.Answer, 1, false)
		}
		list = append(list, q)
	}
	return calibration(t, list)
}
