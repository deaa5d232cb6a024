package huggingface

import (
	"fmt"
	"strings"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
)

const preprocessorFile = "preprocessor_config.json"

// visionPrefixes of the encoder's tensors, in the older and the newer layout.
var visionPrefixes = [...]string{"visual.", "model.visual."}

// visionConfig is what is read of config.json's vision_config. Qwen2-VL's hidden_size is the width
// of the language model, Qwen2.5-VL's that of the encoder.
type visionConfig struct {
	Depth      int32   `json:"depth"`
	EmbedDim   int32   `json:"embed_dim"`
	Hidden     int32   `json:"hidden_size"`
	Ratio      float64 `json:"mlp_ratio"`
	FFN        int32   `json:"intermediate_size"`
	Output     int32   `json:"out_hidden_size"`
	Heads      int32   `json:"num_heads"`
	Patch      int32   `json:"patch_size"`
	Merge      *int32  `json:"spatial_merge_size"`
	Frames     *int32  `json:"temporal_patch_size"`
	ImageSize  *int32  `json:"image_size"`
	Activation string  `json:"hidden_act"`
	Full       []int32 `json:"fullatt_block_indexes"`
	Window     *int32  `json:"window_size"`
}

// preprocessor is what is read of preprocessor_config.json.
type preprocessor struct {
	Mean []float32 `json:"image_mean"`
	Std  []float32 `json:"image_std"`
}

// Sees reports whether the model takes images.
func (f *Folder) Sees() bool { return f.family().projector != "" }

// sees reports whether the tensors of that name or prefix belong to the encoder of images.
func (f *Folder) sees(name string) bool {
	for _, prefix := range visionPrefixes {
		if f.Sees() && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Encoder returns the encoder of images, nil for a model without one. Its values are those of the
// files, which must stay open, but for vectors and the embedding of patches.
func (f *Folder) Encoder() (*model.Source, error) {
	if !f.Sees() {
		return nil, nil
	}
	p, err := f.encoder()
	if err != nil {
		return nil, err
	}
	return p.materialize()
}

// WriteEncoder writes the encoder of images as a GGUF file ("mmproj"), all or nothing.
func (f *Folder) WriteEncoder(path string) error {
	if !f.Sees() {
		return fmt.Errorf("%s: %s has no encoder of images", f.dir, f.config.Architectures[0])
	}
	p, err := f.encoder()
	if err != nil {
		return err
	}
	return p.source.WriteStream(path, func(i int) ([]byte, error) { return p.data[i]() })
}

// encoder plans the encoder.
func (f *Folder) encoder() (*plan, error) {
	c, err := f.visionConfig()
	if err != nil {
		return nil, err
	}
	prefix := visionPrefixes[0]
	if _, ok := f.tensors[visionPrefixes[1]+patches]; ok {
		prefix = visionPrefixes[1]
	}
	b := f.builder(prefix, append(c.Meta(), model.Entry{Key: "general.type", Value: gguf.ValueOf("mmproj")}))
	b.frames([2]string{"v.patch_embd.weight", "v.patch_embd.weight.1"}, prefix+patches, c.Width, 3, c.Patch)
	for i := 0; i < c.Layers && b.err == nil; i++ {
		b.visionLayer(c, i)
	}
	b.norm("v.post_ln", prefix+"merger.ln_q", c)
	merged := c.Width * c.Grouped()
	b.linear("mm.0", prefix+"merger.mlp.0", merged, merged)
	b.linear("mm.2", prefix+"merger.mlp.2", c.Output, merged)
	b.allUsed("")
	if b.err != nil {
		return nil, b.err
	}
	b.setFormat(model.VisionArchitecture, b.source.Tensor("mm.2.weight").DType)
	_, err = model.ReadVisionConfig(b.source)
	return &b.plan, err
}

const patches = "patch_embed.proj.weight"

// visionLayer plans the tensors of layer i.
func (b *builder) visionLayer(c model.VisionConfig, i int) {
	to, from := fmt.Sprintf("v.blk.%d.", i), fmt.Sprintf("%sblocks.%d.", b.prefix, i)
	b.norm(to+"ln1", from+"norm1", c)
	b.thirds([3]string{to + "attn_q", to + "attn_k", to + "attn_v"}, from+"attn.qkv", c.Width, c.Width)
	b.linear(to+"attn_out", from+"attn.proj", c.Width, c.Width)
	b.norm(to+"ln2", from+"norm2", c)
	if c.Activation == model.SiLU {
		b.linear(to+"ffn_gate", from+"mlp.gate_proj", c.FFN, c.Width)
		b.linear(to+"ffn_up", from+"mlp.up_proj", c.FFN, c.Width)
		b.linear(to+"ffn_down", from+"mlp.down_proj", c.Width, c.FFN)
		return
	}
	b.linear(to+"ffn_up", from+"mlp.fc1", c.FFN, c.Width)
	b.linear(to+"ffn_down", from+"mlp.fc2", c.Width, c.FFN)
}

// linear plans a matrix and its bias.
func (b *builder) linear(name, from string, rows, cols int) {
	b.matrix(name+".weight", from+".weight", rows, cols)
	b.vector(name+".bias", from+".bias", rows)
}

// norm plans a norm, which has a bias unless it is a root-mean-square one.
func (b *builder) norm(name, from string, c model.VisionConfig) {
	b.vector(name+".weight", from+".weight", c.Width)
	if c.Projector != model.ProjectorQwen25VL {
		b.vector(name+".bias", from+".bias", c.Width)
	}
}

// visionConfig translates the encoder's hyperparameters.
func (f *Folder) visionConfig() (model.VisionConfig, error) {
	v, path := f.config.Vision, f.path(configFile)
	if v == nil {
		return model.VisionConfig{}, fmt.Errorf("%s: vision_config is missing", path)
	}
	c := model.VisionConfig{
		Projector: f.family().projector, Layers: int(v.Depth), Heads: int(v.Heads), Output: int(f.config.Width), Patch: int(v.Patch),
		Merge: model.QwenMerge, ImageSize: or(v.ImageSize, 560), Eps: 1e-6, Activation: model.QuickGELU,
	}
	if f.config.Eps != nil {
		c.Eps = *f.config.Eps
	}
	output := v.Hidden
	if c.Projector == model.ProjectorQwen25VL {
		c.Width, c.FFN, c.Activation, output = int(v.Hidden), int(v.FFN), model.SiLU, v.Output
		pattern, err := v.windows()
		if err != nil {
			return c, fmt.Errorf("%s: %w", path, err)
		}
		c.WindowPattern = pattern
	} else {
		c.Width, c.FFN = int(v.EmbedDim), int(float64(v.EmbedDim)*v.Ratio)
	}
	switch {
	case v.Depth < 1 || v.Heads < 1 || v.Patch < 1 || c.Width < 1 || c.FFN < 1:
		return c, fmt.Errorf("%s: vision_config names no depth, width, heads, patch or feed-forward network", path)
	case int(output) != c.Output:
		return c, fmt.Errorf("%s: the encoder's embeddings have %d features, the language model's %d", path, output, c.Output)
	case or(v.Merge, model.QwenMerge) != model.QwenMerge || or(v.Frames, 2) != 2:
		return c, fmt.Errorf("%s: spatial_merge_size and temporal_patch_size must be 2", path)
	case v.Activation != "" && v.Activation != string(c.Activation):
		return c, fmt.Errorf("%s: the encoder's hidden_act %q is not supported, only %s", path, v.Activation, c.Activation)
	}
	return c, f.colours(&c)
}

// windows returns n where every n-th layer attends to the whole image.
func (v *visionConfig) windows() (int, error) {
	if len(v.Full) == 0 || or(v.Window, 112) != 112 {
		return 0, fmt.Errorf("fullatt_block_indexes of vision_config must not be empty, and window_size 112")
	}
	n := v.Full[0] + 1
	for i, at := range v.Full {
		if n < 1 || int64(at) != int64(i+1)*int64(n)-1 {
			return 0, fmt.Errorf("fullatt_block_indexes %d are not every n-th layer", v.Full)
		}
	}
	return int(n), nil
}

// colours reads how an image's values are normalized.
func (f *Folder) colours(c *model.VisionConfig) error {
	var p preprocessor
	if err := f.readJSON(preprocessorFile, &p); err != nil {
		return err
	}
	if len(p.Mean) != len(c.Mean) || len(p.Std) != len(c.Std) {
		return fmt.Errorf("%s: image_mean %v and image_std %v must each have three numbers", f.path(preprocessorFile), p.Mean, p.Std)
	}
	copy(c.Mean[:], p.Mean)
	copy(c.Std[:], p.Std)
	return nil
}

// or is the number at p, or absent where there is none.
func or(p *int32, absent int) int {
	if p == nil {
		return absent
	}
	return int(*p)
}
