package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

func TestGenerateMarksPhasesAndTokens(t *testing.T) {
	e := load(t, "shape:tiny@q8_0", Options{})
	var emitted []int32
	r, err := e.Generate(t.Context(), Request{Tokens: prompt(20, 512), MaxTokens: 12, IgnoreEOS: true}, func(id int32) bool {
		emitted = append(emitted, id)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Tokens) != 12 || len(r.Times) != 12 || r.Finish != FinishLength || !slices.Equal(emitted, r.Tokens) {
		t.Fatalf("%d tokens, %d times, emitted %v of %v, finish %s", len(r.Tokens), len(r.Times), emitted, r.Tokens, r.Finish)
	}
	prefill, decode := r.Phases[0], r.Phases[1]
	if prefill.Name != "prefill" || decode.Name != "decode" || !(prefill.Start < prefill.End) ||
		prefill.End != decode.Start || decode.Start != r.Times[0] || decode.End != r.Times[11] || !slices.IsSorted(r.Times) {
		t.Errorf("phases %v, times %v", r.Phases, r.Times)
	}
}

func TestSamplingIsDecidedByTheSeed(t *testing.T) {
	e := load(t, "shape:tiny@q8_0", Options{})
	generate := func(seed uint64) []int32 {
		r, err := e.Generate(t.Context(), Request{Tokens: prompt(5, 512), MaxTokens: 20, IgnoreEOS: true,
			Sampling: Sampling{Temperature: 1.5, TopK: 100, TopP: 0.95, Seed: seed}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.Tokens
	}
	if a, b := generate(1), generate(1); !slices.Equal(a, b) {
		t.Errorf("one seed gave %v and %v", a, b)
	}
	if a, b := generate(1), generate(2); slices.Equal(a, b) {
		t.Errorf("two seeds gave the same %v", a)
	}
}

func TestRequestsThatCannotBeAnswered(t *testing.T) {
	e := load(t, "shape:tiny@q8_0", Options{Context: 64})
	cases := []struct {
		name string
		req  Request
		want string
	}{
		{"empty", Request{MaxTokens: 1}, "prompt is empty"},
		{"negative id", Request{Tokens: []int32{-2}, MaxTokens: 1}, "outside the vocabulary"},
		{"place without image", Request{Tokens: []int32{1, ImageToken}, MaxTokens: 1}, "places for 1 images, and 0 are given"},
		{"image for a model of text", Request{Tokens: []int32{ImageToken}, Images: []imaging.RGB{imaging.NewRGB(imaging.Size{Width: 8, Height: 8})}, MaxTokens: 1}, "takes no images"},
		{"large id", Request{Tokens: []int32{1, 512}, MaxTokens: 1}, "token 512 at position 1"},
		{"long prompt", Request{Tokens: prompt(65, 512)}, "do not fit the context of 64"},
		{"long answer", Request{Tokens: prompt(60, 512), MaxTokens: 5}, "do not fit the context of 64"},
		{"negative answer", Request{Tokens: prompt(1, 512), MaxTokens: -1}, "must not be negative"},
		{"huge answer", Request{Tokens: prompt(1, 512), MaxTokens: int(^uint(0) >> 1)}, "do not fit"},
		{"temperature", Request{Tokens: prompt(1, 512), Sampling: Sampling{Temperature: -1}}, "temperature"},
		{"top_p", Request{Tokens: prompt(1, 512), Sampling: Sampling{TopP: 2}}, "top_p"},
	}
	for _, c := range cases {
		if _, err := e.Generate(t.Context(), c.req, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	if r, err := e.Generate(t.Context(), Request{Tokens: prompt(60, 512), MaxTokens: 4, IgnoreEOS: true}, nil); err != nil || len(r.Tokens) != 4 {
		t.Errorf("a request that just fits: %v, %v", r.Tokens, err)
	}
}

func TestGenerateStopsWhenTold(t *testing.T) {
	e := load(t, "shape:tiny@q8_0", Options{})
	req := Request{Tokens: prompt(5, 512), MaxTokens: 50, IgnoreEOS: true}
	r, err := e.Generate(t.Context(), req, func(int32) bool { return false })
	if err != nil || len(r.Tokens) != 1 || r.Finish != FinishStop {
		t.Errorf("refused after one token: %v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	r, err = e.Generate(ctx, req, func(int32) bool {
		if n++; n == 3 {
			cancel()
		}
		return true
	})
	if !errors.Is(err, context.Canceled) || len(r.Tokens) != 3 {
		t.Errorf("cancelled after three tokens: %v, %v", r, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	cases := []struct {
		ref  string
		opt  Options
		want string
	}{
		{"shape:tiny@q8_0", Options{Kernel: "abacus"}, "abacus"},
		{"shape:tiny@q8_0", Options{Threads: -1}, "threads"},
		{"shape:tiny@q8_0", Options{Context: 4096}, "trained for 1 to 2048"},
		{"shape:nothing@q8_0", Options{}, "no shape"},
		{"no/such/file.gguf", Options{}, "no/such/file.gguf"},
	}
	for _, c := range cases {
		e, err := Load(c.ref, c.opt)
		if err == nil {
			e.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: error %v, want %q", c.ref, c.opt, err, c.want)
		}
	}
}
