package eval

import (
	"context"
	"fmt"
	"strings"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// Model is what is evaluated: one sequence of text, and the logits of its positions. A loaded
// *engine.Engine is one.
type Model interface {
	Info() engine.Info
	Tokenizer() *tokenizer.Tokenizer
	// Continue forgets all of the sequence but its first keep tokens, appends tokens and hands
	// sink the logits of the positions from on: rows of Info().Vocabulary values, in order, the
	// first of position first. sink must not keep them.
	Continue(ctx context.Context, keep int, tokens []int32, from int, sink func(first int, rows []float32) error) error
}

// promptTokens tokenizes a prompt of a task, whose control tokens, such as a chat's markup,
// are read as such. A prompt that begins with the BOS token gets no second.
func promptTokens(m Model, prompt string) []int32 {
	t := m.Tokenizer()
	bos, _ := t.Token(t.BOS())
	special := bos == "" || !strings.HasPrefix(prompt, bos)
	return t.Encode(prompt, tokenizer.EncodeOptions{AddSpecial: special, ParseSpecial: true})
}

// CheckTrained refuses models whose weights are random: their answers say nothing.
func CheckTrained(models ...Model) error {
	for _, m := range models {
		if m != nil && m.Info().Meaningless {
			return fmt.Errorf("%s has random weights: its answers say nothing, so there is no accuracy to measure; name a trained model (perplexity and divergence on --text work)",
				m.Info().Name)
		}
	}
	return nil
}

// answer continues what follows an opening greedily until a token that ends generation, one of
// the stop texts, or the most tokens. The answer is without the stop text and without the white
// space around it.
func answer(ctx context.Context, o opening, text string, most int, stop []string) (string, error) {
	tokens := o.encode(text)
	if err := o.fits(len(tokens), most); err != nil {
		return "", err
	}
	stream := o.model.Tokenizer().NewStream(tokenizer.DecodeOptions{})
	var out strings.Builder
	keep := o.length
	for range most {
		id, err := greedy(ctx, o.model, keep, tokens)
		if err != nil {
			return "", err
		}
		if o.model.Tokenizer().EndsGeneration(id) {
			break
		}
		out.WriteString(stream.Push(id))
		if before, found := cutAtStop(out.String(), stop); found {
			return strings.TrimSpace(before), nil
		}
		keep += len(tokens)
		tokens = []int32{id}
	}
	out.WriteString(stream.Flush())
	before, _ := cutAtStop(out.String(), stop)
	return strings.TrimSpace(before), nil
}

// greedy appends tokens behind the first keep of the sequence and returns the likeliest next.
func greedy(ctx context.Context, m Model, keep int, tokens []int32) (best int32, err error) {
	last := keep + len(tokens) - 1
	err = m.Continue(ctx, keep, tokens, last, func(first int, rows []float32) error {
		s, err := sum(rows)
		best = int32(s.best)
		return at(first, err)
	})
	return best, err
}

// cutAtStop returns the text before the first of the stop texts.
func cutAtStop(text string, stop []string) (before string, found bool) {
	end := len(text)
	for _, s := range stop {
		if i := strings.Index(text, s); i >= 0 && i < end {
			end, found = i, true
		}
	}
	return text[:end], found
}
