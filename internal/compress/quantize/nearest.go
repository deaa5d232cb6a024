package quantize

import (
	"fmt"
	"slices"

	"github.com/wattlaw/wattlaw/internal/model"
)

// preferred lists formats, of equal bytes the one with the least errors first.
var preferred = [...]model.Format{
	model.F32, model.F16, model.BF16, model.Q8_0, model.Q6_K, model.Q5_K_M, model.Q5_K_S, model.Q5_K, model.Q4_K_M, model.Q4_K_S,
	model.Q4_K, model.IQ4_NL, model.Q5_1, model.Q5_0, model.Q4_1, model.Q4_0, model.Q3_K, model.Q2_K,
}

// alike is how far beyond the nearest bytes, relative to those wanted, a format with smaller errors
// may lie.
const alike = 0.01

// Nearest returns which of the formats comes nearest to so many bytes, and the bytes that it has;
// of those that are alike within 1 % the one with the least errors. size tells a format's bytes.
func Nearest(want int64, among []model.Format, size func(model.Format) (int64, error)) (format model.Format, bytes int64, err error) {
	type choice struct {
		model.Format
		bytes, off int64
	}
	var choices []choice
	least := int64(-1)
	for _, f := range preferred {
		if !slices.Contains(among, f) {
			continue
		}
		n, err := size(f)
		if err != nil {
			return 0, 0, err
		}
		off := max(n-want, want-n)
		choices = append(choices, choice{f, n, off})
		if least < 0 || off < least {
			least = off
		}
	}
	for _, c := range choices {
		if float64(c.off) <= float64(least)+alike*float64(want) {
			return c.Format, c.bytes, nil
		}
	}
	return 0, 0, fmt.Errorf("quantize: no format to choose from for %d bytes", want)
}

// Bytes is what the weights of a model take with their matrices in a format.
func Bytes(src *model.Source, f model.Format) (n int64, err error) {
	p, err := newPlan(src, Options{Format: f})
	if err != nil {
		return 0, err
	}
	for _, c := range p.changes {
		n += c.After
	}
	return n, nil
}

// Same reports whether two models have the same tensors, of the same shapes: they then differ in
// their values and formats alone.
func Same(a, b *model.Source) bool {
	return len(a.Tensors) == len(b.Tensors) && !slices.ContainsFunc(a.Tensors, func(t model.Tensor) bool {
		other := b.Tensor(t.Name)
		return other == nil || !slices.Equal(t.Shape, other.Shape)
	})
}
