package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// ImageMarker stands in the text of a prompt for the next image.
const ImageMarker = "<image>"

// EncodePrompt tokenizes the text of a prompt with so many images, an ImageToken for each
// ImageMarker. Without any marker the images go before the text; without images the marker
// is text like any other.
func (e *Engine) EncodePrompt(text string, images int) ([]int32, error) {
	if images == 0 {
		return e.EncodePieces(text), nil
	}
	pieces := strings.Split(text, ImageMarker)
	switch n := len(pieces) - 1; n {
	case 0:
		pieces = append(make([]string, images), text)
	case images:
	default:
		return nil, fmt.Errorf("the prompt has the marker %s %d times for %d images: write it once per image, or leave it out to put the images first",
			ImageMarker, n, images)
	}
	return e.EncodePieces(pieces...), nil
}

// EncodePieces tokenizes the text of a prompt with an image between every two pieces. Each
// piece is tokenized on its own, and the first with the special tokens that the model wants;
// one that begins with the BOS token already, as chat templates may, gets no second.
func (e *Engine) EncodePieces(pieces ...string) (ids []int32) {
	bos, _ := e.tokenizer.Token(e.tokenizer.BOS())
	for i, piece := range pieces {
		if i > 0 {
			ids = append(ids, ImageToken)
		}
		special := i == 0 && (bos == "" || !strings.HasPrefix(piece, bos))
		ids = append(ids, e.tokenizer.Encode(piece, tokenizer.EncodeOptions{AddSpecial: special, ParseSpecial: true})...)
	}
	return ids
}

// PromptLogits runs the prompt of a request as a new sequence and returns the logits after
// its last token; they are valid until the next call.
func (e *Engine) PromptLogits(ctx context.Context, req Request) ([]float32, error) {
	if err := e.checkRequest(req); err != nil {
		return nil, err
	}
	e.Reset()
	parts, _, err := e.expand(ctx, req)
	if err != nil {
		return nil, err
	}
	return e.prefill(ctx, parts)
}

// SetClamp replaces the limit at which images stop costing more, as Options would: what is
// not set is the model's own.
func (e *Engine) SetClamp(k imaging.Clamp, maxPixels int) error {
	if e.sight == nil {
		return errNoSight
	}
	contract, err := e.sight.encoder.Config().Contract().WithClamp(k, maxPixels)
	if err != nil {
		return fmt.Errorf("%s: %w", e.sight.source.Name, err)
	}
	changed := *e.sight // what was handed out of the old contract stays as it was
	changed.contract = contract
	e.sight, e.info.Vision = &changed, &changed.contract
	return nil
}
