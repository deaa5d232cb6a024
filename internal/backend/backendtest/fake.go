package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"strings"
	"time"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// Fake is a backend inside this process whose requests take a known time: prefill takes
// Base + PerTokenIn·tokens, decode PerTokenOut·tokens. One token is one byte of text. It
// loads any model but those whose name contains "missing". With Vision it takes images, whose
// encoding takes PerPixel for every effective pixel.
type Fake struct {
	Base, PerTokenIn, PerTokenOut, PerPixel time.Duration
	// Vision, when not nil, is the preprocessing of the models, with the clamp that Start gets.
	Vision *imaging.Contract
	// Fail, when not nil, is asked before each request, and its error ends it.
	Fail func(backend.Request) error
}

// Name returns "fake".
func (Fake) Name() string { return "fake" }

// Start returns at once.
func (f Fake) Start(ctx context.Context, cfg backend.Config) (backend.Server, error) {
	begin := measure.Now()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if strings.Contains(cfg.Model, "missing") {
		return nil, fmt.Errorf("start fake: there is no model %s", cfg.Model)
	}
	if cfg.Context == 0 {
		cfg.Context = 4096
	}
	if f.Vision != nil {
		vision, err := f.Vision.WithClamp(cfg.Clamp, cfg.MaxPixels)
		if err != nil {
			return nil, fmt.Errorf("start fake: %w", err)
		}
		f.Vision = &vision
	}
	return &fakeServer{Fake: f, cfg: cfg, load: measure.Phase{Name: measure.PhaseLoad, Start: begin, End: max(measure.Now(), begin+1)}}, nil
}

type fakeServer struct {
	Fake
	cfg     backend.Config
	load    measure.Phase
	stopped bool
}

func (s *fakeServer) PID() int            { return os.Getpid() }
func (s *fakeServer) Load() measure.Phase { return s.load }

func (s *fakeServer) Stop() error {
	s.stopped = true
	return nil
}

func (s *fakeServer) Model() backend.ModelInfo {
	return backend.ModelInfo{
		Name: s.cfg.Model, Architecture: "fake", Quant: "F32", Parameters: 1, Bytes: 4, Context: s.cfg.Context,
		Vocabulary: 256, Meaningless: true, Threads: max(s.cfg.Threads, 1), Vision: s.Vision,
	}
}

func (s *fakeServer) Tokenize(_ context.Context, text string) ([]int32, error) {
	ids := make([]int32, len(text))
	for i := range ids {
		ids[i] = int32(text[i])
	}
	return ids, nil
}

func (s *fakeServer) Detokenize(_ context.Context, ids []int32) (string, error) {
	text := make([]byte, len(ids))
	for i, id := range ids {
		text[i] = byte(id)
	}
	return string(text), nil
}

// Generate answers with a row of the letter a.
func (s *fakeServer) Generate(ctx context.Context, req backend.Request) (backend.Response, error) {
	if s.Fail != nil {
		if err := s.Fail(req); err != nil {
			return backend.Response{}, err
		}
	}
	in := len(req.Tokens) + len(req.Prompt)
	uses, err := s.look(req)
	for _, use := range uses {
		in += use.Sequence - 1
	}
	switch {
	case err != nil:
		return backend.Response{}, err
	case s.stopped:
		return backend.Response{}, errors.New("the fake server was stopped")
	case in == 0:
		return backend.Response{}, errors.New("the prompt is empty")
	case in+req.MaxTokens > s.cfg.Context:
		return backend.Response{}, fmt.Errorf("%d tokens do not fit the context of %d", in+req.MaxTokens, s.cfg.Context)
	}
	r := backend.Response{Text: strings.Repeat("a", req.MaxTokens), TokensIn: in, TokensOut: req.MaxTokens, Images: uses}
	start := measure.Now()
	for _, use := range uses {
		if err := pause(ctx, time.Duration(use.Layout.Pixels)*s.PerPixel); err != nil {
			return backend.Response{}, err
		}
	}
	if len(uses) > 0 {
		r.Phases = []measure.Phase{{Name: measure.PhaseEncode, Start: start, End: measure.Now()}}
		start = r.Phases[0].End
	}
	if err := pause(ctx, s.Base+time.Duration(in)*s.PerTokenIn); err != nil {
		return backend.Response{}, err
	}
	prefilled := measure.Now()
	for range req.MaxTokens {
		if err := pause(ctx, s.PerTokenOut); err != nil {
			return backend.Response{}, err
		}
		r.TokenTimes = append(r.TokenTimes, measure.Now())
	}
	r.Phases = append(r.Phases,
		measure.Phase{Name: measure.PhasePrefill, Start: start, End: prefilled},
		measure.Phase{Name: measure.PhaseDecode, Start: prefilled, End: measure.Now()})
	return r, nil
}

// look decodes the images of a request; each takes two markers beside its tokens.
func (s *fakeServer) look(req backend.Request) (uses []backend.ImageUse, err error) {
	places := 0
	for _, id := range req.Tokens {
		if id == backend.ImageToken {
			places++
		}
	}
	switch {
	case places != len(req.Images):
		return nil, fmt.Errorf("the prompt has %d places for %d images", places, len(req.Images))
	case places > 0 && s.Vision == nil:
		return nil, errors.New("this model takes no images")
	}
	for _, data := range req.Images {
		header, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		layout, err := s.Vision.Layout(imaging.Size{Width: header.Width, Height: header.Height})
		if err != nil {
			return nil, err
		}
		uses = append(uses, backend.ImageUse{Layout: layout, Sequence: layout.Tokens + 2})
	}
	return uses, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
