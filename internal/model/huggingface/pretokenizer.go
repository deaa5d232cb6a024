package huggingface

import (
	"errors"
	"fmt"
	"strings"
)

// step is a normalizer, pre-tokenizer or post-processor, or a sequence of them.
type step struct {
	Type          string `json:"type"`
	Normalizers   []step `json:"normalizers"`
	PreTokenizers []step `json:"pretokenizers"`
	Processors    []step `json:"processors"`

	Pattern struct {
		Regex string `json:"Regex"`
	} `json:"pattern"`
	Behavior    string `json:"behavior"`
	Invert      bool   `json:"invert"`
	Individual  bool   `json:"individual_digits"`
	PrefixSpace bool   `json:"add_prefix_space"`
	UseRegex    *bool  `json:"use_regex"`

	Single []struct {
		Special *struct {
			ID string `json:"id"`
		} `json:"SpecialToken"`
	} `json:"single"`
}

// parts lists the steps of a sequence, or the step itself; nil has none.
func (s *step) parts() []step {
	switch {
	case s == nil:
		return nil
	case s.Type == "Sequence":
		var list []step
		for _, part := range append(append(s.Normalizers, s.PreTokenizers...), s.Processors...) {
			list = append(list, part.parts()...)
		}
		return list
	}
	return []step{*s}
}

// The regular expressions of the published tokenizers.
const (
	llama3Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2Pattern  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// pre recognizes how text is cut before it is merged, and returns its name in GGUF.
func (t *tokenizerJSON) pre() (string, error) {
	switch {
	case t.Model.Bytes:
		return "", errors.New("the tokenizer is SentencePiece's (byte_fallback), which is not read from folders: convert the model to GGUF with llama.cpp's convert_hf_to_gguf.py")
	case t.Model.Type != "BPE" && (t.Model.Type != "" || len(t.Model.Merges) == 0):
		return "", fmt.Errorf("tokenizer model %q is not supported, only byte-level BPE", t.Model.Type)
	}
	for _, n := range t.Normalizer.parts() {
		if n.Type != "NFC" { // which GGUF's runtimes leave out
			return "", fmt.Errorf("normalizer %q is not supported", n.Type)
		}
	}
	// What the parts are, in one text to compare.
	var parts []string
	for _, p := range t.PreTokenizer.parts() {
		part := p.Type
		switch {
		case p.Type == "Split" && p.Behavior == "Isolated" && !p.Invert:
			part += " " + p.Pattern.Regex
		case p.Type == "Digits" && p.Individual:
			part += " each"
		case p.Type == "ByteLevel" && !p.PrefixSpace && (p.UseRegex == nil || *p.UseRegex):
			part += " words"
		case p.Type == "ByteLevel" && !p.PrefixSpace:
		default:
			part += " otherwise"
		}
		parts = append(parts, part)
	}
	switch shape := strings.Join(parts, ", "); {
	case shape == "Split "+llama3Pattern+", ByteLevel" && t.Model.IgnoreMerges:
		return "llama-bpe", nil
	case t.Model.IgnoreMerges:
	case shape == "Split "+llama3Pattern+", ByteLevel":
		return "smaug-bpe", nil
	case shape == "Split "+qwen2Pattern+", ByteLevel":
		return "qwen2", nil
	case shape == "Digits each, ByteLevel words":
		return "smollm", nil
	case shape == "ByteLevel words":
		return "gpt-2", nil
	}
	return "", fmt.Errorf("the pre-tokenizer is none of llama-bpe, smaug-bpe, qwen2, smollm and gpt-2: it is %q with ignore_merges %v", parts, t.Model.IgnoreMerges)
}

// around returns the special tokens that the post-processor puts before and after a text, "" for none.
func (s *step) around() (first, last string) {
	for _, p := range s.parts() {
		if n := len(p.Single); p.Type == "TemplateProcessing" && n > 1 {
			if begin := p.Single[0].Special; begin != nil {
				first = begin.ID
			}
			if end := p.Single[n-1].Special; end != nil {
				last = end.ID
			}
		}
	}
	return first, last
}
