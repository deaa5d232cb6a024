package model

import "fmt"

// BertArchitecture is the value of general.architecture of encoders of text.
const BertArchitecture = "bert"

// Pooling is how the vectors of a text's tokens become the one of the text, numbered as in
// GGUF's pooling_type.
type Pooling uint8

// Poolings that can be computed.
const (
	PoolMean Pooling = 1 // the mean over all tokens, special ones included
	PoolCLS  Pooling = 2 // the first token's
)

// BertConfig holds the hyperparameters of an encoder of text. Those of rotary positions
// are zero: positions are learned.
type BertConfig struct {
	Config
	Types   int // rows of the table of token types; 0 without one
	Pooling Pooling
}

// ReadBertConfig reads the hyperparameters of an encoder of text and checks that they can
// belong together.
func ReadBertConfig(s *Source) (BertConfig, error) {
	r := configReader{source: s, prefix: BertArchitecture + "."}
	c := BertConfig{Config: Config{
		Architecture: BertArchitecture,
		Context:      r.count("context_length", maxContext),
		Width:        r.count("embedding_length", maxFeatures),
		Layers:       r.count("block_count", maxLayers),
		FFN:          r.count("feed_forward_length", maxFeatures),
		Heads:        r.count("attention.head_count", maxHeads),
		Eps:          r.realOr("attention.layer_norm_epsilon", 0, 1, 1e-12),
	}}
	c.KVHeads = r.countOr("attention.head_count_kv", maxHeads, c.Heads)
	c.Pooling = r.pooling()
	if v, _ := s.Value(r.prefix + "attention.causal"); r.err == nil {
		if causal, _ := v.Bool(); causal {
			return c, fmt.Errorf("%s: metadata %q is true; an encoder of text looks at whole texts", s.Name, r.prefix+"attention.causal")
		}
	}
	if r.err != nil {
		return c, r.err
	}
	c.Vocab, c.Types = rowsOf(s, "token_embd.weight"), rowsOf(s, "token_types.weight")
	c.HeadDim = c.Width / c.Heads
	return c, c.check(s.Name)
}

// check hides Config's, which is of decoders.
func (c BertConfig) check(name string) error {
	switch {
	case c.Width%c.Heads != 0:
		return fmt.Errorf("%s: %d features do not divide among %d heads", name, c.Width, c.Heads)
	case c.HeadDim > maxHeadDim:
		return fmt.Errorf("%s: heads of %d features; there is room for %d", name, c.HeadDim, maxHeadDim)
	case c.KVHeads != c.Heads:
		return fmt.Errorf("%s: %d query heads beside %d of keys are not supported in an encoder of text", name, c.Heads, c.KVHeads)
	case c.Vocab < 1 || c.Vocab > maxVocab:
		return fmt.Errorf("%s: tensor %q must have shape [%d vocabulary], vocabulary from 1 to %d", name, "token_embd.weight", c.Width, maxVocab)
	}
	return nil
}

// rowsOf returns the rows of a matrix, 0 where there is none.
func rowsOf(s *Source, name string) int {
	if t := s.Tensor(name); t != nil && len(t.Shape) == 2 {
		return t.Shape[1]
	}
	return 0
}

// pooling reads how vectors are pooled. A file that leaves it out, or says none, holds the
// encoder alone; the mean is what sentence encoders use then.
func (r *configReader) pooling() Pooling {
	const none, rank = 0, 4
	key := r.prefix + "pooling_type"
	n, err := r.source.CountOr(key, none, rank, none)
	r.keep(err)
	switch p := Pooling(n); {
	case n == none || err != nil:
		return PoolMean
	case p == PoolMean || p == PoolCLS:
		return p
	}
	r.keep(fmt.Errorf("%s: metadata %q is %d; of poolings there are 1 (mean) and 2 (the first token)", r.source.Name, key, n))
	return PoolMean
}
