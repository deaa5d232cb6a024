package tokenizer

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Kind is the type of a token, numbered as in GGUF's tokenizer.ggml.token_type.
type Kind int32

// The kinds of tokens.
const (
	Undefined   Kind = 0 // none of the others
	Normal      Kind = 1 // ordinary text
	Unknown     Kind = 2 // stands for text that has no token
	Control     Kind = 3 // marks structure, such as the end of a turn; not text
	UserDefined Kind = 4 // text that is always cut out before tokenizing
	Unused      Kind = 5 // a place kept free in the vocabulary
	Byte        Kind = 6 // one byte, written <0xNN>
)

// String returns the kind's name in lower case.
func (k Kind) String() string {
	names := [...]string{"undefined", "normal", "unknown", "control", "user-defined", "unused", "byte"}
	if k < 0 || int(k) >= len(names) {
		return fmt.Sprintf("kind(%d)", int32(k))
	}
	return names[k]
}

// Vocab is everything [New] needs, as it stands in GGUF metadata. Ids are
// indices into Tokens.
type Vocab struct {
	Model  string    // tokenizer.ggml.model: "gpt2", "llama" or "bert"
	Pre    string    // tokenizer.ggml.pre: one of PreTokenizers; ignored but for "gpt2"
	Tokens []string  // tokenizer.ggml.tokens
	Scores []float32 // tokenizer.ggml.scores; required for "llama", higher merges first
	Types  []int32   // tokenizer.ggml.token_type; empty means all Normal
	Merges []string  // tokenizer.ggml.merges: "left right" in order of rank; required for "gpt2"

	BOS, EOS, EOT, UNK, PAD int32 // -1 where the vocabulary has none
	// SEP ends a text of "bert", whose BOS is called [CLS]; others do not look at it. Where
	// such a vocabulary has -1 for BOS, SEP or UNK, it has BERT's own: 101, 102 and 100.
	SEP int32

	// AddBOS and AddEOS say whether EncodeOptions.AddSpecial adds these tokens.
	// Nil takes the default: BOS for "llama" and for the llama-bpe pre-tokenizer
	// where BOS is not -1, EOS never. "bert" always adds BOS and SEP.
	AddBOS, AddEOS *bool
	// AddSpacePrefix puts a space before text that begins the input or follows a
	// special token. Nil means true for "llama"; "gpt2" has no such prefix.
	AddSpacePrefix *bool

	// Lowercase and StripAccents say how "bert" normalizes text; nil means true, and
	// accents are stripped where letters are made small (tokenizer.ggml.normalizer).
	Lowercase, StripAccents *bool

	// LStrip and RStrip list special tokens that swallow white space to their
	// left or right. GGUF does not store them; llama.cpp sets RStrip for all
	// special tokens of models named phi-3 but <unk>, <s> and <|endoftext|>.
	LStrip, RStrip []int32
}

// endOfGeneration lists tokens that end a model's answer by their text alone,
// because files often name only one end token in their metadata (the list that
// llama.cpp uses for the supported families). Such tokens count as Control.
var endOfGeneration = [...]string{
	"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>",
	"<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>", "<eos>",
	// Fill-in-the-middle padding and file separators end an answer too.
	"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]",
	"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>",
}

// controlByText lists further tokens that count as Control whatever the file says.
var controlByText = [...]string{
	"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<PRE>", "▁<PRE>", "<|code_prefix|>", "<|prefix|>",
	"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<SUF>", "▁<SUF>", "<|code_suffix|>", "<|suffix|>",
	"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<MID>", "▁<MID>", "<|code_middle|>", "<|middle|>",
}

// validate checks everything about v that does not need an index of its tokens.
func (v *Vocab) validate() error {
	switch v.Model {
	case "gpt2":
		if _, ok := preTokenizers()[v.Pre]; !ok {
			return fmt.Errorf("unsupported pre-tokenizer %q (tokenizer.ggml.pre); supported: %s",
				v.Pre, strings.Join(PreTokenizers(), ", "))
		}
		if len(v.Merges) == 0 {
			return errors.New("model \"gpt2\" needs a merge list (tokenizer.ggml.merges)")
		}
	case "llama":
		if len(v.Scores) == 0 {
			return errors.New("model \"llama\" needs scores (tokenizer.ggml.scores)")
		}
	case "bert":
	default:
		return fmt.Errorf("unsupported model %q (tokenizer.ggml.model); supported: gpt2, llama, bert", v.Model)
	}
	n := len(v.Tokens)
	if n == 0 || n > math.MaxInt32 {
		return fmt.Errorf("%d tokens; need 1 to %d", n, math.MaxInt32)
	}
	if len(v.Scores) != 0 && len(v.Scores) != n {
		return fmt.Errorf("%d scores for %d tokens", len(v.Scores), n)
	}
	if len(v.Types) != 0 && len(v.Types) != n {
		return fmt.Errorf("%d token types for %d tokens", len(v.Types), n)
	}
	for i, s := range v.Scores {
		if s != s {
			return fmt.Errorf("score of token %d is not a number", i)
		}
	}
	return v.validateIDs()
}

func (v *Vocab) validateIDs() error {
	n := int32(len(v.Tokens))
	named := map[string]int32{"BOS": v.BOS, "EOS": v.EOS, "EOT": v.EOT, "UNK": v.UNK, "PAD": v.PAD}
	if v.Model == "bert" {
		named["SEP"] = v.SEP
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if id := named[name]; id < -1 || id >= n {
			return fmt.Errorf("%s is token %d of a vocabulary of %d; use -1 for none", name, id, n)
		}
	}
	for _, list := range [][]int32{v.LStrip, v.RStrip} {
		for _, id := range list {
			if id < 0 || id >= n {
				return fmt.Errorf("stripping token %d of a vocabulary of %d", id, n)
			}
		}
	}
	if v.AddBOS != nil && *v.AddBOS && v.BOS < 0 {
		return errors.New("the vocabulary asks for a BOS token but names none")
	}
	if v.AddEOS != nil && *v.AddEOS && v.EOS < 0 {
		return errors.New("the vocabulary asks for an EOS token but names none")
	}
	return nil
}

// index maps each token's text to its id. An empty text gets the stand-in
// "[EMPTY_i]", as llama.cpp gives it.
func (v *Vocab) index() ([]string, map[string]int32, error) {
	texts := slices.Clone(v.Tokens)
	ids := make(map[string]int32, len(texts))
	for i, text := range texts {
		if text == "" {
			text = fmt.Sprintf("[EMPTY_%d]", i)
			texts[i] = text
		}
		if first, dup := ids[text]; dup {
			return nil, nil, fmt.Errorf("tokens %d and %d have the same text %q", first, i, text)
		}
		ids[text] = int32(i)
	}
	return texts, ids, nil
}

// kinds returns each token's kind, with the overrides by text applied. A type
// this package does not know becomes Undefined.
func (v *Vocab) kinds(ids map[string]int32) []Kind {
	kinds := make([]Kind, len(v.Tokens))
	for i := range kinds {
		kinds[i] = Normal
		if len(v.Types) != 0 {
			kinds[i] = Kind(v.Types[i])
			if kinds[i] < Undefined || kinds[i] > Byte {
				kinds[i] = Undefined
			}
		}
	}
	for _, names := range [][]string{endOfGeneration[:], controlByText[:]} {
		for _, name := range names {
			if id, ok := ids[name]; ok {
				kinds[id] = Control
			}
		}
	}
	return kinds
}
