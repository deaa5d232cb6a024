package model

import (
	"testing"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// The rules are those of llama.cpp's quantizer; shapes are held to what it prints elsewhere.
func TestMixture(t *testing.T) {
	for _, c := range []struct {
		m    Mixture
		name string
		cols int
		want tensor.DType
	}{
		{Mixture{Format: Q4_K_S, Layers: 32}, "blk.3.attn_v.weight", 4096, tensor.Q5_K},
		{Mixture{Format: Q4_K_S, Layers: 32}, "blk.4.attn_v.weight", 4096, tensor.Q4_K},
		{Mixture{Format: Q4_K_S, Layers: 32}, "blk.3.ffn_down.weight", 4096, tensor.Q5_K},
		{Mixture{Format: Q5_K_M, Layers: 32}, "blk.31.ffn_down.weight", 4096, tensor.Q6_K},
		{Mixture{Format: Q4_K_M, Layers: 80, Queries: 8}, "blk.10.attn_v.weight", 8192, tensor.Q5_K},
		{Mixture{Format: Q4_0, Layers: 32}, "blk.0.ffn_down.weight", 4096, tensor.Q4_0},
		{Mixture{Format: Q4_0, Layers: 32, Weighted: true}, "blk.0.ffn_down.weight", 4096, tensor.Q4_1},
		{Mixture{Format: IQ4_NL, Layers: 32, Queries: 4}, "blk.9.attn_v.weight", 4096, tensor.Q5_K},
		{Mixture{Format: IQ4_NL, Layers: 32}, "blk.0.ffn_down.weight", 4096, tensor.Q5_K},
		{Mixture{Format: Q4_K, Layers: 32}, "output.weight", 4096, tensor.Q4_K},
		{Mixture{Format: Q4_K_M, Layers: 32, Tied: true}, "token_embd.weight", 4096, tensor.Q6_K},
		{Mixture{Format: Q5_K_M, Layers: 32}, "blk.9.attn_q.weight", 96, tensor.Q5_1},
		{Mixture{Format: Q2_K}, "blk.9.attn_q.weight", 96, tensor.Q4_0},
		{Mixture{Format: Q4_0}, "blk.9.attn_q.weight", 20, tensor.F16},
		{Mixture{Format: Q4_K_M, Encoder: true}, "v.blk.0.ffn_down.weight", 256, tensor.Q4_K},
		{Mixture{Format: BF16}, "blk.9.attn_q.weight", 20, tensor.BF16},
	} {
		if got := c.m.DType(c.name, c.cols); got != c.want {
			t.Errorf("%+v: %s of %d columns is %v, want %v", c.m, c.name, c.cols, got, c.want)
		}
	}
}

func TestIsMatrix(t *testing.T) {
	for name, want := range map[string]bool{
		"blk.0.attn_q.weight": true, "blk.0.attn_q.lr_a": true, "blk.0.attn_q.lr_b": true, "blk.0.ffn_up.mpo.1": true, "token_embd.weight": true,
		"blk.0.attn_q.bias": false, "blk.0.attn_norm.weight": false, "v.position_embd.weight": false, "position_embd.weight": false,
		"token_types.weight": false, "v.patch_embd.weight": false, "v.patch_embd.weight.1": false, "rope_freqs.weight": false,
	} {
		if got := (&Tensor{Name: name, Shape: []int{32, 2}}).IsMatrix(); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (&Tensor{Name: "blk.0.x.weight", Shape: []int{32}}).IsMatrix() {
		t.Error("a vector is a matrix")
	}
}
