package eval

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// example has every part.
func example(t *testing.T, paired bool) Result {
	t.Helper()
	const prompt = "What is red?"
	model := parrot(t, prompt, " the ball")
	var base Model
	if paired {
		base = parrot(t, prompt, " the house")
	}
	r, err := Run(t.Context(), model, base, Plan{
		Texts: []Text{prose(40)}, Window: 64,
		Tasks: []Task{
			{Kind: Choice, Prompt: prompt, Choices: []string{" the ball", " the house"}, Where: "t:1"},
			{Kind: Answer, Prompt: prompt, Answers: []string{"ball"}, MaxTokens: 40, Group: "a long group of colours", Where: "t:2"},
		},
		References: []Reference{{Prompt: prompt, Texts: []string{"the red ball"}, MaxTokens: 40}},
		Embedder:   &letterEmbedder{}, Trim: 0.1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTableKeepsTo80Columns(t *testing.T) {
	for _, paired := range []bool{false, true} {
		var b bytes.Buffer
		if err := example(t, paired).Write(&b, "table"); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%d columns: %s", n, line)
			}
		}
		wants := []string{"perplexity", "exact match", "choices, per byte", "chance 50.0 %", "chrF2, trimmed by 10 %", "cosine: embeddings of letters.", "Doubt of "}
		if paired {
			wants = append(wants, "original", "KL divergence, mean", "same top token", "difference")
		}
		for _, want := range wants {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%q is not in\n%s", want, b.String())
			}
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := example(t, true).Write(&b, "json"); err != nil {
		t.Fatal(err)
	}
	var out struct {
		Schema string
		Texts  []struct {
			Perplexity struct {
				Value float64
				Error float64
				N     int
				CI    *struct{ Lo, Hi float64 }
			}
			Divergence struct {
				KL struct {
					Quantiles []struct{ Q, Value float64 }
				} `json:"kl"`
			}
		}
		Tasks      struct{ Scores []map[string]any }
		References struct{ Scores []map[string]any }
	}
	if err := json.Unmarshal(b.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	p := out.Texts[0].Perplexity
	if out.Schema != Schema || p.N == 0 || p.Value <= 0 || p.CI == nil || len(out.Texts[0].Divergence.KL.Quantiles) != 9 || len(out.Tasks.Scores) != 6 || len(out.References.Scores) != 4 {
		t.Errorf("%s", b.String())
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{{0, "0"}, {5.68312, "5.6831"}, {20061.4, "20061"}, {0.05, "0.050000"}, {1.2345e-7, "1.23e-07"}, {-3.25, "-3.2500"}, {123.456, "123.46"}, {2e9, "2.00e+09"}} {
		if got := number(c.v, ""); got != c.want {
			t.Errorf("%v: %q, want %q", c.v, got, c.want)
		}
	}
	if err := CheckFormat("xml"); err == nil || !strings.Contains(err.Error(), "table, json") {
		t.Errorf("%v", err)
	}
}
