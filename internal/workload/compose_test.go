package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// pieceTokenizer splits text into pieces of at most size bytes. With spaces set, a piece
// never crosses the beginning of a word (as byte-pair encodings pre-split text); without,
// pieces run across words, so that the counts of sentences do not add up.
type pieceTokenizer struct {
	size   int
	spaces bool
	bos    bool
	ids    map[string]int32
	pieces []string
	calls  int
}

func newPieces(size int, spaces, bos bool) *pieceTokenizer {
	return &pieceTokenizer{size: size, spaces: spaces, bos: bos, ids: map[string]int32{"": 0}, pieces: []string{""}}
}

func (p *pieceTokenizer) Tokenize(_ context.Context, text string) ([]int32, error) {
	p.calls++
	var out []int32
	if p.bos {
		out = append(out, 0)
	}
	for text != "" {
		n := min(p.size, len(text))
		if p.spaces {
			if i := strings.IndexAny(text[1:], " ."); i >= 0 {
				n = min(n, i+1)
			}
		}
		piece := text[:n]
		id, ok := p.ids[piece]
		if !ok {
			id = int32(len(p.pieces))
			p.ids[piece] = id
			p.pieces = append(p.pieces, piece)
		}
		out, text = append(out, id), text[n:]
	}
	return out, nil
}

func (p *pieceTokenizer) Detokenize(_ context.Context, ids []int32) (string, error) {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(p.pieces[id])
	}
	return b.String(), nil
}

func tokenizers() map[string]func() *pieceTokenizer {
	return map[string]func() *pieceTokenizer{
		"bytes":          func() *pieceTokenizer { return newPieces(1, true, false) },
		"pieces":         func() *pieceTokenizer { return newPieces(4, true, false) },
		"words, BOS":     func() *pieceTokenizer { return newPieces(100, true, true) },
		"across words":   func() *pieceTokenizer { return newPieces(5, false, true) },
		"half sentences": func() *pieceTokenizer { return newPieces(23, false, false) },
	}
}

func TestComposeIsExact(t *testing.T) {
	for name, fresh := range tokenizers() {
		t.Run(name, func(t *testing.T) {
			tok := fresh()
			c := NewComposer(tok)
			rapid.Check(t, func(t *rapid.T) {
				n := rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(41, 700)).Draw(t, "n")
				degree := rapid.SampledFrom(Complexities()).Draw(t, "complexity")
				p, err := c.Compose(t.Context(), degree, n, rapid.Uint64().Draw(t, "seed"))
				if err != nil {
					t.Fatal(err)
				}
				if len(p.Tokens) != n || p.Complexity != degree || len(p.Hash) != 16 {
					t.Fatalf("wanted %d tokens: got %d, %s, hash %q", n, len(p.Tokens), p.Complexity, p.Hash)
				}
				again, _ := tok.Tokenize(t.Context(), p.Text)
				if exact := slices.Equal(again, p.Tokens); exact != p.TextExact {
					t.Fatalf("text gives its ids back: %v, recorded: %v", exact, p.TextExact)
				}
			})
		})
	}
}

// At lengths that sweeps use, the text is whole sentences and gives back exactly its ids.
func TestComposeEndsInWholeSentences(t *testing.T) {
	for _, name := range []string{"pieces", "words, BOS"} {
		c := NewComposer(tokenizers()[name]())
		for _, degree := range Complexities() {
			for _, n := range []int{64, 100, 128, 256, 333, 1024, 4096} {
				p, err := c.Compose(t.Context(), degree, n, uint64(n))
				if err != nil {
					t.Fatal(err)
				}
				if !p.TextExact || !strings.HasSuffix(p.Text, ".") && !strings.HasSuffix(p.Text, "?") {
					t.Errorf("%s, %s, %d tokens: exact %v, ends in %q", name, degree, n, p.TextExact, p.Text[len(p.Text)-20:])
				}
			}
		}
	}
}

func TestComposeIsDeterministic(t *testing.T) {
	make := func(seed uint64) Prompt {
		p, err := NewComposer(newPieces(4, true, true)).Compose(t.Context(), Medium, 200, seed)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	a, b, other := make(1), make(1), make(2)
	if a.Text != b.Text || a.Hash != b.Hash {
		t.Error("the same seed gives different prompts")
	}
	if a.Hash == other.Hash {
		t.Error("different seeds give the same prompt")
	}
}

// What a composer made before does not change what it makes next.
func TestComposerKeepsNoHistory(t *testing.T) {
	tok := newPieces(4, true, false)
	used := NewComposer(tok)
	for n := range 30 {
		if _, err := used.Compose(t.Context(), High, 50+n, uint64(n)); err != nil {
			t.Fatal(err)
		}
	}
	a, err := used.Compose(t.Context(), Low, 128, 9)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewComposer(tok).Compose(t.Context(), Low, 128, 9)
	if err != nil || a.Hash != b.Hash {
		t.Errorf("hash %s after other prompts, %s at first (%v)", a.Hash, b.Hash, err)
	}
}

// A long prompt takes a few dozen calls to the tokenizer, not one per sentence.
func TestComposeAsksSeldom(t *testing.T) {
	tok := newPieces(4, true, false)
	if _, err := NewComposer(tok).Compose(t.Context(), Low, 8192, 1); err != nil {
		t.Fatal(err)
	}
	if tok.calls > 100 {
		t.Errorf("%d calls for one prompt", tok.calls)
	}
}

// broken fails, or gives no tokens at all.
type broken struct{ err error }

func (b broken) Tokenize(context.Context, string) ([]int32, error)   { return nil, b.err }
func (b broken) Detokenize(context.Context, []int32) (string, error) { return "", b.err }

func TestComposeRefuses(t *testing.T) {
	good := newPieces(4, true, false)
	gone := errors.New("server gone")
	for _, c := range []struct {
		tok    Tokenizer
		degree Complexity
		n      int
		want   string
	}{
		{good, Low, 0, "0 tokens"},
		{good, Low, -5, "-5 tokens"},
		{good, Low, MaxTokens + 1, "want 1 to"},
		{good, "", 64, "complexity"},
		{good, "extreme", 64, "extreme"},
		{broken{gone}, Low, 64, "server gone"},
		{broken{}, Low, 64, "tokenizer gives 0 tokens"},
	} {
		_, err := NewComposer(c.tok).Compose(t.Context(), c.degree, c.n, 1)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v of %d tokens: error %v, want it to say %q", c.degree, c.n, err, c.want)
		}
	}
}

func TestExactSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 11).Draw(t, "n")
		costs := rapid.SliceOfN(rapid.IntRange(0, 20), n, n).Draw(t, "costs")
		weights := rapid.SliceOfN(rapid.IntRange(0, 3), n, n).Draw(t, "weights")
		sum := rapid.IntRange(-1, 60).Draw(t, "sum")
		chosen, weight, ok := exactSum(costs, weights, sum)
		least := -1 // by trying all subsets
		for set := range 1 << n {
			total, w := 0, 0
			for i := range costs {
				if set>>i&1 == 1 {
					total, w = total+costs[i], w+weights[i]
				}
			}
			if total == sum && (least < 0 || w < least) {
				least = w
			}
		}
		if ok != (least >= 0) {
			t.Fatalf("found %v, exists %v", ok, least >= 0)
		}
		if !ok {
			return
		}
		total, w := 0, 0
		for i, k := range chosen {
			total, w = total+costs[k], w+weights[k]
			if i > 0 && k >= chosen[i-1] {
				t.Fatalf("order %v", chosen)
			}
		}
		if total != sum || w != least || weight != least {
			t.Fatalf("chose %v of %v for %d with weight %d (said %d); %d would do", chosen, costs, sum, w, weight, least)
		}
	})
}

func ExampleComposer_Compose() {
	prompt, err := NewComposer(newPieces(100, true, false)).Compose(context.Background(), Low, 24, 7)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(prompt.Tokens), prompt.TextExact)
	fmt.Println(prompt.Text)
	// Output:
	// 24 true
	// Box 1180280 is here. I see the bed. The bed is red. This is a bed. So it is.
}
