package engine

import (
	"context"
	"fmt"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// Request is one prompt to answer.
type Request struct {
	Tokens    []int32
	Images    []imaging.RGB // one for each ImageToken, in order
	MaxTokens int
	IgnoreEOS bool // run to MaxTokens whatever is generated
	Sampling  Sampling
}

// Finish says why an answer ended.
type Finish string

// Reasons, named as in the OpenAI API.
const (
	FinishStop   Finish = "stop"   // an end-of-generation token, or the receiver had enough
	FinishLength Finish = "length" // MaxTokens
)

// Result is an answer. Times are nanoseconds of measure.Now.
type Result struct {
	Tokens []int32 // without the token that ended the answer
	Times  []int64 // when each token was ready
	// Phases are encode, in which images become embeddings, when there are any; prefill, from
	// there until the first token is chosen; and decode, from there until the last.
	Phases   []measure.Phase
	Finish   Finish
	TokensIn int        // of the prompt, those of images included
	Images   []ImageUse // one for each image of the request
}

// Generate answers a request as a new sequence. emit, when not nil, receives each token as
// soon as it is chosen and ends the answer by returning false. The result so far comes
// with the error when ctx ends.
func (e *Engine) Generate(ctx context.Context, req Request, emit func(id int32) bool) (Result, error) {
	if err := e.checkRequest(req); err != nil {
		return Result{}, err
	}
	e.Reset()
	sampler := newSampler(req.Sampling)
	result := Result{Finish: FinishLength}
	start := measure.Now()
	parts, uses, err := e.expand(ctx, req)
	if err != nil {
		return Result{}, err
	}
	result.Images = uses
	if len(uses) > 0 {
		encoded := measure.Now()
		result.Phases = append(result.Phases, measure.Phase{Name: measure.PhaseEncode, Start: start, End: encoded})
		start = encoded
	}
	logits, err := e.prefill(ctx, parts)
	if err != nil {
		return Result{}, err
	}
	result.TokensIn = e.position
	prefilled := int64(0)
	for range req.MaxTokens {
		id := sampler.pick(logits)
		now := measure.Now()
		if prefilled == 0 {
			prefilled = now
		}
		if e.tokenizer.EndsGeneration(id) && !req.IgnoreEOS {
			result.Finish = FinishStop
			break
		}
		result.Tokens = append(result.Tokens, id)
		result.Times = append(result.Times, now)
		if emit != nil && !emit(id) {
			result.Finish = FinishStop
			break
		}
		if len(result.Tokens) == req.MaxTokens {
			break
		}
		if logits, err = e.Eval(ctx, result.Tokens[len(result.Tokens)-1:]); err != nil {
			break
		}
	}
	if prefilled == 0 {
		prefilled = measure.Now()
	}
	result.Phases = append(result.Phases, phases(start, prefilled, result.Times)...)
	return result, err
}

func phases(start, prefilled int64, times []int64) []measure.Phase {
	end := prefilled
	if n := len(times); n > 0 {
		end = times[n-1]
	}
	return []measure.Phase{
		{Name: measure.PhasePrefill, Start: start, End: prefilled},
		{Name: measure.PhaseDecode, Start: prefilled, End: end},
	}
}

func (e *Engine) checkRequest(req Request) error {
	if req.MaxTokens < 0 {
		return fmt.Errorf("max_tokens is %d: it must not be negative", req.MaxTokens)
	}
	sizes := make([]imaging.Size, len(req.Images))
	for i, img := range req.Images {
		sizes[i] = img.Size()
	}
	n, err := e.ExpandedLength(req.Tokens, sizes)
	if err != nil {
		return err
	}
	if n == 0 {
		return errEmpty
	}
	if req.MaxTokens > e.info.Context-n {
		return fmt.Errorf("a prompt of %d tokens and an answer of up to %d do not fit the context of %d: shorten one or raise the context",
			n, req.MaxTokens, e.info.Context)
	}
	return req.Sampling.check()
}
