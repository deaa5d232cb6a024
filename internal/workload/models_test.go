package workload

import (
	"context"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// model is the tokenizer that the shape models have, as a backend serves it.
type model struct{ *tokenizer.Tokenizer }

func (m model) Tokenize(_ context.Context, text string) ([]int32, error) {
	return m.Encode(text, tokenizer.EncodeOptions{AddSpecial: true}), nil
}

func (m model) Detokenize(_ context.Context, ids []int32) (string, error) {
	return m.Decode(ids, tokenizer.DecodeOptions{}), nil
}

// With both families of tokenizers, byte-level BPE and scored pieces, every length of a sweep
// is met by text of whole sentences that gives back its ids.
func TestComposeForModels(t *testing.T) {
	for _, kind := range []string{"smollm", "qwen2", "llama"} {
		vocab, err := tokenizer.Synthetic(kind, 8000, 1)
		if err != nil {
			t.Fatal(err)
		}
		tok, err := tokenizer.New(vocab)
		if err != nil {
			t.Fatal(err)
		}
		c := NewComposer(model{tok})
		for _, degree := range Complexities() {
			for _, n := range []int{32, 64, 100, 128, 256, 512, 1024, 2048} {
				for seed := range uint64(3) {
					p, err := c.Compose(t.Context(), degree, n, seed)
					if err != nil {
						t.Fatal(err)
					}
					if len(p.Tokens) != n || !p.TextExact || !strings.ContainsAny(p.Text[len(p.Text)-1:], ".?") {
						t.Errorf("%s, %s, %d tokens, seed %d: got %d, text exact %v, ends in %q",
							kind, degree, n, seed, len(p.Tokens), p.TextExact, p.Text[max(0, len(p.Text)-40):])
					}
				}
			}
		}
	}
}
