package eval

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// DefaultWindow is the tokens of a window where none are named, as in llama.cpp's tool.
const DefaultWindow = 512

// MaxText bounds a text, in bytes.
const MaxText = 256 << 20

// Text is what perplexity is measured on.
type Text struct {
	Name string
	Data []byte
}

// TextResult is what one text came to.
type TextResult struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	Bytes   int    `json:"bytes"`
	Tokens  int    `json:"tokens"`
	Window  int    `json:"window"` // tokens of one
	Windows int    `json:"windows"`
	Scored  int    `json:"scored"` // tokens whose likelihood counts
	// Perplexity is exp of the mean −ln p of the scored tokens.
	Perplexity Figure `json:"perplexity"`
	// Divergence compares with the original; nil when none is named.
	Divergence *Divergence `json:"divergence,omitempty"`
}

// Divergence is how far a model is from an original, over the scored tokens.
type Divergence struct {
	BasePerplexity Figure `json:"base_perplexity"`
	// LogRatio is ln(perplexity / perplexity of the original), paired token by token, and Ratio
	// its exponential.
	LogRatio Figure `json:"ln_ratio"`
	Ratio    Figure `json:"ratio"`
	// KL is of the model's distribution from the original's, Σ p_base ln(p_base/p), in nats.
	KL Distribution `json:"kl"`
	// SameTop is the share of positions where both think the same token the likeliest.
	SameTop Figure `json:"same_top"`
	// DeltaP is p − p_base of the token that follows.
	DeltaP Distribution `json:"delta_p"`
	RMS    Figure       `json:"delta_p_rms"`
}

// Distribution describes values of tokens.
type Distribution struct {
	Mean      Figure     `json:"mean"`
	Min       float64    `json:"min"`
	Max       float64    `json:"max"`
	Quantiles []Quantile `json:"quantiles"`
}

// Quantile is the value that a share of all does not exceed.
type Quantile struct {
	Q float64 `json:"q"`
	Figure
}

// Median returns the quantile at one half.
func (d Distribution) Median() Figure { return d.At(0.5) }

// At returns the quantile at q, which must be one of Quantiles.
func (d Distribution) At(q float64) Figure {
	i := slices.IndexFunc(d.Quantiles, func(x Quantile) bool { return x.Q == q })
	if i < 0 {
		panic(fmt.Sprintf("eval: no quantile %v", q))
	}
	return d.Quantiles[i].Figure
}

// windows cuts the tokens of a text as llama.cpp's perplexity tool does: side by side, of
// equal size, a rest at the end left out. In each the first half is only context; of the
// second half every token but the first is scored, since a position scores its successor.
// Where the vocabulary adds BOS, it stands in the place of each window's first token.
type windows struct {
	tokens      []int32
	size, first int
	bos         int32 // -1: none
}

// tokenize makes the tokens of a text. As in llama.cpp's tool one line feed at the end of a
// file does not count, and special tokens are added but not read.
func tokenize(t *tokenizer.Tokenizer, text Text) []int32 {
	data := strings.TrimSuffix(string(text.Data), "\n")
	return t.Encode(data, tokenizer.EncodeOptions{AddSpecial: true})
}

func newWindows(t *tokenizer.Tokenizer, text Text, size int) (windows, error) {
	w := windows{tokens: tokenize(t, text), size: size, first: size / 2, bos: -1}
	if n := len(w.tokens); n < 2*size {
		return w, fmt.Errorf("%s: %d tokens: perplexity in windows of %d needs at least %d; take a longer text or smaller windows (--window)", text.Name, n, size, 2*size)
	}
	if t.AddsBOS() {
		w.bos = t.BOS()
	}
	return w, nil
}

func (w windows) count() int     { return len(w.tokens) / w.size }
func (w windows) perWindow() int { return w.size - 1 - w.first }

// window returns the tokens of window i, which the caller may keep.
func (w windows) window(i int) []int32 {
	tokens := slices.Clone(w.tokens[i*w.size : (i+1)*w.size])
	if w.bos >= 0 {
		tokens[0] = w.bos
	}
	return tokens
}

// checkWindow says whether a model can run windows of that size.
func checkWindow(m Model, size int) error {
	if size < 4 || size > m.Info().Context {
		return fmt.Errorf("windows of %d tokens: %s runs 4 to %d (--window, --context)", size, m.Info().Name, m.Info().Context)
	}
	return nil
}

// evalText measures one text.
func (r *runner) evalText(ctx context.Context, text Text) (TextResult, error) {
	w, err := newWindows(r.model.Tokenizer(), text, r.plan.Window)
	if err != nil {
		return TextResult{}, err
	}
	hash := sha256.Sum256(text.Data)
	out := TextResult{
		Name: text.Name, SHA256: hex.EncodeToString(hash[:]), Bytes: len(text.Data), Tokens: len(w.tokens),
		Window: w.size, Windows: w.count(), Scored: w.count() * w.perWindow(),
	}
	s := &scored{windows: w}
	if r.base != nil {
		if err := sameTokens(r.base, text, w.tokens); err != nil {
			return out, err
		}
	}
	for i := range w.count() {
		r.tell(text.Name, i, w.count())
		if err := r.window(ctx, s, i); err != nil {
			return out, fmt.Errorf("%s: window %d (tokens %d to %d): %w", text.Name, i+1, i*w.size, (i+1)*w.size-1, err)
		}
	}
	r.tell(text.Name, w.count(), w.count())
	if err := s.summarize(&out, r.base != nil); err != nil {
		return out, fmt.Errorf("%s: %w", text.Name, err)
	}
	return out, nil
}

// sameTokens demands that the original reads the text as the model does.
func sameTokens(base Model, text Text, tokens []int32) error {
	other := tokenize(base.Tokenizer(), text)
	for i := range max(len(tokens), len(other)) {
		if i >= len(tokens) || i >= len(other) || tokens[i] != other[i] {
			return fmt.Errorf("%s: the original's tokens differ from the model's at token %d: their divergence is not defined; compare models of one vocabulary", text.Name, i)
		}
	}
	return nil
}

// scored collects the values of the scored tokens.
type scored struct {
	windows
	nll, nllBase, kl, dp, same []float64
}

// window scores window i. With an original both run it in steps of as many tokens as the
// logits of one may be in memory, so that the memory does not grow with the vocabulary.
func (r *runner) window(ctx context.Context, s *scored, i int) error {
	tokens := s.window(i)
	last := s.size - 1 // its logits predict nothing in this window
	vocab := r.model.Info().Vocabulary
	results := make([]divergence, s.perWindow())
	score := func(first int, rows, base []float32) error {
		return eachRow(rows, vocab, r.model.Info().Threads, func(j int, row []float32) (err error) {
			d, target := &results[first+j-s.first], tokens[first+j+1]
			if base != nil {
				*d, err = diverge(base[j*vocab:(j+1)*vocab], row, target)
				return at(first+j, err)
			}
			l, err := sum(row)
			d.nll = l.log - float64(row[target])
			return at(first+j, err)
		})
	}
	var err error
	if r.base == nil {
		err = r.model.Continue(ctx, 0, tokens[:last], s.first, func(first int, rows []float32) error { return score(first, rows, nil) })
	} else {
		err = r.lockstep(ctx, tokens[:last], s.first, score)
	}
	if err != nil {
		return err
	}
	for _, d := range results {
		s.nll = append(s.nll, d.nll)
		if r.base != nil {
			same := 0.0
			if d.sameTop {
				same = 1
			}
			s.nllBase, s.kl, s.dp, s.same = append(s.nllBase, d.nllBase), append(s.kl, d.kl), append(s.dp, d.dp), append(s.same, same)
		}
	}
	return nil
}

// blockBytes bounds the logits of the original that wait for the model's.
const blockBytes = 64 << 20

// lockstep runs tokens through the original and the model block by block and hands both
// rows of the positions from on to score.
func (r *runner) lockstep(ctx context.Context, tokens []int32, from int, score func(first int, rows, base []float32) error) error {
	vocab := r.model.Info().Vocabulary
	block := max(1, min(len(tokens), blockBytes/(4*vocab)))
	skip := func(int, []float32) error { return nil }
	for _, m := range []Model{r.base, r.model} {
		if err := m.Continue(ctx, 0, tokens[:from], from, skip); err != nil {
			return err
		}
	}
	for start := from; start < len(tokens); start += block {
		part := tokens[start:min(start+block, len(tokens))]
		r.rows = r.rows[:0]
		err := r.base.Continue(ctx, start, part, start, func(_ int, rows []float32) error {
			r.rows = append(r.rows, rows...)
			return nil
		})
		if err != nil {
			return fmt.Errorf("the original: %w", err)
		}
		err = r.model.Continue(ctx, start, part, start, func(first int, rows []float32) error {
			return score(first, rows, r.rows[(first-start)*vocab:])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// summarize turns the values into figures.
func (s *scored) summarize(out *TextResult, paired bool) (err error) {
	mean := func(values []float64) Figure {
		f, e := tokenMean(values, s.perWindow())
		if err == nil {
			err = e
		}
		return f
	}
	out.Perplexity = mean(s.nll).exp()
	if err == nil {
		err = out.Perplexity.finite("perplexity")
	}
	if !paired || err != nil {
		return err
	}
	d := &Divergence{BasePerplexity: mean(s.nllBase).exp(), SameTop: mean(s.same)}
	ratios, squares := make([]float64, len(s.nll)), make([]float64, len(s.nll))
	for i := range s.nll {
		ratios[i], squares[i] = s.nll[i]-s.nllBase[i], s.dp[i]*s.dp[i]
	}
	d.LogRatio, d.RMS = mean(ratios), mean(squares).sqrt()
	d.Ratio = d.LogRatio.exp()
	d.KL = s.distribution(mean(s.kl), s.kl, 0.001, 0.01, 0.05, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999)
	d.DeltaP = s.distribution(mean(s.dp), s.dp, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
	out.Divergence = d
	return cmp.Or(err, d.BasePerplexity.finite("perplexity of the original"), d.Ratio.finite("ratio of perplexities"))
}

func (s *scored) distribution(mean Figure, values []float64, levels ...float64) Distribution {
	sorted := slices.Sorted(slices.Values(values))
	d := Distribution{Mean: mean, Min: sorted[0], Max: sorted[len(sorted)-1]}
	for _, q := range levels {
		d.Quantiles = append(d.Quantiles, Quantile{q, tokenQuantile(values, sorted, s.perWindow(), q)})
	}
	return d
}
