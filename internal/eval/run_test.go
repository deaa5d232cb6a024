package eval

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// prose is a text of many tokens.
func prose(repeats int) Text {
	return Text{Name: "prose.txt", Data: []byte(strings.Repeat("The keeper of the light counts the ships that pass at night. ", repeats))}
}

// TestPerplexityOfAUniformModel is the size of its vocabulary, whatever the text.
func TestPerplexityOfAUniformModel(t *testing.T) {
	f := newFake(t, nil)
	for _, batch := range []int{0, 1, 7} {
		f.batch = batch
		r, err := Run(t.Context(), f, nil, Plan{Texts: []Text{prose(40)}, Window: 64})
		if err != nil {
			t.Fatal(err)
		}
		got := r.Texts[0]
		if p := got.Perplexity; math.Abs(p.Value-float64(f.info.Vocabulary)) > 1e-9 || *p.Error > 1e-9 || p.N != got.Scored {
			t.Errorf("perplexity %+v, want %d", p, f.info.Vocabulary)
		}
		if got.Windows != got.Tokens/64 || got.Scored != 31*got.Windows || got.Divergence != nil {
			t.Errorf("%+v", got)
		}
	}
}

// TestPerplexityScoresWhatTheProtocolSays has a model that knows only when it is asked: it
// gives the right next token half of all probability at the scored positions, and none at all
// at others.
func TestPerplexityScoresWhatTheProtocolSays(t *testing.T) {
	const window = 64
	f := newFake(t, nil)
	text := prose(40)
	tokens := tokenize(f.tokenizer, text)
	asked := 0
	number := -1
	f.logits = func(sequence []int32, row []float32) {
		at := len(sequence) - 1
		if at == window/2 {
			number++
		}
		if at < window/2 || at > window-2 {
			t.Fatalf("position %d is asked for", at)
		}
		asked++
		row[tokens[number*window+at+1]] = float32(math.Log(float64(f.info.Vocabulary - 1)))
		if want := tokens[number*window : number*window+at+1]; !slices.Equal(sequence, want) {
			t.Fatalf("window %d, position %d: not the text's tokens", number, at)
		}
	}
	r, err := Run(t.Context(), f, nil, Plan{Texts: []Text{text}, Window: window})
	if err != nil || math.Abs(r.Texts[0].Perplexity.Value-2) > 1e-6 || asked != r.Texts[0].Scored {
		t.Errorf("%v, %v; %d positions", r.Texts[0].Perplexity, err, asked)
	}
}

func TestWindowsBeginWithBOS(t *testing.T) {
	f := newFake(t, nil)
	w, err := newWindows(f.tokenizer, prose(40), 64)
	if err != nil {
		t.Fatal(err)
	}
	if f.tokenizer.AddsBOS() != (w.bos >= 0) {
		t.Errorf("BOS is %d", w.bos)
	}
	w.bos = 5
	second := w.window(1)
	if second[0] != 5 || !slices.Equal(second[1:], w.tokens[65:128]) || w.tokens[64] == 5 {
		t.Error("the first token of a window is not replaced, or the text is changed")
	}
}

// TestALineFeedAtTheEndDoesNotCount, as in llama.cpp's tool; a second one does.
func TestALineFeedAtTheEndDoesNotCount(t *testing.T) {
	f := newFake(t, nil)
	n := func(text string) int { return len(tokenize(f.tokenizer, Text{Data: []byte(text)})) }
	if n("a b\n") != n("a b") || n("a b\n\n") != n("a b\n")+1 {
		t.Errorf("%d, %d, %d tokens", n("a b"), n("a b\n"), n("a b\n\n"))
	}
}

// TestDivergenceOfKnownModels has an original that thinks all tokens equal and a model that
// gives token 0 e times the probability of the others.
func TestDivergenceOfKnownModels(t *testing.T) {
	base := newFake(t, nil)
	model := newFake(t, func(_ []int32, row []float32) { row[0] = 1 })
	base.batch, model.batch = 5, 3
	r, err := Run(t.Context(), model, base, Plan{Texts: []Text{prose(40)}, Window: 64})
	if err != nil {
		t.Fatal(err)
	}
	v := float64(base.info.Vocabulary)
	total := v - 1 + math.E
	d := r.Texts[0].Divergence
	kl := math.Log(total) - math.Log(v) - 1/v
	for _, c := range []struct {
		name string
		got  Figure
		want float64
	}{
		{"perplexity", r.Texts[0].Perplexity, total}, {"of the original", d.BasePerplexity, v}, {"ratio", d.Ratio, total / v},
		{"ln ratio", d.LogRatio, math.Log(total / v)}, {"KL", d.KL.Mean, kl}, {"median KL", d.KL.Median(), kl}, {"99 %", d.KL.At(0.99), kl},
		{"same top", d.SameTop, 1}, {"Δp", d.DeltaP.Mean, 1/total - 1/v}, {"RMS Δp", d.RMS, 1/v - 1/total},
	} {
		if math.Abs(c.got.Value-c.want) > 1e-9*(1+math.Abs(c.want)) || c.got.N != r.Texts[0].Scored {
			t.Errorf("%s: %v of %d, want %v", c.name, c.got.Value, c.got.N, c.want)
		}
	}
}

// TestTinyModels runs the engine: a model is no distance from itself, more bits are nearer,
// and perplexity does not depend on whether an original runs beside.
func TestTinyModels(t *testing.T) {
	load := func(ref string) Model {
		e, err := engine.Load(ref, engine.Options{Context: 128})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
		return e
	}
	base := load(tinyFile(t, tensor.F32))
	var last float64
	for _, format := range []tensor.DType{tensor.F32, tensor.Q8_0, tensor.Q4_0} {
		ref := format.String()
		model := load(tinyFile(t, format))
		plan := Plan{Texts: []Text{prose(20)}, Window: 128}
		paired, err := Run(t.Context(), model, base, plan)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := Run(t.Context(), model, nil, plan)
		if err != nil {
			t.Fatal(err)
		}
		a, p, kl := alone.Texts[0].Perplexity.Value, paired.Texts[0].Perplexity.Value, paired.Texts[0].Divergence.KL.Mean.Value
		if math.Abs(a/p-1) > 1e-3 || !(a > 10) {
			t.Errorf("%s: perplexity %v alone, %v beside the original", ref, a, p)
		}
		if format == tensor.F32 && kl > 1e-9 {
			t.Errorf("KL of the model with itself is %v", kl)
		}
		if kl < last {
			t.Errorf("%s: KL %v, with more bits %v", ref, kl, last)
		}
		last = kl
	}
}

// TestRandomWeightsHaveNoAccuracy, whether made in memory or read from a file.
func TestRandomWeightsHaveNoAccuracy(t *testing.T) {
	for _, ref := range []string{"shape:tiny@q8_0", tinyFile(t, tensor.Q8_0)} {
		e, err := engine.Load(ref, engine.Options{Context: 128})
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), e, e, Plan{Texts: []Text{prose(20)}, Window: 64})
		if err != nil || len(r.Doubts) != 2 || !strings.Contains(r.Doubts[0], "random weights") {
			t.Errorf("%s: doubts %q, %v", ref, r.Doubts, err)
		}
		_, err = Run(t.Context(), e, nil, Plan{Tasks: []Task{{Kind: Choice, Prompt: "x", Choices: []string{"a", "b"}}}})
		if err == nil || !strings.Contains(err.Error(), "random weights") {
			t.Errorf("%s: tasks: %v", ref, err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	random := newFake(t, nil)
	random.info.Meaningless = true
	broken := newFake(t, func(sequence []int32, row []float32) {
		if len(sequence) == 41 {
			row[3] = float32(math.Inf(1))
		}
	})
	apart := newFake(t, func(sequence []int32, row []float32) { row[0] = 1e30 })
	other := newFake(t, nil)
	other.info.Vocabulary++
	reference := []Reference{{Prompt: "x", Texts: []string{"y"}, MaxTokens: 1}}
	text := Plan{Texts: []Text{prose(40)}, Window: 64}
	for _, c := range []struct {
		name        string
		model, base Model
		plan        Plan
		want        string
	}{
		{"nothing", newFake(t, nil), nil, Plan{}, "nothing to evaluate"},
		{"random weights", random, nil, Plan{References: reference}, "fake has random weights"},
		{"a random original", newFake(t, nil), random, Plan{References: reference}, "random weights"},
		{"a short text", newFake(t, nil), nil, Plan{Texts: []Text{prose(1)}}, "needs at least 1024"},
		{"no text", newFake(t, nil), nil, Plan{Texts: []Text{{Name: "empty.txt"}}}, "empty.txt: "},
		{"large windows", newFake(t, nil), nil, Plan{Texts: []Text{prose(40)}, Window: 4096}, "windows of 4096 tokens"},
		{"small windows", newFake(t, nil), nil, Plan{Texts: []Text{prose(40)}, Window: 3}, "windows of 3 tokens"},
		{"trimming all", newFake(t, nil), nil, Plan{References: reference, Trim: 0.5}, "0.5"},
		{"another vocabulary", newFake(t, nil), other, text, "one of"},
		{"logits far apart", apart, nil, text, "prose.txt: the perplexity comes to +Inf"},
		{"an infinite logit", broken, nil, text, "prose.txt: window 1 (tokens 0 to 63): position 40: the logit of token 3 is +Inf"},
		{"an infinite logit of the original", newFake(t, nil), broken, text, "position 40: of the original: the logit of token 3"},
	} {
		if _, err := Run(t.Context(), c.model, c.base, c.plan); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestTasks has a model that answers one of two tasks, and an original that answers both.
func TestTasks(t *testing.T) {
	tasks := []Task{
		{Kind: Answer, Prompt: "What is red?", Answers: []string{"The ball"}, MaxTokens: 40, Stop: []string{"\n"}, Group: "colours", Where: "t:1"},
		{Kind: Answer, Prompt: "Where is it?", Answers: []string{"at home", "in the big house"}, MaxTokens: 40, Stop: []string{"\n"}, Where: "t:2"},
		{Kind: Choice, Prompt: "What is red?", Choices: []string{" ball", " house"}, Right: 0, Where: "t:3"},
	}
	says := func(text string) *fake { return parrot(t, "What is red?", text) }
	if a, b := len(promptTokens(says(""), tasks[0].Prompt)), len(promptTokens(says(""), tasks[1].Prompt)); a != b {
		t.Fatalf("prompts of %d and %d tokens: the parrot counts", a, b)
	}
	told := 0
	plan := Plan{Tasks: tasks, Progress: func(what string, done, all int) {
		if what != "tasks" || done != told || all != 6 {
			t.Errorf("told of %s %d of %d after %d", what, done, all, told)
		}
		told++
	}}
	r, err := Run(t.Context(), says(" ball\n"), says(" house at home\n"), plan)
	if err != nil {
		t.Fatal(err)
	}
	if told != 7 || len(r.Tasks.Answers) != 2 || len(r.Tasks.Choices) != 1 {
		t.Fatalf("told %d times: %+v", told, r.Tasks)
	}
	if got := r.Tasks.Answers[0].Texts; !slices.Equal(got, []string{"ball", "house at home"}) {
		t.Errorf("answers %q", got)
	}
	values := map[string][2]float64{}
	for _, s := range r.Tasks.Scores {
		values[string(s.Metric)+s.Group] = [2]float64{s.Model.Value, s.Base.Value}
		if math.Abs(s.Difference.Value-(s.Model.Value-s.Base.Value)) > 1e-12 || s.Model.N != s.Difference.N {
			t.Errorf("%+v", s)
		}
	}
	want := map[string][2]float64{
		"choice_accuracy": {1, 0}, "choice_accuracy_raw": {1, 0}, "exact_match": {0.5, 0}, "exact_matchcolours": {1, 0},
		"f1": {0.5, 0.4}, "f1colours": {1, 0},
	}
	for name, v := range want {
		got, ok := values[name]
		if !ok || math.Abs(got[0]-v[0]) > 1e-12 || math.Abs(got[1]-v[1]) > 1e-12 {
			t.Errorf("%s: %v, want %v", name, got, v)
		}
	}
	if len(values) != len(want) {
		t.Errorf("scores %v", values)
	}
}

// letterEmbedder embeds a text as the counts of its letters a to z.
type letterEmbedder struct{ asked [][]string }

func (letterEmbedder) Name() string { return "letters" }

func (e *letterEmbedder) Embed(_ context.Context, texts []string) (out [][]float32, err error) {
	e.asked = append(e.asked, texts)
	for _, text := range texts {
		v := make([]float32, 27)
		v[26] = 0.1
		for _, r := range text {
			if r >= 'a' && r <= 'z' {
				v[r-'a']++
			}
		}
		out = append(out, v)
	}
	return out, nil
}

func TestReferences(t *testing.T) {
	refs := []Reference{
		{Prompt: "What is red?", Texts: []string{"nothing", "the ball"}, MaxTokens: 40, Where: "r:1"},
		{Prompt: "What is red?", Texts: []string{"abcd"}, MaxTokens: 40, Where: "r:2"},
		{Prompt: "What is red?", Texts: []string{"the ball", "xyz"}, MaxTokens: 40, Where: "r:3"},
	}
	e := &letterEmbedder{}
	m := parrot(t, refs[0].Prompt, " the ball")
	silent := parrot(t, refs[0].Prompt, "")
	r, err := Run(t.Context(), m, silent, Plan{References: refs, Embedder: e, Trim: 0.34})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.asked) != 1 || len(e.asked[0]) != 4 || slices.Contains(e.asked[0], "") {
		t.Errorf("embedded %q", e.asked)
	}
	a := r.References.Answers
	if a[0].Cosine[0] != 1 || a[0].ChrF[0] != 1 || a[0].Cosine[1] != 0 || a[0].ChrF[1] != 0 || !(a[1].Cosine[0] > 0 && a[1].Cosine[0] < 1) {
		t.Errorf("%+v", a)
	}
	var names []string
	for _, s := range r.References.Scores {
		names = append(names, s.name())
		switch {
		case s.Trim == 0 && math.Abs(s.Model.Value-stat3(a, s.Metric)) > 1e-12, s.Trim > 0 && s.Model.Value != 1:
			t.Errorf("%s: %v", s.name(), s.Model.Value)
		}
	}
	if want := []string{"chrF2", "chrF2, trimmed by 34 %", "cosine", "cosine, trimmed by 34 %"}; !slices.Equal(names, want) {
		t.Errorf("scores %q", names)
	}
	if d := strings.Join(r.References.Scores[2].Base.Doubts, "; "); !strings.Contains(d, "3 answers are empty") {
		t.Errorf("doubts %s", d)
	}
	r, err = Run(t.Context(), m, nil, Plan{References: refs})
	if err != nil || len(r.References.Scores) != 1 || r.References.Answers[0].Cosine != nil {
		t.Errorf("without an embedder: %+v, %v", r.References, err)
	}
}

// stat3 is the mean of the model's values of three answers.
func stat3(answers []ReferenceResult, metric Metric) (mean float64) {
	for _, a := range answers {
		v := a.ChrF[0]
		if metric == MetricCosine {
			v = a.Cosine[0]
		}
		mean += v / 3
	}
	return mean
}
