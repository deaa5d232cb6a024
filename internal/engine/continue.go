package engine

import (
	"context"
	"fmt"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model"
)

// Continue forgets all of the sequence but its first keep tokens, appends tokens to these
// and hands sink the logits of every position that is not below from, in order: several rows
// at once, one after another, the first of them of position first. sink must not keep them.
// What is kept must reach beyond all images of the sequence.
func (e *Engine) Continue(ctx context.Context, keep int, tokens []int32, from int, sink func(first int, rows []float32) error) error {
	if keep < 0 || keep > e.position {
		return fmt.Errorf("cannot keep %d tokens of a sequence of %d", keep, e.position)
	}
	switch {
	case keep == 0:
		e.Reset()
	case keep < e.seen:
		return fmt.Errorf("cannot rewind to token %d of a sequence whose last image ends at %d: begin a new one", keep, e.seen)
	}
	e.rotary -= e.position - keep // beyond the images every token is one further
	e.position = keep
	if err := e.check(tokens); err != nil {
		return err
	}
	vocab := e.info.Vocabulary
	most := max(1, min(e.state.Capacity(), logitBytes/(4*vocab)))
	for len(tokens) > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if e.position < from {
			n := min(len(tokens), e.state.Capacity(), from-e.position)
			e.forward(model.Batch{Tokens: tokens[:n], Want: model.WantNone})
			tokens = tokens[n:]
			continue
		}
		n, first := min(len(tokens), most), e.position
		if len(e.state.Logits) < n*vocab {
			e.state.Logits = make([]float32, n*vocab)
		}
		e.forward(model.Batch{Tokens: tokens[:n], Want: model.WantAll})
		if err := sink(first, e.state.Logits[:n*vocab]); err != nil {
			return err
		}
		tokens = tokens[n:]
	}
	return nil
}

// Begin starts a new sequence with tokens, of which each ImageToken stands for the next image,
// and returns how many tokens it then has. Continue goes on from there, again and again.
func (e *Engine) Begin(ctx context.Context, tokens []int32, images []imaging.RGB) (length int, err error) {
	_, err = e.PromptLogits(ctx, Request{Tokens: tokens, Images: images})
	return e.position, err
}
