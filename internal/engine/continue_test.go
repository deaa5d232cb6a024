package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

// TestContinueGivesTheLogitsOfAllLogits runs a prompt whole, from its middle, and rewound
// after another ending.
func TestContinueGivesTheLogitsOfAllLogits(t *testing.T) {
	for _, ref := range []string{"shape:tiny@f32", "shape:tiny-qwen2@q4_0"} {
		e := load(t, ref, Options{Batch: 32})
		vocab := e.Info().Vocabulary
		tokens := prompt(100, vocab)
		want := allLogits(t, e, tokens, 0)
		for _, c := range []struct{ keep, from int }{{0, 0}, {0, 50}, {0, 99}, {40, 0}, {40, 70}, {99, 99}} {
			detour := append(slices.Clone(tokens[:c.keep]), 1, 2, 3)
			skip := func(int, []float32) error { return nil }
			if err := e.Continue(t.Context(), 0, detour, 1000, skip); err != nil {
				t.Fatal(err)
			}
			at := max(c.keep, c.from)
			var got [][]float32
			err := e.Continue(t.Context(), c.keep, tokens[c.keep:], c.from, func(first int, rows []float32) error {
				if first != at+len(got) || len(rows) == 0 || len(rows)%vocab != 0 {
					t.Fatalf("%v: %d values from position %d, want from %d", c, len(rows), first, at+len(got))
				}
				for row := range slices.Chunk(rows, vocab) {
					got = append(got, slices.Clone(row))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 100-at {
				t.Fatalf("%v: %d rows, want %d", c, len(got), 100-at)
			}
			if kl := meanDivergence(want[at:], got); kl > divergenceLimit(ref) {
				t.Errorf("%s, %v: diverges by KL %g", ref, c, kl)
			}
		}
	}
}

func TestContinueRefuses(t *testing.T) {
	e := load(t, "shape:tiny@f32", Options{Context: 64})
	sink := func(int, []float32) error { return nil }
	for _, c := range []struct {
		keep   int
		tokens []int32
		want   string
	}{
		{-1, []int32{1}, "cannot keep -1"},
		{1, []int32{1}, "cannot keep 1 tokens of a sequence of 0"},
		{0, nil, "empty"},
		{0, []int32{1, 100000}, "position 1"},
		{0, make([]int32, 65), "context of 64"},
	} {
		if err := e.Continue(t.Context(), c.keep, c.tokens, 0, sink); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("keep %d, %d tokens: %v, want %q", c.keep, len(c.tokens), err, c.want)
		}
	}
}

// TestContinueBehindAnImage rewinds to the end of an image, and into the text that follows.
func TestContinueBehindAnImage(t *testing.T) {
	for _, name := range tinyVLMs {
		e := load(t, name+"f32", Options{})
		begin, text := []int32{5, ImageToken}, []int32{9, 11, 12, 13}
		images := []imaging.RGB{picture(90, 70)}
		want, err := e.PromptLogits(t.Context(), Request{Tokens: append(slices.Clone(begin), text...), Images: images})
		if err != nil {
			t.Fatal(err)
		}
		want = slices.Clone(want)
		n, err := e.Begin(t.Context(), begin, images)
		if err != nil || n != e.Position() || n < 3 {
			t.Fatalf("%s: a beginning of %d tokens, %v", name, n, err)
		}
		skip := func(int, []float32) error { return nil }
		for _, keep := range []int{0, 2} {
			if err := e.Continue(t.Context(), n, []int32{text[0], text[1], 7, 8}, n, skip); err != nil {
				t.Fatal(err)
			}
			var got []float32
			err := e.Continue(t.Context(), n+keep, text[keep:], n+3, func(first int, rows []float32) error {
				got = slices.Clone(rows)
				return nil
			})
			if kl := meanDivergence([][]float32{want}, [][]float32{got}); err != nil || kl > 1e-6 {
				t.Errorf("%s, rewound to %d behind the image: diverges by KL %g, %v", name, keep, kl, err)
			}
		}
		if err := e.Continue(t.Context(), n/2, text, n, skip); err == nil || !strings.Contains(err.Error(), "last image ends at") {
			t.Errorf("%s: rewound into the image: %v", name, err)
		}
		if err := e.Continue(t.Context(), 0, text, n, skip); err != nil || e.Position() != len(text) {
			t.Errorf("%s: text after an image: %v", name, err)
		}
	}
}
