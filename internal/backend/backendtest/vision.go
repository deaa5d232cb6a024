package backendtest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
	"testing"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// RunVision holds b to its contract for images, with a small vision model that it can load.
func RunVision(t *testing.T, b backend.Backend, cfg backend.Config) {
	s := start(t, b, cfg)
	vision := s.Model().Vision
	if vision == nil {
		t.Fatalf("%s has no preprocessing contract", cfg.Model)
	}
	if k := vision.Clamp; cfg.Clamp.MaxTokens != 0 && k.MaxTokens != cfg.Clamp.MaxTokens || cfg.Clamp.LongestSide != 0 && k.LongestSide != cfg.Clamp.LongestSide {
		t.Errorf("the contract has the clamp %v, %v was asked for", k, cfg.Clamp)
	}
	t.Run("answers an image", func(t *testing.T) { answersImage(t, s, imaging.Size{Width: 90, Height: 60}) })
	t.Run("answers a larger image", func(t *testing.T) { answersImage(t, s, imaging.Size{Width: 150, Height: 130}) })
	t.Run("answers text", func(t *testing.T) { answers(t, s, promptOf(t, s)) })
	t.Run("refuses images that do not fit the prompt", func(t *testing.T) {
		size := imaging.Size{Width: 32, Height: 32}
		for name, req := range map[string]backend.Request{
			"an image without a place": {Tokens: promptOf(t, s), Images: [][]byte{picture(t, size)}},
			"a place without an image": {Tokens: append(promptOf(t, s), backend.ImageToken)},
			"what is no image":         {Tokens: append(promptOf(t, s), backend.ImageToken), Images: [][]byte{[]byte("no image")}},
		} {
			req.MaxTokens = 1
			if r, err := s.Generate(t.Context(), req); err == nil {
				t.Errorf("%s was answered: %+v", name, r)
			}
		}
	})
}

func answersImage(t *testing.T, s backend.Server, size imaging.Size) {
	ids := promptOf(t, s)
	before := measure.Now()
	r, err := s.Generate(t.Context(), backend.Request{
		Tokens: append(slices.Clone(ids), backend.ImageToken), Images: [][]byte{picture(t, size)}, MaxTokens: answerTokens, IgnoreEOS: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	after := measure.Now()
	want, err := s.Model().Vision.Layout(size)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Images) != 1 || r.Images[0].Layout != want || r.Images[0].Sequence < want.Tokens {
		t.Fatalf("the image became %+v, the contract says %+v", r.Images, want)
	}
	if r.TokensIn != len(ids)+r.Images[0].Sequence || r.TokensOut != answerTokens {
		t.Errorf("%d tokens in and %d out, want %d and %d for the text and %d for the image", r.TokensIn, r.TokensOut, len(ids), answerTokens, r.Images[0].Sequence)
	}
	last := before
	for i, name := range []string{measure.PhaseEncode, measure.PhasePrefill, measure.PhaseDecode} {
		if len(r.Phases) != 3 || r.Phases[i].Name != name || r.Phases[i].Start < last || r.Phases[i].End < r.Phases[i].Start {
			t.Fatalf("phases %+v after %d", r.Phases, before)
		}
		last = r.Phases[i].End
	}
	if last > after {
		t.Errorf("phases %+v outside of %d to %d", r.Phases, before, after)
	}
}

// picture is a PNG of a gradient.
func picture(t *testing.T, size imaging.Size) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, size.Width, size.Height))
	for y := range size.Height {
		for x := range size.Width {
			m.SetNRGBA(x, y, color.NRGBA{R: uint8(x), G: uint8(y), B: uint8(x + y), A: 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
