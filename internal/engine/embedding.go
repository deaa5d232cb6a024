package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/bert"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// Embedder is a loaded encoder of text. It is not safe for concurrent use.
type Embedder struct {
	info      Info
	file      io.Closer // of the source; nil for shape models
	encoder   *bert.Encoder
	tokenizer *tokenizer.Tokenizer
	team      *model.Team
	state     *bert.State
	batch     int // tokens that are encoded together, of several texts
}

// LoadEmbedder loads the encoder of text that ref names: a path of a GGUF file of architecture
// "bert", or a shape such as "shape:minilm-l6@f16". Options.Context bounds the tokens of a
// text; its default is all that the model has positions for. Close releases it.
func LoadEmbedder(ref string, opt Options) (*Embedder, error) {
	e := &Embedder{}
	if err := e.load(ref, opt); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Embedder) load(ref string, opt Options) error {
	kernels, threads, err := opt.workers()
	if err != nil {
		return err
	}
	var src *model.Source
	if src, e.file, err = open(ref, opt.Seed); err != nil {
		return err
	}
	if e.encoder, err = bert.New(src); err != nil {
		return err
	}
	if e.tokenizer, err = tokenizer.New(src.Vocab); err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	c := e.encoder.Config()
	if n := e.tokenizer.Size(); n > c.Vocab {
		return fmt.Errorf("%s: %d tokens for an embedding matrix of %d rows", ref, n, c.Vocab)
	}
	longest := opt.Context
	if longest == 0 {
		longest = c.Context
	}
	if longest < 1 || longest > c.Context {
		return fmt.Errorf("context of %d tokens: %s was trained for 1 to %d", longest, ref, c.Context)
	}
	if e.batch = opt.Batch; e.batch <= 0 {
		e.batch = defaultBatch
	}
	e.team, e.state = model.NewTeam(threads, kernels), e.encoder.NewState(threads)
	e.info = Info{
		Name: ref, Architecture: c.Architecture, Quant: src.Quant, Parameters: src.Parameters(), Bytes: src.Bytes(),
		Context: longest, Vocabulary: c.Vocab, Meaningless: src.Meaningless, Kernel: kernels.Name(), Threads: threads,
	}
	return nil
}

// Close stops the workers and releases the file.
func (e *Embedder) Close() error {
	if e.team != nil {
		e.team.Close()
		e.team = nil
	}
	if e.file != nil {
		return e.file.Close()
	}
	return nil
}

// Name returns what the embedder was loaded by.
func (e *Embedder) Name() string { return e.info.Name }

// Info describes the model.
func (e *Embedder) Info() Info { return e.info }

// Width is the number of features of an embedding.
func (e *Embedder) Width() int { return e.encoder.Config().Width }

// Embed returns a vector of length one for each text, in order, so that the cosine of two
// is their dot product. Special tokens written in a text are read as these. Short texts are
// encoded together, as many as fit Options.Batch tokens. When ctx ends it stops between two
// layers with the cause.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	ids := make([][]int32, len(texts))
	for i, text := range texts {
		ids[i] = e.tokenizer.Encode(text, tokenizer.EncodeOptions{AddSpecial: true, ParseSpecial: true})
		if n := len(ids[i]); n > e.info.Context {
			return nil, fmt.Errorf("embed text %d of %d: its %d tokens do not fit the %d of %s: shorten or split it",
				i+1, len(texts), n, e.info.Context, e.info.Name)
		}
	}
	vectors := make([][]float32, 0, len(texts))
	for first := 0; first < len(ids); {
		end, tokens := first+1, len(ids[first])
		for end < len(ids) && tokens+len(ids[end]) <= e.batch {
			tokens += len(ids[end])
			end++
		}
		if err := e.encode(ctx, ids[first:end], tokens); err != nil {
			return nil, err
		}
		for i := first; i < end; i++ {
			v := append([]float32(nil), e.state.Embeddings[(i-first)*e.Width():][:e.Width()]...)
			if err := finite(v); err != nil {
				return nil, fmt.Errorf("embed text %d of %d with %s: %w", i+1, len(texts), e.info.Name, err)
			}
			vectors = append(vectors, v)
		}
		first = end
	}
	return vectors, nil
}

// encode runs the encoder on texts of so many tokens together.
func (e *Embedder) encode(ctx context.Context, texts [][]int32, tokens int) error {
	if err := checkMemory(fmt.Sprintf("embedding texts of %d tokens", tokens), e.encoder.Bytes(tokens)); err != nil {
		return err
	}
	if err := e.encoder.Begin(e.state, texts); err != nil {
		return err
	}
	for i := range e.encoder.Steps() {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		e.team.Run(func(w *model.Worker) { e.encoder.Step(w, e.state, i) })
	}
	return nil
}

// finite errs when a vector holds what is no number.
func finite(v []float32) error {
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("feature %d of the embedding is %v: the model's weights hold NaN, infinity or too large values", i, x)
		}
	}
	return nil
}

// Cosine returns the cosine of the angle between two vectors of equal length; 0 where one of
// them is zero.
func Cosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i, x := range a {
		dot += float64(x) * float64(b[i])
		aa += float64(x) * float64(x)
		bb += float64(b[i]) * float64(b[i])
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return dot / math.Sqrt(aa*bb)
}
