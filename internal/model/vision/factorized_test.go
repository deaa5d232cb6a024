package vision

import (
	"fmt"
	"math"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tn"
)

// TestFactorizedEncoders: an encoder whose layers are pairs, some with a common factor, and chains
// computes what the one does whose weights are their products.
func TestFactorizedEncoders(t *testing.T) {
	img := imaging.NewRGB(imaging.Size{Width: 50, Height: 37})
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7)
	}
	for _, name := range []string{"tiny-qwen2vl", "tiny-smolvlm"} {
		t.Run(name, func(t *testing.T) {
			dense, g := source(t, name, nil), linalg.NewMultiplierOf[float64](kernel.Best(), 1)
			e, err := New(dense)
			if err != nil {
				t.Fatal(err)
			}
			c, last := e.config, "mm.2"
			if !c.Dynamic() {
				last = "mm.model.fc"
			}
			pair := func(rank int, layers ...string) model.Cut {
				return model.Cut{Layers: layers, Limits: tn.UpTo(rank, 2), DType: tensor.F32}
			}
			plan := []model.Cut{pair(8, last), pair(20, "v.blk.1.attn_q", "v.blk.1.attn_k", "v.blk.1.attn_v")}
			for i := range c.Layers {
				plan = append(plan, pair(16+i, fmt.Sprintf("v.blk.%d.ffn_up", i)))
			}
			chain := pair(5, "v.blk.0.attn_out")
			chain.Sites = []tn.Site{{Out: 8, In: c.Width / 8}, {Out: c.Width / 8, In: 8}}
			src, _, err := model.Factorize(g, dense, append(plan, chain))
			if err != nil {
				t.Fatal(err)
			}
			product, err := model.Expand(g, src)
			if err != nil {
				t.Fatal(err)
			}
			want, got := encode(t, product, kernel.Best(), 1, img), encode(t, src, kernel.Best(), 3, img)
			var far, squares float64
			for i, v := range want {
				far, squares = max(far, math.Abs(float64(v-got[i]))), squares+float64(v)*float64(v)
			}
			if size := math.Sqrt(squares / float64(len(want))); !(far < 1e-4*size) {
				t.Errorf("embeddings of size %g differ by %g", size, far)
			}
		})
	}
}
