// Package backendtest holds the suite that every backend passes, and a fake backend for
// tests of what lies above.
package backendtest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// Run holds b to its contract, with a small model that it can load and a reference that no
// backend can load. It starts several servers.
func Run(t *testing.T, b backend.Backend, model, missing string) {
	t.Run("server", func(t *testing.T) {
		before := measure.Now()
		s := start(t, b, backend.Config{Model: model, Threads: 1, Context: 256, Seed: 1})
		describes(t, s, before, measure.Now())
		t.Run("tokenizes and back", func(t *testing.T) { tokenizes(t, s) })
		t.Run("answers tokens", func(t *testing.T) { answers(t, s, promptOf(t, s)) })
		t.Run("answers text", func(t *testing.T) { answersText(t, s) })
		t.Run("repeats itself", func(t *testing.T) { repeats(t, s) })
		t.Run("refuses", func(t *testing.T) { refuses(t, s) })
		t.Run("stays usable after a cancelled request", func(t *testing.T) { cancels(t, s) })
	})
	t.Run("stops twice", func(t *testing.T) {
		s := start(t, b, backend.Config{Model: model})
		for range 2 {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Generate(t.Context(), backend.Request{Tokens: []int32{1}, MaxTokens: 1}); err == nil {
			t.Error("a stopped server answered")
		}
	})
	t.Run("missing model", func(t *testing.T) {
		s, err := b.Start(t.Context(), backend.Config{Model: missing})
		if err == nil {
			t.Error("a server started for a model that does not exist", s.Stop())
		} else if !strings.Contains(err.Error(), missing) {
			t.Errorf("the error does not name %s: %v", missing, err)
		}
	})
}

func start(t *testing.T, b backend.Backend, cfg backend.Config) backend.Server {
	t.Helper()
	s, err := b.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func describes(t *testing.T, s backend.Server, before, after int64) {
	m, load := s.Model(), s.Load()
	if s.PID() <= 0 || m.Name == "" || m.Parameters <= 0 || m.Bytes <= 0 || m.Vocabulary <= 0 || m.Context <= 0 {
		t.Errorf("process %d, model %+v", s.PID(), m)
	}
	if load.Name != measure.PhaseLoad || load.Start < before || load.End <= load.Start || load.End > after {
		t.Errorf("load phase %+v outside of %d to %d", load, before, after)
	}
}

const text = "The quick brown fox jumps over the lazy dog."

func tokenizes(t *testing.T, s backend.Server) {
	ids, err := s.Tokenize(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	back, err := s.Detokenize(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	// Special tokens may stand around the text.
	if len(ids) == 0 || !strings.Contains(back, text) {
		t.Errorf("%q gives %v gives %q", text, ids, back)
	}
}

func promptOf(t *testing.T, s backend.Server) []int32 {
	t.Helper()
	ids, err := s.Tokenize(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

const answerTokens = 6

func answers(t *testing.T, s backend.Server, ids []int32) {
	before := measure.Now()
	r, err := s.Generate(t.Context(), backend.Request{Tokens: ids, MaxTokens: answerTokens, IgnoreEOS: true})
	if err != nil {
		t.Fatal(err)
	}
	after := measure.Now()
	if r.TokensIn != len(ids) || r.TokensOut != answerTokens || len(r.TokenTimes) != answerTokens || r.Text == "" {
		t.Errorf("%d tokens gave %+v", len(ids), r)
	}
	if !slices.IsSorted(r.TokenTimes) {
		t.Errorf("token times are not in order: %v", r.TokenTimes)
	}
	last := before
	for i, name := range []string{measure.PhasePrefill, measure.PhaseDecode} {
		if len(r.Phases) != 2 || r.Phases[i].Name != name || r.Phases[i].Start < last || r.Phases[i].End < r.Phases[i].Start {
			t.Fatalf("phases %+v after %d", r.Phases, before)
		}
		last = r.Phases[i].End
	}
	if last > after || r.TokenTimes[answerTokens-1] > after || r.TokenTimes[0] < r.Phases[0].Start {
		t.Errorf("phases %+v and times %v outside of %d to %d", r.Phases, r.TokenTimes, before, after)
	}
}

func answersText(t *testing.T, s backend.Server) {
	ids := promptOf(t, s)
	r, err := s.Generate(t.Context(), backend.Request{Prompt: text, MaxTokens: 1, IgnoreEOS: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.TokensIn != len(ids) || r.TokensOut != 1 {
		t.Errorf("%d tokens in, %d out; Tokenize counts %d", r.TokensIn, r.TokensOut, len(ids))
	}
}

func repeats(t *testing.T, s backend.Server) {
	for _, req := range []backend.Request{
		{Tokens: promptOf(t, s), MaxTokens: answerTokens, IgnoreEOS: true},
		{Tokens: promptOf(t, s), MaxTokens: answerTokens, IgnoreEOS: true, Temperature: 1, TopK: 50, TopP: 0.9, Seed: 3},
	} {
		var texts [2]string
		for i := range texts {
			r, err := s.Generate(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			texts[i] = r.Text
		}
		if texts[0] != texts[1] {
			t.Errorf("%+v gave %q and %q", req, texts[0], texts[1])
		}
	}
}

func refuses(t *testing.T, s backend.Server) {
	for name, req := range map[string]backend.Request{
		"nothing":           {MaxTokens: 1},
		"a prompt too long": {Tokens: make([]int32, s.Model().Context+1), MaxTokens: 1},
	} {
		if r, err := s.Generate(t.Context(), req); err == nil {
			t.Errorf("%s was answered: %+v", name, r)
		}
	}
}

func cancels(t *testing.T, s backend.Server) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	req := backend.Request{Tokens: promptOf(t, s), MaxTokens: s.Model().Context - 100, IgnoreEOS: true}
	if _, err := s.Generate(ctx, req); err == nil {
		t.Error("a request with a millisecond's time was answered")
	}
	answers(t, s, promptOf(t, s))
}
