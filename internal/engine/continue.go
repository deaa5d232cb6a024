package engine

import (
	"context"
	"fmt"

	"github.com/wattlaw/wattlaw/internal/model"
)

// Continue forgets all of the sequence but its first keep tokens, appends tokens to these
// and hands sink the logits of every position that is not below from, in order: several rows
// at once, one after another, the first of them of position first. sink must not keep them.
// It is for text: what follows an image cannot be rewound to.
func (e *Engine) Continue(ctx context.Context, keep int, tokens []int32, from int, sink func(first int, rows []float32) error) error {
	if keep < 0 || keep > e.position {
		return fmt.Errorf("cannot keep %d tokens of a sequence of %d", keep, e.position)
	}
	if keep > 0 && e.images {
		return fmt.Errorf("cannot rewind to token %d of a sequence that holds an image: begin a new one", keep)
	}
	e.position, e.rotary = keep, keep
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
