package eval

import (
	"context"
	"fmt"
	"io"
)

// Reference is one line of a file of references: a prompt, and texts that a good answer is
// similar to.
type Reference struct {
	ID, Group string
	Prompt    string
	Texts     []string
	MaxTokens int
	Stop      []string
	Where     string // file and line
}

// defaultReference is the most tokens of an answer where a line does not say.
const defaultReference = 128

// ReadReferences reads references in JSON Lines. Errors name the file, the line and the field.
func ReadReferences(name string, r io.Reader) (list []Reference, err error) {
	seen := ids{}
	err = eachObject(name, r, func(line int, o *object) error {
		ref := Reference{Where: fmt.Sprintf("%s:%d", name, line), ID: o.text("id", false), Group: o.text("group", false)}
		seen.check(o, ref.ID, line)
		ref.Prompt = o.text("prompt", true)
		ref.Texts = o.texts("references", 1, false)
		ref.MaxTokens = o.number("max_tokens", 1, maxAnswer, defaultReference)
		ref.Stop = o.texts("stop", 0, true)
		list = append(list, ref)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// ReferencesResult is what the answers came to beside their references.
type ReferencesResult struct {
	Scores []Score `json:"scores"`
	// Embedder names what the cosines are of; "" where there are none.
	Embedder string            `json:"embedder,omitempty"`
	Answers  []ReferenceResult `json:"answers"`
}

// ReferenceResult is one answer, the model's first and then the original's.
type ReferenceResult struct {
	Item
	Texts  []string  `json:"texts"`
	ChrF   []float64 `json:"chrf2"`            // with the most similar reference
	Cosine []float64 `json:"cosine,omitempty"` // with the most similar reference
}

func (r *runner) evalReferences(ctx context.Context) (*ReferencesResult, error) {
	out := &ReferencesResult{}
	models, refs := r.models(), r.plan.References
	for k, m := range models {
		for i, ref := range refs {
			r.tell("references", k*len(refs)+i, len(models)*len(refs))
			if k == 0 {
				out.Answers = append(out.Answers, ReferenceResult{Item: Item{ID: ref.ID, Group: ref.Group, Where: ref.Where}})
			}
			text, err := answer(ctx, opening{model: m}, ref.Prompt, ref.MaxTokens, ref.Stop)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", ref.Where, m.Info().Name, err)
			}
			best := 0.0
			for _, other := range ref.Texts {
				best = max(best, ChrF(text, other))
			}
			a := &out.Answers[i]
			a.Texts, a.ChrF = append(a.Texts, text), append(a.ChrF, best)
		}
	}
	r.tell("references", len(models)*len(refs), len(models)*len(refs))
	if r.plan.Embedder != nil {
		out.Embedder = r.plan.Embedder.Name()
		if err := out.embed(ctx, r.plan.Embedder, refs); err != nil {
			return nil, err
		}
	}
	var err error
	out.Scores, err = out.scores(len(models), r.plan.Trim)
	return out, err
}

// scores are the plain means and, where a share is to be trimmed, the trimmed ones beside them.
func (out *ReferencesResult) scores(models int, trim float64) ([]Score, error) {
	var tables []*table
	add := func(metric Metric, of func(ReferenceResult) []float64) {
		t := newTable(metric, models)
		for _, a := range out.Answers {
			for k, v := range of(a) {
				t.add(k, a.Group, v)
			}
		}
		if metric == MetricCosine {
			t.doubts = out.emptyDoubt()
		}
		tables = append(tables, t)
		if trim > 0 {
			trimmed := *t
			trimmed.trim = trim
			tables = append(tables, &trimmed)
		}
	}
	add(MetricChrF, func(a ReferenceResult) []float64 { return a.ChrF })
	add(MetricCosine, func(a ReferenceResult) []float64 { return a.Cosine })
	return scoresOf(tables...)
}

// emptyDoubt counts answers without a text, which have no embedding.
func (out *ReferencesResult) emptyDoubt() []string {
	n := 0
	for _, a := range out.Answers {
		for _, text := range a.Texts {
			if text == "" {
				n++
			}
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d answers are empty: they have no embedding and count as cosine 0", n)}
}
