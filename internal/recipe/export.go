package recipe

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// export writes the model as GGUF, its matrices in Q8_0, and its encoder of images beside it.
func (t *training) export() error {
	meta := append(model.GeneralMeta(t.recipe.Config.Architecture, t.recipe.Name, t.recipe.Description, model.Q8_0), t.recipe.Config.Meta()...)
	if t.recipe.Template != "" {
		meta = append(meta, model.Entry{Key: "tokenizer.chat_template", Value: gguf.ValueOf(t.recipe.Template)})
	}
	language := model.Source{Name: t.recipe.Name, Vocab: t.vocab, Meta: meta}
	if err := write(language, t.model.Tensors(), t.path(".gguf")); err != nil || t.recipe.Vision == nil {
		return err
	}
	meta = append(model.GeneralMeta(model.VisionArchitecture, t.recipe.Name+" encoder", t.recipe.Description, model.Q8_0), t.recipe.Vision.Meta()...)
	meta = append(meta, model.Entry{Key: "general.type", Value: gguf.ValueOf("mmproj")})
	encoder := model.Source{Name: t.recipe.Name + " encoder", Meta: meta}
	return write(encoder, t.model.VisionTensors(), t.path(".mmproj.gguf"))
}

func write(src model.Source, tensors []model.Tensor, path string) error {
	for _, t := range tensors {
		small, err := shrink(t)
		if err != nil {
			return err
		}
		src.Tensors = append(src.Tensors, small)
	}
	return src.WriteFile(path)
}

// shrink turns a matrix of F32 into Q8_0 and the kernels of a convolution, for which
// runtimes take no blocks, into F16; vectors stay.
func shrink(t model.Tensor) (model.Tensor, error) {
	to := tensor.F16
	switch len(t.Shape) {
	case 1:
		return t, nil
	case 2:
		to = tensor.Q8_0
	}
	values := make([]float32, t.Values())
	if err := tensor.Dequantize(values, t.DType, t.Data); err != nil {
		return t, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	t.DType = to
	t.Data = make([]byte, t.Bytes())
	if err := tensor.Quantize(t.Data, t.DType, values); err != nil {
		return t, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return t, nil
}
