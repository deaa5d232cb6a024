package eval

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// fake is a model whose logits are a function of the tokens so far.
type fake struct {
	info      engine.Info
	tokenizer *tokenizer.Tokenizer
	logits    func(sequence []int32, row []float32)
	sequence  []int32
	batch     int // rows that sink gets at once; 0: all
	ran       int // tokens computed
}

func (f *fake) Info() engine.Info               { return f.info }
func (f *fake) Tokenizer() *tokenizer.Tokenizer { return f.tokenizer }

func (f *fake) Continue(_ context.Context, keep int, tokens []int32, from int, sink func(first int, rows []float32) error) error {
	f.sequence = append(f.sequence[:keep], tokens...)
	f.ran += len(tokens)
	batch := f.batch
	if batch == 0 {
		batch = len(f.sequence)
	}
	for first := max(keep, from); first < len(f.sequence); first += batch {
		n := min(batch, len(f.sequence)-first)
		rows := make([]float32, n*f.info.Vocabulary)
		for i := range n {
			f.logits(f.sequence[:first+i+1], rows[i*f.info.Vocabulary:(i+1)*f.info.Vocabulary])
		}
		if err := sink(first, rows); err != nil {
			return err
		}
	}
	return nil
}

// newFake has the vocabulary of shape:tiny and, without logits, thinks all tokens equal.
func newFake(t testing.TB, logits func(sequence []int32, row []float32)) *fake {
	t.Helper()
	tok, err := engine.LoadTokenizer("shape:tiny@f32")
	if err != nil {
		t.Fatal(err)
	}
	if logits == nil {
		logits = func([]int32, []float32) {}
	}
	return &fake{
		info:      engine.Info{Name: "fake", Vocabulary: tok.Size(), Context: 2048, Threads: 2},
		tokenizer: tok, logits: logits,
	}
}

// parrot continues the prompt with the text, token by token, and then ends the answer.
func parrot(t testing.TB, prompt, text string) *fake {
	t.Helper()
	f := newFake(t, nil)
	start := len(promptTokens(f, prompt))
	ids := f.tokenizer.Encode(text, tokenizer.EncodeOptions{})
	f.logits = func(sequence []int32, row []float32) {
		next := f.tokenizer.EOS()
		if i := len(sequence) - start; i < len(ids) {
			next = ids[i]
		}
		row[next] = 5
	}
	return f
}

func TestAnswer(t *testing.T) {
	const prompt = "What is it?"
	for _, c := range []struct {
		says string
		most int
		stop []string
		want string
	}{
		{" a red ball\nand more", 100, []string{"\n"}, "a red ball"},
		{" a red ball\nand more", 100, nil, "a red ball\nand more"},
		{" a red ball", 100, []string{"\n", "ball"}, "a red"},
		{"ééé", 100, nil, "ééé"},
		{"", 100, nil, ""},
	} {
		got, err := answer(t.Context(), opening{model: parrot(t, prompt, c.says)}, prompt, c.most, c.stop)
		if err != nil || got != c.want {
			t.Errorf("%q until %q: %q, %v; want %q", c.says, c.stop, got, err, c.want)
		}
	}
	f := parrot(t, prompt, strings.Repeat("x", 50))
	got, err := answer(t.Context(), opening{model: f}, prompt, 3, nil)
	if err != nil || f.ran != len(promptTokens(f, prompt))+2 || got == "" {
		t.Errorf("three tokens: %q after %d tokens, %v", got, f.ran, err)
	}
}

func TestAnswerRefuses(t *testing.T) {
	f := newFake(t, nil)
	if _, err := answer(t.Context(), opening{model: f}, "x", 5000, nil); err == nil || !strings.Contains(err.Error(), "context of 2048") {
		t.Errorf("%v", err)
	}
	f.logits = func(sequence []int32, row []float32) { row[7] = float32(math.NaN()) }
	if _, err := answer(t.Context(), opening{model: f}, "hello", 5, nil); err == nil || !strings.Contains(err.Error(), "the logit of token 7 is NaN") {
		t.Errorf("%v", err)
	}
}

// TestChoiceLikelihoods compares the shared computation with one of each choice alone.
func TestChoiceLikelihoods(t *testing.T) {
	f := newFake(t, func(sequence []int32, row []float32) {
		h := uint32(len(sequence))
		for _, id := range sequence {
			h = h*31 + uint32(id)
		}
		for i := range row {
			h = h*1664525 + 1013904223
			row[i] = float32(h>>16) / 16384
		}
	})
	prompt := "Mary has the ball. The ball is with"
	choices := []string{" Mary", " John who lives far away", " M", "."}
	got, err := choiceLikelihoods(t.Context(), opening{model: f}, prompt, choices)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range choices {
		tokens := promptTokens(f, prompt+c)
		want := 0.0
		row := make([]float32, f.info.Vocabulary)
		for n := len(promptTokens(f, prompt)); n < len(tokens); n++ {
			clear(row)
			f.logits(tokens[:n], row)
			s, err := sum(row)
			if err != nil {
				t.Fatal(err)
			}
			want += float64(row[tokens[n]]) - s.log
		}
		if math.Abs(got[i]-want) > 1e-9 {
			t.Errorf("%q: %v, alone %v", c, got[i], want)
		}
	}
}

// TestChoicesOfAUniformModel shows what length does: the raw likelihood favours the fewest
// tokens, per byte the most bytes per token.
func TestChoicesOfAUniformModel(t *testing.T) {
	f := newFake(t, nil)
	task := Task{Kind: Choice, Prompt: "It is", Choices: []string{" a very long text of many words", " q"}}
	var c ChoiceResult
	if err := c.ask(t.Context(), opening{model: f}, task.Prompt, task); err != nil {
		t.Fatal(err)
	}
	p := c.Picked[0]
	if p.Raw != 1 {
		t.Errorf("raw picks %d of %v", p.Raw, p.LogLikelihoods)
	}
	shared := len(promptTokens(f, task.Prompt))
	for i, l := range p.LogLikelihoods {
		tokens := len(promptTokens(f, task.Prompt+task.Choices[i])) - shared
		if want := -float64(tokens) * math.Log(float64(f.info.Vocabulary)); math.Abs(l-want) > 1e-9 {
			t.Errorf("choice %d of %d tokens: %v, want %v", i, tokens, l, want)
		}
	}
}

func TestCommon(t *testing.T) {
	for _, c := range []struct {
		all  [][]int32
		want int
	}{
		{[][]int32{{1, 2, 3}}, 3}, {[][]int32{{1, 2, 3}, {1, 2}}, 2}, {[][]int32{{1, 2}, {1, 3}, {1, 2, 4}}, 1}, {[][]int32{{1}, {2}}, 0}, {[][]int32{{}, {2}}, 0},
	} {
		if got := common(c.all); got != c.want {
			t.Errorf("%v: %d, want %d", c.all, got, c.want)
		}
	}
}

func TestEachRowReturnsTheFirstError(t *testing.T) {
	rows := make([]float32, 400)
	seen := make([]bool, 100)
	err := eachRow(rows, 4, 3, func(i int, row []float32) error {
		seen[i] = true
		if len(row) != 4 {
			t.Errorf("row %d has %d values", i, len(row))
		}
		return nil
	})
	if err != nil || slices.Contains(seen, false) {
		t.Errorf("%v, %v", err, seen)
	}
	err = eachRow(rows, 4, 3, func(i int, _ []float32) error {
		if i == 41 || i == 63 || i == 97 {
			return at(i, context.Canceled)
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "position 41") {
		t.Errorf("%v", err)
	}
}
