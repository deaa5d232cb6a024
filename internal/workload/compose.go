package workload

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
)

// MaxTokens is the largest prompt that a Composer makes.
const MaxTokens = 1 << 20

// Composer makes prompts of exact length for one tokenizer. It may be used by one goroutine
// at a time.
type Composer struct {
	tokenizer Tokenizer
	costs     map[string]int // tokens that a sentence adds after another one
}

// NewComposer returns a composer for the tokenizer of a model.
func NewComposer(t Tokenizer) *Composer {
	return &Composer{tokenizer: t, costs: map[string]int{}}
}

// Compose returns a prompt of exactly n tokens, special tokens of the model included.
//
// It takes as many sentences as fit and fills the rest with further sentences whose token
// counts add up exactly, so that the text stays grammatical to its end. Where no such filling
// exists, chiefly for the shortest prompts, it cuts the ids of a longer text. The ids are
// always verified against the tokenizer; TextExact says whether the text gives them back.
func (c *Composer) Compose(ctx context.Context, complexity Complexity, n int, seed uint64) (Prompt, error) {
	if err := complexity.check(); err != nil {
		return Prompt{}, err
	}
	if n < 1 || n > MaxTokens {
		return Prompt{}, fmt.Errorf("workload: prompt of %d tokens: want 1 to %d", n, MaxTokens)
	}
	next, stop := iter.Pull(Sentences(complexity, seed))
	defer stop()
	sentences, ids, err := c.overfill(ctx, next, n)
	if err != nil {
		return Prompt{}, err
	}
	p := Prompt{Complexity: complexity, Tokens: ids, Text: strings.Join(sentences, " "), TextExact: true}
	if len(ids) != n {
		found := false
		if p.Text, p.Tokens, found, err = c.fill(ctx, sentences, next, n); err != nil {
			return Prompt{}, err
		}
		if !found {
			if p, err = c.cut(ctx, complexity, ids[:n]); err != nil {
				return Prompt{}, err
			}
		}
	}
	p.Hash = p.hash()
	return p, nil
}

// overfill draws sentences until their text has at least n tokens.
func (c *Composer) overfill(ctx context.Context, next func() (string, bool), n int) (sentences []string, ids []int32, err error) {
	for len(ids) < n {
		// Half as many sentences again as would be needed at six tokens each, then as the
		// counts so far suggest.
		more := 1 + n/24
		if len(ids) > 0 {
			more = 1 + (n-len(ids))*len(sentences)/len(ids)
		}
		before := len(ids)
		for range more {
			s, _ := next()
			sentences = append(sentences, s)
		}
		if ids, err = c.tokenize(ctx, strings.Join(sentences, " ")); err != nil {
			return nil, nil, err
		}
		if len(ids) <= before {
			return nil, nil, fmt.Errorf("workload: tokenizer gives %d tokens for %d sentences and no more for %d", before, len(sentences)-more, len(sentences))
		}
	}
	return sentences, ids, nil
}

// Bounds of the search for a filling.
const (
	spareSentences = 16 // further sentences of the same kind to fill with
	dropped        = 6  // sentences given up, one after another, to make room
	fewClosers     = 1  // closers that are not worth a further search
)

// filling is a text of whole sentences whose counts of tokens add up as wanted.
type filling struct {
	text    string
	closers int
}

// fill returns a text of whole sentences with exactly n tokens, and its ids. Among several
// it prefers the one with the fewest closers, which are simpler than most sentences.
func (c *Composer) fill(ctx context.Context, sentences []string, next func() (string, bool), n int) (text string, ids []int32, found bool, err error) {
	fillings, err := c.fillings(ctx, sentences, next, n)
	if err != nil {
		return "", nil, false, err
	}
	slices.SortStableFunc(fillings, func(a, b filling) int { return a.closers - b.closers })
	for _, f := range fillings {
		// Counts need not add up where sentences meet: the whole text decides.
		if ids, err = c.tokenize(ctx, f.text); err != nil {
			return "", nil, false, err
		}
		if len(ids) == n {
			return f.text, ids, true, nil
		}
	}
	return "", nil, false, nil
}

// fillings lists candidates for fill.
func (c *Composer) fillings(ctx context.Context, sentences []string, next func() (string, bool), n int) ([]filling, error) {
	keep, err := c.longest(ctx, sentences, n)
	if err != nil {
		return nil, err
	}
	spare := closers()
	ends := len(spare)
	for range spareSentences {
		s, _ := next()
		spare = append(spare, s)
	}
	costs, weights := make([]int, len(spare)), make([]int, len(spare))
	for i, s := range spare {
		if costs[i], err = c.cost(ctx, s); err != nil {
			return nil, err
		}
		if i < ends {
			weights[i] = 1
		}
	}
	var out []filling
	for ; keep >= 1 && len(out) <= dropped; keep-- {
		ids, err := c.tokenize(ctx, strings.Join(sentences[:keep], " "))
		if err != nil {
			return nil, err
		}
		chosen, weight, ok := exactSum(costs, weights, n-len(ids))
		if ok {
			all := slices.Clone(sentences[:keep])
			for _, i := range chosen { // in decreasing order: sentences first, closers last
				all = append(all, spare[i])
			}
			out = append(out, filling{text: strings.Join(all, " "), closers: weight})
		}
		if ok && weight <= fewClosers || n-len(ids) > maxFill {
			break
		}
	}
	return out, nil
}

// maxFill bounds the tokens to be filled, and with them the work of exactSum.
const maxFill = 4096

// longest returns the largest number of leading sentences with at most n tokens.
func (c *Composer) longest(ctx context.Context, sentences []string, n int) (int, error) {
	lo, hi := 0, len(sentences) // lo fits, hi does not
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		ids, err := c.tokenize(ctx, strings.Join(sentences[:mid], " "))
		if err != nil {
			return 0, err
		}
		if len(ids) <= n {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo, nil
}

// cost returns how many tokens a sentence adds after another one.
func (c *Composer) cost(ctx context.Context, sentence string) (int, error) {
	if n, ok := c.costs[sentence]; ok {
		return n, nil
	}
	const before = "That is all."
	base, err := c.tokenize(ctx, before)
	if err != nil {
		return 0, err
	}
	both, err := c.tokenize(ctx, before+" "+sentence)
	if err != nil {
		return 0, err
	}
	n := len(both) - len(base)
	if slices.Contains(closers(), sentence) { // the others hardly ever come back
		c.costs[sentence] = n
	}
	return n, nil
}

// exactSum returns the different indices, in decreasing order, whose costs add up to sum and
// whose weights add up to the least; ok is false when no costs add up.
func exactSum(costs, weights []int, sum int) (chosen []int, weight int, ok bool) {
	if sum < 0 || sum > maxFill {
		return nil, 0, false
	}
	const none = math.MaxInt
	// least[k][s]: the least weight of items among the first k that add up to s.
	least := make([][]int, len(costs)+1)
	for k := range least {
		least[k] = make([]int, sum+1)
		for s := range least[k] {
			switch {
			case k > 0:
				least[k][s] = least[k-1][s]
			case s > 0:
				least[k][s] = none
			}
			if k == 0 {
				continue
			}
			if v := costs[k-1]; v > 0 && v <= s && least[k-1][s-v] != none {
				least[k][s] = min(least[k][s], least[k-1][s-v]+weights[k-1])
			}
		}
	}
	if least[len(costs)][sum] == none {
		return nil, 0, false
	}
	for k, s := len(costs), sum; s > 0; k-- {
		if least[k][s] != least[k-1][s] {
			chosen = append(chosen, k-1)
			s -= costs[k-1]
		}
	}
	return chosen, least[len(costs)][sum], true
}

// cut makes a prompt of ids taken from the front of a longer text.
func (c *Composer) cut(ctx context.Context, complexity Complexity, ids []int32) (Prompt, error) {
	text, err := c.tokenizer.Detokenize(ctx, ids)
	if err != nil {
		return Prompt{}, fmt.Errorf("workload: detokenize %d ids: %w", len(ids), err)
	}
	again, err := c.tokenize(ctx, text)
	if err != nil {
		return Prompt{}, err
	}
	return Prompt{Complexity: complexity, Tokens: slices.Clone(ids), Text: text, TextExact: slices.Equal(ids, again)}, nil
}

func (c *Composer) tokenize(ctx context.Context, text string) ([]int32, error) {
	ids, err := c.tokenizer.Tokenize(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("workload: tokenize %d bytes of text: %w", len(text), err)
	}
	return ids, nil
}
