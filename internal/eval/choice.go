package eval

import (
	"context"
	"errors"
	"slices"
)

// ask adds what the model thinks of the choices.
func (c *ChoiceResult) ask(ctx context.Context, o opening, prompt string, t Task) error {
	likelihoods, err := choiceLikelihoods(ctx, o, prompt, t.Choices)
	if err != nil {
		return err
	}
	p := ChoicePicked{LogLikelihoods: likelihoods}
	for i, l := range likelihoods {
		if l > likelihoods[p.Raw] {
			p.Raw = i
		}
		if l/float64(len(t.Choices[i])) > likelihoods[p.PerByte]/float64(len(t.Choices[p.PerByte])) {
			p.PerByte = i
		}
	}
	c.Picked = append(c.Picked, p)
	return nil
}

// choiceLikelihoods returns ln p of each choice as the continuation of an opening and the prompt
// behind it.
//
// Prompt and choice are tokenized together, since that is the text which the model knows. What
// all the sequences begin with is computed once; all that differs is scored, so that a choice
// whose first letters become one token with the prompt's last is treated as the others are.
func choiceLikelihoods(ctx context.Context, o opening, prompt string, choices []string) ([]float64, error) {
	all := make([][]int32, len(choices))
	for i, c := range choices {
		all[i] = o.encode(prompt + c)
	}
	shared := min(common(all), len(o.encode(prompt)))
	for _, tokens := range all {
		shared = min(shared, len(tokens)-1) // something is left to score of each
	}
	if shared < 1 {
		return nil, errors.New("prompt and choices have no first token in common: write some text before the choices")
	}
	for _, tokens := range all {
		if err := o.fits(len(tokens), 0); err != nil {
			return nil, err
		}
	}
	out := make([]float64, len(choices))
	last := o.length + shared - 1
	err := o.model.Continue(ctx, o.length, all[0][:shared], last, func(first int, rows []float32) error {
		s, err := sum(rows)
		if err != nil {
			return at(first, err)
		}
		for i, tokens := range all {
			out[i] = float64(rows[tokens[shared]]) - s.log
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, tokens := range all {
		if len(tokens) == shared+1 {
			continue
		}
		l, err := o.sequenceLikelihood(ctx, tokens, shared)
		if err != nil {
			return nil, err
		}
		out[i] += l
	}
	return out, nil
}

// sequenceLikelihood is ln p of the tokens after tokens[:from+1], of which the model has
// computed the first from behind the opening.
func (o opening) sequenceLikelihood(ctx context.Context, tokens []int32, from int) (total float64, err error) {
	info := o.model.Info()
	part, start := tokens[from:len(tokens)-1], o.length+from
	logs := make([]float64, len(part))
	err = o.model.Continue(ctx, start, part, start, func(first int, rows []float32) error {
		return eachRow(rows, info.Vocabulary, info.Threads, func(j int, row []float32) error {
			s, err := sum(row)
			logs[first+j-start] = float64(row[tokens[first+j+1-o.length]]) - s.log
			return at(first+j, err)
		})
	})
	for _, l := range logs {
		total += l
	}
	return total, err
}

// common is the number of tokens that all sequences begin with.
func common(all [][]int32) int {
	n := len(slices.MinFunc(all, func(a, b []int32) int { return len(a) - len(b) }))
	for i := range n {
		for _, s := range all[1:] {
			if s[i] != all[0][i] {
				return i
			}
		}
	}
	return n
}
