package engine

import (
	"context"
	"fmt"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model"
)

// ImageToken stands in Request.Tokens for the next of Request.Images.
const ImageToken = -1

// part is a stretch of a prompt: tokens of text, or embeddings of a view.
type part struct {
	tokens []int32
	rows   []float32
	view   imaging.Size // of rows
}

// countImages errs unless there is one ImageToken for each image.
func countImages(tokens []int32, images int) error {
	n := 0
	for _, id := range tokens {
		if id == ImageToken {
			n++
		}
	}
	if n != images {
		return fmt.Errorf("the prompt has places for %d images, and %d are given", n, images)
	}
	return nil
}

// expand encodes the images of a request and returns its prompt in parts, with no two of
// text side by side.
func (e *Engine) expand(ctx context.Context, req Request) ([]part, []ImageUse, error) {
	var parts []part
	var uses []ImageUse
	text := func(ids ...int32) {
		if len(ids) == 0 { // a marker that the vocabulary cannot spell
			return
		}
		if n := len(parts); n > 0 && parts[n-1].rows == nil {
			parts[n-1].tokens = append(parts[n-1].tokens, ids...)
			return
		}
		parts = append(parts, part{tokens: append([]int32(nil), ids...)})
	}
	for _, id := range req.Tokens {
		if id != ImageToken {
			text(id)
			continue
		}
		img := req.Images[len(uses)]
		views, layout, err := e.sight.contract.Apply(img)
		if err != nil {
			return nil, nil, fmt.Errorf("image %d: %w", len(uses)+1, err)
		}
		use := ImageUse{Layout: layout, Sequence: layout.Tokens}
		for _, piece := range e.sight.encoder.Markup(layout) {
			if piece.View < 0 {
				marker := e.marker(piece.Text)
				use.Sequence += len(marker)
				text(marker...)
				continue
			}
			rows, err := e.encodeView(ctx, views[piece.View])
			if err != nil {
				return nil, nil, err
			}
			parts = append(parts, part{rows: append([]float32(nil), rows...), view: views[piece.View].Size})
		}
		uses = append(uses, use)
	}
	return parts, uses, nil
}

// prefill appends the parts and returns the logits after the last.
func (e *Engine) prefill(ctx context.Context, parts []part) (logits []float32, err error) {
	for _, p := range parts {
		if p.rows != nil {
			logits, err = e.evalRows(ctx, p)
		} else {
			logits, err = e.Eval(ctx, p.tokens)
		}
		if err != nil {
			return nil, err
		}
	}
	return logits, nil
}

// evalRows appends the embeddings of a view and returns the logits after the last.
func (e *Engine) evalRows(ctx context.Context, p part) ([]float32, error) {
	width := e.graph.Config().Width
	n := len(p.rows) / width
	if err := e.fits(n); err != nil {
		return nil, err
	}
	c := e.sight.encoder.Config()
	columns := p.view.Width / (c.Patch * c.Merge)
	places, next := e.graph.Config().ImagePositions(e.rotary, n/columns, columns)
	for first := 0; first < n; {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		end := min(first+e.state.Capacity(), n)
		want := model.WantNone
		if end == n {
			want = model.WantLast
		}
		e.forward(model.Batch{Rows: p.rows[first*width : end*width], Positions: places[first:end], Want: want})
		first = end
	}
	e.rotary, e.seen = next, e.position
	return e.state.Logits[:e.info.Vocabulary], nil
}
