package model

import "github.com/wattlaw/wattlaw/internal/gguf"

// quantizationVersion is that of the block layouts (GGML_QNT_VERSION).
const quantizationVersion = 2

// Meta says in which format a file's matrices are.
func (f Format) Meta() []Entry {
	return []Entry{{"general.file_type", gguf.ValueOf(f.FileType())}, {"general.quantization_version", gguf.ValueOf(uint32(quantizationVersion))}}
}

// GeneralMeta is the metadata that every file of a model begins with.
func GeneralMeta(architecture, name, description string, f Format) []Entry {
	return append([]Entry{
		{"general.architecture", gguf.ValueOf(architecture)}, {"general.name", gguf.ValueOf(name)},
		{"general.description", gguf.ValueOf(description)},
	}, f.Meta()...)
}

// Meta writes the hyperparameters as metadata: the inverse of ReadConfig.
func (c Config) Meta() []Entry {
	prefix := c.Architecture + "."
	count := func(key string, n int) Entry { return Entry{Key: prefix + key, Value: gguf.ValueOf(uint32(n))} }
	number := func(key string, x float64) Entry { return Entry{Key: prefix + key, Value: gguf.ValueOf(float32(x))} }
	entries := []Entry{
		count("context_length", c.Context), count("embedding_length", c.Width), count("block_count", c.Layers),
		count("feed_forward_length", c.FFN), count("attention.head_count", c.Heads),
		count("attention.head_count_kv", c.KVHeads), count("attention.key_length", c.HeadDim),
		count("attention.value_length", c.HeadDim), count("rope.dimension_count", c.RopeDims),
		count("vocab_size", c.Vocab),
		number("attention.layer_norm_rms_epsilon", c.Eps), number("rope.freq_base", c.RopeBase),
	}
	if c.RopeScale != 0 && c.RopeScale != 1 {
		entries = append(entries, Entry{Key: prefix + "rope.scaling.type", Value: gguf.ValueOf("linear")},
			number("rope.scaling.factor", c.RopeScale))
	}
	if s := c.RopeSections; s != [3]int{} {
		sections := []int32{int32(s[0]), int32(s[1]), int32(s[2]), 0}
		entries = append(entries, Entry{Key: prefix + "rope.dimension_sections", Value: gguf.ArrayOf(sections)})
	}
	return entries
}

// Meta writes the hyperparameters as metadata: the inverse of ReadVisionConfig.
func (c VisionConfig) Meta() []Entry {
	entry := func(key string, value gguf.Value) Entry { return Entry{Key: key, Value: value} }
	count := func(key string, n int) Entry { return entry("clip.vision."+key, gguf.ValueOf(uint32(n))) }
	list := []Entry{
		entry("clip.has_vision_encoder", gguf.ValueOf(true)),
		entry("clip.projector_type", gguf.ValueOf(c.Projector)),
		count("embedding_length", c.Width), count("block_count", c.Layers), count("attention.head_count", c.Heads),
		count("feed_forward_length", c.FFN), count("projection_dim", c.Output), count("patch_size", c.Patch),
		count("image_size", c.ImageSize),
		entry("clip.vision.attention.layer_norm_epsilon", gguf.ValueOf(float32(c.Eps))),
		entry("clip.vision.image_mean", gguf.ArrayOf(c.Mean[:])), entry("clip.vision.image_std", gguf.ArrayOf(c.Std[:])),
	}
	if c.Activation != QuickGELU {
		list = append(list, entry("clip.use_"+string(c.Activation), gguf.ValueOf(true)))
	}
	if c.WindowPattern > 0 {
		list = append(list, count("n_wa_pattern", c.WindowPattern))
	}
	if !c.Dynamic() {
		list = append(list, count("projector.scale_factor", c.Merge), count("preproc_image_size", c.LongestEdge))
	}
	return list
}
