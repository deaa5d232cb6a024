package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/llama"
	"github.com/wattlaw/wattlaw/internal/model/qwen2vl"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/model/vision"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// sight is what a model that takes images has besides: their encoder.
type sight struct {
	file     io.Closer // of the source; nil for shape models
	source   *model.Source
	encoder  *vision.Encoder
	contract imaging.Contract
	state    *vision.State // made with the first image
}

// ImageUse says what became of one image of a prompt.
type ImageUse struct {
	Layout imaging.Layout `json:"layout"`
	// Sequence counts the tokens that the image takes in the prompt, markers included.
	Sequence int `json:"sequence"`
}

// openSight loads the encoder that the options or the shape name, if any.
func (e *Engine) openSight(ref string, opt Options) error {
	s := &sight{}
	var err error
	if s.source, s.file, err = OpenEncoder(ref, opt.Projector); err != nil {
		return err
	}
	if s.file != nil {
		e.sight = s // to be closed
	}
	switch {
	case s.source != nil:
		touch(s.source)
	case strings.HasPrefix(ref, shape.Prefix):
		known, format, err := shape.Parse(ref)
		if err != nil {
			return err
		}
		if known.Vision == nil {
			return refuseClamp(ref, opt)
		}
		format = shape.VisionFormat(format)
		if err := checkMemory("the encoder of "+ref, known.PlanVision(format).Bytes()); err != nil {
			return err
		}
		s.source = known.BuildVision(format, opt.Seed)
	default:
		return refuseClamp(ref, opt)
	}
	if s.encoder, err = vision.New(s.source); err != nil {
		return err
	}
	if err := e.pairs(s); err != nil {
		return err
	}
	if s.contract, err = s.encoder.Config().Contract().WithClamp(opt.Clamp, opt.MaxPixels); err != nil {
		return fmt.Errorf("%s: %w", s.source.Name, err)
	}
	e.sight = s
	e.info.Vision = &s.contract
	e.info.Parameters += s.source.Parameters()
	e.info.Bytes += s.source.Bytes()
	return nil
}

// refuseClamp errs when a limit for images is asked of a model without an encoder.
func refuseClamp(ref string, opt Options) error {
	if opt.Clamp != (imaging.Clamp{}) || opt.MaxPixels != 0 {
		return fmt.Errorf("%s takes no images, so their limit means nothing: name its encoder (a GGUF file often called mmproj) or leave the limit out", ref)
	}
	return nil
}

// pairs checks that the encoder was made for this language model.
func (e *Engine) pairs(s *sight) error {
	c, width := s.encoder.Config(), e.graph.Config().Width
	if c.Output != width {
		return fmt.Errorf("%s makes embeddings of %d features (projection_dim), %s takes %d (embedding_length): they do not belong together",
			s.source.Name, c.Output, e.source.Name, width)
	}
	want := llama.Architecture
	if c.Dynamic() {
		want = qwen2vl.Architecture
	}
	if e.graph.Config().Architecture != want {
		return fmt.Errorf("%s has projector %q, which belongs to language models of architecture %q; %s is %q",
			s.source.Name, c.Projector, want, e.source.Name, e.info.Architecture)
	}
	return nil
}

func (s *sight) close() error {
	if s == nil || s.file == nil {
		return nil
	}
	return s.file.Close()
}

// errNoSight answers images sent to a model of text.
var errNoSight = errors.New("this model takes no images: name its encoder (a GGUF file often called mmproj)")

// Vision returns what happens to an image before the model sees it; nil for text alone.
func (e *Engine) Vision() *imaging.Contract { return e.info.Vision }

// EncodeImage returns the embeddings of an image, row by row, as wide as the model: those
// of its views one after the other. When ctx ends it stops between two layers.
func (e *Engine) EncodeImage(ctx context.Context, img imaging.RGB) ([]float32, ImageUse, error) {
	if e.sight == nil {
		return nil, ImageUse{}, errNoSight
	}
	views, layout, err := e.sight.contract.Apply(img)
	if err != nil {
		return nil, ImageUse{}, err
	}
	var all []float32
	for _, view := range views {
		embeddings, err := e.encodeView(ctx, view)
		if err != nil {
			return nil, ImageUse{}, err
		}
		all = append(all, embeddings...)
	}
	return all, ImageUse{Layout: layout, Sequence: e.sequence(layout)}, nil
}

// encodeView runs the encoder; the result is valid until the next call.
func (e *Engine) encodeView(ctx context.Context, view imaging.View) ([]float32, error) {
	s := e.sight
	patch, newDesks := s.encoder.Config().Patch, e.info.Threads
	if s.state != nil {
		newDesks = 0
	}
	if err := checkMemory(fmt.Sprintf("encoding an image of %v", view.Size), s.encoder.Bytes(view.Size.Pixels()/(patch*patch), newDesks)); err != nil {
		return nil, err
	}
	if s.state == nil {
		s.state = s.encoder.NewState(e.info.Threads)
	}
	if err := s.encoder.Begin(s.state, view); err != nil {
		return nil, err
	}
	for i := range s.encoder.Steps() {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		e.team.Run(func(w *model.Worker) { s.encoder.Step(w, s.state, i) })
	}
	return s.state.Embeddings, nil
}

// sequence counts the tokens of an image's layout, markers included.
func (e *Engine) sequence(l imaging.Layout) int {
	n := l.Tokens
	for _, piece := range e.sight.encoder.Markup(l) {
		if piece.View < 0 {
			n += len(e.marker(piece.Text))
		}
	}
	return n
}

// marker tokenizes the text around an image.
func (e *Engine) marker(text string) []int32 {
	return e.tokenizer.Encode(text, tokenizer.EncodeOptions{ParseSpecial: true})
}

// ExpandedLength returns the tokens of a prompt whose ImageTokens stand for images of the
// given sizes.
func (e *Engine) ExpandedLength(tokens []int32, sizes []imaging.Size) (int, error) {
	n := len(tokens)
	if err := countImages(tokens, len(sizes)); err != nil {
		return 0, err
	}
	for i, size := range sizes {
		if e.sight == nil {
			return 0, errNoSight
		}
		layout, err := e.sight.contract.Layout(size)
		if err != nil {
			return 0, fmt.Errorf("image %d: %w", i+1, err)
		}
		n += e.sequence(layout) - 1
	}
	return n, nil
}
