package recipe

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// export writes the model as GGUF, its matrices in Q8_0, and its encoder of images beside it.
func (t *training) export() error {
	meta, encoderMeta := t.meta()
	language := model.Source{Name: t.recipe.Name, Vocab: t.vocab, Meta: meta}
	if err := write(language, t.model.Tensors(), t.path(".gguf")); err != nil || t.vision == nil {
		return err
	}
	encoder := model.Source{Name: t.recipe.Name + " encoder", Meta: encoderMeta}
	return write(encoder, t.model.VisionTensors(), model.EncoderPath(t.path(".gguf")))
}

// meta is the metadata of the model and, if it sees, of its encoder.
func (t *training) meta() (language, encoder []model.Entry) {
	language = append(model.GeneralMeta(t.config.Architecture, t.recipe.Name, t.recipe.Description, model.Q8_0), t.config.Meta()...)
	if t.recipe.Template != "" {
		language = append(language, model.Entry{Key: "tokenizer.chat_template", Value: gguf.ValueOf(t.recipe.Template)})
	}
	if t.vision != nil {
		encoder = append(model.GeneralMeta(model.VisionArchitecture, t.recipe.Name+" encoder", t.recipe.Description, model.Q8_0), t.vision.Meta()...)
		encoder = append(encoder, model.Entry{Key: "general.type", Value: gguf.ValueOf("mmproj")})
	}
	return language, encoder
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
	values, err := t.Decode()
	if err != nil {
		return t, err
	}
	t.DType = to
	t.Data = make([]byte, t.Bytes())
	if err := tensor.Quantize(t.Data, t.DType, values); err != nil {
		return t, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return t, nil
}
