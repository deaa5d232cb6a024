package recipe

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/wattlaw/wattlaw/internal/model"
)

// widened returns the hyperparameters of a model k times as wide: width, heads and hidden features.
func widened(c model.Config, v *model.VisionConfig, k int) (model.Config, *model.VisionConfig) {
	c.Width, c.FFN, c.Heads, c.KVHeads = k*c.Width, k*c.FFN, k*c.Heads, k*c.KVHeads
	if v != nil {
		w := *v
		w.Width, w.FFN, w.Heads, w.Output = k*v.Width, k*v.FFN, k*v.Heads, k*v.Output
		v = &w
	}
	return c, v
}

// widen returns the model k times as wide that computes the same (Chen et al., "Net2Net: accelerating
// learning via knowledge transfer", 2016). Every feature stands there k times; a layer weighs the copies of
// what it reads by coefficients of its own, which add up to one for each copy of what it makes. They differ,
// so that training makes the copies differ. Norms see copies as they see the originals, and the last norm
// makes up for the k products of a logit.
func widen(s *model.Source, meta []model.Entry, k int, seed uint64) (*model.Source, error) {
	out := &model.Source{Name: s.Name, Quant: s.Quant, Vocab: s.Vocab, Meta: meta}
	for _, t := range s.Tensors {
		values, err := t.Decode()
		if err != nil {
			return nil, fmt.Errorf("widen: %w", err)
		}
		wide, shape := spreadCopies(t, values, k, seed)
		out.Tensors = append(out.Tensors, model.F32Tensor(t.Name, shape, wide))
	}
	return out, nil
}

// spreadCopies widens one tensor.
func spreadCopies(t model.Tensor, values []float32, k int, seed uint64) (wide []float32, shape []int) {
	shape = append(shape, t.Shape...)
	last := len(shape) - 1
	switch {
	case t.Name == "token_embd.weight": // a row for each token, which are no features
		shape[0] *= k
		for i := 0; i < len(values); i += t.Shape[0] {
			for range k {
				wide = append(wide, values[i:i+t.Shape[0]]...)
			}
		}
		return wide, shape
	case last != 1: // a vector, or the kernels of patches, whose pixels are no features
		shape[last] *= k
		scale := float32(1)
		if t.Name == "output_norm.weight" {
			scale /= float32(k)
		}
		for range k {
			for _, v := range values {
				wide = append(wide, scale*v)
			}
		}
		return wide, shape
	}
	run := t.Shape[0] // inputs that lie side by side, copies of which follow
	if strings.HasPrefix(t.Name, "mm.0.") {
		run /= model.QwenMerge * model.QwenMerge // the features of each patch of an embedding
	}
	shape[0], shape[1] = k*shape[0], k*shape[1]
	weights := coefficients(t.Name, k, seed)
	for a := range k {
		for i := 0; i < len(values); i += run {
			for b := range k {
				for _, v := range values[i : i+run] {
					wide = append(wide, weights[a*k+b]*v)
				}
			}
		}
	}
	return wide, shape
}

// coefficients are k by k numbers that depend on the tensor's name: each row adds up to one.
func coefficients(name string, k int, seed uint64) []float32 {
	h := fnv.New64a()
	h.Write([]byte(name)) // a hash's Write never fails
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	c := make([]float32, k*k)
	for a := range k {
		row := c[a*k : (a+1)*k]
		var sum float32
		for b := range row {
			row[b] = float32(rng.NormFloat64()) / float32(k)
			sum += row[b]
		}
		for b := range row {
			row[b] += (1 - sum) / float32(k)
		}
	}
	return c
}
