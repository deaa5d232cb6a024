package imaging

import (
	"strings"
	"testing"
)

func TestParseClamp(t *testing.T) {
	type parsed struct {
		k      Clamp
		pixels int
	}
	for text, want := range map[string]parsed{
		"tokens:256":        {Clamp{Policy: PolicyTokens, MaxTokens: 256}, 0},
		"tokens:16-256":     {Clamp{Policy: PolicyTokens, MinTokens: 16, MaxTokens: 256}, 0},
		"longest-side:1024": {Clamp{Policy: PolicyLongestSide, LongestSide: 1024}, 0},
		"pixels:501760":     {Clamp{}, 501760},
	} {
		k, pixels, err := ParseClamp(text)
		if got := (parsed{k, pixels}); err != nil || got != want {
			t.Errorf("%s reads as %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "want tokens", "tokens": "want tokens", "tokens:": "want", "tokens:0": "want", "tokens:9-3": "smaller number first", "tokens:-5": "want",
		"longest-side:1-2": "want", "pixels:1e9": "want", "pixels:99999999999": "want", "area:5": "want",
	} {
		if _, _, err := ParseClamp(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", text, err, want)
		}
	}
}

func TestWithClamp(t *testing.T) {
	model := Clamp{Policy: PolicyTokens, MinTokens: 8, MaxTokens: 4096}
	base := Contract{Family: FamilyDynamic, Patch: 14, Merge: 2, Clamp: model, Filter: FilterBilinear, Std: [3]float32{1, 1, 1}}
	cases := []struct {
		name   string
		in     Clamp
		pixels int
		want   Clamp
	}{
		{"nothing", Clamp{}, 0, model},
		{"policy alone", Clamp{Policy: PolicyTokens}, 0, model},
		{"maximum", Clamp{MaxTokens: 256}, 0, Clamp{MinTokens: 8, MaxTokens: 256}},
		{"maximum below the minimum", Clamp{MaxTokens: 4}, 0, Clamp{MinTokens: 4, MaxTokens: 4}},
		{"minimum", Clamp{MinTokens: 16}, 0, Clamp{MinTokens: 16, MaxTokens: 4096}},
		{"pixels", Clamp{}, 784*100 + 1, Clamp{MinTokens: 8, MaxTokens: 100}},
		{"longest side", Clamp{Policy: PolicyLongestSide, LongestSide: 512}, 0, Clamp{Policy: PolicyLongestSide, LongestSide: 512}},
		{"longest side by default", Clamp{Policy: PolicyLongestSide}, 0, Clamp{Policy: PolicyLongestSide, LongestSide: 1024}},
	}
	for _, c := range cases {
		got, err := base.WithClamp(c.in, c.pixels)
		if err != nil || got.Clamp != c.want {
			t.Errorf("%s: %+v (%v), want %+v", c.name, got.Clamp, err, c.want)
		}
	}
	refused := []struct {
		in     Clamp
		pixels int
		want   string
	}{
		{Clamp{MaxTokens: 10}, 10000, "only one"},
		{Clamp{}, 783, "784"},
		{Clamp{}, -1, "784"},
		{Clamp{MinTokens: 9, MaxTokens: 8}, 0, "at least 9"},
		{Clamp{Policy: "area"}, 0, "area"},
	}
	for _, c := range refused {
		if _, err := base.WithClamp(c.in, c.pixels); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v, %d pixels: %v, want an error with %q", c.in, c.pixels, err, c.want)
		}
	}
}
