package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

func TestEncodePromptPlacesImages(t *testing.T) {
	e := load(t, "shape:tiny-qwen2vl@q8_0", Options{})
	ids := func(text string) []int32 {
		return e.Tokenizer().Encode(text, tokenizer.EncodeOptions{ParseSpecial: true})
	}
	one := []int32{ImageToken}
	cases := []struct {
		text   string
		images int
		want   []int32
	}{
		{"look here", 0, ids("look here")},
		{"a <image> b", 0, ids("a <image> b")},
		{"look", 2, slices.Concat(one, one, ids("look"))},
		{"a <image> b", 1, slices.Concat(ids("a "), one, ids(" b"))},
		{"<image><image>", 2, slices.Concat(one, one)},
	}
	for _, c := range cases {
		got, err := e.EncodePrompt(c.text, c.images)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q with %d images: %v (%v), want %v", c.text, c.images, got, err, c.want)
		}
	}
	if _, err := e.EncodePrompt("a <image> b", 2); err == nil || !strings.Contains(err.Error(), "1 times for 2 images") {
		t.Errorf("one marker for two images: %v", err)
	}
}

// The logits of a prompt must lead to the answer that Generate gives.
func TestPromptLogitsBeginTheAnswer(t *testing.T) {
	for _, name := range tinyVLMs {
		e := load(t, name+"q8_0", Options{})
		req := Request{Tokens: []int32{5, ImageToken, 9}, Images: []imaging.RGB{picture(90, 70)}, MaxTokens: 1, IgnoreEOS: true}
		logits, err := e.PromptLogits(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		best := int32(slices.Index(logits, slices.Max(logits)))
		answer, err := e.Generate(t.Context(), req, nil)
		if err != nil || answer.Tokens[0] != best {
			t.Errorf("%s: answer %v (%v), the logits say %d", name, answer.Tokens, err, best)
		}
	}
}

func TestSetClamp(t *testing.T) {
	e := load(t, "shape:tiny-qwen2vl@q8_0", Options{Clamp: imaging.Clamp{MaxTokens: 20}})
	before := e.Info().Vision
	if err := e.SetClamp(imaging.Clamp{}, 10*256); err != nil {
		t.Fatal(err)
	}
	if before.Clamp.MaxTokens != 20 || e.Vision().Clamp.MaxTokens != 10 {
		t.Errorf("clamps %v and %v", before.Clamp, e.Vision().Clamp)
	}
	if err := e.SetClamp(imaging.Clamp{}, 0); err != nil || e.Vision().Clamp.MaxTokens != 4096 {
		t.Errorf("the model's own clamp: %v (%v)", e.Vision().Clamp, err)
	}
	if err := e.SetClamp(imaging.Clamp{MaxTokens: -1}, 0); err == nil {
		t.Error("-1 tokens were accepted")
	}
	if err := load(t, "shape:tiny@q8_0", Options{}).SetClamp(imaging.Clamp{MaxTokens: 5}, 0); err == nil {
		t.Error("a model of text accepted a clamp")
	}
}
