package model_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/llama"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tn"
)

func zeros(dt tensor.DType, name string, shape ...int) model.Tensor {
	t := model.Tensor{Name: name, DType: dt, Shape: shape}
	t.Data = make([]byte, t.Bytes())
	return t
}

// partly is a tiny llama with a pair, a shared factor and chains in both orders; all else is dense.
func partly(t *testing.T) *model.Source {
	t.Helper()
	pair := func(layer string, rows, cols, rank int) model.Replacement {
		return model.Replacement{Layers: []string{layer}, Tensors: []model.Tensor{
			zeros(tensor.Q8_0, layer+".lr_a", cols, rank), zeros(tensor.Q4_0, layer+".lr_b", rank, rows)}}
	}
	src, err := build(t, "shape:tiny@q8_0").Replace([]model.Replacement{
		pair("blk.0.ffn_down", 256, 512, 32),
		{Layers: []string{"blk.0.attn_q", "blk.0.attn_k"}, Tensors: []model.Tensor{zeros(tensor.F16, "blk.0.attn_qkv.lr_a", 256, 96),
			zeros(tensor.Q8_0, "blk.0.attn_q.lr_b", 96, 256), zeros(tensor.F32, "blk.0.attn_k.lr_b", 96, 128)}},
		{Layers: []string{"blk.1.ffn_up"}, Tensors: []model.Tensor{zeros(tensor.F32, "blk.1.ffn_up.mpo.0", 16*8, 32), zeros(tensor.F16, "blk.1.ffn_up.mpo.1", 16, 16, 8)}},
		{Layers: []string{"blk.1.attn_q"}, Tensors: []model.Tensor{zeros(tensor.F32, "blk.1.attn_q.mpo.0", 16, 16, 1, 8), zeros(tensor.Q8_0, "blk.1.attn_q.mpo.1", 16*8, 16)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// TestFactorizedCosts: bytes and multiply-adds of all layers are those of their tensors and schedules; a
// shared factor counts once.
func TestFactorizedCosts(t *testing.T) {
	src := partly(t)
	g, err := llama.New(src)
	if err != nil {
		t.Fatal(err)
	}
	if c := g.Config(); c.Architecture != "llama" {
		t.Errorf("the graph is a %q", c.Architecture)
	}
	var bytes, mulAdds, want, dense int64
	for _, l := range g.Layers() {
		bytes, mulAdds = bytes+l.Bytes(), mulAdds+l.MulAdds()
	}
	for i := range src.Tensors {
		tensor := &src.Tensors[i]
		if tensor.Name == "token_embd.weight" {
			continue // no linear layer
		}
		if len(tensor.Shape) > 1 {
			want += tensor.Bytes()
		}
		if len(tensor.Shape) > 1 && !strings.Contains(tensor.Name, ".mpo.") {
			dense += tensor.Values()
		}
	}
	// chains: ffn_up has 16 tokens of 16 by 8·16, then 16 of 16·8 by 32; attn_q 16 of 16 by 16·8, then 16 of 16·8 by 16
	chains := int64(16*16*8*16+16*16*8*32) + int64(16*16*16*8+16*16*8*16)
	if bytes != want || mulAdds != dense+chains {
		t.Errorf("%d bytes and %d multiply-adds, want %d and %d", bytes, mulAdds, want, dense+chains)
	}
}

// TestDamagedFactorsAreRefused damages a valid model in one place at a time; the error names it.
func TestDamagedFactorsAreRefused(t *testing.T) {
	add := func(name string, shape ...int) func(*model.Source) {
		return func(s *model.Source) { s.Tensors = append(s.Tensors, zeros(tensor.F32, name, shape...)) }
	}
	reshape := func(name string, shape ...int) func(*model.Source) {
		return func(s *model.Source) {
			i := slices.IndexFunc(s.Tensors, func(t model.Tensor) bool { return t.Name == name })
			s.Tensors[i] = zeros(tensor.F32, name, shape...)
		}
	}
	drop := func(name string) func(*model.Source) { return func(s *model.Source) { remove(s, name) } }
	cases := []struct {
		name   string
		damage func(*model.Source)
		want   []string
	}{
		{"a reader that knows no factors", func(s *model.Source) { set(s, "general.architecture", gguf.ValueOf("llama")) }, []string{"blk.0.attn_q.weight", "missing"}},
		{"an unknown family", func(s *model.Source) { set(s, "general.architecture", gguf.ValueOf("gpt-lr")) }, []string{"gpt."}},
		{"no first factor", drop("blk.0.ffn_down.lr_a"), []string{"blk.0.ffn_down.lr_a", "missing", "blk.0.ffn_down.lr_b"}},
		{"no second factor", drop("blk.0.ffn_down.lr_b"), []string{"blk.0.ffn_down.lr_b", "missing"}},
		{"no shared factor", drop("blk.0.attn_qkv.lr_a"), []string{"blk.0.attn_q.lr_a", "missing"}},
		{"no layer at all", func(s *model.Source) { drop("blk.0.ffn_down.lr_a")(s); drop("blk.0.ffn_down.lr_b")(s) }, []string{"blk.0.ffn_down.weight", "missing"}},
		{"ranks that differ", reshape("blk.0.ffn_down.lr_b", 31, 256), []string{"blk.0.ffn_down.lr_b", "[31 256]", "[32 outputs]", "blk.0.ffn_down.lr_a"}},
		{"a shared rank that differs", reshape("blk.0.attn_k.lr_b", 64, 128), []string{"blk.0.attn_k.lr_b", "[64 128]", "blk.0.attn_qkv.lr_a"}},
		{"other inputs", reshape("blk.0.ffn_down.lr_a", 511, 32), []string{"blk.0.ffn_down.lr_a", "256 by 511", "256 by 512"}},
		{"other outputs", reshape("blk.0.ffn_down.lr_b", 32, 255), []string{"blk.0.ffn_down.lr_b", "255 by 512"}},
		{"rank of 0", func(s *model.Source) { s.Tensor("blk.0.ffn_down.lr_a").Shape = []int{512, 0} }, []string{"blk.0.ffn_down.lr_a", "[512 0]"}},
		{"a rank beyond the matrix", func(s *model.Source) {
			reshape("blk.0.ffn_down.lr_a", 512, 300)(s)
			reshape("blk.0.ffn_down.lr_b", 300, 256)(s)
		}, []string{"blk.0.ffn_down.lr_a", "300", "256"}},
		{"a vector", reshape("blk.0.ffn_down.lr_a", 512*32), []string{"blk.0.ffn_down.lr_a", "[16384]"}},
		{"dense besides", add("blk.0.ffn_down.weight", 512, 256), []string{"blk.0.ffn_down.weight", "blk.0.ffn_down.lr_b", "stored once"}},
		{"a chain besides", add("blk.0.ffn_down.mpo.0", 512, 256), []string{"blk.0.ffn_down", "pair", "chain"}},
		{"a factor of its own beside the shared one", add("blk.0.attn_v.lr_a", 256, 8), []string{"blk.0.attn_v.lr_b", "missing"}},
		{"a shared factor that nobody reads", add("blk.0.ffn_gate_up.lr_a", 256, 8), []string{"blk.0.ffn_gate_up.lr_a", "no place"}},
		{"no first core", drop("blk.1.ffn_up.mpo.0"), []string{"blk.1.ffn_up.mpo.0", "missing"}},
		{"no last core", drop("blk.1.ffn_up.mpo.1"), []string{"blk.1.ffn_up.mpo.0", "want 512 by 256", "missing?"}},
		{"a core too many", add("blk.1.ffn_up.mpo.2", 2, 1), []string{"blk.1.ffn_up.mpo.", "want 512 by 256"}},
		{"a bond that does not fit", reshape("blk.1.ffn_up.mpo.1", 16, 16, 9), []string{"blk.1.ffn_up.mpo.0", "multiple of the bond, 9"}},
		{"an open end", reshape("blk.1.ffn_up.mpo.0", 16*8, 32, 2), []string{"blk.1.ffn_up.mpo.0", "neighbours"}},
		{"both orders", reshape("blk.1.ffn_up.mpo.0", 16, 32, 1, 8), []string{"blk.1.ffn_up.mpo.", "neighbours"}},
		{"five dimensions", reshape("blk.1.ffn_up.mpo.1", 2, 8, 16, 8, 1), []string{"blk.1.ffn_up.mpo.1", "[2 8 16 8 1]"}},
		{"short data", func(s *model.Source) { x := s.Tensor("blk.1.attn_q.mpo.1"); x.Data = x.Data[1:] }, []string{"blk.1.attn_q.mpo.1", "bytes"}},
		{"rows that blocks do not divide", func(s *model.Source) {
			x := s.Tensor("blk.1.ffn_up.mpo.1")
			*x = model.Tensor{Name: x.Name, DType: tensor.Q4_K, Shape: x.Shape, Data: make([]byte, 1152)}
		}, []string{"blk.1.ffn_up.mpo.1", "256"}},
		{"whole numbers", func(s *model.Source) {
			x := s.Tensor("blk.0.ffn_down.lr_a")
			x.DType, x.Data = tensor.I8, make([]byte, 512*32)
		}, []string{"blk.0.ffn_down.lr_a", "no kernel"}},
	}
	for _, c := range cases {
		src := partly(t)
		c.damage(src)
		_, err := llama.New(src)
		if err == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", c.name, err, want)
			}
		}
	}
}

// TestWhatCannotBeFactorized names the layer and what is wrong.
func TestWhatCannotBeFactorized(t *testing.T) {
	src := build(t, "shape:tiny@f32")
	cut := func(rank int, dt tensor.DType, layers ...string) model.Cut {
		return model.Cut{Layers: layers, Limits: tn.UpTo(rank, 2), DType: dt}
	}
	chain := cut(4, tensor.F32, "blk.0.attn_k", "blk.0.attn_v")
	chain.Sites = []tn.Site{{Out: 16, In: 16}, {Out: 16, In: 16}}
	for _, c := range []struct {
		cut  model.Cut
		want string
	}{
		{cut(4, tensor.F32), "no layer"},
		{cut(4, tensor.F32, "blk.7.attn_k"), "blk.7.attn_k"},
		{cut(4, tensor.F32, "output_norm"), "output_norm"},
		{cut(4, tensor.F32, "blk.0.attn_k", "blk.0.ffn_down"), "reads 512"},
		{cut(4, tensor.F32, "blk.0.attn_k", "blk.0.ffn_up"), "one input"},
		{cut(4, tensor.F32, "blk.0.attn_k", "blk.1.attn_v"), "one input"},
		{cut(4, tensor.Q8_0, "blk.0.attn_k"), "blk.0.attn_k.lr_b"},
		{chain, "share"},
	} {
		if _, _, err := model.Factorize(linalg.NewMultiplierOf[float64](kernel.Best(), 1), src, []model.Cut{c.cut}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.cut.Layers, err, c.want)
		}
	}
	twice := []model.Replacement{{Layers: []string{"blk.0.attn_k"}}, {Layers: []string{"blk.0.attn_k"}}}
	if _, err := src.Replace(twice); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Error(fmt.Sprint("a layer replaced twice: ", err))
	}
}
