package model

import (
	"fmt"
	"math"
)

// Config holds the hyperparameters of a decoder.
type Config struct {
	Architecture string // that of the dense model
	Context      int    // longest sequence the model was trained for, in tokens
	Width        int    // features of the residual stream
	Layers       int
	FFN          int // features inside the feed-forward network
	Heads        int // query heads
	KVHeads      int // key and value heads; Heads is a multiple
	HeadDim      int // features of a head, not always Width/Heads
	RopeDims     int // leading features of a head that are rotated
	Vocab        int
	Eps          float64 // of the root-mean-square norms
	RopeBase     float64
	RopeScale    float64 // positions are divided by it
	// RopeSections is how many rotated pairs, in order, turn with a position's time, row and
	// column; all zero when every pair turns with time alone.
	RopeSections [3]int
}

// Group is the number of query heads that share one key–value head.
func (c Config) Group() int { return c.Heads / c.KVHeads }

// Bounds of what a file may claim. They lie far above every published model and keep
// products of two of them within an int.
const (
	maxFeatures = 1 << 20
	maxLayers   = 1 << 12
	maxHeads    = 1 << 12
	maxHeadDim  = 1 << 12
	maxContext  = 1 << 27
	maxVocab    = 1 << 24
)

// ReadConfig reads the hyperparameters under the prefix of the source's architecture and
// checks that they can belong together.
func ReadConfig(s *Source) (Config, error) {
	arch, _ := s.Architecture()
	c := Config{Architecture: arch}
	r := configReader{source: s, prefix: arch + "."}
	c.Context = r.count("context_length", maxContext)
	c.Width = r.count("embedding_length", maxFeatures)
	c.Layers = r.count("block_count", maxLayers)
	c.FFN = r.count("feed_forward_length", maxFeatures)
	c.Heads = r.count("attention.head_count", maxHeads)
	c.KVHeads = r.countOr("attention.head_count_kv", maxHeads, c.Heads)
	c.HeadDim = r.countOr("attention.key_length", maxHeadDim, c.Width/max(c.Heads, 1))
	c.RopeDims = r.countOr("rope.dimension_count", maxHeadDim, c.HeadDim)
	c.Eps = r.realOr("attention.layer_norm_rms_epsilon", 0, 1, 1e-5)
	c.RopeBase = r.realOr("rope.freq_base", 1, 1e12, 10000)
	c.RopeScale = r.ropeScale()
	c.RopeSections = r.ropeSections(c.RopeDims)
	valueDim := r.countOr("attention.value_length", maxHeadDim, c.HeadDim)
	if r.err != nil {
		return Config{}, r.err
	}
	if embeddings := s.Tensor("token_embd.weight"); embeddings != nil && len(embeddings.Shape) == 2 {
		c.Vocab = embeddings.Shape[1]
	}
	return c, c.check(s.Name, valueDim)
}

func (c Config) check(name string, valueDim int) error {
	switch {
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("%s: %d query heads are no multiple of %d key–value heads", name, c.Heads, c.KVHeads)
	case c.HeadDim < 2 || c.HeadDim%2 != 0:
		return fmt.Errorf("%s: heads of %d features; rotary positions need an even number", name, c.HeadDim)
	case valueDim != c.HeadDim:
		return fmt.Errorf("%s: value heads of %d features beside key heads of %d are not supported", name, valueDim, c.HeadDim)
	case c.RopeDims > c.HeadDim || c.RopeDims%2 != 0:
		return fmt.Errorf("%s: %d rotated features in heads of %d", name, c.RopeDims, c.HeadDim)
	case c.Vocab < 1 || c.Vocab > maxVocab:
		return fmt.Errorf("%s: tensor %q must have shape [%d vocabulary], vocabulary from 1 to %d", name, "token_embd.weight", c.Width, maxVocab)
	}
	return nil
}

// KVBytes is the memory of the key–value cache for n positions.
func (c Config) KVBytes(n int) int64 {
	const bytesPerValue = 2 // float16
	return 2 * int64(c.Layers) * int64(c.KVHeads) * int64(c.HeadDim) * int64(n) * bytesPerValue
}

// configReader reads values one after the other and keeps the first error.
type configReader struct {
	source *Source
	prefix string
	err    error
}

func (r *configReader) count(key string, hi int) int {
	v, err := r.source.Count(r.prefix+key, 1, hi)
	r.keep(err)
	return v
}

func (r *configReader) countOr(key string, hi, absent int) int {
	v, err := r.source.CountOr(r.prefix+key, 1, hi, absent)
	r.keep(err)
	return v
}

func (r *configReader) realOr(key string, lo, hi, absent float64) float64 {
	v, err := r.source.RealOr(r.prefix+key, lo, hi, absent)
	r.keep(err)
	return v
}

// ropeScale reads linear position scaling; other kinds change the computation in ways
// that are not implemented, and are refused rather than ignored.
func (r *configReader) ropeScale() float64 {
	switch kind := r.source.Text(r.prefix + "rope.scaling.type"); kind {
	case "", "none":
		return r.realOr("rope.scale_linear", 1e-3, 1e6, 1) // as older files say it
	case "linear":
		return r.realOr("rope.scaling.factor", 1e-3, 1e6, 1)
	default:
		r.keep(fmt.Errorf("%s: rope scaling %q is not supported, only linear and llama 3's factors", r.source.Name, kind))
		return 1
	}
}

// ropeSections reads how many pairs turn with each direction of a position; the fourth
// number of the published files has never been anything but zero.
func (r *configReader) ropeSections(dims int) (sections [3]int) {
	key := r.prefix + "rope.dimension_sections"
	v, ok := r.source.Value(key)
	if !ok {
		return sections
	}
	i, sum := 0, 0
	for n := range v.All() {
		count, ok := n.Int()
		if !ok || count < 0 || count > int64(dims) || i >= len(sections) && count != 0 {
			r.keep(fmt.Errorf("%s: metadata %q is %v, want the rotated pairs of time, row and column, and a zero", r.source.Name, key, v))
			return sections
		}
		if i < len(sections) {
			sections[i] = int(count)
			sum += int(count)
		}
		i++
	}
	if sum != dims/2 {
		r.keep(fmt.Errorf("%s: metadata %q is %v, which are %d pairs of the %d that rotate", r.source.Name, key, v, sum, dims/2))
	}
	return sections
}

func (r *configReader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

// RopeFrequencies returns the angle per position of each rotated pair,
// base^(-2i/dims) / (scale · factor_i), after Su et al., "RoFormer" (2021). factors is
// nil or holds one divisor per pair (llama 3.1's rope_freqs.weight).
func (c Config) RopeFrequencies(factors []float32) []float64 {
	freqs := make([]float64, c.RopeDims/2)
	for i := range freqs {
		freqs[i] = math.Pow(c.RopeBase, -2*float64(i)/float64(c.RopeDims)) / c.RopeScale
		if factors != nil {
			freqs[i] /= float64(factors[i])
		}
	}
	return freqs
}

// Llama3Factors returns the divisors of the rotary frequencies of llama 3.1 and 3.2: pairs that turn
// more than high times within the original context keep their frequency, those that turn less than
// low times are slowed down by factor, and those between are blended.
func (c Config) Llama3Factors(factor, original, low, high float64) []float32 {
	factors := make([]float32, c.RopeDims/2)
	for i, freq := range c.RopeFrequencies(nil) {
		turns := original * freq / (2 * math.Pi)
		blend := min(max((turns-low)/(high-low), 0), 1)
		factors[i] = float32(1 / ((1-blend)/factor + blend))
	}
	return factors
}

// RopeAxes returns which direction of a position turns each rotated pair: 0 time, 1 row,
// 2 column.
func (c Config) RopeAxes() []int {
	axes := make([]int, c.RopeDims/2)
	if c.RopeSections == [3]int{} {
		return axes
	}
	i := 0
	for axis, n := range c.RopeSections {
		for range n {
			axes[i] = axis
			i++
		}
	}
	return axes
}
