package model

import "github.com/wattlaw/wattlaw/internal/gguf"

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
	if s := c.RopeSections; s != [3]int{} {
		sections := []int32{int32(s[0]), int32(s[1]), int32(s[2]), 0}
		entries = append(entries, Entry{Key: prefix + "rope.dimension_sections", Value: gguf.ArrayOf(sections)})
	}
	return entries
}
