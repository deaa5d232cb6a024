package recipe

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// fileTypeQ8 is the number of general.file_type for matrices in Q8_0.
const fileTypeQ8 = 7

// export writes the model as GGUF, its matrices in Q8_0.
func (t *training) export() error {
	text := func(key, value string) model.Entry { return model.Entry{Key: key, Value: gguf.ValueOf(value)} }
	src := &model.Source{Name: t.recipe.Name, Vocab: t.vocab, Meta: append([]model.Entry{
		text("general.architecture", t.recipe.Config.Architecture),
		text("general.name", t.recipe.Name),
		text("general.description", t.recipe.Description),
		{Key: "general.file_type", Value: gguf.ValueOf(uint32(fileTypeQ8))},
		{Key: "general.quantization_version", Value: gguf.ValueOf(uint32(2))},
		text("tokenizer.chat_template", t.recipe.Template),
	}, t.recipe.Config.Meta()...)}
	for _, tensor := range t.model.Tensors() {
		small, err := quantize(tensor)
		if err != nil {
			return err
		}
		src.Tensors = append(src.Tensors, small)
	}
	return src.WriteFile(t.path(".gguf"))
}

// quantize turns a matrix of F32 into Q8_0 and leaves vectors alone.
func quantize(t model.Tensor) (model.Tensor, error) {
	if len(t.Shape) < 2 {
		return t, nil
	}
	values := make([]float32, t.Values())
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	t.DType = tensor.Q8_0
	t.Data = make([]byte, t.Bytes())
	if err := tensor.Quantize(t.Data, t.DType, values); err != nil {
		return t, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return t, nil
}
