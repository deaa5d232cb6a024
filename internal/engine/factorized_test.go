package engine

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tn"
)

// factorizedCase is a way to cut the layers of a small model.
type factorizedCase struct {
	name  string
	shape string
	dt    tensor.DType
	plan  func(c model.Config) []model.Cut
}

func factorizedCases() []factorizedCase {
	return []factorizedCase{
		{"llama pairs", "llama", tensor.F32, pairs(9)},
		{"qwen2 pairs", "qwen2", tensor.F16, pairs(16, "output")},
		{"llama shared", "llama", tensor.F32, sharedPairs(24)},
		{"qwen2 shared", "qwen2", tensor.BF16, sharedPairs(40)},
		{"llama chains", "llama", tensor.F32, chains(5)},
		{"qwen2 chains", "qwen2", tensor.F32, chains(7)},
		{"qwen2vl shared", "qwen2vl", tensor.F32, sharedPairs(24)},
		{"qwen2vl chains", "qwen2vl", tensor.F32, chains(6)},
		{"llama Q8_0", "llama", tensor.Q8_0, pairs(32)},
		{"llama shared Q4_0", "llama", tensor.Q4_0, sharedPairs(32)},
		{"llama Q4_K", "llama-wide", tensor.Q4_K, wide},
		{"llama Q6_K", "llama-wide", tensor.Q6_K, wide},
	}
}

func low(rank int, layers ...string) model.Cut {
	return model.Cut{Layers: layers, Limits: tn.UpTo(rank, 2)}
}

// pairs cuts layers of the first block each for itself, and others as named; values stay dense.
func pairs(rank int, others ...string) func(model.Config) []model.Cut {
	return func(model.Config) (plan []model.Cut) {
		for _, layer := range append(others, "blk.0.attn_q", "blk.0.attn_k", "blk.0.attn_output", "blk.0.ffn_gate", "blk.0.ffn_up", "blk.0.ffn_down") {
			plan = append(plan, low(rank, layer))
		}
		return plan
	}
}

// sharedPairs cuts the layers of the last block that read one input together; keys have a factor of
// their own.
func sharedPairs(rank int) func(model.Config) []model.Cut {
	return func(c model.Config) []model.Cut {
		blk := fmt.Sprintf("blk.%d.", c.Layers-1)
		return []model.Cut{low(rank, blk+"attn_q", blk+"attn_v"), low(rank, blk+"attn_k"), low(rank, blk+"ffn_gate", blk+"ffn_up"), low(rank, blk+"ffn_down")}
	}
}

// wide cuts layers to a rank that fills a block of 256.
func wide(model.Config) []model.Cut {
	return []model.Cut{low(256, "blk.0.attn_q", "blk.0.attn_v"), low(256, "blk.0.ffn_down")}
}

// chains cuts layers to operators of two and three sites whose cheaper orders differ.
func chains(bond int) func(model.Config) []model.Cut {
	return func(c model.Config) []model.Cut {
		cut := func(layer string, sites ...tn.Site) model.Cut {
			return model.Cut{Layers: []string{"blk.0." + layer}, Sites: sites, Limits: tn.UpTo(bond, len(sites))}
		}
		queries := c.Heads * c.HeadDim
		return []model.Cut{
			cut("ffn_up", tn.Site{Out: 8, In: 4}, tn.Site{Out: c.FFN / 8, In: c.Width / 4}),
			cut("ffn_gate", tn.Site{Out: 2, In: 8}, tn.Site{Out: c.FFN / 2, In: c.Width / 8}),
			cut("ffn_down", tn.Site{Out: 2, In: 4}, tn.Site{Out: 4, In: 4}, tn.Site{Out: c.Width / 8, In: c.FFN / 16}),
			cut("attn_q", tn.Site{Out: queries / 2, In: 2}, tn.Site{Out: 2, In: c.Width / 2}),
		}
	}
}

func factorizedShape(name string) shape.Shape {
	shapes := parityShapes()
	if name != "qwen2vl" {
		return shapes[name]
	}
	return sightShapes()[0]
}

// factorized makes the model of a case in memory.
func (c factorizedCase) build(t *testing.T) *model.Source {
	t.Helper()
	s := factorizedShape(c.shape)
	dense, err := s.Build(shape.F32, 3)
	if err != nil {
		t.Fatal(err)
	}
	plan := c.plan(s.Config)
	for i := range plan {
		plan[i].DType = c.dt
	}
	src, losses, err := model.Factorize(float64s(), dense, plan)
	if err != nil {
		t.Fatal(err)
	}
	if len(losses) != len(plan) {
		t.Fatalf("%d losses of %d cuts", len(losses), len(plan))
	}
	return src
}

func float64s() *tn.Multiplier { return linalg.NewMultiplierOf[float64](kernel.Best(), 1) }

func writeModel(t *testing.T, src *model.Source) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := src.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFactorizedModels computes what the dense models do whose weights are the products of the
// factors, however prompts are split, with any number of workers, and without allocations.
func TestFactorizedModels(t *testing.T) {
	for _, c := range factorizedCases() {
		t.Run(c.name, func(t *testing.T) {
			src := c.build(t)
			product, err := model.Expand(float64s(), src)
			if err != nil {
				t.Fatal(err)
			}
			path, dense := writeModel(t, src), writeModel(t, product)
			t.Run("products", func(t *testing.T) { c.equalsProducts(t, src, path, dense) })
			t.Run("splits", func(t *testing.T) { c.splits(t, path) })
			if factorized, whole := allocations(t, path), allocations(t, dense); factorized > whole {
				t.Errorf("%v allocations a token, the dense model makes %v", factorized, whole)
			}
		})
	}
}

// equalsProducts compares logits with the dense model's, for every instruction set.
func (c factorizedCase) equalsProducts(t *testing.T, src *model.Source, path, dense string) {
	oracle := load(t, dense, Options{Kernel: "ref", Threads: 1})
	tokens := prompt(40, oracle.Info().Vocabulary)
	want := allLogits(t, oracle, tokens, 0)
	for _, set := range kernel.Available() {
		e := load(t, path, Options{Kernel: set.Name(), Threads: 2})
		if info := e.Info(); !strings.HasSuffix(info.Architecture, "-lr") || info.Bytes != src.Bytes() {
			t.Errorf("info %+v", info)
		}
		difference, spread := largestDifference(want, allLogits(t, e, tokens, 0))
		t.Logf("%s: logits differ by %.2g of their spread", set.Name(), difference/spread)
		if limit := c.limit(); !(difference <= limit*spread) {
			t.Errorf("%s: logits differ by %.3g of their spread, limit %g", set.Name(), difference/spread, limit)
		}
	}
}

// limit is of the difference of logits, by their spread: activations that int8 or bfloat16 stand for
// differ between the product and the factors by their rounding.
func (c factorizedCase) limit() float64 {
	switch c.dt {
	case tensor.F32:
		return 1e-4
	case tensor.F16:
		return 3e-3
	case tensor.BF16:
		return 1e-2
	}
	return 5e-2
}

// splits: how a prompt is split changes logits no more than it does in dense models, the number of
// workers no bit.
func (c factorizedCase) splits(t *testing.T, path string) {
	limit := divergenceLimit("f32")
	if c.dt != tensor.F32 && c.dt != tensor.F16 {
		limit = divergenceLimit("quantized")
	}
	var one, whole [][]float32
	for _, threads := range []int{1, 2, 5} {
		e := load(t, path, Options{Threads: threads, Batch: 64})
		tokens := prompt(70, e.Info().Vocabulary)
		single, batch := allLogits(t, e, tokens[:20], 1), allLogits(t, e, tokens, 0)
		if one == nil {
			one, whole = single, batch
		}
		for i := range batch {
			if !slices.Equal(batch[i], whole[i]) || i < len(one) && !slices.Equal(single[i], one[i]) {
				t.Fatalf("row %d with %d threads differs from one thread", i, threads)
			}
		}
		for _, size := range []int{3, 7, 33} {
			if kl := meanDivergence(whole, allLogits(t, e, tokens, size)); kl > limit {
				t.Errorf("batches of %d diverge by KL %g", size, kl)
			}
		}
		if kl := meanDivergence(single, whole[:20]); kl > limit {
			t.Errorf("single tokens diverge by KL %g", kl)
		}
	}
}

// allocations counts those of a token.
func allocations(t *testing.T, path string) float64 {
	e := load(t, path, Options{Threads: 2})
	token := []int32{5}
	return testing.AllocsPerRun(20, func() {
		if _, err := e.Eval(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	})
}
