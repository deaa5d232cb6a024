package eval

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/stat"
)

// drawnLimits draws answers that are right with 95 % under the model's own limit; under the others
// so many of the right ones are lost.
func drawnLimits(t *testing.T, n int, lost ...float64) LimitsResult {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	out := LimitsResult{Tasks: n, Margin: LimitMargin}
	own := make([]bool, n)
	for i := range own {
		own[i] = rng.Float64() < 0.95
	}
	for k, share := range append([]float64{0}, lost...) {
		l := LimitAccuracy{Own: k == 0, Clamp: imaging.Clamp{Policy: imaging.PolicyTokens, MaxTokens: 1024 >> k}, Tokens: float64(int(1024) >> k)}
		values := make([]float64, n)
		for i := range own {
			right := own[i] && rng.Float64() >= share
			l.right, values[i] = append(l.right, right), truth(right)
		}
		l.Accuracy = Figure{Value: stat.Mean(values), CI: &stat.Interval{}}
		if k > 0 {
			d, err := stat.ComparePaired(own, l.right)
			if err != nil {
				t.Fatal(err)
			}
			l.Difference = &d
		}
		out.Limits = append(out.Limits, l)
	}
	out.choose()
	return out
}

func TestSmallestLimit(t *testing.T) {
	for _, c := range []struct {
		name     string
		n        int
		lost     []float64
		smallest int
		settled  bool
		says     string
	}{
		{"two hold, the third does not", 20_000, []float64{0, 0.002, 0.2}, 2, true, "is tokens:256, 256 tokens an image"},
		{"none holds", 20_000, []float64{0.1, 0.2}, 0, true, "No limit below the model's own"},
		{"one that holds below one that does not", 20_000, []float64{0.1, 0}, 0, true, "No limit"},
		{"too few tasks", 200, []float64{0}, 1, false, "Doubt: 200 tasks cannot tell 1 point"},
	} {
		out := drawnLimits(t, c.n, c.lost...)
		text := strings.Join(out.Lines(), "\n")
		if out.Smallest != c.smallest || out.Settled != c.settled || !strings.Contains(text, c.says) || (out.Needed > 0) == c.settled {
			t.Errorf("%s: %+v\n%s", c.name, out, text)
		}
	}
}

func TestLimits(t *testing.T) {
	m := loadTrained(t, "shape:tiny-qwen2vl@q8_0")
	tasks, err := ReadTasksFile(pictureTasks(t, `
{"type": "choice", "prompt": "Which?", "image": "a.png", "choices": [" red", " green"], "answer": 0}
{"type": "answer", "prompt": "What is it?", "image": "b.png", "answers": ["4"], "max_tokens": 2}
`))
	if err != nil {
		t.Fatal(err)
	}
	before := m.Info().Vision.Clamp
	out, err := Limits(t.Context(), m, tasks, []imaging.Clamp{{MaxTokens: 16}}, nil)
	if err != nil || len(out.Limits) != 2 || !(out.Limits[1].Tokens <= 16) || !(out.Limits[0].Tokens > 16) || len(out.Limits[0].right) != 2 || out.Limits[1].Difference.N != 2 {
		t.Errorf("%+v, %v", out, err)
	}
	if m.Info().Vision.Clamp != before {
		t.Errorf("the limit afterwards is %v", m.Info().Vision.Clamp)
	}
	if _, err := Limits(t.Context(), m, []Task{{Kind: Answer, Prompt: "x"}}, nil, nil); err == nil || !strings.Contains(err.Error(), "asks about an image") {
		t.Errorf("%v", err)
	}
}
