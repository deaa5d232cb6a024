package shape

import (
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Means and deviations of colours: those of CLIP and those of SigLIP.
var (
	clipMean   = [3]float32{0.48145466, 0.4578275, 0.40821073}
	clipStd    = [3]float32{0.26862954, 0.26130258, 0.27577711}
	siglipMean = [3]float32{0.5, 0.5, 0.5}
)

func qwen2Vision(output int) *model.VisionConfig {
	return &model.VisionConfig{
		Projector: model.ProjectorQwen2VL, Width: 1280, Layers: 32, Heads: 16, FFN: 5120, Output: output, Patch: 14,
		Merge: model.QwenMerge, ImageSize: 560, Eps: 1e-6, Activation: model.QuickGELU, Mean: clipMean, Std: clipStd,
	}
}

func qwen25Vision(output int) *model.VisionConfig {
	c := qwen2Vision(output)
	c.Projector, c.FFN, c.Activation, c.WindowPattern = model.ProjectorQwen25VL, 3420, model.SiLU, 8
	return c
}

func siglip(width, layers, ffn, heads, patch, tile, merge, longest, output int) *model.VisionConfig {
	return &model.VisionConfig{
		Projector: model.ProjectorIdefics3, Width: width, Layers: layers, Heads: heads, FFN: ffn, Output: output, Patch: patch,
		Merge: merge, ImageSize: tile, LongestEdge: longest, Eps: 1e-6, Activation: model.GELU, Mean: siglipMean, Std: siglipMean,
	}
}

func qwenVL(name string, width, layers, ffn, heads int, vision *model.VisionConfig) Shape {
	s := qwen25(name, width, layers, ffn, heads, 2, 128, 151936, true)
	s.Config.Architecture, s.Config.RopeSections, s.Vision = "qwen2vl", [3]int{16, 24, 24}, vision
	return s
}

func smolVLM(name string, width, layers, ffn, heads, kvHeads int, vision *model.VisionConfig) Shape {
	s := smollm2(name, width, layers, ffn, heads, kvHeads, 100000)
	s.Config.Vocab, s.Tied, s.Vision = 49280, false, vision
	return s
}

func smolVLM2b() Shape {
	s := smolVLM("smolvlm-2.2b", 2048, 24, 8192, 32, 32, siglip(1152, 27, 4304, 16, 14, 384, 3, 1536, 2048))
	s.Config.Vocab, s.Config.RopeBase, s.Config.Context = 49155, 273768, 16384
	return s
}

// tinyVLM is a model with an encoder for tests.
func tinyVLM(name, projector string, activation model.Activation) Shape {
	vision := &model.VisionConfig{
		Projector: projector, Width: 64, Layers: 3, Heads: 2, FFN: 96, Output: 64, Patch: 8, Merge: 2, ImageSize: 64, Eps: 1e-6,
		Activation: activation, Mean: clipMean, Std: clipStd,
	}
	s := Shape{Name: name, Pre: "qwen2", Tied: true, Vision: vision, Config: model.Config{
		Architecture: "qwen2vl", Context: 4096, Width: 64, Layers: 2, FFN: 128, Heads: 4, KVHeads: 2, HeadDim: 16,
		RopeDims: 16, Vocab: 515, Eps: 1e-6, RopeBase: 1e6, RopeScale: 1, RopeSections: [3]int{2, 3, 3}}}
	switch projector {
	case model.ProjectorQwen25VL:
		vision.WindowPattern = 2
	case model.ProjectorIdefics3:
		vision.LongestEdge, s.Pre = 192, "smollm"
		s.Config.Architecture, s.Config.RopeSections = "llama", [3]int{}
	}
	return s
}

// markers lists the special tokens that stand around images in the model's prompts.
func (s Shape) markers() []string {
	switch {
	case s.Vision == nil:
		return nil
	case s.Vision.Dynamic():
		return []string{"<|vision_start|>", "<|vision_end|>", "<|image_pad|>"}
	}
	const most = 6 // tiles per side that SmolVLM has tokens for
	list := []string{"<fake_token_around_image>", "<global-img>", "<image>"}
	for row := range most {
		for column := range most {
			list = append(list, fmt.Sprintf("<row_%d_col_%d>", row+1, column+1))
		}
	}
	return list
}

// VisionFormat is the format of the encoder beside a language model in format f: the same
// among floats, and Q8_0 beside quantized ones, as such pairs are published.
func VisionFormat(f Format) Format {
	switch f {
	case F32, F16, BF16:
		return f
	}
	return Q8_0
}

// PlanVision lists the encoder's tensors without data. The shape must have one.
func (s Shape) PlanVision(f Format) *model.Source {
	return s.source(f, " (encoder)", s.visionMeta(f), s.visionTensors(f))
}

// BuildVision makes the encoder of images with random weights, as Build does the language
// model. The shape must have one.
func (s Shape) BuildVision(f Format, seed uint64) *model.Source {
	src := s.PlanVision(f)
	fill(src, s.visionTensors(f), seed)
	return src
}

// visionTensors lists the encoder's tensors. Their spreads keep activations near one and
// embeddings of images as long as those of tokens.
func (s Shape) visionTensors(f Format) []planned {
	v := *s.Vision
	mixture := model.Mixture{Format: f, Encoder: true}
	var list []planned
	add := func(name string, dt tensor.DType, mean, sigma float64, shape ...int) {
		list = append(list, planned{Tensor: model.Tensor{Name: name, DType: dt, Shape: shape}, mean: mean, sigma: sigma})
	}
	root := func(n int) float64 { return math.Sqrt(float64(n)) }
	vector := func(name string, mean, sigma float64, n int) { add(name, tensor.F32, mean, sigma, n) }
	linear := func(name string, rows, cols int, sigma float64) {
		add(name+".weight", mixture.DType(name, cols), 0, sigma, cols, rows)
		vector(name+".bias", 0, 0.05, rows)
	}
	norm := func(name string) {
		vector(name+".weight", 1, 0.05, v.Width)
		if v.Projector != model.ProjectorQwen25VL {
			vector(name+".bias", 0, 0.05, v.Width)
		}
	}
	pixels := 3 * v.Patch * v.Patch
	if v.Dynamic() {
		for _, name := range []string{"v.patch_embd.weight", "v.patch_embd.weight.1"} {
			add(name, kernelType(f, v), 0, 1/root(2*pixels), v.Patch, v.Patch, 3, v.Width)
		}
	} else {
		add("v.patch_embd.weight", kernelType(f, v), 0, 1/root(pixels), v.Patch, v.Patch, 3, v.Width)
		vector("v.patch_embd.bias", 0, 0.05, v.Width)
		side := v.ImageSize / v.Patch
		add("v.position_embd.weight", tensor.F32, 0, 0.3, v.Width, side*side)
	}
	branch := 2 * blockShare / root(2*v.Layers)
	for i := range v.Layers {
		blk := fmt.Sprintf("v.blk.%d.", i)
		norm(blk + "ln1")
		for _, name := range []string{"attn_q", "attn_k", "attn_v"} {
			linear(blk+name, v.Width, v.Width, 1/root(v.Width))
		}
		linear(blk+"attn_out", v.Width, v.Width, branch/root(v.Width))
		norm(blk + "ln2")
		if v.Activation == model.SiLU {
			linear(blk+"ffn_gate", v.FFN, v.Width, 1/root(v.Width))
		}
		linear(blk+"ffn_up", v.FFN, v.Width, 1/root(v.Width))
		linear(blk+"ffn_down", v.Width, v.FFN, branch*math.Sqrt(3)/root(v.FFN))
	}
	norm("v.post_ln")
	merged := v.Width * v.Grouped()
	long := 2 / root(v.Output) / root(merged) // of rows like those of the token embeddings
	if v.Dynamic() {
		linear("mm.0", merged, merged, 1/root(merged))
		linear("mm.2", v.Output, merged, math.Sqrt(3)*long)
	} else {
		add("mm.model.fc.weight", mixture.DType("mm.model.fc.weight", merged), 0, long, merged, v.Output)
	}
	return s.factorized(list, mixture)
}

// kernelType is the type of the convolution over patches, as converters write it: never
// quantized, and float32 but in files of float16 with Qwen's encoder.
func kernelType(f Format, v model.VisionConfig) tensor.DType {
	if f == F16 && v.Dynamic() {
		return tensor.F16
	}
	return tensor.F32
}

// visionMeta is the metadata that files of encoders carry.
func (s Shape) visionMeta(f Format) []model.Entry {
	entry := func(key string, value gguf.Value) model.Entry { return model.Entry{Key: key, Value: value} }
	return append([]model.Entry{
		entry("general.architecture", gguf.ValueOf(model.VisionArchitecture)),
		entry("general.type", gguf.ValueOf("mmproj")),
		entry("general.name", gguf.ValueOf(Prefix+s.Name)),
		entry("general.file_type", gguf.ValueOf(f.FileType())),
	}, s.Vision.Meta()...)
}
